//! What bots thought: told in the account's room by programs of its owner's.

use leptos::prelude::*;
use shared::time::Timestamp;
use shared::wire::room::ThoughtLogCreated;

use crate::desk::{Desk, use_desk};
use crate::format::{date_time, relative};
use crate::later::later;

/// `/thoughts`
#[component]
pub fn Thoughts() -> impl IntoView {
    let desk = use_desk();
    view! {
        <div class="page page-text" data-testid="thoughts">
            <div class="page-head"><h1>"Thoughts"</h1></div>
            <p class="faint">{later!("What bots of yours said they thought, newest first. A program says it in this account's room, by the owner token: the server's documentation shows how.")}</p>
            {move || desk.devices.thoughts.with(|thoughts| list(desk, thoughts.iter()))}
        </div>
    }
}

/// Thoughts, newest first.
pub fn list<'a>(desk: Desk, thoughts: impl DoubleEndedIterator<Item = &'a (Timestamp, ThoughtLogCreated)>) -> AnyView {
    let now = desk.now.get_untracked();
    let rows: Vec<AnyView> = thoughts.rev().map(|(at, thought)| row(desk, *at, thought, now)).collect();
    if rows.is_empty() {
        return view! { <p class="faint" data-testid="no-thoughts">"Nothing since this page was opened."</p> }
            .into_any();
    }
    view! { <ul class="rows">{rows}</ul> }.into_any()
}

fn row(desk: Desk, at: Timestamp, thought: &ThoughtLogCreated, now: Timestamp) -> AnyView {
    let mut title = [&thought.bot, ": ", &thought.decision].concat();
    if let Some(token) = thought.token {
        title = [&title, " ", &desk.naming(token).0].concat();
    }
    if let Some(confidence) = thought.confidence {
        title = [&title, ", ", &confidence.to_string(), "% sure"].concat();
    }
    view! {
        <li data-testid="thought">
            <p class="strong">{title}</p>
            <p>{thought.reasoning.clone()}</p>
            <p class="faint small" title=date_time(at)>{relative(at, now)}</p>
        </li>
    }
    .into_any()
}
