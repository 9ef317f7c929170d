//! What stands in for the controller: one decision of an area from what is known of its devices. Loads add up from devices to
//! feeders to the area, and every setpoint is a share of them.

use schemas::records::decision::{
    Alarm, Decision, DecisionHeader, DeviceDecision, Emit, Freshness, NodeBinding, NodeDecision,
    Positions, Reason, Rung, Severity, Trigger,
};
use schemas::records::decision_no::DecisionNo;
use schemas::records::operator::FeederMode;
use schemas::records::telemetry::{DeviceType, Telemetry};
use schemas::{DeviceId, FeederId, Timestamp, WattHours, Watts};
use uuid::Uuid;

use super::allocation::{Ask, Bound, Room, Shares, share};

const MARGIN_W: i64 = 500;
const DEADBAND_W: i64 = 100;
const LEASE_MS: i64 = 30_000;
const RENEW_MS: i64 = 20_000;
const STALE_MS: i64 = 30_000;
/// A device that draws so much more than it may does not follow, after so many decisions.
const BEYOND_W: i64 = 500;
const BEYOND_COUNT: u32 = 3;

/// What is known of a device.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) device_id: DeviceId,
    pub(super) device_type: DeviceType,
    /// Its feeder, among those of its area.
    pub(super) feeder: usize,
    pub(super) fallback_w: i64,
    /// The newest sample that has arrived.
    pub(super) last: Option<Telemetry>,
    /// What it would like, W.
    pub(super) want_w: i64,
    pub(super) setpoint_w: Option<i64>,
    pub(super) emitted: Option<Timestamp>,
    /// Decisions in a row at which it drew too much.
    pub(super) beyond: u32,
}

impl Known {
    fn power_w(&self) -> i64 {
        self.last.as_ref().map_or(0, |sample| sample.power_w.0)
    }

    fn age_ms(&self, at: Timestamp) -> Option<i64> {
        self.last.as_ref().map(|sample| at.since(sample.ts))
    }

    fn freshness(&self, at: Timestamp) -> Freshness {
        match self.age_ms(at) {
            Some(age) if age <= STALE_MS => Freshness::Fresh,
            Some(_) => Freshness::Stale,
            None => Freshness::Missing,
        }
    }

    fn follows(&self) -> bool {
        self.beyond < BEYOND_COUNT
    }

    fn is_steered(&self, at: Timestamp) -> bool {
        self.follows() && self.freshness(at) == Freshness::Fresh
    }
}

/// A feeder at the time of a decision.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) feeder_id: FeederId,
    pub(super) import_limit_w: i64,
    /// The limit of an event in force.
    pub(super) event_w: Option<i64>,
    pub(super) uncontrolled_w: i64,
}

impl Node {
    fn limit_w(&self) -> i64 {
        self.event_w.map_or(self.import_limit_w, |event| event.min(self.import_limit_w))
    }
}

/// An area: the root of a tree, with the feeders under it.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) root: Node,
    pub(super) feeders: Vec<Node>,
    pub(super) devices: Vec<Known>,
    pub(super) seq: i64,
}

/// When, and of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) window: (Timestamp, Timestamp),
    pub(super) positions: Positions,
    pub(super) writer: Uuid,
}

impl Area {
    /// Decides, and remembers what it has decided.
    pub(super) fn decide(&mut self, moment: Moment) -> Decision {
        let at = moment.at;
        for device in &mut self.devices {
            let allowed = device.setpoint_w.unwrap_or(i64::MAX - BEYOND_W);
            let beyond = device.power_w() > allowed + BEYOND_W;
            device.beyond = if beyond { device.beyond + 1 } else { 0 };
        }
        let shares = self.shares(at);
        let devices: Vec<DeviceDecision> =
            (0..self.devices.len()).map(|index| self.device(index, &shares, at)).collect();
        self.seq += 1;
        let nodes = self.nodes(&shares, &devices);
        let alarms = alarms(&nodes, &devices);
        Decision {
            no: DecisionNo::new(1, self.seq),
            writer: moment.writer,
            root: self.root.feeder_id.clone(),
            header: DecisionHeader {
                at,
                trigger: Trigger::Window,
                window_start: moment.window.0,
                window_end: moment.window.1,
                positions: moment.positions,
                policy: "water-fill".to_owned(),
                certified: true,
                findings: Vec::new(),
                nodes,
                alarms,
            },
            devices,
        }
    }

