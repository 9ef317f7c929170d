//! The independent check of a plan, written against the definitions in docs/control.md: it knows what is certain from
//! readings, registry and commands ([`World`]), what was estimated of it and what is planned, and nothing of how either
//! came about. What the estimate says counts where it holds more back than what is certain; where it says less, that is a
//! finding.

mod device;
mod doubt;
mod export;
mod fair;
mod import;
mod limit;
mod standby;
mod stopped;
mod world;

use schemas::records::operator::ControlSettings;
use schemas::{DeviceId, FeederId, Watts};

use crate::estimate::{Role, Seen, View};

use self::world::{Fact, Remembered};
pub(crate) use self::world::{World, witness};

/// Findings of one check; more would say nothing new.
const FINDINGS_MAX: usize = 20;
/// An operator's setpoint comes before every share.
const OPERATOR_WEIGHT_MILLI: i64 = 1_000_000_000;

/// What a plan is checked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise<'a> {
    pub(crate) settings: &'a ControlSettings,
    /// It may lower, and raise nobody.
    pub(crate) decreases_only: bool,
    /// Its shares are weighted max-min fair and waste nothing.
    pub(crate) max_min: bool,
    /// What is certain.
    pub(crate) world: &'a World<'a>,
}

/// What is planned for one device, as far as it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// W; none where it gets none.
    pub(crate) setpoint_w: Option<Watts>,
    /// Fair share, W.
    pub(crate) share_w: Watts,
}

/// Whom a finding names, by its index in the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Culprit {
    Device(usize),
    Node(usize),
}

/// What is wrong with a plan, in a sentence that begins with whom it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) culprit: Culprit,
    pub(crate) what: String,
}

impl Finding {
    fn of_device(index: usize, device_id: &DeviceId, what: &str) -> Self {
        Self { culprit: Culprit::Device(index), what: format!("{device_id}: {what}") }
    }

    fn of_node(index: usize, feeder_id: &FeederId, what: &str) -> Self {
        Self { culprit: Culprit::Node(index), what: format!("{feeder_id}: {what}") }
    }
}

/// What is wrong with a plan; empty when nothing is.
pub(crate) fn certify(view: &View<'_>, orders: &[Order], promise: &Promise<'_>) -> Vec<Finding> {
    let (mut findings, mut breaches) = (Vec::new(), Vec::new());
    let mut sums = import::Sums::none(view);
    let mut marks = fair::Marks::none(view, promise);
    let mut starts = standby::Starts::none(view);
    let mut doubt = doubt::Doubt::of(view, promise.world);
    // All of one device at a time: what is known of all of them is more than a processor keeps at hand.
    for judged in all(view, orders, promise.world) {
        doubt.check_device(&judged, &mut findings);
        starts.count(&judged);
        let Some(load) = judged.load() else { continue };
        device::check(&load, promise, &mut breaches);
        sums[load.seen.node].count(&load);
        marks.count(&load, promise);
    }
    doubt.check_nodes(&mut findings);
    findings.append(&mut breaches);
    let sums = import::roll_up(view, orders, sums);
    import::check(view, &sums, &mut findings);
    if promise.max_min {
        fair::check(view, &sums, marks, promise, &mut findings);
    }
    starts.check(view, &mut findings);
    export::check(view, orders, &mut findings);
    findings.truncate(FINDINGS_MAX);
    findings
}

/// The same of what is sent while control is stopped: limits hold as ever, and nobody is told more than the fallback. Shares
/// and ramps are nobody's concern then.
pub(crate) fn certify_stopped(
    view: &View<'_>,
    orders: &[Order],
    world: &World<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sums = import::Sums::none(view);
    let mut doubt = doubt::Doubt::of(view, world);
    for judged in all(view, orders, world) {
        doubt.check_device(&judged, &mut findings);
        if let Some(load) = judged.load() {
            sums[load.seen.node].count(&load);
        }
    }
    doubt.check_nodes(&mut findings);
    stopped::check(view, orders, &mut findings);
    let sums = import::roll_up(view, orders, sums);
    import::check_setpoints(view, &sums, &mut findings);
    findings.truncate(FINDINGS_MAX);
    findings
}

