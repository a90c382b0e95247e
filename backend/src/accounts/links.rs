//! The links by which readers come in, and who a token lets in.
//!
//! Of a link's token only the hash is known. Whether an account has links, or is there at all, must not be told by
//! how long a refusal takes: a token is hashed and compared with as many hashes whatever there is.

use std::collections::HashMap;
use std::hint::black_box;

use sha2::{Digest as _, Sha256};
use shared::ids::{AccountId, OwnerToken, ReadToken};
use shared::time::Timestamp;
use shared::wire::accounts::Link;

/// Links of one account, at most.
pub const MOST: usize = 32;
/// Links of all accounts together, at most.
const MOST_OF_ALL: usize = 200_000;

/// The SHA-256 of a link's token.
pub type TokenHash = [u8; 32];

/// Whom a token lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// The owner: to read and to write.
    Owner,
    /// A reader, by the link with this hash, as long as it is there.
    Reader(TokenHash),
}

/// The links of all accounts.
#[derive(Debug, Default)]
pub struct Links {
    of: HashMap<AccountId, Vec<(TokenHash, Link)>>,
    count: usize,
}

/// Why there is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkError {
    /// The account has enough.
    TooMany,
    /// All accounts together have.
    TooManyOfAll,
}

impl Links {
    /// Those that were kept.
    pub fn new(kept: impl IntoIterator<Item = (AccountId, Link)>) -> Links {
        let mut links = Links::default();
        for (account, link) in kept {
            if let Some(hash) = parse_hash(&link.token_hash) {
                links.put(account, hash, link);
            }
        }
        links
    }

    /// Whom a token lets into an account.
    pub fn admit(&self, token: &str, account: AccountId, now: Timestamp) -> Option<Entrance> {
        // A text that is no token is compared like one.
        let owner = token.parse::<OwnerToken>().ok();
        let read = token.parse::<ReadToken>().ok();
        let is_token = owner.is_some() && read.is_some();
        let owned = owner.map_or(AccountId::from_bytes([0; 16]), |token| token.account_id());
        let hash = read.map_or_else(|| Sha256::digest([0; 32]).into(), |token| token.hash());
        let is_owner = same(owned.as_bytes(), account.as_bytes());
        let is_reader = self.has(account, &hash, now);
        match (is_token, is_owner, is_reader) {
            (true, true, _) => Some(Entrance::Owner),
            (true, false, true) => Some(Entrance::Reader(hash)),
            _ => None,
        }
    }

    /// Whether an account has a link with this hash that has not ended.
    pub fn has(&self, account: AccountId, hash: &TokenHash, now: Timestamp) -> bool {
        let links = self.of.get(&account).map_or(&[][..], Vec::as_slice);
        let mut found = false;
        for at in 0..MOST {
            let (other, holds) = match links.get(at) {
                Some((other, link)) => (other, !has_ended(link, now)),
                None => (&[0; 32], false),
            };
            found |= same(hash, other) & holds;
        }
        found
    }

    /// An account's links that have not ended, oldest first.
    pub fn of(&self, account: AccountId, now: Timestamp) -> Vec<Link> {
        let links = self.of.get(&account).into_iter().flatten();
        links.filter(|(_, link)| !has_ended(link, now)).map(|(_, link)| link.clone()).collect()
    }

    /// Whether there is room for another link, and which of the account's have ended and make way for it.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn room(&self, account: AccountId, hash: &TokenHash, now: Timestamp) -> Result<Vec<TokenHash>, LinkError> {
        let links = self.of.get(&account).map_or(&[][..], Vec::as_slice);
        if links.iter().any(|(known, _)| known == hash) {
            return Ok(vec![]);
        }
        let ended: Vec<_> = links.iter().filter(|(_, link)| has_ended(link, now)).map(|(hash, _)| *hash).collect();
        if links.len() - ended.len() >= MOST {
            return Err(LinkError::TooMany);
        }
        if self.count - ended.len() >= MOST_OF_ALL {
            return Err(LinkError::TooManyOfAll);
        }
        Ok(ended)
    }

    /// Since when an account has the link with this hash.
    pub fn since(&self, account: AccountId, hash: &TokenHash) -> Option<Timestamp> {
        self.of.get(&account)?.iter().find(|(known, _)| known == hash).map(|(_, link)| link.since)
    }

    /// Adds a link, or changes the one with this hash.
    pub fn put(&mut self, account: AccountId, hash: TokenHash, link: Link) {
        let links = self.of.entry(account).or_default();
        if let Some((_, known)) = links.iter_mut().find(|(known, _)| *known == hash) {
            *known = link;
        } else if links.len() < MOST {
            links.push((hash, link));
            self.count += 1;
        }
    }

    /// Takes a link away; true where it was there.
    pub fn remove(&mut self, account: AccountId, hash: &TokenHash) -> bool {
        let Some(links) = self.of.get_mut(&account) else { return false };
        let before = links.len();
        links.retain(|(known, _)| known != hash);
        let removed = before - links.len();
        self.count -= removed;
        if links.is_empty() {
            self.of.remove(&account);
        }
        removed > 0
    }

    /// Links there are, those that have ended and were not yet cleared away included.
    pub const fn count(&self) -> usize {
        self.count
    }
}

