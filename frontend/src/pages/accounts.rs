//! The accounts of this device: the one in hand, its other devices and readers, the others, a new one, and the
//! archive.

mod devices;
mod links;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::{MarketKind, Settings};
use shared::money::Usd;

use crate::components::account_menu::{open_wished, say_refusal};
use crate::components::common::Segments;
use crate::components::transfer::ExportButtons;
use crate::desk::accounts::{self, Wish};
use crate::desk::{Desk, Tone, commands, use_desk};
use crate::format::typed;
use crate::format::{date_time, usd};
use crate::io::journal::Record;
use crate::later::later;

/// `/accounts`
#[component]
pub fn Accounts() -> impl IntoView {
    let desk = use_desk();
    let in_hand = Memo::new(move |_| desk.book.with(|book| book.as_ref().map(|book| book.record().clone())));
    // Links are the server's: where it has no copy of the account there is nothing to read.
    let can_link = Memo::new(move |_| desk.devices.there.get().is_some_and(|there| there > 0));
    view! {
        <div class="page page-text" data-testid="accounts">
            <div class="page-head"><h1>"Accounts"</h1></div>
            {move || in_hand.get().map(|record| match record.archived {
                None => hand(desk, &record),
                Some(_) => archived_hand(desk, record),
            })}
            {move || in_hand.with(|record| record.as_ref().is_some_and(|record| record.archived.is_none())).then(|| devices::devices(desk))}
            {move || can_link.get().then(|| links::reader_links(desk))}
            {devices::bring(desk)}
            <section aria-labelledby="others">
                <h2 id="others">"On this device"</h2>
                {move || list(desk, in_hand.get().as_ref(), false)}
            </section>
            {new_account(desk)}
            <section aria-labelledby="archive">
                <h2 id="archive">"Archived"</h2>
                {move || list(desk, in_hand.get().as_ref(), true)}
            </section>
        </div>
    }
}

const fn market_words(market: MarketKind) -> &'static str {
    match market {
        MarketKind::Real => "Real prices",
        MarketKind::Demo => "Demo market",
    }
}

/// The account in hand: its name, its funds, its journal, and a fresh start.
fn hand(desk: Desk, record: &Record) -> AnyView {
    let name = RwSignal::new(record.name.clone());
    let facts =
        move || desk.with_account(|account| format!("Opened {}. ", date_time(account.opened_at()))).unwrap_or_default();
    let rename = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        spawn_local(async move {
            match accounts::rename(desk, &name.get_untracked()).await {
                Ok(()) => desk.toasts.say(Tone::Good, "The account has a new name", "Its journal is as it was."),
                Err(refusal) => say_refusal(desk, "The account keeps its name", &refusal),
            }
        });
    };
    let fund = move |amount: Usd| {
        spawn_local(async move {
            match commands::deposit(desk, amount).await {
                Ok(()) => desk.toasts.say(Tone::Good, "Funds added", format!("{} in paper money.", usd(amount))),
                Err(refusal) => say_refusal(desk, "No funds were added", &refusal),
            }
        });
    };
    let reset = move |deposit: Usd| reset_to(desk, deposit);
    view! {
        <section aria-labelledby="hand" data-testid="account-in-hand">
            <h2 id="hand">{record.name.clone()}</h2>
            <p class="faint">{facts}{market_words(record.market)}"."</p>
            <form class="form" on:submit=rename novalidate=true>
                <div class="field">
                    <label for="account-name">"Name"</label>
                    <div class="field-row">
                        <input id="account-name" class="input" type="text" maxlength="64" autocomplete="off" data-testid="account-name"
                            prop:value=name on:input=move |event| name.set(event_target_value(&event))/>
                        <button type="submit" class="button" data-testid="rename">"Rename"</button>
                    </div>
                </div>
            </form>
            {dollars("deposit", "Add paper dollars", "", "1000", "add-funds", "Add", Callback::new(fund))}
            <h3>"Journal"</h3>
            <p class="faint">{later!("Everything that happened to this account, one line each, chained by hashes. An export is a copy of your own.")}</p>
            <ExportButtons/>
            <h3>"Start afresh"</h3>
            <p class="faint">
                "A reset puts this account into the archive as it is, and a new one with the same name and settings takes its place. "
                "Balance, orders and history begin anew together. You can take the archived one back at any time."
            </p>
            {dollars("reset-deposit", "Paper dollars to start with", "10000", "10000", "reset", "Reset this account", Callback::new(reset))}
        </section>
    }
    .into_any()
}

fn reset_to(desk: Desk, deposit: Usd) {
    spawn_local(async move {
        match accounts::reset(desk, deposit).await {
            Ok(()) => desk.toasts.say(
                Tone::Good,
                "A fresh start",
                format!("{} in paper money. The old account is in the archive, whole.", usd(deposit)),
            ),
            Err(refusal) => say_refusal(desk, "The account was not reset", &refusal),
        }
    });
}

