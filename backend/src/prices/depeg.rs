//! Stablecoins that are not worth a dollar.
//!
//! Their price here is the pin, exactly one dollar by address. What the market pays comes along in the
//! calls for other coins, and more than 1 % off raises an alert, until it is back.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_decimal::Decimal;
use shared::money::Price;
use shared::quote::Quote;
use shared::time::Timestamp;
use shared::token::TokenTable;
use shared::wire::{Alert, AlertKind, Severity};

use crate::telemetry;

/// The pinned coins and their symbols.
static PINNED: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let pinned = TokenTable::builtin().iter().filter(|token| token.pinned);
    pinned.filter_map(|token| Some((token.coin_id.as_deref()?, token.symbol.as_str()))).collect()
});

/// The coins that are off, by id.
#[derive(Debug, Default)]
pub struct Depegs(BTreeMap<&'static str, Depeg>);

#[derive(Debug)]
struct Depeg {
    since: Timestamp,
    price: Price,
    as_of: Timestamp,
}

impl Depegs {
    /// Takes the market's price of a coin; of those that are not pinned nothing is learnt.
    pub fn learn(&mut self, id: &str, quote: &Quote) {
        let Some((coin, symbol)) = PINNED.get_key_value(id) else { return };
        let Quote { price, as_of, .. } = *quote;
        if let Some(percent) = off_percent(price, 1) {
            telemetry::note_depeg(coin, true);
            let known = self.0.get(coin).map(|depeg| depeg.since);
            self.0.insert(coin, Depeg { since: known.unwrap_or(as_of), price, as_of });
            if known.is_none() {
                tracing::warn!(event = "depeg", coin, token = symbol, %price, percent, "Stablecoin off its peg");
            }
        } else {
            telemetry::note_depeg(coin, false);
            if self.0.remove(coin).is_some() {
                tracing::info!(event = "depeg_over", coin, token = symbol, %price, "Stablecoin back at its peg");
            }
        }
    }

    /// The alerts that stand.
    pub fn alerts(&self) -> Vec<Alert> {
        self.0
            .iter()
            .map(|(coin, depeg)| {
                let symbol = PINNED.get(coin).copied().unwrap_or(coin);
                let Depeg { since, price, as_of } = *depeg;
                let percent = off_percent(price, 1).unwrap_or_default();
                let side = if price < Price::ONE { "below" } else { "above" };
                let message = format!(
                    "{symbol} trades at ${price}, {percent} % {side} a dollar. Here it still counts as exactly one."
                );
                let severity = if off_percent(price, 5).is_some() { Severity::Critical } else { Severity::Warning };
                Alert { kind: AlertKind::Depeg, severity, subject: symbol.to_owned(), message, since, as_of }
            })
            .collect()
    }
}

/// By how many percent a price is off a dollar, to two places, where that is more than `limit`.
fn off_percent(price: Price, limit: u32) -> Option<String> {
    let off = (price.decimal() - Decimal::ONE).abs() * Decimal::ONE_HUNDRED;
    (off > limit.into()).then(|| off.round_dp(2).normalize().to_string())
}

#[cfg(test)]
mod tests {
    use shared::quote::Source;

    use super::*;
    use crate::telemetry::tests::Captured;

    #[test]
    fn more_than_one_percent_off_raises_an_alert_once_and_its_return_ends_it() {
        let mut depegs = Depegs::default();
        let mut alerts = Vec::new();
        let lines = Captured::during(|| {
            for (secs, coin, price) in [
                (1, "usd-coin", "0.99"),
                (2, "usd-coin", "0.98999"),
                (3, "usd-coin", "0.9"),
                (4, "weth", "3000"),
                (5, "dai", "1.010001"),
                (6, "usd-coin", "1.01"),
            ] {
                let (price, as_of) = (price.parse().unwrap(), Timestamp::from_secs(secs));
                depegs.learn(coin, &Quote { price, as_of, source: Source::Coingecko, upstream_at: None });
                alerts.push(depegs.alerts());
            }
        });
        assert_eq!(alerts.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1, 1, 2, 1]);
        let usdc = &alerts[2][0];
        assert_eq!((usdc.severity, usdc.subject.as_str()), (Severity::Critical, "USDC"));
        assert_eq!((usdc.since, usdc.as_of), (Timestamp::from_secs(2), Timestamp::from_secs(3)));
        assert_eq!(usdc.message, "USDC trades at $0.9, 10 % below a dollar. Here it still counts as exactly one.");
        assert_eq!((alerts[1][0].severity, alerts[5][0].subject.as_str()), (Severity::Warning, "DAI"));
        let said: Vec<_> = lines.iter().map(|line| (line["event"].as_str(), line["coin"].as_str())).collect();
        let expected = [("depeg", "usd-coin"), ("depeg", "dai"), ("depeg_over", "usd-coin")];
        assert_eq!(said, expected.map(|(event, coin)| (Some(event), Some(coin))));
    }
}
