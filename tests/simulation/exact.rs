//! Prices and addresses to the last digit, by the hundred thousand.

use std::sync::Arc;

use alloy::primitives::Address;
use backend::{
    coingecko::{CoinGecko as Client, budget::Grant},
    config::Config,
};
use shared::{
    chain::Chain,
    token::{TokenKey, parse_address},
};
use tests::{
    clock::Clock,
    coingecko::{self, CoinGecko, Limits, coins},
    seed::{Replayable, Rng as _, cases},
    world::BEGINNING,
};

fn checksum(address: Address) -> String {
    TokenKey { chain: Chain::Ethereum, address }.checksummed()
}

/// Coins in one call.
const COINS: usize = 250;

/// A number by its digits and the place of its point, and one of the ways to write it.
struct Written {
    text: String,
    plain: String,
}

/// Draws a number of up to 18 digits, at most 28 of them behind the point, in one of the forms JSON has.
fn draw(random: &mut Replayable) -> Written {
    let count = random.below(18) as usize + 1;
    let mut digits: String = (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
    // A number is told by its first digit, which is none of nothing.
    digits.replace_range(..1, &char::from(b'1' + random.below(9) as u8).to_string());
    // The value is 0.DIGITS × 10^point.
    let behind = 28 - count as i64;
    let point = i64::from(random.below((18 + behind) as u32 + 1)) - behind;
    let plain_of = |digits: &str| {
        let text = match usize::try_from(point) {
            Ok(point) if point >= digits.len() => format!("{digits}{}", "0".repeat(point - digits.len())),
            Ok(0) => format!("0.{digits}"),
            Ok(point) => format!("{}.{}", &digits[..point], &digits[point..]),
            Err(_) => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        };
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    };
    let plain = plain_of(&digits);
    let e = random.pick(&["e", "E"]);
    let exponent = |value: i64, sign: &str| match value {
        0.. => format!("{e}{sign}{value}"),
        _ => format!("{e}{value}"),
    };
    let text = match random.below(5) {
        0 => plain.clone(),
        // Zeros that say nothing.
        1 if plain.contains('.') => format!("{plain}{}", "0".repeat(random.below(4) as usize)),
        // All digits before the point, as no computer writes them.
        2 => format!("{digits}{}", exponent(point - count as i64, "+")),
        3 => format!("0.{digits}{}", exponent(point, "")),
        // As computers write them, with an exponent of two digits.
        _ => {
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
            let value = point - 1;
            format!("{first}{rest}{e}{}{:02}", if value < 0 { "-" } else { "+" }, value.abs())
        }
    };
    Written { text, plain }
}

#[tokio::test]
async fn prices_are_their_text_to_the_last_digit_however_it_is_written() {
    let clock = Clock::stopped_at(BEGINNING.millis());
    let limits = Limits { calls_per_minute: None, credits: None, ..Limits::default() };
    let upstream =
        CoinGecko::start(coingecko::Config { clock: clock.clone(), limits, ..coingecko::Config::default() }).await;
    let mut config = Config::default();
    config.coingecko.base_url = upstream.url.parse().expect("a URL");
    config.coingecko.grant = Grant { calls: 2_000_000_000, days: 1 };
    config.coingecko.calls_per_minute = 10_000;
    let client = Client::new(&config, Arc::new(clock.clone())).expect("a client");
    let ids: Vec<&str> = coins::all().iter().map(|coin| coin.id).take(COINS).collect();
    let mut random = Replayable::from_env();
    let count = cases(2_000, 100_000) * 10;
    let mut compared = 0;
    while compared < count {
        upstream.control.clear_prices();
        let written: Vec<Written> = ids.iter().map(|_| draw(&mut random)).collect();
        for (id, Written { text, .. }) in ids.iter().zip(&written) {
            upstream.control.set_price(id, text).expect("a JSON number");
        }
        clock.advance(std::time::Duration::from_secs(60));
        let quotes = client.simple_price(&ids).await.expect("an answer");
        for (id, Written { text, plain }) in ids.iter().zip(&written) {
            let price = quotes[*id].price.unwrap_or_else(|reason| panic!("{text}: {reason:?}"));
            assert_eq!(price.to_string(), *plain, "written {text}");
            compared += 1;
        }
    }
    println!("{compared} prices came to the last digit");
}

#[test]
fn the_checksums_of_the_standard_hold() {
    // The test cases of EIP-55.
    for text in [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ] {
        let address = parse_address(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(checksum(address), text);
        assert_eq!(Address::parse_checksummed(text, None).expect("alloy agrees").to_checksum(None), text);
    }
}

#[test]
fn addresses_go_there_and_back_as_alloy_writes_them_and_a_wrong_letter_is_refused() {
    let mut random = Replayable::from_env();
    let count = cases(2_000, 100_000) * 10;
    for _ in 0..count {
        let mut bytes = [0; 20];
        random.fill_bytes(&mut bytes);
        let theirs = Address::from(bytes).to_checksum(None);
        let address = parse_address(&theirs).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(checksum(address), theirs);
        assert_eq!(parse_address(&theirs.to_ascii_lowercase()).ok(), Some(address));
        // One letter in the other case: what is no more mixed carries no checksum.
        let letters: Vec<usize> = (2..42).filter(|at| theirs.as_bytes()[*at].is_ascii_alphabetic()).collect();
        if letters.is_empty() {
            continue;
        }
        let at = *random.pick(&letters);
        let mut wrong = theirs.into_bytes();
        wrong[at] ^= 0x20;
        let wrong = String::from_utf8(wrong).expect("ASCII");
        let mixed =
            wrong[2..].chars().any(|c| c.is_ascii_lowercase()) && wrong[2..].chars().any(|c| c.is_ascii_uppercase());
        assert_eq!(parse_address(&wrong).is_err(), mixed, "{wrong}");
    }
    println!("{count} addresses went there and back");
}
