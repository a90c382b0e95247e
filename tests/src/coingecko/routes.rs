//! CoinGecko's endpoints: the good answers.

use std::collections::BTreeMap;

use axum::{
    Extension, Router,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    answer,
    coins::{self, Coin},
    control::{Control, Stage},
    fault::EveryPrice,
    market::{Dex, Pool, Side},
    number::{Number, Precision},
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Pools on a page of the on-chain part.
const POOLS_A_PAGE: usize = 20;

type Parameters = Query<BTreeMap<String, String>>;
type Tampered = Option<Extension<EveryPrice>>;
type Answer = Result<Response, Refusal>;

/// An answer that says no.
struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The endpoints below the API's root.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/ping", get(ping))
        .route("/simple/price", get(simple_price))
        .route("/simple/token_price/{platform}", get(token_price))
        .route("/coins/list", get(coins_list))
        .route("/coins/markets", get(markets))
        .route("/coins/{platform}/contract/{address}", get(contract))
        .route("/coins/{id}/market_chart", get(market_chart))
        .route("/coins/{id}/ohlc", get(ohlc))
        .route("/onchain/networks/{network}/tokens/{address}/pools", get(token_pools))
        .route("/onchain/networks/{network}/pools/multi/{addresses}", get(pools_multi))
        .fallback(async || answer::no_such_path())
        .with_state(control)
}

async fn ping() -> Response {
    ok(&json!({"gecko_says": "(V3) To the Moon!"}))
}

async fn simple_price(State(control): State<Control>, every: Tampered, Query(parameters): Parameters) -> Answer {
    let ids = list(required(&parameters, "ids")?);
    let asked = Asked::read(&parameters)?;
    let at_ms = control.clock().now_ms();
    let stage = control.stage();
    check_count("coin ids", ids.len(), stage.gate.limits.max_ids, at_ms)?;
    let view = View { stage: &stage, every: every.map(|Extension(every)| every), at_ms };
    let found: BTreeMap<_, _> =
        ids.into_iter().filter_map(|id| Some((id.to_owned(), view.entry(coins::by_id(id)?, &asked)))).collect();
    Ok(ok(&found))
}

async fn token_price(
    State(control): State<Control>,
    Path(platform): Path<String>,
    every: Tampered,
    Query(parameters): Parameters,
) -> Answer {
    let addresses = list(required(&parameters, "contract_addresses")?);
    let asked = Asked::read(&parameters)?;
    let at_ms = control.clock().now_ms();
    let stage = control.stage();
    check_count("contract addresses", addresses.len(), stage.gate.limits.max_addresses, at_ms)?;
    if !coins::all().iter().flat_map(|coin| coin.places).any(|place| place.platform == platform) {
        return Err(answer::json_body(404, &json!({"error": "asset platform not found"})).into());
    }
    let view = View { stage: &stage, every: every.map(|Extension(every)| every), at_ms };
    let found: BTreeMap<_, _> = addresses
        .into_iter()
        .filter_map(|address| {
            let coin = coins::by_address(&platform, address)?;
            let key = if stage.lower_case_keys { address.to_ascii_lowercase() } else { address.to_owned() };
            Some((key, view.entry(coin, &asked)))
        })
        .collect();
    Ok(ok(&found))
}

/// What `/simple/…` was asked for.
struct Asked {
    usd: bool,
    precision: Precision,
    market_cap: bool,
    volume: bool,
    change: bool,
    updated_at: bool,
}

impl Asked {
    fn read(parameters: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let flag = |name: &str| parameters.get(name).is_some_and(|value| value == "true");
        Ok(Self {
            // The stand-in quotes USD only; other currencies are left out, as unknown ones are.
            usd: list(required(parameters, "vs_currencies")?).iter().any(|name| name.eq_ignore_ascii_case("usd")),
            precision: precision(parameters)?,
            market_cap: flag("include_market_cap"),
            volume: flag("include_24hr_vol"),
            change: flag("include_24hr_change"),
            updated_at: flag("include_last_updated_at"),
        })
    }
}

/// The market at one moment, with a tampered price in every price's place if there is one.
struct View<'a> {
    stage: &'a Stage,
    every: Option<EveryPrice>,
    at_ms: i64,
}

