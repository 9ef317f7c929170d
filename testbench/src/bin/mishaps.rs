//! `mishaps`: plays what may happen to `derms up`, and prints for each mishap how long control was away, what was lost
//! and what health said. Wants root for the small disk, and faketime for the clock.

use std::process::ExitCode;

use testbench::mishaps::{HEADING, Mishap, play};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the words of a command line tool")]
fn main() -> ExitCode {
    // Words to choose by: every mishap whose name has one of them.
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<Mishap> = Mishap::ALL
        .into_iter()
        .filter(|one| wanted.is_empty() || wanted.iter().any(|word| one.words().contains(word)))
        .collect();
    if chosen.is_empty() {
        let all = Mishap::ALL.map(Mishap::words).join("\n  ");
        eprintln!("error: no mishap has one of these words: {wanted:?}; there are\n  {all}");
        return ExitCode::from(2);
    }
    println!("{HEADING}");
    match play(&chosen, |row| println!("{row}")) {
        Ok(rows) if rows.iter().all(|row| row.lost == 0 && row.doubled == 0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
