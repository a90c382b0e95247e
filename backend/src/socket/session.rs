//! One socket: it watches tokens and reads rooms, and is told what changes.
//!
//! A frame is made when the one before it has been taken, from what is known then. So a reader that falls
//! behind misses steps in between and never gets a backlog, and costs no memory while it does. One that
//! takes nothing for too long is closed, as is one of which nothing is heard.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt as _;
use serde::Serialize;
use shared::chain::Chain;
use shared::token::Token;
use shared::wire::room::{
    AlertMessage, Answer, JOIN, JOINED, Join, Joined, LEAVE, Leave, PRESENCE, Presence, REFUSED, Refused,
};
use shared::wire::socket::{ALERT_MESSAGE, Asked as Frame, Close, HEARTBEAT, PRICE_UPDATE, Said, VERSION, WATCH};
use shared::wire::{Alert, Pace, Prices};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use crate::accounts::links::{Entrance, TokenHash};
use crate::app::App;
use crate::guard;
use crate::prices::Asked;
use crate::rooms::room::Told;
use crate::rooms::{MOST_SEATS, News, RoomError, RoomId, Seat, Welcome};
use crate::routes::query::{self, MOST_TOKENS};
use crate::telemetry;

/// Time for a client to say goodbye too.
const FAREWELL: Duration = Duration::from_secs(1);

