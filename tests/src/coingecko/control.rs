//! The strings behind the stage: scripts prices and faults, moves the clock, reads the call log.
//!
//! The same levers exist twice: [`Control`] for tests in this process, and `/__control/…` over HTTP
//! for browser stories ([`super::levers`]).

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rust_decimal::Decimal;
use serde::Serialize;
use tokio::sync::watch;

use super::{
    Config, coins,
    fault::{Endpoint, Fault, Faults},
    gate::{Gate, Limits},
    market::Market,
    number::{is_json_number, parse_decimal},
};
use crate::clock::Clock;

/// One call that reached the stand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// When, in milliseconds by the stand-in's clock.
    pub at_ms: i64,
    /// Its kind.
    pub endpoint: Endpoint,
    /// Method.
    pub method: String,
    /// Path below the API's root.
    pub path: String,
    /// Query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Names of the headers, lower-case and sorted. Values stay out: one of them is a key.
    pub headers: Vec<String>,
    /// A fingerprint of the key it carried, in a header or in the query: see [`fingerprint`].
    pub key: Option<u64>,
    /// The answer's status; `None` while it is on its way, or when none was sent.
    pub status: Option<u16>,
}

impl Call {
    /// A query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that holds a comma-joined list.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.parameter(name).map(|list| list.split(',').collect()).unwrap_or_default()
    }
}

/// Connections to the stand-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Made since the start.
    pub made: usize,
    /// Of them, open now.
    pub open: usize,
    /// The most that were open at a time.
    pub most: usize,
}

/// By this a key is told from another in the call log, without being in it.
pub fn fingerprint(key: &str) -> u64 {
    super::market::hash(0, &[key], 0)
}

/// Why a lever did not move.
#[derive(Debug, PartialEq, Eq)]
pub enum ControlError {
    /// No coin has this id.
    UnknownCoin(String),
    /// The text is not a JSON number.
    NotANumber(String),
}

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownCoin(id) => write!(f, "the stand-in has no coin {id:?}"),
            Self::NotANumber(text) => write!(f, "{text:?} is not a JSON number"),
        }
    }
}

impl std::error::Error for ControlError {}

/// A handle on a stand-in. Clones hold the same one.
#[derive(Clone, Debug)]
pub struct Control(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    stage: Mutex<Stage>,
    /// How many calls came; for those who wait for one.
    arrived: watch::Sender<usize>,
}

/// Everything that levers change and answers read.
#[derive(Debug)]
pub(super) struct Stage {
    pub market: Market,
    pub gate: Gate,
    pub faults: Faults,
    pub calls: Vec<Call>,
    pub list_padding: usize,
    pub lower_case_keys: bool,
    /// Coins that `/coins/list` leaves out: it lags behind what is found by contract.
    pub unlisted: BTreeSet<String>,
    pub connections: Connections,
}

impl Control {
    pub(super) fn new(config: &Config) -> Self {
        let clock = config.clock.clone();
        let stage = Stage {
            market: Market::new(config.seed, clock.now_ms(), config.moving),
            gate: Gate::new(config.host, vec![config.key.clone()], config.limits),
            faults: Faults::default(),
            calls: Vec::new(),
            list_padding: config.list_padding,
            lower_case_keys: config.lower_case_keys,
            unlisted: BTreeSet::new(),
            connections: Connections::default(),
        };
        Self(Arc::new(Shared { clock, stage: Mutex::new(stage), arrived: watch::Sender::new(0) }))
    }

    /// The stand-in's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Sets a coin's price from now on, by its decimal text; the text is served as it stands.
    pub fn set_price(&self, id: &str, text: &str) -> Result<(), ControlError> {
        self.script(id, [(Duration::ZERO, Some(text))])
    }

    /// Sets a coin's price to `null` from now on.
    pub fn unset_price(&self, id: &str) -> Result<(), ControlError> {
        self.script(id, [(Duration::ZERO, None)])
    }

    /// Sets a path of prices, each from a time after now on. All or nothing.
    pub fn script<'a>(
        &self,
        id: &str,
        path: impl IntoIterator<Item = (Duration, Option<&'a str>)>,
    ) -> Result<(), ControlError> {
        check_coin(id)?;
        let path: Vec<_> = path.into_iter().collect();
        for text in path.iter().filter_map(|(_, text)| *text) {
            check_number(text)?;
        }
        let now_ms = self.0.clock.now_ms();
        let mut stage = self.stage();
        for (after, text) in path {
            let from_ms = now_ms.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
            stage.market.script(id, from_ms, text.map(str::to_owned));
        }
        Ok(())
    }

