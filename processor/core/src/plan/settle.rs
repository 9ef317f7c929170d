//! What one device claims, and what it is told in the end.

use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;

use crate::estimate::Seen;
use crate::policy::Claim;
use crate::shape;
use crate::wants::Want;

/// An operator's setpoint comes first: its weight stands above every other.
const OVERRIDE_WEIGHT_MILLI: i64 = 1_000_000_000;

/// What a device may be told: its want, or what an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low_w: i64,
    pub(super) high_w: i64,
    /// What counts for it at its least.
    pub(super) counted_low_w: i64,
    /// What it may take already.
    pub(super) floor_w: i64,
    /// What it was told last.
    pub(super) last_w: Option<i64>,
    pub(super) stuck: bool,
}

pub(super) fn bounds_of(seen: &Seen<'_>) -> Bounds {
    let Want { low_w, high_w, rated_w, .. } = seen.want;
    let (low_w, high_w) = match seen.override_w {
        // An order to give power is no wish: it is what it takes. Never below the reserve.
        Some(watts) if watts < 0 => (watts.max(low_w), watts.max(low_w)),
        Some(watts) => (0, watts.min(rated_w)),
        None => (low_w, high_w),
    };
    Bounds {
        low_w,
        high_w,
        counted_low_w: seen.counted(low_w),
        floor_w: seen.floor_w,
        last_w: seen.known.setpoint_w,
        stuck: seen.stuck,
    }
}

/// What is set aside for a device: at least what it takes when its lease lapses (G1, G12), and for one that does not
/// follow what it takes already, unless it is `trusted`.
pub(super) fn claim_of(seen: &Seen<'_>, trusted: bool) -> Claim {
    let bounds = bounds_of(seen);
    let (low_w, high_w) = (bounds.counted_low_w, seen.counted(bounds.high_w));
    let floor_w = seen.floor_w;
    let as_it_is = seen.counts_as_it_is();
    let (low_w, high_w) = match () {
        () if trusted => (low_w, high_w),
        // A device that does not follow is counted at what it takes, and gets no more than it had.
        () if as_it_is => (floor_w, floor_w),
        () if seen.stuck => (low_w.max(floor_w), high_w.max(floor_w)),
        () => (low_w, high_w),
    };
    let weight_milli =
        if seen.override_w.is_some() { OVERRIDE_WEIGHT_MILLI } else { seen.want.weight_milli };
    Claim {
        node: seen.node,
        low_w,
        high_w,
        min_w: seen.want.min_w,
        weight_milli,
        since: seen.known.wants_since,
        carried_w: seen.known.carried_w,
        tie: seen.tie,
    }
}

/// What the steps before shaping say about one device.
pub(super) struct Wished {
    pub(super) bounds: Bounds,
    pub(super) fair_w: i64,
    pub(super) deserved_w: i64,
    pub(super) target_w: i64,
    pub(super) running: bool,
    /// A limit holds it.
    pub(super) bound: bool,
    pub(super) decreases_only: bool,
}

impl Wished {
    /// The setpoint for what was allotted, at most the target, and why it is what it is.
    pub(super) fn settle(
        &self,
        seen: &Seen<'_>,
        allotted_w: i64,
        settings: &ControlSettings,
    ) -> (i64, Reason) {
        let last = seen.known.setpoint_w;
        let (mut setpoint, mut why) = if seen.stuck {
            self.told_to_follow(seen, last.unwrap_or(0))
        } else {
            let why = self.why(seen, allotted_w);
            shape::shape(seen, allotted_w, self.target_w, why, settings)
        };
        if let Some(last) = last.filter(|_| self.decreases_only) {
            setpoint = setpoint.min(last);
        }
        if setpoint < self.bounds.low_w {
            // Its reserve or an export limit ends a discharge at once, whatever it costs the others.
            setpoint = self.bounds.low_w;
            // That one does not follow says more.
            why = if why == Reason::NonCompliant { why } else { Reason::Reserve };
        }
        (setpoint, why)
    }

    /// One that does not follow is asked for no more than others in its place, and counted at what it takes until it has
    /// been seen to follow.
    fn told_to_follow(&self, seen: &Seen<'_>, last: i64) -> (i64, Reason) {
        let told = last.min(self.deserved_w).min(seen.floor_w);
        let told = if told < seen.want.min_w { told.min(0) } else { told };
        (told, if seen.counts_as_it_is() { Reason::NonCompliant } else { Reason::AwaitsHeadroom })
    }

    fn why(&self, seen: &Seen<'_>, allotted_w: i64) -> Reason {
        match () {
            () if seen.override_w.is_some() => Reason::Override,
            () if allotted_w < self.target_w => Reason::AwaitsHeadroom,
            () if self.target_w == 0 && self.fair_w > 0 && !self.running => Reason::Rotation,
            () if self.target_w < 0 => Reason::Discharge,
            () if self.bound => Reason::FairShare,
            () => seen.want.reason,
        }
    }
}
