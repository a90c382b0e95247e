//! Real transactions: what the server's operator sees of them and has done. Nothing here is paper, and nothing of a
//! paper account comes here.
//!
//! The operator's token is kept for the session of this tab alone, and travels in headers and frames. What changes is
//! told in the wallet's room on the page's one socket; what is not told is asked for. A swap that is handed in has a
//! key before it is sent, which is kept until the server has answered: what was perhaps not heard is asked again under
//! the same key, and is one transaction at most.

use std::cell::Cell;

use gloo_net::http::Method;
use js_sys::Reflect;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::money::Units;
use shared::time::Timestamp;
use shared::token::{TokenKey, TokenTable};
use shared::transaction::Status;
use shared::wire::room::{JOINED, REFUSED};
use shared::wire::transactions::{Asset, BreakerInfo, Breakers, NewTransaction, TransactionInfo, Transactions};
use shared::wire::wallet::{Holding, Offer, SwapQuote, Wallet, WalletChain};
use wasm_bindgen::JsValue;

use super::devices::{Word, room};
use super::{Desk, Tone, push};
use crate::format::{self, short_address};
use crate::io::accounts::{Refused, send};
use crate::io::{random, timer};

/// Where the session keeps the operator's token.
const TOKEN: &str = "foolscap.operator";
/// Where it keeps what was sent and not answered: key and body, with a line break between them.
const UNANSWERED: &str = "foolscap.unanswered";
const TRANSACTIONS: &str = "/api/v1/transactions";
/// How often to ask while the room tells what happens, in milliseconds; and while it does not.
const SELDOM_MS: i32 = 12_000;
const OFTEN_MS: i32 = 2_500;
/// Transactions that are shown at most.
const MOST: usize = 500;

thread_local! {
    /// The Live page, while it is open: whom the socket is to tell.
    static OPEN: Cell<Option<Live>> = const { Cell::new(None) };
}

/// What the Live page knows. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct Live {
    desk: Desk,
    /// The operator's token, where it was given.
    pub token: RwSignal<Option<String>>,
    /// The wallet as it was told last.
    pub wallet: RwSignal<Option<Wallet>>,
    /// Why the server did not tell the last time it was asked.
    pub refused: RwSignal<Option<Refused>>,
    /// The transactions, latest first.
    pub list: RwSignal<Vec<TransactionInfo>>,
    /// Whether they were told yet.
    pub is_listed: RwSignal<bool>,
    /// Where there are older ones.
    pub next: RwSignal<Option<TransactionId>>,
    /// Only these are wanted.
    pub filter: RwSignal<(Option<Chain>, Option<Status>)>,
    /// The one that is looked at.
    pub selected: RwSignal<Option<TransactionId>>,
    /// The circuit breakers.
    pub breakers: RwSignal<Vec<BreakerInfo>>,
    /// Whether something was sent of which nobody knows whether it arrived.
    pub unanswered: RwSignal<Option<NewTransaction>>,
    /// Whether it is being sent just now.
    pub is_sending: RwSignal<bool>,
    /// Whether the room tells what happens.
    pub is_told: RwSignal<bool>,
    /// Which run of the loop is the latest.
    turn: StoredValue<u64>,
}

/// Opens the page's state, and lets go of it with the page.
pub fn open(desk: Desk) -> Live {
    let live = Live {
        desk,
        token: RwSignal::new(kept(TOKEN)),
        wallet: RwSignal::new(None),
        refused: RwSignal::new(None),
        list: RwSignal::new(Vec::new()),
        is_listed: RwSignal::new(false),
        next: RwSignal::new(None),
        filter: RwSignal::new((None, None)),
        selected: RwSignal::new(None),
        breakers: RwSignal::new(Vec::new()),
        unanswered: RwSignal::new(
            kept(UNANSWERED).and_then(|kept| serde_json::from_str(kept.split_once('\n')?.1).ok()),
        ),
        is_sending: RwSignal::new(false),
        is_told: RwSignal::new(false),
        turn: StoredValue::new(0),
    };
    OPEN.set(Some(live));
    on_cleanup(move || {
        OPEN.set(None);
        live.leave();
    });
    live.begin();
    live
}

/// What the socket says, and whether it stands.
pub fn hear(word: &Word<'_>) {
    let Some(live) = OPEN.get() else { return };
    match word {
        Word::Opened => live.join(),
        Word::Said(text) => live.heard(text),
        Word::Closed => live.is_told.set(false),
        Word::Kept(_) | Word::Written => {}
    }
}

