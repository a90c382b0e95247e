//! `GET /api/v1/tokens`: the tokens the server knows.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::token::{Origin, Token, TokenKey};

/// A list of tokens, by chain and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<TokenInfo>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenInfo {
    /// The chain its contract is on.
    pub chain: Chain,
    /// The contract's address.
    #[serde(with = "super::address")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"))]
    pub address: Address,
    /// The symbol people know it by. Never decide anything by it.
    pub symbol: String,
    /// The name people read.
    pub name: String,
    /// Decimals of its base unit.
    pub decimals: u8,
    /// The CoinGecko coin whose price it has; a test-chain token names the mainnet coin it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coin_id: Option<String>,
    /// Where it came from: `builtin`, `list` or `user`.
    pub origin: Origin,
    /// Whether its price is pinned at exactly one dollar.
    pub pinned: bool,
}

impl TokenInfo {
    /// Which token this is.
    pub const fn key(&self) -> TokenKey {
        TokenKey { chain: self.chain, address: self.address }
    }
}

impl From<&Token> for TokenInfo {
    fn from(token: &Token) -> TokenInfo {
        TokenInfo {
            chain: token.key.chain,
            address: token.key.address,
            symbol: token.symbol.clone(),
            name: token.name.clone(),
            decimals: token.decimals,
            coin_id: token.coin_id.clone(),
            origin: token.origin,
            pinned: token.pinned,
        }
    }
}

impl From<TokenInfo> for Token {
    fn from(info: TokenInfo) -> Token {
        Token {
            key: info.key(),
            symbol: info.symbol,
            name: info.name,
            decimals: info.decimals,
            coin_id: info.coin_id,
            origin: info.origin,
            pinned: info.pinned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenTable;

    #[test]
    fn every_token_survives_the_journey_and_shows_its_checksum() {
        for token in TokenTable::builtin().iter() {
            let json = serde_json::to_string(&TokenInfo::from(token)).unwrap();
            assert!(json.contains(&token.key.checksummed()), "{json}");
            assert_eq!(&Token::from(serde_json::from_str::<TokenInfo>(&json).unwrap()), token);
        }
    }

    #[test]
    fn a_field_of_a_newer_server_is_let_pass_and_a_mistyped_address_is_not() {
        let text = r#"{"chain":1,"address":"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2","symbol":"WETH","name":"W","decimals":18,"origin":"builtin","pinned":false,"colour":"blue"}"#;
        assert_eq!(serde_json::from_str::<TokenInfo>(text).unwrap().symbol, "WETH");
        assert!(serde_json::from_str::<TokenInfo>(&text.replace("0xC02a", "0xc02a")).is_err());
    }
}
