//! The schedule of a run: a pure function of its options.

use super::chance::Chance;
use super::options::{Options, Scenario};
use super::target::{Fault, Planned, Target, Wire};

/// Quiet time before the first fault, so that every device is registered and controlled.
const WARM_UP_MS: u64 = 10_000;
/// Between scripted faults, so that each is seen by itself.
const APART_MS: u64 = 45_000;

/// The faults of a run, in the order of their times.
#[must_use]
pub fn schedule(options: &Options) -> Vec<Planned> {
    let mut chance = Chance::new(options.seed);
    let mut all = match options.scenario {
        Scenario::Calm => Vec::new(),
        Scenario::Kills => kills(options, &mut chance),
        Scenario::Brokers => brokers(options),
        Scenario::Takeover => takeover(),
        Scenario::Watchdog => vec![watchdog(options)],
        Scenario::MosquittoKills => mosquitto_kills(options, &mut chance),
        Scenario::Mixed => mixed(options, &mut chance),
    };
    all.sort_by_key(|planned| planned.at_ms);
    all
}

/// How long the schedule lasts, ms.
#[must_use]
pub fn duration_ms(options: &Options, schedule: &[Planned]) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of a run")]
    let asked = (options.minutes * 60_000.0).max(0.0) as u64;
    let last = schedule.iter().map(|planned| planned.at_ms + length_ms(planned.fault)).max();
    WARM_UP_MS + last.map_or(asked, |last| asked.max(last + APART_MS))
}

fn length_ms(fault: Fault) -> u64 {
    match fault {
        Fault::Kill { away_ms, .. } | Fault::Stop { away_ms, .. } => away_ms,
        Fault::Pause { for_ms, .. } | Fault::Cut { for_ms, .. } | Fault::DiskFull { for_ms } => {
            for_ms
        }
        Fault::DeviceClocks { .. } => 0,
    }
}

fn services(options: &Options) -> Vec<Target> {
    let bridges = (0..options.bridges).map(Target::Bridge);
    bridges.chain((0..options.processors).map(Target::Processor)).collect()
}

/// Times spread evenly over the run, each moved by chance inside its slot.
fn times(options: &Options, count: u32, chance: &mut Chance) -> Vec<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of a run")]
    let all_ms = (options.minutes * 60_000.0).max(0.0) as u64;
    let slot_ms = (all_ms / u64::from(count.max(1))).max(1);
    (0..u64::from(count))
        .map(|number| WARM_UP_MS + number * slot_ms + chance.between(0, slot_ms - 1))
        .collect()
}

fn kills(options: &Options, chance: &mut Chance) -> Vec<Planned> {
    let services = services(options);
    times(options, options.kills, chance)
        .into_iter()
        .filter_map(|at_ms| {
            let target = *chance.one_of(&services)?;
            let away_ms = chance.between(50, 1_500);
            Some(Planned { at_ms, fault: Fault::Kill { target, away_ms } })
        })
        .collect()
}

fn brokers(options: &Options) -> Vec<Planned> {
    let away_ms = 15_000;
    let mut at_ms = WARM_UP_MS;
    let mut all = Vec::new();
    for fault in [
        Fault::Kill { target: Target::Kafka, away_ms },
        Fault::Stop { target: Target::Mosquitto, away_ms },
        Fault::Kill { target: Target::Kafka, away_ms: 1_000 },
        Fault::Stop { target: Target::Mosquitto, away_ms: 1_000 },
        Fault::Kill { target: Target::ClickHouse, away_ms: options.away_seconds * 1_000 },
    ] {
        all.push(Planned { at_ms, fault });
        at_ms += length_ms(fault) + APART_MS;
    }
    all
}

