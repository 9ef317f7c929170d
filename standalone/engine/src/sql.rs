//! Owns the little that must be known about a statement's text before the engine sees it: is it an INSERT
//! with rows behind it, and where do they start; is its answer a stream; which format does it name.
//! It must not run anything, and it leaves every judgement on correctness to the engine's own parser.

use std::borrow::Cow;
use std::ops::Range;

/// What kind of statement a text begins with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// An INSERT with its rows in the request: `sql` ends before FORMAT or VALUES, rows begin at `data`.
    Insert { sql: Range<usize>, format: String, data: usize },
    /// A query whose answer can be streamed.
    Select,
    /// Anything else: DDL, INSERT … SELECT, SHOW, SYSTEM.
    Other,
}

/// One token: where it is, and at which depth of brackets.
struct Token {
    range: Range<usize>,
    depth: usize,
    word: bool,
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn skip_to(&mut self, found: Option<usize>, len: usize) {
        self.at = found.map_or(self.text.len(), |offset| self.at + offset + len);
    }

    /// Skips white space and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            if rest.first().is_some_and(u8::is_ascii_whitespace) {
                self.at += 1;
            } else if rest.starts_with(b"--") || rest.starts_with(b"#!") || rest.starts_with(b"# ")
            {
                self.skip_to(find(rest, b"\n"), 1);
            } else if rest.starts_with(b"/*") {
                self.skip_to(find(rest, b"*/"), 2);
            } else {
                return;
            }
        }
    }

    /// Skips a quoted token whose quote is `quote`; backslash and doubling escape.
    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            if byte == b'\\' {
                self.at = (self.at + 1).min(self.text.len());
            } else if byte == quote {
                if self.text.get(self.at) != Some(&quote) {
                    return;
                }
                self.at += 1;
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks();
        let start = self.at;
        let first = *self.text.get(start)?;
        let mut word = false;
        match first {
            b'\'' | b'"' | b'`' => self.skip_quoted(first),
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.depth += 1;
            }
            b')' | b']' | b'}' => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
            }
            _ if is_word(first) => {
                word = true;
                while self.text.get(self.at).copied().is_some_and(is_word) {
                    self.at += 1;
                }
            }
            _ => self.at += 1,
        }
        Some(Token { range: start..self.at, depth: self.depth, word })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn is(text: &[u8], token: &Token, keyword: &str) -> bool {
    token.word && text[token.range.clone()].eq_ignore_ascii_case(keyword.as_bytes())
}

/// Tells what `text` begins with. `text` may be the head of a longer one, as long as it holds the whole
/// statement before an INSERT's rows.
pub(crate) fn statement(text: &[u8]) -> Statement {
    let mut lexer = Lexer::new(text);
    let Some(first) = lexer.find(|token| token.depth == 0 || token.word) else {
        return Statement::Other;
    };
    if is(text, &first, "INSERT") {
        return insert(text, lexer).unwrap_or(Statement::Other);
    }
    if ["SELECT", "WITH", "FROM", "VALUES"].iter().any(|keyword| is(text, &first, keyword)) {
        return Statement::Select;
    }
    Statement::Other
}

fn insert(text: &[u8], mut lexer: Lexer<'_>) -> Option<Statement> {
    // The table's name may itself read like a keyword, so it is stepped over first.
    let mut name = lexer.next()?;
    while ["INTO", "TABLE", "FUNCTION"].iter().any(|keyword| is(text, &name, keyword)) {
        name = lexer.next()?;
    }
    let mut after_dot = false;
    while let Some(token) = lexer.next() {
        let dot = &text[token.range.clone()] == b".";
        if token.depth > 0 || after_dot || dot {
            after_dot = dot;
            continue;
        }
        if ["SELECT", "WITH", "WATCH", "INFILE"].iter().any(|keyword| is(text, &token, keyword)) {
            return None;
        }
        let sql = 0..token.range.start;
        if is(text, &token, "VALUES") {
            return Some(Statement::Insert { sql, format: "Values".into(), data: token.range.end });
        }
        if is(text, &token, "FORMAT") {
            let format = lexer.next().filter(|token| token.word)?;
            let data = rows_start(text, format.range.end);
            let format = String::from_utf8_lossy(&text[format.range]).into_owned();
            return Some(Statement::Insert { sql, format, data });
        }
    }
    None
}

/// Rows begin after blanks and at most one line end (or semicolon) behind the format's name.
fn rows_start(text: &[u8], mut at: usize) -> usize {
    if text.get(at) == Some(&b';') {
        return at + 1;
    }
    while matches!(text.get(at), Some(b' ' | b'\t' | 0x0c)) {
        at += 1;
    }
    if text.get(at) == Some(&b'\r') {
        at += 1;
    }
    if text.get(at) == Some(&b'\n') {
        at += 1;
    }
    at
}

