//! What was found outside, as what happened to records.

use alloy_primitives::U256;
use shared::ids::TransactionId;
use shared::money::Units;
use shared::time::Timestamp;
use shared::transaction::{Event, Intent, State, Status, Trouble};
use shared::wire::alerts::Severity;
use shared::wire::transactions::{Asset, Exact, LiveAlertKind, LiveAlertMessage, Purpose};

use super::{Happened, Owner};
use crate::chain::RpcError;
use crate::dex::Readiness;
use crate::transactions::acts::{self, Account, Found, Prices, Sweep};
use crate::transactions::record::Record;
use crate::transactions::{alerts, new_id};

impl Owner {
    /// Takes in what an act has found, and tells what that means for records.
    pub(super) async fn hear(&mut self, found: Found) -> Happened {
        match found {
            Found::Nothing => vec![],
            Found::Readiness(id, readiness) => self.hear_readiness(id, readiness).await,
            Found::Priced(ids, prices) => self.hear_prices(ids, prices),
            Found::Swept(swept) => self.hear_sweep(swept).await,
            Found::Sent(sent) => {
                sent.into_iter().map(|(id, attempt, reply)| (id, Event::Sent { attempt, reply })).collect()
            }
            Found::Filled(id, fill, twin) => {
                if let Some(record) = self.records.get_mut(&id) {
                    // Kept together with the step that it belongs to.
                    record.fill = fill;
                    record.twin = twin;
                }
                vec![(id, Event::Booked)]
            }
            Found::Papered(id, attempt, Ok(fill)) => {
                if let Some(record) = self.records.get_mut(&id) {
                    record.fill = Some(fill);
                }
                vec![(id, Event::Papered { attempt })]
            }
            Found::Papered(id, attempt, Err(trouble)) => vec![(id, Event::Unsigned { attempt, trouble })],
        }
    }

    async fn hear_readiness(&mut self, id: TransactionId, readiness: Readiness) -> Happened {
        if !self.records.contains_key(&id) {
            return vec![];
        }
        match readiness {
            Readiness::Ready(prepared, plan) => {
                self.note_nodes(None);
                self.gates.note_dex(true, "");
                if let Some(record) = self.records.get_mut(&id).filter(|_| plan.is_some()) {
                    record.plan = plan;
                }
                vec![(id, Event::Prepared(prepared))]
            }
            Readiness::Not(trouble) => {
                // A revert is the venue's, and so is one that it has no pool for; a node that is away is not.
                if !matches!(trouble, Trouble::Unreachable { .. } | Trouble::InsufficientFunds { .. }) {
                    self.gates.note_dex(false, &trouble.to_string());
                }
                vec![(id, Event::Unprepared(trouble))]
            }
            Readiness::Unapproved { token, spender, amount } => self.approve(id, token, spender, amount).await,
        }
    }

    /// Has a router be let take what a swap sells: exactly that, and what other swaps that are out still take.
    async fn approve(
        &mut self,
        id: TransactionId,
        token: alloy_primitives::Address,
        spender: alloy_primitives::Address,
        amount: U256,
    ) -> Happened {
        let same = |record: &&Record| match &record.purpose {
            Purpose::Approval { token: of, spender: to, .. } => (*of, *to) == (token, spender),
            Purpose::Swap(_) | Purpose::Gap => false,
        };
        let unprepared = |trouble| vec![(id, Event::Unprepared(trouble))];
        if let Some(known) = self.records.values().find(same) {
            return unprepared(Trouble::Waiting { id: known.id() });
        }
        let Some(record) = self.records.get(&id) else { return vec![] };
        if let Some(before) = record.approval
            && self.ended.get(&before).is_some_and(|status| *status != Status::Completed)
        {
            let why = format!("its approval, transaction {before}, did not come to pass");
            return unprepared(Trouble::Refused { why });
        }
        let taken = self.records.values().filter_map(|other| still_takes(other, token, spender));
        let amount = taken.fold(amount, U256::saturating_add);
        let intent = Intent { fills: None, ..record.transaction.intent.clone() };
        let approval = Purpose::Approval { token, spender, amount: Units(amount), swap: id };
        let Some(approval) = self.begin(intent, approval).await else {
            return unprepared(Trouble::Unreachable { detail: "the journal cannot be written".into() });
        };
        if let Some(record) = self.records.get_mut(&id) {
            record.approval = Some(approval);
        }
        vec![(approval, Event::Started), (id, Event::Unprepared(Trouble::Waiting { id: approval }))]
    }

    /// Takes up a request of our own. Nothing where it cannot be kept.
    async fn begin(&mut self, intent: Intent, purpose: Purpose) -> Option<TransactionId> {
        let (id, now) = (new_id(&self.means.clock), self.now());
        let record = Record::new(id, intent, purpose, None, now, &self.means.policy);
        let row = super::row(&record).ok()?;
        let kept = self.means.journal.accept::<Record>(&self.lease, &[(row, None)]).await;
        if let Err(error) = kept {
            tracing::error!(event = "journal_failed", chain = self.means.chain.id(), severity = "critical", %error);
            return None;
        }
        self.records.insert(id, record);
        Some(id)
    }

