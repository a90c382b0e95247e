//! Links for readers: they open, they end, they are revoked while somebody reads.

use super::*;

async fn revoke(world: &World, account: &Account, link: &Link) {
    let path = format!("links/{}", link.token_hash);
    let reply = owner(world, account).ask(Method::DELETE, &path, None).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
}

async fn snapshot_by(world: &World, account: &Account, token: &str) -> Reply {
    ask(&world.server, Method::GET, &account.id.to_string(), "snapshot", Some(token), None).await
}

#[tokio::test]
async fn a_link_shows_the_account_and_follows_it_and_can_do_nothing() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    account.trades(3);
    owner(&world, &account).hands_in("desk", 0).await;
    let link = owner(&world, &account).links(7, None).await;
    let token = account.secret.read_token(7).reveal();
    assert_eq!((link.name.as_str(), link.token_hash.len()), ("Ada", 64));
    let shown: AccountSnapshot = snapshot_by(&world, &account, &token).await.good();
    assert_eq!((shown.name.as_str(), &shown.head), ("Account 1", &account.head()));
    let place = (shown.room.epoch.as_str(), shown.room.offset);
    let (mut reader, joined) = enter(&world.server, &account, &token, Some(place)).await;
    assert_eq!(joined["data"]["recovered"], true, "{joined}");
    account.trade();
    owner(&world, &account).hands_in("desk", 4).await;
    assert_eq!(reader.hear("trade_update").await["data"]["seq"], 5);
    // Not to tell anything, either.
    let path = format!("/api/v1/rooms/{}/messages", account.id);
    let thought = json!({"type": "thought_log_created", "data": {"bot": "b", "decision": "x", "reasoning": "y"}});
    let request = world.server.request(Method::POST, &path).header("authorization", format!("Bearer {token}"));
    let reply = Reply::to(request.body(thought.to_string())).await.unwrap();
    assert_eq!(reply.problem().0, ProblemKind::NoRoom);
}

#[tokio::test]
async fn whoever_reads_by_a_link_that_is_revoked_is_let_out_at_once_and_hears_nothing_more() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    owner(&world, &account).hands_in("desk", 0).await;
    let (kept, gone) = (owner(&world, &account).links(1, None).await, owner(&world, &account).links(2, None).await);
    let tokens = [1, 2].map(|number| account.secret.read_token(number).reveal());
    let (mut one, _) = enter(&world.server, &account, &tokens[0], None).await;
    let (mut two, _) = enter(&world.server, &account, &tokens[1], None).await;
    revoke(&world, &account, &gone).await;
    let refused = two.hear("refused").await;
    assert_eq!(refused["room"], json!(account.id.room()));
    assert_eq!(snapshot_by(&world, &account, &tokens[1]).await.problem().0, ProblemKind::NoRoom);
    let (_, again) = enter(&world.server, &account, &tokens[1], None).await;
    assert_eq!((&again["type"], &again["data"]), (&json!("refused"), &refused["data"]), "as if it had never been");
    account.trade();
    owner(&world, &account).hands_in("desk", 1).await;
    assert_eq!(one.hear("trade_update").await["data"]["seq"], 2);
    // The other hears of another room, and of nothing else.
    let other = Account::open(2, 1);
    two.send(&json!({"v": 1, "type": "join", "room": other.id.room(), "token": other.token})).await;
    assert_eq!(two.any().await["type"], "joined");
    // Revoked again, or never there: nothing happens.
    revoke(&world, &account, &gone).await;
    let links: Links = owner(&world, &account).ask(Method::GET, "links", None).await.good();
    assert_eq!(links.links, [kept]);
}

#[tokio::test]
async fn a_link_ends_when_it_says_and_nothing_is_told_by_it_after_that() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    owner(&world, &account).hands_in("desk", 0).await;
    let expires = tests::world::BEGINNING.plus_millis(30_000).to_string();
    owner(&world, &account).links(1, Some(&expires)).await;
    let token = account.secret.read_token(1).reveal();
    let (mut reader, _) = enter(&world.server, &account, &token, None).await;
    world.seconds_pass(29);
    account.trade();
    owner(&world, &account).hands_in("desk", 1).await;
    assert_eq!(reader.hear("trade_update").await["data"]["seq"], 2);
    // A second later it is over: what is told then is not told by it.
    world.seconds_pass(1);
    account.trade();
    owner(&world, &account).hands_in("desk", 2).await;
    loop {
        let frame = reader.any().await;
        assert_ne!(frame["data"]["seq"], 3, "{frame}");
        if frame["type"] == "refused" {
            break;
        }
    }
    assert_eq!(snapshot_by(&world, &account, &token).await.problem().0, ProblemKind::NoRoom);
    let links: Links = owner(&world, &account).ask(Method::GET, "links", None).await.good();
    assert_eq!(links.links, []);
}

#[tokio::test]
async fn an_account_has_so_many_links_and_one_that_is_there_can_be_changed() {
    let world = World::start().await;
    let account = Account::open(1, 1);
    for number in 0..32 {
        owner(&world, &account).links(number, None).await;
    }
    let hash = hex(&account.secret.read_token(99).hash());
    let full = owner(&world, &account).ask(Method::POST, "links", Some(&json!({"token_hash": hash}))).await;
    let (kind, problem) = full.problem();
    assert_eq!(kind, ProblemKind::BadRequest);
    assert!(problem.detail.unwrap().contains("at most 32 links"));
    // One that is there is given another name.
    let known = hex(&account.secret.read_token(5).hash());
    let named = json!({"token_hash": known, "name": "Grace"});
    let reply = owner(&world, &account).ask(Method::POST, "links", Some(&named)).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let links: Links = owner(&world, &account).ask(Method::GET, "links", None).await.good();
    assert_eq!((links.links.len(), links.links[5].name.as_str()), (32, "Grace"));
}
