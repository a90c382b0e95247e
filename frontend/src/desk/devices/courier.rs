//! Keeps the account in hand and its copy on the server in step: hands in what the copy lacks, fetches what
//! another device wrote.
//!
//! One flight at a time, and of the tabs of this browser one at a time hands in (Web Locks); any of them
//! fetches. What the server refuses is told and left alone; what it does not answer is tried again after a wait
//! that doubles. Nothing here changes the journal but by lines that were verified and are kept.

use gloo_net::http::Method;
use js_sys::Function;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{AccountId, TradeId};
use shared::ledger::{Entry, Head, MarketKind};
use shared::time::Timestamp;
use shared::wire::accounts::{Append, Appended, JournalHead, JournalPage};
use wasm_bindgen::JsValue;
use web_sys::VisibilityState;

use super::turns::{self, Turn};
use super::{Own, in_hand, parting, room, this};
use crate::desk::commands::{self, exclusively};
use crate::desk::{Desk, Event, Link, boot, opening, push};
use crate::io::accounts::{self, Refused};
use crate::io::journal::{Journals, Record};
use crate::io::{api, clock, lock, timer};

/// Lines handed in at once, at most, and their bytes.
const MOST_LINES: u32 = 400;
const MOST_BYTES: usize = 256 * 1024;
/// The first wait after a failure, and the longest, in milliseconds.
const FIRST_RETRY_MS: f64 = 1_000.0;
const LAST_RETRY_MS: f64 = 30_000.0;
/// How often to look where nothing is expected.
const IDLE_MS: f64 = 60_000.0;
/// How soon a tab looks whether another one of this browser has handed in what it wrote.
const SOON_MS: f64 = 1_500.0;
/// How long a refusal is left alone.
const REFUSED_MS: f64 = 600_000.0;
/// Beyond any journal: who asks for what comes after it is told the head alone.
pub(super) const BEYOND: u64 = 1 << 53;

/// What this tab does for the account in hand.
#[derive(Default)]
pub(super) struct Courier {
    account: Option<Own>,
    /// Counts the accounts that were in hand: what was begun for an earlier one is too late.
    run: u64,
    /// Ends this tab's turn to hand in, while it has it.
    release: Option<Function>,
    is_flying: bool,
    /// Whether the flight that is under way gives the lease back at its end: its owner handed over meanwhile.
    is_to_give: bool,
    /// Something happened meanwhile: another flight is due, and whether that has to look.
    again: Option<bool>,
    /// Whether the lease was seen to since the account came in hand: a page that is opened takes it if it can.
    has_begun: bool,
    /// Whether the room tells what happens.
    pub(super) is_told: bool,
    /// The end of the copy. The outer `None`: not known.
    head: Option<Option<JournalHead>>,
    /// Flights that failed since one last came home.
    failures: i32,
    /// The entry that is being taken as the room told it; 0 for none.
    coming: u64,
    /// Which of the waits is the latest.
    wait: u64,
    /// Whether other accounts of this device were seen to in this visit.
    has_swept: bool,
    /// What was read last in the room: its epoch, and the offset.
    pub(super) place: Option<(String, u64)>,
}

/// Listens for whatever changes things from outside, for as long as the page lives.
pub(super) fn listen(desk: Desk) {
    let _ = window_event_listener_untyped("pagehide", move |_| {
        if let Some(own) = in_hand(desk).filter(|_| has_turn(desk)) {
            turns::give_back(desk, &own);
        }
    });
    for event in ["visibilitychange", "online", "pageshow"] {
        let _ = window_event_listener_untyped(event, move |_| {
            if is_visible() {
                return nudge(desk, true);
            }
            desk.devices.courier.update_value(|courier| courier.is_told = false);
            if desk.view.with_untracked(|view| view.market.kind == MarketKind::Demo) {
                push::hang_up(desk);
            }
        });
    }
}

