//! The servers and services of a run, each killable, and the wires between them, each cuttable.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::options::Options;
use super::proxy::Proxy;
use super::target::{Target, Wire};
use crate::kafka::Kafka;
use crate::mosquitto::Mosquitto;
use crate::port::free_port;
use crate::service::{Service, resident_kib};
use crate::wait;

/// A fresh machine's first start takes its time.
const SOON: Duration = Duration::from_secs(120);
/// Size of the small disk of ClickHouse's engine.
const DISK_MIB: u32 = 2_048;
/// What fills it.
const FILLER: &str = "filler";

/// Everything that runs.
#[derive(Debug)]
pub struct System {
    // Services end before the servers that they need.
    bridges: Vec<Mutex<Service>>,
    processors: Vec<Mutex<Service>>,
    clickhouse: Mutex<Service>,
    mosquitto: Mutex<Mosquitto>,
    kafka: Mutex<Kafka>,
    wires: BTreeMap<&'static str, Proxy>,
    clickhouse_port: u16,
    metrics: BTreeMap<Target, u16>,
    environment: Vec<(String, String)>,
    disk: Option<PathBuf>,
    folder: TempDir,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(wire: Wire) -> &'static str {
    match wire {
        Wire::DevicesToMqtt => "devices to mqtt",
        Wire::BridgesToMqtt => "bridges to mqtt",
        Wire::ServicesToKafka => "services to kafka",
        Wire::ServicesToClickHouse => "services to clickhouse",
    }
}

