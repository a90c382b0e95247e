//! The ledger's rules, held over random journals.
//!
//! `FOOLSCAP_CASES` sets how many (10,000 unless told; the soak takes 100,000), `FOOLSCAP_SEED`
//! plays a single one again.

use shared::testing::{Seen, check};

fn from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not `{text}`")))
}

#[test]
fn every_random_journal_keeps_the_ledgers_rules() {
    if let Some(seed) = from_env("FOOLSCAP_SEED") {
        println!("{:?}", check(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}")));
        return;
    }
    let cases = from_env("FOOLSCAP_CASES").unwrap_or(10_000);
    let mut seen = Seen::default();
    for seed in 0..cases {
        let story = check(seed);
        seen = seen.and(story.unwrap_or_else(|broken| panic!("FOOLSCAP_SEED={seed}: {broken}")));
    }
    println!("{cases} journals: {seen:?}");
    // A generator that made nothing of interest would prove nothing.
    assert!(seen.filled > 3 * cases && seen.failed > cases / 4, "{seen:?}");
    assert!(seen.refused > cases / 4 && seen.methods_differ > cases, "{seen:?}");
}
