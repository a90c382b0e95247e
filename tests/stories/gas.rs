//! Gas: from a real node where one is configured, and labelled as assumed where not.

use alloy::{eips::BlockNumberOrTag, providers::Provider};
use backend::config::SecretUrl;
use shared::{
    chain::Chain,
    trade::GasSource,
    wire::{Gas, Status, UpstreamState},
};
use tests::{node::Anvil, world::World};

#[tokio::test]
async fn without_an_rpc_every_chain_has_gas_that_says_it_is_assumed() {
    let world = World::start().await;
    let gas: Gas = world.read("/api/v1/gas?chain=all").await;
    assert_eq!(gas.gas.len(), Chain::ALL.len());
    for info in &gas.gas {
        assert_eq!(info.facts().source, GasSource::Default);
        assert!(info.facts().base_fee > 0);
    }
}

#[tokio::test]
async fn with_an_rpc_the_base_fee_is_that_of_the_nodes_next_block() {
    let anvil = Anvil::of(Chain::Ethereum);
    let world = World::with(|server, _| {
        server.rpcs.insert(Chain::Ethereum, vec![SecretUrl::new(anvil.url.parse().unwrap())]);
    })
    .await;
    let gas: Gas = world.read("/api/v1/gas?chain=1").await;
    let facts = gas.gas[0].facts();
    let history = anvil.provider().get_fee_history(1, BlockNumberOrTag::Latest, &[]).await.unwrap();
    assert_eq!(facts.source, GasSource::Rpc);
    assert_eq!(Some(u128::from(facts.base_fee)), history.next_block_base_fee());
    drop(anvil);
    world.seconds_pass(3600);
    let gas: Gas = world.read("/api/v1/gas?chain=1").await;
    assert_eq!(gas.gas[0].facts().source, GasSource::Default, "an hour-old fee is worth less than the table");
    let status: Status = world.read("/api/v1/status").await;
    let rpc = status.rpcs.iter().find(|rpc| rpc.chain == Chain::Ethereum).unwrap();
    assert_eq!(rpc.rpc.state, UpstreamState::Failing);
}
