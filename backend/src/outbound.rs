//! Calls to others: bounded in time and size, and never redirected.
//!
//! One HTTP client for all of them. A redirect could carry a key to another host, a large answer
//! could fill the memory, and a slow one could hold a request for ever; none of that can happen here.

use std::sync::Once;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Url, redirect};

use crate::config::is_loopback;

/// An HTTP client for one upstream.
#[derive(Debug, Clone)]
pub struct Outbound(Client);

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// What `retry-after` asks for, in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer. None of it tells a key or a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// It took too long.
    #[error("it did not answer in time")]
    Timeout,
    /// The answer is larger than allowed.
    #[error("its answer is larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// No connection, or it broke.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
}

impl Outbound {
    /// A client that calls `home` and sends these headers with every call.
    ///
    /// # Errors
    /// [`OutboundError::Unreachable`] when the system's certificates cannot be used.
    pub fn new(
        home: &Url,
        headers: HeaderMap,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> Result<Outbound, OutboundError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Fails only when a program around this library has chosen one already, which then holds.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let mut builder = Client::builder()
            .user_agent(concat!("foolscap/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(connect_timeout)
            .timeout(timeout);
        if is_loopback(home) {
            // A proxy of the environment has no business between two programs of this machine.
            builder = builder.no_proxy();
        }
        builder.build().map(Outbound).map_err(|error| OutboundError::Unreachable(error.to_string()))
    }

    /// Gets a URL.
    ///
    /// # Errors
    /// [`OutboundError`]; a status of failure is an answer.
    pub async fn get(&self, url: Url, limit: usize) -> Result<Answer, OutboundError> {
        read(self.0.get(url), limit).await
    }

    /// Deletes what is at a URL.
    ///
    /// # Errors
    /// As [`Outbound::get`].
    pub async fn delete(&self, url: Url, limit: usize) -> Result<Answer, OutboundError> {
        read(self.0.delete(url), limit).await
    }

    /// Posts JSON to a URL.
    ///
    /// # Errors
    /// As [`Outbound::get`].
    pub async fn post_json(&self, url: Url, body: String, limit: usize) -> Result<Answer, OutboundError> {
        let json = HeaderValue::from_static("application/json");
        read(self.0.post(url).header(reqwest::header::CONTENT_TYPE, json).body(body), limit).await
    }
}

/// A header for [`Outbound::new`] that is not shown in logs.
pub fn secret_header(name: &'static str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_static(name), value))
}

async fn read(request: RequestBuilder, limit: usize) -> Result<Answer, OutboundError> {
    let mut response = request.send().await.map_err(classify)?;
    let too_large = OutboundError::TooLarge { limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large);
    }
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, retry_after, body })
}

fn classify(error: reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::Timeout;
    }
    // The innermost cause says most; the outer ones repeat the URL.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    OutboundError::Unreachable(cause.to_string())
}
