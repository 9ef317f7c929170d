//! Owns what grants cannot say: which kinds of statement a user may run, and which functions and table engines are
//! called by none. It judges what the engine's own parser makes of a text (its class, and the text written anew by the
//! engine), never the text as it came. It must not run the statement.

use std::collections::BTreeSet;

use crate::access::Part;
use crate::connection::{Class, Connection, Parameters};
use crate::error::{DbError, code};
use crate::sql::{self, Word};

/// Table functions that touch nothing but tables and numbers.
pub(crate) const TABLE_FUNCTIONS: &[&str] = &[
    "SQLStandardValues",
    "generateSeries",
    "generate_series",
    "mergeTreeIndex",
    "mergeTreeProjection",
    "numbers",
    "numbers_mt",
    "primes",
    "view",
    "viewIfPermitted",
    "zeros",
    "zeros_mt",
];
/// Table engines that keep what they hold in the data folder, and nothing else.
pub(crate) const ENGINES: &[&str] = &[
    "AggregatingMergeTree",
    "Atomic",
    "CollapsingMergeTree",
    "MaterializedView",
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "VersionedCollapsingMergeTree",
    "View",
];
/// Functions that read files although no grant says so, and tables that look into the process.
const REFUSED_FUNCTIONS: &[&str] = &["file"];
const REFUSED_TABLES: &[&str] = &["stack_trace", "coverage_log"];
/// What may be said to the session: it ends with the statement, so it changes nothing.
const HARMLESS_CONTROL: &[&str] = &["SET", "USE"];

/// Who asks, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) writer: bool,
    /// The request itself must not change anything, whoever makes it.
    pub(crate) reads_only: bool,
}

/// The guard, with what this engine's version knows of.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Table functions that nobody may call, in lower case.
    refused: BTreeSet<String>,
    /// Those whose names are plain functions too: grants refuse them as table functions, except where tables are made.
    ambiguous: BTreeSet<String>,
}

impl Guard {
    /// Asks the engine for its table functions.
    pub(crate) fn load(connection: &mut Connection) -> Result<Self, DbError> {
        let allowed: BTreeSet<_> = TABLE_FUNCTIONS.iter().map(|name| name.to_lowercase()).collect();
        let all = names(connection, "SELECT lower(name) FROM system.table_functions")?;
        // Grants let everyone call the others.
        let granted = "SELECT lower(name) FROM system.functions WHERE lower(name) NOT IN \
             (SELECT lower(name) FROM system.table_functions WHERE allow_readonly)";
        let functions = names(connection, granted)?;
        let (ambiguous, mut refused): (BTreeSet<_>, BTreeSet<_>) = all
            .into_iter()
            .filter(|name| !allowed.contains(name))
            .partition(|name| functions.contains(name));
        refused.extend(REFUSED_FUNCTIONS.iter().map(|name| (*name).to_owned()));
        Ok(Self { refused, ambiguous })
    }

    /// Judges a statement and says in which part it may run.
    pub(crate) fn judge(
        &self,
        connection: &mut Connection,
        text: &[u8],
        asker: Asker,
    ) -> Result<Part, DbError> {
        let found = connection.classify(text);
        if found.statements > 1 {
            return Err(DbError::new(
                code::SYNTAX_ERROR,
                "SYNTAX_ERROR",
                "Multi-statements are not allowed",
            ));
        }
        // The engine's own words on what does not parse, too.
        let rewritten = rewritten(connection, text)?;
        let words: Vec<Word> = sql::words(&rewritten).collect();
        let part = part(found.class, &words, asker)?;
        self.check_words(&words, part)?;
        check_settings(&words)?;
        Ok(part)
    }

    fn check_words(&self, words: &[Word], part: Part) -> Result<(), DbError> {
        for (at, word) in words.iter().enumerate() {
            let Word::Name(name) = word else { continue };
            let name = name.to_lowercase();
            let applied = matches!(&words[..at], [.., Word::Name(apply), Word::Other("(")]
                if apply.eq_ignore_ascii_case("APPLY"));
            let called = applied || words.get(at + 1) == Some(&Word::Other("("));
            if called && self.refused.contains(&name) {
                return Err(refused(&format!("the function {name} is not available here")));
            }
            if called && part == Part::Schema && self.ambiguous.contains(&name) {
                let text = format!("the function {name} is not available where tables are made");
                return Err(refused(&text));
            }
            if REFUSED_TABLES.contains(&name.as_str()) {
                return Err(refused(&format!("the table {name} is not available here")));
            }
            if name == "infile" || name == "outfile" {
                return Err(refused(
                    "files of the server are not available here; send and read rows by HTTP",
                ));
            }
            if part == Part::Schema && name == "engine" {
                check_engine(&words[at + 1..])?;
            }
        }
        Ok(())
    }
}

