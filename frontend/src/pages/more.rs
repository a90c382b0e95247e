//! Where a phone finds the pages that have no place in its bar.

use leptos::prelude::*;

use crate::router::A;

/// `/more`
#[component]
pub fn More() -> impl IntoView {
    view! {
        <div class="page page-text" data-testid="more">
            <div class="page-head"><h1>"More"</h1></div>
            <ul class="rows rows-links">
                {entry("/accounts", "Accounts", "Names, funds, other devices, readers, the archive")}
                {entry("/settings", "Settings", "Terms of trading, looks, tokens, journal")}
                {entry("/thoughts", "Thoughts", "What bots of yours say they think")}
                {entry("/live", "Live", "Not paper: real transactions, for the server's operator")}
                {entry("/conventions", "How figures are made", "Prices, costs, profit and loss")}
                {entry("/prices", "Prices", "Where they come from, alerts, what the server asks for")}
                {entry("/diagnostics", "Diagnostics", "Speed, storage, connection, build")}
            </ul>
            <p class="faint small more-end">"Paper trading: nothing here is real money or advice. Prices by CoinGecko. Times in UTC."</p>
        </div>
    }
}

fn entry(href: &'static str, name: &'static str, words: &'static str) -> AnyView {
    view! { <li><A href=href><span class="strong">{name}</span><span class="faint small">{words}</span></A></li> }
        .into_any()
}
