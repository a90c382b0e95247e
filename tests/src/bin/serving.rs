//! How fast prices are served: `GET /api/v1/prices` from the cache, beside a bare axum route and nginx that give
//! out the same bytes. `cargo xtask bench prices` runs it and holds what it prints to bars.
//!
//! Servers have one core, this program the other. Rounds take turns (ours, bare, nginx, ours, …), so that a
//! disturbance hits all alike; the middle round counts. What is compared is requests for a second of the server's
//! own CPU time, which another program on the machine disturbs least. Every answer is read whole and checked.
//!
//! All are asked the same, so that only the server differs: a query that names twenty tokens has 900 bytes, and to
//! read them costs any server as much as a tenth of its answer. What the bare route does when it is asked without
//! them (`bare_in_short`) is told beside it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use serde_json::json;
use shared::{
    chain::Chain,
    token::{Origin, TokenTable},
};
use tests::coingecko::{CoinGecko, Config, Limits};

/// The core of the servers; this program is started on another one.
const SERVERS_CORE: &str = "0";
const TOKENS: usize = 20;
const CONNECTIONS: usize = 16;
/// Clock ticks in a second, as /proc counts CPU time on Linux.
const TICKS: f64 = 100.0;

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
        /// nginx
        #[arg(long)]
        nginx: PathBuf,
        /// A folder to work in
        #[arg(long)]
        folder: PathBuf,
        /// Rounds of each server
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Seconds of a round
        #[arg(long, default_value_t = 4.0)]
        seconds: f64,
        /// Requests after which memory must be what it was
        #[arg(long, default_value_t = 1_000_000)]
        requests: usize,
    },
    /// Serve the bytes of a file, and nothing else
    Bare {
        /// The port
        port: u16,
        /// The file
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Run { foolscap, nginx, folder, rounds, seconds, requests } => {
            run(&foolscap, &nginx, &folder, rounds, Duration::from_secs_f64(seconds), requests);
        }
        What::Bare { port, file } => bare(port, &fs::read(&file).expect("the body")),
    }
    ExitCode::SUCCESS
}

