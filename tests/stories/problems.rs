//! What cannot be answered is refused as a problem (RFC 9457) that names what is wrong.

use reqwest::Method;
use shared::wire::ProblemKind;
use tests::{
    coingecko::{Endpoint, Fault},
    world::{Reply, World},
};

const WETH: &str = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

#[tokio::test]
async fn each_bad_request_is_a_problem_that_says_why_and_asks_nobody() {
    let world = World::start().await;
    let many: Vec<_> = (0..501).map(|n| format!("0x{n:040x}")).collect();
    let many = format!("/api/v1/prices?chain=1&addresses={}", many.join(","));
    let wrong_case = WETH.replace("C02aa", "c02aa");
    for (path, kind, said) in [
        ("/api/v1/prices?adresses=0x1".to_owned(), ProblemKind::BadRequest, "`adresses`"),
        ("/api/v1/prices?chain=1&chain=1".to_owned(), ProblemKind::BadRequest, "twice"),
        ("/api/v1/prices?chain=137".to_owned(), ProblemKind::UnknownChain, "`137`"),
        ("/api/v1/prices?chain=one".to_owned(), ProblemKind::UnknownChain, "`one`"),
        ("/api/v1/prices?chain=1&addresses=0x12".to_owned(), ProblemKind::BadAddress, "`0x12`"),
        (format!("/api/v1/prices?chain=1&addresses={WETH}00"), ProblemKind::BadAddress, "address"),
        (format!("/api/v1/prices?chain=1&addresses={wrong_case}"), ProblemKind::BadAddress, "checksum"),
        ("/api/v1/prices?tokens=WETH".to_owned(), ProblemKind::BadAddress, "`WETH`"),
        (format!("/api/v1/prices?tokens=5:{WETH}"), ProblemKind::UnknownChain, "`5`"),
        (format!("/api/v1/prices?tokens=1:{WETH}&addresses={WETH}"), ProblemKind::BadRequest, "`addresses`"),
        (format!("/api/v1/prices?tokens=1:{WETH}&chain=1"), ProblemKind::BadRequest, "`chain`"),
        (format!("/api/v1/prices?tokens=1:{WETH}@../ping"), ProblemKind::BadAddress, "coin"),
        (many, ProblemKind::TooManyTokens, "501"),
        ("/api/v1/tokens?chain=7".to_owned(), ProblemKind::UnknownChain, "`7`"),
        ("/api/v1/tokens?origin=mars".to_owned(), ProblemKind::BadRequest, "`mars`"),
        ("/api/v1/markets?tokens=1:0x".to_owned(), ProblemKind::BadAddress, "`0x`"),
        ("/api/v1/gas?chain=-1".to_owned(), ProblemKind::UnknownChain, "`-1`"),
        ("/api/v1/candles".to_owned(), ProblemKind::BadRequest, "`address`"),
        (format!("/api/v1/candles?chain=1&address={WETH}&range=2D"), ProblemKind::BadRequest, "2D"),
        (format!("/api/v1/candles?chain=2&address={WETH}"), ProblemKind::UnknownChain, "`2`"),
        ("/api/v1/nothing".to_owned(), ProblemKind::NotFound, "/api/v1/nothing"),
        ("/api".to_owned(), ProblemKind::NotFound, "/api"),
        ("/app-0123456789abcdef.js".to_owned(), ProblemKind::NotFound, ".js"),
    ] {
        let reply = world.get(&path).await;
        let (found, problem) = reply.problem();
        let path = &path[..path.len().min(120)];
        assert_eq!(found, kind, "{path}: {}", reply.body);
        let detail = problem.detail.expect("a problem says what is wrong");
        assert!(detail.contains(said), "{path}: {detail}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    }
    assert_eq!(world.upstream().calls(), []);
}

#[tokio::test]
async fn other_methods_and_large_bodies_are_refused() {
    let world = World::start().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = Reply::to(world.server.request(method.clone(), "/api/v1/prices")).await.unwrap();
        assert_eq!(reply.problem().0, ProblemKind::MethodNotAllowed, "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"), "{method}");
    }
    let large = world.server.request(Method::POST, "/api/v1/prices").body(vec![b'x'; 1024 * 1024]);
    // The server need not read on to refuse: the client may meet a closed connection instead.
    if let Ok(reply) = Reply::to(large).await {
        assert_eq!(reply.problem().0, ProblemKind::BodyTooLarge);
    }
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_token_without_a_coin_has_no_candles() {
    let world = World::start().await;
    let reply = world.get("/api/v1/candles?chain=1&address=0x00000000000000000000000000000000000b0d1e").await;
    assert_eq!(reply.problem().0, ProblemKind::UnknownToken);
}

#[tokio::test]
async fn an_upstreams_failure_is_told_apart_from_its_refusal_and_from_its_haste() {
    for (fault, kind, retry_after) in [
        (Fault::ThrottledJson { retry_after: Some(17) }, ProblemKind::RateLimited, Some("17")),
        (Fault::ThrottledText { retry_after: None }, ProblemKind::RateLimited, Some("30")),
        (Fault::Throttled1015 { retry_after: Some(3) }, ProblemKind::RateLimited, Some("3")),
        (Fault::KeyRefused { code: 10002 }, ProblemKind::UpstreamRefused, None),
        (Fault::WrongHost { code: 10011 }, ProblemKind::UpstreamRefused, None),
        (Fault::BeyondTimeRange, ProblemKind::UpstreamRefused, None),
        (Fault::CoinNotFound, ProblemKind::UnknownToken, None),
        (Fault::Html { status: 502 }, ProblemKind::UpstreamUnavailable, None),
        (Fault::Html { status: 200 }, ProblemKind::UpstreamUnavailable, None),
        (Fault::TruncatedJson, ProblemKind::UpstreamUnavailable, None),
        (Fault::Empty { status: 200 }, ProblemKind::UpstreamUnavailable, None),
        (Fault::Disconnect, ProblemKind::UpstreamUnavailable, None),
        (Fault::DisconnectMidBody, ProblemKind::UpstreamUnavailable, None),
    ] {
        let world = World::start().await;
        world.upstream().fault(Endpoint::Any, fault.clone());
        let reply = world.get(&format!("/api/v1/candles?chain=1&address={WETH}")).await;
        let (found, problem) = reply.problem();
        assert_eq!((found, reply.header("retry-after")), (kind, retry_after), "{fault:?}: {}", reply.body);
        let detail = problem.detail.unwrap();
        assert!(!detail.contains("http://") && !detail.contains("CG-"), "it tells no URL and no key: {detail}");
    }
}
