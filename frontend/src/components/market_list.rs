//! The rail of markets: search, chain, price, change, age.

use std::collections::BTreeSet;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use shared::chain::Chain;
use shared::token::{Origin, Token, TokenKey, TokenTable};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::common::{Icon, Shape, text};
use super::price::{AgeDot, LiveChange, LivePrice};
use super::shell::use_rail;
use super::token_rows::token_rows;
use crate::desk::{Desk, use_desk};
use crate::io::preferences::{self, Preference};

/// Rows of the long list at a time: it has hundreds, and nobody reads so many.
const PAGE: usize = 60;

/// The order in which people look for tokens: the big coins, then by symbol, dollars last.
fn rank(token: &Token) -> (bool, usize, bool, usize, &str) {
    let chain = match token.key.chain {
        Chain::Ethereum => 0,
        Chain::Base => 1,
        Chain::Sepolia => 2,
        Chain::BaseSepolia => 3,
    };
    let big =
        ["WETH", "WBTC", "cbBTC", "cbETH"].iter().position(|symbol| *symbol == token.symbol).unwrap_or(usize::MAX);
    (token.key.chain.facts().is_test, chain, token.pinned, big, &token.symbol)
}

/// What is in the list, and how much more would be.
#[derive(Clone, PartialEq)]
struct Found {
    shown: Vec<TokenKey>,
    more: usize,
}

/// The tokens to show for a search and a chain: starred ones first, then those with a price of their own,
/// then the long public list, as far as it is asked for.
fn found(desk: Desk, search: &str, chain: Option<Chain>, starred: &[TokenKey], limit: usize) -> Found {
    let search = search.trim().to_ascii_lowercase();
    let matches = |token: &Token| {
        let address = || token.key.to_string().split_once(':').is_some_and(|(_, address)| address.starts_with(&search));
        chain.is_none_or(|chain| token.key.chain == chain)
            && (search.is_empty()
                || token.symbol.to_ascii_lowercase().contains(&search)
                || token.name.to_ascii_lowercase().contains(&search)
                || search.starts_with("0x") && address())
    };
    let table = TokenTable::builtin();
    let added: Vec<Token> = desk.with_account(|account| account.added_tokens().cloned().collect()).unwrap_or_default();
    let held: Vec<TokenKey> =
        desk.with_account(|account| account.positions().map(|position| position.token()).collect()).unwrap_or_default();
    let watched = desk.watched.get();
    // What the list begins with; whatever else there is comes after it, a press at a time.
    let is_first =
        |token: &Token| token.origin != Origin::List || held.contains(&token.key) || watched.contains(&token.key);
    let is_whole = !search.is_empty() || limit > 0;
    let mut tokens: Vec<&Token> = table.priced().chain(&added).filter(|token| matches(token)).collect();
    let own = tokens.len();
    if is_whole {
        tokens.extend(table.listed().iter().filter(|token| matches(token)));
    } else {
        // The long list is not asked for what is not in it: it would have to be there.
        let mut keys: BTreeSet<TokenKey> = held.iter().chain(&watched).chain(starred).copied().collect();
        keys.retain(|key| tokens.iter().all(|token| token.key != *key));
        let listed = keys.into_iter().filter_map(|key| table.get(key));
        tokens.extend(listed.filter(|token| token.origin == Origin::List && matches(token)));
    }
    let listed = Chain::ALL.into_iter().filter(|on| chain.is_none_or(|chain| chain == *on));
    let left = if is_whole { 0 } else { listed.map(|on| table.listed_on(on)).sum::<usize>() + own - tokens.len() };
    tokens.sort_by(|a, b| {
        let order = |token: &Token| (!starred.contains(&token.key), !is_first(token));
        order(a).cmp(&order(b)).then_with(|| rank(a).cmp(&rank(b)))
    });
    let first = tokens.iter().filter(|token| starred.contains(&token.key) || is_first(token)).count();
    let shown = if search.is_empty() { first + limit } else { limit.max(PAGE) }.min(tokens.len());
    Found { shown: tokens[..shown].iter().map(|token| token.key).collect(), more: tokens.len() - shown + left }
}

/// The starred tokens, as this device keeps them.
fn stars() -> Vec<TokenKey> {
    let kept = preferences::get(Preference::Favourites).unwrap_or_default();
    kept.split(',').filter_map(|key| key.parse().ok()).collect()
}

fn keep_stars(stars: &[TokenKey]) {
    let words: Vec<String> = stars.iter().map(TokenKey::to_string).collect();
    preferences::set(Preference::Favourites, (!words.is_empty()).then(|| words.join(",")).as_deref());
}

/// Moves the focus between the rows, and from the search into them.
fn step(event: &KeyboardEvent) {
    let forward = match event.key().as_str() {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return,
    };
    let row = document().active_element().and_then(|focused| focused.closest("li").ok().flatten());
    let next = match (row, forward) {
        (Some(row), true) => row.next_element_sibling(),
        (Some(row), false) => row.previous_element_sibling(),
        // From the search, into the first row.
        (None, _) => document().query_selector(".market-row").ok().flatten(),
    };
    if let Some(market) = next.and_then(|row| row.query_selector(".market").ok().flatten()) {
        event.prevent_default();
        let _ = market.unchecked_into::<HtmlElement>().focus();
    }
}