/// The engine holds settings to their caps where they stand at a statement's end. Those of a part of it (a subquery, a
/// member of a union, a view, what is explained) it takes as they are.
fn check_settings(words: &[Word]) -> Result<(), DbError> {
    let is = |word: &Word, text: &str| matches!(word, Word::Name(name) if name == text);
    let first = |text| words.first().is_some_and(|word| is(word, text));
    let in_a_view = !first("INSERT") && words.iter().any(|word| is(word, "VIEW"));
    let of_a_part = |at: usize| {
        let joined =
            |word: &Word| ["UNION", "INTERSECT", "EXCEPT"].iter().any(|text| is(word, text));
        first("EXPLAIN") || in_a_view || words[at..].iter().any(joined)
    };
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Other("(") => depth += 1,
            Word::Other(")") => depth = depth.saturating_sub(1),
            word if is(word, "SETTINGS") && (depth > 0 || of_a_part(at)) => {
                return Err(refused(
                    "SETTINGS belong to the end of the whole statement, not of a part of it",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_engine(after: &[Word]) -> Result<(), DbError> {
    match after {
        [Word::Other("="), Word::Name(engine), ..] if !ENGINES.contains(&engine.as_ref()) => {
            Err(refused(&format!(
                "the engine {engine} is not available here; use one of {}",
                ENGINES.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

/// The part that a kind of statement is run in.
fn part(class: Class, words: &[Word], asker: Asker) -> Result<Part, DbError> {
    let first = match words.first() {
        Some(Word::Name(name)) => name.to_uppercase(),
        _ => String::new(),
    };
    match class {
        Class::Reading if asker.writer => Ok(Part::Writer),
        Class::Reading => Ok(Part::Analyst),
        Class::Control if HARMLESS_CONTROL.contains(&first.as_str()) => Ok(Part::Analyst),
        Class::Changing if asker.reads_only || !asker.writer => Err(DbError::new(
            code::READONLY,
            "READONLY",
            "Cannot execute query in readonly mode: GET requests and analysts only read",
        )),
        Class::Changing if first == "INSERT" => Ok(Part::Writer),
        Class::Changing => Ok(Part::Schema),
        Class::Control | Class::Unknown => Err(refused(&format!(
            "{first} is not available here: it is about the server, not about tables"
        ))),
    }
}

fn refused(text: &str) -> DbError {
    DbError::new(code::ACCESS_DENIED, "ACCESS_DENIED", &format!("Not enough privileges: {text}"))
}

/// The text as the engine writes it: without comments, with every name and literal in one way.
fn rewritten(connection: &mut Connection, text: &[u8]) -> Result<Vec<u8>, DbError> {
    let mut sql = b"SELECT formatQuerySingleLine('".to_vec();
    for byte in text {
        if matches!(byte, b'\'' | b'\\') {
            sql.push(b'\\');
        }
        sql.push(*byte);
    }
    sql.extend_from_slice(b"')");
    Ok(connection.query(&sql, "TSVRaw", &Parameters::default())?.data)
}

fn names(connection: &mut Connection, sql: &str) -> Result<BTreeSet<String>, DbError> {
    let answer = connection.query(sql.as_bytes(), "TSVRaw", &Parameters::default())?;
    Ok(String::from_utf8_lossy(&answer.data).lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Guard { refused: set(&["file", "url"]), ambiguous: set(&["format"]) }
    }

    #[track_caller]
    fn check(text: &str, part: Part, allowed: bool) {
        let words: Vec<Word> = sql::words(text.as_bytes()).collect();
        assert_eq!(guard().check_words(&words, part).is_ok(), allowed, "{text}");
    }

    #[test]
    fn what_reaches_outside_is_refused_however_it_is_written() {
        for text in [
            "SELECT file('/x')",
            "SELECT `file`('/x')",
            "SELECT \"FILE\" ('/x')",
            "SELECT * APPLY(file) FROM t",
            "SELECT * FROM url('http://x')",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
            "SELECT 1 INTO OUTFILE 'x'",
            "SELECT * FROM system.stack_trace",
        ] {
            check(text, Part::Writer, false);
        }
    }

    #[test]
    fn words_that_only_look_alike_are_allowed() {
        check("SELECT 'file(1)', file, x.url FROM t", Part::Analyst, true);
        check("SELECT format('{}', x) FROM t", Part::Analyst, true);
        check("CREATE TABLE t (file String) ENGINE = MergeTree ORDER BY file", Part::Schema, true);
    }

    #[test]
    fn tables_are_made_with_engines_of_the_list_only() {
        check("CREATE TABLE t (a Int8) ENGINE = Executable('x', TSV)", Part::Schema, false);
        check("CREATE TABLE t (a Int8) ENGINE = `File`(TSV)", Part::Schema, false);
        check("CREATE TABLE t (a Int8) AS format(TSV, 'x')", Part::Schema, false);
        check("CREATE TABLE t (a Int8) ENGINE = MergeTree() ORDER BY a", Part::Schema, true);
    }

    #[test]
    fn settings_stand_at_the_end_only() {
        let allowed = |text: &str| {
            let words: Vec<Word> = sql::words(text.as_bytes()).collect();
            check_settings(&words).is_ok()
        };
        for text in [
            "SELECT 1 SETTINGS a = 1",
            "INSERT INTO t SETTINGS a = 1 SELECT 1",
            "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS b = 1",
            "SELECT name FROM system.settings UNION ALL SELECT 1 SETTINGS a = 1",
        ] {
            assert!(allowed(text), "{text}");
        }
        for text in [
            "SELECT * FROM (SELECT 1 SETTINGS a = 1)",
            "WITH x AS (SELECT 1 SETTINGS a = 1) SELECT * FROM x",
            "SELECT 1 SETTINGS a = 1 UNION ALL SELECT 2",
            "CREATE VIEW v AS SELECT 1 SETTINGS a = 1",
            "EXPLAIN SELECT 1 SETTINGS a = 1",
        ] {
            assert!(!allowed(text), "{text}");
        }
    }

    #[test]
    fn who_only_reads_changes_nothing() {
        let insert = [Word::Name("INSERT".into())];
        let writer = Asker { writer: true, reads_only: false };
        assert_eq!(part(Class::Changing, &insert, writer), Ok(Part::Writer));
        for asker in [Asker { reads_only: true, ..writer }, Asker { writer: false, ..writer }] {
            assert!(part(Class::Changing, &insert, asker).is_err());
        }
        let system = [Word::Name("SYSTEM".into())];
        assert!(part(Class::Control, &system, writer).is_err());
        assert!(part(Class::Unknown, &system, writer).is_err());
    }
}
