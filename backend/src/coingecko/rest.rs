//! When CoinGecko is to be left alone, and for how long.
//!
//! It says so itself with `Retry-After`, which is honoured to the second; otherwise we rest after a failure,
//! twice as long after each further one, and never twice equally long: many of us that failed together must not
//! come back together. What concerns the host (its limit, our key, the way there) rests every call; what went
//! wrong with an answer rests calls of that kind.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use shared::time::Timestamp;

use super::UpstreamError;

/// Rest after the first failure, in milliseconds, at most; at least half of it.
const FIRST_MS: u64 = 5_000;
/// The longest rest that is our own idea.
const LONGEST_MS: u64 = 60_000;
/// A throttled answer that does not say for how long.
const THROTTLED_MS: u64 = 30_000;
/// A key that was refused is not tried again sooner, unless it is changed.
const KEY_MS: u64 = 60_000;
/// The longest `Retry-After` that is believed: it may have been a mistake, and asking once an hour costs little.
const LONGEST_ASKED_MS: u64 = 3_600_000;

/// Everything that rests.
#[derive(Debug, Default)]
pub struct Rests {
    host: Rest,
    kinds: BTreeMap<&'static str, Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    failures: u32,
    since: Timestamp,
    ms: u64,
    after: Option<UpstreamError>,
}

impl Rests {
    /// Milliseconds until a call of this kind may go out, and after which failure; nothing when it may now.
    pub fn wait(&self, kind: &'static str, now: Timestamp) -> Option<(u64, &UpstreamError)> {
        let rests = [Some(&self.host), self.kinds.get(kind)];
        let waits = rests.into_iter().flatten().filter_map(|rest| {
            let wait_ms = rest.ms.saturating_sub(now.since(rest.since));
            Some((wait_ms, rest.after.as_ref()?)).filter(|(wait_ms, _)| *wait_ms > 0)
        });
        waits.max_by_key(|(wait_ms, _)| *wait_ms)
    }

    /// Notes how a call of this kind ended at `now`. `jitter` is drawn evenly from all its values.
    pub fn note(&mut self, kind: &'static str, error: Option<&UpstreamError>, now: Timestamp, jitter: u32) {
        let of_kind = self.kinds.entry(kind).or_default();
        let Some((error, reach)) = error.and_then(|error| Some((error, reach(error)?))) else {
            *of_kind = Rest::default();
            self.host = Rest::default();
            return;
        };
        let (rest, least_ms) = match reach {
            Reach::Host { least_ms } => (&mut self.host, least_ms),
            Reach::Kind => {
                // It was reached and took our key.
                self.host = Rest::default();
                (of_kind, 0)
            }
        };
        let whole = (FIRST_MS << rest.failures.min(8)).min(LONGEST_MS);
        let own_ms = whole / 2 + ((whole / 2 * u64::from(jitter)) >> 32);
        *rest = Rest {
            failures: rest.failures.saturating_add(1),
            since: now,
            ms: own_ms.max(least_ms),
            after: Some(error.clone()),
        };
    }

    /// The key is another one: what was refused for the old one may be asked again.
    pub fn forgive_key(&mut self) {
        if matches!(self.host.after, Some(UpstreamError::KeyRefused { .. })) {
            self.host = Rest::default();
        }
    }
}

/// What a failure concerns.
enum Reach {
    /// Every call: for so long at least.
    Host { least_ms: u64 },
    /// Calls of its kind.
    Kind,
}

/// What has to rest after this; nothing when it was no failure of CoinGecko's.
fn reach(error: &UpstreamError) -> Option<Reach> {
    match error {
        UpstreamError::Throttled { retry_after, .. } => {
            let asked_ms = retry_after.map_or(THROTTLED_MS, |seconds| seconds.saturating_mul(1_000));
            Some(Reach::Host { least_ms: asked_ms.min(LONGEST_ASKED_MS) })
        }
        UpstreamError::KeyRefused { .. } => Some(Reach::Host { least_ms: KEY_MS }),
        UpstreamError::Transport(_) => Some(Reach::Host { least_ms: 0 }),
        UpstreamError::Failed { .. } | UpstreamError::Refused { .. } | UpstreamError::Garbled { .. } => {
            Some(Reach::Kind)
        }
        UpstreamError::NotFound { .. }
        | UpstreamError::TooMany { .. }
        | UpstreamError::Paced { .. }
        | UpstreamError::Spent { .. }
        | UpstreamError::Resting { .. }
        | UpstreamError::BreakerOpen { .. }
        | UpstreamError::Off => None,
    }
}

