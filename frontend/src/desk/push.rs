//! Prices as the server tells them: over one socket, while it stands.
//!
//! [`super::feed`] asks over HTTP. Once it is answered it has a socket opened here, and while that brings
//! prices it asks no more. The socket ends, or is silent for too long: the feed asks again at once, and has
//! it opened anew after a wait that doubles and is drawn by chance, so that a server which comes back is not
//! met by everybody in one moment. A socket is only ever tried right after an answer: a server that is gone
//! is noticed by a question, which fails without noise.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::MarketKind;
use shared::token::TokenKey;
use shared::wire::Prices;
use shared::wire::socket::{self, PRICE_UPDATE};

use super::devices::{self, Word};
use super::{Desk, Event, feed};
use crate::io::clock;
use crate::io::socket::{Heard, Socket, is_online};

/// The server says something every 25 seconds. Longer silence than this and nobody is there.
const SILENCE_US: f64 = 35e6;
/// The first and the longest wait before a socket is tried again, in milliseconds.
const FIRST_RETRY_MS: f64 = 1_000.0;
const LAST_RETRY_MS: f64 = 30_000.0;
/// More tokens do not fit a frame: they are asked for as ever.
const MOST_TOKENS: usize = 300;
/// Answers that are kept for a visit without a backend: the last whole one, and as many updates after it.
const KEPT: usize = 8;

/// How prices come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// They are asked for.
    Asking,
    /// The server tells them as they change.
    Live,
    /// It did, until the connection broke.
    Broken,
}

/// The socket, and what is known of it.
#[derive(Default)]
pub struct Push {
    socket: Option<Socket>,
    /// What the server was asked to tell of.
    watching: Vec<TokenKey>,
    /// When it was last heard, by the stopwatch.
    heard_us: f64,
    /// Sockets that ended since one last brought prices.
    failures: i32,
    /// Before this there is no other try, by the stopwatch.
    retry_us: f64,
    /// What it told, to be kept: a line an answer.
    words: Vec<String>,
}

/// Whether the socket brings the prices of `tokens`: then there is no need to ask.
pub fn carries(desk: Desk, tokens: &[TokenKey]) -> bool {
    if desk.line.get_untracked() != Line::Live || tokens.len() > MOST_TOKENS {
        return false;
    }
    let is_silent = desk.push.with_value(|push| clock::stopwatch() - push.heard_us > SILENCE_US);
    if is_silent {
        broke(desk);
        return false;
    }
    if desk.push.with_value(|push| push.watching != tokens) {
        watch(desk, tokens);
    }
    true
}

/// The server has just answered: opens a socket to it, unless one is there, or it is too early.
pub fn open(desk: Desk, tokens: usize) {
    let is_due = desk.push.with_value(|push| push.socket.is_none() && clock::stopwatch() >= push.retry_us);
    if is_due && tokens <= MOST_TOKENS && is_online() {
        let socket = Socket::open(move |heard| match heard {
            Heard::Opened => {
                // The demo market needs no prices, and an account of it may have a room all the same.
                if desk.view.with_untracked(|view| view.market.kind == MarketKind::Real) {
                    watch(desk, &feed::wanted(desk));
                }
                devices::tell(desk, Word::Opened);
            }
            Heard::Said(text) => said(desk, &text),
            Heard::Closed => closed(desk),
        });
        desk.push.update_value(|push| {
            push.socket = socket;
            push.heard_us = clock::stopwatch();
        });
    }
}

/// Milliseconds until another socket may be tried; nothing where there is no need.
pub fn wait_ms(desk: Desk) -> Option<i32> {
    desk.push.with_value(|push| {
        let is_needed = push.socket.is_none() && push.failures > 0;
        is_needed.then(|| ((push.retry_us - clock::stopwatch()) / 1e3).max(0.0) as i32)
    })
}

/// Closes the socket: nobody looks, or the account has no use for it.
pub fn hang_up(desk: Desk) {
    desk.push.set_value(Push::default());
    desk.line.set(Line::Asking);
}

fn watch(desk: Desk, tokens: &[TokenKey]) {
    let names: Vec<String> = tokens.iter().map(TokenKey::to_string).collect();
    desk.push.update_value(|push| {
        push.watching = tokens.to_vec();
        // What comes next is everything that is known of them.
        push.words.clear();
        if let Some(socket) = &push.socket {
            socket.say(&socket::watch(names.iter().map(String::as_str)));
        }
    });
}

fn said(desk: Desk, text: &str) {
    // What a newer server says beyond what this page knows is passed over.
    let Ok(frame) = serde_json::from_str::<socket::Heard<'_>>(text) else { return };
    desk.push.update_value(|push| push.heard_us = clock::stopwatch());
    if let Some(at) = frame.ts {
        clock::hear(at);
    }
    if &*frame.kind != PRICE_UPDATE {
        return devices::tell(desk, Word::Said(text));
    }
    let Some(data) = frame.data else { return };
    let Ok(prices) = serde_json::from_str::<Prices>(data.get()) else { return };
    desk.push.update_value(|push| {
        push.failures = 0;
        if push.words.len() > KEPT {
            push.words.remove(1);
        }
        push.words.push(data.get().to_owned());
    });
    if desk.line.get_untracked() != Line::Live {
        desk.line.set(Line::Live);
    }
    desk.apply(Event::Priced(prices));
    let words = desk.push.with_value(|push| push.words.join("\n"));
    spawn_local(async move { feed::remember_prices(desk, &words).await });
}

fn closed(desk: Desk) {
    if desk.line.get_untracked() == Line::Live {
        broke(desk);
        feed::kick(desk);
    } else {
        later(desk);
    }
    devices::tell(desk, Word::Closed);
}

/// Says something to the server, where a socket stands.
pub fn say(desk: Desk, text: &str) {
    desk.push.with_value(|push| push.socket.iter().for_each(|socket| socket.say(text)));
}

/// The server has answered over it: what failed before is over.
pub fn is_good(desk: Desk) {
    desk.push.update_value(|push| push.failures = 0);
}

/// Lets go of a socket on which nothing was heard for too long, and says whether it did.
pub fn drop_if_silent(desk: Desk) -> bool {
    let is_silent =
        desk.push.with_value(|push| push.socket.is_some() && clock::stopwatch() - push.heard_us > SILENCE_US);
    if is_silent {
        later(desk);
    }
    is_silent
}

fn broke(desk: Desk) {
    desk.line.set(Line::Broken);
    later(desk);
}

/// Lets go of the socket, and says when another may be tried.
fn later(desk: Desk) {
    let (now, chance) = (clock::stopwatch(), js_sys::Math::random());
    desk.push.update_value(|push| {
        let failures = push.failures + 1;
        *push = Push { failures, retry_us: now + retry_ms(failures, chance) * 1e3, ..Push::default() };
    });
}

/// How long to wait after so many failures; `chance` is below one.
fn retry_ms(failures: i32, chance: f64) -> f64 {
    let most = (FIRST_RETRY_MS * f64::from(1 << failures.clamp(0, 6))).min(LAST_RETRY_MS);
    FIRST_RETRY_MS + chance * (most - FIRST_RETRY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_spread_by_chance_between_a_second_and_half_a_minute() {
        for (failures, most) in [(1, 2_000.0), (2, 4_000.0), (4, 16_000.0), (5, 30_000.0), (50, 30_000.0)] {
            assert_eq!((retry_ms(failures, 0.0), retry_ms(failures, 1.0)), (1_000.0, most), "{failures}");
        }
    }
}
