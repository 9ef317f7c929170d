//! What the documents cite is there: every path of the project that they name, every link between them, and every setting.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use service_kit::settings::Setting;

/// Pages, and folders of pages.
const PAGES: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "SECURITY.md", "frontend/README.md", "docs"];
/// Folders that nobody wrote.
const MADE: [&str; 5] = ["target", "node_modules", "dist", ".git", "images"];

/// Words of others: error codes of Kafka, a rule of schema registries.
const OTHERS: [&str; 3] = ["CORRUPT_MESSAGE", "KAFKA_STORAGE_ERROR", "BACKWARD_TRANSITIVE"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files under a place, those made by programs aside.
fn files(place: &Path, all: &mut Vec<PathBuf>) {
    if place.is_file() {
        return all.push(place.to_owned());
    }
    let entries =
        fs::read_dir(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    for entry in entries {
        let entry = entry.expect("an entry");
        if MADE.iter().all(|made| entry.file_name() != *made) {
            files(&entry.path(), all);
        }
    }
}

fn pages() -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    PAGES.iter().for_each(|page| files(&root().join(page), &mut all));
    all.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(all.len() > 20, "{} pages", all.len());
    all.into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a text");
            (path, text)
        })
        .collect()
}

/// Words in backticks on one line, outside of blocks of code.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    let lines = text.lines().filter(move |line| {
        in_block ^= line.trim_start().starts_with("```");
        !in_block
    });
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_path_that_a_page_names_is_there() {
    let folders: BTreeSet<String> = fs::read_dir(root())
        .expect("the project")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| MADE.iter().all(|made| made != name))
        .collect();
    let (mut found, mut missing) = (0, Vec::new());
    for (page, text) in pages() {
        for word in cited(&text) {
            let is_path = word.split_once('/').is_some_and(|(first, _)| folders.contains(first))
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && root().join(word).exists() {
                found += 1;
            } else if is_path {
                missing.push(format!("{}: {word}", page.display()));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
    assert!(found > 80, "{found} paths are named");
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let (mut found, mut missing) = (0, Vec::new());
    for (page, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains(':') || target.starts_with('/') {
                continue;
            }
            let folder = page.parent().expect("a page is in a folder");
            if folder.join(target).exists() {
                found += 1;
            } else {
                missing.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
    assert!(found > 20, "{found} links");
}

fn is_constant(word: &str) -> bool {
    word.contains('_')
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// A setting of the catalogue, or a word that the code, its scripts or its deployment use.
#[test]
fn every_setting_that_a_page_names_exists() {
    let mut sources = Vec::new();
    for folder in fs::read_dir(root()).expect("the project") {
        let path = folder.expect("an entry").path();
        if !path.ends_with("docs") && MADE.iter().all(|made| !path.ends_with(made)) {
            files(&path, &mut sources);
        }
    }
    sources.retain(|path| path.extension().is_none_or(|extension| extension != "md"));
    let code: String = sources.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let (mut settings, mut unknown) = (0, Vec::new());
    for (page, text) in pages() {
        for word in cited(&text).map(|word| word.split('=').next().unwrap_or_default()) {
            if !is_constant(word) || OTHERS.contains(&word) {
                continue;
            }
            if Setting::find(word).is_some() {
                settings += 1;
            } else if !code.contains(word) {
                unknown.push(format!("{}: {word}", page.display()));
            }
        }
    }
    assert_eq!(unknown, [""; 0]);
    assert!(settings > 60, "{settings} settings are named");
}
