//! Owns how the values of a type lie in a column of Native, and with that how long a column is: what precedes the
//! values, and the values themselves. It must not know blocks.

use super::Reader;

/// Types within types; ClickHouse's own parser allows no more by far.
const DEPTH_MAX: usize = 64;
/// The one order of a variant's members that is written: a byte for each row.
const EACH_ROW: u64 = 0;
/// How dictionaries say that they bring their words along, and need none from elsewhere.
const DICTIONARY_VERSION: u64 = 1;
const OWN_WORDS: u64 = 1 << 9;
const WORDS_FROM_ELSEWHERE: u64 = 1 << 8;
/// JSON that is written as texts.
const JSON_AS_TEXT: u64 = 1;
/// What a row of a variant says that has no value.
const NO_VALUE: u8 = 0xff;

/// How values lie.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// So many bytes for each.
    Fixed(usize),
    /// A length before each.
    Text,
    /// As texts, behind a word that says so.
    Json,
    /// A byte for each, then as the inner one.
    Nullable(Box<Layout>),
    /// Where each ends, then the elements of all.
    Array(Box<Layout>),
    /// One member after the other.
    Tuple(Vec<Layout>),
    /// Words, then which of them each is.
    Dictionary(Box<Layout>),
    /// Which member each is, then the values of one member after the other.
    Variant(Vec<Layout>),
}

/// Why the length of a column cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Its values lie in no way that is known here.
    Layout,
    /// It ends before it should.
    Short,
}

impl Layout {
    /// How values of a type lie, by its name.
    pub(super) fn of(name: &str) -> Result<Self, Unknown> {
        Self::at_depth(name.trim(), 0)
    }

    fn at_depth(name: &str, depth: usize) -> Result<Self, Unknown> {
        if depth > DEPTH_MAX {
            return Err(Unknown::Layout);
        }
        let inner = |name: &str| Self::at_depth(name, depth + 1);
        let boxed = |name: &str| inner(name).map(Box::new);
        let (head, inside) = match name.split_once('(') {
            Some((head, rest)) => (head, rest.strip_suffix(')').ok_or(Unknown::Layout)?),
            None => (name, ""),
        };
        if let Some(bytes) = fixed(head, inside) {
            return Ok(Self::Fixed(bytes));
        }
        let parts = parts(inside);
        match (head, parts.as_slice()) {
            ("String", _) => Ok(Self::Text),
            ("JSON", _) => Ok(Self::Json),
            ("Nullable", [of]) => Ok(Self::Nullable(boxed(of)?)),
            ("Array", [of]) => Ok(Self::Array(boxed(of)?)),
            ("LowCardinality", [of]) => Ok(Self::Dictionary(boxed(not_null(of))?)),
            ("SimpleAggregateFunction", [_, .., of]) => inner(of),
            ("Map", [_, _]) | ("Nested", [_, ..]) => {
                Ok(Self::Array(Box::new(Self::members(&parts, depth)?)))
            }
            // A byte for each, as they have no members.
            ("Tuple", []) => Ok(Self::Fixed(1)),
            ("Tuple", _) => Self::members(&parts, depth),
            ("Variant", [_, ..]) => {
                Ok(Self::Variant(parts.iter().map(|of| inner(of)).collect::<Result<_, _>>()?))
            }
            ("Point", []) => inner("Tuple(Float64, Float64)"),
            ("Ring" | "LineString", []) => inner("Array(Point)"),
            ("Polygon" | "MultiLineString", []) => inner("Array(Ring)"),
            ("MultiPolygon", []) => inner("Array(Polygon)"),
            _ => Err(Unknown::Layout),
        }
    }

    /// A tuple's members, with or without names.
    fn members(parts: &[&str], depth: usize) -> Result<Self, Unknown> {
        let members = parts.iter().map(|part| Self::at_depth(unnamed(part), depth + 1));
        members.collect::<Result<_, _>>().map(Self::Tuple)
    }

    /// Reads past what precedes the values.
    pub(super) fn pass_prefix(&self, reader: &mut Reader<'_>) -> Result<(), Unknown> {
        match self {
            Self::Fixed(_) | Self::Text => Ok(()),
            Self::Json => known(reader.number(8)? == JSON_AS_TEXT),
            Self::Nullable(of) | Self::Array(of) => of.pass_prefix(reader),
            Self::Tuple(members) => members.iter().try_for_each(|of| of.pass_prefix(reader)),
            Self::Dictionary(_) => known(reader.number(8)? == DICTIONARY_VERSION),
            Self::Variant(members) => {
                known(reader.number(8)? == EACH_ROW)?;
                members.iter().try_for_each(|of| of.pass_prefix(reader))
            }
        }
    }

