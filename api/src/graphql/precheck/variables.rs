//! The variables of a request. Each use of a variable copies its value, so they are small and flat.

use async_graphql::{Value, Variables};

use super::Excess;
use crate::caps::{QUERY_VALUE_DEPTH_MAX, VARIABLE_BYTES_MAX, VARIABLE_NODES_MAX};

/// Counts values and bytes of text, in the order in which they stand, until there are too many.
///
/// # Errors
/// When they are nested too deep, too many or too long.
pub(super) fn walk(variables: &Variables, steps: &mut usize) -> Result<(), Excess> {
    let mut count = Count::default();
    let outcome = variables.iter().try_for_each(|(name, value)| {
        count.bytes(name.len())?;
        count.value(value, 1)
    });
    *steps += count.values;
    outcome
}

#[derive(Default)]
struct Count {
    values: usize,
    bytes: usize,
}

impl Count {
    fn bytes(&mut self, more: usize) -> Result<(), Excess> {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > VARIABLE_BYTES_MAX {
            return Err(Excess::TooMany { what: "bytes of variables", most: VARIABLE_BYTES_MAX });
        }
        Ok(())
    }

    /// Recursion no deeper than its own bound; the JSON reader has one too.
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Excess> {
        self.values += 1;
        if self.values > VARIABLE_NODES_MAX {
            return Err(Excess::TooMany { what: "values of variables", most: VARIABLE_NODES_MAX });
        }
        if depth > QUERY_VALUE_DEPTH_MAX {
            return Err(Excess::TooDeep { what: "variables", most: QUERY_VALUE_DEPTH_MAX });
        }
        match value {
            Value::String(text) => self.bytes(text.len()),
            Value::List(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
                self.bytes(name.len())?;
                self.value(field, depth + 1)
            }),
            _ => Ok(()),
        }
    }
}
