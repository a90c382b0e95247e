//! A labelled field with its sentence, and what is wrong with what it holds.

use leptos::prelude::*;

use crate::components::common::text;

/// A field.
#[component]
pub fn Field(
    /// Tests and labels find it by `settings-{id}`.
    id: &'static str,
    /// What it holds.
    label: &'static str,
    /// What it does, in a sentence.
    hint: &'static str,
    /// What is typed.
    value: RwSignal<String>,
    /// The keyboard a phone offers.
    #[prop(optional, default = "decimal")]
    keyboard: &'static str,
    /// The field that is wrong, and what would be right.
    #[prop(optional)]
    wrong: Option<RwSignal<Option<(&'static str, String)>>>,
) -> impl IntoView {
    let field = ["settings-", id].concat();
    let note = [&field, "-hint"].concat();
    let error = Signal::derive(move || {
        wrong.and_then(|wrong| wrong.get()).filter(|(which, _)| *which == id).map(|(_, words)| words)
    });
    view! {
        <div class="field">
            <label for=field.clone()>{label}</label>
            <input id=field.clone() class="input num" type="text" inputmode=keyboard autocomplete="off" data-testid=field.clone() aria-describedby=note.clone()
                aria-invalid=text(move || error.read().is_some().to_string())
                prop:value=value on:input=move |event| value.set(event_target_value(&event))/>
            <div id=note>
                {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-testid="settings-error">{words}</p> })}
                <p class="field-hint">{hint}</p>
            </div>
        </div>
    }
}