impl View<'_> {
    fn price(&self, coin: &Coin, precision: Precision) -> Number {
        match &self.every {
            Some(EveryPrice(price)) => Number(price.clone()),
            None => Number(self.stage.market.price(coin, self.at_ms).map(|text| precision.apply(&text))),
        }
    }

    fn entry(&self, coin: &Coin, asked: &Asked) -> BTreeMap<&'static str, Number> {
        let market = &self.stage.market;
        let computed = |value: Option<f64>| value.map_or(Number(None), Number::computed);
        let mut entry = BTreeMap::new();
        if asked.usd {
            entry.insert("usd", self.price(coin, asked.precision));
            if asked.market_cap {
                entry.insert("usd_market_cap", computed(market.market_cap(coin, self.at_ms)));
            }
            if asked.volume {
                entry.insert("usd_24h_vol", computed(market.volume_24h(coin, self.at_ms)));
            }
            if asked.change {
                entry.insert("usd_24h_change", computed(market.change_24h(coin, self.at_ms)));
            }
        }
        if asked.updated_at {
            entry.insert("last_updated_at", Number::whole(market.updated_at(coin, self.at_ms)));
        }
        entry
    }
}

async fn coins_list(State(control): State<Control>, Query(parameters): Parameters) -> Response {
    let with_platforms = parameters.get("include_platform").is_some_and(|value| value == "true");
    let (padding, unlisted) = {
        let stage = control.stage();
        (stage.list_padding, stage.unlisted.clone())
    };
    let known = coins::all().iter().filter(|coin| !unlisted.contains(coin.id)).map(|coin| {
        let platforms = coin.places.iter().map(|place| (place.platform, json!(place.address.to_ascii_lowercase())));
        (coin.id.to_owned(), coin.symbol, coin.name.to_owned(), json!(platforms.collect::<BTreeMap<_, _>>()))
    });
    // Upstream's list is long, and full of platforms and addresses that are not Ethereum's.
    let filler = (0..padding).map(|n| {
        let platforms = match n % 3 {
            0 => json!({}),
            1 => json!({"solana": format!("So1{n:041}")}),
            _ => json!({"ethereum": format!("0x{n:040x}"), "base": ""}),
        };
        (format!("filler-{n}"), "fill", format!("Filler {n}"), platforms)
    });
    let entries = known.chain(filler).map(|(id, symbol, name, platforms)| {
        let mut entry = json!({"id": id, "symbol": symbol, "name": name});
        if with_platforms {
            entry["platforms"] = platforms;
        }
        entry
    });
    ok(&entries.collect::<Vec<_>>())
}

/// A coin by one of its contracts: of the long answer, what says which coin it is and what it costs.
async fn contract(
    State(control): State<Control>,
    Path((platform, address)): Path<(String, String)>,
    every: Tampered,
) -> Answer {
    let coin = coins::by_address(&platform, &address).ok_or_else(answer::coin_not_found)?;
    let at_ms = control.clock().now_ms();
    let stage = control.stage();
    let view = View { stage: &stage, every: every.map(|Extension(every)| every), at_ms };
    let platforms: BTreeMap<_, _> =
        coin.places.iter().map(|place| (place.platform, place.address.to_ascii_lowercase())).collect();
    let details: BTreeMap<_, _> = coin
        .places
        .iter()
        .map(|place| {
            let contract_address = place.address.to_ascii_lowercase();
            (place.platform, json!({"decimal_place": place.decimals, "contract_address": contract_address}))
        })
        .collect();
    #[derive(Serialize)]
    struct Body<'a> {
        id: &'a str,
        symbol: &'a str,
        name: &'a str,
        asset_platform_id: String,
        platforms: BTreeMap<&'a str, String>,
        detail_platforms: BTreeMap<&'a str, Value>,
        contract_address: String,
        market_data: BTreeMap<&'a str, BTreeMap<&'a str, Number>>,
        last_updated: String,
    }
    Ok(ok(&Body {
        id: coin.id,
        symbol: coin.symbol,
        name: coin.name,
        asset_platform_id: platform,
        platforms,
        detail_platforms: details,
        contract_address: address.to_ascii_lowercase(),
        market_data: BTreeMap::from([("current_price", BTreeMap::from([("usd", view.price(coin, Precision::Full))]))]),
        last_updated: answer::timestamp(stage.market.updated_at(coin, at_ms) * 1000),
    }))
}

