//! The tables of a cluster: what the program prints is what the engine can read. Nothing runs it here: that takes a cluster.

use std::process::Command;

use schemas::clickhouse::statements;
use testbench::service::program;

use crate::store::Store;

fn ddl(arguments: &[&str]) -> (bool, String) {
    let program = program("derms-processor").expect("it is built");
    let output =
        Command::new(program).arg("ddl").args(arguments).env_clear().output().expect("it runs");
    let words = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&words).into_owned())
}

#[test]
fn the_tables_of_a_cluster_are_printed_and_the_engine_reads_every_statement() {
    let (printed, text) = ddl(&["--cluster", "feeders"]);
    assert!(printed, "{text}");
    let store = Store::empty();
    let all = statements(&text);
    assert!(all.len() > 80, "{}", all.len());
    let mut replicated = 0;
    for statement in all.iter().filter(|statement| !statement.trim().starts_with("USE ")) {
        let text = statement.replace('\\', "\\\\").replace('\'', "\\'");
        // The parser of the engine writes it anew, or refuses it.
        let read = store.ask("default", &format!("SELECT formatQuery('{text}')"));
        assert!(!read.contains("ENGINE = MergeTree"), "{statement}");
        replicated += usize::from(read.contains("ENGINE = Replicated"));
        assert!(statement.contains("ON CLUSTER 'feeders'"), "{statement}");
    }
    assert!(replicated > 15, "{replicated}");
    let (printed, words) = ddl(&["--cluster", "a'b"]);
    assert!(!printed && words.contains("--cluster"), "{words}");
}

#[test]
fn the_tables_of_one_server_are_those_that_a_start_makes() {
    let (printed, text) = ddl(&[]);
    assert!(printed, "{text}");
    let store = Store::empty();
    let all = statements(&text);
    store.ask("default", &all[0]);
    for statement in &all[2..] {
        store.ask("derms", statement);
    }
    assert!(store.number("SELECT count() FROM system.tables WHERE database = 'derms'") > 30.0);
}
