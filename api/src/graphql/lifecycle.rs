//! What operators do with devices themselves: let one in, retire it, replace it. Each answers once it can be read back.

use async_graphql::{Context, ID, Result};
use schemas::DeviceId;
use schemas::records::lifecycle::{DeviceApproved, DeviceReplaced, DeviceRetired};
use schemas::records::operator::{Change, DeviceRegistered};
use schemas::records::telemetry::{self, DeviceOrigin};

use super::errors::{self, Code, bad_input};
use super::guards::user;
use super::types::device::Device;
use super::types::enums::DeviceType;
use super::types::scalars::{device_id, feeder_id};
use super::types::{present, stores};

/// Lets a waiting device in; one that was never heard is registered beforehand, by type and feeder.
pub(super) async fn approve(
    ctx: &Context<'_>,
    id: &ID,
    feeder: Option<&ID>,
    kind: Option<DeviceType>,
) -> Result<Device> {
    let id = device_id("id", id)?;
    let feeder = feeder.map(|feeder| feeder_id("feederId", feeder)).transpose()?;
    let kind = kind.map(telemetry::DeviceType::from);
    let change = present(ctx, |present| {
        let registry = present.view.registry();
        if registry.devices.contains_key(&id) {
            return Err(bad_input(format!("id: device {id} is registered already")));
        }
        match (registry.waiting.get(&id), kind, feeder) {
            (Some(waiting), Some(kind), _) if waiting.device_type != kind => {
                Err(bad_input(format!(
                    "type: device {id} calls itself {}; leave the type out to approve it as that",
                    waiting.device_type.as_str()
                )))
            }
            (Some(_), _, feeder_id) => {
                Ok(Change::DeviceApproved(DeviceApproved { device_id: id.clone(), feeder_id }))
            }
            (None, Some(device_type), Some(feeder_id)) => {
                Ok(Change::DeviceRegistered(DeviceRegistered {
                    device_id: id.clone(),
                    device_type,
                    origin: DeviceOrigin::Physical,
                    feeder_id,
                    site_id: None,
                }))
            }
            (None, _, _) => Err(Code::NotFound.error(format!(
                "device {id} does not wait for approval; to register it before it speaks, name its type and feederId"
            ))),
        }
    })?;
    write(ctx, change).await?;
    read_back(ctx, &id)
}

/// Takes a device out for good: registered, waiting or only noticed.
pub(super) async fn retire(ctx: &Context<'_>, id: &ID) -> Result<ID> {
    let id = device_id("id", id)?;
    present(ctx, |present| {
        let registry = present.view.registry();
        let is_known = registry.devices.contains_key(&id)
            || registry.waiting.contains_key(&id)
            || registry.notices.contains_key(&id);
        if is_known { Ok(()) } else { Err(not_found(&id)) }
    })?;
    write(ctx, Change::DeviceRetired(DeviceRetired { device_id: id.clone() })).await?;
    Ok(id.as_str().into())
}

/// Puts a device that was heard into the place of another.
pub(super) async fn replace(ctx: &Context<'_>, id: &ID, by: &ID) -> Result<Device> {
    let (id, by) = (device_id("id", id)?, device_id("by", by)?);
    present(ctx, |present| {
        let registry = present.view.registry();
        if !registry.devices.contains_key(&id) {
            return Err(not_found(&id));
        }
        if !registry.devices.contains_key(&by) && !registry.waiting.contains_key(&by) {
            return Err(not_found(&by));
        }
        Ok(())
    })?;
    write(ctx, Change::DeviceReplaced(DeviceReplaced { device_id: id, by: by.clone() })).await?;
    read_back(ctx, &by)
}

fn not_found(id: &DeviceId) -> async_graphql::Error {
    Code::NotFound.error(format!("there is no device {id}"))
}

async fn write(ctx: &Context<'_>, change: Change) -> Result<()> {
    stores(ctx)
        .operator
        .write(&user(ctx)?.name, change)
        .await
        .map_err(|error| errors::write(&error))
}

fn read_back(ctx: &Context<'_>, id: &DeviceId) -> Result<Device> {
    present(ctx, |present| {
        present
            .view
            .device(id)
            .map(|device| Device::read(present, &device))
            .ok_or_else(|| Code::Unavailable.error("the device was written but cannot be read yet"))
    })
}
