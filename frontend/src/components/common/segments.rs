//! One of a few, side by side.

use leptos::prelude::*;

use super::text;

/// A row of buttons of which one is pressed.
#[component]
pub fn Segments<T>(
    /// What is chosen between.
    label: &'static str,
    /// Value, words, and the name tests find it by.
    #[prop(into)]
    options: Signal<Vec<(T, String, &'static str)>>,
    /// What is chosen.
    #[prop(into)]
    value: Signal<T>,
    /// Called with what is chosen next.
    #[prop(into)]
    on_choose: Callback<T>,
    /// `segments` or `chips`.
    #[prop(optional, default = "segments")]
    class: &'static str,
    /// A key for each, where they have keys.
    #[prop(optional)]
    keys: &'static [&'static str],
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let buttons = move || {
        options
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, (option, words, name))| {
                view! {
                    <button
                        type="button"
                        data-testid=name
                        aria-keyshortcuts=keys.get(at).copied()
                        aria-pressed=text(move || (value.get() == option).to_string())
                        on:click=move |_| on_choose.run(option)
                    >
                        {words}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <div class=class role="group" aria-label=label>
            {buttons}
        </div>
    }
}
