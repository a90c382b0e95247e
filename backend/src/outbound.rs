//! Calls to others: bounded in time and size, and never redirected.
//!
//! One HTTP client for all of them. A redirect could carry a key to another host, a large answer
//! could fill the memory, and a slow one could hold a request for ever; none of that can happen here.

use std::sync::Once;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Url, redirect};

use crate::config::is_loopback;

/// An HTTP client for one upstream.
#[derive(Debug, Clone)]
pub struct Outbound(Client);

/// How long one waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Time to connect.
    pub connect: Duration,
    /// Time without a byte: until the first one, and from one to the next.
    pub silence: Duration,
    /// Time for a whole call.
    pub whole: Duration,
}

impl Patience {
    /// The same time for each.
    pub const fn of(time: Duration) -> Patience {
        Patience { connect: time, silence: time, whole: time }
    }
}

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
    /// No connection: it was not asked.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke: it may have been asked.
    #[error("the connection to it broke: {0}")]
    Broken(String),
}

impl Outbound {
    /// A client that calls `home`.
    ///
    /// # Errors
    /// [`OutboundError::Unreachable`] when the system's certificates cannot be used.
    pub fn new(home: &Url, patience: Patience) -> Result<Outbound, OutboundError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Fails only when a program around this library has chosen one already, which then holds.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let mut builder = Client::builder()
            .user_agent(concat!("foolscap/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(patience.connect)
            .read_timeout(patience.silence)
            .timeout(patience.whole);
        if is_loopback(home) {
            // A proxy of the environment has no business between two programs of this machine.
            builder = builder.no_proxy();
        }
        builder.build().map(Outbound).map_err(|error| OutboundError::Unreachable(error.to_string()))
    }

    /// Gets a URL, with one header more if there is one.
    ///
    /// # Errors
    /// [`OutboundError`]; a status of failure is an answer.
    pub async fn get(
        &self,
        url: Url,
        header: Option<(HeaderName, HeaderValue)>,
        limit: usize,
    ) -> Result<Answer, OutboundError> {
        read(with(self.0.get(url), header), limit).await
    }

    /// Calls a URL with any method and no body, with one header more if there is one.
    ///
    /// # Errors
    /// As [`Outbound::get`].
    pub async fn request(
        &self,
        method: reqwest::Method,
        url: Url,
        header: Option<(HeaderName, HeaderValue)>,
        limit: usize,
    ) -> Result<Answer, OutboundError> {
        read(with(self.0.request(method, url), header), limit).await
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

fn with(request: RequestBuilder, header: Option<(HeaderName, HeaderValue)>) -> RequestBuilder {
    match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    }
}

/// A header for [`Outbound::get`] that is not shown in logs.
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
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, retry_after, body })
}

/// What `retry-after` asks for, in seconds: it is a number of them, or a date, which counts from the answer's own.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let from = httpdate::parse_http_date(text(DATE)?).ok()?;
    Some(until.duration_since(from).unwrap_or_default().as_secs())
}

fn classify(error: reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::Timeout;
    }
    let connecting = error.is_connect() || error.is_builder();
    // The innermost cause says most; the outer ones repeat the URL.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let words = cause.to_string();
    if connecting { OutboundError::Unreachable(words) } else { OutboundError::Broken(words) }
}

/// What is wrong with the JSON of an answer, in few words and on one line: a reader quotes what it found, and that
/// can be most of the answer.
pub fn fault_in(error: &serde_json::Error) -> String {
    /// Characters of the quote and what is said of it.
    const MOST: usize = 200;
    let words = error.to_string();
    let short: String = words.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < words.len() {
        return format!("{short}… at line {} column {}", error.line(), error.column());
    }
    short
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Far longer than a test takes.
    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(100);

    #[test]
    fn what_is_wrong_with_an_answer_is_told_in_few_words() {
        let fault = |text: &str| fault_in(&serde_json::from_str::<u8>(text).unwrap_err());
        assert_eq!(fault("x"), "expected value at line 1 column 1");
        let long = fault(&format!("\n\"{}\"", "[1,\\n".repeat(10_000)));
        assert!(long.starts_with("invalid type: string \"[1,") && long.ends_with("… at line 2 column 50002"), "{long}");
        assert!(long.chars().count() < 300 && !long.contains('\n'), "{long}");
    }

    /// What one gets who asks somebody that says this and then nothing, and keeps the connection.
    async fn ask(said: &'static str, patience: Patience) -> Result<Answer, OutboundError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(said.as_bytes()).await;
            std::future::pending::<()>().await
        };
        tokio::select! {
            result = async { Outbound::new(&url, patience)?.get(url.clone(), None, 1024).await } => result,
            () = serve => unreachable!(),
        }
    }

    #[tokio::test]
    async fn the_first_byte_the_next_one_and_the_whole_have_their_time() {
        let silent = Patience { silence: SHORT, ..Patience::of(LONG) };
        let slow = Patience { whole: SHORT, ..Patience::of(LONG) };
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
        for (said, patience) in [("", silent), (half, silent), (half, slow)] {
            let result = tokio::time::timeout(Duration::from_secs(20), ask(said, patience)).await.expect("in time");
            assert_eq!(result.unwrap_err(), OutboundError::Timeout, "{said}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_nobody_follows_it() {
        let patience = Patience::of(LONG);
        let elsewhere = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(ask(elsewhere, patience).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_read() {
        let patience = Patience::of(LONG);
        let announced = "HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n";
        assert_eq!(ask(announced, patience).await.unwrap_err(), OutboundError::TooLarge { limit: 1024 });
        let chunk = "x".repeat(1025);
        let unannounced = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n401\r\n{chunk}\r\n");
        assert_eq!(ask(unannounced.leak(), patience).await.unwrap_err(), OutboundError::TooLarge { limit: 1024 });
    }

    #[test]
    fn retry_after_is_read_in_both_its_forms() {
        let read = |date: &'static str, asked: &'static str| {
            retry_after(&HeaderMap::from_iter([
                (DATE, HeaderValue::from_static(date)),
                (RETRY_AFTER, HeaderValue::from_static(asked)),
            ]))
        };
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (asked, expected) in [
            ("120", Some(120)),
            ("Wed, 21 Oct 2026 07:30:05 GMT", Some(125)),
            ("Wed, 21 Oct 2026 07:27:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(read(date, asked), expected, "{asked}");
        }
        assert_eq!(read("today", date), None);
    }
}
