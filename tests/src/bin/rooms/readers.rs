//! Readers of one server, and who tells them: every message is heard by every reader, whole and in order, or the
//! run fails.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
    time::{sleep_until, timeout},
};

use crate::server::Server;
use crate::socket::Socket;

/// Bytes of what a message says.
const BYTES: usize = 256;
/// Messages on their way at most, so that no reader falls behind what is remembered.
const WINDOW: u64 = 4;
/// No reader waits longer for a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// Readers, until this is dropped.
pub struct Readers {
    count: usize,
    heard: Arc<Heard>,
    told: u64,
    tasks: Vec<JoinHandle<()>>,
    /// The head of a request that hands a message in.
    head: String,
    has_envelope: bool,
    name: &'static str,
    port: u16,
}

/// What they have heard together.
#[derive(Default)]
struct Heard {
    log: Mutex<Log>,
    /// Rung when all have heard another message, and when something is wrong.
    bell: Notify,
}

#[derive(Default)]
struct Log {
    /// Of each message: when it was handed in, and how many have heard it.
    messages: Vec<(Option<Instant>, usize)>,
    /// The last that all have heard.
    done: u64,
    /// How long deliveries took since this was emptied, in nanoseconds.
    took: Vec<u64>,
    /// What is wrong.
    broken: Option<String>,
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|task| task.abort());
    }
}

impl Readers {
    /// So many of them, inside.
    pub async fn of(server: &Server, count: usize) -> Self {
        let heard: Arc<Heard> = Arc::default();
        heard.lock(|log| log.messages.push((None, 0)));
        let mut tasks = Vec::new();
        for _ in 0..count {
            let socket = server.enter(server.connect().await).await;
            let heard = heard.clone();
            tasks.push(tokio::spawn(async move {
                let why = read(socket, &heard, count).await;
                heard.lock(|log| log.broken = Some(why));
                heard.bell.notify_one();
            }));
        }
        let (path, token) = &server.tell;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: Bearer {token}\r\n\
             content-type: text/plain\r\n",
            server.port
        );
        Self {
            count,
            heard,
            told: 0,
            tasks,
            head,
            has_envelope: server.has_envelope,
            name: server.name,
            port: server.port,
        }
    }

    /// Tells as fast as everybody hears; messages a second.
    pub async fn at_peak(&mut self, messages: u64) -> f64 {
        let mut teller = self.teller().await;
        let begun = Instant::now();
        for _ in 0..messages {
            self.tell(&mut teller).await;
            self.wait(WINDOW).await;
        }
        self.wait(0).await;
        messages as f64 / begun.elapsed().as_secs_f64()
    }

    /// Tells at an even rate for a time; the 99th percentile of how long deliveries took, in milliseconds.
    pub async fn at_rate(&mut self, rate: f64, time: Duration) -> f64 {
        let mut teller = self.teller().await;
        self.heard.lock(|log| log.took.clear());
        let begun = tokio::time::Instant::now();
        let mut due = begun;
        while due.duration_since(begun) < time {
            sleep_until(due).await;
            self.tell(&mut teller).await;
            due += Duration::from_secs_f64(1.0 / rate);
        }
        self.wait(0).await;
        let mut took = self.heard.lock(|log| std::mem::take(&mut log.took));
        took.sort_unstable();
        took[took.len() * 99 / 100] as f64 / 1e6
    }

    /// Whoever tells comes anew each time: a connection that asks nothing for a while is closed.
    async fn teller(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        stream.set_nodelay(true).expect("TCP");
        stream
    }

    /// Hands the next message in.
    async fn tell(&mut self, teller: &mut TcpStream) {
        self.told += 1;
        let number = format!("#{:09}#", self.told);
        let body = if self.has_envelope {
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
        let text = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.heard.lock(|log| log.messages.push((Some(Instant::now()), 0)));
        teller.write_all(text.as_bytes()).await.expect("it takes messages");
        let mut answer = [0; 2048];
        let mut read = 0;
        // Answers are short: the head, and a body of one line or none.
        loop {
            let more = teller.read(&mut answer[read..]).await.expect("it answers");
            assert!(more > 0, "it hung up");
            read += more;
            let text = String::from_utf8_lossy(&answer[..read]).to_ascii_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(head.starts_with("http/1.1 201"), "{text}");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |text| text.parse().expect("a length")) {
                    return;
                }
            }
        }
    }

    /// Waits until everybody has heard all but so many.
    async fn wait(&self, but: u64) {
        let all = async {
            while self.heard.lock(|log| {
                assert!(log.broken.is_none(), "{}: {:?}", self.name, log.broken);
                log.done + but < self.told
            }) {
                self.heard.bell.notified().await;
            }
        };
        let heard = timeout(PATIENCE, all).await;
        let done = self.heard.lock(|log| log.done);
        assert!(heard.is_ok(), "{}: all {} hear all of {}, not {done}", self.name, self.count, self.told);
    }
}

impl Heard {
    fn lock<T>(&self, work: impl FnOnce(&mut Log) -> T) -> T {
        work(&mut self.log.lock().expect("nobody panicked"))
    }
}

/// Reads on. It ends with what is wrong.
async fn read(mut socket: Socket, heard: &Heard, count: usize) -> String {
    let mut last = 0;
    while let Some(frame) = socket.next().await {
        if frame == b"2" {
            // Socket.IO asks in words whether somebody is there.
            socket.say("3").await;
        }
        let Some(number) = number_in(&frame) else { continue };
        if number != last + 1 {
            return format!("{number} came after {last}");
        }
        last = number;
        let is_done = heard.lock(|log| {
            let Some((Some(at), times)) = log.messages.get_mut(number as usize) else { return false };
            *times += 1;
            let (took, is_done) = (at.elapsed(), *times == count);
            log.took.push(took.as_nanos() as u64);
            if is_done {
                log.done = number;
            }
            is_done
        });
        if is_done {
            heard.bell.notify_one();
        }
    }
    format!("a reader was hung up on after {last}")
}

/// The number of a message, wherever it stands.
fn number_in(frame: &[u8]) -> Option<u64> {
    let at = frame.windows(11).position(|window| window[0] == b'#' && window[10] == b'#')?;
    std::str::from_utf8(&frame[at + 1..at + 10]).ok()?.parse().ok()
}
