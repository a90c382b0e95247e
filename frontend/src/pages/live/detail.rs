//! One transaction: how it stands, every state it was in and for how long, everything that was signed for it, and
//! what can be done about it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::TransactionId;
use shared::money::Units;
use shared::transaction::fees::{REPLACEMENT_PERCENT, cost};
use shared::transaction::{AttemptKind, Fees, Status};
use shared::wire::transactions::{
    AttemptInfo, Exact, Plan, Purpose, Replacement, Step, TransactionInfo, TroubleInfo, Venue,
};

use super::list::{badge, purpose};
use super::server::{per_gas, say_refused};
use crate::components::common::{CopyText, Line};
use crate::desk::live::Live;
use crate::format::words::sentence;
use crate::format::{age, date_time, number, short_hash, units};
use crate::later::later;

/// The decimals of the native coin.
const COIN: u8 = 18;
/// The gas of a transaction that does nothing.
const GAS_OF_NOTHING: u64 = 21_000;

/// The section; nothing while no transaction is looked at.
pub fn detail(live: Live) -> AnyView {
    let info = Memo::new(move |_| {
        let id = live.selected.get()?;
        live.list.with(|list| list.iter().find(|info| info.id == id).cloned())
    });
    let known = Memo::new(move |_| info.with(|info| info.as_ref().map(|info| info.id)));
    view! {
        {move || known.get().map(|id| view! {
            <section class="live-detail" aria-labelledby="live-detail" data-testid="live-detail" data-id=id.to_string()>
                <h2 id="live-detail">{move || info.with(|info| info.as_ref().map(|info| purpose(live, info)))}</h2>
                {actions(live, id, info)}
                {move || info.with(|info| info.as_ref().map(|info| facts(live, info)))}
            </section>
        }.into_any())}
    }
    .into_any()
}

/// What can be done about it, and what that costs.
#[derive(Clone, PartialEq)]
struct Ways {
    /// Fees and gas of what would take its place; nothing where nothing is signed.
    sooner: Option<(Fees, u64)>,
    /// Fees of what would keep it from happening; nothing where a word is enough.
    never: Option<Fees>,
}

fn ways(live: Live, info: &TransactionInfo) -> Option<Ways> {
    // What is mined waits for depth alone.
    if info.is_final || matches!(info.status, Status::Confirming | Status::Confirmed) {
        return None;
    }
    let is_out = matches!(info.status, Status::Submitted | Status::Pending | Status::Stuck);
    let last = info.attempts.last().filter(|_| is_out);
    let fees = |attempt: &AttemptInfo| Fees { max_fee: attempt.max_fee, priority_fee: attempt.priority_fee };
    let market = live.offer(info.chain, "balanced").map(|offer| offer.fees);
    let sooner = last.filter(|last| last.kind == AttemptKind::Payload);
    let sooner = sooner.map(|last| (fees(last).raised(Replacement::default().gas_percent), last.gas_limit));
    let never = last.map(|last| {
        let raised = fees(last).raised(REPLACEMENT_PERCENT);
        market.map_or(raised, |market| raised.or_higher(market))
    });
    Some(Ways { sooner, never })
}

fn actions(live: Live, id: TransactionId, info: Memo<Option<TransactionInfo>>) -> AnyView {
    let ways = Memo::new(move |_| info.with(|info| info.as_ref().and_then(|info| ways(live, info))));
    let is_sure = RwSignal::new("");
    let act = move |how: &'static str| {
        if is_sure.get_untracked() != how {
            return is_sure.set(how);
        }
        is_sure.set("");
        spawn_local(async move {
            if let Err(refused) = live.change(id, how).await {
                say_refused(live, later!("It stays as it is"), &refused.to_string());
            }
        });
    };
    let can_hurry = Memo::new(move |_| ways.with(|ways| ways.as_ref().is_some_and(|ways| ways.sooner.is_some())));
    let can_cancel = Memo::new(move |_| ways.with(Option::is_some));
    let sooner = move || {
        ways.with(|ways| {
            let (fees, gas) = ways.as_ref()?.sooner?;
            Some(
                [
                    later!("Speed it up: the same swap again at its nonce, for up to "),
                    &per_gas(fees.max_fee),
                    " per gas: ",
                    &most(fees, gas),
                    later!(" at most."),
                ]
                .concat(),
            )
        })
    };
    let never = move || {
        ways.with(|ways| {
            Some(match ways.as_ref()?.never {
                Some(fees) => [
                    later!("Cancel it: a transfer of nothing races it at its nonce, about "),
                    &most(fees, GAS_OF_NOTHING),
                    later!(" at most. Whichever is mined decides."),
                ]
                .concat(),
                None => later!("Cancel it: nothing is signed yet, so it costs nothing.").to_owned(),
            })
        })
    };
    view! {
        {move || can_cancel.get().then(|| view! {
            <div class="live-actions" data-testid="live-actions">
                {move || can_hurry.get().then(|| view! {
                    <p class="small" data-testid="live-sooner">{sooner}</p>
                    <button type="button" class="button" data-testid="live-replace" on:click=move |_| act("replace")>
                        {move || if is_sure.get() == "replace" { later!("Speed it up for real") } else { later!("Speed up") }}
                    </button>
                }.into_any())}
                <p class="small" data-testid="live-never">{never}</p>
                <button type="button" class="button" data-testid="live-cancel" on:click=move |_| act("cancel")>
                    {move || if is_sure.get() == "cancel" { later!("Cancel it for real") } else { "Cancel" }}
                </button>
            </div>
        }.into_any())}
    }
    .into_any()
}

