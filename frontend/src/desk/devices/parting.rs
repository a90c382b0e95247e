//! Two branches: this journal and the server's copy both go on after an entry they have in common.
//!
//! It takes two devices that wrote without hearing of each other. Nothing is merged and nothing dropped: trading
//! holds, over reloads too, until the owner has seen both and chosen one. The other is kept on the server.

use gloo_net::http::Method;
use leptos::prelude::*;
use shared::ids::AccountId;
use shared::ledger::{Entry, Ledger, Reading};
use shared::money::Usd;
use shared::time::Timestamp;
use shared::wire::accounts::{Branch, Branches, JournalHead};

use super::{Own, courier, in_hand, note, turns};
use crate::desk::commands::exclusively;
use crate::desk::{Desk, Tone};
use crate::io::accounts::{self, Refused};
use crate::io::file;
use crate::io::journal::Journals;

/// Lines read from the store at once.
const PAGE: u32 = 400;
/// Lines of a branch handed in at once.
const PIECE: usize = 200;

/// One of two branches, as far as it is not the other's too.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Its entries after the one in common, verbatim.
    pub lines: Vec<String>,
    /// How many of them are trades.
    pub trades: usize,
    /// When the first and the last of them was written.
    pub times: Option<(Timestamp, Timestamp)>,
    /// What the account comes to with it, at today's prices; `None` where a price is missing.
    pub equity: Option<Usd>,
}

/// Both branches.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    /// The last entry they have in common.
    pub common: JournalHead,
    /// When it was written.
    pub since: Timestamp,
    /// This device's.
    pub ours: Side,
    /// The server's.
    pub theirs: Side,
    /// Which device wrote last at the server, where that is known.
    pub device: Option<String>,
}

/// Why a choice came to nothing. Both branches are as they were.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Undecided {
    /// The server did not do its part.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// This device did not.
    #[error("{0}")]
    Here(String),
}

/// The copy differs from this journal at `seq` or before. Finds where, and holds trading; where the owner has
/// chosen on another device already, follows that choice.
pub(super) async fn found(desk: Desk, own: &Own, journals: &Journals, seq: u64) -> Result<(), Refused> {
    let Some(common) = last_in_common(own, journals, seq).await? else { return Ok(()) };
    let ours = rest(journals, own.id(), common).await;
    let kept = accounts::ask::<Branches>(Method::GET, own.id(), "branches", &own.token, None).await?;
    if kept.branches.iter().any(|branch| has(branch, common, &ours)) {
        let theirs = theirs(own, common).await?;
        if adopt(desk, own, common, theirs).await.is_ok() {
            let words = "On another device the other branch was chosen. What this device had beyond it is kept on the server: see Branches on the Accounts page.";
            desk.toasts.say(Tone::Plain, "This account goes on with the other branch", words);
        }
        return Ok(());
    }
    note(desk, own.id(), |record| record.parted = Some(common)).await;
    Ok(())
}

/// Whether a branch that was put aside has all these entries after entry `common`.
fn has(branch: &Branch, common: u64, lines: &[String]) -> bool {
    let skipped = common.checked_sub(branch.after.seq).and_then(|skipped| usize::try_from(skipped).ok());
    skipped
        .and_then(|skipped| branch.lines.get(skipped..))
        .is_some_and(|kept| !lines.is_empty() && kept.starts_with(lines))
}

/// The last entry up to `seq` that is the same here and at the server.
async fn last_in_common(own: &Own, journals: &Journals, seq: u64) -> Result<Option<u64>, Refused> {
    let mut step = 32;
    let mut from = seq.saturating_sub(1);
    // Back until something is the same, in ever larger steps: branches mostly part near their ends.
    loop {
        let page = courier::page(own, from).await?;
        let Ok(here) = journals.lines(own.id(), from + 1, PAGE).await else { return Ok(None) };
        let same = here.iter().zip(&page.lines).take_while(|(here, there)| here == there).count() as u64;
        if same == 0 && from > 0 {
            from = from.saturating_sub(step);
            step *= 32;
        } else if same > 0 && same == here.len().min(page.lines.len()) as u64 && from + same < seq {
            from += same;
        } else {
            return Ok(Some(from + same));
        }
    }
}

