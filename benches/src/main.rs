//! Runs the loops natively and prints a JSON line for each: name, trades, seconds of the best round.

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    use std::time::Instant;

    use benches::workload::{Case, run};

    const ROUNDS: u32 = 25;
    let trades: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(50_000);
    // Rounds in turn, so that a disturbance hits all alike; the best round is what the code can do.
    let mut best = [f64::INFINITY; Case::ALL.len()];
    for _ in 0..ROUNDS {
        for (case, best) in Case::ALL.iter().zip(&mut best) {
            let start = Instant::now();
            std::hint::black_box(run(*case, trades));
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    for (case, seconds) in Case::ALL.iter().zip(best) {
        println!("{}", serde_json::json!({ "case": case.name(), "trades": trades, "seconds": seconds }));
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {}
