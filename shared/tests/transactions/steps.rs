//! Single steps: what is done, and what is not, in the situations that the rules are about.

use alloy_primitives::{Address, B256, Bytes};
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::money::Units;
use shared::time::Timestamp;
use shared::transaction::{
    Alarm, AttemptId, AttemptKind, Effect, Event, Fees, Foreign, GasQuote, Gate, Input, Intent, Mined, Order, Policy,
    Prepared, Refusal, Refused, Reply, Sighting, Signed, Status, StuckReason, Transaction, Trouble, step,
};

const GWEI: u128 = 1_000_000_000;
const NONCE: u64 = 7;
const MINUTE: i64 = 60_000;

/// A transaction, and everything that is asked of its shell.
struct Story {
    tx: Transaction,
    policy: Policy,
    now: i64,
    gate: Gate,
    asked: Vec<Effect>,
}

impl Story {
    /// A request with half an hour until its deadline.
    fn new() -> Story {
        let intent = Intent {
            chain: Chain::Ethereum,
            sender: Address::repeat_byte(7),
            deadline: Timestamp::from_millis(30 * MINUTE),
            max_gas_price: 100 * GWEI,
            fills: None,
            paper: false,
        };
        let policy = Policy::default();
        let tx = Transaction::new(TransactionId::from_bytes([1; 16]), intent, Timestamp::EPOCH, &policy);
        Story { tx, policy, now: 0, gate: Gate::Open, asked: vec![] }
    }

    /// The same, with its first attempt in the pool of a node.
    fn pending() -> Story {
        let mut story = Story::new();
        story.happens(Event::Started);
        story.happens(Event::Prepared(prepared()));
        story.happens(quote(10));
        story.is_signed();
        story.happens(Event::Sent { attempt: AttemptId(1), reply: Reply::Accepted });
        assert_eq!(story.tx.status(), Status::Pending);
        story
    }

    fn tell(&mut self, event: Event) -> Result<(), Refused> {
        let input = Input { at: Timestamp::from_millis(self.now), jitter: 0, gate: self.gate, event };
        let (tx, asked) = step(&self.tx, &input, &self.policy)?;
        (self.tx, self.asked) = (tx, asked);
        Ok(())
    }

    fn happens(&mut self, event: Event) -> Status {
        self.tell(event).expect("only what a user asks is refused");
        self.tx.status()
    }

    fn order(&self) -> Option<(Order, Option<u64>)> {
        self.asked.iter().find_map(|effect| match effect {
            Effect::Sign { order, nonce } => Some((order.clone(), *nonce)),
            _ => None,
        })
    }

    /// The signature that was just asked for.
    fn signature(&self) -> Event {
        let (order, nonce) = self.order().expect("something is to be signed");
        let hash = B256::repeat_byte(u8::try_from(order.attempt.0).unwrap());
        Event::Signed(Signed {
            order,
            nonce: nonce.unwrap_or(NONCE),
            hash,
            raw: Bytes::copy_from_slice(hash.as_slice()),
        })
    }

    fn is_signed(&mut self) {
        let signature = self.signature();
        assert_eq!(self.happens(signature), Status::Submitted);
    }

    fn broadcasts(&self) -> Vec<u32> {
        let sent = self.asked.iter().filter_map(|effect| match effect {
            Effect::Broadcast { attempt } => Some(attempt.0),
            _ => None,
        });
        sent.collect()
    }

    fn passes(&mut self, minutes: i64) {
        self.now += minutes * MINUTE;
    }
}

fn prepared() -> Prepared {
    Prepared { to: Address::repeat_byte(1), value: Units::ZERO, data: Bytes::new(), gas_limit: 120_000 }
}

fn quote(gwei: u128) -> Event {
    let fees = Fees { max_fee: 2 * gwei * GWEI + GWEI, priority_fee: GWEI };
    Event::GasPriced(GasQuote { base_fee: gwei * GWEI, fees, waiting_pays: false })
}

fn nothing_seen(head: u64) -> Sighting {
    Sighting {
        nonce: NONCE,
        head,
        base_fee: 10 * GWEI,
        account_nonce: NONCE,
        mined: None,
        foreign: None,
        pooled: None,
        market: None,
    }
}

fn mined(attempt: u32, head: u64, success: bool) -> Event {
    let mined = Mined {
        attempt: AttemptId(attempt),
        block: 100,
        block_hash: B256::repeat_byte(0xbb),
        success,
        out_of_gas: false,
        reason: (!success).then(|| "Too little received".to_owned()),
        gas_used: 100_000,
        gas_price: 11 * GWEI,
        l1_fee: Units::ZERO,
    };
    Event::Seen(Sighting { mined: Some(mined), account_nonce: NONCE + 1, ..nothing_seen(head) })
}

