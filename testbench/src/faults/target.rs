//! Faults and what they hit, as data.

use serde::Serialize;

/// What a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A bridge, by number.
    Bridge(usize),
    /// A processor with its sink, by number.
    Processor(usize),
    /// The log.
    Kafka,
    /// The MQTT broker.
    Mosquitto,
    /// ClickHouse's engine.
    ClickHouse,
}

/// A connection that can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// Between the devices and the MQTT broker.
    DevicesToMqtt,
    /// Between the bridges and the MQTT broker.
    BridgesToMqtt,
    /// Between the services and the log.
    ServicesToKafka,
    /// Between the services and ClickHouse.
    ServicesToClickHouse,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// kill -9, and a new start after a while.
    Kill {
        /// What.
        target: Target,
        /// How long it is away.
        away_ms: u64,
    },
    /// A TERM, and a new start after a while.
    Stop {
        /// What.
        target: Target,
        /// How long it is away.
        away_ms: u64,
    },
    /// SIGSTOP, and SIGCONT after a while.
    Pause {
        /// What.
        target: Target,
        /// How long it stands still.
        for_ms: u64,
    },
    /// Connections closed, and none let through for a while.
    Cut {
        /// Which.
        wire: Wire,
        /// How long.
        for_ms: u64,
    },
    /// The disk of ClickHouse's engine is full for a while.
    DiskFull {
        /// How long.
        for_ms: u64,
    },
    /// The clocks of a tenth of the devices jump.
    DeviceClocks {
        /// By how much.
        by_ms: i64,
    },
}

/// A fault and when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// After the start of the schedule.
    pub at_ms: u64,
    /// What.
    pub fault: Fault,
}
