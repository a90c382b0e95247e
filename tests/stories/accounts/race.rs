//! Two devices that both want to write.

use super::*;

/// Trades on until so many of its own are in the copy: whatever others have written first it takes, and trades anew
/// on top of it.
async fn write(world: &World, mut account: Account, device: &str, count: usize) -> Vec<String> {
    let mut mine = vec![];
    while mine.len() < count {
        let mut next = account.clone();
        let line = next.trade();
        let after = account.head_at(account.lines().len());
        let reply = owner(world, &account).append(device, after.as_ref(), std::slice::from_ref(&line)).await;
        if reply.status == StatusCode::OK {
            mine.push(line);
            account = next;
            owner(world, &account).give_lease(device).await;
            continue;
        }
        match reply.problem().0 {
            ProblemKind::JournalMoved => {
                let page = owner(world, &account).page(account.lines().len() as u64).await;
                account.take(&page.lines);
            }
            ProblemKind::LeaseHeld => tokio::task::yield_now().await,
            other => panic!("{other:?}: {}", reply.body),
        }
    }
    mine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_that_race_lose_nothing_double_nothing_and_leave_one_chain() {
    let world = World::start().await;
    let account = Account::open(1, 1);
    owner(&world, &account).hands_in("desk", 0).await;
    owner(&world, &account).give_lease("desk").await;
    let (desk, phone) = (account.as_of(1, 2), account.as_of(1, 3));
    let (one, two) = tokio::join!(write(&world, desk, "desk", 100), write(&world, phone, "phone", 100));
    let all = owner(&world, &account).all().await;
    assert_eq!(all.len(), 201);
    for line in one.iter().chain(&two) {
        assert_eq!(all.iter().filter(|there| *there == line).count(), 1);
    }
    shared::ledger::Ledger::replay(all.join("\n") + "\n").expect("one chain");
    // Each had its turns between the other's.
    let is_ones: Vec<bool> = all[1..].iter().map(|line| one.contains(line)).collect();
    assert!(is_ones.windows(2).any(|pair| pair[0] != pair[1]), "they did not meet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_append_after_the_same_entry_at_the_same_moment_one_is_first() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    owner(&world, &account).hands_in("desk", 0).await;
    for round in 0..50 {
        let length = account.lines().len();
        let branches = [2, 3].map(|seed| {
            let mut branch = account.as_of(length, seed + round * 10);
            branch.trade();
            branch
        });
        let after = account.head();
        let attempts = branches.iter().map(|branch| async {
            // One device in two tabs: the lease does not keep them apart.
            owner(&world, branch).append("desk", Some(&after), &branch.lines()[length..]).await
        });
        let replies = futures_util::future::join_all(attempts).await;
        let won: Vec<bool> = replies.iter().map(|reply| reply.status == StatusCode::OK).collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{replies:?}");
        for (branch, won) in branches.iter().zip(won) {
            if won {
                account = branch.clone();
            }
        }
        assert_eq!(owner(&world, &account).page(0).await.head, Some(account.head()));
    }
}
