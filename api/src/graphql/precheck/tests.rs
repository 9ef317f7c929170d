//! What the check lets through and what it does not, that it never fails by itself, and that its work is linear.

use async_graphql::Variables;
use proptest::prelude::*;

use super::*;
use crate::caps::{QUERY_NESTING_MAX, QUERY_TOKENS_MAX};

fn judge(query: &str) -> Result<Measure, String> {
    let mut measured = Measure::default();
    let outcome = measure(&mut Request::new(query), &mut measured);
    outcome.map(|()| measured).map_err(|error| error.message)
}

#[track_caller]
fn refuses(query: &str, words: &str) {
    let message = judge(query).expect_err("it is refused");
    assert!(message.contains(words), "{message}");
}

/// Fragments that each spread the next one twice: 2 to the power of `levels` fields.
fn doubling(levels: usize) -> String {
    let mut query = "{ ...f0 }".to_owned();
    for level in 0..levels {
        query += &format!(" fragment f{level} on Query {{ ...f{0} ...f{0} }}", level + 1);
    }
    query + &format!(" fragment f{levels} on Query {{ me {{ name }} }}")
}

#[test]
fn what_explodes_or_overflows_is_refused_with_what_is_accepted() {
    refuses(&"{".repeat(100_000), "bytes: at most");
    refuses(&"[".repeat(30_000), "nested too deep in its brackets: at most 32");
    refuses(&format!("{{ a(x: {}) }}", "[".repeat(9) + &"]".repeat(9)), "deep in its values");
    refuses(&format!("{{ a(x: {}) }}", "{y:".repeat(12) + "1" + &"}".repeat(12)), "in its values");
    refuses(&format!("query($v: {}Int{}) {{ a }}", "[".repeat(40), "]".repeat(40)), "too deep");
    refuses(&"a ".repeat(5_000), "too many tokens");
    refuses(&format!("{{ {} }}", "a".repeat(200)), "name that is too long");
    let aliases: String = (0..65).map(|n| format!("a{n}: me {{ name }} ")).collect();
    refuses(&format!("{{ {aliases} }}"), "too many aliases: at most 64");
    refuses(&format!("{{ me {} {{ name }} }}", "@skip(if: true) ".repeat(65)), "directives");
    refuses(&format!("{{ {} }} fragment f on Q {{ a }}", "...f ".repeat(201)), "fragment spreads");
    let operations: String = (0..17).map(|n| format!("query q{n} {{ a }} ")).collect();
    refuses(&operations, "operations");
    let fragments: String = (0..65).map(|n| format!("fragment f{n} on Q {{ a }} ")).collect();
    refuses(&format!("{{ a }} {fragments}"), "fragments");
    refuses(&doubling(50), "fields once its fragments are spread");
    refuses("{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }", "spreads itself");
    refuses("{ a } fragment f on Query { ...f }", "spreads itself");
    refuses("{ me", "expected");
}

#[test]
fn variables_are_small_and_flat() {
    let judge = |variables: serde_json::Value| {
        let mut request = Request::new("{ a }").variables(Variables::from_json(variables));
        check(&mut request).map_err(|error| error.message)
    };
    let nested = |levels: usize| {
        (0..levels).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]))
    };
    assert_eq!(judge(serde_json::json!({"input": {"feederId": "f1", "limitKw": 1}})), Ok(()));
    assert_eq!(judge(serde_json::json!({"v": nested(7)})), Ok(()));
    assert!(judge(serde_json::json!({"v": nested(8)})).is_err_and(|words| words.contains("deep")));
    let many = serde_json::json!({"v": vec![1; 1_000]});
    assert!(judge(many).is_err_and(|words| words.contains("values of variables")));
    let long = serde_json::json!({"v": "x".repeat(20_000)});
    assert!(judge(long).is_err_and(|words| words.contains("bytes of variables")));
}

