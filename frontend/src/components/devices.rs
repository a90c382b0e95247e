//! The account beyond this device, in words: the copy on the server, and whose turn it is.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::desk::devices::this;
use crate::desk::devices::turns::{self, Turn};
use crate::desk::{Desk, Held, Link, Tone, use_desk};
use crate::format::{self, number, words::sentence};
use crate::router::A;

/// How the copy of the account in hand is: a name for it, and all of it in words.
pub fn copy_words(desk: Desk) -> (&'static str, String) {
    let known =
        desk.book.with(|book| book.as_ref().map(|book| (book.record().alone, book.record().owner_token().is_some())));
    match known {
        None => return ("none", "No account is open.".to_owned()),
        Some((true, _)) => {
            return ("off", "It is on this device alone, as you chose in Settings.".to_owned());
        }
        Some((false, false)) => {
            let words = "This account came as a file, without its owner token. A device that has the token can keep a copy on the server.";
            return ("off", words.to_owned());
        }
        Some((false, true)) => {}
    }
    if let Some((cause, remedy)) = desk.devices.trouble.get() {
        return ("refused", ["The server does not take this account: ", &cause, ". ", remedy].concat());
    }
    match desk.waiting() {
        Some(0) => ("kept", "The copy on this server is up to date.".to_owned()),
        Some(1) => ("waiting", "1 entry waits to be copied to the server. It goes there by itself.".to_owned()),
        Some(waiting) => {
            let words = [
                &number::whole(waiting),
                " entries wait to be copied to the server. They go there by themselves, in order.",
            ];
            ("waiting", words.concat())
        }
        None if desk.link.with(|link| *link == Link::Absent) => {
            ("none", "There is no server here: the account is on this device alone.".to_owned())
        }
        None => ("unknown", "The server has not been asked yet. Trading needs no answer.".to_owned()),
    }
}

/// The copy in a word, in the header, where there is something to say: what waits, or why nothing goes on.
#[component]
pub fn CopyBadge() -> impl IntoView {
    let desk = use_desk();
    let said = Memo::new(move |_| {
        // A moment's delay is nobody's concern: what waits is told when something stands in its way.
        let is_late = desk.devices.is_late.get();
        match desk.held() {
            Some(Held::Parted) => Some(("parted", "two branches".to_owned())),
            Some(Held::Elsewhere(_)) => Some(("following", "following".to_owned())),
            None if desk.devices.trouble.read().is_some() => Some(("refused", "not copied".to_owned())),
            None => match desk.waiting() {
                Some(waiting) if waiting > 0 && is_late => Some(("waiting", number::whole(waiting) + " waiting")),
                Some(0) => Some(("kept", "copied".to_owned())),
                Some(_) | None => None,
            },
        }
    });
    move || {
        said.get().map(|(state, words)| {
            let title = copy_words(desk).1;
            let age = if state == "kept" { "fresh" } else { "stale" };
            view! {
                <span data-testid="copy" data-state=state title=title>
                    <A href="/accounts" class="connection small">
                        <span class="dot" data-age=age></span>
                        <span class="unseen">"Account: "</span>
                        <span class="connection-words">{words}</span>
                    </A>
                </span>
            }
            .into_any()
        })
    }
}

/// Why nothing is traded here now, and the way out; nothing where this device may trade.
pub fn held_note(desk: Desk) -> AnyView {
    let held = Memo::new(move |_| desk.held());
    // What the lease says moves by the second; the note moves when it says something else.
    let turn = Memo::new(move |_| {
        let lease = desk.devices.lease.read();
        turns::judge(lease.as_ref(), &this::id(), desk.now.get())
    });
    let is_lost = Memo::new(move |_| desk.is_cut_off());
    view! {
        {move || held.get().map(|held| match held {
            Held::Parted => view! {
                <div class="note note-warn" data-testid="held" data-state="parted">
                    <p class="strong">"There are two branches of this account."</p>
                    <p>"Another device traded on it while this one did, too. Nothing was lost. Compare both and choose one; until then nothing is traded."</p>
                    <A href="/branches" class="button">"Compare both branches"</A>
                </div>
            }
            .into_any(),
            Held::Elsewhere(name) => elsewhere(desk, &name, turn.get(), is_lost.get()),
        })}
    }
    .into_any()
}

fn elsewhere(desk: Desk, name: &str, turn: Turn, is_lost: bool) -> AnyView {
    let name = if name.is_empty() { "another device".to_owned() } else { ["“", name, "”"].concat() };
    let lease = desk.devices.lease.get();
    let (state, title, words) = match (turn, lease) {
        (Turn::Theirs, Some(lease)) => {
            let since = [&sentence(&name), " has been trading on this account since ", &format::date_time(lease.since), "."];
            let until = [
                "Close Foolscap there, or hand over on its Accounts page, to trade here. If nothing is heard of it, you can take over from ",
                &format::date_time(lease.until)[11..],
                " on. What it does is shown here meanwhile.",
            ];
            ("theirs", since.concat(), until.concat())
        }
        _ if is_lost => (
            "lost",
            ["When the server was last heard, ", &name, " was trading on this account."].concat(),
            "Wait for the server; or trade here all the same. If the other device trades as well, there will be two branches, and you choose one of them.".to_owned(),
        ),
        _ => (
            "free",
            "No device is trading on this account now.".to_owned(),
            ["What ", &name, " did is here already. You can go on here."].concat(),
        ),
    };
    let button = match state {
        "theirs" => ().into_any(),
        "lost" => {
            let go_on = move |_| spawn_local(turns::go_on_anyway(desk));
            view! { <button type="button" class="button" data-testid="go-on-anyway" on:click=go_on>"Trade here all the same"</button> }.into_any()
        }
        _ => view! { <button type="button" class="button" data-testid="take-over" on:click=move |_| take_over(desk)>"Take over"</button> }.into_any(),
    };
    view! {
        <div class="note note-warn" data-testid="held" data-state=state>
            <p class="strong">{title}</p>
            <p>{words}</p>
            {button}
        </div>
    }
    .into_any()
}

fn take_over(desk: Desk) {
    spawn_local(async move {
        match turns::take_over(desk).await {
            Ok(()) => desk.toasts.say(Tone::Good, "You trade here now", "Other devices follow."),
            Err(refused) => {
                let cause = sentence(&refused.to_string());
                desk.toasts.say(
                    Tone::Warn,
                    "Not taken over",
                    [&cause, ". Nothing was changed. Try again in a moment."].concat(),
                );
            }
        }
    });
}
