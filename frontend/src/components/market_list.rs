//! The rail of markets: search, chain, price, change, age.

use leptos::prelude::*;
use shared::chain::Chain;
use shared::token::{Origin, Token, TokenKey, TokenTable};

use super::common::{Icon, Shape, text};
use super::price::{AgeDot, LiveChange, LivePrice};
use super::shell::use_rail;
use crate::desk::{Desk, use_desk};
use crate::io::preferences::{self, Preference};

/// No search shows more of the long list than this.
const LONGEST: usize = 60;

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

/// The tokens to show for a search and a chain.
fn found(desk: Desk, search: &str, chain: Option<Chain>) -> Vec<TokenKey> {
    let search = search.trim().to_lowercase();
    let matches = |token: &Token| {
        chain.is_none_or(|chain| token.key.chain == chain)
            && (search.is_empty()
                || token.symbol.to_lowercase().contains(&search)
                || token.name.to_lowercase().contains(&search)
                || token.key.to_string().ends_with(&search) && search.starts_with("0x"))
    };
    let table = TokenTable::builtin();
    let added: Vec<Token> = desk.with_account(|account| account.added_tokens().cloned().collect()).unwrap_or_default();
    let held: Vec<TokenKey> =
        desk.with_account(|account| account.positions().map(|position| position.token()).collect()).unwrap_or_default();
    let watched = desk.watched.get();
    let mut tokens: Vec<&Token> = table
        .iter()
        .chain(&added)
        .filter(|token| {
            // The long public list is offered to whoever searches it; what is held or looked at stays.
            let is_offered = token.origin != Origin::List
                || !search.is_empty()
                || held.contains(&token.key)
                || watched.contains(&token.key);
            is_offered && matches(token)
        })
        .collect();
    tokens.sort_by(|a, b| (a.origin == Origin::List, rank(a)).cmp(&(b.origin == Origin::List, rank(b))));
    tokens.truncate(LONGEST);
    tokens.into_iter().map(|token| token.key).collect()
}

/// The list, with its search and filter.
#[component]
pub fn MarketList() -> impl IntoView {
    let desk = use_desk();
    let rail = use_rail();
    let search = RwSignal::new(String::new());
    let chain = RwSignal::new(preferences::get(Preference::Chain).and_then(|id| id.parse::<Chain>().ok()));
    let tokens = Memo::new(move |_| found(desk, &search.read(), chain.get()));
    let choose_chain = move |event: leptos::ev::Event| {
        let chosen = event_target_value(&event);
        chain.set(chosen.parse().ok());
        preferences::set(Preference::Chain, chain.get_untracked().is_some().then_some(chosen.as_str()));
    };
    view! {
        <div class="markets-head">
            <div class="markets-tools">
                <input
                    class="input"
                    type="search"
                    placeholder="Search tokens"
                    aria-label="Search tokens by symbol, name or address"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="search"
                    prop:value=search
                    on:input=move |event| search.set(event_target_value(&event))
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
        <ul aria-label="Markets" data-testid="markets">
            <For each=move || tokens.get() key=|key| *key let(key)>
                <Row token=key/>
            </For>
        </ul>
        <Show when=move || tokens.read().is_empty()>
            <div class="empty" data-testid="no-markets">
                <p>"No token matches. Try its symbol, its name, or its whole address."</p>
                <button type="button" class="button" on:click=move |_| { search.set(String::new()); chain.set(None); }>"Show all"</button>
            </div>
        </Show>
    }
}

#[component]
fn Row(token: TokenKey) -> impl IntoView {
    let desk = use_desk();
    let rail = use_rail();
    let (symbol, name) = desk.token(token).map_or_else(Default::default, |token| (token.symbol, token.name));
    let chain = token.chain.name();
    let is_current = Memo::new(move |_| desk.selected.get() == token);
    let choose = move |_| {
        desk.select(token);
        rail.set(false);
    };
    view! {
        <li>
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
        </li>
    }
}
