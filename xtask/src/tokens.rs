//! The token table: generated, never typed by hand.
//!
//! Addresses, decimals, symbols and names come from a named public list (npm
//! `@uniswap/default-token-list`, pinned by `xtask/npm/package-lock.json`). [`BUILT_IN`] adds what
//! the list can't know: which tokens Foolscap prices out of the box, which coin prices each of
//! them, which count as a dollar, and the few contracts the list lacks. The result is
//! `shared/data/tokens.tsv`, and `shared/data/listed.tsv` for what is listed and not built in, which the core
//! compiles in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use sha3::{Digest as _, Keccak256};

use crate::workspace::Workspace;

/// The table in the workspace.
const TABLE: &str = "shared/data/tokens.tsv";
/// The generated list of the others.
const LISTED: &str = "shared/data/listed.tsv";
/// The list's npm package, installed.
const PACKAGE: &str = "xtask/npm/node_modules/@uniswap/default-token-list";
/// The chains Foolscap knows.
const CHAINS: [u64; 4] = [1, 8453, 84532, 11155111];

/// A token that Foolscap knows by itself.
struct BuiltIn {
    chain: u64,
    symbol: &'static str,
    /// The CoinGecko id of the coin that prices it. `None`: resolved by address when asked for.
    coin: Option<&'static str>,
    /// Counts as exactly one US dollar.
    usd: bool,
    contract: Contract,
}

/// Where a built-in token's address comes from.
enum Contract {
    /// The list has the one token of this symbol on this chain.
    Listed,
    /// The list lacks it: address, decimals and name from the reference system's configuration.
    Given { address: &'static str, decimals: u8, name: &'static str },
}

const fn listed(chain: u64, symbol: &'static str, coin: &'static str) -> BuiltIn {
    BuiltIn { chain, symbol, coin: Some(coin), usd: false, contract: Contract::Listed }
}

const fn unpriced(chain: u64, symbol: &'static str) -> BuiltIn {
    BuiltIn { chain, symbol, coin: None, usd: false, contract: Contract::Listed }
}

const fn given(
    chain: u64,
    symbol: &'static str,
    coin: &'static str,
    (address, decimals, name): (&'static str, u8, &'static str),
) -> BuiltIn {
    let contract = Contract::Given { address, decimals, name };
    BuiltIn { chain, symbol, coin: Some(coin), usd: false, contract }
}

const fn usd(token: BuiltIn) -> BuiltIn {
    BuiltIn { usd: true, ..token }
}

/// Every built-in token. A test token is priced by the mainnet coin it stands for.
const BUILT_IN: [BuiltIn; 28] = [
    listed(1, "WETH", "weth"),
    usd(listed(1, "USDC", "usd-coin")),
    usd(listed(1, "USDT", "tether")),
    usd(listed(1, "DAI", "dai")),
    listed(1, "WBTC", "wrapped-bitcoin"),
    listed(1, "LINK", "chainlink"),
    listed(1, "UNI", "uniswap"),
    listed(1, "AAVE", "aave"),
    listed(1, "SNX", "havven"),
    listed(8453, "WETH", "weth"),
    usd(listed(8453, "USDC", "usd-coin")),
    usd(listed(8453, "DAI", "dai")),
    usd(given(8453, "USDT", "tether", ("0xfde4C96c8593536E31F229EA8f37b2ADa2699bb2", 6, "Tether USD"))),
    listed(8453, "cbETH", "coinbase-wrapped-staked-eth"),
    listed(8453, "cbBTC", "coinbase-wrapped-btc"),
    listed(8453, "AERO", "aerodrome-finance"),
    listed(8453, "DEGEN", "degen-base"),
    listed(8453, "VIRTUAL", "virtual-protocol"),
    listed(8453, "TOSHI", "toshi"),
    listed(8453, "EURC", "euro-coin"),
    unpriced(8453, "WELL"),
    unpriced(8453, "KEYCAT"),
    given(8453, "BRETT", "based-brett", ("0x532f27101965dd16442E59d40670FaF5eBB142E4", 18, "Brett")),
    listed(11155111, "WETH", "weth"),
    usd(given(11155111, "USDC", "usd-coin", ("0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", 6, "USD Coin"))),
    given(11155111, "LINK", "chainlink", ("0x779877A7B0D9E8603169DdbD7836e478b4624789", 18, "ChainLink Token")),
    given(84532, "WETH", "weth", ("0x4200000000000000000000000000000000000006", 18, "Wrapped Ether")),
    usd(given(84532, "USDC", "usd-coin", ("0x036CbD53842c5426634e7929541eC2318f3dCF7e", 6, "USD Coin"))),
];

