//! `foolscap schemas`: the API's description, a JSON Schema for every command's input and output, and the
//! states of a transaction.
//!
//! They are made from the types that read and write the JSON, and a test holds the files in `docs/`
//! to them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use shared::ledger::plain::Row;
use shared::market::Market;
use shared::time::Timestamp;
use shared::transaction;
use shared::wire::Prices;
use shared::wire::room::{
    AlertMessage, BotStatusUpdate, BulkUpdate, Kind, PerformanceUpdate, PortfolioUpdate, PositionUpdated,
    SessionUpdate, ThoughtLogCreated, TradeUpdate,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Exit;
use super::lines::ErrorLine;
use super::quote::{QuoteAnswer, QuoteRequest};
use super::replay::Replayed;
use super::simulate::{SimulateAnswer, SimulateRequest};
use crate::router;

/// Writes the API's description and the schemas of every command's input and output.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write them into
    #[arg(long, value_name = "FOLDER", default_value = "docs/schemas")]
    out: PathBuf,
}

/// Writes every file.
pub fn run(args: &Args) -> Exit {
    let written = fs::create_dir_all(&args.out)
        .and_then(|()| files().into_iter().try_for_each(|(name, text)| fs::write(args.out.join(name), text)));
    match written {
        Ok(()) => Exit::Ok,
        Err(error) => {
            eprintln!("foolscap: {}: {error}", args.out.display());
            Exit::Failed
        }
    }
}

/// Every file's name and text.
fn files() -> BTreeMap<&'static str, String> {
    let api = serde_json::to_value(router::openapi()).unwrap_or_default();
    let files = [
        ("openapi.json", api),
        ("simulate.input.json", schema::<SimulateRequest>("A line of input of `foolscap simulate`")),
        ("simulate.output.json", schema::<SimulateAnswer>("A line of output of `foolscap simulate`")),
        ("quote.input.json", schema::<QuoteRequest>("A line of input of `foolscap quote`")),
        ("quote.output.json", schema::<QuoteAnswer>("A line of output of `foolscap quote`")),
        ("replay.output.json", schema::<Replayed>("The output of `foolscap replay`")),
        ("ledger.output.json", schema::<Row>("A line of output of `foolscap ledger`")),
        ("market.json", schema::<Market>("A market file, as `foolscap simulate --market` takes it")),
        ("room.messages.json", messages()),
        ("error.json", schema::<ErrorLine>("An error line of any command")),
    ];
    let text = |value: &Value| format!("{value:#}\n");
    let states = ("transaction-states.md", transaction::Status::document());
    files.into_iter().map(|(name, value)| (name, text(&value))).chain([states]).collect()
}

/// A schema of every message of the rooms, as a reader gets it.
fn messages() -> Value {
    fn data<T: ToSchema + PartialSchema>(named: &mut Vec<(String, RefOr<Schema>)>) -> Value {
        T::schemas(named);
        serde_json::to_value(T::schema()).unwrap_or_default()
    }
    let mut named = vec![];
    let moment = data::<Timestamp>(&mut named);
    let kinds = Kind::ALL.map(|kind| {
        let data = match kind {
            Kind::TradeUpdate => data::<TradeUpdate<'_>>(&mut named),
            Kind::PortfolioUpdate => data::<PortfolioUpdate>(&mut named),
            Kind::PositionUpdated => data::<PositionUpdated>(&mut named),
            Kind::BotStatusUpdate => data::<BotStatusUpdate>(&mut named),
            Kind::ThoughtLogCreated => data::<ThoughtLogCreated>(&mut named),
            Kind::PerformanceUpdate => data::<PerformanceUpdate>(&mut named),
            Kind::AlertMessage => data::<AlertMessage>(&mut named),
            Kind::SessionUpdate => data::<SessionUpdate>(&mut named),
            Kind::TransactionUpdate => json!({ "type": "object" }),
            Kind::PriceUpdate => data::<Prices>(&mut named),
            Kind::BulkUpdate => data::<BulkUpdate>(&mut named),
        };
        json!({ "properties": { "type": { "const": kind.name() }, "data": data } })
    });
    let defs: Map<String, Value> =
        named.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect();
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A message of a room",
        "type": "object",
        "required": ["v", "type", "room", "epoch", "offset", "ts", "data"],
        "properties": {
            "v": { "type": "integer", "minimum": 1 },
            "type": { "type": "string" },
            "room": { "type": "string" },
            "epoch": { "type": "string" },
            "offset": { "type": "integer", "minimum": 1 },
            "ts": moment,
        },
        "oneOf": kinds,
        "$defs": defs,
    });
    point_inwards(&mut document);
    document
}

/// A JSON Schema (2020-12, which OpenAPI 3.1 speaks) of a type and everything it names.
fn schema<T: ToSchema + PartialSchema>(title: &str) -> Value {
    let mut named: Vec<(String, RefOr<Schema>)> = vec![];
    T::schemas(&mut named);
    let defs: Map<String, Value> =
        named.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect();
    let mut document = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let (Some(document), Ok(Value::Object(own))) = (document.as_object_mut(), serde_json::to_value(T::schema())) {
        document.extend(own);
        if !defs.is_empty() {
            document.insert("$defs".into(), Value::Object(defs));
        }
    }
    point_inwards(&mut document);
    document
}

/// References of an OpenAPI document, made to point into this one.
fn point_inwards(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => {
                        *target = target.replace("#/components/schemas/", "#/$defs/");
                    }
                    value => point_inwards(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(point_inwards),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        for (name, text) in files().into_iter().filter(|(name, _)| name.ends_with(".json")) {
            let document: Value = serde_json::from_str(&text).unwrap();
            let mut found = vec![];
            references(&document, &mut found);
            for reference in found {
                let path = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(path).is_some(), "{name}: {reference}");
            }
        }
    }

    /// The examples that `shared` reads and writes, natively and in a browser; and what is wrong in one place.
    #[test]
    fn every_message_of_a_room_is_valid_by_its_schema_and_a_wrong_one_is_not() {
        let schema = jsonschema::validator_for(&messages()).unwrap();
        let lines = include_str!("../../../shared/tests/room_messages.jsonl").lines();
        let frames: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(frames.len(), Kind::ALL.len());
        for frame in &frames {
            let errors: Vec<String> = schema.iter_errors(frame).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{frame}: {errors:?}");
            for field in ["v", "room", "epoch", "offset", "ts", "data"] {
                let mut wrong = frame.clone();
                wrong[field] = json!([]);
                assert!(!schema.is_valid(&wrong), "{field} of {wrong}");
            }
            // Every field that has to be there has to be there.
            let kind: Kind = frame["type"].as_str().unwrap().parse().unwrap();
            for field in frame["data"].as_object().unwrap().keys() {
                let mut without = frame.clone();
                without["data"].as_object_mut().unwrap().remove(field);
                let reads = kind.check(&without["data"].to_string()).is_ok();
                assert_eq!(schema.is_valid(&without), reads, "{kind} without {field}");
            }
        }
    }

    #[test]
    fn the_files_in_docs_are_those_of_this_version() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas");
        for (name, text) in files() {
            let kept = fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
            // As values: whether keys keep their order depends on what else is built with us.
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
            assert!(
                read(&kept) == read(&text),
                "docs/schemas/{name} is out of date: run `cargo run -p backend -- schemas`"
            );
        }
    }
}
