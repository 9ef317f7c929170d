//! Reading and writing at places of files. A test can say how much room the disk has.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The disk: the machine's, or one that a test bounds.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    room: Option<Arc<AtomicI64>>,
}

impl Disk {
    /// A disk with so many bytes left. It writes what still fits and then says that it is full, as a real one does.
    #[must_use]
    pub fn with_room(room: Arc<AtomicI64>) -> Self {
        Self { room: Some(room) }
    }

    /// Writes all of `bytes` at a place.
    pub(super) fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let Some(room) = &self.room else {
            return file.write_all_at(bytes, at);
        };
        let wanted = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let left = room.fetch_sub(wanted, Ordering::SeqCst);
        if left >= wanted {
            return file.write_all_at(bytes, at);
        }
        room.fetch_add(wanted, Ordering::SeqCst);
        let fits = usize::try_from(left.max(0)).unwrap_or(0);
        file.write_all_at(&bytes[..fits], at)?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

/// Up to `length` bytes at a place; fewer only at the file's end.
pub(super) fn read_at(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match file.read_at(&mut bytes[read..], at + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
