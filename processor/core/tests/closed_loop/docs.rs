//! docs/control.md and docs/runbook say what there is: every test that they name exists, every alarm has its page.

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(&path).expect("sources are text"));
        }
    }
}

/// All code that tests which documents name may stand in.
fn code() -> String {
    let mut code = String::new();
    for folder in [
        "processor/core/src",
        "processor/core/tests",
        "processor/instance/tests",
        "processor/src",
        "schemas/src",
        "simulator/device",
    ] {
        sources(&repository().join(folder), &mut code);
    }
    code
}

fn control_page() -> String {
    fs::read_to_string(repository().join("docs/control.md")).expect("docs/control.md")
}

/// What stands between a pair of marks.
fn quoted(text: &str, mark: char) -> Vec<&str> {
    text.split(mark).skip(1).step_by(2).collect()
}

/// Guarantees that a cell names, also as `G1 to G14`.
fn guarantees(cell: &str) -> Vec<u32> {
    let numbers: Vec<u32> = cell
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.strip_prefix('G')?.parse().ok())
        .collect();
    match numbers[..] {
        [first, last] if cell.contains(" to ") => (first..=last).collect(),
        _ => numbers,
    }
}

#[test]
fn every_assumption_says_what_shows_it_and_every_guarantee_has_one() {
    let (code, text) = (code(), control_page());
    let reality =
        fs::read_to_string(repository().join("docs/reality.md")).expect("docs/reality.md");
    let section = text.split("## What the guarantees assume").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .skip(1)
        .map(|line| line.trim_matches('|').split(" | ").collect())
        .collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    let mut named = Vec::new();
    for row in &rows {
        let [assumed, guaranteed, otherwise, shown_by] = row[..] else {
            panic!("four columns: {row:?}");
        };
        named.extend(guarantees(guaranteed));
        let (tests, scenes) = (quoted(shown_by, '`'), quoted(shown_by, '"'));
        assert!(!tests.is_empty() || !scenes.is_empty(), "shown by nothing: {assumed}");
        for test in tests {
            assert!(code.contains(&format!("fn {test}(")), "{assumed}: there is no test {test}");
        }
        for scene in scenes {
            assert!(reality.contains(&format!(" | {scene} | ")), "{assumed}: no scene {scene:?}");
        }
        for alarm in otherwise.split("CTL-").skip(1) {
            let code = format!("CTL-{}", &alarm[..3]);
            assert!(control_core::alarms::CODES.contains(&code.as_str()), "{assumed}: {code}");
        }
    }
    for number in 1..=21 {
        assert!(named.contains(&number), "nothing is said of what G{number} assumes");
    }
}

#[test]
fn every_guarantee_has_its_row_and_every_test_it_names_exists() {
    let (code, text) = (code(), control_page());
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| G")).collect();
    for number in 1..=21 {
        let row = rows.iter().find(|row| row.starts_with(&format!("| G{number} ")));
        let row = row.unwrap_or_else(|| panic!("G{number} has no row"));
        let shown_by = row.split('|').nth(4).expect("five columns");
        let tests: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "G{number} is shown by nothing");
        for test in tests {
            assert!(code.contains(&format!("fn {test}(")), "G{number}: there is no test {test}");
        }
    }
}

#[test]
fn every_alarm_has_its_page() {
    for code in control_core::alarms::CODES {
        let page = repository().join(format!("docs/runbook/{code}.md"));
        let text = fs::read_to_string(page).unwrap_or_else(|_| panic!("{code} has no page"));
        assert!(text.starts_with(&format!("# {code}: ")), "{code}");
    }
    let pages = fs::read_dir(repository().join("docs/runbook")).expect("the runbook").flatten();
    let of_control = pages.filter(|page| page.file_name().to_string_lossy().starts_with("CTL-"));
    assert_eq!(of_control.count(), control_core::alarms::CODES.len());
}
