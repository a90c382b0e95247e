//! What must never be in doubt: that this is paper, and whether its prices are demo, stale or offline.

use leptos::prelude::*;
use shared::ledger::MarketKind;

use crate::desk::use_desk;

/// The badges that are true now. PAPER always is.
#[component]
pub fn Badges() -> impl IntoView {
    let desk = use_desk();
    let is_demo = Memo::new(move |_| desk.market_kind() == Some(MarketKind::Demo));
    let is_offline = Memo::new(move |_| desk.is_offline());
    let is_stale = Memo::new(move |_| !is_demo.get() && desk.is_stale());
    view! {
        <span class="badges" data-testid="badges">
            <span class="badge badge-paper" title="Paper money: nothing here is real">"PAPER"</span>
            <Show when=move || is_demo.get()>
                <span class="badge badge-demo" title="Simulated prices, made up by a seeded random walk">"DEMO"</span>
            </Show>
            <span role="status" class="badges">
                <Show when=move || is_offline.get()>
                    <span class="badge badge-offline" title="The server cannot be reached">"OFFLINE"</span>
                </Show>
                <Show when=move || is_stale.get()>
                    <span class="badge badge-stale" title="Even the newest price is no longer fresh">"STALE"</span>
                </Show>
            </span>
        </span>
    }
}
