//! The MQTT broker as strangers and other devices meet it: the very same questions to the embedded broker and to Mosquitto
//! as it is shipped.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use testbench::fuzz::mqtt::{Login, Target, attack};
use testbench::mosquitto::{Account, Mosquitto, accounts, certificates};
use testbench::mqtt::{Client, Heard, Who};
use testbench::port::free_port;
use testbench::service::{Service, resident_kib};
use testbench::wait;

const PATIENCE: Duration = Duration::from_secs(30);
const FIRST: &str = "ev-1";
const SECOND: &str = "ev-2";
/// More levels than a stack has room for.
const LEVELS: usize = 3_500;

/// A broker that runs, with two devices' accounts.
pub(crate) struct Broker {
    pub(crate) port: u16,
    pub(crate) services_port: u16,
    /// With certificates.
    tls_port: u16,
    pub(crate) service: Account,
    first: Account,
    second: Account,
    pub(crate) parts: Parts,
}

pub(crate) enum Parts {
    Embedded(Service, tempfile::TempDir),
    Mosquitto(Mosquitto),
}

impl Broker {
    pub(crate) fn mosquitto() -> Self {
        let (mosquitto, service, mut devices) =
            Mosquitto::start_closed(&[FIRST, SECOND]).expect("mosquitto starts");
        let (second, first) = (devices.pop().expect("two"), devices.pop().expect("two"));
        let tls_port = mosquitto.certified().expect("closed").0;
        Self {
            tls_port,
            port: mosquitto.port(),
            services_port: mosquitto.services_port(),
            service,
            first,
            second,
            parts: Parts::Mosquitto(mosquitto),
        }
    }

