//! What a device says that it can do, settled once before anything goes by it: bounds that contradict each other are
//! replaced by those that hold the most back. And whether a reading can be true at all. Knows one device, no tree.

use schemas::records::telemetry::{Capabilities, DeviceType, Nature};
use schemas::{WattHours, Watts};

use crate::bounds::Bounds;

/// A fallback of a device that names no rating is at most so much: larger ones are watts given as kilowatts.
const FALLBACK_MAX: Watts = Watts(50_000);
/// A reading may pass a named rating by a half and this, and still be one: ratings are rounded, and named per phase.
const PLAUSIBLE_BEYOND: Watts = Watts(1_000);
/// What a charger takes, and what storage and generation take or give, that name no rating: at most so much.
const CHARGER_MAX: Watts = Watts(500_000);
const PLANT_MAX: Watts = Watts(20_000_000);
/// A meter's reading or a load: a gigawatt is none.
const LOAD_MAX: Watts = Watts(1_000_000_000);

/// The claims as they count, and whether they contradicted themselves.
pub(crate) fn settled(claims: &Capabilities) -> (Capabilities, bool) {
    let positive = |watts: Option<Watts>| watts.filter(|watts| *watts >= Watts::ZERO);
    let mut settled = Capabilities {
        max_charge_w: positive(claims.max_charge_w),
        max_discharge_w: positive(claims.max_discharge_w),
        max_export_w: positive(claims.max_export_w),
        max_import_w: positive(claims.max_import_w),
        min_power_w: positive(claims.min_power_w),
        ramp_w_per_s: claims.ramp_w_per_s.filter(|ramp| *ramp > Watts::ZERO),
        energy_wh: claims.energy_wh.filter(|energy| *energy > WattHours(0)),
        fallback_w: claims.fallback_w,
    };
    if let (Some(min), Some(rated)) = (settled.min_power_w, settled.import_cap()) {
        settled.min_power_w = Some(min.min(rated));
    }
    settled.fallback_w = claims.fallback_w.map(|watts| fallback(watts, &settled));
    let contradicts = settled != *claims;
    (settled, contradicts)
}

/// A fallback within what the device can do.
pub(crate) fn fallback(watts: Watts, claims: &Capabilities) -> Watts {
    let most = claims.import_cap().unwrap_or(FALLBACK_MAX);
    let least = -claims.export_cap().unwrap_or(FALLBACK_MAX);
    Bounds { least, most }.clamp(watts)
}

/// Whether a device of this type that can do this may really take so much.
pub(crate) fn is_plausible(power_w: Watts, claims: &Capabilities, device_type: DeviceType) -> bool {
    let within = |named: Option<Watts>, unnamed: Watts| {
        named.map_or(unnamed, |rated| rated * 3 / 2 + PLAUSIBLE_BEYOND)
    };
    let (taken, given) = (claims.import_cap(), claims.export_cap());
    let of_plant = |rated: Option<Watts>| within(rated, PLANT_MAX);
    let bounds = match device_type.nature() {
        Nature::Takes => {
            let given = claims.max_discharge_w.or(claims.max_export_w);
            let gives = given.map_or(PLAUSIBLE_BEYOND, |_| within(given, CHARGER_MAX));
            Bounds { least: -gives, most: within(taken, CHARGER_MAX) }
        }
        Nature::Stores => Bounds { least: -of_plant(given), most: of_plant(taken) },
        // At night it takes a little.
        Nature::Gives => Bounds {
            least: -of_plant(given),
            most: given.map_or(PLANT_MAX, |rated| rated / 10 + PLAUSIBLE_BEYOND),
        },
        Nature::Measures | Nature::Free => Bounds { least: -LOAD_MAX, most: LOAD_MAX },
    };
    bounds.contains(power_w)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charger(rated: i64) -> Capabilities {
        Capabilities { max_charge_w: Some(Watts(rated)), ..Capabilities::default() }
    }

    #[test]
    fn claims_that_fit_stay_as_they_are() {
        let claims = Capabilities {
            min_power_w: Some(Watts(1_380)),
            ramp_w_per_s: Some(Watts(100)),
            fallback_w: Some(Watts(1_400)),
            ..charger(11_000)
        };
        assert_eq!(settled(&claims), (claims.clone(), false));
        assert_eq!(settled(&Capabilities::default()), (Capabilities::default(), false));
    }

    #[track_caller]
    fn check(claims: Capabilities, expected: Capabilities) {
        assert_eq!(settled(&claims), (expected, true));
    }

    #[test]
    fn claims_that_contradict_are_settled_to_what_holds_most_back() {
        let too_high = Capabilities { min_power_w: Some(Watts(50_000)), ..charger(11_000) };
        check(too_high, Capabilities { min_power_w: Some(Watts(11_000)), ..charger(11_000) });
        let megawatts = Capabilities { fallback_w: Some(Watts(7_000_000)), ..charger(11_000) };
        check(megawatts, Capabilities { fallback_w: Some(Watts(11_000)), ..charger(11_000) });
        let unrated =
            Capabilities { fallback_w: Some(Watts(7_000_000)), ..Capabilities::default() };
        check(unrated, Capabilities { fallback_w: Some(FALLBACK_MAX), ..Capabilities::default() });
        let negative = Capabilities {
            ramp_w_per_s: Some(Watts(-5)),
            energy_wh: Some(WattHours(0)),
            max_discharge_w: Some(Watts(-1)),
            ..charger(11_000)
        };
        check(negative, charger(11_000));
    }

    #[test]
    fn a_reading_far_beyond_a_rating_cannot_be_true() {
        let plausible = |watts, claims: &Capabilities, device_type| {
            is_plausible(Watts(watts), claims, device_type)
        };
        let pv = Capabilities { max_export_w: Some(Watts(10_000)), ..Capabilities::default() };
        assert!(plausible(-11_000, &pv, DeviceType::Pv));
        assert!(plausible(60, &pv, DeviceType::Pv));
        assert!(!plausible(-32_767, &pv, DeviceType::Pv));
        assert!(!plausible(5_000, &pv, DeviceType::Pv));
        assert!(plausible(12_000, &charger(11_000), DeviceType::Ev));
        assert!(!plausible(110_000, &charger(11_000), DeviceType::Ev));
        assert!(!plausible(-6_000, &charger(11_000), DeviceType::Ev));
        assert!(plausible(22_000, &Capabilities::default(), DeviceType::Ev));
        assert!(!plausible(600_000, &Capabilities::default(), DeviceType::Ev));
        assert!(plausible(-5_000, &charger(5_000), DeviceType::Battery));
    }
}
