//! The account's terms, its journal, and how the page looks.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use rust_decimal::Decimal;
use shared::chain::Chain;
use shared::ledger::{CostMethod, Settings as Terms};
use shared::money::Usd;
use shared::token::{Token, TokenError, TokenKey, parse_address};
use shared::trade::Ppm;

use crate::components::account_menu::say_refusal;
use crate::components::common::Segments;
use crate::components::theme::{Theme, ThemeChoice};
use crate::components::transfer::{ExportButtons, ImportField};
use crate::desk::{Desk, Tone, commands, use_desk};
use crate::format;
use crate::format::number::typed;

/// `/settings`
#[component]
pub fn Settings() -> impl IntoView {
    let desk = use_desk();
    let ThemeChoice(theme) = expect_context();
    let themes = vec![
        (Theme::System, "System".to_owned(), "theme-system"),
        (Theme::Light, "Light".to_owned(), "theme-light"),
        (Theme::Dark, "Dark".to_owned(), "theme-dark"),
    ];
    let terms = Memo::new(move |_| desk.with_account(|account| *account.settings()));
    view! {
        <div class="page page-text">
            <div class="page-head">
                <h1>"Settings"</h1>
                <A href="/conventions">"How figures are made"</A>
            </div>
            <section aria-labelledby="looks">
                <h2 id="looks">"Theme"</h2>
                <Segments label="Theme" options=themes value=theme on_choose=move |chosen| theme.set(chosen)/>
            </section>
            {move || terms.get().map(|terms| view! { <TermsForm terms=terms/> })}
            <section aria-labelledby="accounts">
                <h2 id="accounts">"Accounts"</h2>
                <p class="faint">"These settings are those of the account in hand. Names, funds, a fresh start and the archive are on a page of their own."</p>
                <p><A href="/accounts">"Accounts of this device"</A></p>
            </section>
            <section aria-labelledby="tokens">
                <h2 id="tokens">"Tokens"</h2>
                <p class="faint">"A token that search does not find can be added by its address. It has a price where CoinGecko lists it."</p>
                <AddToken/>
            </section>
            <section aria-labelledby="journal">
                <h2 id="journal">"Journal"</h2>
                <p class="faint">"Everything that happened to this account, one line each, chained by hashes. It lives on this device: keep a copy."</p>
                <ExportButtons/>
                <ImportField/>
            </section>
        </div>
    }
}

/// What is typed, before it is terms.
#[derive(Clone, Copy)]
struct Typed {
    tolerance: RwSignal<String>,
    failure: RwSignal<String>,
    smallest: RwSignal<String>,
    largest: RwSignal<String>,
    method: RwSignal<CostMethod>,
}

impl Typed {
    fn of(terms: &Terms) -> Typed {
        let percent = |share: Ppm| Decimal::new(i64::from(share.parts()), 4).normalize().to_string();
        Typed {
            tolerance: RwSignal::new(percent(terms.tolerance)),
            failure: RwSignal::new(percent(terms.failure_rate)),
            smallest: RwSignal::new(terms.smallest_trade.to_string()),
            largest: RwSignal::new(terms.largest_trade.to_string()),
            method: RwSignal::new(terms.cost_method),
        }
    }

    /// The terms as typed, on top of what is in force.
    fn read(&self, terms: Terms) -> Result<Terms, String> {
        let percent = |text: &str, what: &str| {
            let parts = typed(text.trim_end_matches(['%', ' ']))
                .parse::<Decimal>()
                .ok()
                .map(|percent| (percent * Decimal::from(10_000)).round());
            let share = parts.and_then(|parts| u32::try_from(parts).ok()).and_then(Ppm::new);
            share.ok_or_else(|| format!("{what} is a percentage from 0 to 100, such as 0.5."))
        };
        let dollars = |text: &str, what: &str| typed(text).parse::<Usd>().map_err(|error| format!("{what}: {error}."));
        let terms = Terms {
            cost_method: self.method.get_untracked(),
            tolerance: percent(&self.tolerance.read_untracked(), "The tolerance")?,
            failure_rate: percent(&self.failure.read_untracked(), "The failure rate")?,
            smallest_trade: dollars(&self.smallest.read_untracked(), "The smallest trade")?,
            largest_trade: dollars(&self.largest.read_untracked(), "The largest trade")?,
            ..terms
        };
        terms.validate().map_err(|error| format!("{}.", format::words::sentence(&error.to_string())))?;
        Ok(terms)
    }
}

