//! What stands in the way, told across the page: a store that refuses, a journal that does not read, a
//! backend that is away or has no real prices.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::MarketKind;
use shared::wire;

use super::account_menu::{open, restore_in_hand, say_refusal};
use crate::desk::commands::{self, Refusal};
use crate::desk::transfer::{self, ExportRefusal};
use crate::desk::{Desk, Held, Link, Tone, Trouble, use_desk};
use crate::format::{self, words::sentence};
use crate::io::build;
use crate::io::journal::Record;
use crate::router::A;

/// The banners that are needed now.
#[component]
pub fn Banner() -> impl IntoView {
    let desk = use_desk();
    view! {
        {move || desk.trouble.get().map(|trouble| match trouble {
            Trouble::NotKept(error) => view! { <NotKept cause=error.to_string() remedy=error.remedy()/> }.into_any(),
            Trouble::Damaged(record, damaged) => view! {
                <div class="banner banner-loss" role="alert" data-testid="banner-damaged">
                    <p>
                        <strong>{format!("The journal of “{}” on this device is damaged at line {}. ", record.name, damaged.line)}</strong>
                        {format!("{}. Nothing was changed or dropped, and nothing is traded on it. Save it, then open another account or import a good copy.", sentence(&damaged.damage.to_string()))}
                    </p>
                    <button type="button" class="button" on:click=move |_| save_damaged(desk, (*record).clone())>"Save the journal"</button>
                </div>
            }
            .into_any(),
        })}
        <Archived/>
        {parted(desk)}
        <Connection/>
        <Update/>
    }
}

/// The account in hand lies in the archive: it is there to be looked at.
#[component]
fn Archived() -> impl IntoView {
    let desk = use_desk();
    let archived = Memo::new(move |_| desk.book.with(|book| book.as_ref()?.record().archived));
    move || {
        archived.get().map(|since| {
            view! {
                <div class="banner" role="status" data-testid="banner-archived">
                    <p>
                        <strong>"You are looking at an archived account. "</strong>
                        {format!("It was put away on {}. Its journal is whole and can be exported; nothing is traded on it.", format::date_time(since))}
                    </p>
                    <button type="button" class="button" data-testid="restore" on:click=move |_| restore_in_hand(desk)>"Take it back in hand"</button>
                </div>
            }
            .into_any()
        })
    }
}

/// Two devices went different ways with this account.
fn parted(desk: Desk) -> AnyView {
    let is_parted = Memo::new(move |_| desk.held() == Some(Held::Parted));
    view! {
        {move || is_parted.get().then(|| view! {
            <div class="banner" role="status" data-testid="banner-parted">
                <p><strong>"There are two branches of this account. "</strong>"Two devices traded on it without hearing of each other. Nothing was lost; nothing is traded until you choose."</p>
                <A href="/branches" class="button">"Compare and choose"</A>
            </div>
        }
        .into_any())}
    }
    .into_any()
}

/// A newer build is on this device. It waits until the person wants it.
#[component]
fn Update() -> impl IntoView {
    let is_ready = RwSignal::new(build::has_newer());
    let _ = window_event_listener_untyped(build::NEWER, move |_| is_ready.set(true));
    move || {
        is_ready.get().then(|| {
            view! {
                <div class="banner banner-quiet" role="status" data-testid="banner-update">
                    <p><strong>"A new version is ready. "</strong>"Reload when you like"<span class="banner-more">": everything here works on, and nothing is lost"</span>"."</p>
                    <button type="button" class="button" data-testid="reload" on:click=move |_| build::reload()>"Reload"</button>
                </div>
            }
            .into_any()
        })
    }
}

