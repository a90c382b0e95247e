//! The desk: everything the page shows, as signals, and what a person can ask of it.
//!
//! State flows down: components read signals and derive. Intent goes up: they call [`commands`].
//! What comes from outside (prices, ticks, lost connections) enters through [`Desk::apply`], and
//! nowhere else. The desk lives at the root, so nothing that waits can outlive it.

pub mod accounts;
pub mod alerts;
pub mod apply;
pub mod book;
pub mod boot;
pub mod cells;
pub mod commands;
pub mod devices;
pub mod diagnostics;
pub mod entries;
pub mod feed;
pub mod link;
pub mod live;
pub mod opening;
pub mod push;
pub mod tabs;
pub mod toasts;
pub mod transfer;
pub mod view;
pub mod watch;
pub mod work;

use std::collections::BTreeSet;

use leptos::prelude::*;
use shared::chain::Chain;
use shared::ids::AccountId;
use shared::ledger::{Account, MarketKind, Valuation};
use shared::quote::{Freshness, Quote};
use shared::time::Timestamp;
use shared::token::{Origin, Token, TokenKey, TokenTable};
use shared::wire::Greeting;

use crate::io::channel::Channel;
use crate::io::clock;
use crate::io::database::StoreError;
use crate::io::journal::{Journals, Record};

use alerts::Noted;
pub use apply::Event;
pub use book::{Book, Damaged};
use cells::Cells;
pub use devices::{Devices, Held};
pub use diagnostics::Diagnostics;
pub use link::Link;
pub use push::Line;
use push::Push;
pub use toasts::{Toast, Toasts, Tone};
pub use view::View;
pub use work::Progress;

/// The reactive store of the whole page. A handful of handles: copying it copies nothing else.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The time by the server's clock, a second apart.
    pub now: RwSignal<Timestamp>,
    /// What is known of the market of the account in hand.
    pub view: RwSignal<View>,
    /// What is shown of each token, a signal a figure.
    cells: StoredValue<Cells>,
    /// How the connection to the backend is.
    pub link: RwSignal<Link>,
    /// How prices come over it.
    pub line: RwSignal<Line>,
    /// What is wrong in the market, and what was in this visit, oldest first.
    pub alerts: RwSignal<Vec<Noted>>,
    /// What the backend said of itself, if one answered.
    pub server: RwSignal<Option<Greeting>>,
    /// The account in hand. `None` until one is open.
    pub book: RwSignal<Option<Book>>,
    /// The accounts of this device.
    pub accounts: RwSignal<Vec<Record>>,
    /// What the account is worth at the prices known now.
    pub valuation: Memo<Option<Valuation>>,
    /// What stands in the way of keeping anything, if something does.
    pub trouble: RwSignal<Option<Trouble>>,
    /// The token the page is about.
    pub selected: RwSignal<TokenKey>,
    /// Tokens without a price of their own that somebody looked at: asked for from then on.
    pub watched: RwSignal<BTreeSet<TokenKey>>,
    /// The entry whose receipt is open.
    pub receipt: RwSignal<Option<u64>>,
    /// The account whose journal was saved to a file last.
    pub exported: RwSignal<Option<AccountId>>,
    /// The market of the account that is watched by a link, where one is.
    pub watching: RwSignal<Option<MarketKind>>,
    watch: StoredValue<Option<watch::Watch>>,
    /// Messages about what happened.
    pub toasts: Toasts,
    /// What this session measured of itself.
    pub diagnostics: Diagnostics,
    /// The account beyond this device.
    pub devices: Devices,
    /// Work on a whole journal that is under way.
    pub progress: RwSignal<Option<Progress>>,
    /// The number of the work begun last, and of the one that was stopped.
    last_work: StoredValue<u64>,
    stopped: StoredValue<u64>,
    /// The way to the other tabs, where the browser has one.
    channel: StoredValue<Option<Channel>, LocalStorage>,
    /// Where journals are kept; `None` until the store is open.
    journals: StoredValue<Option<Journals>, LocalStorage>,
    /// Which opening of an account is the latest.
    opening: StoredValue<u64>,
    /// Which run of the feed is the current one.
    turn: StoredValue<u64>,
    /// The socket over which the server tells prices.
    push: StoredValue<Push, LocalStorage>,
}

/// What stands in the way of keeping an account.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The browser does not let the page store anything, or has no room: trades are refused.
    NotKept(StoreError),
    /// The journal on this device does not read. Nothing is traded on it.
    Damaged(Box<Record>, Damaged),
}

