//! Moments that are spread on purpose (G20): when each device returns after a restriction, and by how much an event or
//! program begins earlier and ends later on each feeder. All of it follows from ids: anyone can compute it.

use schemas::DeviceId;
use schemas::FeederId;
use schemas::ids::stable_hash;
use uuid::Uuid;

use crate::estimate::Moment;

/// After an event devices begin to return spread over so long.
pub const RELEASE_SPREAD_MS: i64 = 60_000;

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

/// How long after the end of an event or program a device begins to return, ms.
#[must_use]
pub fn release_offset_ms(event_id: Uuid, device_id: &DeviceId) -> i64 {
    part_of(RELEASE_SPREAD_MS, &[event_id.as_bytes(), device_id.as_str().as_bytes()])
}

/// By how much a randomised event or program begins before and ends after what was ordered, ms: the limit holds for all
/// of the time that was ordered.
#[must_use]
pub fn randomised_ms(event_id: Uuid, feeder_id: &FeederId, randomize_s: i32) -> (i64, i64) {
    let most = i64::from(randomize_s.max(0)).saturating_mul(1_000);
    let part =
        |end: &[u8]| part_of(most, &[event_id.as_bytes(), feeder_id.as_str().as_bytes(), end]);
    (part(b"start"), part(b"end"))
}

/// A part of `most` by the hash of what names it; 0 of nothing.
fn part_of(most: i64, names: &[&[u8]]) -> i64 {
    let spread = most.max(0).unsigned_abs().max(1);
    i64::try_from(stable_hash(names) % spread).unwrap_or(0)
}
