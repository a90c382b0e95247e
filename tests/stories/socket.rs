//! The socket: prices as they land, for who asked, and an end with a reason.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use shared::wire::socket::{Close, MOST_BYTES, PATH};
use tests::{
    coingecko::{Endpoint, Fault},
    world::{Server, World},
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, handshake::client::Request},
};

const WETH: &str = "1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
const LINK: &str = "1:0x514910771AF9Ca656af840dff83E8264EcF986CA";
const USDC: &str = "1:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
/// No story waits longer for a frame.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client of the socket.
pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

impl Client {
    /// One that a page of the server itself opened.
    pub(crate) async fn open(server: &Server) -> Client {
        Client::at(server.address).await
    }

    /// The same, of a server that listens there.
    pub(crate) async fn at(address: SocketAddr) -> Client {
        let mut request = format!("ws://{address}{PATH}").into_client_request().unwrap();
        request.headers_mut().insert("origin", format!("http://{address}").parse().unwrap());
        let stream = TcpStream::connect(address).await.unwrap();
        Client(client_async(request, stream).await.expect("the socket opens").0)
    }

    /// One over a connection of the story's own.
    pub(crate) async fn over(stream: TcpStream, server: &Server) -> Client {
        let request = request(server, Some(&server.url));
        Client(client_async(request, stream).await.expect("the socket opens").0)
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn watch(&mut self, tokens: &[&str]) {
        self.send(&json!({"v": 1, "type": "watch", "tokens": tokens})).await;
    }

    /// The next message that is no ping.
    async fn next(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message comes in time");
            match next.expect("the connection stands").expect("the message is whole") {
                Message::Ping(_) => {}
                message => return message,
            }
        }
    }

    /// The next frame.
    pub(crate) async fn any(&mut self) -> Value {
        self.frame_or_end().await.expect("a frame comes before the end")
    }

