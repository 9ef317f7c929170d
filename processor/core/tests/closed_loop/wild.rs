//! Worlds with everything at once: meters, export limits, liars, noise, clocks that are off, other fail-safe settings,
//! overrides, opt-outs, a processor that goes away. Here the physical guarantee counts: the limit holds.

use control_core::Tree;
use proptest::prelude::*;
use schemas::records::operator::{
    Change, DeviceChange, FeederChange, MissingBehavior, OverrideSet, RestartBehavior,
};
use schemas::records::telemetry::DeviceType;
use schemas::rng::Rng;
use schemas::{Timestamp, Watts};

use crate::device::Spec;
use crate::properties::{bytes, cases, disturb, world_of};
use crate::world::{World, device, feeder};

fn wild_world_of(seed: u64) -> World {
    let mut world = world_of(seed);
    let mut rng = Rng::new(seed ^ 0x7777);
    world.strict = false;
    let missing =
        [MissingBehavior::SafeZero, MissingBehavior::HoldLast, MissingBehavior::ExcludeDevice]
            [usize::try_from(rng.between(0, 2)).expect("few")];
    let restart =
        if rng.chance(500) { RestartBehavior::SafeZero } else { RestartBehavior::HoldLast };
    world.settings(|settings| {
        settings.missing_behavior = missing;
        settings.restart_behavior = restart;
    });
    if rng.chance(400) {
        world.add(Spec::new(DeviceType::Meter, "meter", "root", 100_000));
    }
    if rng.chance(400) {
        world.operate(Change::FeederChange(FeederChange {
            feeder_id: feeder("root"),
            parent_id: None,
            import_limit_w: None,
            export_limit_w: Some(Watts(rng.between(0, 6_000))),
            mode: None,
            policy: None,
        }));
        world.add(Spec::new(DeviceType::Pv, "roof-1", "root", rng.between(2_000, 9_000)));
        world.add(Spec::new(DeviceType::Pv, "roof-2", "root", rng.between(2_000, 9_000)));
    }
    for sim in &mut world.sims {
        if rng.chance(300) {
            sim.spec.noise_permille = rng.between(0, 20);
        }
        if rng.chance(100) && sim.spec.device_type != DeviceType::Meter {
            sim.spec.skew_ms = rng.between(-700_000, 700_000);
        }
        if sim.spec.device_type == DeviceType::Ev && rng.chance(300) {
            let fallback = rng.between(0, sim.spec.rated_w / 3).max(sim.spec.min_w);
            sim.spec.fallback_w = rng.chance(700).then_some(fallback);
        }
    }
    world
}

fn disturb_wildly(world: &mut World, rng: &mut Rng) {
    let last = i64::try_from(world.sims.len()).expect("few") - 1;
    let sim = usize::try_from(rng.between(0, last)).expect("few");
    let spec = world.sims[sim].spec.clone();
    let device_id = device(&spec.id);
    match rng.between(0, 9) {
        0 if spec.device_type == DeviceType::Ev => {
            world.sims[sim].spec.liar = !spec.liar;
            world.quiet_since = world.now;
        }
        1 => {
            let until = Timestamp(world.now + rng.between(10_000, 120_000));
            let low = if spec.device_type == DeviceType::Battery { -spec.rated_w } else { 0 };
            let power_w = Watts(rng.between(low, spec.rated_w));
            world.operate(Change::OverrideSet(OverrideSet { device_id, power_w, until }));
        }
        2 => world.operate(Change::DeviceChange(DeviceChange {
            device_id,
            feeder_id: None,
            priority: None,
            target_soc: None,
            fallback_w: None,
            opted_out: Some(rng.chance(300)),
        })),
        3 => {
            world.down_processor = true;
            let ms = rng.between(1, 200) * 1_000;
            world.run(ms);
            world.down_processor = false;
            world.quiet_since = world.now;
        }
        _ => disturb(world, rng),
    }
    // Nobody can know of a device that is cut off and breaks its word about its fallback.
    for sim in world.sims.iter_mut().filter(|sim| sim.cut) {
        sim.spec.liar = false;
        // When it turns stale, generation and load may have to yield at the same time.
        world.quiet_since = world.now + world.registry.settings.stale_ms;
    }
}

pub(crate) fn live(seed: u64, minutes: i64, restarts: bool) -> World {
    let mut world = wild_world_of(seed);
    let mut rng = Rng::new(seed ^ 0x4321);
    let run = |world: &mut World, ms: i64| {
        let part = if restarts { 7_000 } else { ms.max(1) };
        for _ in 0..ms / part {
            world.run(part);
            let (tree, devices) = world.tree.snapshot();
            if restarts {
                world.tree = Tree::restore(feeder("root"), tree, devices);
            }
        }
        world.run(ms % part);
    };
    run(&mut world, 60_000);
    for _ in 0..minutes {
        disturb_wildly(&mut world, &mut rng);
        let ms = rng.between(5, 240) * 500;
        run(&mut world, ms);
    }
    world
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_limit_holds_in_wild_worlds(seed in any::<u64>()) {
        live(seed, 12, false);
    }
}

/// G15 and G17 with everything at once.
#[test]
fn wild_worlds_repeat_byte_for_byte_with_restarts_too() {
    for seed in 100..110 {
        let (one, two) = (live(seed, 5, false), live(seed, 5, true));
        assert_eq!(one.decisions.len(), two.decisions.len());
        for (one, two) in one.decisions.iter().zip(&two.decisions) {
            assert_eq!(bytes(one), bytes(two), "seed {seed}");
        }
    }
}

/// Seeds of worlds that once went wrong.
#[test]
fn wild_worlds_that_once_went_wrong_stay_right() {
    for seed in [
        3_221_319_618_570_033_347,
        9_592_534_431_854_893_282,
        9_784_888_140_067_392_493,
        18_007_081_826_737_249_885,
        9_045_263_584_460_315_930,
        7_895_294_343_475_198_904,
        15_826_844_675_538_796_159,
        5_650_828_629_942_470_009,
        6_126_500_158_213_146_844,
        2_741_729_684_185_595_048,
        14_422_679_351_843_340_661,
        5_299_368_966_241_348_275,
        4_692_610_892_208_823_853,
        15_240_036_831_886_548_814,
        2_076_409_017_055_863_839,
        12_802_608_946_286_580_299,
        14_638_895_928_126_249_447,
        2_870_079_976_023_557_941,
        5_829_365_276_065_957_014,
        11_555_201_948_965_755_717,
        18_274_453_710_314_811_840,
        650_219_139_956_906_223,
        4_903_062_638_272_886_256,
        7_384_654_172_313_325_667,
        2_128_617_597_371_951_515,
        520_332_531_487_012_669,
        11_030_230_127_306_079_349,
        5_340_940_488_568_455_969,
    ] {
        live(seed, 12, false);
    }
}
