//! The CoinGecko stand-in keeps to what is known of the real service: paths, shapes, limits, and
//! every error body. Whoever writes a client against it may rely on what is asserted here.

use std::time::Duration;

use serde_json::{Value, json};
use shared::token::TokenTable;
use tests::{
    clock::Clock,
    coingecko::{
        CoinGecko, Config, Connections, Endpoint, Fault, Host, KEY, Limits, Throttle, coins, fingerprint,
        market::pool_address,
    },
    http,
};

/// 2026-11-22T17:06:40Z.
const NOW_MS: i64 = 1_795_367_200_000;
const WETH: &str = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

async fn still() -> CoinGecko {
    still_with(Limits { calls_per_minute: None, ..Limits::default() }).await
}

async fn still_with(limits: Limits) -> CoinGecko {
    CoinGecko::start(Config { clock: Clock::stopped_at(NOW_MS), limits, ..Config::default() }).await
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

async fn get(upstream: &CoinGecko, path: &str) -> Answer {
    try_get(upstream, path, &[]).await.expect("an answer")
}

async fn try_get(upstream: &CoinGecko, path: &str, headers: &[(&str, &str)]) -> reqwest::Result<Answer> {
    let request = http::client().get(format!("{}{path}", upstream.url));
    let response = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await?;
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned()),
        text: response.text().await?,
    })
}