    /// The next frame, or the code of the end.
    pub(crate) async fn frame_or_end(&mut self) -> Result<Value, u16> {
        match self.next().await {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(frame["v"], 1);
                Ok(frame)
            }
            Message::Close(Some(frame)) => Err(frame.code.into()),
            message => panic!("not a frame: {message:?}"),
        }
    }

    /// The next frame of a type, whatever comes before it.
    pub(crate) async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.any().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The code and the reason of the end that comes next.
    pub(crate) async fn end(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.next().await {
                let frame = frame.expect("an end has a reason");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

pub(crate) fn request(server: &Server, origin: Option<&str>) -> Request {
    let mut request = format!("ws://{}{PATH}", server.address).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    request
}

/// The prices in a frame, by address.
fn prices(frame: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let prices = frame["data"]["prices"].as_array().unwrap();
    prices.iter().map(|price| (text(&price["address"]), text(&price["price"]))).collect()
}

fn address(token: &str) -> &str {
    token.split_once(':').unwrap().1
}

/// Lets so much time pass that prices are fetched anew.
fn prices_are_due(world: &World) {
    world.seconds_pass(61);
}

#[tokio::test]
async fn who_watches_is_told_what_is_known_and_then_only_what_changed() {
    let world = World::start().await;
    world.upstream().set_price("weth", "3000").unwrap();
    world.upstream().set_price("chainlink", "15").unwrap();
    let mut client = Client::open(&world.server).await;
    client.watch(&[WETH]).await;
    let first = client.hear("price_update").await;
    assert_eq!(prices(&first), [(address(WETH).to_owned(), "3000".to_owned())]);
    assert_eq!(first["data"]["natives"][0]["chain"], 1);
    assert!(first["ts"].is_string() && first["room"].is_null());

    world.upstream().set_price("weth", "3100.000000000000000001").unwrap();
    prices_are_due(&world);
    let second = client.hear("price_update").await;
    assert_eq!(prices(&second), [(address(WETH).to_owned(), "3100.000000000000000001".to_owned())], "and not LINK");

    // From here on it is another token, and nothing of the first.
    client.watch(&[LINK]).await;
    assert_eq!(prices(&client.hear("price_update").await), [(address(LINK).to_owned(), "15".to_owned())]);
    world.upstream().set_price("chainlink", "16").unwrap();
    prices_are_due(&world);
    assert_eq!(prices(&client.hear("price_update").await), [(address(LINK).to_owned(), "16".to_owned())]);
}

#[tokio::test]
async fn a_stablecoin_that_leaves_its_peg_is_told_once_and_so_is_its_return() {
    let world = World::start().await;
    let mut client = Client::open(&world.server).await;
    client.watch(&[WETH, USDC]).await;
    assert!(client.hear("price_update").await["data"]["alerts"].is_null());
    world.upstream().set_price("usd-coin", "0.95").unwrap();
    prices_are_due(&world);
    let update = client.hear("price_update").await;
    assert_eq!(update["data"]["alerts"][0]["subject"], "USDC");
    assert_eq!(prices(&update), [(address(WETH).to_owned(), prices(&update)[0].1.clone())], "the pin does not move");
    let alert = client.hear("alert_message").await;
    assert_eq!((&alert["data"]["alert"]["kind"], &alert["data"]["over"]), (&json!("depeg"), &json!(false)));
    world.upstream().set_price("usd-coin", "0.999").unwrap();
    prices_are_due(&world);
    // Between the two, nothing more is said of it.
    assert!(client.hear("price_update").await["data"]["alerts"].is_null());
    let over = client.hear("alert_message").await;
    assert_eq!((&over["data"]["alert"]["subject"], &over["data"]["over"]), (&json!("USDC"), &json!(true)));
}

#[tokio::test]
async fn a_source_that_fails_is_told_without_being_asked() {
    let world = World::with(|settings, _| settings.limits.heartbeat = Duration::from_millis(40)).await;
    let mut client = Client::open(&world.server).await;
    client.watch(&[WETH]).await;
    assert!(client.hear("price_update").await["data"]["pace"].is_null());
    world.upstream().fault(Endpoint::SimplePrice, Fault::Html { status: 500 });
    prices_are_due(&world);
    let update = client.hear("price_update").await;
    assert_eq!((&update["data"]["pace"]["reason"], prices(&update).len()), (&json!("failing"), 0));
    world.upstream().clear_faults();
    prices_are_due(&world);
    let update = client.hear("price_update").await;
    assert_eq!((prices(&update).len(), update["data"]["pace"].is_null()), (1, true));
}

#[tokio::test]
async fn one_call_serves_every_socket() {
    let world = World::start().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::open(&world.server).await;
        client.watch(&[WETH]).await;
        clients.push(client);
    }
    for client in &mut clients {
        client.hear("price_update").await;
    }
    assert_eq!(world.upstream().calls_of(Endpoint::SimplePrice).len(), 1);
    world.upstream().set_price("weth", "2999").unwrap();
    prices_are_due(&world);
    for client in &mut clients {
        assert_eq!(prices(&client.hear("price_update").await)[0].1, "2999");
    }
    assert_eq!(world.upstream().calls_of(Endpoint::SimplePrice).len(), 2);
}

#[tokio::test]
async fn a_slow_reader_gets_the_latest_and_no_backlog() {
    const CHANGES: usize = 40;
    let world = World::with(|settings, upstream| {
        settings.limits.grace = 6 * PATIENCE;
        settings.coingecko.calls_per_minute = 1_000;
        upstream.limits.calls_per_minute = None;
    })
    .await;
    // Hundreds of tokens a frame, into a window of a few kilobytes that nobody empties.
    let narrow = TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(4_096).unwrap();
    let mut slow = Client::over(narrow.connect(world.server.address).await.unwrap(), &world.server).await;
    let mut quick = Client::open(&world.server).await;
    let table = shared::token::TokenTable::builtin();
    let listed = table.iter().filter(|token| token.key.chain == shared::chain::Chain::Ethereum && !token.pinned);
    let mut names: Vec<String> = listed.take(250).map(|token| token.key.to_string()).collect();
    names.push(WETH.to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    slow.watch(&names).await;
    quick.watch(&names).await;
    quick.hear("price_update").await;
    for change in 1..=CHANGES {
        world.upstream().set_price("weth", &(3_000 + change).to_string()).unwrap();
        prices_are_due(&world);
        // The one that reads is told each time, whatever the other does.
        let news = (address(WETH).to_owned(), (3_000 + change).to_string());
        while !prices(&quick.hear("price_update").await).contains(&news) {}
    }
    let last = (address(WETH).to_owned(), (3_000 + CHANGES).to_string());
    let mut frames = 1;
    while !prices(&slow.hear("price_update").await).contains(&last) {
        frames += 1;
    }
    assert!(frames <= 10, "{frames} frames of {CHANGES} changes waited for the slow reader");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_and_one_that_is_silent_too() {
    let world = World::with(|settings, _| {
        settings.limits.heartbeat = Duration::from_millis(40);
        settings.limits.grace = Duration::from_millis(200);
    })
    .await;
    // Pings are answered by reading: a client that reads stays, whatever it says.
    let mut lively = Client::open(&world.server).await;
    for _ in 0..10 {
        let beat = lively.hear("heartbeat").await;
        assert!(beat["ts"].is_string() && beat["data"].is_null());
    }
    // This one never answers, because it only listens on the raw connection.
    let silent = Client::open(&world.server).await;
    let mut raw = silent.0.into_inner();
    let mut heard = Vec::new();
    tokio::time::timeout(PATIENCE, tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut heard)).await.unwrap().unwrap();
    let code = Close::Silent.code().to_be_bytes();
    assert!(heard.windows(2).any(|bytes| bytes == code), "{heard:?}");
    assert!(String::from_utf8_lossy(&heard).contains(Close::Silent.reason()));
}

#[tokio::test]
async fn only_pages_of_this_server_may_open_one() {
    let world = World::start().await;
    let open = async |request: Request| {
        let stream = TcpStream::connect(world.server.address).await.unwrap();
        match client_async(request, stream).await {
            Ok(_) => 101,
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    let port = world.server.address.port();
    assert_eq!(open(request(&world.server, Some(&world.server.url))).await, 101);
    assert_eq!(open(request(&world.server, None)).await, 101, "a program sends no origin");
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://127.0.0.1:{}", port.wrapping_add(1)),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
    ] {
        assert_eq!(open(request(&world.server, Some(&origin))).await, 403, "{origin}");
    }
    let mut stranger = request(&world.server, None);
    stranger.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(open(stranger).await, 421);
    // Without an upgrade it says what it is.
    let (kind, problem) = world.get(PATH).await.problem();
    assert_eq!(kind, shared::wire::ProblemKind::BadRequest);
    assert!(problem.detail.unwrap().contains("WebSocket"));
}

#[tokio::test]
async fn there_are_as_many_places_as_configured_and_a_place_is_free_again() {
    let world = World::with(|settings, _| settings.limits.sockets = 1).await;
    let mut first = Client::open(&world.server).await;
    let stream = TcpStream::connect(world.server.address).await.unwrap();
    let refused = client_async(request(&world.server, None), stream).await;
    let Err(tungstenite::Error::Http(response)) = refused else { panic!("a second place") };
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "30"));
    first.0.close(None).await.unwrap();
    while first.0.next().await.is_some() {}
    // The place is given back when the server has seen the end, a moment later.
    loop {
        let stream = TcpStream::connect(world.server.address).await.unwrap();
        if client_async(request(&world.server, None), stream).await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn nobody_takes_all_the_places_and_this_machine_is_not_counted() {
    let world = World::with(|settings, _| settings.limits.sockets_of_one = 2).await;
    let open = async |address: Option<&str>| {
        let mut request = request(&world.server, None);
        if let Some(address) = address {
            request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
        }
        let stream = TcpStream::connect(world.server.address).await.unwrap();
        client_async(request, stream).await.map(|(socket, _)| socket)
    };
    let mut held = vec![];
    for address in [Some("203.0.113.9"), Some("10.0.0.1, 203.0.113.9"), Some("203.0.113.10"), None, None, None] {
        held.push(open(address).await.expect("there is a place"));
    }
    let Err(tungstenite::Error::Http(response)) = open(Some("203.0.113.9")).await else { panic!("a third") };
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "30"));
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    assert!(body.contains("2 sockets of your address are open"), "{body}");
    drop(held.remove(0));
    // It is given back when the server has seen the end, a moment later.
    while open(Some("203.0.113.9")).await.is_err() {}
}

#[tokio::test]
async fn a_socket_that_asks_for_nothing_is_closed_and_so_is_an_upgrade_that_is_never_finished() {
    let world = World::with(|settings, _| {
        settings.limits.first_word = Duration::from_millis(300);
        settings.limits.head_timeout = Duration::from_millis(300);
        settings.limits.heartbeat = Duration::from_millis(40);
        settings.limits.grace = 6 * PATIENCE;
    })
    .await;
    let mut asks = Client::open(&world.server).await;
    asks.watch(&[]).await;
    let mut mute = Client::open(&world.server).await;
    assert_eq!(mute.end().await, (Close::Unused.code(), Close::Unused.reason().to_owned()));
    for _ in 0..20 {
        asks.hear("heartbeat").await;
    }
    let mut raw = TcpStream::connect(world.server.address).await.unwrap();
    let half = format!("GET {PATH} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut raw, half.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    tokio::time::timeout(PATIENCE, tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut heard)).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains("101"), "{heard:?}");
}

#[tokio::test]
async fn what_cannot_be_read_ends_it_with_the_reason_and_what_is_not_known_passes() {
    let world = World::start().await;
    // A newer client's words, fields and version.
    let mut client = Client::open(&world.server).await;
    client.send(&json!({"v": 7, "type": "dance", "steps": [1, 2, 3]})).await;
    client.send(&json!({"v": 7, "type": "watch", "tokens": [WETH], "depth": "whole"})).await;
    assert_eq!(prices(&client.hear("price_update").await).len(), 1);

    let cases = [
        (Message::text("{"), Close::Malformed, "EOF"),
        (Message::text("[]"), Close::Malformed, ""),
        (Message::text(r#"{"v":1}"#), Close::Malformed, "type"),
        (Message::text(r#"{"type":"watch"}"#), Close::Malformed, "`v`"),
        (Message::text(r#"{"v":1,"type":"watch","tokens":7}"#), Close::Malformed, "7"),
        (Message::text(r#"{"v":1,"type":"watch","tokens":["1:0x42"]}"#), Close::Malformed, "0x42"),
        (Message::text(r#"{"v":1,"type":"watch","tokens":["7:0x42"]}"#), Close::Malformed, "7"),
        (Message::text(r#"{"v":1,"type":"watch","chains":[7]}"#), Close::Malformed, "7"),
        (Message::binary(vec![1, 2, 3]), Close::NotText, "JSON text"),
        (Message::text("x".repeat(MOST_BYTES + 1)), Close::TooLarge, "16 KiB"),
    ];
    for (message, close, said) in cases {
        let mut client = Client::open(&world.server).await;
        let what = message.to_string().chars().take(60).collect::<String>();
        client.0.send(message).await.unwrap();
        let (code, reason) = client.end().await;
        assert_eq!(code, close.code(), "{what}: {reason}");
        assert!(reason.contains(said), "{what}: {reason}");
    }
    let mut chatty = Client::open(&world.server).await;
    for _ in 0..61 {
        chatty.send(&json!({"v": 1, "type": "dance"})).await;
    }
    assert_eq!(chatty.end().await.0, Close::TooMany.code());
}

#[tokio::test]
async fn the_end_of_the_server_is_said_on_every_socket() {
    let world = World::start().await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(Client::open(&world.server).await);
    }
    clients[0].watch(&[WETH]).await;
    clients[0].hear("price_update").await;
    let World { server, coingecko, .. } = world;
    let stopping = tokio::spawn(server.stop());
    for client in &mut clients {
        assert_eq!(client.end().await, (Close::Leaving.code(), Close::Leaving.reason().to_owned()));
        while client.0.next().await.is_some() {}
    }
    stopping.await.unwrap().unwrap();
    drop(coingecko);
}
