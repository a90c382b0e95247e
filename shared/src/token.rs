//! Tokens: their addresses, decimals and what prices them.
//!
//! The table is two generated data files (`cargo xtask tokens`): the tokens that Foolscap prices, and the rest
//! of a public list, which the first file's header names. The list is read when somebody asks for one of its
//! tokens: a browser loads it after everything that a first trade needs (`xtask/src/halves.rs`). Users may add
//! tokens of their own.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use alloy_primitives::{Address, hex};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::chain::{Chain, UnknownChain};
use crate::money::MAX_TOKEN_DECIMALS;

/// Why a text is not a token or its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("`{0}` is not an address: expected 0x and 40 hexadecimal digits")]
    NotAnAddress(String),
    /// Mixed case that does not match its EIP-55 checksum.
    #[error("the capital letters of `{given}` fail the address checksum (EIP-55): one character may be mistyped")]
    Checksum {
        /// What was given.
        given: String,
    },
    /// The chain is unknown.
    #[error(transparent)]
    Chain(#[from] UnknownChain),
    /// Not of the form `chain:address`.
    #[error("`{0}` is not a token: expected CHAIN:ADDRESS, such as 1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")]
    NotAKey(String),
    /// More decimals than 256 bits can scale by.
    #[error("a token has at most {MAX_TOKEN_DECIMALS} decimals, not {0}")]
    Decimals(u8),
    /// A symbol that is empty, too long, or holds control characters.
    #[error("a symbol has 1 to 24 visible characters")]
    Symbol,
    /// A CoinGecko coin id with characters that no id has.
    #[error("a CoinGecko coin id has 1 to 100 letters, digits, `-`, `_` or `.`")]
    CoinId,
}

/// Reads an address. All lower-case and all upper-case digits carry no checksum and are taken as
/// they are; mixed case must match EIP-55.
///
/// # Errors
/// [`TokenError::NotAnAddress`], [`TokenError::Checksum`].
pub fn parse_address(text: &str) -> Result<Address, TokenError> {
    let not_an_address = || TokenError::NotAnAddress(text.chars().take(48).collect());
    let digits = text.strip_prefix("0x").ok_or_else(not_an_address)?;
    if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(not_an_address());
    }
    let address = Address::from(hex::decode_to_array::<_, 20>(digits).map_err(|_| not_an_address())?);
    let has_lower = digits.bytes().any(|b| b.is_ascii_lowercase());
    let has_upper = digits.bytes().any(|b| b.is_ascii_uppercase());
    if has_lower && has_upper && address.to_checksum(None) != text {
        return Err(TokenError::Checksum { given: text.to_owned() });
    }
    Ok(address)
}

/// Which token: a contract on a chain. Written `chain:address`, lower-case in files and frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKey {
    /// The chain the contract is on.
    pub chain: Chain,
    /// The contract's address.
    pub address: Address,
}

impl TokenKey {
    /// The address in its EIP-55 form, for people.
    pub fn checksummed(self) -> String {
        self.address.to_checksum(None)
    }
}

impl Ord for TokenKey {
    /// By chain, then by address: as the fields stand. Every map of the core goes by this order, so the
    /// twenty bytes are compared as words and not one by one.
    fn cmp(&self, other: &Self) -> Ordering {
        self.chain.cmp(&other.chain).then_with(|| words(&self.address).cmp(&words(&other.address)))
    }
}

impl PartialOrd for TokenKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The bytes of an address as numbers that sort as it does.
fn words(address: &Address) -> (u128, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, rest @ ..] = address.0.0;
    (u128::from_be_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]), u32::from_be_bytes(rest))
}

impl fmt::Display for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0u8; 40];
        // 20 bytes always fill 40 digits.
        let _ = hex::encode_to_slice(self.address.as_slice(), &mut digits);
        write!(f, "{}:0x{}", self.chain.id(), std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({self})")
    }
}

impl FromStr for TokenKey {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chain, address) =
            text.split_once(':').ok_or_else(|| TokenError::NotAKey(text.chars().take(64).collect()))?;
        Ok(TokenKey { chain: chain.parse()?, address: parse_address(address)? })
    }
}

impl Serialize for TokenKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Where a token in the table came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Built in, with a price of its own.
    Builtin,
    /// From the public token list: offered, its price looked up by address.
    List,
    /// Added by the user.
    User,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Token {
    /// Which contract on which chain.
    pub key: TokenKey,
    /// The symbol people know it by. Never used to decide anything.
    pub symbol: String,
    /// The name people read.
    pub name: String,
    /// Decimals of its base unit.
    pub decimals: u8,
    /// The CoinGecko coin whose price it has. A test-chain token names the mainnet coin it stands for.
    pub coin_id: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// Whether its price is pinned at exactly one dollar.
    pub pinned: bool,
}

