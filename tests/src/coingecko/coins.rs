//! The coins the stand-in knows, with made-up but plausible figures.
//!
//! Contract addresses and decimals are those of the npm package `@uniswap/default-token-list`
//! 22.21.0 (USDT and BRETT on Base, which that list lacks, from the project's notes). They are
//! written here a second time on purpose: a slip in the app's own token table then shows as a price
//! that is missing. The other tokens of the app's public list get coins of the stand-in's own making,
//! so that a desk with every token open finds every price. **Prices, supplies and volumes are stand-in
//! data**, chosen to look sane.

use std::sync::LazyLock;

use shared::token::{Token, TokenTable};

use super::market::{hash, unit};

/// One coin as CoinGecko knows it.
#[derive(Clone, Copy, Debug)]
pub struct Coin {
    /// CoinGecko's id.
    pub id: &'static str,
    /// Symbol, lower-case as upstream writes it.
    pub symbol: &'static str,
    /// Name.
    pub name: &'static str,
    /// Stand-in price in USD: the decimal text as it is served at full precision.
    pub usd: &'static str,
    /// Standard deviation of one day's log return, for the walk.
    pub sigma_day: f64,
    /// Coins in circulation.
    pub supply: f64,
    /// USD traded in 24 hours.
    pub volume_24h: f64,
    /// Where its contracts are.
    pub places: &'static [Place],
}

/// A coin's contract on one platform.
#[derive(Debug)]
pub struct Place {
    /// CoinGecko's platform id.
    pub platform: &'static str,
    /// EIP-55 address.
    pub address: &'static str,
    /// The token's decimals.
    pub decimals: u8,
}

const fn ethereum(address: &'static str, decimals: u8) -> Place {
    Place { platform: "ethereum", address, decimals }
}

const fn base(address: &'static str, decimals: u8) -> Place {
    Place { platform: "base", address, decimals }
}

/// Every coin: the known ones, then those made up for listed tokens.
pub fn all() -> &'static [Coin] {
    static ALL: LazyLock<Vec<Coin>> = LazyLock::new(|| {
        let others = TokenTable::builtin().iter().filter_map(invented);
        KNOWN.iter().copied().chain(others).collect()
    });
    &ALL
}

/// The coin with an id.
pub fn by_id(id: &str) -> Option<&'static Coin> {
    all().iter().find(|coin| coin.id == id)
}

/// The coin at an address of a platform; letters' case does not matter.
pub fn by_address(platform: &str, address: &str) -> Option<&'static Coin> {
    all().iter().find(|coin| coin.is_at(platform, address))
}

impl Coin {
    /// Whether one of its contracts is there.
    pub fn is_at(&self, platform: &str, address: &str) -> bool {
        self.places.iter().any(|place| place.platform == platform && place.address.eq_ignore_ascii_case(address))
    }
}

/// A coin for a token that the app lists and nobody here knows. It lives as long as the process.
fn invented(token: &Token) -> Option<Coin> {
    let platform = token.key.chain.facts().platform?;
    let address = token.key.checksummed();
    if KNOWN.iter().any(|coin| coin.is_at(platform, &address)) {
        return None;
    }
    let drawn = |what: &str| 0.5 + 0.5 * unit(hash(0, &[platform, &address, what], 0));
    let usd = 10_f64.powf(8.0 * drawn("price") - 5.0);
    let cap = 10_f64.powf(6.0 + 4.0 * drawn("cap"));
    let symbol = token.symbol.to_lowercase();
    Some(Coin {
        id: format!("{symbol}-{platform}-{}", &address[2..8].to_lowercase()).leak(),
        symbol: symbol.leak(),
        name: token.name.clone().leak(),
        usd: format!("{usd:.12}").leak(),
        sigma_day: 0.03 + 0.07 * drawn("sigma"),
        supply: cap / usd,
        volume_24h: cap * 0.03,
        places: Box::leak(Box::new([Place { platform, address: address.leak(), decimals: token.decimals }])),
    })
}

