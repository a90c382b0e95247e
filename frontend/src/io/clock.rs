//! The time, as the server has it.
//!
//! A device's clock may be minutes off, and a price's age counts between two machines. So the app
//! keeps an offset to the server's clock and learns it anew with every answer.

use std::cell::Cell;

use shared::time::Timestamp;

/// No word of the server is longer on its way, in milliseconds.
const LONGEST_WAY_MS: i64 = 3_000;

thread_local! {
    static OFFSET_MS: Cell<i64> = const { Cell::new(0) };
}

/// The device's own clock.
fn device() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as i64)
}

/// Now, by the server's clock as far as it is known.
pub fn now() -> Timestamp {
    device().plus_millis(OFFSET_MS.get())
}

/// Learns from an answer which says that it was `server` when it was made, between `asked` and now.
///
/// The offset is known to half the round trip: a smaller difference than that teaches nothing, and
/// following it would only make the clock jitter.
pub fn learn(server: Timestamp, asked: Asked) {
    let answered = device().millis();
    let middle = asked.0.millis() + (answered - asked.0.millis()) / 2;
    let offset = server.millis() - middle;
    if (offset - OFFSET_MS.get()).abs() > answered - asked.0.millis() + 1 {
        OFFSET_MS.set(offset);
    }
}

/// Learns from word of the server which says that it was `server` when it was sent. How long it was on its way
/// is not known: only a difference that no way explains is believed.
pub fn hear(server: Timestamp) {
    let offset = server.millis() - device().millis();
    if (offset - OFFSET_MS.get()).abs() > LONGEST_WAY_MS {
        OFFSET_MS.set(offset);
    }
}

/// When a question was sent, by the device's clock.
#[derive(Debug, Clone, Copy)]
pub struct Asked(Timestamp);

/// Notes that a question is being sent.
pub fn ask() -> Asked {
    Asked(device())
}

/// When a question was sent that somebody else sent: at `millis` by the device's clock.
pub fn asked_at(millis: f64) -> Asked {
    Asked(Timestamp::from_millis(millis as i64))
}

/// Microseconds since the page began, for measuring how long something took.
pub fn stopwatch() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now() * 1000.0)
}
