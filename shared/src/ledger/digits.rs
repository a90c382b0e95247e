//! Numbers into bytes, quickly: a journal writes some twenty of them a trade.
//!
//! Each writes exactly what `Display` of the same value would; tests hold the two together.

use alloy_primitives::hex;

use crate::ids::TradeId;
use crate::money::{Price, USD_SCALE, Units, Usd};
use crate::time::Timestamp;
use crate::token::TokenKey;

/// The largest power of ten below 2^64, and its exponent.
const LIMB: (u64, usize) = (10_000_000_000_000_000_000, 19);

/// The powers of ten below 2^64.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// A whole number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let (head, tails) = match value {
        0..10 => return out.push(b'0' + value as u8),
        10..TEN_8 => (value, 0),
        TEN_8..TEN_16 => (value / TEN_8, 1),
        TEN_16.. => (value / TEN_16, 2),
    };
    let digits = eight(head);
    // Leading zeros are the lowest bytes; of a zero, the last digit stays.
    let zeros = (digits | (1 << 56)).trailing_zeros() / 8;
    put(out, digits >> (8 * zeros), 8 - zeros as usize);
    tail(out, value, tails);
}

/// The last `places` digits of `value`, at most 20, with leading zeros.
fn padded(out: &mut Vec<u8>, value: u64, places: usize) {
    let (head, tails) = match places {
        0..=8 => (value, 0),
        9..=16 => (value / TEN_8, 1),
        _ => (value / TEN_16, 2),
    };
    let places = places - 8 * tails;
    put(out, eight(head % TEN_8) >> (8 * (8 - places)), places);
    tail(out, value, tails);
}

/// The last `places` digits of `value`, at most 20, with leading zeros and without trailing ones. Some
/// digit is none. Zeros are counted, not taken away one by one: how many there are nobody can predict.
fn trimmed(out: &mut Vec<u8>, value: u64, places: usize) {
    if places <= 8 {
        let digits = eight(value % TEN_8) >> (8 * (8 - places));
        return put(out, digits, 8 - digits.leading_zeros() as usize / 8);
    }
    let (high, low) = (value / TEN_8, value % TEN_8);
    if low == 0 {
        return trimmed(out, high, places - 8);
    }
    padded(out, high, places - 8);
    let digits = eight(low);
    put(out, digits, 8 - digits.leading_zeros() as usize / 8);
}

/// The last `count` times eight digits of `value`; at most two times.
fn tail(out: &mut Vec<u8>, value: u64, count: usize) {
    if count == 2 {
        put(out, eight(value / TEN_8 % TEN_8), 8);
    }
    if count > 0 {
        put(out, eight(value % TEN_8), 8);
    }
}

const TEN_8: u64 = POWERS[8];
const TEN_16: u64 = POWERS[16];

