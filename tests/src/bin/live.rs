//! The live side as a process of its own, so that a story can kill it: the real server with a story's settings.
//!
//! What it is to do stands in one JSON object on its command line; when it listens it prints its URL.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use backend::{
    Ports,
    config::{Config, Data, Live, Metrics, Secret, SecretUrl},
    dex::venues::{V3, Venues},
};
use serde::Deserialize;
use shared::{token::TokenKey, transaction::Policy};
use tests::{exchange::CHAIN, wallet::PASSWORD};
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Orders {
    data: PathBuf,
    keystore: PathBuf,
    node: String,
    token: String,
    /// `weth`, `v2`, `v3` and `quoter`.
    contracts: BTreeMap<String, alloy::primitives::Address>,
    tokens: Vec<TokenKey>,
    policy: Policy,
    /// Blocks that make one final; one unless told.
    #[serde(default)]
    depth: Option<u64>,
    /// Where it stops for good, says so, and waits to be killed: see `backend::crash`.
    #[serde(default)]
    stop_at: Option<String>,
}

#[tokio::main]
async fn main() {
    let orders = std::env::args().nth(1).expect("a JSON object says what to do");
    let orders: Orders = serde_json::from_str(&orders).expect("the orders can be read");
    if let Some(place) = orders.stop_at {
        backend::crash::arm(move |when, what| {
            if format!("{when} {what}") == place {
                println!("{place}");
                loop {
                    std::thread::park();
                }
            }
        });
    }
    let contract = |name: &str| orders.contracts[name];
    let v3 = Some(V3 { router: contract("v3"), quoter: contract("quoter") });
    let mut live = Live {
        policy: orders.policy,
        depth: orders.depth.or(Some(1)),
        poll: Some(Duration::from_millis(50)),
        ..Live::new(orders.keystore, Secret::new(PASSWORD))
    };
    live.venues.insert(CHAIN, Venues { weth: contract("weth"), v2_router: Some(contract("v2")), v3 });
    live.tokens.extend(orders.tokens);
    let mut config = Config {
        data: Data::Folder(orders.data),
        operator: Some(Secret::new(orders.token)),
        live: Some(live),
        market: shared::market::MarketKind::Demo,
        metrics: Metrics::Off,
        ..Config::default()
    };
    config.rpcs.insert(CHAIN, vec![SecretUrl::new(orders.node.parse().expect("a node has a URL"))]);
    config.rpc_calls_per_second = 100_000;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    config.listen = listener.local_addr().expect("a listener has an address");
    println!("http://{}", config.listen);
    let served = backend::serve(listener, config, Ports::default(), std::future::pending()).await;
    served.expect("it serves until it is killed");
}
