//! A fill's receipt: a till slip that says why it got the price it got.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::{Entry, Event, Settings};
use shared::trade::{AcceptPriceAge, Amount, Failure, Leg, Outcome, Trade};

use super::common::{CopyText, Line, Sheet};
use super::trade_words::{amount, done, leg};
use crate::desk::{Desk, entries, use_desk};
use crate::format::{self, gwei, number, ppm, short_hash, usd_fine, words};

/// The open receipt, if one is.
#[component]
pub fn ReceiptSheet() -> impl IntoView {
    let desk = use_desk();
    let entry = RwSignal::new(None::<Arc<Entry>>);
    Effect::new(move |_| {
        let Some(seq) = desk.receipt.get() else { return entry.set(None) };
        spawn_local(async move {
            let found = entries::read(desk, &[seq as u32]).await.pop();
            // Another one may have been asked for meanwhile.
            if desk.receipt.get_untracked() == Some(seq) {
                entry.set(found);
            }
        });
    });
    view! {
        {move || entry.get().map(|entry| {
            let title = if entry.trade().is_some() { "Receipt" } else { "Journal entry" };
            view! {
                <Sheet title=title on_close=move |()| desk.receipt.set(None)>
                    <Receipt entry=Arc::clone(&entry)/>
                </Sheet>
            }
        })}
    }
}

#[component]
fn Receipt(entry: Arc<Entry>) -> impl IntoView {
    let desk = use_desk();
    let body = match &entry.event {
        Event::Traded(trade) => {
            view! { <TradeLines trade=trade.clone() block=entry.paper_block(trade.order.chain())/> }.into_any()
        }
        Event::Opened(opened) => view! {
            <p class="receipt-total">{format!("Opened with {}", format::usd(opened.deposit))}</p>
            <SettingsLines settings=opened.settings/>
        }
        .into_any(),
        Event::Deposited { usd } => {
            view! { <p class="receipt-total">{format!("Added {}", format::usd(*usd))}</p> }.into_any()
        }
        Event::Withdrawn { usd } => {
            view! { <p class="receipt-total">{format!("Took out {}", format::usd(*usd))}</p> }.into_any()
        }
        Event::SettingsChanged(settings) => view! {
            <p class="receipt-total">"Settings from here on"</p>
            <SettingsLines settings=*settings/>
        }
        .into_any(),
        Event::TokenAdded(token) => {
            view! { <p class="receipt-total">{format!("Added {} ({})", token.symbol, token.key.checksummed())}</p> }
                .into_any()
        }
    };
    let (at, seq) = (entry.at, entry.seq);
    let hash = format!("0x{:x}", entry.hash);
    let short = short_hash(&hash);
    let market = untrack(|| desk.market_kind());
    view! {
        <article class="receipt" data-testid="receipt">
            {body}
            <dl class="figures">
                <Line name="Time" help="When the entry was written, by the server's clock. A journal's times never go back."><span title=at.to_string()>{format::date_time(at)}</span></Line>
                <Line name="Entry" help="Its place in this account's journal.">{number::whole(seq)}</Line>
                <Line name="Paper hash" help="Keccak-256 of the journal's line. It stands where a transaction's hash would, and proves that the line was not changed.">
                    <span data-testid="receipt-hash"><CopyText whole=hash short=short what="hash"/></span>
                </Line>
            </dl>
            <p class="receipt-foot">
                {match market {
                    Some(shared::ledger::MarketKind::Demo) => "Paper trade in the demo market. No real money, no real price, no transaction on any chain.",
                    Some(shared::ledger::MarketKind::Real) | None => "Paper trade. No real money, and no transaction on any chain: hash and block are this journal's own.",
                }}
            </p>
        </article>
    }
}

