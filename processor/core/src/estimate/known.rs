//! What a plan goes by of all that is remembered of a device.

use schemas::records::decision::Freshness;
use schemas::records::snapshot::DeviceSnapshot as Device;
use schemas::registry;
use schemas::{Timestamp, Watts};

use super::moved::{Before, Moved};
use super::{Known, Moment};
use crate::device::{is_heard, rejects, tolerance};
use crate::wants::target_soc;
use crate::{overshoot, soc};

/// A decision may be made so much later than it is due.
const STEP_MS: i64 = 1_000;

impl Known {
    /// Of a device that was never heard.
    pub(super) const NOTHING: Self = Self {
        setpoint_w: None,
        ramp_w_per_s: None,
        rated_w: None,
        soc: None,
        rests: false,
        running: false,
        began: false,
        wants_since: Timestamp(i64::MAX),
        carried_w: Watts::ZERO,
        deficit_wms: 0,
        non_compliant: false,
        skewed: false,
        leased: false,
        distrusted: false,
        contradicts: false,
        rejects: false,
        power_w: None,
        sample_age_ms: None,
        lease_is_fresh: false,
        astray_above_w: Watts::MIN,
        typed_layout: false,
    };
}

pub(super) fn known(
    moment: &Moment<'_, '_>,
    device: &Device,
    registered: Option<&registry::Device>,
) -> Known {
    let settings = &moment.registry.settings;
    let target = target_soc(device, registered, settings);
    let last = device.live.last();
    let told = last.is_some_and(|live| live.applied);
    let newest_w = device.power_w.unwrap_or_default();
    let dwells = |since: Option<Timestamp>| {
        since.is_some_and(|since| moment.now.since(since) < settings.dwell_ms)
    };
    Known {
        setpoint_w: device.setpoint_w,
        ramp_w_per_s: device.capabilities.ramp_w_per_s,
        rated_w: device.capabilities.import_cap(),
        soc: soc::known(device, moment.now).map(|soc| (soc, target)),
        rests: device.direction < 0 && dwells(device.direction_since),
        running: device.running,
        began: device.running && dwells(device.running_since),
        wants_since: device.wants_since.unwrap_or(Timestamp(i64::MAX)),
        carried_w: device.carried_w,
        deficit_wms: device.deficit_wms,
        non_compliant: device.non_compliant,
        skewed: device.skewed,
        leased: !device.live.is_empty(),
        distrusted: device.distrusted,
        contradicts: device.contradicts,
        rejects: rejects(device),
        power_w: device.mean_w.or(device.power_w),
        sample_age_ms: device.last_steering.map(|at| moment.now.since(at).max(0)),
        lease_is_fresh: last
            .is_some_and(|live| moment.now.since(live.decided) * 2 < settings.lease_ms),
        astray_above_w: if device.acknowledges && !told {
            newest_w - tolerance(device)
        } else {
            Watts::MIN
        },
        typed_layout: device.typed_layout,
    }
}

/// What only sums go by: looked at in passing, and not kept for each device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing {
    /// What it takes beyond its setpoint within the tolerance, W.
    pub(super) overshoot_w: Watts,
    /// What is known of it is older than the window, and may have changed.
    pub(super) outdated: bool,
    /// It was heard in the window.
    pub(super) spoke: bool,
    pub(super) moved: Moved,
}

impl Passing {
    /// Of a device that was never heard.
    pub(super) const NOTHING: Self =
        Self { overshoot_w: Watts::ZERO, outdated: false, spoke: false, moved: Moved::NOTHING };

    pub(super) fn of(
        moment: &Moment<'_, '_>,
        device: &Device,
        freshness: Freshness,
        before: Before,
    ) -> Self {
        let settings = &moment.registry.settings;
        let window_ms = settings.interval_ms + settings.lateness_ms + settings.idle_ms + STEP_MS;
        Self {
            overshoot_w: overshoot::of(device),
            outdated: is_outdated(moment, device, freshness),
            spoke: device.last_steering.is_some_and(|at| moment.now.since(at) < window_ms),
            moved: Moved::since(before, device, settings),
        }
    }
}

/// Whether what is known of a device is older than the window, and may have changed: it is still fresh, or may still follow
/// a command. Then a meter's reading and the devices' are not of one time.
fn is_outdated(moment: &Moment<'_, '_>, device: &Device, freshness: Freshness) -> bool {
    let settings = &moment.registry.settings;
    let counts = freshness == Freshness::Fresh || !device.live.is_empty();
    counts && !is_heard(device, moment.now, settings)
}
