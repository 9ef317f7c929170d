//! The ClickHouse tables: numbered migrations, and the two values of a row that are not simply a field of its record.
//!
//! Table names are unqualified: whoever applies the migrations chooses the database. Every statement is safe to run
//! again. Knows no client and no server.

pub mod cluster;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ids::FeederId;
use crate::records::decision::{Decision, DecisionHeader, DeviceDecision, Trigger};
use crate::records::operator::Change;
use crate::units::Watts;

/// Name of the database, unless told otherwise.
pub const DEFAULT_DATABASE: &str = "derms";

/// One numbered file of DDL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number; they are applied in this order.
    pub number: u32,
    /// Its name, for messages and for `schema_migrations`.
    pub name: &'static str,
    /// Its text: several statements.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal $file:literal),+ $(,)?) => {
        &[$(Migration { number: $number, name: $name, sql: include_str!(concat!("../clickhouse/", $file)) }),+]
    };
}

/// Every migration, in order. After applying one, the applier inserts its number and name into `schema_migrations`.
pub const MIGRATIONS: &[Migration] = migrations![
    1 "schema_migrations" "0001_schema_migrations.sql",
    2 "telemetry" "0002_telemetry.sql",
    3 "acks" "0003_acks.sql",
    4 "decisions" "0004_decisions.sql",
    5 "setpoints" "0005_setpoints.sql",
    6 "operator_log" "0006_operator_log.sql",
    7 "dead_letters" "0007_dead_letters.sql",
    8 "rollups" "0008_rollups.sql",
    9 "views" "0009_views.sql",
    10 "device_lifecycle" "0010_device_lifecycle.sql",
    11 "log_identity" "0011_log_identity.sql",
    12 "alarms" "0012_alarms.sql",
    13 "history_rollups" "0013_history_rollups.sql",
    14 "history_views" "0014_history_views.sql",
    15 "leaner_telemetry" "0015_leaner_telemetry.sql",
    16 "one_query_each" "0016_one_query_each.sql",
    17 "sent" "0017_sent.sql",
    18 "reserve_by_minute" "0018_reserve_by_minute.sql",
    19 "less_room" "0019_less_room.sql",
];

/// The statements of a file: cut after each line that ends in `;`, without it. What holds only comments is no statement.
#[must_use]
pub fn statements(sql: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    for line in sql.lines() {
        match line.trim_end().strip_suffix(';') {
            Some(last) if is_code(line) => {
                current.push_str(last);
                statements.push(std::mem::take(&mut current));
            }
            _ => {
                current.push_str(line);
                current.push('\n');
            }
        }
    }
    statements.push(current);
    statements.retain(|statement| statement.lines().any(is_code));
    statements
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("--")
}

/// `kind` and `body` of an `operator_log` row: the name of the change and the change itself as JSON.
#[must_use]
pub fn operator_body(change: &Change) -> (String, String) {
    let value = serde_json::to_value(change).expect("a change holds nothing that JSON lacks");
    let Value::Object(tagged) = value else {
        unreachable!("an enum of records is written as one tagged object");
    };
    let (kind, body) = tagged.into_iter().next().expect("an externally tagged enum has its tag");
    (kind, body.to_string())
}

/// For how long a decision counts, ms: its window. One between windows counts for no time, because the next window covers it.
#[must_use]
pub fn counts_for_ms(header: &DecisionHeader) -> i64 {
    match header.trigger {
        Trigger::Window | Trigger::Idle => header.window_end.since(header.window_start).max(0),
        Trigger::Overload | Trigger::Operator => 0,
    }
}

/// What a device wanted and its setpoint did not give it, W; 0 where it is not commanded.
///
/// Both directions count: load not served and generation not taken.
#[must_use]
pub fn curtailed(device: &DeviceDecision) -> Watts {
    let Some(setpoint) = device.setpoint_w else {
        return Watts::ZERO;
    };
    let wanted = device.wanted_w;
    let given = if wanted < Watts::ZERO { -setpoint } else { setpoint };
    let wanted = wanted.max(-wanted);
    (wanted - given.import_part()).import_part()
}

/// `curtailed_w` of each node of a decision: the sum over the devices under it, descendants included.
#[must_use]
pub fn curtailed_by_node(decision: &Decision) -> BTreeMap<FeederId, Watts> {
    let nodes = &decision.header.nodes;
    let mut sums: BTreeMap<FeederId, Watts> =
        nodes.iter().map(|node| (node.feeder_id.clone(), Watts::ZERO)).collect();
    for device in &decision.devices {
        if let Some(sum) = sums.get_mut(&device.feeder_id) {
            *sum += curtailed(device);
        }
    }
    // Parents stand before their children, so from the back every child is complete when it is added.
    for node in nodes.iter().rev() {
        let own = sums.get(&node.feeder_id).copied().unwrap_or_default();
        if let Some(sum) = node.parent_id.as_ref().and_then(|parent| sums.get_mut(parent)) {
            *sum += own;
        }
    }
    sums
}

#[cfg(test)]
mod tests;
