//! Which page is shown: the address decides, and links change it without a reload.
//!
//! The pages are few and their addresses fixed, so this is all the routing there is: a signal of the
//! path, one listener for links, one for the browser's back and forward. (`leptos_router` does far more,
//! for a tenth of the whole app's size.) Paths are as the app writes them, `/portfolio`; where the app is
//! served below a folder, the folder is put in front of them and taken off again here and nowhere else.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlAnchorElement;

use crate::io::build;

/// The page of somebody else's account: from there to any other, the browser itself goes.
pub const WATCH: &str = "/watch";

/// The page's address.
#[derive(Clone, Copy)]
struct Route {
    /// The path, as the app writes it.
    path: RwSignal<String>,
    /// The folder the app is served from, without a slash at its end: empty at a server's root.
    base: StoredValue<String>,
}

/// Puts the address at the root, and listens to links.
pub fn provide_route() {
    let base = build::base();
    let route = Route { path: RwSignal::new(here(&base)), base: StoredValue::new(base) };
    provide_context(route);
    // Both listeners live as long as the page.
    let _ = window_event_listener(ev::popstate, move |_| show(route));
    let _ = window_event_listener(ev::click, move |event| {
        if let Some(href) = followed(&event, &route.base.read_value()) {
            event.prevent_default();
            go(route, &href);
        }
    });
}

/// The path of the page that is shown, tracked: `/`, `/portfolio`.
pub fn use_path() -> RwSignal<String> {
    expect_context::<Route>().path
}

/// A link to a page of the app. It says when the page is the one that is shown.
#[component]
pub fn A(
    /// The page's path.
    href: &'static str,
    /// Classes of the link.
    #[prop(optional)]
    class: Option<&'static str>,
    /// What it is called, where its words don't say it.
    #[prop(optional)]
    label: Option<&'static str>,
    /// The keys that follow it.
    #[prop(optional)]
    keys: Option<&'static str>,
    /// Its words.
    children: Children,
) -> impl IntoView {
    let route = expect_context::<Route>();
    let current = Signal::derive(move || (route.path.read().as_str() == href).then(|| "page".to_owned()));
    view! {
        <a href=route.base.get_value() + href class=class aria-label=label aria-keyshortcuts=keys aria-current=current>{children()}</a>
    }
}

/// Goes to an address of this app, whole.
fn go(route: Route, href: &str) {
    // It fails where the browser finds that a page went too far too often; the page is shown all the same.
    let _ = window().history().and_then(|history| history.push_state_with_url(&JsValue::NULL, "", Some(href)));
    show(route);
    window().scroll_to_with_x_and_y(0.0, 0.0);
}

/// Shows the page of the address. The page that is shown already stays as it is.
fn show(route: Route) {
    let path = here(&route.base.read_value());
    if route.path.with_untracked(|shown| *shown != path) {
        route.path.set(path);
    }
}

/// The address of the click's link, if this app is to follow it: not where the person asks for another
/// tab or window, for a file, or for a place outside.
fn followed(event: &web_sys::MouseEvent, base: &str) -> Option<String> {
    let asks_elsewhere = event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
    if event.default_prevented() || event.button() != 0 || asks_elsewhere || here(base) == WATCH {
        return None;
    }
    let target: web_sys::Element = event.target()?.dyn_into().ok()?;
    let link: HtmlAnchorElement = target.closest("a[href]").ok()??.dyn_into().ok()?;
    let is_ours = link.origin() == window().location().origin().ok()?
        && link.pathname().strip_prefix(base).is_some_and(|path| path.starts_with('/'));
    // A place on this page is the browser's own business.
    let is_jump = !link.hash().is_empty();
    (is_ours && !is_jump && link.target().is_empty() && !link.has_attribute("download")).then(|| link.href())
}

/// The path of the page's address, below the folder the app is served from.
fn here(base: &str) -> String {
    let path = window().location().pathname().unwrap_or_default();
    let path = path.strip_prefix(base).unwrap_or(&path).trim_end_matches('/');
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}
