//! What a wallet's swaps have come to: folded from the journal, where each is entered once, with the step that ends it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use shared::chain::Chain;
use shared::money::Units;
use shared::wire::transactions::{Asset, LiveAsset, LivePortfolio, Purpose};

use super::record::Record;

type Assets = BTreeMap<(Chain, Address, Asset), LiveAsset>;

/// The portfolio of these records. What was on paper is not in it.
pub fn of(records: &[Record]) -> LivePortfolio {
    let mut assets = Assets::new();
    for record in records.iter().filter(|record| !record.transaction.intent.paper) {
        let paid = record.fees_paid();
        if !paid.is_zero() {
            let native = entry(&mut assets, record, Asset::Native);
            native.fees = plus(native.fees, paid);
        }
        let (Purpose::Swap(asked), Some(fill)) = (&record.purpose, &record.fill) else { continue };
        let sold = entry(&mut assets, record, asked.sell);
        sold.sold = plus(sold.sold, fill.sold);
        sold.swaps += 1;
        let bought = entry(&mut assets, record, asked.buy);
        bought.bought = plus(bought.bought, fill.bought);
        bought.swaps += 1;
    }
    LivePortfolio { assets: assets.into_values().collect() }
}

fn entry<'a>(assets: &'a mut Assets, record: &Record, asset: Asset) -> &'a mut LiveAsset {
    let (chain, wallet) = (record.transaction.intent.chain, record.transaction.intent.sender);
    let [bought, sold, fees] = [Units::ZERO; 3];
    let fresh = LiveAsset { chain, wallet, asset, bought, sold, fees, swaps: 0 };
    assets.entry((chain, wallet, asset)).or_insert(fresh)
}

fn plus(a: Units, b: Units) -> Units {
    Units(U256::saturating_add(a.0, b.0))
}
