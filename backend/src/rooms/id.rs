//! Which room it is.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;
use shared::ids::AccountId;
use shared::token::parse_address;

/// Which room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomId {
    /// That of a paper account.
    Paper(AccountId),
    /// That of a wallet that signs real transactions.
    Live(Address),
}

const PAPER: &str = "paper_trading_";
const LIVE: &str = "live_";

impl RoomId {
    /// The room of this name, if it can be one.
    pub fn named(name: &str) -> Option<RoomId> {
        match name.strip_prefix(PAPER) {
            Some(account) => account.parse().ok().map(RoomId::Paper),
            None => parse_address(name.strip_prefix(LIVE)?).ok().map(RoomId::Live),
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            RoomId::Paper(account) => account.room(),
            RoomId::Live(_) => self.to_string(),
        }
    }
}

impl fmt::Display for RoomId {
    /// In short, as servers name it to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoomId::Paper(account) => account.fmt(f),
            RoomId::Live(wallet) => write!(f, "{LIVE}{}", wallet.to_checksum(None)),
        }
    }
}

impl FromStr for RoomId {
    type Err = ();

    fn from_str(text: &str) -> Result<RoomId, ()> {
        let paper = || text.parse().ok().map(RoomId::Paper);
        RoomId::named(text).or_else(paper).ok_or(())
    }
}

impl From<AccountId> for RoomId {
    fn from(account: AccountId) -> RoomId {
        RoomId::Paper(account)
    }
}

impl From<Address> for RoomId {
    fn from(wallet: Address) -> RoomId {
        RoomId::Live(wallet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_found_by_its_name_and_in_short() {
        let rooms = [RoomId::Paper(AccountId::from_bytes([7; 16])), RoomId::Live(Address::repeat_byte(0xab))];
        for room in rooms {
            assert_eq!(RoomId::named(&room.name()), Some(room));
            assert_eq!(room.to_string().parse(), Ok(room));
        }
        for wrong in ["", "live_", "live_0x1", "paper_trading_", "paper_trading_0x1", "07070707"] {
            assert_eq!(RoomId::named(wrong), None, "{wrong}");
        }
    }
}
