//! Breaks the core on purpose, one fault at a time, in a copy, and says which test noticed. A fault that nobody notices is a hole in
//! the tests; a fault whose text is no longer found is an error in the list (`proving/mutants.toml`).
#![expect(clippy::print_stdout, reason = "the words of a command line tool")]

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// Longest time that the tests of one fault may take; a fault that makes them hang is noticed by that.
const TESTS_MAX: Duration = Duration::from_secs(900);
/// Cases of each property: a fault is seen in few, or it is the simulation's turn.
const CASES: &str = "24";
/// Worlds that the simulation lives where the core's own tests notice nothing.
const SEEDS: &str = "60";
/// Crates of the copy: what the core and the simulation are built from.
const FOLDERS: [&str; 5] =
    ["schemas", "processor/core", "simulator/device", "proving/src", "proving/tests"];
/// And what they need beside; what the simulation includes of others is read from [`INCLUDES`].
const FILES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "clippy.toml", "proving/Cargo.toml"];
const INCLUDES: &str = "proving/src/lib.rs";
const MEMBERS: &str = r#"members = ["schemas", "processor/core", "simulator/device", "proving"]"#;

#[derive(Debug, Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

/// One deliberate fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// What is wrong, in a few words.
    name: String,
    /// Where.
    file: PathBuf,
    /// The text that is replaced; it stands there once.
    find: String,
    /// By what.
    replace: String,
    /// The promise that it breaks.
    breaks: String,
}

/// Who noticed.
enum Verdict {
    Tests(Vec<String>),
    Simulation(String),
    Hangs,
    DoesNotCompile(String),
    Nobody,
}

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match run(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(wanted: &[String]) -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("proving/mutants.toml"))?;
    let list: List = toml::from_str(&text).map_err(io::Error::other)?;
    let mutants: Vec<&Mutant> = list
        .mutant
        .iter()
        .filter(|mutant| wanted.is_empty() || wanted.iter().any(|word| mutant.name.contains(word)))
        .collect();
    for mutant in &list.mutant {
        check(&root, mutant)?;
    }
    let tree = copy(&root)?;
    if !matches!(test(&tree)?, Verdict::Nobody) {
        return Err(io::Error::other("the tests fail without any fault"));
    }
    let mut table = String::from("| fault | breaks | noticed by |\n| --- | --- | --- |\n");
    let mut missed = 0;
    for mutant in &mutants {
        let started = Instant::now();
        let verdict = try_one(&root, &tree, mutant)?;
        let noticed = words(&verdict);
        missed += usize::from(!is_noticed(&verdict));
        println!("{:5.0} s  {}: {noticed}", started.elapsed().as_secs_f64(), mutant.name);
        writeln!(table, "| {} | {} | {noticed} |", mutant.name, mutant.breaks)
            .map_err(io::Error::other)?;
    }
    if wanted.is_empty() {
        let page = root.join("docs/mutants.md");
        fs::write(page, format!("{HEAD}\n{table}"))?;
    }
    println!("{} faults, {missed} not noticed", mutants.len());
    Ok(missed == 0)
}

const HEAD: &str = "# Deliberate faults

Each of these is put into a copy of the core, alone, and its tests are run: `make test-mutants`.
Where they notice nothing, the simulation lives 60 worlds.
A fault that nobody notices fails the run, and so does one whose text is no longer found.
The list is `proving/mutants.toml`; this page is written by the run.
";

fn is_noticed(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Tests(_) | Verdict::Simulation(_) | Verdict::Hangs => true,
        Verdict::DoesNotCompile(_) | Verdict::Nobody => false,
    }
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Tests(tests) => {
            let shown: Vec<String> = tests.iter().take(3).map(|test| format!("`{test}`")).collect();
            let more = tests.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", shown.join(", "))
        }
        Verdict::Simulation(rule) => format!("simulation: {rule}"),
        Verdict::Hangs => "the tests' time limit".to_owned(),
        Verdict::DoesNotCompile(why) => format!("**does not compile**: {why}"),
        Verdict::Nobody => "**nobody**".to_owned(),
    }
}

/// A fault's text must be found once.
fn check(root: &Path, mutant: &Mutant) -> io::Result<()> {
    let text = fs::read_to_string(root.join(&mutant.file))?;
    match text.matches(&mutant.find).count() {
        1 => Ok(()),
        count => Err(io::Error::other(format!(
            "{}: its text is found {count} times in {}",
            mutant.name,
            mutant.file.display()
        ))),
    }
}

