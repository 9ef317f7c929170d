//! The fleet against a real Mosquitto: what it publishes, what it obeys, how it ends, what it survives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use derms_sim::{Config, Stats, run};
use schemas::mqtt::{
    Envelope, Inbound, Mode, Setpoint, Source, TelemetryMessage, Topics, decode_ack,
    decode_telemetry,
};
use schemas::records::ack::AckStatus;
use schemas::records::telemetry::DeviceType;
use schemas::{DeviceId, Timestamp, Watts};
use service_kit::clock::{Clock, SystemClock};
use service_kit::mqtt::Broker;
use testbench::mosquitto::Mosquitto;
use testbench::mqtt::{Client, Heard};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

struct Fleet {
    stats: Stats,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Fleet {
    fn start(broker: &Mosquitto, devices: usize, interval_ms: u64) -> Self {
        let (stats, stop) = (Stats::default(), CancellationToken::new());
        let config = Config {
            broker: Broker {
                host: broker.host(),
                port: broker.port(),
                credentials: None,
                tls: None,
            },
            topics: Topics::default(),
            devices,
            feeders: 2,
            interval: Duration::from_millis(interval_ms),
            seed: 1,
            hours_ahead: 0.0,
            run_for: None,
        };
        let running = run(config, stats.clone(), stop.clone());
        let task = service_kit::task::spawn("fleet", running);
        Self { stats, stop, task }
    }

    async fn stop(self) -> Stats {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.task).await;
        ended.expect("it ends in time").expect("it does not panic").expect("it ends well");
        self.stats
    }
}

async fn listen(broker: &Mosquitto, filters: &[&str]) -> Client {
    Client::connect(&broker.host(), broker.port(), "listener", filters).await.expect("it connects")
}

fn samples(heard: &[Heard]) -> Vec<TelemetryMessage> {
    let topics = Topics::default();
    heard
        .iter()
        .filter_map(|one| match topics.parse(&one.topic).expect("one of our topics") {
            Inbound::Telemetry(topic) => {
                Some(decode_telemetry(&topic, &one.payload, 256_000).expect("a valid sample"))
            }
            Inbound::Ack(_) | Inbound::Status(_) => None,
        })
        .collect()
}

fn of_device<'h>(heard: &'h [Heard], topic: &'h str) -> impl DoubleEndedIterator<Item = &'h Heard> {
    heard.iter().filter(move |one| one.topic == topic)
}

fn setpoint_for(
    device: &TelemetryMessage,
    target: Watts,
    ttl_ms: i64,
    fallback: Watts,
) -> Setpoint {
    let now = SystemClock.now();
    Setpoint {
        envelope: Envelope {
            message_id: Uuid::new_v4(),
            timestamp: now,
            sent_at: Some(now),
            source: Source::Backend,
            ..device.envelope.clone()
        },
        target_w: target,
        mode: Mode::of(device.envelope.device_type, target),
        valid_until: now.plus_ms(ttl_ms),
        ttl_ms: Some(ttl_ms),
        fallback_w: Some(fallback),
        log: None,
        epoch: Some(1),
        seq: Some(1),
        ramp_w_per_s: None,
        allocator: "feeder-controller".into(),
        notes: None,
    }
}

#[tokio::test]
async fn what_the_broker_acknowledged_is_what_a_listener_hears_and_all_of_it_is_valid() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker, &["der/telemetry/#"]).await;
    let fleet = Fleet::start(&broker, 150, 200);
    listener
        .wait_for(PATIENCE, "a thousand samples", |heard| (heard.len() >= 1000).then_some(()))
        .await
        .expect("the fleet speaks");
    let stats = fleet.stop().await;
    let acked = usize::try_from(stats.telemetry_acked()).expect("few");
    assert_eq!(stats.telemetry_sent(), stats.telemetry_acked());
    assert_eq!(stats.telemetry_lost(), 0);
    listener
        .wait_for(PATIENCE, "as many as were acknowledged", |heard| {
            (heard.len() >= acked).then_some(())
        })
        .await
        .expect("every acknowledged sample is delivered");
    let samples = samples(&listener.heard());
    assert_eq!(samples.len(), acked);
    let ids: BTreeSet<Uuid> = samples.iter().map(|sample| sample.envelope.message_id).collect();
    assert_eq!(ids.len(), acked, "ids are unique");
    let mut last: BTreeMap<DeviceId, Timestamp> = BTreeMap::new();
    for sample in &samples {
        let at = sample.envelope.timestamp;
        let earlier = last.insert(sample.envelope.device_id.clone(), at);
        assert!(earlier.is_none_or(|earlier| at > earlier), "times of a device rise");
        assert_eq!(sample.unknown_fields, 0);
    }
    assert_eq!(last.len(), 150);
    let feeders: BTreeSet<_> =
        samples.iter().filter_map(TelemetryMessage::claimed_feeder).collect();
    assert_eq!(
        feeders.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["feeder-1", "feeder-2"]
    );
}

