//! A stopped feeder, which nothing that comes from outside can make: control stops where plans fail their own check, and
//! none does. So an instance of the processor whose policy is broken has the log for a while, with the real core in it, and
//! leaves there what it would leave anywhere: its claim, its failed decisions, a snapshot. Who comes after it finds the
//! feeder stopped.

use control_core::policy::{Policy, Problem, Shares, WaterFill};
use control_core::{Tick, Tree};
use control_instance::{Driver, RegistryAt, ReplayRegistry, Snapshots, Standing, gather};
use schemas::codec::Record as _;
use schemas::records::decision::{Claim, Decision, LedgerRecord, Positions, Trigger};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::{Change, ControlSettings, OperatorRecord};
use schemas::records::snapshot::SnapshotPart;
use schemas::topics::{Topic, tree_partition};
use schemas::{FeederId, Watts};
use serde_json::Value;
use service_kit::log::{
    InPartition, LogConfig, Only, Outgoing, Producer, Start, identity, read_to_end,
};
use service_kit::settings::{Service, Settings};
use uuid::Uuid;

use super::{SOON, World, heard};

const FEEDER: &str = "feeder-2";
const STOPPED: &str = "CTL-007";
/// After so many failed cycles the broken instance stops control. Everybody else here takes far more good ones to let it
/// come back by itself than a test lasts.
const FAILURES: i32 = 2;
/// More than any fallback of the simulated fleet.
const MORE_KW: f64 = 2.0;

/// Devices of the feeder that the broken policy is wrong about, at least.
const MANY: usize = 5;

/// Gives everybody less than nothing.
struct Broken;

impl Policy for Broken {
    fn name(&self) -> &'static str {
        "water-fill"
    }

    fn allocate(&self, problem: &Problem) -> Shares {
        let mut shares = WaterFill.allocate(problem);
        for share in &mut shares.shares_w {
            *share = -*share - Watts(1_000);
        }
        shares
    }
}

/// A processor that has read the whole partition of a tree.
struct Faulty {
    config: LogConfig,
    producer: Producer,
    root: FeederId,
    partition: i32,
    driver: Driver,
    registry: RegistryAt,
    last: Decision,
    decisions_next: i64,
}

impl Faulty {
    /// Reads the log as recovery does, but from its beginning: no snapshot keeps the last decision from it.
    async fn recover(config: LogConfig, root: FeederId) -> anyhow::Result<Self> {
        let partitions = config.tree_partitions;
        let partition = tree_partition(&root, partitions);
        let mut snapshots = Snapshots::default();
        read_to_end(&config, &[(Topic::Snapshots, partition, Start::Beginning)], |record| {
            snapshots.read(&record);
            anyhow::Ok(())
        })
        .await?;
        let lineage = identity::read(&config).await?;
        let mut driver = Driver::new(partition, partitions, None).of(lineage);
        for (root, number) in snapshots.numbers() {
            driver.note_snapshot(root, number);
        }
        let mut registry = ReplayRegistry::default();
        read_to_end(&config, &[(Topic::Operator, 0, Start::Beginning)], |record| {
            registry.gather(record.offset, OperatorRecord::decode(&record.value)?);
            anyhow::Ok(())
        })
        .await?;
        let inputs = [Topic::Acks, Topic::Telemetry].map(|of| (of, partition, Start::Beginning));
        read_to_end(&config, &inputs, |record| {
            Ok::<_, anyhow::Error>(gather(&mut driver, &record)?)
        })
        .await?;
        let (mut last, mut decisions_next) = (None, 0);
        read_to_end(&config, &[(Topic::Decisions, partition, Start::Beginning)], |record| {
            decisions_next = record.offset + 1;
            let read = LedgerRecord::decode(&record.value)?;
            if let Standing::Counts { decision, .. } = driver.read_decision(read, &mut registry)
                && decision.root == root
            {
                last = Some(decision);
            }
            anyhow::Ok(())
        })
        .await?;
        let last = last.expect("the tree has been decided");
        let producer = Producer::new(&config)?;
        let registry = registry.into_latest();
        let mut faulty =
            Self { config, producer, root, partition, driver, registry, last, decisions_next };
        faulty.set().await?;
        Ok(faulty)
    }

    /// Writes its own settings, as every processor does at its start.
    async fn set(&mut self) -> anyhow::Result<()> {
        let settings = ControlSettings {
            max_consecutive_failures: FAILURES,
            ..self.registry.registry.settings.clone()
        };
        let record = OperatorRecord {
            id: Uuid::now_v7(),
            at: self.last.header.at,
            source: None,
            actor: "derms-processor".to_owned(),
            change: Change::ControlSettings(settings),
        };
        let offset = self.producer.append(&Outgoing::of(&record, Only), SOON).await?;
        self.registry.read(offset, &record);
        Ok(())
    }

