//! Release without rebound (G20): after a restriction devices return one after the other, at moments that anyone can
//! compute.

use schemas::DeviceId;
use schemas::FeederId;
use schemas::ids::stable_hash;
use uuid::Uuid;

use crate::estimate::Moment;

/// After an event devices begin to return spread over so long.
pub(crate) const RELEASE_SPREAD_MS: i64 = 60_000;

/// Whether a device still waits after the end of the restriction on a feeder above it.
pub(crate) fn is_released_later(
    moment: &Moment<'_, '_>,
    feeder_id: &FeederId,
    device_id: &DeviceId,
) -> bool {
    let state = moment.nodes.get(feeder_id);
    let (Some(at), Some(by)) =
        (state.and_then(|state| state.released_at), state.and_then(|state| state.restricted_by))
    else {
        return false;
    };
    moment.now.since(at) < release_offset_ms(by, device_id)
}

/// How long after the end of an event a device begins to return: anyone can compute it from the two ids.
fn release_offset_ms(event_id: Uuid, device_id: &DeviceId) -> i64 {
    let hash = stable_hash(&[event_id.as_bytes(), device_id.as_str().as_bytes()]);
    i64::try_from(hash % RELEASE_SPREAD_MS.unsigned_abs()).unwrap_or(0)
}
