//! A real Mosquitto as a child process: its own folder, a free loopback port, gone when dropped.
//!
//! Knows nothing of our topics. A test that needs the broker to die and come back uses [`Mosquitto::kill`],
//! [`Mosquitto::stop`] and [`Mosquitto::restart`]: the port and the stored sessions stay the same.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// How long a broker may take to listen, or to end.
const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// Free ports that are tried: another process may take one between its choice and the start.
const PORTS_TRIED: usize = 5;

/// A running (or stopped, see [`Mosquitto::stop`]) broker.
#[derive(Debug)]
pub struct Mosquitto {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts one that lets anybody in, with persistence and wide windows.
    ///
    /// # Errors
    /// When mosquitto is not installed or does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let mut last = None;
        for _ in 0..PORTS_TRIED {
            let folder = tempfile::tempdir().context("making a folder for mosquitto")?;
            let mut broker = Self { folder, port: free_port()?, child: None };
            match broker.restart() {
                Ok(()) => return Ok(broker),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("no port was tried")))
    }

    /// Always 127.0.0.1.
    #[must_use]
    pub fn host(&self) -> String {
        Ipv4Addr::LOCALHOST.to_string()
    }

    /// Its port; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, where it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends it in good order: sessions and retained messages are stored.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        sent.context("sending SIGTERM to mosquitto")?;
        let deadline = Instant::now() + DEADLINE;
        while child.try_wait().context("waiting for mosquitto")?.is_none() {
            if Instant::now() > deadline {
                child.kill().context("killing mosquitto")?;
                bail!("mosquitto did not end within {DEADLINE:?} of a SIGTERM");
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Kills it: what was not stored is lost.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("killing mosquitto")?;
            child.wait().context("waiting for mosquitto")?;
        }
        Ok(())
    }

    /// Starts it again on the same port with what it had stored; ends it first where it still runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.stop()?;
        let config = self.folder.path().join("mosquitto.conf");
        fs::write(&config, self.config()).context("writing mosquitto.conf")?;
        let mut child = spawn(&config)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(address).is_err() {
            let ended = child.try_wait().context("waiting for mosquitto")?;
            if ended.is_some() || Instant::now() > deadline {
                child.kill().context("killing mosquitto")?;
                child.wait().context("waiting for mosquitto")?;
                bail!("mosquitto does not listen on {address}:\n{}", self.log());
            }
            thread::sleep(POLL);
        }
        self.child = Some(child);
        Ok(())
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("mosquitto.log")).unwrap_or_default()
    }

    /// The shipped configuration, with a place of its own.
    fn config(&self) -> String {
        const SHIPPED: &str = include_str!("../../deploy/mosquitto/mosquitto.conf");
        let ours = ["listener", "persistence_location", "log_dest"];
        let kept = SHIPPED.lines().filter(|line| !ours.iter().any(|name| line.starts_with(name)));
        let kept: Vec<&str> = kept.collect();
        let folder = self.folder.path().display();
        // As root it would change to a user who may not write into the folder.
        format!(
            "user root\nlistener {} 127.0.0.1\npersistence_location {folder}/\n\
             log_dest file {folder}/mosquitto.log\n{}\n",
            self.port,
            kept.join("\n")
        )
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Nobody is left to hear of a failure here.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn spawn(config: &Path) -> anyhow::Result<Child> {
    for program in ["mosquitto", "/usr/sbin/mosquitto"] {
        let started = Command::new(program)
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other.with_context(|| format!("starting {program}")),
        }
    }
    bail!("mosquitto is not installed: apt-get install mosquitto")
}

/// A loopback port that was free a moment ago.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("reading the free port")?.port())
}
