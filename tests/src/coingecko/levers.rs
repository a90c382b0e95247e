//! `/__control/…`: the levers of [`Control`] over HTTP, in JSON, for stories that are not in Rust.
//!
//! | route | body |
//! |---|---|
//! | `POST price` | `{"id": "weth", "price": "3000.5"}`; `null` for null |
//! | `POST path` | `{"id": "weth", "path": [{"after_ms": 0, "price": "3000"}, …]}` |
//! | `POST updated_at` | `{"id": "weth", "seconds": 1795367213}` |
//! | `POST reserve` | `{"pool": "0x…", "usd": "1000000"}` |
//! | `POST depeg` | `{"id": "usd-coin", "low": "0.93", "fall_ms": 60000, "hold_ms": 600000, "back_ms": 60000}` |
//! | `POST unlist` | `{"id": "pepe"}`: `/coins/list` leaves it out |
//! | `POST keys` | `["CG-new"]`: the keys that are accepted |
//! | `POST fault` | `{"endpoint": "simple_price", "fault": {"kind": "hang"}, "times": 2}`; without `times` it lasts |
//! | `POST limits` | any of the limits' fields; the rest stay |
//! | `POST clock` | one of `{"advance_ms": …}`, `{"set_ms": …}`, `{"stop": true}`, `{"run": true}` |
//! | `POST clear` | no body: takes back faults and prices, empties the call log |
//! | `DELETE faults`, `DELETE prices`, `DELETE calls` | |
//! | `GET calls`, `GET clock`, `GET limits`, `GET coins`, `GET connections` | |
//!
//! A lever that moved answers 204, one that could not 422 with the reason in `error`.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    coins,
    control::{Call, Connections, Control, ControlError},
    fault::{Endpoint, Fault},
    gate::Limits,
};

/// The routes, to be nested at `/__control`.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/price", post(price))
        .route("/path", post(path))
        .route("/updated_at", post(updated_at))
        .route("/reserve", post(reserve))
        .route("/depeg", post(depeg))
        .route("/unlist", post(unlist))
        .route("/keys", post(accept_keys))
        .route("/connections", get(connections))
        .route("/fault", post(fault))
        .route("/limits", get(limits).post(set_limits))
        .route("/clock", get(clock).post(move_clock))
        .route("/clear", post(clear))
        .route("/faults", delete(clear_faults))
        .route("/prices", delete(clear_prices))
        .route("/calls", get(calls).delete(forget_calls))
        .route("/coins", get(list_coins))
        .with_state(control)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceBody {
    id: String,
    price: Option<String>,
}

async fn price(State(control): State<Control>, Json(body): Json<PriceBody>) -> Response {
    moved(control.script(&body.id, [(Duration::ZERO, body.price.as_deref())]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathBody {
    id: String,
    path: Vec<PathStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathStep {
    after_ms: u64,
    price: Option<String>,
}

async fn path(State(control): State<Control>, Json(body): Json<PathBody>) -> Response {
    let steps = body.path.iter().map(|step| (Duration::from_millis(step.after_ms), step.price.as_deref()));
    moved(control.script(&body.id, steps))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdatedAtBody {
    id: String,
    seconds: i64,
}

async fn updated_at(State(control): State<Control>, Json(body): Json<UpdatedAtBody>) -> Response {
    moved(control.pin_updated_at(&body.id, body.seconds))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReserveBody {
    pool: String,
    usd: Option<String>,
}

async fn reserve(State(control): State<Control>, Json(body): Json<ReserveBody>) -> Response {
    moved(control.set_reserve(&body.pool, body.usd.as_deref()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DepegBody {
    id: String,
    low: String,
    fall_ms: u64,
    hold_ms: u64,
    back_ms: u64,
}

async fn depeg(State(control): State<Control>, Json(body): Json<DepegBody>) -> Response {
    let times = [body.fall_ms, body.hold_ms, body.back_ms].map(Duration::from_millis);
    moved(control.depeg(&body.id, &body.low, times))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlistBody {
    id: String,
}

async fn unlist(State(control): State<Control>, Json(body): Json<UnlistBody>) -> Response {
    moved(control.unlist(&body.id))
}

async fn accept_keys(State(control): State<Control>, Json(keys): Json<Vec<String>>) -> StatusCode {
    control.accept_keys(keys.iter().map(String::as_str));
    StatusCode::NO_CONTENT
}

async fn connections(State(control): State<Control>) -> Json<Connections> {
    Json(control.connections())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultBody {
    #[serde(default = "everywhere")]
    endpoint: Endpoint,
    fault: Fault,
    times: Option<usize>,
}

fn everywhere() -> Endpoint {
    Endpoint::Any
}

async fn fault(State(control): State<Control>, Json(body): Json<FaultBody>) -> StatusCode {
    match body.times {
        None => control.fault(body.endpoint, body.fault),
        Some(times) => (0..times).for_each(|_| control.fault_once(body.endpoint, body.fault.clone())),
    }
    StatusCode::NO_CONTENT
}

async fn limits(State(control): State<Control>) -> Json<Limits> {
    Json(control.limits())
}

async fn set_limits(State(control): State<Control>, Json(changes): Json<serde_json::Map<String, Value>>) -> Response {
    let mut limits = json!(control.limits());
    for (name, value) in changes {
        if limits.get(&name).is_none() {
            return refused(&format!("there is no limit {name:?}"));
        }
        limits[name] = value;
    }
    match serde_json::from_value(limits) {
        Ok(limits) => {
            control.set_limits(limits);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refused(&error.to_string()),
    }
}

async fn clock(State(control): State<Control>) -> Json<Value> {
    Json(json!({"now_ms": control.clock().now_ms()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance_ms: Option<u64>,
    set_ms: Option<i64>,
    #[serde(default)]
    stop: bool,
    #[serde(default)]
    run: bool,
}

async fn move_clock(State(control): State<Control>, Json(body): Json<ClockBody>) -> Response {
    let clock = control.clock();
    match body {
        ClockBody { advance_ms: Some(ms), set_ms: None, stop: false, run: false } => {
            clock.advance(Duration::from_millis(ms));
        }
        ClockBody { advance_ms: None, set_ms: Some(ms), stop: false, run: false } => clock.set(ms),
        ClockBody { advance_ms: None, set_ms: None, stop: true, run: false } => clock.stop(),
        ClockBody { advance_ms: None, set_ms: None, stop: false, run: true } => clock.run(),
        _ => return refused("say one of advance_ms, set_ms, stop and run"),
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn clear(State(control): State<Control>) -> StatusCode {
    control.clear_faults();
    control.clear_prices();
    control.forget_calls();
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(control): State<Control>) -> StatusCode {
    control.clear_faults();
    StatusCode::NO_CONTENT
}

async fn clear_prices(State(control): State<Control>) -> StatusCode {
    control.clear_prices();
    StatusCode::NO_CONTENT
}

async fn forget_calls(State(control): State<Control>) -> StatusCode {
    control.forget_calls();
    StatusCode::NO_CONTENT
}

async fn calls(State(control): State<Control>) -> Json<Vec<Call>> {
    Json(control.calls())
}

async fn list_coins() -> Json<Value> {
    let coins = coins::all().iter().map(|coin| json!({"id": coin.id, "symbol": coin.symbol, "price": coin.usd}));
    Json(json!({"stand_in_data": true, "coins": coins.collect::<Vec<_>>()}))
}

fn moved(result: Result<(), ControlError>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(reason: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": reason}))).into_response()
}
