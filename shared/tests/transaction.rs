//! The transaction manager's rules, held over seeded schedules of faults against a model chain.
//!
//! `FOOLSCAP_CASES` sets how many schedules (2,000 unless told; the soak takes 100,000), `FOOLSCAP_SEED` plays a
//! single one again.

mod transactions;

use transactions::{Seen, play};

fn from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not `{text}`")))
}

#[test]
fn every_schedule_of_faults_keeps_the_rules() {
    if let Some(seed) = from_env("FOOLSCAP_SEED") {
        println!("{:?}", play(seed, true).unwrap_or_else(|broken| panic!("seed {seed}: {broken}")));
        return;
    }
    let cases = from_env("FOOLSCAP_CASES").unwrap_or(2_000);
    let mut seen = Seen::default();
    for seed in 0..cases {
        let story = play(seed, false);
        seen = seen.and(story.unwrap_or_else(|broken| panic!("FOOLSCAP_SEED={seed}: {broken}")));
    }
    println!("{cases} schedules: {seen:?}");
    // Schedules in which nothing of interest happened would prove nothing.
    for (what, count) in seen.interesting() {
        assert!(count * 50 >= cases, "only {count} of {cases} schedules saw {what}: {seen:?}");
    }
}