    /// The embedded one, with guests or without.
    pub(crate) fn embedded(guests: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("mqtt").display().to_string();
        let account = |name: &str| {
            let home = folder.path().display().to_string();
            let program = testbench::service::program("derms").expect("derms is built");
            let made = std::process::Command::new(program)
                .args(["users", "add", name, "--data", &home])
                .output()
                .expect("derms runs");
            assert!(made.status.success(), "{made:?}");
            (name.to_owned(), String::from_utf8_lossy(&made.stdout).trim().to_owned())
        };
        let (first, second) = (account(FIRST), account(SECOND));
        certificates(folder.path()).expect("certificates");
        let (port, tls_port) = (free_port().expect("a port"), free_port().expect("a port"));
        let pem = |name: &str| folder.path().join(name).display().to_string();
        let set = [
            format!("DERMS_MQTT_GUESTS={guests}"),
            format!("DERMS_MQTT_TLS_PORT={tls_port}"),
            format!("DERMS_MQTT_TLS_CERT_PATH={}", pem("server.pem")),
            format!("DERMS_MQTT_TLS_KEY_PATH={}", pem("server.key")),
            format!("DERMS_MQTT_TLS_CLIENT_CA_PATH={}", pem("ca.pem")),
        ];
        let port_text = port.to_string();
        let mut arguments = vec!["broker", "--data", &data, "--port", &port_text];
        arguments.extend(set.iter().flat_map(|setting| ["--set", setting.as_str()]));
        let derms = Service::start_as("broker", "derms", &arguments, &[], folder.path())
            .expect("derms starts");
        wait::until("the broker listens", PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .expect("it listens");
        let key = folder.path().join("mqtt/service.key");
        let secret = std::fs::read_to_string(key).expect("the services' secret");
        let service = ("derms-services".to_owned(), secret);
        let parts = Parts::Embedded(derms, folder);
        Self { port, services_port: port, tls_port, service, first, second, parts }
    }

    async fn service(&self, name: &str, filters: &[&str]) -> Client {
        let who = Who { name, login: Some(login(&self.service)), ..Who::default() };
        Client::connect_as("127.0.0.1", self.services_port, who, filters)
            .await
            .expect("a service gets in")
    }

    async fn device(&self, account: &Account, filters: &[&str]) -> Client {
        let who = Who { name: &account.0, login: Some(login(account)), ..Who::default() };
        Client::connect_as("127.0.0.1", self.port, who, filters).await.expect("a device gets in")
    }

    /// Where certificates are made.
    fn secrets(&self) -> &Path {
        match &self.parts {
            Parts::Embedded(_, folder) => folder.path(),
            Parts::Mosquitto(mosquitto) => mosquitto.certified().expect("closed").1,
        }
    }

    async fn is_let_in(&self, who: Who<'_>) -> bool {
        Client::connect_as("127.0.0.1", self.port, who, &[]).await.is_ok()
    }
}

fn login(account: &Account) -> (&str, &str) {
    (&account.0, &account.1)
}

fn heard(payload: &'static str) -> impl FnMut(&[Heard]) -> Option<()> {
    move |heard| heard.iter().any(|one| one.payload == payload.as_bytes()).then_some(())
}

fn topics(client: &Client) -> Vec<String> {
    client.heard().into_iter().map(|one| one.topic).collect()
}

async fn nobody_gets_in_without_a_login_of_their_own(broker: &Broker) {
    let (_, password) = login(&broker.first);
    let who = |name, login| Who { name, login, ..Who::default() };
    assert!(broker.is_let_in(who(FIRST, Some((FIRST, password)))).await, "the right one");
    let wrong = [
        who("stranger", None),
        who(FIRST, None),
        who("derms-bridge", None),
        who(FIRST, Some((FIRST, "wrong"))),
        who(FIRST, Some((FIRST, ""))),
        who("ev-3", Some(("ev-3", password))),
        who(SECOND, Some((SECOND, password))),
        who("derms-bridge", Some(("derms-services", "wrong"))),
        who("derms-bridge", Some(("derms-services", password))),
        who("derms-bridge", Some(("derms-bridge", password))),
    ];
    for who in wrong {
        assert!(!broker.is_let_in(who).await, "{who:?}");
    }
}

async fn a_device_is_heard_under_its_own_id_only(broker: &Broker) {
    let mut witness = broker.service("derms-witness", &["#"]).await;
    let own = ["der/telemetry/ev-1", "der/telemetry/ev/ev-1", "der/ack/ev-1", "der/status/ev-1"];
    let foreign = [
        "der/telemetry/ev-2",
        "der/telemetry/ev/ev-2",
        "der/ack/ev-2",
        "der/status/ev-2",
        "der/control/ev-1",
        "der/control/ev-2",
        "der/setpoints/ev/ev-1",
        "der/receipts/ev-1",
        "der/simulation/profile",
        "der/telemetry/ev-1/more",
        "anything",
    ];
    // One connection for each: a broker may end one that publishes where it may not.
    for topic in foreign {
        let device = broker.device(&broker.first, &[]).await;
        device.publish(topic, "foreign", false, None).await.expect("queued");
        // The broker has read it when it answers this, or has ended the connection for it.
        drop(device.subscribed("der/control/ev-1").await);
    }
    let device = broker.device(&broker.first, &[]).await;
    for topic in own {
        device.publish(topic, "own", false, None).await.expect("queued");
    }
    device.publish("der/ack/ev-1", "last", false, None).await.expect("queued");
    witness.wait_for(PATIENCE, "the last of its own", heard("last")).await.expect("heard");
    assert_eq!(topics(&witness), [&own[..], &["der/ack/ev-1"]].concat());
}

async fn a_device_hears_only_what_is_meant_for_it(broker: &Broker) {
    let own = [
        "der/control/ev-1",
        "der/setpoints/ev/ev-1",
        "der/receipts/ev-1",
        "der/simulation/profile",
    ];
    let others = [
        "#",
        "+/#",
        "der/#",
        "der/control/+",
        "der/control/#",
        "der/control/ev-2",
        "der/receipts/+",
        "$SYS/#",
    ];
    let mut device = broker.device(&broker.first, &[&own[..], &others].concat()).await;
    let service = broker.service("derms-talker", &[]).await;
    for topic in [
        "der/control/ev-2",
        "der/setpoints/ev/ev-2",
        "der/receipts/ev-2",
        "der/telemetry/ev-2",
        "x",
    ] {
        service.publish(topic, "foreign", false, None).await.expect("queued");
    }
    for topic in own {
        service.publish(topic, "own", false, None).await.expect("queued");
    }
    service.publish("der/control/ev-1", "last", false, None).await.expect("queued");
    device.wait_for(PATIENCE, "the last of its own", heard("last")).await.expect("heard");
    // Overlapping filters may bring a message twice.
    let mut heard = topics(&device);
    heard.dedup();
    heard.sort();
    heard.dedup();
    let mut expected = own.to_vec();
    expected.sort_unstable();
    assert_eq!(heard, expected);
}

async fn a_will_is_heard_under_its_owners_id_only(broker: &Broker) {
    let mut witness = broker.service("derms-witness", &["#"]).await;
    let deep = "/".repeat(LEVELS);
    for (topic, payload) in [
        ("der/control/ev-2", "foreign"),
        ("der/status/ev-2", "foreign"),
        (deep.as_str(), "foreign"),
    ] {
        let who = Who {
            name: FIRST,
            login: Some(login(&broker.first)),
            will: Some((topic, payload)),
            ..Who::default()
        };
        // The broker may turn it away, or let it in and keep the will to itself.
        drop(Client::connect_as("127.0.0.1", broker.port, who, &[]).await);
    }
    let who = Who {
        name: FIRST,
        login: Some(login(&broker.first)),
        will: Some(("der/status/ev-1", "own")),
        ..Who::default()
    };
    drop(Client::connect_as("127.0.0.1", broker.port, who, &[]).await.expect("it gets in"));
    witness.wait_for(PATIENCE, "its own will", heard("own")).await.expect("heard");
    assert_eq!(topics(&witness), ["der/status/ev-1"]);
}

async fn nobody_takes_anothers_session(broker: &Broker) {
    let mut bridge = broker.service("derms-bridge", &["der/telemetry/#"]).await;
    let mut first = broker.device(&broker.first, &["der/control/ev-1"]).await;
    for name in ["derms-bridge", FIRST, "derms-sim-1"] {
        let who = Who { name, login: Some(login(&broker.second)), ..Who::default() };
        // It is turned away, or gets a name of its own.
        drop(Client::connect_as("127.0.0.1", broker.port, who, &[]).await);
        drop(Client::connect("127.0.0.1", broker.port, name, &[]).await);
    }
    first.publish("der/telemetry/ev-1", "still there", false, None).await.expect("queued");
    bridge.wait_for(PATIENCE, "telemetry", heard("still there")).await.expect("heard");
    bridge.publish("der/control/ev-1", "still there", false, None).await.expect("queued");
    first.wait_for(PATIENCE, "a setpoint", heard("still there")).await.expect("heard");
}

async fn topics_without_bounds_harm_nobody(broker: &Broker) {
    let mut bridge = broker.service("derms-bridge", &["der/telemetry/#"]).await;
    let deep = ["a/".repeat(LEVELS), "/".repeat(60_000), "a".repeat(60_000), "+/".repeat(LEVELS)];
    for topic in &deep {
        for service in [true, false] {
            let (port, account) = if service {
                (broker.services_port, &broker.service)
            } else {
                (broker.port, &broker.first)
            };
            let name = if service { "derms-deep" } else { FIRST };
            let who = Who { name, login: Some(login(account)), ..Who::default() };
            let client = Client::connect_as("127.0.0.1", port, who, &[]).await.expect("it gets in");
            if !topic.contains('+') {
                // rmqtt walks the levels of a retained one by recursion.
                client.publish(topic, "deep", true, None).await.expect("queued");
            }
            // A broker may end the connection for it.
            drop(client.subscribed(topic).await);
        }
    }
    let first = broker.device(&broker.first, &[]).await;
    first.publish("der/telemetry/ev-1", "alive", false, None).await.expect("queued");
    bridge.wait_for(PATIENCE, "telemetry", heard("alive")).await.expect("heard");
}

async fn a_certificate_names_its_device(broker: &Broker) {
    let mut witness = broker.service("derms-witness", &["#"]).await;
    let secrets = broker.secrets();
    // A device without an account.
    accounts(secrets, &["certificate", "pi-7"]).expect("a certificate");
    let publish = |topic: &str, payload: &str, shown: &[&str]| {
        let path = |name: &&str| secrets.join(name).display().to_string();
        let mut command = std::process::Command::new("mosquitto_pub");
        command.args(["-h", "localhost", "-p", &broker.tls_port.to_string(), "-V", "5", "-q", "1"]);
        command.args(["--cafile", &path(&"ca.pem"), "-i", "pi-7", "-t", topic, "-m", payload]);
        if let [certificate, key] = shown.iter().map(path).collect::<Vec<_>>().as_slice() {
            command.args(["--cert", certificate, "--key", key]);
        }
        // What becomes of it is seen at the witness.
        command.output().expect("mosquitto_pub runs");
    };
    publish("der/telemetry/pi-7", "foreign", &[]);
    publish("der/telemetry/ev-1", "foreign", &["pi-7.pem", "pi-7.key"]);
    publish("der/control/pi-7", "foreign", &["pi-7.pem", "pi-7.key"]);
    publish("der/telemetry/pi-7", "own", &["pi-7.pem", "pi-7.key"]);
    witness.wait_for(PATIENCE, "its own", heard("own")).await.expect("heard");
    assert_eq!(topics(&witness), ["der/telemetry/pi-7"]);
}

/// The questions, to one broker.
macro_rules! asked {
    ($($question:ident),* $(,)?) => {
        mod mosquitto {
            $(#[tokio::test] async fn $question() { super::$question(&super::Broker::mosquitto()).await; })*
        }
        mod embedded {
            $(#[tokio::test] async fn $question() { super::$question(&super::Broker::embedded(false)).await; })*
        }
    };
}
asked!(
    nobody_gets_in_without_a_login_of_their_own,
    a_device_is_heard_under_its_own_id_only,
    a_device_hears_only_what_is_meant_for_it,
    a_will_is_heard_under_its_owners_id_only,
    nobody_takes_anothers_session,
    topics_without_bounds_harm_nobody,
    a_certificate_names_its_device,
);

/// A device on the machine of `derms up` needs no login; it may do no more than a device for it.
#[tokio::test]
async fn a_guest_is_a_device_of_this_machine_and_no_more() {
    let broker = Broker::embedded(true);
    let mut bridge = broker.service("derms-bridge", &["#"]).await;
    let connect = async |name: &str, filters: &[&str]| {
        Client::connect("127.0.0.1", broker.port, name, filters).await
    };
    // As the README says.
    let published = std::process::Command::new("mosquitto_pub")
        .args([
            "-p",
            &broker.port.to_string(),
            "-t",
            "der/telemetry/ev/my-charger",
            "-q",
            "1",
            "-m",
            "hello",
        ])
        .status();
    assert!(published.expect("mosquitto_pub runs").success());
    bridge.wait_for(PATIENCE, "the guest's telemetry", heard("hello")).await.expect("heard");

    for name in ["derms-bridge", "derms-sim-1", FIRST] {
        assert!(connect(name, &[]).await.is_err(), "{name} is taken");
    }
    let others = ["#", "der/control/+", "der/control/ev-9", "der/setpoints/ev/ev-9", "$SYS/#"];
    let mut guest = connect("my-charger", &others).await.expect("it gets in");
    guest.subscribed("der/control/my-charger").await.expect("its own");
    for topic in [
        "der/control/ev-9",
        "der/setpoints/ev/ev-9",
        "der/simulation/profile",
        "der/telemetry/ev-1",
    ] {
        let stranger = connect("stranger", &[]).await.expect("it gets in");
        stranger.publish(topic, "foreign", false, None).await.expect("queued");
        drop(stranger.subscribed("der/simulation/profile").await);
    }
    bridge.publish("der/control/ev-9", "a setpoint", true, None).await.expect("queued");
    bridge.publish("der/control/my-charger", "its own", true, None).await.expect("queued");
    guest.wait_for(PATIENCE, "its setpoint", heard("its own")).await.expect("heard");
    assert_eq!(topics(&guest), ["der/control/my-charger"]);
    guest.publish("der/ack/my-charger", "done", false, None).await.expect("queued");
    bridge.wait_for(PATIENCE, "its ack", heard("done")).await.expect("heard");
    a_guest_hears_what_is_meant_for_the_devices_it_speaks_for(&broker, &mut bridge).await;
    assert!(bridge.heard().iter().all(|one| one.payload != b"foreign"), "{:?}", topics(&bridge));
}

/// A gateway: many devices through one connection, whose name is none of theirs.
async fn a_guest_hears_what_is_meant_for_the_devices_it_speaks_for(
    broker: &Broker,
    bridge: &mut Client,
) {
    let filters = ["der/control/#", "der/setpoints/+/+", "der/receipts/+"];
    let connect = |name: &'static str| async move {
        Client::connect("127.0.0.1", broker.port, name, &filters).await.expect("it gets in")
    };
    let report = async |client: &Client, ids: &[&str], payload: &str| {
        for id in ids {
            let topic = format!("der/telemetry/ev/{id}");
            client.publish(&topic, payload, false, None).await.expect("queued");
        }
        client.subscribed("der/simulation/profile").await.expect("the broker has read it");
    };
    let (mut gateway, mut other) = (connect("a gateway").await, connect("an other").await);
    report(&gateway, &["ev-7", "ev-8"], "first").await;
    report(&other, &["ev-7", "ev-9", FIRST], "second").await;
    let order = async |bridge: &Client, payload: &str| {
        for id in ["ev-7", "ev-8", "ev-9", "ev-77", FIRST] {
            for topic in ["control", "setpoints/ev", "receipts"] {
                let topic = format!("der/{topic}/{id}");
                bridge.publish(&topic, payload, true, None).await.expect("queued");
            }
        }
        bridge.publish("der/simulation/profile", payload, false, None).await.expect("queued");
    };
    let of = |ids: &[&str]| -> Vec<String> {
        let kinds = ["control", "receipts", "setpoints/ev"];
        kinds.iter().flat_map(|kind| ids.iter().map(move |id| format!("der/{kind}/{id}"))).collect()
    };
    order(bridge, "told").await;
    let profile = |heard: &[Heard]| {
        heard.iter().any(|one| one.topic == "der/simulation/profile").then_some(())
    };
    for (client, expected) in [(&mut gateway, of(&["ev-7", "ev-8"])), (&mut other, of(&["ev-9"]))] {
        client.wait_for(PATIENCE, "the profile, which comes last", profile).await.expect("heard");
        let mut heard = topics(client);
        heard.retain(|topic| topic != "der/simulation/profile");
        heard.sort();
        heard.dedup();
        assert_eq!(heard, expected);
    }

    // Its devices are free when it has gone, and the next who reports of one speaks for it.
    drop(gateway);
    let own =
        |heard: &[Heard]| heard.iter().any(|one| one.topic == "der/control/ev-7").then_some(());
    let freed = async {
        loop {
            report(&other, &["ev-7"], "again").await;
            order(bridge, "told again").await;
            if other.wait_for(Duration::from_millis(200), "its setpoint", own).await.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the next speaks for it");
}

#[tokio::test]
async fn a_device_without_an_account_any_more_is_turned_away_at_its_next_message() {
    let broker = Broker::embedded(false);
    let Parts::Embedded(_, folder) = &broker.parts else { panic!("embedded") };
    let first = broker.device(&broker.first, &[]).await;
    first.publish("der/telemetry/ev-1", "taken", false, None).await.expect("queued");
    first.subscribed("der/control/ev-1").await.expect("it is still there");
    let program = testbench::service::program("derms").expect("derms is built");
    let removed = std::process::Command::new(program)
        .args(["users", "remove", FIRST, "--data", &folder.path().display().to_string()])
        .status();
    assert!(removed.expect("derms runs").success());
    let mut bridge = broker.service("derms-bridge", &["der/telemetry/#"]).await;
    let end = std::time::Instant::now() + PATIENCE;
    // The broker reads the accounts anew every two seconds.
    loop {
        let before = bridge.heard().len();
        drop(first.publish("der/telemetry/ev-1", "late", false, None).await);
        bridge.publish("der/telemetry/fence", "fence", false, None).await.expect("queued");
        drop(first.subscribed("der/control/ev-1").await);
        let fenced = |heard: &[Heard]| {
            heard[before..]
                .iter()
                .any(|one| one.payload == b"fence")
                .then(|| heard[before..].to_vec())
        };
        let heard = bridge.wait_for(PATIENCE, "the fence", fenced).await.expect("heard");
        if heard.iter().all(|one| one.payload != b"late") {
            break;
        }
        assert!(std::time::Instant::now() < end, "still heard");
    }
    let (user, password) = login(&broker.first);
    let who = Who { name: user, login: Some((user, password)), ..Who::default() };
    assert!(!broker.is_let_in(who).await);
}

/// Attacks by seed, the first of those that `fuzz` goes on with for as long as it is told to.
#[test]
fn attacks_end_in_nothing_and_memory_stays_bounded() {
    const SEEDS: u64 = 80;
    const RESIDENT_KIB_MAX: u64 = 700_000;
    let broker = Broker::embedded(true);
    let Parts::Embedded(derms, _) = &broker.parts else { panic!("embedded") };
    let login = Login { user: broker.first.0.clone(), password: broker.first.1.clone() };
    let address = SocketAddr::from(([127, 0, 0, 1], broker.port));
    thread::scope(|scope| {
        for part in 0..4 {
            let login = (part % 2 == 0).then(|| login.clone());
            let target = Target { address, login };
            scope.spawn(move || {
                for seed in (part..SEEDS).step_by(4) {
                    attack(&target, seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                }
            });
        }
    });
    let resident = derms.pid().and_then(resident_kib).expect("it still runs");
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut bridge = broker.service("derms-bridge", &["der/telemetry/ev-1"]).await;
        let first = broker.device(&broker.first, &[]).await;
        first.publish("der/telemetry/ev-1", "alive", false, None).await.expect("queued");
        bridge.wait_for(PATIENCE, "telemetry", heard("alive")).await.expect("heard");
    });
}
