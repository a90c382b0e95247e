//! From what is known of a token to the pool its trade is filled against.
//!
//! The best knowledge decides, in this order, and is named in the fill ([`Depth`]): the pool's reserves,
//! its liquidity with its fee tier, the square-root law from volume and volatility, an assumed liquidity.
//! The first, second and fourth are a constant-product pool centred on the mid price, filled by
//! [`v2`]'s integers. Dollars are the pool's other side, counted in 10⁻¹² dollars.
//!
//! The account's own footprint moves the pool against a further trade in the same direction, and never
//! in the account's favour: others would have traded the price back before it could turn.

use alloy_primitives::U256;

use crate::market::PoolFacts;
use crate::market::draws::BILLION;
use crate::market::v2::{self, PoolError};
use crate::money::{Rounding, Units, Usd, mul_div};
use crate::quote::Quote;
use crate::time::Timestamp;
use crate::token::{Origin, Token};
use crate::trade::{Depth, Leg, Ppm};

/// The fee assumed for a pool whose fee is unknown: Uniswap V2's.
pub const ASSUMED_FEE: Ppm = v2::V2_FEE;
/// The fee between dollars and a pinned stablecoin: Uniswap V3's lowest tier, 0.01 %.
pub const PINNED_FEE: Ppm = Ppm::from_bps(1);
/// Liquidity assumed for a built-in token of which nothing is known.
pub const ASSUMED_LIQUIDITY_BUILTIN: Usd = Usd::whole(1_000_000);
/// Liquidity assumed for any other token of which nothing is known.
pub const ASSUMED_LIQUIDITY_OTHER: Usd = Usd::whole(100_000);
/// Daily volatility assumed for a built-in token, in parts per billion: 4 %.
pub const ASSUMED_SIGMA_BUILTIN: u64 = 40_000_000;
/// Daily volatility assumed for any other token: 10 %.
pub const ASSUMED_SIGMA_OTHER: u64 = 100_000_000;

/// What a trade in `token` goes by, from what is known.
pub fn leg(token: &Token, quote: &Quote, facts: Option<&PoolFacts>, sigma_override: Option<u64>, at: Timestamp) -> Leg {
    let builtin = token.origin == Origin::Builtin;
    let known_sigma = facts.and_then(|facts| facts.sigma_day);
    let assumed_sigma = if builtin { ASSUMED_SIGMA_BUILTIN } else { ASSUMED_SIGMA_OTHER };
    let (depth, fee, sigma) = if token.pinned {
        (Depth::Pinned, PINNED_FEE, 0)
    } else {
        let assumed = Depth::Assumed(if builtin { ASSUMED_LIQUIDITY_BUILTIN } else { ASSUMED_LIQUIDITY_OTHER });
        let positive = |usd: Option<Usd>| usd.filter(|usd| *usd > Usd::ZERO);
        let depth = facts.map_or(assumed, |facts| {
            let reserves = facts.reserve.filter(|units| !units.is_zero()).map(Depth::Reserves);
            reserves
                .or(positive(facts.liquidity).map(Depth::Liquidity))
                .or(positive(facts.volume_24h).map(Depth::Volume))
                .unwrap_or(assumed)
        });
        let fee = facts.and_then(|facts| facts.fee).unwrap_or(ASSUMED_FEE);
        (depth, fee, sigma_override.or(known_sigma).unwrap_or(assumed_sigma))
    };
    Leg { price: quote.price, age_ms: quote.age_ms(at), source: quote.source, depth, fee, sigma }
}

/// One side of an exchange through a token's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Dollars on the one side.
    pub usd: Usd,
    /// Base units on the other.
    pub units: Units,
    /// Mid value of the base units.
    pub value: Usd,
    /// Fee to the liquidity providers, in dollars.
    pub lp_fee: Usd,
    /// Price impact, in dollars.
    pub impact: Usd,
}

/// A token's pool, as a leg describes it.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'a> {
    leg: &'a Leg,
    decimals: u8,
    /// What the account's recent trades in the same direction moved, in base units.
    footprint: Units,
}

