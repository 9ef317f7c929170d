//! Owns what a person sees: progress and failures on standard error, the five lines of the demo on standard output.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]

/// Says what is being done.
pub(crate) fn progress(what: &str) {
    eprintln!("{what} …");
}

/// Says why the program ends.
pub(crate) fn failure(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Says what has been done.
pub(crate) fn done(words: &str) {
    println!("{words}");
}

/// One line for whoever reads our standard output.
pub(crate) fn line(name: &str, value: &str) {
    println!("{name}: {value}");
}