impl System {
    /// Starts all of it.
    ///
    /// # Errors
    /// When a part is not installed or built, or does not come up.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("derms-faults-")
            .disable_cleanup(options.keep)
            .tempdir()
            .context("a folder")?;
        let place = folder.path();
        let mosquitto = Mosquitto::start()?;
        let (kafka_port, kafka_seen) = (free_port()?, free_port()?);
        let kafka = Kafka::start_advertised(kafka_port, kafka_seen)?;
        let data = place.join("clickhouse");
        let disk = small_disk(&data)?;
        let clickhouse_port = free_port()?;
        let arguments = [
            "clickhouse",
            "--data",
            &data.display().to_string(),
            "--port",
            &clickhouse_port.to_string(),
        ];
        let clickhouse = Service::start_as("clickhouse", "derms", &arguments, &[], place)?;
        let wires = BTreeMap::from([
            (name(Wire::DevicesToMqtt), Proxy::start(mosquitto.port())?),
            (name(Wire::BridgesToMqtt), Proxy::start(mosquitto.port())?),
            (name(Wire::ServicesToKafka), Proxy::start_on(kafka_seen, kafka_port)?),
            (name(Wire::ServicesToClickHouse), Proxy::start(clickhouse_port)?),
        ]);
        let environment = environment(options, &wires, kafka_seen)?;
        let mut system = Self {
            bridges: Vec::new(),
            processors: Vec::new(),
            clickhouse: Mutex::new(clickhouse),
            mosquitto: Mutex::new(mosquitto),
            kafka: Mutex::new(kafka),
            wires,
            clickhouse_port,
            metrics: BTreeMap::new(),
            environment,
            disk,
            folder,
        };
        system.answers()?;
        system.start_services(options)?;
        system.listens()?;
        Ok(system)
    }

    fn start_services(&mut self, options: &Options) -> anyhow::Result<()> {
        let place = self.folder.path().to_path_buf();
        for number in 0..options.processors {
            let label = format!("processor-{number}");
            let metrics = free_port()?;
            self.metrics.insert(Target::Processor(number), metrics);
            let own = self.own(&[
                ("DERMS_INSTANCE", &label),
                ("DERMS_METRICS_ADDR", &format!("127.0.0.1:{metrics}")),
            ]);
            let service = Service::start_as(&label, "derms-processor", &[], &pairs(&own), &place)?;
            self.processors.push(Mutex::new(service));
        }
        for number in 0..options.bridges {
            let label = format!("bridge-{number}");
            let metrics = free_port()?;
            self.metrics.insert(Target::Bridge(number), metrics);
            let mut own = self.own(&[
                ("DERMS_INSTANCE", &label),
                ("DERMS_MQTT_CLIENT_ID", &label),
                ("DERMS_METRICS_ADDR", &format!("127.0.0.1:{metrics}")),
            ]);
            if options.bridges > 1 {
                own.push(("DERMS_MQTT_SHARE_GROUP".to_owned(), "bridges".to_owned()));
            }
            let service = Service::start_as(&label, "derms-bridge", &[], &pairs(&own), &place)?;
            self.bridges.push(Mutex::new(service));
        }
        Ok(())
    }

    fn own(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment.iter().cloned().chain(more).collect()
    }

    fn answers(&self) -> anyhow::Result<()> {
        wait::until("the ClickHouse engine answers", SOON, || {
            self.sql("SELECT 1").is_ok_and(|answer| answer.trim() == "1").then_some(())
        })
        .with_context(|| lock(&self.clickhouse).log())
    }

    /// Starts services again that have ended by themselves, as a supervisor would; gives which.
    pub fn supervise(&self) -> Vec<Target> {
        let bridges = (0..).map(Target::Bridge).zip(&self.bridges);
        let processors = (0..).map(Target::Processor).zip(&self.processors);
        let mut ended = Vec::new();
        for (target, service) in bridges.chain(processors) {
            // One that is being killed right now is looked at the next time.
            let Ok(mut service) = service.try_lock() else { continue };
            if !service.is_running() {
                ended.push(target);
                // What cannot be started now is tried at the next look.
                service.restart().ok();
            }
        }
        ended
    }

    /// Waits until every bridge has its session: what is published before that is nobody's.
    fn listens(&self) -> anyhow::Result<()> {
        let bridges: Vec<u16> = self
            .metrics
            .iter()
            .filter(|(target, _)| matches!(target, Target::Bridge(_)))
            .map(|(_, port)| *port)
            .collect();
        let stands = |page: &str| {
            let lines = page.lines().filter(|line| line.starts_with("derms_bridge_mqtt_connected"));
            lines.filter(|line| line.ends_with(" 1")).count() == 2
        };
        wait::until("the bridges are connected", SOON, || {
            let all = bridges.iter().all(|port| page(*port).is_some_and(|page| stands(&page)));
            all.then_some(())
        })?;
        // They have asked for their subscriptions; the broker answers at once.
        std::thread::sleep(Duration::from_secs(1));
        Ok(())
    }

    /// Where devices connect.
    #[must_use]
    pub fn devices_port(&self) -> u16 {
        self.wires[name(Wire::DevicesToMqtt)].port()
    }

    /// The settings that the services were started with.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The folder with the services' logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The answer of ClickHouse to a query, past the wire that may be cut.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub fn sql(&self, query: &str) -> anyhow::Result<String> {
        let url = format!("http://127.0.0.1:{}/", self.clickhouse_port);
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--max-time", "120"])
            .args(["--data-binary", query, &url])
            .stderr(Stdio::null())
            .output()
            .context("running curl")?;
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("ClickHouse: {}", answer.trim());
        }
        Ok(answer)
    }

    fn service(&self, target: Target) -> Option<&Mutex<Service>> {
        match target {
            Target::Bridge(number) => self.bridges.get(number),
            Target::Processor(number) => self.processors.get(number),
            Target::ClickHouse => Some(&self.clickhouse),
            Target::Kafka | Target::Mosquitto => None,
        }
    }

    /// Kills it, waits, and starts it again. Nothing else happens to it meanwhile.
    ///
    /// # Errors
    /// When it cannot be killed or does not come up.
    pub fn kill(&self, target: Target, pause: impl FnOnce()) -> anyhow::Result<()> {
        match target {
            Target::Kafka => {
                let mut kafka = lock(&self.kafka);
                kafka.kill()?;
                pause();
                kafka.restart()
            }
            Target::Mosquitto => {
                let mut mosquitto = lock(&self.mosquitto);
                mosquitto.kill()?;
                pause();
                mosquitto.restart()
            }
            _ => {
                let Some(service) = self.service(target) else { return Ok(()) };
                let mut service = lock(service);
                service.kill()?;
                pause();
                service.restart()
            }
        }
    }

    /// Asks it to end, waits, and starts it again.
    ///
    /// # Errors
    /// When it does not end or does not come up.
    pub fn stop(&self, target: Target, pause: impl FnOnce()) -> anyhow::Result<()> {
        if target == Target::Mosquitto {
            let mut mosquitto = lock(&self.mosquitto);
            mosquitto.stop()?;
            pause();
            return mosquitto.restart();
        }
        let Some(service) = self.service(target) else { return self.kill(target, pause) };
        let mut service = lock(service);
        let ended = service.terminate(Duration::from_secs(20))?;
        anyhow::ensure!(ended.success(), "{target:?} ended with {ended} after a TERM");
        pause();
        service.restart()
    }

    /// Stops its process, and continues it after a while.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self, target: Target, pause: impl FnOnce()) -> anyhow::Result<()> {
        let Some(service) = self.service(target) else { return Ok(()) };
        let service = lock(service);
        service.signal("STOP")?;
        pause();
        service.signal("CONT")
    }

    /// Cuts a wire for a while.
    pub fn cut(&self, wire: Wire, pause: impl FnOnce()) {
        let proxy = &self.wires[name(wire)];
        proxy.cut();
        pause();
        proxy.mend();
    }

    /// Fills the disk of ClickHouse's engine for a while.
    ///
    /// # Errors
    /// When there is no small disk, or it cannot be filled.
    pub fn fill_disk(&self, pause: impl FnOnce()) -> anyhow::Result<()> {
        let Some(disk) = &self.disk else { bail!("no small disk: mounting one takes root") };
        let filler = disk.join(FILLER);
        // Ends with "no space left", as it should.
        Command::new("dd")
            .args(["if=/dev/zero", "bs=1M", &format!("of={}", filler.display())])
            .stderr(Stdio::null())
            .status()
            .context("filling the disk")?;
        pause();
        std::fs::remove_file(&filler).context("emptying the disk")
    }

    /// What each service that runs says of itself at this moment.
    #[must_use]
    pub fn vitals(&self) -> Vec<Vital> {
        let bridges = (0..).map(Target::Bridge).zip(&self.bridges);
        let processors = (0..).map(Target::Processor).zip(&self.processors);
        bridges
            .chain(processors)
            .filter_map(|(target, service)| {
                // One that is being killed right now is looked at the next time.
                let pid = service.try_lock().ok().and_then(|service| service.pid())?;
                let page = self.metrics.get(&target).and_then(|port| page(*port));
                let gauge = |name: &str| {
                    let line = page.as_ref()?.lines().find(|line| line.starts_with(name))?;
                    line.rsplit(' ').next()?.parse().ok()
                };
                let partitions = match target {
                    Target::Bridge(_) => gauge("derms_bridge_partitions "),
                    _ => gauge("derms_processor_partitions "),
                };
                Some(Vital { target, resident_kib: resident_kib(pid)?, partitions })
            })
            .collect()
    }

    /// Runs a program of ours with the services' settings and gives whether it ended well, and what it said.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        let path = crate::service::program(program)?;
        let output = Command::new(path)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("running {program}"))?;
        let words = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&words).into_owned()))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let Some(disk) = self.disk.take() else { return };
        // The engine holds the disk.
        lock(&self.clickhouse).kill().ok();
        Command::new("umount").arg(disk).status().ok();
    }
}