/// Another account may be in hand, or the same be further.
pub(super) fn changed(desk: Desk) {
    let now = in_hand(desk);
    let before = desk.devices.courier.with_value(|courier| courier.account.clone());
    if before.as_ref().map(Own::id) == now.as_ref().map(Own::id) {
        return nudge(desk, false);
    }
    if let Some(before) = before {
        room::leave(desk, before.id());
        if has_turn(desk) {
            turns::give_back(desk, &before);
        }
    }
    let (run, has_swept, release) =
        desk.devices.courier.with_value(|courier| (courier.run + 1, courier.has_swept, courier.release.clone()));
    if let Some(release) = release {
        let _ = release.call0(&JsValue::NULL);
    }
    desk.devices.courier.set_value(Courier { account: now.clone(), run, has_swept, ..Courier::default() });
    desk.devices.there.set(None);
    desk.devices.trouble.set(None);
    desk.devices.lease.set(None);
    desk.devices.readers.set(None);
    if let Some(own) = now {
        lock::hold(&turn_of(own.id()), false, move |release| {
            if desk.devices.courier.with_value(|courier| courier.run == run) {
                desk.devices.courier.update_value(|courier| courier.release = release);
                nudge(desk, true);
            } else if let Some(release) = release {
                // Its account is out of hand by now.
                let _ = release.call0(&JsValue::NULL);
            }
        });
        room::join(desk);
        nudge(desk, true);
    }
}

fn turn_of(account: AccountId) -> String {
    ["foolscap.copy.", &account.to_string()].concat()
}

fn has_turn(desk: Desk) -> bool {
    desk.devices.courier.with_value(|courier| courier.release.is_some())
}

fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// The owner hands over: a flight that is under way gives the lease back at its end.
pub(super) fn expect_to_give(desk: Desk) {
    desk.devices.courier.update_value(|courier| courier.is_to_give = courier.is_flying);
}

/// Something may be to hand in, or, where `look`, to fetch.
pub(super) fn nudge(desk: Desk, look: bool) {
    let is_flying = desk.devices.courier.try_update_value(|courier| {
        if courier.is_flying {
            courier.again = Some(courier.again.unwrap_or_default() | look);
            return true;
        }
        courier.is_flying = true;
        false
    });
    if is_flying == Some(false) {
        spawn_local(flights(desk, look, None));
    }
}

/// An entry has just been kept: where the copy has everything before it, it goes there at once, without being
/// read back from the store.
pub(super) fn send(desk: Desk, entry: &Entry) {
    let Some(own) = in_hand(desk).filter(|_| has_turn(desk)) else { return };
    let lease = desk.devices.lease.get_untracked();
    if turns::judge(lease.as_ref(), &this::id(), clock::now()) != Turn::Ours {
        return;
    }
    let after = desk.devices.courier.try_update_value(|courier| {
        let head = courier.head.clone().flatten().filter(|head| head.seq + 1 == entry.seq && !courier.is_flying)?;
        courier.is_flying = true;
        Some(head)
    });
    if let Some(Some(after)) = after {
        let append =
            Append { device: this::id(), after: Some(after), instead_of: None, lines: vec![entry.line.clone()] };
        spawn_local(flights(desk, false, Some((own, append))));
    }
}

/// Flies until nothing more has happened meanwhile; what is in hand already goes first.
async fn flights(desk: Desk, mut look: bool, first: Option<(Own, Append)>) {
    let run = desk.devices.courier.with_value(|courier| courier.run);
    // Nothing is asked of a server before it is settled as whom. Whatever is to be copied is kept, so there is a store.
    if let Some(journals) = desk.journals.get_value() {
        this::settle(&journals).await;
    }
    if let Some((own, append)) = first {
        match post(&own, &append).await {
            Ok(head) => learn(desk, &own, Some(head)),
            // The flight that follows finds out how things stand.
            Err(_) => look = true,
        }
    }
    let wait = loop {
        let wait = fly(desk, look).await;
        if run != desk.devices.courier.with_value(|courier| courier.run) {
            // Another account came in hand, and has flights of its own.
            return;
        }
        match desk.devices.courier.try_update_value(|courier| courier.again.take()).flatten() {
            Some(again) => look = again,
            None => break wait,
        }
    };
    let gives = desk.devices.courier.try_update_value(|courier| {
        courier.is_flying = false;
        std::mem::take(&mut courier.is_to_give)
    });
    if gives == Some(true)
        && let Some(own) = in_hand(desk).filter(|own| own.record.elsewhere.is_some())
    {
        // Where that fails the lease ends by itself.
        let _ = turns::give(desk, &own).await;
    }
    if let Some(wait) = wait {
        later(desk, wait).await;
    }
}