/// This device's entries after entry `after`.
async fn rest(journals: &Journals, account: AccountId, after: u64) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok(more) = journals.lines(account, after + 1 + lines.len() as u64, PAGE).await
        && !more.is_empty()
    {
        lines.extend(more);
    }
    lines
}

/// The server's entries after entry `after`.
async fn theirs(own: &Own, after: u64) -> Result<Vec<String>, Refused> {
    let mut lines = Vec::new();
    loop {
        let page = courier::page(own, after + lines.len() as u64).await?;
        if page.lines.is_empty() {
            return Ok(lines);
        }
        lines.extend(page.lines);
    }
}

/// What there is to choose between, for the account in hand; nothing where there is nothing.
///
/// # Errors
/// [`Undecided`].
pub async fn sides(desk: Desk) -> Result<Option<Sides>, Undecided> {
    let (Some(own), Some(journals)) = (in_hand(desk), desk.journals.get_value()) else { return Ok(None) };
    let Some(common) = own.record.parted else { return Ok(None) };
    let ours = rest(&journals, own.id(), common).await;
    let device = courier::page(&own, courier::BEYOND).await?.lease.as_ref().map(turns::holder);
    let theirs = theirs(&own, common).await?;
    let (ledger, since) = at(desk, &journals, own.id(), common).await?;
    let hash = JournalHead::from(ledger.head()).hash;
    let sides = Sides {
        common: JournalHead { seq: common, hash },
        since,
        ours: side(desk, ledger.clone(), ours)?,
        theirs: side(desk, ledger, theirs)?,
        device,
    };
    Ok(Some(sides))
}

/// The account as it was after entry `seq`, and when that was.
async fn at(desk: Desk, journals: &Journals, account: AccountId, seq: u64) -> Result<(Ledger, Timestamp), Undecided> {
    let here = |error: &dyn ToString| Undecided::Here(error.to_string());
    let mut work = desk.work("Comparing both branches", seq);
    let (mut reading, mut read) = (Reading::default(), 0);
    while read < seq {
        let most = u32::try_from(seq - read).map_or(PAGE, |left| left.min(PAGE));
        let lines = journals.lines(account, read + 1, most).await.map_err(|error| here(&error))?;
        if lines.is_empty() {
            break;
        }
        for line in lines {
            reading.line(line.as_bytes()).map_err(|error| here(&error))?;
            read += 1;
            work.at(read).await.map_err(|error| here(&error))?;
        }
    }
    let ledger = reading.end().map_err(|error| here(&error))?.ledger;
    let since = ledger.head().at;
    Ok((ledger, since))
}

fn side(desk: Desk, mut ledger: Ledger, lines: Vec<String>) -> Result<Side, Undecided> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in &lines {
        let entry = ledger.accept(line.as_bytes()).map_err(|error| Undecided::Here(error.to_string()))?;
        entries.push(entry);
    }
    let trades = entries.iter().filter(|entry| entry.trade().is_some()).count();
    let times = entries.first().zip(entries.last()).map(|(first, last)| (first.at, last.at));
    let worth = desk.view.with_untracked(|view| {
        ledger.account().valuation_by(|key| view.market.quotes.get(&key).map(|quote| quote.price)).ok()
    });
    Ok(Side { lines, trades, times, equity: worth.and_then(|worth| worth.equity) })
}

