//! What an account lets its owner choose: the cost method, and the terms of its trades.

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::trade::Ppm;

/// Which lots a disposal takes its cost from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CostMethod {
    /// All lots melted into one, at their average cost.
    #[default]
    Average,
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// Highest cost first; among equals, the oldest.
    Hifo,
}

impl CostMethod {
    /// Every method, in the order people know them.
    pub const ALL: [CostMethod; 4] = [CostMethod::Average, CostMethod::Fifo, CostMethod::Lifo, CostMethod::Hifo];

    /// The word for it, as JSON and command lines write it.
    pub const fn name(self) -> &'static str {
        match self {
            CostMethod::Average => "average",
            CostMethod::Fifo => "fifo",
            CostMethod::Lifo => "lifo",
            CostMethod::Hifo => "hifo",
        }
    }
}

impl std::fmt::Display for CostMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not a cost method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cost method; there are average, fifo, lifo and hifo")]
pub struct UnknownCostMethod(String);

impl std::str::FromStr for CostMethod {
    type Err = UnknownCostMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        CostMethod::ALL
            .into_iter()
            .find(|method| method.name() == text)
            .ok_or_else(|| UnknownCostMethod(text.chars().take(24).collect()))
    }
}

/// The terms an account trades on. They stand in its journal, so a trade can be judged by the
/// terms of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which lots a disposal takes its cost from. A change recomputes the past.
    pub cost_method: CostMethod,
    /// The slippage tolerance a new ticket starts with.
    pub tolerance: Ppm,
    /// The share of trades that fail by chance, as transactions do.
    pub failure_rate: Ppm,
    /// Time between quote and execution in milliseconds. Absent: the chain's block time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Daily volatility in parts per billion of the price, in place of what is known of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma_day: Option<u64>,
    /// The smallest trade allowed, in dollars.
    pub smallest_trade: Usd,
    /// The largest trade allowed, in dollars.
    pub largest_trade: Usd,
    /// Whether a confirmed trade may move the price as far as it takes: see [`Settings::max_impact`].
    pub expert: bool,
}

impl Default for Settings {
    /// Average cost, 0.5 % tolerance, 2 % of trades failing, trades of one cent to a billion dollars.
    fn default() -> Self {
        Settings {
            cost_method: CostMethod::Average,
            tolerance: Ppm::from_bps(50),
            failure_rate: Ppm::from_bps(200),
            latency_ms: None,
            sigma_day: None,
            smallest_trade: Usd::from_atoms(10_000_000_000).unwrap_or_default(),
            largest_trade: Usd::whole(1_000_000_000),
            expert: false,
        }
    }
}

/// Why settings were refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SettingsError {
    /// The smallest trade is negative.
    #[error("the smallest trade cannot be negative")]
    SmallestNegative,
    /// The limits leave no trade.
    #[error("the largest trade must be above zero and at least the smallest")]
    LimitsCross,
    /// A latency beyond ten minutes.
    #[error("the time between quote and execution is at most {MAX_LATENCY_MS} milliseconds")]
    Latency,
    /// A volatility beyond 1,000 % a day.
    #[error("the daily volatility is at most {MAX_SIGMA_DAY} parts per billion (1,000 %)")]
    Sigma,
}

/// The longest latency that can be set: ten minutes.
pub const MAX_LATENCY_MS: u32 = 600_000;
/// The largest daily volatility that can be set: 1,000 %, in parts per billion.
pub const MAX_SIGMA_DAY: u64 = 10_000_000_000;

/// From this price impact on, a person confirms by typing it what an order would do to the price.
pub const IMPACT_CONFIRMED_FROM: Ppm = Ppm::from_bps(1_000);
/// From this price impact on, an order is refused unless the account is an expert's.
pub const IMPACT_REFUSED_FROM: Ppm = Ppm::from_bps(1_500);

impl Settings {
    /// The largest price impact to put into a request, where the person has accepted `accepted`: nothing
    /// accepted stops below [`IMPACT_CONFIRMED_FROM`], and whatever was accepted stops below
    /// [`IMPACT_REFUSED_FROM`] unless the account is an expert's.
    pub fn max_impact(&self, accepted: Option<Ppm>) -> Ppm {
        let below = |share: Ppm| Ppm::new(share.parts().saturating_sub(1)).unwrap_or_default();
        let wish = accepted.unwrap_or_default().max(below(IMPACT_CONFIRMED_FROM));
        if self.expert { wish } else { wish.min(below(IMPACT_REFUSED_FROM)) }
    }

    /// Whether these settings can be traded on.
    ///
    /// # Errors
    /// [`SettingsError`], the first that applies.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.smallest_trade.is_negative() {
            return Err(SettingsError::SmallestNegative);
        }
        if self.largest_trade <= Usd::ZERO || self.largest_trade < self.smallest_trade {
            return Err(SettingsError::LimitsCross);
        }
        if self.latency_ms.is_some_and(|ms| ms > MAX_LATENCY_MS) {
            return Err(SettingsError::Latency);
        }
        if self.sigma_day.is_some_and(|sigma| sigma > MAX_SIGMA_DAY) {
            return Err(SettingsError::Sigma);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_stand_and_are_what_their_words_say() {
        let settings = Settings::default();
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!((settings.tolerance.parts(), settings.failure_rate.parts()), (5_000, 20_000));
        assert_eq!(settings.smallest_trade.to_string(), "0.01");
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(
            json,
            r#"{"cost_method":"average","tolerance":5000,"failure_rate":20000,"smallest_trade":"0.01","largest_trade":"1000000000","expert":false}"#
        );
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    }

    #[test]
    fn settings_nobody_could_trade_on_are_refused() {
        let base = Settings::default();
        for (settings, error) in [
            (Settings { smallest_trade: Usd::whole(-1), ..base }, SettingsError::SmallestNegative),
            (Settings { largest_trade: Usd::ZERO, smallest_trade: Usd::ZERO, ..base }, SettingsError::LimitsCross),
            (
                Settings { largest_trade: Usd::whole(1), smallest_trade: Usd::whole(2), ..base },
                SettingsError::LimitsCross,
            ),
            (Settings { latency_ms: Some(MAX_LATENCY_MS + 1), ..base }, SettingsError::Latency),
            (Settings { sigma_day: Some(MAX_SIGMA_DAY + 1), ..base }, SettingsError::Sigma),
        ] {
            assert_eq!(settings.validate(), Err(error));
        }
    }

    #[test]
    fn price_impact_takes_consent_from_ten_percent_and_an_expert_from_fifteen() {
        let ppm = |parts| Ppm::new(parts).unwrap();
        let plain = Settings::default();
        let expert = Settings { expert: true, ..plain };
        for (settings, accepted, most) in [
            (plain, None, 99_999),
            (expert, None, 99_999),
            (plain, Some(20_000), 99_999),
            (plain, Some(120_000), 120_000),
            (plain, Some(300_000), 149_999),
            (expert, Some(300_000), 300_000),
            (expert, Some(1_000_000), 1_000_000),
        ] {
            assert_eq!(settings.max_impact(accepted.map(ppm)), ppm(most), "{accepted:?}");
        }
    }

    #[test]
    fn a_method_reads_back_from_its_name() {
        for method in CostMethod::ALL {
            assert_eq!(method.to_string().parse(), Ok(method));
            assert_eq!(serde_json::to_string(&method).unwrap(), format!("\"{method}\""));
        }
        assert!("FIFO".parse::<CostMethod>().is_err());
    }
}
