//! What is told in the rooms: one for each paper account, and one for each live wallet.
//!
//! A message has a [`Kind`] and data of that kind. The server gives it a place: the room's `epoch`, which
//! changes whenever the server can no longer say what came before, and an `offset` that grows within it. Frames
//! of all kinds have one shape: `{"v":1,"type":"trade_update","room":"paper_trading_…","epoch":"…","offset":7,
//! "ts":"…","data":{…}}`. Readers pass over fields and kinds they do not know.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::alerts::Alert;
use crate::money::{Price, Quantity, Units, Usd};
use crate::time::Timestamp;
use crate::token::TokenKey;

/// Client to server: let me into a room, and tell me what I missed. See [`Join`].
pub const JOIN: &str = "join";
/// Client to server: I read this room no longer.
pub const LEAVE: &str = "leave";
/// Server to client: you are in. See [`Joined`]. What was missed follows, then what happens.
pub const JOINED: &str = "joined";
/// Server to client: how many read the room now. See [`Presence`]. It is told when that has changed, and changes that
/// come close together are told as one.
pub const PRESENCE: &str = "presence";
/// Server to client: the room stays closed, whether it exists or not. See [`Refused`].
pub const REFUSED: &str = "refused";

/// The kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A trade was executed: [`TradeUpdate`].
    TradeUpdate,
    /// The balance changed: [`PortfolioUpdate`]. Only the latest is kept.
    PortfolioUpdate,
    /// A position changed: [`PositionUpdated`].
    PositionUpdated,
    /// A bot was started, stopped or paused: [`BotStatusUpdate`]. Only the latest of each bot is kept.
    BotStatusUpdate,
    /// A bot says what it thought: [`ThoughtLogCreated`].
    ThoughtLogCreated,
    /// Figures of how it went so far: [`PerformanceUpdate`]. Only the latest is kept.
    PerformanceUpdate,
    /// A warning, or its end: [`AlertMessage`].
    AlertMessage,
    /// A device took the account up, or let it go: [`SessionUpdate`].
    SessionUpdate,
    /// A transaction on a real chain changed: the record as the API has it.
    TransactionUpdate,
    /// Prices changed, as `GET /api/v1/prices` has them.
    PriceUpdate,
    /// Several messages at once: [`BulkUpdate`].
    BulkUpdate,
}

/// The word names no kind of message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of message; there are: {known}", known = Kind::ALL.map(Kind::name).join(", "))]
pub struct UnknownKind(pub String);

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 11] = [
        Kind::TradeUpdate,
        Kind::PortfolioUpdate,
        Kind::PositionUpdated,
        Kind::BotStatusUpdate,
        Kind::ThoughtLogCreated,
        Kind::PerformanceUpdate,
        Kind::AlertMessage,
        Kind::SessionUpdate,
        Kind::TransactionUpdate,
        Kind::PriceUpdate,
        Kind::BulkUpdate,
    ];

    /// Its name, as `type` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::TradeUpdate => "trade_update",
            Kind::PortfolioUpdate => "portfolio_update",
            Kind::PositionUpdated => "position_updated",
            Kind::BotStatusUpdate => "bot_status_update",
            Kind::ThoughtLogCreated => "thought_log_created",
            Kind::PerformanceUpdate => "performance_update",
            Kind::AlertMessage => "alert_message",
            Kind::SessionUpdate => "session_update",
            Kind::TransactionUpdate => "transaction_update",
            Kind::PriceUpdate => "price_update",
            Kind::BulkUpdate => "bulk_update",
        }
    }

    /// Whether a later message makes the earlier ones worthless: then only the latest is kept and told.
    pub const fn is_latest_only(self) -> bool {
        matches!(self, Kind::PortfolioUpdate | Kind::PerformanceUpdate | Kind::BotStatusUpdate)
    }

    /// Whether an account's owner may tell it. Prices and real transactions are told by the server alone.
    pub const fn is_the_owners(self) -> bool {
        !matches!(self, Kind::PriceUpdate | Kind::TransactionUpdate)
    }

    /// Whether data reads as data of this kind: what is required is there, and what is known can be read.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(self, data: &str) -> Result<(), serde_json::Error> {
        fn reads<'a, T: Deserialize<'a>>(data: &'a str) -> Result<(), serde_json::Error> {
            serde_json::from_str::<T>(data).map(drop)
        }
        match self {
            Kind::TradeUpdate => reads::<TradeUpdate<'_>>(data),
            Kind::PortfolioUpdate => reads::<PortfolioUpdate>(data),
            Kind::PositionUpdated => reads::<PositionUpdated>(data),
            Kind::BotStatusUpdate => reads::<BotStatusUpdate>(data),
            Kind::ThoughtLogCreated => reads::<ThoughtLogCreated>(data),
            Kind::PerformanceUpdate => reads::<PerformanceUpdate>(data),
            Kind::AlertMessage => reads::<AlertMessage>(data),
            Kind::SessionUpdate => reads::<SessionUpdate>(data),
            Kind::TransactionUpdate => reads::<serde_json::Map<String, serde_json::Value>>(data),
            Kind::PriceUpdate => reads::<super::Prices>(data),
            Kind::BulkUpdate => reads::<BulkUpdate>(data),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or_else(|| UnknownKind(text.chars().take(48).collect()))
    }
}

