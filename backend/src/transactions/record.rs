//! A request as the journal has it: the core's transaction, and what only the shell knows of it.

use serde::{Deserialize, Serialize};
use shared::ids::TransactionId;
use shared::money::{Units, Usd};
use shared::time::Timestamp;
use shared::transaction::gas::Strategy;
use shared::transaction::{
    Attempt, Before, Intent, Mined, Outcome, Over, Phase, Policy, State, StuckReason, Transaction,
};
use shared::wire::transactions::{AttemptInfo, Fill, PaperTwin, Plan, Purpose, Step, TransactionInfo, TroubleInfo};

/// A request and everything that was done for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the core knows.
    pub transaction: Transaction,
    /// What it is for.
    pub purpose: Purpose,
    /// How it is done, once it was quoted. Its limit holds from then on.
    pub plan: Option<Plan>,
    /// What it came to.
    pub fill: Option<Fill>,
    /// Its twin on paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<PaperTwin>,
    /// What it was worth when it was asked for, where that is known.
    pub value_usd: Option<Usd>,
    /// The approval it waits for, or waited for.
    pub approval: Option<TransactionId>,
    /// Every state it was in.
    pub history: Vec<Step>,
}

/// States that are remembered of one request: enough for every retry and many a reorganisation.
const MOST_STEPS: usize = 256;

impl Record {
    /// A request that was just accepted.
    pub fn new(
        id: TransactionId,
        intent: Intent,
        purpose: Purpose,
        value_usd: Option<Usd>,
        at: Timestamp,
        policy: &Policy,
    ) -> Record {
        let transaction = Transaction::new(id, intent, at, policy);
        let history = vec![Step { status: transaction.status(), at }];
        Record { transaction, purpose, plan: None, fill: None, twin: None, value_usd, approval: None, history }
    }

    /// Its name.
    pub const fn id(&self) -> TransactionId {
        self.transaction.id
    }

    /// How it prices gas.
    pub const fn strategy(&self) -> Strategy {
        match &self.purpose {
            Purpose::Swap(asked) => asked.strategy,
            Purpose::Approval { .. } => Strategy::Balanced,
            Purpose::Gap => Strategy::Speed,
        }
    }

    /// Takes the transaction after a step.
    pub fn take(&mut self, transaction: Transaction, at: Timestamp) {
        let status = transaction.status();
        if self.history.last().is_none_or(|last| last.status != status) {
            if self.history.len() >= MOST_STEPS {
                self.history.remove(1);
            }
            self.history.push(Step { status, at });
        }
        self.transaction = transaction;
    }

    /// The last state of which time was taken: when it became what it is.
    pub fn since(&self) -> Timestamp {
        self.history.last().map_or(self.transaction.created_at, |step| step.at)
    }

    /// Wei that what is signed at its nonce may still take, the most of all attempts.
    pub fn reserved(&self) -> alloy_primitives::U256 {
        let Some(nonce) = self.transaction.nonce() else { return alloy_primitives::U256::ZERO };
        let value = match &self.transaction.state {
            State::Live(spot, _) => spot.prepared.value.0,
            State::Before(_) | State::Over(_) => alloy_primitives::U256::ZERO,
        };
        let most = |attempt: &Attempt| {
            alloy_primitives::U256::from(attempt.gas_limit)
                .saturating_mul(alloy_primitives::U256::from(attempt.fees.max_fee))
        };
        self.transaction.attempts_at(nonce).map(most).max().unwrap_or_default().saturating_add(value)
    }

    /// Wei that all of its mined transactions have paid.
    pub fn fees_paid(&self) -> Units {
        let paid = |attempt: &Attempt| match &attempt.outcome {
            Outcome::Mined(mined) => Some(paid(mined)),
            Outcome::Signed | Outcome::Accepted | Outcome::Refused(_) | Outcome::Replaced => None,
        };
        let sum = self.transaction.attempts.iter().filter_map(paid);
        Units(sum.fold(alloy_primitives::U256::ZERO, alloy_primitives::U256::saturating_add))
    }

