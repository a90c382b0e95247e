//! Who is who: account identities, trade ids, and where they come from.
//!
//! An account is born from a 256-bit secret that never leaves the browser. The
//! owner token is derived from it and shown to the backend, which keeps only
//! its hash; the account id is derived from the token and is public.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the 32 lower-case hexadecimal digits of an account id.
    #[error("an account id is 32 lower-case hexadecimal digits")]
    Account,
    /// Not the 64 lower-case hexadecimal digits of a secret or token.
    #[error("expected 64 lower-case hexadecimal digits")]
    Secret,
    /// Not a UUID.
    #[error("a trade id is a UUID such as 01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b21")]
    Trade,
    /// Not a UUID.
    #[error("a transaction id is a UUID such as 01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b21")]
    Transaction,
}

/// An id travels as its text.
macro_rules! text_serde {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

/// The secret an account is born from. Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountSecret([u8; 32]);

impl AccountSecret {
    /// From 256 random bits, drawn by the shell.
    pub const fn new(bytes: [u8; 32]) -> AccountSecret {
        AccountSecret(bytes)
    }

    /// The token that proves ownership: SHA-256 of a domain separator and the secret.
    pub fn owner_token(&self) -> OwnerToken {
        let mut hash = Sha256::new();
        hash.update(b"foolscap owner token v1\0");
        hash.update(self.0);
        OwnerToken(hash.finalize().into())
    }

    /// The token of the link with this number: SHA-256 of a domain separator, the secret and the number.
    pub fn read_token(&self, number: u64) -> ReadToken {
        let mut hash = Sha256::new();
        hash.update(b"foolscap read token v1\0");
        hash.update(self.0);
        hash.update(number.to_be_bytes());
        ReadToken(hash.finalize().into())
    }

    /// The 64 hexadecimal digits under which the owner may keep the secret.
    pub fn reveal(&self) -> String {
        alloy_primitives::hex::encode(self.0)
    }
}

impl fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountSecret(…)")
    }
}

impl FromStr for AccountSecret {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        lower_hex(text).map(AccountSecret).ok_or(IdError::Secret)
    }
}

/// The proof of ownership that is sent to the backend. Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnerToken([u8; 32]);

impl OwnerToken {
    /// The account this token owns: the first 128 bits of SHA-256(token).
    pub fn account_id(&self) -> AccountId {
        let hash: [u8; 32] = Sha256::digest(self.0).into();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        AccountId(id)
    }

    /// The 64 hexadecimal digits that travel.
    pub fn reveal(&self) -> String {
        alloy_primitives::hex::encode(self.0)
    }
}

impl fmt::Debug for OwnerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerToken(…)")
    }
}

impl FromStr for OwnerToken {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        lower_hex(text).map(OwnerToken).ok_or(IdError::Secret)
    }
}

/// What opens an account to a reader, until the owner revokes it. Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadToken([u8; 32]);

impl ReadToken {
    /// What the backend knows of it: SHA-256(token).
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The 64 hexadecimal digits that travel.
    pub fn reveal(&self) -> String {
        alloy_primitives::hex::encode(self.0)
    }
}

impl fmt::Debug for ReadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadToken(…)")
    }
}

impl FromStr for ReadToken {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        lower_hex(text).map(ReadToken).ok_or(IdError::Secret)
    }
}

/// The public name of a paper account: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; 16]);

impl AccountId {
    /// The room in which this account's updates are told.
    pub fn room(self) -> String {
        format!("paper_trading_{self}")
    }

    /// From its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> AccountId {
        AccountId(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

impl FromStr for AccountId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        lower_hex(text).map(AccountId).ok_or(IdError::Account)
    }
}

/// A name that is a UUIDv7: made from a time and 80 random bits, and sorted by the time it was made.
macro_rules! uuid7 {
    ($(#[$doc:meta])* $name:ident, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; 16]);

        impl Ord for $name {
            /// As the bytes sort, compared as one number.
            fn cmp(&self, other: &Self) -> Ordering {
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> $name {
                $name(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The id made at `at` with 80 random bits drawn by the shell (RFC 9562, section 5.7).
            pub fn new(at: Timestamp, random: [u8; 10]) -> $name {
                $name(uuid7_bytes(at, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&uuid_text(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                uuid_bytes(text).map($name).ok_or(IdError::$error)
            }
        }

        text_serde!($name);
    };
}

uuid7!(
    /// The name of one trade: a UUIDv7, so ids sort by the time they were made.
    TradeId,
    Trade
);
uuid7!(
    /// The name of one transaction on a real chain: a UUIDv7, so ids sort by the time they were made.
    TransactionId,
    Transaction
);

impl TradeId {
    /// The id as a UUID is written: 36 characters of ASCII.
    pub(crate) fn text(self) -> [u8; 36] {
        uuid_text(self.0)
    }
}

fn uuid7_bytes(at: Timestamp, random: [u8; 10]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at.millis().to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&random);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

/// A UUID as it is written: 36 characters of ASCII.
fn uuid_text(bytes: [u8; 16]) -> [u8; 36] {
    let mut digits = [0; 32];
    // 16 bytes always fill 32 digits.
    let _ = alloy_primitives::hex::encode_to_slice(bytes, &mut digits);
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&digits[..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..].copy_from_slice(&digits[20..]);
    text
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let dashes_stand =
        text.len() == 36 && text.bytes().enumerate().all(|(i, b)| (b == b'-') == matches!(i, 8 | 13 | 18 | 23));
    if dashes_stand { lower_hex(&text.replace('-', "")) } else { None }
}

fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    alloy_primitives::hex::decode_to_array(text).ok()
}

text_serde!(AccountId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_follows_from_the_secret_and_nothing_reveals_it() {
        let secret = AccountSecret::new([7; 32]);
        let token = secret.owner_token();
        let again: OwnerToken = token.reveal().parse().unwrap();
        assert_eq!(token.account_id(), again.account_id());
        assert_ne!(secret.reveal(), token.reveal());
        let (reader, other) = (secret.read_token(1), secret.read_token(2));
        assert_eq!(reader.reveal().parse(), Ok(reader.clone()));
        assert_ne!((reader.hash(), reader.reveal()), (other.hash(), token.reveal()));
        assert_eq!(format!("{secret:?} {token:?} {reader:?}"), "AccountSecret(…) OwnerToken(…) ReadToken(…)");
        assert_eq!(token.account_id().room(), format!("paper_trading_{}", token.account_id()));
        assert_eq!(token.account_id().to_string().len(), 32);
    }

    #[test]
    fn trade_ids_are_uuid_version_7_and_sort_by_time() {
        let early = TradeId::new(Timestamp::from_millis(1), [0xff; 10]);
        let late = TradeId::new(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late);
        let text = late.to_string();
        assert_eq!((&text[14..15], text.parse::<TradeId>().unwrap()), ("7", late));
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }

    #[test]
    fn an_id_that_is_not_one_is_refused() {
        assert_eq!("ABCDEF".parse::<AccountId>(), Err(IdError::Account));
        assert_eq!("A".repeat(32).parse::<AccountId>(), Err(IdError::Account));
        assert_eq!("0".repeat(36).parse::<TradeId>(), Err(IdError::Trade));
        assert_eq!("é".repeat(18).parse::<TradeId>(), Err(IdError::Trade));
    }
}