/// What a [`JOIN`] frame says beside `v` and `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Join {
    /// The room's name.
    pub room: String,
    /// The owner's token, or that of a link to read.
    pub token: String,
    /// The epoch of the last message that was received, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// Its offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// What a [`LEAVE`] frame says beside `v` and `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Leave {
    /// The room's name.
    pub room: String,
}

/// A frame of the server about a room, other than a message in it.
#[derive(Debug, Serialize)]
pub struct Answer<'a, T> {
    /// The protocol's version.
    pub v: u32,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The room.
    pub room: &'a str,
    /// Its epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a str>,
    /// The offset after which it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// When it was said.
    pub ts: Timestamp,
    /// What is said.
    pub data: T,
}

/// What a [`JOINED`] frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Joined {
    /// Whether everything since the epoch and offset that were named follows. If not, what came before is to be
    /// fetched as a whole.
    pub recovered: bool,
    /// How many read this room now, at this server, the one that is told included.
    pub readers: u64,
}

/// What a [`PRESENCE`] frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Presence {
    /// How many read this room now, at this server.
    pub readers: u64,
}

/// What a [`REFUSED`] frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refused {
    /// Why, in words.
    pub reason: String,
}

/// A message as it is handed in: `POST /api/v1/rooms/{account_id}/messages`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, Serialize))]
pub struct NewMessage<'a> {
    /// What it is: one of the types of messages.
    #[serde(rename = "type", borrow)]
    #[cfg_attr(feature = "schema", schema(value_type = Kind))]
    pub kind: std::borrow::Cow<'a, str>,
    /// What it says.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub data: &'a RawValue,
    /// A name of the sender's own choosing, up to 64 characters. The same name again is the same message: it is
    /// told once, however often it is handed in.
    #[serde(default, borrow)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub id: Option<std::borrow::Cow<'a, str>>,
}

/// Where a message got its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Placed {
    /// The room's epoch.
    pub epoch: String,
    /// The offset in it.
    pub offset: u64,
}

/// A trade that is in the journal.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TradeUpdate<'a> {
    /// The number of its journal entry.
    pub seq: u64,
    /// The entry's hash: the transaction hash the receipt shows.
    pub hash: String,
    /// The trade as the journal has it.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub trade: &'a RawValue,
}

/// What an account is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PortfolioUpdate {
    /// US dollars not in any position.
    pub cash: Usd,
    /// Cash and positions together; absent where a position has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity: Option<Usd>,
    /// US dollars put in, less those taken out.
    pub deposits: Usd,
    /// Profit or loss of what was sold, all costs included.
    pub realised: Usd,
    /// Profit or loss of what is held; absent where a position has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrealised: Option<Usd>,
    /// How many positions there are.
    pub positions: u64,
    /// The number of the last journal entry it was told from, where the server told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// How often the owner has chosen one branch of the journal over another, where the server told it. When it
    /// has grown, what was told of trades and positions before counts no more: it is to be fetched as a whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub choices: u64,
}

