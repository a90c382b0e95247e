//! The World as a program, for stories in a browser: the real server and the CoinGecko stand-in behind it,
//! on one clock that the stand-in's levers move.

use std::time::Duration;

use tests::{clock::Clock, world::World};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::on(Clock::running(), |settings, upstream| {
        upstream.moving = false;
        upstream.limits.calls_per_minute = None;
        upstream.limits.credits = None;
        // A story moves the clock by minutes at a time, and does not wait for half a minute to be told.
        settings.limits.heartbeat = Duration::from_secs(1);
    })
    .await;
    println!("The World is on {}, its levers on {}", world.server.url, world.coingecko.control_url());
    // Whoever started it ends it.
    std::future::pending::<()>().await;
}
