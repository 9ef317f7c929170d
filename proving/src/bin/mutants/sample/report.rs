//! What came of all faults that were drawn: figures, and a line for each that no test noticed.

use std::collections::BTreeMap;

use super::draw::Drawn;
use super::fault::Fault;
use super::layers::Outcome;

pub(crate) struct Report {
    possible: usize,
    files: usize,
    drawn: usize,
    dropped: usize,
    /// How many each layer noticed first.
    noticed: BTreeMap<&'static str, usize>,
    argued: Vec<String>,
    unexplained: Vec<String>,
    never_reached: usize,
}

impl Report {
    pub(crate) fn new(possible: usize, files: usize, drawn: &Drawn) -> Self {
        Self {
            possible,
            files,
            drawn: drawn.numbers.len(),
            dropped: drawn.dropped.values().map(|(count, _)| count).sum(),
            noticed: BTreeMap::new(),
            argued: Vec::new(),
            unexplained: Vec::new(),
            never_reached: 0,
        }
    }

    /// Takes one in, and says what came of it.
    pub(crate) fn take(&mut self, fault: &Fault, outcome: &Outcome, why: Option<&str>) -> String {
        let never = if outcome.reached { "" } else { "never reached" };
        if let Some((layer, verdict)) = &outcome.noticed {
            *self.noticed.entry(layer).or_default() += 1;
            let doubt = if why.is_some() { ", though argued to be none" } else { "" };
            return format!("{layer}: {}{doubt} | {}", verdict.words(), fault.to);
        }
        self.never_reached += usize::from(!outcome.reached);
        let file = fault.file.display();
        let row = format!(
            "| {file} | {} | `{}` | {} |",
            fault.within,
            bar(&fault.from),
            shown(&fault.to)
        );
        match why {
            Some(why) => {
                self.argued.push(format!("{row} {why} |"));
                format!("nobody, and none: {why} {never}")
            }
            None => {
                self.unexplained.push(format!("{row} {never} |"));
                format!("NOBODY {never} | {}: {} -> {}", fault.kind, fault.from, fault.to)
            }
        }
    }

    pub(crate) fn unexplained(&self) -> usize {
        self.unexplained.len()
    }

    pub(crate) fn summary(&self) -> String {
        let mut said = format!("{} drawn", self.drawn);
        for (layer, count) in &self.noticed {
            said += &format!("; {count} noticed by {layer}");
        }
        said + &format!(
            "; {} argued to be no fault; {} unexplained; of both {} never reached",
            self.argued.len(),
            self.unexplained.len(),
            self.never_reached,
        )
    }

    /// The page's part.
    pub(crate) fn page(&self, command: &str) -> String {
        let mut page = format!(
            "{HEAD}\n`{command}`: of {} faults that the {} files of the core could have, \
             {} were drawn ({} more did not compile).\n\n| | faults |\n| --- | --- |\n",
            self.possible, self.files, self.drawn, self.dropped
        );
        let mut row = |what: &str, count: usize| page += &format!("| {what} | {count} |\n");
        for (layer, count) in &self.noticed {
            row(&format!("noticed first by {layer}"), *count);
        }
        row("nobody can notice: argued below", self.argued.len());
        row("unexplained", self.unexplained.len());
        row("of the last two never reached by any test", self.never_reached);
        for (title, last, rows) in
            [("Argued to be no fault", "why", &self.argued), ("Unexplained", "", &self.unexplained)]
        {
            if !rows.is_empty() {
                page += &format!("\n{title}:\n\n| file | function | code | fault | {last} |\n");
                page += "| --- | --- | --- | --- | --- |\n";
                rows.iter().for_each(|row| page += &format!("{row}\n"));
            }
        }
        page
    }
}

const HEAD: &str = "A list of chosen faults shows what its author thought of; so others are drawn by a seed, each with the same chance, from all of the core ([proving.md](proving.md#faults-by-sampling)).
One that no test notices is killed by a new test, or argued with the reason why nobody can notice it (`proving/mutants-argued.toml`); what is left is unexplained, and the aim is less than 3 of 100.
A seed names a draw from one state of the core's code.
";

/// A bar would end the table's cell.
fn bar(text: &str) -> String {
    text.replace('|', "\\|")
}

/// What stands there instead, if anything.
fn shown(text: &str) -> String {
    if text.is_empty() { "left out".to_owned() } else { format!("`{}`", bar(text)) }
}
