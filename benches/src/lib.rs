//! What is measured: the same loops natively and in WASM, so that their ratio means something.
//!
//! `cargo xtask bench core` runs them on one core and in Chromium. The ceiling in the same run is a
//! bare average-cost loop over `rust_decimal` with no simulator, no ledger and no checks. [`savings`] replays blocks.

#[cfg(not(target_arch = "wasm32"))]
pub mod savings;
pub mod workload;

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::workload::{Case, run};

    /// Runs a case by its place in `Case::ALL`; returns a checksum so that nothing is optimised away.
    #[wasm_bindgen]
    pub fn run_case(case: usize, trades: u32) -> f64 {
        Case::ALL.get(case).map_or(f64::NAN, |case| run(*case, trades) as f64)
    }

    /// The name of a case, or nothing past the last.
    #[wasm_bindgen]
    pub fn case_name(case: usize) -> Option<String> {
        Case::ALL.get(case).map(|case| case.name().to_owned())
    }
}
