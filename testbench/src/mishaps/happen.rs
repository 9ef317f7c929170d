//! The mishaps: how each is brought about, and how it ends.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail};

use super::LASTS;
use crate::place::Place;

/// How long nobody says that a copy was put back: health has to notice meanwhile.
const UNTOLD: Duration = Duration::from_secs(50);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Everything is killed with -9 and started again.
    AllKilled,
    /// A part is killed with -9; named by its subcommand.
    Killed(&'static str),
    /// A part aborts from inside, as after a stack overflow.
    Crashed(&'static str),
    /// A part stands still and answers nothing.
    Hung(&'static str),
    /// There is no room on the disk, for a while.
    DiskFull,
    /// A second processor works on all partitions, for a while.
    SecondProcessor,
    /// The log's folder is gone.
    LogWiped,
    /// An older copy of the log's folder is put back; whether that is said before the start, or some time after it.
    LogPutBack {
        /// Said before the start.
        told: bool,
    },
    /// ClickHouse's folder is gone.
    ClickHouseWiped,
    /// The machine's clock is an hour ahead, and back after a while.
    ClockStepped,
}

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::AllKilled,
        Self::Killed("log"),
        Self::Killed("broker"),
        Self::Killed("clickhouse"),
        Self::Crashed("log"),
        Self::Crashed("broker"),
        Self::Crashed("clickhouse"),
        Self::Hung("log"),
        Self::Hung("broker"),
        Self::DiskFull,
        Self::SecondProcessor,
        Self::LogWiped,
        Self::LogPutBack { told: true },
        Self::LogPutBack { told: false },
        Self::ClickHouseWiped,
        Self::ClockStepped,
    ];

    /// What a person calls it.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::AllKilled => "kill -9 of everything".to_owned(),
            Self::Killed(part) => format!("kill -9 of the {part}"),
            Self::Crashed(part) => format!("the {part} aborts from inside (signal 6)"),
            Self::Hung(part) => format!("the {part} stands still"),
            Self::DiskFull => format!("disk full for {} s", LASTS.as_secs()),
            Self::SecondProcessor => "a second processor comes and goes".to_owned(),
            Self::LogWiped => "log wiped".to_owned(),
            Self::LogPutBack { told: true } => {
                "log put back from an older copy, and told so".to_owned()
            }
            Self::LogPutBack { told: false } => {
                format!("log put back from an older copy, and told so {} s later", UNTOLD.as_secs())
            }
            Self::ClickHouseWiped => "ClickHouse wiped".to_owned(),
            Self::ClockStepped => format!("clock one hour ahead for {} s", LASTS.as_secs()),
        }
    }

    /// Brings it about; returns when it is over.
    ///
    /// # Errors
    /// When it cannot be brought about.
    pub fn happen(self, place: &mut Place, clock: &Path) -> anyhow::Result<()> {
        match self {
            Self::AllKilled => {
                place.kill()?;
                place.start()
            }
            Self::Killed(part) => signal(place, part, "KILL"),
            Self::Crashed(part) => signal(place, part, "ABRT"),
            // Who watches it ends it.
            Self::Hung(part) => signal(place, part, "STOP"),
            Self::DiskFull => {
                let filler = place.data().join("filler");
                fill(&filler)?;
                sleep(LASTS);
                fs::remove_file(&filler).context("making room")
            }
            Self::SecondProcessor => {
                let all = [("DERMS_PARTITIONS", "all")];
                let mut second = place.user("derms-processor", &[], &all)?;
                sleep(LASTS / 2);
                second.terminate(Duration::from_secs(10)).map(drop)
            }
            Self::LogWiped => wipe(place, "log"),
            Self::LogPutBack { told } => put_back(place, told),
            Self::ClickHouseWiped => wipe(place, "clickhouse"),
            Self::ClockStepped => {
                fs::write(clock, "+3600s").context("stepping the clock")?;
                sleep(LASTS);
                fs::write(clock, "+0s").context("stepping the clock back")
            }
        }
    }
}

fn signal(place: &Place, part: &str, name: &str) -> anyhow::Result<()> {
    let pid = place.child(part).with_context(|| format!("the process of the {part}"))?;
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    anyhow::ensure!(sent.context("running kill")?.success(), "kill -s {name} failed");
    Ok(())
}

fn wipe(place: &mut Place, folder: &str) -> anyhow::Result<()> {
    place.stop()?;
    fs::remove_dir_all(place.data().join(folder)).context("wiping a folder")?;
    place.start()
}

/// Goes on with a log as it was some time ago.
fn put_back(place: &mut Place, told: bool) -> anyhow::Result<()> {
    let (log, copy) = (place.data().join("log"), place.data().join("log.copy"));
    place.stop()?;
    let copied = Command::new("cp").arg("-a").args([&log, &copy]).status();
    anyhow::ensure!(copied.context("running cp")?.success(), "the log was not copied");
    place.start()?;
    sleep(LASTS);
    place.stop()?;
    fs::remove_dir_all(&log).context("removing the log")?;
    fs::rename(&copy, &log).context("putting the copy back")?;
    if !told {
        place.start()?;
        sleep(UNTOLD);
        place.stop()?;
    }
    fs::write(place.data().join("restored"), "").context("saying that it was put back")?;
    place.start()
}

/// Takes all the room there is.
fn fill(filler: &Path) -> anyhow::Result<()> {
    let mut file = fs::File::create(filler).context("the filler")?;
    let block = vec![1_u8; 1 << 20];
    // Down to the last byte: half a block fits where a whole one does not.
    let mut size = block.len();
    while size > 0 {
        match std::io::Write::write(&mut file, &block[..size]) {
            Ok(0) => bail!("the disk takes nothing and does not say why"),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
            Err(error) => return Err(error).context("filling the disk"),
        }
    }
    Ok(())
}
