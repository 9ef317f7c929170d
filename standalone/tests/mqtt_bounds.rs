//! What strangers may take of the embedded broker: connections, sessions, memory and time. Who may do what is asked in
//! `testbench/tests/closed/mqtt.rs`, of Mosquitto too.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use derms::embedded::claim_port;
use derms::embedded::mqtt::{BrokerOptions, MqttBroker};
use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode;
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, StateError};
use service_kit::settings::{Service, Settings};
use testbench::fuzz::mqtt::packets::{connect, publish, subscribe};
use testbench::fuzz::mqtt::{Login, Version};

const PATIENCE: Duration = Duration::from_secs(20);
const ACCEPTED: u8 = 0;

async fn broker(change: impl FnOnce(&mut BrokerOptions)) -> (MqttBroker, tempfile::TempDir) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let address = claim_port(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "MQTT_PORT").expect("a port");
    let pairs = [("MQTT_USERNAME", "derms-services"), ("MQTT_PASSWORD", "secret")];
    let settings = Settings::from_pairs(Service::Standalone, &pairs).expect("settings");
    let mut options =
        BrokerOptions::from_settings(&settings, address, data.path()).expect("options");
    change(&mut options);
    (MqttBroker::start(options).await.expect("the broker starts"), data)
}

fn service() -> Login {
    Login { user: "derms-services".to_owned(), password: "secret".to_owned() }
}

/// A connection of MQTT 3.1.1, byte by byte.
struct Raw(TcpStream);

impl Raw {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time limit");
        Self(stream)
    }

    /// Logs in; gives the code of the answer, none where the connection ends.
    fn log_in(
        address: SocketAddr,
        id: &str,
        login: Option<&Login>,
        kept: u32,
    ) -> (Self, Option<u8>) {
        let mut raw = Self::open(address);
        raw.send(&connect(Version::Three, id, login, kept));
        let mut answer = [0; 4];
        let code = raw.0.read_exact(&mut answer).is_ok().then_some(answer[3]);
        (raw, code)
    }

    fn send(&mut self, bytes: &[u8]) {
        // The broker may have ended the connection: the next read shows it.
        drop(self.0.write_all(bytes));
    }

    /// Whether a message is acknowledged; false where the connection ends.
    fn is_taken(&mut self, topic: &str, payload: &[u8]) -> bool {
        self.send(&publish(Version::Three, topic.as_bytes(), payload, 1, false));
        let mut answer = [0; 4];
        self.0.read_exact(&mut answer).is_ok() && answer[0] == 0x40
    }

    /// Waits for the end of the connection.
    fn ends(mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

async fn next(eventloop: &mut EventLoop) -> Result<Event, ConnectionError> {
    tokio::time::timeout(PATIENCE, eventloop.poll()).await.expect("in time")
}

#[track_caller]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_and_come_back() {
    let (broker, _data) = broker(|options| options.connections_max = 5).await;
    let address = broker.address();
    let mut open = Vec::new();
    for number in 0..5 {
        let (raw, code) = Raw::log_in(address, &format!("d{number}"), None, 1);
        assert_eq!(code, Some(ACCEPTED));
        open.push(raw);
    }
    assert!(Raw::open(address).ends(), "one too many");
    // Sessions stay; their connections do not.
    drop(open);
    for number in 5..15 {
        eventually("a place is free again", || {
            Raw::log_in(address, &format!("d{number}"), None, 1).1 == Some(ACCEPTED)
        });
    }
    broker.stop().await;
}

