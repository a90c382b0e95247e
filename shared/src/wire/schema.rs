//! How the core's own words look in an OpenAPI document or a JSON Schema.
//!
//! They are written by hand because they are not what their fields say: money is text.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::chain::Chain;
use crate::ids::{AccountId, TradeId, TransactionId};
use crate::ledger::{Footprint, Lot, Position};
use crate::money::{Price, Quantity, Units, Usd};
use crate::time::Timestamp;
use crate::token::{Origin, TokenKey};
use crate::trade::{Amount, Depth, Seed, Size};

fn text(description: &str, pattern: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .pattern(Some(pattern))
        .examples([example])
}

macro_rules! schema {
    ($type:ty, $schema:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema.build()))
            }
        }
        impl ToSchema for $type {}
    };
}

schema!(Usd, text("US dollars with at most 12 decimal places.", r"^-?\d+(\.\d{1,12})?$", "1234.56"));
schema!(Price, text("US dollars for one whole token: positive, at most 28 digits.", r"^\d+(\.\d{1,28})?$", "3141.59"));
schema!(Units, text("An amount in the token's base units.", r"^\d{1,78}$", "1500000000000000000"));
schema!(Quantity, text("A decimal of up to 77 decimal places.", r"^-?\d+(\.\d{1,77})?$", "1.5"));
schema!(
    Timestamp,
    text(
        "A moment in UTC, to the millisecond.",
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)$",
        "2026-01-31T12:00:00.000Z"
    )
    .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
);
schema!(
    Chain,
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .description(Some("A chain id of EIP-155."))
        .enum_values(Some(Chain::ALL.map(Chain::id)))
        .examples([8453])
);
schema!(
    TokenKey,
    text(
        "A token: the chain's id and the contract's address.",
        r"^\d+:0x[0-9a-fA-F]{40}$",
        "1:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
    )
);
schema!(
    Origin,
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some("Where a token came from."))
        .enum_values(Some(["builtin", "list", "user"]))
);
schema!(AccountId, text("A paper account.", r"^[0-9a-f]{32}$", "5f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5"));
schema!(
    TradeId,
    text(
        "A UUIDv7.",
        r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b21"
    )
);
schema!(
    TransactionId,
    text(
        "A UUIDv7.",
        r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b21"
    )
);
schema!(Seed, text("The seed of a trade's draws: a whole number below 2^64.", r"^\d{1,20}$", "42"));

schema!(Size, text("How much: dollars with a `$`, whole tokens, or `all`.", r"^(all|\$?-?\d+(\.\d+)?)$", "$1000"));
schema!(Amount, text("Dollars with a `$`, or base units.", r"^(\$-?\d+(\.\d+)?|\d+)$", "$436.33"));
schema!(
    Depth,
    text(
        "How deep the market was taken to be: a pool's reserve in base units, its liquidity or the token's daily \
         volume in dollars, an assumed liquidity, or the other side of the other token's pool.",
        r"^(reserves \d+|(liquidity|volume|assumed) \$\d+(\.\d+)?|pinned)$",
        "liquidity $80000000"
    )
);

impl PartialSchema for Position {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some("What an account holds, or once held, of one token."))
            .property("token", TokenKey::schema())
            .property("units", Units::schema())
            .property("cost", Usd::schema())
            .property("realised", Usd::schema())
            .property("lots", <Vec<Lot>>::schema())
            .property("footprint", Footprint::schema());
        let required = ["token", "units", "cost", "realised", "lots", "footprint"];
        RefOr::T(Schema::Object(required.into_iter().fold(object, ObjectBuilder::required).build()))
    }
}

impl ToSchema for Position {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_shows_an_example_that_it_reads_itself() {
        fn check<T: PartialSchema + serde::de::DeserializeOwned>() {
            let schema = serde_json::to_value(T::schema()).unwrap();
            let example = schema["examples"][0].clone();
            assert!(!example.is_null(), "{schema}");
            serde_json::from_value::<T>(example).unwrap();
        }
        check::<Usd>();
        check::<Price>();
        check::<Units>();
        check::<Quantity>();
        check::<Timestamp>();
        check::<Chain>();
        check::<TokenKey>();
        check::<AccountId>();
        check::<TradeId>();
        check::<Seed>();
        check::<Size>();
        check::<Amount>();
        check::<Depth>();
    }
}
