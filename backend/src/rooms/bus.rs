//! The bus: what is told at one server reaches the readers at all of them, through Redis.
//!
//! Each room has a stream there, whose entries are numbered by one script at one place: so there is one order for
//! all. A server reads the streams of the rooms in which it has somebody, all of them by one connection. What
//! becomes of a room while the bus goes and comes is decided in [`super::ordered`]; here is only the way there.
//!
//! An epoch belongs to one run of Redis: one that was started again may have forgotten what it gave out. Epochs
//! are numbered by its clock in microseconds, upwards, so a reader's place never hides what is new.

use std::collections::HashMap;
use std::str::from_utf8;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, Value, cmd};
use serde_json::value::RawValue;
use shared::time::Timestamp;
use shared::wire::{UpstreamState, UpstreamStatus};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Rooms;
use super::id::RoomId;
use super::ordered::{Entry, Letter, Request, Spot};
use crate::clock::SharedClock;
use crate::config::SecretUrl;
use crate::telemetry;

/// What all names begin with: the version of what is written there.
const PREFIX: &str = "foolscap:1:room";
/// Messages on their way to Redis at once; with more it is as good as gone.
const QUEUE: usize = 1_024;
/// Entries that a stream keeps, about: what rooms remember, and what a server may be behind.
const KEPT: usize = 1_024;
/// For how long a stream is kept after it was told something, in milliseconds: as long as rooms remember, and a
/// while.
const STREAM_MS: u64 = 10 * 60_000;
/// For how long its place and its names are kept: a room that is quiet for longer begins a new epoch.
const HEAD_MS: u64 = 24 * 3_600_000;
/// How long Redis is asked to wait for something to read.
const BLOCK: Duration = Duration::from_secs(1);
/// Entries of a stream that are read at once.
const BATCH: usize = 512;
/// After a failure it is left alone for so long, and longer each time.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Begins an epoch, where there is none of this run of Redis, or a new one is wanted. It is the first part of both
/// scripts: `era` is the epoch then, and `keep_names` forgets names beyond so many.
/// KEYS: head, stream, places by name, names by age. ARGV[1]: the run; ARGV[2]: 1 for a new one in any case. Numbers
/// are text: Lua would write them with an exponent.
const EPOCH: &str = r"
    local function keep_names(most)
        while redis.call('LLEN', KEYS[4]) > tonumber(most) do
            redis.call('HDEL', KEYS[3], redis.call('LPOP', KEYS[4]))
        end
        redis.call('PEXPIRE', KEYS[3], ARGV[5])
        redis.call('PEXPIRE', KEYS[4], ARGV[5])
    end
    local head = redis.call('HMGET', KEYS[1], 'run', 'era', 'offset')
    local era, offset = head[2], tonumber(head[3] or '0')
    if head[1] ~= ARGV[1] or ARGV[2] == '1' then
        local time = redis.call('TIME')
        local new = tonumber(time[1]) * 1000000 + tonumber(time[2])
        local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
        if last then
            new = math.max(new, tonumber(string.match(last[1], '^%d+')) + 1)
        end
        if era then
            new = math.max(new, tonumber(era) + 1)
        end
        era, offset = string.format('%.0f', new), 0
        redis.call('HSET', KEYS[1], 'run', ARGV[1], 'era', era, 'offset', '0')
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], era .. '-0', 'b', '1')
        redis.call('PEXPIRE', KEYS[1], ARGV[5])
        redis.call('PEXPIRE', KEYS[2], ARGV[4])
    end
";

/// Gives a message its place, unless its name has one. ARGV from the 6th: its name or nothing, how many names are
/// kept, and the entry's fields.
const TELL: &str = r"
    local name = ARGV[6]
    if name ~= '' then
        local known = redis.call('HGET', KEYS[3], name)
        if known then
            return {'', known}
        end
    end
    offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
    local entry = {'XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], era .. '-' .. offset}
    for at = 8, #ARGV do
        entry[#entry + 1] = ARGV[at]
    end
    redis.call(unpack(entry))
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
    if name ~= '' then
        redis.call('HSET', KEYS[3], name, string.format('%016x', tonumber(era)) .. ':' .. offset)
        redis.call('RPUSH', KEYS[4], name)
        keep_names(ARGV[7])
    end
    return {era, tostring(offset)}
";

/// Says where a room stands, and what comes after what was had. ARGV from the 6th: the era and the offset that
/// were had, how many names are kept, then names that were told apart, each with its place.
const ATTACH: &str = r"
    for at = 9, #ARGV, 2 do
        if redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1]) == 1 then
            redis.call('RPUSH', KEYS[4], ARGV[at])
        end
    end
    if #ARGV >= 9 then
        keep_names(ARGV[8])
    end
    local had = '0'
    if ARGV[6] == era then
        had = ARGV[7]
    end
    local from = string.format('%.0f', tonumber(had) + 1)
    if had == '0' then
        from = '0'
    end
    return {era, tostring(offset), redis.call('XRANGE', KEYS[2], era .. '-' .. from, '+')}
