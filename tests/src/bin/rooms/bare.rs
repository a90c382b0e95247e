//! The bare loop: what axum and tokio cost by themselves.

use axum::{
    Router,
    extract::ws::{Message, Utf8Bytes, WebSocketUpgrade},
    http::StatusCode,
    routing::{get, post},
};
use shared::wire::socket::PATH;
use tokio::sync::broadcast;

/// Hands on what is posted to `/tell` to everybody who is connected; on one thread, as one core has it.
#[tokio::main(flavor = "current_thread")]
pub async fn serve(port: u16) {
    let (sender, _) = broadcast::channel::<Utf8Bytes>(256);
    let subscribe = sender.clone();
    let socket = get(async move |upgrade: WebSocketUpgrade| {
        let mut news = subscribe.subscribe();
        upgrade.on_upgrade(async move |mut socket| {
            while let Ok(text) = news.recv().await {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        })
    });
    let tell = post(async move |text: String| {
        drop(sender.send(text.into()));
        StatusCode::CREATED
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    let router = Router::new().route(PATH, socket).route("/tell", tell);
    axum::serve(listener, router).await.expect("it serves");
}
