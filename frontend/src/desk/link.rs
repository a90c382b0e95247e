//! The connection to the backend: whether it answers, and when to ask again.

use shared::time::Timestamp;

use crate::io::api::ApiError;

/// How often prices are asked for while all is well.
const EVERY_MS: i32 = 15_000;
/// The first wait after a failure; it doubles from there.
const FIRST_RETRY_MS: i32 = 1_000;
/// The longest wait between two tries.
const LAST_RETRY_MS: i32 = 30_000;
/// How often a place without a backend is asked whether it has one now.
const ABSENT_MS: i32 = 60_000;

/// How the connection is.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// Nobody has asked yet.
    Unknown,
    /// The last question was answered.
    Up,
    /// The backend answered, but has no prices to give.
    Troubled(ApiError),
    /// It does not answer.
    Down {
        /// Since when.
        since: Timestamp,
        /// How many questions went unanswered.
        failures: u32,
    },
    /// There is no backend here: a static host.
    Absent,
}

impl Link {
    /// The link after a question that failed at `now`.
    pub fn after(&self, error: &ApiError, now: Timestamp) -> Link {
        match (error, self) {
            (ApiError::NotAnApi, Link::Unknown | Link::Absent) => Link::Absent,
            (ApiError::Problem(_) | ApiError::Malformed(_), _) => Link::Troubled(error.clone()),
            (ApiError::Unreachable | ApiError::NotAnApi, Link::Down { since, failures }) => {
                Link::Down { since: *since, failures: failures.saturating_add(1) }
            }
            (
                ApiError::Unreachable | ApiError::NotAnApi,
                Link::Unknown | Link::Up | Link::Troubled(_) | Link::Absent,
            ) => Link::Down { since: now, failures: 1 },
        }
    }

    /// Whether the backend cannot be reached.
    pub const fn is_lost(&self) -> bool {
        matches!(self, Link::Down { .. } | Link::Absent)
    }

    /// How long to wait before the next question, in milliseconds.
    pub fn wait_ms(&self) -> i32 {
        match self {
            Link::Unknown | Link::Up | Link::Troubled(_) => EVERY_MS,
            Link::Down { failures, .. } => {
                let doublings = failures.saturating_sub(1).min(5);
                (FIRST_RETRY_MS << doublings).min(LAST_RETRY_MS)
            }
            Link::Absent => ABSENT_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_backend_is_asked_ever_more_rarely_and_remembers_since_when() {
        let mut link = Link::Up;
        let mut waits = Vec::new();
        for second in 0..8 {
            link = link.after(&ApiError::Unreachable, Timestamp::from_secs(second));
            waits.push(link.wait_ms());
        }
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(link, Link::Down { since: Timestamp::EPOCH, failures: 8 });
        assert!(link.is_lost());
    }

    #[test]
    fn a_static_host_is_no_lost_backend_but_a_lost_backend_may_leave_a_static_page() {
        let now = Timestamp::EPOCH;
        assert_eq!(Link::Unknown.after(&ApiError::NotAnApi, now), Link::Absent);
        assert_eq!(Link::Up.after(&ApiError::NotAnApi, now), Link::Down { since: now, failures: 1 });
        let troubled = Link::Up.after(&ApiError::Malformed("x".into()), now);
        assert!(!troubled.is_lost());
    }
}
