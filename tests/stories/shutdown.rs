//! The end of the server: open requests end, nothing new begins, and nobody is waited for for ever.

use std::time::{Duration, Instant};

use backend::ServeError;
use shared::wire::Prices;
use shared::wire::socket::Close;
use tests::{
    coingecko::{Endpoint, Fault},
    world::World,
};

use super::process::Process;
use super::rooms::account;
use super::socket::Client;

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

/// `FOOLSCAP_CASES` sets how many sockets there are, up to 5,000.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_tells_every_socket_and_takes_less_than_ten_seconds() {
    let sockets = tests::seed::cases(500, 5_000);
    let files = rlimit::increase_nofile_limit(sockets + 1_000).unwrap();
    assert!(files > sockets + 200, "no more than {files} files may be open here: raise the hard limit");
    let server = Process::start("memory".as_ref());
    let mine = account(1);
    let mut clients = Vec::new();
    for n in 0..sockets {
        let mut client = Client::at(server.address).await;
        if n % 2 == 0 {
            mine.join(&mut client, None).await;
        }
        clients.push(client);
    }
    let begun = Instant::now();
    let codes = futures_util::future::join_all(clients.into_iter().map(|mut client| {
        tokio::spawn(async move {
            let (code, _) = client.end().await;
            while futures_util::StreamExt::next(&mut client.0).await.is_some() {}
            code
        })
    }));
    let ended = async { (server.terminate().await, begun.elapsed()) };
    let ((status, took), codes) = tokio::join!(ended, codes);
    assert!(status.success(), "nobody is cut off: {status}");
    assert!(codes.into_iter().all(|code| code.unwrap() == Close::Leaving.code()));
    println!("{sockets} sockets told and closed, and the server ended, in {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}
