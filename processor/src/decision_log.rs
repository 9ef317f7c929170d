//! One line in the log of the process for each decision, as people and their tools search for it.

use schemas::clickhouse::curtailed_by_node;
use schemas::records::decision::{Decision, DeviceDecision, NodeDecision};
use serde_json::{Value, json};

/// How much of each decision is said (`DECISION_LOG_LEVEL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionLog {
    /// Nothing.
    Off,
    /// The feeders.
    Feeders,
    /// The feeders and every device.
    Devices,
}

impl DecisionLog {
    /// By the word of the setting.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "off" => Self::Off,
            "debug" => Self::Devices,
            _ => Self::Feeders,
        }
    }

    /// Says a decision. Feeders and devices are JSON, in kW.
    pub fn say(self, decision: &Decision) {
        // What nobody reads is not put together.
        if self == Self::Off || !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let header = &decision.header;
        let curtailed = curtailed_by_node(decision);
        let feeders: Vec<Value> = header
            .nodes
            .iter()
            .map(|node| feeder(node, curtailed.get(&node.feeder_id).map_or(0.0, |w| w.kw())))
            .collect();
        let feeders = Value::from(feeders).to_string();
        let devices = (self == Self::Devices)
            .then(|| Value::from_iter(decision.devices.iter().map(device)).to_string());
        tracing::info!(
            decision = %decision.id(),
            root = %decision.root,
            epoch = decision.no.epoch,
            seq = decision.no.seq,
            trigger = ?header.trigger,
            policy = header.policy,
            certified = header.certified,
            lag_ms = header.at.since(header.window_end),
            alarms = header.alarms.len(),
            feeders,
            devices,
            "decided"
        );
    }
}

fn feeder(node: &NodeDecision, curtailed_kw: f64) -> Value {
    json!({
        "feederId": node.feeder_id, "mode": node.mode, "limitKw": node.limit_w.kw(),
        "loadKw": node.load_w.kw(), "headroomKw": node.headroom_w.kw(),
        "allocatedKw": node.allocated_w.kw(), "curtailedKw": curtailed_kw,
        "unmetKw": node.unmet_w.kw(), "binding": node.binding, "rung": node.rung,
        "devices": node.device_count, "fresh": node.fresh_count, "stale": node.stale_count,
        "degraded": node.degraded, "stopped": node.stopped,
    })
}

fn device(device: &DeviceDecision) -> Value {
    json!({
        "deviceId": device.device_id, "powerKw": device.power_w.map(|watts| watts.kw()),
        "wantedKw": device.wanted_w.kw(), "setpointKw": device.setpoint_w.map(|watts| watts.kw()),
        "emit": device.emit, "reason": device.reason,
    })
}
