//! The first second: find the account of this device, or make one.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::MarketKind;
use shared::wire;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::accounts::{self, Wish};
use super::commands::{self, Refusal};
use super::{Book, Desk, Event, Trouble, opening};
use crate::io::api;
use crate::io::database::StoreError;
use crate::io::journal::Record;
use crate::io::preferences::{self, Preference};

/// Opens what is there, in the background.
pub fn start(desk: Desk) {
    spawn_local(open(desk));
}

async fn open(desk: Desk) {
    // The backend is asked while the store opens. No account that is here waits for its answer.
    let asked = future_to_promise(async move {
        let market = introduce(desk).await;
        Ok(JsValue::from(market == Some(wire::MarketKind::Real)))
    });
    // Where nothing was ever open there is nothing to wait for: the account is there while the store opens.
    let is_newcomer = preferences::is_free(Preference::Account);
    if !is_newcomer && find(desk).await != Ok(false) {
        return;
    }
    let is_real = JsFuture::from(asked).await.is_ok_and(|is_real| is_real.is_truthy());
    first_visit(desk, if is_real { MarketKind::Real } else { MarketKind::Demo }, is_newcomer).await;
}

/// Opens the store, and the account of this device that was open last. False where there is none, or no store.
///
/// # Errors
/// [`StoreError`], which is told: something is stored, but not readable now. A new account beside it would hide
/// that.
pub(super) async fn find(desk: Desk) -> Result<bool, StoreError> {
    let journals = match commands::journals(desk).await {
        Ok(journals) => journals,
        Err(error) => {
            desk.trouble.set(Some(Trouble::NotKept(error)));
            return Ok(false);
        }
    };
    let known = journals.accounts().await.inspect_err(|error| {
        desk.book.set(None);
        desk.trouble.set(Some(Trouble::NotKept(error.clone())));
    })?;
    desk.accounts.set(known.clone());
    let last = preferences::get(Preference::Account);
    let chosen = known.iter().find(|record| Some(record.id.to_string()) == last).or_else(|| accounts::first(&known));
    let Some(record) = chosen.cloned() else { return Ok(false) };
    let id = record.id;
    desk.book.set(None);
    load(desk, record).await;
    // It was read before this page listened to the other tabs: they may have gone on since.
    let _ = commands::catch_up(desk, &journals, id).await;
    Ok(true)
}

/// Opens an account of this device.
pub async fn load(desk: Desk, record: Record) {
    let Some(journals) = desk.journals.get_value() else { return };
    let id = record.id;
    let turn = next_turn(desk);
    let opened = opening::open(desk, &journals, record).await;
    // Opening a long account takes a while: meanwhile another one may have been chosen.
    if desk.opening.get_value() != turn {
        return;
    }
    match opened {
        Ok(book) => {
            let is_verified = book.was_folded_whole();
            take_in_hand(desk, book);
            if !is_verified {
                opening::verify(desk, id);
            }
        }
        Err(trouble) => {
            if matches!(trouble, Trouble::Damaged(..)) {
                desk.book.set(None);
            }
            desk.trouble.set(Some(trouble));
        }
    }
}

/// From here on what is still being opened comes too late.
fn next_turn(desk: Desk) -> u64 {
    desk.opening.update_value(|turn| *turn += 1);
    desk.opening.get_value()
}

/// Makes an account that is kept the one the page is about.
pub fn take_in_hand(desk: Desk, book: Book) {
    next_turn(desk);
    preferences::set(Preference::Account, Some(&book.record().id.to_string()));
    desk.trouble.set(None);
    desk.receipt.set(None);
    desk.book.set(Some(book));
    // It may be new to the other tabs.
    desk.tell_tabs();
    opening::keep_snapshot(desk);
}

/// Asks the backend what it is.
async fn introduce(desk: Desk) -> Option<wire::MarketKind> {
    match api::greet().await {
        Ok(greeting) => {
            let market = greeting.market;
            desk.apply(Event::Introduced(greeting));
            Some(market)
        }
        Err(error) => {
            desk.apply(Event::Failed(error));
            None
        }
    }
}

/// A funded account without a question asked: in the real market where a backend serves one,
/// otherwise in the demo market.
async fn first_visit(desk: Desk, market: MarketKind, is_newcomer: bool) {
    match accounts::open(desk, Wish::usual(market), is_newcomer).await {
        Ok(()) => {}
        Err(Refusal::NotKept(error)) => desk.trouble.set(Some(Trouble::NotKept(error))),
        Err(refusal) => desk.toasts.say(super::Tone::Bad, "No account could be opened", refusal.to_string()),
    }
}
