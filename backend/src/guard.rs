//! What stands around every route: the host's name, limits, headers, panics, the count.
//!
//! A function around the router and no layer of it: a layer of axum's boxes what is below it, and copies that for
//! every request. A request for 20 prices from the cache took 51,100 instructions with two layers here, metrics
//! looked up by name and a handler that was given copies; without these it takes 34,600, of which 21,000 are those
//! of a bare route that is asked the same.

use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use sha2::{Digest as _, Sha256};
use tower::Service as _;

use crate::app::App;
use crate::config::Config;
use crate::error::ApiError;
use crate::routes::accounts;
use crate::server::Answers;
use crate::telemetry::Requests;

/// What the browser may do with our pages. No inline script or style anywhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
];

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every route, guarded. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard(Arc<Guarded>);

#[derive(Debug)]
struct Guarded {
    router: Router,
    app: App,
    requests: Requests,
    count: AtomicU64,
}

impl Guard {
    /// Guards the routes of `router`, and counts their answers in `requests`.
    pub fn around(router: Router, app: App, requests: Requests) -> Guard {
        Guard(Arc::new(Guarded { router, app, requests, count: AtomicU64::new(1) }))
    }
}

impl Answers for Guard {
    /// The whole guard, in order: what is refused here never reaches a route.
    async fn answer(&self, request: Request) -> Response {
        let Guarded { app, requests, count, .. } = &*self.0;
        let started = Instant::now();
        let id = count.fetch_add(1, Ordering::Relaxed);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let answer = match check(&app.config, &request) {
            Ok(()) => self.0.route(request, id, &uri).await,
            Err(error) => Err(error),
        };
        let mut response = answer.unwrap_or_else(ApiError::into_response);

        let headers = response.headers_mut();
        for (name, value) in &HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(&REQUEST_ID, HeaderValue::from(id));
        let status = response.status().as_u16();
        let took = started.elapsed();
        requests.count(uri.path(), &method, status, took);
        tracing::debug!(event = "request", id, %method, path = uri.path(), status, took_ms = took.as_secs_f64() * 1e3);
        response
    }
}

impl Guarded {
    /// The route's answer: in time, and whatever happens there.
    async fn route(&self, request: Request, id: u64, uri: &Uri) -> Result<Response, ApiError> {
        let mut router = self.router.clone();
        let mut run = pin!(AssertUnwindSafe(async move { router.call(request).await }).catch_unwind());
        let limit = self.app.config.limits.request_timeout;
        // Most answers are there at once: no timer for them.
        let ended = match poll_fn(|context| Poll::Ready(run.as_mut().poll(context))).await {
            Poll::Ready(ended) => Ok(ended),
            Poll::Pending => tokio::time::timeout(limit, run).await,
        };
        match ended {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Err(panic)) => {
                let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                tracing::error!(event = "handler_panicked", id, path = uri.path(), panic = words);
                Err(ApiError::Panic)
            }
            Err(_) => {
                tracing::warn!(event = "request_timed_out", id, path = uri.path());
                Err(ApiError::Timeout(limit.as_secs()))
            }
        }
    }
}

fn check(config: &Config, request: &Request) -> Result<(), ApiError> {
    let (headers, uri, limits) = (request.headers(), request.uri(), &config.limits);
    check_host(headers, uri, &config.allowed_hosts, config.listen.ip())?;
    let most = if uri.path().starts_with(accounts::PREFIX) { limits.journal_bytes } else { limits.body_bytes };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most) { Err(ApiError::BodyTooLarge(most)) } else { Ok(()) }
}

/// The token of `authorization: Bearer TOKEN`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Compares secrets by hashes, every byte of them: how long it takes tells nothing about either.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    std::hint::black_box(one.iter().zip(other.iter()).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

/// A browser lets a page of any site open a socket anywhere, and says in `Origin` whose page it is. So only
/// pages of the very host that is asked may: the same name and port. Programs that are no browsers send no
/// origin, and have no visitor whose place they could take.
///
/// # Errors
/// [`ApiError::WrongOrigin`].
pub fn check_origin(headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let text = origin.to_str().unwrap_or_default();
    let (scheme, authority) = text.split_once("://").unwrap_or_default();
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let asked = uri.authority().map(|authority| authority.as_str()).or(host).unwrap_or_default();
    let plain = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    let is_ours =
        !port.is_empty() && !authority.is_empty() && origins.next().is_none() && plain(authority) == plain(asked);
    if is_ours { Ok(()) } else { Err(ApiError::WrongOrigin(text.chars().take(100).collect())) }
}

