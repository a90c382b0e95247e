//! Real transactions, for the operator of the server that served the app: the wallet, a swap to be handed in, what
//! became of those before it, gas, and what holds new ones back. Nothing on this page is paper, and it says so.

mod detail;
mod list;
mod server;
mod swap;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::common::{CopyText, Line};
use crate::desk::live::{self, Live};
use crate::desk::use_desk;
use crate::format::words::sentence;
use crate::format::{short_address, units};
use crate::later::later;

/// The shortest token that a server takes, in characters.
const SHORTEST: usize = 32;

/// How far the page is.
#[derive(Clone, PartialEq, Eq)]
enum Stage {
    /// Nobody has said who they are; or not well.
    NoToken(bool),
    /// The server was asked.
    Asking,
    /// It signs nothing, in its own words.
    Off(String),
    /// It does not answer, or cannot.
    Away(String),
    /// It does what it is asked.
    Open,
}

fn stage(live: Live) -> Stage {
    if live.token.with(Option::is_none) {
        return Stage::NoToken(false);
    }
    live.refused.with(|refused| match refused {
        Some(refused) => match refused.status() {
            401 => Stage::NoToken(true),
            403 => Stage::Off(refused.to_string()),
            _ if live.wallet.with(Option::is_some) => Stage::Open,
            _ => Stage::Away(refused.to_string()),
        },
        None if live.wallet.with(Option::is_some) => Stage::Open,
        None => Stage::Asking,
    })
}

/// `/live`
#[component]
pub fn LivePage() -> impl IntoView {
    let live = live::open(use_desk());
    let stage = Memo::new(move |_| stage(live));
    let has_token = Memo::new(move |_| live.token.with(Option::is_some));
    view! {
        <div class="page live" data-testid="live">
            <p class="live-strip" data-testid="live-strip">
                <span class="badge badge-live">"LIVE"</span>
                <span><strong>"Not paper."</strong>{later!(" What you send here is signed by this server’s key and spends what its wallet holds. No one can take it back.")}</span>
            </p>
            <div class="page-head">
                <h1>"Live"</h1>
                <div class="actions">
                    {move || has_token.get().then(|| view! { <button type="button" class="button" data-testid="live-forget" on:click=move |_| live.forget()>{later!("Forget the token")}</button> }.into_any())}
                </div>
            </div>
            {move || match stage.get() {
                Stage::NoToken(is_wrong) => gate(live, is_wrong),
                Stage::Asking => view! { <p class="faint" role="status">{later!("Asking the server…")}</p> }.into_any(),
                Stage::Off(words) => view! {
                    <div class="note note-warn" data-testid="live-off">
                        <p class="strong">{later!("This server signs nothing.")}</p>
                        <p>{[&sentence(&words), "."].concat()}</p>
                        <p>{later!("To try it without risk: `cargo xtask devnet` starts a chain of your own with an exchange, a key with coins, and a server that trades there.")}</p>
                        <button type="button" class="button" on:click=move |_| live.begin()>"Ask again"</button>
                    </div>
                    {list::transactions(live)}
                }.into_any(),
                Stage::Away(words) => view! {
                    <div class="note note-warn" role="alert" data-testid="live-away">
                        <p>{[&sentence(&words), later!(". What was signed is the server’s to carry on, not this page’s. The page asks again by itself.")].concat()}</p>
                        <button type="button" class="button" on:click=move |_| live.begin()>"Ask again"</button>
                    </div>
                }.into_any(),
                Stage::Open => desk(live),
            }}
        </div>
    }
}

/// Asks for the operator's token.
fn gate(live: Live, is_wrong: bool) -> AnyView {
    let typed = RwSignal::new(String::new());
    let wrong = RwSignal::new(if is_wrong {
        later!("The server does not take this token: it is not the operator’s.")
    } else {
        ""
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let token = typed.get_untracked().trim().to_owned();
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong.set(later!("A token has 32 visible characters or more, and no spaces."));
        }
        live.enter(token);
    };
    view! {
        <section aria-labelledby="live-gate">
            <h2 id="live-gate">{later!("Who asks?")}</h2>
            <p class="faint">{later!("Real transactions are for the operator of this server. Their token is in the file that FOOLSCAP_OPERATOR_TOKEN_FILE names.")}</p>
            <form class="form" on:submit=submit novalidate=true data-testid="live-gate">
                <div class="field">
                    <label for="live-token">"Operator token"</label>
                    <input id="live-token" class="input" type="password" autocomplete="off" spellcheck="false" data-testid="live-token" aria-describedby="live-token-note"
                        aria-invalid=move || (!wrong.get().is_empty()).to_string()
                        prop:value=typed on:input=move |event| typed.set(event_target_value(&event))/>
                    <p class="field-error" role="alert" data-testid="live-token-wrong">{move || wrong.get()}</p>
                    <p id="live-token-note" class="field-hint">{later!("Kept for this tab until it is closed or you forget it. It goes to this server alone, in a header.")}</p>
                </div>
                <div class="actions"><button type="submit" class="button button-primary" data-testid="live-enter">"Open"</button></div>
            </form>
        </section>
    }
    .into_any()
}

/// The page, where everything is there.
fn desk(live: Live) -> AnyView {
    let late = Memo::new(move |_| live.refused.with(Option::is_some));
    view! {
        {move || late.get().then(|| view! {
            <p class="note note-warn" role="status" data-testid="live-late">{later!("The server did not answer the last question. What stands here is what it said before; the page asks again by itself.")}</p>
        }.into_any())}
        <div class="live-columns">
            <div class="live-column">
                {swap::form(live)}
                {wallet(live)}
                {server::gas(live)}
                {server::breakers(live)}
            </div>
            <div class="live-column">
                {list::transactions(live)}
                {detail::detail(live)}
            </div>
        </div>
    }
    .into_any()
}

/// Whose key signs, and what it holds.
fn wallet(live: Live) -> AnyView {
    let address = Memo::new(move |_| live.wallet.with(|told| told.as_ref().map(|told| told.wallet.to_checksum(None))));
    let chain = |on: &shared::wire::wallet::WalletChain| {
        let block = on.block.map(|block| [", block ", &crate::format::number::whole(block)].concat());
        let name = [on.chain.name(), block.as_deref().unwrap_or_default()].concat();
        let kind = if on.chain.facts().is_test { "test chain" } else { "real money" };
        let trouble = on
            .trouble
            .as_ref()
            .map(|words| view! { <p class="warn">{[later!("No node of it tells: "), words].concat()}</p> }.into_any());
        let held = on.assets.iter().map(|held| {
            let exact = crate::format::number::exact(held.units.quantity(held.decimals));
            let (name, asset, base) = (held.symbol.clone(), held.asset.to_string(), held.units.to_string());
            let shown = units(held.units, held.decimals);
            view! {
                <Line name=name><span data-testid="live-holding" data-asset=asset data-units=base title=exact>{shown}</span></Line>
            }
            .into_any()
        });
        view! {
            <h3>{name}" "<span class="faint small">{kind}</span></h3>
            {trouble}
            <dl class="figures">{held.collect_view()}</dl>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="live-wallet" data-testid="live-wallet">
            <h2 id="live-wallet">"Wallet"</h2>
            <p>{move || address.get().map(|address| view! { <CopyText short=short_address(&address) whole=address what="wallet’s address"/> }.into_any())}</p>
            {move || live.wallet.with(|told| told.iter().flat_map(|told| &told.chains).map(chain).collect_view())}
        </section>
    }
    .into_any()
}