/// The owner goes on with this device's branch. The server keeps the other.
///
/// # Errors
/// [`Undecided`]; nothing changed.
pub async fn choose_ours(desk: Desk, sides: &Sides) -> Result<(), Undecided> {
    let (Some(own), Some(journals)) = (in_hand(desk), desk.journals.get_value()) else { return Ok(()) };
    turns::take(desk, &own).await?;
    let head = courier::page(&own, courier::BEYOND).await?.head;
    let mut most = 256 * 1024;
    // The first page takes the other branch's place; whatever more there is follows as ever.
    courier::hand_in_page(&journals, &own, Some(sides.common.clone()), head, &mut most).await?;
    note(desk, own.id(), |record| {
        record.parted = None;
        record.elsewhere = None;
    })
    .await;
    courier::nudge(desk, true);
    Ok(())
}

/// The owner goes on with the server's branch. This device's is kept on the server first.
///
/// # Errors
/// [`Undecided`]; nothing changed.
pub async fn choose_theirs(desk: Desk, sides: Sides) -> Result<(), Undecided> {
    let Some(own) = in_hand(desk) else { return Ok(()) };
    let Sides { common, ours, theirs, .. } = sides;
    let seq = common.seq;
    let mut after = common;
    // A branch in pieces, each going on where the one before it ended, is one.
    for lines in ours.lines.chunks(PIECE) {
        let branch = Branch { after, lines: lines.to_vec(), kept: None };
        let body = serde_json::to_string(&branch).ok();
        accounts::say(Method::POST, own.id(), "branches", &own.token, body).await?;
        let last = lines.last().and_then(|line| Entry::read(line.clone()).ok());
        let Some(last) = last else { break };
        after = last.head().into();
    }
    adopt(desk, &own, seq, theirs.lines).await.map_err(Undecided::Here)
}

/// Puts these entries in the place of this device's after entry `common`, and takes the account in hand anew.
async fn adopt(desk: Desk, own: &Own, common: u64, lines: Vec<String>) -> Result<(), String> {
    let Some(journals) = desk.journals.get_value() else { return Ok(()) };
    let (ledger, _) = at(desk, &journals, own.id(), common).await.map_err(|error| error.to_string())?;
    side(desk, ledger, lines.clone()).map_err(|error| error.to_string())?;
    let mut record = own.record.clone();
    record.parted = None;
    let kept = exclusively(own.id(), {
        let record = record.clone();
        async move { journals.replace(&record, common, &lines).await }
    });
    kept.await.map_err(|error| error.to_string())?;
    crate::desk::accounts::note(desk, record.clone());
    courier::load_anew(desk, record).await;
    courier::nudge(desk, true);
    Ok(())
}

/// The branches of the account in hand that were not chosen.
///
/// # Errors
/// [`Refused`].
pub async fn kept(desk: Desk) -> Result<Vec<Branch>, Refused> {
    let Some(own) = in_hand(desk) else { return Ok(Vec::new()) };
    Ok(accounts::ask::<Branches>(Method::GET, own.id(), "branches", &own.token, None).await?.branches)
}

/// Saves entries to a file, as they are.
///
/// # Errors
/// What the browser said.
pub fn save(name: &str, lines: &[String]) -> Result<(), String> {
    let draft = file::Draft::new("application/jsonl");
    draft.add(&(lines.join("\n") + "\n").into())?;
    draft.save(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_count_as_put_aside_only_where_all_of_them_are_at_their_place() {
        let lines = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let after = JournalHead { seq: 10, hash: String::new() };
        let branch = Branch { after, lines: lines(&["k", "l", "m"]), kept: None };
        for (common, ours, is_there) in [
            (10, &["k", "l", "m"][..], true),
            (10, &["k"][..], true),
            (11, &["l", "m"][..], true),
            (10, &["k", "l", "m", "n"][..], false),
            (11, &["k"][..], false),
            (9, &["k"][..], false),
            (13, &["n"][..], false),
            (10, &[][..], false),
        ] {
            assert_eq!(has(&branch, common, &lines(ours)), is_there, "{common} {ours:?}");
        }
    }
}