    /// As the API has it.
    pub fn info(&self) -> TransactionInfo {
        let transaction = &self.transaction;
        let troubles = transaction.troubles.iter();
        TransactionInfo {
            id: transaction.id,
            chain: transaction.intent.chain,
            sender: transaction.intent.sender,
            purpose: self.purpose.clone(),
            status: transaction.status(),
            is_final: transaction.status().is_final(),
            reason: reason(transaction),
            created_at: transaction.created_at,
            updated_at: transaction.updated_at,
            deadline: transaction.intent.deadline,
            value_usd: self.value_usd,
            plan: self.plan.clone(),
            fill: self.fill.clone(),
            paper_twin: self.twin.clone(),
            retries: transaction.retries,
            history: self.history.clone(),
            attempts: transaction.attempts.iter().map(attempt_info).collect(),
            troubles: troubles.map(|(at, what)| TroubleInfo { at: *at, what: what.to_string() }).collect(),
            fees_paid: self.fees_paid(),
        }
    }
}

fn paid(mined: &Mined) -> alloy_primitives::U256 {
    let gas = alloy_primitives::U256::from(mined.gas_used);
    gas.saturating_mul(alloy_primitives::U256::from(mined.gas_price)).saturating_add(mined.l1_fee.0)
}

fn attempt_info(attempt: &Attempt) -> AttemptInfo {
    let (outcome, mined) = match &attempt.outcome {
        Outcome::Signed => ("signed", None),
        Outcome::Accepted => ("accepted", None),
        Outcome::Refused(_) => ("refused", None),
        Outcome::Mined(mined) => ("mined", Some(mined)),
        Outcome::Replaced => ("replaced", None),
    };
    AttemptInfo {
        kind: attempt.kind,
        nonce: attempt.nonce,
        hash: attempt.hash,
        max_fee: attempt.fees.max_fee,
        priority_fee: attempt.fees.priority_fee,
        gas_limit: attempt.gas_limit,
        signed_at: attempt.signed_at,
        broadcasts: attempt.broadcasts,
        outcome: outcome.to_owned(),
        block: mined.map(|mined| mined.block),
        success: mined.map(|mined| mined.success),
        gas_used: mined.map(|mined| mined.gas_used),
    }
}

/// Why it ended so, or what it waits for.
fn reason(transaction: &Transaction) -> Option<String> {
    match &transaction.state {
        State::Over(Over::Failed(trouble, _)) => Some(trouble.to_string()),
        State::Over(Over::Replaced(foreign)) => Some(format!(
            "transaction {}, which is not Foolscap's, took its nonce{}",
            foreign.hash,
            if foreign.same_payload { " and did the same" } else { "" }
        )),
        State::Live(_, Phase::Stuck(reason)) => Some(stuck(*reason).to_owned()),
        State::Before(Before::Retrying { .. } | Before::GasOptimizing { .. }) => {
            transaction.troubles.last().map(|(_, trouble)| trouble.to_string())
        }
        State::Before(Before::Preparing { .. } | Before::ReadyToSubmit { .. })
        | State::Live(_, Phase::Submitted | Phase::Pending | Phase::Confirming(_))
        | State::Over(Over::Confirmed(_) | Over::Completed(_) | Over::Papered | Over::Cancelled(_)) => None,
    }
}

/// What is wrong with a stuck one, and what comes next.
pub const fn stuck(reason: StuckReason) -> &'static str {
    match reason {
        StuckReason::TimedOut => "it was not mined in time: a dearer one takes its place while retries are left",
        StuckReason::Dropped => "the pool no longer holds it: it is sent again",
        StuckReason::FeeTooLow => "its cap is below the base fee: it waits for gas to fall, or for a replacement",
        StuckReason::Unknown => "its nonce is used up and it is not known by what: nothing is sent until that is seen",
        StuckReason::Unfunded => "the wallet cannot pay for it: it is sent again when the wallet is filled",
        StuckReason::Unsendable => "no node takes its bytes: its nonce is freed",
    }
}
