//! Physics of a simulated device, in integers: what it draws, what it obeys, what it says. Knows nothing of control.

use schemas::records::ack::AckStatus;
use schemas::records::telemetry::{Capabilities, DeviceType};

/// What a device says of its power.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Says {
    #[default]
    Truth,
    /// So many thousandths of it.
    Times(i64),
    /// Always the same, W.
    Always(i64),
}

/// What it says of its state of charge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SaysSoc {
    #[default]
    Truth,
    Nothing,
    /// Always the same, in parts per 10 000.
    Always(i32),
}

/// How a real device differs from what its data sheet promises.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flaws {
    pub(crate) says: Says,
    pub(crate) says_soc: SaysSoc,
    pub(crate) says_type: Option<DeviceType>,
    /// What it claims to be able to do, whatever it is.
    pub(crate) claims: Option<Capabilities>,
    /// A meter that sees only these devices.
    pub(crate) sees: Option<Vec<String>>,
    /// Its clock stands still at this time; in seconds instead of milliseconds.
    pub(crate) stopped_at: Option<i64>,
    pub(crate) says_seconds: bool,
    /// On the way from it to the bridge, ms.
    pub(crate) transport_ms: i64,
    pub(crate) says_offline: bool,
    /// Of what it is told it does so many thousandths less.
    pub(crate) falls_short_permille: i64,
    /// It rounds up to whole steps, W.
    pub(crate) rounds_up_w: i64,
    /// Least at which it runs, W, which it does not say.
    pub(crate) hidden_min_w: i64,
    /// It refuses every setpoint and does as it likes.
    pub(crate) rejects: bool,
    /// It never says anything.
    pub(crate) dumb: bool,
}

/// What a device is and how it behaves.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) id: String,
    pub(crate) feeder: String,
    pub(crate) device_type: DeviceType,
    /// Most it takes, W (generators: gives).
    pub(crate) rated_w: i64,
    /// Least at which it runs, W.
    pub(crate) min_w: i64,
    /// What it does when its lease lapses, if it says so.
    pub(crate) fallback_w: Option<i64>,
    /// Storage size, Wh; 0 = none.
    pub(crate) energy_wh: i64,
    pub(crate) priority: Option<i32>,
    /// When its car leaves.
    pub(crate) departure_ms: Option<i64>,
    /// Time from a setpoint's receipt to the first movement, ms.
    pub(crate) lag_ms: i64,
    /// Movement, W per second.
    pub(crate) ramp_w_s: i64,
    pub(crate) noise_permille: i64,
    /// Between samples, and the first one, ms.
    pub(crate) period_ms: i64,
    pub(crate) phase_ms: i64,
    /// Its clock less the true one, ms.
    pub(crate) skew_ms: i64,
    /// Acknowledges everything and follows nothing.
    pub(crate) liar: bool,
    /// Acknowledges nothing.
    pub(crate) mute: bool,
    pub(crate) flaws: Flaws,
}

impl Spec {
    pub(crate) fn new(device_type: DeviceType, id: &str, feeder: &str, rated_w: i64) -> Self {
        Self {
            id: id.to_owned(),
            feeder: feeder.to_owned(),
            device_type,
            rated_w,
            min_w: 0,
            fallback_w: Some(0),
            energy_wh: 0,
            priority: None,
            departure_ms: None,
            lag_ms: 500,
            ramp_w_s: rated_w.max(1),
            noise_permille: 0,
            period_ms: 1_000,
            phase_ms: 0,
            skew_ms: 0,
            liar: false,
            mute: false,
            flaws: Flaws::default(),
        }
    }
}

/// A setpoint as the device got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) epoch: i64,
    pub(crate) seq: i64,
    pub(crate) setpoint_w: i64,
    pub(crate) ttl_ms: i64,
    pub(crate) fallback_w: i64,
    /// The message is worthless from then on.
    pub(crate) expires_ms: i64,
}

/// A device in the world.
#[derive(Debug, Clone)]
pub(crate) struct Sim {
    pub(crate) spec: Spec,
    /// What it would take by itself, W (generators: what the sun gives, negative).
    pub(crate) wish_w: i64,
    /// What it takes now, W.
    pub(crate) power_w: i64,
    /// Stored energy, W·ms.
    pub(crate) stored_wms: i64,
    /// No link, neither way.
    pub(crate) cut: bool,
    /// Keeps what it would have said, and says it when the link is back.
    pub(crate) keeps_backlog: bool,
    /// The order in force and the end of its lease.
    pub(crate) order: Option<(Order, i64)>,
    /// Orders taken but not followed yet.
    taken: Vec<(i64, Order)>,
    fallback: Option<i64>,
    /// How long it has waited to change, for scripts that make it.
    pub(crate) waits_s: i64,
}