impl Desk {
    fn new() -> Desk {
        let view = RwSignal::new(View::empty(MarketKind::Real));
        let book: RwSignal<Option<Book>> = RwSignal::new(None);
        Desk {
            now: RwSignal::new(clock::now()),
            view,
            cells: StoredValue::new(Cells::new()),
            link: RwSignal::new(Link::Unknown),
            line: RwSignal::new(Line::Asking),
            alerts: RwSignal::new(Vec::new()),
            server: RwSignal::new(None),
            book,
            valuation: Memo::new(move |_| {
                let book = book.read();
                let view = view.read();
                book.as_ref()?.account().valuation_by(|key| view.market.quotes.get(&key).map(|quote| quote.price)).ok()
            }),
            accounts: RwSignal::new(Vec::new()),
            trouble: RwSignal::new(None),
            selected: RwSignal::new(first_token()),
            watched: RwSignal::new(BTreeSet::new()),
            receipt: RwSignal::new(None),
            exported: RwSignal::new(None),
            watching: RwSignal::new(None),
            watch: StoredValue::new(None),
            toasts: Toasts::new(),
            diagnostics: Diagnostics::new(),
            devices: Devices::new(),
            progress: RwSignal::new(None),
            last_work: StoredValue::new(0),
            stopped: StoredValue::new(0),
            channel: StoredValue::new_local(None),
            journals: StoredValue::new_local(None),
            opening: StoredValue::new(0),
            turn: StoredValue::new(0),
            push: StoredValue::new_local(Push::default()),
        }
    }

    /// Reads the account in hand, tracked; `None` until one is open.
    pub fn with_account<T>(&self, read: impl FnOnce(&Account) -> T) -> Option<T> {
        self.book.with(|book| book.as_ref().map(|book| read(book.account())))
    }

    /// Reads the account in hand once; `None` until one is open.
    pub fn with_account_untracked<T>(&self, read: impl FnOnce(&Account) -> T) -> Option<T> {
        self.book.with_untracked(|book| book.as_ref().map(|book| read(book.account())))
    }

    /// The market of the account in hand, or of the one that is watched, tracked.
    pub fn market_kind(&self) -> Option<MarketKind> {
        self.with_account(Account::market).or_else(|| self.watching.get())
    }

    /// The token with this key, as the account knows it: built in, listed, or added. Not tracked: what
    /// a key means never changes.
    pub fn token(&self, key: TokenKey) -> Option<Token> {
        let builtin = TokenTable::builtin().get(key).cloned();
        builtin.or_else(|| self.book.with_untracked(|book| book.as_ref()?.account().token(key).cloned()))
    }

    /// Symbol and decimals of a token; an unknown one shows its address.
    pub fn naming(&self, key: TokenKey) -> (String, u8) {
        self.token(key).map_or_else(
            || (crate::format::short_address(&key.checksummed()), 0),
            |token| (token.symbol, token.decimals),
        )
    }

    /// The quote a trade in this token would use now, tracked.
    pub fn quote(&self, key: TokenKey) -> Option<Quote> {
        self.view.with(|view| view.quote(key))
    }

    /// Whether even the newest price known is no longer fresh. Tracks the clock.
    pub fn is_stale(&self) -> bool {
        let now = self.now.get();
        self.view.with(|view| {
            view.newest().is_some_and(|quote| quote.freshness(now, view.market.thresholds) != Freshness::Fresh)
        })
    }

    /// Whether the account needs the backend and cannot reach it.
    pub fn is_offline(&self) -> bool {
        self.market_kind() == Some(MarketKind::Real) && self.link.with(Link::is_lost)
    }

    /// Whether the backend does not answer, whatever the account needs of it.
    pub fn is_cut_off(&self) -> bool {
        self.link.with(Link::is_lost) || self.devices.is_late.get()
    }

    /// Makes a token the one the page is about, and asks for its price from now on.
    pub fn select(&self, key: TokenKey) {
        self.selected.set(key);
        let has_own_price = TokenTable::builtin().get(key).is_some_and(|token| token.origin == Origin::Builtin);
        if !has_own_price && self.watched.with_untracked(|watched| !watched.contains(&key)) {
            self.watched.update(|watched| {
                watched.insert(key);
            });
            feed::kick(*self);
        }
    }
}

/// The token a new page is about: wrapped ether on Base, where gas is cheap.
fn first_token() -> TokenKey {
    let table = TokenTable::builtin();
    let weth = table.by_symbol(Chain::Base, "WETH").or_else(|| table.priced().next());
    // The table that ships is never empty; a test in `shared` holds that.
    weth.map_or(TokenKey { chain: Chain::Base, address: Default::default() }, |token| token.key)
}

/// Puts a desk at the root and sets it going.
pub fn provide_desk() -> Desk {
    let desk = Desk::new();
    provide_context(desk);
    tabs::listen(desk);
    cells::start(desk);
    boot::start(desk);
    feed::start(desk);
    desk
}

/// The same for a page that watches somebody else's account: no account of this device is opened.
pub fn provide_watching_desk() {
    let desk = Desk::new();
    provide_context(desk);
    cells::start(desk);
    feed::start(desk);
    watch::start(desk);
}

/// The page's desk.
pub fn use_desk() -> Desk {
    expect_context()
}
