//! The app that does nothing: the same page as Foolscap's, the same framework, and one field in it.
//!
//! `cargo xtask bench page` loads it beside the real one: what a browser, Leptos and the page's own
//! style sheets cost before a line of ours runs.

use leptos::prelude::*;

fn main() {
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    leptos::mount::mount_to_body(|| {
        let text = RwSignal::new(String::new());
        view! {
            <main class="main">
                <input data-testid="amount" prop:value=text on:input=move |event| text.set(event_target_value(&event))/>
            </main>
        }
    });
}