/// The hash that is written; nothing for anything else than 64 lower-case hexadecimal digits.
pub fn parse_hash(text: &str) -> Option<TokenHash> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut hash = [0; 32];
    (is_plain && alloy_primitives::hex::decode_to_slice(text, &mut hash).is_ok()).then_some(hash)
}

fn has_ended(link: &Link, now: Timestamp) -> bool {
    link.expires.is_some_and(|expires| expires <= now)
}

/// Compares every byte, wherever the first difference is.
fn same(one: &[u8], other: &[u8]) -> bool {
    black_box(one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use shared::ids::AccountSecret;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn link(hash: TokenHash, expires: Option<i64>) -> Link {
        let token_hash = alloy_primitives::hex::encode(hash);
        Link { token_hash, name: String::new(), since: at(0), expires: expires.map(at) }
    }

    #[test]
    fn a_token_lets_in_its_owner_or_a_reader_as_long_as_the_link_is_there() {
        let (mine, theirs) = (AccountSecret::new([1; 32]), AccountSecret::new([2; 32]));
        let account = mine.owner_token().account_id();
        let (one, two) = (mine.read_token(1), mine.read_token(2));
        let mut links = Links::default();
        links.put(account, one.hash(), link(one.hash(), Some(100)));
        links.put(account, two.hash(), link(two.hash(), None));
        let admit = |links: &Links, token: &str, now| links.admit(token, account, at(now));
        assert_eq!(admit(&links, &mine.owner_token().reveal(), 0), Some(Entrance::Owner));
        assert_eq!(admit(&links, &one.reveal(), 99), Some(Entrance::Reader(one.hash())));
        assert_eq!(admit(&links, &one.reveal(), 100), None, "it has ended");
        assert_eq!(admit(&links, &two.reveal(), 1_000), Some(Entrance::Reader(two.hash())));
        for wrong in
            [theirs.owner_token().reveal(), theirs.read_token(1).reveal(), String::new(), one.reveal().to_uppercase()]
        {
            assert_eq!(admit(&links, &wrong, 0), None);
        }
        // The hash itself opens nothing, nor does a link of another account.
        assert_eq!(admit(&links, &alloy_primitives::hex::encode(one.hash()), 0), None);
        assert_eq!(links.admit(&one.reveal(), theirs.owner_token().account_id(), at(0)), None);
        assert!(links.remove(account, &two.hash()) && !links.remove(account, &two.hash()));
        assert_eq!(admit(&links, &two.reveal(), 0), None);
        assert_eq!((links.count(), links.of(account, at(0)).len(), links.of(account, at(100)).len()), (1, 1, 0));
    }

    #[test]
    fn an_account_has_so_many_links_and_those_that_have_ended_make_way() {
        let account = AccountId::from_bytes([1; 16]);
        let mut links = Links::default();
        for n in 0..MOST as u8 {
            assert_eq!(links.room(account, &[n; 32], at(0)), Ok(vec![]));
            links.put(account, [n; 32], link([n; 32], (n == 7).then_some(50)));
        }
        assert_eq!(links.room(account, &[99; 32], at(0)), Err(LinkError::TooMany));
        assert_eq!(links.room(account, &[3; 32], at(0)), Ok(vec![]), "it is there already");
        assert_eq!(links.room(account, &[99; 32], at(50)), Ok(vec![[7; 32]]));
    }

    #[test]
    fn a_hash_is_written_in_one_way() {
        let text = "0a".repeat(32);
        assert_eq!(parse_hash(&text), Some([10; 32]));
        for wrong in [text.to_uppercase(), text[2..].to_owned(), format!("0x{}", &text[2..]), format!("{text}0a")] {
            assert_eq!(parse_hash(&wrong), None, "{wrong}");
        }
    }
}
