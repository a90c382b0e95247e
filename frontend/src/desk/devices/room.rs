//! The account's room on the page's one socket: word of new entries, of other devices, of bots and of alerts.
//!
//! A word of an entry is only a reason to fetch it: what is shown comes from lines that were verified. After a
//! lost connection the room goes on where it was; what is gone by then is fetched as a whole.

use std::borrow::Cow;

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::ids::AccountId;
use shared::time::Timestamp;
use shared::wire::room::{AlertMessage, JOINED, Joined, PRESENCE, Presence, REFUSED, ThoughtLogCreated, TradeUpdate};

use super::{courier, in_hand};
use crate::desk::{Desk, alerts, push};
use crate::io::clock;

/// A frame about a room.
#[derive(Deserialize)]
pub struct Frame<'a> {
    /// What it is.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// Which room.
    #[serde(default, borrow)]
    pub room: Cow<'a, str>,
    /// Its place in it.
    #[serde(default, borrow)]
    pub epoch: Option<Cow<'a, str>>,
    /// The offset in the epoch.
    #[serde(default)]
    pub offset: Option<u64>,
    /// When it was said.
    #[serde(default)]
    pub ts: Option<Timestamp>,
    /// What is said.
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    /// Reads one, where it is about this account's room.
    pub fn of(text: &'a str, account: AccountId) -> Option<Frame<'a>> {
        Frame::in_room(text, &account.room())
    }

    /// Reads one, where it is about the room of this name.
    pub fn in_room(text: &'a str, room: &str) -> Option<Frame<'a>> {
        let frame: Frame<'a> = serde_json::from_str(text).ok()?;
        (frame.room == room).then_some(frame)
    }

    /// Where to go on after it.
    pub fn place(&self) -> Option<(String, u64)> {
        Some((self.epoch.as_deref()?.to_owned(), self.offset?))
    }

    /// What it says, read as it is to be.
    pub fn read<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.data?.get()).ok()
    }
}

/// The frame that asks to be let into an account's room, after the place that was read last.
pub fn ask(account: AccountId, token: &str, place: Option<&(String, u64)>) -> String {
    ask_for(&account.room(), token, place)
}

/// The frame that asks to be let into the room of this name.
pub fn ask_for(room: &str, token: &str, place: Option<&(String, u64)>) -> String {
    // Names, tokens and epochs need no escaping.
    let mut frame = [r#"{"v":1,"type":"join","room":""#, room, r#"","token":""#, token, "\""].concat();
    if let Some((epoch, offset)) = place {
        frame.push_str(&[r#","epoch":""#, epoch, r#"","offset":"#, &offset.to_string()].concat());
    }
    frame + "}"
}

/// Enters the room of the account in hand.
pub fn join(desk: Desk) {
    if let Some(own) = in_hand(desk) {
        let place = desk.devices.courier.with_value(|courier| courier.place.clone());
        push::say(desk, &ask(own.id(), &own.token, place.as_ref()));
    }
}

pub(super) fn leave(desk: Desk, account: AccountId) {
    leave_it(desk, &account.room());
}

/// Leaves the room of this name.
pub fn leave_it(desk: Desk, room: &str) {
    push::say(desk, &[r#"{"v":1,"type":"leave","room":""#, room, "\"}"].concat());
}

/// The socket is gone: the copy is asked until another one stands.
pub(super) fn lost(desk: Desk) {
    desk.devices.courier.update_value(|courier| courier.is_told = false);
    courier::nudge(desk, true);
}

pub(super) fn heard(desk: Desk, text: &str) {
    let Some(own) = in_hand(desk) else { return };
    let Some(frame) = Frame::of(text, own.id()) else { return };
    if let Some(place) = frame.place() {
        desk.devices.courier.update_value(|courier| courier.place = Some(place));
    }
    match &*frame.kind {
        JOINED => {
            push::is_good(desk);
            desk.devices.courier.update_value(|courier| courier.is_told = true);
            if let Some(joined) = frame.read::<Joined>() {
                desk.devices.readers.set(Some(joined.readers));
            }
            // Whatever was missed, the copy has it.
            courier::nudge(desk, true);
        }
        PRESENCE => {
            if let Some(Presence { readers }) = frame.read() {
                desk.devices.readers.set(Some(readers));
            }
        }
        REFUSED => desk.devices.readers.set(None),
        kind => take(desk, kind, frame.data.map_or("", RawValue::get), frame.ts.unwrap_or_else(clock::now)),
    }
}

fn take(desk: Desk, kind: &str, data: &str, at: Timestamp) {
    #[derive(Deserialize)]
    struct Entry {
        seq: u64,
    }
    #[derive(Default, Deserialize)]
    struct Bulk<'a> {
        #[serde(borrow)]
        messages: Vec<Item<'a>>,
    }
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    match kind {
        "thought_log_created" => {
            if let Ok(thought) = serde_json::from_str::<ThoughtLogCreated>(data) {
                desk.devices.note_thought(at, thought);
            }
        }
        "alert_message" => {
            if let Ok(AlertMessage { alert, over }) = serde_json::from_str(data) {
                desk.alerts.update(|all| alerts::told(all, alert, over.then_some(at)));
            }
        }
        "trade_update" => {
            if let Ok(TradeUpdate { seq, hash, trade }) = serde_json::from_str(data) {
                courier::heard_trade(desk, seq, &hash, trade.get());
            }
        }
        "session_update" => courier::nudge(desk, true),
        "bulk_update" => {
            for Item { kind, data } in serde_json::from_str::<Bulk<'_>>(data).unwrap_or_default().messages {
                take(desk, &kind, data.get(), at);
            }
        }
        _ => {
            if let Ok(Entry { seq }) = serde_json::from_str(data) {
                courier::heard_of(desk, seq);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::room::Join;

    use super::*;

    #[test]
    fn a_join_reads_as_it_is_written_and_says_where_it_was() {
        let account = AccountId::from_bytes([7; 16]);
        let place = ("5d41402abc4b2a76".to_owned(), 12);
        let bare: Join = serde_json::from_str(&ask(account, "ab", None)).unwrap();
        assert_eq!(bare, Join { room: account.room(), token: "ab".into(), epoch: None, offset: None });
        let again: Join = serde_json::from_str(&ask(account, "ab", Some(&place))).unwrap();
        assert_eq!((again.epoch, again.offset), (Some(place.0), Some(12)));
    }

    #[test]
    fn a_frame_is_read_only_by_those_in_its_room() {
        let (here, elsewhere) = (AccountId::from_bytes([7; 16]), AccountId::from_bytes([8; 16]));
        let text = ["{\"v\":1,\"type\":\"x\",\"room\":\"", &here.room(), "\",\"epoch\":\"e\",\"offset\":3}"].concat();
        assert_eq!(Frame::of(&text, here).unwrap().place(), Some(("e".into(), 3)));
        assert!(Frame::of(&text, elsewhere).is_none() && Frame::of("{\"type\":\"heartbeat\"}", here).is_none());
    }
}
