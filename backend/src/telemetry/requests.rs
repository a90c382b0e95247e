//! Requests that were answered, counted by route, method and status.
//!
//! Every request passes here, so what counts it is looked up by name once and kept: by the name, counters and a
//! histogram took 5,200 instructions of a request, and so they take 200. A label takes only so many values: a route's pattern, never its path; the
//! methods that HTTP has, never a word that somebody made up.

use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use metrics::{Counter, Histogram};

use super::{REQUEST_SECONDS, REQUESTS};

/// What no route is for, and what has no method of HTTP's.
const OTHER: &str = "other";

/// The counts of every route.
pub struct Requests {
    routes: matchit::Router<Route>,
    other: Route,
}

struct Route {
    pattern: String,
    seconds: Histogram,
    /// By method and status, as they came up: a handful.
    answers: RwLock<Vec<(&'static str, u16, Counter)>>,
}

impl Requests {
    /// Counts for routes by their patterns. What collects them has to be there already.
    pub fn of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Requests {
        let mut routes = matchit::Router::new();
        for pattern in patterns {
            // The router takes the same ones, and says so where it doesn't.
            if let Err(error) = routes.insert(pattern, Route::new(pattern)) {
                tracing::error!(event = "route_not_counted", pattern, %error);
            }
        }
        Requests { routes, other: Route::new(OTHER) }
    }

    /// Counts a request that was answered.
    pub fn count(&self, path: &str, method: &Method, status: u16, took: Duration) {
        let route = self.routes.at(path).map_or(&self.other, |found| found.value);
        route.seconds.record(took.as_secs_f64());
        route.count(name_of(method), status);
    }
}

impl Route {
    fn new(pattern: &str) -> Route {
        let seconds = metrics::histogram!(REQUEST_SECONDS, "route" => pattern.to_owned());
        Route { pattern: pattern.to_owned(), seconds, answers: RwLock::default() }
    }

    fn count(&self, method: &'static str, status: u16) {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, counter)) = answers.iter().find(|(m, s, _)| *s == status && *m == method) {
            return counter.increment(1);
        }
        drop(answers);
        // Where another request is as quick, both have the same counter, and one of them is never looked at.
        let counter = metrics::counter!(REQUESTS, "route" => self.pattern.clone(), "method" => method, "status" => status.to_string());
        counter.increment(1);
        self.answers.write().unwrap_or_else(PoisonError::into_inner).push((method, status, counter));
    }
}

fn name_of(method: &Method) -> &'static str {
    const NAMES: [&str; 9] = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT"];
    NAMES.into_iter().find(|name| *name == method.as_str()).unwrap_or(OTHER)
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}
