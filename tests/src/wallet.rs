//! A key of a test's own, in an encrypted keystore like anybody's.

use std::path::{Path, PathBuf};

use alloy::{
    primitives::Address,
    signers::{
        k256::elliptic_curve::rand_core::{OsRng, RngCore as _},
        local::PrivateKeySigner,
    },
};
use backend::config::Secret;

/// The password of every keystore here.
pub const PASSWORD: &str = "correct horse battery staple";

/// A key and where it is kept.
#[derive(Debug)]
pub struct Wallet {
    /// Its address.
    pub address: Address,
    /// The keystore.
    pub keystore: PathBuf,
    /// The key itself, for what is done behind the manager's back.
    pub key: PrivateKeySigner,
}

impl Wallet {
    /// Makes one in a folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn make(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let mut secret = [0; 32];
        OsRng.fill_bytes(&mut secret);
        let name = "keystore.json";
        let (key, _) = PrivateKeySigner::encrypt_keystore(folder, &mut OsRng, secret, PASSWORD, Some(name))
            .expect("a keystore can be written");
        Self { address: key.address(), keystore: folder.join(name), key }
    }

    /// Its password.
    pub fn password(&self) -> Secret {
        Secret::new(PASSWORD)
    }
}
