//! The simulator's own answer, line by line.

use leptos::prelude::*;
use shared::ledger::FOOTPRINT_HALF_LIFE_MS;
use shared::money::Usd;
use shared::simulator::Preview;
use shared::trade::{Amount, Order, Ppm};

use super::draft::{Answer, Side};
use crate::components::common::{Line, text};
use crate::components::trade_words::{amount, leg};
use crate::desk::{Desk, use_desk};
use crate::format::{self, gwei, number, ppm, usd, usd_fine, words};

/// From these shares on, price impact deserves a look, a warning, an alarm: parts per million, colour, word.
const IMPACT_STEPS: [(u32, &str, &str); 3] =
    [(50_000, "bad strong", ", very high"), (30_000, "bad", ", high"), (10_000, "warn", ", noticeable")];

/// How a price impact is coloured, and the word that says the same.
fn impact_step(impact: Ppm) -> Option<(&'static str, &'static str)> {
    IMPACT_STEPS.iter().find(|(parts, ..)| impact.parts() >= *parts).map(|(_, class, word)| (*class, *word))
}

/// What comes out, large, with its band.
#[component]
pub fn Expected(answer: Memo<Answer>) -> impl IntoView {
    let desk = use_desk();
    let shown = move || {
        answer.read().preview().map(|(order, preview)| {
            let token = order.bought();
            let band = match (preview.low == preview.high, token) {
                (true, _) => String::new(),
                (false, _) => format!(
                    "{} to {} after slippage",
                    amount(desk, preview.low, token),
                    amount(desk, preview.high, token)
                ),
            };
            (amount(desk, preview.expected, token), band)
        })
    };
    view! {
        <div class="result" aria-live="off">
            <span class="field-label">"You receive, expected"</span>
            <output class="result-figure num" data-testid="expected">
                {text(move || shown().map_or_else(|| number::UNKNOWN.to_owned(), |(figure, _)| figure))}
            </output>
            <span class="num faint small">{text(move || shown().map(|(_, band)| band).unwrap_or_default())}</span>
        </div>
    }
}

/// The costs as a quiet list.
#[component]
pub fn Costs(answer: Memo<Answer>, side: RwSignal<Side>) -> impl IntoView {
    let desk = use_desk();
    let of = move |read: fn(Desk, &Order, &Preview) -> String| {
        text(move || {
            answer.with(|answer| {
                let read = |(order, preview): (&Order, &Preview)| read(desk, order, preview);
                answer.preview().map_or_else(|| number::UNKNOWN.to_owned(), read)
            })
        })
    };
    let step = move |answer: &Answer| answer.preview().and_then(|(_, preview)| impact_step(preview.impact));
    let impact_class = text(move || answer.with(step).map_or("", |(class, _)| class).to_owned());
    let impact_word = text(move || answer.with(step).map_or("", |(_, word)| word).to_owned());
    let total_name = text(move || {
        let name = match side.get() {
            Side::Buy => "Total to pay",
            Side::Sell => "You end up with",
            Side::Swap => "Cash to pay",
        };
        name.to_owned()
    });
    view! {
        <dl class="figures costs" data-testid="preview">
            <Line name="Mid price" help="The price before your order, its age, and where it came from.">
                <span class="small" data-testid="preview-mid">{of(|_, _, preview| mids(preview))}</span>
            </Line>
            <Line name="Price impact" help="How far this order itself moves the pool's price. Your own recent trades count: half of their mark is gone after a minute.">
                <span class=impact_class data-testid="preview-impact">
                    {of(|_, _, preview| format!("{} ({})", usd_fine(preview.costs.impact), ppm_rounded(preview.impact)))}
                    {impact_word}
                </span>
            </Line>
            <Line name="LP fee" help="The pool's fee to its liquidity providers. It is in what you receive.">
                <span data-testid="preview-lp-fee">{of(|_, _, preview| format!("{} ({})", usd_fine(preview.costs.lp_fee), fees(preview)))}</span>
            </Line>
            <Line name="Pool" help="What the impact is computed from, best knowledge first: reserves, liquidity, volume, or an assumed depth.">
                <span class="small wrap">{of(pools)}</span>
            </Line>
            <Line name="Gas" help="Units × (base fee + priority fee), plus the L1 data fee where the chain has one, at the price of the chain's coin. Paid in cash.">
                <span data-testid="preview-gas">{of(|_, _, preview| usd_fine(preview.gas.usd))}</span>
            </Line>
            <Line name="Gas from">
                <span class="small wrap">{of(gas_detail)}</span>
            </Line>
            <Line name="Chance to fail" help="Some transactions fail on chain. Then nothing is exchanged, and gas is paid all the same. Set it in Settings.">
                {of(|_, _, preview| ppm(preview.failure_rate))}
            </Line>
            <Line name="Minimum received" help="Expected × (1 − tolerance), rounded down. If execution offers less, the trade fails and only gas is paid." class="rule">
                <span data-testid="preview-minimum">{of(|desk, order, preview| amount(desk, preview.minimum, order.bought()))}</span>
            </Line>
            <Line name=total_name class="total">
                <span data-testid="preview-total">{of(total)}</span>
            </Line>
        </dl>
    }
}

