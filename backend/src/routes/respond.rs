//! Good answers: JSON, with a tag where an unchanged answer is worth recognising.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::assets::is_known;
use crate::error::ApiError;

/// An answer of this moment, kept by nobody.
pub fn live(body: &impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer that changes seldom: with a strong tag, and 304 for those who have it.
pub fn tagged(request: &HeaderMap, body: &impl Serialize) -> Response {
    let Ok(json) = serde_json::to_vec(body) else {
        return ApiError::Panic.into_response();
    };
    let mut response = known_by(request, &format!("\"{}\"", tag(&json)), || json);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer that ages, for caches to keep as long as it is fresh (RFC 9111) and a while longer while they
/// renew it or cannot (RFC 5861). Its tag is weak, because the moment of the answer stands in the body and is no
/// part of what the tag is of.
pub fn aging(request: &HeaderMap, body: impl FnOnce() -> Vec<u8>, etag: &str, aging: Aging) -> Response {
    let mut response = known_by(request, etag, body);
    let Aging { age_s, fresh_s, stale_s } = aging;
    let more = stale_s.saturating_sub(fresh_s);
    let control = format!("max-age={fresh_s}, stale-while-revalidate={more}, stale-if-error={more}");
    let headers = response.headers_mut();
    headers.insert(header::AGE, HeaderValue::from(age_s));
    if let Ok(control) = HeaderValue::from_str(&control) {
        headers.insert(header::CACHE_CONTROL, control);
    }
    response
}

/// How old an answer is, and how old it may become, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aging {
    /// The age of its oldest part.
    pub age_s: u64,
    /// The age at which it stops being fresh.
    pub fresh_s: u64,
    /// The age at which it is of no use any more.
    pub stale_s: u64,
}

/// A tag for bytes: the same for the same.
pub fn tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..12].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The body with its tag, or only that it is the one they have.
fn known_by(request: &HeaderMap, etag: &str, json: impl FnOnce() -> Vec<u8>) -> Response {
    let mut response = if is_known(request, etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(json()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
