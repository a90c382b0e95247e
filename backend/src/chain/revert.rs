//! Why a call reverted, from what it returned.

use alloy::sol_types::{Panic, Revert, SolError as _};
use alloy_primitives::{Bytes, hex};

use super::RpcError;

/// The reason in words: of `Error(string)`, of `Panic(uint256)`, else the first bytes of an error of the contract's
/// own. `None` where nothing was returned.
pub fn reason(data: &Bytes) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(revert.reason).filter(|reason| !reason.is_empty());
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return Some(panic.to_string());
    }
    // `STF` and its like of Uniswap V3 are texts; what is left are errors with a selector.
    let selector = data.get(..4)?;
    Some(format!("error 0x{} of the contract", hex::encode(selector)))
}

/// The reason of a call that was refused because it reverts; else `None`.
pub fn reason_of(error: &RpcError) -> Option<Option<String>> {
    if !error.is_revert() {
        return None;
    }
    let RpcError::Refused { data, .. } = error else { return Some(None) };
    Some(data.as_ref().and_then(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_panics_and_errors_of_a_contract_are_told_apart() {
        let text = Revert::from("UniswapV2Router: EXPIRED").abi_encode().into();
        assert_eq!(reason(&text).as_deref(), Some("UniswapV2Router: EXPIRED"));
        let panic = Panic { code: alloy_primitives::U256::from(0x11) }.abi_encode().into();
        assert!(reason(&panic).is_some_and(|reason| reason.contains("overflow")));
        assert_eq!(
            reason(&Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef])).as_deref(),
            Some("error 0xdeadbeef of the contract")
        );
        assert_eq!(reason(&Bytes::new()), None);
    }

    #[test]
    fn what_is_no_revert_has_no_reason() {
        let refused = |code, message: &str| RpcError::Refused { code, message: message.into(), data: None };
        assert_eq!(reason_of(&refused(-32000, "header not found")), None);
        assert_eq!(reason_of(&refused(-32000, "execution reverted")), Some(None));
        assert_eq!(reason_of(&RpcError::Status(502)), None);
    }
}
