//! One writer at a time among the tabs of this browser: Web Locks.
//!
//! The journal itself refuses a sequence number twice (see [`super::journal`]), so the lock is not what
//! keeps two tabs from both writing; it is what keeps one from having to try again.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// Runs `work` while no other tab runs work under the same name. A browser without locks just runs it.
pub async fn exclusive<T: 'static>(name: &str, work: impl Future<Output = T> + 'static) -> T {
    let Some((manager, request)) = manager() else { return work.await };
    let answer: Rc<RefCell<Option<T>>> = Rc::default();
    let place = Rc::clone(&answer);
    // The lock is held until the promise that the callback returns is settled.
    let held = Closure::once(move |_lock: JsValue| -> Promise {
        future_to_promise(async move {
            place.replace(Some(work.await));
            Ok(JsValue::UNDEFINED)
        })
    });
    let granted = request.call2(&manager, &name.into(), held.as_ref().unchecked_ref());
    if let Ok(promise) = granted {
        let _ = JsFuture::from(promise.unchecked_into::<Promise>()).await;
    }
    let finished = answer.take();
    match finished {
        Some(value) => value,
        // The lock was refused before the work began, as in a document that is being torn down:
        // there is nobody left to answer.
        None => std::future::pending().await,
    }
}

/// `navigator.locks` and its `request`; web-sys still holds them behind its unstable flag.
fn manager() -> Option<(JsValue, Function)> {
    let navigator = web_sys::window()?.navigator();
    let manager = Reflect::get(&navigator, &"locks".into()).ok().filter(|manager| manager.is_object())?;
    let request = Reflect::get(&manager, &"request".into()).ok()?.dyn_into().ok()?;
    Some((manager, request))
}