fn takeover() -> Vec<Planned> {
    let faults = [
        Fault::Kill { target: Target::Processor(0), away_ms: 30_000 },
        Fault::Kill { target: Target::Bridge(0), away_ms: 30_000 },
        Fault::Pause { target: Target::Processor(1), for_ms: 60_000 },
        Fault::Pause { target: Target::Bridge(1), for_ms: 30_000 },
    ];
    let mut at_ms = WARM_UP_MS + 10_000;
    let mut all = Vec::new();
    for fault in faults {
        all.push(Planned { at_ms, fault });
        at_ms += length_ms(fault) + APART_MS;
    }
    all
}

/// The first processor, long enough for three intervals to pass and the bridge to act for some time.
fn watchdog(options: &Options) -> Planned {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds")]
    let interval_ms = (options.interval * 1_000.0).max(0.0) as u64;
    let fault = Fault::Kill { target: Target::Processor(0), away_ms: 3 * interval_ms + 60_000 };
    Planned { at_ms: WARM_UP_MS + 10_000, fault }
}

fn mosquitto_kills(options: &Options, chance: &mut Chance) -> Vec<Planned> {
    // The bridge stands still meanwhile: what it does not take waits at the broker.
    let pause = Fault::Pause { target: Target::Bridge(0), for_ms: 1_500 };
    let kill = Fault::Kill { target: Target::Mosquitto, away_ms: 500 };
    times(options, options.kills, chance)
        .into_iter()
        .flat_map(|at_ms| {
            let kill_ms = at_ms + 1_000;
            [Planned { at_ms, fault: pause }, Planned { at_ms: kill_ms, fault: kill }]
        })
        .collect()
}

fn mixed(options: &Options, chance: &mut Chance) -> Vec<Planned> {
    let services = services(options);
    let wires = [
        Wire::DevicesToMqtt,
        Wire::BridgesToMqtt,
        Wire::ServicesToKafka,
        Wire::ServicesToClickHouse,
    ];
    let mut all = kills(options, chance);
    let others = options.kills.div_ceil(2).max(6);
    for (number, at_ms) in times(options, others, chance).into_iter().enumerate() {
        let for_ms = chance.between(500, 8_000);
        let target = *chance.one_of(&services).unwrap_or(&Target::Processor(0));
        let wire = *chance.one_of(&wires).unwrap_or(&Wire::BridgesToMqtt);
        // Each kind in turn, so that a short run has them all.
        let fault = match number % 6 {
            0 => Fault::Pause { target, for_ms },
            1 => Fault::Cut { wire, for_ms },
            2 => Fault::DiskFull { for_ms },
            3 => Fault::Kill { target: Target::ClickHouse, away_ms: for_ms },
            4 => Fault::DeviceClocks { by_ms: clock_jump(chance) },
            _ if chance.draw().is_multiple_of(2) => {
                Fault::Kill { target: Target::Kafka, away_ms: for_ms }
            }
            _ => Fault::Stop { target: Target::Mosquitto, away_ms: for_ms },
        };
        all.push(Planned { at_ms, fault });
    }
    all
}

/// Up to five minutes, either way.
fn clock_jump(chance: &mut Chance) -> i64 {
    i64::try_from(chance.between(0, 600_000)).unwrap_or(0) - 300_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn options(arguments: &[&str]) -> Options {
        let name = std::iter::once("faults");
        Options::try_parse_from(name.chain(arguments.iter().copied())).expect("options")
    }

    #[test]
    fn a_seed_gives_the_same_schedule_every_time() {
        let first = options(&["--seed", "5", "--kills", "40"]);
        let other = options(&["--seed", "6", "--kills", "40"]);
        assert_eq!(schedule(&first), schedule(&first));
        assert_ne!(schedule(&first), schedule(&other));
    }

    #[test]
    fn there_are_as_many_kills_as_asked_for_and_all_in_time() {
        let options = options(&["--scenario", "kills", "--kills", "100", "--minutes", "10"]);
        let all = schedule(&options);
        assert_eq!(all.len(), 100);
        assert!(all.iter().all(|planned| planned.at_ms <= duration_ms(&options, &all)));
    }
}