#[test]
fn what_is_mined_is_final_at_depth_and_a_reorganisation_before_takes_it_back() {
    let mut story = Story::pending();
    assert_eq!(story.happens(mined(1, 100, true)), Status::Confirming);
    assert_eq!(story.happens(Event::Seen(nothing_seen(99))), Status::Confirming, "a node that lags cannot know");
    assert_eq!(story.happens(Event::Seen(nothing_seen(101))), Status::Pending);
    assert_eq!(story.broadcasts(), [1], "the same bytes again");
    assert_eq!(story.happens(mined(1, 101, true)), Status::Confirming);
    assert_eq!(story.happens(mined(1, 102, true)), Status::Confirmed);
    assert!(story.asked.contains(&Effect::Book));
    assert_eq!(story.happens(Event::Booked), Status::Completed);
    story.happens(Event::Seen(nothing_seen(110)));
    assert!(story.asked.contains(&Effect::Alarm(Alarm::DeepReorg)));
}

#[test]
fn a_mined_revert_waits_for_depth_and_then_fails_with_its_reason() {
    let mut story = Story::pending();
    assert_eq!(story.happens(mined(1, 101, false)), Status::Confirming);
    assert_eq!(story.happens(Event::Seen(nothing_seen(102))), Status::Pending, "a reorganisation spared it");
    assert_eq!(story.happens(mined(1, 102, false)), Status::Failed);
    let trouble = Trouble::Reverted { reason: Some("Too little received".into()) };
    assert_eq!(story.tx.troubles.last().map(|(_, last)| last), Some(&trouble));
    assert_eq!(trouble.to_string(), "the call reverts: Too little received");
}

#[test]
fn a_used_up_nonce_without_a_receipt_is_unknown_and_nothing_is_signed_until_it_is_known() {
    let mut story = Story::pending();
    let used = Sighting { account_nonce: NONCE + 1, ..nothing_seen(200) };
    assert_eq!(story.happens(Event::Seen(used.clone())), Status::Stuck);
    assert!(story.asked.contains(&Effect::Alarm(Alarm::Stuck(StuckReason::Unknown))));
    for _ in 0..60 {
        story.passes(1);
        assert_eq!(story.happens(Event::Woken), Status::Stuck);
        assert_eq!((story.order(), story.broadcasts()), (None, vec![]));
        assert_eq!(story.happens(Event::Seen(used.clone())), Status::Stuck);
    }
    // The receipt turns up after all.
    assert_eq!(story.happens(mined(1, 260, true)), Status::Confirmed);
}

#[test]
fn a_strangers_transaction_settles_it_at_depth_only_and_the_same_call_is_not_made_twice() {
    let foreign = |block, same_payload| {
        let foreign = Foreign { hash: B256::repeat_byte(0xff), block, same_payload };
        Event::Seen(Sighting { foreign: Some(foreign), account_nonce: NONCE + 1, ..nothing_seen(102) })
    };
    for (same_payload, end) in [(true, Status::Replaced), (false, Status::Retrying)] {
        let mut story = Story::pending();
        assert_eq!(story.happens(foreign(101, same_payload)), Status::Stuck);
        assert_eq!(story.happens(foreign(100, same_payload)), end);
    }
    let mut story = Story::pending();
    story.policy.retry_on_nonce_error = false;
    assert_eq!(story.happens(foreign(100, false)), Status::Replaced);
}

#[test]
fn out_of_gas_is_tried_again_at_a_new_nonce_with_more_gas_after_depth() {
    let mut story = Story::pending();
    let Event::Seen(mut sighting) = mined(1, 101, false) else { unreachable!() };
    sighting.mined.as_mut().unwrap().out_of_gas = true;
    assert_eq!(story.happens(Event::Seen(sighting.clone())), Status::Confirming);
    sighting.head = 102;
    assert_eq!(story.happens(Event::Seen(sighting)), Status::Retrying);
    story.passes(1);
    assert_eq!(story.happens(Event::Woken), Status::Preparing);
    assert!(story.asked.contains(&Effect::Prepare { margin_percent: 80 }), "1.2 × 1.5 = 1.8");
    story.happens(Event::Prepared(prepared()));
    story.happens(quote(10));
    assert_eq!(story.order().map(|(order, nonce)| (order.attempt, nonce)), Some((AttemptId(2), None)));
    assert_eq!(story.tx.retries, 1);
}

