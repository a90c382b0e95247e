//! Texts that follow what they read.

use leptos::prelude::*;

/// A text that is read anew when what it reads changes.
///
/// All such texts are of one type. A closure put into a view is a type of its own, and with it comes a
/// renderer of its own: some hundred of those made a fifth of the app's WASM.
pub fn text(read: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(read)
}
