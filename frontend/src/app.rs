//! The app: what is there for every page, and which page is where.

use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::components::Shell;
use crate::components::keys::provide_keys;
use crate::components::looks::provide_looks;
use crate::components::theme::provide_theme;
use crate::desk::provide_desk;
use crate::io::build;
use crate::pages::{Accounts, Conventions, Diagnostics, History, More, NotFound, Portfolio, Settings, Trade};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_theme();
    provide_looks();
    provide_keys();
    provide_desk();
    view! {
        <Router base=build::base()>
            <Shell>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=Trade/>
                    <Route path=path!("/portfolio") view=Portfolio/>
                    <Route path=path!("/history") view=History/>
                    <Route path=path!("/accounts") view=Accounts/>
                    <Route path=path!("/diagnostics") view=Diagnostics/>
                    <Route path=path!("/more") view=More/>
                    <Route path=path!("/settings") view=Settings/>
                    <Route path=path!("/conventions") view=Conventions/>
                </FlatRoutes>
            </Shell>
        </Router>
    }
}
