//! Swaps on Uniswap V2 and V3: from what is asked for to a call that was tried.
//!
//! [`quote`] is which way is best, [`call`] how it is spelled, [`fill`] what it came to, [`twin`] the same on paper,
//! [`venues`] whose contracts are called, [`preview`] what a swap would be without being done, [`holdings`] what a
//! wallet has. Here is the whole of it, in two questions to one node: balance, allowance and every quote in the
//! first; the call tried and its gas measured in the second.

pub mod abi;
pub mod call;
pub mod fill;
pub mod holdings;
pub mod preview;
pub mod quote;
pub mod twin;
pub mod venues;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, Bytes, U64, U128, U256};
use serde_json::{Value, json};
use shared::ids::TransactionId;
use shared::money::Units;
use shared::time::Timestamp;
use shared::transaction::{Prepared, Trouble};
use shared::wire::transactions::{Asset, Exact, NewTransaction, Plan};

use self::abi::Token;
use self::quote::Way;
use self::venues::Venues;
use crate::chain::node::{Node, RpcError, read};
use crate::chain::reads::Call;
use crate::chain::revert;

/// A swap that is to be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The request's name.
    pub id: TransactionId,
    /// What is asked for.
    pub asked: NewTransaction,
    /// Who pays.
    pub sender: Address,
    /// When it is not wanted any more.
    pub deadline: Timestamp,
    /// The limit of an earlier quote, which holds: nobody gets a worse price by trying again.
    pub limit: Option<Units>,
    /// Gas to add to the estimate, in percent.
    pub margin_percent: u32,
}

/// What came of preparing a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can be signed.
    Ready(Prepared, Option<Plan>),
    /// A router has to be let take a token first.
    Unapproved {
        /// The token.
        token: Address,
        /// The router.
        spender: Address,
        /// Base units that the swap may take.
        amount: U256,
    },
    /// It will not do.
    Not(Trouble),
}

/// Quotes, plans, tries and measures a swap, by one node.
///
/// # Errors
/// [`RpcError`], when the node could not be asked.
pub async fn prepare(node: &Node, venues: &Venues, wanted: &Wanted) -> Result<Readiness, RpcError> {
    let asked = &wanted.asked;
    let token = |asset| match asset {
        Asset::Native => venues.weth,
        Asset::Token(address) => address,
    };
    let (from, to) = (token(asked.sell), token(asked.buy));
    if from == to {
        return Ok(refused("what is sold is what is bought: wrapping is no swap"));
    }
    let ways = quote::ways(asked, from, to, venues);
    let means = ask(node, venues, wanted, &ways, to_weigh_by(asked, from, to)).await?;
    let Some((way, expected, gas)) =
        quote::best(asked.exact, means.quoted.clone(), means.gas_price, means.per_reference)
    else {
        return Ok(refused("no pool of a known venue swaps this; name a way with `via`"));
    };
    let (Some(router), Some(fresh)) = (way.router(venues), quote::limit(asked.exact, expected, asked.max_slippage_bps))
    else {
        return Ok(refused("the amounts are beyond what can be counted"));
    };
    let limit = wanted.limit.unwrap_or(fresh);
    let worse = match asked.exact {
        Exact::Sell(_) => expected < limit.0,
        Exact::Buy(_) => expected > limit.0,
    };
    if worse {
        let reason = format!("the price has moved: {expected} base units against a limit of {}", limit.0);
        return Ok(Readiness::Not(Trouble::Reverted { reason: Some(reason) }));
    }
    let plan = quote::plan(way, router, expected, limit);
    let sold = match asked.exact {
        Exact::Sell(sold) => sold.0,
        Exact::Buy(_) => limit.0,
    };
    let is_there = means.balance >= sold && (asked.sell == Asset::Native || means.allowance(router) >= sold);
    if asked.paper && !is_there {
        // On paper nobody has to have what is sold, nor to let it be taken: what cannot be tried is taken as quoted.
        let swap = call::swap(asked, &plan, wanted.sender, seconds(wanted.deadline), wanted.id);
        let gas_limit = gas.saturating_mul(u64::from(wanted.margin_percent) + 100) / 100;
        let prepared = Prepared { to: router, value: Units(swap.value), data: swap.data, gas_limit };
        return Ok(Readiness::Ready(prepared, Some(plan)));
    }
    if means.balance < sold {
        return Ok(match asked.sell {
            Asset::Native => {
                Readiness::Not(Trouble::InsufficientFunds { needed: Units(sold), has: Units(means.balance) })
            }
            Asset::Token(_) => refused(&format!(
                "the wallet holds {} base units of what is sold, and {sold} are needed",
                means.balance
            )),
        });
    }
    if asked.sell != Asset::Native && means.allowance(router) < sold {
        return Ok(Readiness::Unapproved { token: from, spender: router, amount: sold });
    }
    let swap = call::swap(asked, &plan, wanted.sender, seconds(wanted.deadline), wanted.id);
    let call = Call { from: wanted.sender, to: router, value: swap.value, data: swap.data, gas: None };
    Ok(measure(node, call, wanted.margin_percent).await?.with(plan))
}

/// Tries and measures the approval of a router.
///
/// # Errors
/// [`RpcError`], when the node could not be asked.
pub async fn prepare_approval(
    node: &Node,
    sender: Address,
    (token, spender, amount): (Address, Address, U256),
    id: TransactionId,
    margin_percent: u32,
) -> Result<Readiness, RpcError> {
    let mut data = Token::approveCall { spender, value: amount }.abi_encode();
    data.extend_from_slice(id.as_bytes());
    let call = Call { from: sender, to: token, value: U256::ZERO, data: data.into(), gas: None };
    measure(node, call, margin_percent).await
}

