//! Journals and trades out of the browser, and journals into it.

use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::Account;

use crate::desk::transfer::{self, ExportRefusal, ImportRefusal, Imported};
use crate::desk::{Desk, Tone, use_desk};
use crate::format::words::sentence;
use crate::io::{clock, file};

/// What a saved journal is called, after its account and its day.
const JOURNAL: &str = "journal.jsonl";

/// Saves the journal as JSON Lines and the trades as CSV.
#[component]
pub fn ExportButtons() -> impl IntoView {
    let desk = use_desk();
    let journal = move |_| spawn_local(async move { save(desk, JOURNAL, transfer::journal(desk).await) });
    let trades = move |_| spawn_local(async move { save(desk, "trades.csv", transfer::trades(desk).await) });
    view! {
        <div class="actions">
            <button type="button" class="button" data-testid="export-journal" on:click=journal>"Export journal"</button>
            <button type="button" class="button" data-testid="export-trades" on:click=trades>"Export trades (CSV)"</button>
        </div>
    }
}

/// Saves what was made of the account in hand, and says how that went.
fn save(desk: Desk, what: &str, made: Result<file::Draft, ExportRefusal>) {
    let id = desk.with_account_untracked(|account| account.id().to_string()).unwrap_or_default();
    let day = &clock::now().to_string()[..10];
    let name = format!("foolscap-{}-{day}-{what}", &id[..id.len().min(8)]);
    match made.and_then(|file| file.save(&name).map_err(ExportRefusal::Browser)) {
        Ok(()) => desk.toasts.say(Tone::Plain, "Saved", format!("{name} is with your downloads.")),
        Err(refusal) => return desk.toasts.say(Tone::Bad, "Nothing was saved", sentence(&refusal.to_string()) + "."),
    }
    // A journal that was saved may be removed from the archive.
    if what == JOURNAL {
        desk.exported.set(desk.with_account_untracked(Account::id));
    }
}

/// Takes a journal from a file: all of it, or nothing.
#[component]
pub fn ImportField() -> impl IntoView {
    let desk = use_desk();
    let input = NodeRef::<Input>::new();
    let refused = RwSignal::new(None::<String>);
    let choose = move |_| {
        let Some(file) = input.get_untracked().and_then(|input| file::take(&input)) else { return };
        refused.set(None);
        spawn_local(async move {
            let text = match file::read(&file).await {
                Ok(text) => text,
                Err(error) => {
                    let _ = refused.try_set(Some(format!("The file could not be read: {error}.")));
                    return;
                }
            };
            match transfer::import(desk, text, None).await {
                Ok(imported) => tell(desk, &imported),
                Err(refusal) => {
                    let remedy = match &refusal {
                        ImportRefusal::Bad(_) => "Use an export that nobody has edited.",
                        ImportRefusal::Forked(_) => "Foolscap merges nothing by itself: keep one of the two.",
                        ImportRefusal::NotKept(error) => error.remedy(),
                        ImportRefusal::Stopped(_) => "",
                    };
                    let cause = sentence(&refusal.to_string());
                    let _ = refused
                        .try_set(Some(format!("Nothing was imported and nothing was changed. {cause}. {remedy}")));
                }
            }
        });
    };
    view! {
        <div class="field">
            <label for="import-file">"Import a journal (JSON Lines)"</label>
            <input node_ref=input id="import-file" class="input input-file" type="file" accept=".jsonl,.json,.txt,application/jsonl" data-testid="import-file" on:change=choose/>
            <p class="field-hint">"Every line is verified first. If one is wrong, nothing is taken."</p>
            <div role="alert">
                {move || refused.get().map(|text| view! { <div class="note note-loss" data-testid="import-refused"><p>{text}</p></div> })}
            </div>
        </div>
    }
}

fn tell(desk: Desk, imported: &Imported) {
    let whole = match (&imported.truncated, imported.sealed) {
        (Some(truncated), _) => {
            desk.toasts.say(
                Tone::Bad,
                "The journal's last line was cut off",
                format!("{}.", sentence(&truncated.to_string())),
            );
            ""
        }
        (None, true) => " Its seal is whole.",
        (None, false) => " It carries no seal, so nothing vouches for its last line.",
    };
    let added = match (imported.added, imported.entries) {
        (0, _) => "This device had all of it already.".to_owned(),
        (added, entries) if added == entries => format!("All {entries} entries are new on this device."),
        (added, entries) => format!("{added} of {entries} entries are new on this device."),
    };
    desk.toasts.say(Tone::Good, "The journal is good", format!("{added}{whole}"));
}
