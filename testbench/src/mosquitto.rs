//! A real Mosquitto as a child process: its own folder, a free loopback port, gone when dropped.
//!
//! Knows nothing of our topics but the shipped rules over them ([`Mosquitto::start_closed`]). A test that needs the broker to die and come back uses [`Mosquitto::kill`],
//! [`Mosquitto::stop`] and [`Mosquitto::restart`]: the port and the stored sessions stay the same.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::port::free_port;

/// How long a broker may take to listen, or to end.
const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// Lines of the listener with certificates in the shipped configuration, after its first.
const TLS_LINES: usize = 9;
const SHIPPED: &str = include_str!("../../deploy/mosquitto/mosquitto.conf");

/// A running (or stopped, see [`Mosquitto::stop`]) broker.
#[derive(Debug)]
pub struct Mosquitto {
    folder: TempDir,
    port: u16,
    /// Port and lines of a listener that speaks TLS only.
    secured: Option<(u16, String)>,
    /// As it is shipped, with these accounts.
    closed: Option<Closed>,
    child: Option<Child>,
}

/// The shipped configuration with its accounts.
#[derive(Debug)]
struct Closed {
    secrets: TempDir,
    services_port: u16,
    tls_port: u16,
}

/// User name and password.
pub type Account = (String, String);

impl Mosquitto {
    /// Starts one as it is shipped: nobody gets in without an account. Gives the services' account and those of these
    /// devices, made by the shipped script.
    ///
    /// # Errors
    /// When mosquitto is not installed or does not come up, or the script fails.
    pub fn start_closed(devices: &[&str]) -> anyhow::Result<(Self, Account, Vec<Account>)> {
        let secrets = tempfile::tempdir().context("a folder for accounts")?;
        let made = accounts(secrets.path(), &["services"])?;
        let value = |name: &str| {
            made.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
                .with_context(|| format!("no {name} in {made:?}"))
        };
        let service = (value("MQTT_USERNAME")?, value("MQTT_PASSWORD")?);
        let add = |device: &&str| {
            let password = accounts(secrets.path(), &["add", device])?;
            anyhow::Ok(((*device).to_owned(), password.trim().to_owned()))
        };
        let devices = devices.iter().map(add).collect::<anyhow::Result<_>>()?;
        certificates(secrets.path())?;
        let closed = Closed { secrets, services_port: free_port()?, tls_port: free_port()? };
        Ok((Self::start_with(None, Some(closed))?, service, devices))
    }

    /// The port of the listener that asks for certificates, and the folder with the authority's and the server's.
    #[must_use]
    pub fn certified(&self) -> Option<(u16, &Path)> {
        self.closed.as_ref().map(|closed| (closed.tls_port, closed.secrets.path()))
    }

    /// The port of our services' listener.
    #[must_use]
    pub fn services_port(&self) -> u16 {
        self.closed.as_ref().map_or(self.port, |closed| closed.services_port)
    }

    /// Starts one that lets anybody in, with persistence and wide windows.
    ///
    /// # Errors
    /// When mosquitto is not installed or does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(None, None)
    }

    /// The same with a second listener that speaks TLS only, asks for a certificate of the same authority, and knows one
    /// user.
    ///
    /// # Errors
    /// As for [`Mosquitto::start`].
    pub fn start_secured(
        certificates: &Certificates,
        user: &str,
        password: &str,
    ) -> anyhow::Result<Self> {
        let (certificate, key) = certificates.server();
        let passwords = certificate.with_file_name("passwords");
        let made = Command::new("mosquitto_passwd")
            .args(["-b", "-c", &passwords.display().to_string(), user, password])
            .status()
            .context("running mosquitto_passwd")?;
        anyhow::ensure!(made.success(), "mosquitto_passwd failed");
        let port = free_port()?;
        let lines = format!(
            "per_listener_settings true\nlistener {port} 127.0.0.1\nallow_anonymous false\n\
             password_file {}\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
            passwords.display(),
            certificates.authority().display(),
            certificate.display(),
            key.display()
        );
        Self::start_with(Some((port, lines)), None)
    }

    fn start_with(secured: Option<(u16, String)>, closed: Option<Closed>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for mosquitto")?;
        let mut broker = Self { folder, port: free_port()?, secured, closed, child: None };
        broker.restart()?;
        Ok(broker)
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

    /// The port of its listener that speaks TLS only.
    #[must_use]
    pub fn secured_port(&self) -> Option<u16> {
        self.secured.as_ref().map(|(port, _)| *port)
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
        self.closed.as_ref().map_or_else(|| self.open_config(), |closed| self.closed_config(closed))
    }

    /// As it is: only ports and paths are others.
    fn closed_config(&self, closed: &Closed) -> String {
        let folder = self.folder.path().display();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/mosquitto");
        // The listener that is shipped as a comment is tried too.
        let (before, after) = SHIPPED.split_once("#listener 8883").unwrap_or((SHIPPED, ""));
        let whole = format!("{before}listener 8883{}", after.replacen("\n#", "\n", TLS_LINES));
        let config = whole
            .replace("listener 8883", &format!("listener {} 127.0.0.1", closed.tls_port))
            .replace("listener 1883", &format!("listener {} 127.0.0.1", self.port))
            .replace("listener 1884", &format!("listener {} 127.0.0.1", closed.services_port))
            .replace("/mosquitto/secrets", &closed.secrets.path().display().to_string())
            .replace("/mosquitto/config", &shipped.display().to_string())
            .replace("/mosquitto/data/", &format!("{folder}/"));
        format!("user root\nlog_dest file {folder}/mosquitto.log\n{config}")
    }

    /// Anybody gets in.
    fn open_config(&self) -> String {
        let ours = [
            "listener",
            "persistence_location",
            "log_dest",
            "allow_anonymous",
            "per_listener_settings",
            "password_file",
            "acl_file",
            "use_username_as_clientid",
            "max_connections",
        ];
        let kept = SHIPPED.lines().filter(|line| !ours.iter().any(|name| line.starts_with(name)));
        let kept: Vec<&str> = kept.collect();
        let folder = self.folder.path().display();
        let secured = self.secured.as_ref().map_or("", |(_, lines)| lines.as_str());
        // As root it would change to a user who may not write into the folder. Lines before the first listener are for all.
        format!(
            "user root\npersistence_location {folder}/\nlog_dest file {folder}/mosquitto.log\n{}\n{secured}\
             listener {} 127.0.0.1\nallow_anonymous true\n",
            kept.join("\n"),
            self.port,
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

/// An authority and a broker's certificate, by the shipped script.
///
/// # Errors
/// When the script fails.
pub fn certificates(secrets: &Path) -> anyhow::Result<()> {
    accounts(secrets, &["authority"])?;
    accounts(secrets, &["server", "localhost", "127.0.0.1"]).map(drop)
}

/// Runs the shipped script over a folder of secrets; gives what it says.
///
/// # Errors
/// When it is not there, or fails.
pub fn accounts(secrets: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/mosquitto/accounts");
    let output = Command::new(script)
        .args(arguments)
        .env("SECRETS", secrets)
        .output()
        .with_context(|| format!("running {script}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{script} {arguments:?}: {words}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
