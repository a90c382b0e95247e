//! The end of the server: open requests end, nothing new begins, and nobody is waited for for ever.

use std::time::Duration;

use backend::ServeError;
use shared::wire::Prices;
use tests::{
    coingecko::{Endpoint, Fault},
    world::World,
};

#[tokio::test]
async fn open_requests_end_and_new_ones_are_not_taken() {
    let World { clock, coingecko, server } = World::start().await;
    coingecko.control.fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 1_000 });
    let (address, request) = (server.address, server.request(reqwest::Method::GET, "/api/v1/prices?chain=1"));
    let open = tokio::spawn(request.send());
    coingecko.control.wait_for_calls(1).await;
    let stopping = tokio::spawn(server.stop());
    // The listener closes while the request is still open.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished() && !open.is_finished());
    clock.advance(Duration::from_secs(1));
    let answer: Prices = open.await.unwrap().unwrap().json().await.unwrap();
    assert!(answer.missing.is_empty() && !answer.prices.is_empty());
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let World { server, .. } = World::start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let idle = tokio::net::TcpStream::connect(server.address).await.unwrap();
    server.stop().await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_and_said() {
    let World { server, coingecko, .. } = World::with(|server, _| {
        server.limits.drain = Duration::from_millis(50);
    })
    .await;
    coingecko.control.fault(Endpoint::Any, Fault::Hang);
    let open = tokio::spawn(server.request(reqwest::Method::GET, "/api/v1/prices?chain=1").send());
    coingecko.control.wait_for_calls(1).await;
    let ended = server.stop().await;
    assert!(matches!(ended, Err(ServeError::CutOff(_))), "{ended:?}");
    open.abort();
}
