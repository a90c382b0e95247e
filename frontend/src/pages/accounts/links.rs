//! Links for readers of the account in hand: made, listed, revoked.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::devices::shortened;
use crate::components::common::{CopyText, Segments};
use crate::desk::devices::links::{self, Known};
use crate::desk::{Desk, Tone};
use crate::format::{date_time, words::sentence};
use crate::io::clock;
use crate::later::later;

/// How long a link may live: words, a name for tests, milliseconds.
const EXPIRIES: [(&str, &str, Option<i64>); 3] = [
    ("1 day", "link-day", Some(86_400_000)),
    ("1 week", "link-week", Some(7 * 86_400_000)),
    ("Until I revoke it", "link-never", None),
];

/// What the server said of them, or why it did not.
type Told = RwSignal<Option<Result<Vec<Known>, String>>>;

/// The section.
pub fn reader_links(desk: Desk) -> AnyView {
    let told: Told = RwSignal::new(None);
    ask(desk, told);
    let name = RwSignal::new(String::new());
    let expiry = RwSignal::new(1_usize);
    let options: Vec<_> =
        EXPIRIES.iter().enumerate().map(|(at, (words, name, _))| (at, (*words).to_owned(), *name)).collect();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let expires = EXPIRIES[expiry.get_untracked()].2.map(|millis| clock::now().plus_millis(millis));
        spawn_local(async move {
            match links::make(desk, name.get_untracked().trim().to_owned(), expires).await {
                Ok(_) => {
                    desk.toasts.say(
                        Tone::Good,
                        "The link is made",
                        "Copy it from the list, and give it to whom you like.",
                    );
                    let _ = name.try_set(String::new());
                    ask(desk, told);
                }
                Err(refused) => say_refused(desk, "No link was made", &refused.to_string()),
            }
        });
    };
    view! {
        <section aria-labelledby="reader-links" data-testid="reader-links">
            <h2 id="reader-links">"Links for readers"</h2>
            <p class="faint">{later!("Whoever has such a link sees what this account holds, earns, trades and thinks, live, and can change nothing. It works while the server does, also when your devices are off.")}</p>
            <form class="form" on:submit=submit novalidate=true>
                <div class="field">
                    <label for="link-name">"For whom, if you like"</label>
                    <input id="link-name" class="input" type="text" maxlength="64" autocomplete="off" data-testid="link-name"
                        prop:value=name on:input=move |event| name.set(event_target_value(&event))/>
                </div>
                <div class="field">
                    <span class="field-label">"It ends after"</span>
                    <Segments label="It ends after" options=options value=expiry on_choose=move |at| expiry.set(at)/>
                </div>
                <div class="actions"><button type="submit" class="button" data-testid="make-link">"Make a link"</button></div>
            </form>
            {move || told.with(|answer| match answer {
                None => view! { <p class="faint">"Asking the server…"</p> }.into_any(),
                Some(Err(cause)) => {
                    let words = ["The server did not say which links there are: ", cause, "."].concat();
                    view! {
                        <div class="note" data-testid="links-unknown">
                            <p>{words}</p>
                            <button type="button" class="button" on:click=move |_| ask(desk, told)>"Try again"</button>
                        </div>
                    }
                    .into_any()
                }
                Some(Ok(links)) if links.is_empty() => view! { <p class="faint" data-testid="no-links">"No link opens this account to a reader."</p> }.into_any(),
                Some(Ok(links)) => view! { <ul class="rows">{links.iter().map(|known| row(desk, told, known)).collect_view()}</ul> }.into_any(),
            })}
        </section>
    }
    .into_any()
}

fn ask(desk: Desk, told: Told) {
    spawn_local(async move {
        let answer = links::list(desk).await.map_err(|refused| refused.to_string());
        let _ = told.try_set(Some(answer));
    });
}

fn say_refused(desk: Desk, title: &str, cause: &str) {
    desk.toasts.say(Tone::Warn, title, sentence(cause) + ". Nothing was changed. Try again in a moment.");
}

fn row(desk: Desk, told: Told, known: &Known) -> AnyView {
    let Known { link, address } = known.clone();
    let is_sure = RwSignal::new(false);
    let name = if link.name.is_empty() { "A reader".to_owned() } else { link.name };
    let until =
        link.expires.map_or_else(|| "until you revoke it".to_owned(), |until| ["until ", &date_time(until)].concat());
    let facts = ["Since ", &date_time(link.since), ", ", &until].concat();
    let label = ["Revoke the link for ", &name].concat();
    let hash = link.token_hash;
    let revoke = move |_| {
        if !is_sure.get_untracked() {
            return is_sure.set(true);
        }
        let hash = hash.clone();
        spawn_local(async move {
            match links::revoke(desk, &hash).await {
                Ok(()) => {
                    desk.toasts.say(Tone::Plain, "The link is revoked", "Whoever read by it reads no more.");
                    ask(desk, told);
                }
                Err(refused) => say_refused(desk, "The link was not revoked", &refused.to_string()),
            }
        });
    };
    let shown = match address {
        Some(address) => view! { <CopyText short=shortened(&address) whole=address what="link"/> }.into_any(),
        None => view! { <span class="faint small">"Made on another device, which knows it."</span> }.into_any(),
    };
    view! {
        <li class="row" data-testid="reader-link">
            <span><span class="strong">{name}</span><br/><span class="faint small">{facts}</span><br/>{shown}</span>
            <button type="button" class="button" aria-label=label data-testid="revoke-link" on:click=revoke>
                {move || if is_sure.get() { "Revoke it for good" } else { "Revoke" }}
            </button>
        </li>
    }
    .into_any()
}