    /// Reads past so many values.
    pub(super) fn pass(&self, reader: &mut Reader<'_>, rows: usize) -> Result<(), Unknown> {
        match self {
            Self::Fixed(bytes) => reader.take(rows.checked_mul(*bytes)).map(drop),
            Self::Text | Self::Json => (0..rows).try_for_each(|_| reader.text().map(drop)),
            Self::Nullable(of) => {
                reader.take(Some(rows))?;
                of.pass(reader, rows)
            }
            Self::Array(of) => {
                let ends = reader.take(rows.checked_mul(8))?;
                let elements =
                    ends.last_chunk().map_or(Ok(0), |end| size(u64::from_le_bytes(*end)))?;
                of.pass(reader, elements)
            }
            Self::Tuple(members) => members.iter().try_for_each(|of| of.pass(reader, rows)),
            Self::Dictionary(_) if rows == 0 => Ok(()),
            Self::Dictionary(words) => {
                let kind = reader.number(8)?;
                known(kind & OWN_WORDS > 0 && kind & WORDS_FROM_ELSEWHERE == 0)?;
                let width = [1, 2, 4, 8].get(usize::from(kind as u8)).ok_or(Unknown::Layout)?;
                let count = size(reader.number(8)?)?;
                words.pass(reader, count)?;
                known(reader.number(8)? == rows as u64)?;
                reader.take(rows.checked_mul(*width)).map(drop)
            }
            Self::Variant(members) => {
                let which = reader.take(Some(rows))?;
                let mut counts = vec![0; members.len()];
                for &row in which.iter().filter(|row| **row != NO_VALUE) {
                    *counts.get_mut(usize::from(row)).ok_or(Unknown::Layout)? += 1;
                }
                members.iter().zip(counts).try_for_each(|(of, count)| of.pass(reader, count))
            }
        }
    }
}

fn known(holds: bool) -> Result<(), Unknown> {
    if holds { Ok(()) } else { Err(Unknown::Layout) }
}

fn size(number: u64) -> Result<usize, Unknown> {
    usize::try_from(number).map_err(|_| Unknown::Short)
}

/// Bytes of each value, for the types that have always as many.
fn fixed(head: &str, inside: &str) -> Option<usize> {
    if head.starts_with("Interval") {
        return Some(8);
    }
    match head {
        "UInt8" | "Int8" | "Bool" | "Enum8" | "Nothing" => Some(1),
        "UInt16" | "Int16" | "BFloat16" | "Date" | "Enum16" => Some(2),
        "UInt32" | "Int32" | "Float32" | "Date32" | "DateTime" | "Time" | "IPv4" => Some(4),
        "UInt64" | "Int64" | "Float64" | "DateTime64" | "Time64" => Some(8),
        "UInt128" | "Int128" | "UUID" | "IPv6" => Some(16),
        "UInt256" | "Int256" => Some(32),
        "FixedString" => inside.trim().parse().ok(),
        "Decimal" => match inside.split(',').next()?.trim().parse().ok()? {
            1..=9 => Some(4),
            10..=18 => Some(8),
            19..=38 => Some(16),
            39..=76 => Some(32),
            _ => None,
        },
        _ => None,
    }
}

fn not_null(name: &str) -> &str {
    name.strip_prefix("Nullable(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(name)
}

/// What stands between the commas of a type's brackets.
fn parts(inside: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = inside;
    while let Some(end) = outside(rest).find(|(_, char)| *char == ',').map(|(at, _)| at) {
        parts.push(rest[..end].trim());
        rest = &rest[end + 1..];
    }
    parts.push(rest.trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The type of a member that may have a name before it.
fn unnamed(part: &str) -> &str {
    outside(part).find(|(_, char)| *char == ' ').map_or(part, |(at, _)| part[at..].trim_start())
}

/// The characters that stand in no brackets and no quotes.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    text.char_indices().filter(move |(_, char)| {
        if escaped {
            escaped = false;
            return false;
        }
        match (quote, char) {
            (Some(_), '\\') => escaped = true,
            (Some(open), char) if open == *char => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`' | '"') => quote = Some(*char),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) => return depth == 0,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lies(name: &str, expected: Layout) {
        assert_eq!(Layout::of(name), Ok(expected), "{name}");
    }

    #[test]
    fn types_are_read_from_their_names() {
        let text = || Box::new(Layout::Text);
        lies("DateTime64(3, 'UTC')", Layout::Fixed(8));
        lies("Decimal(18, 3)", Layout::Fixed(8));
        lies("Enum8('a, (b' = 1, 'it\\'s' = 2)", Layout::Fixed(1));
        lies("LowCardinality(Nullable(String))", Layout::Dictionary(text()));
        lies(
            "Tuple(a UInt8, `b, c` Array(Nullable(String)), d Enum8('x y' = 1))",
            Layout::Tuple(vec![
                Layout::Fixed(1),
                Layout::Array(Box::new(Layout::Nullable(text()))),
                Layout::Fixed(1),
            ]),
        );
        lies(
            "Map(String, Tuple(Date, FixedString(5)))",
            Layout::Array(Box::new(Layout::Tuple(vec![
                Layout::Text,
                Layout::Tuple(vec![Layout::Fixed(2), Layout::Fixed(5)]),
            ]))),
        );
        lies("SimpleAggregateFunction(sum, Decimal(38, 2))", Layout::Fixed(16));
        lies("Tuple()", Layout::Fixed(1));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let deep = "Array(".repeat(1000) + "UInt8" + &")".repeat(1000);
        let states = "AggregateFunction(avg, UInt64)";
        for name in
            ["", "Dynamic", states, "Array(", "Array()", "Tuple(a)", "QBit(Float32, 3)", &deep]
        {
            assert_eq!(Layout::of(name), Err(Unknown::Layout), "{name}");
        }
    }
}
