//! The messages at the page's edge.

use leptos::prelude::*;

use super::common::{Icon, Shape};
use crate::desk::{Toast, Tone, use_desk};

/// All messages, newest last. A screen reader hears each once.
#[component]
pub fn ToastList() -> impl IntoView {
    let desk = use_desk();
    view! {
        <div class="toasts" role="log" aria-live="polite" aria-label="Messages" data-testid="toasts">
            <For each=move || desk.toasts.list.get() key=|toast| toast.id let(toast)>
                <Message toast=toast/>
            </For>
        </div>
    }
}

#[component]
fn Message(toast: Toast) -> impl IntoView {
    let desk = use_desk();
    let class = match toast.tone {
        Tone::Good => "toast toast-gain",
        Tone::Plain => "toast",
        Tone::Warn => "toast toast-warn",
        Tone::Bad => "toast toast-loss",
    };
    let id = toast.id;
    let open = toast.entry.map(|entry| {
        view! {
            <button type="button" class="link-button" on:click=move |_| desk.receipt.set(Some(entry))>
                "Open the receipt"
            </button>
        }
    });
    view! {
        <div class=class data-testid="toast">
            <p class="toast-title">{toast.title}</p>
            <button type="button" class="toast-close button button-quiet" aria-label="Close message" on:click=move |_| desk.toasts.close(id)>
                <Icon shape=Shape::Close/>
            </button>
            <p class="toast-body">{toast.body} " " {open}</p>
        </div>
    }
}
