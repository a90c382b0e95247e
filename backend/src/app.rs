//! What a handler can reach.

use std::sync::Arc;

use shared::time::Timestamp;
use shared::wire::Status;

use crate::accounts::{AccountError, Accounts};
use crate::candles::Candles;
use crate::chain::{Chains, RpcError};
use crate::clock::SharedClock;
use crate::coingecko::CoinGecko;
use crate::config::Config;
use crate::fleet::{Fleet, FleetError};
use crate::gas::Gas;
use crate::markets::Markets;
use crate::outbound::OutboundError;
use crate::prices::{self, Prices};
use crate::rooms::Rooms;
use crate::rooms::bus::Bus;
use crate::routes::rendered::Rendered;
use crate::store::Store;
use crate::tasks::Tasks;
use crate::transactions::{Live, LiveStartError};

/// For how long a coin that CoinGecko has no price of is not asked for again, in milliseconds.
const UNKNOWN_MS: u64 = 5 * 60_000;

/// The server's parts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// The server's parts.
#[derive(Debug)]
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The clock.
    pub clock: SharedClock,
    /// The prices.
    pub prices: Arc<Prices>,
    /// The markets.
    pub markets: Markets,
    /// The candles.
    pub candles: Candles,
    /// The gas.
    pub gas: Gas,
    /// Answers about prices that are still true.
    pub rendered: Rendered,
    /// The live side, where something is signed.
    pub live: Option<Live>,
    /// The rooms.
    pub rooms: Arc<Rooms>,
    /// The accounts.
    pub accounts: Accounts,
    /// What outlives the process.
    pub store: Store,
    upstream: Arc<CoinGecko>,
    fleet: Option<Arc<Fleet>>,
    started_at: Timestamp,
}

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No client for the price source.
    #[error("no HTTP client can be made: {0}")]
    Outbound(#[from] OutboundError),
    /// No way to the other backends.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// Nobody signs.
    #[error(transparent)]
    Live(#[from] LiveStartError),
    /// No client for a chain's RPC.
    #[error("no RPC client can be made: {0}")]
    Rpc(#[from] RpcError),
    /// What is kept of accounts cannot be read.
    #[error("the accounts cannot be read: {0}")]
    Accounts(#[from] AccountError),
}

impl App {
    /// Puts the parts together and starts their tasks.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn start(config: Config, clock: SharedClock, store: Store, tasks: &Tasks) -> Result<App, AppError> {
        let fleet = config
            .redis
            .as_ref()
            .map(|url| Fleet::new(url, config.limits.redis_patience, clock.clone()))
            .transpose()?
            .map(Arc::new);
        let bus = config
            .redis
            .as_ref()
            .map(|url| Bus::new(url, config.limits.redis_patience, clock.clone()))
            .transpose()
            .map_err(FleetError::Redis)?;
        let rooms = Rooms::new(clock.clone(), config.rooms, config.limits.readers, bus);
        rooms.start(tasks);
        let upstream = CoinGecko::new(&config, clock.clone())?.kept_in(store.clone()).await.one_of(fleet.clone());
        let upstream = Arc::new(upstream);
        let chains = Chains::new(&config, &clock)?;
        let rooms = Arc::new(rooms);
        let live = match &config.live {
            None => None,
            Some(settings) => {
                let (journal, rooms) = (store.journal(), rooms.clone());
                Some(Live::start(settings.clone(), &chains, journal, rooms, clock.clone(), tasks).await?)
            }
        };
        let settings = prices::Settings {
            lives: prices::Lives {
                thresholds: config.thresholds,
                watch_ms: u64::try_from(config.watch.as_millis()).unwrap_or(u64::MAX),
                unknown_ms: UNKNOWN_MS,
            },
            patience: config.limits.price_patience,
            demo: config.market == shared::market::MarketKind::Demo,
        };
        let prices =
            Prices::start(upstream.clone(), store.clone(), fleet.clone(), clock.clone(), settings, tasks).await;
        let prices = Arc::new(prices);
        let (copies, limits) = (store.copies(), config.accounts);
        let accounts = Accounts::start(copies, rooms.clone(), prices.clone(), clock.clone(), limits, tasks).await?;
        Ok(App(Arc::new(Parts {
            prices,
            markets: Markets::start(upstream.clone(), store.clone(), clock.clone(), tasks).await,
            candles: Candles::new(upstream.clone(), clock.clone()),
            rendered: Rendered::default(),
            rooms,
            accounts,
            live,
            gas: Gas::new(chains, clock.clone()),
            store,
            upstream,
            fleet,
            started_at: clock.now(),
            clock,
            config,
        })))
    }

    /// What the server is, and how well its sources serve it.
    pub fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: self.clock.now(),
            started_at: self.started_at,
            market: self.config.market,
            default_chain: self.config.default_chain,
            thresholds: self.config.thresholds,
            prices: self.upstream.status(),
            rpcs: self.gas.status(),
            redis: self.fleet.as_ref().map(|fleet| fleet.status()),
            accounts: self.accounts.status(),
            rooms: Some(self.rooms.status()),
        }
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