async fn post(own: &Own, append: &Append) -> Result<JournalHead, Refused> {
    let body = serde_json::to_string(append).ok();
    Ok(accounts::ask::<Appended>(Method::POST, own.id(), "journal", &own.token, body).await?.head)
}

/// Looks again after `wait` milliseconds, unless another wait has begun by then.
async fn later(desk: Desk, wait: f64) {
    let mine = desk.devices.courier.try_update_value(|courier| {
        courier.wait += 1;
        courier.wait
    });
    timer::sleep(wait as i32).await;
    if mine == Some(desk.devices.courier.with_value(|courier| courier.wait)) {
        // Where the room tells, only the lease is to be renewed.
        let is_told = desk.devices.courier.with_value(|courier| courier.is_told);
        let lease = desk.devices.lease.get_untracked();
        nudge(desk, !is_told || turns::judge(lease.as_ref(), &this::id(), clock::now()) != Turn::Due);
    }
}

/// A flight, and how long to wait until the next one.
async fn fly(desk: Desk, look: bool) -> Option<f64> {
    let own = in_hand(desk)?;
    if desk.link.with_untracked(|link| *link == Link::Absent) {
        return None;
    }
    match errands(desk, &own, look).await {
        Ok(wait) => {
            desk.devices.courier.update_value(|courier| courier.failures = 0);
            late(desk, false);
            if is_visible() && desk.view.with_untracked(|view| view.market.kind == MarketKind::Demo) {
                // Nobody else needs the socket.
                push::drop_if_silent(desk);
                push::open(desk, 0);
            }
            let wait = push::wait_ms(desk).map_or(wait, |retry| wait.min(f64::from(retry.max(1))));
            Some(wait)
        }
        Err(refused) => Some(after(desk, &own, refused).await),
    }
}

/// What a failure comes to: how long to wait.
async fn after(desk: Desk, own: &Own, refused: Refused) -> f64 {
    if !is_current(desk, own) {
        return IDLE_MS;
    }
    let failures = desk.devices.courier.try_update_value(|courier| {
        courier.failures += 1;
        courier.head = None;
        courier.failures
    });
    let chance = js_sys::Math::random();
    let most = (FIRST_RETRY_MS * f64::from(1 << failures.unwrap_or(1).clamp(0, 6))).min(LAST_RETRY_MS);
    let soon = FIRST_RETRY_MS + chance * (most - FIRST_RETRY_MS);
    if let Refused::Said(told) = &refused
        && let Some(lease) = &told.lease
    {
        turns::held_by(desk, own, lease.clone()).await;
    }
    let remedy = match refused.status() {
        404 => "Its token does not open it here. It is kept on this device all the same; trade on.",
        413 => {
            "An entry is longer than the server takes. Your account is whole on this device; trade on, and export it now and then."
        }
        422 => "Your account is whole on this device. Export its journal and have it verified on this page's Settings.",
        507 => {
            "Your account is whole on this device; trade on, and export it now and then. The server's operator can make room."
        }
        // It moved while this was on its way, somebody else writes, it rests, it made a mistake: that passes.
        _ if refused != Refused::Absent => {
            late(desk, refused == Refused::Unreachable);
            return soon;
        }
        _ => {
            desk.devices.there.set(None);
            return REFUSED_MS;
        }
    };
    desk.devices.trouble.set(Some((refused.to_string(), remedy)));
    REFUSED_MS
}

