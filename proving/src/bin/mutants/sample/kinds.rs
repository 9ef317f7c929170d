//! What becomes of an operator, a method, a type's value. Knows nothing of where they stand.

use syn::{BinOp, ReturnType, Type};

pub(crate) const BOUNDARY: &str = "a comparison shifted by its boundary";
pub(crate) const COMPARISON: &str = "a comparison turned round";
pub(crate) const ARITHMETIC: &str = "another arithmetic operator";
pub(crate) const LOGIC: &str = "and for or";
pub(crate) const SIGN: &str = "a negation left out";
pub(crate) const NUMBER: &str = "a number off by one";
pub(crate) const TRUTH: &str = "true for false";
pub(crate) const METHOD: &str = "another method";
pub(crate) const BOUND: &str = "a bound left out";
pub(crate) const CONDITION: &str = "a condition that always holds or never";
pub(crate) const STATEMENT: &str = "a statement left out";
pub(crate) const FUNCTION: &str = "a function that returns at once";
pub(crate) const NOTHING: &str = "nothing for something";

/// Operators that could stand there instead.
pub(crate) fn instead_of(operator: &BinOp) -> &'static [(&'static str, &'static str)] {
    match operator {
        BinOp::Lt(_) => &[(BOUNDARY, "<="), (COMPARISON, ">=")],
        BinOp::Le(_) => &[(BOUNDARY, "<"), (COMPARISON, ">")],
        BinOp::Gt(_) => &[(BOUNDARY, ">="), (COMPARISON, "<=")],
        BinOp::Ge(_) => &[(BOUNDARY, ">"), (COMPARISON, "<")],
        BinOp::Eq(_) => &[(COMPARISON, "!=")],
        BinOp::Ne(_) => &[(COMPARISON, "==")],
        BinOp::And(_) => &[(LOGIC, "||")],
        BinOp::Or(_) => &[(LOGIC, "&&")],
        BinOp::Add(_) => &[(ARITHMETIC, "-")],
        BinOp::Sub(_) => &[(ARITHMETIC, "+")],
        BinOp::Mul(_) => &[(ARITHMETIC, "/")],
        BinOp::Div(_) => &[(ARITHMETIC, "*")],
        BinOp::Rem(_) => &[(ARITHMETIC, "/")],
        BinOp::AddAssign(_) => &[(ARITHMETIC, "-=")],
        BinOp::SubAssign(_) => &[(ARITHMETIC, "+=")],
        BinOp::MulAssign(_) => &[(ARITHMETIC, "/=")],
        BinOp::DivAssign(_) => &[(ARITHMETIC, "*=")],
        BinOp::BitAnd(_) => &[(LOGIC, "|")],
        BinOp::BitOr(_) => &[(LOGIC, "&")],
        BinOp::BitAndAssign(_) => &[(LOGIC, "|=")],
        BinOp::BitOrAssign(_) => &[(LOGIC, "&=")],
        BinOp::BitXor(_) => &[(ARITHMETIC, "|")],
        BinOp::Shl(_) => &[(ARITHMETIC, ">>")],
        BinOp::Shr(_) => &[(ARITHMETIC, "<<")],
        _ => &[],
    }
}

/// Whether it changes what stands on its left.
pub(crate) fn is_assignment(operator: &BinOp) -> bool {
    instead_of(operator).iter().any(|(_, other)| other.len() == 2 && other.ends_with('='))
        && !is_comparison(operator)
}

fn is_comparison(operator: &BinOp) -> bool {
    instead_of(operator).iter().any(|(kind, _)| *kind == COMPARISON)
}

/// Methods that are taken for each other.
const PAIRS: [(&str, &str); 21] = [
    ("min", "max"),
    ("min_by", "max_by"),
    ("min_by_key", "max_by_key"),
    ("saturating_add", "saturating_sub"),
    ("checked_add", "checked_sub"),
    ("wrapping_add", "wrapping_sub"),
    ("saturating_mul", "saturating_div"),
    ("any", "all"),
    ("first", "last"),
    ("first_mut", "last_mut"),
    ("is_some", "is_none"),
    ("is_some_and", "is_none_or"),
    ("is_le", "is_lt"),
    ("is_ge", "is_gt"),
    ("next", "last"),
    ("pop_first", "pop_last"),
    ("take_while", "skip_while"),
    ("push_front", "push_back"),
    ("div_euclid", "rem_euclid"),
    ("take", "skip"),
    ("is_ok", "is_err"),
];

/// A method that could be called instead.
pub(crate) fn other_method(name: &str) -> Option<&'static str> {
    PAIRS.iter().find_map(|&(one, other)| match name {
        _ if name == one => Some(other),
        _ if name == other => Some(one),
        _ => None,
    })
}

/// Methods that keep a value within something: without the call it is the value itself.
pub(crate) const BOUNDS: [&str; 10] = [
    "min",
    "max",
    "clamp",
    "abs",
    "rev",
    "unsigned_abs",
    "filter",
    "plus_ms",
    "saturating_sub",
    "import_part",
];

/// Methods that ask a condition of each value.
pub(crate) const ASKS: [&str; 12] = [
    "filter",
    "any",
    "all",
    "is_some_and",
    "is_none_or",
    "take_while",
    "skip_while",
    "retain",
    "find",
    "position",
    "partition",
    "next_if",
];

/// What a function that returns such a value could return at once.
pub(crate) fn at_once(returns: &ReturnType) -> &'static [&'static str] {
    let ReturnType::Type(_, returns) = returns else { return &[""] };
    match returns.as_ref() {
        Type::Path(path) => {
            let name = path.path.segments.last().map(|segment| segment.ident.to_string());
            match name.unwrap_or_default().as_str() {
                "bool" => &["true", "false"],
                "i64" | "u64" | "i32" | "u32" | "usize" | "u128" | "i128" | "u8" => &["0", "1"],
                "Option" => &["None"],
                "Vec" => &["Vec::new()"],
                "Self" => &[],
                _ => &["Default::default()"],
            }
        }
        Type::Tuple(_) => &["Default::default()"],
        _ => &[],
    }
}