#[component]
fn NotKept(cause: String, remedy: &'static str) -> impl IntoView {
    let desk = use_desk();
    let retry = move |_| {
        spawn_local(async move {
            match commands::retry_store(desk).await {
                Ok(()) => desk.toasts.say(
                    Tone::Good,
                    "Your account is kept again",
                    "Everything on this page is on this device.",
                ),
                Err(error) => say_refusal(desk, "Still not kept", &Refusal::NotKept(error)),
            }
        });
    };
    view! {
        <div class="banner banner-loss" role="alert" data-testid="banner-not-kept">
            <p>
                <strong>"Your account is not being kept. "</strong>
                {format!("{}. You can look around, but trades are refused. {remedy}", sentence(&cause))}
            </p>
            <button type="button" class="button" on:click=retry data-testid="retry-store">"Try again"</button>
        </div>
    }
}

#[component]
fn Connection() -> impl IntoView {
    let desk = use_desk();
    let is_real = Memo::new(move |_| desk.market_kind() == Some(MarketKind::Real));
    let is_demo_server = Memo::new(move |_| {
        desk.server.with(|server| server.as_ref().is_some_and(|greeting| greeting.market == wire::MarketKind::Demo))
    });
    // A late call is nobody's concern before the prices are old.
    let is_behind = Memo::new(move |_| desk.view.with(|view| view.pace.is_some()) && desk.is_stale());
    let told = Memo::new(move |_| {
        if !is_real.get() {
            return None;
        }
        desk.link.with(|link| match link {
            Link::Down { .. } => Some("lost"),
            Link::Absent => Some("absent"),
            Link::Troubled(_) => Some("troubled"),
            Link::Unknown | Link::Up if is_demo_server.get() => Some("demo"),
            Link::Unknown | Link::Up if is_behind.get() => Some("behind"),
            Link::Unknown | Link::Up => None,
        })
    });
    let since = move || match desk.link.get() {
        Link::Down { since, .. } => {
            format!("The server has not answered for {}. ", format::age(desk.now.get().since(since)))
        }
        Link::Unknown | Link::Up | Link::Troubled(_) | Link::Absent => String::new(),
    };
    let pace = move || desk.view.with(|view| view.pace);
    let reason = move || pace().map_or("", |pace| pace.reason.message());
    let next = move || pace().map(|pace| format::date_time(pace.next_at)[11..].to_owned());
    let trouble = move || match desk.link.get() {
        Link::Troubled(error) => format!("{}. ", sentence(&error.to_string())),
        Link::Unknown | Link::Up | Link::Down { .. } | Link::Absent => String::new(),
    };
    view! {
        {move || told.get().map(|told| match told {
            "lost" => view! {
                <div class="banner" role="status" data-testid="banner-offline">
                    <p><strong>{since}</strong><span class="banner-more">"Prices are the last ones known and show their age. You can trade on them if you accept it. "</span>"The page catches up by itself."</p>
                </div>
            }.into_any(),
            "troubled" => view! {
                <div class="banner" role="status" data-testid="banner-troubled">
                    <p><strong>{trouble}</strong>"Prices are the last ones known and show their age. The page keeps asking."</p>
                </div>
            }.into_any(),
            "behind" => view! {
                <section class="banner" aria-label="Late prices" data-testid="banner-behind">
                    <p>
                        <strong role="status">"Prices are behind: "{reason}". "</strong>
                        "The next try is at "{next}"."
                        <span class="banner-more">" Prices are the last ones known and show their age. The page catches up by itself."</span>
                    </p>
                </section>
            }.into_any(),
            _ => view! {
                <div class="banner" role="status" data-testid="banner-no-prices">
                    <p><strong>"There are no real prices here. "</strong>"This account trades at real prices, which need a Foolscap server. The demo market needs none."</p>
                    <button type="button" class="button" on:click=move |_| open(desk, MarketKind::Demo)>"Open a demo account"</button>
                </div>
            }.into_any(),
        })}
    }
}

fn save_damaged(desk: Desk, record: Record) {
    spawn_local(async move {
        let name = format!("foolscap-{}-damaged.jsonl", record.name);
        let made = transfer::as_stored(desk, &record).await;
        if let Err(refusal) = made.and_then(|file| file.save(&name).map_err(ExportRefusal::Browser)) {
            desk.toasts.say(Tone::Bad, "The journal was not saved", sentence(&refusal.to_string()) + ".");
        }
    });
}
