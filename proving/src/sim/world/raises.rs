//! What is checked of a decision when it begins to count: whether anybody is given what others may still take.

use device_model::Drive;
use schemas::records::decision::{Decision, DeviceDecision, Emit, Rung};
use schemas::records::telemetry::DeviceType;

use super::World;
use crate::sim::member::{Body, read_command};
use crate::sim::physics::{REACTION_MS, is_under, member_feeder};
use crate::sim::reference::{Violation, violation};

/// A sample in a decision may be so old, where all is well: a period, two ways, a step of each on the path.
const UNSEEN_MS: i64 = 5_000;
/// Kilowatts outside, watts inside, and a few devices.
const ROUNDING_W: i64 = 10;

/// It wants nothing and may start: a charger without a car.
fn stands_by(decided: &DeviceDecision) -> bool {
    let may_start = decided.setpoint_w.is_some_and(|watts| watts.0 > 0);
    decided.device_type == DeviceType::Ev && decided.wanted_w.0 == 0 && may_start
}

impl World {
    /// A decision counts from here on.
    pub(super) fn on_counting(&mut self, decision: Decision) -> Result<(), Violation> {
        let at = decision.header.at.0 - self.start;
        self.trace.note(
            self.now,
            format_args!(
                "{} {} at +{at} ms by {:?}: {:?}",
                decision.root,
                decision.no,
                decision.header.trigger,
                decision.devices.iter().map(|d| d.setpoint_w.map(|w| w.0)).collect::<Vec<_>>()
            ),
        );
        for device in &decision.devices {
            let (of, power, setpoint) = (&device.device_id, device.power_w, device.setpoint_w);
            let (freshness, age) = (device.freshness, device.sample_age_ms);
            let reason = device.reason;
            self.trace.note(
                self.now,
                format_args!(
                    "    {of}: {power:?} → {setpoint:?}, {reason:?}, {freshness:?} {age:?}"
                ),
            );
        }
        for node in &decision.header.nodes {
            let (limit, load, uncontrolled) = (node.limit_w, node.load_w, node.uncontrolled_w);
            let (controlled, reserved) = (node.controlled_w, node.reserved_w);
            self.trace.note(
                self.now,
                format_args!(
                    "  {}: {load} of {limit}, {controlled} controlled, {uncontrolled} not, {reserved} held",
                    node.feeder_id
                ),
            );
        }
        for node in &decision.header.nodes {
            if node.unmet_w.0 > 0 || node.rung == Rung::Alarm || node.stopped.is_some() {
                self.physics.excuse(&node.feeder_id, self.now + REACTION_MS);
            }
        }
        if self.checks_load {
            self.check_raises(&decision)?;
        }
        self.note_live(&decision);
        if let Some(kept) = &mut self.decisions {
            kept.push(decision);
        }
        Ok(())
    }

    /// G1 and G2 against what devices hold: where somebody is raised, all that may be taken from now on fits the limit.
    fn check_raises(&self, decision: &Decision) -> Result<(), Violation> {
        let registry = &self.reference.registry;
        for node in &decision.header.nodes {
            let (mut may_take, mut raised) = (0, 0);
            let mut words = String::new();
            for decided in &decision.devices {
                let Some(index) = self.index_of(&decided.device_id) else { continue };
                let member = &self.members[index];
                let feeder = member_feeder(registry, member);
                if matches!(member.body, Body::Meter(_))
                    || !is_under(registry, feeder, &node.feeder_id)
                {
                    continue;
                }
                // Of those who draw nothing not all start in one moment: what is held back for a start or two is not theirs.
                if stands_by(decided) && member.power_w() == 0 {
                    continue;
                }
                let free = member.generates() || matches!(member.drive(), Drive::Own);
                let seen_ms = if free { REACTION_MS } else { UNSEEN_MS };
                let power = member.power_w();
                let least = self.watched[index].least_known_w(seen_ms, self.start, power);
                let holds = if free { least } else { self.worst_w(index).max(least) };
                let told = decided.setpoint_w.map(|watts| watts.0);
                let told = told.filter(|_| !member.generates() && !member.lies());
                may_take += told.map_or(holds, |told| told.max(holds));
                // What may be taken by the log's own word is no gift, nor that a battery stops giving.
                let had = self.may_have_w(index).max(holds).max(0);
                raised += told.map_or(0, |told| (told - had).max(0));
                words.push_str(&format!(" {}={holds}→{told:?}", decided.device_id));
            }
            if raised > ROUNDING_W && may_take > node.limit_w.0 + ROUNDING_W {
                let what = format!(
                    "{} {} {:?}: {raised} W are given where devices may take {may_take} W of {}:{words}",
                    node.feeder_id, decision.no, decision.header.trigger, node.limit_w
                );
                return Err(violation("G2 decrease before increase", what));
            }
        }
        Ok(())
    }

    /// Remembers what is sent as possibly in force.
    fn note_live(&mut self, decision: &Decision) {
        let at = decision.header.at.0;
        for decided in decision.devices.iter().filter(|decided| decided.emit != Emit::None) {
            let Some(index) = self.index_of(&decided.device_id) else { continue };
            let most = decided.setpoint_w.map_or(0, |watts| watts.0).max(decided.fallback_w.0);
            let live = &mut self.watched[index].live;
            live.retain(|(_, sent, _)| at - sent <= 2 * decided.ttl_ms);
            live.push((decision.setpoint_id(&decided.device_id), at, most));
        }
    }

    /// The most a device may take by what the log knows of it: live commands, and the power it was last seen to take.
    fn may_have_w(&self, index: usize) -> i64 {
        let watched = &self.watched[index];
        let commands = watched.live.iter().map(|(_, _, most)| *most).fold(i64::MIN, i64::max);
        let known = (watched.logged - UNSEEN_MS - self.start).max(0) / 1_000;
        let from = usize::try_from(known).unwrap_or(0).min(watched.power_w.len());
        let seen = watched.power_w[from..].iter().copied().fold(i64::MIN, i64::max);
        commands.max(seen).max(self.members[index].power_w())
    }

    /// The most a device may take from now on by what it holds and by what is on its way to it.
    fn worst_w(&self, index: usize) -> i64 {
        let member = &self.members[index];
        let fence = member.taken.map(|taken| taken.fence);
        let coming = self.broker.on_the_way(index).chain(self.broker.retained.get(&index));
        coming
            .filter(|kept| kept.expires > self.now)
            .filter_map(|kept| read_command(&member.id, kept, self.now))
            .filter(|command| Some(command.fence) > fence)
            .map(|command| command.target_w.max(command.fallback_w))
            .fold(member.held_w(), i64::max)
    }
}
