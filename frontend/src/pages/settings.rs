//! The account's terms, its journal, and how the page looks.

mod field;
mod looks;
mod terms;
mod tokens;

use leptos::prelude::*;

use crate::components::looks::Looks;
use crate::components::transfer::{ExportButtons, ImportField};
use crate::desk::use_desk;
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
