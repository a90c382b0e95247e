//! Swaps on real chains: one request, at most one successful swap, always an answer.
//!
//! What is decided is in [`shared::transaction`]; here it is carried out. [`owner`] is the one task that owns the
//! nonces of a sender on a chain, [`acts`] what it has done outside, [`record`] a request as it is kept, [`signer`]
//! the key, [`gates`] what holds new attempts back, [`spending`] how much may be asked for, [`looks`] what there is
//! to be seen without anything being done, [`alerts`] what somebody should know now. Here is what may be
//! asked at all, and by whom it is done.
//!
//! Nothing signs unless a keystore is configured, and nothing on a chain with money in it unless that is allowed.

pub mod acts;
pub mod alerts;
pub mod gates;
pub mod looks;
pub mod metrics;
pub mod owner;
pub mod portfolio;
pub mod record;
pub mod signer;
pub mod spending;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use serde_json::value::RawValue;
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::money::Usd;
use shared::time::Timestamp;
use shared::token::{TokenKey, TokenTable};
use shared::transaction::{Intent, Policy, Refused};
use shared::wire::room::Kind;
use shared::wire::transactions::{
    Asset, BreakerInfo, Exact, LiveAlertMessage, NewTransaction, Purpose, TransactionInfo,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::alerts::Targets;
use self::owner::{Command, Means, Owner};
use self::record::Record;
use self::signer::{Signer, SignerError};
use self::spending::{Limits, OverLimit, Spending};
use crate::chain::Chains;
use crate::clock::SharedClock;
use crate::config::Secret;
use crate::dex::venues::Venues;
use crate::rooms::Rooms;
use crate::store::journal::{Journal, JournalError};
use crate::tasks::Tasks;

/// Commands that wait for an owner; whoever comes beyond them is told to come back.
const MOST_WAITING: usize = 4_096;
/// Steps that a way may be named to go through.
const MOST_VIA: usize = 3;
/// The longest name of a user, in characters.
const LONGEST_USER: usize = 64;
/// The loosest tolerance, in hundredths of a percent.
const MOST_SLIPPAGE_BPS: u16 = 5_000;

/// Who signs, where, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The encrypted keystore.
    pub keystore: PathBuf,
    /// What opens it.
    pub password: Secret,
    /// A wallet whose key is not here: swaps on paper go as if it were here, and nothing is signed.
    pub watched: Option<Address>,
    /// Whether chains with money in them are signed for.
    pub allow_mainnet: bool,
    /// How much may be asked for.
    pub limits: Limits,
    /// Tokens that may be swapped beside the built-in ones.
    pub tokens: BTreeSet<TokenKey>,
    /// Contracts that differ from those that Uniswap deployed.
    pub venues: BTreeMap<Chain, Venues>,
    /// The core's settings.
    pub policy: Policy,
    /// Blocks that make one final, where they differ from the chain's.
    pub depth: Option<u64>,
    /// Transactions that may be out beyond the chain's next nonce: geth promises an account 16 places.
    pub window: u64,
    /// How often the chain is looked at while something is out, where that differs from half a block.
    pub poll: Option<Duration>,
}

impl Settings {
    /// The usual ones for a keystore.
    pub fn new(keystore: PathBuf, password: Secret) -> Settings {
        Settings {
            keystore,
            password,
            watched: None,
            allow_mainnet: false,
            limits: Limits::default(),
            tokens: BTreeSet::new(),
            venues: BTreeMap::new(),
            policy: Policy::default(),
            depth: None,
            window: 16,
            poll: None,
        }
    }

    /// The contracts of a chain.
    pub fn venues(&self, chain: Chain) -> Venues {
        self.venues.get(&chain).copied().unwrap_or(Venues::of(chain))
    }

