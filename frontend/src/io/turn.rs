//! Long work in short turns: the page paints, scrolls and answers keys in between.

use std::cell::Cell;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

use super::clock;

/// How long one turn may take, in microseconds: half a frame.
const TURN_US: f64 = 8_000.0;

/// A turn of work.
pub struct Turn {
    until: Cell<f64>,
}

impl Turn {
    /// Begins one.
    pub fn begin() -> Turn {
        Turn { until: Cell::new(clock::stopwatch() + TURN_US) }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        clock::stopwatch() >= self.until.get()
    }

    /// Lets the browser do what it has to, where the turn is over, and begins the next.
    pub async fn rest(&self) {
        if self.is_over() {
            give_way().await;
            self.until.set(clock::stopwatch() + TURN_US);
        }
    }
}

/// Waits until the browser has done what was due. A message is not slowed down in a hidden tab, as timers are.
pub async fn give_way() {
    let Ok(channel) = MessageChannel::new() else { return super::timer::sleep(0).await };
    let (here, there) = (channel.port1(), channel.port2());
    let arrived = Promise::new(&mut |resolve, _| here.set_onmessage(Some(&resolve)));
    if there.post_message(&JsValue::NULL).is_ok() {
        let _ = JsFuture::from(arrived).await;
    }
    here.close();
}