/// What a service says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Vital {
    /// Which.
    pub target: Target,
    /// Its resident memory.
    pub resident_kib: u64,
    /// Partitions that it works on; none when it does not answer.
    pub partitions: Option<i64>,
}

/// The page of metrics at a port, when it comes at once.
fn page(port: u16) -> Option<String> {
    const PATIENCE: Duration = Duration::from_millis(300);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A small disk in memory at `place`, where we may mount one.
fn small_disk(place: &Path) -> anyhow::Result<Option<PathBuf>> {
    std::fs::create_dir_all(place).context("the engine's folder")?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m"), "derms-faults"])
        .arg(place)
        .stderr(Stdio::null())
        .status();
    Ok(mounted.is_ok_and(|status| status.success()).then(|| place.to_path_buf()))
}

fn pairs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn environment(
    options: &Options,
    wires: &BTreeMap<&'static str, Proxy>,
    kafka_port: u16,
) -> anyhow::Result<Vec<(String, String)>> {
    let port = |wire| wires[name(wire)].port();
    // Half of what devices want, so that limits bind and setpoints change.
    let limit_kw = f64::from(options.devices) / f64::from(options.feeders.max(1)) * 2.2;
    let mut all: Vec<(String, String)> = [
        ("MQTT_HOST", "127.0.0.1".to_owned()),
        ("MQTT_PORT", port(Wire::BridgesToMqtt).to_string()),
        ("DERMS_KAFKA_BROKERS", format!("127.0.0.1:{kafka_port}")),
        ("DERMS_KAFKA_SESSION_TIMEOUT_MS", options.session_timeout_ms.to_string()),
        ("DERMS_CLICKHOUSE_URL", format!("http://127.0.0.1:{}", port(Wire::ServicesToClickHouse))),
        ("DERMS_TREE_PARTITIONS", options.partitions.to_string()),
        ("CONTROL_INTERVAL_SECONDS", options.interval.to_string()),
        ("DERMS_ALLOWED_LATENESS_MS", "500".to_owned()),
        ("DERMS_IDLE_TIMEOUT_MS", "500".to_owned()),
        ("FEEDER_DEFAULT_LIMIT_KW", format!("{limit_kw:.0}")),
        ("DB_ERROR_BEHAVIOR", options.db_error_behavior.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for setting in &options.set {
        let (name, value) = setting.split_once('=').context("--set wants NAME=VALUE")?;
        all.push((name.to_owned(), value.to_owned()));
    }
    Ok(all)
}