    fn shares(&self, at: Timestamp) -> Shares {
        let asks: Vec<Ask> = self
            .devices
            .iter()
            .map(|device| Ask {
                want_w: if device.is_steered(at) { device.want_w } else { 0 },
                feeder: device.feeder,
            })
            .collect();
        let fixed = |feeder: usize| -> i64 {
            let of_feeder = self.devices.iter().filter(|device| device.feeder == feeder);
            let unsteered = of_feeder.filter(|device| !device.is_steered(at));
            // Generation that is not steered, or not heard, is nothing to count on.
            let taken: i64 = unsteered.map(|device| device.power_w().max(0)).sum();
            self.feeders[feeder].uncontrolled_w + taken
        };
        let rooms: Vec<Room> = self
            .feeders
            .iter()
            .enumerate()
            .map(|(feeder, node)| Room {
                limit_w: node.limit_w() - MARGIN_W,
                fixed_w: fixed(feeder),
            })
            .collect();
        let fixed_w = rooms.iter().map(|room| room.fixed_w).sum();
        share(&asks, &rooms, Room { limit_w: self.root.limit_w() - MARGIN_W, fixed_w })
    }

    fn device(&mut self, index: usize, shares: &Shares, at: Timestamp) -> DeviceDecision {
        let (share_w, bound) = shares.of[index];
        let root = self.root.feeder_id.clone();
        let device = &mut self.devices[index];
        let feeder_id = self.feeders[device.feeder].feeder_id.clone();
        let (freshness, steered) = (device.freshness(at), device.is_steered(at));
        let (target, reason) = match bound {
            _ if !device.follows() => (0, Reason::NonCompliant),
            _ if freshness == Freshness::Missing => (device.fallback_w, Reason::Missing),
            _ if !steered => (device.fallback_w, Reason::Stale),
            Bound::Nothing => (share_w, Reason::Satisfied),
            Bound::Feeder | Bound::Area => (share_w, Reason::FairShare),
        };
        // A setpoint that is a little less than what is due stands: no limit is passed by it.
        let standing = device.setpoint_w.filter(|old| {
            let less = target - old;
            (0..=DEADBAND_W).contains(&less) && (*old >= 0 || target <= 0)
        });
        let setpoint = standing.unwrap_or(target);
        let reason = if setpoint != target && reason == Reason::Satisfied {
            Reason::Deadband
        } else {
            reason
        };
        let renew = device.emitted.is_none_or(|last| at.since(last) >= RENEW_MS);
        let emit = match device.setpoint_w {
            Some(old) if old == setpoint && renew => Emit::Renew,
            Some(old) if old == setpoint => Emit::None,
            _ => Emit::Change,
        };
        if emit != Emit::None {
            device.emitted = Some(at);
        }
        device.setpoint_w = Some(setpoint);
        DeviceDecision {
            device_id: device.device_id.clone(),
            bound_by: match bound {
                Bound::Feeder => Some(feeder_id.clone()),
                Bound::Area => Some(root),
                Bound::Nothing => None,
            },
            feeder_id,
            device_type: device.device_type,
            power_w: device.last.as_ref().map(|sample| sample.power_w),
            soc: device.last.as_ref().and_then(|sample| sample.soc),
            freshness,
            sample_age_ms: device.age_ms(at),
            wanted_w: Watts(device.want_w),
            share_w: Watts(share_w),
            setpoint_w: Some(Watts(setpoint)),
            emit,
            ttl_ms: LEASE_MS,
            fallback_w: Watts(device.fallback_w),
            weight_milli: 1_000,
            deficit_wh: WattHours::ZERO,
            reason,
            marginal_w: Watts::ZERO,
            compliant: device.follows(),
            typed_layout: false,
        }
    }