/// Where jitter comes from: a stream of its own for every client (splitmix64), which nobody needs to foresee or
/// to keep secret.
#[derive(Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// A stream begun by chance.
    pub fn by_chance() -> Jitter {
        Jitter(RandomState::new().build_hasher().finish())
    }

    /// The next value.
    pub fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::OutboundError;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn failed() -> UpstreamError {
        UpstreamError::Failed { status: 500, message: "x".into() }
    }

    fn throttled(retry_after: Option<u64>) -> UpstreamError {
        UpstreamError::Throttled { retry_after, message: "x".into() }
    }

    fn waits(rests: &Rests, now: Timestamp) -> [u64; 2] {
        ["prices", "candles"].map(|kind| rests.wait(kind, now).map_or(0, |(wait_ms, _)| wait_ms))
    }

    #[test]
    fn each_failure_in_a_row_rests_its_kind_for_twice_as_long_within_the_jitter() {
        for (jitter, expected) in [
            (0, [2_500, 5_000, 10_000, 20_000, 30_000, 30_000]),
            (u32::MAX, [4_999, 9_999, 19_999, 39_999, 59_999, 59_999]),
        ] {
            let mut rests = Rests::default();
            for expected in expected {
                rests.note("prices", Some(&failed()), at(0), jitter);
                assert_eq!(waits(&rests, at(0)), [expected, 0]);
                assert_eq!(rests.wait("prices", at(i64::try_from(expected).unwrap())), None);
            }
            rests.note("prices", None, at(0), jitter);
            rests.note("prices", Some(&failed()), at(0), 0);
            assert_eq!(waits(&rests, at(0)), [2_500, 0], "a success begins anew");
        }
    }

    #[test]
    fn what_concerns_the_host_rests_every_call_and_is_over_when_it_answers() {
        let unreachable = UpstreamError::Transport(OutboundError::Unreachable("x".into()));
        let key = UpstreamError::KeyRefused { code: Some(10_002), message: "x".into() };
        for (error, expected) in [
            (throttled(Some(90)), 90_000),
            (throttled(None), 30_000),
            (throttled(Some(0)), 2_500),
            (throttled(Some(u64::MAX)), 3_600_000),
            (key, 60_000),
            (unreachable, 2_500),
        ] {
            let mut rests = Rests::default();
            rests.note("prices", Some(&error), at(0), 0);
            assert_eq!(waits(&rests, at(0)), [expected, expected], "{error:?}");
            rests.note("candles", Some(&failed()), at(0), 0);
            assert_eq!(waits(&rests, at(0)), [0, 2_500], "it was reached");
        }
    }

    #[test]
    fn that_something_is_not_known_or_too_much_or_was_never_asked_rests_nobody() {
        for error in [
            UpstreamError::NotFound { message: "x".into() },
            UpstreamError::TooMany { limit: None, message: "x".into() },
            UpstreamError::Off,
        ] {
            let mut rests = Rests::default();
            rests.note("prices", Some(&error), at(0), 0);
            assert_eq!(waits(&rests, at(0)), [0, 0]);
        }
    }

    #[test]
    fn another_key_is_tried_at_once_and_another_limit_is_not() {
        let key = UpstreamError::KeyRefused { code: None, message: "x".into() };
        for (error, expected) in [(key, 0), (throttled(Some(60)), 60_000)] {
            let mut rests = Rests::default();
            rests.note("prices", Some(&error), at(0), 0);
            rests.forgive_key();
            assert_eq!(waits(&rests, at(0)), [expected, expected]);
        }
    }

    #[test]
    fn a_clock_set_back_makes_no_rest_longer_than_it_was() {
        let mut rests = Rests::default();
        rests.note("prices", Some(&throttled(Some(90))), at(0), 0);
        assert_eq!(waits(&rests, at(-900_000)), [90_000, 90_000]);
    }
}
