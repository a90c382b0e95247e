//! Tokens that no list has, added by their address.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::chain::Chain;
use shared::token::{Token, TokenError, TokenKey, parse_address};

use super::field::Field;
use crate::components::account_menu::say_refusal;
use crate::desk::{Tone, commands, use_desk};
use crate::format;

/// What most tokens have.
const USUAL_DECIMALS: &str = "18";

/// The form.
#[component]
pub fn AddToken() -> impl IntoView {
    let desk = use_desk();
    let chain = RwSignal::new(Chain::Base);
    let (address, symbol) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (decimals, coin) = (RwSignal::new(USUAL_DECIMALS.to_owned()), RwSignal::new(String::new()));
    let wrong = RwSignal::new(None::<String>);
    let read = move || -> Result<Token, String> {
        let told = |error: TokenError| format!("{}.", format::words::sentence(&error.to_string()));
        let address = parse_address(address.read_untracked().trim()).map_err(told)?;
        let key = TokenKey { chain: chain.get_untracked(), address };
        let decimals =
            decimals.read_untracked().trim().parse().map_err(|_| "Decimals are a whole number, mostly 18 or 6.")?;
        let coin = coin.get_untracked();
        let coin = Some(coin.trim()).filter(|coin| !coin.is_empty());
        Token::user(key, &symbol.read_untracked(), decimals, coin).map_err(told)
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let token = match read() {
            Ok(token) => token,
            Err(error) => return wrong.set(Some(error)),
        };
        wrong.set(None);
        spawn_local(async move {
            let name = token.symbol.clone();
            match commands::add_token(desk, token).await {
                Ok(()) => {
                    for field in [address, symbol, coin] {
                        let _ = field.try_set(String::new());
                    }
                    desk.toasts.say(Tone::Good, format!("{name} is added"), "It is the token of the desk now.");
                }
                Err(refusal) => say_refusal(desk, "The token was not added", &refusal),
            }
        });
    };
    let chains = [Chain::Ethereum, Chain::Base, Chain::Sepolia, Chain::BaseSepolia];
    let choose = move |event: leptos::ev::Event| {
        if let Ok(chosen) = event_target_value(&event).parse() {
            chain.set(chosen);
        }
    };
    view! {
        <form class="form" on:submit=submit novalidate=true data-testid="add-token">
            <div class="field">
                <label for="token-chain">"Chain"</label>
                <select id="token-chain" class="select" on:change=choose>
                    {chains.map(|option| view! {
                        <option value=option.to_string() prop:selected=move || chain.get() == option>{option.name()}</option>
                    }).into_iter().collect_view()}
                </select>
            </div>
            <Field id="token-address" label="Address" hint="0x and 40 hexadecimal digits. Capital letters must fit its checksum." value=address keyboard="text"/>
            <Field id="token-symbol" label="Symbol" hint="" value=symbol keyboard="text"/>
            <Field id="token-decimals" label="Decimals" hint="As its contract has them: a wrong number makes every quantity wrong." value=decimals/>
            <Field id="token-coin" label="CoinGecko coin id, if you know it" hint="" value=coin keyboard="text"/>
            <p class="field-error" role="alert" data-testid="token-error">{wrong}</p>
            <div class="actions"><button type="submit" class="button">"Add the token"</button></div>
        </form>
    }
}
