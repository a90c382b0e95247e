//! The operator: who may clear the prices, by HTTP and by the command, and what comes of it.

use backend::cli::prices::clear;
use backend::config::Secret;
use reqwest::Method;
use shared::wire::{Cleared, Prices, ProblemKind};
use tests::{
    coingecko::Endpoint,
    world::{Reply, World},
};

const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const WETH: &str = "/api/v1/prices?tokens=1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
const CACHE: &str = "/api/v1/prices/cache";

#[tokio::test]
async fn only_the_operator_clears_the_prices_and_what_is_watched_comes_anew() {
    let world = World::with(|server, _| server.operator = Some(Secret::new(TOKEN))).await;
    world.read::<Prices>(WETH).await;
    let clear = async |token: &str| {
        let request = world.server.request(Method::DELETE, CACHE).bearer_auth(token);
        Reply::to(request).await.unwrap()
    };
    let refused = clear(&TOKEN.replace('0', "1")).await;
    assert_eq!(refused.problem().0, ProblemKind::NotOperator);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    let wrong = world.get(CACHE).await;
    assert_eq!((wrong.problem().0, wrong.header("allow")), (ProblemKind::MethodNotAllowed, Some("DELETE")));
    assert_eq!(world.upstream().calls_of(Endpoint::SimplePrice).len(), 1);
    assert_eq!(clear(TOKEN).await.good::<Cleared>(), Cleared { prices: 2 });
    world.upstream().wait_for_calls(2).await;
    assert_eq!(world.read::<Prices>(WETH).await.prices.len(), 1);
}

#[tokio::test]
async fn without_a_token_nobody_is_the_operator_and_the_answer_says_how_to_become_it() {
    let world = World::start().await;
    let reply = Reply::to(world.server.request(Method::DELETE, CACHE).bearer_auth(TOKEN)).await.unwrap();
    let (kind, problem) = reply.problem();
    assert_eq!(kind, ProblemKind::NoOperator);
    assert!(problem.detail.unwrap().contains("FOOLSCAP_OPERATOR_TOKEN_FILE"));
}

#[tokio::test]
async fn the_command_clears_a_running_server_or_says_why_it_could_not() {
    let world = World::with(|server, _| server.operator = Some(Secret::new(TOKEN))).await;
    world.read::<Prices>(WETH).await;
    let run = async |token: &str, server: &str| {
        clear(&server.parse().unwrap(), &Secret::new(token)).await.map_err(|error| error.to_string())
    };
    assert_eq!(run(TOKEN, &world.server.url).await, Ok(Cleared { prices: 2 }));
    let refused = run("ffffffffffffffffffffffffffffffffffff", &world.server.url).await.unwrap_err();
    assert!(refused.contains("refuses: this is for the operator"), "{refused}");
    let nobody = run(TOKEN, "http://127.0.0.1:1").await.unwrap_err();
    assert!(nobody.contains("no server at http://127.0.0.1:1") && nobody.contains("--server"), "{nobody}");
    let stranger = run(TOKEN, &world.coingecko.url).await.unwrap_err();
    assert!(stranger.contains("is no Foolscap"), "{stranger}");
    for said in [refused, nobody, stranger] {
        assert!(!said.contains(TOKEN), "{said}");
    }
}