impl<'a> Pool<'a> {
    /// The pool of `leg`'s token, which has `decimals`, pushed by `footprint` base units.
    pub fn new(leg: &'a Leg, decimals: u8, footprint: Units) -> Pool<'a> {
        Pool { leg, decimals, footprint }
    }

    /// Dollars in, tokens out.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn buy(&self, usd: Usd) -> Result<Exchange, PoolError> {
        let lp_fee = self.fee_on(usd)?;
        let units = match self.leg.depth {
            Depth::Pinned => self.leg.price.units(usd.minus(lp_fee)?, self.decimals, Rounding::Down)?,
            Depth::Volume(volume) => {
                let law = SquareRoot { volume, sigma: self.leg.sigma };
                let before = self.value(self.footprint, Rounding::Up)?;
                let net = law.between(before, usd.minus(lp_fee)?)?;
                self.leg.price.units(net, self.decimals, Rounding::Down)?
            }
            Depth::Reserves(_) | Depth::Liquidity(_) | Depth::Assumed(_) => {
                let (dollars, tokens) = self.reserves_after_buying()?;
                Units(v2::amount_out(usd.magnitude(), dollars, tokens, self.leg.fee)?)
            }
        };
        let value = self.value(units, Rounding::Down)?;
        let impact = usd.minus(lp_fee)?.minus(value)?;
        Ok(Exchange { usd, units, value, lp_fee, impact })
    }

    /// The dollars that buy at least `units`.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn cost_of(&self, units: Units) -> Result<Usd, PoolError> {
        let atoms = match self.leg.depth {
            Depth::Reserves(_) | Depth::Liquidity(_) | Depth::Assumed(_) => {
                let (dollars, tokens) = self.reserves_after_buying()?;
                v2::amount_in(units.0, dollars, tokens, self.leg.fee)?
            }
            Depth::Pinned | Depth::Volume(_) => self.least_that_buys(units)?,
        };
        Ok(Usd::from_magnitude(atoms, false)?)
    }

    /// Tokens in, dollars out.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn sell(&self, units: Units) -> Result<Exchange, PoolError> {
        let value = self.value(units, Rounding::Down)?;
        let lp_fee = self.fee_on(value)?;
        let usd = match self.leg.depth {
            Depth::Pinned => value.minus(lp_fee)?,
            Depth::Volume(volume) => {
                let law = SquareRoot { volume, sigma: self.leg.sigma };
                law.between(self.value(self.footprint, Rounding::Up)?, value.minus(lp_fee)?)?
            }
            Depth::Reserves(_) | Depth::Liquidity(_) | Depth::Assumed(_) => {
                let (dollars, tokens) = self.reserves()?;
                let moved = tokens.checked_add(self.footprint.0).ok_or(PoolError::Overflow)?;
                let dollars =
                    if self.footprint.is_zero() { dollars } else { mul_div(dollars, tokens, moved, Rounding::Down)? };
                Usd::from_magnitude(v2::amount_out(units.0, moved, dollars, self.leg.fee)?, false)?
            }
        };
        let impact = value.minus(lp_fee)?.minus(usd)?;
        Ok(Exchange { usd, units, value, lp_fee, impact })
    }

    /// The pool's dollars (in 10⁻¹²) and tokens at the mid price.
    fn reserves(&self) -> Result<(U256, U256), PoolError> {
        let price = self.leg.price;
        match self.leg.depth {
            Depth::Reserves(tokens) => Ok((self.value(tokens, Rounding::Down)?.magnitude(), tokens.0)),
            Depth::Liquidity(usd) | Depth::Assumed(usd) | Depth::Volume(usd) => {
                let half = Usd::from_atoms(usd.atoms() / 2)?;
                Ok((half.magnitude(), price.units(half, self.decimals, Rounding::Down)?.0))
            }
            Depth::Pinned => Err(PoolError::InsufficientLiquidity),
        }
    }

    /// The same after the account's own recent buys: fewer tokens for more dollars.
    fn reserves_after_buying(&self) -> Result<(U256, U256), PoolError> {
        let (dollars, tokens) = self.reserves()?;
        if self.footprint.is_zero() {
            return Ok((dollars, tokens));
        }
        let left = tokens.checked_sub(self.footprint.0).ok_or(PoolError::InsufficientLiquidity)?;
        Ok((mul_div(dollars, tokens, left, Rounding::Up)?, left))
    }

    /// The least dollars (in 10⁻¹²) for which [`Pool::buy`] gives `units`, by bisection: `buy` grows
    /// with its argument.
    fn least_that_buys(&self, units: Units) -> Result<U256, PoolError> {
        if units.is_zero() {
            return Err(PoolError::ZeroAmount);
        }
        let enough = |atoms: U256| -> Result<bool, PoolError> {
            Ok(self.buy(Usd::from_magnitude(atoms, false)?)?.units >= units)
        };
        let mut low = self.value(units, Rounding::Down)?.magnitude();
        let mut high = low.max(U256::ONE);
        while !enough(high)? {
            low = high;
            high <<= 1;
        }
        while high - low > U256::ONE {
            let middle = low + ((high - low) >> 1);
            if enough(middle)? { high = middle } else { low = middle }
        }
        Ok(high)
    }

    fn value(&self, units: Units, rounding: Rounding) -> Result<Usd, PoolError> {
        Ok(self.leg.price.value(units, self.decimals, rounding)?)
    }

    /// The fee on an amount, rounded up: it is paid.
    fn fee_on(&self, usd: Usd) -> Result<Usd, PoolError> {
        Ok(usd.portion(U256::from(self.leg.fee.parts()), U256::from(Ppm::ONE.parts()), Rounding::Up)?)
    }
}

