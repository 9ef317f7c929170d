//! The same tables over a cluster: what each statement of a migration becomes there. Text to text; knows no server.
//!
//! Every table gets a replicated one of its own on each server, `<table>_local`, and keeps its name as the distributed table over
//! them. Rows are spread by `log_partition`, so that a block of the sink goes whole to one shard. Materialized views read and
//! write local tables; views read distributed ones.

use std::collections::BTreeSet;

use super::{MIGRATIONS, is_code, statements};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS ";
const FEED: &str = "CREATE MATERIALIZED VIEW IF NOT EXISTS ";
const ALTER: &str = "ALTER TABLE ";
const VIEWS: [&str; 2] = ["CREATE OR REPLACE VIEW ", "CREATE VIEW IF NOT EXISTS "];
/// Where replicas of a table find each other in Keeper; the servers fill the macros in.
const REPLICA: &str = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
/// What rows are spread by, where they have it; whatever feeds on others is never inserted into.
const SPREAD_BY: [&str; 2] = ["log_partition", "number"];

/// Why a statement cannot be taken to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no rule takes this statement to a cluster: {0}")]
pub struct Unknown(String);

/// A name of a cluster or a database that needs no quotes.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    !name.is_empty() && name.len() <= 64 && name.chars().all(word)
}

/// What a statement becomes on a cluster, in the order to be run. Safe to run again, like the statement itself.
///
/// # Errors
/// When it is of a kind that no migration has had so far.
pub fn on_cluster(statement: &str, cluster: &str, database: &str) -> Result<Vec<String>, Unknown> {
    let code = statement.lines().find(|line| is_code(line)).unwrap_or_default();
    let there = format!("ON CLUSTER '{cluster}'");
    let of = |start: &str| {
        let name = code.strip_prefix(start)?.split([' ', '(']).next().unwrap_or_default();
        Some(name.to_owned())
    };
    if let Some(name) = of(TABLE) {
        let own = replicated(&statement.replacen(
            &format!("{TABLE}{name}"),
            &format!("{TABLE}{name}_local {there}"),
            1,
        ));
        let spread = SPREAD_BY.iter().find(|column| has_column(statement, column));
        let spread = spread.map_or_else(String::new, |column| format!(", {column}"));
        let over = format!(
            "{TABLE}{name} {there} AS {name}_local\n\
             ENGINE = Distributed('{cluster}', '{database}', '{name}_local'{spread})"
        );
        return Ok(vec![own, over]);
    }
    if let Some(name) = of(FEED) {
        let moved = statement.replacen(
            &format!("{FEED}{name} TO "),
            &format!("{FEED}{name} {there} TO "),
            1,
        );
        return Ok(vec![local(&moved)]);
    }
    if let Some(name) = of(ALTER) {
        let change = format!("{ALTER}{name} ");
        if code.ends_with(" MODIFY QUERY") {
            let moved = statement.replacen(&change, &format!("{change}{there} "), 1);
            return Ok(vec![local(&moved)]);
        }
        let own = statement.replacen(&change, &format!("{ALTER}{name}_local {there} "), 1);
        let mut all = vec![own];
        // Codecs, lifetimes and projections are the local table's alone.
        if code.contains(" ADD COLUMN ") {
            all.push(statement.replacen(&change, &format!("{change}{there} "), 1));
        }
        return Ok(all);
    }
    for start in VIEWS {
        if let Some(name) = of(start) {
            let start = format!("{start}{name}");
            return Ok(vec![statement.replacen(&start, &format!("{start} {there}"), 1)]);
        }
    }
    Err(Unknown(code.to_owned()))
}

fn has_column(statement: &str, column: &str) -> bool {
    statement.lines().any(|line| line.trim_start().starts_with(&format!("{column} ")))
}

/// A table's engine and its window of deduplication, replicated.
fn replicated(statement: &str) -> String {
    let lines = statement.lines().map(|line| match line.strip_prefix("ENGINE = ") {
        Some(engine) => format!("ENGINE = Replicated{}({REPLICA})", engine.trim_end()),
        None => {
            line.replace("non_replicated_deduplication_window", "replicated_deduplication_window")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Tables by their local names, where they are read from and written to.
fn local(statement: &str) -> String {
    let tables: BTreeSet<String> = tables();
    let mut lines = Vec::new();
    for line in statement.lines() {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 1..words.len() {
            if matches!(words[at - 1].as_str(), "FROM" | "TO" | "JOIN")
                && tables.contains(&words[at])
            {
                words[at].push_str("_local");
            }
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

/// Every table that a migration makes.
fn tables() -> BTreeSet<String> {
    let all = MIGRATIONS.iter().flat_map(|migration| statements(migration.sql));
    all.filter_map(|statement| {
        let code = statement.lines().find(|line| is_code(line))?.strip_prefix(TABLE)?;
        code.split([' ', '(']).next().map(str::to_owned)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<String> {
        let statements = MIGRATIONS.iter().flat_map(|migration| statements(migration.sql));
        statements
            .flat_map(|statement| on_cluster(&statement, "feeders", "derms").expect("a rule"))
            .collect()
    }

    #[test]
    fn every_statement_goes_to_the_whole_cluster_and_every_table_has_both_its_sides() {
        let all = all();
        assert!(all.iter().all(|statement| statement.contains("ON CLUSTER 'feeders'")));
        for table in tables() {
            let made = |name: &str, engine: &str| {
                let start = format!("{TABLE}{name} ON CLUSTER 'feeders'");
                let made = all.iter().filter(|statement| statement.contains(&start));
                assert_eq!(
                    made.filter(|statement| statement.contains(engine)).count(),
                    1,
                    "{name}"
                );
            };
            made(&format!("{table}_local"), "ENGINE = Replicated");
            made(&table, &format!("ENGINE = Distributed('feeders', 'derms', '{table}_local'"));
        }
        assert!(!all.iter().any(|statement| statement.contains("non_replicated")));
    }

    #[test]
    fn feeds_read_and_write_local_tables_and_blocks_go_whole_to_one_shard() {
        let all = all();
        let feeds: Vec<&String> = all.iter().filter(|statement| statement.contains(FEED)).collect();
        assert!(!feeds.is_empty());
        for feed in feeds {
            assert_eq!(feed.matches("_local").count(), 2, "{feed}");
        }
        let changed: Vec<&String> =
            all.iter().filter(|statement| statement.contains("MODIFY QUERY")).collect();
        assert!(!changed.is_empty());
        for query in changed {
            let read = ["FROM decision_devices_local AS d", "FROM decisions_local\n"];
            assert!(read.iter().any(|from| query.contains(from)), "{query}");
        }
        let over = all.iter().find(|statement| statement.contains("'telemetry_local'"));
        assert!(over.expect("it is there").contains(", log_partition)"));
    }

    #[test]
    fn what_no_rule_knows_is_refused() {
        let refused = on_cluster("DROP TABLE telemetry", "feeders", "derms");
        assert!(refused.expect_err("no rule").to_string().contains("DROP TABLE telemetry"));
        assert!(is_name("feeders_2") && !is_name("a'b") && !is_name(""));
    }
}
