//! Tabs over a panel: arrow keys move between them, one of them is in the tab order.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::text;

/// A row of tabs. The panel below carries `id` as `{id}-panel` and the role `tabpanel`.
#[component]
pub fn Tabs(
    /// Names the row, and its parts.
    id: &'static str,
    /// What the tabs are about.
    label: &'static str,
    /// Words of each tab.
    names: Vec<Signal<String>>,
    /// Which one is open.
    open: RwSignal<usize>,
) -> impl IntoView {
    let count = names.len();
    let step = move |event: KeyboardEvent| {
        let next = match event.key().as_str() {
            "ArrowRight" => (open.get_untracked() + 1) % count,
            "ArrowLeft" => (open.get_untracked() + count - 1) % count,
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        open.set(next);
        if let Some(tab) = document().get_element_by_id(&format!("{id}-tab-{next}")) {
            use wasm_bindgen::JsCast;
            let _ = tab.unchecked_into::<web_sys::HtmlElement>().focus();
        }
    };
    let tabs = names
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            view! {
                <button
                    type="button"
                    role="tab"
                    id=format!("{id}-tab-{at}")
                    data-testid=format!("{id}-tab-{at}")
                    aria-controls=format!("{id}-panel")
                    aria-selected=text(move || (open.get() == at).to_string())
                    tabindex=text(move || if open.get() == at { "0" } else { "-1" }.to_owned())
                    on:click=move |_| open.set(at)
                >
                    {name}
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="tabs" role="tablist" aria-label=label on:keydown=step>
            {tabs}
        </div>
    }
}
