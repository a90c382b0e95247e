//! What was answered is there, whatever becomes of the process.

use std::{path::PathBuf, time::Instant};

use super::*;
use crate::process::Process;

impl Process {
    fn owner<'a>(&'a self, account: &'a Account) -> Owner<'a> {
        Owner { at: At::Process(self), account }
    }
}

/// A folder that goes when the story does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("foolscap-accounts-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_the_process_was_killed_between_and_during_appends() {
    let scratch = Scratch::new("killed");
    let mut draws = tests::seed::Replayable::from_env();
    let mut account = Account::open(1, draws.seed());
    let mut answered = 0;
    let mut process = Process::start(&scratch.0);
    for round in 0..tests::seed::cases(6, 100) {
        let copy = process.owner(&account).page(0).await.head.map_or(0, |head| head.seq);
        assert!(copy >= answered, "round {round}: {answered} were answered, and {copy} are there");
        // Another device may not write: the lease outlives the process as well.
        if round > 0 {
            assert_eq!(process.owner(&account).take_lease("phone").await.problem().0, ProblemKind::LeaseHeld);
        }
        for _ in 0..draws.below(20) {
            account.trades(draws.below(3) as usize + 1);
            let from = usize::try_from(answered).unwrap();
            answered = process.owner(&account).hands_in("desk", from).await.seq;
        }
        // The last one is on its way when the process is killed.
        account.trades(30);
        let from = usize::try_from(answered).unwrap();
        let body = json!({"device": "desk", "after": account.head_at(from), "lines": &account.lines()[from..]});
        let path = format!("/api/v1/accounts/{}/journal", account.id);
        let request = process.request(Method::POST, &path).header("authorization", format!("Bearer {}", account.token));
        let flight = tokio::spawn(request.body(body.to_string()).send());
        for _ in 0..draws.below(2_000) {
            tokio::task::yield_now().await;
        }
        process.kill();
        drop(flight.await);
        process = Process::start(&scratch.0);
    }
    // All or nothing of the one that was on its way; and the rest goes on.
    let head = process.owner(&account).page(0).await.head.map_or(0, |head| head.seq);
    assert!(head == answered || head == account.lines().len() as u64, "{head}");
    account.trade();
    process.owner(&account).hands_in("desk", usize::try_from(head).unwrap()).await;
    assert_eq!(process.owner(&account).all().await, account.lines());
    let snapshot = process.owner(&account).snapshot().await;
    assert_eq!((snapshot.head, snapshot.portfolio.cash), (account.head(), account.state().cash()));
}

/// Bytes of lines in one append.
const PAGE: usize = 512 * 1024;

/// `FOOLSCAP_CASES` says how many entries; a release build takes 100,000.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_journal_is_handed_in_by_pages_and_costs_little_from_then_on() {
    let entries = usize::try_from(tests::seed::cases(3_000, 100_000)).unwrap();
    let scratch = Scratch::new("long");
    let mut account = Account::open(1, 1);
    account.trades(entries - 1);
    let process = Process::start(&scratch.0);
    let (begun, mut pages) = (Instant::now(), 0);
    let mut from = 0;
    while from < entries {
        let mut bytes = 0;
        let page = account.lines()[from..].iter().take_while(|line| {
            bytes += line.len();
            bytes <= PAGE
        });
        let to = from + page.count();
        let after = account.head_at(from);
        let reply = process.owner(&account).append("desk", after.as_ref(), &account.lines()[from..to]).await;
        assert_eq!(reply.good::<Appended>().head.seq, to as u64);
        (from, pages) = (to, pages + 1);
    }
    let uploaded = begun.elapsed();
    let append = async |process: &Process, account: &Account| {
        let begun = Instant::now();
        process.owner(account).hands_in("desk", account.lines().len() - 1).await;
        begun.elapsed()
    };
    account.trade();
    let warm = append(&process, &account).await;
    process.kill();
    let process = Process::start(&scratch.0);
    account.trade();
    let cold = append(&process, &account).await;
    account.trade();
    let again = append(&process, &account).await;
    let begun = Instant::now();
    assert_eq!(process.owner(&account).all().await, account.lines());
    let read = begun.elapsed();
    let bytes: usize = account.lines().iter().map(String::len).sum();
    println!(
        "{entries} entries, {bytes} bytes: {pages} pages in {uploaded:?}; one more {warm:?}; after a restart {cold:?}, \
         then {again:?}; read back in {read:?}"
    );
    assert_eq!(process.owner(&account).snapshot().await.portfolio.cash, account.state().cash());
}

#[tokio::test]
async fn links_leases_and_branches_outlive_the_process() {
    let scratch = Scratch::new("kept");
    let mut account = Account::open(1, 1);
    account.trades(3);
    let mut other = account.as_of(2, 2);
    other.trades(3);
    let process = Process::start(&scratch.0);
    process.owner(&account).hands_in("desk", 0).await;
    let kept = process.owner(&account).links(1, None).await;
    let gone = process.owner(&account).links(2, None).await;
    let path = format!("links/{}", gone.token_hash);
    process.owner(&account).ask(Method::DELETE, &path, None).await;
    let reply = process
        .owner(&other)
        .append_instead("desk", other.head_at(2).as_ref(), Some(&account.head()), &other.lines()[2..])
        .await;
    reply.good::<Appended>();
    let before = process.owner(&other).page(0).await;
    process.kill();
    let process = Process::start(&scratch.0);
    assert_eq!(process.owner(&other).page(0).await, before);
    let links: Links = process.owner(&account).ask(Method::GET, "links", None).await.good();
    assert_eq!(links.links, [kept]);
    let branches = process.owner(&account).branches().await.branches;
    assert_eq!(branches[0].lines, account.lines()[2..]);
    assert_eq!(process.owner(&other).snapshot().await.portfolio.choices, 1);
}
