//! Ways into an account: the owner's token, for another device of the owner's, and links for readers.
//!
//! A token travels in the fragment of a link, which browsers send to nobody, and is taken out of the address bar
//! as soon as the page that was opened has read it.

use std::collections::BTreeMap;

use gloo_net::http::Method;
use leptos::prelude::*;
use shared::ids::{AccountId, AccountSecret, OwnerToken, ReadToken};
use shared::time::Timestamp;
use shared::wire::accounts::{Link, Links, NewLink};
use wasm_bindgen::JsValue;

use super::{Own, courier, in_hand, note};
use crate::desk::commands::journals;
use crate::desk::transfer::{self, ImportRefusal};
use crate::desk::{Desk, boot};
use crate::io::accounts::{self, Refused};
use crate::io::{build, clock, random};

/// What stands before an owner's token in a link.
const OWN: &str = "#own=";

/// The owner token of the account in hand, and a link that brings the account to another device.
pub fn to_another_device(desk: Desk) -> Option<(String, String)> {
    let token = in_hand(desk)?.token;
    let link = [&origin(), "/accounts", OWN, &token].concat();
    Some((token, link))
}

/// The owner token in the page's address, if one is there. It is not there any more when this returns.
pub fn arrived() -> Option<String> {
    let window = web_sys::window()?;
    let hash = window.location().hash().ok()?;
    let token = hash.strip_prefix(OWN)?.to_owned();
    let path = window.location().pathname().ok()?;
    let _ = window.history().ok()?.replace_state_with_url(&JsValue::NULL, "", Some(&path));
    Some(token)
}

/// Why no account was brought here. Nothing changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotBrought {
    /// It is no token.
    #[error("that is neither an owner token (64 digits and letters a to f) nor a link with one")]
    NoToken,
    /// The server has no copy of it.
    #[error(
        "this server has no copy of that account. Open it on the other device, and let it keep a copy on this server"
    )]
    NoCopy,
    /// The server did not give it.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// It does not verify, or is not kept.
    #[error("{0}")]
    Import(#[from] ImportRefusal),
}

/// Brings the account of an owner token, or of a link with one, to this device: fetched, verified line by line,
/// kept, and taken in hand.
///
/// # Errors
/// [`NotBrought`].
pub async fn bring(desk: Desk, text: &str) -> Result<(), NotBrought> {
    let digits = text.trim().rsplit(['=', '#']).next().unwrap_or_default().to_owned();
    let token: OwnerToken = digits.parse().map_err(|_| NotBrought::NoToken)?;
    let account = token.account_id();
    let known = desk.accounts.with_untracked(|accounts| accounts.iter().find(|known| known.id == account).cloned());
    if let Some(mut record) = known {
        // Its journal may have come from a file: from now on this device is its owner's.
        if record.owner_token().is_none() {
            record.token = Some(digits.clone());
            note(desk, account, |record| record.token = Some(digits)).await;
        }
        boot::load(desk, record).await;
        return Ok(());
    }
    let mut text = Vec::new();
    let mut work = desk.work("Fetching the account", 0);
    let mut seq = 0;
    loop {
        let page = courier::page_of(account, &digits, seq).await?;
        let head = page.head.ok_or(NotBrought::NoCopy)?;
        for line in &page.lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        seq += page.lines.len() as u64;
        work.at(seq).await.map_err(ImportRefusal::from)?;
        if page.lines.is_empty() || seq >= head.seq {
            break;
        }
    }
    drop(work);
    transfer::import(desk, text, Some(digits)).await?;
    Ok(())
}

/// A link for readers, and what opens it where this device knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// What the server says of it.
    pub link: Link,
    /// The address to give away.
    pub address: Option<String>,
}

/// The links of the account in hand.
///
/// # Errors
/// [`Refused`].
pub async fn list(desk: Desk) -> Result<Vec<Known>, Refused> {
    let own = in_hand(desk).ok_or(Refused::Absent)?;
    let links = accounts::ask::<Links>(Method::GET, own.id(), "links", &own.token, None).await?.links;
    let tokens = remembered(desk, own.id()).await;
    let known = |link: Link| {
        let address = tokens.get(&link.token_hash).map(|token| address(own.id(), token));
        Known { link, address }
    };
    Ok(links.into_iter().map(known).collect())
}

/// Makes a link for readers of the account in hand, and returns its address.
///
/// # Errors
/// [`Refused`].
pub async fn make(desk: Desk, name: String, expires: Option<Timestamp>) -> Result<String, Refused> {
    let own = in_hand(desk).ok_or(Refused::Absent)?;
    let token = new_token(&own).ok_or(Refused::Absent)?;
    let hash = hex(&token.hash());
    let new = NewLink { token_hash: hash.clone(), name, expires };
    let body = serde_json::to_string(&new).ok();
    accounts::say(Method::POST, own.id(), "links", &own.token, body).await?;
    let mut tokens = remembered(desk, own.id()).await;
    tokens.insert(hash, token.reveal());
    remember(desk, own.id(), &tokens).await;
    Ok(address(own.id(), &token.reveal()))
}

/// Revokes a link: whoever reads by it reads no more.
///
/// # Errors
/// [`Refused`].
pub async fn revoke(desk: Desk, token_hash: &str) -> Result<(), Refused> {
    let own = in_hand(desk).ok_or(Refused::Absent)?;
    accounts::say(Method::DELETE, own.id(), &["links/", token_hash].concat(), &own.token, None).await?;
    let mut tokens = remembered(desk, own.id()).await;
    tokens.remove(token_hash);
    remember(desk, own.id(), &tokens).await;
    Ok(())
}

/// A token that was never given away: it follows from the secret and the moment; by chance where the secret is
/// on another device.
fn new_token(own: &Own) -> Option<ReadToken> {
    let secret = own.record.secret.as_ref().and_then(|secret| secret.parse::<AccountSecret>().ok());
    match secret {
        Some(secret) => Some(secret.read_token(clock::now().millis() as u64)),
        None => random::read_token().ok(),
    }
}

/// The page on which a link's reader watches.
fn address(account: AccountId, token: &str) -> String {
    [&origin(), "/watch#", &account.to_string(), ".", token].concat()
}

fn origin() -> String {
    let origin = web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default();
    origin + &build::base()
}

/// The tokens of links that were made on this device, by their hashes.
async fn remembered(desk: Desk, account: AccountId) -> BTreeMap<String, String> {
    let Ok(journals) = journals(desk).await else { return BTreeMap::new() };
    let text = journals.cached(&cache_name(account)).await.ok().flatten().unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(hash, token)| (hash.into(), token.into())).collect()
}

async fn remember(desk: Desk, account: AccountId, tokens: &BTreeMap<String, String>) {
    let lines: Vec<String> = tokens.iter().map(|(hash, token)| [hash, " ", token].concat()).collect();
    if let Ok(journals) = journals(desk).await {
        // Without it the link works all the same, and is not shown again.
        let _ = journals.cache(&cache_name(account), &lines.join("\n")).await;
    }
}

fn cache_name(account: AccountId) -> String {
    ["links ", &account.to_string()].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
