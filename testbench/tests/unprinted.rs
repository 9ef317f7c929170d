//! What opens something is never printed: no struct that derives Debug has such a field as a plain text. The secret type, or
//! a Debug of its own, keeps it in.

use std::fs;
use std::path::{Path, PathBuf};

/// What the names of such fields end with.
const NAMES: &[&str] =
    &["password", "secret", "token", "verifier", "nonce", "private_key", "server_key"];
/// Types that print what they hold.
const PLAIN: &[&str] = &["String", "str", "Vec<u8>", "Bytes", "[u8"];
/// Tests, their tools and what simulates a world hold no real ones.
const APART: &[&str] = &["target", "tests", "testbench", "proving", "node_modules"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !APART.contains(&name) && !name.starts_with('.') {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// The fields of structs that derive Debug which would be printed and must not be.
fn printed(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut derives, mut within) = (false, false);
    let lines = source.lines().map(str::trim);
    for line in lines.filter(|line| !line.starts_with("//")) {
        if line.starts_with("#[derive(") {
            derives = line.contains("Debug");
        } else if line.contains("struct ") || line.contains("enum ") {
            within = derives && line.contains("struct ") && line.ends_with('{');
            derives = false;
        } else if line == "}" {
            within = false;
        } else if within && let Some((name, kind)) = line.split_once(": ") {
            let opens = NAMES.iter().any(|ending| name.ends_with(ending));
            let is_plain = PLAIN.iter().any(|plain| kind.contains(plain));
            if opens && is_plain && !kind.contains("SecretString") {
                found.push(line.to_owned());
            }
        }
    }
    found
}

#[test]
fn nothing_that_opens_something_is_printed_by_a_derived_debug() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 300, "only {} files", files.len());
    let all: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let source = fs::read_to_string(file).expect("a source");
            let printed = printed(&source).into_iter();
            printed.map(|line| format!("{}: {line}", file.display())).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(all, Vec::<String>::new());
}

#[test]
fn a_plain_password_is_found_and_a_kept_one_is_not() {
    let of = |derive: &str, kind: &str| {
        let source = format!(
            "#[derive({derive})]\npub struct Login {{\n    /// The password: plain\n    pub password: {kind},\n}}\n"
        );
        printed(&source).len()
    };
    assert_eq!(of("Debug, Clone", "Option<String>"), 1);
    assert_eq!(of("Debug, Clone", "Option<SecretString>"), 0);
    assert_eq!(of("Clone", "String"), 0);
}
