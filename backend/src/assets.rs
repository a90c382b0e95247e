//! The app's files, from inside the binary.
//!
//! `build.rs` made the table. Names that carry a hash are kept by browsers for ever; all others are
//! asked for again each time and mostly answered with 304. Paths that are no file and are wanted as
//! a page get `index.html`: the app knows its own routes.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// A file of the app.
#[derive(Debug)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    /// The beginning of the content's SHA-256.
    tag: &'static str,
    /// Whether the name carries a hash of the content.
    immutable: bool,
    raw: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

/// Sorted by path.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What stands in for the app where the binary was built without it.
static MISSING_APP: Asset = Asset {
    path: "/index.html",
    content_type: "text/html; charset=utf-8",
    tag: "without-the-app",
    immutable: false,
    raw: include_bytes!("missing_app.html"),
    br: None,
    gz: None,
};

/// Whether the app was there when this binary was built.
pub fn has_app() -> bool {
    find(ASSETS, "/index.html").is_some()
}

/// Answers everything that is not the API's.
pub async fn serve(request: Request) -> Response {
    respond(ASSETS, &request)
}

fn respond(assets: &'static [Asset], request: &Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return ApiError::NotFound(path.chars().take(200).collect()).into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let (method, path) = (request.method().to_string(), path.chars().take(200).collect());
        return ApiError::Method { method, path, allowed: "GET, HEAD" }.into_response();
    }
    let asset = match find(assets, path) {
        Some(asset) => asset,
        None if is_navigation(path, request.headers()) => find(assets, "/index.html").unwrap_or(&MISSING_APP),
        None => return ApiError::NotFound(path.chars().take(200).collect()).into_response(),
    };
    asset.respond(request.headers())
}

fn find(assets: &'static [Asset], path: &str) -> Option<&'static Asset> {
    assets.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &assets[at])
}

/// Whether a page is wanted, not a file: no file has a name without an ending.
fn is_navigation(path: &str, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(mode) = text("sec-fetch-mode") {
        return mode == "navigate" && !names_a_file(path);
    }
    let accepts = text("accept").is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"));
    accepts && !names_a_file(path)
}

fn names_a_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// The encodings there are, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }
}

impl Asset {
    fn respond(&self, headers: &HeaderMap) -> Response {
        let (coding, bytes) = self.best(headers);
        // Strong: another coding is another sequence of bytes, so it has another tag.
        let etag = match coding {
            Coding::Identity => format!("\"{}\"", self.tag),
            coding => format!("\"{}-{}\"", self.tag, coding.name()),
        };
        let mut response = if is_known(headers, &etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if coding != Coding::Identity {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            }
            response
        };
        let headers = response.headers_mut();
        let caching = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }

    fn best(&self, headers: &HeaderMap) -> (Coding, &'static [u8]) {
        let wanted = |coding| quality(headers, coding) > 0;
        let offers = [(Coding::Brotli, self.br), (Coding::Gzip, self.gz)];
        let offer =
            offers.into_iter().find_map(|(coding, bytes)| Some((coding, bytes?)).filter(|(coding, _)| wanted(*coding)));
        offer.unwrap_or((Coding::Identity, self.raw))
    }
}

/// What `accept-encoding` gives a coding, in thousandths (RFC 9110, section 12.5.3).
fn quality(headers: &HeaderMap, coding: Coding) -> u32 {
    let mut any = 0;
    for value in headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
        for item in value.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            let q = (q.clamp(0.0, 1.0) * 1000.0) as u32;
            if name.eq_ignore_ascii_case(coding.name()) {
                return q;
            }
            if name == "*" {
                any = q;
            }
        }
    }
    any
}

