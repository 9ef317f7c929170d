//! Waiting on a condition with a deadline.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

const POLL: Duration = Duration::from_millis(50);

/// Waits until `condition` gives something, at most `deadline`.
///
/// # Errors
/// When the time is over; `what` says what did not come.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if Instant::now() > end {
            bail!("{what}: not within {deadline:?}");
        }
        thread::sleep(POLL);
    }
}
