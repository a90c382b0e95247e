//! How rooms deliver: one message to 500 readers, beside a bare axum route over tokio's broadcast, Socket.IO and
//! Django Channels; one reader that takes nothing among them; ten thousand that are told nothing. `cargo xtask bench
//! rooms` runs it and holds what it prints to bars.
//!
//! Servers have one core, this program the other. Rounds take turns, so that a disturbance hits all alike, and the
//! middle one counts. What is compared is the servers' own CPU time for each delivery, which another program on the
//! machine disturbs least.

mod bare;
mod readers;
mod server;
mod socket;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use serde_json::json;
use shared::ids::AccountSecret;
use tokio::net::TcpSocket;

use self::readers::Readers;
use self::server::Server;

const READERS: usize = 500;
/// A round of a peer has as many messages less: it takes longer for each.
const OF_PEERS: u64 = 10;
/// How long readers are told at half of what there could be.
const AT_HALF: Duration = Duration::from_secs(6);
/// How long a round with a stalled reader takes, and one without.
const BESIDE_STALLED: Duration = Duration::from_secs(12);
/// What sockets took is back when no more than so much is left of it, in percent of what there was before.
const RETURNED: f64 = 5.0;
/// Nobody who is gone is counted for longer, and nothing of theirs is kept.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measure, and print a JSON line for each figure
    Run(Run),
    /// Hand on what is posted to everybody who is connected, and nothing else
    Bare {
        /// The port
        port: u16,
    },
}

#[derive(clap::Args)]
struct Run {
    /// The server's program
    #[arg(long)]
    foolscap: PathBuf,
    /// A folder to work in
    #[arg(long)]
    folder: PathBuf,
    /// The folder of the peers, installed
    #[arg(long)]
    peers: PathBuf,
    /// The interpreter that has Django Channels
    #[arg(long)]
    python: PathBuf,
    /// Rounds of each server
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Messages of a round
    #[arg(long, default_value_t = 600)]
    messages: u64,
    /// Sockets that are told nothing
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Measure those alone
    #[arg(long)]
    idle_alone: bool,
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Run(how) => run(&how),
        What::Bare { port } => bare::serve(port),
    }
    ExitCode::SUCCESS
}

#[tokio::main(flavor = "current_thread")]
async fn run(how: &Run) {
    drop(fs::remove_dir_all(&how.folder));
    fs::create_dir_all(&how.folder).expect("a folder");
    rlimit::increase_nofile_limit(how.idle as u64 + 1_000).expect("files");
    if !how.idle_alone {
        let (ours, metrics) = Server::ours(&how.foolscap, &how.folder);
        let mut told = Readers::of(&ours, READERS).await;
        let peak = costs(how, &ours, &mut told).await;
        tell("p99_at_half_peak", told.at_rate(peak / 2.0, AT_HALF).await, "ms");
        stalled(&ours, &mut told, peak / 4.0, &metrics).await;
    }
    idle(&how.foolscap, &how.folder, how.idle).await;
}

/// What a delivery costs, here and elsewhere. The messages a second that this machine's two cores come to here.
async fn costs(how: &Run, ours: &Server, told: &mut Readers) -> f64 {
    let others = [Server::bare(), Server::socket_io(&how.peers), Server::channels(&how.peers, &how.python)];
    let servers = [ours, &others[0], &others[1], &others[2]];
    let mut rest = Vec::new();
    for server in &others {
        rest.push(Readers::of(server, READERS).await);
    }
    let messages = [how.messages, how.messages, how.messages / OF_PEERS, how.messages / OF_PEERS];
    let mut costs: [Vec<f64>; 4] = Default::default();
    let mut peaks: [Vec<f64>; 4] = Default::default();
    // The first round warms up.
    for round in 0..=how.rounds {
        let all = std::iter::once(&mut *told).chain(&mut rest);
        for (((server, readers), messages), (costs, peaks)) in
            servers.iter().zip(all).zip(messages).zip(costs.iter_mut().zip(&mut peaks))
        {
            let cpu = server.cpu();
            let peak = readers.at_peak(messages).await;
            if round > 0 {
                costs.push((server.cpu() - cpu) * 1e6 / (messages * READERS as u64) as f64);
                peaks.push(peak);
            }
        }
    }
    for ((server, costs), peaks) in servers.iter().zip(&costs).zip(&peaks) {
        tell(&format!("{}.delivery", server.name), middle(costs), "us");
        tell(&format!("{}.peak", server.name), middle(peaks), "messages/s");
    }
    let ratio =
        |one: &[f64], other: &[f64]| middle(&one.iter().zip(other).map(|(one, other)| one / other).collect::<Vec<_>>());
    tell("of_bare", ratio(&costs[0], &costs[1]), "ratio");
    tell("socket_io.of_ours", ratio(&costs[2], &costs[0]), "ratio");
    tell("channels.of_ours", ratio(&costs[3], &costs[0]), "ratio");
    middle(&peaks[0])
}

