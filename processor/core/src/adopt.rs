//! What the log says was decided is a fact, even where this core would have decided otherwise: it may have been sent.

use schemas::Watts;
use schemas::records::decision::{Decision, Emit};
use schemas::records::snapshot::LiveCommand;

use crate::device;
use crate::report::MS_PER_HOUR;
use crate::tree::Tree;

impl Tree {
    /// Takes the setpoints of a recorded decision as commands that may be in force, and what it says that each device was
    /// short of: what this core's own plan would have owed nobody has missed.
    pub fn adopt(&mut self, recorded: &Decision) {
        for decided in &recorded.devices {
            let Some(device) = self.devices.get_mut(&decided.device_id) else { continue };
            device.setpoint_w = decided.setpoint_w;
            device.deficit_wms = decided.deficit_wh.0.saturating_mul(MS_PER_HOUR);
            if let (Some(setpoint_w), Emit::Change | Emit::Renew) =
                (decided.setpoint_w, decided.emit)
            {
                let command = LiveCommand {
                    epoch: recorded.no.epoch,
                    seq: recorded.no.seq,
                    setpoint_w,
                    decided: recorded.header.at,
                    until: recorded.header.at.plus_ms(2 * decided.ttl_ms),
                    fallback_w: decided.fallback_w,
                    applied: false,
                    from_w: device.power_w.unwrap_or(Watts::ZERO),
                };
                device::command(device, command);
            }
        }
    }
}
