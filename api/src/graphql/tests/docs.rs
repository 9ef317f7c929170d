//! What docs/api.md shows can be asked: each example is understood and allowed; whether there is such a feeder is another
//! matter.

use super::*;

const PAGE: &str = include_str!("../../../../docs/api.md");

/// The queries and mutations of the page, with something in the place of each "…".
fn examples() -> Vec<String> {
    let between = |rest: &str| rest.split('\'').next().unwrap_or_default().to_owned();
    let mut examples: Vec<String> = PAGE.split("ask '").skip(1).map(between).collect();
    for example in &mut examples {
        for name in ["from", "to", "at", "start", "end"] {
            *example = example
                .replace(&format!("{name}: \"…\""), &format!("{name}: \"2027-01-15T08:00:00Z\""));
        }
        *example = example.replace('…', "0190a5b0-0000-7000-8000-000000000001");
    }
    examples
}

#[tokio::test]
async fn every_example_of_the_page_is_understood() {
    let examples = examples();
    assert!(examples.len() > 15, "{examples:?}");
    let world = world();
    for example in examples {
        let request = Request::new(&example).data(user(Role::Admin));
        for error in world.schema.execute(request).await.errors {
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
            let found = code.is_some_and(|code| *code != GraphqlValue::from("FORBIDDEN"));
            assert!(found, "{example}: {}", error.message);
        }
    }
}
