//! What the account holds, live.

use leptos::prelude::*;
use shared::ledger::Valued;
use shared::token::TokenKey;

use super::account_summary::{signed_ppm, signed_usd};
use super::common::{Signed, text};
use super::price::LivePrice;
use super::token_rows::token_rows;
use crate::desk::use_desk;
use crate::format::{self, number, number::Way};

/// The positions, or the next step where there are none.
#[component]
pub fn PositionsTable() -> impl IntoView {
    let desk = use_desk();
    let held = Memo::new(move |_| {
        desk.with_account(|account| account.positions().map(|position| position.token()).collect::<Vec<_>>())
            .unwrap_or_default()
    });
    view! {
        <Show
            when=move || !held.read().is_empty()
            fallback=move || view! {
                <div class="empty" data-testid="no-positions">
                    <p>{text(move || format!("You hold no tokens yet. Buy some {} to begin: the amount is the only thing to enter.", desk.naming(desk.selected.get()).0))}</p>
                </div>
            }
        >
            <div class="table-box">
                <table class="table table-stack" data-testid="positions">
                    <caption class="unseen">"Positions"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Token"</th>
                            <th scope="col" class="end">"Quantity"</th>
                            <th scope="col" class="end">"Average price"</th>
                            <th scope="col" class="end">"Price"</th>
                            <th scope="col" class="end">"Value"</th>
                            <th scope="col" class="end">"Unrealised"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {token_rows(move || held.get(), |token| view! { <Row token=token/> }.into_any())}
                    </tbody>
                </table>
            </div>
        </Show>
    }
}

#[component]
fn Row(token: TokenKey) -> impl IntoView {
    let desk = use_desk();
    let (symbol, decimals) = desk.naming(token);
    let worth = desk.cell(token).worth;
    let read = worth.clone();
    let of = move |figure: fn(&Valued) -> Option<String>| {
        let worth = read.clone();
        text(move || worth.with(|worth| worth.as_ref().and_then(figure)).unwrap_or_else(|| number::UNKNOWN.to_owned()))
    };
    let signed = |figure: fn(&Valued) -> Option<(Way, String)>| {
        let worth = worth.clone();
        Signal::derive(move || worth.with(|worth| worth.as_ref().and_then(figure)))
    };
    // What only a trade changes.
    let held = Memo::new({
        let worth = worth.clone();
        move |_| worth.with(|worth| worth.as_ref().map(|worth| (worth.units, worth.average))).unwrap_or_default()
    });
    let quantity = text(move || format::units(held.get().0, decimals));
    let exact = text(move || held.get().0.quantity(decimals).to_string());
    let average = text(move || held.get().1.map_or_else(|| number::UNKNOWN.to_owned(), format::price));
    view! {
        <tr data-testid="position" data-token=token.to_string()>
            <th scope="row" class="wide">
                <button type="button" class="row-button" on:click=move |_| desk.select(token) title="Make this the token of the page">
                    {symbol}
                </button>
                <span class="faint small">" " {token.chain.name()}</span>
            </th>
            <td class="end num" data-label="Quantity" title=exact data-testid="position-quantity">{quantity}</td>
            <td class="end num" data-label="Average">{average}</td>
            <td class="end" data-label="Price"><LivePrice token=token/></td>
            <td class="end num" data-label="Value">{of(|valued| valued.value.map(format::usd))}</td>
            <td class="end" data-label="Unrealised">
                <span class="cell-stack">
                    <Signed figure=signed(|valued| signed_usd(valued.unrealised))/>
                    <span class="small"><Signed figure=signed(|valued| signed_ppm(valued.unrealised_ppm))/></span>
                </span>
            </td>
        </tr>
    }
}