    fn policy(&self, chain: Chain) -> Policy {
        // What is safe against usual reorganisations: a few blocks of Ethereum, some more of a rollup's.
        let usual = if chain.facts().is_op_stack { 10 } else { 3 };
        Policy { depth: self.depth.unwrap_or(usual), ..self.policy.clone() }
    }
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// There is no key.
    #[error(
        "signing is off (FOOLSCAP_PAPER_WALLET and `paper` go every way but that): name an encrypted keystore in FOOLSCAP_KEYSTORE and its password's file in \
         FOOLSCAP_KEYSTORE_PASSWORD_FILE, and start the server again"
    )]
    SigningOff,
    /// This chain is not signed for.
    #[error("nothing is signed on {}: {why}", .chain.name())]
    NotHere {
        /// The chain.
        chain: Chain,
        /// What it takes.
        why: &'static str,
    },
    /// This token may not be swapped.
    #[error("token {0} is not on the list of those that may be swapped (FOOLSCAP_LIVE_TOKENS adds some)")]
    NotAllowed(TokenKey),
    /// It is above a limit.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// It cannot be what is meant.
    #[error("{0}")]
    Invalid(String),
    /// The key was used for something else.
    #[error("this idempotency key is that of transaction {0}, which asks for something else: take a new key")]
    KeyTaken(TransactionId),
    /// There is no such transaction.
    #[error("no transaction {0} is known")]
    Unknown(TransactionId),
    /// No node tells.
    #[error("no node of the chain can tell: {0}")]
    Unreachable(String),
    /// The core refuses.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be kept, so it is not done.
    #[error("it is not done, because it cannot be kept: {0}")]
    NotKept(String),
    /// A circuit breaker holds new requests back.
    #[error(
        "nothing new is taken up on {}: the circuit breaker {breaker} is open until {until}; what is out already goes \
         on (`foolscap breakers` tells more)", .chain.name()
    )]
    Blocked {
        /// The chain.
        chain: Chain,
        /// Which breaker.
        breaker: &'static str,
        /// When it lets one try.
        until: Timestamp,
        /// How long that is, in milliseconds.
        wait_ms: u64,
    },
    /// Too many wait.
    #[error("{MOST_WAITING} requests wait already; come back in a moment")]
    Busy,
}

/// Why the live side does not start.
#[derive(Debug, thiserror::Error)]
pub enum LiveStartError {
    /// Nobody signs.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There are records that nobody would carry on.
    #[error("no task could open the keystore")]
    Task,
}

/// The live side.
#[derive(Debug)]
pub struct Live {
    wallet: Address,
    lanes: BTreeMap<Chain, mpsc::Sender<Command>>,
    chains: Chains,
    settings: Settings,
    clock: SharedClock,
    spending: Arc<Spending>,
    /// Nobody has the key.
    is_paper_only: bool,
}

/// Who is told of changes.
#[derive(Debug, Clone)]
pub struct Teller {
    /// What is to be told in the wallet's room, in its order.
    news: mpsc::Sender<(Kind, Box<RawValue>)>,
    spending: Arc<Spending>,
    targets: Arc<Targets>,
}

impl Teller {
    /// It changed.
    pub fn changed(&self, record: &Record) {
        let info: TransactionInfo = record.info();
        self.tell(Kind::TransactionUpdate, &info);
    }

    /// Somebody should know.
    pub fn alert(&self, alert: &LiveAlertMessage) {
        self.tell(Kind::AlertMessage, alert);
    }

    fn tell(&self, kind: Kind, news: &impl serde::Serialize) {
        let Ok(data) = serde_json::value::to_raw_value(news) else { return };
        // Telling is never in the way of doing: whoever missed something asks for it.
        if self.news.try_send((kind, data)).is_err() {
            tracing::warn!(event = "news_dropped", kind = kind.name(), "A change was not told in the room");
        }
    }

    /// It has ended.
    pub fn ended(&self, record: &Record) {
        let status = record.transaction.status();
        if status != shared::transaction::Status::Completed {
            self.spending.release(record.id());
        }
        for alert in self.targets.take(record, record.since()) {
            self.alert(&alert);
        }
        let (id, chain) = (record.id(), record.transaction.intent.chain.id());
        tracing::info!(event = "transaction_ended", %id, chain, status = status.name());
    }
}

/// Tells in a wallet's room what comes, in its order.
async fn tell(
    rooms: Arc<Rooms>,
    wallet: Address,
    mut news: mpsc::Receiver<(Kind, Box<RawValue>)>,
    stop: CancellationToken,
) {
    loop {
        let next = tokio::select! {
            next = news.recv() => next,
            () = stop.cancelled() => None,
        };
        let Some((kind, data)) = next else { return };
        if let Err(error) = rooms.tell(wallet, kind, &data, None).await {
            tracing::debug!(event = "room_full", %error);
        }
    }
}

