//! A plan that failed its check never reaches a device. What is sent in its place costs, in this order: only the devices
//! that the findings name, counted at their worst; only the feeders that they name, held to what they had; the tree.

use schemas::records::decision::Reason;

use super::{Plan, Planned, make, orders, to_fallbacks};
use crate::certify::{Culprit, Finding, Promise, certify};
use crate::estimate::{Role, View};
use crate::policy::{Policy, WaterFill};

/// When more than one device in so many is named, it is not they who are at fault.
const NAMED_PART: usize = 4;

/// What a plan is made again by.
pub(super) struct Again<'p> {
    pub(super) policy: &'p dyn Policy,
    pub(super) promise: Promise<'p>,
    pub(super) found: Vec<Finding>,
}

impl Again<'_> {
    /// The same with those whom the findings name counted at their worst.
    pub(super) fn without_culprits(&self, view: &mut View<'_>) -> Option<Plan> {
        let named = |finding: &Finding| match finding.culprit {
            Culprit::Device(index) => Some(index),
            Culprit::Node(_) => None,
        };
        let mut culprits: Vec<usize> = self.found.iter().filter_map(named).collect();
        culprits.sort_unstable();
        culprits.dedup();
        if culprits.is_empty() || culprits.len() * NAMED_PART > view.devices.len().max(NAMED_PART) {
            return None;
        }
        let before: Vec<_> = culprits.iter().map(|index| view.devices[*index].clone()).collect();
        for index in &culprits {
            view.devices[*index].set_aside();
        }
        let Promise { settings, decreases_only, .. } = self.promise;
        let mut plan = make(view, self.policy, settings, decreases_only);
        if certify(view, &orders(&plan.devices), &self.promise).is_empty() {
            for index in culprits {
                plan.devices[index].contained = true;
                plan.devices[index].reason = Reason::Uncertified;
            }
            return Some(plan);
        }
        for (index, seen) in culprits.into_iter().zip(before) {
            view.devices[index] = seen;
        }
        None
    }

    /// The same where nothing was found; the feeders that the findings name are held to what they had, lowered to what is
    /// safe, or to their fallbacks.
    pub(super) fn with_nodes_held(&self, view: &View<'_>, made: &Plan) -> Option<Plan> {
        let mut held = vec![false; view.nodes.len()];
        for finding in &self.found {
            let node = match finding.culprit {
                Culprit::Device(index) => view.devices[index].node,
                Culprit::Node(index) => index,
            };
            held[node] = true;
        }
        for index in 0..held.len() {
            held[index] |= view.topology.nodes[index].parent.is_some_and(|parent| held[parent]);
        }
        if held[0] {
            return None;
        }
        let promise = Promise { max_min: false, ..self.promise };
        let (mut safe, mut least) = (self.safe(view), made.devices.clone());
        to_fallbacks(view, &mut least);
        for candidate in [&mut safe.devices, &mut least] {
            for (index, seen) in view.devices.iter().enumerate() {
                if !held[seen.node] {
                    candidate[index] = made.devices[index];
                } else if seen.role == Role::Controlled {
                    candidate[index].reason = Reason::Uncertified;
                    candidate[index].contained = true;
                }
            }
            if certify(view, &orders(candidate), &promise).is_empty() {
                return Some(Plan { devices: candidate.clone(), ..made.clone() });
            }
        }
        None
    }

    /// What was certified last, lowered by the default policy to what is safe now; and where even that fails, no more than
    /// each device's fallback.
    pub(super) fn lowered(&self, view: &View<'_>) -> Plan {
        let mut safe = self.safe(view);
        let promise = Promise { decreases_only: true, max_min: false, ..self.promise };
        if !certify(view, &orders(&safe.devices), &promise).is_empty() {
            to_fallbacks(view, &mut safe.devices);
        }
        for (seen, planned) in view.devices.iter().zip(&mut safe.devices) {
            if seen.role == Role::Controlled {
                planned.reason = Reason::Uncertified;
            }
        }
        Plan { certified: false, ..safe }
    }

    fn safe(&self, view: &View<'_>) -> Plan {
        let mut safe = make(view, &WaterFill, self.promise.settings, true);
        hold_to_the_last(view, &mut safe.devices);
        safe
    }
}

/// Nobody gets more than the last setpoint allowed.
fn hold_to_the_last(view: &View<'_>, planned: &mut [Planned]) {
    for (seen, planned) in view.devices.iter().zip(planned) {
        let last = seen.known.setpoint_w.unwrap_or_default();
        let generates = seen.device_type.generates();
        if let (Role::Controlled, Some(setpoint)) = (seen.role, planned.setpoint_w) {
            planned.setpoint_w =
                Some(if generates { setpoint.max(last) } else { setpoint.min(last) });
        }
    }
}