/// The most that so much gas takes at these fees.
fn most(fees: Fees, gas: u64) -> String {
    coins(cost(fees.max_fee, gas))
}

/// Wei as coins.
pub fn coins(wei: Units) -> String {
    [&units(wei, COIN), " ETH"].concat()
}

fn facts(live: Live, info: &TransactionInfo) -> AnyView {
    let reason = info.reason.as_ref().map(|words| {
        view! { <p class="note note-warn" data-testid="live-reason">{[&sentence(words), "."].concat()}</p> }.into_any()
    });
    let (paid, shown) = (info.fees_paid.to_string(), coins(info.fees_paid));
    let swap = match &info.purpose {
        Purpose::Swap(asked) => Some(asked),
        Purpose::Approval { .. } | Purpose::Gap => None,
    };
    let line = |name: &'static str, help: &'static str, value: String| {
        view! { <Line name=name help=help>{value}</Line> }.into_any()
    };
    let plan = swap.zip(info.plan.as_ref()).map(|(asked, plan)| {
        let (side, expected, limit) = match asked.exact {
            Exact::Sell(_) => (asked.buy, "Quoted at", "At least"),
            Exact::Buy(_) => (asked.sell, "Quoted at", "At most"),
        };
        let amount = |units| live.amount(info.chain, side, units);
        view! {
            {line("Way", later!("The best after gas, of all that were quoted."), way(live, info, plan))}
            {line(expected, later!("What the other side was quoted at when it was prepared."), amount(plan.expected))}
            {line(limit, later!("Nothing worse is taken: the exchange itself refuses it."), amount(plan.limit))}
        }
        .into_any()
    });
    let fill = swap.zip(info.fill.as_ref()).map(|(asked, fill)| {
        let (base_sold, base_bought) = (fill.sold.to_string(), fill.bought.to_string());
        let (sold, bought) =
            (live.amount(info.chain, asked.sell, fill.sold), live.amount(info.chain, asked.buy, fill.bought));
        view! {
            <Line name="Sold"><span data-testid="live-sold" data-units=base_sold>{sold}</span></Line>
            <Line name="Bought"><span data-testid="live-bought" data-units=base_bought>{bought}</span></Line>
        }
        .into_any()
    });
    let troubles = (!info.troubles.is_empty()).then(|| {
        let one = |trouble: &TroubleInfo| {
            view! { <li><span class="faint small">{date_time(trouble.at)}</span>" "{sentence(&trouble.what)}</li> }.into_any()
        };
        view! { <h3>{later!("What stood in its way")}</h3><ul data-testid="live-troubles">{info.troubles.iter().map(one).collect_view()}</ul> }.into_any()
    });
    view! {
        {reason}
        <dl class="figures" data-testid="live-facts">
            {fill}
            <Line name="Paid for gas"><span data-testid="live-fees" data-units=paid>{shown}</span></Line>
            {plan}
            {line("Not wanted after", later!("What is not mined by then is given up."), date_time(info.deadline))}
        </dl>
        {twin(live, info)}
        {timeline(info)}
        {attempts(info)}
        {troubles}
    }
    .into_any()
}

