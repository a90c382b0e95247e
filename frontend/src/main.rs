//! The page: mounts the app.
//!
//! State flows down as signals, intent goes up as calls on the desk. `desk` holds the state, `io`
//! touches the browser, `pages` and `components` show and ask, `format` makes figures readable.

mod app;
mod components;
mod desk;
mod format;
mod io;
mod later;
mod pages;
mod router;

fn main() {
    // What stood in for the app until now. It goes when all is drawn (`components::drawn`): a browser that has not
    // yet noted when it was painted would never know.
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        boot.set_class_name("boot boot-over");
    }
    leptos::mount::mount_to_body(app::App);
}
