//! Which way, and which tokens.

use leptos::prelude::*;
use shared::chain::Chain;
use shared::token::{Token, TokenKey, TokenTable};

use super::draft::{Draft, Entered, Side, Unit};
use crate::components::common::{Icon, Segments, Shape, text};
use crate::desk::use_desk;

/// The sides, in the order of their buttons.
const SIDES: [Side; 3] = [Side::Buy, Side::Sell, Side::Swap];

/// Buy, sell or swap.
#[component]
pub fn Sides(draft: Draft) -> impl IntoView {
    let desk = use_desk();
    let options = vec![
        (0, "Buy".to_owned(), "side-buy"),
        (1, "Sell".to_owned(), "side-sell"),
        (2, "Swap".to_owned(), "side-swap"),
    ];
    let value = Signal::derive(move || SIDES.iter().position(|side| *side == draft.side.get()).unwrap_or(0));
    let choose = move |at: usize| {
        let side = SIDES[at];
        draft.side.set(side);
        draft.unit.set(if side == Side::Buy { Unit::Usd } else { Unit::Token });
        draft.entered.set(Entered::Text(String::new()));
        draft.refused.set(None);
        if side == Side::Swap && draft.other.with_untracked(Option::is_none) {
            let chain = desk.selected.get_untracked().chain;
            let usdc = TokenTable::builtin().by_symbol(chain, "USDC").map(|token| token.key);
            draft.other.set(usdc.filter(|key| *key != desk.selected.get_untracked()));
        }
    };
    view! { <Segments label="Side" options=options value=value on_choose=choose keys=&["b", "s", "w"]/> }
}

/// The token of the ticket, and the other one of a swap.
#[component]
pub fn Tokens(draft: Draft) -> impl IntoView {
    let desk = use_desk();
    let is_swap = move || draft.side.get() == Side::Swap;
    let choose = move |key: TokenKey| desk.select(key);
    let flip = move |_| {
        if let Some(to) = draft.other.get_untracked() {
            draft.other.set(Some(desk.selected.get_untracked()));
            desk.select(to);
            draft.entered.set(Entered::Text(String::new()));
        }
    };
    view! {
        <div class=text(move || if is_swap() { "pair" } else { "pair-one" }.to_owned())>
            <div class="field">
                <label for="ticket-token">{text(move || if is_swap() { "From" } else { "Token" }.to_owned())}</label>
                <TokenSelect id="ticket-token" value=Signal::derive(move || Some(desk.selected.get())) on_choose=choose/>
            </div>
            <Show when=is_swap>
                <button type="button" class="button button-quiet button-icon" aria-label="Swap the two sides" title="Swap the two sides" data-testid="flip" aria-keyshortcuts="x" on:click=flip>
                    <Icon shape=Shape::Flip/>
                </button>
                <div class="field">
                    <label for="ticket-other">"To"</label>
                    <TokenSelect id="ticket-other" value=draft.other on_choose=move |key: TokenKey| {
                        draft.other.set(Some(key));
                        draft.refused.set(None);
                    }/>
                </div>
            </Show>
        </div>
    }
}

#[component]
fn TokenSelect(
    id: &'static str,
    #[prop(into)] value: Signal<Option<TokenKey>>,
    #[prop(into)] on_choose: Callback<TokenKey>,
) -> impl IntoView {
    let desk = use_desk();
    // Everything with a price of its own, what is held or added, and what is chosen.
    let offered = Memo::new(move |_| {
        let mut tokens: Vec<Token> = TokenTable::builtin().priced().cloned().collect();
        let held: Vec<TokenKey> = desk
            .with_account(|account| {
                let held = account.positions().map(|position| position.token());
                held.chain(account.added_tokens().map(|token| token.key)).collect()
            })
            .unwrap_or_default();
        for key in held.into_iter().chain(desk.watched.get()).chain(value.get()) {
            if let Some(token) = desk.token(key)
                && tokens.iter().all(|known| known.key != key)
            {
                tokens.push(token);
            }
        }
        tokens.sort_by_key(|token| token.symbol.to_ascii_lowercase());
        tokens
    });
    let groups = move || {
        [Chain::Base, Chain::Ethereum, Chain::BaseSepolia, Chain::Sepolia]
            .into_iter()
            .map(|chain| {
                let options = offered
                    .read()
                    .iter()
                    .filter(|token| token.key.chain == chain)
                    .map(|token| {
                        let key = token.key;
                        view! { <option value=key.to_string() prop:selected=move || value.get() == Some(key)>{token.symbol.clone()}</option> }
                    })
                    .collect_view();
                view! { <optgroup label=chain.name()>{options}</optgroup> }
            })
            .collect_view()
    };
    view! {
        <select
            id=id
            class="select"
            data-testid=id
            on:change=move |event| {
                if let Ok(key) = event_target_value(&event).parse() {
                    on_choose.run(key);
                }
            }
        >
            <Show when=move || value.get().is_none()>
                <option value="" selected=true>"Choose a token"</option>
            </Show>
            {groups}
        </select>
    }
}