#[derive(Serialize)]
struct MarketRow {
    id: &'static str,
    symbol: &'static str,
    name: &'static str,
    current_price: Number,
    market_cap: Number,
    market_cap_rank: usize,
    total_volume: Number,
    high_24h: Number,
    low_24h: Number,
    price_change_percentage_24h: Number,
    circulating_supply: Number,
    last_updated: String,
}

async fn markets(State(control): State<Control>, every: Tampered, Query(parameters): Parameters) -> Answer {
    required(&parameters, "vs_currency")?;
    let precision = precision(&parameters)?;
    let ids = parameters.get("ids").map(|ids| list(ids));
    let at_ms = control.clock().now_ms();
    let stage = control.stage();
    let view = View { stage: &stage, every: every.map(|Extension(every)| every), at_ms };
    let market = &stage.market;
    let computed = |value: Option<f64>| value.map_or(Number(None), Number::computed);
    let rows: Vec<_> = coins::all()
        .iter()
        .enumerate()
        .filter(|(_, coin)| ids.as_ref().is_none_or(|ids| ids.contains(&coin.id)))
        .map(|(rank, coin)| {
            let day = || (0..=48).filter_map(|n| market.price_f64(coin, at_ms - n * 30 * MINUTE_MS));
            MarketRow {
                id: coin.id,
                symbol: coin.symbol,
                name: coin.name,
                current_price: view.price(coin, precision),
                market_cap: computed(market.market_cap(coin, at_ms)),
                market_cap_rank: rank + 1,
                total_volume: computed(market.volume_24h(coin, at_ms)),
                high_24h: computed(day().reduce(f64::max)),
                low_24h: computed(day().reduce(f64::min)),
                price_change_percentage_24h: computed(market.change_24h(coin, at_ms)),
                circulating_supply: Number::computed(coin.supply),
                last_updated: answer::timestamp(market.updated_at(coin, at_ms) * 1000),
            }
        })
        .collect();
    Ok(ok(&rows))
}

#[derive(Serialize)]
struct Chart {
    prices: Vec<(i64, Number)>,
    market_caps: Vec<(i64, Number)>,
    total_volumes: Vec<(i64, Number)>,
}

/// One day in steps of 5 minutes, up to 90 days hourly, more daily at 00:00 UTC; the last point is now.
async fn market_chart(
    State(control): State<Control>,
    Path(id): Path<String>,
    every: Tampered,
    Query(parameters): Parameters,
) -> Answer {
    let coin = coins::by_id(&id).ok_or_else(answer::coin_not_found)?;
    required(&parameters, "vs_currency")?;
    let precision = chart_precision(&parameters)?;
    let at_ms = control.clock().now_ms();
    let stage = control.stage();
    let days = days(&parameters, &stage, at_ms)?;
    let grain_ms = match parameters.get("interval").map(String::as_str) {
        Some("daily") => DAY_MS,
        None | Some("") if days <= 1.0 => 5 * MINUTE_MS,
        None | Some("") if days <= 90.0 => HOUR_MS,
        None | Some("") => DAY_MS,
        Some(_) => return Err(answer::invalid_parameter("interval").into()),
    };
    let from_ms = at_ms - (days * DAY_MS as f64) as i64;
    let first_ms = from_ms + (grain_ms - from_ms.rem_euclid(grain_ms)) % grain_ms;
    let times: Vec<i64> = std::iter::successors(Some(first_ms), |time| Some(time + grain_ms))
        .take_while(|time| *time < at_ms)
        .chain([at_ms])
        .collect();
    let computed = |value: Option<f64>| value.map_or(Number(None), Number::computed);
    let series = |value: &dyn Fn(i64) -> Number| times.iter().map(|time| (*time, value(*time))).collect();
    let every = every.map(|Extension(every)| every);
    let price = |at_ms| View { stage: &stage, every: every.clone(), at_ms }.price(coin, precision);
    Ok(ok(&Chart {
        prices: series(&price),
        market_caps: series(&|time| computed(stage.market.market_cap(coin, time))),
        total_volumes: series(&|time| computed(stage.market.volume_24h(coin, time))),
    }))
}