impl Live {
    /// Takes the operator's token, for this session.
    pub fn enter(self, token: String) {
        keep(TOKEN, &token);
        self.refused.set(None);
        self.token.set(Some(token));
        self.begin();
    }

    /// Forgets the token, and everything that it opened.
    pub fn forget(self) {
        keep(TOKEN, "");
        self.leave();
        self.turn.update_value(|turn| *turn += 1);
        self.token.set(None);
        self.wallet.set(None);
        self.refused.set(None);
        self.list.set(Vec::new());
        self.is_listed.set(false);
        self.selected.set(None);
        self.breakers.set(Vec::new());
    }

    /// Asks now, and from then on again and again.
    pub fn begin(self) {
        let Some(turn) = self.turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        }) else {
            return;
        };
        spawn_local(async move {
            // A page that is gone has no turn any more.
            while self.turn.try_get_value() == Some(turn) && self.token.get_untracked().is_some() {
                if document().visibility_state() != web_sys::VisibilityState::Hidden {
                    self.ask().await;
                }
                let is_told = self.is_told.try_get_untracked().unwrap_or_default();
                timer::sleep(if is_told { SELDOM_MS } else { OFTEN_MS }).await;
            }
        });
    }

    async fn ask(self) {
        let wallet = self.get::<Wallet>("/api/v1/wallet").await;
        let has_wallet = wallet.is_ok();
        match wallet {
            Ok(wallet) => {
                let _ = self.refused.try_set(None);
                let _ = self.wallet.try_set(Some(wallet));
            }
            Err(refused) => {
                // A token that opens nothing opens none of the rest.
                let is_closed = refused.status() == 401;
                let _ = self.refused.try_set(Some(refused));
                if is_closed {
                    return;
                }
            }
        }
        self.ask_for_list(false).await;
        if has_wallet {
            if let Ok(told) = self.get::<Breakers>("/api/v1/breakers").await {
                let _ = self.breakers.try_set(told.breakers);
            }
            if self.is_told.try_get_untracked() == Some(false) {
                push::open(self.desk, 0);
                self.join();
            }
        }
    }

    /// Asks for the transactions; for older ones than are there where `more`.
    pub async fn ask_for_list(self, more: bool) {
        let Some((chain, status)) = self.filter.try_get_untracked() else { return };
        let mut path = [TRANSACTIONS, "?limit=50"].concat();
        if let Some(chain) = chain {
            path = [&path, "&chain=", &chain.to_string()].concat();
        }
        if let Some(status) = status {
            path = [&path, "&status=", status.name()].concat();
        }
        let before = self.next.try_get_untracked().flatten().filter(|_| more);
        if let Some(before) = before {
            path = [&path, "&before=", &before.to_string()].concat();
        }
        let Ok(told) = self.get::<Transactions>(&path).await else { return };
        if self.filter.try_get_untracked() != Some((chain, status)) {
            return;
        }
        let is_first = self.list.with_untracked(Vec::is_empty);
        let next = told.next;
        self.list.update(|list| {
            if !more && (chain, status) != (None, None) {
                // Those that are not told of any more are in another state by now.
                let told: Vec<TransactionId> = told.transactions.iter().map(|info| info.id).collect();
                let oldest = told.last().copied().filter(|_| next.is_some());
                list.retain(|info| told.contains(&info.id) || oldest.is_some_and(|oldest| info.id < oldest));
            }
            told.transactions.into_iter().for_each(|info| take(list, info));
        });
        if more || is_first {
            self.next.set(next);
        }
        self.is_listed.set(true);
    }

    /// Shows other transactions.
    pub fn show(self, chain: Option<Chain>, status: Option<Status>) {
        self.filter.set((chain, status));
        self.list.set(Vec::new());
        self.next.set(None);
        self.is_listed.set(false);
        spawn_local(async move { self.ask_for_list(false).await });
    }

    /// What a swap would be.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn quote(self, asked: &NewTransaction) -> Result<SwapQuote, Refused> {
        let body = serde_json::to_string(asked).map_err(|_| Refused::Unreachable)?;
        read(&self.call(Method::POST, "/api/v1/transactions/quote", None, Some(body)).await?)
    }

    /// Hands a swap in. What is not answered is kept, to be asked again.
    ///
    /// # Errors
    /// [`Refused`]; [`Refused::Unreachable`] where nobody knows whether it arrived.
    pub async fn submit(self, asked: NewTransaction) -> Result<(), Refused> {
        let body = serde_json::to_string(&asked).map_err(|_| Refused::Unreachable)?;
        let key = random::device_id().map_err(|_| Refused::Unreachable)?;
        keep(UNANSWERED, &[&key, "\n", &body].concat());
        let _ = self.unanswered.try_set(Some(asked));
        self.ask_again().await
    }

    /// Asks again what was not answered, under the key it had.
    ///
    /// # Errors
    /// As [`Live::submit`].
    pub async fn ask_again(self) -> Result<(), Refused> {
        let Some(sent) = kept(UNANSWERED) else { return Ok(()) };
        let Some((key, body)) = sent.split_once('\n') else { return Ok(()) };
        let _ = self.is_sending.try_set(true);
        let mut answer = self.call(Method::POST, TRANSACTIONS, Some(key), Some(body.to_owned())).await;
        if answer == Err(Refused::Unreachable) {
            timer::sleep(1_000).await;
            answer = self.call(Method::POST, TRANSACTIONS, Some(key), Some(body.to_owned())).await;
        }
        let _ = self.is_sending.try_set(false);
        // What is the server's trouble of the moment may have been taken all the same.
        let is_unknown = |refused: &Refused| *refused == Refused::Unreachable || refused.status() >= 500;
        match &answer {
            Err(refused) if is_unknown(refused) => {}
            Ok(_) | Err(_) => self.forget_unanswered(),
        }
        let info: TransactionInfo = read(&answer?)?;
        let id = info.id;
        self.list.update(|list| take(list, info));
        self.selected.set(Some(id));
        Ok(())
    }

    /// Does not ask again.
    pub fn forget_unanswered(self) {
        keep(UNANSWERED, "");
        let _ = self.unanswered.try_set(None);
    }

    /// Has one done sooner, or not at all: `replace` or `cancel`.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn change(self, id: TransactionId, how: &str) -> Result<(), Refused> {
        let path = [TRANSACTIONS, "/", &id.to_string(), "/", how].concat();
        let info: TransactionInfo = read(&self.call(Method::POST, &path, None, None).await?)?;
        self.list.update(|list| take(list, info));
        Ok(())
    }

    /// Closes a breaker.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn reset(self, breaker: &BreakerInfo) -> Result<(), Refused> {
        let path = ["/api/v1/breakers/", &breaker.chain.to_string(), "/", &breaker.name, "/reset"].concat();
        let told: Breakers = read(&self.call(Method::POST, &path, None, None).await?)?;
        let _ = self.breakers.try_set(told.breakers);
        Ok(())
    }

    async fn get<T: DeserializeOwned>(self, path: &str) -> Result<T, Refused> {
        read(&self.call(Method::GET, path, None, None).await?)
    }

    async fn call(
        self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<String>,
    ) -> Result<String, Refused> {
        let token = self.token.try_get_untracked().flatten().unwrap_or_default();
        send(method, path, &token, key, body).await
    }

    fn room(self) -> Option<String> {
        let wallet = self.wallet.try_with_untracked(|wallet| wallet.as_ref().map(|told| told.wallet)).flatten()?;
        Some(["live_", &wallet.to_checksum(None)].concat())
    }

    fn join(self) {
        let token = self.token.try_get_untracked().flatten();
        if let Some((room, token)) = self.room().zip(token) {
            push::say(self.desk, &room::ask_for(&room, &token, None));
        }
    }

    fn leave(self) {
        if let Some(room) = self.room() {
            room::leave_it(self.desk, &room);
        }
        let _ = self.is_told.try_set(false);
    }

    fn heard(self, text: &str) {
        let Some(frame) = self.room().and_then(|room| room::Frame::in_room(text, &room)) else { return };
        match &*frame.kind {
            JOINED => {
                push::is_good(self.desk);
                self.is_told.set(true);
            }
            REFUSED => self.is_told.set(false),
            "transaction_update" => {
                let Some(info) = frame.data.and_then(|data| read::<TransactionInfo>(data.get()).ok()) else { return };
                let (chain, status) = self.filter.get_untracked();
                let is_wanted =
                    chain.is_none_or(|chain| chain == info.chain) && status.is_none_or(|status| status == info.status);
                let has_ended = info.is_final;
                self.list.update(|list| {
                    if is_wanted || list.iter().any(|known| known.id == info.id) {
                        take(list, info);
                    }
                });
                if has_ended {
                    // What is held has changed.
                    self.begin();
                }
            }
            _ => {}
        }
    }

    /// Says something to whoever looks at the page.
    pub fn say(self, tone: Tone, title: &str, body: &str) {
        self.desk.toasts.say(tone, title, body);
    }

    /// The time by the server's clock, a second apart.
    pub fn now(self) -> RwSignal<Timestamp> {
        self.desk.now
    }

    /// What an asset is called, and its decimals where they are known.
    pub fn naming(self, chain: Chain, asset: Asset) -> (String, Option<u8>) {
        let held = self.on(chain, |on| on.assets.iter().find(|held| held.asset == asset).cloned()).flatten();
        match (held, asset) {
            (Some(Holding { symbol, decimals, .. }), _) => (symbol, Some(decimals)),
            (None, Asset::Native) => (chain.facts().native_symbol.to_owned(), Some(18)),
            (None, Asset::Token(address)) => match TokenTable::builtin().get(TokenKey { chain, address }) {
                Some(token) => (token.symbol.clone(), Some(token.decimals)),
                None => (short_address(&address.to_checksum(None)), None),
            },
        }
    }

    /// An amount of an asset, as people read it.
    pub fn amount(self, chain: Chain, asset: Asset, units: Units) -> String {
        match self.naming(chain, asset) {
            (symbol, Some(decimals)) => [&format::units(units, decimals), " ", &symbol].concat(),
            (symbol, None) => [&units.to_string(), " base units of ", &symbol].concat(),
        }
    }

    /// Reads what is known of a chain. Tracked.
    pub fn on<T>(self, chain: Chain, look: impl FnOnce(&WalletChain) -> T) -> Option<T> {
        self.wallet.with(|wallet| wallet.as_ref()?.chains.iter().find(|on| on.chain == chain).map(look))
    }

    /// What a strategy offers for gas now. Tracked.
    pub fn offer(self, chain: Chain, by: &str) -> Option<Offer> {
        self.on(chain, |on| on.gas.iter().find(|offer| offer.by == by).cloned()).flatten()
    }
}

