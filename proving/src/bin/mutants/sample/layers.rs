//! What a fault is tried by, the quick first: each layer runs only where those before it noticed nothing.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::switch::{ON, REACHED};
use crate::cargo::{build_simulation, build_tests};
use crate::programs::Programs;
use crate::tree::Tree;
use crate::verdict::Verdict;

const FOLDER: &str = "processor/core";
/// A fault that makes a layer so many times slower makes it hang; never sooner than after some seconds.
const TIMES_SLOWER: u32 = 5;
const LONGEST_AT_LEAST: Duration = Duration::from_secs(20);
/// Properties draw the same cases for every fault, and keep none for the next.
const PROPERTIES: [(&str, &str); 3] = [
    ("PROPTEST_RNG_SEED", "1"),
    ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true"),
    ("PROPTEST_MAX_SHRINK_ITERS", "0"),
];

/// What is run.
struct Layer {
    name: &'static str,
    program: Program,
    longest: Duration,
}

enum Program {
    /// Tests, with so many cases of each property.
    Tests(PathBuf, &'static str),
    /// A test of what was recorded.
    Recorded(PathBuf),
    Simulation(PathBuf),
}

pub(crate) struct Layers(Vec<Layer>);

/// What came of a fault.
pub(crate) struct Outcome {
    /// The layer that noticed, and who in it.
    pub(crate) noticed: Option<(&'static str, Verdict)>,
    /// Whether anybody ran the code that it is in.
    pub(crate) reached: bool,
}

impl Layers {
    /// Builds all; without a fault everything must go well, and that tells how long it takes.
    pub(crate) fn without_fault(tree: &Tree, thorough: bool) -> io::Result<Self> {
        let build = |which: &[&str]| build_tests(tree, which)?.map_err(io::Error::other);
        let beside = build(&["--package", "control-core", "--lib"])?;
        let loops = build(&["--package", "control-core", "--test", "closed_loop"])?;
        let mut programs = vec![
            ("the tests beside the code", Program::Tests(beside.clone(), "32")),
            ("the closed loop", Program::Tests(loops.clone(), "4")),
            ("the recorded trees", Program::Recorded(beside)),
            ("the recorded worlds", Program::Recorded(loops.clone())),
        ];
        if thorough {
            programs.push(("the closed loop, 24 cases", Program::Tests(loops, "24")));
            let program = build_simulation(tree)?.map_err(io::Error::other)?;
            programs.push(("the simulation", Program::Simulation(program)));
        }
        let mut layers = Vec::new();
        for (name, program) in programs {
            let mut layer = Layer { name, program, longest: Duration::MAX };
            let started = Instant::now();
            layer.run(tree, Vec::new())?.expect_nobody()?;
            layer.longest = LONGEST_AT_LEAST.max(started.elapsed() * TIMES_SLOWER);
            layers.push(layer);
        }
        Ok(Self(layers))
    }

    pub(crate) fn try_fault(&self, tree: &Tree, number: u32) -> io::Result<Outcome> {
        let file = tree.target().join("reached");
        if file.exists() {
            fs::remove_file(&file)?;
        }
        let told = [(ON, number.to_string()), (REACHED, file.to_string_lossy().into_owned())];
        let mut noticed = None;
        for layer in &self.0 {
            let verdict = layer.run(tree, told.to_vec())?;
            if let Verdict::Broken(why) = &verdict {
                return Err(io::Error::other(format!("{}: {why}", layer.name)));
            }
            if verdict.is_noticed() {
                noticed = Some((layer.name, verdict));
                break;
            }
        }
        Ok(Outcome { noticed, reached: file.exists() })
    }
}

impl Layer {
    fn run(&self, tree: &Tree, mut told: Vec<(&'static str, String)>) -> io::Result<Verdict> {
        told.extend(PROPERTIES.map(|(name, value)| (name, value.to_owned())));
        let programs = Programs { longest: self.longest, first_only: true, told };
        match &self.program {
            Program::Tests(program, cases) => {
                programs.test(&tree.place().join(FOLDER), program, cases)
            }
            Program::Recorded(program) => programs.compare(&tree.place().join(FOLDER), program),
            Program::Simulation(program) => programs.simulate(program),
        }
    }
}
