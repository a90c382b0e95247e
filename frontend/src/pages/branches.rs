//! Two branches of an account side by side, to choose one; and those that were not chosen.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::accounts::Branch;

use crate::components::common::text;
use crate::desk::devices::parting::{self, Side, Sides};
use crate::desk::devices::this;
use crate::desk::{Desk, Held, Tone, use_desk};
use crate::format::{self, number, words::sentence};
use crate::later::later;
use crate::router::A;

/// What was found, or why nothing was.
type Found = RwSignal<Option<Result<Option<Sides>, String>>>;

/// `/branches`
#[component]
pub fn BranchesPage() -> impl IntoView {
    let desk = use_desk();
    let is_parted = Memo::new(move |_| desk.held() == Some(Held::Parted));
    view! {
        <div class="page page-text" data-testid="branches">
            <div class="page-head"><h1>"Branches"</h1></div>
            {move || if is_parted.get() { choice(desk) } else {
                view! { <p data-testid="not-parted">{later!("This account has one journal. If two devices trade on it without hearing of each other, both branches are shown here, and you choose one.")}</p> }.into_any()
            }}
            <section aria-labelledby="kept-branches">
                <h2 id="kept-branches">"Not chosen, and kept on the server"</h2>
                {move || { is_parted.track(); kept(desk) }}
            </section>
            <p><A href="/accounts">"Back to Accounts"</A></p>
        </div>
    }
}

fn choice(desk: Desk) -> AnyView {
    let found: Found = RwSignal::new(None);
    compare(desk, found);
    let is_busy = RwSignal::new(false);
    view! {
        {move || found.with(|answer| match answer {
            None => view! { <p class="faint">"Comparing both branches…"</p> }.into_any(),
            Some(Ok(None)) => ().into_any(),
            Some(Err(cause)) => {
                let words = [&sentence(cause), ". Both are as they were, and nothing is traded."].concat();
                view! {
                    <div class="note note-warn" data-testid="branches-unknown">
                        <p>{words}</p>
                        <button type="button" class="button" on:click=move |_| compare(desk, found)>"Try again"</button>
                    </div>
                }
                .into_any()
            }
            Some(Ok(Some(sides))) => both(desk, sides, is_busy),
        })}
    }
    .into_any()
}

fn compare(desk: Desk, found: Found) {
    spawn_local(async move {
        let sides = parting::sides(desk).await.map_err(|error| error.to_string());
        let _ = found.try_set(Some(sides));
    });
}

fn both(desk: Desk, sides: &Sides, is_busy: RwSignal<bool>) -> AnyView {
    let words = [
        "Up to entry ",
        &number::whole(sides.common.seq),
        ", of ",
        &format::date_time(sides.since),
        ", both are the same. After it two devices went on without hearing of each other. Choose the branch this account goes on with. The other is kept on the server, whole, and is never mixed in.",
    ];
    let here = ["This device (", &this::name(), ")"].concat();
    let there = match &sides.device {
        Some(device) => ["At the server, by “", device, "”"].concat(),
        None => "At the server, by another device".to_owned(),
    };
    let choose = move |sides: Sides, is_ours: bool| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            let done = if is_ours {
                parting::choose_ours(desk, &sides).await
            } else {
                parting::choose_theirs(desk, sides).await
            };
            match done {
                Ok(()) => desk.toasts.say(
                    Tone::Good,
                    "The account goes on with the branch you chose",
                    "The other is kept: see Branches.",
                ),
                Err(error) => desk.toasts.say(
                    Tone::Bad,
                    "Nothing was chosen",
                    sentence(&error.to_string()) + ". Both branches are as they were.",
                ),
            }
            let _ = is_busy.try_set(false);
        });
    };
    let (ours, theirs) = (sides.clone(), sides.clone());
    view! {
        <p data-testid="branches-words">{words.concat()}</p>
        {branch(desk, "ours", here, &sides.ours, Callback::new(move |()| choose(ours.clone(), true)), is_busy)}
        {branch(desk, "theirs", there, &sides.theirs, Callback::new(move |()| choose(theirs.clone(), false)), is_busy)}
    }
    .into_any()
}

