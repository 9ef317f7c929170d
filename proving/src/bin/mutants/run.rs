//! Runs a program with a bound on its time, and keeps what it said.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);
/// A program that gives up by itself, for want of memory or of stack, and one that touches what is not its own.
const CRASHES: [i32; 3] = [6, 7, 11];

/// How a program ended.
pub(crate) enum Ended {
    /// By itself: whether it went well.
    Said(bool, String),
    /// By a signal that it brought upon itself.
    Crashed,
    /// By a signal of somebody else: that says nothing about what it did.
    Killed,
    /// It took too long, and was ended.
    TooLong,
}

/// Runs it. A program that is bounded must have no children of its own: they would go on.
pub(crate) fn run(command: &mut Command, longest: Option<Duration>) -> io::Result<Ended> {
    run_until(command, longest, |_| false)
}

/// Runs it, and ends it as soon as it has said a line that tells enough: then it did not go well.
pub(crate) fn run_until(
    command: &mut Command,
    longest: Option<Duration>,
    is_enough: fn(&str) -> bool,
) -> io::Result<Ended> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let enough = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&enough);
    let readers = [
        thread::spawn(move || {
            read_all(out, |line| heard.fetch_or(is_enough(line), Ordering::SeqCst))
        }),
        thread::spawn(move || read_all(err, |_| false)),
    ];
    let started = Instant::now();
    let mut is_late = false;
    let status: ExitStatus = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        is_late = longest.is_some_and(|longest| started.elapsed() > longest);
        if is_late || enough.load(Ordering::SeqCst) {
            child.kill()?;
            break child.wait()?;
        }
        thread::sleep(LOOK);
    };
    let said = readers.map(|reader| reader.join().unwrap_or_default()).join("\n");
    Ok(match (status.code(), status.signal()) {
        _ if enough.load(Ordering::SeqCst) => Ended::Said(false, said),
        _ if is_late => Ended::TooLong,
        (Some(code), _) => Ended::Said(code == 0, said),
        (None, Some(signal)) if CRASHES.contains(&signal) => Ended::Crashed,
        (None, _) => Ended::Killed,
    })
}

/// All that is said. What is no text ends it.
fn read_all(from: Option<impl Read>, hear: impl Fn(&str) -> bool) -> String {
    let mut all = String::new();
    let Some(from) = from else { return all };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        hear(text.trim_end());
        all.push_str(&text);
        line.clear();
    }
    all
}
