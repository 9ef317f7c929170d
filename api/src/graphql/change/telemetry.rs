//! A sample in a device's name. It goes the devices' way, not the operators': it is no record of operator.v1.

use async_graphql::{Context, ID, InputObject, Result};
use chrono::{DateTime, Utc};
use schemas::Soc;
use schemas::mqtt::{Asking, Envelope, Readings, Source, TelemetryMessage};
use schemas::records::telemetry::{self, Capabilities, Preferences, TopicLayout};

use super::new_id;
use crate::graphql::errors::{bad_input, ingest as refused};
use crate::graphql::guards::actor;
use crate::graphql::types::enums::DeviceType;
use crate::graphql::types::scalars::{device_id, feeder_id, from_datetime, power};
use crate::graphql::types::stores;

/// A sample.
#[derive(Debug, InputObject)]
pub(crate) struct TelemetryInput {
    /// Whose it is.
    device_id: ID,
    /// What that device is.
    device_type: DeviceType,
    /// When it was measured; now, where it is left out.
    timestamp: Option<DateTime<Utc>>,
    /// Power, kW: + takes from the feeder, − gives to it.
    power_kw: f64,
    /// State of charge, 0 to 1.
    soc: Option<f64>,
    /// The feeder that it claims, if it is new.
    feeder_id: Option<ID>,
    /// Its site.
    site_id: Option<ID>,
    /// A key of the client's: the same key is the same message, stored once.
    client_mutation_id: Option<String>,
}

impl TelemetryInput {
    fn message(self, message_id: uuid::Uuid, now: schemas::Timestamp) -> Result<TelemetryMessage> {
        let soc = self.soc.map(|soc| {
            Soc::from_fraction(soc)
                .ok_or_else(|| bad_input(format!("soc: expected a number from 0 to 1, got {soc}")))
        });
        let device_type: telemetry::DeviceType = self.device_type.into();
        if device_type == telemetry::DeviceType::Other {
            return Err(bad_input("deviceType: expected PV, BATTERY, EV or METER"));
        }
        Ok(TelemetryMessage {
            envelope: Envelope {
                message_id,
                device_id: device_id("deviceId", &self.device_id)?,
                device_type,
                timestamp: self.timestamp.map_or(now, from_datetime),
                sent_at: None,
                correlation_id: None,
                source: Source::Backend,
                receipt: true,
            },
            layout: TopicLayout::Flat,
            readings: Readings {
                soc: soc.transpose()?,
                ..Readings::of_power(power("powerKw", self.power_kw)?)
            },
            online: true,
            fault_code: None,
            capabilities: Capabilities::default(),
            preferences: Preferences::default(),
            site_id: self.site_id.map(|id| id.0),
            feeder_id: self.feeder_id.map(|id| feeder_id("feederId", &id)).transpose()?,
            unknown_fields: 0,
        })
    }
}

/// Publishes it, and waits for its receipt.
pub(in crate::graphql) async fn ingest(ctx: &Context<'_>, input: TelemetryInput) -> Result<ID> {
    let message_id = new_id(ctx, input.client_mutation_id.as_deref())?;
    let stores = stores(ctx);
    let message = input.message(message_id, stores.operator.now())?;
    let device_id = message.envelope.device_id.clone();
    tracing::info!(user = actor(ctx)?.name, device = %device_id, "telemetry by API");
    let asking = Asking { device_id, message_id, payload: message.encode() };
    let taken = stores.ingest.take(asking).map_err(|error| refused(&error))?;
    let stored = taken.stored().await.map_err(|error| refused(&error))?;
    Ok(stored.into())
}