/// A device: what was estimated of it, what is certain, and what is planned for it.
#[derive(Debug, Clone, Copy)]
struct Judged<'v, 'a> {
    index: usize,
    seen: &'v Seen<'a>,
    fact: &'v Fact<'v>,
    order: Order,
}

fn all<'v, 'a>(
    view: &'v View<'a>,
    orders: &'v [Order],
    world: &'v World<'_>,
) -> impl Iterator<Item = Judged<'v, 'a>> {
    let devices = view.devices.iter().zip(&world.facts).zip(orders).enumerate();
    devices.map(|(index, ((seen, fact), order))| Judged { index, seen, fact, order: *order })
}

/// A device that takes power and is commanded, and what is planned for it.
#[derive(Debug, Clone, Copy)]
struct Load<'v, 'a> {
    index: usize,
    seen: &'v Seen<'a>,
    /// As it is remembered; none of one that was never heard.
    device: Option<&'v Remembered>,
    setpoint_w: Watts,
    share_w: Watts,
}

impl<'v, 'a> Judged<'v, 'a> {
    /// The device, if it takes power and is commanded.
    fn load(&self) -> Option<Load<'v, 'a>> {
        let Self { index, seen, fact, order } = *self;
        let loads = seen.role == Role::Controlled
            && !seen.device_type.generates()
            && seen.standby_w.is_none();
        let setpoint_w = order.setpoint_w.filter(|_| loads)?;
        let device = fact.remembered.as_ref();
        Some(Load { index, seen, device, setpoint_w, share_w: order.share_w })
    }
}

impl Load<'_, '_> {
    fn non_compliant(&self) -> bool {
        self.seen.counts_as_it_is()
    }

    /// Its last setpoint, else what it takes.
    fn last_w(&self) -> Watts {
        self.told_w().unwrap_or(self.seen.power_w)
    }

    /// Its last setpoint.
    fn told_w(&self) -> Option<Watts> {
        self.device.and_then(|device| device.told_w)
    }

    /// It was lowered less than a dwell time ago.
    fn rests(&self) -> bool {
        self.device.is_some_and(|device| device.rests)
    }

    /// The most that it may use: its want, or what an operator orders.
    fn cap_w(&self) -> Watts {
        match self.seen.override_w {
            Some(ordered) => ordered.min(self.seen.want.rated_w).max(self.bare_least_w()),
            None => self.seen.want.high_w,
        }
    }

    /// The least that it can be told: 0, or what storage may give back.
    fn bare_least_w(&self) -> Watts {
        match self.seen.override_w {
            Some(ordered) => ordered.clamp(self.seen.want.low_w, Watts::ZERO),
            None => self.seen.want.low_w,
        }
    }

    /// The least that can be set aside for it: not less than what it takes when its lease lapses, nor than what it takes
    /// anyhow where it does not follow.
    fn least_w(&self) -> Watts {
        let least = self.lapsed_w(self.bare_least_w());
        if self.seen.stuck { least.max(self.seen.may.most) } else { least }
    }

    /// What it takes at a setpoint or after that has lapsed, whichever is more.
    fn lapsed_w(&self, setpoint_w: Watts) -> Watts {
        if self.seen.fallback_w > Watts::ZERO {
            setpoint_w.max(self.seen.fallback_w)
        } else {
            setpoint_w
        }
    }

    fn weight_milli(&self) -> i64 {
        if self.seen.override_w.is_some() {
            OPERATOR_WEIGHT_MILLI
        } else {
            self.seen.want.weight_milli
        }
    }
}

#[cfg(test)]
mod tests;