/// All there is to do, and how long nothing more is expected.
async fn errands(desk: Desk, own: &Own, look_first: bool) -> Result<f64, Refused> {
    if desk.server.with_untracked(Option::is_none) {
        let greeting = api::greet().await.map_err(|_| Refused::Unreachable)?;
        desk.apply(Event::Introduced(greeting));
    }
    let is_known = desk.devices.courier.with_value(|courier| courier.head.is_some());
    if look_first || !is_known {
        look(desk, own).await?;
    }
    // What was looked at may have changed it.
    let Some(own) = in_hand(desk).filter(|now| now.id() == own.id()) else { return Ok(IDLE_MS) };
    if !has_turn(desk) {
        let is_behind =
            desk.devices.there.get_untracked() != desk.book.with_untracked(|book| Some(book.as_ref()?.seq()));
        return Ok(if is_behind { SOON_MS } else { IDLE_MS });
    }
    if own.record.parted.is_some() {
        return Ok(IDLE_MS);
    }
    let wants = desk.devices.courier.with_value(|courier| !courier.has_begun);
    let may = own.record.archived.is_some() || turns::see_to(desk, &own, wants).await?;
    desk.devices.courier.update_value(|courier| courier.has_begun = true);
    if may {
        if own.record.elsewhere.is_some() {
            // What was written there until now comes before anything is written here.
            look(desk, &own).await?;
            super::note(desk, own.id(), |record| record.elsewhere = None).await;
        }
        hand_in(desk, &own).await?;
        sweep(desk, own.id());
    }
    let now = clock::now();
    // A lease of ours is renewed at half its time, one of theirs looked at when it ends.
    let lease = desk.devices.lease.get_untracked();
    let left = lease.as_ref().map(|lease| (lease.until.millis() - now.millis()) as f64);
    Ok(match turns::judge(lease.as_ref(), &this::id(), now) {
        Turn::Ours => left.map_or(IDLE_MS, |left| left / 2.0).clamp(FIRST_RETRY_MS, IDLE_MS),
        Turn::Theirs => left.map_or(IDLE_MS, |left| left + 500.0).clamp(FIRST_RETRY_MS, IDLE_MS),
        Turn::Due => IDLE_MS,
    })
}

/// Asks how the copy stands, and takes what it has beyond this device.
pub(super) async fn look(desk: Desk, own: &Own) -> Result<(), Refused> {
    loop {
        let here = desk.book.with_untracked(|book| {
            let book = book.as_ref().filter(|book| book.record().id == own.id())?;
            Some(JournalHead::from(book.head()))
        });
        let (Some(here), Some(journals)) = (here, desk.journals.get_value()) else { return Ok(()) };
        let page = page(own, here.seq).await?;
        if !is_current(desk, own) {
            return Ok(());
        }
        desk.devices.lease.set(page.lease);
        let Some(head) = page.head else {
            learn(desk, own, None);
            return Ok(());
        };
        let fits = if head.seq > here.seq {
            take(desk, own, journals.clone(), here.clone(), page.lines).await
        } else {
            Ok(hash_at(desk, &journals, own.id(), head.seq).await.is_none_or(|hash| hash == head.hash))
        };
        match fits {
            // There may be more than a page had room for.
            Ok(true) if head.seq > here.seq => continue,
            Ok(true) => {
                learn(desk, own, Some(head));
                super::note(desk, own.id(), |record| record.parted = None).await;
            }
            Ok(false) => {
                learn(desk, own, Some(head.clone()));
                parting::found(desk, own, &journals, here.seq.min(head.seq)).await?;
            }
            Err(cause) => {
                let remedy = "Nothing of it was taken, and your account is as it was. Try again later; if it goes on, keep no copy on this server.";
                desk.devices.trouble.set(Some((cause, remedy)));
            }
        }
        return Ok(());
    }
}

fn late(desk: Desk, is_late: bool) {
    if desk.devices.is_late.get_untracked() != is_late {
        desk.devices.is_late.set(is_late);
    }
}

/// A page of the copy.
pub(super) async fn page(own: &Own, after: u64) -> Result<JournalPage, Refused> {
    page_of(own.id(), &own.token, after).await
}

/// The same of an account by its token.
pub(super) async fn page_of(account: AccountId, token: &str, after: u64) -> Result<JournalPage, Refused> {
    let what = ["journal?after=", &after.to_string()].concat();
    accounts::ask(Method::GET, account, &what, token, None).await
}

/// Whether an account is still the one in hand: an answer may come when it no longer is.
pub(super) fn is_current(desk: Desk, own: &Own) -> bool {
    desk.devices.courier.with_value(|courier| courier.account.as_ref().is_some_and(|account| account.id() == own.id()))
}

