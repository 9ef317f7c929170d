//! Goes on without what is damaged, when an operator asks for it: whole batches stay, the file as it was is kept beside.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::checkpoint;
use super::damage::Damage;
use super::disk::read_at;
use super::partition::bases;
use super::scan::{next_batch, walk};
use super::segment::{index_of, path_of};

/// Looks through every segment of a folder.
pub(super) fn repair(folder: &Path) -> Result<(), Damage> {
    let bases = bases(folder).map_err(|error| Damage::io(folder, error))?;
    for base in &bases {
        let path = path_of(folder, *base);
        let newest = bases.last() == Some(base);
        repair_segment(&path, *base, newest).map_err(|error| Damage::io(&path, error))?;
    }
    Ok(())
}

fn repair_segment(path: &Path, base: i64, newest: bool) -> io::Result<()> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let known = checkpoint::load(&index_of(path)).map(|(known, _)| known);
    let walked = walk(&file, 0, length, base, |_, _, _| Ok(true))?;
    let cut_short = known.as_ref().is_some_and(|known| known.bytes > length);
    if walked.bad.is_none() && !cut_short {
        return Ok(());
    }
    let new = path.with_extension("repaired");
    let next = keep_good(&file, length, base, &new)?;
    fs::rename(path, path.with_extension("log.damaged"))?;
    fs::rename(&new, path)?;
    fs::remove_file(index_of(path)).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    tracing::warn!(file = %path.display(), "the log goes on without what was damaged in a file");
    // No offset that was given away is given again.
    if let Some(known) = known.filter(|known| newest && known.next > next) {
        File::create(path_of(path.parent().unwrap_or(path), known.next))?;
    }
    Ok(())
}

/// Copies the whole batches, and says which offset follows them.
fn keep_good(file: &File, length: u64, base: i64, new: &Path) -> io::Result<i64> {
    let mut out = File::create(new)?;
    let (mut at, mut next) = (0, base);
    while let Some((position, header)) = next_batch(file, at, length, next)? {
        let batch = read_at(file, position, header.bytes)?;
        io::Write::write_all(&mut out, &batch)?;
        at = position + header.bytes as u64;
        next = header.next_offset();
    }
    out.sync_all()?;
    Ok(next)
}