const WMS_PER_WH: i64 = 3_600_000;

impl Sim {
    pub(crate) fn new(spec: Spec) -> Self {
        let wish_w = match spec.device_type {
            DeviceType::Pv => -spec.rated_w,
            DeviceType::Battery | DeviceType::Meter => 0,
            DeviceType::Ev | DeviceType::Other => spec.rated_w,
        };
        Self {
            stored_wms: spec.energy_wh * WMS_PER_WH / 2,
            power_w: wish_w,
            wish_w,
            spec,
            cut: false,
            keeps_backlog: false,
            order: None,
            taken: Vec::new(),
            fallback: None,
            waits_s: 0,
        }
    }

    /// State of charge in parts per 10 000.
    pub(crate) fn soc(&self) -> Option<i32> {
        if self.spec.energy_wh == 0 {
            return None;
        }
        let full = self.spec.energy_wh * WMS_PER_WH;
        let parts = i128::from(self.stored_wms) * 10_000 / i128::from(full);
        Some(i32::try_from(parts.clamp(0, 10_000)).expect("clamped"))
    }

    /// Takes an order; says what it acknowledges, at once and after its lag.
    pub(crate) fn receive(&mut self, order: Order, now: i64) -> Vec<(i64, AckStatus)> {
        let newest = self.taken.last().map(|(_, order)| *order).or(self.order.map(|held| held.0));
        if newest.is_some_and(|held| (order.epoch, order.seq) <= (held.epoch, held.seq)) {
            return vec![(0, AckStatus::Superseded)];
        }
        if now >= order.expires_ms {
            return vec![(0, AckStatus::Expired)];
        }
        if self.spec.flaws.rejects {
            return vec![(0, AckStatus::Rejected)];
        }
        self.taken.push((now, order));
        vec![(0, AckStatus::Accepted), (self.spec.lag_ms, AckStatus::Applied)]
    }

    /// What it may yet take whatever is sent from now on: power now, the order in force, those taken, the fallback.
    pub(crate) fn worst_w(&self) -> i64 {
        let orders = self.order.iter().map(|(order, _)| order);
        let orders = orders.chain(self.taken.iter().map(|(_, order)| order));
        let orders = orders.map(|order| order.setpoint_w.max(order.fallback_w)).max();
        orders.unwrap_or(i64::MIN).max(self.power_w).max(self.fallback.unwrap_or(i64::MIN))
    }

    /// Moves on by `step_ms`.
    pub(crate) fn step(&mut self, now: i64, step_ms: i64) {
        let lag = self.spec.lag_ms;
        while let Some((at, order)) = self.taken.first().copied().filter(|(at, _)| now - at >= lag)
        {
            self.order = Some((order, at + order.ttl_ms));
            self.taken.remove(0);
        }
        if let Some((order, until)) = self.order
            && now >= until
        {
            self.fallback = Some(order.fallback_w);
            self.order = None;
        }
        if self.order.is_some() {
            self.fallback = None;
        }
        let target = self.target();
        let most = (self.spec.ramp_w_s * step_ms / 1_000).max(1);
        self.power_w += (target - self.power_w).clamp(-most, most);
        if self.spec.energy_wh > 0 {
            let full = self.spec.energy_wh * WMS_PER_WH;
            self.stored_wms = (self.stored_wms + self.power_w * step_ms).clamp(0, full);
        }
    }

    /// What it makes of a setpoint.
    fn executed(&self, told: i64) -> i64 {
        let flaws = &self.spec.flaws;
        let short = told - told * flaws.falls_short_permille / 1_000;
        if flaws.rounds_up_w == 0 {
            return short;
        }
        -(-short).div_euclid(flaws.rounds_up_w) * flaws.rounds_up_w
    }

    fn target(&self) -> i64 {
        let told = match (self.spec.liar, self.order, self.fallback) {
            (true, ..) | (false, None, None) => return self.wish_w,
            (false, Some((order, _)), _) => order.setpoint_w,
            (false, None, Some(fallback)) => fallback,
        };
        let told = self.executed(told);
        match self.spec.device_type {
            DeviceType::Ev => {
                let power = told.min(self.wish_w).max(0);
                let least = self.spec.min_w.max(self.spec.flaws.hidden_min_w);
                if power < least { 0 } else { power }
            }
            DeviceType::Pv => told.min(0).max(self.wish_w),
            DeviceType::Battery => {
                let full = self.soc().is_some_and(|soc| soc >= 10_000);
                let empty = self.soc().is_some_and(|soc| soc <= 0);
                let (low, high) = (
                    if empty { 0 } else { -self.spec.rated_w },
                    if full { 0 } else { self.spec.rated_w },
                );
                told.clamp(low, high)
            }
            DeviceType::Meter | DeviceType::Other => self.wish_w,
        }
    }
}
