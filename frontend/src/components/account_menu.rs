//! Which account is in hand, and changing it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::MarketKind;

use crate::desk::accounts::{self, Wish};
use crate::desk::commands::Refusal;
use crate::desk::{Desk, Tone, use_desk};
use crate::format::{self, words::sentence};
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
                    spawn_local(accounts::switch(desk, record));
                }
            }
        }
        // If nothing could be opened, the list goes back to the account in hand.
        if let Some(id) = current.get_untracked() {
            event_target::<web_sys::HtmlSelectElement>(&event).set_value(&id);
        }
    };
    // The archive is on the Accounts page; what is in hand is shown all the same.
    let shown = move || {
        let mut accounts = desk.accounts.get();
        accounts.retain(|record| record.archived.is_none() || current.read().as_ref() == Some(&record.id.to_string()));
        accounts
    };
    let is_unkept = move || desk.book.with(|book| book.as_ref().is_some_and(|book| !book.is_kept()));
    view! {
        <select class="select account-menu" aria-label="Account" data-testid="account" on:change=choose prop:value=move || current.get().unwrap_or_default()>
            <Show when=is_unkept>
                <option value=move || current.get().unwrap_or_default() selected=true>"Not kept"</option>
            </Show>
            {move || shown().into_iter().map(|record| view! { <AccountOption record=record current=current/> }).collect_view()}
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
    let note = match (record.archived, is_plain) {
        (Some(_), _) => " (archived)",
        (None, true) => "",
        (None, false) => " (demo)",
    };
    let words = record.name + note;
    view! {
        <option value=id.clone() prop:selected=move || current.read().as_ref() == Some(&id)>
            {words}
        </option>
    }
}

/// Opens a new account of the usual kind and says how that went.
pub fn open(desk: Desk, market: MarketKind) {
    open_wished(desk, Wish::usual(market));
}

/// Opens a new account and says how that went.
pub fn open_wished(desk: Desk, wish: Wish) {
    let deposit = format::usd(wish.deposit);
    spawn_local(async move {
        match accounts::open(desk, wish, false).await {
            Ok(()) => desk.toasts.say(
                Tone::Good,
                "A new account is open",
                format!("It starts with {deposit} in paper money."),
            ),
            Err(refusal) => say_refusal(desk, "No account was opened", &refusal),
        }
    });
}

/// Takes the archived account that is looked at back in hand, and says how that went.
pub fn restore_in_hand(desk: Desk) {
    let Some(record) = desk.book.with_untracked(|book| book.as_ref().map(|book| book.record().clone())) else { return };
    spawn_local(async move {
        let name = record.name.clone();
        match accounts::restore(desk, record).await {
            Ok(()) => {
                desk.toasts.say(Tone::Good, format!("“{name}” is in hand again"), "It goes on where it was put away.")
            }
            Err(refusal) => say_refusal(desk, "The account stays in the archive", &refusal),
        }
    });
}

/// Says why something did not happen, and what to do.
pub fn say_refusal(desk: Desk, title: &str, refusal: &Refusal) {
    let cause = sentence(&refusal.to_string());
    desk.toasts.say(Tone::Bad, title, format!("{cause}. Nothing was changed. {}", refusal.remedy()));
}
