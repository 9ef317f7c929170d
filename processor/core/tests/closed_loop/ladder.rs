//! G14: limits that are hard to meet, rung by rung.

use proptest::prelude::*;
use schemas::Watts;
use schemas::records::decision::Rung;
use schemas::records::telemetry::DeviceType;

use crate::device::Spec;
use crate::properties::cases;
use crate::world::World;

/// Two chargers that fall back to 1.4 kW, two that fall back to nothing, and load that nobody commands.
fn world(seed: u64, limit_w: i64) -> World {
    let mut world = World::new(seed);
    world.only = Some(14);
    world.settings(|settings| (settings.margin_w, settings.margin_permille) = (Watts(0), 0));
    world.feeder("root", None, limit_w);
    for index in 0..4 {
        let mut spec = Spec::new(DeviceType::Ev, &format!("ev-{index}"), "root", 7_000);
        spec.fallback_w = Some(if index < 2 { 1_400 } else { 0 });
        world.add(spec);
    }
    let base = world.add(Spec::new(DeviceType::Other, "base", "root", 2_000));
    world.wish(base, 2_000);
    world
}

#[track_caller]
fn check(limit_w: i64, rung: Rung, unmet_w: i64) {
    let mut world = world(3, limit_w);
    world.run(120_000);
    let node = &world.last().header.nodes[0];
    assert_eq!((node.rung, node.unmet_w), (rung, Watts(unmet_w)), "{node:?}");
    let alarmed = world.last().header.alarms.iter().any(|alarm| alarm.code == "CTL-002");
    assert_eq!(alarmed, unmet_w > 0);
}

#[test]
fn each_rung_of_the_ladder_has_its_limit() {
    check(40_000, Rung::Normal, 0);
    check(20_000, Rung::Trim, 0);
    // Both with a fallback are at it; the others share what is left.
    check(5_200, Rung::Trim, 0);
    check(4_800, Rung::Minimum, 0);
    // The limit holds as long as setpoints arrive; what leases lapse to would pass it.
    check(3_000, Rung::Fallback, 1_800);
    check(2_000, Rung::Fallback, 2_800);
    check(1_500, Rung::Alarm, 500);
}

proptest! {
    #![proptest_config(cases())]

    /// A lower limit never stands on a higher rung, and the watts that are missing are those of the definition.
    #[test]
    fn g14_infeasible_with_grace(seed in any::<u64>(), limit in 0_i64..40_000, less in 0_i64..10_000) {
        let node = |limit_w: i64| {
            let mut world = world(seed, limit_w);
            world.run(40_000);
            world.last().header.nodes[0].clone()
        };
        let (high, low) = (node(limit), node((limit - less).max(0)));
        prop_assert!(low.rung >= high.rung, "{high:?} then {low:?}");
        for node in [high, low] {
            let room = node.limit_w - node.uncontrolled_w;
            let missing = match node.rung {
                Rung::Alarm => -room,
                Rung::Fallback => Watts(2_800) - room,
                Rung::Normal | Rung::Trim | Rung::Pause | Rung::Minimum => Watts(0),
            };
            prop_assert_eq!(node.unmet_w, missing);
        }
    }
}
