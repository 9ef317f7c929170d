//! Limits of the bridge's queues and maps, each with what happens at it.

use std::time::Duration;

use service_kit::mqtt::backoff::Backoff;

/// Largest MQTT packet read. A larger one never leaves the broker: the limit is told to it on connecting.
pub const PACKET_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// QoS 0 messages that wait for the producer or for a registration; at this number further ones are dropped and
/// counted (`derms_telemetry_dropped_total{reason="backpressure"}`). QoS 1 needs no limit of its own: the broker sends
/// at most `DERMS_MQTT_RECEIVE_MAX` of them before it has acknowledgements.
pub const UNACKNOWLEDGED_WAITING_MAX: usize = 10_000;

/// Setpoints on their way to the broker; at this number further ones wait in the outbox, newest per device.
pub const PUBLISHES_IN_FLIGHT_MAX: usize = 512;

/// Packet ids of setpoints on their way: more than [`PUBLISHES_IN_FLIGHT_MAX`], so that abandoned tries do not block.
pub const PUBLISH_PACKET_IDS_MAX: u16 = 4_096;

/// Receipts handed over and not yet gathered; at this number further ones are dropped and counted
/// (`derms_bridge_receipts_total{result="dropped"}`).
pub const RECEIPTS_HANDED_IN_MAX: usize = 10_000;

/// Receipts gathered and not yet published; at this number no further one is gathered.
pub const RECEIPTS_WAITING_MAX: usize = 100_000;

/// Receipts in one message; the rest goes into the next.
pub const RECEIPTS_PER_MESSAGE_MAX: usize = 500;

/// Messages with receipts on their way to the broker; at this number further ones wait. Far fewer than setpoints, which
/// use the same connection.
pub const RECEIPTS_IN_FLIGHT_MAX: usize = 64;

/// Records of sent setpoints that wait for the log; at this number further ones are dropped and counted
/// (`derms_bridge_sent_records_total{result="dropped"}`). Far fewer than the producer holds, so that intake has room.
pub const SENT_RECORDS_WAITING_MAX: usize = 10_000;

/// How long receipts of a device are gathered.
pub const RECEIPT_GATHERING: Duration = Duration::from_millis(200);

/// How long the broker keeps the session, and with it what was not acknowledged, while the bridge is away.
pub const SESSION_EXPIRY: Duration = Duration::from_secs(24 * 3_600);

/// Pause before the first reconnect; doubles up to [`RECONNECT_PAUSE_MAX`].
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause before a reconnect. When the pauses are short again, and how long they are where another client of the same
/// name takes the session, is `service_kit::mqtt::backoff`'s.
pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Pause before a record that the producer or the log did not take is handed over again.
pub const HANDOVER_PAUSE: Duration = Duration::from_millis(20);

/// How long the bridge works off what is on its way when it is told to stop.
pub const DRAIN_MAX: Duration = Duration::from_millis(1_500);

/// The way out that stood still for so long may have been overtaken by another bridge: nothing is sent before the log has
/// been read up again.
pub const STANDSTILL: Duration = Duration::from_secs(2);

/// The log has been read up when it has given nothing for so long.
pub const READ_UP_QUIET: Duration = Duration::from_millis(500);

/// Longest wait for that; after it setpoints go out all the same, since the log may be away.
pub const READ_UP_MAX: Duration = Duration::from_secs(3);

/// How often each way looks after what waits: the watchdog and positions, held statuses, subscriptions.
pub const TICK: Duration = Duration::from_millis(bridge_outbound::TICK_MS.unsigned_abs());

/// The pauses between connections to the broker.
pub(crate) fn backoff() -> Backoff {
    Backoff::new(RECONNECT_PAUSE, RECONNECT_PAUSE_MAX)
}
