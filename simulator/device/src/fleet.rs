//! Which devices there are: from a seed, evenly mixed over the feeders.
//!
//! A feeder of 100 devices wants about 300 kW net, by day and by night, so that a limit of 250 kW is felt.

use crate::{Battery, Chance, Charger, Device, EvHabits, Identity, Pv, Unit};
use schemas::mqtt::Source;
use schemas::{DeviceId, FeederId, Timestamp};

/// Mean time that a car is away, s.
const AWAY_S: f64 = 2_400.0;
/// Devices of one house.
const PER_SITE: usize = 4;
/// One charger in so many keeps charging slowly when its lease lapses; the others pause.
const FALLBACK_EVERY: usize = 4;
const SLOW_CHARGE_KW: f64 = 1.4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ev,
    Pv,
    Battery,
}

/// The mix: a kind, the prefix of its ids, and how many of 100 devices.
const MIX: [(Kind, &str, usize); 6] = [
    (Kind::Ev, "ev", 59),
    (Kind::Pv, "pv", 15),
    (Kind::Battery, "bat", 20),
    (Kind::Ev, "pi-ev", 3),
    (Kind::Battery, "pi-bat", 2),
    (Kind::Pv, "pi-pv", 1),
];

/// The first `devices` of the fleet of a seed; device i is on feeder i modulo `feeders`. More devices or more
/// feeders change nothing about the mix of each feeder.
#[must_use]
pub fn build(devices: usize, feeders: usize, seed: u64, now: Timestamp) -> Vec<Device> {
    let feeders = feeders.max(1);
    let mut made = vec![[0_usize; MIX.len()]; feeders];
    let mut numbers = [0_usize; MIX.len()];
    (0..devices)
        .map(|index| {
            let feeder = index % feeders;
            let row = most_missing(&made[feeder]);
            made[feeder][row] += 1;
            numbers[row] += 1;
            device(row, numbers[row], feeder + 1, index / (feeders * PER_SITE) + 1, seed, now)
        })
        .collect()
}

/// The row of the mix that is furthest behind its share.
fn most_missing(made: &[usize; MIX.len()]) -> usize {
    let total: usize = made.iter().sum::<usize>() + 1;
    (0..MIX.len())
        .max_by_key(|row| {
            let due = MIX[*row].2 * total;
            // Ties go to the earlier row.
            (
                i64::try_from(due).unwrap_or(0) - i64::try_from(made[*row] * 100).unwrap_or(0),
                MIX.len() - row,
            )
        })
        .unwrap_or(0)
}

fn device(
    row: usize,
    number: usize,
    feeder: usize,
    site: usize,
    seed: u64,
    now: Timestamp,
) -> Device {
    let (kind, prefix, _) = MIX[row];
    let name = format!("{prefix}-{number:03}");
    let mut chance = Chance::of(seed, &name);
    let (unit, ramp_kw_per_s, fallback_kw) = match kind {
        Kind::Ev => {
            let fallback_kw =
                if number.is_multiple_of(FALLBACK_EVERY) { SLOW_CHARGE_KW } else { 0.0 };
            (Unit::Ev(charger(now, &mut chance)), 1.5, fallback_kw)
        }
        Kind::Pv => {
            let max_kw = chance.pick(&[3.0, 5.0, 5.0, 8.0]);
            (Unit::Pv(Pv::new(max_kw, &mut chance)), 2.0, max_kw)
        }
        Kind::Battery => {
            let max_kw = chance.pick(&[3.0, 5.0, 5.0]);
            (Unit::Battery(Battery::new(max_kw, max_kw * 2.5, chance.between(0.3, 0.8))), 3.0, 0.0)
        }
    };
    let priority = (kind != Kind::Pv).then(|| chance.pick(&[1, 1, 2, 3]));
    let identity = Identity {
        device_id: DeviceId::new(&name).expect("letters, digits and dashes"),
        site_id: Some(format!("house-{feeder}-{site:03}")),
        feeder_id: Some(
            FeederId::new(&format!("feeder-{feeder}")).expect("letters, digits and dashes"),
        ),
        source: Source::Simulator,
        priority,
        ramp_kw_per_s,
        fallback_kw,
    };
    Device::new(identity, unit, chance)
}

