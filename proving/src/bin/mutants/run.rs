//! Runs a program with a bound on its time, and keeps what it said.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How a program ended.
pub(crate) enum Ended {
    /// By itself: whether it went well.
    Said(bool, String),
    /// By a signal of somebody else: that says nothing about what it did.
    Killed,
    /// It took too long, and was ended.
    TooLong,
}

/// Runs it. A program that is bounded must have no children of its own: they would go on.
pub(crate) fn run(command: &mut Command, longest: Option<Duration>) -> io::Result<Ended> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let readers = [thread::spawn(move || read_all(out)), thread::spawn(move || read_all(err))];
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if longest.is_some_and(|longest| started.elapsed() > longest) {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(LOOK);
    };
    let said = readers.map(|reader| reader.join().unwrap_or_default()).join("\n");
    Ok(match status {
        None => Ended::TooLong,
        Some(status) if status.code().is_none() => Ended::Killed,
        Some(status) => Ended::Said(status.success(), said),
    })
}

fn read_all(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from
        && from.read_to_end(&mut bytes).is_err()
    {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