/// The same swap on paper, where it has a twin.
fn twin(live: Live, info: &TransactionInfo) -> Option<AnyView> {
    let (Purpose::Swap(asked), Some(twin)) = (&info.purpose, &info.paper_twin) else { return None };
    let (name, asset, amount) = match asked.exact {
        Exact::Sell(_) => ("Bought on paper", asked.buy, twin.fill.bought),
        Exact::Buy(_) => ("Sold on paper", asked.sell, twin.fill.sold),
    };
    let (base, shown) = (amount.to_string(), live.amount(info.chain, asset, amount));
    let by = number::ppm_parts(i64::try_from(twin.difference_ppm.unsigned_abs()).unwrap_or(i64::MAX));
    let real = match twin.difference_ppm {
        0 => "as on paper".to_owned(),
        1.. => [&by, " better than on paper"].concat(),
        _ => [&by, " worse than on paper"].concat(),
    };
    let block = number::whole(twin.block);
    Some(
        view! {
            <h3>"The same swap on paper"</h3>
            <dl class="figures" data-testid="live-twin">
                <Line name=name help=later!("What the simulator would have filled it with, by the pool’s reserves before its block.")>
                    <span class="badge badge-paper">"PAPER"</span>" "<span data-testid="live-twin-amount" data-units=base>{shown}</span>
                </Line>
                <Line name="For real it was">{real}</Line>
                <Line name="By the reserves of block">{block}</Line>
            </dl>
        }
        .into_any(),
    )
}

/// The way of a plan: where, through what, by which tiers.
pub fn way(live: Live, info: &TransactionInfo, plan: &Plan) -> String {
    route(live, info.chain, plan)
}

/// As [`way`], of a plan that is not yet a transaction's.
pub fn route(live: Live, chain: shared::chain::Chain, plan: &Plan) -> String {
    let venue = match plan.venue {
        Venue::UniswapV2 => "Uniswap V2: ",
        Venue::UniswapV3 => "Uniswap V3: ",
    };
    let mut words = venue.to_owned();
    for (at, token) in plan.path.iter().enumerate() {
        if at > 0 {
            words += " → ";
        }
        words += &live.naming(chain, shared::wire::transactions::Asset::Token(*token)).0;
        if let Some(fee) = plan.fees.get(at) {
            words += &[" (", &number::ppm_parts(i64::from(*fee)), ")"].concat();
        }
    }
    words
}

/// Every state it was in, and how long.
fn timeline(info: &TransactionInfo) -> AnyView {
    let waits = info.history.iter().enumerate().map(|(at, step): (usize, &Step)| {
        let took = info.history.get(at + 1).map(|next| ["for ", &age(next.at.since(step.at))].concat());
        view! {
            <li data-testid="live-step" data-status=step.status.name()>
                <span>{badge(step.status)}" "<span class="faint small">{step.status.meaning()}</span></span>
                <span class="faint small num" title=date_time(step.at)>{took}</span>
            </li>
        }
        .into_any()
    });
    view! { <h3>"Its life so far"</h3><ol class="live-line" data-testid="live-timeline">{waits.collect_view()}</ol> }
        .into_any()
}

/// Everything that was signed for it.
fn attempts(info: &TransactionInfo) -> Option<AnyView> {
    let one = |attempt: &AttemptInfo| {
        let kind = match attempt.kind {
            AttemptKind::Payload => "Payload",
            AttemptKind::Cancel => "Cancel",
        };
        let hash = attempt.hash.to_string();
        let (short, whole) = (short_hash(&hash), hash.clone());
        let block = attempt.block.map_or_else(|| "-".to_owned(), number::whole);
        let gas = attempt.gas_used.map_or_else(|| ["≤ ", &number::whole(attempt.gas_limit)].concat(), number::whole);
        let outcome = match attempt.success {
            Some(false) => "mined, reverted".to_owned(),
            Some(true) | None => attempt.outcome.clone(),
        };
        view! {
            <tr data-testid="live-attempt" data-kind=kind data-outcome=attempt.outcome.clone() data-hash=hash>
                <th scope="row">{kind}" "<span class="faint small">{["nonce ", &attempt.nonce.to_string()].concat()}</span></th>
                <td data-label="Hash"><CopyText short=short whole=whole what="hash"/></td>
                <td class="end num" data-label="Most per gas">{per_gas(attempt.max_fee)}</td>
                <td class="end num" data-label="Tip">{per_gas(attempt.priority_fee)}</td>
                <td class="end num" data-label="Gas">{gas}</td>
                <td class="end num" data-label="Block">{block}</td>
                <td data-label="Outcome">{outcome}</td>
            </tr>
        }
        .into_any()
    };
    (!info.attempts.is_empty()).then(|| {
        view! {
            <h3>{later!("What was signed for it")}</h3>
            <div class="table-box">
                <table class="table table-stack" data-testid="live-attempts">
                    <thead><tr>
                        <th scope="col">"What"</th><th scope="col">"Hash"</th><th scope="col" class="end">"Most per gas"</th><th scope="col" class="end">"Tip"</th>
                        <th scope="col" class="end">"Gas"</th><th scope="col" class="end">"Block"</th><th scope="col">"Outcome"</th>
                    </tr></thead>
                    <tbody>{info.attempts.iter().map(one).collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    })
}