/// A row of the table, without its key (chain, address).
struct Row {
    decimals: u8,
    symbol: String,
    name: String,
    coin: Option<&'static str>,
    built_in: bool,
    usd: bool,
}

/// Writes the table; with `check`, only says whether it is what would be written.
pub fn generate(workspace: &Workspace, check: bool) -> Result<()> {
    let package = workspace.path(PACKAGE);
    let list = read_json(&package.join("build/uniswap-default.tokenlist.json"))?;
    let manifest = read_json(&package.join("package.json"))?;
    let version = manifest["version"].as_str().context("the list's package has no version")?;

    let rows = table(&list)?;
    let date = list["timestamp"].as_str().unwrap_or("unknown");
    for (name, text) in [(TABLE, render(&rows, version, date)), (LISTED, render_listed(&rows))] {
        let path = workspace.path(name);
        if check {
            let current = std::fs::read_to_string(&path).unwrap_or_default();
            ensure!(current == text, "{name} is not what `cargo xtask tokens` generates");
            continue;
        }
        std::fs::create_dir_all(path.parent().context("the table has no folder")?)?;
        std::fs::write(&path, text).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}

fn read_json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The list's tokens on our chains, then the built-ins over them. Ordered by chain, then address.
fn table(list: &Value) -> Result<Rows> {
    let mut rows = BTreeMap::new();
    for token in list["tokens"].as_array().context("the list has no tokens")? {
        let chain = token["chainId"].as_u64().context("a token without a chain")?;
        if !CHAINS.contains(&chain) {
            continue;
        }
        let text = |key: &str| -> Result<String> {
            let value = token[key].as_str().with_context(|| format!("{token} has no {key}"))?;
            Ok(value.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let row = Row {
            decimals: u8::try_from(token["decimals"].as_u64().context("no decimals")?)?,
            symbol: text("symbol")?,
            name: text("name")?,
            coin: None,
            built_in: false,
            usd: false,
        };
        let address = parse_address(&text("address")?)?;
        ensure!(rows.insert((chain, address), row).is_none(), "the list holds {token} twice");
    }

    for token in &BUILT_IN {
        match token.contract {
            Contract::Listed => {
                let mut found = rows.iter_mut().filter(|((c, _), r)| *c == token.chain && r.symbol == token.symbol);
                let (Some((_, row)), None) = (found.next(), found.next()) else {
                    bail!("the list holds no single {} on chain {}", token.symbol, token.chain);
                };
                (row.coin, row.built_in, row.usd) = (token.coin, true, token.usd);
            }
            Contract::Given { address, decimals, name } => {
                let row = Row {
                    decimals,
                    symbol: token.symbol.into(),
                    name: name.into(),
                    coin: token.coin,
                    built_in: true,
                    usd: token.usd,
                };
                let listed = rows.insert((token.chain, parse_address(address)?), row);
                ensure!(listed.is_none(), "the list has {address} now: take it from there");
            }
        }
    }
    Ok(rows)
}

type Rows = BTreeMap<(u64, [u8; 20]), Row>;

fn render(rows: &Rows, version: &str, date: &str) -> String {
    let mut out = format!(
        "# Tokens Foolscap prices. Generated by `cargo xtask tokens`; do not edit.\n\
         # Listed: Uniswap Labs Default, npm @uniswap/default-token-list {version} of {date}\n\
         #   (https://github.com/Uniswap/default-token-list, GPL-3.0-or-later): chain, address,\n\
         #   decimals, symbol and name of its tokens on our chains; facts only, nothing else of it.\n\
         # Coin ids (CoinGecko) and dollar pins are from xtask/src/tokens.rs. A test chain's token is\n\
         #   priced by the coin named in its row.\n\
         # `listed` and a chain: how many more tokens of the list are in listed.tsv.\n\
         # chain_id\taddress\tdecimals\tsymbol\tname\tcoin_id\tpinned\n"
    );
    let mut listed = BTreeMap::new();
    for (chain, _) in rows.iter().filter(|(_, row)| !row.built_in).map(|(key, _)| key) {
        *listed.entry(chain).or_insert(0) += 1;
    }
    for (chain, count) in listed {
        writeln!(out, "listed\t{chain}\t{count}").expect("writing to a String can't fail");
    }
    for ((chain, address), row) in rows.iter().filter(|(_, row)| row.built_in) {
        let Row { decimals, symbol, name, coin, built_in: _, usd } = row;
        let address = checksummed(address);
        let coin = coin.unwrap_or("-");
        let pinned = if *usd { "usd" } else { "-" };
        writeln!(out, "{chain}\t{address}\t{decimals}\t{symbol}\t{name}\t{coin}\t{pinned}")
            .expect("writing to a String can't fail");
    }
    out
}

/// What is listed and not built in, without a word more: every visitor loads it.
fn render_listed(rows: &Rows) -> String {
    let mut out = String::new();
    for ((chain, address), row) in rows.iter().filter(|(_, row)| !row.built_in) {
        let Row { decimals, symbol, name, coin: _, built_in: _, usd: _ } = row;
        writeln!(out, "{chain}\t{}\t{decimals}\t{symbol}\t{name}", checksummed(address))
            .expect("writing to a String can't fail");
    }
    out
}

/// Reads an address and insists on its EIP-55 checksum: a typing error must not become a token.
fn parse_address(text: &str) -> Result<[u8; 20]> {
    let digits = text.strip_prefix("0x").with_context(|| format!("{text} lacks 0x"))?;
    ensure!(digits.len() == 40 && digits.is_ascii(), "{text} is not an address");
    let mut address = [0; 20];
    for (i, byte) in address.iter_mut().enumerate() {
        *byte =
            u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).with_context(|| format!("{text} is not an address"))?;
    }
    ensure!(checksummed(&address) == text, "{text} fails its EIP-55 checksum");
    Ok(address)
}

/// The address with its EIP-55 checksum (<https://eips.ethereum.org/EIPS/eip-55>): a letter is
/// upper-case where the Keccak-256 of the lower-case digits has a nibble of 8 or more.
fn checksummed(address: &[u8; 20]) -> String {
    let digits: String = address.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = Keccak256::digest(digits.as_bytes());
    let nibble = |i: usize| {
        if i.is_multiple_of(2) { hash[i / 2] >> 4 } else { hash[i / 2] & 15 }
    };
    let cased =
        digits.chars().enumerate().map(|(i, digit)| if nibble(i) >= 8 { digit.to_ascii_uppercase() } else { digit });
    std::iter::once("0x".into()).chain(cased.map(String::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of EIP-55 itself.
    const EXAMPLES: [&str; 4] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn checksums_are_those_of_the_standard() {
        for example in EXAMPLES {
            assert_eq!(checksummed(&parse_address(example).unwrap()), example);
        }
    }

    #[test]
    fn an_address_that_fails_its_checksum_is_refused() {
        for example in EXAMPLES {
            assert!(parse_address(&example.to_lowercase()).is_err());
        }
        assert!(parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD").is_err());
        assert!(parse_address("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed").is_err());
        assert!(parse_address("0x5aAeb6").is_err());
    }

    #[test]
    fn every_given_contract_passes_its_checksum() {
        for token in &BUILT_IN {
            if let Contract::Given { address, .. } = token.contract {
                parse_address(address).unwrap();
            }
        }
    }
}
