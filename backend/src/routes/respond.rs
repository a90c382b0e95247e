//! Good answers: JSON, with a tag where an unchanged answer is worth recognising.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::assets::is_known;
use crate::error::ApiError;

/// Room for the headers of an answer.
const HEADERS: usize = 12;

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
    let mut response = known_by(request, &value(&format!("\"{}\"", tag(&json))), || json.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer that ages: for caches to keep as long as it is fresh (RFC 9111), and a while longer while they
/// renew it or cannot (RFC 5861). `age_s` is the age of its oldest part, in seconds.
pub fn aging(request: &HeaderMap, body: impl FnOnce() -> Bytes, marks: &Marks, age_s: u64) -> Response {
    let mut response = known_by(request, &marks.etag, body);
    let headers = response.headers_mut();
    headers.insert(header::AGE, HeaderValue::from(age_s));
    headers.insert(header::CACHE_CONTROL, marks.control.clone());
    response
}

/// What caches are told about an answer that ages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    etag: HeaderValue,
    control: HeaderValue,
}

impl Marks {
    /// For an answer of this tag, fresh until one age and of use until another, in seconds. The tag is weak,
    /// because the moment of the answer stands in the body and is no part of what the tag is of.
    pub fn new(tag: &str, fresh_s: u64, stale_s: u64) -> Marks {
        let more = stale_s.saturating_sub(fresh_s);
        let control = format!("max-age={fresh_s}, stale-while-revalidate={more}, stale-if-error={more}");
        Marks { etag: value(&format!("W/\"{tag}\"")), control: value(&control) }
    }
}

/// A tag for bytes: the same for the same.
pub fn tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..12].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The body with its tag, or only that it is the one they have.
fn known_by(request: &HeaderMap, etag: &HeaderValue, json: impl FnOnce() -> Bytes) -> Response {
    // With what the guard adds, these are all: the map need not grow.
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(header::ETAG, etag.clone());
    let (status, body) = if is_known(request, etag.to_str().unwrap_or_default()) {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (StatusCode::OK, Body::from(json()))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A header's value, of figures and tags: they are always good ones.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
