//! What the account holds and what it earned.

use leptos::prelude::*;
use rust_decimal::Decimal;
use shared::ledger::{Totals, Valuation};
use shared::money::{MoneyError, Usd};

use crate::components::account_summary::signed_usd;
use crate::components::common::{Line, Signed, text};
use crate::components::{AccountSummary, EquityCurve, PositionsTable};
use crate::desk::{Desk, use_desk};
use crate::format::{self, number};

/// `/portfolio`
#[component]
pub fn Portfolio() -> impl IntoView {
    let desk = use_desk();
    view! {
        <div class="page page-wide">
            <div class="page-head"><h1>"Portfolio"</h1></div>
            <div class="portfolio">
                <AccountSummary/>
                <div class="portfolio-main">
                    <EquityCurve/>
                    <section class="section" aria-labelledby="positions-title">
                        <div class="section-head"><h2 id="positions-title">"Positions"</h2></div>
                        <PositionsTable/>
                    </section>
                    <div class="portfolio-pair">
                        <section class="section" aria-labelledby="allocation-title" data-testid="allocation">
                            <div class="section-head"><h2 id="allocation-title">"Allocation"</h2></div>
                            {move || desk.valuation.with(|worth| worth.as_ref().map(|worth| allocation(desk, worth)))}
                        </section>
                        {costs(desk)}
                    </div>
                </div>
            </div>
        </div>
    }
}

/// Cash and positions by value, the largest first; what has no price comes last and has no share.
fn allocation(desk: Desk, worth: &Valuation) -> AnyView {
    let mut parts = vec![("Cash".to_owned(), Some(worth.cash))];
    parts.extend(worth.positions.iter().map(|valued| (desk.naming(valued.token).0, valued.value)));
    parts.sort_by(|(_, one), (_, other)| other.cmp(one));
    let row = |(name, value): (String, Option<Usd>)| {
        let share = value.zip(worth.equity).and_then(|(value, equity)| ppm(value, equity));
        let (figure, width) = match share {
            // To a hundredth of a percent, as returns are; the bar to a percent.
            Some(parts) => (Decimal::new(parts / 100, 2).to_string() + "%", (parts / 10_000).to_string()),
            None => (number::UNKNOWN.to_owned(), "0".to_owned()),
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="end num">{value.map_or_else(|| number::UNKNOWN.to_owned(), format::usd)}</td>
                <td class="end num">{figure}</td>
                <td class="share">
                    <svg aria-hidden="true" viewBox="0 0 100 1" preserveAspectRatio="none"><rect width=width height="1"></rect></svg>
                </td>
            </tr>
        }
        .into_any()
    };
    view! {
        <table class="table">
            <caption class="unseen">"Allocation"</caption>
            <thead>
                <tr>
                    <th scope="col">"Asset"</th>
                    <th scope="col" class="end">"Value"</th>
                    <th scope="col" class="end">"Share"</th>
                    <th scope="col" class="share"><span class="unseen">"Share as a bar"</span></th>
                </tr>
            </thead>
            <tbody>{parts.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// `part` of `whole` in parts per million, cut off; `None` of nothing.
fn ppm(part: Usd, whole: Usd) -> Option<i64> {
    let parts = part.atoms().checked_mul(1_000_000)?.checked_div(whole.atoms())?;
    i64::try_from(parts).ok()
}

/// What trading cost, by its causes, and the profit with and without it.
fn costs(desk: Desk) -> AnyView {
    let of = move |read: fn(&Totals) -> Result<Usd, MoneyError>| {
        text(move || {
            let cost = desk.with_account(|account| read(account.totals()).ok()).flatten();
            cost.map_or_else(|| number::UNKNOWN.to_owned(), format::usd_fine)
        })
    };
    let worth = move |read: fn(&Valuation) -> Option<Usd>| {
        Signal::derive(move || signed_usd(desk.valuation.with(|worth| worth.as_ref().and_then(read))))
    };
    let trades = text(move || {
        let counts =
            desk.with_account(|account| (account.totals().filled, account.totals().failed)).unwrap_or_default();
        format!("{} filled, {} failed", number::whole(counts.0), number::whole(counts.1))
    });
    view! {
        <section class="section" aria-labelledby="costs-title" data-testid="costs">
            <div class="section-head"><h2 id="costs-title">"Costs"</h2></div>
            <dl class="figures">
                <Line name="Gas of buys" help="It is part of what the tokens cost.">{of(|totals| Ok(totals.gas_of_buys))}</Line>
                <Line name="Gas of sales" help="It came out of their proceeds.">{of(|totals| Ok(totals.gas_of_sells))}</Line>
                <Line name="Gas of swaps" help="It came out of their proceeds.">{of(|totals| Ok(totals.gas_of_swaps))}</Line>
                <Line name="Gas of failed trades" help="Realised as a loss at once.">{of(|totals| Ok(totals.gas_of_failed))}</Line>
                <Line name="LP fees" help="To the pools' liquidity providers, at mid prices.">{of(|totals| Ok(totals.lp_fees))}</Line>
                <Line name="Price impact" help="What your own size moved the price against you, at mid prices.">{of(|totals| Ok(totals.impact))}</Line>
                <Line name="Slippage" help="What the price moved between quote and execution. Below zero where it helped.">{of(|totals| Ok(totals.slippage))}</Line>
                <Line name="All costs" class="rule total"><span data-testid="all-costs">{of(Totals::costs)}</span></Line>
                <Line name="Profit, all costs in it"><Signed figure=worth(|worth| worth.profit)/></Line>
                <Line name="Profit without them" help="What it would have been without these costs, each taken at the mid price of its own time.">
                    <Signed figure=worth(|worth| worth.profit_before_costs)/>
                </Line>
                <Line name="Volume" class="rule">{of(|totals| Ok(totals.volume))}</Line>
                <Line name="Trades">{trades}</Line>
            </dl>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(ppm(Usd::whole(1), Usd::whole(8)), Some(125_000));
        assert_eq!(ppm(Usd::whole(1_000_000_000), Usd::whole(1_000_000_000)), Some(1_000_000));
        assert_eq!(ppm(Usd::ZERO, Usd::ZERO), None);
    }
}
