//! How rooms deliver: one message to 500 readers, beside a bare axum route over tokio's broadcast; one reader that
//! takes nothing among them; ten thousand that are told nothing. `cargo xtask bench rooms` runs it and holds what it
//! prints to bars.
//!
//! Servers have one core, this program the other. Rounds take turns, so that a disturbance hits all alike, and the
//! middle one counts. What is compared is the server's own CPU time for each delivery, which another program on the
//! machine disturbs least. Every delivery is read whole, by every reader, in order, or the run fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use serde_json::json;
use shared::ids::AccountSecret;
use shared::wire::socket::PATH;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, tcp::OwnedReadHalf},
    sync::Notify,
};

/// The core of the servers; this program is started on another one.
const SERVERS_CORE: &str = "0";
const READERS: usize = 500;
/// Bytes of what a message says.
const BYTES: usize = 256;
/// Messages on their way at most, so that no reader falls behind what is remembered.
const WINDOW: u64 = 4;
/// Clock ticks in a second, as /proc counts CPU time on Linux.
const TICKS: f64 = 100.0;
/// No reader waits longer for a message.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measure, and print a JSON line for each figure
    Run {
        /// The server's program
        #[arg(long)]
        foolscap: PathBuf,
        /// A folder to work in
        #[arg(long)]
        folder: PathBuf,
        /// Rounds of each server
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Messages of a round
        #[arg(long, default_value_t = 600)]
        messages: u64,
        /// Sockets that are told nothing
        #[arg(long, default_value_t = 10_000)]
        idle: usize,
    },
    /// Hand on what is posted to everybody who is connected, and nothing else
    Bare {
        /// The port
        port: u16,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Run { foolscap, folder, rounds, messages, idle } => {
            run(&foolscap, &folder, rounds, messages, idle);
        }
        What::Bare { port } => bare(port),
    }
    ExitCode::SUCCESS
}