/// Notes how far the copy is.
fn learn(desk: Desk, own: &Own, head: Option<JournalHead>) {
    if !is_current(desk, own) {
        return;
    }
    let there = Some(head.as_ref().map_or(0, |head| head.seq));
    if desk.devices.there.get_untracked() != there {
        desk.devices.there.set(there);
    }
    desk.devices.courier.update_value(|courier| courier.head = Some(head));
}

/// The room tells a trade that the copy has: where it is the next entry here, its line is spelled anew, and its
/// hash says whether that is the very line. So it needs not be asked for.
pub(super) fn heard_trade(desk: Desk, seq: u64, hash: &str, body: &str) {
    let head = desk.book.with_untracked(|book| book.as_ref().map(crate::desk::Book::head));
    let line = head.filter(|head| head.seq + 1 == seq).and_then(|head| spelled(&head, body));
    let is_it = |line: &String| {
        let hash = hash.strip_prefix("0x").unwrap_or(hash);
        Entry::read(line.clone()).is_ok_and(|entry| JournalHead::from(entry.head()).hash == hash)
    };
    match (in_hand(desk), desk.journals.get_value(), head, line.filter(is_it)) {
        (Some(own), Some(journals), Some(head), Some(line)) => {
            desk.devices.courier.update_value(|courier| courier.coming = seq);
            spawn_local(async move {
                let taken = take(desk, &own, journals, head.into(), vec![line]).await;
                desk.devices.courier.update_value(|courier| courier.coming = 0);
                let here = desk.book.with_untracked(|book| book.as_ref().map(crate::desk::Book::head));
                match here.filter(|here| taken == Ok(true) && here.seq == seq) {
                    Some(here) => learn(desk, &own, Some(here.into())),
                    None => nudge(desk, true),
                }
            });
        }
        _ => heard_of(desk, seq),
    }
}

/// The line of a trade that comes after `head`, as it is written where its clock was not set back meanwhile: a
/// trade is named by the moment in which it was written.
fn spelled(head: &Head, body: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: TradeId,
    }
    let Named { id } = serde_json::from_str(body).ok()?;
    let mut moment = [0; 8];
    moment[2..].copy_from_slice(id.as_bytes().get(..6)?);
    let at = Timestamp::from_millis(i64::from_be_bytes(moment)).max(head.at);
    let prev = JournalHead::from(*head).hash;
    let (seq, at) = ((head.seq + 1).to_string(), at.to_string());
    let parts = [
        r#"{"v":1,"seq":"#,
        &seq,
        r#","at":""#,
        &at,
        r#"","kind":"traded","body":"#,
        body,
        r#","prev":""#,
        &prev,
        "\"}",
    ];
    Some(parts.concat())
}

/// The room says that the copy has an entry: it is fetched where it is not here.
pub(super) fn heard_of(desk: Desk, seq: u64) {
    let here = desk.book.with_untracked(|book| book.as_ref().map(crate::desk::Book::seq));
    let coming = desk.devices.courier.with_value(|courier| courier.coming);
    if here.is_some_and(|here| seq > here.max(coming)) {
        nudge(desk, true);
    } else if !has_turn(desk) && desk.devices.there.get_untracked().is_some_and(|there| seq > there) {
        // Another tab of this browser has handed it in.
        desk.devices.there.set(Some(seq));
    }
}

/// The hash of an entry of this device's journal.
pub(super) async fn hash_at(desk: Desk, journals: &Journals, account: AccountId, seq: u64) -> Option<String> {
    let head = desk.book.with_untracked(|book| {
        let book = book.as_ref().filter(|book| book.record().id == account && book.seq() == seq)?;
        Some(book.head())
    });
    let head = match head {
        Some(head) => head,
        None => {
            let line = journals.lines(account, seq, 1).await.ok()?.pop()?;
            Entry::read(line).ok().filter(|entry| entry.seq == seq)?.head()
        }
    };
    Some(JournalHead::from(head).hash)
}

