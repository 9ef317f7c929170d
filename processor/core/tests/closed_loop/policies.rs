//! Every policy in random worlds: whatever it shares, what is reserved, shaped and checked stays so.

use proptest::prelude::*;
use schemas::records::operator::{Change, FeederChange, POLICIES};
use schemas::records::telemetry::DeviceType;
use schemas::rng::Rng;

use crate::device::Spec;
use crate::properties::{bytes, cases, disturb, world_of};
use crate::world::{World, feeder};

const MINUTE: i64 = 60_000;

fn choose(world: &mut World, policy: &str) {
    world.operate(Change::FeederChange(FeederChange {
        feeder_id: feeder("root"),
        parent_id: None,
        import_limit_w: None,
        export_limit_w: None,
        mode: None,
        policy: Some(policy.to_owned()),
    }));
}

pub(crate) fn live(seed: u64, policy: &str, minutes: i64) -> World {
    let mut world = world_of(seed);
    choose(&mut world, policy);
    let mut rng = Rng::new(seed ^ 0x1234);
    world.run(MINUTE);
    for _ in 0..minutes {
        disturb(&mut world, &mut rng);
        let ms = rng.between(5, 240) * 500;
        world.run(ms);
    }
    world
}

proptest! {
    #![proptest_config(cases())]

    /// G1, G2, G4, G9, G10, G12, G16 and a clean check at every step, whatever the policy.
    #[test]
    fn the_limit_holds_under_every_policy(seed in any::<u64>(), which in 1..POLICIES.len()) {
        let world = live(seed, POLICIES[which], 6);
        prop_assert_eq!(&world.last().header.policy, POLICIES[which]);
    }
}

/// A seed of a world that once went wrong.
#[test]
fn a_world_that_once_went_wrong_under_a_policy_stays_right() {
    live(10_112_598_077_391_328_265, POLICIES[2], 6);
    live(2_275_064_413_627_834_242, POLICIES[2], 6);
}

/// G15: what a policy carries over is state like any other.
#[test]
fn every_policy_gives_the_same_bytes_from_the_same_inputs() {
    for policy in POLICIES {
        let (one, two) = (live(3, policy, 4), live(3, policy, 4));
        for (one, two) in one.decisions.iter().zip(&two.decisions) {
            assert_eq!(bytes(one), bytes(two), "{policy}");
        }
    }
}

/// Three chargers, the second in the alphabet last to come, and headroom for less than they wish.
fn chargers(policy: &str) -> Vec<i64> {
    let mut world = World::new(4);
    // A margin of 500 W, and half of it held above the load that nobody commands.
    world.feeder("root", None, 11_250);
    choose(&mut world, policy);
    for id in ["a", "c"] {
        world.add(Spec::new(DeviceType::Ev, id, "root", 6_000));
    }
    let late = Spec { priority: Some(3), ..Spec::new(DeviceType::Ev, "b", "root", 9_000) };
    let late = world.add(late);
    world.cut(late, true);
    (world.sims[late].wish_w, world.sims[late].power_w) = (0, 0);
    world.run(MINUTE);
    world.cut(late, false);
    world.wish(late, 9_000);
    world.run(4 * MINUTE);
    let decided = |id: &&str| {
        let sim = world.sims.iter().position(|sim| sim.spec.id == **id).expect("added");
        world.decided(sim).share_w.0
    };
    ["a", "b", "c"].iter().map(decided).collect()
}

#[test]
fn each_policy_shares_by_its_own_rule_in_the_loop() {
    assert_eq!(chargers("water-fill"), [2_100, 6_300, 2_100]);
    assert_eq!(chargers("equal-share"), [3_500, 3_500, 3_500]);
    assert_eq!(chargers("pro-rata"), [3_000, 4_500, 3_000]);
    assert_eq!(chargers("lifo"), [6_000, 0, 4_500]);
}

/// A world that once went wrong: a load that nobody commands was not heard for its first seconds.
#[test]
fn worlds_of_other_policies_that_once_went_wrong_stay_right() {
    live(4_632_999_539_177_387_935, "equal-share", 6);
    live(16_172_835_999_061_215_928, POLICIES[5], 6);
}