#[component]
fn TradeLines(trade: Trade, block: u64) -> impl IntoView {
    let desk = use_desk();
    let order = trade.order;
    let failure = match trade.outcome {
        Outcome::Filled => None,
        Outcome::Failed(failure) => Some(failure),
    };
    let received_name = if failure.is_none() { "Received" } else { "Offered, and refused" };
    let consent = match trade.accept_price_age {
        AcceptPriceAge::No => None,
        AcceptPriceAge::ByHand => Some("accepted by hand"),
        AcceptPriceAge::Offline => Some("accepted, offline"),
    };
    let bought = order.bought();
    let sold = order.sold();
    let chain = order.chain();
    view! {
        <div class="receipt-head">
            <p class="faint">{if failure.is_none() { "Filled on paper" } else { "Failed on paper" }} " · " {chain.name()}</p>
            <p class="receipt-total" data-testid="receipt-total">{done(desk, &trade)}</p>
            {failure.map(|failure| view! { <FailureNote failure=failure gas=format::usd_fine(trade.gas.usd)/> })}
        </div>
        <dl class="figures">
            {trade.sold.map(|side| view! { <LegLines desk=desk side=side token=sold name="sold"/> })}
            {trade.bought.map(|side| view! { <LegLines desk=desk side=side token=bought name="bought"/> })}
        </dl>
        <dl class="figures">
            <Line name="Price impact" help="How far this order itself moved the pool's price, your recent trades in it included.">{usd_fine(trade.costs.impact)}</Line>
            <Line name="LP fee" help="The pool's fee to its liquidity providers, at the mid price.">{usd_fine(trade.costs.lp_fee)}</Line>
            <Line name="Slippage" help="What the price moved between quote and execution, drawn from the token's volatility. It can go either way; a minus helped you.">{usd_fine(trade.costs.slippage)}</Line>
            <Line name="Gas" help="Units × (base fee + priority fee), plus the L1 data fee where the chain has one, at the price of the chain's coin.">
                {usd_fine(trade.gas.usd)}
            </Line>
            <Line name="Gas in detail" help="Gas units × price per unit, at the chain's native coin in dollars, and where the fees came from.">
                <span class="small">
                    {format!("{} × {}", number::whole(trade.gas.units), gwei(trade.gas.base_fee + trade.gas.priority_fee))}
                    {(trade.gas.l1_fee > 0).then(|| format!(" + {} {} L1", number::coins(trade.gas.l1_fee), chain.facts().native_symbol))}
                    {format!(" at {} ({})", format::price(trade.gas.native), words::gas_source(trade.gas.source))}
                </span>
            </Line>
        </dl>
        <dl class="figures">
            <Line name="Paid" help="What left the account in the exchange. Gas comes on top, in cash.">{exact(desk, trade.paid, sold)}</Line>
            <Line name="Quoted" help="What the pool offered before slippage.">{exact(desk, trade.quoted, bought)}</Line>
            <Line name="Minimum" help="Quote × (1 − tolerance), rounded down. Below it the trade fails, as it would on chain.">
                {exact(desk, trade.minimum, bought)}
            </Line>
            <Line name="Tolerance" help="How far below the quote you were ready to go.">{ppm(trade.tolerance)}</Line>
            <Line name=received_name help="What execution offered, slippage included: the quote moved by the draw." class="total"><span data-testid="receipt-received">{exact(desk, trade.received, bought)}</span></Line>
        </dl>
        <dl class="figures">
            {consent.map(|text| view! { <Line name="Old price" help="A price was expired, and you agreed to trade on it."><span data-testid="receipt-consent">{text}</span></Line> })}
            <Line name="Latency" help="The time between quote and execution over which slippage was drawn.">{format!("{} ms", number::whole(u64::from(trade.latency_ms)))}</Line>
            <Line name="Seed" help="The draws came from this number. With it and the inputs above, anyone gets the same fill.">
                <span class="mono">{trade.seed.0.to_string()}</span>
            </Line>
            <Line name="Simulator" help="The version that filled it. The same version gives the same fill for the same inputs.">{format!("version {}", trade.sim)}</Line>
            <Line name="Desk time" help="How long this device took from your confirmation to the fill.">{format!("{} µs", number::whole(u64::from(trade.execution_us)))}</Line>
            <Line name="Paper block" help="The number a block of this chain would have about now. No real block.">{number::whole(block)}</Line>
            <Line name="Trade id" help="The trade's own name. A journal holds a name once, so nothing is booked twice."><CopyText whole=trade.id.to_string() short=short_hash(&trade.id.to_string()) what="trade id"/></Line>
        </dl>
    }
}

/// Price, fee and depth of one side.
#[component]
fn LegLines(desk: Desk, side: Leg, token: Option<shared::token::TokenKey>, name: &'static str) -> impl IntoView {
    let (symbol, decimals) = token.map_or_else(Default::default, |key| desk.naming(key));
    view! {
        <Line name=format!("Mid price, {symbol}") help="The price of the token before your order, its age when it was used, and where it came from.">
            <span data-testid=format!("receipt-{name}-price")>{leg(&side)}</span>
        </Line>
        <Line name="Pool" help="What the price impact was computed from, best knowledge first: reserves, liquidity, volume, or an assumed depth.">
            <span class="small">{format!("{}, fee {}", words::depth(side.depth, decimals, &symbol), ppm(side.fee))}</span>
        </Line>
    }
}

#[component]
fn FailureNote(failure: Failure, gas: String) -> impl IntoView {
    let (cause, remedy) = words::failure(failure);
    view! {
        <div class="note note-loss">
            <p class="strong">{cause} "."</p>
            <p>{format!("Nothing was exchanged. Gas of {gas} was paid, as it would be on chain. {remedy}")}</p>
        </div>
    }
}

#[component]
fn SettingsLines(settings: Settings) -> impl IntoView {
    view! {
        <dl class="figures">
            <Line name="Cost method" help="Which units a sale takes first.">{settings.cost_method.name()}</Line>
            <Line name="Tolerance" help="What a new ticket starts with.">{ppm(settings.tolerance)}</Line>
            <Line name="Failure rate" help="The share of trades that fail by chance, as transactions do.">{ppm(settings.failure_rate)}</Line>
            <Line name="Latency" help="The time between quote and execution.">
                {settings.latency_ms.map_or_else(|| "the chain's block time".to_owned(), |ms| format!("{} ms", number::whole(u64::from(ms))))}
            </Line>
            <Line name="Volatility" help="The daily volatility that slippage is drawn with.">
                {settings.sigma_day.map_or_else(|| "each token's own".to_owned(), |sigma| format!("{} a day", number::sigma(sigma)))}
            </Line>
            <Line name="Limits" help="The smallest and the largest trade.">{format!("{} to {}", format::usd(settings.smallest_trade), format::usd(settings.largest_trade))}</Line>
            <Line name="Expert mode" help="Whether a price impact of 15% or more may be confirmed.">{if settings.expert { "on" } else { "off" }}</Line>
        </dl>
    }
}

/// An amount in full: the receipt hides no digit of a token amount.
fn exact(desk: Desk, value: Amount, token: Option<shared::token::TokenKey>) -> String {
    match (value, token) {
        (Amount::Units(units), Some(key)) => {
            let (symbol, decimals) = desk.naming(key);
            format!("{} {symbol}", number::exact(units.quantity(decimals)))
        }
        (value, token) => amount(desk, value, token),
    }
}
