//! The shape of a parsed document: how many of each thing there are, and how large it is once every fragment stands
//! wherever it is spread. Each node is looked at once; sizes of fragments are added up, never walked again.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::Excess;
use crate::caps::{
    QUERY_ALIASES_MAX, QUERY_DIRECTIVES_IN_ALL_MAX, QUERY_EXPANDED_MAX, QUERY_FRAGMENTS_MAX,
    QUERY_OPERATIONS_MAX, QUERY_SPREADS_MAX, QUERY_VALUE_DEPTH_MAX, QUERY_VARIABLES_MAX,
};

/// Counts; `steps` rises by the nodes that were looked at.
///
/// # Errors
/// The first bound that is passed.
pub(super) fn walk(document: &ExecutableDocument, steps: &mut usize) -> Result<(), Excess> {
    most("operations", document.operations.iter().count(), QUERY_OPERATIONS_MAX)?;
    most("fragments", document.fragments.len(), QUERY_FRAGMENTS_MAX)?;
    let mut count = Count { steps, aliases: 0, directives: 0, spreads: 0 };
    let mut operations = Vec::new();
    for (_, operation) in document.operations.iter() {
        operations.push(count.operation(&operation.node)?);
    }
    let mut fragments = HashMap::new();
    for (name, fragment) in &document.fragments {
        count.directives(&fragment.node.directives)?;
        fragments.insert(name, count.selections(&fragment.node.selection_set)?);
    }
    let mut sizes = Sizes { fragments: &fragments, known: HashMap::new(), steps };
    let mut whole: usize = 0;
    for part in operations.iter().chain(fragments.values()) {
        whole = whole.saturating_add(sizes.spread_out(part)?);
        most("fields once its fragments are spread", whole, QUERY_EXPANDED_MAX)?;
    }
    Ok(())
}

fn most(what: &'static str, there: usize, most: usize) -> Result<(), Excess> {
    if there > most { Err(Excess::TooMany { what, most }) } else { Ok(()) }
}

/// Selections of a set by themselves, and the fragments that are spread in it.
#[derive(Debug, Default)]
struct Part<'d> {
    own: usize,
    spreads: Vec<&'d Name>,
}

struct Count<'s> {
    steps: &'s mut usize,
    aliases: usize,
    directives: usize,
    spreads: usize,
}

impl Count<'_> {
    fn operation<'d>(&mut self, operation: &'d OperationDefinition) -> Result<Part<'d>, Excess> {
        most("variables", operation.variable_definitions.len(), QUERY_VARIABLES_MAX)?;
        for definition in &operation.variable_definitions {
            self.directives(&definition.node.directives)?;
            if let Some(value) = &definition.node.default_value {
                self.value(&value.node.clone().into_value(), 1)?;
            }
        }
        self.directives(&operation.directives)?;
        self.selections(&operation.selection_set)
    }

    /// The nesting of selections is bounded by the text's.
    fn selections<'d>(&mut self, set: &'d Positioned<SelectionSet>) -> Result<Part<'d>, Excess> {
        let mut part = Part::default();
        let mut open = vec![&set.node];
        while let Some(set) = open.pop() {
            for selection in &set.items {
                *self.steps += 1;
                part.own += 1;
                match &selection.node {
                    Selection::Field(field) => {
                        self.aliases += usize::from(field.node.alias.is_some());
                        most("aliases", self.aliases, QUERY_ALIASES_MAX)?;
                        self.directives(&field.node.directives)?;
                        for (_, value) in &field.node.arguments {
                            self.value(&value.node, 1)?;
                        }
                        open.push(&field.node.selection_set.node);
                    }
                    Selection::InlineFragment(inline) => {
                        self.directives(&inline.node.directives)?;
                        open.push(&inline.node.selection_set.node);
                    }
                    Selection::FragmentSpread(spread) => {
                        self.spreads += 1;
                        most("fragment spreads", self.spreads, QUERY_SPREADS_MAX)?;
                        self.directives(&spread.node.directives)?;
                        part.spreads.push(&spread.node.fragment_name.node);
                    }
                }
            }
        }
        Ok(part)
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) -> Result<(), Excess> {
        self.directives += directives.len();
        most("directives", self.directives, QUERY_DIRECTIVES_IN_ALL_MAX)?;
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                self.value(&value.node, 1)?;
            }
        }
        Ok(())
    }

    /// Recursion no deeper than its own bound.
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Excess> {
        *self.steps += 1;
        if depth > QUERY_VALUE_DEPTH_MAX {
            return Err(Excess::TooDeep { what: "values", most: QUERY_VALUE_DEPTH_MAX });
        }
        match value {
            Value::List(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            Value::Object(fields) => {
                fields.values().try_for_each(|field| self.value(field, depth + 1))
            }
            _ => Ok(()),
        }
    }
}

/// Sizes of fragments with all that they spread, each reckoned once.
struct Sizes<'d, 's> {
    fragments: &'d HashMap<&'d Name, Part<'d>>,
    /// None while it is being reckoned: whoever comes by then has gone in a circle.
    known: HashMap<&'d Name, Option<usize>>,
    steps: &'s mut usize,
}

impl<'d> Sizes<'d, '_> {
    fn spread_out(&mut self, part: &Part<'d>) -> Result<usize, Excess> {
        let mut size = part.own;
        for name in &part.spreads {
            *self.steps += 1;
            size = size.saturating_add(self.of(name)?);
        }
        Ok(size)
    }

    /// Recursion no deeper than there are fragments, whose number is bounded.
    fn of(&mut self, name: &'d Name) -> Result<usize, Excess> {
        match self.known.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(Excess::Cycle),
            None => {}
        }
        // One that is not there is validation's to name.
        let Some(part) = self.fragments.get(name) else { return Ok(0) };
        self.known.insert(name, None);
        let size = self.spread_out(part)?;
        self.known.insert(name, Some(size));
        Ok(size)
    }
}
