//! The devices' accounts: a file of names and password hashes, one a line, read anew when it changes. It must not know
//! connections or topics.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use schemas::ids::DeviceId;

use super::access::is_reserved;

/// A password that we make cannot be guessed, so its hash need not be slow: a fleet that comes back after an outage logs
/// in within seconds. One that a person chose is hashed as the API's users' are.
const MADE_MEMORY_KIB: u32 = 1024;
const MADE_PASSES: u32 = 1;
/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
const HEAD: &str =
    "# Accounts of devices at the MQTT broker: made by `derms users`, one NAME:HASH a line.\n";

/// Accounts by name.
type Table = BTreeMap<String, Arc<str>>;

/// The file, as it was last read.
pub(super) struct Accounts {
    path: PathBuf,
    read: Mutex<Read>,
}

struct Read {
    changed: Option<SystemTime>,
    table: Arc<Table>,
}

impl Accounts {
    /// Reads the file; none is one without accounts.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let read = Read { changed: changed(path), table: Arc::new(read(path)?) };
        Ok(Self { path: path.to_owned(), read: Mutex::new(read) })
    }

    /// The accounts as the file has them now.
    pub(super) fn table(&self) -> Arc<Table> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&self.path);
        if changed != known.changed {
            match read(&self.path) {
                Ok(table) => *known = Read { changed, table: Arc::new(table) },
                // The accounts that were read before stand until the file can be read again.
                Err(error) => {
                    known.changed = changed;
                    tracing::error!(error = format!("{error:#}"), "the accounts stay as they were");
                }
            }
        }
        Arc::clone(&known.table)
    }

    /// The accounts as they were last read: for every message.
    pub(super) fn known(&self) -> Arc<Table> {
        Arc::clone(&self.read.lock().unwrap_or_else(PoisonError::into_inner).table)
    }
}

/// Whether a password is the one behind a hash. Takes milliseconds: never on an async thread.
pub(super) fn verify(hash: &str, password: &[u8]) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// Hashes a password of our own making.
pub(crate) fn hash_made(password: &str) -> anyhow::Result<String> {
    let params =
        Params::new(MADE_MEMORY_KIB, MADE_PASSES, 1, None).expect("within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| anyhow::anyhow!("the system gives no randomness"))
}

/// Puts an account into the file, or takes it away (no hash). Says whether it was there.
///
/// # Errors
/// When the name is none for a device, or the file cannot be written.
pub(crate) fn change(path: &Path, name: &str, hash: Option<&str>) -> anyhow::Result<bool> {
    DeviceId::new(name).with_context(|| format!("{name:?} is no device id"))?;
    anyhow::ensure!(!is_reserved(name), "names that begin with derms- are the services' own");
    let mut table = read(path)?;
    let before = match hash {
        Some(hash) => table.insert(name.to_owned(), hash.into()),
        None => table.remove(name),
    };
    write(path, &table)?;
    Ok(before.is_some())
}

/// The names in the file.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn names(path: &Path) -> anyhow::Result<Vec<String>> {
    Ok(read(path)?.into_keys().collect())
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn read(path: &Path) -> anyhow::Result<Table> {
    let doing = || format!("reading the accounts in {}", path.display());
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Table::new()),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            anyhow::bail!("{} is larger than {FILE_BYTES_MAX} bytes", path.display())
        }
        Ok(_) | Err(_) => {}
    }
    let text = fs::read_to_string(path).with_context(doing)?;
    let mut table = Table::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let account = line.split_once(':').filter(|(name, hash)| {
            DeviceId::new(name).is_ok() && !is_reserved(name) && PasswordHash::new(hash).is_ok()
        });
        let (name, hash) = account.with_context(|| {
            format!("line {} of {} is no NAME:HASH", number + 1, path.display())
        })?;
        table.insert(name.to_owned(), hash.into());
    }
    Ok(table)
}

/// Writes beside the file and moves it into place, so that the broker never reads half of it.
fn write(path: &Path, table: &Table) -> anyhow::Result<()> {
    let doing = || format!("writing the accounts in {}", path.display());
    let new = path.with_extension("new");
    let mut text = HEAD.to_owned();
    for (name, hash) in table {
        text.extend([name.as_str(), ":", hash, "\n"]);
    }
    fs::remove_file(&new).or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error).with_context(doing),
    })?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .with_context(doing)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(doing)?;
    fs::rename(&new, path).with_context(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_added_verified_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mqtt.users");
        let accounts = Accounts::open(&path).unwrap();
        assert!(accounts.table().is_empty());
        let hash = hash_made("a password").unwrap();
        assert!(!change(&path, "ev-1", Some(&hash)).unwrap());
        let table = accounts.table();
        let stored = table.get("ev-1").unwrap();
        assert!(verify(stored, b"a password") && !verify(stored, b"another"));
        assert!(!verify("no hash", b"a password"));
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(change(&path, "ev-1", None).unwrap());
        assert!(names(&path).unwrap().is_empty());
    }

    #[test]
    fn names_of_services_and_of_nobody_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mqtt.users");
        for name in ["derms-bridge", "", "a/b", "a:b", "a\nb"] {
            assert!(change(&path, name, Some("x")).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_leaves_the_accounts_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mqtt.users");
        change(&path, "ev-1", Some(&hash_made("x").unwrap())).unwrap();
        let accounts = Accounts::open(&path).unwrap();
        fs::write(&path, "derms-bridge:nonsense\n").unwrap();
        assert!(accounts.table().contains_key("ev-1"));
        let error = Accounts::open(&path).err().expect("refused");
        assert!(format!("{error:#}").contains("line 1"), "{error:#}");
    }
}
