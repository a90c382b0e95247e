//! The chart's element: `<price-chart>`, which `frontend/chart/chart.js` gives life to.
//!
//! The element is ours from the start; the script behind it is asked for when the element is seen for the
//! first time, never before. What is set on the element earlier is found there by the script.

use std::cell::Cell;

use js_sys::{Array, Float64Array, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement, IntersectionObserver};

/// The page names the script here: see `xtask/src/chart.rs`.
const SCRIPT: &str = "meta[name=foolscap-chart]";

thread_local! {
    static IS_ASKED_FOR: Cell<bool> = const { Cell::new(false) };
}

/// Calls `seen` once, when `element` first comes near what is visible.
pub fn when_seen(element: &Element, seen: impl Fn() + 'static) {
    let callback = Closure::<dyn FnMut(Array, IntersectionObserver)>::new(
        move |entries: Array, observer: IntersectionObserver| {
            let is_seen =
                |entry: &JsValue| Reflect::get(entry, &"isIntersecting".into()).is_ok_and(|is| is.is_truthy());
            if entries.iter().any(|entry| is_seen(&entry)) {
                observer.disconnect();
                seen();
            }
        },
    );
    match IntersectionObserver::new(callback.as_ref().unchecked_ref()) {
        // The observer lives as long as it watches, and needs its callback for as long.
        Ok(observer) => {
            observer.observe(element);
            callback.forget();
        }
        Err(_) => callback.forget(),
    }
}

/// Asks for the script, once a page. `failed` is called where it does not come.
pub fn load(failed: impl FnMut() + 'static) {
    if IS_ASKED_FOR.replace(true) {
        return;
    }
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    let url = document.query_selector(SCRIPT).ok().flatten().and_then(|meta| meta.get_attribute("content"));
    let (Some(url), Some(head), Ok(script)) = (url, document.head(), document.create_element("script")) else { return };
    let mut failed = failed;
    let told = Closure::<dyn FnMut()>::new(move || {
        // The next chart may ask again.
        IS_ASKED_FOR.set(false);
        failed();
    });
    let _ = script.set_attribute("type", "module");
    let _ = script.set_attribute("src", &url);
    script.unchecked_ref::<HtmlElement>().set_onerror(Some(told.as_ref().unchecked_ref()));
    told.forget();
    let _ = head.append_child(&script);
}

/// Gives the element a property.
pub fn set(element: &Element, name: &str, value: &JsValue) {
    let _ = Reflect::set(element, &name.into(), value);
}

/// Gives the element a list of numbers.
pub fn set_numbers(element: &Element, name: &str, numbers: &[f64]) {
    set(element, name, &Float64Array::from(numbers));
}