impl Live {
    /// Opens the keystore, takes over what has not ended, and starts an owner for each chain.
    ///
    /// # Errors
    /// [`LiveStartError`].
    pub async fn start(
        settings: Settings,
        chains: &Chains,
        journal: Journal,
        rooms: Arc<Rooms>,
        clock: SharedClock,
        tasks: &Tasks,
    ) -> Result<Live, LiveStartError> {
        let signer = match settings.watched {
            Some(wallet) => Signer::watching(wallet),
            None => {
                let (keystore, password) = (settings.keystore.clone(), settings.password.clone());
                // It is made to take long.
                let opening = tokio::task::spawn_blocking(move || Signer::open(&keystore, &password));
                opening.await.map_err(|_| LiveStartError::Task)??
            }
        };
        let (signer, is_paper_only) = (Arc::new(signer), settings.watched.is_some());
        let wallet = signer.address();
        let spending = Arc::new(Spending::new(settings.limits));
        let lately = clock.now().plus_millis(-24 * 3_600_000);
        for record in journal.since::<Record>(lately).await? {
            let status = record.transaction.status();
            if record.transaction.intent.paper {
                continue;
            }
            if !status.is_final() || status == shared::transaction::Status::Completed {
                spending.remember(record.id(), record.transaction.created_at, record.value_usd);
            }
        }
        let targets = Arc::new(Targets::default());
        let (news, told) = mpsc::channel(MOST_WAITING);
        tasks.spawn(tell(rooms, wallet, told, tasks.stop()));
        let mut lanes = BTreeMap::new();
        for chain in Chain::ALL {
            let Some(nodes) = chains.get(chain) else { continue };
            // On paper there is no money in any of them.
            if !chain.facts().is_test && !settings.allow_mainnet && !is_paper_only {
                continue;
            }
            let means = Means {
                chain,
                nodes: nodes.clone(),
                venues: settings.venues(chain),
                signer: signer.clone(),
                journal: journal.clone(),
                clock: clock.clone(),
                policy: settings.policy(chain),
                window: settings.window,
                poll: settings.poll.unwrap_or(Duration::from_millis(chain.facts().block_ms / 2)),
                teller: Teller { news: news.clone(), spending: spending.clone(), targets: targets.clone() },
            };
            let owner = Owner::start(means).await?;
            let (sender, receiver) = mpsc::channel(MOST_WAITING);
            tasks.spawn(owner.run(receiver, tasks.stop()));
            lanes.insert(chain, sender);
        }
        let all = chains.clone();
        let chains: Vec<u64> = lanes.keys().map(|chain| chain.id()).collect();
        if is_paper_only {
            tracing::info!(event = "paper_only", %wallet, ?chains, "Transactions go every way but the last");
        } else {
            tracing::info!(event = "signing_on", %wallet, ?chains, "Transactions are signed");
        }
        Ok(Live { wallet, lanes, chains: all, settings, clock, spending, is_paper_only })
    }

    /// Whose key signs.
    pub const fn wallet(&self) -> Address {
        self.wallet
    }

    /// Whether a swap's value has to be known.
    pub fn is_limited(&self) -> bool {
        self.spending.is_limited()
    }

    /// Takes a swap up. With a key that was used before, it is the one of then.
    ///
    /// # Errors
    /// [`LiveError`]; nothing is done then.
    pub async fn submit(
        &self,
        asked: NewTransaction,
        key: Option<String>,
        value_usd: Option<Usd>,
    ) -> Result<Record, LiveError> {
        let lane = self.lane(asked.chain)?;
        self.check(&asked)?;
        let now = self.clock.now();
        let id = new_id(&self.clock);
        if self.is_paper_only && !asked.paper {
            return Err(LiveError::SigningOff);
        }
        if !asked.paper {
            self.spending.ask(id, now, value_usd)?;
        }
        let policy = self.settings.policy(asked.chain);
        let intent = Intent {
            chain: asked.chain,
            sender: self.wallet,
            deadline: now.plus_millis(i64::from(asked.deadline_seconds) * 1_000),
            max_gas_price: asked.max_gas_price.unwrap_or(policy.max_gas_price).min(policy.max_gas_price),
            fills: None,
            paper: asked.paper,
        };
        let record = Record::new(id, intent, Purpose::Swap(asked), value_usd, now, &policy);
        let submit = |answer| Command::Submit(Box::new(record), key, answer);
        let result = command(lane, submit).await;
        if result.as_ref().map(Record::id) != Ok(id) {
            self.spending.release(id);
        }
        result
    }

