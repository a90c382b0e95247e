//! The account in hand on several devices: its copy, whose turn it is, and the way to another device.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::common::{CopyText, text};
use crate::components::devices::{copy_words, held_note};
use crate::desk::devices::{links, this, turns};
use crate::desk::{Desk, Tone};
use crate::format::{number, words::sentence};
use crate::later::later;
use crate::router::A;

/// The section of the account in hand.
pub fn devices(desk: Desk) -> AnyView {
    let copy = Memo::new(move |_| copy_words(desk));
    let readers = move || {
        let others = desk.devices.readers.get().filter(|readers| *readers > 1);
        others.map(|readers| [&number::whole(readers), " pages read along now, this one included."].concat())
    };
    view! {
        <section aria-labelledby="devices" data-testid="devices">
            <h2 id="devices">"On several devices"</h2>
            <p data-testid="copy-words" data-state=text(move || copy.read().0.to_owned())>{move || copy.get().1}</p>
            <p class="faint" data-testid="readers">{readers}</p>
            {held_note(desk)}
            {hand_over(desk)}
            {name_form(desk)}
            {move || (copy.read().0 != "off").then(|| to_another(desk))}
            <p><A href="/branches">"Branches that were not chosen"</A></p>
        </section>
    }
    .into_any()
}

fn hand_over(desk: Desk) -> AnyView {
    let is_ours = Memo::new(move |_| {
        desk.held().is_none() && desk.devices.lease.read().as_ref().is_some_and(|lease| lease.device == this::id())
    });
    let hand_over = move |_| {
        spawn_local(async move {
            match turns::hand_over(desk).await {
                Ok(()) => {
                    desk.toasts.say(Tone::Good, "Handed over", "Another device can take over now. This one follows.")
                }
                Err(refused) => {
                    desk.toasts.say(
                        Tone::Warn,
                        "Not handed over",
                        sentence(&refused.to_string()) + ". Try again in a moment.",
                    );
                }
            }
        });
    };
    view! {
        {move || is_ours.get().then(|| view! {
            <p>{later!("This device trades on this account. Others follow it, until you hand over or close Foolscap here.")}</p>
            <div class="actions">
                <button type="button" class="button" data-testid="hand-over" on:click=hand_over>"Let another device trade"</button>
            </div>
        }
        .into_any())}
    }
    .into_any()
}

fn name_form(desk: Desk) -> AnyView {
    let name = RwSignal::new(this::name());
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        this::rename(&name.get_untracked());
        desk.devices.name.set(this::name());
        name.set(this::name());
        desk.toasts.say(Tone::Good, "This device has a name", "Your other devices see it from its next turn on.");
    };
    view! {
        <form class="form" on:submit=save novalidate=true>
            <div class="field">
                <label for="device-name">"What this device is called"</label>
                <div class="field-row">
                    <input id="device-name" class="input" type="text" maxlength="64" autocomplete="off" data-testid="device-name"
                        prop:value=name on:input=move |event| name.set(event_target_value(&event))/>
                    <button type="submit" class="button" data-testid="name-device">"Save"</button>
                </div>
            </div>
        </form>
    }
    .into_any()
}

/// The token and the link, behind a button: they are not for every eye.
fn to_another(desk: Desk) -> AnyView {
    let is_shown = RwSignal::new(false);
    view! {
        <h3>"Use on another device"</h3>
        <p class="faint">
            "Open a link there, or paste the owner token on its Accounts page. Whoever has either can do everything you can: see the account, trade on it, give it away. It cannot be changed later, so give it to your own devices alone. For anybody else make a link for readers."
        </p>
        {move || match is_shown.get().then(|| links::to_another_device(desk)).flatten() {
            None => view! {
                <div class="actions">
                    <button type="button" class="button" data-testid="show-token" on:click=move |_| is_shown.set(true)>"Show link and token"</button>
                </div>
            }
            .into_any(),
            Some((token, link)) => view! {
                <dl class="figures" data-testid="owner-token">
                    <div><dt>"Link"</dt><dd><CopyText short=shortened(&link) whole=link what="link"/></dd></div>
                    <div><dt>"Owner token"</dt><dd><CopyText short=shortened(&token) whole=token what="owner token"/></dd></div>
                </dl>
                <div class="actions">
                    <button type="button" class="button" data-testid="hide-token" on:click=move |_| is_shown.set(false)>"Hide"</button>
                </div>
            }
            .into_any(),
        }}
    }
    .into_any()
}

/// The beginning and the end of something long.
pub fn shortened(whole: &str) -> String {
    match (whole.get(..24), whole.get(whole.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) if whole.len() > 32 => [head, "…", tail].concat(),
        _ => whole.to_owned(),
    }
}

/// An account from another device: by a link that was opened, or pasted.
pub fn bring(desk: Desk) -> AnyView {
    let typed = RwSignal::new(String::new());
    let refused = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let has_arrived = RwSignal::new(false);
    let take_arrived = move || {
        if let Some(token) = links::arrived() {
            typed.set(token);
            has_arrived.set(true);
        }
    };
    take_arrived();
    // Such a link may be opened while this page is.
    let listener = window_event_listener_untyped("hashchange", move |_| take_arrived());
    on_cleanup(move || listener.remove());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        refused.set(None);
        let text = typed.get_untracked();
        spawn_local(async move {
            match links::bring(desk, &text).await {
                Ok(()) => {
                    let name = desk.with_account_untracked(|account| account.name().to_owned()).unwrap_or_default();
                    let _ = typed.try_set(String::new());
                    let _ = has_arrived.try_set(false);
                    let words =
                        "Every line of its journal was verified. It is on this device now, and follows the others.";
                    desk.toasts.say(Tone::Good, ["“", &name, "” is in hand"].concat(), words);
                }
                Err(error) => {
                    let _ = refused.try_set(Some(sentence(&error.to_string()) + ". Nothing was changed."));
                }
            }
            let _ = is_busy.try_set(false);
        });
    };
    view! {
        <section aria-labelledby="bring" data-testid="bring">
            <h2 id="bring">"From another device"</h2>
            {move || has_arrived.get().then(|| view! {
                <div class="note" data-testid="arrived"><p>{later!("The link you opened brings an account of another device here. Take it, if it is yours.")}</p></div>
            }
            .into_any())}
            <form class="form" on:submit=submit novalidate=true>
                <div class="field">
                    <label for="bring-token">"Link or owner token"</label>
                    <div class="field-row">
                        <input id="bring-token" class="input mono" type="password" autocomplete="off" data-testid="bring-token"
                            prop:value=typed on:input=move |event| typed.set(event_target_value(&event))/>
                        <button type="submit" class="button" data-testid="bring-account">"Bring it here"</button>
                    </div>
                    <p class="field-hint">{later!("You find both on the other device's Accounts page, under Use on another device.")}</p>
                    <p class="field-error" role="alert" data-testid="bring-refused">{refused}</p>
                </div>
            </form>
        </section>
    }
    .into_any()
}