";

/// The way to the other servers.
pub struct Bus {
    client: Client,
    clock: SharedClock,
    /// The longest that Redis is waited for.
    patience: Duration,
    /// Where we are told that there is another stream to read.
    bell: String,
    /// Who we are, among the servers.
    id: String,
    queue: Semaphore,
    state: Mutex<State>,
    tell: String,
    attach: String,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    /// Streams to read that are not read yet.
    added: Vec<(RoomId, Spot)>,
    last_success: Option<Timestamp>,
    last_failure: Option<(Timestamp, String)>,
}

/// A connection that stands, for all anybody knows.
#[derive(Clone)]
pub struct Live {
    control: MultiplexedConnection,
    /// The run of Redis: another after each start.
    run: Arc<str>,
    /// Cancelled by whoever finds that it does not stand.
    broken: CancellationToken,
}

/// Where a message was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// Now, here.
    Now(Spot),
    /// Before: its name is known. The epoch and the offset, as clients know them.
    Before(String, u64),
}

/// The bus is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Gone(pub String);

impl From<RedisError> for Gone {
    fn from(error: RedisError) -> Gone {
        Gone(error.to_string())
    }
}

impl Bus {
    /// The way there; it is gone by [`Bus::run`].
    ///
    /// # Errors
    /// For a URL that is none.
    pub fn new(url: &SecretUrl, patience: Duration, clock: SharedClock) -> Result<Bus, RedisError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let id = format!("{}-{nanos}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        telemetry::note_bus(false);
        Ok(Bus {
            client: Client::open(url.reveal().as_str())?,
            clock,
            patience,
            bell: format!("foolscap:1:bell:{id}"),
            id,
            queue: Semaphore::new(QUEUE),
            state: Mutex::default(),
            tell: [EPOCH, TELL].concat(),
            attach: [EPOCH, ATTACH].concat(),
        })
    }

    /// The connection, while it stands.
    pub fn live(&self) -> Option<Live> {
        self.state().live.clone()
    }

    /// How it fares.
    pub fn status(&self) -> UpstreamStatus {
        let state = self.state();
        UpstreamStatus {
            state: match (&state.live, &state.last_failure) {
                (Some(_), _) => UpstreamState::Ok,
                (None, Some(_)) => UpstreamState::Failing,
                (None, None) => UpstreamState::Unused,
            },
            last_success: state.last_success,
            last_failure: state.last_failure.as_ref().map(|(at, _)| *at),
            failure: state.last_failure.as_ref().map(|(_, words)| words.clone()),
        }
    }

    /// Gives a message its place, in a room of an account.
    ///
    /// # Errors
    /// [`Gone`], when it did not answer in time, or too many wait already. Then it may have it all the same.
    pub async fn publish(&self, live: &Live, account: RoomId, letter: &Letter) -> Result<Published, Gone> {
        let Ok(_place) = self.queue.try_acquire() else {
            return Err(self.lost(live, Gone(format!("{QUEUE} messages wait for it"))));
        };
        let mut command = self.script(&self.tell, live, account, false);
        command.arg(letter.name.as_deref().unwrap_or_default()).arg(super::room::MOST_NAMES);
        command.arg("k").arg(letter.kind.name()).arg("t").arg(letter.ts.millis()).arg("d").arg(letter.data.get());
        if let Some(name) = &letter.name {
            command.arg("i").arg(&**name);
        }
        if let Some(ticket) = letter.ticket {
            command.arg("s").arg(&self.id).arg("n").arg(ticket);
        }
        let (era, offset): (String, String) = self.ask(live, &command).await?;
        let strange = || self.lost(live, Gone(format!("it answered {era:?} {offset:?}")));
        if era.is_empty() {
            let (epoch, offset) = offset.split_once(':').ok_or_else(strange)?;
            return Ok(Published::Before(epoch.to_owned(), offset.parse().map_err(|_| strange())?));
        }
        let spot = Spot { era: era.parse().map_err(|_| strange())?, offset: offset.parse().map_err(|_| strange())? };
        Ok(Published::Now(spot))
    }

