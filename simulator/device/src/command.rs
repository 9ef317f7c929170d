//! What a device does with setpoints: which ones it takes, how long they hold, and what it says about them.
//!
//! A setpoint holds for its lease, counted from receipt where it says `ttlMs`. When the lease lapses the device
//! goes to its fallback and stays there until it is told otherwise. An older (log, epoch, seq) never replaces a newer
//! one, and a message that was seen before is not looked at again: a log made anew counts from the beginning again, so
//! it is the log and the id that tell.

use std::collections::{BTreeSet, VecDeque};

use schemas::Timestamp;
use schemas::mqtt::edge::kw_to_edge;
use schemas::mqtt::{Fence, Setpoint};
use schemas::records::ack::AckStatus;
use uuid::Uuid;

/// Ids of processed setpoints that are remembered; the oldest is forgotten first.
pub(crate) const SEEN_MAX: usize = 256;

/// Who decides what a device does at the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drive {
    /// Nobody: it was never commanded.
    Own,
    /// A setpoint, kW.
    Setpoint(f64),
    /// Its lease lapsed: the fallback of that setpoint, or the device's own where it named none.
    Fallback(Option<f64>),
}

/// What a device says about a setpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Which one.
    pub setpoint_id: Uuid,
    /// What became of it.
    pub status: AckStatus,
    /// The power at that moment, kW, where it is applied.
    pub applied_kw: Option<f64>,
    /// Why, where that is not plain.
    pub reason: Option<&'static str>,
}

impl Report {
    fn of(setpoint_id: Uuid, status: AckStatus, reason: Option<&'static str>) -> Self {
        Self { setpoint_id, status, applied_kw: None, reason }
    }
}

#[derive(Debug, Clone)]
struct Live {
    id: Uuid,
    target_kw: f64,
    fallback_kw: Option<f64>,
    ramp_kw_per_s: Option<f64>,
    until: Timestamp,
    applied: bool,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Never,
    Live(Live),
    Lapsed {
        fallback_kw: Option<f64>,
    },
}

/// A message's log and its id.
type Name = (Option<Uuid>, Uuid);

/// The device's memory of its setpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    state: State,
    fence: Option<Fence>,
    seen: BTreeSet<Name>,
    order: VecDeque<Name>,
}

impl Commands {
    /// Takes or refuses a setpoint received at `now`. `remaining_ms` is what the broker says is left of the
    /// message's life: a retained one may have lain there for a while.
    pub(crate) fn receive(
        &mut self,
        setpoint: &Setpoint,
        now: Timestamp,
        remaining_ms: Option<i64>,
        refusal: Option<&'static str>,
    ) -> Vec<Report> {
        let id = setpoint.id();
        if !self.remember((setpoint.log, id)) {
            return Vec::new();
        }
        if let Some(reason) = refusal {
            return vec![Report::of(id, AckStatus::Rejected, Some(reason))];
        }
        let fence = setpoint.fence();
        if let (Some(new), Some(known)) = (fence, self.fence)
            && new < known
        {
            let reason = if new.log < known.log {
                "decided in an older log"
            } else {
                "an older epoch or sequence"
            };
            return vec![Report::of(id, AckStatus::Superseded, Some(reason))];
        }
        let lease_ms = setpoint.ttl_ms.unwrap_or_else(|| setpoint.valid_until.since(now));
        let lease_ms = remaining_ms.map_or(lease_ms, |left| lease_ms.min(left));
        // Expired or not, it is the newest word of its sender: nothing older shall win after it.
        self.fence = fence.or(self.fence);
        if lease_ms <= 0 {
            return vec![Report::of(
                id,
                AckStatus::Expired,
                Some("its lease had ended before it came"),
            )];
        }
        let edge_kw = |watts| kw_to_edge(setpoint.envelope.device_type, watts);
        let replaced = std::mem::replace(
            &mut self.state,
            State::Live(Live {
                id,
                target_kw: edge_kw(setpoint.target_w),
                fallback_kw: setpoint.fallback_w.map(edge_kw),
                ramp_kw_per_s: setpoint.ramp_w_per_s.map(schemas::Watts::kw),
                until: now.plus_ms(lease_ms),
                applied: false,
            }),
        );
        let mut reports = Vec::new();
        if let State::Live(old) = replaced
            && !old.applied
        {
            let reason = Some("replaced before it was reached");
            reports.push(Report::of(old.id, AckStatus::Superseded, reason));
        }
        reports.push(Report::of(id, AckStatus::Accepted, None));
        reports
    }

    /// Ends the lease when its time has come.
    pub(crate) fn lapse(&mut self, now: Timestamp) -> Option<Report> {
        let State::Live(live) = &self.state else {
            return None;
        };
        if now < live.until {
            return None;
        }
        let report =
            Report::of(live.id, AckStatus::Expired, Some("its lease lapsed: at the fallback"));
        self.state = State::Lapsed { fallback_kw: live.fallback_kw };
        Some(report)
    }

    /// Moves the lease with a clock that was set back by `ms`: it must not live longer for that.
    pub(crate) fn clock_set_back(&mut self, ms: i64) {
        if let State::Live(live) = &mut self.state {
            live.until = live.until.plus_ms(-ms);
        }
    }

    /// Says that the setpoint is reached, once.
    pub(crate) fn reached(&mut self, kw: f64) -> Option<Report> {
        let State::Live(live) = &mut self.state else {
            return None;
        };
        if live.applied {
            return None;
        }
        live.applied = true;
        let mut report = Report::of(live.id, AckStatus::Applied, None);
        report.applied_kw = Some(kw);
        Some(report)
    }

    /// Whether a setpoint was taken and is not reached yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(&self.state, State::Live(live) if !live.applied)
    }

    pub(crate) fn drive(&self) -> Drive {
        match &self.state {
            State::Never => Drive::Own,
            State::Live(live) => Drive::Setpoint(live.target_kw),
            State::Lapsed { fallback_kw } => Drive::Fallback(*fallback_kw),
        }
    }

    /// The ramp that the live setpoint allows at most.
    pub(crate) fn ramp_kw_per_s(&self) -> Option<f64> {
        match &self.state {
            State::Live(live) => live.ramp_kw_per_s,
            State::Never | State::Lapsed { .. } => None,
        }
    }

    fn remember(&mut self, name: Name) -> bool {
        if !self.seen.insert(name) {
            return false;
        }
        self.order.push_back(name);
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}
