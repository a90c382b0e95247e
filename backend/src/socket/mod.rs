//! The one WebSocket of a page: what the server says without being asked again.
//!
//! Here is how one opens, and how many may; [`session`] is what happens on it. Sockets are tasks of the
//! connections' own set: when the server stops, each is told so by a close frame, and waited for.

mod peers;
mod session;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use shared::wire::socket::MOST_BYTES;
use tokio::sync::Semaphore;

use self::peers::Peers;
use self::session::Session;
use crate::app::App;
use crate::error::ApiError;
use crate::guard;
use crate::server::Peer;
use crate::tasks::Tasks;

/// The buffer a socket reads into. What clients say is short, and thousands of them may be idle.
const READ_BUFFER: usize = 2 * 1024;
/// What is gathered before it is written, when several frames go out together.
const GATHERED: usize = 4 * 1024;
/// The most that waits to be written to one socket: larger than any frame of ours, and no more than one.
const WRITE_BUFFER: usize = 512 * 1024;

/// The open sockets. Clones share them.
#[derive(Debug, Clone)]
pub struct Sockets {
    app: App,
    tasks: Tasks,
    places: Arc<Semaphore>,
    peers: Peers,
}

impl Sockets {
    /// None open yet. Each will be a task of `tasks`.
    pub fn new(app: App, tasks: Tasks) -> Sockets {
        let places = Arc::new(Semaphore::new(app.config.limits.sockets));
        Sockets { app, tasks, places, peers: Peers::default() }
    }
}

/// Opens a socket, for pages of this very host.
///
/// # Errors
/// [`ApiError::WrongOrigin`], [`ApiError::TooManySockets`], [`ApiError::TooManyOfOne`], [`ApiError::NotASocket`].
pub async fn open(
    State(sockets): State<Sockets>,
    peer: Option<Extension<Peer>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    guard::check_origin(&headers, &uri)?;
    let upgrade = upgrade.map_err(|rejection| ApiError::NotASocket(rejection.body_text()))?;
    let limits = sockets.app.config.limits;
    let one = peers::who(peer.map(|Extension(peer)| peer), &headers)
        .map(|peer| {
            sockets.peers.take(peer, limits.sockets_of_one).ok_or(ApiError::TooManyOfOne(limits.sockets_of_one))
        })
        .transpose()?;
    let full = ApiError::TooManySockets(limits.sockets);
    let place = sockets.places.try_acquire_owned().map_err(|_| full)?;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(GATHERED)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(async move |socket| {
            let stop = sockets.tasks.stop();
            sockets.tasks.spawn(async move {
                Session::new(sockets.app, socket).run(stop).await;
                drop((place, one));
            });
        }))
}
