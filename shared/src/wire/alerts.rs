//! What is wrong in the market or with the server, for a person to see.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Something that is wrong, as long as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Alert {
    /// What kind of thing. With the subject it names the alert: the same again is the same alert, later.
    pub kind: AlertKind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a token's symbol, for one.
    #[cfg_attr(feature = "schema", schema(example = "USDC"))]
    pub subject: String,
    /// All of it, in words.
    pub message: String,
    /// When it began.
    pub since: Timestamp,
    /// When this was last seen to be so.
    pub as_of: Timestamp,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A stablecoin trades more than 1 % off a dollar.
    Depeg,
    /// Something a newer server knows.
    #[serde(other)]
    Unknown,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Better to know.
    Warning,
    /// Not to be missed; and whatever a newer server calls it.
    #[serde(other)]
    Critical,
}
