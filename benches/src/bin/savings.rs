//! Prints what gas strategies save, a JSON line for each beside each baseline: see `benches::savings`.

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    use benches::savings::Blocks;

    let modelled = ["calm", "rising", "spikes"].map(|regime| Blocks::modelled(regime, 2_500));
    for blocks in std::iter::once(Blocks::recorded()).chain(modelled) {
        for row in blocks.compare() {
            let line = serde_json::json!({
                "regime": row.regime, "strategy": row.strategy, "baseline": row.baseline, "requests": row.requests,
                "saved": row.saved, "low": row.interval.0, "high": row.interval.1, "by_tip": row.by_tip,
                "by_waiting": row.by_waiting, "missed": row.missed, "waited": row.waited,
                "baseline_waited": row.baseline_waited,
            });
            println!("{line}");
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {}
