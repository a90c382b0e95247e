//! Who has how many sockets: nobody takes all the places.
//!
//! Sockets are counted by the address at the other end; of IPv6 by the first 64 bits, which one subscriber has. This
//! machine itself is not counted. What comes from it with `X-Forwarded-For` comes through a proxy here, and is counted
//! by the last address there, the one that the proxy saw.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName};

use crate::server::Peer;

static FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many sockets each has. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One socket of somebody's, until this is dropped.
#[derive(Debug)]
pub struct Counted {
    peers: Peers,
    peer: IpAddr,
}

/// By whom a socket is counted; nobody for this machine itself.
pub fn who(peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
    let Peer(address) = peer?;
    let address = address.to_canonical();
    if !address.is_loopback() {
        return Some(subscriber(address));
    }
    let last = headers.get_all(&FORWARDED).iter().next_back()?.to_str().ok()?.rsplit(',').next()?;
    let address: IpAddr = last.trim().parse().ok()?;
    Some(subscriber(address.to_canonical())).filter(|address| !address.is_loopback())
}

fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl Peers {
    /// One more of somebody's, where that is not more than `most`.
    pub fn take(&self, peer: IpAddr, most: usize) -> Option<Counted> {
        let mut counts = self.lock();
        let count = counts.entry(peer).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted { peers: self.clone(), peer })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.peers.lock();
        let left = counts.get_mut(&self.peer).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            counts.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_counted_by_what_a_proxy_here_saw_and_nobody_else_is_believed() {
        let who = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(&FORWARDED, value.parse().unwrap());
            }
            who(Some(Peer(peer.parse().unwrap())), &headers).map(|address| address.to_string())
        };
        for (peer, forwarded, counted) in [
            ("198.51.100.7", &[][..], Some("198.51.100.7")),
            ("198.51.100.7", &["203.0.113.9"], Some("198.51.100.7")),
            ("::ffff:198.51.100.7", &[], Some("198.51.100.7")),
            ("2001:db8:1:2:3:4:5:6", &[], Some("2001:db8:1:2::")),
            ("127.0.0.1", &[], None),
            ("::1", &[], None),
            ("127.0.0.1", &["203.0.113.9"], Some("203.0.113.9")),
            ("127.0.0.1", &["10.0.0.1, 203.0.113.9"], Some("203.0.113.9")),
            ("127.0.0.1", &["203.0.113.9", "2001:db8::7"], Some("2001:db8::")),
            ("127.0.0.1", &["127.0.0.1"], None),
            ("127.0.0.1", &["unknown"], None),
        ] {
            assert_eq!(who(peer, forwarded).as_deref(), counted, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn each_has_so_many_and_gives_them_back() {
        let (peers, one, other) = (Peers::default(), IpAddr::from([1, 2, 3, 4]), IpAddr::from([1, 2, 3, 5]));
        let held = [peers.take(one, 2).unwrap(), peers.take(one, 2).unwrap()];
        assert!(peers.take(one, 2).is_none() && peers.take(other, 2).is_some());
        drop(held);
        assert!(peers.lock().is_empty());
    }
}