/// Takes lines that another device wrote after `after`: verified, kept, and only then seen. `false` where they
/// do not continue this journal.
///
/// # Errors
/// Why they were not kept, in words.
async fn take(
    desk: Desk,
    own: &Own,
    journals: Journals,
    after: JournalHead,
    lines: Vec<String>,
) -> Result<bool, String> {
    let id = own.id();
    let taken = exclusively(id, async move {
        commands::catch_up(desk, &journals, id).await.map_err(|refusal| refusal.to_string())?;
        let checked = desk.book.with_untracked(|book| {
            let book = book.as_ref().filter(|book| book.record().id == id)?;
            // What another tab of this browser has taken meanwhile is here already.
            let known = usize::try_from(book.seq().saturating_sub(after.seq)).unwrap_or(usize::MAX);
            let new = lines.get(known..).unwrap_or_default().to_vec();
            let first = book.seq() + 1;
            let follows = new.first().and_then(|line| Entry::read(line.clone()).ok().map(|entry| entry.seq == first));
            Some((first, follows != Some(false) && book.check(&new).is_ok(), new))
        });
        let Some((first, is_good, new)) = checked else { return Ok(true) };
        if !is_good || new.is_empty() {
            return Ok(is_good);
        }
        let numbered = (first..).zip(new.iter().map(String::as_str));
        journals.append(id, numbered).await.map_err(|error| error.to_string())?;
        desk.book.update(|book| {
            if let Some(book) = book.as_mut().filter(|book| book.record().id == id) {
                // It was checked, under the lock.
                let _ = book.follow(first, &new);
            }
        });
        Ok(true)
    });
    let taken = taken.await;
    if taken == Ok(true) {
        desk.tell_tabs();
        opening::keep_snapshot(desk);
    }
    taken
}

/// Hands in what the copy lacks, in order, a page at a time.
async fn hand_in(desk: Desk, own: &Own) -> Result<(), Refused> {
    let Some(journals) = desk.journals.get_value() else { return Ok(()) };
    let mut most = MOST_BYTES;
    loop {
        let Some(head) = desk.devices.courier.with_value(|courier| courier.head.clone()) else { return Ok(()) };
        let from = head.as_ref().map_or(0, |head| head.seq);
        let here = desk.book.with_untracked(|book| {
            book.as_ref().filter(|book| book.record().id == own.id()).map(crate::desk::Book::seq)
        });
        if here.is_none_or(|here| here <= from) {
            desk.devices.trouble.set(None);
            return Ok(());
        }
        match hand_in_page(&journals, own, head, None, &mut most).await {
            Ok(Some(head)) => learn(desk, own, Some(head)),
            Ok(None) => return Ok(()),
            Err(refused) => {
                if refused.status() == 409 {
                    desk.devices.courier.update_value(|courier| courier.again = Some(true));
                }
                return Err(refused);
            }
        }
    }
}

