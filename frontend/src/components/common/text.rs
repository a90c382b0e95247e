//! Texts that follow what they read.

use leptos::prelude::*;

/// A text that is read anew when what it reads changes. All such texts are of one type, so that a view of
/// many is one renderer many times, not many renderers.
pub fn text(read: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(read)
}