/// Whether `if-none-match` names the tag; weak comparison, as RFC 9110 asks (section 13.1.2).
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.trim() == "*" || value.split(',').any(|tag| strong(tag) == strong(etag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: &[Asset] = &[
        Asset {
            path: "/app-0123456789abcdef.js",
            content_type: "text/javascript; charset=utf-8",
            tag: "a1",
            immutable: true,
            raw: b"let long = 1;",
            br: Some(b"br"),
            gz: Some(b"gz"),
        },
        Asset {
            path: "/icon.png",
            content_type: "image/png",
            tag: "b2",
            immutable: false,
            raw: b"png",
            br: None,
            gz: None,
        },
        Asset {
            path: "/index.html",
            content_type: "text/html; charset=utf-8",
            tag: "c3",
            immutable: false,
            raw: b"<!doctype html>",
            br: None,
            gz: Some(b"gz"),
        },
    ];

    fn get(path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        respond(FILES, &request.body(Body::empty()).unwrap())
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn a_file_comes_in_the_best_coding_that_is_accepted_each_with_a_tag_of_its_own() {
        for (accepted, coding, etag) in [
            ("gzip, deflate, br, zstd", "br", "\"a1-br\""),
            ("gzip", "gzip", "\"a1-gzip\""),
            ("br;q=0, gzip;q=0.5", "gzip", "\"a1-gzip\""),
            ("*", "br", "\"a1-br\""),
            ("*;q=0", "", "\"a1\""),
            ("identity", "", "\"a1\""),
        ] {
            let response = get("/app-0123456789abcdef.js", &[("accept-encoding", accepted)]);
            assert_eq!(
                (header(&response, "content-encoding"), header(&response, "etag")),
                (coding, etag),
                "{accepted}"
            );
            assert_eq!(header(&response, "vary"), "accept-encoding");
        }
    }

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        let hashed = get("/app-0123456789abcdef.js", &[]);
        assert_eq!(header(&hashed, "cache-control"), "public, max-age=31536000, immutable");
        for path in ["/", "/index.html", "/icon.png", "/portfolio"] {
            assert_eq!(header(&get(path, &[]), "cache-control"), "no-cache", "{path}");
        }
    }

    #[test]
    fn a_known_tag_is_answered_with_304_and_no_body() {
        for tags in ["\"a1\"", "\"x\", \"a1\"", "W/\"a1\"", "*"] {
            let response = get("/app-0123456789abcdef.js", &[("if-none-match", tags)]);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{tags}");
            assert_eq!(header(&response, "etag"), "\"a1\"");
            assert!(response.headers().get("content-type").is_none());
        }
        assert_eq!(get("/app-0123456789abcdef.js", &[("if-none-match", "\"a1-br\"")]).status(), 200);
    }

    #[test]
    fn a_path_of_the_app_gets_its_page_and_a_missing_file_gets_404() {
        for (path, headers, status) in [
            ("/", &[][..], 200),
            ("/portfolio/history", &[("accept", "text/html,application/xhtml+xml")], 200),
            ("/portfolio", &[("accept", "*/*")], 200),
            ("/portfolio", &[("sec-fetch-mode", "navigate")], 200),
            ("/portfolio", &[("sec-fetch-mode", "cors")], 404),
            ("/portfolio", &[("accept", "application/json")], 404),
            ("/app-ffff.js", &[], 404),
            ("/icons/none.png", &[("accept", "text/html")], 404),
            ("/api", &[], 404),
            ("/api/v1/none", &[("accept", "text/html")], 404),
        ] {
            let response = get(path, headers);
            assert_eq!(response.status(), status, "{path} {headers:?}");
            let expected = if status == 200 { "text/html; charset=utf-8" } else { "application/problem+json" };
            assert_eq!(header(&response, "content-type"), expected);
        }
    }

    #[test]
    fn files_are_read_only() {
        let request = Request::builder().method("POST").uri("/").body(Body::empty()).unwrap();
        let response = respond(FILES, &request);
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET, HEAD"));
    }

    #[test]
    fn without_the_app_a_page_says_how_to_build_it() {
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        assert_eq!(respond(&[], &request).status(), 200);
        let page = std::str::from_utf8(MISSING_APP.raw).unwrap();
        assert!(page.contains("cargo xtask serve") && !page.contains("<style") && !page.contains("<script"));
    }

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.path));
    }
}
