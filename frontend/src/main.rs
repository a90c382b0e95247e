//! The page: mounts the app.
//!
//! State flows down as signals, intent goes up as calls on the desk. `desk` holds the state, `io`
//! touches the browser, `pages` and `components` show and ask.

mod format;
mod io;

use leptos::prelude::*;

fn main() {
    leptos::mount::mount_to_body(|| view! { <h1>"Foolscap"</h1> });
}
