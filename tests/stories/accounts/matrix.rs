//! Whose is whose: every route against every token that is not the right one.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn an_account_that_is_not_there_and_one_that_is_anothers_are_refused_alike_everywhere() {
    const OPERATOR: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let world = World::with(|settings, _| settings.operator = Some(backend::config::Secret::new(OPERATOR))).await;
    let (mine, other, absent) = (Account::open(1, 1), Account::open(2, 1), Account::open(3, 1));
    owner(&world, &mine).hands_in("desk", 0).await;
    owner(&world, &other).hands_in("desk", 0).await;
    let link = owner(&world, &mine).links(1, None).await;
    let theirs = owner(&world, &other).links(1, None).await;
    owner(&world, &mine).links(2, None).await;
    let revoked = mine.secret.read_token(2);
    let path = format!("links/{}", hex(&revoked.hash()));
    owner(&world, &mine).ask(Method::DELETE, &path, None).await;

    // One that has ended.
    let soon = tests::world::BEGINNING.plus_millis(1_000).to_string();
    owner(&world, &mine).links(4, Some(&soon)).await;
    world.seconds_pass(2);

    let append = json!({"device": "thief", "lines": other.lines()});
    let branch = json!({"after": mine.head(), "lines": other.lines()});
    let lease = json!({"device": "thief"});
    let new_link = json!({"token_hash": "0".repeat(64)});
    let routes = [
        (Method::GET, "journal".to_owned(), None),
        (Method::GET, "journal?after=0".to_owned(), None),
        (Method::POST, "journal".to_owned(), Some(&append)),
        (Method::PUT, "lease".to_owned(), Some(&lease)),
        (Method::DELETE, "lease?device=desk".to_owned(), None),
        (Method::GET, "snapshot".to_owned(), None),
        (Method::GET, "links".to_owned(), None),
        (Method::POST, "links".to_owned(), Some(&new_link)),
        (Method::DELETE, format!("links/{}", link.token_hash), None),
        (Method::GET, "branches".to_owned(), None),
        (Method::POST, "branches".to_owned(), Some(&branch)),
    ];
    let reader = mine.secret.read_token(1).reveal();
    let accounts =
        [mine.id.to_string(), absent.id.to_string(), "not-an-account".into(), mine.id.to_string().to_uppercase()];
    let tokens = [
        None,
        Some(other.token.clone()),
        Some(other.secret.read_token(1).reveal()),
        Some(revoked.reveal()),
        Some(mine.secret.read_token(3).reveal()),
        Some(mine.secret.read_token(4).reveal()),
        Some(OPERATOR.to_owned()),
        Some(link.token_hash.clone()),
        Some(theirs.token_hash.clone()),
        Some(mine.id.to_string()),
        Some(mine.token.to_uppercase()),
        Some(format!("{}0", mine.token)),
        Some(mine.token[..63].to_owned()),
        Some(String::new()),
        Some("0".repeat(64)),
    ];
    let mut bodies = BTreeSet::new();
    let mut cases = 0;
    for (method, rest, body) in &routes {
        for account in &accounts {
            // What a reader has opens nothing but the snapshot.
            let reader = (!rest.starts_with("snapshot") || *account != accounts[0]).then(|| Some(reader.clone()));
            for token in tokens.iter().cloned().chain(reader) {
                let reply = ask(&world.server, method.clone(), account, rest, token.as_deref(), *body).await;
                assert_eq!(reply.problem().0, ProblemKind::NoRoom, "{method} {rest} {account} {token:?}");
                bodies.insert(reply.body);
                cases += 1;
            }
        }
    }
    assert_eq!((bodies.len(), cases), (1, 11 * 4 * 16 - 1), "{bodies:?}");
    // The owner's own token opens them all, and nothing of the above has changed anything.
    let page = owner(&world, &mine).page(0).await;
    assert_eq!((page.head, page.lease.map(|lease| lease.device)), (Some(mine.head()), Some("desk".into())));
    let links: Links = owner(&world, &mine).ask(Method::GET, "links", None).await.good();
    assert_eq!(links.links, [link]);
    assert_eq!(owner(&world, &absent).page(0).await.head, None);
    // An owner without a copy sees none.
    let none = owner(&world, &absent).ask(Method::GET, "snapshot", None).await;
    assert_eq!(none.problem().0, ProblemKind::NoRoom);
}
