//! The frame around every page: header, banners, page, footer, and the phone's bar.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::account_summary::signed_ppm;
use super::common::{Icon, Shape, Signed};
use super::drawn::{Part, in_turn};
use super::keys::KeyList;
use super::looks::Looks;
use super::theme::ThemeButton;
use super::{AccountMenu, AlertStrip, Badges, Banner, Connection, CopyBadge, ProgressLine, ReceiptSheet, ToastList};
use crate::desk::use_desk;
use crate::format::{self, number};
use crate::io::build;
use crate::router::{A, use_path};

/// Whether the rail of markets is open, where it is not always there.
#[derive(Clone, Copy)]
struct Rail(RwSignal<bool>);

/// Whether the rail of markets is open.
pub fn use_rail() -> RwSignal<bool> {
    expect_context::<Rail>().0
}

/// The frame.
#[component]
pub fn Shell(children: Children) -> impl IntoView {
    provide_context(Rail(RwSignal::new(false)));
    view! {
        <a class="skip" href="#main" on:click=skip>"Skip to the page"</a>
        <div class="shell">
            <Header/>
            <Banner/>
            <AlertStrip/>
            <main id="main" tabindex="-1" class="main">{children()}</main>
            {in_turn(Part::Rest, || Footer().into_any())}
            {in_turn(Part::Tools, || BottomBar().into_any())}
        </div>
        {in_turn(Part::Rest, || view! { <ReceiptSheet/><ProgressLine/><ToastList/> }.into_any())}
    }
}

/// Brings the focus to the page. The link alone would be followed as one to another page.
fn skip(event: leptos::ev::MouseEvent) {
    event.prevent_default();
    if let Some(main) = document().get_element_by_id("main") {
        let _ = main.unchecked_into::<web_sys::HtmlElement>().focus();
    }
}

#[component]
fn Header() -> impl IntoView {
    view! {
        <header class="header">
            <A href="/" class="brand" label="Foolscap, to the desk">
                <Icon shape=Shape::Sheet/>
                <span>"Foolscap"</span>
            </A>
            <Badges/>
            <Connection/>
            <CopyBadge/>
            <nav class="nav" aria-label="Pages">
                <A href="/" keys="t">"Trade"</A>
                <A href="/portfolio" keys="p">"Portfolio"</A>
                <A href="/history" keys="h">"History"</A>
                <A href="/accounts">"Accounts"</A>
                <A href="/settings" keys=",">"Settings"</A>
            </nav>
            {in_turn(Part::Tools, || Tools().into_any())}
        </header>
    }
}

/// The end of the header: what the account is worth, and what is chosen.
#[component]
fn Tools() -> impl IntoView {
    let desk = use_desk();
    let looks: Looks = expect_context();
    let equity = move || {
        // The only figure that stays while the marks between digits are chosen.
        looks.numbers.track();
        desk.valuation
            .with(|worth| worth.as_ref().and_then(|worth| worth.equity))
            .map_or_else(|| number::UNKNOWN.to_owned(), format::usd)
    };
    let earned = Signal::derive(move || {
        signed_ppm(desk.valuation.with(|worth| worth.as_ref().and_then(|worth| worth.return_ppm)))
    });
    view! {
        <div class="header-end">
            <span class="header-equity small" title="Equity, and return on what you put in">
                <span class="num strong">{equity}</span>
                <Signed figure=earned/>
            </span>
            <AccountMenu/>
            <KeyList/>
            <ThemeButton/>
        </div>
    }
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer class="footer">
            <span>"Paper trading: nothing here is real money or advice."</span>
            <A href="/conventions">"How figures are made"</A>
            <A href="/prices">"Prices"</A>
            <A href="/diagnostics">"Diagnostics"</A>
            <span>"Prices by CoinGecko. Times in UTC."</span>
            <span>"Build " <span class="mono">{build::name()}</span></span>
        </footer>
    }
}

#[component]
fn BottomBar() -> impl IntoView {
    let rail = use_rail();
    let path = use_path();
    let (desk, more) = (build::base() + "/", build::base() + "/more");
    let on_desk =
        move |is_markets: bool| move || (path.read().as_str() == "/" && rail.get() == is_markets).then_some("page");
    // Everything that has no place of its own in the bar is behind More.
    let elsewhere = move || (!["/", "/portfolio", "/history"].contains(&path.read().as_str())).then_some("page");
    view! {
        <nav class="bottom-bar" aria-label="Pages">
            <a href=desk.clone() aria-current=on_desk(true) on:click=move |_| rail.set(true) data-testid="bar-markets"><Icon shape=Shape::Markets/>"Markets"</a>
            <a href=desk aria-current=on_desk(false) on:click=move |_| rail.set(false) data-testid="bar-trade"><Icon shape=Shape::Trade/>"Trade"</a>
            <A href="/portfolio"><Icon shape=Shape::Portfolio/>"Portfolio"</A>
            <A href="/history"><Icon shape=Shape::History/>"History"</A>
            <a href=more aria-current=elsewhere data-testid="bar-more"><Icon shape=Shape::More/><span>"More"<span class="unseen">" pages"</span></span></a>
        </nav>
    }
}
