//! Statements that ask for what they should not get.

use super::request::{SETTINGS, one_of};
use crate::faults::chance::Chance;

/// Depth and length are spread over orders of magnitude.
const POWERS_MAX: u64 = 16;

/// One of many kinds.
pub(super) fn statement(chance: &mut Chance) -> Vec<u8> {
    match chance.between(0, 7) {
        0 | 1 => nested(chance).into_bytes(),
        2 => outside(chance).into_bytes(),
        3 => greedy(chance).into_bytes(),
        4 => setting(chance).into_bytes(),
        5 => changing(chance).into_bytes(),
        6 => words(chance).into_bytes(),
        _ => noise(chance),
    }
}

fn size(chance: &mut Chance) -> usize {
    let power = chance.between(0, POWERS_MAX);
    chance.between(1, 2 << power) as usize
}

fn nested(chance: &mut Chance) -> String {
    let (open, close) = one_of(
        &[
            ("(", ")"),
            ("[", "]"),
            ("f(", ")"),
            ("NOT ", ""),
            ("-", ""),
            ("1+", ""),
            ("CASE WHEN 1 THEN ", " END"),
            ("(SELECT ", ")"),
            ("x -> ", ""),
            ("[(", ")]"),
            ("{a:Array(", ")}"),
            ("if(1,", ",2)"),
        ],
        chance,
    );
    let depth = size(chance).min(200_000);
    let closed = if chance.between(0, 4) == 0 { depth / 2 } else { depth };
    format!("SELECT {}1{}", open.repeat(depth), close.repeat(closed))
}

fn outside(chance: &mut Chance) -> String {
    let place = one_of(
        &["/etc/passwd", "/proc/self/environ", "../../x", "http://127.0.0.1:1/", "x", ""],
        chance,
    );
    let function = one_of(
        &[
            "file",
            "url",
            "s3",
            "remote",
            "executable",
            "mysql",
            "postgresql",
            "sqlite",
            "hdfs",
            "input",
            "arrowstream",
            "format",
            "loop",
            "dictionary",
            "eval",
            "fuzzQuery",
            "generateRandom",
            "merge",
        ],
        chance,
    );
    match chance.between(0, 7) {
        0 => format!("SELECT {function}('{place}')"),
        1 => format!("SELECT * FROM {function}('{place}', 'TSV', 'a String')"),
        2 => format!("INSERT INTO FUNCTION {function}('{place}', 'TSV', 'a String') SELECT '1'"),
        3 => format!("CREATE TABLE derms.fuzz ENGINE = {function}('{place}') AS SELECT 1"),
        4 => format!("SELECT 1 INTO OUTFILE '{place}'"),
        5 => format!("INSERT INTO derms.telemetry FROM INFILE '{place}' FORMAT TSV"),
        6 => format!("BACKUP DATABASE derms TO File('{place}')"),
        _ => format!("SELECT * APPLY({function}) FROM (SELECT '{place}')"),
    }
}

fn greedy(chance: &mut Chance) -> String {
    let many = 10_u64.pow(u32::try_from(chance.between(3, 10)).unwrap_or(3));
    match chance.between(0, 6) {
        0 => format!("SELECT groupArray(number) FROM numbers({many})"),
        1 => format!("SELECT uniqExact(number) FROM numbers({many})"),
        2 => format!("SELECT number FROM numbers({many}) ORDER BY rand()"),
        3 => format!("SELECT repeat('x', {many})"),
        4 => format!("SELECT range({many})"),
        5 => format!("SELECT * FROM numbers({many}) AS a, numbers({many}) AS b"),
        _ => format!("SELECT sleep(3) FROM numbers({many})"),
    }
}

fn setting(chance: &mut Chance) -> String {
    let (name, value) = (one_of(SETTINGS, chance), size(chance));
    match chance.between(0, 3) {
        0 => format!("SET {name} = {value}"),
        1 => format!("SELECT 1 SETTINGS {name} = {value}"),
        2 => format!("SELECT * FROM (SELECT 1 SETTINGS {name} = {value})"),
        _ => format!(
            "SELECT 1 SETTINGS {}",
            format!("{name} = {value}, ").repeat(size(chance).min(2_000))
        ),
    }
}

fn changing(chance: &mut Chance) -> String {
    one_of(
        &[
            "DROP DATABASE derms",
            "DROP TABLE derms.telemetry SETTINGS max_table_size_to_drop = 1",
            "SYSTEM SHUTDOWN",
            "SYSTEM STOP MERGES",
            "KILL QUERY WHERE 1",
            "CREATE USER u",
            "GRANT ALL ON *.* TO default",
            "CREATE FUNCTION f AS x -> x",
            "ATTACH DATABASE x ENGINE = Filesystem('/')",
            "SET ROLE ALL",
            "SELECT 1; SELECT 2",
            "INSERT INTO derms.no_such_table FORMAT Native\n\0\0\0",
            "INSERT INTO derms.schema_migrations VALUES (((((",
            "CREATE TEMPORARY TABLE x (a Int8)",
        ],
        chance,
    )
    .to_owned()
}

fn words(chance: &mut Chance) -> String {
    const WORDS: &[&str] = &[
        "SELECT",
        "FROM",
        "(",
        ")",
        "'",
        "\"",
        "`",
        "\\",
        "/*",
        "*/",
        "--",
        "$$",
        ",",
        ".",
        "1",
        "x",
        "derms.telemetry",
        "FORMAT",
        "SETTINGS",
        "INSERT",
        "INTO",
        "VALUES",
        "WITH",
        "AS",
        "UNION ALL",
        "EXPLAIN",
        "JOIN",
        "WHERE",
        "::",
        "->",
        "{a:String}",
        ";",
    ];
    let count = size(chance).min(500);
    (0..count).map(|_| one_of(WORDS, chance)).collect::<Vec<_>>().join(" ")
}

fn noise(chance: &mut Chance) -> Vec<u8> {
    (0..size(chance).min(100_000))
        .map(|_| u8::try_from(chance.between(0, 255)).unwrap_or(u8::MAX))
        .collect()
}