#[test]
fn what_clients_ask_for_is_let_through() {
    let introspection = include_str!("introspection.graphql");
    judge(introspection).expect("the standard introspection query");
    judge(&doubling(6)).expect("a few fields, spread");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../frontend/src/features");
    let mut texts = String::new();
    for feature in std::fs::read_dir(folder).expect("the dashboard's sources") {
        let queries = feature.expect("an entry").path().join("queries.ts");
        texts += &std::fs::read_to_string(queries).unwrap_or_default();
    }
    let texts = texts.split("graphql(`").skip(1);
    let documents = texts.filter_map(|text| Some(text.split_once('`')?.0));
    let (fragments, operations): (Vec<_>, Vec<_>) =
        documents.partition(|document| document.trim_start().starts_with("fragment"));
    // A document is sent with the fragments that it names; here with all there are.
    let fragments = fragments.concat();
    for operation in &operations {
        judge(&format!("{operation}{fragments}"))
            .unwrap_or_else(|error| panic!("{error}: {operation}"));
    }
    assert!(operations.len() > 5, "{operations:?}");
}

/// Text that closes brackets which are none, at a place where the parser takes it for a comment or a string.
fn decoy() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "#}}}]]]))) \" \"\"\"\n",
        "(s: \"}}}]]])))#\")",
        "(s: \"\\\"}}}\\\\\")",
        "(s: \"\"\"}}} \\\"\"\" ]]] \" \"\" \n # }}}\"\"\")",
        "(s: \"\")",
        "(s: \"\"\"\"\"\")",
        "(s: \"\" t: \"{{{[[[(((\")",
        ",\t\u{feff}",
    ])
}

/// A selection that is nested as deep as there are decoys.
fn nested() -> impl Strategy<Value = (usize, String)> {
    prop::collection::vec(decoy(), 1..60).prop_map(|decoys| {
        let depth = decoys.len();
        let text: String = decoys.iter().map(|decoy| format!("{{ a{decoy} ")).collect();
        let text = format!("{}{{ b }}{}", text, "}".repeat(depth));
        (depth + 1, text)
    })
}

/// A document of fragments that spread each other in any way, cycles among them.
fn fragments() -> impl Strategy<Value = String> {
    let selection = prop_oneof![
        (0..30_usize).prop_map(|n| format!("...f{n}")),
        Just("a(x: [1, {y: \"z\"}]) @d { b c }".to_owned()),
        Just("x: a".to_owned()),
        Just("... on Q { a { b } }".to_owned()),
    ];
    let set = prop::collection::vec(selection, 1..8).prop_map(|items| items.join(" "));
    prop::collection::vec(set, 1..30).prop_map(|sets| {
        let mut text = format!("{{ {} }}", sets[0]);
        for (n, set) in sets.iter().enumerate() {
            text += &format!(" fragment f{n} on Q {{ {set} }}");
        }
        text
    })
}

proptest! {
    #[test]
    fn nesting_is_seen_as_the_parser_sees_it((depth, text) in nested()) {
        let outcome = text::scan(&text);
        prop_assert_eq!(outcome.is_ok(), depth <= QUERY_NESTING_MAX, "{} {:?}", depth, outcome);
        if outcome.is_ok() {
            prop_assert!(async_graphql::parser::parse_query(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn the_work_is_linear_in_the_tokens(text in fragments()) {
        let mut measured = Measure::default();
        let _judged = measure(&mut Request::new(&text), &mut measured).is_ok();
        prop_assert!(measured.tokens <= QUERY_TOKENS_MAX);
        prop_assert!(measured.steps <= 3 * measured.tokens, "{measured:?}: {text}");
    }

    #[test]
    fn doubling_costs_no_more_than_its_text(levels in 1..60_usize) {
        let text = doubling(levels);
        let mut measured = Measure::default();
        let outcome = measure(&mut Request::new(&text), &mut measured);
        prop_assert_eq!(outcome.is_ok(), levels < 8, "{:?}", outcome);
        prop_assert!(measured.steps <= 3 * measured.tokens, "{measured:?}");
    }

    #[test]
    fn no_text_makes_it_fail(text in "\\PC*|[{}()\\[\\]\"\\\\#.@$:a \n]*") {
        let _judged = check(&mut Request::new(text)).is_ok();
    }
}
