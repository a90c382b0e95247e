//! The key: read from an encrypted keystore, kept here, and shown nowhere.
//!
//! There is no other way in: no environment variable, no plain file. What leaves is signatures.

use std::fmt;
use std::path::{Path, PathBuf};

use alloy::consensus::{SignableTransaction as _, TxEip1559};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use shared::chain::Chain;
use shared::transaction::Fees;

use crate::config::Secret;

/// Whoever signs.
pub struct Signer {
    wallet: Address,
    /// Nothing where somebody else has it.
    key: Option<PrivateKeySigner>,
}

/// Why nobody signs.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The keystore cannot be opened. Why is not told beyond that: it could tell of the password.
    #[error(
        "the keystore {} cannot be opened with this password (an encrypted JSON keystore is wanted, as `cast wallet` \
         or geth make it)", .0.display()
    )]
    Keystore(PathBuf),
    /// The signature cannot be made.
    #[error("the transaction cannot be signed")]
    Signature,
}

/// A transaction as it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// Where.
    pub chain: Chain,
    /// Its nonce.
    pub nonce: u64,
    /// What it offers.
    pub fees: Fees,
    /// The gas it may use.
    pub gas_limit: u64,
    /// The contract it calls.
    pub to: Address,
    /// Native coin sent along, in wei.
    pub value: U256,
    /// The call.
    pub data: Bytes,
}

impl Signer {
    /// Opens a keystore. It takes a moment, on purpose.
    ///
    /// # Errors
    /// [`SignerError::Keystore`].
    pub fn open(keystore: &Path, password: &Secret) -> Result<Signer, SignerError> {
        let key = PrivateKeySigner::decrypt_keystore(keystore, password.reveal())
            .map_err(|_| SignerError::Keystore(keystore.to_owned()))?;
        Ok(Signer { wallet: key.address(), key: Some(key) })
    }

    /// For a wallet whose key is not here: it signs nothing.
    pub const fn watching(wallet: Address) -> Signer {
        Signer { wallet, key: None }
    }

    /// Whose key it is.
    pub const fn address(&self) -> Address {
        self.wallet
    }

    /// Signs: the hash and the bytes. The same transaction gives the same signature (RFC 6979).
    ///
    /// # Errors
    /// [`SignerError::Signature`].
    pub fn sign(&self, unsigned: &Unsigned) -> Result<(B256, Bytes), SignerError> {
        let transaction = TxEip1559 {
            chain_id: unsigned.chain.id(),
            nonce: unsigned.nonce,
            gas_limit: unsigned.gas_limit,
            max_fee_per_gas: unsigned.fees.max_fee,
            max_priority_fee_per_gas: unsigned.fees.priority_fee,
            to: TxKind::Call(unsigned.to),
            value: unsigned.value,
            access_list: Default::default(),
            input: unsigned.data.clone(),
        };
        let key = self.key.as_ref().ok_or(SignerError::Signature)?;
        let signature = key.sign_hash_sync(&transaction.signature_hash()).map_err(|_| SignerError::Signature)?;
        let signed = transaction.into_signed(signature);
        Ok((*signed.hash(), signed.encoded_2718().into()))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.address()).finish()
    }
}