/// The square-root law: an amount Q moves the price by Y·σ_day·√(Q ÷ V_day), with Y = 1.
///
/// Sources: Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact" (2005);
/// Tóth et al., "Anomalous price impact and the critical nature of liquidity" (2011). Taking the
/// whole move as the average cost, rather than two thirds of it, errs against the user.
struct SquareRoot {
    volume: Usd,
    /// Daily volatility in parts per billion.
    sigma: u64,
}

impl SquareRoot {
    /// What `amount` is worth after impact, when `before` has just been traded the same way:
    /// `F(before + amount) − F(before)` with `F(Q) = Q ÷ (1 + I(Q))`. Splitting an order changes nothing.
    fn between(&self, before: Usd, amount: Usd) -> Result<Usd, PoolError> {
        let whole = self.after_impact(before.plus(amount)?)?;
        Ok(whole.minus(self.after_impact(before)?)?)
    }

    fn after_impact(&self, amount: Usd) -> Result<Usd, PoolError> {
        let ratio = amount.atoms() as f64 / self.volume.atoms() as f64;
        // Quantised up to parts per billion before it touches money; the cast saturates.
        let impact = libm::ceil(self.sigma as f64 * libm::sqrt(ratio)) as u64;
        let whole = U256::from(BILLION);
        Ok(amount.portion(whole, whole + U256::from(impact), Rounding::Down)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::quote::Source;
    use crate::token::TokenTable;

    fn weth() -> &'static Token {
        TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap()
    }

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn leg_with(depth: Depth) -> Leg {
        Leg {
            price: "2000".parse().unwrap(),
            age_ms: 0,
            source: Source::Coingecko,
            depth,
            fee: Ppm::from_bps(30),
            sigma: 40_000_000,
        }
    }

    fn every_depth() -> [Depth; 4] {
        [
            Depth::Reserves(Units::parse("1000", 18).unwrap()),
            Depth::Liquidity(usd("4000000")),
            Depth::Volume(usd("1000000")),
            Depth::Assumed(usd("4000000")),
        ]
    }

    #[test]
    fn the_best_knowledge_decides_and_unknown_is_assumed() {
        let at = Timestamp::EPOCH;
        let quote = Quote { price: "2000".parse().unwrap(), as_of: at, source: Source::Coingecko, upstream_at: None };
        let mut facts = PoolFacts {
            reserve: Some(Units(U256::from(5u8))),
            liquidity: Some(usd("10")),
            fee: Some(Ppm::from_bps(5)),
            dex: None,
            volume_24h: Some(usd("20")),
            sigma_day: Some(7),
            as_of: at,
            source: Source::Coingecko,
        };
        let depth = |facts: Option<&PoolFacts>| leg(weth(), &quote, facts, None, at).depth;
        assert_eq!(depth(Some(&facts)), Depth::Reserves(Units(U256::from(5u8))));
        facts.reserve = Some(Units::ZERO);
        assert_eq!(depth(Some(&facts)), Depth::Liquidity(usd("10")));
        facts.liquidity = None;
        assert_eq!(depth(Some(&facts)), Depth::Volume(usd("20")));
        facts.volume_24h = Some(Usd::ZERO);
        assert_eq!(depth(Some(&facts)), Depth::Assumed(ASSUMED_LIQUIDITY_BUILTIN));
        assert_eq!(depth(None), Depth::Assumed(ASSUMED_LIQUIDITY_BUILTIN));
        assert_eq!(leg(weth(), &quote, Some(&facts), None, at).sigma, 7);
        assert_eq!(leg(weth(), &quote, Some(&facts), Some(9), at).sigma, 9);
        assert_eq!(leg(weth(), &quote, None, None, at).fee, ASSUMED_FEE);
    }

    #[test]
    fn fee_and_impact_and_value_add_up_to_what_was_paid() {
        for depth in every_depth() {
            let leg = leg_with(depth);
            let pool = Pool::new(&leg, 18, Units::ZERO);
            let bought = pool.buy(usd("10000")).unwrap();
            assert_eq!(bought.lp_fee, usd("30"));
            assert_eq!(bought.value.plus(bought.lp_fee).unwrap().plus(bought.impact).unwrap(), usd("10000"));
            assert!(bought.impact > Usd::ZERO, "{depth:?}");
            let sold = pool.sell(Units::parse("5", 18).unwrap()).unwrap();
            assert_eq!(sold.usd.plus(sold.lp_fee).unwrap().plus(sold.impact).unwrap(), usd("10000"));
            assert!(sold.impact > Usd::ZERO, "{depth:?}");
        }
    }

    #[test]
    fn a_constant_product_pool_gives_the_figure_worked_by_hand() {
        // Half of $4,000,000 against 1,000 WETH: 10000·0.997 in, 9970·1000 ÷ 2009970 = 4.96027… out.
        let leg = leg_with(Depth::Liquidity(usd("4000000")));
        let bought = Pool::new(&leg, 18, Units::ZERO).buy(usd("10000")).unwrap();
        assert_eq!(bought.units.to_string(), "4960273038901078125");
    }

    #[test]
    fn splitting_an_order_does_not_erase_its_impact() {
        for depth in every_depth() {
            let mut leg = leg_with(depth);
            leg.fee = Ppm::default();
            let whole = Pool::new(&leg, 18, Units::ZERO).buy(usd("20000")).unwrap().units;
            let first = Pool::new(&leg, 18, Units::ZERO).buy(usd("10000")).unwrap().units;
            let second = Pool::new(&leg, 18, first).buy(usd("10000")).unwrap().units;
            let split = first.plus(second).unwrap();
            // The square-root law measures the footprint at mid value, a little less than was paid.
            let slack = if matches!(depth, Depth::Volume(_)) { 1_000 } else { 1_000_000_000_000 };
            assert!(split.0.abs_diff(whole.0) < whole.0 / U256::from(slack), "{depth:?}: {split} against {whole}");

            let units = Units::parse("10", 18).unwrap();
            let half = Units::parse("5", 18).unwrap();
            let whole = Pool::new(&leg, 18, Units::ZERO).sell(units).unwrap().usd;
            let first = Pool::new(&leg, 18, Units::ZERO).sell(half).unwrap().usd;
            let second = Pool::new(&leg, 18, half).sell(half).unwrap().usd;
            let split = first.plus(second).unwrap();
            assert!((split.atoms() - whole.atoms()).unsigned_abs() < whole.atoms().unsigned_abs() / slack, "{depth:?}");
        }
    }

    #[test]
    fn the_cost_of_an_amount_buys_that_amount_and_not_an_atom_too_many() {
        let mut depths = every_depth().to_vec();
        depths.push(Depth::Pinned);
        for depth in depths {
            let leg = leg_with(depth);
            let pool = Pool::new(&leg, 18, Units::parse("1", 18).unwrap());
            let wanted = Units::parse("2.5", 18).unwrap();
            let cost = pool.cost_of(wanted).unwrap();
            assert!(pool.buy(cost).unwrap().units >= wanted, "{depth:?}");
            let less = Usd::from_atoms(cost.atoms() - 2).unwrap();
            assert!(pool.buy(less).unwrap().units < wanted, "{depth:?}");
        }
    }

    #[test]
    fn a_pool_never_gives_more_than_it_has() {
        let leg = leg_with(Depth::Liquidity(usd("4000")));
        let pool = Pool::new(&leg, 18, Units::ZERO);
        assert_eq!(pool.cost_of(Units::parse("1", 18).unwrap()), Err(PoolError::InsufficientLiquidity));
        assert!(pool.buy(usd("1000000000")).unwrap().units < Units::parse("1", 18).unwrap());
        let pushed = Pool::new(&leg, 18, Units::parse("2", 18).unwrap());
        assert_eq!(pushed.buy(usd("1")), Err(PoolError::InsufficientLiquidity));
    }
}
