//! `GET /api/v1/socket`: what the server and a page say to each other over the one WebSocket.
//!
//! Every frame is one JSON object of text, and carries its protocol's version `v` and its `type`. The server
//! puts what it says into `data`, beside the moment it said so:
//! `{"v":1,"type":"price_update","ts":"…","data":{…}}`; messages of a room will carry `room`, `epoch` and
//! `offset` there too. A client says what it wants flatly: `{"v":1,"type":"watch","tokens":["1:0x…"]}`.
//!
//! Both let pass what they do not know: a type, a field, a higher version. So a newer one and an older one
//! understand what they have in common. What cannot be read at all ends the connection by a [`Close`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chain::Chain;
use crate::time::Timestamp;

/// The protocol's version.
pub const VERSION: u32 = 1;
/// The longest frame a client may send, in bytes.
pub const MOST_BYTES: usize = 16 * 1024;
/// Where the socket is.
pub const PATH: &str = "/api/v1/socket";

/// Client to server: the tokens to be told of from now on, in place of those named before.
pub const WATCH: &str = "watch";
/// Server to client: prices that changed since the frame before, as `GET /api/v1/prices` has them. The first
/// after a `watch` holds everything known.
pub const PRICE_UPDATE: &str = "price_update";
/// Server to client: an alert began, changed, or is over, as [`super::room::AlertMessage`] has it. All that stand are
/// also in the `alerts` of every `price_update`.
pub const ALERT_MESSAGE: &str = "alert_message";
/// Server to client: nothing new, and the connection stands. Whoever hears nothing for longer than the
/// server's interval and a moment is talking to nobody.
pub const HEARTBEAT: &str = "heartbeat";

/// A frame of the server, as it is written.
#[derive(Debug, Serialize)]
pub struct Said<'a, T> {
    /// The protocol's version.
    pub v: u32,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// When it was said, by the server's clock.
    pub ts: Timestamp,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

impl<'a, T: Serialize> Said<'a, T> {
    /// Something said at `ts`.
    pub const fn new(kind: &'a str, ts: Timestamp, data: Option<T>) -> Said<'a, T> {
        Said { v: VERSION, kind, ts, data }
    }
}

/// A frame of the server, as far as it is read before its type is known.
#[derive(Debug, Deserialize)]
pub struct Heard<'a> {
    /// What it is about.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// When it was said, by the server's clock.
    #[serde(default)]
    pub ts: Option<Timestamp>,
    /// What was said, to be read as its type has it.
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
}

/// A frame of a client. Fields of other types of frames are absent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, Serialize))]
pub struct Asked {
    /// The protocol's version.
    pub v: u32,
    /// What it is about: `watch`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The tokens to watch: `CHAIN:ADDRESS`, or `CHAIN:ADDRESS@COIN` for one that is in no list.
    #[serde(default)]
    pub tokens: Vec<String>,
    /// The chains whose own coins to watch, beside those of the tokens.
    #[serde(default)]
    pub chains: Vec<Chain>,
}

/// A `watch` frame for tokens by their names.
pub fn watch<'a>(tokens: impl Iterator<Item = &'a str>) -> String {
    // Names of tokens need no escaping.
    let mut frame = String::from(r#"{"v":1,"type":"watch","tokens":["#);
    for (at, token) in tokens.enumerate() {
        frame.push_str(if at == 0 { "\"" } else { ",\"" });
        frame.push_str(token);
        frame.push('"');
    }
    frame.push_str("]}");
    frame
}

/// Why a connection ends: codes of RFC 6455, and our own from 4000 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The server stops, or moves: come back in a moment.
    Leaving = 1001,
    /// Frames are text; this one was not.
    NotText = 1003,
    /// A frame does not read.
    Malformed = 1007,
    /// More frames than anybody needs.
    TooMany = 1008,
    /// A frame is too large.
    TooLarge = 1009,
    /// The server made a mistake.
    Mistake = 1011,
    /// The client was not heard for too long.
    Silent = 4001,
    /// The client reads too slowly. What it missed is in the first frame after it comes back.
    Slow = 4002,
    /// The client asked for nothing.
    Unused = 4003,
}

impl Close {
    /// Every reason.
    pub const ALL: [Close; 9] = [
        Close::Leaving,
        Close::NotText,
        Close::Malformed,
        Close::TooMany,
        Close::TooLarge,
        Close::Mistake,
        Close::Silent,
        Close::Slow,
        Close::Unused,
    ];

    /// Its code.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The reason in words, where there is nothing more to say.
    pub const fn reason(self) -> &'static str {
        match self {
            Close::Leaving => "the server is stopping; come back in a moment",
            Close::NotText => "frames are JSON text",
            Close::Malformed => "the frame cannot be read",
            Close::TooMany => "too many frames; send `watch` when the tokens change",
            Close::TooLarge => "a frame of more than 16 KiB is not read",
            Close::Mistake => "the server made a mistake; come back",
            Close::Silent => "nothing was heard of you, not even a pong",
            Close::Unused => "nothing was asked of this socket; open it when there is something to `watch` or `join`",
            Close::Slow => "you read too slowly; come back and you are told how things stand",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_an_envelope_and_both_sides_pass_over_what_they_do_not_know() {
        let said = Said::new(PRICE_UPDATE, Timestamp::EPOCH, Some([1, 2]));
        let json = serde_json::to_string(&said).unwrap();
        assert_eq!(json, r#"{"v":1,"type":"price_update","ts":"1970-01-01T00:00:00.000Z","data":[1,2]}"#);
        let newer = r#"{"v":9,"room":"r","epoch":"e","offset":7,"data":{"a":{"b":1}},"type":"eclipse","x":[]}"#;
        let heard: Heard<'_> = serde_json::from_str(newer).unwrap();
        assert_eq!((&*heard.kind, heard.data.unwrap().get()), ("eclipse", r#"{"a":{"b":1}}"#));
        let bare: Asked = serde_json::from_str(r#"{"v":2,"type":"dance","steps":3}"#).unwrap();
        assert_eq!((bare.kind.as_str(), bare.tokens.len()), ("dance", 0));
    }

    #[test]
    fn a_watch_reads_as_it_is_written() {
        let names =
            ["1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "8453:0x4200000000000000000000000000000000000006@weth"];
        let asked: Asked = serde_json::from_str(&watch(names.into_iter())).unwrap();
        assert_eq!((asked.v, asked.kind.as_str(), asked.chains.len()), (VERSION, WATCH, 0));
        assert_eq!(asked.tokens, names);
        assert!(serde_json::from_str::<Asked>(&watch([].into_iter())).unwrap().tokens.is_empty());
    }

    #[test]
    fn every_reason_fits_a_close_frame() {
        for close in Close::ALL {
            assert!(close.reason().len() <= 123, "{close:?}");
        }
    }
}
