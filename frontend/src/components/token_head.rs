//! The token the page is about: name, price, change, age, and how deep its market is.

use leptos::prelude::*;
use shared::market::PoolFacts;

use super::common::{CopyText, text};
use super::price::{AgeDot, LiveChange, LivePrice, PriceAge};
use super::shell::use_rail;
use crate::desk::use_desk;
use crate::format::{self, number};

/// The header over the centre column.
#[component]
pub fn TokenHead() -> impl IntoView {
    let desk = use_desk();
    let rail = use_rail();
    let token = desk.selected;
    let pool = move |read: fn(&PoolFacts) -> Option<String>| {
        text(move || {
            let key = token.get();
            let known = desk.view.with(|view| view.market.pools.get(&key).and_then(read));
            known.unwrap_or_else(|| number::UNKNOWN.to_owned())
        })
    };
    let name = move || desk.token(token.get()).map_or_else(String::new, |token| token.name);
    view! {
        <header class="token-head" data-testid="token-head">
            <div class="token-title">
                <h1>
                    <span data-testid="token-symbol">{text(move || desk.naming(token.get()).0)}</span>
                    <span class="faint small">{text(move || format!("{} · {}", name(), token.get().chain.name()))}</span>
                </h1>
                <span class="token-price"><LivePrice token=token/></span>
                <span class="small token-age">
                    <AgeDot token=token/>
                    <PriceAge token=token/>
                </span>
            </div>
            <dl class="token-facts">
                <div class="fact">
                    <dt>"24 h"</dt>
                    <dd><LiveChange token=token/></dd>
                </div>
                <div class="fact">
                    <dt>"Liquidity"</dt>
                    <dd class="num">{pool(|pool| pool.liquidity.map(format::compact_usd))}</dd>
                </div>
                <div class="fact">
                    <dt>"Volume 24 h"</dt>
                    <dd class="num">{pool(|pool| pool.volume_24h.map(format::compact_usd))}</dd>
                </div>
                <div class="fact">
                    <dt>"Pool fee"</dt>
                    <dd class="num">{pool(|pool| pool.fee.map(format::ppm))}</dd>
                </div>
                <div class="fact">
                    <dt>"Contract"</dt>
                    <dd>
                        {move || {
                            let whole = token.get().checksummed();
                            let short = format::short_address(&whole);
                            view! { <CopyText whole=whole short=short what="address"/> }
                        }}
                    </dd>
                </div>
            </dl>
            <button type="button" class="button rail-toggle" data-testid="open-markets" on:click=move |_| rail.update(|open| *open = !*open)>
                "Markets"
            </button>
        </header>
    }
}
