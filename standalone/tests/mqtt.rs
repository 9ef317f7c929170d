//! The embedded MQTT broker, asked for everything this system relies on.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use derms::embedded::claim_port;
use derms::embedded::mqtt::{BrokerOptions, MqttBroker};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, LastWill, Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions};
use service_kit::settings::{Service, Settings};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(20);
const SESSION_SECS: u32 = 600;
const PACKET_MAX: u32 = 8 << 20;
const USER: &str = "derms-services";
const PASSWORD: &str = "the services' secret";

async fn broker(data: &Path) -> MqttBroker {
    let address = claim_port(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, "MQTT_PORT").expect("a port");
    MqttBroker::start(broker_options(address, data)).await.expect("the broker starts")
}

/// Its clients here are our own services: what strangers may not is in `mqtt_bounds.rs`.
fn broker_options(address: SocketAddr, data: &Path) -> BrokerOptions {
    let pairs = [("MQTT_USERNAME", USER), ("MQTT_PASSWORD", PASSWORD)];
    let settings = Settings::from_pairs(Service::Standalone, &pairs).expect("settings");
    BrokerOptions::from_settings(&settings, address, data).expect("options")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A client whose connection runs on a task; dropping it breaks the connection off, soon.
struct Peer {
    client: AsyncClient,
    events: mpsc::UnboundedReceiver<Result<Packet, ConnectionError>>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn options(address: SocketAddr, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_max_packet_size(Some(PACKET_MAX)).set_keep_alive(Duration::from_secs(30));
    options.set_credentials(USER, PASSWORD);
    options
}

fn persistent(address: SocketAddr, id: &str) -> MqttOptions {
    let mut options = options(address, id);
    options.set_clean_start(false).set_session_expiry_interval(Some(SESSION_SECS));
    options
}

impl Peer {
    /// Connects and waits for the CONNACK; says whether a session was there. Comes again, as MQTT asks of a client, while
    /// the broker is still ending the connection before under its name.
    async fn connect(options: MqttOptions) -> (Self, bool) {
        let (client, mut eventloop) = AsyncClient::new(options, 10_000);
        let (sender, events) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(packet)) => drop(sender.send(Ok(packet))),
                    Ok(Event::Outgoing(_)) => {}
                    Err(ConnectionError::ConnectionRefused(
                        ConnectReturnCode::ServerUnavailable,
                    )) => {}
                    Err(error) => return drop(sender.send(Err(error))),
                }
            }
        });
        let mut peer = Self { client, events, task };
        let present = match peer.next().await {
            Packet::ConnAck(ack) => ack.session_present,
            other => panic!("no CONNACK: {other:?}"),
        };
        (peer, present)
    }

    /// Breaks the connection off; when this returns, nothing more is received or acknowledged on it.
    async fn leave(mut self) {
        self.task.abort();
        let ended = (&mut self.task).await.expect_err("it runs until it is told to end");
        assert!(ended.is_cancelled(), "{ended}");
    }

    async fn next(&mut self) -> Packet {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("a packet in time")
            .expect("its task tells why it ends")
            .expect("an open connection")
    }

    async fn subscribe(&mut self, filter: &str) {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.expect("queued");
        while !matches!(self.next().await, Packet::SubAck(_)) {}
    }

    async fn message(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publish) = self.next().await {
                return publish;
            }
        }
    }

    async fn send(&mut self, topic: &str, retain: bool, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload.into()).await.expect("queued");
        self.acked(1).await;
    }

    async fn send_expiring(&mut self, topic: &str, payload: &str, secs: u32) {
        let properties =
            PublishProperties { message_expiry_interval: Some(secs), ..Default::default() };
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, true, payload.to_owned(), properties)
            .await
            .expect("queued");
        self.acked(1).await;
    }

    /// Sends messages numbered from 0 and waits until all are acknowledged.
    async fn send_numbered(&mut self, topic: &str, count: usize) {
        for number in 0..count {
            let payload = number.to_string();
            self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.expect("queued");
        }
        self.acked(count).await;
    }

    async fn acked(&mut self, count: usize) {
        let mut acked = 0;
        while acked < count {
            if let Packet::PubAck(_) = self.next().await {
                acked += 1;
            }
        }
    }
}

