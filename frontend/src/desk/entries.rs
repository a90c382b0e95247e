//! The entries of the account in hand, read from the store when somebody wants to see them.

use std::sync::Arc;

use leptos::prelude::*;
use shared::ledger::Entry;

use super::Desk;

/// The entries with these numbers, in that order. One that the store does not give, or that does not read, is
/// left out: the page shows that something is missing, and opening the account names the line at fault.
pub async fn read(desk: Desk, seqs: &[u32]) -> Vec<Arc<Entry>> {
    let here = desk.book.with_untracked(|book| {
        let book = book.as_ref()?;
        let unkept = book.unkept_entries().iter().filter(|entry| seqs.contains(&(entry.seq as u32)));
        Some((book.record().id, unkept.cloned().map(Arc::new).collect::<Vec<_>>()))
    });
    let Some((id, unkept)) = here else { return Vec::new() };
    if !unkept.is_empty() {
        return unkept;
    }
    let Some(journals) = desk.journals.get_value() else { return Vec::new() };
    let lines = journals.some(id, seqs).await.unwrap_or_default();
    lines.into_iter().filter_map(|line| Entry::read(line).ok().map(Arc::new)).collect()
}
