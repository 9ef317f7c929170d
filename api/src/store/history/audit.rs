//! Who changed what: records of operator.v1 as ClickHouse keeps them, each with what was known of its entity before and after
//! it.

use std::collections::HashMap;

use clickhouse::Row;
use schemas::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{History, HistoryError};
use crate::caps::AUDIT_FOLD_MAX;

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The record's id.
    pub id: Uuid,
    /// When, ms since the epoch.
    pub at_ms: i64,
    /// Its place in the log.
    pub offset: i64,
    /// Who.
    pub actor: String,
    /// From where.
    pub source: Option<String>,
    /// The name of the change.
    pub kind: String,
    /// What was changed.
    pub entity: String,
    /// What was set of the entity before; none where nothing was.
    pub before: Option<String>,
    /// What is set of it since.
    pub after: String,
}

#[derive(Debug, Clone, Row, Deserialize)]
struct ChangeRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at_ms: i64,
    log_offset: i64,
    actor: String,
    source: Option<String>,
    kind: String,
    entity: String,
    body: String,
}

/// A stretch of changes, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAsked {
    /// Only this user's or service's.
    pub actor: Option<String>,
    /// Only of this entity.
    pub entity: Option<String>,
    /// From, included.
    pub from: Timestamp,
    /// To, not included.
    pub to: Timestamp,
    /// Only those before this place: time, then offset.
    pub before: Option<(i64, i64)>,
    /// How many.
    pub most: usize,
}

macro_rules! columns {
    () => {
        "
SELECT
    id,
    toUnixTimestamp64Milli(at)  AS at_ms,
    log_offset,
    toString(actor)             AS actor,
    source,
    toString(kind)              AS kind,
    entity,
    body
FROM operator_log"
    };
}

const WHERE: &str = "
WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})
  AND ({actor:String} = '' OR operator_log.actor = {actor:String})
  AND ({entity:String} = '' OR entity = {entity:String})";

const PAGE_END: &str = "
  AND (toUnixTimestamp64Milli(at), log_offset) < ({before_at:Int64}, {before_offset:Int64})
ORDER BY at DESC, log_offset DESC
LIMIT {most:UInt32}";

// All that was said of the entities of a page, up to its newest change.
const EARLIER: &str = concat!(
    columns!(),
    "
WHERE entity IN ({entities:Array(String)}) AND at <= fromUnixTimestamp64Milli({to:Int64})
ORDER BY at, log_offset
LIMIT {most:UInt32}"
);

impl History {
    /// A page of changes.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn audit(&self, asked: &AuditAsked) -> Result<Vec<Entry>, HistoryError> {
        let (at, offset) = asked.before.unwrap_or((asked.to.0, i64::MAX));
        let text = [columns!(), WHERE, PAGE_END].concat();
        let query = self.of_audit(&text, asked).param("before_at", at);
        let query = query.param("before_offset", offset).param("most", asked.most);
        let page: Vec<ChangeRow> = self.fetch(query).await?;
        let Some(newest) = page.iter().map(|row| row.at_ms).max() else { return Ok(Vec::new()) };
        let mut entities: Vec<&str> = page.iter().map(|row| row.entity.as_str()).collect();
        entities.sort_unstable();
        entities.dedup();
        let query = self.client.query(EARLIER).param("entities", &entities);
        let earlier = self.fetch(query.param("to", newest).param("most", AUDIT_FOLD_MAX)).await?;
        Ok(told(page, &earlier))
    }

    /// How many changes there are in the stretch.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn count_audit(&self, asked: &AuditAsked) -> Result<u64, HistoryError> {
        let text = ["SELECT count() AS found FROM operator_log", WHERE].concat();
        self.fetch_one(self.of_audit(&text, asked)).await
    }

    fn of_audit(&self, text: &str, asked: &AuditAsked) -> clickhouse::query::Query {
        self.client
            .query(text)
            .param("actor", asked.actor.as_deref().unwrap_or_default())
            .param("entity", asked.entity.as_deref().unwrap_or_default())
            .param("from", asked.from.0)
            .param("to", asked.to.0)
    }
}

