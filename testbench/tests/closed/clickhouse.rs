//! ClickHouse's HTTP interface.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use testbench::curl::curl;
use testbench::port::free_port;
use testbench::service::Service;
use testbench::wait;

const SOON: Duration = Duration::from_secs(60);
const DEMO_PASSWORD: &str = "Correct-Horse-42";
const ROWS: &str = "SELECT count() FROM derms.telemetry";

/// `derms up --demo` in a folder of its own.
struct Demo {
    derms: Service,
    clickhouse: u16,
    folder: TempDir,
}

impl Demo {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a folder")?;
        let clickhouse = free_port()?;
        let data = folder.path().join("data").display().to_string();
        let ports = [
            format!("PORT={}", free_port()?),
            format!("MQTT_PORT={}", free_port()?),
            format!("DERMS_KAFKA_PORT={}", free_port()?),
            format!("DERMS_CLICKHOUSE_PORT={clickhouse}"),
            format!("DEMO_PASSWORD={DEMO_PASSWORD}"),
        ];
        let mut arguments = vec!["up", "--demo", "--devices", "5", "--data", &data];
        for port in &ports {
            arguments.extend(["--set", port]);
        }
        let derms = Service::start("derms", &arguments, &[], folder.path())?;
        let demo = Self { derms, clickhouse, folder };
        let line =
            format!("clickhouse: http://127.0.0.1:{clickhouse} (user analyst, the password above)");
        wait::until("the demo says how to ask ClickHouse", SOON, || {
            demo.derms.log().lines().any(|said| said == line).then_some(())
        })
        .with_context(|| demo.derms.log())?;
        Ok(demo)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What curl gets: the status, and the answer.
    fn curl(&self, arguments: &[&str]) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}/", self.clickhouse);
        let (status, answer) = curl(&[arguments, &[&url]].concat());
        (status, answer.trim().to_owned())
    }
}

#[test]
fn the_demos_clickhouse_is_for_its_analyst_and_for_nobody_without_a_password() {
    let demo = Demo::start().expect("the demo starts");
    let analyst = format!("analyst:{DEMO_PASSWORD}");
    let writer =
        std::fs::read_to_string(demo.data().join("clickhouse-writer.key")).expect("a file");
    let writer = format!("derms:{}", writer.trim());
    wait::until("samples are stored", SOON, || {
        let (status, rows) = demo.curl(&["--user", &analyst, "--data", ROWS]);
        (status == 200 && rows != "0").then_some(())
    })
    .expect("the services write with the password of the first start");

    for login in ["", "default:", "derms:", "analyst:wrong"] {
        let (status, answer) = demo.curl(&["--user", login, "--data", "SELECT 1"]);
        assert_eq!(status, 403, "{login}: {answer}");
    }
    let drop = "DROP TABLE derms.telemetry";
    assert_eq!(demo.curl(&["--user", &analyst, "--data", drop]).0, 403);
    // A page in the operator's browser, under a name of its own and with a stored password.
    for header in
        ["Origin: http://evil.example", "Host: evil.example", "Sec-Fetch-Site: cross-site"]
    {
        let (status, answer) = demo.curl(&["--user", &writer, "--header", header, "--data", drop]);
        assert_eq!(status, 403, "{header}: {answer}");
    }
    for sql in [
        "SELECT file('/etc/hostname')",
        "SELECT * FROM file('/etc/hostname', LineAsString)",
        "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "SELECT * FROM executable('id', TSV, 'a String')",
        "SELECT 1 INTO OUTFILE 'derms-was-here'",
    ] {
        let (status, answer) = demo.curl(&["--user", &writer, "--data", sql]);
        assert_eq!(status, 403, "{sql}: {answer}");
    }
    assert_ne!(demo.curl(&["--user", &analyst, "--data", ROWS]).1, "0");
}

#[test]
fn passwords_of_the_first_start_are_for_their_owner_alone_and_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut demo = Demo::start().expect("the demo starts");
    let key = demo.data().join("clickhouse-writer.key");
    let mode = std::fs::metadata(&key).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let first = std::fs::read_to_string(&key).expect("a file");
    demo.derms.terminate(SOON).expect("it ends");
    demo.derms.restart().expect("it starts again");
    let login = format!("derms:{}", first.trim());
    wait::until("the same password opens", SOON, || {
        (demo.curl(&["--user", &login, "--data", "SELECT 1"]).1 == "1").then_some(())
    })
    .expect("it does");
}

/// The engine alone, as a process.
fn engine(data: &Path, more: &[(&str, &str)]) -> anyhow::Result<(Service, u16)> {
    let port = free_port()?;
    let (data, number) = (data.display().to_string(), port.to_string());
    let arguments = ["clickhouse", "--data", &data, "--port", &number];
    let service = Service::start("derms", &arguments, more, Path::new(&data))?;
    Ok((service, port))
}

#[test]
fn without_passwords_the_engine_does_not_listen_beyond_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let everywhere = [("DERMS_BIND", "0.0.0.0")];
    let (mut service, _) = engine(folder.path(), &everywhere).expect("started");
    wait::until("it ends", SOON, || (!service.is_running()).then_some(())).expect("it does");
    assert!(service.log().contains("DERMS_CLICKHOUSE_PASSWORD"), "{}", service.log());
}
