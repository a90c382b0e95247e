//! The form as a whole: its parts in their order, and the way from an entry to a trade.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::{Button, Input};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::token::TokenKey;
use shared::trade::{Order, Outcome};

use super::amount::AmountField;
use super::button::{Place, Reason};
use super::consent::{AgeConsent, ImpactConsent};
use super::draft::{Answer, Draft, Entered, Stage, Unit};
use super::pair::{Sides, Tokens};
use super::preview::{Costs, Expected};
use super::rate::Rate;
use super::tolerance::ToleranceField;
use crate::components::devices::held_note;
use crate::components::keys;
use crate::components::trade_words::done;
use crate::desk::commands::{self, Refusal};
use crate::desk::{Desk, Tone, use_desk};
use crate::format;
use crate::format::words::{self, sentence};

/// The ticket.
#[component]
pub fn Ticket() -> impl IntoView {
    let desk = use_desk();
    let draft = Draft::new();
    let answer = Memo::new(move |_| draft.answer());
    let needs_consent = Memo::new(move |_| draft.needs_consent());
    let is_held = Memo::new(move |_| desk.held().is_some());
    let is_reviewing = move || draft.stage.get() != Stage::Edit;
    let amount = NodeRef::<Input>::new();
    let button = NodeRef::<Button>::new();

    // Another token is another trade: what was under review no longer is.
    Effect::new(move |before: Option<TokenKey>| {
        let token = desk.selected.get();
        if before.is_some_and(|before| before != token) {
            draft.edit();
            draft.consent.set(false);
            draft.impact.set(String::new());
            draft.refused.set(None);
            if draft.unit.get_untracked() == Unit::Token {
                draft.entered.set(Entered::Text(String::new()));
            }
        }
        token
    });
    // Figures that stop being possible under review are not there to be confirmed.
    Effect::new(move |_| {
        let is_ready = matches!(*answer.read(), Answer::Ready(..));
        if !is_ready && matches!(draft.stage.get_untracked(), Stage::Review { .. }) {
            draft.edit();
        }
    });

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Answer::Ready(order, _) = answer.get_untracked() else {
            if let Some(amount) = amount.get_untracked() {
                let _ = amount.focus();
            }
            return;
        };
        match draft.stage.get_untracked() {
            Stage::Edit => {
                let Some(seen) = desk.book.with_untracked(|book| book.as_ref().map(|book| book.seq())) else { return };
                draft.refused.set(None);
                draft.stage.set(Stage::Review { seen });
                // The next Enter confirms, wherever the focus was.
                if let Some(button) = button.get_untracked() {
                    let _ = button.focus();
                }
            }
            Stage::Review { seen } => {
                draft.stage.set(Stage::Placing);
                place(desk, draft, order, seen, amount);
            }
            Stage::Placing => {}
        }
    };
    let back = move |event: KeyboardEvent| {
        if event.key() != "Escape" {
            return;
        }
        match draft.stage.get_untracked() {
            Stage::Review { .. } => {
                event.prevent_default();
                draft.edit();
                focus(amount);
            }
            // Out of the field, so that single keys go to the page.
            Stage::Edit => keys::leave_field(),
            Stage::Placing => {}
        }
    };
    view! {
        <form class="ticket section" class:is-reviewing=is_reviewing aria-label="Order ticket" data-testid="ticket" on:submit=submit on:keydown=back novalidate=true>
            <fieldset class="ticket-fields" disabled=is_reviewing>
                <legend class="unseen">"What to trade"</legend>
                <Sides draft=draft/>
                <Tokens draft=draft/>
                <AmountField draft=draft answer=answer input=amount/>
                <ToleranceField draft=draft answer=answer/>
            </fieldset>
            <Expected answer=answer/>
            <Rate answer=answer/>
            <Costs answer=answer side=draft.side/>
            <div class="place">
                {move || is_held.get().then(|| held_note(desk))}
                <AgeConsent draft=draft needs=needs_consent/>
                <ImpactConsent draft=draft answer=answer/>
                <Place draft=draft answer=answer button=button amount=amount/>
                <Reason draft=draft answer=answer/>
            </div>
        </form>
    }
}

fn place(desk: Desk, draft: Draft, order: Order, seen: u64, amount: NodeRef<Input>) {
    let (tolerance, accept, max_impact) =
        untrack(|| (draft.tolerance_now(), draft.accept_price_age(), draft.max_impact()));
    spawn_local(async move {
        match commands::trade(desk, order, tolerance, accept, max_impact, seen).await {
            Ok(entry) => {
                if let Some(trade) = entry.trade() {
                    let gas = format::usd_fine(trade.gas.usd);
                    match trade.outcome {
                        Outcome::Filled => {
                            desk.toasts.say_about(
                                Tone::Good,
                                format!("{} on paper", done(desk, trade)),
                                format!("Gas was {gas}. It is in your journal."),
                                Some(entry.seq),
                            );
                        }
                        Outcome::Failed(failure) => {
                            let (cause, remedy) = words::failure(failure);
                            desk.toasts.say_about(
                                Tone::Warn,
                                done(desk, trade),
                                format!("{cause}. Nothing was exchanged; gas of {gas} was paid. {remedy}"),
                                Some(entry.seq),
                            );
                        }
                    }
                }
                if draft.stage.try_get_untracked().is_some() {
                    draft.clear();
                }
            }
            Err(refusal) => {
                if let Refusal::NotKept(error) = &refusal {
                    desk.toasts.say(
                        Tone::Bad,
                        "The trade was not placed",
                        format!(
                            "{}. Cash, positions and history are as they were. {}",
                            sentence(&error.to_string()),
                            error.remedy()
                        ),
                    );
                }
                // The ticket may be gone by now: its page was left.
                if draft.stage.try_set(Stage::Edit).is_none() {
                    draft.refused.set(Some(refusal));
                }
            }
        }
        focus(amount);
    });
}

/// Puts the focus back on the amount, once the fields are no longer closed for review.
pub fn focus(amount: NodeRef<Input>) {
    request_animation_frame(move || {
        if let Some(amount) = amount.try_get_untracked().flatten() {
            let _ = amount.focus();
        }
    });
}
