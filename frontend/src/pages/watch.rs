//! Somebody's account, by a link for readers: what it holds, earns, trades and thinks, live. There is nothing on
//! the page by which anything could be changed.

use leptos::prelude::*;
use shared::money::Usd;
use shared::time::Timestamp;
use shared::trade::Trade;
use shared::wire::room::PositionUpdated;

use super::thoughts;
use crate::components::account_summary::signed_usd;
use crate::components::common::{Icon, Line, Shape, Signed, text};
use crate::components::price::LivePrice;
use crate::components::theme::ThemeButton;
use crate::components::{Badges, trade_words};
use crate::desk::watch::{Seen, Watch, Watched};
use crate::desk::{Desk, use_desk};
use crate::format::{self, number, relative};
use crate::io::build;

/// `/watch`, with a frame of its own.
#[component]
pub fn WatchPage() -> impl IntoView {
    let desk = use_desk();
    let watch: Watch = expect_context();
    view! {
        <div class="shell">
            <header class="header">
                <a href=build::base() + "/" class="brand" aria-label="Foolscap, to your own desk"><Icon shape=Shape::Sheet/><span>"Foolscap"</span></a>
                <Badges/>
                <span class="badge badge-demo" title="You see this account, and can change nothing" data-testid="read-only">"READ-ONLY"</span>
                <div class="header-end"><ThemeButton/></div>
            </header>
            {late(desk, watch)}
            <main id="main" tabindex="-1" class="main">{page(desk, watch)}</main>
            <footer class="footer">
                <span>"Paper trading: nothing here is real money or advice."</span>
                <span>"Prices by CoinGecko. Times in UTC."</span>
            </footer>
        </div>
    }
}

fn late(desk: Desk, watch: Watch) -> AnyView {
    let since = move || watch.late.get().map(|since| format::age(desk.now.get().since(since)));
    let is_late = Memo::new(move |_| watch.late.get().is_some());
    view! {
        {move || is_late.get().then(|| view! {
            <div class="banner" role="status" data-testid="watch-late">
                <p><strong>"The server has not been heard for "{move || since().unwrap_or_default()}". "</strong>"What you see may be old. The page catches up by itself."</p>
            </div>
        }
        .into_any())}
    }
    .into_any()
}

fn page(desk: Desk, watch: Watch) -> AnyView {
    // Which of the three it is; what it says moves within.
    let state = Memo::new(move |_| {
        watch.watched.with(|watched| match watched {
            Watched::Asking => 0_u8,
            Watched::Closed => 1,
            Watched::Open(_) => 2,
        })
    });
    view! {
        {move || match state.get() {
            0 => view! { <div class="page page-text"><p class="faint" data-testid="watch-asking">"Asking the server for this account…"</p></div> }.into_any(),
            1 => view! {
                <div class="page page-text" data-testid="watch-closed">
                    <h1>"This link opens nothing"</h1>
                    <p>"Its owner may have revoked it, it may have ended, or it is not whole. Ask whoever gave it to you for a new one."</p>
                    <p><a href=build::base() + "/">"Open a desk of your own"</a></p>
                </div>
            }
            .into_any(),
            _ => account(desk, watch),
        }}
    }
    .into_any()
}