#[tokio::test]
async fn devices_say_online_while_they_live_and_offline_when_they_end() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker, &["der/status/#"]).await;
    let fleet = Fleet::start(&broker, 10, 1000);
    let all = |word: &'static str| {
        move |heard: &[Heard]| {
            (heard.iter().filter(|one| one.payload == word.as_bytes()).count() == 10).then_some(())
        }
    };
    listener.wait_for(PATIENCE, "ten online", all("online")).await.expect("they come");
    fleet.stop().await;
    listener.wait_for(PATIENCE, "ten offline", all("offline")).await.expect("they go");
    let mut later = Client::connect(&broker.host(), broker.port(), "later", &["der/status/#"])
        .await
        .expect("it connects");
    later.wait_for(PATIENCE, "ten retained", all("offline")).await.expect("it is retained");
}

#[tokio::test]
async fn a_setpoint_is_obeyed_within_the_ramp_acknowledged_and_lapses_into_its_fallback() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker, &["der/telemetry/#", "der/ack/#"]).await;
    let fleet = Fleet::start(&broker, 10, 100);
    let is_busy = |sample: &TelemetryMessage| {
        sample.envelope.device_type == DeviceType::Ev && sample.readings.power_w >= Watts(6_000)
    };
    let busy = listener
        .wait_for(PATIENCE, "a car that charges", |heard| samples(heard).into_iter().find(is_busy))
        .await
        .expect("cars charge at will");
    let topics = Topics::default();
    let id = busy.envelope.device_id.clone();
    let command = setpoint_for(&busy, Watts(3_000), 7_000, Watts(1_500));
    let sent_at = SystemClock.now();
    listener
        .publish(&topics.control(&id), command.encode(), true, Some(7))
        .await
        .expect("published");

    let ack_topic = topics.ack(&id);
    let acks = |heard: &[Heard], wanted: usize| {
        let acks: Vec<_> = of_device(heard, &ack_topic)
            .map(|one| decode_ack(&id, &one.payload, 256_000).expect("a valid ack"))
            .collect();
        (acks.len() >= wanted).then_some(acks)
    };
    let two = listener
        .wait_for(PATIENCE, "accepted, applied", |heard| acks(heard, 2))
        .await
        .expect("acks");
    assert!(two.iter().all(|ack| ack.setpoint_id == command.id()));
    assert_eq!([two[0].status, two[1].status], [AckStatus::Accepted, AckStatus::Applied]);
    let applied = two[1].applied_w.expect("it says how much");
    assert!((2_850..=3_050).contains(&applied.0), "{applied}");
    let took_ms = two[1].envelope.timestamp.since(sent_at);
    let ramp = busy.capabilities.ramp_w_per_s.expect("it says so").0;
    // Never sooner than its ramp allows. Its power may have risen since the sample that chose it.
    let least_ms = (busy.readings.power_w.0 - 3_000) * 1000 / ramp - 300;
    assert!(took_ms >= least_ms, "{took_ms} ms at {ramp} W/s, at least {least_ms} ms");

    let telemetry = topics.telemetry(&id);
    let power = |heard: &[Heard]| {
        samples(&of_device(heard, &telemetry).next_back().cloned().into_iter().collect::<Vec<_>>())
            .first()
            .map(|sample| sample.readings.power_w)
    };
    listener
        .wait_for(PATIENCE, "3 kW", |heard| {
            power(heard).filter(|watts| (2_800..=3_050).contains(&watts.0))
        })
        .await
        .expect("its samples follow");
    let three = listener
        .wait_for(PATIENCE, "the end of the lease", |heard| acks(heard, 3))
        .await
        .expect("acks");
    assert_eq!(three[2].status, AckStatus::Expired);
    let held_ms = three[2].envelope.timestamp.since(three[0].envelope.timestamp);
    assert!(held_ms >= 5_900, "the lease held only {held_ms} ms");
    listener
        .wait_for(PATIENCE, "1.5 kW", |heard| {
            power(heard).filter(|watts| (1_380..=1_550).contains(&watts.0))
        })
        .await
        .expect("it goes to its fallback");
    let stats = fleet.stop().await;
    assert_eq!(stats.setpoints(), 1);
}

