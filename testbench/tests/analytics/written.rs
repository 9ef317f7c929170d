//! Rows as blocks of columns: each table gets what the client's library writes of the same rows one after the other.

use clickhouse::{Row, RowOwned, RowWrite};
use schemas::FeederId;
use schemas::codec::Record;
use schemas::ledger::{Ledger, Verdict};
use schemas::records::ack::Ack;
use schemas::records::dead_letter::DeadLetter;
use schemas::records::decision::{Alarm, Decision, LedgerRecord, Severity};
use schemas::records::operator::OperatorRecord;
use schemas::records::sent::Sent;
use schemas::records::telemetry::Telemetry;
use schemas::samples::samples;
use schemas::units::Watts;
use service_kit::clickhouse::rows::{self, Place};
use service_kit::clickhouse::tables::{BlockId, Tables};
use uuid::Uuid;

use crate::migrations::tables;
use crate::store::{DATABASE, Store};

fn records<R: Record>() -> Vec<R> {
    let all = samples(R::TOPIC).into_iter();
    all.map(|value| serde_json::from_value(value).expect("a good record")).collect()
}

fn place(offset: i64) -> Place {
    Place { log: Uuid::from_u128(7), partition: 3, offset }
}

/// Writes rows both ways into a table without lifetimes or codecs, and compares.
async fn both_ways<R>(
    store: &Store,
    tables: &Tables,
    table: &'static str,
    copy: &'static str,
    rows: &[R],
) where
    R: RowOwned + RowWrite + Row,
{
    assert!(!rows.is_empty(), "{table}");
    store.ask(
        DATABASE,
        &format!("CREATE TABLE {copy} ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM {table} LIMIT 0"),
    );
    let block = BlockId { table: copy, partition: 3, first: 0, last: 9, log: None };
    tables.write(block, rows).await.expect("columns");
    let mut insert = tables.client().insert::<R>(copy).await.expect("it begins");
    for row in rows {
        insert.write(row).await.expect("a row");
    }
    insert.end().await.expect("rows");
    let found = store.rows(&format!(
        "SELECT sum(times), sum(times % 2) FROM (SELECT count() AS times FROM {copy} GROUP BY toString(tuple(*)))"
    ));
    let expected = [(2 * rows.len()).to_string(), "0".to_owned()];
    assert_eq!(found[0], expected, "{table}: all rows, and those that came one way only");
}

#[tokio::test]
async fn rows_by_columns_are_the_rows_one_after_the_other() {
    let store = Store::empty();
    let tables = tables(&store);
    tables.migrate().await.expect("the tables");
    let sample = records::<Telemetry>().remove(0);
    let mut bare =
        Telemetry { site_id: None, soc: None, sent_at: None, fault_code: None, ..sample.clone() };
    bare.capabilities.max_charge_w = None;
    bare.power_w = Watts(i64::MIN);
    let faulty = Telemetry {
        fault_code: Some(String::new()),
        correlation_id: Some("é€".repeat(90)),
        ..sample.clone()
    };
    let telemetry: Vec<_> = (0..)
        .zip([sample, bare, faulty])
        .map(|(at, sample)| rows::telemetry(sample, place(at)))
        .collect();
    both_ways(&store, &tables, "telemetry", "w_telemetry", &telemetry).await;
    let acks: Vec<_> = records::<Ack>().into_iter().map(|ack| rows::ack(ack, place(1))).collect();
    both_ways(&store, &tables, "acks", "w_acks", &acks).await;
    let changes: Vec<_> = records::<OperatorRecord>()
        .into_iter()
        .map(|change| rows::operator(change, place(2)))
        .collect();
    both_ways(&store, &tables, "operator_log", "w_operator", &changes).await;
    let letter = records::<DeadLetter>().remove(0);
    let letter = DeadLetter { raw: vec![0xff, 0, b'\n', 0x80], ..letter };
    both_ways(&store, &tables, "dead_letters", "w_letters", &[rows::dead_letter(letter, place(3))])
        .await;
    let sent: Vec<_> =
        records::<Sent>().into_iter().map(|sent| rows::sent(sent, place(4))).collect();
    both_ways(&store, &tables, "sent", "w_sent", &sent).await;

    let mut ledger = Ledger::new();
    let read = |record| match ledger.read(record) {
        Verdict::Decided(decision) => Some(decision),
        _ => None,
    };
    let mut all: Vec<Decision> = records::<LedgerRecord>().into_iter().filter_map(read).collect();
    let mut found = all[0].clone();
    found.header.findings = vec!["one".to_owned(), String::new(), "three".to_owned()];
    let alarm = |feeder_id: Option<FeederId>| Alarm {
        code: "CTL-001".to_owned(),
        severity: Severity::Critical,
        feeder_id,
        device_id: None,
        message: "over".to_owned(),
    };
    found.header.alarms = vec![alarm(None), alarm(Some(found.root.clone()))];
    all.push(found);
    let of = |decision: &Decision| rows::decision(decision, place(5));
    both_ways(
        &store,
        &tables,
        "decisions",
        "w_decisions",
        &all.iter().flat_map(of).collect::<Vec<_>>(),
    )
    .await;
    let of = |decision: &Decision| rows::decision_devices(decision, place(5));
    both_ways(
        &store,
        &tables,
        "decision_devices",
        "w_devices",
        &all.iter().flat_map(of).collect::<Vec<_>>(),
    )
    .await;
    let of = |decision: &Decision| rows::setpoints(decision, place(5));
    both_ways(
        &store,
        &tables,
        "setpoints",
        "w_setpoints",
        &all.iter().flat_map(of).collect::<Vec<_>>(),
    )
    .await;
    let of = |decision: &Decision| rows::alarms(decision, place(5));
    both_ways(
        &store,
        &tables,
        "decision_alarms",
        "w_alarms",
        &all.iter().flat_map(of).collect::<Vec<_>>(),
    )
    .await;
}
