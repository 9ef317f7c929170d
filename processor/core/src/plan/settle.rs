//! What one device claims, and what it is told in the end.

use schemas::Timestamp;
use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;

use crate::estimate::Seen;
use crate::policy::Claim;
use crate::shape;
use crate::wants::Want;

/// An operator's setpoint comes first: its weight stands above every other.
const OVERRIDE_WEIGHT_MILLI: i64 = 1_000_000_000;

pub(super) fn claim_of(seen: &Seen<'_>, trusting: bool) -> Claim {
    let Want { low_w, high_w, rated_w, .. } = seen.want;
    let (low_w, high_w, weight_milli) = match seen.override_w {
        // An order to give power is no wish: it is what it takes. Never below the reserve.
        Some(watts) if watts < 0 => (watts.max(low_w), watts.max(low_w), OVERRIDE_WEIGHT_MILLI),
        Some(watts) => (0, watts.min(rated_w), OVERRIDE_WEIGHT_MILLI),
        None => (low_w, high_w, seen.want.weight_milli),
    };
    let floor_w = seen.floor_w;
    let non_compliant = seen.device.is_some_and(|device| device.non_compliant);
    let (low_w, high_w) = match () {
        () if trusting => (low_w, high_w),
        // A device that does not follow is counted at what it takes, and gets no more than it had.
        () if non_compliant => (floor_w, floor_w),
        () if seen.stuck => (low_w.max(floor_w), high_w.max(floor_w)),
        () => (low_w, high_w),
    };
    let device = seen.device;
    Claim {
        node: seen.node,
        low_w,
        high_w,
        min_w: seen.want.min_w,
        weight_milli,
        since: device.and_then(|device| device.wants_since).unwrap_or(Timestamp(i64::MAX)),
        carried_w: device.map_or(0, |device| device.carried_w),
        tie: seen.tie,
    }
}

/// What the steps before shaping say about one device.
pub(super) struct Wished {
    pub(super) fair_w: i64,
    pub(super) deserved_w: i64,
    pub(super) target_w: i64,
    pub(super) raised_w: i64,
    pub(super) running: bool,
}

impl Wished {
    /// The setpoint after shaping, and why it is what it is.
    pub(super) fn settle(
        &self,
        seen: &Seen<'_>,
        settings: &ControlSettings,
        now: Timestamp,
        bound: bool,
    ) -> (i64, Reason) {
        if let Some(device) = seen.device.filter(|_| seen.stuck) {
            // It is asked for no more than of others, and counted at what it takes until it has been seen to follow.
            let last = device.setpoint_w.map_or(0, |last| last.0);
            let told = last.min(self.deserved_w).min(seen.floor_w);
            let told = if told < seen.want.min_w { told.min(0) } else { told };
            let why =
                if device.non_compliant { Reason::NonCompliant } else { Reason::AwaitsHeadroom };
            return (told, why);
        }
        let why = match () {
            () if seen.override_w.is_some() => Reason::Override,
            () if self.raised_w < self.target_w => Reason::AwaitsHeadroom,
            () if self.target_w == 0 && self.fair_w > 0 && !self.running => Reason::Rotation,
            () if self.target_w < 0 => Reason::Discharge,
            () if bound => Reason::FairShare,
            () => seen.want.reason,
        };
        shape::shape(seen, self.raised_w, self.target_w, why, settings, now)
    }
}
