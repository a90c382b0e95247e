//! Answers about prices, written once and given out until they are not true any more.
//!
//! While every price in an answer is fresh, nothing in it changes but the moment it is given out at. So the bytes
//! are kept by the question, with that moment left open, and each caller gets a copy with the moment filled in.
//! An answer is made anew when prices have changed, when a price in it stops being fresh, and after a second in
//! any case: so who asks stays known, and what is not of the prices' own version is not held back for longer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use shared::time::Timestamp;
use shared::wire::Prices;

use super::respond::{self, Marks};

/// Questions whose answers are kept.
const MOST: usize = 256;
/// The longest question that is kept, in bytes: some hundred tokens by name.
const LONGEST: usize = 16 * 1024;
/// An answer is kept for at most so long, in milliseconds.
const KEPT_MS: u64 = 1_000;
/// Where the moment goes: no price is as old.
const OPEN: &[u8] = b"1970-01-01T00:00:00.000Z";

/// The answers that are kept, by the question as it was put. Sorted, because questions are long and few: to compare
/// some of them takes less time than to hash one.
#[derive(Debug, Default)]
pub struct Rendered(Mutex<BTreeMap<Box<str>, Arc<Page>>>);

/// An answer.
#[derive(Debug)]
pub struct Page {
    /// The body, with the moment open.
    body: Box<[u8]>,
    /// The body as it was last given out, and when: callers of the same millisecond share it.
    given: Mutex<(Timestamp, Bytes)>,
    /// Where the moment goes.
    open: Vec<usize>,
    /// What it is known by, moment or not, and for how long it may be kept.
    pub marks: Marks,
    /// Prices in it that came from the cache.
    pub hits: u64,
    /// The age of its oldest price counts from here.
    oldest: Timestamp,
    version: u64,
    made_at: Timestamp,
    good_until: Timestamp,
}

impl Rendered {
    /// The answer to a question, where it is kept and still true at `now`, of this version of the prices.
    pub fn get(&self, question: &str, version: u64, now: Timestamp) -> Option<Arc<Page>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = kept.get(question)?;
        let is_true = page.version == version && now >= page.made_at && now < page.good_until;
        is_true.then(|| page.clone())
    }

    /// Keeps an answer.
    pub fn keep(&self, question: &str, page: Arc<Page>) {
        if question.len() > LONGEST {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(question) {
            // Whatever is not asked for all the time is too old by now.
            kept.retain(|_, old| page.made_at < old.good_until);
            if kept.len() >= MOST {
                return;
            }
        }
        kept.insert(question.into(), page);
    }
}

impl Page {
    /// Writes an answer with the moment open. `essence` is the answer with every moment that is its own set to
    /// the first of all; `version` is that of the prices in it, `oldest` its oldest price's.
    ///
    /// # Errors
    /// Where it cannot be written, which plain data always can.
    pub fn write(
        essence: &Prices,
        version: u64,
        made_at: Timestamp,
        oldest: Timestamp,
    ) -> Result<Page, serde_json::Error> {
        let body = serde_json::to_vec(essence)?;
        let mut open = vec![];
        let mut at = 0;
        while let Some(found) = body[at..].windows(OPEN.len()).position(|bytes| bytes == OPEN) {
            open.push(at + found);
            at += found + OPEN.len();
        }
        let shared::quote::Thresholds { fresh_ms, stale_ms } = essence.thresholds;
        let prices = essence.prices.iter().filter(|price| price.as_of != Timestamp::EPOCH);
        Ok(Page {
            marks: Marks::new(&respond::tag(&body), fresh_ms / 1000, stale_ms / 1000),
            hits: prices.count() as u64,
            open,
            body: body.into(),
            given: Mutex::default(),
            oldest,
            version,
            made_at,
            good_until: after(made_at, KEPT_MS).min(after(oldest, fresh_ms)),
        })
    }