    /// A stablecoin loses its peg: within `fall` it goes down to `low`, stays there for `hold`, and comes back to
    /// where it is now within `back`, in ten steps each way.
    pub fn depeg(&self, id: &str, low: &str, [fall, hold, back]: [Duration; 3]) -> Result<(), ControlError> {
        const STEPS: u32 = 10;
        let low = parse_decimal(low).ok_or_else(|| ControlError::NotANumber(low.to_owned()))?;
        let coin = coins::by_id(id).ok_or_else(|| ControlError::UnknownCoin(id.to_owned()))?;
        let now_ms = self.0.clock.now_ms();
        let peg = self.stage().market.price(coin, now_ms).and_then(|text| parse_decimal(&text)).unwrap_or(Decimal::ONE);
        let part = |n: u32| peg + (low - peg) * Decimal::from(n) / Decimal::from(STEPS);
        let down = (1..=STEPS).map(|n| (fall * n / STEPS, part(n)));
        let up = (1..=STEPS).map(|n| (fall + hold + back * n / STEPS, part(STEPS - n)));
        let path: Vec<_> = down.chain(up).map(|(after, price)| (after, price.normalize().to_string())).collect();
        self.script(id, path.iter().map(|(after, price)| (*after, Some(price.as_str()))))
    }

    /// Leaves a coin out of `/coins/list` from now on; by its contract it is still found.
    pub fn unlist(&self, id: &str) -> Result<(), ControlError> {
        check_coin(id)?;
        self.stage().unlisted.insert(id.to_owned());
        Ok(())
    }

    /// From now on these keys are accepted, and no others.
    pub fn accept_keys<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        self.stage().gate.keys = keys.into_iter().map(str::to_owned).collect();
    }

    /// Connections made and open.
    pub fn connections(&self) -> Connections {
        self.stage().connections
    }

    /// Counts a connection for as long as the guard lives.
    pub(super) fn connected(&self) -> Connected {
        let Connections { made, open, most } = &mut self.stage().connections;
        *made += 1;
        *open += 1;
        *most = (*most).max(*open);
        Connected(self.clone())
    }

    /// Says a coin was last updated at a time (seconds), whatever the clock says.
    pub fn pin_updated_at(&self, id: &str, seconds: i64) -> Result<(), ControlError> {
        check_coin(id)?;
        self.stage().market.pin_updated_at(id, seconds);
        Ok(())
    }

    /// Gives a pool this `reserve_in_usd`; `None` is `null`.
    pub fn set_reserve(&self, pool: &str, usd: Option<&str>) -> Result<(), ControlError> {
        usd.map_or(Ok(()), check_number)?;
        self.stage().market.set_reserve(pool, usd.map(str::to_owned));
        Ok(())
    }

    /// Forgets scripted prices, update times and reserves.
    pub fn clear_prices(&self) {
        self.stage().market.clear();
    }

    /// The next call of an endpoint meets a fault. Several queue up.
    pub fn fault_once(&self, endpoint: Endpoint, fault: Fault) {
        self.stage().faults.queue(endpoint, fault);
    }

    /// Every call of an endpoint meets a fault, until the faults are cleared.
    pub fn fault(&self, endpoint: Endpoint, fault: Fault) {
        self.stage().faults.last(endpoint, fault);
    }

    /// Takes back every fault, queued and lasting.
    pub fn clear_faults(&self) {
        self.stage().faults.clear();
    }

    /// The limits now.
    pub fn limits(&self) -> Limits {
        self.stage().gate.limits
    }

    /// Sets other limits.
    pub fn set_limits(&self, limits: Limits) {
        self.stage().gate.limits = limits;
    }

    /// Every call since the start or the last [`Self::forget_calls`], in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.stage().calls.clone()
    }

    /// The calls of one endpoint.
    pub fn calls_of(&self, endpoint: Endpoint) -> Vec<Call> {
        self.stage().calls.iter().filter(|call| call.endpoint == endpoint).cloned().collect()
    }

    /// Empties the call log.
    pub fn forget_calls(&self) {
        let mut stage = self.stage();
        stage.calls.clear();
        self.0.arrived.send_replace(0);
    }

    /// Waits until so many calls have come since the log was last emptied.
    pub async fn wait_for_calls(&self, count: usize) {
        let mut arrived = self.0.arrived.subscribe();
        // The sender lives in `self`, so this can't fail.
        drop(arrived.wait_for(|arrived| *arrived >= count).await);
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a call and returns its number.
    pub(super) fn arrive(&self, stage: &mut Stage, call: Call) -> usize {
        stage.calls.push(call);
        self.0.arrived.send_replace(stage.calls.len());
        stage.calls.len() - 1
    }

    /// Notes how a call was answered, unless the log was emptied in between.
    pub(super) fn answered(&self, number: usize, at_ms: i64, status: u16) {
        let mut stage = self.stage();
        if status == 200 {
            stage.gate.spend();
        }
        if let Some(call) = stage.calls.get_mut(number).filter(|call| call.at_ms == at_ms && call.status.is_none()) {
            call.status = Some(status);
        }
    }
}

/// An open connection.
pub(super) struct Connected(Control);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.stage().connections.open -= 1;
    }
}

fn check_coin(id: &str) -> Result<(), ControlError> {
    coins::by_id(id).map(drop).ok_or_else(|| ControlError::UnknownCoin(id.to_owned()))
}

fn check_number(text: &str) -> Result<(), ControlError> {
    if is_json_number(text) { Ok(()) } else { Err(ControlError::NotANumber(text.to_owned())) }
}
