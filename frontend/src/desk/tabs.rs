//! The other tabs of this browser: what one keeps, the others show.
//!
//! A message says only "this account has so many entries". Who hears it reads them from the store, and takes
//! each only if it continues what it has: so nothing is believed that was not written.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::devices::{self, Word};
use super::{Desk, accounts, commands};
use crate::io::channel::Channel;

/// What is said when names, the archive or the list of accounts changed.
const ACCOUNTS: &str = "accounts";

/// Follows the account in hand as other tabs write to it, and the list of accounts as it grows.
pub fn listen(desk: Desk) {
    desk.channel.set_value(Channel::open(move |text| {
        if text == ACCOUNTS {
            return spawn_local(accounts::look_again(desk));
        }
        let Some((id, seq)) = text.split_once(' ') else { return };
        let (Ok(id), Ok(seq)) = (id.parse(), seq.parse::<u64>()) else { return };
        if desk.accounts.with_untracked(|accounts| accounts.iter().all(|record| record.id != id)) {
            spawn_local(commands::list_accounts(desk));
        }
        let is_behind = |desk: Desk| {
            desk.book
                .with_untracked(|book| book.as_ref().is_some_and(|book| book.record().id == id && book.seq() < seq))
        };
        if is_behind(desk) {
            spawn_local(async move {
                if let Some(journals) = desk.journals.get_value() {
                    // What cannot be followed is told when this tab wants to write.
                    let _ = commands::catch_up(desk, &journals, id).await;
                    // This may be the tab that hands it in.
                    devices::tell(desk, Word::Written);
                }
            });
        }
    }));
}

impl Desk {
    /// Tells the other tabs that the accounts of this device are others now, or otherwise known.
    pub(super) fn tell_tabs_of_accounts(&self) {
        if let Some(channel) = self.channel.get_value() {
            channel.say(ACCOUNTS);
        }
    }

    /// Tells the other tabs how far the account in hand is, and whoever keeps its copy on the server.
    pub(super) fn tell_tabs(&self) {
        let told = self.book.with_untracked(|book| {
            book.as_ref().map(|book| book.record().id.to_string() + " " + &book.seq().to_string())
        });
        if let (Some(text), Some(channel)) = (told, self.channel.get_value()) {
            channel.say(&text);
        }
        devices::tell(*self, Word::Written);
    }
}
