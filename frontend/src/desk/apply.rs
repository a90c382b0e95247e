//! What comes from outside, and how it changes the desk.

use leptos::prelude::*;
use shared::time::Timestamp;
use shared::wire::{Gas, Greeting, Markets, Prices};

use super::{Desk, Link, View, alerts};
use crate::io::api::ApiError;

/// Something that happened outside the page.
pub enum Event {
    /// A second passed.
    Ticked(Timestamp),
    /// The backend said what it is.
    Introduced(Greeting),
    /// Prices came.
    Priced(Prices),
    /// Pools came.
    Pooled(Markets),
    /// Gas came.
    Fuelled(Gas),
    /// A question went unanswered, or was answered badly.
    Failed(ApiError),
    /// The demo market moved on.
    DemoMoved(Timestamp),
    /// What the backend said on an earlier visit was found.
    Remembered {
        /// Its prices.
        prices: Vec<Prices>,
        /// Its pools.
        pools: Vec<Markets>,
        /// Its gas.
        gas: Vec<Gas>,
    },
}

impl Desk {
    /// Lets `event` change the desk. Each signal is written only where something changed.
    pub fn apply(&self, event: Event) {
        match event {
            Event::Ticked(now) => self.now.set(now),
            Event::Introduced(greeting) => self.server.set(Some(greeting)),
            Event::Priced(prices) => {
                if self.link.with_untracked(|link| *link != Link::Up) {
                    self.link.set(Link::Up);
                }
                let now = crate::io::clock::now();
                self.now.set(now);
                let mut alerts = self.alerts.get_untracked();
                if alerts::take(&mut alerts, &prices.alerts, now) {
                    self.alerts.set(alerts);
                }
                self.view.update(|view| view.take_prices(&prices));
            }
            Event::Pooled(markets) => self.view.update(|view| view.take_pools(&markets)),
            Event::Fuelled(gas) => self.view.update(|view| view.take_gas(&gas)),
            Event::Failed(error) => {
                let link = self.link.with_untracked(|link| link.after(&error, self.now.get_untracked()));
                let was_lost = self.link.with_untracked(Link::is_lost);
                if link.is_lost() && !was_lost {
                    self.view.update(View::cut_off);
                }
                self.link.set(link);
            }
            Event::DemoMoved(at) => self.view.set(View::demo(at)),
            Event::Remembered { prices, pools, gas } => self.view.update(|view| {
                // Whatever came in the meantime is newer.
                if view.market.quotes.is_empty() {
                    prices.iter().for_each(|prices| view.take_prices(prices));
                    pools.iter().for_each(|pools| view.take_pools(pools));
                    gas.iter().for_each(|gas| view.take_gas(gas));
                    view.cut_off();
                }
            }),
        }
    }
}