/// A page of another site can make a browser call us under a name of its own that points at this
/// machine. So we answer only to names that are ours.
fn check_host(headers: &HeaderMap, uri: &Uri, allowed: &[String], listen: IpAddr) -> Result<(), ApiError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let header = hosts.next().and_then(|value| value.to_str().ok());
    if hosts.next().is_some() {
        return Err(ApiError::NoHost);
    }
    // The host of an absolute request line counts before the header (RFC 9112, section 3.2.2).
    let authority = uri.authority().map(|authority| authority.as_str()).or(header).ok_or(ApiError::NoHost)?;
    let host = host_of(authority).ok_or(ApiError::NoHost)?;
    let ip: Option<IpAddr> = host.parse().ok();
    let ours = host.eq_ignore_ascii_case("localhost")
        || ip.is_some_and(|ip| ip.is_loopback() || (ip == listen && !ip.is_unspecified()))
        || allowed.iter().any(|name| host.eq_ignore_ascii_case(name));
    if ours { Ok(()) } else { Err(ApiError::WrongHost(host.to_ascii_lowercase().chars().take(100).collect())) }
}

/// The host of an authority: without port, user, or the brackets of an IPv6 address.
fn host_of(authority: &str) -> Option<&str> {
    if authority.contains('@') {
        return None;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    // A dot at the end is the same name.
    Some(host.strip_suffix('.').unwrap_or(host)).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn check(hosts: &[&str], uri: &str) -> Result<(), ApiError> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let allowed = ["desk.example.org".to_owned(), "fe80::1".to_owned()];
        check_host(&headers, &uri.parse().unwrap(), &allowed, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)))
    }

    #[test]
    fn loopback_names_the_own_address_and_allowed_names_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:80",
            "10.0.0.5",
            "desk.example.org.",
            "[fe80::1]",
        ] {
            assert_eq!(check(&[host], "/"), Ok(()), "{host}");
        }
    }

    #[test]
    fn only_pages_of_the_very_host_that_is_asked_may_open_a_socket() {
        let check = |host: &str, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            check_origin(&headers, &Uri::from_static("/api/v1/socket")).is_ok()
        };
        for (host, origin) in [
            ("localhost:8080", "http://localhost:8080"),
            ("LOCALHOST:8080", "http://localhost:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("desk.example.org", "https://desk.example.org"),
            ("desk.example.org:443", "https://desk.example.org"),
            ("desk.example.org", "http://desk.example.org:80"),
        ] {
            assert!(check(host, &[origin]), "{origin} at {host}");
        }
        for origin in [
            "http://evil.example",
            "https://localhost:8081",
            "http://localhost",
            "http://127.0.0.1:8080",
            "http://localhost:8080.evil.example",
            "http://evil.example/localhost:8080",
            "http://a@localhost:8080",
            "null",
            "",
            "localhost:8080",
            "file://",
            "chrome-extension://localhost:8080",
            "http://",
        ] {
            assert!(!check("localhost:8080", &[origin]), "{origin}");
        }
        assert!(!check("localhost:8080", &["http://localhost:8080", "http://localhost:8080"]));
        assert!(!check("desk.example.org:80", &["https://desk.example.org"]), "another port");
        // A program, no browser.
        assert!(check("localhost:8080", &[]));
    }

    #[test]
    fn any_other_name_is_refused_and_so_are_none_and_two() {
        for host in ["evil.example", "localhost.evil.example", "10.0.0.6", "0.0.0.0", "2130706433"] {
            assert_eq!(check(&[host], "/"), Err(ApiError::WrongHost(host.into())));
        }
        for hosts in [&[][..], &["localhost", "localhost"], &[""], &["a@localhost"]] {
            assert_eq!(check(hosts, "/"), Err(ApiError::NoHost), "{hosts:?}");
        }
        assert_eq!(check(&["localhost"], "http://evil.example/"), Err(ApiError::WrongHost("evil.example".into())));
    }
}