/// A socket and what it watches.
pub struct Session {
    app: App,
    socket: WebSocket,
    /// Moves when prices land.
    versions: watch::Receiver<u64>,
    watched: Option<Watched>,
    /// Rings when something is told in a room it reads.
    bell: Arc<Notify>,
    seats: BTreeMap<RoomId, Seat>,
    /// Of the seats that were taken as a reader: by which link.
    links: BTreeMap<RoomId, TokenHash>,
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
        Session {
            app,
            socket,
            versions,
            watched: None,
            bell: Arc::default(),
            seats: BTreeMap::new(),
            links: BTreeMap::new(),
        }
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
        let mut first_word = pin!(sleep_until(Instant::now() + limits.first_word));
        let (mut is_waiting, mut has_spoken) = (false, false);
        let mut frames = 0;
        loop {
            let step = tokio::select! {
                message = self.socket.recv() => {
                    is_waiting = false;
                    has_spoken |= matches!(message, Some(Ok(Message::Text(_))));
                    frames += 1;
                    if frames > limits.frames { Break(Close::TooMany.into()) } else { self.hear(message).await }
                }
                () = self.bell.notified() => self.tell_rooms().await,
                Ok(()) = self.versions.changed(), if self.watched.is_some() => self.tell_changes().await,
                () = first_word.as_mut(), if !has_spoken => Break(Close::Unused.into()),
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
                Ok(frame) if frame.kind == JOIN => match serde_json::from_str(&text) {
                    Ok(join) => self.join(join).await,
                    Err(error) => malformed(&error.to_string()),
                },
                Ok(frame) if frame.kind == LEAVE => match serde_json::from_str::<Leave>(&text) {
                    Ok(leave) => {
                        if let Some(room) = RoomId::named(&leave.room) {
                            self.stand_up(room);
                        }
                        Continue(())
                    }
                    Err(error) => malformed(&error.to_string()),
                },
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
        for alert in alerts.iter().filter(|alert| !before.contains(alert)).cloned() {
            self.say(ALERT_MESSAGE, Some(&AlertMessage { alert, over: false })).await?;
        }
        for alert in before.into_iter().filter(|old| !alerts.iter().any(|new| is_same(old, new))) {
            self.say(ALERT_MESSAGE, Some(&AlertMessage { alert, over: true })).await?;
        }
        Continue(())
    }

    /// Lets the client into a room, where its token opens it.
    async fn join(&mut self, join: Join) -> Step {
        let admit = |room| Some((room, self.admit(&join.token, room)?));
        let Some((room, entrance)) = RoomId::named(&join.room).and_then(admit) else {
            return self.refuse(&join.room, &RoomError::NoEntry).await;
        };
        if self.seats.len() >= MOST_SEATS && !self.seats.contains_key(&room) {
            return self.refuse(&join.room, &RoomError::TooManySeats).await;
        }
        // Who joins again goes on where it says, not where it was.
        self.stand_up(room);
        let from = join.epoch.as_deref().zip(join.offset);
        match self.app.rooms.enter(room, from, self.bell.clone()).await {
            Ok((seat, welcome)) => {
                self.seats.insert(room, seat);
                if let Entrance::Reader(link) = entrance {
                    self.links.insert(room, link);
                }
                let Welcome { epoch, offset, recovered, readers } = welcome;
                let data = Joined { recovered, readers: readers as u64 };
                self.answer(JOINED, &join.room, Some((&epoch, offset)), data).await
            }
            Err(error) => self.refuse(&join.room, &error).await,
        }
    }

    /// Whom a token lets into a room: into that of a wallet the operator.
    fn admit(&self, token: &str, room: RoomId) -> Option<Entrance> {
        match room {
            RoomId::Paper(account) => self.app.accounts.admit(token, account),
            RoomId::Live(_) => {
                let operator = self.app.config.operator.as_ref()?;
                guard::same(token.as_bytes(), operator.reveal().as_bytes()).then_some(Entrance::Owner)
            }
        }
    }

    /// Lets a room go.
    fn stand_up(&mut self, room: RoomId) {
        self.seats.remove(&room);
        self.links.remove(&room);
    }

    /// Lets those rooms go whose link was revoked or has ended, and says so: nothing of them is told any more.
    async fn check_links(&mut self) -> Step {
        let ended = |(room, link): (&RoomId, &TokenHash)| match room {
            RoomId::Paper(account) => (!self.app.accounts.has_link(*account, link)).then_some(*room),
            RoomId::Live(_) => None,
        };
        let ended: Vec<RoomId> = self.links.iter().filter_map(ended).collect();
        for room in ended {
            self.stand_up(room);
            self.refuse(&room.name(), &RoomError::NoEntry).await?;
        }
        Continue(())
    }

    async fn refuse(&mut self, room: &str, error: &RoomError) -> Step {
        let room: String = room.chars().take(64).collect();
        self.answer(REFUSED, &room, None, Refused { reason: error.to_string() }).await
    }

    async fn answer<T: Serialize>(
        &mut self,
        kind: &'static str,
        room: &str,
        place: Option<(&str, u64)>,
        data: T,
    ) -> Step {
        let (epoch, offset) = (place.map(|(epoch, _)| epoch), place.map(|(_, offset)| offset));
        let answer = Answer { v: VERSION, kind, room, epoch, offset, ts: self.app.clock.now(), data };
        match serde_json::to_string(&answer) {
            Ok(text) => {
                telemetry::count_socket_frame(kind);
                self.send(Message::Text(text.into())).await
            }
            Err(_) => Break(Close::Mistake.into()),
        }
    }

    /// Tells what was told in the rooms since it was told last. Between batches others have their turn.
    async fn tell_rooms(&mut self) -> Step {
        self.check_links().await?;
        let rooms: Vec<RoomId> = self.seats.keys().copied().collect();
        for room in rooms {
            let Some(seat) = self.seats.get_mut(&room) else { continue };
            let Ok(News { told, readers }) = seat.take() else {
                self.app.rooms.tally().count_failure();
                return Break(Close::Slow.into());
            };
            self.hand_out(told).await?;
            if let Some(readers) = readers {
                self.answer(PRESENCE, &room.name(), None, Presence { readers: readers as u64 }).await?;
            }
        }
        Continue(())
    }

    /// Sends frames of a room, as few pieces as they fit.
    async fn hand_out(&mut self, told: Vec<Told>) -> Step {
        if told.is_empty() {
            return Continue(());
        }
        let socket = &mut self.socket;
        let sending = async {
            for message in &told {
                socket.feed(Message::Text(message.frame.clone())).await?;
            }
            socket.flush().await
        };
        match timeout(self.app.config.limits.grace, sending).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Break(End::Gone),
            Err(_) => {
                self.app.rooms.tally().count_failure();
                return Break(Close::Slow.into());
            }
        }
        let now = std::time::Instant::now();
        for message in told {
            match message.kind {
                Some(kind) => self.app.rooms.tally().count_delivery(kind, now.duration_since(message.since)),
                None => telemetry::count_socket_frame(JOINED),
            }
        }
        Continue(())
    }

    /// Tells that the connection stands, and asks whether anybody is there.
    async fn beat(&mut self) -> Step {
        self.send(Message::Ping(Vec::new().into())).await?;
        self.say::<()>(HEARTBEAT, None).await?;
        self.check_links().await?;
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

fn is_empty(answer: &Prices) -> bool {
    answer.prices.is_empty() && answer.missing.is_empty() && answer.natives.is_empty()
}
