//! How figures are made: every convention that a figure on this desk rests on.

use leptos::prelude::*;
use shared::ledger::{IMPACT_CONFIRMED_FROM, IMPACT_REFUSED_FROM};
use shared::market::depth::{
    ASSUMED_LIQUIDITY_BUILTIN, ASSUMED_LIQUIDITY_OTHER, ASSUMED_SIGMA_BUILTIN, ASSUMED_SIGMA_OTHER,
};
use shared::market::gas::{ONE_HOP_UNITS, TWO_HOP_UNITS};
use shared::quote::Thresholds;

use crate::desk::use_desk;
use crate::format::{age, compact_usd, number, ppm};
use crate::later::later;

/// `/conventions`
#[component]
pub fn Conventions() -> impl IntoView {
    let desk = use_desk();
    let thresholds = Memo::new(move |_| -> Thresholds { desk.view.with(|view| view.market.thresholds) });
    view! {
        <div class="page page-text" data-testid="conventions">
            <div class="page-head"><h1>"How figures are made"</h1></div>
            <p>{later!("Every figure on this desk follows from a few conventions. They are the same in the browser, on the server and in the tests, and each receipt holds what is needed to check them.")}</p>

            <section aria-labelledby="c-prices">
                <h2 id="c-prices">"Prices and their age"</h2>
                <ul>
                    <li>{later!("The mid price is CoinGecko's price in US dollars. USDC, USDT and DAI are pinned at exactly $1, by their address and never by their symbol.")}</li>
                    <li>{move || format!(
                        "Age counts from when the price was fetched. It is fresh below {}, stale below {}, and expired from then on. An expired price is only traded on if you accept its age, and the record says so.",
                        age(thresholds.get().fresh_ms), age(thresholds.get().stale_ms),
                    )}</li>
                    <li>{later!("Tokens of the test chains are worth nothing in truth. They borrow the price of the mainnet coin they stand for.")}</li>
                    <li>{later!("What is not known is shown as -, and never as zero.")}</li>
                </ul>
            </section>

            <section aria-labelledby="c-fill">
                <h2 id="c-fill">"How a trade is filled"</h2>
                <ul>
                    <li>{later!("Price impact comes from a constant-product pool, by the integer formula of Uniswap V2. The pool's depth is the best of what is known, in this order: its reserves, its liquidity with its fee tier, the square-root law σ·√(order ÷ daily volume), an assumed depth. Each fill names which.")}</li>
                    <li>{format!(
                        "Where nothing is known, liquidity is assumed at {} for built-in tokens and {} for others, and daily volatility at {} and {}.",
                        compact_usd(ASSUMED_LIQUIDITY_BUILTIN), compact_usd(ASSUMED_LIQUIDITY_OTHER), number::sigma(ASSUMED_SIGMA_BUILTIN), number::sigma(ASSUMED_SIGMA_OTHER),
                    )}</li>
                    <li>{later!("Your own trades leave a mark in the pool. Half of it is gone after a minute (an assumption), so splitting an order does not make its impact vanish.")}</li>
                    <li>{later!("Slippage is what the price moves between quote and execution: a random draw with the token's volatility over the latency, in either direction. The latency is the chain's block time unless you set one.")}</li>
                    <li>{later!("The preview draws nothing: it shows the expectation, and a band of two standard deviations. The seed is drawn when you confirm, and kept in the record.")}</li>
                    <li>{later!("Minimum received is the quote × (1 − tolerance), rounded down in the token's base units. If execution offers less, the trade fails as it would on chain: nothing is exchanged, and gas is paid.")}</li>
                    <li>{format!(
                        "An order that would move the price by {} or more is confirmed by typing how much; from {} on it is refused unless expert mode is on.",
                        ppm(IMPACT_CONFIRMED_FROM), ppm(IMPACT_REFUSED_FROM),
                    )}</li>
                    <li>{later!("A share of trades fails by chance, 2% unless you set another.")}</li>
                </ul>
            </section>

            <section aria-labelledby="c-gas">
                <h2 id="c-gas">"Gas"</h2>
                <ul>
                    <li>{format!(
                        "Gas is units × (base fee + priority fee), plus the L1 data fee on Base, × the price of the chain's coin. One pool takes {} units, two take {}. It is paid in cash, rounded up.",
                        number::whole(ONE_HOP_UNITS), number::whole(TWO_HOP_UNITS),
                    )}</li>
                    <li>{later!("Fees come from the chain's RPC where the server has one, otherwise from a table of assumed figures. Each figure says which.")}</li>
                </ul>
            </section>

            <section aria-labelledby="c-profit">
                <h2 id="c-profit">"Cost, profit and loss"</h2>
                <ul>
                    <li>{later!("Gas of a buy is part of the cost. Gas of a sale comes out of its proceeds. Gas of a failed trade is a realised loss at once. LP fee, impact and slippage are in the quantities received.")}</li>
                    <li>{later!("A swap is a sale at the mid value of what came in, and a buy at the same value.")}</li>
                    <li>{later!("Sales take their cost by average, FIFO, LIFO or HIFO, as you choose. Switching moves profit between realised and unrealised and never changes their sum.")}</li>
                    <li>{later!("Equity = what you put in + realised + unrealised, to the last digit. Return is profit ÷ what you put in.")}</li>
                    <li>{later!("Dollars are kept to 12 decimal places, token amounts in whole base units. Screens round; the journal does not.")}</li>
                </ul>
            </section>

            <section aria-labelledby="c-numbers">
                <h2 id="c-numbers">"Numbers"</h2>
                <ul>
                    <li>{later!("Prices show six digits, small ones five, and from four on the zeros behind the point are counted: $0.0₄52 is $0.000052.")}</li>
                    <li>{later!("What is less than can be shown, but not nothing, is shown as less than: <$0.01, <0.00001.")}</li>
                    <li>{later!("Points and commas are those of your country, or as you choose in Settings, and amounts are typed the same way. What could be meant in two ways is not taken.")}</li>
                    <li>{later!("In the chart a rising candle is hollow and a falling one filled. Its last candle ends at the price now. Times are UTC.")}</li>
                </ul>
            </section>

            <section aria-labelledby="c-paper">
                <h2 id="c-paper">"Paper"</h2>
                <ul>
                    <li>{later!("A paper transaction's hash is the Keccak-256 of its line in your journal. Its block is the number that chain would have about now. Neither exists on any chain.")}</li>
                    <li>{later!("The demo market is a seeded random walk, made up for trying the desk. It and real prices never share an account.")}</li>
                    <li>{later!("The journal lives on this device. Every line holds the hash of the one before, so a change anywhere shows.")}</li>
                </ul>
            </section>

            <section aria-labelledby="c-others">
                <h2 id="c-others">"Work of others"</h2>
                <ul>
                    <li>{later!("Prices, candles and market figures come from CoinGecko.")}</li>
                    <li data-testid="chart-notice">
                        "The chart is TradingView Lightweight Charts™, Copyright (c) 2026 TradingView, Inc., "
                        <a href="https://www.tradingview.com/" target="_blank" rel="noopener">"www.tradingview.com"</a>
                        ", under the "
                        <a href="https://www.apache.org/licenses/LICENSE-2.0" target="_blank" rel="noopener">"Apache License 2.0"</a>
                        "."
                    </li>
                </ul>
            </section>
        </div>
    }
}
