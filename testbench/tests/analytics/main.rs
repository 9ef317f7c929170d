//! What docs/analytics.md and the Grafana dashboard say about ClickHouse, against its own engine: every query runs and
//! returns what the page shows, and answers agree with what the test knows of its example.

mod cluster;
mod example;
mod generated;
mod migrations;
mod page;
mod store;
mod sums;
mod truth;
mod written;

use page::{blocks, same};
use store::Store;

const PAGE: &str = include_str!("../../../docs/analytics.md");
const DASHBOARD: &str = include_str!("../../../deploy/grafana/dashboards/feeders.json");
/// What the page promises.
const QUESTIONS_MIN: usize = 15;
/// Tables and views that the example puts something into.
const PLACES_MIN: usize = 30;

#[test]
fn every_query_of_the_page_returns_what_it_shows() {
    let store = Store::with_example();
    let blocks = blocks(PAGE);
    assert!(blocks.len() >= QUESTIONS_MIN, "{} queries", blocks.len());
    let mut wrong = Vec::new();
    for block in &blocks {
        let found = store.table(&block.sql);
        if !same(&block.shown, &found) {
            wrong.push(format!("{}\nshows {:#?}\nfound {found:#?}", block.sql, block.shown));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_panel_of_the_dashboard_runs() {
    let store = Store::with_example();
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let of_panels = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let mut queries: Vec<&str> =
        of_panels.map(|target| target["rawSql"].as_str().expect("a query")).collect();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    queries.extend(variables.iter().map(|variable| variable["query"].as_str().expect("a query")));
    assert!(queries.len() > panels.len());
    for query in queries {
        // As Grafana fills them in.
        let day = example::day().0 / 1000;
        let filled = query
            .replace("${feeder:singlequote}", "'feeder-1','feeder-1a','feeder-2'")
            .replace("$__fromTime", &format!("toDateTime({day})"))
            .replace("$__toTime", &format!("toDateTime({})", day + 86_400));
        assert!(!filled.contains('$'), "{filled}");
        let found = store.table(&filled);
        assert!(found.len() > 1, "no row: {filled}");
    }
}

/// It reads blocks of its revision, for which the engine's door has to know every type. What each block holds is tested
/// beside the door.
#[test]
fn every_table_and_view_is_written_for_the_official_client_for_go() {
    let store = Store::with_example();
    let all = "SELECT table, arrayStringConcat(groupArray('`' || name || '`'), ', '), count() FROM system.columns
               WHERE database = 'derms' AND type NOT LIKE 'AggregateFunction%' AND table IN
                   (SELECT name FROM system.tables WHERE database = 'derms' AND create_table_query NOT LIKE '%{%:%}%')
               GROUP BY table";
    let tables = store.rows(all);
    assert!(tables.len() >= PLACES_MIN, "{}", tables.len());
    let mut filled = 0;
    for table in &tables {
        let [table, columns, count] = table.as_slice() else { panic!("{table:?}") };
        let sql = format!("SELECT {columns} FROM {table}");
        let words = "database=derms&default_format=Native&client_protocol_version=54460";
        let answer = store.ask_as(words, &sql);
        if !answer.is_empty() {
            let count = char::from(count.parse::<u8>().expect("columns"));
            assert!(answer.starts_with("\u{1}\0\u{2}"), "{table}: no block of a revision");
            assert_eq!(answer.chars().nth(8), Some(count), "{table}");
            filled += 1;
        }
    }
    assert!(filled >= PLACES_MIN, "{filled}");
}

#[test]
fn answers_agree_with_what_is_known_of_the_example() {
    let store = Store::with_example();
    truth::tracking(&store);
    truth::curtailment(&store);
    truth::fairness(&store);
    truth::events(&store);
    truth::violations(&store);
    truth::alarms(&store);
    truth::commands(&store);
    truth::sent_to_the_broker(&store);
    truth::observed(&store);
    truth::days(&store);
    truth::power_by_time(&store);
    truth::records(&store);
}

#[test]
fn sums_agree_for_every_decision() {
    let store = Store::with_example();
    let decisions = sums::agree(&store);
    assert_eq!(decisions, example::decisions().len());
}
