//! The rate of the whole exchange, either way round: `1 WETH = $3,002.15`, `$1 = 0.00033309 WETH`.

use leptos::prelude::*;
use rust_decimal::Decimal;
use shared::trade::Amount;

use super::draft::Answer;
use crate::components::common::text;
use crate::desk::{Desk, use_desk};
use crate::format::number;

/// The rate, turned round by a press.
#[component]
pub fn Rate(answer: Memo<Answer>) -> impl IntoView {
    let desk = use_desk();
    let is_inverted = RwSignal::new(false);
    let shown = text(move || {
        answer.with(|answer| rate(desk, answer, is_inverted.get())).unwrap_or_else(|| number::UNKNOWN.to_owned())
    });
    view! {
        <button
            type="button"
            class="rate num"
            title="Impact and LP fee included, gas apart. Press to turn it round."
            data-testid="rate"
            on:click=move |_| is_inverted.update(|is| *is = !*is)
        >
            {shown}
            <span aria-hidden="true">" ⇄"</span>
        </button>
    }
}

fn rate(desk: Desk, answer: &Answer, is_inverted: bool) -> Option<String> {
    let (order, preview) = answer.preview()?;
    let side = |amount: Amount, token: Option<_>| match (amount, token) {
        (Amount::Usd(usd), _) => Some((usd.decimal(), None)),
        (Amount::Units(units), Some(key)) => {
            let (symbol, decimals) = desk.naming(key);
            Some((units.quantity(decimals).to_decimal_rounded().ok()?, Some(symbol)))
        }
        (Amount::Units(_), None) => None,
    };
    let (paid, received) = (side(preview.paid, order.sold())?, side(preview.expected, order.bought())?);
    // A token is quoted in dollars, the token sold of a swap in the one bought.
    let (one, other) = if paid.1.is_none() { (received, paid) } else { (paid, received) };
    let (one, other) = if is_inverted { (other, one) } else { (one, other) };
    let rate = other.0.checked_div(one.0)?;
    let one = one.1.map_or_else(|| "$1".to_owned(), |symbol| ["1 ", &symbol].concat());
    Some([one, " = ".to_owned(), quoted(rate, other.1)].concat())
}

fn quoted(rate: Decimal, symbol: Option<String>) -> String {
    let digits = number::rate(rate);
    symbol.map_or_else(|| ["$", &digits].concat(), |symbol| [&digits, " ", &symbol].concat())
}