    /// The root and its feeders, each with the sums of what is under it.
    fn nodes(&self, shares: &Shares, devices: &[DeviceDecision]) -> Vec<NodeDecision> {
        let area_level = shares.levels.last().copied().flatten();
        let mut feeders: Vec<NodeDecision> = (0..self.feeders.len())
            .map(|feeder| {
                let own = |(known, _): &(&Known, &DeviceDecision)| known.feeder == feeder;
                let members: Vec<&DeviceDecision> = self
                    .devices
                    .iter()
                    .zip(devices)
                    .filter(own)
                    .map(|(_, decided)| decided)
                    .collect();
                let level = shares.levels[feeder];
                let node = &self.feeders[feeder];
                let binding = match level {
                    Some(_) if node.event_w.is_some() => NodeBinding::Event,
                    Some(_) => NodeBinding::ImportLimit,
                    None if area_level.is_some() => NodeBinding::Ancestor,
                    None => NodeBinding::None,
                };
                NodeDecision {
                    parent_id: Some(self.root.feeder_id.clone()),
                    binding,
                    water_level_w: level,
                    unmet_w: Watts(shares.unmet_w[feeder]),
                    ..of_devices(node, &members)
                }
            })
            .collect();
        let sum = |of: fn(&NodeDecision) -> i64| feeders.iter().map(of).sum::<i64>();
        let count = |of: fn(&NodeDecision) -> i32| feeders.iter().map(of).sum::<i32>();
        let limit_w = self.root.limit_w();
        let root = NodeDecision {
            parent_id: None,
            load_w: Watts(sum(|node| node.load_w.0)),
            controlled_w: Watts(sum(|node| node.controlled_w.0)),
            uncontrolled_w: Watts(sum(|node| node.uncontrolled_w.0)),
            reserved_w: Watts(sum(|node| node.reserved_w.0)),
            allocated_w: Watts(sum(|node| node.allocated_w.0)),
            headroom_w: Watts(limit_w - sum(|node| node.load_w.0)),
            device_count: count(|node| node.device_count),
            fresh_count: count(|node| node.fresh_count),
            stale_count: count(|node| node.stale_count),
            binding: if area_level.is_some() {
                NodeBinding::ImportLimit
            } else {
                NodeBinding::None
            },
            water_level_w: area_level,
            unmet_w: Watts(shares.unmet_w.last().copied().unwrap_or(0)),
            ..of_devices(&self.root, &[])
        };
        feeders.insert(0, root);
        feeders
    }
}

fn of_devices(node: &Node, devices: &[&DeviceDecision]) -> NodeDecision {
    let watts =
        |of: &dyn Fn(&DeviceDecision) -> i64| devices.iter().map(|device| of(device)).sum::<i64>();
    let counted = |fresh: bool| {
        let those = devices.iter().filter(|device| (device.freshness == Freshness::Fresh) == fresh);
        i32::try_from(those.count()).unwrap_or(i32::MAX)
    };
    let controlled_w = watts(&|device| device.power_w.map_or(0, |power| power.0));
    let unsteered =
        |device: &DeviceDecision| !device.compliant || device.freshness != Freshness::Fresh;
    let load_w = controlled_w + node.uncontrolled_w;
    NodeDecision {
        feeder_id: node.feeder_id.clone(),
        parent_id: None,
        mode: FeederMode::Automatic,
        import_limit_w: Watts(node.import_limit_w),
        export_limit_w: None,
        limit_w: Watts(node.limit_w()),
        margin_w: Watts(MARGIN_W),
        load_w: Watts(load_w),
        controlled_w: Watts(controlled_w),
        uncontrolled_w: Watts(node.uncontrolled_w),
        reserved_w: Watts(watts(&|device| {
            if unsteered(device) { device.power_w.map_or(0, |power| power.0.max(0)) } else { 0 }
        })),
        headroom_w: Watts(node.limit_w() - load_w),
        allocated_w: Watts(watts(&|device| device.setpoint_w.map_or(0, |setpoint| setpoint.0))),
        unmet_w: Watts::ZERO,
        water_level_w: None,
        binding: NodeBinding::None,
        rung: Rung::Normal,
        degraded: None,
        stopped: None,
        device_count: counted(true) + counted(false),
        fresh_count: counted(true),
        stale_count: counted(false),
        by_type: Vec::new(),
    }
}

fn alarms(nodes: &[NodeDecision], devices: &[DeviceDecision]) -> Vec<Alarm> {
    let over = nodes.iter().filter(|node| node.load_w > node.limit_w).map(|node| Alarm {
        code: "CTL-001".to_owned(),
        severity: Severity::Critical,
        feeder_id: Some(node.feeder_id.clone()),
        device_id: None,
        message: "the load is above the limit".to_owned(),
    });
    let disobeying = devices.iter().filter(|device| !device.compliant).map(|device| Alarm {
        code: "CTL-003".to_owned(),
        severity: Severity::Warning,
        feeder_id: Some(device.feeder_id.clone()),
        device_id: Some(device.device_id.clone()),
        message: "it does not follow its setpoints".to_owned(),
    });
    over.chain(disobeying).collect()
}
