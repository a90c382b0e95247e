//! The desk: markets, the token in hand with positions and history, ticket and account.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::components::common::{Tabs, text};
use crate::components::drawn::{Part, in_turn};
use crate::components::shell::use_rail;
use crate::components::{AccountSummary, Chart, HistoryTable, MarketList, PositionsTable, Ticket, TokenHead};
use crate::desk::use_desk;

/// `/`
#[component]
pub fn Trade() -> impl IntoView {
    let rail = use_rail();
    let close = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            rail.set(false);
        }
    };
    view! {
        <div class="desk" data-view=text(move || if rail.get() { "markets" } else { "trade" }.to_owned())>
            <aside class="desk-rail" class:is-open=rail aria-label="Markets" on:keydown=close>
                {in_turn(Part::Markets, || MarketList().into_any())}
            </aside>
            <div class="desk-centre">
                <TokenHead/>
                {in_turn(Part::Chart, || Chart().into_any())}
                {in_turn(Part::Book, || Positions().into_any())}
            </div>
            <aside class="desk-side" aria-label="Ticket and account">
                <Ticket/>
                <AccountSummary/>
            </aside>
        </div>
    }
}

/// Positions and history, a tab each.
#[component]
fn Positions() -> impl IntoView {
    let desk = use_desk();
    let tab = RwSignal::new(0_usize);
    let held = Memo::new(move |_| desk.with_account(|account| account.positions().count()).unwrap_or_default());
    let trades = Memo::new(move |_| {
        desk.with_account(|account| account.totals().filled + account.totals().failed).unwrap_or_default()
    });
    let names = vec![
        Signal::derive(move || format!("Positions ({})", held.get())),
        Signal::derive(move || format!("History ({})", trades.get())),
    ];
    view! {
        <Tabs id="desk" label="Your account" names=names open=tab/>
        <div id="desk-panel" role="tabpanel" aria-labelledby=text(move || format!("desk-tab-{}", tab.get()))>
            {move || match tab.get() {
                0 => view! { <PositionsTable/> }.into_any(),
                _ => view! { <HistoryTable/> }.into_any(),
            }}
        </div>
    }
}
