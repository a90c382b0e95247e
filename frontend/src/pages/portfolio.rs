//! What the account holds and what it earned.

use leptos::prelude::*;

use crate::components::{AccountSummary, PositionsTable};

/// `/portfolio`
#[component]
pub fn Portfolio() -> impl IntoView {
    view! {
        <div class="page">
            <div class="page-head"><h1>"Portfolio"</h1></div>
            <div class="portfolio">
                <AccountSummary/>
                <section class="section" aria-labelledby="positions-title">
                    <div class="section-head"><h2 id="positions-title">"Positions"</h2></div>
                    <PositionsTable/>
                </section>
            </div>
        </div>
    }
}