fn branch(
    desk: Desk,
    name: &'static str,
    title: String,
    side: &Side,
    choose: Callback<()>,
    is_busy: RwSignal<bool>,
) -> AnyView {
    let times = side.times.map_or_else(
        || number::UNKNOWN.to_owned(),
        |(first, last)| [&format::date_time(first), " to ", &format::date_time(last)[11..]].concat(),
    );
    let equity = side.equity.map_or_else(|| number::UNKNOWN.to_owned(), format::usd);
    let lines = side.lines.clone();
    let save = move |_| save(desk, name, &lines);
    let label = ["Go on with the branch of: ", &title].concat();
    view! {
        <section class="section" data-testid=["branch-", name].concat()>
            <h3>{title}</h3>
            <dl class="figures">
                <div><dt>"Entries after it"</dt><dd class="num" data-testid="branch-entries">{number::whole(side.lines.len() as u64)}</dd></div>
                <div><dt>"Trades among them"</dt><dd class="num" data-testid="branch-trades">{number::whole(side.trades as u64)}</dd></div>
                <div><dt>"Written"</dt><dd class="num">{times}</dd></div>
                <div><dt>"Equity at today's prices"</dt><dd class="num">{equity}</dd></div>
            </dl>
            <div class="actions">
                <button type="button" class="button button-primary" aria-label=label data-testid=["choose-", name].concat()
                    aria-disabled=text(move || is_busy.get().to_string()) on:click=move |_| choose.run(())>"Go on with this one"</button>
                <button type="button" class="button" on:click=save>"Save it to a file"</button>
            </div>
        </section>
    }
    .into_any()
}

fn save(desk: Desk, name: &str, lines: &[String]) {
    let id = desk.with_account_untracked(|account| account.id().to_string()).unwrap_or_default();
    let file = ["foolscap-", &id[..id.len().min(8)], "-branch-", name, ".jsonl"].concat();
    match parting::save(&file, lines) {
        Ok(()) => desk.toasts.say(Tone::Plain, "Saved", file + " is with your downloads."),
        Err(error) => desk.toasts.say(Tone::Bad, "Nothing was saved", sentence(&error) + "."),
    }
}

fn kept(desk: Desk) -> AnyView {
    let told: RwSignal<Option<Result<Vec<Branch>, String>>> = RwSignal::new(None);
    spawn_local(async move {
        let branches = parting::kept(desk).await.map_err(|refused| refused.to_string());
        let _ = told.try_set(Some(branches));
    });
    view! {
        {move || told.with(|answer| match answer {
            None => view! { <p class="faint">"Asking the server…"</p> }.into_any(),
            Some(Err(cause)) => view! { <p class="faint">{["The server did not say: ", cause, "."].concat()}</p> }.into_any(),
            Some(Ok(branches)) if branches.is_empty() => view! { <p class="faint" data-testid="no-branches">"None."</p> }.into_any(),
            Some(Ok(branches)) => view! { <ul class="rows">{branches.iter().map(|branch| kept_row(desk, branch)).collect_view()}</ul> }.into_any(),
        })}
    }
    .into_any()
}

fn kept_row(desk: Desk, branch: &Branch) -> AnyView {
    let after = number::whole(branch.after.seq);
    let title = [&number::whole(branch.lines.len() as u64), " entries after entry ", &after].concat();
    let when = branch.kept.map_or_else(String::new, |kept| ["Put aside ", &format::date_time(kept)].concat());
    let lines = branch.lines.clone();
    let save = move |_| save(desk, "kept", &lines);
    let label = ["Save the branch of ", &title].concat();
    view! {
        <li class="row" data-testid="kept-branch">
            <span><span class="strong">{title}</span><br/><span class="faint small">{when}</span></span>
            <button type="button" class="button" aria-label=label on:click=save>"Save to a file"</button>
        </li>
    }
    .into_any()
}
