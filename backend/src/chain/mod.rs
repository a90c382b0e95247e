//! A chain, as its nodes tell of it: who is asked, who is asked instead, and what is believed.
//!
//! [`node`] is one node; [`reads`] what is asked of it, in types; [`wording`] what its refusals mean; [`revert`]
//! why a call failed. Here is the choice among the nodes of a chain. The first that is well is asked; one that
//! fails, throttles, lags behind the others or serves another chain is set aside, and the next one is asked. What
//! is wrong with a user's transaction is an answer and never counts against a node.
//!
//! Our own client and not alloy's provider: answers are bounded in size and time, errors keep their codes and
//! data, and nothing is sent again behind the back of the core, which has to know of every attempt.

pub mod node;
pub mod reads;
pub mod revert;
pub mod wording;

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::chain::Chain;

pub use self::node::{Node, RpcError};
use crate::breaker::Verdict;
use crate::clock::SharedClock;
use crate::config::Config;

/// Blocks that a node may be behind the best before it is set aside.
const MOST_BEHIND: u64 = 3;
/// For how long a node that lags is set aside, in milliseconds.
const LAG_REST_MS: u64 = 15_000;
/// For how long a node of another chain is, before it is asked again whose it is.
const STRANGER_REST_MS: u64 = 5 * 60_000;

/// The nodes of all chains that have some. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Chains(Arc<BTreeMap<Chain, Arc<Nodes>>>);

/// The nodes of a chain, in the order they are preferred in.
#[derive(Debug)]
pub struct Nodes {
    chain: Chain,
    nodes: Vec<Arc<Node>>,
}

impl Chains {
    /// The nodes of the settings.
    ///
    /// # Errors
    /// [`RpcError::Transport`] when no client can be made.
    pub fn new(config: &Config, clock: &SharedClock) -> Result<Chains, RpcError> {
        let mut chains = BTreeMap::new();
        for (chain, urls) in &config.rpcs {
            let node = |url| Node::new(url, config.rpc_calls_per_second, clock.clone()).map(Arc::new);
            let nodes = urls.iter().map(node).collect::<Result<_, _>>()?;
            chains.insert(*chain, Arc::new(Nodes { chain: *chain, nodes }));
        }
        Ok(Chains(Arc::new(chains)))
    }

    /// The nodes of a chain, if it has any.
    pub fn get(&self, chain: Chain) -> Option<&Arc<Nodes>> {
        self.0.get(&chain)
    }
}

impl Nodes {
    /// Whose they are.
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Has a node do something; where that fails by the node's fault, another one.
    ///
    /// # Errors
    /// The last node's error; [`RpcError::NoNode`] where none could be asked.
    pub async fn ask<T, F>(&self, work: impl Fn(Arc<Node>) -> F) -> Result<T, RpcError>
    where
        F: Future<Output = Result<T, RpcError>>,
    {
        self.ask_from(0, work).await
    }

    /// As [`Nodes::ask`], with the nodes' order turned by `turn`: so that the same thing is handed to another node
    /// than last time.
    ///
    /// # Errors
    /// As [`Nodes::ask`].
    pub async fn ask_from<T, F>(&self, turn: usize, work: impl Fn(Arc<Node>) -> F) -> Result<T, RpcError>
    where
        F: Future<Output = Result<T, RpcError>>,
    {
        let mut last = RpcError::NoNode(self.chain);
        for node in self.in_order(turn) {
            let Ok(leave) = node.breaker.admit() else { continue };
            let result = async {
                self.check(&node).await?;
                work(node.clone()).await
            }
            .await;
            match result {
                Err(error) if error.is_the_nodes() => {
                    tracing::warn!(event = "upstream_failed", upstream = "rpc", chain = self.chain.id(), host = node.host(), %error);
                    leave.settle(match error {
                        // It works; it only has nothing to say now.
                        RpcError::Throttled { .. } | RpcError::Lags { .. } => Verdict::Nothing,
                        _ => {
                            // Whoever comes back may be another.
                            node.standing().is_checked = false;
                            Verdict::Ill
                        }
                    });
                    last = error;
                }
                result => {
                    leave.settle(Verdict::Well);
                    return result;
                }
            }
        }
        Err(last)
    }

    /// Those that are well, then those that are set aside: a lagging node is better than none.
    fn in_order(&self, turn: usize) -> Vec<Arc<Node>> {
        let count = self.nodes.len().max(1);
        let turned = (0..self.nodes.len()).filter_map(|at| self.nodes.get((at + turn) % count));
        let (mut well, aside): (Vec<_>, Vec<_>) = turned.cloned().partition(|node| !node.is_aside());
        well.extend(aside);
        well
    }

    /// Makes sure, at first and after each failure, that a node serves the chain it is configured for.
    async fn check(&self, node: &Node) -> Result<(), RpcError> {
        if node.standing().is_checked {
            return Ok(());
        }
        let found: alloy_primitives::U64 = node.call("eth_chainId", serde_json::json!([])).await?;
        let (found, expected) = (found.to::<u64>(), self.chain.id());
        if found != expected {
            node.set_aside(STRANGER_REST_MS);
            return Err(RpcError::WrongChain { found, expected });
        }
        node.standing().is_checked = true;
        Ok(())
    }

    /// Takes note of a node's last block, and refuses one that lags while another does not.
    fn note_head(&self, node: &Node, head: u64) -> Result<(), RpcError> {
        node.standing().head = head;
        let best = self.nodes.iter().filter(|other| !other.is_aside()).map(|other| other.standing().head).max();
        let behind = best.unwrap_or(head).saturating_sub(head);
        // One that is set aside already was asked for want of a better one.
        if behind > MOST_BEHIND && !node.is_aside() {
            node.set_aside(LAG_REST_MS);
            return Err(RpcError::Lags { behind });
        }
        Ok(())
    }
}
