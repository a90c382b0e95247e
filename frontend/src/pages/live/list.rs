//! The transactions, latest first.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::transaction::Status;
use shared::wire::transactions::{Exact, NewTransaction, Purpose, TransactionInfo};

use crate::components::common::text;
use crate::desk::live::Live;
use crate::format::words::sentence;
use crate::format::{date_time, relative};
use crate::later::later;

/// The section.
pub fn transactions(live: Live) -> AnyView {
    let ids = Memo::new(move |_| live.list.with(|list| list.iter().map(|info| info.id).collect::<Vec<_>>()));
    let is_empty = Memo::new(move |_| live.is_listed.get() && ids.with(Vec::is_empty));
    let has_more = Memo::new(move |_| live.next.get().is_some());
    let chains = Memo::new(move |_| {
        live.wallet.with(|told| told.iter().flat_map(|told| &told.chains).map(|on| on.chain).collect::<Vec<_>>())
    });
    let choose_status = move |event: leptos::ev::Event| {
        let name = event_target_value(&event);
        let status = Status::ALL.into_iter().find(|status| status.name() == name);
        live.show(live.filter.get_untracked().0, status);
    };
    let choose_chain = move |event: leptos::ev::Event| {
        live.show(event_target_value(&event).parse::<Chain>().ok(), live.filter.get_untracked().1);
    };
    view! {
        <section aria-labelledby="live-list" data-testid="live-list">
            <h2 id="live-list">"Transactions"</h2>
            <div class="field-row">
                <div class="field">
                    <label for="live-status">"Only those"</label>
                    <select id="live-status" class="select" data-testid="live-status" on:change=choose_status>
                        <option value="">"in any state"</option>
                        {Status::ALL.map(|status| view! { <option value=status.name()>{status.name().replace('_', " ")}</option> }).into_iter().collect_view()}
                    </select>
                </div>
                {move || chains.with(|chains| (chains.len() > 1).then(|| view! {
                    <div class="field">
                        <label for="live-on">"On"</label>
                        <select id="live-on" class="select" data-testid="live-on" on:change=choose_chain>
                            <option value="">"any chain"</option>
                            {chains.iter().map(|chain| view! { <option value=chain.to_string()>{chain.name()}</option> }).collect_view()}
                        </select>
                    </div>
                }.into_any()))}
            </div>
            <ul class="rows live-rows">
                <For each=move || ids.get() key=|id| *id children=move |id| row(live, id)/>
            </ul>
            {move || is_empty.get().then(|| view! {
                <p class="empty" data-testid="live-none">{later!("None yet. Quote a swap, look at what it costs, and send it: it is followed here to its end.")}</p>
            }.into_any())}
            {move || has_more.get().then(|| view! {
                <button type="button" class="button" data-testid="live-older" on:click=move |_| spawn_local(async move { live.ask_for_list(true).await })>"Older ones"</button>
            }.into_any())}
        </section>
    }
    .into_any()
}

/// Reads a transaction. Tracked.
fn of<T>(live: Live, id: TransactionId, read: impl FnOnce(&TransactionInfo) -> T) -> Option<T> {
    live.list.with(|list| list.iter().find(|info| info.id == id).map(read))
}

fn row(live: Live, id: TransactionId) -> AnyView {
    let words = Memo::new(move |_| of(live, id, |info| purpose(live, info)).unwrap_or_default());
    let status = Memo::new(move |_| of(live, id, |info| info.status));
    let created = live.list.with_untracked(|list| list.iter().find(|info| info.id == id).map(|info| info.created_at));
    let now = live.now();
    let when = text(move || created.map(|at| relative(at, now.get())).unwrap_or_default());
    view! {
        <li>
            <button type="button" class="live-row" data-testid="live-row" data-id=id.to_string()
                data-status=text(move || status.get().map_or("", Status::name).to_owned())
                aria-pressed=text(move || (live.selected.get() == Some(id)).to_string())
                on:click=move |_| live.selected.set(Some(id))>
                <span>{words}</span>
                <span class="live-row-end">
                    {move || status.get().map(badge)}
                    <span class="faint small" title=created.map(date_time)>{when}</span>
                </span>
            </button>
        </li>
    }
    .into_any()
}

/// A state, in its word and by its colour.
pub fn badge(status: Status) -> AnyView {
    let class = match status {
        Status::Completed | Status::Confirmed => "badge badge-good",
        Status::Failed | Status::Replaced => "badge badge-bad",
        Status::Stuck | Status::Retrying => "badge badge-stale",
        Status::Cancelled => "badge badge-quiet",
        Status::Preparing
        | Status::GasOptimizing
        | Status::ReadyToSubmit
        | Status::Submitted
        | Status::Pending
        | Status::Confirming => "badge badge-paper",
    };
    view! { <span class=class>{status.name().replace('_', " ")}</span> }.into_any()
}

/// What a transaction is for, in a line.
pub fn purpose(live: Live, info: &TransactionInfo) -> String {
    match &info.purpose {
        Purpose::Swap(asked) => swap(live, asked),
        Purpose::Approval { token, amount, .. } => {
            let amount = live.amount(info.chain, shared::wire::transactions::Asset::Token(*token), *amount);
            ["Let the router take ", &amount].concat()
        }
        Purpose::Gap => later!("Fill a nonce that nobody owns").to_owned(),
    }
}

/// What a swap is, in a line.
pub fn swap(live: Live, asked: &NewTransaction) -> String {
    let other = |asset| live.naming(asked.chain, asset).0;
    match asked.exact {
        Exact::Sell(units) => [&live.amount(asked.chain, asked.sell, units), " for ", &other(asked.buy)].concat(),
        Exact::Buy(units) => {
            sentence(&[&other(asked.sell), " for ", &live.amount(asked.chain, asked.buy, units)].concat())
        }
    }
}
