//! The text of a document: its tokens and its nesting, without building anything from it.

use super::Excess;
use crate::caps::{QUERY_BYTES_MAX, QUERY_NAME_LEN_MAX, QUERY_NESTING_MAX, QUERY_TOKENS_MAX};

/// Counts the tokens; one pass, one byte at a time, in constant memory.
///
/// # Errors
/// When there are too many bytes, tokens or open brackets, or a name is too long.
pub(super) fn scan(text: &str) -> Result<usize, Excess> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(Excess::TooMany { what: "bytes", most: QUERY_BYTES_MAX });
    }
    let mut rest = text.as_bytes();
    let (mut tokens, mut depth) = (0_usize, 0_usize);
    while let Some((&byte, after)) = rest.split_first() {
        let len = match byte {
            b' ' | b',' | b'\t' | b'\r' | b'\n' => {
                rest = after;
                continue;
            }
            b'#' => {
                let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                rest = end.map_or(&[][..], |end| &rest[end..]);
                continue;
            }
            b'"' => string_len(rest),
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > QUERY_NESTING_MAX {
                    return Err(Excess::TooDeep { what: "brackets", most: QUERY_NESTING_MAX });
                }
                1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ if is_word(byte) => word_len(rest)?,
            _ => 1,
        };
        tokens += 1;
        if tokens > QUERY_TOKENS_MAX {
            return Err(Excess::TooMany { what: "tokens", most: QUERY_TOKENS_MAX });
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(tokens)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_len(rest: &[u8]) -> Result<usize, Excess> {
    let len = rest.iter().take_while(|byte| is_word(**byte)).count();
    if len > QUERY_NAME_LEN_MAX {
        return Err(Excess::LongName(QUERY_NAME_LEN_MAX));
    }
    Ok(len)
}

/// Bytes of the string at the start. One that does not end is no string to the parser either, and stops it: what follows
/// is counted as if it were code, which never hides a bracket from the count that the parser would go into.
fn string_len(rest: &[u8]) -> usize {
    if let Some(inner) = rest.strip_prefix(b"\"\"\"") {
        return block_len(inner).map_or(1, |len| 3 + len + 3);
    }
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            b'\r' | b'\n' => return 1,
            _ => at += 1,
        }
    }
    1
}

/// Bytes inside a block string, up to the quotes that end it.
fn block_len(inner: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = inner.get(at..)?;
        if rest.starts_with(b"\"\"\"") {
            return Some(at);
        }
        at += if rest.starts_with(b"\\\"\"\"") { 4 } else { 1 };
        if rest.is_empty() {
            return None;
        }
    }
}
