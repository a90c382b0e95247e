//! Real transactions, on a real node with the real Uniswap: from the HTTP request to the chain's own balances.
//!
//! Time is the machine's, because blocks have it too, and is moved where something has to take long. A story waits
//! for what is told in the wallet's room.

mod breakers;
mod faults;
mod kills;
mod many;
mod paper;
mod points;
mod races;
mod rules;
mod scarce;
mod swaps;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alloy::primitives::{Address, U256};
use backend::config::{Config, Data, Live, Secret, SecretUrl};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::ids::TransactionId;
use shared::transaction::{Policy, Status};
use shared::wire::transactions::TransactionInfo;
use tests::{
    canary,
    clock::Clock,
    exchange::{CHAIN, Exchange, whole},
    wallet::Wallet,
    world::{Reply, Server, World},
};

use crate::socket::Client;

pub(crate) const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// An exchange, a server that trades there, and a listener in its wallet's room.
struct Desk {
    exchange: Exchange,
    world: World,
    wallet: Wallet,
    room: Client,
    /// Every state that was told of each.
    told: BTreeMap<TransactionId, Vec<TransactionInfo>>,
    /// Every alert that was told and not asked for yet.
    alerts: Vec<Value>,
    _folder: Scratch,
}

/// A folder that goes when the story does.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("foolscap-live-{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// As patient as the real one in blocks, and far less so in milliseconds.
fn quick() -> Policy {
    Policy {
        initial_backoff_ms: 100,
        max_backoff_ms: 1_000,
        look_every_ms: 300,
        fee_patience_ms: 500,
        gas_patience_ms: 500,
        ..Policy::default()
    }
}

impl Desk {
    async fn open() -> Desk {
        Desk::with(|_| {}).await
    }

    /// With other settings than a story's usual ones: one block is final, and everything is done soon.
    async fn with(change: impl FnOnce(&mut Live)) -> Desk {
        Desk::of(change, async |node| vec![node.to_owned()]).await
    }

    /// Where the server reaches the node by other ways.
    async fn through(ways: impl AsyncFnOnce(&str) -> Vec<String>) -> Desk {
        Desk::of(|_| {}, ways).await
    }

    async fn of(change: impl FnOnce(&mut Live), ways: impl AsyncFnOnce(&str) -> Vec<String>) -> Desk {
        Desk::at(Exchange::open().await, change, ways).await
    }

    async fn at(
        exchange: Exchange,
        change: impl FnOnce(&mut Live),
        ways: impl AsyncFnOnce(&str) -> Vec<String>,
    ) -> Desk {
        let folder = Scratch::new();
        let wallet = Wallet::make(&folder.0);
        exchange.endow(wallet.address, whole(1_000)).await;
        // Neither is ever told, whatever a story does.
        canary::also(tests::wallet::PASSWORD);
        canary::also(&alloy::hex::encode(wallet.key.to_bytes()));
        let mut live = Live {
            policy: quick(),
            depth: Some(1),
            poll: Some(Duration::from_millis(50)),
            ..Live::new(wallet.keystore.clone(), wallet.password())
        };
        live.venues.insert(CHAIN, exchange.venues());
        live.tokens.extend(exchange.tokens().map(|address| shared::token::TokenKey { chain: CHAIN, address }));
        change(&mut live);
        let urls = ways(&exchange.anvil.url).await;
        let urls = urls.iter().map(|url| SecretUrl::new(url.parse().unwrap())).collect();
        let data = Data::Folder(folder.0.join("data"));
        let settings = |config: &mut Config| {
            config.data = data;
            config.operator = Some(Secret::new(TOKEN));
            config.rpcs.insert(CHAIN, urls);
            config.rpc_calls_per_second = 100_000;
            config.live = Some(live);
        };
        let world = World::on(Clock::running(), |config, _| settings(config)).await;
        let room = enter(&world.server, wallet.address).await;
        Desk { exchange, world, wallet, room, told: BTreeMap::new(), alerts: vec![], _folder: folder }
    }

