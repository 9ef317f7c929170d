//! GraphQL documents and requests from chance: right ones, ones that explode or nest without end, and broken ones. Knows
//! nothing of how they are sent.

use serde_json::{Value, json};

use crate::faults::chance::Chance;

/// Fields that the schema has, and some that it has not.
const FIELDS: &[&str] = &[
    "me { name }",
    "health { status }",
    "feeders { id loadKw children { id } }",
    "devices(first: 500) { totalCount edges { cursor node { id powerKw } } }",
    "device(id: \"a\") { id telemetry(from: \"2026-01-01T00:00:00Z\", to: \"2026-01-02T00:00:00Z\", maxPoints: 5000) { at } }",
    "trackingError(windowMinutes: 1440) { deviceId }",
    "events(includePast: true) { id }",
    "__schema { types { name fields { name type { name } } } }",
    "nothin",
    "__typename",
];
/// Repetitions of what grows.
const MANY: u64 = 3_000;
/// What is put into a text at random.
const NOISE: &[&str] =
    &["{", "}", "[", "]", "(", "\"", "\"\"\"", "\\", "#", "...", "@", "$", "\0", "é", "\u{feff}"];

/// A document.
pub(super) fn document(chance: &mut Chance) -> String {
    let many = count(chance, 1, MANY);
    let field = *chance.one_of(FIELDS).unwrap_or(&"me { name }");
    match chance.between(0, 13) {
        0 | 1 => format!("{{ {field} }}"),
        2 => format!("{{ {} }}", (0..many).map(|n| format!("a{n}: {field} ")).collect::<String>()),
        3 => format!("{{ {} }}", format!("{field} ").repeat(many)),
        4 => spreading(chance),
        5 => format!("{}{}", "{ feeders ".repeat(many), "}".repeat(many)),
        6 => format!("{{ feeder(id: {}1{}) {{ id }} }}", "[".repeat(many), "]".repeat(many)),
        7 => format!("{{ feeder(id: {}1{}) {{ id }} }}", "{a:".repeat(many), "}".repeat(many)),
        8 => format!("query({}) {{ me {{ name }} }}", "$v: [[Int]] = [[1]] ".repeat(many)),
        9 => format!("{{ me {} {{ name }} }}", "@include(if: true) ".repeat(many)),
        10 => format!("{{ {}{field}{} }}", "... { ".repeat(many), "}".repeat(many)),
        11 => format!(
            "mutation {{ createEvent(input: {{ feederId: \"x\", limitKw: {many}e{many} }}) {{ id }} }}"
        ),
        12 => format!("subscription {{ {} }}", "deviceUpdated { id } ".repeat(many.min(50))),
        _ => noisy(chance, format!("{{ {field} }}")),
    }
}

/// Fragments that spread each other, in circles too.
fn spreading(chance: &mut Chance) -> String {
    let count = chance.between(1, 60);
    let mut text = "{ ...f0 }".to_owned();
    for n in 0..count {
        let body: String = (0..chance.between(1, 4))
            .map(|_| {
                let any = chance.between(0, count);
                format!("...f{} ", if any.is_multiple_of(2) { any } else { n + 1 })
            })
            .collect();
        text += &format!(" fragment f{n} on Query {{ me {{ name }} {body} }}");
    }
    text
}

/// The text with a few of its places broken.
pub(super) fn noisy(chance: &mut Chance, mut text: String) -> String {
    for _ in 0..chance.between(1, 6) {
        let most = u64::try_from(text.len()).unwrap_or(0);
        let mut at = count(chance, 0, most);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let noise = *chance.one_of(NOISE).unwrap_or(&"{");
        text.insert_str(at, &noise.repeat(count(chance, 1, 40)));
    }
    text
}

/// The body of a request: mostly JSON.
pub(super) fn request(chance: &mut Chance) -> String {
    let many = count(chance, 1, MANY);
    let query = document(chance);
    let body = match chance.between(0, 7) {
        0..=3 => json!({"query": query}),
        4 => json!({"query": query, "operationName": "x".repeat(many)}),
        5 => json!({"query": query, "variables": {"v": vec![json!({"a": [1, null, "x"]}); many]}}),
        6 => Value::from(vec![json!({"query": query}); many.min(50)]),
        _ => {
            let nested = format!("{}1{}", "[".repeat(many * 10), "]".repeat(many * 10));
            let query = json!(query);
            return format!("{{\"query\": {query}, \"variables\": {{\"v\": {nested}}}}}");
        }
    };
    let text = body.to_string();
    if chance.between(0, 9) == 0 { noisy(chance, text) } else { text }
}

/// A number of things.
pub(super) fn count(chance: &mut Chance, low: u64, high: u64) -> usize {
    usize::try_from(chance.between(low, high)).unwrap_or(0)
}
