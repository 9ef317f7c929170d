//! Rows as a block of ClickHouse's columnar format, Native: the engine takes one column at a time, which costs it half of what rows
//! cost it. Columns of few words are sent as a dictionary and places in it. Knows no table: types are those that ClickHouse names.

mod row;

use std::collections::HashMap;
use std::fmt::Display;

use clickhouse::Row;
use serde::ser::{self, Serialize};
use thiserror::Error;

use self::row::Filler;

/// The one version of dictionaries that there is.
const DICTIONARY_VERSION: u64 = 1;
/// The dictionary stands in the block itself, and replaces what was before.
const DICTIONARY_IN_BLOCK: u64 = (1 << 9) | (1 << 10);
/// Places in a dictionary are numbers of four bytes.
const PLACES_OF_FOUR_BYTES: u64 = 2;

/// Rows that do not fit the table's columns.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Misfit {
    /// The table has no such column.
    #[error("the table has no column {0}")]
    Missing(&'static str),
    /// No row has a column of this type so far.
    #[error("column {column} is of type {declared}, which cannot be written")]
    Unknown {
        /// Which column.
        column: &'static str,
        /// What ClickHouse says that it is.
        declared: String,
    },
    /// The value is of another type than its column.
    #[error("a value of {given} does not go into a column of {expected:?}")]
    Value {
        /// What the row has.
        given: &'static str,
        /// What the column takes.
        expected: Kind,
    },
    /// What serde says.
    #[error("{0}")]
    Other(String),
}

impl ser::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}

/// What a value of a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 8 bytes: a number, or a time in ms.
    Long,
    /// 4 bytes.
    Int,
    /// 1 byte.
    Bool,
    /// 16 bytes.
    Uuid,
    /// Any bytes, with their length.
    Text,
    /// Texts, with their count.
    Texts,
}

/// A column as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    kind: Kind,
    nullable: bool,
    /// Few words, each many times.
    words: bool,
}

impl Declared {
    fn read(declared: &str) -> Option<Self> {
        let inside = |text: &str, of: &str| {
            Some(text.strip_prefix(of)?.strip_prefix('(')?.strip_suffix(')')?.to_owned())
        };
        let inner = inside(declared, "LowCardinality");
        let words = inner.is_some();
        let inner = inner.unwrap_or_else(|| declared.to_owned());
        let bare = inside(&inner, "Nullable");
        let nullable = bare.is_some();
        let bare = bare.unwrap_or(inner);
        let kind = match bare.as_str() {
            "Int64" => Kind::Long,
            "Int32" => Kind::Int,
            "Bool" => Kind::Bool,
            "UUID" => Kind::Uuid,
            "String" => Kind::Text,
            "Array(String)" => Kind::Texts,
            time if time.starts_with("DateTime64(3") => Kind::Long,
            _ => return None,
        };
        (!words || kind == Kind::Text).then_some(Self { kind, nullable, words })
    }
}

/// A column of a block, as far as it is filled.
#[derive(Debug)]
struct Column {
    name: &'static str,
    type_name: String,
    of: Declared,
    /// The values; of words, the dictionary.
    bytes: Vec<u8>,
    /// One byte for each row, where there may be none; where texts end, for arrays; places in the dictionary, for words.
    beside: Vec<u8>,
    /// Texts so far, of arrays.
    texts: u64,
    dictionary: HashMap<Box<[u8]>, u32>,
    /// The last word and its place: words come in runs.
    last: Option<(Box<[u8]>, u32)>,
}

impl Column {
    fn new(name: &'static str, type_name: &str) -> Result<Self, Misfit> {
        let unknown = || Misfit::Unknown { column: name, declared: type_name.to_owned() };
        let of = Declared::read(type_name).ok_or_else(unknown)?;
        let mut column = Self {
            name,
            type_name: type_name.to_owned(),
            of,
            bytes: Vec::new(),
            beside: Vec::new(),
            texts: 0,
            dictionary: HashMap::new(),
            last: None,
        };
        if column.of.words && column.of.nullable {
            // The first place is no word at all; nothing else finds it.
            put_length(&mut column.bytes, 0);
        }
        Ok(column)
    }