/// Each change of a page with what stood before and after it.
fn told(page: Vec<ChangeRow>, earlier: &[ChangeRow]) -> Vec<Entry> {
    let mut standing: HashMap<&str, Map<String, Value>> = HashMap::new();
    let mut folded: HashMap<Uuid, (Option<String>, String)> = HashMap::new();
    let text = |fields: &Map<String, Value>| Value::Object(fields.clone()).to_string();
    for row in earlier {
        let fields = standing.entry(&row.entity).or_default();
        let before = (!fields.is_empty()).then(|| text(fields));
        fold(fields, row);
        folded.insert(row.id, (before, text(fields)));
    }
    page.into_iter()
        .map(|row| {
            let (before, after) = folded.remove(&row.id).unwrap_or((None, row.body));
            Entry {
                id: row.id,
                at_ms: row.at_ms,
                offset: row.log_offset,
                actor: row.actor,
                source: row.source,
                kind: row.kind,
                entity: row.entity,
                before,
                after,
            }
        })
        .collect()
}

/// What stands of an entity after a change: named fields replace, absent ones stay, what is cleared goes.
fn fold(fields: &mut Map<String, Value>, row: &ChangeRow) {
    let Ok(Value::Object(body)) = serde_json::from_str::<Value>(&row.body) else { return };
    match row.kind.as_str() {
        "FeederCleared" => {
            for field in body.get("fields").and_then(Value::as_array).into_iter().flatten() {
                let name = match field.as_str() {
                    Some("PARENT") => "parent_id",
                    Some("IMPORT_LIMIT") => "import_limit_w",
                    Some("EXPORT_LIMIT") => "export_limit_w",
                    _ => "policy",
                };
                fields.remove(name);
            }
        }
        "OverrideCleared" => {
            fields.remove("power_w");
            fields.remove("until");
        }
        "EventCancelled" => {
            fields.insert("cancelled".to_owned(), Value::Bool(true));
        }
        "FeederRemoved" | "ProgramDeleted" | "DeviceRetired" => fields.clear(),
        _ => fields.extend(body.into_iter().filter(|(_, value)| !value.is_null())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128, kind: &str, body: &str) -> ChangeRow {
        ChangeRow {
            id: Uuid::from_u128(id),
            at_ms: i64::try_from(id).expect("small"),
            log_offset: 0,
            actor: "op".to_owned(),
            source: None,
            kind: kind.to_owned(),
            entity: "f1".to_owned(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_change_is_told_with_what_stood_before_and_after_it() {
        let earlier = [
            row(1, "FeederChange", r#"{"feeder_id":"f1","import_limit_w":5,"mode":null}"#),
            row(2, "FeederChange", r#"{"feeder_id":"f1","import_limit_w":null,"mode":"MANUAL"}"#),
            row(3, "FeederCleared", r#"{"feeder_id":"f1","fields":["IMPORT_LIMIT"]}"#),
            row(4, "FeederRemoved", r#"{"feeder_id":"f1"}"#),
        ];
        let page = told(earlier.to_vec(), &earlier);
        let pairs: Vec<(Option<&str>, &str)> =
            page.iter().map(|entry| (entry.before.as_deref(), entry.after.as_str())).collect();
        let (first, second) = (
            r#"{"feeder_id":"f1","import_limit_w":5}"#,
            r#"{"feeder_id":"f1","import_limit_w":5,"mode":"MANUAL"}"#,
        );
        let third = r#"{"feeder_id":"f1","mode":"MANUAL"}"#;
        assert_eq!(
            pairs,
            [(None, first), (Some(first), second), (Some(second), third), (Some(third), "{}")]
        );
    }
}