#[test]
fn ten_minutes_without_inclusion_are_stuck_and_half_as_much_again_replaces_it() {
    let mut story = Story::pending();
    story.passes(9);
    assert_eq!(story.happens(Event::Seen(nothing_seen(145))), Status::Pending);
    story.passes(1);
    assert_eq!(story.happens(Event::Seen(nothing_seen(150))), Status::Stuck);
    let (order, nonce) = story.order().unwrap();
    let old = story.tx.attempts[0].fees;
    assert_eq!((order.fees, nonce, order.kind), (old.raised(150), Some(NONCE), AttemptKind::Payload));
    story.is_signed();
    // The original is mined after all, and counts.
    assert_eq!(story.happens(mined(1, 102, true)), Status::Confirmed);
}

#[test]
fn at_the_ceiling_the_same_bytes_are_sent_until_the_price_falls() {
    let mut story = Story::pending();
    story.tx.attempts[0].fees = Fees { max_fee: 95 * GWEI, priority_fee: GWEI };
    story.passes(2);
    let dear = Sighting { base_fee: 120 * GWEI, ..nothing_seen(110) };
    assert_eq!(story.happens(Event::Seen(dear)), Status::Stuck);
    assert_eq!(story.order(), None);
    story.passes(2);
    story.happens(Event::Woken);
    assert_eq!(story.broadcasts(), [1]);
    assert_eq!(story.happens(Event::Seen(nothing_seen(120))), Status::Pending, "it fell");
    assert_eq!(story.broadcasts(), [1]);
    assert_eq!(story.tell(Event::ReplaceAsked { percent: 150 }), Err(Refused::AtCeiling(100 * GWEI)));
}

#[test]
fn an_underpriced_one_is_raised_by_fifteen_percent_three_times_and_no_more() {
    let mut story = Story::pending();
    for retry in 1..=4 {
        story.happens(Event::Sent { attempt: AttemptId(retry), reply: Reply::Refused(Refusal::Underpriced) });
        let old = story.tx.attempts.last().unwrap().fees;
        match story.order() {
            Some((order, _)) => assert_eq!(order.fees, old.raised(115)),
            None => assert_eq!((retry, story.tx.status()), (4, Status::Stuck)),
        }
        if retry < 4 {
            story.is_signed();
        }
    }
    assert_eq!((story.tx.retries, story.tx.attempts.len()), (3, 4));
    assert!(story.asked.contains(&Effect::Alarm(Alarm::OutOfRetries)));
}

#[test]
fn a_cancel_is_decided_by_what_is_mined() {
    for (winner, end) in [(2, Status::Cancelled), (1, Status::Confirmed)] {
        let mut story = Story::pending();
        story.happens(Event::CancelAsked);
        assert_eq!(story.order().map(|(order, nonce)| (order.kind, nonce)), Some((AttemptKind::Cancel, Some(NONCE))));
        story.is_signed();
        assert_eq!(story.happens(mined(winner, 101, true)), Status::Confirming);
        assert_eq!(story.tell(Event::CancelAsked), Err(Refused::Mined(100)));
        assert_eq!(story.happens(mined(winner, 102, true)), end);
        assert_eq!(story.tell(Event::CancelAsked), Err(Refused::Over(end)));
    }
    let mut story = Story::new();
    assert_eq!(story.happens(Event::CancelAsked), Status::Cancelled, "nothing was sent");
}

#[test]
fn a_cancel_takes_the_place_of_a_replacement_that_is_being_signed() {
    let mut story = Story::pending();
    story.tell(Event::ReplaceAsked { percent: 150 }).unwrap();
    assert_eq!(story.tell(Event::ReplaceAsked { percent: 150 }), Err(Refused::Busy));
    let late = story.signature();
    story.happens(Event::CancelAsked);
    let cancel = story.signature();
    story.happens(late);
    assert!(story.asked.contains(&Effect::Discard { attempt: AttemptId(2) }));
    assert_eq!((story.tx.attempts.len(), story.broadcasts()), (1, vec![]));
    assert_eq!(story.happens(cancel), Status::Submitted);
    assert_eq!(story.broadcasts(), [3]);
}

#[test]
fn after_the_deadline_the_nonce_is_freed() {
    let mut story = Story::pending();
    story.passes(31);
    story.happens(Event::Woken);
    assert_eq!(story.order().map(|(order, _)| order.kind), Some(AttemptKind::Cancel));
    story.is_signed();
    assert_eq!(story.happens(mined(2, 102, true)), Status::Failed);
    assert_eq!(story.tx.troubles.last().map(|(_, last)| last), Some(&Trouble::DeadlinePassed));
}

