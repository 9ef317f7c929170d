//! What operators do with devices themselves: let one in, retire it, replace it. Each answers once it can be read back.

use async_graphql::{Context, ID, Result};
use schemas::records::lifecycle::{DeviceApproved, DeviceReplaced, DeviceRetired};
use schemas::records::operator::{Change, DeviceRegistered};
use schemas::records::telemetry::{self, DeviceOrigin};

use super::device::{no_device, read_back};
use super::write;
use crate::graphql::errors::{Code, bad_input};
use crate::graphql::types::device::Device;
use crate::graphql::types::enums::DeviceType;
use crate::graphql::types::present;
use crate::graphql::types::scalars::{device_id, feeder_id};

/// Lets a waiting device in; one that was never heard is registered beforehand, by type and feeder.
pub(in crate::graphql) async fn approve(
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
pub(in crate::graphql) async fn retire(ctx: &Context<'_>, id: &ID) -> Result<ID> {
    let id = device_id("id", id)?;
    present(ctx, |present| {
        let registry = present.view.registry();
        let is_known = registry.devices.contains_key(&id)
            || registry.waiting.contains_key(&id)
            || registry.notices.contains_key(&id);
        if is_known { Ok(()) } else { Err(no_device("id", &id)) }
    })?;
    write(ctx, Change::DeviceRetired(DeviceRetired { device_id: id.clone() })).await?;
    Ok(id.as_str().into())
}

/// Puts a device that was heard into the place of another.
pub(in crate::graphql) async fn replace(ctx: &Context<'_>, id: &ID, by: &ID) -> Result<Device> {
    let (id, by) = (device_id("id", id)?, device_id("by", by)?);
    present(ctx, |present| {
        let registry = present.view.registry();
        if !registry.devices.contains_key(&id) {
            return Err(no_device("id", &id));
        }
        if !registry.devices.contains_key(&by) && !registry.waiting.contains_key(&by) {
            return Err(no_device("by", &by));
        }
        Ok(())
    })?;
    write(ctx, Change::DeviceReplaced(DeviceReplaced { device_id: id, by: by.clone() })).await?;
    read_back(ctx, &by)
}