    fn expect(&self, kind: Kind, given: &'static str) -> Result<(), Misfit> {
        if self.of.kind == kind {
            Ok(())
        } else {
            Err(Misfit::Value { given, expected: self.of.kind })
        }
    }

    fn put(&mut self, kind: Kind, given: &'static str, value: &[u8]) -> Result<(), Misfit> {
        self.expect(kind, given)?;
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    fn put_text(&mut self, text: &[u8]) -> Result<(), Misfit> {
        self.expect(Kind::Text, "text")?;
        if self.of.words {
            let place = self.place(text);
            self.beside.extend_from_slice(&place.to_le_bytes());
        } else {
            put_bytes(&mut self.bytes, text);
        }
        Ok(())
    }

    fn place(&mut self, word: &[u8]) -> u32 {
        if let Some((last, place)) = &self.last
            && last.as_ref() == word
        {
            return *place;
        }
        let place = match self.dictionary.get(word) {
            Some(place) => *place,
            None => {
                let place = self.words();
                put_bytes(&mut self.bytes, word);
                self.dictionary.insert(word.into(), place);
                place
            }
        };
        self.last = Some((word.into(), place));
        place
    }

    /// Words in the dictionary.
    fn words(&self) -> u32 {
        let known = u32::try_from(self.dictionary.len()).unwrap_or(u32::MAX);
        known + u32::from(self.of.nullable)
    }

    fn none(&mut self) -> Result<(), Misfit> {
        if !self.of.nullable {
            return Err(Misfit::Value { given: "nothing", expected: self.of.kind });
        }
        if self.of.words {
            self.beside.extend_from_slice(&0_u32.to_le_bytes());
            return Ok(());
        }
        self.beside.push(1);
        let nothing: &[u8] = match self.of.kind {
            Kind::Long => &[0; 8],
            Kind::Int => &[0; 4],
            Kind::Bool | Kind::Text => &[0],
            Kind::Uuid => &[0; 16],
            Kind::Texts => &[],
        };
        self.bytes.extend_from_slice(nothing);
        Ok(())
    }

    fn write(&self, rows: usize, block: &mut Vec<u8>) {
        for text in [self.name, &self.type_name] {
            put_bytes(block, text.as_bytes());
        }
        if rows == 0 {
            return;
        }
        if self.of.words {
            for number in [
                DICTIONARY_VERSION,
                DICTIONARY_IN_BLOCK | PLACES_OF_FOUR_BYTES,
                self.words().into(),
            ] {
                block.extend_from_slice(&number.to_le_bytes());
            }
            block.extend_from_slice(&self.bytes);
            block.extend_from_slice(&(rows as u64).to_le_bytes());
            block.extend_from_slice(&self.beside);
        } else {
            block.extend_from_slice(&self.beside);
            block.extend_from_slice(&self.bytes);
        }
    }
}

/// A number in as many bytes as it needs, seven bits in each.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    let mut left = length;
    loop {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        if left == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn put_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    put_length(bytes, value.len());
    bytes.extend_from_slice(value);
}

/// The types of a table's columns, by name.
pub(crate) type Types = HashMap<String, String>;

/// Rows as one block.
///
/// # Errors
/// When they do not fit the columns.
pub(crate) fn block<R: Row + Serialize>(rows: &[R], types: &Types) -> Result<Vec<u8>, Misfit> {
    let column = |name: &&'static str| {
        let declared = types.get(*name).ok_or(Misfit::Missing(name))?;
        Column::new(name, declared)
    };
    let mut columns: Vec<Column> =
        R::COLUMN_NAMES.iter().map(column).collect::<Result<_, Misfit>>()?;
    for row in rows {
        row.serialize(Filler(&mut columns))?;
    }
    let bytes: usize = columns.iter().map(|column| column.bytes.len() + column.beside.len()).sum();
    let mut block = Vec::with_capacity(bytes + 128 * columns.len() + 32);
    put_length(&mut block, columns.len());
    put_length(&mut block, rows.len());
    for column in &columns {
        column.write(rows.len(), &mut block);
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Row, Serialize)]
    struct Reading {
        device_id: &'static str,
        power_w: i64,
        soc_bp: Option<i32>,
        #[serde(with = "clickhouse::serde::uuid::option")]
        setpoint_id: Option<uuid::Uuid>,
        site: Option<&'static str>,
        findings: Vec<String>,
    }

    fn types() -> Types {
        let all = [
            ("device_id", "LowCardinality(String)"),
            ("power_w", "Int64"),
            ("soc_bp", "Nullable(Int32)"),
            ("setpoint_id", "Nullable(UUID)"),
            ("site", "LowCardinality(Nullable(String))"),
            ("findings", "Array(String)"),
        ];
        all.map(|(name, of)| (name.to_owned(), of.to_owned())).into_iter().collect()
    }

    fn reading(device_id: &'static str, site: Option<&'static str>) -> Reading {
        Reading {
            device_id,
            power_w: -2,
            soc_bp: site.map(|_| 7),
            setpoint_id: None,
            site,
            findings: site.iter().map(ToString::to_string).collect(),
        }
    }

    /// What is left of a block after a column's name and type.
    fn after<'b>(block: &'b [u8], name: &str, of: &str) -> &'b [u8] {
        let mut head = Vec::new();
        put_bytes(&mut head, name.as_bytes());
        put_bytes(&mut head, of.as_bytes());
        let at = block.windows(head.len()).position(|window| window == head).expect("it is there");
        &block[at + head.len()..]
    }

    #[test]
    fn a_block_has_its_columns_one_after_the_other() {
        let rows = [reading("ev-1", None), reading("ev-2", Some("a")), reading("ev-1", Some("a"))];
        let block = block(&rows, &types()).expect("they fit");
        assert_eq!(block[..2], [6, 3], "columns and rows");
        let words = after(&block, "device_id", "LowCardinality(String)");
        let expected = [
            &[1, 0, 0, 0, 0, 0, 0, 0][..],
            &[2, 6, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 0, 0, 0, 0],
            b"\x04ev-1\x04ev-2",
        ];
        assert!(words.starts_with(&expected.concat()));
        let places = &words[expected.concat().len()..];
        assert_eq!(places[..20], [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        let power = after(&block, "power_w", "Int64");
        assert_eq!(power[..8], (-2_i64).to_le_bytes());
        let charge = after(&block, "soc_bp", "Nullable(Int32)");
        assert_eq!(charge[..15], [1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0, 0]);
        let sites = after(&block, "site", "LowCardinality(Nullable(String))");
        assert_eq!(sites[16..27], [2, 0, 0, 0, 0, 0, 0, 0, 0, 1, b'a'], "nothing, and one word");
        assert_eq!(sites[35..47], [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        let ends = after(&block, "findings", "Array(String)");
        assert_eq!(ends[..24], [0_u64, 1, 2].map(u64::to_le_bytes).concat());
        assert_eq!(ends[24..], [1, b'a', 1, b'a']);
    }

    #[test]
    fn rows_that_do_not_fit_their_table_are_refused() {
        let with = |name: &str, of: Option<&str>| {
            let mut types = types();
            match of {
                Some(of) => types.insert(name.to_owned(), of.to_owned()),
                None => types.remove(name),
            };
            block(&[reading("ev-1", None)], &types).expect_err("refused")
        };
        assert_eq!(with("site", None), Misfit::Missing("site"));
        let value = |given, expected| Misfit::Value { given, expected };
        assert_eq!(with("power_w", Some("Int32")), value("eight bytes", Kind::Int));
        assert_eq!(with("power_w", Some("String")), value("eight bytes", Kind::Text));
        assert_eq!(with("soc_bp", Some("Int32")), value("nothing", Kind::Int));
        assert_eq!(with("findings", Some("String")), value("an array", Kind::Text));
        let unknown = with("power_w", Some("Decimal(9, 2)"));
        assert!(matches!(unknown, Misfit::Unknown { column: "power_w", .. }), "{unknown}");
    }

    #[test]
    fn lengths_take_seven_bits_a_byte() {
        let bytes = |length| {
            let mut bytes = Vec::new();
            put_length(&mut bytes, length);
            bytes
        };
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(127), [127]);
        assert_eq!(bytes(128), [0x80, 1]);
        assert_eq!(bytes(300), [0xac, 2]);
    }
}