#[tokio::test]
async fn ping_says_what_it_says() {
    let upstream = still().await;
    assert_eq!(get(&upstream, "/ping").await.text, r#"{"gecko_says":"(V3) To the Moon!"}"#);
}

#[tokio::test]
async fn simple_price_answers_each_flag_and_leaves_unknown_ids_out() {
    let upstream = still().await;
    let bare = get(&upstream, "/simple/price?ids=weth,no-such-coin&vs_currencies=usd&precision=full").await;
    assert_eq!(bare.text, r#"{"weth":{"usd":3126.90772184359}}"#);
    let general = get(&upstream, "/simple/price?ids=weth,pepe&vs_currencies=usd").await;
    assert_eq!(general.text, r#"{"pepe":{"usd":4.71108e-06},"weth":{"usd":3126.91}}"#);
    let places = get(&upstream, "/simple/price?ids=weth&vs_currencies=usd&precision=0").await;
    assert_eq!(places.text, r#"{"weth":{"usd":3127}}"#);
    let full = get(
        &upstream,
        "/simple/price?ids=weth&vs_currencies=usd&include_market_cap=true&include_24hr_vol=true&include_24hr_change=true&include_last_updated_at=true",
    )
    .await
    .json();
    let weth = full["weth"].as_object().unwrap();
    assert_eq!(weth.len(), 5);
    assert!(weth["usd_market_cap"].as_f64().unwrap() > 1e9);
    assert!(weth["usd_24h_vol"].as_f64().unwrap() > 1e8);
    assert!(weth["usd_24h_change"].as_f64().unwrap().abs() < 30.0);
    assert_eq!(weth["last_updated_at"], json!(NOW_MS / 60_000 * 60));
    assert_eq!(get(&upstream, "/simple/price?ids=no-such-coin&vs_currencies=usd").await.text, "{}");
    assert_eq!(get(&upstream, "/simple/price?ids=weth").await.status, 422);
}

#[tokio::test]
async fn scripted_prices_keep_their_text_and_follow_the_clock() {
    let upstream = still().await;
    let control = &upstream.control;
    let path = "/simple/price?ids=weth&vs_currencies=usd&precision=full";
    for text in ["1e-18", "3000.000000000000000001", "0.123456789012345678", "1.50", "2E+3"] {
        control.set_price("weth", text).unwrap();
        assert_eq!(get(&upstream, path).await.text, format!(r#"{{"weth":{{"usd":{text}}}}}"#));
    }
    let minutes = |n: u64| Duration::from_secs(60 * n);
    control.script("weth", [(minutes(1), Some("10")), (minutes(2), None), (minutes(3), Some("30"))]).unwrap();
    for expected in ["2E+3", "10", "null", "30", "30"] {
        assert_eq!(get(&upstream, path).await.text, format!(r#"{{"weth":{{"usd":{expected}}}}}"#));
        control.clock().advance(minutes(1));
    }
    assert!(control.set_price("weth", "12,5").is_err());
    assert!(control.set_price("no-such-coin", "1").is_err());
}

#[tokio::test]
async fn token_prices_come_by_address_with_lower_case_keys() {
    let upstream = still().await;
    let path = format!("/simple/token_price/ethereum?contract_addresses={WETH}&vs_currencies=usd&precision=full");
    assert_eq!(
        get(&upstream, &path).await.text,
        format!(r#"{{"{}":{{"usd":3126.90772184359}}}}"#, WETH.to_lowercase())
    );
    let two = get(
        &upstream,
        &format!("{path}&contract_addresses={WETH},{WETH}").replacen(&format!("contract_addresses={WETH}&"), "", 1),
    )
    .await;
    assert_eq!((two.status, two.json()["error_code"].clone()), (400, json!(10012)));
    assert!(
        two.json()["status"]["error_message"]
            .as_str()
            .unwrap()
            .contains("exceeds the allowed limit of 1 contract address.")
    );
    assert_eq!(get(&upstream, &path.replace("/ethereum", "/atlantis")).await.status, 404);
}

#[test]
fn every_token_the_app_ships_has_its_coin_at_its_address() {
    for token in TokenTable::builtin().iter() {
        let facts = token.key.chain.facts();
        if let Some(id) = &token.coin_id {
            assert!(coins::by_id(id).is_some(), "{} is priced by {id}", token.symbol);
        }
        let Some(platform) = facts.platform else { continue };
        let coin = coins::by_address(platform, &token.key.checksummed());
        let coin = coin.unwrap_or_else(|| panic!("{} at {}", token.symbol, token.key));
        assert!(token.coin_id.as_deref().is_none_or(|id| id == coin.id), "{} is not {}", token.symbol, coin.id);
        let place = coin.places.iter().find(|place| place.platform == platform).unwrap();
        assert_eq!(place.decimals, token.decimals, "{}", token.symbol);
        assert!(place.address.eq_ignore_ascii_case(&token.key.checksummed()));
    }
}

#[tokio::test]
async fn hundreds_of_ids_go_into_one_call() {
    let upstream = still().await;
    let ids: Vec<_> = coins::all().iter().map(|coin| coin.id).collect();
    assert!(ids.len() > 400);
    let found = get(&upstream, &format!("/simple/price?ids={}&vs_currencies=usd", ids.join(","))).await.json();
    assert_eq!(found.as_object().unwrap().len(), ids.len(), "ids are unique, and each has a price");
}

#[tokio::test]
async fn too_many_ids_are_refused_with_10012() {
    let upstream = still_with(Limits { max_ids: Some(2), ..Limits::default() }).await;
    assert_eq!(get(&upstream, "/simple/price?ids=weth,dai&vs_currencies=usd").await.status, 200);
    let refused = get(&upstream, "/simple/price?ids=weth,dai,tether&vs_currencies=usd").await;
    assert_eq!((refused.status, refused.json()["error_code"].clone()), (400, json!(10012)));
    assert!(refused.text.contains("Number of coin ids in the request exceeds the allowed limit (2 ids)."));
}

#[tokio::test]
async fn the_list_names_platforms_and_addresses_and_can_be_long() {
    let upstream = CoinGecko::start(Config { list_padding: 15_000, ..Config::default() }).await;
    let list = get(&upstream, "/coins/list?include_platform=true").await.json();
    let list = list.as_array().unwrap();
    assert!(list.len() > 15_000);
    let find = |id: &str| list.iter().find(|entry| entry["id"] == id).unwrap();
    assert_eq!(find("weth")["platforms"]["ethereum"], json!(WETH.to_lowercase()));
    assert_eq!(find("bitcoin")["platforms"], json!({}));
    assert_eq!(list.iter().filter(|entry| entry["symbol"] == "usdc").count(), 2, "symbols are not unique");
    let bare = get(&upstream, "/coins/list").await.json();
    assert!(bare[0].get("platforms").is_none());
}

#[tokio::test]
async fn charts_have_the_grain_of_their_range_and_end_at_the_price_now() {
    let upstream = still().await;
    upstream.control.set_price("weth", "3210.000000000000000001").unwrap();
    for (days, grain_ms, count) in
        [(1, 300_000, 289), (2, 3_600_000, 49), (90, 3_600_000, 2161), (91, 86_400_000, 92), (365, 86_400_000, 366)]
    {
        let answer = get(&upstream, &format!("/coins/weth/market_chart?vs_currency=usd&days={days}")).await;
        assert!(answer.text.contains(&format!("[{NOW_MS},3210.000000000000000001]")), "{days} days");
        let chart = answer.json();
        for series in ["prices", "market_caps", "total_volumes"] {
            let times: Vec<i64> =
                chart[series].as_array().unwrap().iter().map(|point| point[0].as_i64().unwrap()).collect();
            assert_eq!(times.len(), count, "{series} of {days} days");
            let (last, grid) = times.split_last().unwrap();
            assert_eq!(*last, NOW_MS);
            assert!(grid.iter().all(|time| time % grain_ms == 0));
            assert!(grid.is_sorted_by(|a, b| b - a == grain_ms));
            assert!(grid[0] >= NOW_MS - days * 86_400_000);
        }
    }
    let missing = get(&upstream, "/coins/no-such-coin/market_chart?vs_currency=usd&days=1").await;
    assert_eq!((missing.status, missing.text.as_str()), (404, r#"{"error":"coin not found"}"#));
    let old = get(&upstream, "/coins/weth/market_chart?vs_currency=usd&days=366").await;
    assert_eq!((old.status, old.json()["error"]["status"]["error_code"].clone()), (401, json!(10012)));
}

#[tokio::test]
async fn candles_close_on_their_grain_and_hold_their_open_and_close() {
    let upstream = still().await;
    for (days, grain_ms) in [(1, 1_800_000), (7, 14_400_000), (30, 14_400_000), (90, 345_600_000), (365, 345_600_000)] {
        let rows = get(&upstream, &format!("/coins/weth/ohlc?vs_currency=usd&days={days}")).await.json();
        let rows = rows.as_array().unwrap();
        assert!(rows.len() as i64 >= days * 86_400_000 / grain_ms - 1, "{} rows for {days} days", rows.len());
        for row in rows {
            let [close_ms, open, high, low, close] = [0, 1, 2, 3, 4].map(|n| row[n].as_f64().unwrap());
            assert_eq!(close_ms as i64 % grain_ms, 0);
            assert!(close_ms as i64 <= NOW_MS);
            assert!(low <= open.min(close) && high >= open.max(close), "{row}");
        }
    }
    assert_eq!(get(&upstream, "/coins/weth/ohlc?vs_currency=usd&days=3").await.status, 422);
}

#[tokio::test]
async fn pools_tell_their_depth_as_text_and_name_tokens_and_exchange() {
    let upstream = still().await;
    let path = format!("/onchain/networks/eth/tokens/{}/pools?include=base_token,quote_token,dex", WETH.to_lowercase());
    let document = get(&upstream, &path).await.json();
    let pools = document["data"].as_array().unwrap();
    assert_eq!(pools.len(), 20, "a page");
    let depth = |pool: &Value| pool["attributes"]["reserve_in_usd"].as_str().unwrap().parse::<f64>().unwrap();
    assert!(pools.is_sorted_by(|a, b| depth(a) >= depth(b)));
    let weth = format!("eth_{}", WETH.to_lowercase());
    let side = |pool: &Value, side: &str| pool["relationships"][side]["data"]["id"].clone();
    assert!(pools.iter().all(|pool| side(pool, "base_token") == weth || side(pool, "quote_token") == weth));
    assert!(pools.iter().any(|pool| side(pool, "quote_token") == weth), "a token is on either side");
    let included = document["included"].as_array().unwrap();
    assert!(included.iter().any(|entry| entry["id"] == weth && entry["attributes"]["decimals"] == 18));
    assert!(included.iter().any(|entry| entry["type"] == "dex"));
    let address = pool_address("ethereum", "weth", "usd-coin", "uniswap_v2");
    upstream.control.set_reserve(&address, Some("1234567.89")).unwrap();
    let one = get(&upstream, &format!("/onchain/networks/eth/pools/multi/{address}")).await.json();
    assert_eq!(one["data"][0]["attributes"]["reserve_in_usd"], "1234567.89");
    assert_eq!(one["data"][0]["attributes"]["name"], "WETH / USDC");
    assert!(one.get("included").is_none());
    let wrong = get(&upstream, &path.replace("/eth/", "/ethereum/")).await;
    assert_eq!((wrong.status, wrong.json()["errors"][0]["status"].clone()), (404, json!("404")));
}

#[tokio::test]
async fn markets_answer_a_row_a_coin() {
    let upstream = still().await;
    let rows = get(&upstream, "/coins/markets?vs_currency=usd&ids=weth,dai&precision=full").await.json();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let weth = rows.as_array().unwrap().iter().find(|row| row["id"] == "weth").unwrap();
    assert!(weth["low_24h"].as_f64() <= weth["current_price"].as_f64());
}

#[tokio::test]
async fn keys_belong_to_their_host_and_go_in_their_header() {
    let public = still().await;
    let pro = CoinGecko::start(Config { host: Host::Pro, ..Config::default() }).await;
    let code = async |upstream: &CoinGecko, headers: &[(&str, &str)]| {
        let answer = try_get(upstream, "/ping", headers).await.unwrap();
        (answer.status, answer.json()["status"]["error_code"].as_i64())
    };
    let (demo, paid) = ("x-cg-demo-api-key", "x-cg-pro-api-key");
    assert_eq!(code(&public, &[]).await, (200, None));
    assert_eq!(code(&public, &[(demo, KEY)]).await, (200, None));
    assert_eq!(code(&public, &[(demo, "CG-wrong")]).await, (401, Some(10002)));
    assert_eq!(code(&public, &[(paid, KEY)]).await, (401, Some(10010)));
    assert_eq!(code(&pro, &[(paid, KEY)]).await, (200, None));
    assert_eq!(code(&pro, &[(demo, KEY)]).await, (401, Some(10011)));
    assert_eq!(code(&pro, &[]).await, (401, Some(10002)));
    // Upstream takes keys from the query too; the log shows it.
    assert_eq!(get(&pro, &format!("/ping?x_cg_pro_api_key={KEY}")).await.status, 200);
    assert_eq!(pro.control.calls().last().unwrap().parameter("x_cg_pro_api_key"), Some(KEY));
    assert!(public.control.calls()[1].headers.contains(&demo.to_owned()));
}

#[tokio::test]
async fn too_many_calls_a_minute_are_throttled_until_the_minute_has_passed() {
    for (throttle, body) in [
        (Throttle::Json, r#"{"status":{"error_code":429"#),
        (Throttle::Text, "Throttled"),
        (Throttle::Network, "error code: 1015"),
    ] {
        let upstream = still_with(Limits { calls_per_minute: Some(3), throttle, ..Limits::default() }).await;
        let clock = upstream.control.clock().clone();
        for _ in 0..3 {
            assert_eq!(get(&upstream, "/ping").await.status, 200);
            clock.advance(Duration::from_secs(10));
        }
        let refused = get(&upstream, "/ping").await;
        assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("40")));
        assert!(refused.text.starts_with(body), "{}", refused.text);
        clock.advance(Duration::from_secs(39));
        assert_eq!(get(&upstream, "/ping").await.status, 429, "asking too early counts too");
        clock.advance(Duration::from_secs(60));
        assert_eq!(get(&upstream, "/ping").await.status, 200);
    }
}

#[tokio::test]
async fn only_good_answers_cost_a_credit() {
    let upstream = still_with(Limits { credits: Some(2), calls_per_minute: None, ..Limits::default() }).await;
    assert_eq!(get(&upstream, "/coins/none/ohlc?vs_currency=usd&days=1").await.status, 404);
    assert_eq!(get(&upstream, "/ping").await.status, 200);
    assert_eq!(get(&upstream, "/ping").await.status, 200);
    let refused = get(&upstream, "/ping").await;
    assert_eq!((refused.status, refused.retry_after), (429, None));
}

#[tokio::test]
async fn every_error_body_can_be_staged() {
    let upstream = still().await;
    let cases: [(Fault, u16, &str); 16] = [
        (Fault::ThrottledJson { retry_after: Some(7) }, 429, r#"{"status":{"error_code":429,"error_message":""#),
        (Fault::ThrottledText { retry_after: Some(7) }, 429, "Throttled"),
        (Fault::Throttled1015 { retry_after: Some(7) }, 429, "error code: 1015"),
        (Fault::KeyRefused { code: 10002 }, 401, r#"{"status":{"error_code":10002,"#),
        (Fault::KeyRefused { code: 10004 }, 401, r#"{"status":{"error_code":10004,"#),
        (Fault::KeyRefused { code: 10005 }, 401, r#"{"status":{"error_code":10005,"#),
        (Fault::WrongHost { code: 10010 }, 400, r#"{"error_code":10010,"status":{"error_message":""#),
        (Fault::TooMany { limit: 50 }, 400, r#"{"error_code":10012,"status":{"error_message":"Number of coin ids"#),
        (Fault::BeyondTimeRange, 401, r#"{"error":{"status":{"error_code":10012"#),
        (Fault::CoinNotFound, 404, r#"{"error":"coin not found"}"#),
        (Fault::Html { status: 503 }, 503, "<!DOCTYPE html>"),
        (Fault::Html { status: 200 }, 200, "<!DOCTYPE html>"),
        (Fault::Answer { status: 418, body: "[]".into() }, 418, "[]"),
        (Fault::TruncatedJson, 200, r#"{"weth":{"us"#),
        (Fault::NullPrice, 200, r#"{"weth":{"usd":null}}"#),
        (Fault::Price { text: "1e-18".into() }, 200, r#"{"weth":{"usd":1e-18}}"#),
    ];
    for (fault, status, start) in cases {
        let throttled = status == 429;
        upstream.control.fault_once(Endpoint::SimplePrice, fault.clone());
        let answer = get(&upstream, "/simple/price?ids=weth&vs_currencies=usd").await;
        assert_eq!(answer.status, status, "{fault:?}");
        assert!(answer.text.starts_with(start), "{fault:?}: {}", answer.text);
        assert_eq!(answer.retry_after.as_deref(), throttled.then_some("7"), "{fault:?}");
    }
    upstream.control.fault_once(Endpoint::Any, Fault::Empty { status: 200 });
    assert_eq!(get(&upstream, "/ping").await.text, "");
    assert_ne!(get(&upstream, "/ping").await.text, "", "once is once");
}

#[tokio::test]
async fn a_lasting_fault_lasts_until_it_is_cleared_and_spares_other_endpoints() {
    let upstream = still().await;
    upstream.control.fault(Endpoint::Ping, Fault::Html { status: 502 });
    for _ in 0..3 {
        assert_eq!(get(&upstream, "/ping").await.status, 502);
    }
    assert_eq!(get(&upstream, "/coins/list").await.status, 200);
    upstream.control.clear_faults();
    assert_eq!(get(&upstream, "/ping").await.status, 200);
}

#[tokio::test]
async fn connections_can_close_before_and_within_the_answer() {
    let upstream = still().await;
    upstream.control.fault_once(Endpoint::Ping, Fault::Disconnect);
    assert!(try_get(&upstream, "/ping", &[]).await.is_err());
    assert_eq!(upstream.control.calls()[0].status, None);
    upstream.control.fault_once(Endpoint::CoinsList, Fault::DisconnectMidBody);
    let response = http::client().get(format!("{}/coins/list", upstream.url)).send().await.expect("headers arrive");
    let promised: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(promised > 100);
    assert!(response.bytes().await.is_err(), "the body does not arrive whole");
}

#[tokio::test]
async fn a_delay_is_over_when_the_clock_says_so() {
    let upstream = still().await;
    upstream.control.fault_once(Endpoint::Ping, Fault::Delay { ms: 30_000 });
    let answer = get(&upstream, "/ping");
    let clock = upstream.control.clock();
    let (answer, ()) = tokio::join!(answer, async {
        upstream.control.wait_for_calls(1).await;
        assert_eq!(upstream.control.calls()[0].status, None, "still on its way");
        clock.advance(Duration::from_secs(30));
    });
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.control.calls()[0].at_ms, NOW_MS);
}

#[tokio::test]
async fn dropping_it_closes_even_a_hanging_call_and_frees_the_port() {
    let upstream = still().await;
    upstream.control.fault(Endpoint::Ping, Fault::Hang);
    let (url, port, control) = (upstream.url.clone(), upstream.port(), upstream.control.clone());
    let hanging = tokio::spawn(http::client().get(format!("{url}/ping")).send());
    control.wait_for_calls(1).await;
    drop(upstream);
    assert!(hanging.await.unwrap().is_err());
    assert!(http::client().get(format!("{url}/ping")).send().await.unwrap_err().is_connect());
    let again = CoinGecko::bind(Config { port, ..Config::default() }).expect("the port is free again");
    assert_eq!(again.url, url);
}

#[tokio::test]
async fn the_levers_work_over_http_too() {
    let upstream = still().await;
    let client = http::client();
    let lever = async |name: &str, body: Value| {
        let response = client.post(format!("{}/{name}", upstream.control_url())).json(&body).send().await.unwrap();
        response.status().as_u16()
    };
    let price = async || get(&upstream, "/simple/price?ids=weth&vs_currencies=usd&precision=full").await.text;
    assert_eq!(lever("price", json!({"id": "weth", "price": "1e-18"})).await, 204);
    assert_eq!(price().await, r#"{"weth":{"usd":1e-18}}"#);
    assert_eq!(lever("path", json!({"id": "weth", "path": [{"after_ms": 1000, "price": "5"}]})).await, 204);
    assert_eq!(lever("clock", json!({"advance_ms": 1000})).await, 204);
    assert_eq!(price().await, r#"{"weth":{"usd":5}}"#);
    assert_eq!(
        lever(
            "fault",
            json!({"endpoint": "simple_price", "fault": {"kind": "throttled_json", "retry_after": 3}, "times": 1})
        )
        .await,
        204
    );
    assert!(price().await.contains("429"));
    assert_eq!(price().await, r#"{"weth":{"usd":5}}"#);
    assert_eq!(lever("updated_at", json!({"id": "weth", "seconds": 12})).await, 204);
    assert_eq!(lever("limits", json!({"calls_per_minute": 0})).await, 204);
    assert!(price().await.contains("429"));
    assert_eq!(lever("limits", json!({"calls_per_minute": null})).await, 204);
    let calls: Value =
        client.get(format!("{}/calls", upstream.control_url())).send().await.unwrap().json().await.unwrap();
    assert_eq!(calls.as_array().unwrap().len(), 5, "levers are not calls");
    assert_eq!(calls[0]["query"][0], json!(["ids", "weth"]));
    assert_eq!((&calls[2]["status"], &calls[2]["endpoint"]), (&json!(429), &json!("simple_price")));
    assert_eq!(lever("clear", json!(null)).await, 204);
    assert_eq!(price().await, r#"{"weth":{"usd":3126.90772184359}}"#);
    for (name, body) in [
        ("price", json!({"id": "no-such-coin", "price": "1"})),
        ("price", json!({"id": "weth", "price": "1,5"})),
        ("fault", json!({"fault": {"kind": "no such fault"}})),
        ("limits", json!({"no_such_limit": 1})),
        ("clock", json!({})),
    ] {
        assert_eq!(lever(name, body.clone()).await, 422, "{name} {body}");
    }
}

#[tokio::test]
async fn a_contract_tells_which_coin_it_is_also_one_that_the_list_lacks() {
    let upstream = still().await;
    upstream.control.unlist("weth").unwrap();
    let list = get(&upstream, "/coins/list?include_platform=true").await.json();
    assert!(list.as_array().unwrap().iter().all(|coin| coin["id"] != "weth"));
    let coin = get(&upstream, &format!("/coins/ethereum/contract/{}", WETH.to_lowercase())).await.json();
    assert_eq!((&coin["id"], &coin["asset_platform_id"]), (&json!("weth"), &json!("ethereum")));
    assert_eq!(coin["platforms"]["base"], "0x4200000000000000000000000000000000000006");
    assert_eq!(coin["market_data"]["current_price"]["usd"].to_string(), "3126.90772184359");
    for path in ["/coins/ethereum/contract/0x0", "/coins/solana/contract/So1"] {
        let answer = get(&upstream, path).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, r#"{"error":"coin not found"}"#), "{path}");
    }
}

#[tokio::test]
async fn a_stablecoin_loses_its_peg_by_script_and_finds_it_again() {
    let upstream = still().await;
    let minute = Duration::from_secs(60);
    upstream.control.set_price("usd-coin", "1").unwrap();
    upstream.control.depeg("usd-coin", "0.93", [minute, 10 * minute, minute]).unwrap();
    for (seconds, expected) in
        [(0, "1"), (6, "0.993"), (24, "0.965"), (30, "0.93"), (600, "0.93"), (30, "0.965"), (30, "1")]
    {
        upstream.control.clock().advance(Duration::from_secs(seconds));
        let answer = get(&upstream, "/simple/price?ids=usd-coin&vs_currencies=usd&precision=full").await;
        assert_eq!(answer.text, format!(r#"{{"usd-coin":{{"usd":{expected}}}}}"#), "after {seconds} s more");
    }
}

#[tokio::test]
async fn the_keys_it_accepts_change_and_the_log_tells_them_apart_without_showing_them() {
    let upstream = still().await;
    upstream.control.accept_keys(["CG-one", "CG-two"]);
    for (key, status) in [("CG-one", 200), ("CG-two", 200), (KEY, 401)] {
        let answer = try_get(&upstream, "/ping", &[("x-cg-demo-api-key", key)]).await.unwrap();
        assert_eq!(answer.status, status, "{key}");
    }
    let calls = upstream.control.calls();
    let keys: Vec<_> = calls.iter().map(|call| call.key.unwrap()).collect();
    assert_eq!(keys, ["CG-one", "CG-two", KEY].map(fingerprint));
    assert!(!format!("{calls:?}").contains("CG-"));
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let upstream = still().await;
    let client = http::client();
    for _ in 0..3 {
        client.get(format!("{}/ping", upstream.url)).send().await.unwrap().text().await.unwrap();
    }
    let Connections { made, open, most } = upstream.control.connections();
    assert_eq!((made, open, most), (1, 1, 1), "one client keeps one connection");
    drop(client);
    get(&upstream, "/ping").await;
    assert_eq!(upstream.control.connections().made, 2);
}
