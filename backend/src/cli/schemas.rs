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
use shared::transaction;
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
        ("error.json", schema::<ErrorLine>("An error line of any command")),
    ];
    let text = |value: &Value| format!("{value:#}\n");
    let states = ("transaction-states.md", transaction::Status::document());
    files.into_iter().map(|(name, value)| (name, text(&value))).chain([states]).collect()
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