/// What is usual is not said.
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A position after it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PositionUpdated {
    /// Of which token.
    pub token: TokenKey,
    /// How much of it, in base units.
    pub units: Units,
    /// What it cost, fees included.
    pub cost: Usd,
    /// Profit or loss of what was sold of it.
    pub realised: Usd,
    /// Its price, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// How a bot stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BotStatusUpdate {
    /// Which bot, by a name of its owner's choosing.
    pub bot: String,
    /// What it does.
    pub status: BotStatus,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a bot does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BotStatus {
    /// It trades.
    Running,
    /// It was ended.
    Stopped,
    /// It holds still and goes on later.
    Paused,
    /// Something a newer bot does.
    #[serde(other)]
    Unknown,
}

/// What a bot thought before it acted, or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ThoughtLogCreated {
    /// Which bot.
    pub bot: String,
    /// What it decided: a short word such as buy, sell or hold.
    pub decision: String,
    /// Why, in as many words as it takes.
    pub reasoning: String,
    /// How sure it is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Quantity>,
    /// About which token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenKey>,
}

/// How an account did so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PerformanceUpdate {
    /// Sales so far: only what is sold has won or lost.
    pub sales: u64,
    /// Those of them with a profit.
    pub wins: u64,
    /// Profit or loss of all of them together.
    pub realised: Usd,
    /// Dollars earned for each dollar put in, in percent; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_percent: Option<Quantity>,
    /// The deepest fall of the equity from a height it had, in percent of it; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_drawdown_percent: Option<Quantity>,
}

/// An alert, or its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlertMessage {
    /// The alert.
    pub alert: Alert,
    /// Whether it is over.
    #[serde(default)]
    pub over: bool,
}

/// A device and the account it has open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionUpdate {
    /// The device, by a name it gave itself.
    pub device: String,
    /// What it does with the account.
    pub status: SessionStatus,
    /// Since when.
    pub since: Timestamp,
}

/// What a device does with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It writes the journal.
    Writing,
    /// It follows.
    Following,
    /// It is gone.
    Ended,
    /// Something a newer device does.
    #[serde(other)]
    Unknown,
}

/// Several messages that belong together, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BulkUpdate {
    /// The messages.
    pub messages: Vec<BulkItem>,
}

/// One of several messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BulkItem {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it says.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub data: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_by_its_name_and_an_unknown_one_is_told_the_others() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "thougth_log_created".parse::<Kind>().unwrap_err().to_string();
        assert!(error.contains("`thougth_log_created`") && error.contains("thought_log_created"), "{error}");
    }

    #[test]
    fn data_is_checked_by_its_kind_and_may_hold_more_than_is_known() {
        for (kind, good, bad) in [
            (Kind::TradeUpdate, r#"{"seq":3,"hash":"0x1","trade":{"outcome":{}}}"#, r#"{"seq":3,"hash":"0x1"}"#),
            (
                Kind::PortfolioUpdate,
                r#"{"cash":"1.5","deposits":"10000","realised":"-2","positions":0}"#,
                r#"{"cash":1.5,"deposits":"10000","realised":"-2","positions":0}"#,
            ),
            (
                Kind::PositionUpdated,
                r#"{"token":"1:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2","units":"1","cost":"1","realised":"0"}"#,
                r#"{"token":"1:0xc0","units":"1","cost":"1","realised":"0"}"#,
            ),
            (Kind::BotStatusUpdate, r#"{"bot":"b","status":"dancing"}"#, r#"{"bot":"b"}"#),
            (
                Kind::ThoughtLogCreated,
                r#"{"bot":"b","decision":"hold","reasoning":"…","mood":7}"#,
                r#"{"bot":"b","decision":"hold"}"#,
            ),
            (
                Kind::PerformanceUpdate,
                r#"{"sales":2,"wins":1,"realised":"3"}"#,
                r#"{"sales":-2,"wins":1,"realised":"3"}"#,
            ),
            (
                Kind::SessionUpdate,
                r#"{"device":"d","status":"writing","since":"2026-01-01T00:00:00Z"}"#,
                r#"{"device":"d","status":"writing","since":"today"}"#,
            ),
            (Kind::TransactionUpdate, "{}", "[]"),
            (Kind::BulkUpdate, r#"{"messages":[{"type":"trade_update","data":{}}]}"#, r#"{"messages":{}}"#),
        ] {
            kind.check(good).unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert!(kind.check(bad).is_err(), "{kind}");
        }
    }
}