#[tokio::test]
async fn night_falls_when_the_profile_says_so() {
    let broker = Mosquitto::start().expect("mosquitto runs");
    let mut listener = listen(&broker, &["der/telemetry/#"]).await;
    let profile = |word: &str| format!("{{\"profile\":\"{word}\",\"source\":\"manual\"}}");
    let topic = Topics::default().simulation_profile();
    listener.publish(&topic, profile("day"), true, None).await.expect("published");
    let fleet = Fleet::start(&broker, 20, 100);
    let sunny = |sample: &TelemetryMessage| {
        sample.envelope.device_type == DeviceType::Pv && sample.readings.power_w < Watts(-500)
    };
    let roof = listener
        .wait_for(PATIENCE, "sun", |heard| samples(heard).into_iter().find(sunny))
        .await
        .expect("a retained profile counts from the start");
    listener.publish(&topic, profile("night"), true, None).await.expect("published");
    let own = Topics::default().telemetry(&roof.envelope.device_id);
    listener
        .wait_for(PATIENCE, "dark", |heard| {
            let last: Vec<Heard> =
                of_device(heard, &own).next_back().cloned().into_iter().collect();
            samples(&last).first().filter(|sample| sample.readings.power_w == Watts(0)).map(|_| ())
        })
        .await
        .expect("no sun at night");
    fleet.stop().await;
}

#[tokio::test]
async fn a_broker_that_goes_away_for_a_while_gets_every_sample_in_the_end() {
    let mut broker = Mosquitto::start().expect("mosquitto runs");
    let (host, port) = (broker.host(), broker.port());
    let filters = ["der/telemetry/#"];
    let durable =
        Client::connect_durable(&host, port, "durable", &filters).await.expect("it connects");
    let mut watcher = listen(&broker, &filters).await;
    drop(durable);
    let fleet = Fleet::start(&broker, 20, 100);
    let some = |count: usize| move |heard: &[Heard]| (heard.len() >= count).then_some(());
    watcher.wait_for(PATIENCE, "200 samples", some(200)).await.expect("the fleet speaks");
    broker.stop().expect("it ends");
    let sent = fleet.stats.telemetry_sent();
    let grown = async {
        while fleet.stats.telemetry_sent() < sent + 100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, grown).await.expect("it goes on without a broker");
    broker.restart().expect("it comes back");
    let mut watcher = listen(&broker, &filters).await;
    watcher.wait_for(PATIENCE, "200 more", some(200)).await.expect("the fleet is back");
    let stats = fleet.stop().await;
    assert_eq!((stats.telemetry_acked(), stats.telemetry_lost()), (stats.telemetry_sent(), 0));

    let expected = usize::try_from(stats.telemetry_sent()).expect("few");
    let mut durable =
        Client::connect_durable(&host, port, "durable", &[]).await.expect("it connects");
    let unique = |heard: &[Heard]| {
        let ids: BTreeSet<Uuid> =
            samples(heard).iter().map(|sample| sample.envelope.message_id).collect();
        (ids.len() >= expected).then_some(ids.len())
    };
    let heard =
        durable.wait_for(PATIENCE, "every sample", unique).await.expect("nothing is missing");
    assert_eq!(heard, expected, "and a sample sent twice has the same id twice");
}
