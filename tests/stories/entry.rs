//! Who gets in: every pairing of hosts and origins, of accounts and tokens; and that nobody learns, by an answer or by
//! how long it takes, whether a room that is not theirs is there.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::world::{Reply, World};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite};

use super::rooms::{account, thought};
use super::socket::{Client, request};

#[tokio::test]
async fn a_socket_opens_for_our_names_and_for_pages_of_the_very_host_that_is_asked() {
    let world = World::with(|settings, _| settings.allowed_hosts = vec!["desk.example.org".into()]).await;
    let port = world.server.address.port();
    let other = port.wrapping_add(1);
    let hosts = [
        (format!("127.0.0.1:{port}"), true),
        (format!("localhost:{port}"), true),
        (format!("[::1]:{port}"), true),
        (format!("desk.example.org:{port}"), true),
        ("desk.example.org".to_owned(), true),
        (format!("evil.example:{port}"), false),
        ("127.0.0.1.evil.example".to_owned(), false),
        ("10.0.0.7".to_owned(), false),
    ];
    let mut cases = 0;
    for (host, is_ours) in &hosts {
        let origins = [
            (None, true),
            (Some(format!("http://{host}")), true),
            (Some(format!("https://{host}")), true),
            (Some("null".to_owned()), false),
            (Some(String::new()), false),
            (Some("https://evil.example".to_owned()), false),
            (Some(format!("http://{}:{other}", host.trim_end_matches(&format!(":{port}")))), false),
            (Some(format!("http://evil.example@{host}")), false),
            (Some(format!("http://{host}.evil.example")), false),
            (Some(format!("ftp://{host}")), false),
            (Some(host.clone()), false),
            (Some(format!("http://{host}/path")), false),
        ];
        for (origin, is_same) in origins {
            let mut asked = request(&world.server, origin.as_deref());
            asked.headers_mut().insert("host", host.parse().unwrap());
            let stream = TcpStream::connect(world.server.address).await.unwrap();
            let status = match client_async(asked, stream).await {
                Ok(_) => 101,
                Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
                Err(error) => panic!("{host} {origin:?}: {error}"),
            };
            let expected = match (is_ours, is_same) {
                (false, _) => 421,
                (true, false) => 403,
                (true, true) => 101,
            };
            assert_eq!(status, expected, "host {host}, origin {origin:?}");
            cases += 1;
        }
    }
    assert!(cases >= 40, "{cases}");
}

#[tokio::test]
async fn no_token_of_one_account_opens_anothers_room() {
    const ACCOUNTS: u8 = 6;
    let world = World::start().await;
    let accounts: Vec<_> = (1..=ACCOUNTS).map(account).collect();
    let mut inside = vec![];
    for mine in &accounts {
        inside.push(mine.enter(&world.server, None).await.0);
    }
    for (n, mine) in accounts.iter().enumerate() {
        let mut client = Client::open(&world.server).await;
        for theirs in &accounts {
            let is_mine = mine.id == theirs.id;
            let path = format!("/api/v1/rooms/{}/messages", theirs.id);
            let telling = world.server.request(reqwest::Method::POST, &path).bearer_auth(&mine.token);
            let reply = Reply::to(telling.body(thought(n).to_string())).await.unwrap();
            assert_eq!(reply.status.as_u16(), if is_mine { 201 } else { 404 });
            client.send(&json!({"v": 1, "type": "join", "room": theirs.id.room(), "token": mine.token})).await;
            let answer = client.any().await;
            assert_eq!(answer["type"], if is_mine { "joined" } else { "refused" });
            assert_eq!(answer["room"], json!(theirs.id.room()));
        }
    }
    // Each heard its own and nothing else: the next of any kind but a count of readers is the one of its owner.
    for (n, client) in inside.iter_mut().enumerate() {
        let heard = client.hear("thought_log_created").await;
        assert_eq!((&heard["data"]["reasoning"], &heard["offset"]), (&json!(n.to_string()), &json!(1)));
    }
    for mine in &accounts {
        let (_, joined) = mine.enter(&world.server, None).await;
        assert_eq!(joined["offset"], 1, "nothing else was told");
    }
}

/// Welch's t of two samples, each without its slowest tenth: what the machine does meanwhile is not of interest.
fn welch(samples: [Vec<Duration>; 2]) -> f64 {
    let [one, other] = samples.map(|mut sample| {
        sample.sort_unstable();
        sample.truncate(sample.len() * 9 / 10);
        let values: Vec<f64> = sample.iter().map(Duration::as_secs_f64).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (one.0 - other.0) / (one.1 + other.1).sqrt()
}

/// `FOOLSCAP_CASES` sets how many samples there are of each, up to 10,000.
#[tokio::test]
async fn a_room_that_is_not_there_takes_as_long_to_refuse_as_one_that_is_anothers() {
    let samples = tests::seed::cases(400, 10_000);
    let world = World::with(|settings, _| settings.limits.frames = u32::MAX).await;
    let (theirs, absent, mine) = (account(1), account(2), account(3));
    let (_inside, _) = theirs.enter(&world.server, None).await;
    theirs.tells(&world.server, thought(1)).await;
    let rooms = [&theirs, &absent];
    let mut draws = shared::market::draws::Draws::new(1, *b"in turn?");
    let mut over_http: [Vec<Duration>; 2] = Default::default();
    let mut over_join: [Vec<Duration>; 2] = Default::default();
    let mut client = Client::open(&world.server).await;
    for n in 0..2 * samples + 20 {
        // In random turns, so that nothing that comes and goes falls on one of them.
        let which = draws.below(2) as usize;
        let path = format!("/api/v1/rooms/{}/messages", rooms[which].id);
        let body = thought(1).to_string();
        let telling = world.server.request(reqwest::Method::POST, &path).bearer_auth(&mine.token).body(body);
        let begun = Instant::now();
        let answer = telling.send().await.unwrap();
        let took = begun.elapsed();
        assert_eq!(answer.status(), 404);
        drop(answer.bytes().await);
        let join = json!({"v": 1, "type": "join", "room": rooms[which].id.room(), "token": mine.token});
        let begun = Instant::now();
        client.send(&join).await;
        client.hear("refused").await;
        // The first are slower, whichever they are.
        if n >= 20 {
            over_http[which].push(took);
            over_join[which].push(begun.elapsed());
        }
    }
    for (over, sample) in [("HTTP", over_http), ("the socket", over_join)] {
        let t = welch(sample);
        println!("absent against forbidden over {over}: t = {t:.2}");
        // A few samples on a busy machine show only what is gross.
        let most = if samples < 10_000 { 9.0 } else { 4.5 };
        assert!(t.abs() < most, "over {over} t is {t}");
    }
}
