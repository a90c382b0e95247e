//! The page: mounts the app.
//!
//! State flows down as signals, intent goes up as calls on the desk. `desk` holds the state, `io`
//! touches the browser, `pages` and `components` show and ask, `format` makes figures readable.

mod app;
mod components;
mod desk;
mod format;
mod io;
mod pages;
mod router;

fn main() {
    // What stood in for the app until now.
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        boot.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
