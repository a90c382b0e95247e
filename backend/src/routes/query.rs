//! Query parameters: read strictly, because a mistyped one would be answered with something else.

use std::collections::{BTreeMap, BTreeSet};

use shared::chain::Chain;
use shared::token::{TokenKey, TokenTable, parse_address};

use crate::error::ApiError;
use crate::prices::Asked;

/// Tokens that one call may name.
pub const MOST_TOKENS: usize = 500;

/// The parameters of one request.
#[derive(Debug)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query string. Only the `known` parameters may be there, each once.
    ///
    /// # Errors
    /// [`ApiError::UnknownParameter`], [`ApiError::Repeated`].
    pub fn read(raw: Option<&str>, known: &[&str]) -> Result<Query, ApiError> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(ApiError::UnknownParameter {
                    name: name.chars().take(48).collect(),
                    known: known.join(", "),
                });
            }
            if values.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(ApiError::Repeated(name.into_owned()));
            }
        }
        Ok(Query(values))
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A parameter that has to be there.
    ///
    /// # Errors
    /// [`ApiError::Required`].
    pub fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or(ApiError::Required(name))
    }

    /// The chain named by `chain`, or the default one.
    ///
    /// # Errors
    /// [`ApiError::Chain`].
    pub fn chain(&self, default: Chain) -> Result<Chain, ApiError> {
        Ok(self.get("chain").map(str::parse).transpose()?.unwrap_or(default))
    }

    /// The chains named by `chain`: one, `all`, or the default one.
    ///
    /// # Errors
    /// [`ApiError::Chain`].
    pub fn chains(&self, default: Chain) -> Result<BTreeSet<Chain>, ApiError> {
        match self.get("chain") {
            Some("all") => Ok(Chain::ALL.into()),
            _ => Ok([self.chain(default)?].into()),
        }
    }

    /// The tokens named by `tokens`, or by `chain` and `addresses`, or all built-in ones of `chain`.
    ///
    /// # Errors
    /// [`ApiError`] where a name cannot be read, or there are too many.
    pub fn tokens(&self, default: Chain) -> Result<Selection, ApiError> {
        let conflict = |why: &str| ApiError::Unreadable { name: "tokens", why: why.to_owned() };
        let selection = match (self.get("tokens"), self.get("addresses")) {
            (Some(_), Some(_)) => return Err(conflict("it does not go with `addresses`")),
            (Some(_), None) if self.get("chain").is_some() => {
                return Err(conflict("it does not go with `chain`: each of them names its own"));
            }
            (Some(tokens), None) => Selection::named(list(tokens).map(asked).collect::<Result<_, _>>()?),
            (None, Some(addresses)) => {
                let chain = self.chain(default)?;
                let key = |text| Ok(Asked::from(TokenKey { chain, address: parse_address(text)? }));
                let keys = list(addresses).map(key).collect::<Result<_, ApiError>>()?;
                Selection { chains: [chain].into(), ..Selection::named(keys) }
            }
            (None, None) => {
                let chains = self.chains(default)?;
                let tokens = TokenTable::builtin().priced().filter(|token| chains.contains(&token.key.chain));
                Selection { tokens: tokens.map(|token| Asked::from(token.key)).collect(), chains, by_name: false }
            }
        };
        if selection.tokens.len() > MOST_TOKENS {
            return Err(ApiError::TooManyTokens { given: selection.tokens.len(), most: MOST_TOKENS });
        }
        Ok(selection)
    }
}

/// Tokens somebody asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Selection {
    /// Which.
    pub tokens: BTreeSet<Asked>,
    /// The chains they are on.
    pub chains: BTreeSet<Chain>,
    /// Whether each was named.
    pub by_name: bool,
}

impl Selection {
    fn named(tokens: BTreeSet<Asked>) -> Selection {
        let chains = tokens.iter().map(|asked| asked.key.chain).collect();
        Selection { tokens, chains, by_name: true }
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// `CHAIN:ADDRESS`, or `CHAIN:ADDRESS@COIN` for a token that only its owner knows.
pub fn asked(text: &str) -> Result<Asked, ApiError> {
    let (key, coin) = match text.split_once('@') {
        Some((key, coin)) => (key, Some(coin)),
        None => (text, None),
    };
    Ok(Asked::new(key.parse()?, coin)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::wire::ProblemKind;

    const WETH: &str = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
    const KNOWN: [&str; 3] = ["chain", "addresses", "tokens"];

    fn select(raw: &str) -> Result<Selection, ApiError> {
        Query::read(Some(raw), &KNOWN)?.tokens(Chain::BaseSepolia)
    }

    #[test]
    fn tokens_are_chosen_by_chain_by_address_or_by_key() {
        let all = select("chain=all").unwrap();
        assert_eq!((all.chains.len(), all.by_name), (4, false));
        assert_eq!(select("").unwrap().chains, [Chain::BaseSepolia].into());
        assert_eq!(select("").unwrap().tokens.len(), 2);
        let one = select(&format!("chain=1&addresses={WETH},{}", WETH.to_lowercase())).unwrap();
        assert_eq!((one.tokens.len(), one.chains, one.by_name), (1, [Chain::Ethereum].into(), true));
        let two = select(&format!("tokens=1:{WETH},8453:0x4200000000000000000000000000000000000006")).unwrap();
        assert_eq!(two.chains, [Chain::Ethereum, Chain::Base].into());
        let hinted = select(&format!("tokens=1:{WETH}%40pepe")).unwrap();
        assert_eq!(hinted.tokens.first().unwrap().coin_hint.as_deref(), Some("pepe"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_its_name() {
        for (raw, kind) in [
            ("adresses=0x", ProblemKind::BadRequest),
            ("chain=1&chain=1", ProblemKind::BadRequest),
            ("chain=137", ProblemKind::UnknownChain),
            ("chain=137&addresses=0x4200000000000000000000000000000000000006", ProblemKind::UnknownChain),
            ("addresses=0x42", ProblemKind::BadAddress),
            ("addresses=0xc02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", ProblemKind::BadAddress),
            ("tokens=WETH", ProblemKind::BadAddress),
            ("tokens=5:0x4200000000000000000000000000000000000006", ProblemKind::UnknownChain),
            ("tokens=1:0x4200000000000000000000000000000000000006@no/id", ProblemKind::BadAddress),
            ("tokens=1:0x4200000000000000000000000000000000000006&chain=1", ProblemKind::BadRequest),
            ("tokens=a&addresses=b", ProblemKind::BadRequest),
        ] {
            assert_eq!(select(raw).unwrap_err().kind(), kind, "{raw}");
        }
        let many: Vec<String> = (0..=MOST_TOKENS).map(|n| format!("0x{n:040x}")).collect();
        let error = select(&format!("addresses={}", many.join(","))).unwrap_err();
        assert_eq!(error, ApiError::TooManyTokens { given: 501, most: 500 });
    }
}
