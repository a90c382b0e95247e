//! One socket: it watches tokens, and is told what changes.
//!
//! A frame is made when the one before it has been taken, from what is known then. So a reader that falls
//! behind misses steps in between and never gets a backlog, and costs no memory while it does. One that
//! takes nothing for too long is closed, as is one of which nothing is heard.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde::Serialize;
use shared::chain::Chain;
use shared::token::Token;
use shared::wire::socket::{ALERT_MESSAGE, AlertMessage, Asked as Frame, Close, HEARTBEAT, PRICE_UPDATE, Said, WATCH};
use shared::wire::{Alert, Pace, Prices as Answer};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::prices::Asked;
use crate::routes::query::{self, MOST_TOKENS};
use crate::telemetry;

/// Frames a client may send between two heartbeats.
const MOST_FRAMES: u32 = 60;
/// Time for a client to say goodbye too.
const FAREWELL: Duration = Duration::from_secs(1);

/// A socket and what it watches.
pub struct Session {
    app: App,
    socket: WebSocket,
    /// Moves when prices land.
    versions: watch::Receiver<u64>,
    watched: Option<Watched>,
}

/// What a client wants to be told of, and what it was told last.
struct Watched {
    tokens: Vec<Token>,
    chains: BTreeSet<Chain>,
    version: u64,
    alerts: Vec<Alert>,
    pace: Option<Pace>,
}

/// Why a socket ends: with a word of ours, or because the other side is gone.
enum End {
    Close(Close, Cow<'static, str>),
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> End {
        End::Close(close, close.reason().into())
    }
}

/// Goes on, or ends.
type Step = ControlFlow<End>;

impl Session {
    /// A socket that watches nothing yet.
    pub fn new(app: App, socket: WebSocket) -> Session {
        let versions = app.prices.changes();
        Session { app, socket, versions, watched: None }
    }

    /// Talks until one side ends it, or `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let _open = telemetry::OpenSocket::count();
        let end = tokio::select! {
            end = self.converse() => end,
            () = stop.cancelled() => End::from(Close::Leaving),
        };
        match end {
            End::Gone => telemetry::count_socket_end("gone"),
            End::Close(close, reason) => {
                telemetry::count_socket_end(&close.code().to_string());
                tracing::debug!(event = "socket_closed", code = close.code(), %reason);
                self.say_goodbye(close, reason).await;
            }
        }
    }