    async fn append(&mut self, record: LedgerRecord) -> anyhow::Result<()> {
        let outgoing = Outgoing::of(&record, InPartition(self.partition));
        self.decisions_next = self.producer.append(&outgoing, SOON).await? + 1;
        Ok(())
    }

    /// Claims the tree, and decides until its own check has stopped it.
    async fn decide_until_stopped(mut self) -> anyhow::Result<()> {
        let parts = self.driver.snapshot_if_due(&self.last, self.decisions_next, 0, usize::MAX);
        let snapshot = parts.into_iter().next().expect("a snapshot of its state");
        let state = snapshot.tree.clone().expect("it has a tree");
        let mut tree = Tree::restore(self.root.clone(), state, snapshot.devices.clone());
        let before = self.driver.holder().expect("somebody has decided");
        let (epoch, writer) = (before.epoch + 1, Uuid::now_v7());
        let claim = Claim {
            epoch,
            writer,
            at: self.last.header.at,
            name: "broken".to_owned(),
            log: identity::read(&self.config).await?.map(|lineage| lineage.current()),
        };
        self.append(LedgerRecord::Claim(claim)).await?;
        // No input more than before.
        let positions = Positions { operator: self.registry.next, ..self.last.header.positions };
        let mut decision = self.last.clone();
        for _ in 0..FAILURES {
            let tick = Tick {
                now: decision.header.at.plus_ms(self.registry.registry.settings.interval_ms),
                trigger: Trigger::Window,
                no: DecisionNo::new(epoch, decision.no.seq + 1),
                writer,
                positions,
            };
            decision = tree.decide_with(&self.registry.registry, tick, &Broken);
            assert!(!decision.header.certified, "{:?}", decision.header);
            for part in decision.clone().into_parts(usize::MAX) {
                self.append(LedgerRecord::DecisionPart(part)).await?;
            }
        }
        assert!(decision.header.nodes[0].stopped.is_some(), "{:?}", decision.header);
        let (state, devices) = tree.snapshot();
        let part = SnapshotPart {
            version: decision.no,
            writer,
            positions,
            decisions_next: self.decisions_next,
            tree: Some(state),
            devices,
            ..snapshot
        };
        self.producer.append(&Outgoing::of(&part, InPartition(self.partition)), SOON).await?;
        Ok(())
    }
}

