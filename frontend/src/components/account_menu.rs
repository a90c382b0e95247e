//! Which account is in hand, and changing it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::MarketKind;

use crate::desk::commands::{self, Refusal};
use crate::desk::{Desk, Tone, use_desk};
use crate::format::words::sentence;
use crate::io::journal::Record;

/// A list of this device's accounts, with ways to open another.
#[component]
pub fn AccountMenu() -> impl IntoView {
    let desk = use_desk();
    let current = Memo::new(move |_| desk.book.with(|book| book.as_ref().map(|book| book.record().id.to_string())));
    let choose = move |event: leptos::ev::Event| {
        let value = event_target_value(&event);
        match value.as_str() {
            "new-real" => open(desk, MarketKind::Real),
            "new-demo" => open(desk, MarketKind::Demo),
            id => {
                let chosen = desk
                    .accounts
                    .with_untracked(|accounts| accounts.iter().find(|record| record.id.to_string() == id).cloned());
                if let Some(record) = chosen {
                    spawn_local(commands::switch(desk, record));
                }
            }
        }
        // If nothing could be opened, the list goes back to the account in hand.
        if let Some(id) = current.get_untracked() {
            event_target::<web_sys::HtmlSelectElement>(&event).set_value(&id);
        }
    };
    let is_unkept = move || desk.book.with(|book| book.as_ref().is_some_and(|book| !book.is_kept()));
    view! {
        <select class="select account-menu" aria-label="Account" data-testid="account" on:change=choose prop:value=move || current.get().unwrap_or_default()>
            <Show when=is_unkept>
                <option value=move || current.get().unwrap_or_default() selected=true>"Not kept"</option>
            </Show>
            <For each=move || desk.accounts.get() key=|record| record.id let(record)>
                <AccountOption record=record current=current/>
            </For>
            <optgroup label="Open another">
                <option value="new-real">"New account, real prices"</option>
                <option value="new-demo">"New account, demo market"</option>
            </optgroup>
        </select>
    }
}

#[component]
fn AccountOption(record: Record, current: Memo<Option<String>>) -> impl IntoView {
    let id = record.id.to_string();
    // A demo account says so, whatever its owner calls it.
    let is_plain = record.market == MarketKind::Real || record.name.contains("Demo");
    let words = if is_plain { record.name } else { format!("{} (demo)", record.name) };
    view! {
        <option value=id.clone() prop:selected=move || current.read().as_ref() == Some(&id)>
            {words}
        </option>
    }
}

/// Opens a new account and says how that went.
pub fn open(desk: Desk, market: MarketKind) {
    spawn_local(async move {
        match commands::open_account(desk, market).await {
            Ok(()) => desk.toasts.say(Tone::Good, "A new account is open", "It starts with $10,000.00 in paper money."),
            Err(refusal) => say_refusal(desk, "No account was opened", &refusal),
        }
    });
}

/// Says why something did not happen, and what to do.
pub fn say_refusal(desk: Desk, title: &str, refusal: &Refusal) {
    let cause = sentence(&refusal.to_string());
    desk.toasts.say(Tone::Bad, title, format!("{cause}. Nothing was changed. {}", refusal.remedy()));
}