#[test]
fn an_empty_wallet_ends_what_is_not_signed_and_only_delays_what_is() {
    let poor = Trouble::InsufficientFunds { needed: Units::ZERO, has: Units::ZERO };
    let mut story = Story::new();
    story.happens(Event::Started);
    assert_eq!(story.happens(Event::Unprepared(poor)), Status::Failed);
    let mut story = Story::pending();
    let reply = Reply::Refused(Refusal::InsufficientFunds);
    assert_eq!(story.happens(Event::Sent { attempt: AttemptId(1), reply }), Status::Stuck);
    story.passes(2);
    story.happens(Event::Woken);
    assert_eq!(story.broadcasts(), [1], "the same bytes, for when it is filled");
    assert_eq!(story.happens(Event::Sent { attempt: AttemptId(1), reply: Reply::Accepted }), Status::Pending);
}

#[test]
fn a_closed_breaker_holds_back_what_is_new_and_nothing_else() {
    let until = Timestamp::from_millis(5 * MINUTE);
    let mut story = Story::new();
    story.gate = Gate::Closed { until };
    story.happens(Event::Started);
    story.happens(Event::Prepared(prepared()));
    assert_eq!(story.happens(quote(10)), Status::Retrying);
    assert!(story.asked.contains(&Effect::WakeAt(until)));
    let mut story = Story::pending();
    story.gate = Gate::Closed { until };
    story.tell(Event::ReplaceAsked { percent: 150 }).unwrap();
    story.is_signed();
    assert_eq!(story.broadcasts(), [2]);
    story.tell(Event::CancelAsked).unwrap();
    assert!(story.order().is_some());
}

#[test]
fn on_paper_everything_is_as_it_would_be_but_nothing_is_signed() {
    let mut story = Story::new();
    story.tx.intent.paper = true;
    story.happens(Event::Started);
    story.happens(Event::Prepared(prepared()));
    assert_eq!(story.happens(quote(10)), Status::ReadyToSubmit);
    let simulate = Effect::Simulate { attempt: AttemptId(1) };
    assert!(story.asked.contains(&simulate) && story.order().is_none());
    assert_eq!(story.happens(Event::Papered { attempt: AttemptId(9) }), Status::ReadyToSubmit, "of another order");
    story.happens(Event::Started);
    assert!(story.asked.contains(&simulate) && story.order().is_none(), "nor after a restart");
    assert_eq!(story.happens(Event::Papered { attempt: AttemptId(1) }), Status::Completed);
    assert!(story.tx.attempts.is_empty() && story.broadcasts().is_empty());
    // What is not on paper is done by the chain alone.
    let mut story = Story::new();
    for event in [Event::Started, Event::Prepared(prepared()), quote(10)] {
        story.happens(event);
    }
    assert_eq!(story.happens(Event::Papered { attempt: AttemptId(1) }), Status::ReadyToSubmit);
}

#[test]
fn gas_above_the_ceiling_is_waited_for_until_it_is_too_late() {
    let mut story = Story::new();
    story.happens(Event::Started);
    story.happens(Event::Prepared(prepared()));
    for _ in 0..29 {
        assert_eq!(story.happens(quote(120)), Status::GasOptimizing);
        story.passes(1);
        assert_eq!(story.happens(Event::Woken), Status::GasOptimizing);
    }
    story.passes(1);
    assert_eq!(story.happens(Event::Woken), Status::Failed);
    let ceiling = 100 * GWEI;
    assert_eq!(story.tx.troubles.last().map(|(_, last)| last), Some(&Trouble::GasAboveCeiling { ceiling }));
}

#[test]
fn a_process_that_comes_back_goes_on_where_it_was() {
    let mut story = Story::new();
    story.happens(Event::Started);
    assert!(story.asked.contains(&Effect::Prepare { margin_percent: 20 }));
    story.happens(Event::Prepared(prepared()));
    story.happens(Event::Started);
    assert!(story.asked.contains(&Effect::PriceGas));
    story.happens(quote(10));
    let order = story.order();
    story.happens(Event::Started);
    assert_eq!(story.order(), order, "what was signed and not kept was not sent");
    story.is_signed();
    let raw = story.tx.attempts[0].raw.clone();
    story.happens(Event::Started);
    assert_eq!((story.broadcasts(), &story.tx.attempts[0].raw), (vec![1], &raw));
    story.tell(Event::ReplaceAsked { percent: 150 }).unwrap();
    let order = story.order();
    story.happens(Event::Started);
    assert_eq!(story.order(), order);
    assert_eq!(story.happens(mined(1, 102, true)), Status::Confirmed);
    story.happens(Event::Started);
    assert!(story.asked.contains(&Effect::Book));
}

#[test]
fn a_record_survives_its_text() {
    let mut story = Story::pending();
    story.tell(Event::ReplaceAsked { percent: 150 }).unwrap();
    story.happens(mined(1, 101, true));
    let text = serde_json::to_string(&story.tx).unwrap();
    assert!(text.contains(r#""max_gas_price":"100000000000""#), "{text}");
    assert_eq!(serde_json::from_str::<Transaction>(&text).unwrap(), story.tx);
}
