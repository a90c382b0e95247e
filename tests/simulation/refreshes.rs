//! Thousands of refreshes leave nothing behind: no connection, no memory.

use backend::coingecko::budget::Grant;
use tests::{
    coingecko::{Connections, Limits},
    seed::cases,
};

use crate::desk::{Desk, groups};

/// What a process may grow by while nothing is kept: an allocator's fragments.
const MOST_GROWTH: u64 = 4 * 1024 * 1024;

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = statm.split(' ').nth(1).expect("the second figure").parse().expect("a number");
    pages * 4096
}

#[tokio::test]
async fn refreshes_keep_connections_and_memory_constant() {
    let limits = Limits { calls_per_minute: None, credits: None, ..Limits::default() };
    let desk = Desk::start(Grant { calls: 2_000_000_000, days: 1 }, 10_000, limits, false).await;
    let tokens = &groups(40, 1)[0];
    let refreshes = cases(1_500, 10_000);
    let (mut before, mut done) = (0, 0);
    for refresh in 0..refreshes {
        if refresh == refreshes / 5 {
            before = resident();
        }
        let answer = desk.ask(tokens).await;
        assert_eq!((answer.prices.len(), answer.missing.len()), (40, 0));
        let due = desk.next_due().expect("somebody watches");
        desk.pass_until(due).await;
        done += desk.upstream.control.calls().len();
        // The stand-in's log is not what is measured.
        desk.upstream.control.forget_calls();
    }
    let grown = resident().saturating_sub(before);
    let Connections { made, open, most } = desk.upstream.control.connections();
    println!("{done} calls: {made} connections made, {most} at a time, {open} open; {grown} bytes of memory more");
    assert!(done as u64 >= refreshes, "{done} calls");
    assert!(most <= 2 && open <= 2 && made <= 4, "{made} made, {most} at a time, {open} open");
    assert!(grown <= MOST_GROWTH, "{grown} bytes more");
}