/// An archived account that is looked at: to be exported, and then perhaps removed for good.
fn archived_hand(desk: Desk, record: Record) -> AnyView {
    let typed_name = RwSignal::new(String::new());
    let id = record.id;
    let name = record.name.clone();
    let why_not = move || {
        if desk.exported.get() != Some(id) {
            Some("Export its journal first: nothing brings a removed account back.".to_owned())
        } else if typed_name.read().trim() != name {
            Some(format!("Type “{name}” to remove it."))
        } else {
            None
        }
    };
    let why_not = Signal::derive(why_not);
    let shown = record.name.clone();
    let remove = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if why_not.read_untracked().is_some() {
            return;
        }
        let record = record.clone();
        spawn_local(async move {
            let name = record.name.clone();
            match accounts::remove(desk, record).await {
                Ok(()) => {
                    desk.toasts.say(
                        Tone::Plain,
                        format!("“{name}” is removed"),
                        "The file you saved is all there is of it.",
                    );
                }
                Err(refusal) => say_refusal(desk, "The account was not removed", &refusal),
            }
        });
    };
    view! {
        <section aria-labelledby="hand" data-testid="account-in-hand">
            <h2 id="hand">{shown}" (archived)"</h2>
            <p class="faint">{later!("Look at it on any page. Nothing is traded on it.")}</p>
            <ExportButtons/>
            <form class="form" on:submit=remove novalidate=true>
                <div class="field">
                    <label for="remove-name">"Remove this account for good"</label>
                    <div class="field-row">
                        <input id="remove-name" class="input" type="text" autocomplete="off" data-testid="remove-name" aria-describedby="remove-why"
                            prop:value=typed_name on:input=move |event| typed_name.set(event_target_value(&event))/>
                        <button type="submit" class="button" data-testid="remove" aria-disabled=move || why_not.read().is_some().to_string()>"Remove"</button>
                    </div>
                    <p id="remove-why" class="field-hint" data-testid="remove-why">{why_not}</p>
                </div>
            </form>
        </section>
    }
    .into_any()
}

/// Accounts with what can be done with each; the archive, or the rest.
fn list(desk: Desk, in_hand: Option<&Record>, is_archive: bool) -> AnyView {
    let mut records = desk.accounts.get();
    records.retain(|record| record.archived.is_some() == is_archive);
    if records.is_empty() {
        let words = if is_archive {
            "Nothing is archived. A reset puts the old account here."
        } else {
            "No account is kept on this device yet."
        };
        return view! { <p class="faint">{words}</p> }.into_any();
    }
    let row = |record: Record| {
        let is_here = in_hand.is_some_and(|here| here.id == record.id);
        let when = record.archived.map(|since| format!(", archived {}", date_time(since)));
        let facts = market_words(record.market).to_owned() + &when.unwrap_or_default();
        let button = match (is_here, is_archive) {
            (true, _) => view! { <span class="faint">"in hand"</span> }.into_any(),
            (false, true) => open_button(desk, record.clone(), "Look at it"),
            (false, false) => open_button(desk, record.clone(), "Open"),
        };
        view! {
            <li class="row" data-testid=if is_archive { "archived-account" } else { "kept-account" }>
                <span><span class="strong">{record.name}</span><br/><span class="faint small">{facts}</span></span>
                {button}
            </li>
        }
        .into_any()
    };
    view! { <ul class="rows">{records.into_iter().map(row).collect_view()}</ul> }.into_any()
}

fn open_button(desk: Desk, record: Record, words: &'static str) -> AnyView {
    let label = format!("{words}: {}", record.name);
    let open = move |_| spawn_local(accounts::switch(desk, record.clone()));
    view! { <button type="button" class="button" aria-label=label data-testid="open-account" on:click=open>{words}</button> }
        .into_any()
}

/// A new account: name, market, deposit.
fn new_account(desk: Desk) -> AnyView {
    let name = RwSignal::new(String::new());
    let market = RwSignal::new(MarketKind::Real);
    let markets = vec![
        (MarketKind::Real, market_words(MarketKind::Real).to_owned(), "new-market-real"),
        (MarketKind::Demo, market_words(MarketKind::Demo).to_owned(), "new-market-demo"),
    ];
    let open = move |deposit: Usd| {
        let settings = Settings::default();
        open_wished(desk, Wish { name: name.get_untracked(), market: market.get_untracked(), deposit, settings });
        name.set(String::new());
    };
    view! {
        <section aria-labelledby="new-account">
            <h2 id="new-account">"Open another"</h2>
            <p class="faint">{later!("Each account has its own money, settings and journal. Real prices and the demo market never mix.")}</p>
            <div class="field">
                <label for="new-name">"Name, if you like"</label>
                <input id="new-name" class="input" type="text" maxlength="64" autocomplete="off" data-testid="new-name"
                    prop:value=name on:input=move |event| name.set(event_target_value(&event))/>
            </div>
            <Segments label="Market" options=markets value=market on_choose=move |chosen| market.set(chosen)/>
            {dollars("new-deposit", "Paper dollars to start with", "10000", "10000", "new-open", "Open the account", Callback::new(open))}
        </section>
    }
    .into_any()
}

/// A field of dollars and the button that takes them.
fn dollars(
    id: &'static str,
    label: &'static str,
    start: &'static str,
    placeholder: &'static str,
    button_id: &'static str,
    button: &'static str,
    take: Callback<Usd>,
) -> AnyView {
    let amount = RwSignal::new(start.to_owned());
    let wrong = RwSignal::new(None::<String>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        // Not a guard: the amount is written below.
        let text = amount.get_untracked();
        match typed::dollars(&text) {
            Ok(dollars) => {
                wrong.set(None);
                amount.set(start.to_owned());
                take.run(dollars);
            }
            Err(error) => wrong.set(Some(error)),
        }
    };
    view! {
        <form class="form" on:submit=submit novalidate=true>
            <div class="field">
                <label for=id>{label}</label>
                <div class="field-row">
                    <input id=id class="input num" type="text" inputmode="decimal" placeholder=placeholder autocomplete="off" data-testid=id
                        prop:value=amount on:input=move |event| amount.set(event_target_value(&event))/>
                    <button type="submit" class="button" data-testid=button_id>{button}</button>
                </div>
                <p class="field-error" role="alert">{wrong}</p>
            </div>
        </form>
    }
    .into_any()
}
