//! What is served against the committed SDL: same names, same types, same arguments, same defaults.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql_parser::parse_schema;
use async_graphql_parser::types::{TypeKind, TypeSystemDefinition};

use super::world;

/// What comes with every schema.
const BUILT_IN: &[&str] = &["Boolean", "Float", "ID", "Int", "String", "DateTime"];

type Shape = BTreeMap<String, BTreeMap<String, String>>;

/// Each type's members: fields as `name(arguments): type`, input fields with their defaults, enum values.
fn shape(sdl: &str) -> Shape {
    let document = parse_schema(sdl).expect("an SDL that parses");
    let mut types = Shape::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let name = definition.name.node.to_string();
        let members = match definition.kind {
            TypeKind::Object(object) => object
                .fields
                .into_iter()
                .map(|field| {
                    let field = field.node;
                    let mut arguments: Vec<String> =
                        field.arguments.iter().map(|argument| input(&argument.node)).collect();
                    arguments.sort();
                    let kind = format!("({}): {}", arguments.join(", "), field.ty.node);
                    (field.name.node.to_string(), kind)
                })
                .collect(),
            TypeKind::InputObject(object) => object
                .fields
                .into_iter()
                .map(|field| (field.node.name.node.to_string(), input(&field.node)))
                .collect(),
            TypeKind::Enum(values) => values
                .values
                .into_iter()
                .map(|value| (value.node.value.node.to_string(), String::new()))
                .collect(),
            TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) => BTreeMap::new(),
        };
        types.insert(name, members);
    }
    for built_in in BUILT_IN {
        types.remove(*built_in);
    }
    types
}

fn input(value: &async_graphql_parser::types::InputValueDefinition) -> String {
    let default = value
        .default_value
        .as_ref()
        // 0 and 0.0 are one number.
        .map_or_else(String::new, |default| {
            let text = default.node.to_string();
            format!(" = {}", text.strip_suffix(".0").unwrap_or(&text))
        });
    format!("{}: {}{default}", value.name.node, value.ty.node)
}

/// The names of all fields of the roots.
pub(super) fn root_fields(sdl: &str) -> BTreeSet<String> {
    let types = shape(sdl);
    ["Query", "Mutation", "Subscription"]
        .iter()
        .flat_map(|root| types[*root].keys().cloned())
        .collect()
}

#[test]
fn what_is_served_is_the_committed_sdl() {
    let committed = shape(schemas::graphql::SDL);
    let served = shape(&world().schema.sdl());
    let names = |types: &Shape| types.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&served), names(&committed));
    for (name, members) in &committed {
        assert_eq!(&served[name], members, "{name}");
    }
}

#[test]
fn a_changed_type_argument_or_default_would_be_noticed() {
    let before = shape("type Query { a(x: Int = 1): Int! }");
    for after in [
        "type Query { a(x: Int = 1): Int }",
        "type Query { a(x: Int = 2): Int! }",
        "type Query { a(x: Int! = 1): Int! }",
        "type Query { a: Int! }",
        "type Query { b(x: Int = 1): Int! }",
    ] {
        assert_ne!(before, shape(after), "{after}");
    }
}
