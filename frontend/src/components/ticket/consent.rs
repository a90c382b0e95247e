//! What a person agrees to before a trade: an old price, and a price that the trade itself would move far.

use leptos::prelude::*;

use super::draft::{Answer, Draft};
use crate::components::common::text;
use crate::desk::use_desk;
use crate::format;

/// The place where an old price is accepted. It is there exactly when it is needed, or given.
#[component]
pub fn AgeConsent(draft: Draft, needs: Memo<bool>) -> impl IntoView {
    let desk = use_desk();
    let is_offline = Memo::new(move |_| desk.is_offline());
    let age = move || {
        desk.quote(desk.selected.get()).map(|quote| format::age(quote.age_ms(desk.now.get()))).unwrap_or_default()
    };
    view! {
        <Show when=move || needs.get()>
            <div class="note note-warn" data-testid="consent">
                <label class="check">
                    <input type="checkbox" prop:checked=draft.consent on:change=move |event| draft.consent.set(event_target_checked(&event))/>
                    <span>
                        {text(move || if is_offline.get() {
                            format!("Trade offline on the last known price, {} old. The record will say so.", age())
                        } else {
                            format!("Trade on this price although it is {} old. The record will say so.", age())
                        })}
                    </span>
                </label>
            </div>
        </Show>
        <Show when=move || is_offline.get() && !needs.get()>
            <p class="warn small" data-testid="offline-note">{text(move || format!("Offline: this uses the last known price, {} old, and the record will say so.", age()))}</p>
        </Show>
    }
}

/// The place where a large price impact is confirmed, by typing it: a click is too quick for a tenth of
/// one's money. It stays while what was typed is what made the order ready.
#[component]
pub fn ImpactConsent(draft: Draft, answer: Memo<Answer>) -> impl IntoView {
    let wanted = Memo::new(move |_| match &*answer.read() {
        Answer::Unconfirmed(_, _, percent) => Some(*percent),
        Answer::Ready(_, preview) if draft.impact.with(|text| !text.is_empty()) => {
            Some(preview.impact.parts().div_ceil(10_000)).filter(|percent| *percent >= 10)
        }
        Answer::Ready(..) | Answer::Unready(_) | Answer::Rejected(..) => None,
    });
    view! {
        <Show when=move || wanted.get().is_some()>
            <div class="note note-loss" data-testid="impact-consent">
                <label for="ticket-impact">
                    {text(move || {
                        let percent = wanted.get().unwrap_or_default();
                        format!("This order is so large for its pool that it moves the price against you by about {percent}%. That is a loss the moment it fills. To go on, type {percent}.")
                    })}
                </label>
                <input id="ticket-impact" class="input input-small num" type="text" inputmode="decimal" autocomplete="off" data-testid="impact-typed"
                    prop:value=draft.impact on:input=move |event| draft.impact.set(event_target_value(&event))/>
            </div>
        </Show>
    }
}
