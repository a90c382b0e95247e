//! The listening end: connections with limits, and an orderly end.
//!
//! Our own loop over hyper's connections, because the limits that keep a slow or greedy client from
//! hurting others (time and size of a request's head, number of connections) are set there.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::config::Limits;
use crate::head_timer::HeadTimer;
use crate::tasks::Tasks;

/// Bytes of a connection that may lie in the kernel without being on their way.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 * 1024;

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What answers the requests of a connection.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send;
}

impl Answers for Router {
    async fn answer(&self, request: Request) -> Response {
        let Ok(response) = self.clone().call(request).await;
        response
    }
}

/// Accepts connections until `stop`, and hands each to a task of `tasks`.
///
/// Open connections then finish the request they are in and close.
pub async fn accept(
    listener: TcpListener,
    answers: impl Answers,
    limits: Limits,
    tasks: &Tasks,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = stop.cancelled() => return,
        };
        // The semaphore is never closed.
        let Ok(place) = place else { return };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match stream {
            Ok((stream, peer)) => {
                let stop = stop.clone();
                let answers = answers.clone();
                tasks.spawn(async move {
                    converse(stream, Peer(peer.ip()), answers, limits, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Too many open files, mostly: wait for some to close.
                tracing::warn!(event = "accept_failed", %error);
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, peer: Peer, answers: impl Answers, limits: Limits, stop: CancellationToken) {
    // Small answers go out at once.
    let _ = stream.set_nodelay(true);
    // What a slow reader has not been sent yet is not the kernel's to keep: megabytes by default. A socket
    // makes its next frame when this one is on its way. Where it cannot be set, the backlog is only longer.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answers = answers.clone();
        let mut request = request.map(Body::new);
        // Only of sockets there are so many for one.
        if request.headers().contains_key(header::UPGRADE) {
            request.extensions_mut().insert(peer);
        }
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(HeadTimer::default())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(event = "connection_ended", %error);
    }
}
