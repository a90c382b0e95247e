//! How much: a field, what it counts, and shares of what there is.

use leptos::html::Input;
use leptos::prelude::*;
use shared::trade::Amount;

use super::draft::{Answer, Draft, Entered, Side, Unit, Unready};
use crate::components::common::{Segments, text};
use crate::desk::use_desk;
use crate::format::words::sentence;
use crate::format::{self, editable};

/// The amount, large, with what there is of it below.
#[component]
pub fn AmountField(draft: Draft, answer: Memo<Answer>, input: NodeRef<Input>) -> impl IntoView {
    let desk = use_desk();
    let symbol = Memo::new(move |_| desk.naming(desk.selected.get()).0);
    let options = Signal::derive(move || vec![(0, "USD".to_owned(), "unit-usd"), (1, symbol.get(), "unit-token")]);
    let unit_at = Signal::derive(move || usize::from(draft.unit.get() == Unit::Token));
    // "All" shows what it comes to.
    let shown = text(move || match draft.entered.get() {
        Entered::Text(text) => text,
        Entered::All => answer.with(|answer| match answer.preview() {
            Some((order, preview)) => match preview.paid {
                Amount::Usd(usd) => editable(&usd.to_string()),
                Amount::Units(units) => order
                    .sold()
                    .map_or_else(String::new, |key| editable(&units.quantity(desk.naming(key).1).to_string())),
            },
            None => "All".to_owned(),
        }),
    });
    let error = Memo::new(move |_| match &*answer.read() {
        Answer::Unready(Unready::NotANumber(error)) => Some(sentence(&format!("{error}."))),
        Answer::Unready(Unready::Unclear(error)) => Some(sentence(&format!("{error}."))),
        Answer::Unready(
            Unready::NoAccount | Unready::Held(_) | Unready::Empty | Unready::NoOther | Unready::Tolerance,
        )
        | Answer::Unconfirmed(..)
        | Answer::Rejected(..)
        | Answer::Ready(..) => None,
    });
    let label = text(move || match (draft.side.get(), draft.unit.get()) {
        (Side::Buy, Unit::Usd) => "You pay, in dollars".to_owned(),
        (Side::Buy, Unit::Token) => format!("You receive, in {}", symbol.get()),
        (Side::Sell | Side::Swap, Unit::Usd) => format!("You give {} worth, in dollars", symbol.get()),
        (Side::Sell | Side::Swap, Unit::Token) => format!("You give, in {}", symbol.get()),
    });
    let available = text(move || {
        let token = desk.selected.get();
        desk.with_account(|account| match draft.side.get() {
            Side::Buy => format!("{} in cash", format::usd(account.cash())),
            Side::Sell | Side::Swap => {
                let (symbol, decimals) = desk.naming(token);
                format!("{} {symbol} held", format::units(account.units(token), decimals))
            }
        })
        .unwrap_or_default()
    });
    let choose_unit = move |at: usize| {
        let unit = if at == 0 { Unit::Usd } else { Unit::Token };
        if draft.unit.get_untracked() != unit {
            draft.unit.set(unit);
            draft.entered.set(Entered::Text(String::new()));
        }
    };
    view! {
        <div class="field">
            <div class="amount" data-invalid=text(move || error.read().is_some().to_string())>
                <label for="ticket-amount">{label}</label>
                <input
                    node_ref=input
                    id="ticket-amount"
                    class="num"
                    type="text"
                    inputmode="decimal"
                    placeholder="0"
                    autocomplete="off"
                    autofocus=true
                    data-testid="amount"
                    aria-keyshortcuts="a"
                    aria-invalid=text(move || error.read().is_some().to_string())
                    aria-describedby="ticket-amount-note"
                    prop:value=shown
                    on:input=move |event| {
                        draft.entered.set(Entered::Text(event_target_value(&event)));
                        draft.impact.set(String::new());
                        draft.refused.set(None);
                    }
                />
                <Segments label="Amount in" options=options value=unit_at on_choose=choose_unit/>
            </div>
            <div class="amount-foot">
                <span class="num faint small" data-testid="available">{available}</span>
                <div class="chips" role="group" aria-label="Share of what you have">
                    {[25_u8, 50, 75, 100]
                        .into_iter()
                        .map(|percent| {
                            let words = if percent == 100 { "Max".to_owned() } else { format!("{percent}%") };
                            view! { <button type="button" data-testid=format!("take-{percent}") on:click=move |_| { draft.take(percent); draft.refused.set(None); }>{words}</button> }
                        })
                        .collect_view()}
                </div>
            </div>
            <p id="ticket-amount-note" class="field-error" data-testid="amount-error">{error}</p>
        </div>
    }
}