fn mids(preview: &Preview) -> String {
    match (&preview.sold, &preview.bought) {
        (Some(sold), Some(bought)) => format!("{} → {}", format::price(sold.price), format::price(bought.price)),
        (Some(side), None) | (None, Some(side)) => leg(side),
        (None, None) => number::UNKNOWN.to_owned(),
    }
}

fn fees(preview: &Preview) -> String {
    let fees: Vec<String> = [&preview.sold, &preview.bought].into_iter().flatten().map(|side| ppm(side.fee)).collect();
    fees.join(" + ")
}

fn pools(desk: Desk, order: &Order, preview: &Preview) -> String {
    let side = |side: &Option<shared::trade::Leg>, token: Option<_>| {
        side.as_ref().zip(token).map(|(side, key)| {
            let (symbol, decimals) = desk.naming(key);
            words::depth(side.depth, decimals, &symbol)
        })
    };
    let sides: Vec<String> =
        [side(&preview.sold, order.sold()), side(&preview.bought, order.bought())].into_iter().flatten().collect();
    sides.join("; ")
}

fn gas_detail(_: Desk, order: &Order, preview: &Preview) -> String {
    let gas = &preview.gas;
    let l1 = if gas.l1_fee > 0 {
        format!(" + {} {} L1", number::coins(gas.l1_fee), order.chain().facts().native_symbol)
    } else {
        String::new()
    };
    format!(
        "{} × {}{l1}, {}",
        number::whole(gas.units),
        gwei(gas.base_fee + gas.priority_fee),
        words::gas_source(gas.source)
    )
}

/// Cash out for a buy, gas included; cash in for a sale, gas taken off; the gas alone for a swap.
fn total(_: Desk, order: &Order, preview: &Preview) -> String {
    let unknown = || number::UNKNOWN.to_owned();
    match (order, preview.expected) {
        (Order::Sell { .. }, Amount::Usd(received)) => received.minus(preview.gas.usd).map_or_else(|_| unknown(), usd),
        (Order::Sell { .. }, Amount::Units(_)) => unknown(),
        (Order::Buy { .. } | Order::Swap { .. }, _) => sum(preview.cash_needed),
    }
}

fn sum(cash: Usd) -> String {
    if cash.atoms() < 1_000_000_000_000 { usd_fine(cash) } else { usd(cash) }
}

/// A share to a hundredth of a percent; what is less, but not nothing, is `<0.01%`.
fn ppm_rounded(share: Ppm) -> String {
    match share.parts() {
        0 => "0%".to_owned(),
        1..50 => ["<", &format::editable("0.01"), "%"].concat(),
        parts => ppm(Ppm::new((parts + 50) / 100 * 100).unwrap_or(share)),
    }
}

// The help text above states the half-life in words.
const _: () = assert!(FOOTPRINT_HALF_LIFE_MS == 60_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impact_is_coloured_and_named_at_one_three_and_five_percent() {
        for (parts, class, word) in [
            (10_000, "warn", ", noticeable"),
            (29_999, "warn", ", noticeable"),
            (30_000, "bad", ", high"),
            (50_000, "bad strong", ", very high"),
            (1_000_000, "bad strong", ", very high"),
        ] {
            assert_eq!(impact_step(Ppm::new(parts).unwrap()), Some((class, word)));
        }
        assert_eq!(impact_step(Ppm::new(9_999).unwrap()), None);
    }

    #[test]
    fn shares_show_hundredths_and_hide_nothing() {
        for (parts, shown) in [(0, "0%"), (1, "<0.01%"), (50, "0.01%"), (1_234, "0.12%"), (999_999, "100%")] {
            assert_eq!(ppm_rounded(Ppm::new(parts).unwrap()), shown);
        }
    }
}
