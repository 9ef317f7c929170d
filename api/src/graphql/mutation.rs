//! What operators can change. Each change is a record of operator.v1, and is answered once it can be read back.

use async_graphql::{Context, ID, Object, Result};

use super::change::device::DeviceInput;
use super::change::feeder::FeederInput;
use super::change::telemetry::TelemetryInput;
use super::change::{device, event, feeder, lifecycle, program, simulation, telemetry};
use super::guards::Can;
use super::types::device::Device;
use super::types::enums::DeviceType;
use super::types::event::{Event, EventInput, EventPatch};
use super::types::feeder::Feeder;
use super::types::program::{DrProgram, DrProgramInput, DrProgramPatch};
use super::types::simulation::{Simulation, SimulationMode};
use crate::auth::Action;

/// The root of mutations.
#[derive(Debug, Clone, Copy)]
pub struct Mutation;

#[Object]
impl Mutation {
    /// Lowers a feeder's limit for a time.
    #[graphql(guard = "Can(Action::ManageEvents)")]
    async fn create_event(&self, ctx: &Context<'_>, input: EventInput) -> Result<Event> {
        event::create(ctx, input).await
    }

    /// Changes an event that is on or to come. It keeps its id, its creator and its history.
    #[graphql(guard = "Can(Action::ManageEvents)")]
    async fn update_event(&self, ctx: &Context<'_>, id: ID, input: EventPatch) -> Result<Event> {
        event::update(ctx, &id, input).await
    }

    /// Ends an event now.
    #[graphql(guard = "Can(Action::ManageEvents)")]
    async fn cancel_event(&self, ctx: &Context<'_>, id: ID) -> Result<Event> {
        event::cancel(ctx, &id).await
    }

    /// Makes a demand-response program.
    #[graphql(guard = "Can(Action::ManagePrograms)")]
    async fn create_dr_program(
        &self,
        ctx: &Context<'_>,
        input: DrProgramInput,
    ) -> Result<DrProgram> {
        program::create(ctx, input).await
    }

    /// Changes what is named of a program. It keeps its id and its history.
    #[graphql(guard = "Can(Action::ManagePrograms)")]
    async fn update_dr_program(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: DrProgramPatch,
    ) -> Result<DrProgram> {
        program::update(ctx, &id, input).await
    }

    /// Starts or stops a program.
    #[graphql(guard = "Can(Action::ManagePrograms)")]
    async fn set_dr_program_active(
        &self,
        ctx: &Context<'_>,
        id: ID,
        active: bool,
    ) -> Result<DrProgram> {
        program::set_active(ctx, &id, active).await
    }

    /// Deletes a program; gives its id.
    #[graphql(guard = "Can(Action::DeletePrograms)")]
    async fn delete_dr_program(&self, ctx: &Context<'_>, id: ID) -> Result<ID> {
        program::delete(ctx, &id).await
    }

    /// Sets what is named of a feeder; one that is not there yet is made. Null takes back what was set.
    #[graphql(guard = "Can(Action::ManageFeeders)")]
    async fn set_feeder(&self, ctx: &Context<'_>, input: FeederInput) -> Result<Feeder> {
        feeder::set(ctx, input).await
    }

    /// Takes a feeder out that nothing hangs on: no device, no feeder below, no event to come, no program that names it.
    #[graphql(guard = "Can(Action::RemoveFeeders)")]
    async fn remove_feeder(&self, ctx: &Context<'_>, id: ID) -> Result<ID> {
        feeder::remove(ctx, &id).await
    }

    /// Sets what is named of a device.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn set_device(&self, ctx: &Context<'_>, input: DeviceInput) -> Result<Device> {
        device::set(ctx, input).await
    }

    /// Lets a waiting device in, on the feeder it claims or the one that is named, which is opened if it is not there. One
    /// that was never heard is registered beforehand: then type and feeder are needed.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn approve_device(
        &self,
        ctx: &Context<'_>,
        id: ID,
        feeder_id: Option<ID>,
        #[graphql(name = "type")] kind: Option<DeviceType>,
    ) -> Result<Device> {
        lifecycle::approve(ctx, &id, feeder_id.as_ref(), kind).await
    }

    /// Takes a device out for good: what it held is free. If it speaks again, it is unknown.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn retire_device(&self, ctx: &Context<'_>, id: ID) -> Result<ID> {
        lifecycle::retire(ctx, &id).await
    }

    /// Puts a device that was heard into the place of another: its feeder and what operators have set of it. The other is
    /// retired.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn replace_device(&self, ctx: &Context<'_>, id: ID, by: ID) -> Result<Device> {
        lifecycle::replace(ctx, &id, &by).await
    }

    /// Gives a device a setpoint of the operator's for a time. Limits hold it all the same.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn override_setpoint(
        &self,
        ctx: &Context<'_>,
        device_id: ID,
        power_kw: f64,
        for_seconds: i32,
    ) -> Result<Device> {
        device::set_override(ctx, &device_id, power_kw, for_seconds).await
    }

    /// Ends an operator's setpoint now.
    #[graphql(guard = "Can(Action::ManageDevices)")]
    async fn clear_override(&self, ctx: &Context<'_>, device_id: ID) -> Result<Device> {
        device::clear_override(ctx, &device_id).await
    }

    /// Lets a stopped feeder be controlled again.
    #[graphql(guard = "Can(Action::ManageFeeders)")]
    async fn resume_control(&self, ctx: &Context<'_>, feeder_id: ID) -> Result<Feeder> {
        feeder::resume(ctx, &feeder_id).await
    }

    /// Sets the simulator's time of day.
    #[graphql(guard = "Can(Action::ManageSimulation)")]
    async fn set_simulation_mode(
        &self,
        ctx: &Context<'_>,
        mode: SimulationMode,
    ) -> Result<Simulation> {
        simulation::set(ctx, mode).await
    }

    /// Sends a sample in a device's name, the way that devices send theirs; gives the message's id once the log has it.
    #[graphql(guard = "Can(Action::SendTelemetry)")]
    async fn ingest_telemetry(&self, ctx: &Context<'_>, input: TelemetryInput) -> Result<ID> {
        telemetry::ingest(ctx, input).await
    }
}
