//! Every route, on one screen.

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::guard::Guard;
use crate::routes::{
    accounts, candles, chains, docs, gas, health, markets, price_cache, price_stats, prices, rooms, status, tokens,
    transactions, wallet,
};
use crate::socket::{self, Sockets};
use crate::tasks::Tasks;
use crate::telemetry::Requests;
use crate::{assets, routes::docs::Header};

/// What is no part of the API's description.
const DOCS: &str = "/api/docs";
const DOCS_STYLE: &str = "/api/docs.css";
const DOCS_JSON: &str = "/api/openapi.json";

/// The API, its description, the app's files, and the guard around them all.
///
/// Sockets live as tasks of `tasks`.
pub fn router(app: App, tasks: &Tasks) -> Guard {
    let (api, description) = api().split_for_parts();
    let described = description.paths.paths.keys().map(String::as_str);
    let others = [shared::wire::socket::PATH, DOCS, DOCS_STYLE, DOCS_JSON];
    let requests = Requests::of(described.chain(others));
    let pages = docs::Pages::of(description);
    let router = Router::new()
        .merge(api)
        .route(shared::wire::socket::PATH, get(socket::open).with_state(Sockets::new(app.clone(), tasks.clone())))
        .route(DOCS_JSON, get(docs::openapi_json).with_state(pages.clone()))
        .route(DOCS, get(docs::page).with_state(pages.clone()))
        .route(DOCS_STYLE, get(docs::style))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(assets::serve)
        .with_state(app.clone());
    Guard::around(router, app, requests)
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Header::openapi())
        .routes(routes!(chains::chains))
        .routes(routes!(tokens::tokens))
        .routes(routes!(prices::prices))
        .routes(routes!(price_stats::price_stats))
        .routes(routes!(price_cache::clear_prices))
        .routes(routes!(markets::markets))
        .routes(routes!(candles::candles))
        .routes(routes!(rooms::tell))
        .routes(routes!(accounts::journal, accounts::append))
        .routes(routes!(accounts::take_lease, accounts::give_lease))
        .routes(routes!(accounts::snapshot))
        .routes(routes!(accounts::links, accounts::add_link))
        .routes(routes!(accounts::revoke_link))
        .routes(routes!(accounts::branches, accounts::keep_branch))
        .routes(routes!(rooms::view))
        .routes(routes!(gas::gas))
        .routes(routes!(transactions::submit, transactions::list))
        .routes(routes!(wallet::wallet))
        .routes(routes!(wallet::quote))
        .routes(routes!(transactions::metrics))
        .routes(routes!(transactions::portfolio))
        .routes(routes!(transactions::one))
        .routes(routes!(transactions::cancel))
        .routes(routes!(transactions::replace))
        .routes(routes!(transactions::breakers))
        .routes(routes!(transactions::breaker_history))
        .routes(routes!(transactions::reset))
        .routes(routes!(status::status))
        .routes(routes!(health::health))
}

/// The API's description, as it is served.
pub fn openapi() -> OpenApi {
    api().split_for_parts().1
}

async fn method_not_allowed(method: Method, uri: Uri) -> Result<Response, ApiError> {
    let allowed = match uri.path() {
        "/api/v1/prices/cache" => "DELETE",
        "/api/v1/transactions" => "GET, HEAD, POST",
        "/api/v1/transactions/quote" => "POST",
        path if path.starts_with("/api/v1/rooms/") => "POST",
        path if path.starts_with(accounts::PREFIX) => accounts::methods(path),
        path if path.ends_with("/cancel") || path.ends_with("/replace") || path.ends_with("/reset") => "POST",
        _ => "GET, HEAD",
    };
    Err(ApiError::Method { method: method.to_string(), path: uri.path().to_owned(), allowed })
}