impl Token {
    /// A token added by a user. It is never pinned, whatever it calls itself.
    ///
    /// # Errors
    /// [`TokenError`] for a symbol, decimals or coin id that cannot be.
    pub fn user(key: TokenKey, symbol: &str, decimals: u8, coin_id: Option<&str>) -> Result<Token, TokenError> {
        let symbol = symbol.trim();
        if symbol.is_empty() || symbol.chars().count() > 24 || symbol.chars().any(char::is_control) {
            return Err(TokenError::Symbol);
        }
        if decimals > MAX_TOKEN_DECIMALS {
            return Err(TokenError::Decimals(decimals));
        }
        let is_id = |id: &str| {
            (1..=100).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if coin_id.is_some_and(|id| !is_id(id)) {
            return Err(TokenError::CoinId);
        }
        Ok(Token {
            key,
            symbol: symbol.to_owned(),
            name: symbol.to_owned(),
            decimals,
            coin_id: coin_id.map(str::to_owned),
            origin: Origin::User,
            pinned: false,
        })
    }
}

/// The tokens Foolscap ships with.
#[derive(Debug)]
pub struct TokenTable {
    /// Those it prices, by key.
    priced: Vec<Token>,
    /// How many more the list has on a chain.
    counts: Vec<(Chain, usize)>,
    /// Those of the list, by key, once it is read.
    listed: OnceLock<Vec<Token>>,
}

impl TokenTable {
    /// The table Foolscap ships with.
    pub fn builtin() -> &'static TokenTable {
        static TABLE: OnceLock<TokenTable> = OnceLock::new();
        TABLE.get_or_init(|| {
            let text = include_str!("../data/tokens.tsv");
            let count = |line: &str| {
                let (chain, count) = line.strip_prefix("listed\t")?.split_once('\t')?;
                Some((chain.parse().ok()?, count.parse().ok()?))
            };
            let counts = text.lines().filter_map(count).collect();
            TokenTable { priced: read_rows(text, Origin::Builtin), counts, listed: OnceLock::new() }
        })
    }

    /// The token with this key.
    pub fn get(&self, key: TokenKey) -> Option<&Token> {
        find(&self.priced, key).or_else(|| find(self.listed(), key))
    }

    /// The tokens that are priced out of the box, by chain and address.
    pub fn priced(&self) -> impl Iterator<Item = &Token> {
        self.priced.iter()
    }

    /// The other tokens of the list, by chain and address.
    pub fn listed(&self) -> &[Token] {
        // By a pointer that no optimiser sees through: see `read_list`.
        self.listed.get_or_init(|| std::hint::black_box(read_list as fn() -> Vec<Token>)())
    }

    /// How many the list has on a chain besides those that are priced; the list is not read for it.
    pub fn listed_on(&self, chain: Chain) -> usize {
        self.counts.iter().find(|(counted, _)| *counted == chain).map_or(0, |(_, count)| *count)
    }

    /// Every token, by chain and address.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        let mut all: Vec<&Token> = self.priced.iter().chain(self.listed()).collect();
        all.sort_by_key(|token| token.key);
        all.into_iter()
    }

    /// The one built-in token of `chain` with this symbol, for people who type `WETH`.
    pub fn by_symbol(&self, chain: Chain, symbol: &str) -> Option<&Token> {
        self.priced().find(|token| token.key.chain == chain && token.symbol.eq_ignore_ascii_case(symbol))
    }
}

fn find(tokens: &[Token], key: TokenKey) -> Option<&Token> {
    tokens.binary_search_by_key(&key, |token| token.key).ok().map(|at| &tokens[at])
}

/// The only reader of the list's text, and a function of its own: in a browser the text comes with it.
#[inline(never)]
fn read_list() -> Vec<Token> {
    read_rows(include_str!("../data/listed.tsv"), Origin::List)
}

/// Reads a generated file, in the order of keys. A row that does not read is left out; a test holds that there
/// is none.
fn read_rows(text: &str, origin: Origin) -> Vec<Token> {
    let mut tokens: Vec<Token> = text.lines().filter_map(|line| read_row(line, origin)).collect();
    tokens.sort_by_key(|token| token.key);
    tokens
}