/// Rows of `[close time, open, high, low, close]`: 30 minutes up to 2 days, 4 hours up to 30, then 4 days.
async fn ohlc(
    State(control): State<Control>,
    Path(id): Path<String>,
    every: Tampered,
    Query(parameters): Parameters,
) -> Answer {
    /// Prices looked at inside one candle.
    const LOOKS: i64 = 12;
    /// Upstream recomputes candles this often.
    const CACHED_MS: i64 = 15 * MINUTE_MS;
    let coin = coins::by_id(&id).ok_or_else(answer::coin_not_found)?;
    required(&parameters, "vs_currency")?;
    let precision = chart_precision(&parameters)?;
    if !matches!(required(&parameters, "days")?, "1" | "7" | "14" | "30" | "90" | "180" | "365" | "max") {
        return Err(answer::invalid_parameter("days").into());
    }
    let now_ms = control.clock().now_ms();
    let at_ms = now_ms - now_ms.rem_euclid(CACHED_MS);
    let stage = control.stage();
    let days = days(&parameters, &stage, now_ms)?;
    let grain_ms = match days {
        ..=2.0 => 30 * MINUTE_MS,
        ..=30.0 => 4 * HOUR_MS,
        _ => 4 * DAY_MS,
    };
    let from_ms = at_ms - (days * DAY_MS as f64) as i64;
    let first_close_ms = from_ms - from_ms.rem_euclid(grain_ms) + grain_ms;
    let candle = |close_ms: i64| {
        let number = |value: f64| match &every {
            Some(Extension(EveryPrice(price))) => Number(price.clone()),
            None => Number(Some(precision.apply(&super::number::float_text(value)))),
        };
        let looks =
            (0..=LOOKS).filter_map(|n| stage.market.price_f64(coin, close_ms - grain_ms + n * grain_ms / LOOKS));
        let prices: Vec<f64> = looks.collect();
        let high = prices.iter().copied().reduce(f64::max)?;
        let low = prices.iter().copied().reduce(f64::min)?;
        Some((close_ms, number(*prices.first()?), number(high), number(low), number(*prices.last()?)))
    };
    let rows: Vec<_> = std::iter::successors(Some(first_close_ms), |close| Some(close + grain_ms))
        .take_while(|close| *close <= at_ms)
        .filter_map(candle)
        .collect();
    Ok(ok(&rows))
}

async fn token_pools(
    State(control): State<Control>,
    Path((network, address)): Path<(String, String)>,
    Query(parameters): Parameters,
) -> Answer {
    let platform = platform_of(&network).ok_or_else(answer::onchain_not_found)?;
    coins::by_address(platform, &address).ok_or_else(answer::onchain_not_found)?;
    let page = match parameters.get("page") {
        None => 1,
        Some(page) => page.parse().ok().filter(|page| *page > 0).ok_or_else(|| answer::invalid_parameter("page"))?,
    };
    let pools = control.stage().market.pools(platform, control.clock().now_ms());
    let holding = pools.iter().filter(|pool| pool.holds(&address));
    let shown: Vec<_> = holding.skip((page - 1) * POOLS_A_PAGE).take(POOLS_A_PAGE).collect();
    Ok(ok(&pools_document(&network, &shown, &parameters)))
}

async fn pools_multi(
    State(control): State<Control>,
    Path((network, addresses)): Path<(String, String)>,
    Query(parameters): Parameters,
) -> Answer {
    let platform = platform_of(&network).ok_or_else(answer::onchain_not_found)?;
    let asked = list(&addresses);
    let at_ms = control.clock().now_ms();
    let stage = control.stage();
    check_count("pool addresses", asked.len(), Some(stage.gate.limits.max_pools), at_ms)?;
    let pools = stage.market.pools(platform, at_ms);
    let shown: Vec<_> = asked
        .iter()
        .filter_map(|address| pools.iter().find(|pool| pool.address.eq_ignore_ascii_case(address)))
        .collect();
    Ok(ok(&pools_document(&network, &shown, &parameters)))
}

