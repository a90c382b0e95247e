//! The terms an account trades on. What is typed is judged field by field, and a field that is wrong says
//! what would be right; nothing typed is lost.

use leptos::prelude::*;
use leptos::task::spawn_local;
use rust_decimal::Decimal;
use shared::ledger::{CostMethod, Settings as Terms, SettingsError};
use shared::trade::Ppm;

use super::field::Field;
use crate::components::account_menu::say_refusal;
use crate::components::common::Segments;
use crate::desk::{Desk, Tone, commands, use_desk};
use crate::format::typed::{dollars, editable, typed};
use crate::format::words::sentence;
use crate::later::later;

/// A field that is wrong, and what would be right.
type Wrong = (&'static str, String);

/// What is typed, before it is terms.
#[derive(Clone, Copy)]
struct Typed {
    method: RwSignal<usize>,
    tolerance: RwSignal<String>,
    failure: RwSignal<String>,
    latency: RwSignal<String>,
    volatility: RwSignal<String>,
    smallest: RwSignal<String>,
    largest: RwSignal<String>,
    expert: RwSignal<bool>,
}

impl Typed {
    fn of(terms: &Terms) -> Typed {
        let percent = |parts: u64, scale: u32| {
            editable(&Decimal::from_i128_with_scale(i128::from(parts), scale).normalize().to_string())
        };
        let share = |share: Ppm| RwSignal::new(percent(u64::from(share.parts()), 4));
        Typed {
            method: RwSignal::new(CostMethod::ALL.iter().position(|method| *method == terms.cost_method).unwrap_or(0)),
            tolerance: share(terms.tolerance),
            failure: share(terms.failure_rate),
            latency: RwSignal::new(terms.latency_ms.map(|ms| ms.to_string()).unwrap_or_default()),
            volatility: RwSignal::new(terms.sigma_day.map(|sigma| percent(sigma, 7)).unwrap_or_default()),
            smallest: RwSignal::new(editable(&terms.smallest_trade.to_string())),
            largest: RwSignal::new(editable(&terms.largest_trade.to_string())),
            expert: RwSignal::new(terms.expert),
        }
    }

    /// The terms as typed, on top of what is in force.
    fn read(&self, terms: Terms) -> Result<Terms, Wrong> {
        let share = |id, text: RwSignal<String>| {
            let parts = parts_of(&text.read_untracked(), 4).and_then(|parts| u32::try_from(parts).ok());
            let wrong = || (id, ["Write a percentage from 0 to 100, such as ", &editable("0.5"), "."].concat());
            parts.and_then(Ppm::new).ok_or_else(wrong)
        };
        let money = |id, text: RwSignal<String>| dollars(&text.read_untracked()).map_err(|error| (id, error));
        let new = Terms {
            cost_method: CostMethod::ALL[self.method.get_untracked()],
            tolerance: share("tolerance", self.tolerance)?,
            failure_rate: share("failure", self.failure)?,
            latency_ms: optional(self.latency, |text| typed(text).ok()?.parse().ok()).ok_or_else(|| {
                ("latency", "Write whole milliseconds up to 600000, or leave it empty for the chain's own.".to_owned())
            })?,
            sigma_day: optional(self.volatility, |text| parts_of(text, 7)).ok_or_else(|| {
                (
                    "volatility",
                    "Write a percentage from 0 to 1000, or leave it empty for what is known of each token.".to_owned(),
                )
            })?,
            smallest_trade: money("smallest", self.smallest)?,
            largest_trade: money("largest", self.largest)?,
            expert: self.expert.get_untracked(),
        };
        // Of two limits that cross, the one that was changed is the one at fault, and of two changed the second.
        let crossed = if new.largest_trade == terms.largest_trade { "smallest" } else { "largest" };
        new.validate().map_err(|error| {
            let field = match error {
                SettingsError::SmallestNegative => "smallest",
                SettingsError::LimitsCross => crossed,
                SettingsError::Latency => "latency",
                SettingsError::Sigma => "volatility",
            };
            (field, sentence(&error.to_string()) + ".")
        })?;
        Ok(new)
    }
}

/// A percentage in parts: `scale` places below a whole percent are kept, what is finer is rounded.
fn parts_of(text: &str, scale: u32) -> Option<u64> {
    let digits = typed(text.trim().trim_end_matches('%')).ok()?;
    let parts = digits.parse::<Decimal>().ok()?.checked_mul(Decimal::from(10_u64.pow(scale)))?.round();
    u64::try_from(parts).ok()
}

/// A field that may be left empty: `None` where it is wrong.
fn optional<T>(text: RwSignal<String>, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    let text = text.read_untracked();
    if text.trim().is_empty() { Some(None) } else { read(text.trim()).map(Some) }
}

/// The form.
#[component]
pub fn TermsForm() -> impl IntoView {
    let desk = use_desk();
    let now = move || {
        desk.book.with_untracked(|book| book.as_ref().map(|book| *book.account().settings())).unwrap_or_default()
    };
    let entered = Typed::of(&now());
    let wrong = RwSignal::new(None::<Wrong>);
    let methods: Vec<_> = ["Average", "FIFO", "LIFO", "HIFO"]
        .into_iter()
        .zip(["method-average", "method-fifo", "method-lifo", "method-hifo"])
        .enumerate()
        .map(|(at, (words, name))| (at, words.to_owned(), name))
        .collect();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let terms = now();
        match entered.read(terms) {
            Ok(new) if new == terms => {
                wrong.set(None);
                desk.toasts.say(Tone::Plain, "Nothing to save", "These are the settings already.");
            }
            Ok(new) => {
                wrong.set(None);
                change(desk, new);
            }
            Err(error) => {
                if let Some(field) = document().get_element_by_id(&["settings-", error.0].concat()) {
                    use wasm_bindgen::JsCast;
                    let _ = field.unchecked_into::<web_sys::HtmlElement>().focus();
                }
                wrong.set(Some(error));
            }
        }
    };
    view! {
        <section aria-labelledby="terms">
            <h2 id="terms">"Trading"</h2>
            <form class="form" on:submit=submit novalidate=true>
                <div class="field">
                    <span class="field-label">"Cost method"</span>
                    <Segments label="Cost method" options=methods value=entered.method on_choose=move |at| entered.method.set(at)/>
                    <p class="field-hint">{later!("Which units a sale takes first. A change recomputes the past: realised and unrealised move, their sum does not.")}</p>
                </div>
                <Field id="tolerance" label="Tolerance of a new ticket, in percent" hint="A trade that would receive less than the quote by more than this fails." value=entered.tolerance wrong=wrong/>
                <Field id="failure" label="Trades that fail by chance, in percent" hint="As transactions do on chain: nothing is exchanged, and gas is paid." value=entered.failure wrong=wrong/>
                <Field id="latency" label="Time between quote and execution, in milliseconds" hint="Slippage is drawn over this time. Empty: the chain's own block time." value=entered.latency wrong=wrong/>
                <Field id="volatility" label="Volatility that slippage is drawn with, in percent a day" hint="Empty: what is known of each token. 0: no slippage at all." value=entered.volatility wrong=wrong/>
                <Field id="smallest" label="Smallest trade, in dollars" hint="A smaller one is refused, so that a slip of the finger does not cost its gas." value=entered.smallest wrong=wrong/>
                <Field id="largest" label="Largest trade, in dollars" hint="A larger one is refused." value=entered.largest wrong=wrong/>
                <div class="field">
                    <label class="check">
                        <input type="checkbox" data-testid="settings-expert" prop:checked=entered.expert on:change=move |event| entered.expert.set(event_target_checked(&event))/>
                        <span>"Expert mode"</span>
                    </label>
                    <p class="field-hint">{later!("Orders that move the price by 15% or more may be placed, once you have typed how much. Otherwise they are refused.")}</p>
                </div>
                <div class="actions"><button type="submit" class="button button-primary" data-testid="save-settings">"Save"</button></div>
            </form>
        </section>
    }
}

fn change(desk: Desk, terms: Terms) {
    spawn_local(async move {
        match commands::change_settings(desk, terms).await {
            Ok(()) => desk.toasts.say(
                Tone::Good,
                "Settings changed",
                "They hold from the next trade on, and stand in your journal.",
            ),
            Err(refusal) => say_refusal(desk, "The settings were not changed", &refusal),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_in_the_parts_of_each_setting() {
        for (text, scale, parts) in [
            ("0.5", 4, Some(5_000)),
            ("100 %", 4, Some(1_000_000)),
            ("0.00005", 4, Some(0)),
            ("3.5", 7, Some(35_000_000)),
            ("1000", 7, Some(10_000_000_000)),
            ("-1", 4, None),
            ("0,5", 4, None),
            ("", 4, None),
            ("79228162514264337593543950335", 7, None),
        ] {
            assert_eq!(parts_of(text, scale), parts, "{text}");
        }
    }
}
