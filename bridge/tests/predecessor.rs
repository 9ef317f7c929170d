//! The devices of the system before this one, byte for byte as they speak: its simulator and its Pi agent. What control does
//! with them is shown by `testbench/tests/closed/fleets.rs`.

mod world;

use schemas::codec::Record;
use schemas::ids::FeederId;
use schemas::records::lifecycle::DeviceNotice;
use schemas::records::operator::{Change, OperatorRecord};
use schemas::records::telemetry::{DeviceOrigin, DeviceType, TopicLayout};
use schemas::topics::Topic;
use schemas::units::{Soc, Watts};
use testbench::predecessor::{pi_agent, simulator};
use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_device_of_its_simulator_is_registered_and_stored() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("simulator").await;
    world.ready(&mut device).await;
    let fleet = [
        ("pv", "pv-001", "house-01", 3.2, None, -3_200),
        ("battery", "bat-001", "house-01", -1.25, Some(0.5), -1_250),
        ("ev", "ev-001", "house-01", 4.125, Some(0.31), 4_125),
        ("ev", "ev-003", "house-02", 2.0, Some(0.98), 2_000),
    ];
    for (kind, id, site, kw, soc, watts) in fleet {
        device
            .publish(&format!("der/telemetry/{kind}/{id}"), simulator(kind, id, site, kw, soc))
            .await;
        let sample = &world.samples(id, 1).await[0];
        assert_eq!((sample.power_w, sample.layout), (Watts(watts), TopicLayout::Typed), "{id}");
        assert_eq!(sample.feeder_id, FeederId::new(site).expect("an id"));
        assert_eq!(sample.soc.map(Soc::fraction), soc);
        assert_eq!(sample.origin, DeviceOrigin::Simulated);
    }
    bridge.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_pi_agents_per_cent_are_per_cent_down_to_the_last_one() {
    let world = World::start();
    let bridge = world.bridge(&[]);
    let mut device = world.device("pi-der-001").await;
    world.ready(&mut device).await;
    let percents = [50.0, 12.34, 2.0, 1.0, 0.6, 100.0];
    for percent in percents {
        let sample = pi_agent("battery", "pi-der-001", 2.0, percent);
        device.publish("der/telemetry/battery/pi-der-001", sample).await;
    }
    let samples = world.samples("pi-der-001", percents.len()).await;
    let socs: Vec<_> = samples.iter().filter_map(|sample| sample.soc).collect();
    assert_eq!(socs, [5_000, 1_234, 200, 100, 60, 10_000].map(Soc));
    assert_eq!(samples[0].device_type, DeviceType::Battery);
    assert_eq!(samples[0].origin, DeviceOrigin::Physical);
    assert_eq!(samples[0].feeder_id.as_str(), "home-site");
    let records = world.read_until(Topic::Operator, |records| records.len() >= 3).await;
    let notices = records
        .iter()
        .map(|record| OperatorRecord::decode(&record.value).expect("an operator record").change)
        .filter_map(|change| match change {
            Change::DeviceNoted(noted) => Some(noted.notice),
            _ => None,
        });
    assert_eq!(notices.collect::<Vec<_>>(), [DeviceNotice::SpeaksPercent]);
    bridge.stop().await.expect("a clean end");
}
