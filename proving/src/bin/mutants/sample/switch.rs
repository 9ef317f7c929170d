//! Puts switches for many faults into one text: which of them is on is told when the program runs, so that one build serves
//! all. A fault's own text has no switches in it: no two are on at a time.

use std::ops::Range;

use super::fault::{Fault, Form};

/// Told which fault is on, by its number.
pub(crate) const ON: &str = "MUTANT";
/// Told a file that is written when that fault's place is reached.
pub(crate) const REACHED: &str = "MUTANT_REACHED";

/// The module that the switches ask, as the crate's `mutant`.
pub(crate) const MODULE: &str = r#"//! Which fault is on.

use std::sync::{Once, OnceLock};

static WANTED: OnceLock<Option<u32>> = OnceLock::new();
static REACHED: Once = Once::new();

#[inline]
pub(crate) fn on(number: u32) -> bool {
    if *WANTED.get_or_init(|| std::env::var("MUTANT").ok()?.parse().ok()) != Some(number) {
        return false;
    }
    REACHED.call_once(|| {
        if let Some(file) = std::env::var_os("MUTANT_REACHED") {
            std::fs::write(file, "").expect("the file of who was reached can be written");
        }
    });
    true
}
"#;

/// A text with switches.
pub(crate) struct Switched {
    pub(crate) text: String,
    /// Where each switch stands, innermost last: its bytes, and the numbers of the faults that it has.
    switches: Vec<(Range<usize>, Vec<u32>)>,
    /// Where the text of each fault stands.
    faulty: Vec<(Range<usize>, u32)>,
}

impl Switched {
    /// The faults that a mistake of the compiler at a place is about: the one whose text is there, else all of the innermost
    /// switch around it.
    pub(crate) fn blamed(&self, place: &Range<usize>) -> Vec<u32> {
        let holds = |it: &Range<usize>| it.start <= place.start && place.end <= it.end;
        let own = self.faulty.iter().filter(|(it, _)| holds(it)).min_by_key(|(it, _)| it.len());
        if let Some((_, number)) = own {
            return vec![*number];
        }
        let around = self.switches.iter().filter(|(it, _)| holds(it));
        around
            .min_by_key(|(it, _)| it.len())
            .map(|(_, numbers)| numbers.clone())
            .unwrap_or_default()
    }
}

/// Puts switches for these faults of one file into its text.
pub(crate) fn switched(text: &str, faults: &[(u32, &Fault)]) -> Switched {
    let mut places: Vec<Place<'_>> = Vec::new();
    let mut sorted = faults.to_vec();
    // What is around comes before what is inside.
    sorted.sort_by_key(|(number, fault)| {
        (fault.host.start, std::cmp::Reverse(fault.host.end), fault.form, *number)
    });
    for (number, fault) in sorted {
        match places.last_mut() {
            Some(last) if last.host == fault.host && last.form == fault.form => {
                last.faults.push((number, fault));
            }
            _ => places.push(Place {
                host: fault.host.clone(),
                form: fault.form,
                faults: vec![(number, fault)],
            }),
        }
    }
    let mut written = Switched { text: String::new(), switches: Vec::new(), faulty: Vec::new() };
    write(text, 0..text.len(), &places, &mut written);
    written
}

/// One switch: all faults of one host.
struct Place<'f> {
    host: Range<usize>,
    form: Form,
    faults: Vec<(u32, &'f Fault)>,
}

fn write(text: &str, piece: Range<usize>, mut places: &[Place<'_>], out: &mut Switched) {
    let mut at = piece.start;
    while let Some((place, rest)) = places.split_first() {
        out.text.push_str(&text[at..place.host.start]);
        let begin = out.text.len();
        if place.form == Form::Expression {
            out.text.push('(');
        }
        for (index, (number, fault)) in place.faults.iter().enumerate() {
            let otherwise = if index > 0 && place.form != Form::Begin { " else " } else { "" };
            out.text.push_str(&format!("{otherwise}if crate::mutant::on({number}) {{ "));
            let faulty = out.text.len();
            out.text.push_str(&fault.faulty);
            if place.form == Form::Begin {
                out.text.push(';');
            }
            out.faulty.push((faulty..out.text.len(), *number));
            out.text.push_str(" }");
        }
        let inside = rest.iter().take_while(|inner| inner.host.end <= place.host.end).count();
        let (inner, rest) = rest.split_at(if place.form == Form::Begin { 0 } else { inside });
        if place.form != Form::Begin {
            out.text.push_str(" else { ");
            write(text, place.host.clone(), inner, out);
            out.text.push_str(" }");
        }
        if place.form == Form::Expression {
            out.text.push(')');
        }
        let numbers = place.faults.iter().map(|(number, _)| *number).collect();
        out.switches.push((begin..out.text.len(), numbers));
        at = place.host.end;
        places = rest;
    }
    out.text.push_str(&text[at..piece.end]);
}
