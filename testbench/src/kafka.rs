//! A real Apache Kafka (KRaft, one node) as a child process: its own folder, free loopback ports, gone when dropped.
//!
//! Its jars are fetched by scripts/fetch-kafka.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::port::free_port;
use crate::wait;

/// A JVM on a busy machine takes its time.
const DEADLINE: Duration = Duration::from_secs(90);
const CLUSTER_ID: &str = "bWluaS1kZXJtcy10ZXN0cw";

/// A running broker.
#[derive(Debug)]
pub struct Kafka {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Kafka {
    /// Starts one.
    ///
    /// # Errors
    /// When its jars or a JVM are missing, or it does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let port = free_port()?;
        Self::start_advertised(port, port)
    }

    /// Starts one that listens on `port` and tells its clients to come to `advertised`.
    ///
    /// # Errors
    /// As for [`Kafka::start`].
    pub fn start_advertised(port: u16, advertised: u16) -> anyhow::Result<Self> {
        let listener = "PLAINTEXT:PLAINTEXT";
        Self::start_as(port, &format!("PLAINTEXT://127.0.0.1:{advertised}"), listener, "", &[])
    }

    /// Starts one that speaks TLS only and asks for a login by SCRAM.
    ///
    /// # Errors
    /// As for [`Kafka::start`].
    pub fn start_secured(
        certificates: &Certificates,
        user: &str,
        password: &str,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let more = format!(
            "inter.broker.listener.name=CLIENTS\nsasl.enabled.mechanisms=SCRAM-SHA-512\n\
             sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512\n\
             listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{user}\" password=\"{password}\";\n\
             ssl.keystore.type=PEM\nssl.keystore.location={}\n\
             ssl.truststore.type=PEM\nssl.truststore.location={}\n",
            certificates.server_store()?.display(),
            certificates.authority().display()
        );
        let scram = format!("SCRAM-SHA-512=[name={user},password={password}]");
        let advertised = format!("CLIENTS://127.0.0.1:{port}");
        Self::start_as(port, &advertised, "CLIENTS:SASL_SSL", &more, &["--add-scram", &scram])
    }

    fn start_as(
        port: u16,
        advertised: &str,
        protocol: &str,
        more: &str,
        format_arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for Kafka")?;
        let controller = free_port()?;
        let own = protocol.split(':').next().unwrap_or_default();
        let data = folder.path().join("data");
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners={own}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners={advertised}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocol}\n\
             log.dirs={}\noffsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n{more}",
            data.display()
        );
        fs::write(folder.path().join("server.properties"), properties)
            .context("writing server.properties")?;
        let mut broker = Self { folder, port, child: None };
        broker.format(format_arguments)?;
        broker.restart()?;
        Ok(broker)
    }

    /// Its address, for clients.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, where it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it: what was not written to disk is lost.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("killing Kafka")?;
            child.wait().context("waiting for Kafka")?;
        }
        Ok(())
    }

    /// Starts it again with what it had stored.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        let mut child = self.java(&["-Xmx512m", "kafka.Kafka", "server.properties"])?;
        let log = self.folder.path().join("kafka.log");
        // Kafka logs nothing without a binding for SLF4J; that it listens is what its clients need.
        let started = wait::until("Kafka starts", DEADLINE, || {
            let ended = child.try_wait().ok().flatten().is_some();
            let listens = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            (ended || listens).then_some(!ended)
        });
        self.child = Some(child);
        if !started? {
            bail!("Kafka ended at its start:\n{}", fs::read_to_string(&log).unwrap_or_default());
        }
        Ok(())
    }

    fn format(&self, more: &[&str]) -> anyhow::Result<()> {
        let arguments =
            ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", "server.properties"];
        let status = self
            .java(&[&arguments, more].concat())?
            .wait()
            .context("formatting Kafka's storage")?;
        anyhow::ensure!(status.success(), "Kafka's storage could not be formatted");
        Ok(())
    }

    fn java(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let libs = kafka_folder().join("libs");
        anyhow::ensure!(
            libs.is_dir(),
            "Apache Kafka is not in {}: run scripts/fetch-kafka",
            libs.display()
        );
        let path = self.folder.path().join("kafka.log");
        let log = File::options().create(true).append(true).open(path).context("Kafka's log")?;
        let config = self.folder.path().join("log4j2.properties");
        fs::write(
            &config,
            "rootLogger.level=info\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\nappender.out.name=out\nappender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d %p %m (%c)%n\n",
        )
        .context("Kafka's logging")?;
        Command::new("java")
            .arg(format!("-Dlog4j2.configurationFile={}", config.display()))
            .arg("-cp")
            .arg(format!("{}/*", libs.display()))
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("Kafka's log")?)
            .stderr(log)
            .spawn()
            .context("starting java: install a JDK 17 or newer (Debian: openjdk-17-jre-headless)")
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure here.
        self.kill().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
fn kafka_folder() -> PathBuf {
    let variable =
        |name| std::env::var(name).ok().filter(|text| !text.is_empty()).map(PathBuf::from);
    variable("DERMS_KAFKA_DIR").unwrap_or_else(|| {
        let cache = variable("XDG_CACHE_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(|| PathBuf::from(".cache"));
        cache.join("mini-derms/kafka")
    })
}