/// Hands in a page of what comes after `head`, in the place of what came after it where that is named; nothing
/// where there is nothing. A page that is too long for the server is made shorter.
pub(super) async fn hand_in_page(
    journals: &Journals,
    own: &Own,
    head: Option<JournalHead>,
    instead_of: Option<JournalHead>,
    most: &mut usize,
) -> Result<Option<JournalHead>, Refused> {
    let from = head.as_ref().map_or(0, |head| head.seq) + 1;
    // A store that does not answer says so where it matters: at a trade.
    let Ok(mut lines) = journals.lines(own.id(), from, MOST_LINES).await else { return Ok(None) };
    if lines.is_empty() {
        return Ok(None);
    }
    loop {
        let mut bytes = 0;
        let fit = lines.iter().take_while(|line| {
            bytes += line.len();
            bytes <= *most
        });
        let fit = fit.count().max(1);
        lines.truncate(fit);
        let append = Append { device: this::id(), after: head.clone(), instead_of: instead_of.clone(), lines };
        match post(own, &append).await {
            Ok(head) => return Ok(Some(head)),
            Err(refused) if refused.status() == 413 && append.lines.len() > 1 => {
                *most /= 2;
                lines = append.lines;
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// Hands in what the copies of this device's other accounts lack, once a visit. What differs there is told when
/// such an account is in hand.
fn sweep(desk: Desk, in_hand: AccountId) {
    if desk.devices.courier.with_value(|courier| courier.has_swept) {
        return;
    }
    desk.devices.courier.update_value(|courier| courier.has_swept = true);
    let mut others = desk.accounts.get_untracked();
    others.retain(|record| record.id != in_hand && !record.alone && record.parted.is_none());
    spawn_local(async move {
        for own in others.into_iter().filter_map(Own::of) {
            let turn = turn_of(own.id());
            lock::hold(&turn, true, move |release| {
                // Another tab has it in hand, and sees to it.
                let Some(release) = release else { return };
                spawn_local(async move {
                    // What comes of it is told when it is in hand.
                    let _ = send_other(desk, &own).await;
                    let _ = release.call0(&JsValue::NULL);
                });
            });
        }
    });
}

async fn send_other(desk: Desk, own: &Own) -> Result<(), Refused> {
    let Some(journals) = desk.journals.get_value() else { return Ok(()) };
    let mut head = page(own, BEYOND).await?.head;
    let here = journals.length(own.id()).await.unwrap_or_default();
    let from = head.as_ref().map_or(0, |head| head.seq);
    let is_ours = match &head {
        Some(head) if head.seq <= here => {
            hash_at(desk, &journals, own.id(), head.seq).await.is_some_and(|hash| hash == head.hash)
        }
        Some(_) => false,
        None => true,
    };
    if !is_ours || here <= from {
        return Ok(());
    }
    let mut most = MOST_BYTES;
    while let Some(next) = hand_in_page(&journals, own, head, None, &mut most).await? {
        head = Some(next);
    }
    let what = ["lease?device=", &this::id()].concat();
    accounts::say(Method::DELETE, own.id(), &what, &own.token, None).await.map(drop)
}

/// The owner wants a copy of the account in hand on the server, or none.
pub async fn keep_copy(desk: Desk, is_wanted: bool) {
    let Some(id) = desk.book.with_untracked(|book| book.as_ref().map(|book| book.record().id)) else { return };
    super::note(desk, id, |record| {
        record.alone = !is_wanted;
        if !is_wanted {
            // Who is on its own waits for nobody.
            record.elsewhere = None;
            record.parted = None;
        }
    })
    .await;
    changed(desk);
}

/// Puts the journal of the account in hand as the store has it now in the place of what this page has.
pub(super) async fn load_anew(desk: Desk, record: Record) {
    desk.tell_tabs_of_accounts();
    boot::load(desk, record).await;
}

#[cfg(test)]
mod tests {
    use shared::chain::Chain;
    use shared::ledger::{Event as Entered, Ledger, Opened, Settings};
    use shared::money::Usd;
    use shared::simulator;
    use shared::token::TokenTable;
    use shared::trade::{AcceptPriceAge, Order, Ppm, Seed, Size, TradeRequest};

    use super::*;
    use crate::desk::View;

    #[test]
    fn the_line_of_a_trade_follows_from_the_trade_and_the_entry_before_it() {
        let opened = Opened {
            account: AccountId::from_bytes([7; 16]),
            market: MarketKind::Demo,
            name: "Demo".into(),
            deposit: Usd::whole(10_000),
            settings: Settings::default(),
        };
        let start = Timestamp::from_secs(1_790_000_000);
        let (mut ledger, _) = Ledger::open(opened, start).unwrap();
        let token = TokenTable::builtin().by_symbol(Chain::Base, "WETH").unwrap().key;
        // The second trade is from before the first: its entry takes the first one's time.
        for (seed, later_ms) in [(1, 1_234), (2, 500), (3, 9_999)] {
            let now = start.plus_millis(later_ms);
            let request = TradeRequest {
                id: TradeId::new(now, [seed; 10]),
                order: Order::Buy { token, size: Size::Usd(Usd::whole(100)) },
                tolerance: Ppm::new(5_000).unwrap(),
                accept_price_age: AcceptPriceAge::No,
                max_impact: None,
            };
            let market = View::demo(now).market;
            let trade = simulator::execute(ledger.account(), &request, &market, now, Seed(seed.into())).unwrap();
            let before = ledger.head();
            let entry = ledger.append(Entered::Traded(trade), now).unwrap();
            let body = entry.line.split_once(r#""body":"#).unwrap().1.rsplit_once(r#","prev""#).unwrap().0;
            assert_eq!(spelled(&before, body).as_deref(), Some(&*entry.line));
        }
        assert_eq!(spelled(&ledger.head(), "{}"), None);
    }
}