/// The coins whose ids the app knows, and some that it has to find or to beware of.
#[rustfmt::skip]
static KNOWN: &[Coin] = &[
    Coin { id: "bitcoin", symbol: "btc", name: "Bitcoin", usd: "97421.8351947266", sigma_day: 0.025, supply: 19_950_000.0, volume_24h: 41.2e9, places: &[] },
    Coin { id: "ethereum", symbol: "eth", name: "Ethereum", usd: "3127.41829365712", sigma_day: 0.034, supply: 120_700_000.0, volume_24h: 19.8e9, places: &[] },
    Coin { id: "tether", symbol: "usdt", name: "Tether", usd: "0.999817263544", sigma_day: 0.0006, supply: 184_000_000_000.0, volume_24h: 96.0e9,
           places: &[ethereum("0xdAC17F958D2ee523a2206206994597C13D831ec7", 6), base("0xfde4C96c8593536E31F229EA8f37b2ADa2699bb2", 6)] },
    Coin { id: "usd-coin", symbol: "usdc", name: "USDC", usd: "0.999953181924", sigma_day: 0.0004, supply: 74_000_000_000.0, volume_24h: 13.1e9,
           places: &[ethereum("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6), base("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 6)] },
    Coin { id: "weth", symbol: "weth", name: "WETH", usd: "3126.90772184359", sigma_day: 0.034, supply: 2_600_000.0, volume_24h: 1.1e9,
           places: &[ethereum("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", 18), base("0x4200000000000000000000000000000000000006", 18)] },
    Coin { id: "wrapped-bitcoin", symbol: "wbtc", name: "Wrapped Bitcoin", usd: "97290.5512093348", sigma_day: 0.025, supply: 126_000.0, volume_24h: 312.0e6,
           places: &[ethereum("0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599", 8)] },
    Coin { id: "coinbase-wrapped-btc", symbol: "cbbtc", name: "Coinbase Wrapped BTC", usd: "97405.2290174881", sigma_day: 0.025, supply: 73_000.0, volume_24h: 421.0e6,
           places: &[ethereum("0xcbB7C0000aB88B473b1f5aFd9ef808440eed33Bf", 8), base("0xcbB7C0000aB88B473b1f5aFd9ef808440eed33Bf", 8)] },
    Coin { id: "coinbase-wrapped-staked-eth", symbol: "cbeth", name: "Coinbase Wrapped Staked ETH", usd: "3468.11509262754", sigma_day: 0.034, supply: 121_000.0, volume_24h: 9.4e6,
           places: &[ethereum("0xBe9895146f7AF43049ca1c1AE358B0541Ea49704", 18), base("0x2Ae3F1Ec7F1F5012CFEab0185bfc7aa3cf0DEc22", 18)] },
    Coin { id: "dai", symbol: "dai", name: "Dai", usd: "0.999640275513", sigma_day: 0.0006, supply: 4_500_000_000.0, volume_24h: 148.0e6,
           places: &[ethereum("0x6B175474E89094C44Da98b954EedeAC495271d0F", 18), base("0x50c5725949A6F0c72E6C4a641F24049A917DB0Cb", 18)] },
    Coin { id: "euro-coin", symbol: "eurc", name: "EURC", usd: "1.15307418823", sigma_day: 0.004, supply: 310_000_000.0, volume_24h: 62.0e6,
           places: &[ethereum("0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c", 6), base("0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42", 6)] },
    Coin { id: "chainlink", symbol: "link", name: "Chainlink", usd: "14.2871960355817", sigma_day: 0.045, supply: 696_000_000.0, volume_24h: 602.0e6,
           places: &[ethereum("0x514910771AF9Ca656af840dff83E8264EcF986CA", 18)] },
    Coin { id: "uniswap", symbol: "uni", name: "Uniswap", usd: "7.31840922617408", sigma_day: 0.05, supply: 629_000_000.0, volume_24h: 318.0e6,
           places: &[ethereum("0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984", 18), base("0xc3De830EA07524a0761646a6a4e4be0e114a3C83", 18)] },
    Coin { id: "aave", symbol: "aave", name: "Aave", usd: "181.062745519337", sigma_day: 0.048, supply: 15_200_000.0, volume_24h: 274.0e6,
           places: &[ethereum("0x7Fc66500c84A76Ad7e9c93437bFc5Ac33E2DDaE9", 18)] },
    Coin { id: "havven", symbol: "snx", name: "Synthetix", usd: "0.731940528816", sigma_day: 0.06, supply: 343_000_000.0, volume_24h: 37.0e6,
           places: &[ethereum("0xC011a73ee8576Fb46F5E1c5751cA3B9Fe0af2a6F", 18)] },
    Coin { id: "aerodrome-finance", symbol: "aero", name: "Aerodrome Finance", usd: "0.694217738025", sigma_day: 0.065, supply: 906_000_000.0, volume_24h: 41.0e6,
           places: &[base("0x940181a94A35A4569E4529A3CDfB74e38FD98631", 18)] },
    Coin { id: "virtual-protocol", symbol: "virtual", name: "Virtuals Protocol", usd: "1.07265540918", sigma_day: 0.075, supply: 656_000_000.0, volume_24h: 158.0e6,
           places: &[ethereum("0x44ff8620b8cA30902395A7bD3F2407e1A091BF73", 18), base("0x0b3e328455c4059EEb9e3f84b5543F74E24e7E1b", 18)] },
    Coin { id: "based-brett", symbol: "brett", name: "Brett", usd: "0.0194826615037", sigma_day: 0.08, supply: 9_910_000_000.0, volume_24h: 21.0e6,
           places: &[base("0x532f27101965dd16442E59d40670FaF5eBB142E4", 18)] },
    Coin { id: "degen-base", symbol: "degen", name: "Degen", usd: "0.00187206351944", sigma_day: 0.085, supply: 36_900_000_000.0, volume_24h: 8.3e6,
           places: &[base("0x4ed4E862860beD51a9570b96d89aF5E1B0Efefed", 18)] },
    Coin { id: "toshi", symbol: "toshi", name: "Toshi", usd: "0.000417736295508", sigma_day: 0.085, supply: 420_690_000_000.0, volume_24h: 14.6e6,
           places: &[base("0xAC1Bd2486aAf3B5C0fc3Fd868558b082a531B2B4", 18)] },
    Coin { id: "moonwell-artemis", symbol: "well", name: "Moonwell", usd: "0.0153301187264", sigma_day: 0.07, supply: 4_780_000_000.0, volume_24h: 5.1e6,
           places: &[base("0xA88594D404727625A9437C3f886C7643872296AE", 18)] },
    Coin { id: "keyboard-cat-base", symbol: "keycat", name: "Keyboard Cat", usd: "0.00262514973816", sigma_day: 0.095, supply: 10_000_000_000.0, volume_24h: 2.4e6,
           places: &[base("0x9a26F5433671751C3276a065f57e5a02D2817973", 18)] },
    // Outside the built-in tokens: prices small enough to be written with an exponent.
    Coin { id: "shiba-inu", symbol: "shib", name: "Shiba Inu", usd: "8.68271355291e-06", sigma_day: 0.05, supply: 589_250_000_000_000.0, volume_24h: 121.0e6,
           places: &[ethereum("0x95aD61b0a150d79219dCF64E1E6Cc01f0B64C4cE", 18)] },
    Coin { id: "pepe", symbol: "pepe", name: "Pepe", usd: "4.7110836295e-06", sigma_day: 0.065, supply: 420_690_000_000_000.0, volume_24h: 402.0e6,
           places: &[ethereum("0x6982508145454Ce325dDbE47a25d4ec3d2311933", 18)] },
    // A trap: the symbol of a stablecoin at an address that is not one.
    Coin { id: "usdc-that-is-not", symbol: "usdc", name: "USD Coin (not really)", usd: "0.0000312904771", sigma_day: 0.3, supply: 1_000_000_000.0, volume_24h: 900.0,
           places: &[ethereum("0x00000000000000000000000000000000ba5eba11", 18)] },
];
