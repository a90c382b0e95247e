//! What the account is worth, and what came of it.

use leptos::prelude::*;
use shared::ledger::Valuation;
use shared::money::Usd;

use super::common::{Line, Signed, text};
use crate::desk::use_desk;
use crate::format::{self, number, number::Way};
use crate::router::A;

/// A dollar figure with its way, for [`Signed`].
pub fn signed_usd(amount: Option<Usd>) -> Option<(Way, String)> {
    amount.map(|amount| (Way::of_usd(amount), format::signed_usd(amount)))
}

/// A share with its way, for [`Signed`].
pub fn signed_ppm(parts: Option<i64>) -> Option<(Way, String)> {
    parts.map(|parts| {
        let percent = rust_decimal::Decimal::new(parts, 4);
        (Way::of(percent.round_dp(2)), format::percent(percent))
    })
}

/// Equity large, the rest as a quiet list.
#[component]
pub fn AccountSummary() -> impl IntoView {
    let desk = use_desk();
    let of =
        move |read: fn(&Valuation) -> Option<Usd>| move || desk.valuation.with(|worth| worth.as_ref().and_then(read));
    let plain = move |read: fn(&Valuation) -> Option<Usd>| {
        text(move || of(read)().map_or_else(|| number::UNKNOWN.to_owned(), format::usd))
    };
    let gas = move || desk.with_account(|account| account.totals().gas().ok()).flatten();
    let lp_fees = move || desk.with_account(|account| account.totals().lp_fees);
    let cost = |amount: Option<Usd>| amount.map_or_else(|| number::UNKNOWN.to_owned(), format::usd_fine);
    let unpriced = move || {
        desk.valuation.with(|worth| {
            let names: Vec<String> = worth.iter().flat_map(Valuation::unpriced).map(|key| desk.naming(key).0).collect();
            (!names.is_empty()).then(|| format!("No price for {}, so what needs it is unknown.", names.join(", ")))
        })
    };
    view! {
        <section class="section" aria-labelledby="summary-title" data-testid="summary">
            <div class="section-head">
                <h2 id="summary-title">"Account"</h2>
                <span class="faint small">{text(move || desk.with_account(|account| account.name().to_owned()).unwrap_or_default())}</span>
            </div>
            <p class="faint small">"Equity"</p>
            <p class="num summary-equity" data-testid="equity">{plain(|worth| worth.equity)}</p>
            <p class="small">
                <Signed figure=Signal::derive(move || signed_usd(of(|worth| worth.profit)()))/>
                " "
                <Signed figure=Signal::derive(move || signed_ppm(desk.valuation.with(|worth| worth.as_ref().and_then(|worth| worth.return_ppm))))/>
                <span class="faint">" on what you put in"</span>
            </p>
            <dl class="figures">
                <Line name="Cash"><span data-testid="cash">{plain(|worth| Some(worth.cash))}</span></Line>
                <Line name="Unrealised" help="What your positions are worth now, less what they cost, gas of buying included.">
                    <span data-testid="unrealised"><Signed figure=Signal::derive(move || signed_usd(of(|worth| worth.unrealised)()))/></span>
                </Line>
                <Line name="Realised" help="What your sales brought in, less what the tokens sold had cost, all gas included. The gas of failed trades counts at once.">
                    <span data-testid="realised"><Signed figure=Signal::derive(move || signed_usd(of(|worth| Some(worth.realised))()))/></span>
                </Line>
                <Line name="Gas paid" help="Gas of every trade so far, failed ones included. It is part of the figures above.">
                    <span data-testid="gas-paid">{text(move || cost(gas()))}</span>
                </Line>
                <Line name="LP fees paid" help="Fees to the pools' liquidity providers so far. They are in the quantities you received.">
                    {text(move || cost(lp_fees()))}
                </Line>
            </dl>
            <p class="small summary-link"><A href="/conventions">"How figures are made"</A></p>
            {move || unpriced().map(|text| view! { <p class="warn small">{text}</p> })}
        </section>
    }
}
