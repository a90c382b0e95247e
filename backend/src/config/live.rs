//! The settings of the live side: who signs, where, and how much.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use alloy_primitives::Address;
use shared::chain::Chain;
use shared::money::Usd;
use shared::token::{TokenKey, parse_address};

use super::flags::Flags;
use super::read::Reader;
use super::{Live, Secret};
use crate::dex::venues::{V3, Venues};
use crate::transactions::spending::Limits;

const DOLLARS: &str = "dollars such as 250 or 99.50";

impl Reader<'_> {
    /// Who signs; nobody unless a keystore is named.
    pub(super) fn live(&mut self, flags: &Flags) -> Option<Live> {
        let keystore = self.read(
            "--keystore",
            &flags.keystore,
            "FOOLSCAP_KEYSTORE",
            "an encrypted JSON keystore that can be read",
            |text| std::fs::File::open(text).is_ok().then(|| text.into()),
        );
        let password = self.read(
            "--keystore-password-file",
            &flags.keystore_password_file,
            "FOOLSCAP_KEYSTORE_PASSWORD_FILE",
            "a file that can be read and holds the keystore's password",
            |text| std::fs::read_to_string(text).ok().map(|text| Secret::new(text.trim_end_matches(['\r', '\n']))),
        );
        let transaction =
            self.dollars("--limit-transaction", &flags.limit_transaction, "FOOLSCAP_LIMIT_TRANSACTION_USD");
        let day = self.dollars("--limit-day", &flags.limit_day, "FOOLSCAP_LIMIT_DAY_USD");
        let tokens = self.read(
            "--live-tokens",
            &flags.live_tokens,
            "FOOLSCAP_LIVE_TOKENS",
            "tokens as chain:address, comma-separated",
            |text| text.split(',').map(|token| token.trim().parse().ok()).collect::<Option<BTreeSet<TokenKey>>>(),
        );
        let venues = self.venues();
        let (keystore, password) = match (keystore, password) {
            (Some(keystore), Some(password)) => (keystore, password),
            (Some(_), None) => {
                self.refuse("FOOLSCAP_KEYSTORE_PASSWORD_FILE", None, "a file with the password of FOOLSCAP_KEYSTORE");
                return None;
            }
            (None, _) => {
                let watched = self.read(
                    "--paper-wallet",
                    &flags.paper_wallet,
                    "FOOLSCAP_PAPER_WALLET",
                    "a wallet's address, for swaps on paper with nothing signed",
                    |text| parse_address(text).ok(),
                )?;
                let nobody = Live::new(PathBuf::new(), Secret::new(""));
                return Some(Live { watched: Some(watched), tokens: tokens.unwrap_or_default(), venues, ..nobody });
            }
        };
        if flags.allow_mainnet && (transaction.is_none() || day.is_none()) {
            let expected = "limits beside --allow-mainnet: FOOLSCAP_LIMIT_TRANSACTION_USD and FOOLSCAP_LIMIT_DAY_USD";
            self.refuse("--allow-mainnet", Some("alone".into()), expected);
        }
        Some(Live {
            allow_mainnet: flags.allow_mainnet,
            limits: Limits { transaction, day },
            tokens: tokens.unwrap_or_default(),
            venues,
            ..Live::new(keystore, password)
        })
    }

    fn dollars(&mut self, flag: &str, given: &Option<String>, variable: &str) -> Option<Usd> {
        self.read(flag, given, variable, DOLLARS, |text| {
            text.parse().ok().filter(|usd: &Usd| !usd.is_negative() && !usd.is_zero())
        })
    }

    /// Contracts that differ from those that Uniswap deployed.
    fn venues(&mut self) -> BTreeMap<Chain, Venues> {
        const EXPECTED: &str =
            "weth=ADDRESS, and v2=ADDRESS, or v3=ADDRESS with quoter=ADDRESS, or all, comma-separated";
        let mut venues = BTreeMap::new();
        for chain in Chain::ALL {
            let variable = format!("FOOLSCAP_DEX_{chain}");
            if let Some(found) = self.read("", &None, &variable, EXPECTED, |text| read_venues(text, chain)) {
                venues.insert(chain, found);
            }
        }
        venues
    }
}

fn read_venues(text: &str, chain: Chain) -> Option<Venues> {
    let mut weth = Venues::of(chain).weth;
    let (mut v2_router, mut router, mut quoter): (Option<Address>, Option<Address>, Option<Address>) =
        (None, None, None);
    for part in text.split(',') {
        let (name, address) = part.trim().split_once('=')?;
        let address = parse_address(address.trim()).ok()?;
        match name.trim() {
            "weth" => weth = address,
            "v2" => v2_router = Some(address),
            "v3" => router = Some(address),
            "quoter" => quoter = Some(address),
            _ => return None,
        }
    }
    if router.is_some() != quoter.is_some() {
        return None;
    }
    let v3 = router.zip(quoter).map(|(router, quoter)| V3 { router, quoter });
    Some(Venues { weth, v2_router, v3 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn contracts_are_named_whole_or_not_at_all() {
        let [a, b, c] = [1, 2, 3].map(Address::repeat_byte);
        let text = format!("v2={a:#x}, v3={b:#x},quoter={c:#x}");
        let venues = read_venues(&text, Chain::Sepolia).unwrap();
        assert_eq!((venues.v2_router, venues.v3), (Some(a), Some(V3 { router: b, quoter: c })));
        assert_eq!(venues.weth, Venues::of(Chain::Sepolia).weth);
        for wrong in [format!("v3={b:#x}"), format!("v4={b:#x}"), "v2".into(), "v2=0x1".into()] {
            assert_eq!(read_venues(&wrong, Chain::Sepolia), None, "{wrong}");
        }
    }

    #[test]
    fn nobody_signs_unless_a_keystore_and_its_password_are_named() {
        let read = |pairs: &[(&str, &str)], allow_mainnet| {
            let lines: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let environment = Environment::parse(&lines.join("\n")).unwrap();
            Config::read(&Flags { allow_mainnet, ..Flags::default() }, &environment)
        };
        // Any file that can be read: what is in it is seen when it is opened.
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let (keystore, password) = (("FOOLSCAP_KEYSTORE", file), ("FOOLSCAP_KEYSTORE_PASSWORD_FILE", file));
        assert_eq!(read(&[], false).unwrap().live, None);
        let wallet = ("FOOLSCAP_PAPER_WALLET", "0x00000000000000000000000000000000000000aa");
        let watching = read(&[wallet], false).unwrap().live.unwrap();
        assert_eq!(watching.watched, Some(Address::with_last_byte(0xaa)));
        assert_eq!(read(&[wallet, keystore, password], false).unwrap().live.unwrap().watched, None);
        assert!(read(&[keystore], false).unwrap_err().to_string().contains("PASSWORD_FILE"));
        let live = read(&[keystore, password], false).unwrap().live.unwrap();
        assert!(!live.allow_mainnet && !format!("{live:?}").contains("workspace"), "no password is shown");
        assert!(read(&[keystore, password], true).unwrap_err().to_string().contains("FOOLSCAP_LIMIT_DAY_USD"));
        let limits = [("FOOLSCAP_LIMIT_TRANSACTION_USD", "100"), ("FOOLSCAP_LIMIT_DAY_USD", "500")];
        let live = read(&[keystore, password, limits[0], limits[1]], true).unwrap().live.unwrap();
        assert_eq!(live.limits.day, Some("500".parse().unwrap()));
    }
}
