//! Demand-response programs: created, changed, started and stopped, deleted.

use async_graphql::{Context, ID, Result};
use schemas::records::operator::{Change, ProgramDeleted, ProgramSet};
use uuid::Uuid;

use super::{check_feeder, check_span, key_in_use, new_id, uuid, write};
use crate::graphql::errors::{Code, bad_input};
use crate::graphql::types::program::{DrProgram, DrProgramInput, DrProgramPatch};
use crate::graphql::types::{Present, present, stores};

/// Makes a program.
pub(in crate::graphql) async fn create(
    ctx: &Context<'_>,
    input: DrProgramInput,
) -> Result<DrProgram> {
    let program_id = new_id(ctx, input.client_mutation_id.as_deref())?;
    let program = input.check(program_id)?;
    let now = stores(ctx).operator.now();
    let made_before = present(ctx, |present| {
        if let Some(before) = present.view.registry().programs.get(&program_id) {
            return if *before == program {
                Ok(Some(DrProgram::read(present, before)))
            } else {
                Err(key_in_use("program", program_id))
            };
        }
        if program.end <= now {
            return Err(bad_input("end: must be in the future"));
        }
        check(present, &program).map(|()| None)
    })?;
    match made_before {
        Some(program) => Ok(program),
        None => set(ctx, program).await,
    }
}

/// Changes what is named of a program.
pub(in crate::graphql) async fn update(
    ctx: &Context<'_>,
    id: &ID,
    patch: DrProgramPatch,
) -> Result<DrProgram> {
    let program_id = uuid("id", "a program", id)?;
    let program = present(ctx, |present| {
        let program = patch.apply(find(present, program_id)?)?;
        check(present, &program)?;
        Ok(program)
    })?;
    set(ctx, program).await
}

/// Starts or stops a program.
pub(in crate::graphql) async fn set_active(
    ctx: &Context<'_>,
    id: &ID,
    active: bool,
) -> Result<DrProgram> {
    let program_id = uuid("id", "a program", id)?;
    let program = present(ctx, |present| {
        let program = find(present, program_id)?;
        if active && program.end <= present.now {
            return Err(bad_input("active: the program is over; give it a later end first"));
        }
        Ok(ProgramSet { active, ..program.clone() })
    })?;
    set(ctx, program).await
}

/// Deletes a program.
pub(in crate::graphql) async fn delete(ctx: &Context<'_>, id: &ID) -> Result<ID> {
    let program_id = uuid("id", "a program", id)?;
    present(ctx, |present| find(present, program_id).map(|_| ()))?;
    write(ctx, Change::ProgramDeleted(ProgramDeleted { program_id })).await?;
    Ok(program_id.into())
}

fn find<'v>(present: &'v Present<'_>, program_id: Uuid) -> Result<&'v ProgramSet> {
    present
        .view
        .registry()
        .programs
        .get(&program_id)
        .ok_or_else(|| Code::NotFound.error(format!("id: there is no program {program_id}")))
}

fn check(present: &Present<'_>, program: &ProgramSet) -> Result<()> {
    check_span(program.start, program.end)?;
    program.feeder_ids.iter().enumerate().try_for_each(|(index, feeder_id)| {
        check_feeder(present, &format!("feederIds[{index}]"), feeder_id)
    })
}

async fn set(ctx: &Context<'_>, program: ProgramSet) -> Result<DrProgram> {
    let program_id = program.program_id;
    write(ctx, Change::ProgramSet(program)).await?;
    present(ctx, |present| {
        let program = present.view.registry().programs.get(&program_id);
        program.map(|program| DrProgram::read(present, program)).ok_or_else(|| {
            Code::Unavailable.error("the program was written but cannot be read yet")
        })
    })
}