fn read_row(line: &str, origin: Origin) -> Option<Token> {
    let mut fields = line.split('\t');
    let chain = fields.next()?.parse().ok()?;
    // Its checksum was verified when the file was made.
    let address = Address::from(hex::decode_to_array::<_, 20>(fields.next()?).ok()?);
    let decimals = fields.next()?.parse().ok()?;
    let symbol = fields.next()?.to_owned();
    let name = fields.next()?.to_owned();
    let coin_id = fields.next().filter(|id| *id != "-").map(str::to_owned);
    let pinned = fields.next() == Some("usd");
    Some(Token { key: TokenKey { chain, address }, symbol, name, decimals, coin_id, origin, pinned })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_reads() {
        let rows = |text: &str| {
            let rows: Vec<String> = text.lines().filter(|line| line.contains("\t0x")).map(str::to_owned).collect();
            for row in &rows {
                parse_address(row.split('\t').nth(1).unwrap()).unwrap();
            }
            rows.len()
        };
        let table = TokenTable::builtin();
        assert_eq!(table.priced().count(), rows(include_str!("../data/tokens.tsv")));
        assert_eq!(table.listed().len(), rows(include_str!("../data/listed.tsv")));
        assert!(table.iter().count() > 500);
        assert!(table.iter().all(|token| table.get(token.key) == Some(token)));
        for chain in Chain::ALL {
            let listed = table.listed().iter().filter(|token| token.key.chain == chain).count();
            assert_eq!(table.listed_on(chain), listed, "{chain}");
        }
    }

    #[test]
    fn stablecoins_are_pinned_by_address_and_only_those() {
        let pinned: Vec<_> = TokenTable::builtin().iter().filter(|token| token.pinned).collect();
        assert!(pinned.iter().all(|token| matches!(token.symbol.as_str(), "USDC" | "USDT" | "DAI")));
        let on = |chain| pinned.iter().filter(|token| token.key.chain == chain).count();
        assert_eq!((on(Chain::Ethereum), on(Chain::Base), on(Chain::Sepolia), on(Chain::BaseSepolia)), (3, 3, 1, 1));
        let fake =
            Token::user("1:0x00000000000000000000000000000000000000aa".parse().unwrap(), "USDC", 6, None).unwrap();
        assert!(!fake.pinned);
    }

    #[test]
    fn the_vectors_of_eip_55_hold_and_a_wrong_letter_is_named() {
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
            let address = parse_address(text).unwrap();
            assert_eq!(address.to_checksum(None), text);
            assert_eq!(parse_address(&text.to_lowercase()).unwrap(), address);
        }
        let wrong = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD";
        assert_eq!(parse_address(wrong), Err(TokenError::Checksum { given: wrong.into() }));
        for text in
            ["", "0x", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "0xz"]
        {
            assert!(matches!(parse_address(text), Err(TokenError::NotAnAddress(_))), "{text}");
        }
    }

    #[test]
    fn a_key_is_written_in_lower_case_and_read_in_either() {
        let key: TokenKey = "8453:0x4200000000000000000000000000000000000006".parse().unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"8453:0x4200000000000000000000000000000000000006\"");
        assert!("8453".parse::<TokenKey>().is_err());
        assert!("9:0x4200000000000000000000000000000000000006".parse::<TokenKey>().is_err());
    }

    #[test]
    fn keys_sort_by_chain_and_then_as_their_addresses_do() {
        let keys: Vec<TokenKey> = TokenTable::builtin().iter().map(|token| token.key).collect();
        for pair in keys.windows(2) {
            let fields = |key: &TokenKey| (key.chain, key.address);
            assert!(fields(&pair[0]) < fields(&pair[1]) && pair[0] < pair[1]);
        }
        let low: TokenKey = "1:0x00000000000000000000000000000000000000ff".parse().unwrap();
        let high: TokenKey = "1:0x0000000000000000000000000000000000000100".parse().unwrap();
        assert_eq!(
            (low.cmp(&high), high.cmp(&low), low.cmp(&low)),
            (Ordering::Less, Ordering::Greater, Ordering::Equal)
        );
    }

    #[test]
    fn a_users_token_is_checked() {
        let weth = TokenTable::builtin().by_symbol(Chain::Ethereum, "weth").unwrap();
        assert_eq!(TokenTable::builtin().get(weth.key), Some(weth));
        assert_eq!(Token::user(weth.key, " ", 1, None), Err(TokenError::Symbol));
        assert_eq!(Token::user(weth.key, "A", 78, None), Err(TokenError::Decimals(78)));
        assert_eq!(Token::user(weth.key, "A", 0, Some("a/b")), Err(TokenError::CoinId));
    }
}
