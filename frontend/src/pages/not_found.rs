//! There is nothing here.

use leptos::prelude::*;

use crate::router::A;

/// Every other path.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <div class="page page-text" data-testid="not-found">
            <div class="page-head"><h1>"There is nothing here"</h1></div>
            <p>"The address may be mistyped, or from another version of Foolscap."</p>
            <p><A href="/" class="button">"Go to the desk"</A></p>
        </div>
    }
}
