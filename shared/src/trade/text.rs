//! How the small sums of a trade are written: short, because a journal holds a dozen of them a trade, and
//! legible, because people read journals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Amount, Depth, Seed, Size};
use crate::money::MoneyError;

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Usd(usd) => write!(f, "${usd}"),
            Size::Token(quantity) => quantity.fmt(f),
            Size::All => f.write_str("all"),
        }
    }
}

impl FromStr for Size {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('$') {
            Some(dollars) => dollars.parse().map(Size::Usd),
            None if text == "all" => Ok(Size::All),
            None => text.parse().map(Size::Token),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Usd(usd) => write!(f, "${usd}"),
            Amount::Units(units) => units.fmt(f),
        }
    }
}

impl FromStr for Amount {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('$') {
            Some(dollars) => dollars.parse().map(Amount::Usd),
            None => text.parse().map(Amount::Units),
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Depth::Reserves(units) => write!(f, "reserves {units}"),
            Depth::Liquidity(usd) => write!(f, "liquidity ${usd}"),
            Depth::Volume(usd) => write!(f, "volume ${usd}"),
            Depth::Assumed(usd) => write!(f, "assumed ${usd}"),
            Depth::Pinned => f.write_str("pinned"),
        }
    }
}

impl FromStr for Depth {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || MoneyError::NotANumber(text.chars().take(48).collect());
        match text.split_once(' ') {
            Some(("reserves", units)) => units.parse().map(Depth::Reserves),
            Some((kind, rest)) => {
                let usd = rest.strip_prefix('$').ok_or_else(unreadable)?.parse()?;
                match kind {
                    "liquidity" => Ok(Depth::Liquidity(usd)),
                    "volume" => Ok(Depth::Volume(usd)),
                    "assumed" => Ok(Depth::Assumed(usd)),
                    _ => Err(unreadable()),
                }
            }
            None if text == "pinned" => Ok(Depth::Pinned),
            None => Err(unreadable()),
        }
    }
}

/// Text as JSON, both ways. Writing goes through a buffer on the stack.
macro_rules! text_serde {
    ($type:ty, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|error| serde::de::Error::custom(format!(concat!($what, ": {}"), error)))
            }
        }
    };
}

text_serde!(Size, "a size (such as \"$1000\", \"0.5\" or \"all\")");
text_serde!(Amount, "an amount");
text_serde!(Depth, "a depth");
text_serde!(Seed, "a seed");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_read_back_from_the_text_they_are_written_as() {
        for text in ["$1000", "$-0.5", "0.5", "-1", "all"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["$0", "$436.33", "147189740111234571"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }
        for text in ["reserves 1", "liquidity $80000000", "volume $0.1", "assumed $1000000", "pinned"] {
            assert_eq!(text.parse::<Depth>().unwrap().to_string(), text);
        }
        for text in ["", "$", "$ 1", "1 000", "reserves $1", "liquidity 1", "deep $1", "pinned $1"] {
            assert!(text.parse::<Depth>().is_err() && text.parse::<Amount>().is_err() && text.parse::<Size>().is_err());
        }
    }
}