    /// The body as it is at `now`.
    pub fn body(&self, now: Timestamp) -> Bytes {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.0 != now || given.1.is_empty() {
            *given = (now, self.written(now).into());
        }
        given.1.clone()
    }

    fn written(&self, now: Timestamp) -> Vec<u8> {
        let moment = now.to_string();
        let mut body = self.body.to_vec();
        for at in &self.open {
            body[*at..*at + OPEN.len()].copy_from_slice(moment.as_bytes());
        }
        body
    }

    /// How old its oldest price is at `now`, in seconds.
    pub fn age_s(&self, now: Timestamp) -> u64 {
        now.since(self.oldest) / 1000
    }
}

fn after(at: Timestamp, ms: u64) -> Timestamp {
    at.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use shared::chain::Chain;
    use shared::quote::{Quote, Source, Thresholds};
    use shared::token::TokenTable;
    use shared::wire::PriceInfo;

    use super::*;

    fn answer(now: Timestamp) -> Prices {
        let token = |symbol| TokenTable::builtin().by_symbol(Chain::Ethereum, symbol).unwrap();
        let as_of = Timestamp::from_secs(1_000);
        let quote = Quote { price: "3000".parse().unwrap(), as_of, source: Source::Coingecko, upstream_at: None };
        let thresholds = Thresholds::default();
        Prices {
            now,
            thresholds,
            prices: vec![
                PriceInfo::new(token("WETH"), quote, None, now, thresholds),
                PriceInfo::new(token("USDC"), Quote::pinned(now), None, now, thresholds),
            ],
            missing: vec![],
            natives: vec![],
            alerts: vec![],
            pace: None,
        }
    }

    fn page(now: Timestamp, version: u64) -> Arc<Page> {
        let mut essence = answer(now);
        essence.now = Timestamp::EPOCH;
        essence.prices[1].as_of = Timestamp::EPOCH;
        Arc::new(Page::write(&essence, version, now, Timestamp::from_secs(1_000)).unwrap())
    }

    #[test]
    fn a_kept_answer_is_to_the_byte_what_would_be_written_anew() {
        let made_at = Timestamp::from_secs(1_010);
        let page = page(made_at, 1);
        for ms in [0, 1, 999] {
            let now = made_at.plus_millis(ms);
            assert_eq!(page.body(now), serde_json::to_vec(&answer(now)).unwrap());
        }
        assert_eq!((page.hits, page.open.len()), (1, 2), "a pin is no hit");
        assert_eq!(page.age_s(Timestamp::from_secs(1_011)), 11);
    }

    #[test]
    fn an_answer_is_kept_until_a_price_changes_or_ages_or_a_second_is_over() {
        let rendered = Rendered::default();
        let at = Timestamp::from_millis;
        rendered.keep("a", page(at(1_010_000), 1));
        assert!(rendered.get("a", 1, at(1_010_999)).is_some());
        assert!(rendered.get("a", 2, at(1_010_000)).is_none(), "a price has changed");
        assert!(rendered.get("a", 1, at(1_011_000)).is_none(), "a second is over");
        assert!(rendered.get("a", 1, at(1_009_999)).is_none(), "the clock was set back");
        assert!(rendered.get("b", 1, at(1_010_000)).is_none());
        rendered.keep("a", page(at(1_059_500), 1));
        assert!(rendered.get("a", 1, at(1_059_999)).is_some());
        assert!(rendered.get("a", 1, at(1_060_000)).is_none(), "it is not fresh any more");
    }

    #[test]
    fn questions_without_end_do_not_fill_the_memory() {
        let rendered = Rendered::default();
        let page = page(Timestamp::from_secs(1_010), 1);
        for n in 0..2 * MOST {
            rendered.keep(&n.to_string(), page.clone());
        }
        rendered.keep(&"x".repeat(LONGEST + 1), page);
        assert_eq!(rendered.0.lock().unwrap().len(), MOST);
    }
}
