//! Prints the journal of an account with many trades: `journal TRADES`. What the app is measured with.

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    let trades = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    print!("{}", benches::workload::journal(trades));
}

#[cfg(target_arch = "wasm32")]
fn main() {}
