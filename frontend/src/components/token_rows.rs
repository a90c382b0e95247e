//! Rows of tokens: a row stays as it is for as long as its token is in the list.

use std::sync::Arc;

use leptos::prelude::*;
use shared::token::TokenKey;

/// One row for each of `tokens`, kept while the list changes around it. All such lists are of one type: a
/// keyed list is a lot of code, and need not be there twice.
pub fn token_rows(
    tokens: impl Fn() -> Vec<TokenKey> + Send + Sync + 'static,
    row: impl Fn(TokenKey) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    rows(Signal::derive(tokens), Arc::new(row))
}

fn rows(tokens: Signal<Vec<TokenKey>>, row: Arc<dyn Fn(TokenKey) -> AnyView + Send + Sync>) -> AnyView {
    view! { <For each=move || tokens.get() key=|key| *key children=move |key| row(key)/> }.into_any()
}