fn account(desk: Desk, watch: Watch) -> AnyView {
    let of = move |read: fn(&Seen) -> String| {
        text(move || {
            watch.watched.with(|watched| match watched {
                Watched::Open(seen) => read(seen),
                Watched::Asking | Watched::Closed => String::new(),
            })
        })
    };
    let figure = move |read: fn(&Seen, Desk) -> Option<Usd>| {
        Memo::new(move |_| {
            watch.watched.with(|watched| match watched {
                Watched::Open(seen) => read(seen, desk),
                Watched::Asking | Watched::Closed => None,
            })
        })
    };
    let plain = move |read: fn(&Seen, Desk) -> Option<Usd>| {
        let figure = figure(read);
        text(move || figure.get().map_or_else(|| number::UNKNOWN.to_owned(), format::usd))
    };
    let signed = move |read: fn(&Seen, Desk) -> Option<Usd>| {
        let figure = figure(read);
        Signal::derive(move || signed_usd(figure.get()))
    };
    let share = |parts: Option<String>| parts.map_or_else(|| number::UNKNOWN.to_owned(), |parts| parts + "%");
    view! {
        <div class="page page-wide" data-testid="watch">
            <div class="page-head"><h1 data-testid="watch-name">{of(|seen| seen.told.name.clone())}</h1></div>
            <p class="faint">"You are watching this account by a link from its owner. You see everything it does, and can change nothing."</p>
            <p class="small" data-testid="watch-live">
                {of(|seen| match &seen.told.session {
                    Some(live) => ["“", &live.device, "” trades on it since ", &format::date_time(live.since), "."].concat(),
                    None => "No device trades on it now.".to_owned(),
                })}
                {text(move || match desk.devices.readers.get() {
                    Some(readers) if readers > 1 => [" ", &number::whole(readers), " read it now."].concat(),
                    Some(_) | None => String::new(),
                })}
            </p>
            <div class="portfolio">
                <section class="section" aria-labelledby="watch-summary">
                    <div class="section-head"><h2 id="watch-summary">"Account"</h2></div>
                    <p class="faint small">"Equity"</p>
                    <p class="num summary-equity" data-testid="watch-equity">{plain(Seen::equity)}</p>
                    <dl class="figures">
                        <Line name="Cash"><span data-testid="watch-cash">{plain(|seen, _| Some(seen.told.portfolio.cash))}</span></Line>
                        <Line name="Unrealised"><Signed figure=signed(Seen::unrealised)/></Line>
                        <Line name="Realised"><span data-testid="watch-realised"><Signed figure=signed(|seen, _| Some(seen.told.portfolio.realised))/></span></Line>
                        <Line name="Put in">{plain(|seen, _| Some(seen.told.portfolio.deposits))}</Line>
                        <Line name="Sales, of them won">{of(|seen| [&number::whole(seen.told.performance.sales), ", ", &number::whole(seen.told.performance.wins)].concat())}</Line>
                        <Line name="Deepest fall">{text(move || share(watch.watched.with(|watched| match watched {
                            Watched::Open(seen) => seen.told.performance.max_drawdown_percent.map(|parts| parts.to_string()),
                            Watched::Asking | Watched::Closed => None,
                        })))}</Line>
                    </dl>
                </section>
                <div class="portfolio-main">
                    <section class="section" aria-labelledby="watch-positions">
                        <div class="section-head"><h2 id="watch-positions">"Positions"</h2></div>
                        {move || seen(watch, |seen| positions(desk, &seen.told.positions))}
                    </section>
                    <section class="section" aria-labelledby="watch-trades">
                        <div class="section-head"><h2 id="watch-trades">"Last trades"</h2></div>
                        {move || seen(watch, |seen| trades(desk, &seen.trades))}
                    </section>
                    <section class="section" aria-labelledby="watch-thoughts">
                        <div class="section-head"><h2 id="watch-thoughts">"Thoughts"</h2></div>
                        {move || seen(watch, |seen| thoughts::list(desk, seen.thoughts.iter()))}
                    </section>
                </div>
            </div>
        </div>
    }
    .into_any()
}

fn seen(watch: Watch, show: impl FnOnce(&Seen) -> AnyView) -> Option<AnyView> {
    watch.watched.with(|watched| match watched {
        Watched::Open(seen) => Some(show(seen)),
        Watched::Asking | Watched::Closed => None,
    })
}

fn positions(desk: Desk, held: &[PositionUpdated]) -> AnyView {
    if held.is_empty() {
        return view! { <p class="faint">"It holds no tokens."</p> }.into_any();
    }
    let row = |position: &PositionUpdated| {
        let token = position.token;
        let (symbol, decimals) = desk.naming(token);
        let position = position.clone();
        let quantity = format::units(position.units, decimals);
        let exact = position.units.quantity(decimals).to_string();
        let cost = format::usd(position.cost);
        let worth =
            Memo::new(move |_| Seen::value(desk, &position).1.map(|value| (value, value.minus(position.cost).ok())));
        let value =
            text(move || worth.get().map_or_else(|| number::UNKNOWN.to_owned(), |(value, _)| format::usd(value)));
        let gain = Signal::derive(move || signed_usd(worth.get().and_then(|(_, gain)| gain)));
        view! {
            <tr data-testid="watch-position" data-token=token.to_string()>
                <th scope="row" class="wide">{symbol}<span class="faint small">" " {token.chain.name()}</span></th>
                <td class="end num" data-label="Quantity" title=exact>{quantity}</td>
                <td class="end num" data-label="Cost">{cost}</td>
                <td class="end" data-label="Price"><LivePrice token=token/></td>
                <td class="end num" data-label="Value">{value}</td>
                <td class="end" data-label="Unrealised"><Signed figure=gain/></td>
            </tr>
        }
        .into_any()
    };
    view! {
        <div class="table-box">
            <table class="table table-stack">
                <caption class="unseen">"Positions"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Token"</th>
                        <th scope="col" class="end">"Quantity"</th>
                        <th scope="col" class="end">"Cost"</th>
                        <th scope="col" class="end">"Price"</th>
                        <th scope="col" class="end">"Value"</th>
                        <th scope="col" class="end">"Unrealised"</th>
                    </tr>
                </thead>
                <tbody>{held.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn trades(desk: Desk, trades: &[(u64, Timestamp, Trade)]) -> AnyView {
    if trades.is_empty() {
        return view! { <p class="faint">"It has not traded yet."</p> }.into_any();
    }
    let now = desk.now.get_untracked();
    let row = |(seq, at, trade): &(u64, Timestamp, Trade)| {
        let words = trade_words::done(desk, trade);
        view! {
            <li class="row" data-testid="watch-trade" data-seq=seq.to_string()>
                <span>{words}</span>
                <span class="faint small" title=format::date_time(*at)>{relative(*at, now)}</span>
            </li>
        }
        .into_any()
    };
    view! { <ul class="rows">{trades.iter().map(row).collect_view()}</ul> }.into_any()
}
