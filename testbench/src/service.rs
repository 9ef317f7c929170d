//! Our own services as child processes, as their users run them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::wait;

/// A running service with its log in a file.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Service {
    /// Starts a program of this workspace with these arguments and this environment, and nothing of ours beside it.
    ///
    /// # Errors
    /// When it was not built, or cannot be started.
    pub fn start(
        name: &'static str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        folder: &Path,
    ) -> anyhow::Result<Self> {
        Self::start_as(name, name, arguments, environment, folder)
    }

    /// The same under a label of its own, for several of one program.
    ///
    /// # Errors
    /// As for [`Service::start`].
    pub fn start_as(
        label: &str,
        name: &'static str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut service = Self {
            name,
            program: program(name)?,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: environment.iter().map(owned).collect(),
            folder: folder.to_path_buf(),
            log: folder.join(format!("{label}.log")),
            child: None,
        };
        service.restart()?;
        Ok(service)
    }

    /// Starts it again as it was started first; kills it where it still runs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        let out = File::options().create(true).append(true).open(&self.log).context("its log")?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(out.try_clone().context("its log")?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills it with -9, where it runs.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().with_context(|| format!("killing {}", self.name))?;
            child.wait().with_context(|| format!("waiting for {}", self.name))?;
        }
        Ok(())
    }

    /// Its process, where it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Everything it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Sends it a signal, by its name as `kill` knows it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let Some(child) = &self.child else { bail!("{} does not run", self.name) };
        let sent =
            Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        anyhow::ensure!(sent.context("running kill")?.success(), "kill -{signal} failed");
        Ok(())
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub fn terminate(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        self.signal("TERM")?;
        let what = format!("{} ends after a TERM", self.name);
        let child = self.child.as_mut().context("it runs")?;
        wait::until(&what, deadline, || child.try_wait().ok().flatten())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure here.
        self.kill().ok();
    }
}

/// A built program: beside this one, or one folder up where this is a test.
///
/// # Errors
/// When it was not built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program's own folder")?;
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found.with_context(|| format!("{name} is not built: cargo build --workspace --bins"))
}

/// The resident memory of a process, where it runs.
#[must_use]
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