/// One that takes nothing, in every other round.
async fn stalled(ours: &Server, told: &mut Readers, rate: f64, metrics: &str) {
    let (mut without, mut with, mut closed, mut grown) = (vec![], vec![], vec![], vec![]);
    for _ in 0..3 {
        without.push(told.at_rate(rate, BESIDE_STALLED).await);
        let before = ours.resident();
        let narrow = TcpSocket::new_v4().expect("a socket");
        narrow.set_recv_buffer_size(4_096).expect("TCP");
        let stream = narrow.connect(([127, 0, 0, 1], ours.port).into()).await.expect("it listens");
        let stalled = ours.enter(stream).await;
        assert_eq!(ours.counted().await, READERS as u64 + 1);
        let begun = Instant::now();
        let ended = async {
            while ours.counted().await > READERS as u64 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (begun.elapsed(), ours.resident())
        };
        let (p99, (ended, after)) = tokio::join!(told.at_rate(rate, BESIDE_STALLED), ended);
        with.push(p99);
        closed.push(ended.as_secs_f64());
        grown.push((after - before) / 1024.0);
        drop(stalled);
    }
    let ratios: Vec<f64> = with.iter().zip(&without).map(|(with, without)| with / without).collect();
    tell("p99_without_stalled", middle(&without), "ms");
    tell("p99_with_stalled", middle(&with), "ms");
    tell("stalled.of_without", middle(&ratios), "ratio");
    tell("stalled.closed_after", closed.iter().copied().fold(0.0, f64::max), "s");
    tell("stalled.memory_grown", grown.iter().copied().fold(0.0, f64::max), "KiB");
    let metrics = tests::http::client().get(metrics).send().await.expect("metrics").text().await.expect("text");
    let slow = metrics.lines().find_map(|line| line.strip_prefix("foolscap_socket_ends_total{why=\"4002\"} "));
    tell("stalled.closed_by_4002", slow.map_or(0.0, |count| count.parse().expect("a number")), "sockets");
}

/// Those who are told nothing, in a server that did nothing else; once before, so that it has what it keeps for
/// itself.
async fn idle(foolscap: &Path, folder: &Path, count: usize) {
    let (ours, _) = Server::ours(foolscap, folder);
    let rooms: Vec<String> = (0..100).map(|n| server::join(&AccountSecret::new([n; 32]).owner_token())).collect();
    let enter = async |count: usize| {
        let mut sockets = Vec::with_capacity(count);
        for n in 0..count {
            sockets.push(ours.join(ours.connect().await, &rooms[n % rooms.len()]).await);
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
    drop(enter(count / 10).await);
    left().await;
    let before = ours.resident();
    let sockets = enter(count).await;
    assert_eq!(ours.counted().await, count as u64);
    let full = ours.resident();
    drop(sockets);
    left().await;
    // What is free goes back a little later, while the server does what it is asked.
    let begun = Instant::now();
    let grown = || (ours.resident() - before) / before * 100.0;
    while grown() > RETURNED && begun.elapsed() < PATIENCE {
        assert_eq!(ours.counted().await, 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tell("idle.sockets", count as f64, "sockets");
    tell("idle.before", before / 1024.0, "KiB");
    tell("idle.each", (full - before) / 1024.0 / count as f64, "KiB");
    tell("idle.left", grown(), "%");
    tell("idle.returned_after", begun.elapsed().as_secs_f64(), "s");
}

fn tell(name: &str, value: f64, unit: &str) {
    println!("{}", json!({"name": name, "value": value, "unit": unit}));
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
