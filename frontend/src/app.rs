//! The app: what is there for every page, and which page is where.

use leptos::prelude::*;

use crate::components::Shell;
use crate::components::drawn::provide_drawn;
use crate::components::keys::provide_keys;
use crate::components::looks::provide_looks;
use crate::components::theme::provide_theme;
use crate::desk::{provide_desk, provide_watching_desk};
use crate::pages::{
    Accounts, BranchesPage, Conventions, Diagnostics, History, LivePage, More, NotFound, Portfolio, Prices, Settings,
    Thoughts, Trade, WatchPage,
};
use crate::router::{WATCH, provide_route, use_path};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_route();
    provide_theme();
    provide_looks();
    provide_keys();
    provide_drawn();
    let path = use_path();
    // Whoever watches has no desk here, and whoever has one does not come here by a link of the app.
    if path.get_untracked() == WATCH {
        return watch();
    }
    provide_desk();
    view! {
        <Shell>{move || page(&path.get())()}</Shell>
    }
    .into_any()
}

fn watch() -> AnyView {
    provide_watching_desk();
    view! { <WatchPage/> }.into_any()
}

/// The page at a path: a function of its own each, since those that nobody opens first are loaded later (LATER
/// in xtask/src/split).
fn page(path: &str) -> fn() -> AnyView {
    match path {
        "/" => || Trade().into_any(),
        "/portfolio" => || Portfolio().into_any(),
        "/history" => || History().into_any(),
        "/accounts" => || Accounts().into_any(),
        "/diagnostics" => || Diagnostics().into_any(),
        "/more" => || More().into_any(),
        "/prices" => || Prices().into_any(),
        "/settings" => || Settings().into_any(),
        "/branches" => || BranchesPage().into_any(),
        "/live" => || LivePage().into_any(),
        "/thoughts" => || Thoughts().into_any(),
        "/conventions" => || Conventions().into_any(),
        _ => || NotFound().into_any(),
    }
}
