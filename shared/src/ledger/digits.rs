//! Numbers into bytes, quickly: a journal writes some twenty of them a trade.
//!
//! Each writes exactly what `Display` of the same value would; tests hold the two together.

use alloy_primitives::hex;

use crate::ids::TradeId;
use crate::money::{Price, USD_SCALE, Units, Usd};
use crate::token::TokenKey;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// The largest power of ten below 2^64, and its exponent.
const LIMB: (u128, usize) = (10_000_000_000_000_000_000, 19);

/// A whole number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let mut buffer = [0; 20];
    let from = fill(&mut buffer, value);
    out.extend_from_slice(&buffer[from..]);
}

/// Writes the digits of `value` to the end of the buffer and returns where they begin.
fn fill(buffer: &mut [u8; 20], mut value: u64) -> usize {
    let mut at = buffer.len();
    while value >= 10 {
        let pair = (value % 100) as usize * 2;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        value /= 100;
    }
    if value > 0 || at == buffer.len() {
        at -= 1;
        buffer[at] = b'0' + value as u8;
    }
    at
}

/// The last `places` digits of `value`, with leading zeros.
fn padded(out: &mut Vec<u8>, value: u64, places: usize) {
    let mut buffer = [b'0'; 20];
    fill(&mut buffer, value);
    out.extend_from_slice(&buffer[buffer.len() - places..]);
}

fn wide(out: &mut Vec<u8>, value: u128) {
    match u64::try_from(value) {
        Ok(small) => number(out, small),
        Err(_) => {
            wide(out, value / LIMB.0);
            padded(out, (value % LIMB.0) as u64, LIMB.1);
        }
    }
}

/// `value × 10^-places` without trailing zeros.
fn scaled(out: &mut Vec<u8>, value: u128, places: u32) {
    let (whole, fraction) = match (u64::try_from(value), places) {
        // The usual case by a constant, which needs no division.
        (Ok(small), USD_SCALE) => (u128::from(small / USD_ONE), small % USD_ONE),
        (_, 0) => (value, 0),
        (_, places) if places <= LIMB.1 as u32 => {
            let one = 10u128.pow(places);
            (value / one, (value % one) as u64)
        }
        _ => return fine(out, value, places),
    };
    wide(out, whole);
    if fraction != 0 {
        out.push(b'.');
        padded(out, fraction, places as usize);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

const USD_ONE: u64 = 10u64.pow(USD_SCALE);

/// As [`scaled`], for fractions of more digits than 64 bits hold.
#[cold]
fn fine(out: &mut Vec<u8>, value: u128, places: u32) {
    let one = 10u128.pow(places);
    wide(out, value / one);
    let fraction = value % one;
    if fraction != 0 {
        let rest = places as usize - LIMB.1;
        out.push(b'.');
        padded(out, (fraction / LIMB.0) as u64, rest);
        padded(out, (fraction % LIMB.0) as u64, LIMB.1);
        while out.last() == Some(&b'0') {
            out.pop();
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
    text(out, id);
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
