//! A start that is killed between two statements of a migration is completed by the next one.

use schemas::clickhouse::{MIGRATIONS, statements};
use service_kit::clickhouse::tables::{Access, Tables};

use crate::example;
use crate::store::{DATABASE, Store};

/// Rows come in after these migrations: when the raw tables are there, when the rollups are there, and at the end.
const ROWS_AFTER: [u32; 2] = [8, 13];
/// Raw tables, with columns and what goes into them: `t` a time, `id` an id, `n` a number, `place` a place in the log.
const RAW: [(&str, &str, &str); 8] = [
    (
        "telemetry",
        "device_id, feeder_id, message_id, ts, arrival, power_w, soc_bp, log_offset",
        "'ev-1', 'feeder-1', id, t, t, n * 7, n, place",
    ),
    (
        "acks",
        "device_id, feeder_id, message_id, ts, arrival, status, log_offset",
        "'ev-1', 'feeder-1', id, t, t, 'ACCEPTED', place",
    ),
    (
        "decisions",
        "root, feeder_id, decision_id, at, window_end, load_w, limit_w, seq, log_offset",
        "'feeder-1', 'feeder-1', id, t, t, n * 7, 600, n, place",
    ),
    (
        "decision_devices",
        "root, device_id, feeder_id, decision_id, at, wanted_w, setpoint_w, seq, log_offset",
        "'feeder-1', 'ev-1', 'feeder-1', id, t, n * 7, n, n, place",
    ),
    (
        "setpoints",
        "device_id, feeder_id, setpoint_id, decided_at, valid_until, setpoint_w, log_offset",
        "'ev-1', 'feeder-1', id, t, t, n, place",
    ),
    (
        "operator_log",
        "at, actor, kind, entity, log_offset",
        "t, 'olga', 'FeederChange', 'feeder-1', place",
    ),
    ("dead_letters", "at, reason, source, log_offset", "t, 'BAD_JSON', 'der', place"),
    (
        "sent",
        "root, device_id, feeder_id, setpoint_id, decided_at, sent_at, broker_acked_at, log_offset",
        "'feeder-1', 'ev-1', 'feeder-1', id, t, t, t, place",
    ),
];

/// The migrations that make those of them that came later than the first rows.
const LATER: [(&str, u32); 1] = [("sent", 17)];

pub(crate) fn tables(store: &Store) -> Tables {
    let access = Access {
        url: store.url().to_owned(),
        database: DATABASE.to_owned(),
        user: None,
        password: None,
        authority: None,
        cluster: None,
    };
    Tables::new(access).expect("a client")
}

/// Migrates an empty database one migration after the other. With `kills`, each of them is first started and killed after its
/// first statement, then after its second, and so on; the last time before it is noted.
async fn build(store: &Store, kills: bool) {
    store.clear();
    let tables = tables(store);
    tables.migrate_to(&[]).await.expect("the database");
    for (count, migration) in (1..).zip(MIGRATIONS) {
        let statements = statements(migration.sql);
        for cut in 1..=if kills { statements.len() } else { 0 } {
            for statement in &statements[..cut] {
                tables.client().query_raw(statement).execute().await.expect("a statement");
            }
        }
        tables.migrate_to(&MIGRATIONS[..count]).await.expect("the next start");
        let last = count == MIGRATIONS.len();
        if ROWS_AFTER.contains(&migration.number) || last {
            rows(store, migration.number);
        }
    }
}

/// A hundred rows in every raw table that is there.
fn rows(store: &Store, round: u32) {
    let begin = example::day().0;
    let with = format!(
        "WITH toInt64(number) AS n, {round} * 1000 + n AS place, fromUnixTimestamp64Milli({begin} + n * 1000, 'UTC') AS t,
              toUUID('00000000-0000-4000-8000-000000000001') AS id"
    );
    let later = |table: &str| LATER.iter().any(|(later, made)| *later == table && *made > round);
    for (table, columns, values) in RAW.iter().filter(|(table, ..)| !later(table)) {
        let sql =
            format!("INSERT INTO {table} ({columns}) {with} SELECT {values} FROM numbers(100)");
        store.ask(DATABASE, &sql);
    }
}

/// Everything about the tables of a database, and what is in them.
fn picture(store: &Store) -> Vec<Vec<String>> {
    let mut all = store.rows(&format!(
        "SELECT name, engine, replaceAll(create_table_query, '{}.', '') FROM system.tables WHERE database = currentDatabase() ORDER BY name",
        DATABASE
    ));
    all.extend(store.rows(
        "SELECT table, name, type, default_kind, default_expression, comment, compression_codec, position FROM system.columns
         WHERE database = currentDatabase() ORDER BY table, position",
    ));
    // The id of a sample's message goes when it is a day old.
    let tables = store.rows(
        "SELECT t.name, t.engine LIKE '%AggregatingMergeTree' OR t.engine LIKE '%ReplacingMergeTree',
                arrayStringConcat(arraySort(groupArray(c.name)), ', ')
         FROM system.tables AS t JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
         WHERE t.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND c.default_kind != 'ALIAS'
           AND c.type NOT LIKE 'AggregateFunction%' AND c.name NOT IN ('applied_at', 'message_id')
         GROUP BY ALL ORDER BY ALL",
    );
    assert!(tables.len() > RAW.len(), "{tables:?}");
    for table in tables {
        let merged = if table[1] == "1" { "FINAL" } else { "" };
        let sql = format!(
            "SELECT '{0}', count(), sum(cityHash64(toString(({1},)))) FROM {0} {merged}",
            table[0], table[2]
        );
        all.extend(store.rows(&sql));
    }
    all
}

#[tokio::test]
async fn a_migration_that_is_killed_after_any_statement_is_completed_by_the_next_start() {
    let store = Store::empty();
    build(&store, false).await;
    let expected = picture(&store);
    build(&store, true).await;
    let found = picture(&store);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
