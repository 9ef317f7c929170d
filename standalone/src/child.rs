//! Owns one embedded server as a child process of `derms up`: this very program under its own subcommand. It knows how
//! such a child is started, heard and ended, not what it serves.
//!
//! A child reads its standard input to the end: the pipe closes when this process ends, however it ends, and the child
//! ends with it. Settings, secrets among them, reach it by its environment, never by its arguments.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use service_kit::settings::{CATALOGUE, Service, Settings};
use service_kit::{logging, task};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, Lines,
};
use tokio::process::{ChildStdin, Command};
use tokio::time::timeout;

use crate::report;
use crate::solo::Server;

/// How long a server may take to say that it is ready: the engine reads half a gigabyte, the log its records.
const READY_MAX: Duration = Duration::from_secs(60);
/// The same for a log that brings in an older version's records first: some minutes for ten million.
const TAKEOVER_MAX: Duration = Duration::from_secs(4 * 3600);
/// How long a server may take to end before it is killed. Nothing that was acknowledged is lost by that.
const STOP_MAX: Duration = Duration::from_millis(2_500);
/// How long a killed child's last words may take to arrive.
const WORDS_MAX: Duration = Duration::from_millis(500);
/// Lines that are kept of what a child said outside of its log.
const WORDS_KEPT: usize = 3;
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) settings: Settings,
}

/// A child that is ready.
#[derive(Debug)]
pub(crate) struct Child {
    server: Server,
    process: tokio::process::Child,
    /// Its end is the child's: nothing else closes it.
    input: ChildStdin,
    words: Words,
    listening: tokio::task::JoinHandle<()>,
}

/// The last lines that a child wrote outside of its log: why it ended.
type Words = Arc<Mutex<VecDeque<String>>>;

fn ready_max(launch: &Launch) -> Duration {
    let brings_in = launch.server == Server::Log && derms_log::takeover::is_due(&launch.data);
    if brings_in { TAKEOVER_MAX } else { READY_MAX }
}

impl Child {
    /// Starts a server; it answers when this returns.
    ///
    /// # Errors
    /// When it ends before it is ready, with its own words, or is not ready in time.
    pub(crate) async fn start(launch: &Launch) -> anyhow::Result<Self> {
        let mut process = command(launch)?
            .spawn()
            .with_context(|| format!("starting {} as a child process", launch.server))?;
        // Waiting for the process would close what stays in there.
        let input = process.stdin.take().context("the child's standard input")?;
        let output = process.stdout.take().context("the child's standard output")?;
        let errors = process.stderr.take().context("the child's standard error")?;
        let words = Words::default();
        let listening = task::spawn("words", listen(launch.server, errors, Arc::clone(&words)));
        let mut child = Self { server: launch.server, process, input, words, listening };
        let mut lines = BufReader::new(output).lines();
        let bound = ready_max(launch);
        match timeout(bound, ready(&mut lines)).await {
            Ok(true) => {}
            Ok(false) => anyhow::bail!("{}", child.ended().await),
            Err(_) => {
                child.stop().await;
                anyhow::bail!("{} was not ready within {bound:?}", launch.server);
            }
        }
        drop(task::spawn("reports", report::hear(launch.server, lines)));
        Ok(child)
    }

    /// Waits until it ends, and says why it did.
    pub(crate) async fn ended(&mut self) -> String {
        let status = self.process.wait().await;
        // Its words come through a pipe of their own.
        drop(timeout(WORDS_MAX, &mut self.listening).await);
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = Vec::from(words.clone()).join(" / ");
        let how = match status {
            Ok(status) => describe(status),
            Err(error) => format!("was lost: {error}"),
        };
        if words.is_empty() { how } else { format!("{how}: {words}") }
    }

    /// Asks it to end, and kills it when it does not in time.
    pub(crate) async fn stop(mut self) {
        drop(self.input);
        if timeout(STOP_MAX, self.process.wait()).await.is_ok() {
            return;
        }
        tracing::warn!(part = %self.server, "did not end in time and is killed");
        if let Err(error) = self.process.kill().await {
            tracing::warn!(part = %self.server, %error, "could not be killed");
        }
    }
}

/// Waits for the line that says that a server answers; whether it came. Reports may come before.
async fn ready(lines: &mut Lines<impl AsyncBufRead + Unpin>) -> bool {
    while let Ok(Some(line)) = lines.next_line().await {
        if !report::is_report(&line) {
            return true;
        }
    }
    false
}

fn command(launch: &Launch) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command
        .arg(launch.server.subcommand())
        .arg("--child")
        .arg("--data")
        .arg(&launch.data)
        .arg("--port")
        .arg(launch.address.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // The terminal's Ctrl-C is for the parent, which ends its children in order.
        .process_group(0)
        .kill_on_drop(true);
    // The services' secrets are nothing that a server needs to know.
    for setting in CATALOGUE {
        command.env_remove(setting.name);
    }
    command.envs(launch.settings.of_service(Service::Standalone));
    command.envs(launch.settings.of_names(launch.server.shared_settings()));
    Ok(command)
}

/// Takes a child's standard error: log lines into our log, the rest as its last words.
async fn listen(server: Server, errors: impl AsyncRead + Unpin, words: Words) {
    let mut reader = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if logging::is_line(text) {
            logging::forward(text);
        } else if !text.is_empty() {
            tracing::warn!(part = %server, "{text}");
            let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
            if words.len() == WORDS_KEPT {
                words.pop_front();
            }
            words.push_back(text.trim_start_matches("error: ").to_owned());
        }
    }
}

/// How a process ended, as a person says it.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ended before its time".to_owned(),
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(6)) => "ended itself after a failure (signal 6)".to_owned(),
        (None, Some(9)) => {
            "was killed (signal 9): by a person, or because memory ran out".to_owned()
        }
        (None, Some(signal @ (4 | 7 | 8 | 11))) => format!("crashed (signal {signal})"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
