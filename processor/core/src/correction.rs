//! What is measured over the target although everyone has been told to keep it is kept free from then on, whatever its
//! cause: losses, rounding, storage that delivers less than it is told. It comes back as it goes.

use std::collections::BTreeMap;

use schemas::records::operator::ControlSettings;
use schemas::records::snapshot::NodeSnapshot;
use schemas::{FeederId, Watts};

use crate::estimate::{Role, View};
use crate::plan::Plan;
use crate::standing;
use crate::topology::add_watts;

/// Decreases are seen within so many windows: what is over then stays over.
const SEEN_WINDOWS: i32 = 3;
/// At most one part in so many of the limit is kept free.
const MOST_PART: i64 = 4;
/// In each window in which nothing is over, one part in so many comes back.
const BACK_PART: i64 = 16;

/// Notes at each node, when a window has closed, what is over, as long as somebody can still be told less.
pub(crate) fn note(
    nodes: &mut BTreeMap<FeederId, NodeSnapshot>,
    view: &View<'_>,
    plan: &Plan,
    settings: &ControlSettings,
) {
    // Added up when the first node asks for it: hardly ever.
    let mut lowerable = None;
    for (index, (place, estimate)) in view.topology.nodes.iter().zip(&view.nodes).enumerate() {
        let state = standing::node(nodes, &place.feeder_id);
        let (limit, margin) = (estimate.limits.import, estimate.limits.margin);
        // Within the margin nothing needs to be done.
        let is_over = estimate.load_w > limit - margin / 2;
        state.over_windows = if is_over { state.over_windows.saturating_add(1) } else { 0 };
        let correction = state.correction_w;
        let excess = estimate.load_w - (limit - margin);
        state.correction_w = match () {
            () if !is_over => (correction - (correction / BACK_PART).max(settings.deadband_w / 4))
                .max(Watts::ZERO),
            () if state.over_windows > SEEN_WINDOWS
                && lowerable.get_or_insert_with(|| lowerable_w(view, plan))[index]
                    > Watts::ZERO =>
            {
                (correction + excess / 2).min(limit / MOST_PART)
            }
            () => correction,
        };
    }
}

/// By how much those under each node could be told less.
fn lowerable_w(view: &View<'_>, plan: &Plan) -> Vec<Watts> {
    let mut lowerable = vec![Watts::ZERO; view.nodes.len()];
    for (seen, planned) in view.devices.iter().zip(&plan.devices) {
        if let (Role::Controlled, Some(setpoint)) = (seen.role, planned.setpoint_w) {
            lowerable[seen.node] += (setpoint - seen.want.low_w).max(Watts::ZERO);
        }
    }
    view.topology.roll_up(&mut lowerable, add_watts);
    lowerable
}
