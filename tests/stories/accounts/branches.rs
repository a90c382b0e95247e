//! Two journals that went different ways: both are shown, the owner chooses, nothing is lost.

use super::*;

/// A copy of 20 entries, and a device that went its own way after the 15th.
async fn forked(world: &World) -> (Account, Account) {
    let mut desk = Account::open(1, 1);
    desk.trades(14);
    let mut phone = desk.as_of(15, 2);
    desk.trades(5);
    phone.trades(8);
    owner(world, &desk).hands_in("desk", 0).await;
    owner(world, &desk).give_lease("desk").await;
    (desk, phone)
}

#[tokio::test]
async fn the_branch_that_is_chosen_takes_the_place_of_the_other_and_the_other_is_kept() {
    let world = World::start().await;
    let (desk, phone) = forked(&world).await;
    let mine = owner(&world, &phone);
    let (after, lines) = (phone.head_at(15), &phone.lines()[15..]);
    let (kind, problem) = mine.append("phone", after.as_ref(), lines).await.problem();
    assert_eq!(kind, ProblemKind::JournalMoved);
    let head: JournalHead = field(&problem, "head");
    assert_eq!(head, desk.head());
    // The owner chooses what the phone has. Twice, because the first answer was lost.
    for _ in 0..2 {
        let reply = mine.append_instead("phone", after.as_ref(), Some(&head), lines).await;
        assert_eq!(reply.good::<Appended>().head, phone.head());
    }
    assert_eq!(mine.all().await, phone.lines());
    let kept = mine.branches().await.branches;
    assert_eq!(kept.len(), 1);
    assert_eq!((Some(&kept[0].after), kept[0].lines.as_slice()), (after.as_ref(), &desk.lines()[15..]));
    assert_eq!(kept[0].kept, Some(tests::world::BEGINNING));
    let snapshot = mine.snapshot().await;
    assert_eq!((snapshot.head, snapshot.portfolio.choices), (phone.head(), 1));
    assert_eq!(snapshot.portfolio.cash, phone.state().cash());
    // It goes on from there.
    let mut phone = phone;
    phone.trades(2);
    owner(&world, &phone).hands_in("phone", 23).await;
}

#[tokio::test]
async fn a_choice_holds_only_against_what_was_shown() {
    let world = World::start().await;
    let (mut desk, phone) = forked(&world).await;
    let shown = desk.head();
    desk.trades(1);
    owner(&world, &desk).hands_in("desk", 20).await;
    owner(&world, &desk).give_lease("desk").await;
    let mine = owner(&world, &phone);
    let lines = &phone.lines()[15..];
    let reply = mine.append_instead("phone", phone.head_at(15).as_ref(), Some(&shown), lines).await;
    let (kind, problem) = reply.problem();
    assert_eq!((kind, field::<JournalHead>(&problem, "head")), (ProblemKind::JournalMoved, desk.head()));
    // Nor against the lease, nor for lines that are wrong: and then nothing has changed.
    owner(&world, &desk).take_lease("desk").await.good::<Lease>();
    let reply = mine.append_instead("phone", phone.head_at(15).as_ref(), Some(&desk.head()), lines).await;
    assert_eq!(reply.problem().0, ProblemKind::LeaseHeld);
    owner(&world, &desk).give_lease("desk").await;
    let wrong = [lines, &["{}".to_owned()]].concat();
    let reply = mine.append_instead("phone", phone.head_at(15).as_ref(), Some(&desk.head()), &wrong).await;
    assert_eq!(reply.problem().0, ProblemKind::JournalDamaged);
    assert_eq!(mine.all().await, desk.lines());
    assert_eq!(mine.branches().await.branches, []);
    desk.trades(1);
    owner(&world, &desk).hands_in("desk", 21).await;
}

#[tokio::test]
async fn the_branch_that_is_not_chosen_is_handed_in_and_kept() {
    let world = World::start().await;
    let (desk, phone) = forked(&world).await;
    let mine = owner(&world, &phone);
    let hand_in = async |from: usize, to: usize| {
        let body = json!({"after": phone.head_at(from), "lines": &phone.lines()[from..to]});
        let reply = mine.ask(Method::POST, "branches", Some(&body)).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    };
    // In two pieces, and the second again: an answer was lost.
    hand_in(15, 19).await;
    hand_in(19, 23).await;
    hand_in(19, 23).await;
    let kept = mine.branches().await.branches;
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].after.seq, kept[0].lines.as_slice()), (15, &phone.lines()[15..]));
    // The copy is what it was.
    assert_eq!(mine.all().await, desk.lines());
    // Its form is looked at.
    let mut lines = phone.lines()[15..].to_vec();
    lines.remove(2);
    let body = json!({"after": phone.head_at(15), "lines": lines});
    let (kind, problem) = mine.ask(Method::POST, "branches", Some(&body)).await.problem();
    assert_eq!((kind, field::<u64>(&problem, "line")), (ProblemKind::JournalDamaged, 18));
}

#[tokio::test]
async fn a_whole_journal_can_make_way_and_branches_have_their_measure() {
    let world = World::with(|config, _| config.accounts.branches = 2).await;
    let mut last: Option<JournalHead> = None;
    for seed in 1..=3 {
        let opened = tests::world::BEGINNING.plus_millis(i64::try_from(seed).unwrap());
        let mut account = Account::open_at(1, seed, opened);
        account.trades(2);
        let mine = owner(&world, &account);
        let reply = mine.append_instead("desk", None, last.as_ref(), account.lines()).await;
        assert_eq!(reply.good::<Appended>().head, account.head());
        assert_eq!(mine.all().await, account.lines());
        last = Some(account.head());
    }
    let account = Account::open_at(1, 9, tests::world::BEGINNING.plus_millis(9));
    let mine = owner(&world, &account);
    assert_eq!(mine.branches().await.branches.len(), 2);
    let reply = mine.append_instead("desk", None, last.as_ref(), account.lines()).await;
    let (kind, problem) = reply.problem();
    assert_eq!(kind, ProblemKind::JournalFull);
    assert!(problem.detail.unwrap().contains("save this one to a file"));
    assert_eq!(mine.page(0).await.head, last);
}
