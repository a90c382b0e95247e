//! A chain as its users meet it: two nodes with pools of their own, blocks, fees that rise, transactions that get
//! lost, blocks that are taken back, and somebody else with the same key.

use std::collections::BTreeMap;

use shared::ids::TransactionId;
use shared::market::draws::Draws;
use shared::transaction::{AttemptKind, Fees, Refusal, Reply};

use alloy_primitives::B256;

/// Blocks that make one final, itself included. Reorganisations stay below it.
pub const DEPTH: u64 = 3;
pub const GWEI: u128 = 1_000_000_000;

/// A transaction on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub hash: B256,
    pub nonce: u64,
    pub request: TransactionId,
    pub kind: AttemptKind,
    pub fees: Fees,
    pub gas_limit: u64,
    /// Whose payload it carries has these: gas it takes, whether the call reverts, and the block time after which
    /// it does in any case.
    pub gas_needed: u64,
    pub reverts: bool,
    pub expires_ms: i64,
}

#[derive(Debug, Clone)]
pub struct Included {
    pub hash: B256,
    pub nonce: u64,
    /// Ours: what was sent. `None` is somebody else's.
    pub sent: Option<Sent>,
    /// Somebody else's may carry one of our payloads.
    pub payload_of: Option<TransactionId>,
    pub success: bool,
    pub out_of_gas: bool,
    pub gas_price: u128,
}

#[derive(Debug, Clone)]
pub struct Block {
    pub hash: B256,
    pub base_fee: u128,
    /// The sender's next nonce after it.
    pub next_nonce: u64,
    pub included: Vec<Included>,
}

pub struct Chain {
    pub blocks: Vec<Block>,
    pub base_fee: u128,
    /// What it drifts to.
    usual_fee: u128,
    pools: [BTreeMap<u64, Sent>; 2],
    pub funded: bool,
    hashes: u64,
}

impl Chain {
    pub fn new(draws: &mut Draws) -> Chain {
        let usual_fee = GWEI * u128::from(5 + draws.below(40));
        let mut chain = Chain {
            blocks: vec![],
            base_fee: usual_fee,
            usual_fee,
            pools: [BTreeMap::new(), BTreeMap::new()],
            funded: true,
            hashes: 0,
        };
        let hash = chain.hash();
        let next_nonce = draws.below(5);
        chain.blocks.push(Block { hash, base_fee: usual_fee, next_nonce, included: vec![] });
        chain
    }

    pub fn hash(&mut self) -> B256 {
        self.hashes += 1;
        B256::from(alloy_primitives::U256::from(self.hashes))
    }