/// The format that a query names itself, if it does.
pub(crate) fn output_format(text: &[u8]) -> Option<String> {
    let mut lexer = Lexer::new(text);
    let mut found = None;
    while let Some(token) = lexer.next() {
        if token.depth == 0 && is(text, &token, "FORMAT") {
            let after = lexer.at;
            if let Some(name) = lexer.next().filter(|token| token.word) {
                found = Some(String::from_utf8_lossy(&text[name.range]).into_owned());
            } else {
                lexer.at = after;
            }
        }
    }
    found
}

/// A word of a text, as far as the guard looks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word<'a> {
    /// A keyword, a number, or a name with or without quotes.
    Name(Cow<'a, str>),
    /// A literal text.
    Text,
    /// A bracket or another sign.
    Other(&'a str),
}

/// The words of a text that the engine has written.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = Word<'_>> {
    Lexer::new(text).map(|token| {
        let bytes = &text[token.range.clone()];
        match bytes {
            [b'\'', ..] => Word::Text,
            [quote @ (b'"' | b'`'), inner @ .., last] if quote == last => {
                Word::Name(String::from_utf8_lossy(inner))
            }
            _ if token.word => Word::Name(String::from_utf8_lossy(bytes)),
            _ => Word::Other(std::str::from_utf8(bytes).unwrap_or("")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn insert_splits(text: &str, sql: &str, format: &str, data: &str) {
        match statement(text.as_bytes()) {
            Statement::Insert { sql: range, format: found, data: start } => {
                assert_eq!(text[range].trim_end(), sql);
                assert_eq!(found, format);
                assert_eq!(&text[start..], data);
            }
            other => panic!("not an insert with rows: {other:?}"),
        }
    }

    #[track_caller]
    fn reads_as(text: &str, expected: Statement) {
        assert_eq!(statement(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn inserts_are_cut_where_their_rows_begin() {
        insert_splits("INSERT INTO t FORMAT TSV\n1\t2\n", "INSERT INTO t", "TSV", "1\t2\n");
        insert_splits("insert into t format CSV \r\n1,2", "insert into t", "CSV", "1,2");
        insert_splits(
            "INSERT INTO t(a, b) VALUES (1, 'x')",
            "INSERT INTO t(a, b)",
            "Values",
            " (1, 'x')",
        );
        insert_splits(
            "INSERT INTO t FORMAT RowBinary\n\n\u{1}",
            "INSERT INTO t",
            "RowBinary",
            "\n\u{1}",
        );
        insert_splits(
            "/* FORMAT x */ INSERT INTO `format values` SETTINGS a = 'FORMAT', b = 1 FORMAT CSV;1",
            "/* FORMAT x */ INSERT INTO `format values` SETTINGS a = 'FORMAT', b = 1",
            "CSV",
            "1",
        );
        insert_splits(
            "INSERT INTO format.values (select) VALUES (1)",
            "INSERT INTO format.values (select)",
            "Values",
            " (1)",
        );
        insert_splits(
            "INSERT INTO TABLE FUNCTION null('a Int8') VALUES (1)",
            "INSERT INTO TABLE FUNCTION null('a Int8')",
            "Values",
            " (1)",
        );
    }

    #[test]
    fn inserts_without_rows_are_left_to_the_engine() {
        reads_as("INSERT INTO t SELECT 1 FORMAT TSV", Statement::Other);
        reads_as("INSERT INTO t (a) WITH 1 AS x SELECT x", Statement::Other);
        reads_as("INSERT INTO t FROM INFILE 'x' FORMAT CSV", Statement::Other);
        reads_as("INSERT INTO", Statement::Other);
    }

    #[test]
    fn queries_are_told_from_commands() {
        reads_as(" -- note\n SELECT 1", Statement::Select);
        reads_as("(SELECT 1) UNION ALL SELECT 2", Statement::Select);
        reads_as("with 1 as x select x", Statement::Select);
        reads_as("CREATE TABLE t (a Int8) ENGINE = Memory", Statement::Other);
        reads_as("DESCRIBE TABLE t", Statement::Other);
        reads_as("", Statement::Other);
    }

    #[test]
    fn words_are_told_from_texts() {
        let found: Vec<Word> = words(b"f(`a b`, 'it\\'s (x)')").collect();
        let name = |text: &'static str| Word::Name(text.into());
        let other = Word::Other;
        assert_eq!(found, [name("f"), other("("), name("a b"), other(","), Word::Text, other(")")]);
    }

    #[test]
    fn the_format_is_the_one_named_outside_brackets_and_quotes() {
        assert_eq!(output_format(b"SELECT 1 FORMAT JSON"), Some("JSON".into()));
        assert_eq!(output_format(b"SELECT format('{}', 'FORMAT CSV')"), None);
        assert_eq!(
            output_format(b"SELECT 1 format JSONCompact settings max_threads=1"),
            Some("JSONCompact".into())
        );
        assert_eq!(output_format(b"SELECT (SELECT 1 FORMAT TSV)"), None);
    }
}
