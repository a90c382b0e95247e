//! The data folder, held by one process at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::path::Path;

use super::StoreError;

const LOCK: &str = "foolscap.lock";

/// A folder that is ours. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Folder {
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is not there, and takes it.
    ///
    /// # Errors
    /// [`StoreError::Folder`], [`StoreError::Held`].
    pub fn take(path: &Path) -> Result<Folder, StoreError> {
        let refused = |error| StoreError::Folder { path: path.to_owned(), error };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        // It is nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(refused)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(refused)?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Held { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}
