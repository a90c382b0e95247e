//! What holds for every answer: its headers, and whose requests get one.

use std::time::Duration;

use backend::config::Metrics;
use reqwest::Method;
use shared::wire::ProblemKind;
use tests::{
    http,
    world::{Reply, World, free_port},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src 'self' data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let world = World::start().await;
    let get = [
        ("/", 200),
        ("/positions", 200),
        ("/healthz", 200),
        ("/api/docs", 200),
        ("/api/docs.css", 200),
        ("/api/openapi.json", 200),
        ("/api/v1/chains", 200),
        ("/api/v1/tokens", 200),
        ("/api/v1/prices", 200),
        ("/api/v1/markets", 200),
        ("/api/v1/gas", 200),
        ("/api/v1/status", 200),
        ("/api/v1/prices?chain=7", 400),
        ("/api/v1/nothing", 404),
        ("/nothing.js", 404),
    ];
    let mut replies = Vec::new();
    for (path, status) in get {
        let reply = world.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        replies.push((path, reply));
    }
    let post = Reply::to(world.server.request(Method::POST, "/")).await.unwrap();
    assert_eq!(post.status, 405);
    replies.push(("POST /", post));
    let stranger = Reply::to(world.server.request(Method::GET, "/").header("host", "evil.example")).await.unwrap();
    assert_eq!(stranger.status, 421);
    replies.push(("another host", stranger));
    let etag = world.get("/api/v1/chains").await.header("etag").expect("a tag").to_owned();
    let known = world.server.request(Method::GET, "/api/v1/chains").header("if-none-match", etag);
    let known = Reply::to(known).await.unwrap();
    assert_eq!((known.status.as_u16(), known.body.as_str()), (304, ""));
    replies.push(("304", known));
    for (what, reply) in replies {
        assert_eq!(reply.header("content-security-policy"), Some(CONTENT_SECURITY_POLICY), "{what}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{what}");
        assert_eq!(reply.header("cross-origin-opener-policy"), Some("same-origin"), "{what}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{what}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{what}: no other site may read this");
        assert_eq!(reply.header("server"), None, "{what}");
        assert!(reply.header("x-request-id").is_some_and(|id| !id.is_empty()), "{what}");
    }
}

#[tokio::test]
async fn only_names_that_are_ours_are_answered() {
    let world = World::with(|server, _| server.allowed_hosts = vec!["desk.example.org".into()]).await;
    let port = world.server.address.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("LOCALHOST:{port}"), 200),
        ("[::1]".to_owned(), 200),
        ("desk.example.org".to_owned(), 200),
        ("evil.example".to_owned(), 421),
        ("localhost.evil.example".to_owned(), 421),
        (format!("evil.example:{port}"), 421),
        ("10.0.0.7".to_owned(), 421),
        ("0.0.0.0".to_owned(), 421),
    ] {
        let reply = Reply::to(world.server.request(Method::GET, "/healthz").header("host", &host)).await.unwrap();
        assert_eq!(reply.status, status, "{host}");
        if status == 421 {
            let (kind, problem) = reply.problem();
            assert_eq!(kind, ProblemKind::WrongHost);
            assert!(problem.detail.unwrap().contains("FOOLSCAP_ALLOWED_HOSTS"), "the way out is told");
        }
    }
}

#[tokio::test]
async fn no_host_two_hosts_and_a_foreign_target_are_refused() {
    let world = World::start().await;
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "200"),
        ("GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n", "400"),
        ("GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "421"),
    ] {
        let answer = raw(&world, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_heads_size_and_the_number_of_its_headers_are_limited() {
    let world = World::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(64 * 1024));
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x-more: 1\r\n".repeat(200));
    for request in [long, many] {
        let answer = raw(&world, &request).await;
        assert!(
            ["", "HTTP/1.1 414 ", "HTTP/1.1 431 "].iter().any(|start| answer.starts_with(start))
                && !answer.contains(" 200 "),
            "{answer}"
        );
    }
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_closes_its_connection() {
    let world = World::with(|server, _| server.limits.head_timeout = Duration::from_millis(100)).await;
    let answer = raw(&world, "GET /healthz HTTP/1.1\r\nhost: local").await;
    assert!(!answer.contains(" 200 "), "{answer}");
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn metrics_are_on_a_port_of_their_own_and_count_what_happened() {
    let port = free_port().await.expect("a free port");
    let world = World::with(|server, _| server.metrics = Metrics::At(([127, 0, 0, 1], port).into())).await;
    world.get("/api/v1/prices?chain=1").await;
    world.get("/api/v1/prices?chain=7").await;
    assert_eq!(
        world.get("/metrics").await.header("content-type"),
        world.get("/").await.header("content-type"),
        "the desk's port has none"
    );
    let metrics = http::client().get(format!("http://127.0.0.1:{port}/metrics")).send().await.expect("metrics answer");
    let text = metrics.text().await.expect("metrics are text");
    let counts = |needles: &[&str]| text.lines().any(|line| needles.iter().all(|needle| line.contains(needle)));
    assert!(counts(&["/api/v1/prices", "200"]), "{text}");
    assert!(counts(&["/api/v1/prices", "400"]), "{text}");
    assert!(counts(&["coingecko", "simple_price", "ok"]), "{text}");
    assert!(!text.contains("CG-"), "no key is among them");
}

/// What comes back for these bytes, until the server closes.
async fn raw(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.server.address).await.expect("the server listens");
    // The server may refuse before it has read everything.
    drop(stream.write_all(request.as_bytes()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}