/// The eight digits of a number below 10^8, a byte each, the first one lowest. No digit waits for
/// another: the number is halved into fours, pairs and digits, all parts at once in one register
/// (the quotients by 100 and by 10 as products with their reciprocals are exact for parts this small).
fn eight(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// Writes the lowest `count` bytes of `digits`, at most eight, as text.
fn put(out: &mut Vec<u8>, digits: u64, count: usize) {
    // Eight at a time and then as many fewer: a copy of a length known in advance is one instruction.
    let end = out.len() + count;
    out.extend_from_slice(&(digits | 0x3030_3030_3030_3030).to_le_bytes());
    out.truncate(end);
}

fn wide(out: &mut Vec<u8>, value: u128) {
    match u64::try_from(value) {
        Ok(small) => number(out, small),
        Err(_) => {
            let (high, low) = split(value, LIMB.0);
            wide(out, high);
            padded(out, low, LIMB.1);
        }
    }
}

/// Quotient and remainder, by one division.
fn split(value: u128, by: u64) -> (u128, u64) {
    let quotient = value / u128::from(by);
    (quotient, (value - quotient * u128::from(by)) as u64)
}

/// `value × 10^-places` without trailing zeros.
fn scaled(out: &mut Vec<u8>, value: u128, places: u32) {
    let places = places as usize;
    let (whole, fraction) = match (u64::try_from(value), POWERS.get(places)) {
        // The usual scale by a constant, which needs no division.
        (Ok(small), _) if places == USD_SCALE as usize => (u128::from(small / USD_ONE), small % USD_ONE),
        (Ok(small), Some(one)) => (u128::from(small / one), small % one),
        (Err(_), Some(one)) => split(value, *one),
        (_, None) => return fine(out, value, places),
    };
    wide(out, whole);
    if fraction != 0 {
        out.push(b'.');
        trimmed(out, fraction, places);
    }
}

const USD_ONE: u64 = POWERS[USD_SCALE as usize];

/// As [`scaled`], for fractions of more digits than 64 bits hold.
#[cold]
fn fine(out: &mut Vec<u8>, value: u128, places: usize) {
    let one = 10u128.pow(places as u32);
    wide(out, value / one);
    let fraction = value % one;
    if fraction != 0 {
        let (high, low) = split(fraction, LIMB.0);
        out.push(b'.');
        if low == 0 {
            trimmed(out, high as u64, places - LIMB.1);
        } else {
            padded(out, high as u64, places - LIMB.1);
            trimmed(out, low, LIMB.1);
        }
    }
}

/// Dollars.
pub(super) fn usd(out: &mut Vec<u8>, value: Usd) {
    let atoms = value.atoms();
    if atoms < 0 {
        out.push(b'-');
    }
    scaled(out, atoms.unsigned_abs(), USD_SCALE);
}

/// A price.
pub(super) fn price(out: &mut Vec<u8>, value: Price) {
    let decimal = value.decimal();
    scaled(out, decimal.mantissa().unsigned_abs(), decimal.scale());
}

/// Base units.
pub(super) fn units(out: &mut Vec<u8>, value: Units) {
    match u128::try_from(value.0) {
        Ok(small) => wide(out, small),
        Err(_) => text(out, value),
    }
}

/// A token's key.
pub(super) fn token(out: &mut Vec<u8>, key: TokenKey) {
    number(out, key.chain.id());
    out.extend_from_slice(b":0x");
    let mut digits = [0; 40];
    // 20 bytes always fill 40 digits.
    let _ = hex::encode_to_slice(key.address, &mut digits);
    out.extend_from_slice(&digits);
}

/// The name of a trade.
pub(super) fn trade_id(out: &mut Vec<u8>, id: TradeId) {
    out.extend_from_slice(&id.text());
}

/// A moment.
pub(super) fn time(out: &mut Vec<u8>, at: Timestamp) {
    out.extend_from_slice(&at.text());
}

/// Anything, by its `Display`.
pub(super) fn text(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    use std::io::Write as _;
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use rust_decimal::Decimal;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_number_is_written_as_display_writes_it() {
        let mut x = 0x9e37_79b9_7f4a_7c15u64;
        let mut limb = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            match x & 15 {
                0 => 0,
                1 => u64::MAX,
                2 => 10u64.pow((x >> 60) as u32),
                3 => 10u64.pow((x >> 60) as u32) - 1,
                _ => x >> (x >> 58),
            }
        };
        for round in 0..50_000u32 {
            let (a, b) = (limb(), limb());
            assert_eq!(written(|out| number(out, a)), a.to_string());
            let big = Units(U256::from_limbs([a, b, if round % 7 == 0 { limb() } else { 0 }, 0]));
            assert_eq!(written(|out| units(out, big)), big.to_string());
            let atoms = i128::from(a) << (round % 33);
            for atoms in [atoms, -atoms] {
                if let Ok(value) = Usd::from_atoms(atoms) {
                    assert_eq!(written(|out| usd(out, value)), value.to_string());
                }
            }
            let mantissa = (i128::from(a) << (round % 33)).max(1);
            if let Ok(value) = Decimal::try_from_i128_with_scale(mantissa, round % 29) {
                let value = Price::new(value).unwrap();
                assert_eq!(written(|out| price(out, value)), value.to_string());
            }
        }
        let key: TokenKey = "84532:0x4200000000000000000000000000000000abcdef".parse().unwrap();
        assert_eq!(written(|out| token(out, key)), key.to_string());
    }
}
