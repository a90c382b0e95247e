//! The API's description is served, and true.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use shared::wire::{Chains, Markets, Tokens};
use tests::{
    coingecko::{Endpoint, market::pool_address},
    world::{Reply, World},
};

const PATHS: [&str; 9] = [
    "/api/v1/candles",
    "/api/v1/chains",
    "/api/v1/gas",
    "/api/v1/markets",
    "/api/v1/prices",
    "/api/v1/prices/stats",
    "/api/v1/status",
    "/api/v1/tokens",
    "/healthz",
];
/// Those that want a token, or that nothing is read at: stories of their own hold them.
const KEYED: [&str; 20] = [
    "/api/v1/accounts/{account_id}/branches",
    "/api/v1/accounts/{account_id}/journal",
    "/api/v1/accounts/{account_id}/lease",
    "/api/v1/accounts/{account_id}/links",
    "/api/v1/accounts/{account_id}/links/{token_hash}",
    "/api/v1/accounts/{account_id}/snapshot",
    "/api/v1/breakers",
    "/api/v1/breakers/history",
    "/api/v1/breakers/{chain}/{name}/reset",
    "/api/v1/prices/cache",
    "/api/v1/rooms",
    "/api/v1/rooms/{account_id}/messages",
    "/api/v1/transactions",
    "/api/v1/transactions/metrics",
    "/api/v1/transactions/portfolio",
    "/api/v1/transactions/quote",
    "/api/v1/transactions/{id}",
    "/api/v1/transactions/{id}/cancel",
    "/api/v1/transactions/{id}/replace",
    "/api/v1/wallet",
];
const WETH: &str = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

#[tokio::test]
async fn every_path_is_described_and_answers_as_described() {
    let world = World::start().await;
    let description: Value = world.read("/api/openapi.json").await;
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    let described: BTreeSet<_> = description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(described, PATHS.into_iter().chain(KEYED).collect());
    let page = world.get("/api/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for path in KEYED {
        assert!(page.body.contains(path), "the page tells of {path}");
    }
    for path in PATHS {
        assert!(page.body.contains(path), "the page tells of {path}");
        let operation = &description["paths"][path]["get"];
        // With the examples that the description gives for what is required.
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let required =
            parameters.iter().filter(|parameter| parameter["required"] == true || parameter["name"] == "chain");
        let query: Vec<_> = required
            .map(|parameter| {
                let example = &parameter["example"];
                let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                format!("{}={text}", parameter["name"].as_str().unwrap())
            })
            .collect();
        let reply = world.get(&format!("{path}?{}", query.join("&"))).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let body: Value = reply.good();
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let schema = &description["components"]["schemas"][name];
        let fields: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().collect();
        for field in body.as_object().unwrap().keys() {
            assert!(fields.contains(field), "{path} answers `{field}`, which {name} does not have");
        }
        for field in schema["required"].as_array().unwrap() {
            assert!(body.get(field.as_str().unwrap()).is_some(), "{path} leaves out {field} of {name}");
        }
        let head = Reply::to(world.server.request(Method::HEAD, &format!("{path}?{}", query.join("&")))).await.unwrap();
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "HEAD {path}");
    }
}

#[tokio::test]
async fn every_reference_in_the_description_leads_somewhere() {
    let world = World::start().await;
    let description: Value = world.read("/api/openapi.json").await;
    let mut open = vec![&description];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').expect("within the document");
                    assert!(description.pointer(pointer).is_some(), "{reference}");
                    references += 1;
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 10);
}

#[tokio::test]
async fn chains_and_tokens_are_those_of_the_core() {
    let world = World::start().await;
    let chains: Chains = world.read("/api/v1/chains").await;
    assert_eq!(chains.default_chain.id(), 84_532);
    let ids: BTreeSet<_> = chains.chains.iter().map(|chain| chain.id.id()).collect();
    assert_eq!(ids, BTreeSet::from([1, 8453, 84_532, 11_155_111]));
    let all: Tokens = world.read("/api/v1/tokens?chain=all").await;
    assert_eq!(all.tokens.len(), shared::token::TokenTable::builtin().iter().count());
    let default: Tokens = world.read("/api/v1/tokens?origin=builtin").await;
    let symbols: BTreeSet<_> = default.tokens.iter().map(|token| token.symbol.as_str()).collect();
    assert_eq!(symbols, BTreeSet::from(["USDC", "WETH"]), "without a chain, the default one is meant");
}

#[tokio::test]
async fn a_market_tells_its_deepest_pool_its_volume_and_its_volatility_and_costs_two_calls_a_token() {
    let world = World::start().await;
    let pool = pool_address("ethereum", "weth", "usd-coin", "uniswap_v2");
    world.upstream().set_reserve(&pool, Some("9876543210.5")).unwrap();
    world.get(&format!("/api/v1/prices?chain=1&addresses={WETH}")).await;
    world.upstream().forget_calls();
    let path = format!("/api/v1/markets?chain=1&addresses={WETH}");
    let markets: Markets = world.read(&path).await;
    let facts = markets.markets[0].facts();
    assert_eq!(facts.liquidity.unwrap().to_string(), "9876543210.5");
    assert_eq!((facts.dex.as_deref(), facts.fee.map(|fee| fee.parts())), (Some("uniswap_v2"), Some(3000)));
    assert!(facts.volume_24h.is_some_and(|volume| !volume.is_zero()));
    let sigma = facts.sigma_day.expect("ninety days give a volatility");
    assert!((5_000_000..150_000_000).contains(&sigma), "{sigma} parts per billion a day");
    let kinds: BTreeSet<_> = world.upstream().calls().iter().map(|call| call.endpoint).collect();
    assert_eq!(kinds, BTreeSet::from([Endpoint::TokenPools, Endpoint::MarketChart]));
    assert_eq!(world.upstream().calls().len(), 2);
    world.read::<Markets>(&path).await;
    assert_eq!(world.upstream().calls().len(), 2, "what is known is not asked for again");
}
