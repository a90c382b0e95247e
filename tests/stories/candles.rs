//! Candles: cached by grain, joined, and ending at the present.

use shared::{
    time::Timestamp,
    wire::{Candles, Range},
};
use tests::{
    coingecko::{Endpoint, Fault},
    world::{BEGINNING, World},
};

const WETH: &str = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

fn path(range: Range) -> String {
    format!("/api/v1/candles?chain=1&address={WETH}&range={}", range.name())
}

#[tokio::test]
async fn each_range_has_candles_on_its_grain_in_order_up_to_now() {
    let world = World::start().await;
    for range in Range::ALL {
        let candles: Candles = world.read(&path(range)).await;
        let grain_ms = i64::from(candles.grain_s) * 1000;
        let span_ms = i64::from(range.days()) * 86_400_000;
        let count = candles.candles.len() as i64;
        assert!((span_ms / grain_ms - 2..=span_ms / grain_ms + 2).contains(&count), "{range:?}: {count}");
        assert!(candles.candles.is_sorted_by(|a, b| b.at.millis() - a.at.millis() == grain_ms), "{range:?}");
        let last = candles.candles.last().unwrap();
        let end = last.at.plus_millis(2 * grain_ms);
        assert!(last.at <= BEGINNING && end > BEGINNING, "{range:?} ends at {}", last.at);
        for candle in &candles.candles {
            assert!(candle.at.millis() % grain_ms == 0, "{range:?}");
            assert!(candle.low <= candle.open.min(candle.close) && candle.high >= candle.open.max(candle.close));
        }
    }
}

#[tokio::test]
async fn a_range_is_asked_for_once_in_its_life_whoever_asks_and_for_whichever_token_of_the_coin() {
    let world = World::start().await;
    let base = "/api/v1/candles?chain=8453&address=0x4200000000000000000000000000000000000006&range=7D";
    for _ in 0..5 {
        world.read::<Candles>(&path(Range::Week)).await;
        let on_base: Candles = world.read(base).await;
        assert_eq!(on_base.chain.id(), 8453);
    }
    assert_eq!(world.upstream().calls().len(), 1);
    world.seconds_pass(24 * 3600);
    world.read::<Candles>(&path(Range::Week)).await;
    assert_eq!(world.upstream().calls().len(), 2);
}

#[tokio::test]
async fn old_candles_are_served_when_there_are_no_new_ones() {
    let world = World::start().await;
    let before: Candles = world.read(&path(Range::Day)).await;
    world.upstream().fault(Endpoint::Any, Fault::Html { status: 503 });
    world.seconds_pass(3600);
    let after: Candles = world.read(&path(Range::Day)).await;
    assert_eq!(after, before);
    assert_eq!(after.as_of, BEGINNING, "their age can be told");
    world.upstream().clear_faults();
    world.seconds_pass(3600);
    let renewed: Candles = world.read(&path(Range::Day)).await;
    assert_eq!(renewed.as_of, Timestamp::from_millis(world.clock.now_ms()));
}