    pub fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub fn next_nonce(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.next_nonce)
    }

    /// The sender's next nonce by the last final block.
    pub fn deep_nonce(&self) -> u64 {
        let last = self.head().saturating_sub(DEPTH - 1);
        self.blocks[last as usize].next_nonce
    }

    /// Every transaction with this nonce in a block up to `head`, and its block.
    pub fn at_nonce(&self, nonce: u64, head: u64) -> Option<(u64, &Block, &Included)> {
        let blocks = self.blocks.iter().enumerate().take(head as usize + 1).rev();
        blocks
            .flat_map(|(number, block)| block.included.iter().map(move |tx| (number as u64, block, tx)))
            .find(|(_, _, tx)| tx.nonce == nonce)
    }

    pub fn holds(&self, node: usize, hash: B256) -> bool {
        self.pools[node].values().any(|sent| sent.hash == hash)
    }

    /// What a node says to a transaction that reaches it. The second node takes no gaps, as Hardhat does not.
    pub fn receive(&mut self, node: usize, sent: &Sent) -> Reply {
        if sent.nonce < self.next_nonce() {
            return Reply::Refused(Refusal::NonceTooLow);
        }
        if !self.funded {
            return Reply::Refused(Refusal::InsufficientFunds);
        }
        if node == 1 && sent.fees.max_fee < self.base_fee {
            return Reply::Refused(Refusal::Underpriced);
        }
        let next = self.next_nonce();
        let pool = &mut self.pools[node];
        if let Some(held) = pool.get(&sent.nonce) {
            if held.hash == sent.hash {
                return Reply::AlreadyKnown;
            }
            if !sent.fees.replaces(held.fees) {
                return Reply::Refused(Refusal::Underpriced);
            }
        }
        if node == 1 && (next..sent.nonce).any(|nonce| !pool.contains_key(&nonce)) {
            return Reply::Refused(Refusal::NonceTooHigh);
        }
        pool.insert(sent.nonce, sent.clone());
        Reply::Accepted
    }

    /// A block, made from what one node holds; with `foreign`, somebody else's transaction comes first.
    pub fn mine(&mut self, draws: &mut Draws, at_ms: i64, foreign: bool, calm: bool) {
        let node = draws.below(2) as usize;
        let mut nonce = self.next_nonce();
        let base_fee = self.base_fee;
        let mut included = vec![];
        if foreign {
            let same = self.pools[0].get(&nonce).or(self.pools[1].get(&nonce)).map(|sent| sent.request);
            let hash = self.hash();
            let payload_of = same.filter(|_| draws.below(4) == 0);
            let success = true;
            let gas_price = base_fee;
            included.push(Included { hash, nonce, sent: None, payload_of, success, out_of_gas: false, gas_price });
            nonce += 1;
        }
        while let Some(sent) = self.pools[node].get(&nonce) {
            let Some(gas_price) = sent.fees.effective(base_fee) else { break };
            if !calm && draws.below(10) < 3 {
                break;
            }
            let payload = sent.kind == AttemptKind::Payload;
            let out_of_gas = payload && sent.gas_limit < sent.gas_needed;
            let success = !payload || (!out_of_gas && !sent.reverts && at_ms <= sent.expires_ms);
            let (hash, sent) = (sent.hash, Some(sent.clone()));
            included.push(Included { hash, nonce, sent, payload_of: None, success, out_of_gas, gas_price });
            nonce += 1;
        }
        let hash = self.hash();
        self.blocks.push(Block { hash, base_fee, next_nonce: nonce, included });
        for pool in &mut self.pools {
            *pool = pool.split_off(&nonce);
        }
        self.gossip(draws, calm);
        self.drift(draws, calm);
    }

    /// What one node holds reaches the other, mostly.
    fn gossip(&mut self, draws: &mut Draws, calm: bool) {
        for (from, to) in [(0, 1), (1, 0)] {
            let held: Vec<Sent> = self.pools[from].values().cloned().collect();
            for sent in held {
                if calm || draws.below(3) > 0 {
                    self.receive(to, &sent);
                }
            }
        }
    }

    fn drift(&mut self, draws: &mut Draws, calm: bool) {
        if calm {
            self.base_fee = self.usual_fee.min(40 * GWEI);
            return;
        }
        // At most an eighth a block, as EIP-1559 has it; now and then a run on blocks that lasts.
        let eighth = self.base_fee / 8;
        self.base_fee = match draws.below(16) {
            0..6 => self.base_fee + eighth * u128::from(draws.below(100)) / 100,
            6..14 => self.base_fee - eighth * u128::from(draws.below(100)) / 100,
            14 => (self.base_fee * 3).min(GWEI * 900),
            _ => self.usual_fee,
        };
    }

    /// A node forgets what it holds of a nonce.
    pub fn drop_some(&mut self, draws: &mut Draws) -> bool {
        let node = draws.below(2) as usize;
        let nonces: Vec<u64> = self.pools[node].keys().copied().collect();
        let Some(nonce) = nonces.get(draws.below(nonces.len().max(1) as u64) as usize) else { return false };
        let hash = self.pools[node].remove(nonce).map(|sent| sent.hash);
        // Sometimes everywhere.
        if draws.below(2) == 0 && self.pools[1 - node].get(nonce).map(|sent| sent.hash) == hash {
            self.pools[1 - node].remove(nonce);
        }
        true
    }

    /// Takes back the last blocks and makes as many others. What was in them may be forgotten.
    pub fn reorganise(&mut self, draws: &mut Draws, at_ms: i64) -> bool {
        let blocks = (1 + draws.below(DEPTH - 1)).min(self.head());
        let mut orphans = vec![];
        for _ in 0..blocks {
            orphans.extend(self.blocks.pop().into_iter().flat_map(|block| block.included));
        }
        let any = !orphans.is_empty();
        for sent in orphans.into_iter().filter_map(|tx| tx.sent) {
            if draws.below(2) == 0 {
                self.pools[draws.below(2) as usize].insert(sent.nonce, sent);
            }
        }
        for _ in 0..blocks {
            self.mine(draws, at_ms, false, false);
        }
        any
    }
}