/// Puts a transaction where it belongs: in the place of what was known of it, or by its age. One that is older than
/// what is known changes nothing.
fn take(list: &mut Vec<TransactionInfo>, info: TransactionInfo) {
    match list.iter_mut().find(|known| known.id == info.id) {
        Some(known) => {
            if known.updated_at <= info.updated_at && *known != info {
                *known = info;
            }
        }
        None => {
            let at = list.partition_point(|known| known.id > info.id);
            list.insert(at, info);
            list.truncate(MOST);
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Refused> {
    // An answer that does not read is none.
    serde_json::from_str(text).map_err(|_| Refused::Unreachable)
}

/// The session's store: what is in it goes with the tab.
fn session() -> Option<JsValue> {
    let store = Reflect::get(&window(), &"sessionStorage".into()).ok()?;
    store.is_object().then_some(store)
}

fn kept(name: &str) -> Option<String> {
    Reflect::get(&session()?, &name.into()).ok()?.as_string().filter(|text| !text.is_empty())
}

/// Keeps a text; an empty one is none.
fn keep(name: &str, text: &str) {
    if let Some(store) = session() {
        // Where there is no room it holds for this page.
        let _ = Reflect::set(&store, &name.into(), &text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: u8, second: u8, status: &str) -> TransactionInfo {
        let text = format!(
            r#"{{"id":"01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b{id:02x}","chain":11155111,"sender":"0x0000000000000000000000000000000000000001",
            "purpose":{{"kind":"gap"}},"status":"{status}","is_final":false,"created_at":"2026-11-23T07:00:00.000Z",
            "updated_at":"2026-11-23T07:00:{second:02}.000Z","deadline":"2026-11-23T08:00:00.000Z","retries":0,"history":[],
            "attempts":[],"troubles":[],"fees_paid":"0"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_latest_word_on_a_transaction_counts_whichever_way_it_came() {
        let mut list = vec![];
        for told in [info(2, 1, "pending"), info(1, 1, "preparing"), info(3, 1, "preparing"), info(2, 5, "confirming")]
        {
            take(&mut list, told);
        }
        // What was on its way for longer says nothing new.
        take(&mut list, info(2, 4, "pending"));
        let seen: Vec<_> = list.iter().map(|info| (info.id, info.status)).collect();
        let id = |n: u8| info(n, 0, "pending").id;
        assert_eq!(
            seen,
            [(id(3), Status::Preparing), (id(2), Status::Confirming), (id(1), Status::Preparing)],
            "newest first, each once"
        );
    }
}
