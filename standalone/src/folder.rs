//! Owns the locks on the folders that something is kept in: one process at a time, and how long a start waits for the
//! parts of a run before it. It knows no part by name.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

const LOCK_NAME: &str = "derms.lock";
/// How long the parts of a run that was killed may take to end: they notice at once, and write out what they hold.
const FORMER_MAX: Duration = Duration::from_secs(15);
const FORMER_POLL: Duration = Duration::from_millis(50);

/// Makes a folder and keeps others off it for as long as the file is held. The lock ends with the process, however
/// that ends.
///
/// # Errors
/// A folder in use or that cannot be written, each with what to do about it.
pub(crate) fn lock(folder: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(folder)
        .with_context(|| format!("making the folder {}", folder.display()))?;
    match try_lock(folder)? {
        Some(file) => Ok(file),
        None => anyhow::bail!(
            "the data folder {} is in use by another derms: stop that one or choose another folder with --data",
            folder.display()
        ),
    }
}

/// Waits until nobody holds the folder: the part of a run before this one may still be ending.
///
/// # Errors
/// When it is still held after the longest time that such a part may take.
pub(crate) async fn wait_until_free(folder: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + FORMER_MAX;
    while folder.is_dir() && try_lock(folder)?.is_none() {
        anyhow::ensure!(
            Instant::now() < deadline,
            "a part of an earlier run still works in {}: end that process (fuser {} names it)",
            folder.display(),
            folder.join(LOCK_NAME).display()
        );
        tokio::time::sleep(FORMER_POLL).await;
    }
    Ok(())
}

fn try_lock(folder: &Path) -> anyhow::Result<Option<File>> {
    let file = File::create(folder.join(LOCK_NAME))
        .with_context(|| format!("the data folder {} cannot be written", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking the data folder {}", folder.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_waits_for_who_still_holds_the_folder_and_then_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = lock(folder.path()).expect("a lock");
        let refused = lock(folder.path()).expect_err("held").to_string();
        assert!(refused.contains("in use by another derms"), "{refused}");
        let path = folder.path().to_path_buf();
        let waiting =
            service_kit::task::spawn("waiting", async move { wait_until_free(&path).await });
        drop(held);
        waiting.await.expect("it does not panic").expect("free in time");
        lock(folder.path()).expect("free again");
    }
}