impl Readiness {
    fn with(self, plan: Plan) -> Readiness {
        match self {
            Readiness::Ready(prepared, _) => Readiness::Ready(prepared, Some(plan)),
            other => other,
        }
    }
}

/// Tries a call, and measures its gas.
async fn measure(node: &Node, call: Call, margin_percent: u32) -> Result<Readiness, RpcError> {
    let spelled = call.spelled();
    let questions = [("eth_call", json!([spelled, "latest"])), ("eth_estimateGas", json!([spelled]))];
    let mut gas = U64::ZERO;
    // The estimate is the last.
    for (answer, (method, _)) in node.batch(&questions).await?.into_iter().zip(&questions) {
        match answer {
            Ok(value) if *method == "eth_estimateGas" => gas = read(value)?,
            Ok(_) => {}
            Err(error) => match revert::reason_of(&error) {
                Some(reason) => return Ok(Readiness::Not(Trouble::Reverted { reason })),
                None => return Err(error),
            },
        }
    }
    let gas = u128::from(gas.to::<u64>());
    let with_margin = gas * u128::from(margin_percent.saturating_add(100)) / 100;
    let gas_limit = u64::try_from(with_margin).unwrap_or(u64::MAX);
    let prepared = Prepared { to: call.to, value: Units(call.value), data: call.data, gas_limit };
    Ok(Readiness::Ready(prepared, None))
}

struct Means {
    balance: U256,
    allowances: Vec<(Address, U256)>,
    gas_price: u128,
    per_reference: U256,
    quoted: Vec<(Way, U256, u64)>,
}

impl Means {
    fn allowance(&self, router: Address) -> U256 {
        self.allowances.iter().find(|(spender, _)| *spender == router).map_or(U256::ZERO, |(_, amount)| *amount)
    }
}

/// The token in which the gas is weighed: that of the side which is not exact.
fn to_weigh_by(asked: &NewTransaction, from: Address, to: Address) -> Address {
    match asked.exact {
        Exact::Sell(_) => to,
        Exact::Buy(_) => from,
    }
}

/// Everything that has to be known, in one call.
async fn ask(
    node: &Node,
    venues: &Venues,
    wanted: &Wanted,
    ways: &[Way],
    weighed_in: Address,
) -> Result<Means, RpcError> {
    let exact = wanted.asked.exact;
    let view = |to: Address, data: Bytes| ("eth_call", json!([{ "to": to, "data": data }, "latest"]));
    let mut questions = vec![("eth_gasPrice", json!([]))];
    let routers: Vec<Address> = [venues.v2_router, venues.v3.map(|v3| v3.router)].into_iter().flatten().collect();
    match wanted.asked.sell {
        Asset::Native => questions.push(("eth_getBalance", json!([wanted.sender, "latest"]))),
        Asset::Token(token) => {
            let owner = wanted.sender;
            questions.push(view(token, Token::balanceOfCall { owner }.abi_encode().into()));
            questions.extend(
                routers
                    .iter()
                    .map(|spender| view(token, Token::allowanceCall { owner, spender: *spender }.abi_encode().into())),
            );
        }
    }
    let before_ways = questions.len();
    let questioned: Vec<(&Way, (Address, Bytes))> =
        ways.iter().filter_map(|way| Some((way, way.question(exact, venues)?))).collect();
    questions.extend(questioned.iter().map(|(_, (to, data))| view(*to, data.clone())));
    // What gas costs in the token: by V2, where it knows the token at all.
    let reference = Exact::Sell(Units(U256::from(quote::REFERENCE_WEI)));
    let weigh = venues.v2_router.filter(|_| weighed_in != venues.weth);
    if let Some(router) = weigh {
        questions.push(view(router, call::v2_quote(reference, &[venues.weth, weighed_in])));
    }
    let mut answers = node.batch(&questions).await?.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(RpcError::Garbled("an answer is missing".into())));
    let gas_price: U128 = read(next()?)?;
    let (balance, mut allowances) = match wanted.asked.sell {
        Asset::Native => (read::<U256>(next()?)?, vec![]),
        Asset::Token(_) => {
            let balance = returned(next()).map_or(U256::ZERO, |bytes| word(&bytes));
            (balance, routers.iter().map(|router| (*router, U256::ZERO)).collect())
        }
    };
    for (_, allowance) in &mut allowances {
        *allowance = returned(next()).map_or(U256::ZERO, |bytes| word(&bytes));
    }
    debug_assert_eq!(before_ways, 2 + allowances.len());
    let mut quoted = vec![];
    for (way, _) in questioned {
        // A way without a pool reverts, and is none.
        if let Some((amount, gas)) = returned(next()).and_then(|bytes| way.answer(exact, &bytes)) {
            quoted.push((way.clone(), amount, gas));
        }
    }
    let per_reference = match weigh {
        Some(_) => returned(next()).and_then(|bytes| call::read_v2_quote(reference, &bytes)).unwrap_or_default(),
        None => U256::from(quote::REFERENCE_WEI),
    };
    Ok(Means { balance, allowances, gas_price: gas_price.to(), per_reference, quoted })
}

fn returned(answer: Result<Value, RpcError>) -> Option<Bytes> {
    answer.ok().and_then(|value| read(value).ok())
}

fn word(bytes: &Bytes) -> U256 {
    bytes.get(..32).map_or(U256::ZERO, U256::from_be_slice)
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.millis() / 1_000).unwrap_or(0)
}

fn refused(why: &str) -> Readiness {
    Readiness::Not(Trouble::Refused { why: why.to_owned() })
}