/// Lets a broken instance stop the feeder while nobody else is there.
fn stop_feeder(environment: &[(String, String)]) {
    let of_log = |name: &str| name.starts_with("DERMS_KAFKA_") || name == "DERMS_TREE_PARTITIONS";
    let pairs: Vec<(&str, &str)> = environment
        .iter()
        .filter(|(name, _)| of_log(name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let settings = Settings::from_pairs(Service::Processor, &pairs).expect("settings");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let root = FeederId::new(FEEDER).expect("an id");
    runtime.block_on(async {
        let faulty = Faulty::recover(LogConfig::from_settings(&settings), root).await;
        faulty.expect("it reads the log").decide_until_stopped().await.expect("it stops");
    });
}

impl World {
    /// What the API shows of the devices of the feeder: id, power and setpoint.
    fn told(&self) -> Option<Vec<(String, f64, f64)>> {
        let query = format!(
            "{{ devices(feederId: \"{FEEDER}\", freshness: FRESH, first: 100) {{ edges {{ node {{ id powerKw setpointKw }} }} }} }}"
        );
        let answer = self.place.graphql(&self.operator, &query);
        let edges = answer["data"]["devices"]["edges"].as_array()?;
        let shown = |edge: &Value| {
            let node = &edge["node"];
            let (power_kw, setpoint_kw) = (node["powerKw"].as_f64()?, node["setpointKw"].as_f64()?);
            Some((node["id"].as_str()?.to_owned(), power_kw, setpoint_kw))
        };
        Some(edges.iter().filter_map(shown).collect())
    }

    /// A device of the feeder that is told to take more than any fallback.
    fn told_more(&self) -> Option<String> {
        let more = |(id, _, setpoint_kw): (String, f64, f64)| (setpoint_kw > MORE_KW).then_some(id);
        self.told()?.into_iter().find_map(more)
    }

    fn feeder_stopped(&self) -> Option<Value> {
        let query = format!("{{ feeder(id: \"{FEEDER}\") {{ stopped }} }}");
        let answer = self.place.graphql(&self.operator, &query);
        answer["data"]["feeder"].is_object().then(|| answer["data"]["feeder"]["stopped"].clone())
    }

    /// Whether the alarm of a stopped feeder is raised for it.
    fn alarmed(&self) -> Option<bool> {
        let answer = self.place.graphql(&self.operator, "{ alarms { code feederId runbook } }");
        let alarms = answer["data"]["alarms"].as_array()?;
        Some(alarms.iter().any(|alarm| alarm["code"] == STOPPED && alarm["feederId"] == FEEDER))
    }

    /// What health says of control.
    fn control(&self) -> Option<(bool, String)> {
        let answer = self.place.graphql(&self.operator, "{ health { control { ok detail } } }");
        let control = &answer["data"]["health"]["control"];
        Some((control["ok"].as_bool()?, control["detail"].as_str().unwrap_or_default().to_owned()))
    }

    /// Waits until the last word to the device at the broker is so: what it is told, and its fallback.
    fn hears(&self, device: &str, what: &str, is_so: impl Fn(f64, f64) -> bool) {
        let topic = format!("der/control/{device}");
        heard(self, &[&topic], &[], what, |all| {
            let command = all.last().map(|last| last.json()["payload"]["command"].clone());
            let kw = |name: &str| command.as_ref().and_then(|command| command[name].as_f64());
            kw("targetPowerKw").zip(kw("fallbackKw")).is_some_and(|(told, back)| is_so(told, back))
        });
    }
}

pub(super) fn a_stopped_feeder_tells_everyone_the_fallback_until_it_is_resumed(world: &mut World) {
    world.simulator.restart().expect("the simulator");
    // One device alone would only be held back where the policy is wrong about it.
    let many = |world: &World| world.told().filter(|told| told.len() >= MANY);
    world.eventually("many devices are told something", || many(world));
    let device = world.eventually("somebody is told more than the fallback", || world.told_more());
    world.place.with_log_alone(|place| stop_feeder(place.environment())).expect("the log alone");

    let why = world
        .eventually("the feeder is stopped", || world.feeder_stopped().filter(Value::is_string));
    let words = why.as_str().expect("a text");
    assert_eq!(words, format!("{FAILURES} cycles in a row failed their check"));
    world.eventually("its alarm is raised", || world.alarmed().filter(|raised| *raised));
    let stopped = format!("{FEEDER} is stopped: {words}");
    world.eventually("health says so", || {
        world.control().filter(|(ok, detail)| !ok && detail.contains(&stopped))
    });
    world.eventually("its metric says so", || {
        world.place.metric("derms_control_stopped").filter(|count| *count == 1.0)
    });
    world.hears(&device, "the fallback", |told, fallback| (told - fallback).abs() < 0.001);
    world.eventually("it keeps to it", || {
        let all = world.told()?;
        all.iter().any(|(id, power_kw, _)| *id == device && *power_kw < MORE_KW).then_some(())
    });
    // What has gone wrong can be read afterwards.
    let failed = format!(
        "SELECT countIf(NOT certified AND notEmpty(findings)) FROM derms.decisions WHERE feeder_id = '{FEEDER}'"
    );
    let failures = u64::try_from(FAILURES).expect("few");
    world.eventually("the failed decisions are stored", || {
        world.count(&failed).filter(|count| *count == failures)
    });
    // Good cycles alone do not bring it back so soon.
    let good = format!(
        "SELECT countIf(certified AND isNotNull(stopped)) FROM derms.decisions WHERE feeder_id = '{FEEDER}'"
    );
    world
        .eventually("it is decided in a dry run", || world.count(&good).filter(|count| *count > 6));
    assert!(world.feeder_stopped().is_some_and(|stopped| stopped.is_string()));
    let others = format!(
        "SELECT count() > 0, countIf(setpoint_w <> fallback_w) FROM derms.setpoints WHERE feeder_id = '{FEEDER}' AND decision_id IN (SELECT decision_id FROM derms.decisions WHERE feeder_id = '{FEEDER}' AND isNotNull(stopped)) FORMAT CSV"
    );
    assert_eq!(world.place.sql(&others), "1,0", "everyone is told the fallback");

    let viewer = world.place.login("vic").expect("a viewer may look");
    let resume = format!("mutation {{ resumeControl(feederId: \"{FEEDER}\") {{ id }} }}");
    let refused = world.place.graphql(&viewer, &resume);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let resumed = world.place.graphql(&world.operator, &resume);
    assert_eq!(resumed["data"]["resumeControl"]["id"], FEEDER, "{resumed}");
    world.eventually("it is stopped no more", || world.feeder_stopped().filter(Value::is_null));
    world.eventually("its alarm is over", || world.alarmed().filter(|raised| !raised));
    world.eventually("health is well again", || world.control().filter(|(ok, _)| *ok));
    world.eventually("its metric too", || {
        world.place.metric("derms_control_stopped").filter(|count| *count == 0.0)
    });
    let device = world.eventually("somebody is told more again", || world.told_more());
    world.hears(&device, "more than the fallback", |told, fallback| told > fallback);
}