    async fn converse(&mut self) -> End {
        let limits = self.app.config.limits;
        let mut beats = interval_at(Instant::now() + limits.heartbeat, limits.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silence = pin!(sleep_until(Instant::now()));
        let mut is_waiting = false;
        let mut frames = 0;
        loop {
            let step = tokio::select! {
                message = self.socket.recv() => {
                    is_waiting = false;
                    frames += 1;
                    if frames > MOST_FRAMES { Break(Close::TooMany.into()) } else { self.hear(message).await }
                }
                Ok(()) = self.versions.changed(), if self.watched.is_some() => self.tell_changes().await,
                () = silence.as_mut(), if is_waiting => Break(Close::Silent.into()),
                _ = beats.tick() => {
                    frames = 0;
                    if !is_waiting {
                        is_waiting = true;
                        silence.as_mut().reset(Instant::now() + limits.grace);
                    }
                    self.beat().await
                }
            };
            if let Break(end) = step {
                return end;
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Step {
        match message {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<Frame>(&text) {
                Ok(frame) if frame.kind == WATCH => self.watch(frame).await,
                // What a newer client says beyond what we know.
                Ok(_) => Continue(()),
                Err(error) => malformed(&error.to_string()),
            },
            Some(Ok(Message::Binary(_))) => Break(Close::NotText.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => Continue(()),
            Some(Err(error)) => {
                let error = error.into_inner();
                match error.downcast_ref::<tungstenite::Error>() {
                    Some(tungstenite::Error::Capacity(_)) => Break(Close::TooLarge.into()),
                    Some(tungstenite::Error::Utf8(_)) => malformed("the text is not UTF-8"),
                    _ => Break(End::Gone),
                }
            }
            None => Break(End::Gone),
        }
    }

    /// Watches what a frame names, and tells how it stands.
    async fn watch(&mut self, frame: Frame) -> Step {
        if frame.tokens.len() > MOST_TOKENS {
            return malformed("too many tokens");
        }
        let asked: BTreeSet<Asked> = match frame.tokens.iter().map(|text| query::asked(text)).collect() {
            Ok(asked) => asked,
            Err(error) => return malformed(&error.to_string()),
        };
        let prices = &self.app.prices;
        let chains = frame.chains.into_iter().chain(asked.iter().map(|asked| asked.key.chain)).collect();
        // What is not known yet is waited for, as over HTTP.
        prices.get(&asked, &chains).await;
        let tokens = prices.identify(&asked).await;
        let (version, all) = prices.changed_since(&tokens, &chains, 0);
        self.watched = Some(Watched { tokens, chains, version, alerts: Vec::new(), pace: all.pace });
        self.say(PRICE_UPDATE, Some(&all)).await?;
        self.tell_alerts(all.alerts).await
    }

    /// Tells what changed since it was told last, if anything did. It also keeps what is watched watched.
    async fn tell_changes(&mut self) -> Step {
        let Some(watched) = &mut self.watched else { return Continue(()) };
        let (version, news) = self.app.prices.changed_since(&watched.tokens, &watched.chains, watched.version);
        watched.version = version;
        if !is_empty(&news) || news.pace != watched.pace {
            watched.pace = news.pace;
            self.say(PRICE_UPDATE, Some(&news)).await?;
        }
        self.tell_alerts(news.alerts).await
    }

    /// Tells which alerts began, changed or ended.
    async fn tell_alerts(&mut self, alerts: Vec<Alert>) -> Step {
        let Some(watched) = &mut self.watched else { return Continue(()) };
        let before = std::mem::replace(&mut watched.alerts, alerts.clone());
        let is_same = |one: &Alert, other: &Alert| one.kind == other.kind && one.subject == other.subject;
        for alert in alerts.iter().filter(|alert| !before.contains(alert)) {
            self.say(ALERT_MESSAGE, Some(&AlertMessage { alert, over: false })).await?;
        }
        for alert in before.iter().filter(|old| !alerts.iter().any(|new| is_same(old, new))) {
            self.say(ALERT_MESSAGE, Some(&AlertMessage { alert, over: true })).await?;
        }
        Continue(())
    }

    /// Tells that the connection stands, and asks whether anybody is there.
    async fn beat(&mut self) -> Step {
        self.send(Message::Ping(Vec::new().into())).await?;
        self.say::<()>(HEARTBEAT, None).await?;
        self.tell_changes().await
    }

    async fn say<T: Serialize>(&mut self, kind: &'static str, data: Option<&T>) -> Step {
        match serde_json::to_string(&Said::new(kind, self.app.clock.now(), data)) {
            Ok(text) => {
                telemetry::count_socket_frame(kind);
                self.send(Message::Text(text.into())).await
            }
            Err(_) => Break(Close::Mistake.into()),
        }
    }

    async fn send(&mut self, message: Message) -> Step {
        match timeout(self.app.config.limits.grace, self.socket.send(message)).await {
            Ok(Ok(())) => Continue(()),
            Ok(Err(_)) => Break(End::Gone),
            Err(_) => Break(Close::Slow.into()),
        }
    }

    async fn say_goodbye(mut self, close: Close, reason: Cow<'static, str>) {
        let farewell = async {
            let frame = CloseFrame { code: close.code(), reason: reason.as_ref().into() };
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // Whoever does not answer is left.
        let _ = timeout(FAREWELL, farewell).await;
    }
}

/// Ends with what is wrong, as far as a close frame has room for it.
fn malformed(what: &str) -> Step {
    let reason: String = what.chars().take(100).collect();
    let reason = if reason.len() <= 123 { reason.into() } else { Close::Malformed.reason().into() };
    Break(End::Close(Close::Malformed, reason))
}

fn is_empty(answer: &Answer) -> bool {
    answer.prices.is_empty() && answer.missing.is_empty() && answer.natives.is_empty()
}