/// A JSON:API document: pools, and on request the tokens and exchanges they name.
fn pools_document(network: &str, pools: &[&Pool], parameters: &BTreeMap<String, String>) -> Value {
    let token_id = |side: Side| format!("{network}_{}", side.place.address.to_ascii_lowercase());
    let data: Vec<_> = pools
        .iter()
        .map(|pool| {
            json!({
                "id": format!("{network}_{}", pool.address),
                "type": "pool",
                "attributes": {
                    "address": pool.address,
                    "name": pool.name(),
                    "pool_created_at": "2024-02-29T12:00:00Z",
                    "base_token_price_usd": pool.base_usd,
                    "quote_token_price_usd": pool.quote_usd,
                    "reserve_in_usd": pool.reserve_usd,
                    "volume_usd": {"h24": pool.volume_24h_usd},
                    "fdv_usd": null,
                    "market_cap_usd": null,
                },
                "relationships": {
                    "base_token": {"data": {"id": token_id(pool.base), "type": "token"}},
                    "quote_token": {"data": {"id": token_id(pool.quote), "type": "token"}},
                    "dex": {"data": {"id": pool.dex.id, "type": "dex"}},
                },
            })
        })
        .collect();
    let mut document = json!({"data": data});
    let Some(include) = parameters.get("include").map(|include| list(include)) else {
        return document;
    };
    let token = |side: Side| {
        json!({
            "id": token_id(side),
            "type": "token",
            "attributes": {
                "address": side.place.address.to_ascii_lowercase(),
                "name": side.coin.name,
                "symbol": side.coin.symbol.to_uppercase(),
                "decimals": side.place.decimals,
                "image_url": "missing.png",
                "coingecko_coin_id": side.coin.id,
            },
        })
    };
    let dex = |dex: &Dex| json!({"id": dex.id, "type": "dex", "attributes": {"name": dex.name}});
    let mut included: Vec<Value> = Vec::new();
    for pool in pools {
        let related = include.iter().filter_map(|what| match *what {
            "base_token" => Some(token(pool.base)),
            "quote_token" => Some(token(pool.quote)),
            "dex" => Some(dex(pool.dex)),
            _ => None,
        });
        for entry in related {
            if !included.contains(&entry) {
                included.push(entry);
            }
        }
    }
    document["included"] = json!(included);
    document
}

/// The on-chain part has names of its own for the chains.
fn platform_of(network: &str) -> Option<&'static str> {
    match network {
        "eth" => Some("ethereum"),
        "base" => Some("base"),
        _ => None,
    }
}

fn required<'a>(parameters: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, Refusal> {
    parameters
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| answer::missing_parameter(name).into())
}

fn list(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn precision(parameters: &BTreeMap<String, String>) -> Result<Precision, Refusal> {
    let asked = parameters.get("precision").map(String::as_str);
    Precision::parse(asked).ok_or_else(|| answer::invalid_parameter("precision").into())
}

/// Charts are at full precision unless asked otherwise.
fn chart_precision(parameters: &BTreeMap<String, String>) -> Result<Precision, Refusal> {
    Ok(match precision(parameters)? {
        Precision::General => Precision::Full,
        asked => asked,
    })
}

fn days(parameters: &BTreeMap<String, String>, stage: &Stage, at_ms: i64) -> Result<f64, Refusal> {
    /// What `max` means here.
    const ALL_DAYS: f64 = 3650.0;
    let days = match required(parameters, "days")? {
        "max" => ALL_DAYS,
        number => number
            .parse()
            .ok()
            .filter(|days: &f64| *days > 0.0 && *days <= ALL_DAYS)
            .ok_or_else(|| answer::invalid_parameter("days"))?,
    };
    match stage.gate.limits.history_days {
        Some(limit) if days > f64::from(limit) => Err(answer::beyond_time_range(at_ms).into()),
        _ => Ok(days),
    }
}

fn check_count(what: &str, count: usize, limit: Option<usize>, at_ms: i64) -> Result<(), Refusal> {
    match limit {
        Some(limit) if count > limit => Err(answer::too_many(what, limit, at_ms).into()),
        _ => Ok(()),
    }
}

fn ok(body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(body) => {
            let mut response = answer::text(200, "application/json; charset=utf-8", body);
            let caching = HeaderValue::from_static("max-age=30, public, must-revalidate, s-maxage=60");
            response.headers_mut().insert(header::CACHE_CONTROL, caching);
            response
        }
        Err(error) => answer::json_body(500, &json!({"error": error.to_string()})),
    }
}
