//! The journals of this device's accounts, and what may be lost: the prices it last knew, and a snapshot
//! of each account with a long journal, so that it opens without folding all of it. All in IndexedDB.
//!
//! Entries lie under (account, sequence number) and are only ever *added*: the browser itself refuses a
//! number twice, so of two writers one loses and hears of it. What this room has returned from is on
//! the disk.

use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use shared::ids::{AccountId, AccountSecret};
use shared::market::MarketKind;
use shared::time::Timestamp;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbKeyRange, IdbTransaction};

use super::database::{Database, Stop, StoreError, answer, early};
use super::turn::Turn;

// As `frontend/begin/begin.js` lays them out, which has read the beginning of each before the app was there.
const ACCOUNTS: &str = "accounts";
const ENTRIES: &str = "entries";
const CACHE: &str = "cache";
/// Lines of a journal read before the app was there.
pub const EARLY_LINES: u32 = 400;

/// What this device knows of an account beside its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which account.
    pub id: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// Which market it trades in.
    pub market: MarketKind,
    /// The secret it was born from, in hexadecimal; absent for an imported journal, which does not
    /// carry it. It never leaves this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Since when it lies in the archive: its journal is kept and read, and never written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Timestamp>,
    /// The account whose place this one took when that was reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<AccountId>,
    /// The owner token, where the account came from another device, which keeps the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether its owner wants no copy of it on a server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// The device that writes to it, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// The last entry that this journal and the server's copy have in common, where both go on after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted: Option<u64>,
}

impl Record {
    /// An account of which nothing more is known.
    pub const fn new(id: AccountId, name: String, market: MarketKind) -> Record {
        Record {
            id,
            name,
            market,
            secret: None,
            archived: None,
            follows: None,
            token: None,
            alone: false,
            elsewhere: None,
            parted: None,
        }
    }

    /// The token that proves to a server whose account it is, where this device has it.
    pub fn owner_token(&self) -> Option<String> {
        let secret = self.secret.as_ref().and_then(|secret| secret.parse::<AccountSecret>().ok());
        secret.map(|secret| secret.owner_token().reveal()).or_else(|| self.token.clone())
    }
}

/// The store of all journals.
#[derive(Debug, Clone)]
pub struct Journals(Database);

impl Journals {
    /// Opens the store.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the browser keeps nothing for this page.
    pub async fn open() -> Result<Journals, StoreError> {
        Ok(Journals(Database::open().await?))
    }

    /// Every account of this device, by id.
    ///
    /// # Errors
    /// [`StoreError`]. A record that does not read is reported, not passed over.
    pub async fn accounts(&self) -> Result<Vec<Record>, StoreError> {
        let found: Array = match early(ACCOUNTS) {
            Some(found) => found.unchecked_into(),
            None => answer(self.0.read(ACCOUNTS)?.get_all()).await?.unchecked_into(),
        };
        found.iter().map(|value| read_json(&value, "an account")).collect()
    }

