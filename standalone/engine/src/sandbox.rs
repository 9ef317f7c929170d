//! Owns the walls around the engine's threads: Linux's Landlock keeps a thread, and every thread that it begins, to one
//! folder and off the network, whatever a statement asks for. It must not know the engine.
//!
//! Grants and the guard refuse what they know of; this holds for what they do not.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Read by the engine for its own needs: the machine's size, and randomness.
const READ: &[&str] = &[
    "/sys/devices/system",
    "/proc/stat",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/dev/urandom",
    "/dev/null",
];

/// Where the engine reads what each of its threads has taken, some twenty times for a statement: a refusal is an exception
/// there, and they were two fifths of the CPU of a short statement. Secrets of the process that stand here too
/// (`environ`, `mem`) belong to root in a process that is not dumpable.
const OWN_THREADS: &str = "/proc/self/task";

// Rights of Landlock's first version, and of the later ones that add to them.
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_FOLDER: u64 = 1 << 3;
const FIRST: u64 = (1 << 13) - 1;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL: u64 = 1 << 15;
const BIND_AND_CONNECT: u64 = 0b11;
/// What a rule about a file, not a folder, may name.
const OF_A_FILE: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL;

const ONE: libc::c_ulong = 1;
const NONE: libc::c_ulong = 0;
const RULE_PATH_BENEATH: libc::c_int = 1;
const CREATE_RULESET_VERSION: libc::c_uint = 1;

#[repr(C)]
struct RulesetAttributes {
    filesystem: u64,
    network: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: libc::c_int,
}

/// Shuts the calling thread in. Gives the kernel's version of Landlock, or `None` where it has none.
pub(crate) fn shut_in(folder: &Path) -> io::Result<Option<i64>> {
    // SAFETY: a null attribute with this flag only asks for the version.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<RulesetAttributes>(),
            0usize,
            CREATE_RULESET_VERSION,
        )
    };
    if version < 1 {
        return Ok(None);
    }
    let handled = FIRST
        | if version >= 2 { REFER } else { 0 }
        | if version >= 3 { TRUNCATE } else { 0 }
        | if version >= 5 { IOCTL } else { 0 };
    let attributes = RulesetAttributes {
        filesystem: handled,
        network: if version >= 4 { BIND_AND_CONNECT } else { 0 },
    };
    // An older kernel knows a shorter structure.
    let size = if version >= 4 { size_of::<RulesetAttributes>() } else { size_of::<u64>() };
    // SAFETY: the attributes live, and `size` bytes of them are described.
    let rules = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attributes, size, 0u32)
    };
    let rules = i32::try_from(checked(rules)?).map_err(io::Error::other)?;
    // SAFETY: a descriptor that the kernel has just given to us.
    let rules = unsafe { OwnedFd::from_raw_fd(rules) };
    drop(allow(&rules, folder, handled & !EXECUTE)?);
    for path in READ {
        // What the machine does not have needs no rule.
        if Path::new(path).exists() {
            drop(allow(&rules, Path::new(path), READ_FILE | READ_FOLDER)?);
        }
    }
    if Path::new(OWN_THREADS).exists() {
        // SAFETY: only takes rights from this process.
        checked(unsafe { i64::from(libc::prctl(libc::PR_SET_DUMPABLE, NONE, NONE, NONE, NONE)) })?;
        // A rule is about what stands there now, and the kernel forgets what nobody holds: this is held as long as there is a
        // process.
        std::mem::forget(allow(&rules, Path::new(OWN_THREADS), READ_FILE)?);
    }
    // SAFETY: both only take rights from this thread.
    checked(unsafe { i64::from(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, ONE, NONE, NONE, NONE)) })?;
    checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0u32) })?;
    Ok(Some(version))
}

/// Adds a rule; gives the place that it is about.
fn allow(rules: &OwnedFd, path: &Path, rights: u64) -> io::Result<File> {
    let place = File::options().read(true).custom_flags(libc::O_PATH).open(path)?;
    let allowed = if place.metadata()?.is_dir() { rights } else { rights & OF_A_FILE };
    let rule = PathBeneath { allowed, parent: place.as_raw_fd() };
    // SAFETY: the rule and both descriptors live until the call returns.
    let added = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            rules.as_raw_fd(),
            RULE_PATH_BENEATH,
            &raw const rule,
            0u32,
        )
    };
    checked(added)?;
    Ok(place)
}

fn checked(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_shut_in_sees_its_folder_only() {
        let inside = tempfile::tempdir().expect("a folder");
        let outside = tempfile::NamedTempFile::new().expect("a file");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (folder, file) = (inside.path().to_owned(), outside.path().to_owned());
        let seen = std::thread::spawn(move || {
            let version = shut_in(&folder).expect("no error of the kernel");
            let child = std::thread::spawn(move || {
                let own = std::fs::write(folder.join("x"), "x").is_ok();
                let other = std::fs::read(file).is_ok();
                let spent = std::fs::read("/proc/thread-self/schedstat").is_ok();
                (own, other, std::net::TcpStream::connect(address).is_ok(), spent)
            });
            (version, child.join().expect("a thread"))
        });
        let (version, (own, other, network, spent)) = seen.join().expect("a thread");
        assert!(own && spent);
        if let Some(version) = version {
            assert!(!other, "it read another's file");
            assert!(version < 4 || !network, "it connected");
        }
        // Only that thread.
        assert!(std::fs::read(outside.path()).is_ok());
    }
}
