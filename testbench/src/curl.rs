//! Requests as a user's `curl` makes them.

use std::process::{Command, Stdio};

/// A request: the status, 0 where there was no answer, and the body as far as it came.
#[must_use]
pub fn curl(arguments: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    (status.parse().unwrap_or(0), body.to_owned())
}
