//! The account's terms, its journal, and how the page looks.

mod field;
mod looks;
mod terms;
mod tokens;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::looks::Looks;
use crate::components::transfer::{ExportButtons, ImportField};
use crate::desk::devices::courier;
use crate::desk::{Desk, use_desk};
use crate::later::later;
use crate::router::A;
use looks::LooksForm;
use terms::TermsForm;
use tokens::AddToken;

/// `/settings`
#[component]
pub fn Settings() -> impl IntoView {
    let desk = use_desk();
    // Another account is another form, and so are other marks between digits; a change of this account's
    // terms leaves what is typed alone.
    let looks: Looks = expect_context();
    let form = Memo::new(move |_| desk.with_account(|account| (account.id(), looks.numbers.get())));
    view! {
        <div class="page page-text">
            <div class="page-head">
                <h1>"Settings"</h1>
                <A href="/conventions">"How figures are made"</A>
            </div>
            <LooksForm/>
            {move || form.get().map(|_| view! { <TermsForm/> })}
            <section aria-labelledby="accounts">
                <h2 id="accounts">"Accounts"</h2>
                <p class="faint">{later!("These settings are those of the account in hand. Names, funds, a fresh start and the archive are on a page of their own.")}</p>
                <p><A href="/accounts">"Accounts of this device"</A></p>
            </section>
            {copy_choice(desk)}
            <section aria-labelledby="tokens">
                <h2 id="tokens">"Tokens"</h2>
                <p class="faint">{later!("A token that search does not find can be added by its address. It has a price where CoinGecko lists it.")}</p>
                <AddToken/>
            </section>
            <section aria-labelledby="journal">
                <h2 id="journal">"Journal"</h2>
                <p class="faint">{later!("Everything that happened to this account, one line each, chained by hashes. An export is a copy of your own.")}</p>
                <ExportButtons/>
                <ImportField/>
            </section>
        </div>
    }
}

/// Whether a copy of the account in hand is kept on the server.
fn copy_choice(desk: Desk) -> AnyView {
    let is_kept = Memo::new(move |_| desk.book.with(|book| book.as_ref().map(|book| !book.record().alone)));
    view! {
        <section aria-labelledby="copy">
            <h2 id="copy">"This server"</h2>
            <label class="check">
                <input type="checkbox" data-testid="keep-copy" prop:checked=move || is_kept.get().unwrap_or_default()
                    on:change=move |event| { let is_wanted = event_target_checked(&event); spawn_local(courier::keep_copy(desk, is_wanted)); }/>
                <span>{later!("Keep a copy of this account on this server")}</span>
            </label>
            <p class="field-hint">
                "With a copy you can go on with this account on another device, and let others watch it. Whoever runs the server can read it; the secret it was born from never leaves this device. "
                "Without one the account is on this device alone. What was copied before stays on the server as it is."
            </p>
        </section>
    }
    .into_any()
}