#[component]
fn TermsForm(terms: Terms) -> impl IntoView {
    let desk = use_desk();
    let entered = Typed::of(&terms);
    let wrong = RwSignal::new(None::<String>);
    let methods: Vec<_> = CostMethod::ALL
        .into_iter()
        .map(|method| match method {
            CostMethod::Average => (method, "Average".to_owned(), "method-average"),
            CostMethod::Fifo => (method, "FIFO".to_owned(), "method-fifo"),
            CostMethod::Lifo => (method, "LIFO".to_owned(), "method-lifo"),
            CostMethod::Hifo => (method, "HIFO".to_owned(), "method-hifo"),
        })
        .collect();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match entered.read(terms) {
            Ok(new) if new == terms => wrong.set(Some("These are the settings already.".to_owned())),
            Ok(new) => {
                wrong.set(None);
                change(desk, new);
            }
            Err(error) => wrong.set(Some(error)),
        }
    };
    view! {
        <section aria-labelledby="terms">
            <h2 id="terms">"Trading"</h2>
            <form class="form" on:submit=submit novalidate=true>
                <div class="field">
                    <span class="field-label">"Cost method"</span>
                    <Segments label="Cost method" options=methods value=entered.method on_choose=move |method| entered.method.set(method)/>
                    <p class="field-hint">"Which units a sale takes first. A change recomputes the past: realised and unrealised move, their sum does not."</p>
                </div>
                <Field id="tolerance" label="Tolerance of a new ticket, in percent" hint="A trade that would receive less than the quote by more than this fails." value=entered.tolerance/>
                <Field id="failure" label="Trades that fail by chance, in percent" hint="As transactions do on chain: nothing is exchanged, and gas is paid." value=entered.failure/>
                <Field id="smallest" label="Smallest trade, in dollars" hint="" value=entered.smallest/>
                <Field id="largest" label="Largest trade, in dollars" hint="" value=entered.largest/>
                <p class="field-error" role="alert" data-testid="settings-error">{wrong}</p>
                <div class="actions"><button type="submit" class="button button-primary" data-testid="save-settings">"Save"</button></div>
            </form>
        </section>
    }
}

#[component]
fn Field(
    id: &'static str,
    label: &'static str,
    hint: &'static str,
    value: RwSignal<String>,
    /// The keyboard a phone offers.
    #[prop(optional, default = "decimal")]
    keyboard: &'static str,
) -> impl IntoView {
    let field = format!("settings-{id}");
    let note = format!("settings-{id}-hint");
    view! {
        <div class="field">
            <label for=field.clone()>{label}</label>
            <input id=field.clone() class="input num" type="text" inputmode=keyboard autocomplete="off" data-testid=field aria-describedby=note.clone()
                prop:value=value on:input=move |event| value.set(event_target_value(&event))/>
            <p class="field-hint" id=note>{hint}</p>
        </div>
    }
}

fn change(desk: Desk, terms: Terms) {
    spawn_local(async move {
        match commands::change_settings(desk, terms).await {
            Ok(()) => desk.toasts.say(
                Tone::Good,
                "Settings changed",
                "They hold from the next trade on, and stand in your journal.",
            ),
            Err(refusal) => say_refusal(desk, "The settings were not changed", &refusal),
        }
    });
}

/// What most tokens have.
const USUAL_DECIMALS: &str = "18";

#[component]
fn AddToken() -> impl IntoView {
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
