//! The button that says what will happen, and the words that say why it cannot.

use leptos::html::{Button, Input};
use leptos::prelude::*;

use super::draft::{Answer, Draft, Stage, Unready};
use super::form::focus;
use crate::components::common::text;
use crate::components::trade_words::{self, doing};
use crate::desk::commands::Refusal;
use crate::desk::use_desk;
use crate::format;
use crate::format::words::sentence;

/// The button. It says what will happen, or why not.
#[component]
pub fn Place(draft: Draft, answer: Memo<Answer>, button: NodeRef<Button>, amount: NodeRef<Input>) -> impl IntoView {
    let desk = use_desk();
    let says = text(move || {
        let stage = draft.stage.get();
        match &*answer.read() {
            _ if stage == Stage::Placing => "Writing it to your journal".to_owned(),
            Answer::Ready(order, preview) => {
                let deed = doing(desk, order, preview.paid, preview.expected);
                if stage == Stage::Edit { deed } else { format!("Confirm: {deed}") }
            }
            Answer::Rejected(order, rejection) => trade_words::rejection(desk, rejection, order).0.to_owned(),
            Answer::Unconfirmed(_, _, percent) => format!("Type {percent} above to go on"),
            Answer::Unready(Unready::NoAccount) if desk.trouble.with(Option::is_some) => {
                "No account is open".to_owned()
            }
            Answer::Unready(Unready::NoAccount) => "Opening your account".to_owned(),
            Answer::Unready(Unready::Held(held)) => held.words().to_owned(),
            Answer::Unready(Unready::Empty) => "Enter an amount".to_owned(),
            Answer::Unready(Unready::NotANumber(_) | Unready::Unclear(_)) => {
                ["Enter an amount like ", &format::an_amount()].concat()
            }
            Answer::Unready(Unready::Tolerance) => "Enter a tolerance above 0 and up to 100%".to_owned(),
            Answer::Unready(Unready::NoOther) => "Choose a token to swap to".to_owned(),
        }
    });
    let is_ready = move || matches!(*answer.read(), Answer::Ready(..)) && draft.stage.get() != Stage::Placing;
    let is_reviewing = move || matches!(draft.stage.get(), Stage::Review { .. });
    view! {
        <button
            node_ref=button
            type="submit"
            class="button button-primary button-large num"
            data-testid="place"
            aria-disabled=text(move || (!is_ready()).to_string())
            aria-describedby="ticket-reason"
        >
            {says}
        </button>
        <p class="reason" role="status">
            {move || match (is_reviewing(), is_ready()) {
                (true, _) => view! {
                    "Enter confirms, Escape goes back. "
                    <button type="button" class="link-button" data-testid="back" on:click=move |_| { draft.edit(); focus(amount); }>"Back"</button>
                }.into_any(),
                (false, true) => "You review it before anything happens.".into_any(),
                (false, false) => ().into_any(),
            }}
        </p>
    }
}

/// Why nothing can be placed, or why the last try came to nothing.
#[component]
pub fn Reason(draft: Draft, answer: Memo<Answer>) -> impl IntoView {
    let desk = use_desk();
    let told = move || {
        if let Some(refusal) = draft.refused.get() {
            let cause = match (&refusal, &*answer.read()) {
                (
                    Refusal::Rejected(rejection),
                    Answer::Ready(order, _) | Answer::Unconfirmed(order, ..) | Answer::Rejected(order, _),
                ) => trade_words::rejection(desk, rejection, order).1,
                (other, _) => format!("{}.", sentence(&other.to_string())),
            };
            let remedy = match &refusal {
                Refusal::Rejected(rejection) => trade_words::remedy(rejection),
                other => other.remedy(),
            };
            return Some((cause, ["Nothing was changed. ", remedy].concat(), "note note-loss"));
        }
        match &*answer.read() {
            Answer::Rejected(order, rejection) => Some((
                trade_words::rejection(desk, rejection, order).1,
                trade_words::remedy(rejection).to_owned(),
                "note note-warn",
            )),
            Answer::Unready(_) | Answer::Unconfirmed(..) | Answer::Ready(..) => None,
        }
    };
    view! {
        <div role="status" id="ticket-reason">
            {move || told().map(|(cause, remedy, class)| view! {
                <div class=class data-testid="reason">
                    <div>
                        <p class="strong">{cause}</p>
                        <p>{remedy}</p>
                    </div>
                </div>
            })}
        </div>
    }
}
