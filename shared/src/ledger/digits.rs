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
    padded(out, value, value.checked_ilog10().map_or(1, |log| log as usize + 1));
}

/// The last `places` digits of `value`, at most 20, with leading zeros.
fn padded(out: &mut Vec<u8>, mut value: u64, places: usize) {
    // A fixed length to begin with, so that no copy of unknown length is called for.
    let start = out.len();
    out.extend_from_slice(&[b'0'; 20]);
    out.truncate(start + places);
    let digits = &mut out[start..];
    let mut pairs = digits.rchunks_exact_mut(2);
    for pair in &mut pairs {
        let from = (value % 100) as usize * 2;
        pair.copy_from_slice(&PAIRS[from..from + 2]);
        value /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (value % 10) as u8;
    }
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
        padded(out, fraction, places);
        trim(out);
    }
}

const USD_ONE: u64 = POWERS[USD_SCALE as usize];

fn trim(out: &mut Vec<u8>) {
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// As [`scaled`], for fractions of more digits than 64 bits hold.
#[cold]
fn fine(out: &mut Vec<u8>, value: u128, places: usize) {
    let one = 10u128.pow(places as u32);
    wide(out, value / one);
    let fraction = value % one;
    if fraction != 0 {
        let (high, low) = split(fraction, LIMB.0);
        out.push(b'.');
        padded(out, high as u64, places - LIMB.1);
        padded(out, low, LIMB.1);
        trim(out);
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