/// The copy stands at one place, so that the dependencies are built once.
fn copy(root: &Path) -> io::Result<PathBuf> {
    let tree = target(root).join("mutants/tree");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for folder in FOLDERS {
        if root.join(folder).exists() {
            copy_folder(&root.join(folder), &tree.join(folder))?;
        }
    }
    let includes = fs::read_to_string(root.join(INCLUDES))?;
    let included = includes.lines().filter_map(|line| {
        line.strip_prefix("#[path = \"../../").and_then(|line| line.strip_suffix("\"]"))
    });
    for file in FILES.into_iter().chain(included) {
        copy_file(&root.join(file), &tree.join(file))?;
    }
    let manifest = fs::read_to_string(tree.join("Cargo.toml"))?;
    let begin = manifest.find("members = [").ok_or_else(|| io::Error::other("no members"))?;
    let end = begin + manifest[begin..].find(']').ok_or_else(|| io::Error::other("no members"))?;
    let manifest = format!("{}{MEMBERS}{}", &manifest[..begin], &manifest[end + 1..]);
    fs::write(tree.join("Cargo.toml"), manifest)?;
    Ok(tree)
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            copy_file(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop)
}

fn try_one(root: &Path, tree: &Path, mutant: &Mutant) -> io::Result<Verdict> {
    let place = tree.join(&mutant.file);
    let text = fs::read_to_string(&place)?;
    fs::write(&place, text.replacen(&mutant.find, &mutant.replace, 1))?;
    let verdict = match test(tree)? {
        Verdict::Nobody => simulate(tree)?,
        noticed => noticed,
    };
    copy_file(&root.join(&mutant.file), &place)?;
    Ok(verdict)
}

/// The core's own tests: first those beside the code, and where they notice nothing the closed loop.
fn test(tree: &Path) -> io::Result<Verdict> {
    match test_some(tree, "--lib")? {
        Verdict::Nobody => test_some(tree, "--tests"),
        noticed => Ok(noticed),
    }
}

fn test_some(tree: &Path, which: &str) -> io::Result<Verdict> {
    // Whether the pages of docs/ agree with the tests is no matter of a fault.
    let arguments = ["test", "--package", "control-core", which, "--", "--skip", "docs::"];
    let Some((ok, said)) = cargo(tree, &arguments)? else {
        return Ok(Verdict::Hangs);
    };
    if ok {
        return Ok(Verdict::Nobody);
    }
    let failed: Vec<String> = said
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .map(|name| name.rsplit("::").next().unwrap_or(name).to_owned())
        .collect();
    if failed.is_empty() {
        let why = said.lines().find(|line| line.starts_with("error")).unwrap_or("no test failed");
        return Ok(Verdict::DoesNotCompile(why.to_owned()));
    }
    Ok(Verdict::Tests(failed))
}

fn simulate(tree: &Path) -> io::Result<Verdict> {
    let arguments = ["run", "--package", "proving", "--bin", "sim", "--", "--seeds", SEEDS];
    let Some((ok, said)) = cargo(tree, &arguments)? else { return Ok(Verdict::Hangs) };
    if ok {
        return Ok(Verdict::Nobody);
    }
    let rule = said.lines().find_map(|line| {
        let (_, rest) = line.strip_prefix("seed ")?.split_once(" s: ")?;
        Some(rest.split_once(": ").map_or(rest, |(rule, _)| rule).to_owned())
    });
    Ok(rule
        .map_or_else(|| Verdict::DoesNotCompile("the simulation".to_owned()), Verdict::Simulation))
}

/// Runs cargo in the copy; none when it took too long. Gives whether it went well, and all it said.
fn cargo(tree: &Path, arguments: &[&str]) -> io::Result<Option<(bool, String)>> {
    let mut child = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        // Each fault is built anew: quickly built counts for more than quickly run.
        .args(["--config", "profile.dev.package.control-core.opt-level=1"])
        .args(arguments)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", tree.join("../target"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("PROPTEST_CASES", CASES)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reader = std::thread::spawn(move || read_all(out));
    let errors = std::thread::spawn(move || read_all(err));
    let started = Instant::now();
    let ended = loop {
        match child.try_wait()? {
            Some(status) => break Some(status.success()),
            None if started.elapsed() > TESTS_MAX => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let Some(ok) = ended else { return Ok(None) };
    let said = [reader, errors].map(|thread| thread.join().unwrap_or_default()).join("\n");
    Ok(Some((ok, said)))
}

fn read_all(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from
        && from.read_to_end(&mut bytes).is_err()
    {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