    /// Asks where a room stands and what it has; from then on its stream is read.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn attach(&self, live: &Live, account: RoomId, request: &Request) -> Result<(Spot, Vec<Entry>), Gone> {
        let mut command = self.script(&self.attach, live, account, request.renew);
        let had = request.had.unwrap_or(Spot { era: 0, offset: 0 });
        command.arg(had.era).arg(had.offset).arg(super::room::MOST_NAMES);
        for (name, place) in &request.names {
            command.arg(name).arg(place);
        }
        let (era, offset, entries): (u64, u64, Value) = self.ask(live, &command).await?;
        Ok((Spot { era, offset }, self.entries(&entries)))
    }

    /// Has a stream read from a place on.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn follow(&self, live: &Live, account: RoomId, from: Spot) -> Result<(), Gone> {
        self.state().added.push((account, from));
        self.ring(live).await.map(drop)
    }

    /// Reads what is told, for `rooms`, until `stop`; tells them when it is gone and when it is back.
    pub async fn run(&self, rooms: &Rooms, stop: CancellationToken) {
        let mut pause = PAUSE;
        loop {
            let ended = tokio::select! {
                ended = self.read(rooms) => ended,
                () = stop.cancelled() => return,
            };
            let (was_up, error) = ended;
            if was_up {
                pause = PAUSE;
                rooms.bus_gone();
            }
            tracing::debug!(event = "bus_failed", %error);
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop.cancelled() => return,
            }
        }
    }

    /// Connects and reads as long as that goes well. Whether the connection stood, and why it does not any more.
    async fn read(&self, rooms: &Rooms) -> (bool, Gone) {
        let (live, mut reader) = match self.connect().await {
            Ok(connections) => connections,
            Err(error) => {
                if self.state().last_failure.is_none() {
                    warn(&error);
                }
                return (false, self.note_failure(error));
            }
        };
        let was_gone = {
            let mut state = self.state();
            state.added.clear();
            state.live = Some(live.clone());
            state.last_success = Some(self.clock.now());
            state.last_failure.is_some()
        };
        telemetry::note_bus(true);
        if was_gone {
            tracing::info!(event = "room_bus_back", "The rooms' bus is back: what is told reaches every server again");
        }
        let error = tokio::select! {
            error = self.take(rooms, &live, &mut reader) => error,
            () = live.broken.cancelled() => Gone("it did not answer".to_owned()),
        };
        (true, self.lost(&live, error))
    }

    async fn take(&self, rooms: &Rooms, live: &Live, reader: &mut MultiplexedConnection) -> Gone {
        let mut cursors: HashMap<RoomId, (String, Spot)> = HashMap::new();
        let mut rung = match self.ring(live).await {
            Ok(rung) => rung,
            Err(error) => return error,
        };
        let mut swept = None;
        loop {
            // Rooms that are not on the bus, for whatever reason, and those with nobody inside.
            if swept.is_none_or(|at: std::time::Instant| at.elapsed() >= BLOCK) {
                if let Err(error) = rooms.attach_all(self, live, swept.is_none()).await {
                    return error;
                }
                rooms.sweep();
                cursors.retain(|account, _| rooms.is_open(*account));
                swept = Some(std::time::Instant::now());
            }
            for (account, from) in std::mem::take(&mut self.state().added) {
                let cursor = cursors.entry(account).or_insert_with(|| (stream_of(account), from));
                cursor.1 = cursor.1.max(from);
            }
            let mut command = cmd("XREAD");
            command.arg("COUNT").arg(BATCH).arg("BLOCK").arg(BLOCK.as_millis() as u64).arg("STREAMS").arg(&self.bell);
            // A map that does not change has one order.
            for (stream, _) in cursors.values() {
                command.arg(stream);
            }
            command.arg(&rung);
            for (_, Spot { era, offset }) in cursors.values() {
                command.arg(format!("{era}-{offset}"));
            }
            let answer = match tokio::time::timeout(BLOCK + self.patience, reader.send_packed_command(&command)).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return error.into(),
                Err(_) => return Gone("it did not answer in time".to_owned()),
            };
            self.state().last_success = Some(self.clock.now());
            for (stream, entries) in streams_of(&answer) {
                if stream == self.bell {
                    rung = last_id(entries).unwrap_or(rung);
                    continue;
                }
                let Some(account) = room_of(stream) else { continue };
                let entries = self.entries(entries);
                if let (Some(last), Some(cursor)) = (entries.last(), cursors.get_mut(&account)) {
                    cursor.1 = last.spot;
                }
                rooms.read(account, entries);
            }
        }
    }

    async fn connect(&self) -> Result<(Live, MultiplexedConnection), Gone> {
        let patient = AsyncConnectionConfig::new().set_connection_timeout(Some(self.patience));
        let control = patient.clone().set_response_timeout(Some(self.patience));
        let mut control = self.client.get_multiplexed_async_connection_with_config(&control).await?;
        let reader = patient.set_response_timeout(None);
        let reader = self.client.get_multiplexed_async_connection_with_config(&reader).await?;
        let about: String = cmd("INFO").arg("server").query_async(&mut control).await?;
        let run = about.lines().find_map(|line| line.strip_prefix("run_id:"));
        let run = run.ok_or_else(|| Gone("it does not say which run it is".to_owned()))?.trim().into();
        Ok((Live { control, run, broken: CancellationToken::new() }, reader))
    }

    /// The entries of a stream, as far as they can be read.
    fn entries(&self, entries: &Value) -> Vec<Entry> {
        let entry = |entry: &Value| match list(entry) {
            [id, fields] => {
                let (era, offset) = text(id)?.split_once('-')?;
                let spot = Spot { era: era.parse().ok()?, offset: offset.parse().ok()? };
                Some(Entry { spot, letter: letter_of(list(fields), &self.id) })
            }
            _ => None,
        };
        list(entries).iter().filter_map(entry).collect()
    }

    /// Makes the reader look again.
    async fn ring(&self, live: &Live) -> Result<String, Gone> {
        let mut command = cmd("XADD");
        command.arg(&self.bell).arg("MAXLEN").arg(1).arg("*").arg("b").arg(1);
        let id = self.ask(live, &command).await?;
        let mut command = cmd("PEXPIRE");
        let _: i64 = self.ask(live, command.arg(&self.bell).arg(STREAM_MS)).await?;
        Ok(id)
    }

    fn script(&self, text: &str, live: &Live, account: RoomId, renew: bool) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(text).arg(4).arg(format!("{PREFIX}:head:{account}")).arg(stream_of(account));
        command.arg(format!("{PREFIX}:names:{account}")).arg(format!("{PREFIX}:named:{account}"));
        command.arg(&*live.run).arg(u8::from(renew)).arg(KEPT).arg(STREAM_MS).arg(HEAD_MS);
        command
    }

    async fn ask<T: redis::FromRedisValue>(&self, live: &Live, command: &Cmd) -> Result<T, Gone> {
        let mut control = live.control.clone();
        let answer = tokio::select! {
            biased;
            answer = tokio::time::timeout(self.patience, command.query_async(&mut control)) => match answer {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(Gone("it did not answer in time".to_owned())),
            },
            () = live.broken.cancelled() => Err(Gone("it was found gone meanwhile".to_owned())),
        };
        answer.map_err(|error| self.lost(live, error))
    }

    /// A connection does not stand any more; told once for each.
    fn lost(&self, live: &Live, error: Gone) -> Gone {
        let is_news = {
            let mut state = self.state();
            let is_news = !live.broken.is_cancelled();
            if is_news {
                state.live = None;
            }
            live.broken.cancel();
            is_news
        };
        if !is_news {
            return error;
        }
        telemetry::note_bus(false);
        warn(&error);
        self.note_failure(error)
    }

    fn note_failure(&self, error: Gone) -> Gone {
        self.state().last_failure = Some((self.clock.now(), error.0.clone()));
        error
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn warn(error: &Gone) {
    tracing::warn!(
        event = "room_bus_gone",
        %error,
        "The rooms' bus is gone: what is told reaches the readers at this server only"
    );
}

fn stream_of(account: RoomId) -> String {
    format!("{PREFIX}:told:{account}")
}

fn room_of(stream: &str) -> Option<RoomId> {
    stream.strip_prefix(PREFIX)?.strip_prefix(":told:")?.parse().ok()
}

/// The streams in an answer to XREAD; none where nothing came in time.
fn streams_of(answer: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list(answer).iter().filter_map(|pair| match list(pair) {
        [name, entries] => Some((text(name)?, entries)),
        _ => None,
    })
}

fn letter_of(fields: &[Value], id: &str) -> Option<Letter> {
    let field = |name: &str| {
        fields.chunks_exact(2).find_map(|pair| match pair {
            [key, value] if text(key) == Some(name) => text(value),
            _ => None,
        })
    };
    Some(Letter {
        kind: field("k")?.parse().ok()?,
        data: RawValue::from_string(field("d")?.to_owned()).ok()?,
        name: field("i").map(Into::into),
        ts: Timestamp::from_millis(field("t")?.parse().ok()?),
        ticket: field("n").filter(|_| field("s") == Some(id)).and_then(|ticket| ticket.parse().ok()),
    })
}

fn last_id(entries: &Value) -> Option<String> {
    match list(list(entries).last()?) {
        [id, _] => text(id).map(str::to_owned),
        _ => None,
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => &[],
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
