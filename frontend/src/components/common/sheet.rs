//! A sheet over the page: from the side, or from below on a phone. Escape and the backdrop close it, and
//! the browser gives the focus back to where it was.

use leptos::html::Dialog;
use leptos::prelude::*;

use super::{Icon, Shape};

/// A sheet that is open for as long as it is mounted.
#[component]
pub fn Sheet(
    /// Its heading.
    #[prop(into)]
    title: String,
    /// Called when the person closes it.
    #[prop(into)]
    on_close: Callback<()>,
    /// What is on it.
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get()
            && !dialog.open()
        {
            let _ = dialog.show_modal();
        }
    });
    // A click outside the sheet's content hits the dialog itself: that is its backdrop.
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event_target::<web_sys::Element>(&event);
        if dialog.get_untracked().is_some_and(|dialog| target.is_same_node(Some(&dialog))) {
            on_close.run(());
        }
    };
    view! {
        <dialog node_ref=dialog class="sheet" aria-labelledby="sheet-title" on:close=move |_| on_close.run(()) on:click=on_click>
            <div class="sheet-head">
                <h2 id="sheet-title">{title}</h2>
                <button type="button" class="button button-quiet button-icon" aria-label="Close" data-testid="sheet-close" on:click=move |_| on_close.run(())>
                    <Icon shape=Shape::Close/>
                </button>
            </div>
            <div class="sheet-body">{children()}</div>
        </dialog>
    }
}
