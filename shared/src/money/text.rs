//! The canonical text of money, and JSON by way of it.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serializer;

/// Writes an integer scaled by `10^-scale` in the canonical form.
pub(super) fn write(f: &mut fmt::Formatter<'_>, negative: bool, magnitude: u128, scale: u32) -> fmt::Result {
    f.write_str(scaled_text(&mut [b'0'; 96], negative, magnitude, scale))
}

/// Serialises the canonical text from a buffer on the stack.
pub(super) fn serialize<S: Serializer>(
    serializer: S,
    negative: bool,
    magnitude: u128,
    scale: u32,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(scaled_text(&mut [b'0'; 96], negative, magnitude, scale))
}

/// The same for a decimal.
pub(super) fn serialize_decimal<S: Serializer>(serializer: S, value: Decimal) -> Result<S::Ok, S::Error> {
    serialize(serializer, value.is_sign_negative(), value.mantissa().unsigned_abs(), value.scale())
}

/// The canonical text of `magnitude × 10^-scale`, written into the end of `buffer`.
fn scaled_text(buffer: &mut [u8; 96], negative: bool, mut magnitude: u128, mut scale: u32) -> &str {
    if magnitude == 0 {
        return "0";
    }
    // Trim zeros, by steps that keep to 64 bits where they can.
    while scale > 0 {
        if let Ok(small) = u64::try_from(magnitude) {
            let mut small = small;
            while scale > 0 && small.is_multiple_of(10) {
                small /= 10;
                scale -= 1;
            }
            magnitude = u128::from(small);
            break;
        }
        if !magnitude.is_multiple_of(10) {
            break;
        }
        magnitude /= 10;
        scale -= 1;
    }
    let mut at = buffer.len();
    let mut written = 0;
    let mut put = |byte: u8| {
        at -= 1;
        buffer[at] = byte;
    };
    let mut digit = |byte: u8| {
        put(byte);
        written += 1;
        if written == scale {
            put(b'.');
        }
    };
    while magnitude > u128::from(u64::MAX) {
        digit(b'0' + (magnitude % 10) as u8);
        magnitude /= 10;
    }
    let mut small = magnitude as u64;
    while small > 0 {
        digit(b'0' + (small % 10) as u8);
        small /= 10;
    }
    while written < scale {
        put(b'0');
        written += 1;
        if written == scale {
            put(b'.');
        }
    }
    if scale > 0 && buffer[at] == b'.' {
        at -= 1;
        buffer[at] = b'0';
    }
    if negative {
        at -= 1;
        buffer[at] = b'-';
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or("0")
}

/// `Debug` as the type's name around its text.
macro_rules! debug {
    ($type:ty) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }
    };
}

/// Reads the type from a JSON string, naming what was expected.
macro_rules! deserialize {
    ($type:ty, $what:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)
                    .map_err(|_| D::Error::custom(concat!("expected ", $what, " as a string")))?;
                text.parse().map_err(|error| D::Error::custom(format!(concat!($what, ": {}"), error)))
            }
        }
    };
}

pub(super) use {debug, deserialize};