    /// At most `count` lines of an account's journal, from sequence number `from` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lines(&self, account: AccountId, from: u64, count: u32) -> Result<Vec<String>, StoreError> {
        let found = self.texts(account, from, count).await?;
        found.iter().map(|line| line.as_string().ok_or_else(|| broken("a journal entry"))).collect()
    }

    /// The same, as the browser has them: nothing is copied into the app.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn texts(&self, account: AccountId, from: u64, count: u32) -> Result<Array, StoreError> {
        if (from, count) == (1, EARLY_LINES)
            && let Some(found) = early(&("lines ".to_owned() + &account.to_string()))
        {
            return Ok(found.unchecked_into());
        }
        let range = IdbKeyRange::bound(&key(account, from as f64), &key(account, f64::INFINITY))
            .map_err(|_| broken("a range"))?;
        let entries = self.0.read(ENTRIES)?;
        Ok(answer(entries.get_all_with_key_and_limit(&range, count)).await?.unchecked_into())
    }

    /// The lines with these sequence numbers, in that order; those that are not there are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn some(&self, account: AccountId, seqs: &[u32]) -> Result<Vec<String>, StoreError> {
        let entries = self.0.read(ENTRIES)?;
        let asked = seqs.iter().map(|seq| entries.get(&key(account, f64::from(*seq))));
        let asked: Vec<_> = asked.collect::<Result<_, _>>().map_err(|e| StoreError::of(&e))?;
        // They are answered in the order they were asked in.
        if let Some(last) = asked.last() {
            answer(Ok(last.clone())).await?;
        }
        Ok(asked.iter().filter_map(|request| request.result().ok()?.as_string()).collect())
    }

    /// Keeps a new account with the first lines of its journal, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the account or a line is there already; nothing is kept then.
    pub async fn create(&self, record: &Record, lines: impl Iterator<Item = (u64, &str)>) -> Result<(), StoreError> {
        let text = json(record)?;
        self.0
            .write(&[ACCOUNTS, ENTRIES], |transaction| {
                transaction.object_store(ACCOUNTS)?.add_with_key(&text.into(), &record.id.to_string().into())?;
                let entries = transaction.object_store(ENTRIES)?;
                for (seq, line) in lines {
                    entries.add_with_key(&line.into(), &key(record.id, seq as f64))?;
                }
                Ok(())
            })
            .await
    }

    /// Changes what this device knows of accounts, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn note(&self, records: &[&Record]) -> Result<(), StoreError> {
        let texts = texts(records)?;
        self.0.write(&[ACCOUNTS], |transaction| put(transaction, &texts)).await
    }

    /// Notes `old` and keeps a new account with the first line of its journal, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn succeed(&self, old: &Record, new: &Record, seq: u64, line: &str) -> Result<(), StoreError> {
        let texts = texts(&[old, new])?;
        self.0
            .write(&[ACCOUNTS, ENTRIES], |transaction| {
                put(transaction, &texts)?;
                transaction.object_store(ENTRIES)?.add_with_key(&line.into(), &key(new.id, seq as f64))?;
                Ok(())
            })
            .await
    }

    /// Removes an account and its journal for good, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub async fn remove(&self, account: AccountId) -> Result<(), StoreError> {
        let range =
            IdbKeyRange::bound(&key(account, 0.0), &key(account, f64::INFINITY)).map_err(|_| broken("a range"))?;
        self.0
            .write(&[ACCOUNTS, ENTRIES, CACHE], |transaction| {
                transaction.object_store(CACHE)?.delete(&snapshot_key(account).into())?;
                transaction.object_store(ACCOUNTS)?.delete(&account.to_string().into())?;
                transaction.object_store(ENTRIES)?.delete(&range)?;
                Ok(())
            })
            .await
    }

    /// Adds lines to an account's journal, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another writer took one of the numbers; nothing is kept then.
    pub async fn append(&self, account: AccountId, lines: impl Iterator<Item = (u64, &str)>) -> Result<(), StoreError> {
        self.0
            .write(&[ENTRIES], |transaction| {
                let entries = transaction.object_store(ENTRIES)?;
                for (seq, line) in lines {
                    entries.add_with_key(&line.into(), &key(account, seq as f64))?;
                }
                Ok(())
            })
            .await
    }

    /// Adds many lines to an account's journal, and the account where `record` is new, all or nothing: in
    /// several turns, and still in one transaction. `next` says what is next, or gives up.
    ///
    /// # Errors
    /// As [`Journals::append`], and what `next` gives up with; nothing is kept then.
    pub async fn append_long<'a, E: From<StoreError>>(
        &self,
        account: AccountId,
        mut record: Option<&Record>,
        mut next: impl FnMut() -> Result<Option<(u64, &'a str)>, E>,
    ) -> Result<(), E> {
        self.0
            .write_long(&[ACCOUNTS, ENTRIES], |transaction| {
                if let Some(record) = record.take() {
                    let text = json(record).map_err(|error| Stop::GivenUp(error.into()))?;
                    transaction.object_store(ACCOUNTS)?.add_with_key(&text.into(), &record.id.to_string().into())?;
                }
                let entries = transaction.object_store(ENTRIES)?;
                let turn = Turn::begin();
                let mut last = None;
                while !turn.is_over()
                    && let Some((seq, line)) = next().map_err(Stop::GivenUp)?
                {
                    last = Some(entries.add_with_key(&line.into(), &key(account, seq as f64))?);
                }
                Ok(last)
            })
            .await
    }

    /// Puts `lines` in the place of everything after entry `after`, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn replace(&self, record: &Record, after: u64, lines: &[String]) -> Result<(), StoreError> {
        let texts = texts(&[record])?;
        let range = IdbKeyRange::bound(&key(record.id, after as f64 + 1.0), &key(record.id, f64::INFINITY))
            .map_err(|_| broken("a range"))?;
        self.0
            .write(&[ACCOUNTS, ENTRIES, CACHE], |transaction| {
                put(transaction, &texts)?;
                transaction.object_store(CACHE)?.delete(&snapshot_key(record.id).into())?;
                let entries = transaction.object_store(ENTRIES)?;
                entries.delete(&range)?;
                for (seq, line) in (after + 1..).zip(lines) {
                    entries.add_with_key(&line.as_str().into(), &key(record.id, seq as f64))?;
                }
                Ok(())
            })
            .await
    }

    /// How many entries an account's journal has on this device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn length(&self, account: AccountId) -> Result<u64, StoreError> {
        let range =
            IdbKeyRange::bound(&key(account, 0.0), &key(account, f64::INFINITY)).map_err(|_| broken("a range"))?;
        let found = answer(self.0.read(ENTRIES)?.count_with_key(&range)).await?;
        Ok(found.as_f64().unwrap_or_default() as u64)
    }

    /// The snapshot kept of an account, if any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn snapshot(&self, account: AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.cached_value(&snapshot_key(account)).await?;
        Ok(found.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
    }

    /// Keeps a snapshot of an account in place of the one before; an empty one for none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_snapshot(&self, account: AccountId, bytes: &[u8]) -> Result<(), StoreError> {
        self.0
            .write(&[CACHE], |transaction| {
                let cache = transaction.object_store(CACHE)?;
                cache.put_with_key(&Uint8Array::from(bytes), &snapshot_key(account).into())?;
                Ok(())
            })
            .await
    }

    /// The text last kept under `name`, if any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cached(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.cached_value(name).await?.as_string())
    }

    async fn cached_value(&self, name: &str) -> Result<JsValue, StoreError> {
        match early(name) {
            Some(found) => Ok(found),
            None => answer(self.0.read(CACHE)?.get(&name.into())).await,
        }
    }

    /// Keeps `text` under `name`, in place of what was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cache(&self, name: &str, text: &str) -> Result<(), StoreError> {
        // What was read early is what was there before.
        let _ = early(name);
        self.0
            .write(&[CACHE], |transaction| {
                transaction.object_store(CACHE)?.put_with_key(&text.into(), &name.into())?;
                Ok(())
            })
            .await
    }
}