fn charger(now: Timestamp, chance: &mut Chance) -> Charger {
    let max_kw = chance.pick(&[3.7, 7.4, 7.4, 7.4, 11.0, 11.0, 11.0]);
    let capacity_kwh = chance.pick(&[40.0, 52.0, 60.0, 75.0]);
    let target_soc = chance.pick(&[0.8, 0.85, 0.9, 1.0]);
    let soc = chance.between(0.15, 0.9);
    Charger::new(max_kw, capacity_kwh, soc, target_soc).with_habits(
        EvHabits::ComesAndGoes { away_s: AWAY_S },
        now,
        chance,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::Conditions;
    use schemas::mqtt::Profile;

    use super::*;

    const START: Timestamp = Timestamp(1_700_006_400_000);
    const DEMO_LIMIT_KW: f64 = 250.0;

    fn feeder_of(device: &Device) -> String {
        device.identity().feeder_id.as_ref().expect("it has one").to_string()
    }

    /// Net kW wanted by each feeder, minute by minute, when nobody commands it.
    fn wishes(hours: i64, conditions: Conditions) -> BTreeMap<String, Vec<f64>> {
        let mut fleet = build(200, 2, 1, START);
        let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for minute in 1..=hours * 60 {
            let mut net: BTreeMap<String, f64> = BTreeMap::new();
            for device in &mut fleet {
                device.step(START.plus_ms(minute * 60_000), conditions);
                let sign = if matches!(device.unit(), Unit::Pv(_)) { -1.0 } else { 1.0 };
                *net.entry(feeder_of(device)).or_default() += sign * device.power_kw();
            }
            for (feeder, kw) in net {
                series.entry(feeder).or_default().push(kw);
            }
        }
        series
    }

    #[test]
    fn the_mix_is_the_same_on_every_feeder_and_a_larger_fleet_begins_with_the_smaller_one() {
        let fleet = build(200, 2, 1, START);
        let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for device in &fleet {
            *counts
                .entry((feeder_of(device), device.unit().device_type().as_str()))
                .or_default() += 1;
        }
        for feeder in ["feeder-1", "feeder-2"] {
            for (kind, expected) in [("ev", 62), ("pv", 16), ("battery", 22)] {
                assert_eq!(counts[&(feeder.to_owned(), kind)], expected, "{feeder} {kind}");
            }
        }
        let physical =
            fleet.iter().filter(|device| device.identity().device_id.as_str().starts_with("pi-"));
        assert_eq!(physical.count(), 12);
        let larger = build(300, 2, 1, START);
        assert!(fleet.iter().zip(&larger).all(|(few, many)| few.identity() == many.identity()));
        let first_ten = build(10, 2, 1, START);
        let kinds: std::collections::BTreeSet<&str> =
            first_ten.iter().map(|device| device.unit().device_type().as_str()).collect();
        assert_eq!(kinds.len(), 3, "small fleets are mixed too");
    }

    #[test]
    fn ids_are_unique_and_the_seed_decides() {
        let ids: std::collections::BTreeSet<_> = build(2_000, 3, 1, START)
            .iter()
            .map(|device| device.identity().device_id.clone())
            .collect();
        assert_eq!(ids.len(), 2_000);
        let powers = |seed| -> Vec<f64> {
            build(100, 2, seed, START).iter().map(|device| device.unit().max_kw()).collect()
        };
        assert_eq!(powers(1), powers(1));
        assert_ne!(powers(1), powers(2));
    }

    #[test]
    fn each_feeder_wants_more_than_its_limit_at_most_times_by_day_and_by_night() {
        for profile in [Profile::Day, Profile::Night, Profile::Auto] {
            for (feeder, series) in wishes(24, Conditions { profile, utc_offset_h: 0.0 }) {
                // The first minutes: everything ramps up from zero.
                let settled = &series[5..];
                let over = settled.iter().filter(|kw| **kw > DEMO_LIMIT_KW).count();
                let mean = settled.iter().sum::<f64>() / settled.len() as f64;
                assert!(
                    over * 10 >= settled.len() * 8,
                    "{profile:?} {feeder}: over {over} of {}",
                    settled.len()
                );
                assert!((260.0..400.0).contains(&mean), "{profile:?} {feeder}: mean {mean}");
            }
        }
    }
}
