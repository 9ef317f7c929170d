//! What a child process tells its parent by its standard output, a line each time: its metrics and notices, so that
//! they are seen in one place. One line among them is none: it says that the child is ready.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use service_kit::notices::{self, Area};
use service_kit::{metrics, task};
use tokio::io::{AsyncBufRead, Lines};
use tokio_util::sync::CancellationToken;

use crate::solo::Server;

const EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, Deserialize)]
struct Report {
    metrics: String,
    notices: Vec<(String, Area, String)>,
}

/// Tells the parent until `stop`.
pub(crate) fn tell(stop: CancellationToken) {
    drop(task::spawn("reports", async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let notices = notices::all().into_iter();
            let notices = notices.map(|notice| (notice.what, notice.area, notice.words)).collect();
            let report = Report { metrics: metrics::render(), notices };
            let Ok(line) = serde_json::to_string(&report) else { continue };
            let mut out = std::io::stdout().lock();
            // A parent that is gone has nobody to tell.
            drop(writeln!(out, "{line}").and_then(|()| out.flush()));
        }
    }));
}

/// Whether a line is a report: all of them are JSON objects.
pub(crate) fn is_report(line: &str) -> bool {
    line.starts_with('{')
}

/// Hears a child until it ends.
pub(crate) async fn hear(server: Server, mut lines: Lines<impl AsyncBufRead + Unpin>) {
    let mut posted = BTreeSet::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(report) = serde_json::from_str::<Report>(&line) else { continue };
        metrics::adopt(server.name(), &report.metrics);
        let mut now = BTreeSet::new();
        for (what, area, words) in report.notices {
            notices::post(&what, area, words);
            now.insert(what);
        }
        posted.difference(&now).for_each(|what| notices::clear(what));
        posted = now;
    }
    posted.iter().for_each(|what| notices::clear(what));
}
