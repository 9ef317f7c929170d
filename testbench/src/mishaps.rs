//! What `derms up` does when something happens to it: one mishap after the other, and for each how long control was
//! away, what was lost, and what health said. It knows the product as its users do.

mod happen;
mod row;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

pub use self::happen::Mishap;
pub use self::row::{HEADING, Row};
use crate::place::Place;

/// Room for everything: small enough to be filled.
const DISK_MIB: u32 = 3_072;
/// What a program's clock is stepped by.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
/// How long a mishap lasts that does not end by itself.
pub(crate) const LASTS: Duration = Duration::from_secs(20);

/// Plays each of these mishaps in a place of its own.
///
/// # Errors
/// When a place does not come up, or cannot be asked.
pub fn play(mishaps: &[Mishap], mut told: impl FnMut(&Row)) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for mishap in mishaps {
        let folder =
            tempfile::Builder::new().prefix("derms-mishaps-").tempdir().context("a folder")?;
        let disk = (*mishap == Mishap::DiskFull).then(|| Disk::mount(&folder)).transpose()?;
        let clock = folder.path().join("clock");
        let steps = [
            ("LD_PRELOAD", FAKETIME.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let more: Vec<_> = if *mishap == Mishap::ClockStepped {
            anyhow::ensure!(
                Path::new(FAKETIME).exists(),
                "stepping the clock wants {FAKETIME} (Debian: apt-get install faketime)"
            );
            std::fs::write(&clock, "+0s").context("the clock")?;
            steps.iter().map(|(name, value)| (*name, value.as_str())).collect()
        } else {
            Vec::new()
        };
        let place = Place::embedded_with(folder, &more)?;
        let row = row::play(*mishap, place, &clock)
            .with_context(|| format!("while this happened: {}", mishap.words()))?;
        told(&row);
        rows.push(row);
        drop(disk);
    }
    Ok(rows)
}

/// A small disk of its own for a place's data; gone when dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(folder: &TempDir) -> anyhow::Result<Self> {
        let place = folder.path().join("data");
        std::fs::create_dir(&place).context("the data folder")?;
        let size = format!("size={DISK_MIB}m");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&place)
            .status()
            .context("running mount")?;
        anyhow::ensure!(mounted.success(), "a small disk can be mounted by root only");
        Ok(Self(place))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still works in it has ended a moment ago; a lazy unmount waits for nobody.
        drop(std::process::Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}
