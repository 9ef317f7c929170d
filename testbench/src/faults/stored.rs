//! What ClickHouse holds at the end of a run.

use std::collections::HashMap;

use anyhow::Context;
use uuid::Uuid;

use super::system::System;

/// How often each message id stands in a table.
///
/// # Errors
/// When ClickHouse does not answer.
pub fn ids(system: &System, table: &str, column: &str) -> anyhow::Result<HashMap<Uuid, u32>> {
    let answer = system.sql(&format!("SELECT {column} FROM derms.{table} FORMAT TSV"))?;
    let mut ids = HashMap::new();
    for line in answer.lines().filter(|line| *line != "\\N") {
        let id: Uuid = line.parse().with_context(|| format!("an id of {table}: {line:?}"))?;
        *ids.entry(id).or_insert(0) += 1;
    }
    Ok(ids)
}

/// A number that ClickHouse answers with.
///
/// # Errors
/// When it does not answer, or with something else.
pub fn number(system: &System, query: &str) -> anyhow::Result<u64> {
    let answer = system.sql(query)?;
    answer.trim().parse().with_context(|| format!("{query}: {answer:?}"))
}
