//! A hash or an address: short to read, whole in the title, copied by a click.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::text;

/// Shows `short`, copies `whole`.
#[component]
pub fn CopyText(
    /// What is copied.
    #[prop(into)]
    whole: String,
    /// What is shown.
    #[prop(into)]
    short: String,
    /// What it is, for the label.
    what: &'static str,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let title = whole.clone();
    let copy = move |_| {
        let text = whole.clone();
        leptos::task::spawn_local(async move {
            let clipboard = window().navigator().clipboard();
            if JsFuture::from(clipboard.write_text(&text)).await.is_ok() {
                // The line may be gone by now.
                let _ = copied.try_set(true);
                set_timeout(
                    move || {
                        let _ = copied.try_set(false);
                    },
                    Duration::from_secs(2),
                );
            }
        });
    };
    let label = format!("Copy {what} {short}");
    view! {
        <button type="button" class="copy mono" title=title aria-label=label on:click=copy>
            {text(move || if copied.get() { "copied".to_owned() } else { short.clone() })}
        </button>
    }
}
