//! A trade in words: what it does, what it did, why it was refused.

use shared::ledger::IMPACT_REFUSED_FROM;
use shared::token::{Token, TokenKey};
use shared::trade::{Amount, Order, Ppm, Rejection, Trade};

use crate::desk::Desk;
use crate::format::{age, ppm, price, quantity, units, usd, words};

/// An amount with its unit: `$1,000.00`, `0.4213 WETH`.
pub fn amount(desk: Desk, amount: Amount, token: Option<TokenKey>) -> String {
    match (amount, token) {
        (Amount::Usd(dollars), _) => usd(dollars),
        (Amount::Units(base), Some(key)) => {
            let (symbol, decimals) = desk.naming(key);
            format!("{} {symbol}", units(base, decimals))
        }
        (Amount::Units(base), None) => base.to_string(),
    }
}

/// What an order does with these amounts: `Buy 0.4213 WETH for $1,000.00`.
pub fn doing(desk: Desk, order: &Order, paid: Amount, received: Amount) -> String {
    let (paid, received) = (amount(desk, paid, order.sold()), amount(desk, received, order.bought()));
    match order {
        Order::Buy { .. } => format!("Buy {received} for {paid}"),
        Order::Sell { .. } => format!("Sell {paid} for {received}"),
        Order::Swap { .. } => format!("Swap {paid} for {received}"),
    }
}

/// What a trade did: `Bought 0.4213 WETH for $1,000.00`, `Not bought: …` when it failed.
pub fn done(desk: Desk, trade: &Trade) -> String {
    let paid = amount(desk, trade.paid, trade.order.sold());
    let received = amount(desk, trade.received, trade.order.bought());
    match (&trade.order, trade.is_filled()) {
        (Order::Buy { .. }, true) => format!("Bought {received} for {paid}"),
        (Order::Sell { .. }, true) => format!("Sold {paid} for {received}"),
        (Order::Swap { .. }, true) => format!("Swapped {paid} for {received}"),
        (Order::Buy { .. }, false) => format!("The buy for {paid} failed"),
        (Order::Sell { .. }, false) => format!("The sale of {paid} failed"),
        (Order::Swap { .. }, false) => format!("The swap of {paid} failed"),
    }
}

/// The trade's name in a list: `Buy WETH`.
pub fn title(desk: Desk, order: &Order) -> String {
    let name = |key| desk.naming(key).0;
    match order {
        Order::Buy { token, .. } => format!("Buy {}", name(*token)),
        Order::Sell { token, .. } => format!("Sell {}", name(*token)),
        Order::Swap { from, to, .. } => format!("Swap {} for {}", name(*from), name(*to)),
    }
}

/// A token as people tell tokens apart: `WETH on Base`.
pub fn token_on_chain(token: &Token) -> String {
    format!("{} on {}", token.symbol, token.key.chain.name())
}

