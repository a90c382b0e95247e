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

/// Waits for a turn under `name` and hands over what ends it: the turn lasts until that is called, or the page
/// ends. With `if_free` it does not wait, and hands over nothing where another tab has the turn. A browser
/// without locks gives everybody a turn.
pub fn hold(name: &str, if_free: bool, granted: impl FnOnce(Option<Function>) + 'static) {
    let Some((manager, request)) = manager() else { return granted(Some(Function::new_no_args(""))) };
    let mut granted = Some(granted);
    let callback = Closure::once_into_js(move |lock: JsValue| -> Promise {
        Promise::new(&mut |resolve, _| {
            let is_ours = lock.is_object();
            if !is_ours {
                let _ = resolve.call0(&JsValue::NULL);
            }
            if let Some(granted) = granted.take() {
                granted(is_ours.then_some(resolve));
            }
        })
    });
    let options = js_sys::Object::new();
    let _ = Reflect::set(&options, &"ifAvailable".into(), &if_free.into());
    if let Ok(promise) = request.call3(&manager, &name.into(), &options, &callback) {
        // A document that is being torn down gets no lock, and needs none.
        let settled = promise.unchecked_into::<Promise>();
        wasm_bindgen_futures::spawn_local(async move { drop(JsFuture::from(settled).await) });
    }
}

/// `navigator.locks` and its `request`; web-sys still holds them behind its unstable flag.
fn manager() -> Option<(JsValue, Function)> {
    let navigator = web_sys::window()?.navigator();
    let manager = Reflect::get(&navigator, &"locks".into()).ok().filter(|manager| manager.is_object())?;
    let request = Reflect::get(&manager, &"request".into()).ok()?.dyn_into().ok()?;
    Some((manager, request))
}
