//! One signal a cell: what the page shows of each token, every figure by itself.
//!
//! Prices of many tokens come at once. Whoever read them from [`View`] would wake for all the others too, so
//! whoever shows a token reads its [`Cell`]. When the market, the clock or the account changed, the desk looks
//! at each cell that was ever asked for and writes those that say something else now: a tick costs what it
//! changes, and no row is drawn anew.

use std::collections::BTreeMap;
use std::time::Duration;

use leptos::prelude::*;
use rust_decimal::Decimal;
use shared::ledger::{Valuation, Valued};
use shared::money::Price;
use shared::quote::Freshness;
use shared::time::Timestamp;
use shared::token::TokenKey;

use super::{Desk, View};

/// How long a cell is tinted after a tick: a little longer than the tint takes to fade.
const TINT: Duration = Duration::from_millis(450);

/// What is shown of one token. Copies share the signals.
#[derive(Clone)]
pub struct Cell {
    /// Its price, where it has one.
    pub price: ArcRwSignal<Option<Price>>,
    /// The class that tints a price which just moved: `tick-up`, `tick-down`, or none.
    pub tint: ArcRwSignal<&'static str>,
    /// Change over 24 hours in percent, to the hundredth that is shown, where it is known.
    pub change: ArcRwSignal<Option<Decimal>>,
    /// How old its price is, in the terms a trade is decided by; `None` without one.
    pub freshness: ArcRwSignal<Option<Freshness>>,
    /// What the account's position in it is worth, while there is one.
    pub worth: ArcRwSignal<Option<Valued>>,
}

/// The cells that were asked for.
pub type Cells = BTreeMap<TokenKey, Cell>;

/// Keeps the cells true to what the desk knows, for as long as the page lives.
pub fn start(desk: Desk) {
    Effect::new(move |_| {
        let (view, now) = (desk.view.read(), desk.now.get());
        let ticked = desk
            .cells
            .with_value(|cells| cells.iter().filter(|(key, cell)| cell.follow(&view, **key, now)).count() > 0);
        if ticked {
            set_timeout(move || desk.cells.with_value(|cells| cells.values().for_each(Cell::fade)), TINT);
        }
    });
    Effect::new(move |_| {
        let worth = desk.valuation.read();
        desk.cells.with_value(|cells| {
            for (key, cell) in cells {
                put(&cell.worth, valued(worth.as_ref(), *key));
            }
        });
    });
}

impl Desk {
    /// The cells of a token.
    pub fn cell(&self, key: TokenKey) -> Cell {
        if let Some(cell) = self.cells.with_value(|cells| cells.get(&key).cloned()) {
            return cell;
        }
        let (view, worth) = (self.view.read_untracked(), self.valuation.read_untracked());
        let cell = Cell {
            price: ArcRwSignal::new(price(&view, key)),
            tint: ArcRwSignal::new(""),
            change: ArcRwSignal::new(change(&view, key)),
            freshness: ArcRwSignal::new(view.freshness(key, self.now.get_untracked())),
            worth: ArcRwSignal::new(valued(worth.as_ref(), key)),
        };
        self.cells.update_value(|cells| drop(cells.insert(key, cell.clone())));
        cell
    }
}

impl Cell {
    /// Takes what the market says of the token at `now`. True where its price moved.
    fn follow(&self, view: &View, key: TokenKey, now: Timestamp) -> bool {
        let (before, after) = (self.price.get_untracked(), price(view, key));
        put(&self.price, after);
        put(&self.change, change(view, key));
        put(&self.freshness, view.freshness(key, now));
        // A first price is no move.
        let tint = match (before, after) {
            (Some(before), Some(after)) if after > before => "tick-up",
            (Some(before), Some(after)) if after < before => "tick-down",
            _ => return false,
        };
        put(&self.tint, tint);
        true
    }

    fn fade(&self) {
        put(&self.tint, "");
    }
}

/// Writes a cell if it is to say something else.
fn put<T: PartialEq + Send + Sync + 'static>(cell: &ArcRwSignal<T>, value: T) {
    if cell.with_untracked(|said| *said != value) {
        cell.set(value);
    }
}

fn price(view: &View, key: TokenKey) -> Option<Price> {
    view.quote(key).map(|quote| quote.price)
}

fn change(view: &View, key: TokenKey) -> Option<Decimal> {
    view.changes.get(&key).map(|percent| percent.round_dp(2))
}

fn valued(worth: Option<&Valuation>, key: TokenKey) -> Option<Valued> {
    worth?.positions.iter().find(|valued| valued.token == key).cloned()
}