/// Clients that go without reading what they asked for: their sockets break under what the broker has still to say.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_broke_gives_its_place_back_though_its_session_stays() {
    let (broker, _data) = broker(|options| options.connections_max = 5).await;
    let address = broker.address();
    for version in [Version::Three, Version::Five] {
        for number in 0..20 {
            let id = format!("{version:?}-{number}");
            eventually("a place is free again", || {
                let mut raw = Raw::open(address);
                raw.send(&connect(version, &id, None, 600));
                let mut answer = [0];
                let has_begun = raw.0.read_exact(&mut answer).is_ok();
                for _ in 0..300 {
                    raw.send(&subscribe(version, &[b"der/simulation/profile".to_vec()]));
                }
                has_begun
            });
        }
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_log_in_is_not_waited_for() {
    let (broker, _data) = broker(|options| options.login_max = Duration::from_millis(300)).await;
    let whole = connect(Version::Five, "slow", None, 0);
    for sent in [0, 1, 5, whole.len() - 1] {
        let mut raw = Raw::open(broker.address());
        raw.send(&whole[..sent]);
        assert!(raw.ends(), "{sent} bytes");
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_bounded_and_those_that_are_known_may_come_back() {
    let (broker, _data) = broker(|options| options.sessions_max = 4).await;
    let log_in = |id: &str| Raw::log_in(broker.address(), id, None, 1);
    let there = ["a", "b", "c"].map(log_in);
    assert!(there.iter().all(|(_, code)| *code == Some(ACCEPTED)));
    assert_ne!(log_in("d").1, Some(ACCEPTED), "three quarters are the guests'");
    let login = Some(service());
    let bridge = Raw::log_in(broker.address(), "derms-bridge", login.as_ref(), 1);
    assert_eq!(bridge.1, Some(ACCEPTED), "our services have theirs");
    assert_eq!(log_in("a").1, Some(ACCEPTED), "it is known");
    broker.stop().await;
}

/// A flood of sessions that nobody comes back to keeps nobody out; who is there keeps what waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_client_is_away_gives_its_place_to_a_newcomer() {
    const SESSIONS: usize = 20;
    let (broker, _data) = broker(|options| options.sessions_max = SESSIONS).await;
    let log_in = |id: &str| Raw::log_in(broker.address(), id, None, 1);
    let mut bridge = Raw::log_in(broker.address(), "derms-bridge", Some(&service()), 1).0;
    let (mut present, _) = log_in("ev-1");
    assert!(present.is_taken("der/telemetry/ev-1", b"it is who it says"));
    present.send(&subscribe(Version::Three, &[b"der/control/ev-1".to_vec()]));
    present.0.read_exact(&mut [0; 5]).expect("a SUBACK");
    for number in 0..5 * SESSIONS {
        // The broker may not have noticed yet that the others have gone.
        eventually("a newcomer is let in", || {
            log_in(&format!("flood-{number}")).1 == Some(ACCEPTED)
        });
    }
    assert!(bridge.is_taken("der/control/ev-1", b"a setpoint"));
    let mut heard = [0; 2];
    present.0.read_exact(&mut heard).expect("it is still heard");
    assert_eq!(heard[0] & 0xf0, 0x30, "a PUBLISH");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_bounded_in_bytes_and_setpoints_still_go_out() {
    const BYTES: usize = 4 << 20;
    let (broker, _data) = broker(|options| options.message_bytes_max = BYTES).await;
    let address = broker.address();
    let (mut bridge, _) = Raw::log_in(address, "derms-bridge", Some(&service()), 1);
    bridge.send(&subscribe(Version::Three, &[b"der/telemetry/#".to_vec()]));
    bridge.0.read_exact(&mut [0; 5]).expect("a SUBACK");
    drop(bridge);
    let payload = vec![b'x'; 60_000];
    let mut taken = 0;
    let (mut device, _) = Raw::log_in(address, "ev-1", None, 0);
    while device.is_taken("der/telemetry/ev-1", &payload) {
        taken += payload.len();
        assert!(taken <= BYTES, "taken without bound");
    }
    assert!(taken > BYTES / 2, "only {taken}");
    let (mut talker, _) = Raw::log_in(address, "derms-talker", Some(&service()), 0);
    assert!(talker.is_taken("der/control/ev-1", b"a setpoint"));
    // The bridge's session begins anew: what waited for it is gone, and there is room.
    drop(Raw::log_in(address, "derms-bridge", Some(&service()), 0));
    eventually("there is room again", || {
        let (mut device, _) = Raw::log_in(address, "ev-1", None, 0);
        device.is_taken("der/telemetry/ev-1", &payload)
    });
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_devices_packets_are_small_and_a_services_may_be_large() {
    let (broker, _data) = broker(|_| {}).await;
    let large = vec![b'x'; 2 << 20];
    let (mut device, _) = Raw::log_in(broker.address(), "ev-1", None, 0);
    assert!(!device.is_taken("der/telemetry/ev-1", &large));
    // A name alone does not make a service.
    let posing = Login { password: "guess".to_owned(), ..service() };
    assert_ne!(Raw::log_in(broker.address(), "derms-x", Some(&posing), 0).1, Some(ACCEPTED));
    let (mut talker, _) = Raw::log_in(broker.address(), "derms-x", Some(&service()), 0);
    assert!(talker.is_taken("der/telemetry/ev-1", &large));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_session_is_taken_hears_why() {
    let (broker, _data) = broker(|_| {}).await;
    let open = || {
        let address = broker.address();
        let mut options =
            rumqttc::v5::MqttOptions::new("derms-bridge", address.ip().to_string(), address.port());
        options.set_credentials("derms-services", "secret");
        AsyncClient::new(options, 10)
    };
    let (_first_client, mut first) = open();
    next(&mut first).await.expect("it gets in");
    let (_second_client, mut second) = open();
    next(&mut second).await.expect("it gets in");
    let ended = loop {
        if let Err(error) = next(&mut first).await {
            break error;
        }
    };
    let ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) = ended else {
        panic!("no DISCONNECT: {ended:?}")
    };
    assert_eq!(reason_code, DisconnectReasonCode::SessionTakenOver);
    broker.stop().await;
}
