//! Devices: what operators set of them, and setpoints of their own for a time.

use async_graphql::{Context, Error, ID, InputObject, Result};
use schemas::records::operator::{Change, DeviceChange, OverrideCleared, OverrideSet};
use schemas::records::telemetry::{DeviceType, Nature};
use schemas::{DeviceId, Soc, Watts, registry};

use super::{check_feeder, write};
use crate::caps::OVERRIDE_MAX_S;
use crate::graphql::errors::{Code, bad_input};
use crate::graphql::types::device::Device;
use crate::graphql::types::scalars::{device_id, feeder_id, power};
use crate::graphql::types::{Present, present, stores};

/// What is to be set of a device; what is absent stays as it was.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct DeviceInput {
    id: ID,
    feeder_id: Option<ID>,
    priority: Option<i32>,
    target_soc: Option<f64>,
    fallback_kw: Option<f64>,
    opted_out: Option<bool>,
}

impl DeviceInput {
    fn check(&self) -> Result<DeviceChange> {
        let priority = self.priority.map(|priority| match priority {
            1..=10 => Ok(priority),
            other => Err(bad_input(format!("priority: expected 1 to 10, got {other}"))),
        });
        let target_soc = self.target_soc.map(|fraction| {
            Soc::from_fraction(fraction).ok_or_else(|| {
                bad_input(format!("targetSoc: expected a fraction from 0 to 1, got {fraction}"))
            })
        });
        Ok(DeviceChange {
            device_id: device_id("id", &self.id)?,
            feeder_id: self.feeder_id.as_ref().map(|id| feeder_id("feederId", id)).transpose()?,
            priority: priority.transpose()?,
            target_soc: target_soc.transpose()?,
            fallback_w: self.fallback_kw.map(|kw| power("fallbackKw", kw)).transpose()?,
            opted_out: self.opted_out,
        })
    }
}

/// Sets what is named of a device.
pub(in crate::graphql) async fn set(ctx: &Context<'_>, input: DeviceInput) -> Result<Device> {
    let change = input.check()?;
    let id = change.device_id.clone();
    present(ctx, |present| {
        let device = find(present, "id", &id)?;
        check_fits(&id, device.device_type, &change)?;
        match &change.feeder_id {
            Some(feeder_id) => check_feeder(present, "feederId", feeder_id),
            None => Ok(()),
        }
    })?;
    write(ctx, Change::DeviceChange(change)).await?;
    read_back(ctx, &id)
}

/// Refuses what the device's type cannot have.
fn check_fits(id: &DeviceId, kind: DeviceType, change: &DeviceChange) -> Result<()> {
    let cannot = |argument: &str, who: &str| {
        let kind = kind.as_str().to_uppercase();
        Err(bad_input(format!("{argument}: device {id} is a {kind}; {who}")))
    };
    let DeviceChange { device_id: _, feeder_id, priority, target_soc, fallback_w, opted_out } =
        change;
    let stores_energy = matches!(kind.nature(), Nature::Stores | Nature::Takes);
    let is_commanded = kind != DeviceType::Meter;
    if target_soc.is_some() && !stores_energy {
        return cannot("targetSoc", "only a BATTERY or an EV has a state of charge");
    }
    if !is_commanded {
        let named = [
            ("priority", priority.is_some()),
            ("fallbackKw", fallback_w.is_some()),
            ("optedOut", opted_out.is_some()),
        ];
        if let Some((argument, _)) = named.into_iter().find(|(_, is_named)| *is_named) {
            return cannot(argument, "a meter is never commanded");
        }
    }
    let is_empty = feeder_id.is_none()
        && priority.is_none()
        && target_soc.is_none()
        && fallback_w.is_none()
        && opted_out.is_none();
    if is_empty {
        return Err(bad_input(
            "input: nothing to set: name feederId, priority, targetSoc, fallbackKw or optedOut",
        ));
    }
    Ok(())
}

/// Gives a device a setpoint of its own for a time; limits hold it all the same.
pub(in crate::graphql) async fn set_override(
    ctx: &Context<'_>,
    id: &ID,
    power_kw: f64,
    for_seconds: i32,
) -> Result<Device> {
    let id = device_id("deviceId", id)?;
    let power_w = power("powerKw", power_kw)?;
    if !(1..=OVERRIDE_MAX_S).contains(&for_seconds) {
        return Err(bad_input(format!(
            "forSeconds: expected 1 to {OVERRIDE_MAX_S}, got {for_seconds}"
        )));
    }
    present(ctx, |present| {
        let device = find(present, "deviceId", &id)?;
        if device.device_type == DeviceType::Meter {
            return Err(bad_input(format!("deviceId: {id} is a METER: it is never commanded")));
        }
        if device.opted_out {
            return Err(bad_input(format!(
                "deviceId: {id} is opted out: it is not commanded; setDevice ends that"
            )));
        }
        if device.device_type == DeviceType::Pv && power_w > Watts::ZERO {
            return Err(bad_input(format!(
                "powerKw: {id} is a PV: it gives power, so expected 0 or less, got {power_kw}"
            )));
        }
        let rated_w = present.view.device(&id).and_then(|view| view.state?.rated_w);
        match rated_w.filter(|rated_w| power_w > *rated_w) {
            Some(rated_w) => Err(bad_input(format!(
                "powerKw: {id} takes {} kW at most, got {power_kw}",
                rated_w.kw()
            ))),
            None => Ok(()),
        }
    })?;
    let until = stores(ctx).operator.now().plus_ms(i64::from(for_seconds) * 1_000);
    write(ctx, Change::OverrideSet(OverrideSet { device_id: id.clone(), power_w, until })).await?;
    read_back(ctx, &id)
}

/// Ends an operator's setpoint now; where there is none, nothing happens.
pub(in crate::graphql) async fn clear_override(ctx: &Context<'_>, id: &ID) -> Result<Device> {
    let id = device_id("deviceId", id)?;
    let is_set = present(ctx, |present| Ok(find(present, "deviceId", &id)?.override_w.is_some()))?;
    if is_set {
        write(ctx, Change::OverrideCleared(OverrideCleared { device_id: id.clone() })).await?;
    }
    read_back(ctx, &id)
}

/// A device that is registered.
fn find<'v>(
    present: &'v Present<'_>,
    argument: &str,
    id: &DeviceId,
) -> Result<&'v registry::Device> {
    present.view.registry().devices.get(id).ok_or_else(|| no_device(argument, id))
}

/// What a client is told who names a device that is not there.
pub(super) fn no_device(argument: &str, id: &DeviceId) -> Error {
    Code::NotFound.error(format!("{argument}: there is no device {id}"))
}

/// The device as the live view now has it.
pub(super) fn read_back(ctx: &Context<'_>, id: &DeviceId) -> Result<Device> {
    present(ctx, |present| {
        present
            .view
            .device(id)
            .map(|device| Device::read(present, &device))
            .ok_or_else(|| Code::Unavailable.error("the device was written but cannot be read yet"))
    })
}
