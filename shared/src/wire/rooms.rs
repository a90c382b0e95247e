//! How the rooms are: a part of `GET /api/v1/status`, and `GET /api/v1/rooms` for the operator.

use serde::{Deserialize, Serialize};

use super::room::Kind;
use super::status::UpstreamStatus;
use crate::time::Timestamp;

/// The rooms of a server, together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoomsStatus {
    /// Whether what is told here reaches every reader: always where this is the only server, and otherwise while the
    /// way to the others stands. While it does not, it reaches those at this server.
    pub is_available: bool,
    /// Rooms in which something was told or is read.
    pub rooms: u64,
    /// Readers inside them, at this server.
    pub readers: u64,
    /// The way to the other servers, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<UpstreamStatus>,
}

/// The rooms of a server, one by one. Counts are since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoomsView {
    /// The server's clock.
    pub now: Timestamp,
    /// All of them together.
    pub status: RoomsStatus,
    /// Messages by what they are.
    pub messages: Vec<KindCount>,
    /// Messages that did not reach every server, and readers that were too slow for what was told.
    pub failures: u64,
    /// Deliveries by how long they took, from when a message was told here to when it was handed to the reader's
    /// connection.
    pub latency: Vec<LatencyCount>,
    /// The rooms with most readers.
    pub rooms: Vec<RoomInfo>,
}

/// Messages of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KindCount {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// How many were handed in at this server.
    pub told: u64,
    /// How often one was handed to a reader's connection.
    pub delivered: u64,
}

/// Deliveries that took about as long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LatencyCount {
    /// At most so many microseconds, and more than those before; absent for all that took longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_us: Option<u64>,
    /// How many.
    pub count: u64,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoomInfo {
    /// Its name.
    pub room: String,
    /// Its epoch.
    pub epoch: String,
    /// The offset of its last message.
    pub offset: u64,
    /// Readers inside, at this server.
    pub readers: u64,
    /// Messages that are remembered.
    pub remembered: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// How many messages the slowest reader has not taken yet.
    pub behind: u64,
    /// Whether its order is that of all servers.
    pub on_bus: bool,
}