/// The cause of a rejection, with symbols for tokens and figures to the cent, and a few words of it for
/// a button.
pub fn rejection(desk: Desk, rejection: &Rejection, order: &Order) -> (&'static str, String) {
    let name = |key: &TokenKey| desk.token(*key).map_or_else(|| key.checksummed(), |token| token_on_chain(&token));
    let sold = || order.sold().map_or_else(String::new, |key| desk.naming(key).0);
    match rejection {
        Rejection::InsufficientFunds { needed, available, gas } => (
            "Not enough cash",
            format!("This needs {}, {} of it gas, and you have {} in cash.", usd(*needed), usd(*gas), usd(*available)),
        ),
        Rejection::InsufficientPosition { needed, .. } if needed.is_zero() => {
            ("Nothing to sell", format!("You hold no {}.", sold()))
        }
        Rejection::InsufficientPosition { needed, available } => (
            "Not enough to sell",
            format!("This needs {} {}, and you hold {}.", quantity(*needed), sold(), quantity(*available)),
        ),
        Rejection::InsufficientGas { gas, available } => (
            "Not enough cash for gas",
            format!("Gas of {} is paid in cash, and you have {}.", usd(*gas), usd(*available)),
        ),
        Rejection::UnknownToken { token } => {
            ("Unknown token", format!("{} is in no token table.", token.checksummed()))
        }
        Rejection::PriceMissing { token } => ("No price", format!("There is no price for {}.", name(token))),
        Rejection::GasPriceMissing { chain } => (
            "Gas has no price",
            format!("There is no price for {}, which pays gas on {}.", chain.facts().native_symbol, chain.name()),
        ),
        Rejection::GasPriceExpired { chain, age_ms, .. } => (
            "Accept the price's age",
            format!(
                "The price of {}, which pays gas on {}, is {} old.",
                chain.facts().native_symbol,
                chain.name(),
                age(*age_ms)
            ),
        ),
        Rejection::PriceExpired { token, age_ms, .. } => {
            ("Accept the price's age", format!("The price of {} is {} old.", name(token), age(*age_ms)))
        }
        Rejection::AmountZero => ("Enter an amount above zero", "The amount is zero.".to_owned()),
        Rejection::AmountNegative => ("Enter a positive amount", "The amount is negative.".to_owned()),
        Rejection::AmountTooFine { decimals } => {
            ("Too many decimal places", format!("This token has {decimals} decimal places, and the amount has more."))
        }
        Rejection::OutsideLimits { value, least, most } => (
            "Outside your limits",
            format!("A trade of {} is outside your limits of {} to {}.", usd(*value), usd(*least), usd(*most)),
        ),
        Rejection::ImpactTooHigh { impact, most } if *impact >= IMPACT_REFUSED_FROM => (
            "Too large for this market",
            format!(
                "This order moves the price against you by {}. From {} on it is refused{}.",
                ppm(hundredths(*impact)),
                ppm(IMPACT_REFUSED_FROM),
                if *most < IMPACT_REFUSED_FROM { "" } else { " unless you confirm it" },
            ),
        ),
        Rejection::ImpactTooHigh { impact, most } => (
            "The price impact has grown",
            format!(
                "This order now moves the price against you by {}, and you accepted {}.",
                ppm(hundredths(*impact)),
                ppm(hundredths(*most)),
            ),
        ),
        Rejection::InsufficientLiquidity => {
            ("The market is too thin", "This amount would take all the liquidity of the market.".to_owned())
        }
        Rejection::SameToken => ("Pick two different tokens", "Both sides are the same token.".to_owned()),
        Rejection::CrossChain { from, to } => {
            ("Tokens of two chains", format!("{} and {} have no pool in common.", from.name(), to.name()))
        }
        Rejection::MixedMarkets => ("Wrong market", "Demo prices and real prices never mix in one account.".to_owned()),
        Rejection::TooLarge => ("Amount too large", "The amount is too large to account for.".to_owned()),
    }
}

/// What a person at this desk can do about a rejection.
pub fn remedy(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::ImpactTooHigh { impact, .. } if *impact >= IMPACT_REFUSED_FROM => {
            "Lower the amount or split it over time. Expert mode in Settings allows it."
        }
        Rejection::ImpactTooHigh { .. } => "Look at the figures again, and type the impact once more.",
        other => other.remedy(),
    }
}

/// A share to a hundredth of a percent, up: a limit is never shown lower than it is.
fn hundredths(share: Ppm) -> Ppm {
    Ppm::new(share.parts().div_ceil(100) * 100).unwrap_or(share)
}

/// What was known of one side of a trade: `$3,141.59, 4 s old, CoinGecko`.
pub fn leg(leg: &shared::trade::Leg) -> String {
    match leg.source {
        shared::quote::Source::Pinned => words::source(leg.source).to_owned(),
        source => format!("{}, {} old, {}", price(leg.price), age(leg.age_ms), words::source(source)),
    }
}
