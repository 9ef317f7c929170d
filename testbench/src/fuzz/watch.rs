//! What is watched from outside while hostile traffic goes on: control's progress, and memory.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::service::resident_kib;

/// Decisions that were appended, over all triggers.
const DECISIONS: &str = "derms_processor_decisions_total";
const ANSWER_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Control's progress and the memory of a process with its children.
#[derive(Debug)]
pub struct Watch {
    metrics: Option<SocketAddr>,
    pid: Option<u32>,
    decisions: f64,
    moved: Instant,
    /// The longest time in which no decision was seen to be appended.
    pub longest_stall: Duration,
    /// Resident memory at the first look and at its highest, in KiB.
    pub memory_first_kib: Option<u64>,
    /// See `memory_first_kib`.
    pub memory_most_kib: u64,
    /// Resident memory at the last look, in KiB.
    pub memory_last_kib: u64,
}

impl Watch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(metrics: Option<SocketAddr>, pid: Option<u32>) -> Self {
        Self {
            metrics,
            pid,
            decisions: 0.0,
            moved: Instant::now(),
            longest_stall: Duration::ZERO,
            memory_first_kib: None,
            memory_most_kib: 0,
            memory_last_kib: 0,
        }
    }

    /// Looks once.
    pub async fn look(&mut self) {
        if let Some(address) = self.metrics {
            let decisions = metrics(address).await.map_or(self.decisions, |text| sum(&text));
            if decisions > self.decisions {
                self.decisions = decisions;
                self.moved = Instant::now();
            }
            self.longest_stall = self.longest_stall.max(self.moved.elapsed());
        }
        if let Some(pid) = self.pid {
            self.memory_last_kib = family(pid).into_iter().filter_map(resident_kib).sum();
            self.memory_first_kib.get_or_insert(self.memory_last_kib);
            self.memory_most_kib = self.memory_most_kib.max(self.memory_last_kib);
        }
    }
}

/// The page of metrics; none where it does not come.
async fn metrics(address: SocketAddr) -> Option<String> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request =
            format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await.ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    };
    tokio::time::timeout(ANSWER_MAX, asking).await.ok().flatten()
}

fn sum(text: &str) -> f64 {
    let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
    text.lines().filter(|line| line.starts_with(DECISIONS)).filter_map(value).sum()
}

/// A process and its children, whichever of its threads began them.
fn family(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().map(str::parse).collect::<Vec<_>>())
        .filter_map(Result::ok)
        .collect();
    std::iter::once(pid).chain(children).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_summed_over_their_triggers() {
        let text = "# HELP derms_processor_decisions_total x\n\
                    derms_processor_decisions_total{trigger=\"window\"} 12\n\
                    derms_processor_decisions_total{trigger=\"operator\"} 3\nother 4\n";
        assert!((sum(text) - 15.0).abs() < 1e-9);
    }

    #[test]
    fn this_process_takes_memory() {
        assert!(family(std::process::id()).into_iter().filter_map(resident_kib).sum::<u64>() > 0);
    }

    #[test]
    fn a_child_of_any_thread_belongs_to_the_family() {
        let mut child = std::thread::spawn(|| {
            let child = std::process::Command::new("sleep").arg("60").spawn();
            let child = child.expect("sleep is there");
            let found = family(std::process::id()).contains(&child.id());
            (child, found)
        })
        .join()
        .expect("it does not panic");
        child.0.kill().expect("it runs");
        child.0.wait().expect("it has ended");
        assert!(child.1);
    }
}
