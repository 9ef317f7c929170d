//! What one device claims, and what it is told in the end.

use schemas::Watts;
use schemas::records::decision::Reason;
use schemas::records::operator::ControlSettings;

use crate::bounds::Bounds;
use crate::estimate::Seen;
use crate::policy::Claim;
use crate::shape;
use crate::wants::Want;

/// An operator's setpoint comes first: its weight stands above every other.
const OVERRIDE_WEIGHT_MILLI: i64 = 1_000_000_000;

/// What one device is planned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// What it may be told: its want, or what an operator orders.
    pub(super) told: Bounds,
    /// What counts for it at its least.
    pub(super) counted_low_w: Watts,
    /// What it may take already.
    pub(super) floor_w: Watts,
    /// What it was told last.
    pub(super) last_w: Option<Watts>,
    pub(super) stuck: bool,
}

impl Terms {
    /// What it takes at least, whatever it is told: what it may take already. A discharge that ends is no matter of choice
    /// either.
    pub(super) fn least_taken(&self) -> Watts {
        self.floor_w.max(self.told.least)
    }
}

pub(super) fn terms_of(seen: &Seen<'_>) -> Terms {
    let Want { low_w, high_w, rated_w, .. } = seen.want;
    let told = match seen.override_w {
        // An order to give power is no wish: it is what it takes. Never below the reserve.
        Some(watts) if watts < Watts::ZERO => Bounds::exactly(watts.max(low_w)),
        Some(watts) => Bounds { most: watts.min(rated_w), ..Bounds::NOTHING },
        None => Bounds { least: low_w, most: high_w },
    };
    Terms {
        told,
        counted_low_w: seen.counted(told.least),
        floor_w: seen.may.most,
        last_w: seen.known.setpoint_w,
        stuck: seen.stuck,
    }
}

/// What is set aside for a device: at least what it takes when its lease lapses (G1, G12), and for one that does not
/// follow what it takes already, unless it is `trusted`.
pub(super) fn claim_of(seen: &Seen<'_>, trusted: bool) -> Claim {
    let terms = terms_of(seen);
    let (low_w, high_w) = (terms.counted_low_w, seen.counted(terms.told.most));
    let floor_w = terms.floor_w;
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
    pub(super) terms: Terms,
    pub(super) fair_w: Watts,
    pub(super) deserved_w: Watts,
    pub(super) target_w: Watts,
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
        allotted_w: Watts,
        settings: &ControlSettings,
    ) -> (Watts, Reason) {
        let last = seen.known.setpoint_w;
        let (mut setpoint, mut why) = if seen.stuck {
            self.told_to_follow(seen, last.unwrap_or_default())
        } else {
            let why = self.why(seen, allotted_w);
            shape::shape(seen, allotted_w, self.target_w, why, settings)
        };
        if let Some(last) = last.filter(|_| self.decreases_only) {
            setpoint = setpoint.min(last);
        }
        if setpoint < self.terms.told.least {
            // Its reserve or an export limit ends a discharge at once, whatever it costs the others.
            setpoint = self.terms.told.least;
            // That one does not follow says more.
            why = if why == Reason::NonCompliant { why } else { Reason::Reserve };
        }
        (setpoint, why)
    }

    /// One that does not follow is asked for no more than others in its place, and counted at what it takes until it has
    /// been seen to follow.
    fn told_to_follow(&self, seen: &Seen<'_>, last: Watts) -> (Watts, Reason) {
        let told = last.min(self.deserved_w).min(seen.may.most);
        let told = if told < seen.want.min_w { told.min(Watts::ZERO) } else { told };
        (told, if seen.counts_as_it_is() { Reason::NonCompliant } else { Reason::AwaitsHeadroom })
    }

    fn why(&self, seen: &Seen<'_>, allotted_w: Watts) -> Reason {
        match () {
            () if seen.override_w.is_some() => Reason::Override,
            () if allotted_w < self.target_w => Reason::AwaitsHeadroom,
            () if self.target_w == Watts::ZERO && self.fair_w > Watts::ZERO && !self.running => {
                Reason::Rotation
            }
            () if self.target_w < Watts::ZERO => Reason::Discharge,
            () if self.bound => Reason::FairShare,
            () => seen.want.reason,
        }
    }
}
