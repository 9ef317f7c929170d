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

#[test]
fn every_guarantee_has_its_row_and_every_test_it_names_exists() {
    let mut code = String::new();
    for folder in [
        "processor/core/src",
        "processor/core/tests",
        "processor/tests",
        "processor/src",
        "schemas/src",
        "simulator/device",
    ] {
        sources(&repository().join(folder), &mut code);
    }
    let text = fs::read_to_string(repository().join("docs/control.md")).expect("docs/control.md");
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
