//! Every message of the rooms reads and is written again as it was, natively and in a browser, from one file of
//! examples. The server holds the same file to the JSON Schema in `docs/schemas/room.messages.json`.

use serde::Serialize;
use serde::de::Deserialize;
use serde_json::Value;
use shared::wire::Prices;
use shared::wire::room::{
    AlertMessage, BotStatusUpdate, BulkUpdate, Kind, PerformanceUpdate, PortfolioUpdate, PositionUpdated,
    SessionUpdate, ThoughtLogCreated, TradeUpdate,
};
use shared::wire::socket::Heard;

/// A frame a line, one of each kind.
const MESSAGES: &str = include_str!("room_messages.jsonl");

/// What is read of data of a type, written again.
fn again<'a, T: Deserialize<'a> + Serialize>(data: &'a str) -> String {
    let read: T = serde_json::from_str(data).expect("it reads");
    serde_json::to_string(&read).expect("it is written")
}

fn data_again(kind: Kind, data: &str) -> String {
    match kind {
        Kind::TradeUpdate => again::<TradeUpdate<'_>>(data),
        Kind::PortfolioUpdate => again::<PortfolioUpdate>(data),
        Kind::PositionUpdated => again::<PositionUpdated>(data),
        Kind::BotStatusUpdate => again::<BotStatusUpdate>(data),
        Kind::ThoughtLogCreated => again::<ThoughtLogCreated>(data),
        Kind::PerformanceUpdate => again::<PerformanceUpdate>(data),
        Kind::AlertMessage => again::<AlertMessage>(data),
        Kind::SessionUpdate => again::<SessionUpdate>(data),
        Kind::TransactionUpdate => again::<Value>(data),
        Kind::PriceUpdate => again::<Prices>(data),
        Kind::BulkUpdate => again::<BulkUpdate>(data),
    }
}

fn every_kind_reads_and_is_written_again() {
    let mut kinds = vec![];
    for line in MESSAGES.lines() {
        let heard: Heard<'_> = serde_json::from_str(line).expect("a frame");
        let kind: Kind = heard.kind.parse().expect("a kind");
        let data = heard.data.expect("data").get();
        kind.check(data).expect("data of its kind");
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(value(&data_again(kind, data)), value(data), "{kind}");
        kinds.push(kind);
    }
    assert_eq!(kinds, Kind::ALL, "each once");
}

#[cfg(not(target_family = "wasm"))]
#[test]
fn every_message_reads_and_is_written_again_as_it_was() {
    every_kind_reads_and_is_written_again();
}

#[cfg(target_family = "wasm")]
mod browser {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn every_message_reads_and_is_written_again_as_it_was() {
        super::every_kind_reads_and_is_written_again();
    }
}
