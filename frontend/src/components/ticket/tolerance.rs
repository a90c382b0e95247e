//! How far the amount received may fall below the quote.

use leptos::prelude::*;
use shared::trade::Ppm;

use super::draft::{Answer, Draft};
use crate::components::common::{Segments, text};
use crate::format;

/// Tolerances that are a press away.
const TOLERANCES: [(Ppm, &str); 3] =
    [(Ppm::from_bps(10), "tolerance-10"), (Ppm::from_bps(50), "tolerance-50"), (Ppm::from_bps(100), "tolerance-100")];
/// Above this a tolerance invites a bad price.
const WIDE: Ppm = Ppm::from_bps(100);
/// Below this a volatile token moves out of the tolerance before anything executes.
const NARROW: Ppm = Ppm::from_bps(5);
/// A token is volatile from a daily deviation of 1 % on (in parts per billion): stablecoins stay far below
/// it, everything else above.
const VOLATILE_SIGMA: u64 = 10_000_000;

/// The choice of a tolerance, and what to think of before taking an unusual one.
#[component]
pub fn ToleranceField(draft: Draft, answer: Memo<Answer>) -> impl IntoView {
    let value = Memo::new(move |_| draft.tolerance_now());
    let is_wrong = Memo::new(move |_| draft.is_tolerance_wrong());
    let chosen =
        Signal::derive(move || TOLERANCES.iter().position(|(share, ..)| *share == value.get()).unwrap_or(usize::MAX));
    let sigma = Memo::new(move |_| {
        answer.with(|answer| {
            let (_, preview) = answer.preview()?;
            [preview.sold, preview.bought].into_iter().flatten().map(|leg| leg.sigma).max()
        })
    });
    let options: Vec<_> =
        TOLERANCES.iter().enumerate().map(|(at, (share, name))| (at, format::ppm(*share), *name)).collect();
    let choose = move |at: usize| {
        draft.own_tolerance.set(String::new());
        draft.tolerance.set(TOLERANCES.get(at).map(|(share, ..)| *share));
    };
    let advice = move || {
        let share = value.get();
        if is_wrong.get() {
            let example = format::editable("0.3");
            return Some((
                format!("A tolerance is a percentage above 0 and up to 100, such as {example}."),
                "tolerance-error",
                "field-error",
            ));
        }
        if share > WIDE {
            let words = format!("With {} you accept a much worse price than quoted.", format::ppm(share));
            return Some((words, "tolerance-wide", "warn small"));
        }
        let sigma = sigma.get().filter(|sigma| *sigma >= VOLATILE_SIGMA && share < NARROW)?;
        let daily = format::number::sigma(sigma);
        let words = format!(
            "This pair moves about {daily} a day: with {} the trade may well fail, and gas is paid all the same.",
            format::ppm(share)
        );
        Some((words, "tolerance-narrow", "warn small"))
    };
    view! {
        <div class="tolerance">
            <span class="field-label">"Slippage tolerance"</span>
            <Segments label="Slippage tolerance" options=options value=chosen on_choose=choose class="chips"/>
            <input
                class="input input-small num"
                type="text"
                inputmode="decimal"
                aria-label="Own tolerance in percent"
                aria-invalid=text(move || is_wrong.get().to_string())
                aria-describedby="tolerance-advice"
                placeholder=text(move || if chosen.get() == usize::MAX { format::ppm(value.get()) } else { "Own %".to_owned() })
                autocomplete="off"
                data-testid="tolerance-own"
                prop:value=draft.own_tolerance
                on:input=move |event| draft.type_tolerance(event_target_value(&event))
            />
        </div>
        <div role="status" id="tolerance-advice" class="advice">
            {move || advice().map(|(words, name, class)| view! { <p class=class data-testid=name>{words}</p> })}
        </div>
    }
}
