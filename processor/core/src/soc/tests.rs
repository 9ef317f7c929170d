//! For how long a charge counts that is not said any more.

use schemas::records::telemetry::DeviceType;
use schemas::{DeviceId, FeederId};

use super::*;
use crate::device;
use crate::samples::sample;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn said(device_type: DeviceType, soc: Option<i32>, ms: i64) -> Telemetry {
    let ids = (DeviceId::new("d").expect("an id"), FeederId::new("root").expect("an id"));
    let sample = sample(ids.0, device_type, ids.1, NOW.plus_ms(ms));
    Telemetry { soc: soc.map(Soc), ..sample }
}

/// What is remembered and what counts of a charge that was said once, so long after it.
fn after(device_type: DeviceType, ms: i64) -> (Option<Soc>, Option<Soc>) {
    let first = said(device_type, Some(5_000), 0);
    let mut device = device::unheard(&first);
    hear(&mut device, &first, NOW);
    hear(&mut device, &said(device_type, None, ms), NOW.plus_ms(ms));
    (device.soc, known(&device, NOW.plus_ms(ms)))
}

#[test]
fn the_charge_of_a_car_goes_with_the_car() {
    let here = Some(Soc(5_000));
    assert_eq!(after(DeviceType::Ev, 30_000), (here, here));
    assert_eq!(after(DeviceType::Ev, 30_001), (None, None));
    assert_eq!(after(DeviceType::Battery, 30_001), (here, here));
}
