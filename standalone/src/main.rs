//! `derms`: everything by one command, or one embedded server by itself.

use std::io::Write as _;

use clap::Parser as _;

fn main() -> ! {
    let status = derms::cli::run(derms::cli::Arguments::parse());
    // The process ends without the engine library's destructors, so what is buffered is written here.
    drop(std::io::stdout().flush());
    drop(std::io::stderr().flush());
    derms_engine::exit_process(status)
}