    /// Has a transaction not happen, if that is still possible.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn cancel(&self, chain: Chain, id: TransactionId) -> Result<Record, LiveError> {
        command(self.lane(chain)?, |answer| Command::Cancel(id, answer)).await
    }

    /// Has a transaction happen sooner, for `percent` of what it offers now.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn replace(&self, chain: Chain, id: TransactionId, percent: u32) -> Result<Record, LiveError> {
        if !(110..=1_000).contains(&percent) {
            return Err(LiveError::Invalid("`gas_percent` is from 110, the least that pools take, to 1000".into()));
        }
        command(self.lane(chain)?, |answer| Command::Replace(id, percent, answer)).await
    }

    /// How the breakers of all chains are.
    pub async fn breakers(&self) -> Vec<BreakerInfo> {
        let mut all = vec![];
        for lane in self.lanes.values() {
            let (answer, answered) = oneshot::channel();
            if lane.send(Command::Breakers(answer)).await.is_ok() {
                all.extend(answered.await.unwrap_or_default());
            }
        }
        all
    }

    /// Closes a breaker of a chain; that of a user, where one is named. Whether there is one of this name.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn reset_breaker(&self, chain: Chain, name: &str, user: Option<String>) -> Result<bool, LiveError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.lane(chain)?.send(Command::Reset(name.to_owned(), user, answer)).await;
        sent.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())
    }

    fn lane(&self, chain: Chain) -> Result<&mpsc::Sender<Command>, LiveError> {
        let why = if !chain.facts().is_test && !self.settings.allow_mainnet {
            "it has money in it, and the server was not started with --allow-mainnet"
        } else {
            "it has no RPC (FOOLSCAP_RPC_<chain id>)"
        };
        self.lanes.get(&chain).ok_or(LiveError::NotHere { chain, why })
    }

    fn check(&self, asked: &NewTransaction) -> Result<(), LiveError> {
        let invalid = |why: &str| Err(LiveError::Invalid(why.to_owned()));
        let amount = match asked.exact {
            Exact::Sell(amount) | Exact::Buy(amount) => amount,
        };
        if amount.is_zero() {
            return invalid("an amount of nothing");
        }
        if asked.max_slippage_bps > MOST_SLIPPAGE_BPS {
            return invalid("`max_slippage_bps` is at most 5000, which is half");
        }
        if !(30..=86_400).contains(&asked.deadline_seconds) {
            return invalid("`deadline_seconds` is from 30 to 86400");
        }
        if asked.user.as_ref().is_some_and(|user| {
            !(1..=LONGEST_USER).contains(&user.len()) || !user.bytes().all(|byte| byte.is_ascii_graphic())
        }) {
            return invalid("`user` has 1 to 64 visible characters");
        }
        if asked.via.len() > MOST_VIA {
            return invalid("`via` names at most 3 tokens");
        }
        let weth = self.settings.venues(asked.chain).weth;
        let named = [asked.sell, asked.buy].into_iter().filter_map(|asset| match asset {
            Asset::Native => None,
            Asset::Token(address) => Some(address),
        });
        for address in named.chain(asked.via.iter().copied()) {
            let key = TokenKey { chain: asked.chain, address };
            let known =
                address == weth || self.settings.tokens.contains(&key) || TokenTable::builtin().get(key).is_some();
            if !known {
                return Err(LiveError::NotAllowed(key));
            }
        }
        Ok(())
    }
}

/// Has an owner do something, and waits for what it says.
async fn command(
    lane: &mpsc::Sender<Command>,
    spell: impl FnOnce(oneshot::Sender<Result<Record, LiveError>>) -> Command,
) -> Result<Record, LiveError> {
    let (answer, answered) = oneshot::channel();
    lane.try_send(spell(answer)).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => LiveError::Busy,
        mpsc::error::TrySendError::Closed(_) => ended(),
    })?;
    answered.await.unwrap_or_else(|_| Err(ended()))
}

fn ended() -> LiveError {
    LiveError::NotKept("the server is about to end, or another one signs for this wallet now".into())
}

/// A name that nobody had before: the time, and 80 bits of chance.
fn new_id(clock: &SharedClock) -> TransactionId {
    let mut random = [0; 10];
    let chance = RandomState::new();
    random[..8].copy_from_slice(&chance.hash_one(0_u8).to_be_bytes());
    random[8..].copy_from_slice(&chance.hash_one(1_u8).to_be_bytes()[..2]);
    TransactionId::new(clock.now(), random)
}