    /// The server ends, and another one takes its place.
    async fn restart(&mut self) {
        let settings = self.world.server.settings.clone();
        let next = self.world.replace_server(settings).await;
        next.expect("it ends in order");
        self.room = enter(&self.world.server, self.wallet.address).await;
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Reply {
        let request = self.world.server.request(Method::POST, path).bearer_auth(TOKEN).body(body.to_string());
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        Reply::to(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Reply {
        Reply::to(self.world.server.request(Method::GET, path).bearer_auth(TOKEN)).await.unwrap()
    }

    /// Asks for a swap, which is taken up.
    async fn submit(&self, swap: &Value) -> TransactionId {
        let reply = self.post("/api/v1/transactions", None, swap).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
        serde_json::from_str::<TransactionInfo>(&reply.body).unwrap().id
    }

    async fn info(&self, id: TransactionId) -> TransactionInfo {
        self.get(&format!("/api/v1/transactions/{id}")).await.good()
    }

    async fn ask(&self, id: TransactionId, what: &str) -> Reply {
        self.post(&format!("/api/v1/transactions/{id}/{what}"), None, &json!({})).await
    }

    /// What it is once its room tells that it fits.
    async fn until(&mut self, id: TransactionId, fits: impl Fn(&TransactionInfo) -> bool) -> TransactionInfo {
        loop {
            if let Some(found) = self.told.get(&id).and_then(|told| told.iter().find(|info| fits(info))) {
                return found.clone();
            }
            self.hear().await;
        }
    }

    /// Takes in what the room tells next.
    async fn hear(&mut self) {
        let mut frame = self.room.any().await;
        let data = frame["data"].take();
        match frame["type"].as_str() {
            Some("transaction_update") => {
                let info: TransactionInfo = serde_json::from_value(data).unwrap();
                if std::env::var_os("FOOLSCAP_TOLD").is_some() {
                    println!("{} {:?} {:?} {:?}", info.id, info.purpose, info.status, info.reason);
                }
                self.told.entry(info.id).or_default().push(info);
            }
            Some("alert_message") => self.alerts.push(data),
            _ => {}
        }
    }

    /// The next alert in the wallet's room about this subject.
    async fn alerted(&mut self, subject: &str) -> Value {
        loop {
            let fits = |data: &Value| data["alert"]["subject"].as_str().is_some_and(|about| about == subject);
            if let Some(at) = self.alerts.iter().position(fits) {
                return self.alerts.remove(at);
            }
            self.hear().await;
        }
    }

    /// What it is once it is in a state.
    async fn reaches(&mut self, id: TransactionId, status: Status) -> TransactionInfo {
        self.until(id, |info| {
            assert!(!info.is_final || info.status == status, "{id} is {:?}: {:?}", info.status, info.reason);
            info.status == status
        })
        .await
    }

    async fn balance(&self, asset: &str) -> U256 {
        match asset {
            "native" => self.exchange.native(self.wallet.address).await,
            token => self.exchange.v2.balance(token.parse().unwrap(), self.wallet.address).await,
        }
    }

    /// WETH and the two tokens, as they are written.
    fn tokens(&self) -> [String; 3] {
        self.exchange.tokens().map(|token| token.to_string())
    }

    /// A swap of native coin for the first token.
    fn usual(&self) -> Value {
        let [_, first, _] = self.tokens();
        json!({
            "chain": CHAIN.id(), "sell": "native", "buy": first, "exact": {"sell": whole(1).to_string()},
            "deadline_seconds": 3_600, "strategy": "speed",
        })
    }
}

async fn enter(server: &Server, wallet: Address) -> Client {
    let mut room = Client::open(server).await;
    room.send(&json!({"v": 1, "type": "join", "room": format!("live_{wallet}"), "token": TOKEN})).await;
    room.hear("joined").await;
    room
}