fn number(publish: &Publish) -> usize {
    std::str::from_utf8(&publish.payload).expect("text").parse().expect("a number")
}

/// What a new subscriber gets of the retained messages: so many, and no more.
async fn retained(
    address: SocketAddr,
    filter: &str,
    count: usize,
) -> Vec<(String, String, Option<u32>)> {
    let (mut peer, _) = Peer::connect(options(address, "reader")).await;
    peer.subscribe(filter).await;
    let mut found = Vec::new();
    while found.len() < count {
        found.push(described(peer.message().await));
    }
    // What else there were would have come before the answer to this message of our own.
    peer.client.publish("zz/end", QoS::AtLeastOnce, false, "").await.expect("queued");
    loop {
        match peer.next().await {
            Packet::Publish(publish) => found.push(described(publish)),
            Packet::PubAck(_) => break,
            _ => {}
        }
    }
    found.sort();
    found
}

fn described(message: Publish) -> (String, String, Option<u32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let expiry = message.properties.as_ref().and_then(|p| p.message_expiry_interval);
    (text(&message.topic), text(&message.payload), expiry)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_gets_what_it_missed_in_order() {
    const COUNT: usize = 5000;
    let data = folder();
    let broker = broker(data.path()).await;
    let (mut away, present) = Peer::connect(persistent(broker.address(), "away")).await;
    assert!(!present);
    away.subscribe("a/+").await;
    away.leave().await;
    let (mut sender, _) = Peer::connect(options(broker.address(), "sender")).await;
    sender.send_numbered("a/b", COUNT).await;
    let (mut back, present) = Peer::connect(persistent(broker.address(), "away")).await;
    assert!(present, "the session was kept");
    for expected in 0..COUNT {
        assert_eq!(number(&back.message().await), expected);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_is_sent_again_after_a_reconnect() {
    let data = folder();
    let broker = broker(data.path()).await;
    let manual = || {
        let mut options = persistent(broker.address(), "manual");
        options.set_manual_acks(true);
        options
    };
    let (mut first, _) = Peer::connect(manual()).await;
    first.subscribe("a").await;
    let (mut sender, _) = Peer::connect(options(broker.address(), "sender")).await;
    sender.send_numbered("a", 10).await;
    for _ in 0..3 {
        let message = first.message().await;
        first.client.ack(&message).await.expect("queued");
    }
    for _ in 3..10 {
        first.message().await;
    }
    // A round trip on the same connection: the broker has read the acknowledgements.
    first.subscribe("other").await;
    first.leave().await;
    let (mut second, present) = Peer::connect(manual()).await;
    assert!(present);
    let mut again = BTreeSet::new();
    while again.len() < 7 {
        let message = second.message().await;
        assert!(message.dup, "marked as a repetition");
        again.insert(number(&message));
        second.client.ack(&message).await.expect("queued");
    }
    assert_eq!(again, (3..10).collect());
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_sent_when_the_connection_broke_is_sent_again() {
    const COUNT: usize = 24;
    // More than both ends of a connection hold, so that the broker stands in the middle of one.
    const SIZE: usize = 1 << 20;
    let data = folder();
    let broker = broker(data.path()).await;
    let (client, mut stalled) = AsyncClient::new(persistent(broker.address(), "stalled"), 10);
    client.subscribe("a", QoS::AtLeastOnce).await.expect("queued");
    let subscribed =
        async { while !matches!(stalled.poll().await, Ok(Event::Incoming(Packet::SubAck(_)))) {} };
    tokio::time::timeout(PATIENCE, subscribed).await.expect("subscribed in time");
    let (mut sender, _) = Peer::connect(options(broker.address(), "sender")).await;
    let zeros = "0".repeat(SIZE);
    for number in 0..COUNT {
        sender.send("a", false, format!("{zeros}{number}")).await;
    }
    drop(stalled);
    let (mut back, present) = Peer::connect(persistent(broker.address(), "stalled")).await;
    assert!(present, "the session was kept");
    let mut got = BTreeSet::new();
    while got.len() < COUNT {
        got.insert(number(&back.message().await));
    }
    assert_eq!(got, (0..COUNT).collect());
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_in_flight_than_the_receive_maximum() {
    let data = folder();
    let broker = broker(data.path()).await;
    let mut slow = options(broker.address(), "slow");
    slow.set_manual_acks(true).set_receive_maximum(Some(5));
    let (mut slow, _) = Peer::connect(slow).await;
    slow.subscribe("a").await;
    let (mut witness, _) = Peer::connect(options(broker.address(), "witness")).await;
    witness.subscribe("a").await;
    let (mut sender, _) = Peer::connect(options(broker.address(), "sender")).await;
    sender.send_numbered("a", 20).await;
    for _ in 0..20 {
        witness.message().await;
    }
    let mut window = Vec::new();
    for _ in 0..5 {
        window.push(slow.message().await);
    }
    slow.client.subscribe("other", QoS::AtLeastOnce).await.expect("queued");
    // Nothing comes between the fifth message and the answer to a request made after it.
    assert!(matches!(slow.next().await, Packet::SubAck(_)));
    for expected in 5..20 {
        let oldest = window.remove(0);
        slow.client.ack(&oldest).await.expect("queued");
        let message = slow.message().await;
        assert_eq!(number(&message), expected);
        window.push(message);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_are_overwritten_expire_and_outlive_the_broker() {
    const DEVICES: usize = 300;
    let data = folder();
    let first = broker(data.path()).await;
    let (mut sender, _) = Peer::connect(options(first.address(), "sender")).await;
    sender.send("r/overwritten", true, "old").await;
    sender.send("r/overwritten", true, "new").await;
    sender.send("r/cleared", true, "x").await;
    sender.send("r/cleared", true, "").await;
    for device in 0..DEVICES {
        sender.send(&format!("many/{device}"), true, "setpoint").await;
    }
    sender.send_expiring("r/short", "gone soon", 1).await;
    let sent = Instant::now();
    sender.send_expiring("r/long", "stays", 500).await;
    let (mut ticker, _) = Peer::connect(options(first.address(), "ticker")).await;
    ticker.subscribe("tick").await;
    while sent.elapsed() < Duration::from_millis(2100) {
        ticker.send("tick", false, "t").await;
    }
    let check = |found: Vec<(String, String, Option<u32>)>| {
        let [long, overwritten] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((long.0.as_str(), long.1.as_str()), ("r/long", "stays"));
        let left = long.2.expect("an expiry");
        assert!((400..=498).contains(&left), "the wait is taken off: {left}");
        assert_eq!(*overwritten, ("r/overwritten".into(), "new".into(), None));
    };
    check(retained(first.address(), "r/#", 2).await);
    first.stop().await;

    let second = broker(data.path()).await;
    check(retained(second.address(), "r/#", 2).await);
    // As if killed: nothing is closed in order. (The next broker has the folder alone.)
    drop(second);
    let third = broker(data.path()).await;
    check(retained(third.address(), "r/#", 2).await);
    assert_eq!(retained(third.address(), "many/+", DEVICES).await.len(), DEVICES);
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_file_keeps_what_was_whole() {
    let data = folder();
    let first = broker(data.path()).await;
    let (mut sender, _) = Peer::connect(options(first.address(), "sender")).await;
    sender.send("r/whole", true, "x").await;
    sender.send("r/torn", true, "y".repeat(1000)).await;
    first.stop().await;
    let file = data.path().join("retained.log");
    let bytes = std::fs::read(&file).expect("the file");
    std::fs::write(&file, &bytes[..bytes.len() - 1]).expect("cut");
    let second = broker(data.path()).await;
    let found = retained(second.address(), "r/#", 1).await;
    assert_eq!(found, [("r/whole".to_owned(), "x".to_owned(), None)]);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_client_leaves_its_will() {
    let data = folder();
    let broker = broker(data.path()).await;
    let (mut watcher, _) = Peer::connect(options(broker.address(), "watcher")).await;
    watcher.subscribe("status/+").await;
    let mut mortal = options(broker.address(), "mortal");
    mortal.set_last_will(LastWill::new("status/mortal", "offline", QoS::AtLeastOnce, true, None));
    let (mortal, _) = Peer::connect(mortal).await;
    mortal.leave().await;
    let will = watcher.message().await;
    assert_eq!(&will.topic[..], b"status/mortal");
    assert_eq!(&will.payload[..], b"offline");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_share_topics_without_loss_or_disorder() {
    const TOPICS: usize = 20;
    const EACH: usize = 50;
    let data = folder();
    let broker = broker(data.path()).await;
    let mut members = Vec::new();
    for id in ["one", "two"] {
        let (mut member, _) = Peer::connect(persistent(broker.address(), id)).await;
        member.subscribe("$share/g/a/+").await;
        members.push(member);
    }
    let (mut sender, _) = Peer::connect(options(broker.address(), "sender")).await;
    for topic in 0..TOPICS {
        sender.send_numbered(&format!("a/{topic}"), EACH).await;
    }
    let mut seen = std::collections::BTreeMap::<_, (usize, Vec<usize>)>::new();
    let [one, two] = members.as_mut_slice() else { panic!("two members") };
    for _ in 0..TOPICS * EACH {
        let (member, message) = tokio::select! {
            message = one.message() => (1, message),
            message = two.message() => (2, message),
        };
        let (owner, numbers) =
            seen.entry(message.topic.clone()).or_insert_with(|| (member, Vec::new()));
        assert_eq!(*owner, member, "a topic stays with one member");
        numbers.push(number(&message));
    }
    assert!(seen.values().all(|(_, numbers)| numbers.iter().copied().eq(0..EACH)));
    let owners: BTreeSet<_> = seen.values().map(|(owner, _)| *owner).collect();
    assert_eq!(owners.len(), 2, "both work");
    // One goes away and comes back: what was meant for it while it seemed to be there waits in its session, the
    // other gets the rest.
    let mut two = members.pop().expect("two members");
    // A round trip on its connection: the broker has read what it acknowledged.
    two.subscribe("other").await;
    two.leave().await;
    for topic in 0..TOPICS {
        sender.send(&format!("a/{topic}"), false, EACH.to_string()).await;
    }
    let (mut two, present) = Peer::connect(persistent(broker.address(), "two")).await;
    assert!(present);
    let [one] = members.as_mut_slice() else { panic!("one member") };
    let mut topics = BTreeSet::new();
    for _ in 0..TOPICS {
        let message = tokio::select! {
            message = one.message() => message,
            message = two.message() => message,
        };
        assert_eq!(number(&message), EACH);
        assert!(topics.insert(message.topic.clone()), "once: {:?}", message.topic);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_pass() {
    let data = folder();
    let broker = broker(data.path()).await;
    let (mut peer, _) = Peer::connect(options(broker.address(), "peer")).await;
    peer.subscribe("large").await;
    let payload = vec![b'x'; 2 << 20];
    peer.client.publish("large", QoS::AtLeastOnce, false, payload.clone()).await.expect("queued");
    assert_eq!(peer.message().await.payload, payload);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_lose_nothing_and_the_broker_ends_quickly() {
    const CLIENTS: usize = 500;
    const EACH: usize = 20;
    let data = folder();
    let broker = broker(data.path()).await;
    let address = broker.address();
    let (mut collector, _) = Peer::connect(options(address, "collector")).await;
    collector.subscribe("t/+").await;
    let senders = (0..CLIENTS).map(|id| async move {
        let (mut peer, _) = Peer::connect(options(address, &format!("device-{id}"))).await;
        peer.send_numbered(&format!("t/{id}"), EACH).await;
        peer
    });
    let peers = futures::future::join_all(senders).await;
    for _ in 0..CLIENTS * EACH {
        collector.message().await;
    }
    let began = Instant::now();
    broker.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(peers);
    // The port is free for the next one although connections were open.
    let again = broker_options(address, data.path());
    MqttBroker::start(again).await.expect("starts again").stop().await;
}
