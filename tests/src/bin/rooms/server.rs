//! The servers that are measured, each a process on the servers' core.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use shared::ids::AccountSecret;
use shared::wire::socket::PATH;
use tokio::net::TcpStream;

use crate::socket::Socket;

/// The core of the servers; this program is started on another one.
const CORE: &str = "0";
/// Clock ticks in a second, as /proc counts CPU time on Linux.
const TICKS: f64 = 100.0;
/// What is in memory comes in pages of so many bytes.
const PAGE: f64 = 4096.0;

/// A server that runs. Dropping it ends it.
pub struct Server {
    /// What it is called in the figures.
    pub name: &'static str,
    /// Where it listens.
    pub port: u16,
    /// Where a message is handed in, and as whom.
    pub tell: (String, String),
    /// What a message is made of, so that it says 256 bytes.
    pub has_envelope: bool,
    /// Where a socket is opened.
    socket: &'static str,
    /// How somebody enters.
    entry: Entry,
    child: Child,
    /// What it does not work without; its CPU time counts too.
    beside: Option<Box<Server>>,
}

/// What is said when a socket opens.
pub enum Entry {
    /// Nothing: everybody hears everything.
    Open,
    /// A frame of ours, and who enters is welcomed.
    Join(String),
    /// The words of Socket.IO's protocol.
    SocketIo,
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
        command.args(["--cpu-list", CORE]).arg(program).stdout(Stdio::null()).stderr(Stdio::null());
        set_up(&mut command, port);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut server = Self {
            name,
            port,
            tell: ("/tell".into(), String::new()),
            has_envelope: false,
            socket: PATH,
            entry: Entry::Open,
            child,
            beside: None,
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().ok().flatten();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(30), "{name} does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Ours, with all it has: tokens, history, metrics. And where its metrics are.
    pub fn ours(foolscap: &Path, folder: &Path) -> (Self, String) {
        let owner = AccountSecret::new([7; 32]).owner_token();
        let metrics = format!("127.0.0.1:{}", free_port());
        let mut server = Self::start("foolscap", foolscap, |command, port| {
            command.arg("serve").arg("--port").arg(port.to_string()).arg("--market").arg("demo");
            command.env("FOOLSCAP_METRICS", &metrics).env("FOOLSCAP_DATA", "memory").env("FOOLSCAP_LOG", "warn");
            command.env("TOKIO_WORKER_THREADS", "1").current_dir(folder);
        });
        server.tell = (format!("/api/v1/rooms/{}/messages", owner.account_id()), owner.reveal());
        server.has_envelope = true;
        server.entry = Entry::Join(join(&owner));
        (server, format!("http://{metrics}/metrics"))
    }

    /// The bare loop: see [`crate::bare`].
    pub fn bare() -> Self {
        let program = std::env::current_exe().expect("this program");
        Self::start("bare", &program, |command, port| {
            command.arg("bare").arg(port.to_string());
        })
    }

    /// Socket.IO, as `tests/peers/socketio` has it.
    pub fn socket_io(peers: &Path) -> Self {
        let mut server = Self::start("socket_io", Path::new("node"), |command, port| {
            command.arg("server.mjs").arg(port.to_string()).current_dir(peers.join("socketio"));
            command.env("NODE_ENV", "production");
        });
        (server.socket, server.entry) = ("/socket.io/?EIO=4&transport=websocket", Entry::SocketIo);
        server
    }

    /// Django Channels over a Redis of its own, as `tests/peers/channels` has it.
    pub fn channels(peers: &Path, python: &Path) -> Self {
        let program = std::env::var_os("FOOLSCAP_REDIS_SERVER").map_or("redis-server".into(), PathBuf::from);
        let redis = Self::start("redis", &program, |command, port| {
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.current_dir(std::env::temp_dir());
        });
        let mut server = Self::start("channels", python, |command, port| {
            command.args(["-m", "daphne", "--bind", "127.0.0.1", "--verbosity", "0", "--port", &port.to_string()]);
            command.arg("server:application").current_dir(peers.join("channels"));
            command.env("FOOLSCAP_PEER_REDIS", format!("redis://127.0.0.1:{}", redis.port));
        });
        server.socket = "/socket";
        server.beside = Some(Box::new(redis));
        server
    }

    /// Seconds of CPU time it has had, with what is beside it.
    pub fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // The name, in parentheses, may hold blanks; after it come the fields from the third on.
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        let ticks = |at: usize| fields[at - 3].parse::<f64>().expect("a number");
        (ticks(14) + ticks(15)) / TICKS + self.beside.as_deref().map_or(0.0, Self::cpu)
    }

    /// Bytes of memory it has.
    pub fn resident(&self) -> f64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("it runs");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("a number") * PAGE
    }

    /// A connection to it.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens")
    }

    /// A socket that has entered, and is past everything that is said to who enters.
    pub async fn enter(&self, stream: TcpStream) -> Socket {
        match &self.entry {
            Entry::Open => Socket::open(stream, self.socket).await,
            Entry::Join(join) => self.join(stream, join).await,
            Entry::SocketIo => {
                let mut socket = Socket::open(stream, self.socket).await;
                assert_eq!(socket.next().await.expect("a welcome").first(), Some(&b'0'));
                socket.say("40").await;
                assert!(socket.next().await.expect("an answer").starts_with(b"40"));
                socket
            }
        }
    }

    /// A socket that has entered a room of ours.
    pub async fn join(&self, stream: TcpStream, join: &str) -> Socket {
        let mut socket = Socket::open(stream, self.socket).await;
        socket.say(join).await;
        let joined = socket.next().await.expect("an answer");
        assert!(joined.starts_with(br#"{"v":1,"type":"joined""#), "{}", String::from_utf8_lossy(&joined));
        socket
    }

    /// How many read, by its own account: of ours alone.
    pub async fn counted(&self) -> u64 {
        let url = format!("http://127.0.0.1:{}/api/v1/status", self.port);
        let status: shared::wire::Status =
            tests::http::client().get(url).send().await.expect("it answers").json().await.expect("a status");
        status.rooms.expect("it has rooms").readers
    }
}

/// The frame by which an owner enters the room of an account.
pub fn join(owner: &shared::ids::OwnerToken) -> String {
    json!({"v": 1, "type": "join", "room": owner.account_id().room(), "token": owner.reveal()}).to_string()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("it is bound").port()
}