/// The list, with its search and filter.
#[component]
pub fn MarketList() -> impl IntoView {
    let desk = use_desk();
    let rail = use_rail();
    let search = RwSignal::new(String::new());
    let chain = RwSignal::new(preferences::get(Preference::Chain).and_then(|id| id.parse::<Chain>().ok()));
    let starred = RwSignal::new(stars());
    let limit = RwSignal::new(0_usize);
    let found = Memo::new(move |_| found(desk, &search.read(), chain.get(), &starred.read(), limit.get()));
    let choose_chain = move |event: leptos::ev::Event| {
        let chosen = event_target_value(&event);
        chain.set(chosen.parse().ok());
        preferences::set(Preference::Chain, chain.get_untracked().is_some().then_some(chosen.as_str()));
    };
    let seek = move |words: String| {
        search.set(words);
        limit.set(0);
    };
    view! {
        <div class="markets-head" on:keydown=move |event| step(&event)>
            <div class="markets-tools">
                <input
                    class="input"
                    type="search"
                    placeholder="Search tokens"
                    aria-label="Search tokens by symbol, name or address"
                    aria-keyshortcuts="/"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="search"
                    prop:value=search
                    on:input=move |event| seek(event_target_value(&event))
                />
                <select class="select" aria-label="Chain" data-testid="chain-filter" on:change=choose_chain>
                    <option value="" prop:selected=move || chain.get().is_none()>"All chains"</option>
                    {[Chain::Ethereum, Chain::Base, Chain::Sepolia, Chain::BaseSepolia]
                        .into_iter()
                        .map(|option| view! {
                            <option value=option.to_string() prop:selected=move || chain.get() == Some(option)>{option.name()}</option>
                        })
                        .collect_view()}
                </select>
                <button type="button" class="button button-quiet button-icon rail-close" aria-label="Close the markets" data-testid="close-markets" on:click=move |_| rail.set(false)>
                    <Icon shape=Shape::Close/>
                </button>
            </div>
        </div>
        <ul aria-label="Markets" data-testid="markets" on:keydown=move |event| step(&event)>
            {token_rows(
                move || found.with(|found| found.shown.clone()),
                move |token| view! { <Row token=token starred=starred/> }.into_any(),
            )}
        </ul>
        <Show when=move || found.read().more != 0>
            <button type="button" class="button button-quiet markets-more" data-testid="more-markets" on:click=move |_| limit.update(|limit| *limit = (*limit).max(if search.read_untracked().is_empty() { 0 } else { PAGE }) + PAGE)>
                {text(move || format!("Show more ({} are left)", found.read().more))}
            </button>
        </Show>
        <Show when=move || found.read().shown.is_empty()>
            <div class="empty" data-testid="no-markets">
                <p>"No token matches. Try its symbol, its name, or the beginning of its address. One that no list has is added in Settings."</p>
                <button type="button" class="button" on:click=move |_| { seek(String::new()); chain.set(None); }>"Show all"</button>
            </div>
        </Show>
    }
}

#[component]
fn Row(token: TokenKey, starred: RwSignal<Vec<TokenKey>>) -> impl IntoView {
    let desk = use_desk();
    let rail = use_rail();
    let (symbol, name) = desk.token(token).map_or_else(Default::default, |token| (token.symbol, token.name));
    let chain = token.chain.name();
    let is_current = Memo::new(move |_| desk.selected.get() == token);
    let is_starred = Memo::new(move |_| starred.with(|starred| starred.contains(&token)));
    let choose = move |_| {
        desk.select(token);
        rail.set(false);
    };
    let star = move |_| {
        starred.update(|starred| match starred.iter().position(|key| *key == token) {
            Some(at) => {
                starred.remove(at);
            }
            None => starred.push(token),
        });
        starred.with_untracked(|starred| keep_stars(starred));
    };
    let label = ["Star ", &symbol, " on ", chain].concat();
    view! {
        <li class="market-row">
            <button
                type="button"
                class="market"
                data-testid="market"
                data-token=token.to_string()
                aria-current=text(move || is_current.get().to_string())
                title=format!("{name} on {chain}, {}", token.checksummed())
                on:click=choose
            >
                <AgeDot token=token/>
                <span class="market-name">
                    <span class="strong">{symbol}</span>
                    <span class="faint small">{chain}</span>
                </span>
                <span class="market-figures">
                    <LivePrice token=token/>
                    <span class="small"><LiveChange token=token/></span>
                </span>
            </button>
            <button type="button" class="star" aria-label=label aria-pressed=text(move || is_starred.get().to_string()) data-testid="star" on:click=star>
                {text(move || if is_starred.get() { "★" } else { "☆" }.to_owned())}
            </button>
        </li>
    }
}