/// Records as they are kept, each under its id.
fn texts(records: &[&Record]) -> Result<Vec<(JsValue, JsValue)>, StoreError> {
    let text = |record: &&Record| Ok((record.id.to_string().into(), json(record)?.into()));
    records.iter().map(text).collect()
}

fn put(transaction: &IdbTransaction, texts: &[(JsValue, JsValue)]) -> Result<(), JsValue> {
    let accounts = transaction.object_store(ACCOUNTS)?;
    for (id, text) in texts {
        accounts.put_with_key(text, id)?;
    }
    Ok(())
}

fn key(account: AccountId, seq: f64) -> JsValue {
    Array::of2(&account.to_string().into(), &seq.into()).into()
}

fn snapshot_key(account: AccountId) -> String {
    "snapshot ".to_owned() + &account.to_string()
}

fn json(record: &Record) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Failed(error.to_string()))
}

fn read_json<T: serde::de::DeserializeOwned>(value: &JsValue, what: &str) -> Result<T, StoreError> {
    let text = value.as_string().ok_or_else(|| broken(what))?;
    serde_json::from_str(&text).map_err(|_| broken(what))
}

fn broken(what: &str) -> StoreError {
    StoreError::Failed(format!("{what} in this device's store cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_script_lays_out_and_reads_the_stores_that_are_used_here() {
        let script = include_str!("../../begin/begin.js");
        assert!(script.contains(&format!("const STORES = ['{ACCOUNTS}', '{ENTRIES}', '{CACHE}'];")));
        assert!(script.contains(&format!("const LINES = {EARLY_LINES};")));
        let id = AccountId::from_bytes([7; 16]);
        assert_eq!(snapshot_key(id).replace(&id.to_string(), "${account}"), "snapshot ${account}");
        assert!(script.contains("note(`snapshot ${account}`, cache.get(`snapshot ${account}`)"));
    }
}
