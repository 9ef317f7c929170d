//! Samples for the tests beside the code.

use schemas::records::telemetry::{
    Capabilities, DeviceOrigin, DeviceType, Preferences, Telemetry, TopicLayout,
};
use schemas::{DeviceId, FeederId, Timestamp, Watts};
use uuid::Uuid;

/// What a device without claims says at `at`, heard at once: that it takes nothing.
pub(crate) fn sample(
    device_id: DeviceId,
    device_type: DeviceType,
    feeder_id: FeederId,
    at: Timestamp,
) -> Telemetry {
    Telemetry {
        message_id: Uuid::nil(),
        device_id,
        device_type,
        origin: DeviceOrigin::Simulated,
        feeder_id,
        site_id: None,
        ts: at,
        sent_at: None,
        arrival: at,
        power_w: Watts::ZERO,
        soc: None,
        energy_wh: None,
        voltage_mv: None,
        current_ma: None,
        online: true,
        fault_code: None,
        capabilities: Capabilities::default(),
        preferences: Preferences::default(),
        source: "test".to_owned(),
        correlation_id: None,
        layout: TopicLayout::Flat,
        unknown_fields: 0,
    }
}
