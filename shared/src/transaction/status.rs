//! The thirteen states of a transaction, as everybody names them, and which follows which.

use serde::{Deserialize, Serialize};

/// How a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being quoted, simulated and measured. Nothing is signed.
    Preparing,
    /// Waiting for a price of gas that its strategy and its ceiling allow. Nothing is signed.
    GasOptimizing,
    /// Priced; it waits for its nonce and its signature.
    ReadyToSubmit,
    /// Signed and kept; no node has said yet that it holds it.
    Submitted,
    /// In the pool of a node.
    Pending,
    /// Mined, in a block that is not deep enough yet.
    Confirming,
    /// Mined with success at depth; its amounts are being booked.
    Confirmed,
    /// Booked. Final.
    Completed,
    /// It will not happen, and why is known. Final.
    Failed,
    /// It did not work out yet and is tried again later. No nonce is held.
    Retrying,
    /// Cancelled before it was signed, or by a transaction that took its place. Final.
    Cancelled,
    /// It should have been mined by now, or what became of it cannot be known yet. Never final.
    Stuck,
    /// A transaction that is not ours took its nonce. Final.
    Replaced,
}

use Status::{
    Cancelled, Completed, Confirmed, Confirming, Failed, GasOptimizing, Pending, Preparing, ReadyToSubmit, Replaced,
    Retrying, Stuck, Submitted,
};

impl Status {
    /// Every state, in the order of a life.
    pub const ALL: [Status; 13] = [
        Preparing,
        GasOptimizing,
        ReadyToSubmit,
        Submitted,
        Pending,
        Confirming,
        Confirmed,
        Completed,
        Failed,
        Retrying,
        Cancelled,
        Stuck,
        Replaced,
    ];

    /// The states that may follow this one. Nothing else may, and a final state has none.
    pub const fn next(self) -> &'static [Status] {
        match self {
            Preparing => &[GasOptimizing, Retrying, Failed, Cancelled],
            GasOptimizing => &[ReadyToSubmit, Retrying, Failed, Cancelled],
            // On paper it is done without being sent.
            ReadyToSubmit => &[Submitted, Completed, Retrying, Failed, Cancelled],
            Retrying => &[Preparing, Failed, Cancelled],
            Submitted => &[Pending, Confirming, Confirmed, Stuck, Retrying, Failed, Cancelled, Replaced],
            Pending => &[Submitted, Confirming, Confirmed, Stuck, Retrying, Failed, Cancelled, Replaced],
            Confirming => &[Pending, Confirmed, Stuck, Retrying, Failed, Cancelled, Replaced],
            Stuck => &[Submitted, Pending, Confirming, Confirmed, Retrying, Failed, Cancelled, Replaced],
            Confirmed => &[Completed],
            Completed | Failed | Cancelled | Replaced => &[],
        }
    }

    /// Whether `next` may follow.
    pub fn may_become(self, next: Status) -> bool {
        self.next().contains(&next)
    }

    /// Whether this is how it ends.
    pub const fn is_final(self) -> bool {
        self.next().is_empty()
    }

    /// The name, as it is written in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Preparing => "preparing",
            GasOptimizing => "gas_optimizing",
            ReadyToSubmit => "ready_to_submit",
            Submitted => "submitted",
            Pending => "pending",
            Confirming => "confirming",
            Confirmed => "confirmed",
            Completed => "completed",
            Failed => "failed",
            Retrying => "retrying",
            Cancelled => "cancelled",
            Stuck => "stuck",
            Replaced => "replaced",
        }
    }

    /// What it means, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Preparing => "Being quoted, simulated and measured. Nothing is signed.",
            GasOptimizing => "Waiting for a price of gas that its strategy and its ceiling allow. Nothing is signed.",
            ReadyToSubmit => "Priced; it waits for its nonce and its signature.",
            Submitted => "Signed and kept; no node has said yet that it holds it.",
            Pending => "In the pool of a node.",
            Confirming => "Mined, in a block that is not deep enough yet.",
            Confirmed => "Mined with success at depth; its amounts are being booked.",
            Completed => "Booked. Final.",
            Failed => "It will not happen, and why is known. Final.",
            Retrying => "It did not work out yet and is tried again later. No nonce is held.",
            Cancelled => "Cancelled before it was signed, or by a transaction that took its place. Final.",
            Stuck => "It should have been mined by now, or what became of it cannot be known yet. Never final.",
            Replaced => "A transaction that is not ours took its nonce. Final.",
        }
    }

    /// The page of `docs/` that draws every state and what may follow it.
    pub fn document() -> String {
        let mut page = String::from(
            "# The states of a transaction\n\n\
             Written from `shared::transaction::Status` by `cargo xtask docs`. A step that is not in this table\n\
             cannot be taken; a test holds every step of the simulation against it.\n\n\
             | state | what it means | what may follow |\n|---|---|---|\n",
        );
        for status in Status::ALL {
            let next: Vec<String> = status.next().iter().map(|next| format!("`{}`", next.name())).collect();
            let next = if next.is_empty() { "nothing: it is final".to_owned() } else { next.join(", ") };
            page += &format!("| `{}` | {} | {next} |\n", status.name(), status.meaning());
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_by_its_name() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.name()));
        }
    }

    #[test]
    fn every_state_can_be_reached_and_every_life_can_end() {
        for status in Status::ALL {
            let reached = status == Preparing || Status::ALL.iter().any(|from| from.may_become(status));
            assert!(reached, "{status:?}");
            assert!(!status.may_become(status), "{status:?} staying is not a transition");
        }
        let mut ends: Vec<Status> = Status::ALL.into_iter().filter(|status| status.is_final()).collect();
        loop {
            let before = ends.len();
            for status in Status::ALL {
                if !ends.contains(&status) && status.next().iter().any(|next| ends.contains(next)) {
                    ends.push(status);
                }
            }
            if ends.len() == before {
                break;
            }
        }
        assert_eq!(ends.len(), Status::ALL.len());
    }

    #[test]
    fn what_cannot_be_known_is_never_final() {
        assert!(!Stuck.is_final() && Stuck.may_become(Pending));
    }
}
