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
        let program = program(name)?;
        let log = folder.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log).context("its log")?;
        let child = Command::new(&program)
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out.try_clone().context("its log")?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Self { name, log, child: Some(child) })
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
        if let Some(mut child) = self.child.take() {
            // Nobody is left to hear of a failure here.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The built program, beside the test's own folder.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("finding the test's own folder")?;
    let folder = test.parent().and_then(Path::parent).context("the target folder")?;
    let program = folder.join(name);
    anyhow::ensure!(
        program.is_file(),
        "{} is not built: cargo build --workspace --bins",
        program.display()
    );
    Ok(program)
}
