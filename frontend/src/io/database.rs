//! IndexedDB as futures: open, read, and transactions that are done only when they are durable.
//!
//! The `idb` crate cannot ask for strict durability, which is the one thing a ledger needs, so this
//! small room speaks to the browser itself.

use js_sys::{Array, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction, IdbTransactionMode};

/// Why the browser did not keep or give something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The browser offers no database here, or refused to open it.
    #[error("this browser refuses to store data for this page ({0})")]
    Refused(String),
    /// There is no room left.
    #[error("this device has no room left for this page's data")]
    Full,
    /// What was to be added is there already: somebody else wrote first.
    #[error("another tab has written to this account")]
    Conflict,
    /// Something else.
    #[error("the browser could not store the data ({0})")]
    Failed(String),
}

impl StoreError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            StoreError::Refused(_) => "Leave private browsing, or allow this site to store data, then try again.",
            StoreError::Full => {
                "Free some space on this device, or export your journal and remove old data, then try again."
            }
            StoreError::Conflict => "This tab has caught up. Look at the figures again and confirm once more.",
            StoreError::Failed(_) => "Try again. If it goes on, export your journal and reload the page.",
        }
    }

    pub(super) fn of(error: &JsValue) -> StoreError {
        let Some(error) = error.dyn_ref::<DomException>() else {
            return StoreError::Failed(format!("{error:?}").chars().take(120).collect());
        };
        match error.name().as_str() {
            "QuotaExceededError" => StoreError::Full,
            "ConstraintError" => StoreError::Conflict,
            "SecurityError" | "InvalidAccessError" => StoreError::Refused(error.name()),
            name => StoreError::Failed(format!("{name}: {}", error.message())),
        }
    }
}

// `frontend/begin/begin.js`.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = foolscap, catch)]
    fn store() -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = foolscap, js_name = early)]
    fn taken_early(key: &str) -> JsValue;
}

/// What was read under `key` before the app was there, once: null where there was nothing, `None` where it was
/// not read.
pub fn early(key: &str) -> Option<JsValue> {
    let found = taken_early(key);
    (!found.is_undefined()).then_some(found)
}

/// An open database. Closed by the browser when the page ends.
#[derive(Debug, Clone)]
pub struct Database(IdbDatabase);

impl Database {
    /// Opens the store. It is laid out by the page's first script, which has begun to open it before the app was
    /// there.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the browser has or gives no database.
    pub async fn open() -> Result<Database, StoreError> {
        let opened = JsFuture::from(store().map_err(refused)?).await.map_err(refused)?;
        Ok(Database(opened.unchecked_into()))
    }

    /// Begins reading from `stores`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(&self, store: &str) -> Result<IdbObjectStore, StoreError> {
        let transaction = self
            .0
            .transaction_with_str_and_mode(store, IdbTransactionMode::Readonly)
            .map_err(|e| StoreError::of(&e))?;
        transaction.object_store(store).map_err(|e| StoreError::of(&e))
    }

    /// Runs `write` in one transaction over `stores` and returns once it is complete with durability
    /// `strict`: the operating system has been told to put it on the disk. On any error nothing of it
    /// is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(
        &self,
        stores: &[&str],
        write: impl FnOnce(&IdbTransaction) -> Result<(), JsValue>,
    ) -> Result<(), StoreError> {
        let transaction = strict(&self.0, stores).map_err(|e| StoreError::of(&e))?;
        // The listeners are there before the first request, so no event can be missed.
        let done = completed(&transaction);
        if let Err(error) = write(&transaction) {
            let _ = transaction.abort();
            let _ = done.await;
            return Err(StoreError::of(&error));
        }
        done.await
    }

    /// Like [`Database::write`], for more than one turn has room for: `next` makes some of the requests, and is
    /// called anew when the last of them has succeeded, until it makes none. It is one transaction all the
    /// same: nothing is kept until all is.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept, as when `next` gives up.
    pub async fn write_long<E: From<StoreError>>(
        &self,
        stores: &[&str],
        mut next: impl FnMut(&IdbTransaction) -> Result<Option<IdbRequest>, Stop<E>>,
    ) -> Result<(), E> {
        let transaction = strict(&self.0, stores).map_err(|e| StoreError::of(&e))?;
        let done = completed(&transaction);
        loop {
            // A transaction lives as long as its requests: between the success of one and the next nothing
            // else may be awaited.
            match next(&transaction) {
                Ok(Some(last)) => {
                    if answer(Ok(last)).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(stop) => {
                    let _ = transaction.abort();
                    let _ = done.await;
                    return Err(match stop {
                        Stop::Refused(error) => StoreError::of(&error).into(),
                        Stop::GivenUp(error) => error,
                    });
                }
            }
        }
        Ok(done.await?)
    }
}

/// Why a long write ends before its end.
pub enum Stop<E> {
    /// The browser refused a request.
    Refused(JsValue),
    /// Whoever writes gave up.
    GivenUp(E),
}

impl<E> From<JsValue> for Stop<E> {
    fn from(error: JsValue) -> Self {
        Stop::Refused(error)
    }
}

/// A read-write transaction with durability `strict`. web-sys holds the options behind its unstable
/// flag, so the call is made by name.
fn strict(database: &IdbDatabase, stores: &[&str]) -> Result<IdbTransaction, JsValue> {
    let names: Array = stores.iter().map(|name| JsValue::from_str(name)).collect();
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &"strict".into())?;
    let begin: js_sys::Function = Reflect::get(database, &"transaction".into())?.dyn_into()?;
    Ok(begin.call3(database, &names, &"readwrite".into(), &options)?.unchecked_into())
}

/// Waits for a transaction's end. The promise is made at once; only the waiting is lazy.
fn completed(transaction: &IdbTransaction) -> impl Future<Output = Result<(), StoreError>> + use<> {
    let ended = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    let transaction = transaction.clone();
    async move {
        match JsFuture::from(ended).await {
            Ok(_) => Ok(()),
            Err(_) => Err(transaction.error().map_or_else(
                || StoreError::Failed("the write was given up".to_owned()),
                |error| StoreError::of(&error),
            )),
        }
    }
}

/// The result of one request.
///
/// # Errors
/// [`StoreError`].
pub async fn answer(request: Result<IdbRequest, JsValue>) -> Result<JsValue, StoreError> {
    let request = request.map_err(|e| StoreError::of(&e))?;
    let settled = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(settled).await {
        Ok(_) => request.result().map_err(|e| StoreError::of(&e)),
        Err(_) => Err(failure(&request)),
    }
}

fn failure(request: &IdbRequest) -> StoreError {
    match request.error() {
        Ok(Some(error)) => StoreError::of(&error),
        Ok(None) | Err(_) => StoreError::Failed("the browser gave no reason".to_owned()),
    }
}

fn refused(error: JsValue) -> StoreError {
    match StoreError::of(&error) {
        StoreError::Failed(reason) => StoreError::Refused(reason),
        named => named,
    }
}