/// The bare route: what axum costs by itself, on one thread as one core has it.
#[tokio::main(flavor = "current_thread")]
async fn bare(port: u16, body: &[u8]) {
    use axum::{Router, http::header, routing::get};
    let body = axum::body::Bytes::copy_from_slice(body);
    let route = get(move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    axum::serve(listener, Router::new().route("/api/v1/prices", route)).await.expect("it serves");
}

/// A server that runs, and what is asked of it.
struct Server {
    name: &'static str,
    child: Child,
    port: u16,
    request: Vec<u8>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Starts a program on the servers' core and waits until it answers.
    fn start(name: &'static str, path: &str, program: &Path, set_up: impl FnOnce(&mut Command, u16)) -> Self {
        let port = free_port();
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", SERVERS_CORE]).arg(program).stdout(Stdio::null()).stderr(Stdio::null());
        set_up(&mut command, port);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: */*\r\n\r\n").into_bytes();
        let server = Self { name, child, port, request };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{name} does not answer");
            thread::sleep(Duration::from_millis(20));
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
    fn resident(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("it runs");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_nodelay(true).expect("TCP");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
        Connection { stream, kept: Vec::new() }
    }

    /// Has `work` done on each of several connections at once, and joins what comes of it.
    fn on_connections<T: Send>(&self, work: impl Fn(usize, Connection) -> T + Sync) -> Vec<T> {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|n| {
                    let (connection, work) = (self.connect(), &work);
                    scope.spawn(move || work(n, connection))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect()
        })
    }

    /// As many requests as it answers in a time: how many, and how many for each second of its CPU.
    fn peak(&self, time: Duration, looks: &Looks) -> (f64, f64) {
        let (cpu, begun) = (self.cpu(), Instant::now());
        let counts = self.on_connections(|_, mut connection| {
            let mut count = 0;
            while begun.elapsed() < time {
                looks.check(self.name, count, connection.ask(&self.request));
                count += 1;
            }
            count
        });
        let count = counts.iter().sum::<usize>() as f64;
        (count / begun.elapsed().as_secs_f64(), count / (self.cpu() - cpu))
    }

    /// The 99th percentile of the time an answer takes when requests come at an even rate, in milliseconds:
    /// from when each was to go out, also where the one before it was late.
    fn p99_at(&self, rate: f64, time: Duration, looks: &Looks) -> f64 {
        let begun = Instant::now();
        let every = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
        let latencies = self.on_connections(|n, mut connection| {
            let mut latencies = Vec::new();
            let mut due = begun + every.mul_f64(n as f64 / CONNECTIONS as f64);
            while due.duration_since(begun) < time {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                looks.check(self.name, latencies.len(), connection.ask(&self.request));
                latencies.push(due.elapsed());
                due += every;
            }
            latencies
        });
        let mut all = latencies.concat();
        all.sort_unstable();
        all[all.len() * 99 / 100].as_secs_f64() * 1000.0
    }
}

/// How a good body looks: whole, with as many prices as before. Times in it move, and so do changes of a day.
struct Looks {
    prices: usize,
}

/// Prices are counted in one of so many bodies: counting takes the client as long as an answer takes the server, and
/// it is not the client that is measured.
const COUNTED: usize = 64;

impl Looks {
    fn of(body: &[u8]) -> Self {
        Self { prices: prices_in(body) }
    }

    /// Looks at the body that came as the `turn`th.
    fn check(&self, name: &str, turn: usize, body: &[u8]) {
        let good = body.ends_with(b"}") && (!turn.is_multiple_of(COUNTED) || prices_in(body) == self.prices);
        assert!(good, "{name} answered something else: {}", String::from_utf8_lossy(body));
    }
}

fn prices_in(body: &[u8]) -> usize {
    body.windows(8).filter(|window| window == b"\"price\":").count()
}

/// A connection that is kept.
struct Connection {
    stream: TcpStream,
    kept: Vec<u8>,
}

impl Connection {
    /// The body of the answer to a request.
    fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).expect("it takes requests");
        self.kept.clear();
        let mut piece = [0; 16 * 1024];
        let (head, length) = loop {
            let read = self.stream.read(&mut piece).expect("it answers");
            assert!(read > 0, "it hung up");
            self.kept.extend_from_slice(&piece[..read]);
            if let Some(head) = self.kept.windows(4).position(|window| window == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.kept[..head]).to_ascii_lowercase();
                assert!(text.starts_with("http/1.1 200"), "{text}");
                let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
                break (head + 4, length.and_then(|text| text.trim().parse::<usize>().ok()).expect("a length"));
            }
        };
        while self.kept.len() < head + length {
            let read = self.stream.read(&mut piece).expect("it answers");
            assert!(read > 0, "it hung up");
            self.kept.extend_from_slice(&piece[..read]);
        }
        &self.kept[head..]
    }
}

fn run(foolscap: &Path, nginx: &Path, folder: &Path, rounds: usize, time: Duration, requests: usize) {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder).expect("a folder");
    let limits = Limits { calls_per_minute: None, credits: None, ..Limits::default() };
    let upstream = CoinGecko::bind(Config { limits, ..Config::default() }).expect("a stand-in");
    let tokens: Vec<String> = TokenTable::builtin()
        .iter()
        .filter(|token| token.origin == Origin::Builtin && !token.pinned && token.coin_id.is_some())
        .chain(
            TokenTable::builtin()
                .iter()
                .filter(|token| token.origin != Origin::Builtin && token.key.chain == Chain::Ethereum),
        )
        .map(|token| token.key.to_string())
        .take(TOKENS)
        .collect();
    assert_eq!(tokens.len(), TOKENS);
    let query = tokens.join(",");
    let path = format!("/api/v1/prices?tokens={query}");

    let ours = Server::start("foolscap", &path, foolscap, |command, port| {
        command.arg("serve").arg("--port").arg(port.to_string());
        command.env("COIN_GECKO_BASE_URL", &upstream.url).env("FOOLSCAP_METRICS", "off").env("FOOLSCAP_DATA", "memory");
        command.env("FOOLSCAP_LOG", "warn").current_dir(folder);
    });
    let body = ours.connect().ask(&ours.request).to_vec();
    let looks = Looks::of(&body);
    assert_eq!(looks.prices, TOKENS + natives_in(&body), "{}", String::from_utf8_lossy(&body));
    let file = folder.join("prices");
    fs::write(&file, &body).expect("a file");

    let program = std::env::current_exe().expect("this program");
    let bare_asked = |name, path: &str| {
        Server::start(name, path, &program, |command, port| {
            command.arg("bare").arg(port.to_string()).arg(&file);
        })
    };
    let bare = bare_asked("bare", &path);
    let bare_in_short = bare_asked("bare_in_short", "/api/v1/prices");
    let nginx = Server::start("nginx", &format!("/prices?tokens={query}"), nginx, |command, port| {
        let conf = folder.join("nginx.conf");
        fs::write(&conf, nginx_conf(folder, port)).expect("a file");
        command.arg("-p").arg(folder).arg("-c").arg(&conf);
    });

    let servers = [&ours, &bare, &nginx, &bare_in_short];
    // Once without counting, so that everybody is warm.
    for server in servers {
        server.peak(time / 4, &looks);
    }
    let mut peaks: [Vec<(f64, f64)>; 4] = Default::default();
    for _ in 0..rounds {
        for (server, peaks) in servers.iter().zip(&mut peaks) {
            peaks.push(server.peak(time, &looks));
        }
    }
    let middle = |peaks: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = peaks.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let tell = |name: &str, value: f64, unit: &str| println!("{}", json!({"name": name, "value": value, "unit": unit}));
    tell("body", body.len() as f64, "bytes");
    for (server, peaks) in servers.iter().zip(&peaks) {
        tell(&format!("{}.peak", server.name), middle(peaks, |peak| peak.0), "requests/s");
        tell(&format!("{}.per_cpu_second", server.name), middle(peaks, |peak| peak.1), "requests");
    }
    let [own, bares, nginxs, in_short] = peaks.each_ref().map(|peaks| middle(peaks, |peak| peak.1));
    tell("of_bare_axum", own / bares, "ratio");
    tell("of_nginx", own / nginxs, "ratio");
    tell("of_bare_axum_in_short", own / in_short, "ratio");
    tell("p99_at_half_peak", ours.p99_at(middle(&peaks[0], |peak| peak.0) / 2.0, time, &looks), "ms");

    let before = ours.resident();
    let share = requests.div_ceil(CONNECTIONS);
    ours.on_connections(|_, mut connection| {
        for turn in 0..share {
            looks.check(ours.name, turn, connection.ask(&ours.request));
        }
    });
    tell("memory_grown", ours.resident().saturating_sub(before) as f64 / 1024.0, "KiB");
}

/// Prices of the coins that pay for gas, which come along.
fn natives_in(body: &[u8]) -> usize {
    let body: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    body["natives"].as_array().map_or(0, Vec::len)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("it is bound").port()
}

/// One process that serves one file from its cache of open files.
fn nginx_conf(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off;\nmaster_process off;\nerror_log {folder}/error.log;\npid {folder}/nginx.pid;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 100000000;\n  \
         open_file_cache max=16;\n  default_type application/json;\n  client_body_temp_path {folder}/body;\n  \
         proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n  \
         scgi_temp_path {folder}/scgi;\n  server {{ listen 127.0.0.1:{port}; root {folder}; }}\n}}\n"
    )
}