/// The bare loop: what axum and tokio cost by themselves, on one thread as one core has it.
#[tokio::main(flavor = "current_thread")]
async fn bare(port: u16) {
    use axum::{
        Router,
        extract::ws::{Message, Utf8Bytes, WebSocketUpgrade},
        http::StatusCode,
        routing::{get, post},
    };
    use tokio::sync::broadcast;
    let (sender, _) = broadcast::channel::<Utf8Bytes>(256);
    let subscribe = sender.clone();
    let socket = get(async move |upgrade: WebSocketUpgrade| {
        let mut news = subscribe.subscribe();
        upgrade.on_upgrade(async move |mut socket| {
            while let Ok(text) = news.recv().await {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        })
    });
    let tell = post(async move |text: String| {
        drop(sender.send(text.into()));
        StatusCode::CREATED
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    let router = Router::new().route(PATH, socket).route("/tell", tell);
    axum::serve(listener, router).await.expect("it serves");
}

/// A server that runs.
struct Server {
    name: &'static str,
    child: Child,
    port: u16,
    /// How a message is handed in.
    tell: String,
    /// How a room is entered, where there are rooms.
    join: Option<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Starts a program on the servers' core and waits until it listens.
    fn start(name: &'static str, program: &Path, set_up: impl FnOnce(&mut Command, u16)) -> Self {
        let port = free_port();
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", SERVERS_CORE]).arg(program).stdout(Stdio::null()).stderr(Stdio::null());
        set_up(&mut command, port);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let server = Self { name, child, port, tell: "/tell".into(), join: None };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{name} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Seconds of CPU time it has had.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // The name, in parentheses, may hold blanks; after it come the fields from the third on.
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        let ticks = |at: usize| fields[at - 3].parse::<f64>().expect("a number");
        (ticks(14) + ticks(15)) / TICKS
    }

    /// Bytes of memory it has.
    fn resident(&self) -> f64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("it runs");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("a number") * 4096.0
    }

    /// A socket that has entered, and is past everything that is said to who enters.
    async fn enter(&self, stream: TcpStream, join: Option<&str>) -> Socket {
        stream.set_nodelay(true).expect("TCP");
        let (reading, mut writing) = stream.into_split();
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.port
        );
        writing.write_all(request.as_bytes()).await.expect("it takes requests");
        let mut socket = Socket { reading, kept: Vec::new(), at: 0, writing };
        socket.past_head().await;
        if let Some(join) = join {
            socket.say(join).await;
            let joined = socket.next().await.expect("an answer");
            assert!(joined.starts_with(br#"{"v":1,"type":"joined""#), "{}", String::from_utf8_lossy(&joined));
        }
        socket
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens")
    }

    /// Readers that read on until they are dropped.
    async fn readers(&self, count: usize) -> Readers {
        let heard: Arc<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
        let bell = Arc::new(Notify::new());
        let sent: Arc<[AtomicU64]> = (0..1 << 16).map(|_| AtomicU64::new(0)).collect();
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for n in 0..count {
            let mut socket = self.enter(self.connect().await, self.join.as_deref()).await;
            let (heard, bell, sent) = (heard.clone(), bell.clone(), sent.clone());
            tasks.push(tokio::spawn(async move {
                while let Some(frame) = socket.next().await {
                    let Some(number) = number_in(&frame) else { continue };
                    let expected = heard[n].load(Ordering::Relaxed) + 1;
                    assert_eq!(number, expected, "in order, each once");
                    let at = sent[number as usize % sent.len()].load(Ordering::Relaxed);
                    let took = (begun.elapsed().as_nanos() as u64).saturating_sub(at);
                    LATENCIES.with_borrow_mut(|all| all.push(took));
                    heard[n].store(number, Ordering::Relaxed);
                    bell.notify_one();
                }
            }));
        }
        Readers { heard, bell, sent, begun, told: 0, tasks, teller: self.connect().await, request: self.request() }
    }

    /// The head of a request that hands a message in.
    fn request(&self) -> (String, bool) {
        let head = format!("POST {} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n", self.tell, self.port);
        (head, self.join.is_some())
    }

    /// How many read, by its own account.
    async fn counted(&self) -> u64 {
        let url = format!("http://127.0.0.1:{}/api/v1/status", self.port);
        let status: shared::wire::Status =
            tests::http::client().get(url).send().await.expect("it answers").json().await.expect("a status");
        status.rooms.expect("it has rooms").readers
    }
}

thread_local! {
    /// How long deliveries took, in nanoseconds. This program has one thread.
    static LATENCIES: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Readers of one server, and who tells them.
struct Readers {
    heard: Arc<[AtomicU64]>,
    bell: Arc<Notify>,
    /// When each message was handed in, in nanoseconds after the beginning.
    sent: Arc<[AtomicU64]>,
    begun: Instant,
    told: u64,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    teller: TcpStream,
    request: (String, bool),
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|task| task.abort());
    }
}

impl Readers {
    /// Hands the next message in.
    async fn tell(&mut self, token: &str) {
        self.told += 1;
        let (head, has_rooms) = &self.request;
        let number = format!("#{:09}#", self.told);
        let body = if *has_rooms {
            let data = |fill: usize| {
                json!({"bot": "b", "decision": "hold", "reasoning": format!("{number}{}", "x".repeat(fill))})
                    .to_string()
            };
            let data = data(BYTES - data(0).len());
            assert_eq!(data.len(), BYTES);
            format!(r#"{{"type":"thought_log_created","data":{data}}}"#)
        } else {
            format!("{number}{}", "x".repeat(BYTES - number.len()))
        };
        let text = format!(
            "{head}authorization: Bearer {token}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.sent[self.told as usize % self.sent.len()]
            .store(self.begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.teller.write_all(text.as_bytes()).await.expect("it takes messages");
        let mut answer = [0; 2048];
        let mut read = 0;
        // Answers are short: the head, and a body of one line or none.
        loop {
            let more = self.teller.read(&mut answer[read..]).await.expect("it answers");
            assert!(more > 0, "it hung up: a connection that asks nothing for a while is closed");
            read += more;
            let text = String::from_utf8_lossy(&answer[..read]);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1.1 201"), "{text}");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |text| text.parse().expect("a length")) {
                    return;
                }
            }
        }
    }

    /// Waits until everybody has heard all but so many.
    async fn wait(&self, but: u64) {
        let heard = async {
            while self.heard.iter().any(|heard| heard.load(Ordering::Relaxed) + but < self.told) {
                self.bell.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("everybody hears everything");
    }

    /// Tells as fast as everybody hears.
    async fn at_peak(&mut self, token: &str, messages: u64) {
        for _ in 0..messages {
            self.tell(token).await;
            self.wait(WINDOW).await;
        }
        self.wait(0).await;
    }

    /// Tells at an even rate for a time; the 99th percentile of how long deliveries took, in milliseconds.
    async fn at_rate(&mut self, token: &str, rate: f64, time: Duration) -> f64 {
        LATENCIES.with_borrow_mut(Vec::clear);
        let begun = tokio::time::Instant::now();
        let mut due = begun;
        while due.duration_since(begun) < time {
            tokio::time::sleep_until(due).await;
            self.tell(token).await;
            due += Duration::from_secs_f64(1.0 / rate);
        }
        self.wait(0).await;
        LATENCIES.with_borrow_mut(|all| {
            all.sort_unstable();
            all[all.len() * 99 / 100] as f64 / 1e6
        })
    }
}

/// A socket, as little of one as it takes to read what a server says.
struct Socket {
    reading: OwnedReadHalf,
    kept: Vec<u8>,
    at: usize,
    writing: tokio::net::tcp::OwnedWriteHalf,
}

impl Socket {
    async fn past_head(&mut self) {
        loop {
            if let Some(end) = self.kept.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.kept[..end]).into_owned();
                assert!(head.starts_with("HTTP/1.1 101"), "{head}");
                self.at = end + 4;
                return;
            }
            assert!(self.more().await, "it hung up");
        }
    }

    async fn more(&mut self) -> bool {
        if self.at == self.kept.len() {
            self.kept.clear();
            self.at = 0;
        }
        self.reading.read_buf(&mut self.kept).await.is_ok_and(|read| read > 0)
    }

    /// The next text, or nothing at the end. Pings are answered.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let bytes = &self.kept[self.at..];
            let (head, length) = match bytes {
                [_, short @ 0..=125, ..] => (2, usize::from(*short)),
                [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
                [_, 127, ..] => panic!("no frame is as long"),
                _ => (2, usize::MAX),
            };
            if length == usize::MAX || bytes.len() < head + length {
                if !self.more().await {
                    return None;
                }
                continue;
            }
            let (kind, body) = (bytes[0], bytes[head..head + length].to_vec());
            self.at += head + length;
            match kind & 0x0f {
                1 => return Some(body),
                8 => return None,
                9 => self.frame(10, &body).await,
                _ => {}
            }
        }
    }

    async fn say(&mut self, text: &str) {
        self.frame(1, text.as_bytes()).await;
    }

    /// Clients mask what they say; a mask of nothing is one.
    async fn frame(&mut self, kind: u8, body: &[u8]) {
        let length = u16::try_from(body.len()).expect("short");
        let mut bytes = vec![0x80 | kind];
        if length < 126 {
            bytes.push(0x80 | length as u8);
        } else {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(body);
        // Whoever is gone is noticed by reading.
        drop(self.writing.write_all(&bytes).await);
    }
}

/// The number of a message, wherever it stands.
fn number_in(frame: &[u8]) -> Option<u64> {
    let at = frame.windows(11).position(|window| window[0] == b'#' && window[10] == b'#')?;
    std::str::from_utf8(&frame[at + 1..at + 10]).ok()?.parse().ok()
}

#[tokio::main(flavor = "current_thread")]
async fn run(foolscap: &Path, folder: &Path, rounds: usize, messages: u64, idle: usize) {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder).expect("a folder");
    rlimit::increase_nofile_limit(idle as u64 + 1_000).expect("files");
    let owner = AccountSecret::new([7; 32]).owner_token();
    let (account, token) = (owner.account_id(), owner.reveal());
    let start = || {
        let metrics = format!("127.0.0.1:{}", free_port());
        let mut server = Server::start("foolscap", foolscap, |command, port| {
            command.arg("serve").arg("--port").arg(port.to_string()).arg("--market").arg("demo");
            command.env("FOOLSCAP_METRICS", &metrics).env("FOOLSCAP_DATA", "memory").env("FOOLSCAP_LOG", "warn");
            command.env("TOKIO_WORKER_THREADS", "1").current_dir(folder);
        });
        server.tell = format!("/api/v1/rooms/{account}/messages");
        server.join = Some(json!({"v": 1, "type": "join", "room": account.room(), "token": token}).to_string());
        (server, format!("http://{metrics}/metrics"))
    };
    let (ours, metrics) = start();
    let program = std::env::current_exe().expect("this program");
    let bare = Server::start("bare", &program, |command, port| {
        command.arg("bare").arg(port.to_string());
    });
    let tell = |name: &str, value: f64, unit: &str| println!("{}", json!({"name": name, "value": value, "unit": unit}));

    // What a delivery costs.
    let servers = [&ours, &bare];
    let mut readers = [ours.readers(READERS).await, bare.readers(READERS).await];
    for readers in &mut readers {
        readers.at_peak(&token, messages / 4).await;
    }
    let mut costs: [Vec<(f64, f64)>; 2] = Default::default();
    for _ in 0..rounds {
        for ((server, readers), costs) in servers.iter().zip(&mut readers).zip(&mut costs) {
            let (cpu, begun) = (server.cpu(), Instant::now());
            readers.at_peak(&token, messages).await;
            let deliveries = (messages * READERS as u64) as f64;
            let us = (server.cpu() - cpu) * 1e6 / deliveries;
            costs.push((us, messages as f64 / begun.elapsed().as_secs_f64()));
        }
    }
    let middle = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    for (server, costs) in servers.iter().zip(&costs) {
        tell(&format!("{}.delivery", server.name), middle(&costs.iter().map(|cost| cost.0).collect::<Vec<_>>()), "us");
        tell(
            &format!("{}.peak", server.name),
            middle(&costs.iter().map(|cost| cost.1).collect::<Vec<_>>()),
            "messages/s",
        );
    }
    let ratios: Vec<f64> = costs[0].iter().zip(&costs[1]).map(|(ours, bare)| ours.0 / bare.0).collect();
    tell("of_bare", middle(&ratios), "ratio");
    let [mut told, others] = readers;
    drop(others);
    drop(bare);

    // How long one takes at half of what there could be.
    let peak = middle(&costs[0].iter().map(|cost| cost.1).collect::<Vec<_>>());
    tell("p99_at_half_peak", told.at_rate(&token, peak / 2.0, Duration::from_secs(6)).await, "ms");

    // One that takes nothing, in every other round.
    let rate = peak / 4.0;
    let time = Duration::from_secs(12);
    let (mut without, mut with, mut closed, mut grown) = (vec![], vec![], vec![], vec![]);
    for _ in 0..3 {
        without.push(told.at_rate(&token, rate, time).await);
        let before = ours.resident();
        let narrow = TcpSocket::new_v4().expect("a socket");
        narrow.set_recv_buffer_size(4_096).expect("TCP");
        let stream = narrow.connect(([127, 0, 0, 1], ours.port).into()).await.expect("it listens");
        let stalled = ours.enter(stream, ours.join.as_deref()).await;
        assert_eq!(ours.counted().await, READERS as u64 + 1);
        let begun = Instant::now();
        let ended = async {
            while ours.counted().await > READERS as u64 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            begun.elapsed()
        };
        let (p99, ended) = tokio::join!(told.at_rate(&token, rate, time), ended);
        with.push(p99);
        closed.push(ended.as_secs_f64());
        grown.push((ours.resident() - before) / 1024.0);
        drop(stalled);
    }
    let ratios: Vec<f64> = with.iter().zip(&without).map(|(with, without)| with / without).collect();
    tell("p99_without_stalled", middle(&without), "ms");
    tell("p99_with_stalled", middle(&with), "ms");
    tell("stalled.of_without", middle(&ratios), "ratio");
    tell("stalled.closed_after", closed.iter().copied().fold(0.0, f64::max), "s");
    tell("stalled.memory_grown", middle(&grown), "KiB");
    let metrics = tests::http::client().get(metrics).send().await.expect("metrics").text().await.expect("text");
    let slow = metrics.lines().find_map(|line| line.strip_prefix("foolscap_socket_ends_total{why=\"4002\"} "));
    tell("stalled.closed_by_4002", slow.map_or(0.0, |count| count.parse().expect("a number")), "sockets");
    drop(told);
    drop(ours);

    // Ten thousand that are told nothing, in a server that did nothing else; once before, so that it has what it
    // keeps for itself.
    let (ours, _) = start();
    let rooms: Vec<String> = (0..100)
        .map(|n| {
            let owner = AccountSecret::new([n; 32]).owner_token();
            let room = owner.account_id().room();
            json!({"v": 1, "type": "join", "room": room, "token": owner.reveal()}).to_string()
        })
        .collect();
    let enter = async |count: usize| {
        let mut sockets = Vec::with_capacity(count);
        for n in 0..count {
            sockets.push(ours.enter(ours.connect().await, Some(&rooms[n % rooms.len()])).await);
        }
        sockets
    };
    let left = async || {
        let begun = Instant::now();
        while ours.counted().await > 0 {
            assert!(begun.elapsed() < PATIENCE, "they are noticed to be gone");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    drop(enter(idle / 10).await);
    left().await;
    let before = ours.resident();
    let sockets = enter(idle).await;
    assert_eq!(ours.counted().await, idle as u64);
    let full = ours.resident();
    drop(sockets);
    left().await;
    tell("idle.sockets", idle as f64, "sockets");
    tell("idle.before", before / 1024.0, "KiB");
    tell("idle.each", (full - before) / 1024.0 / idle as f64, "KiB");
    tell("idle.left", (ours.resident() - before) / before * 100.0, "%");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("it is bound").port()
}