    fn hear_prices(&mut self, ids: Vec<TransactionId>, prices: Result<Prices, RpcError>) -> Happened {
        let prices = match prices {
            Ok(prices) => prices,
            Err(error) => {
                self.note_nodes(Some(&error));
                let unknown = || Event::GasUnknown(acts::unreachable(&error));
                return ids.into_iter().map(|id| (id, unknown())).collect();
            }
        };
        self.note_nodes(None);
        self.note_account(prices.account);
        let ceiling = self.means.policy.max_gas_price;
        // One look at the chain is one observation, however many wait for it: whether anybody gets gas under the
        // ceiling.
        let mut least = None;
        let mut happened = vec![];
        for id in ids {
            let Some(record) = self.records.get(&id) else { continue };
            happened.push((
                id,
                match acts::quote(record.strategy(), &prices.history) {
                    Ok(quote) => {
                        let asked = quote.base_fee.saturating_add(quote.fees.priority_fee);
                        least = Some(least.map_or(asked, |least: u128| least.min(asked)));
                        Event::GasPriced(quote)
                    }
                    Err(trouble) => Event::GasUnknown(trouble),
                },
            ));
        }
        if let Some(least) = least {
            let why = format!("gas costs {least} wei, and the ceiling is {ceiling}");
            self.gates.note_gas(least <= ceiling, &why);
        }
        happened
    }

    /// Whether any node answers. That none does is told once, and when one does again.
    fn note_nodes(&mut self, error: Option<&RpcError>) {
        let now = self.now();
        let chain = self.means.chain;
        let told = |message: String, since| {
            alerts::begins(LiveAlertKind::NodesUnreachable, Severity::Critical, chain.id(), message, since, now)
        };
        match (error.filter(|error| error.is_the_nodes()), self.nodes_down) {
            (Some(error), None) => {
                self.nodes_down = Some(now);
                tracing::error!(event = "nodes_unreachable", chain = chain.id(), severity = "critical", %error);
                let message = format!("no node of {} answers: {error}; what is out is looked for again", chain.name());
                self.means.teller.alert(&told(message, now));
            }
            (None, Some(since)) if error.is_none() => {
                self.nodes_down = None;
                let message = format!("a node of {} answers again", chain.name());
                self.means.teller.alert(&LiveAlertMessage { over: true, ..told(message, since) });
            }
            (Some(_), Some(_)) | (None, _) => {}
        }
    }

    fn note_account(&mut self, account: Account) {
        // Of two nodes the one that is ahead is right about the nonce: it never falls but by a reorganisation, which
        // a sweep tells of.
        let latest = self.account.map_or(account.latest, |before| before.latest.max(account.latest));
        self.account = Some(Account { latest, ..account });
    }

    async fn hear_sweep(&mut self, swept: Result<Sweep, RpcError>) -> Happened {
        self.is_sweeping = false;
        let sweep = match swept {
            Ok(sweep) => sweep,
            Err(error) => {
                self.note_nodes(Some(&error));
                tracing::debug!(event = "sweep_failed", chain = self.means.chain.id(), %error);
                return vec![];
            }
        };
        self.note_nodes(None);
        self.account = Some(sweep.account);
        self.last_block = Some(sweep.head.hash);
        let disorder = self.lane.observe(sweep.account.latest, sweep.deep);
        if !disorder.foreign.is_empty() {
            let (chain, nonces) = (self.means.chain.id(), disorder.foreign.len());
            tracing::warn!(event = "foreign_transactions", chain, nonces, "This wallet's key is used elsewhere too");
        }
        let mut happened: Happened =
            sweep.sightings.into_iter().map(|(id, sighting)| (id, Event::Seen(sighting))).collect();
        for gap in disorder.gaps {
            // What waits in the pool with that nonce is somebody else's, and fills it.
            let is_filled = self.records.values().any(|record| record.transaction.intent.fills == Some(gap));
            if is_filled || sweep.account.pending > gap {
                continue;
            }
            let intent = Intent {
                chain: self.means.chain,
                sender: self.sender,
                // It has to be filled, however long that takes.
                deadline: Timestamp::from_millis(i64::MAX),
                max_gas_price: self.means.policy.max_gas_price,
                fills: Some(gap),
                paper: false,
            };
            tracing::warn!(
                event = "nonce_gap",
                chain = self.means.chain.id(),
                gap,
                "A nonce that nobody owns is filled"
            );
            if let Some(id) = self.begin(intent, Purpose::Gap).await {
                happened.push((id, Event::Started));
            }
        }
        happened
    }
}

/// What a swap that is out may still take of a token by a router.
fn still_takes(record: &Record, token: alloy_primitives::Address, spender: alloy_primitives::Address) -> Option<U256> {
    let (Purpose::Swap(asked), Some(plan), State::Live(..)) =
        (&record.purpose, &record.plan, &record.transaction.state)
    else {
        return None;
    };
    let sold = match asked.exact {
        Exact::Sell(sold) => sold.0,
        Exact::Buy(_) => plan.limit.0,
    };
    (asked.sell == Asset::Token(token) && plan.router == spender).then_some(sold)
}
