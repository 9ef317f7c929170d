//! docs/reality.md: the table of the last run stands between two marks.

use std::path::Path;
use std::{env, fs};

const BEGINS: &str = "<!-- now -->\n";
const ENDS: &str = "<!-- end -->\n";
/// Set to write the page anew.
const WRITE: &str = "WRITE_REALITY";

/// Prints the table, and holds it against the page, or writes it there.
#[expect(clippy::print_stdout, reason = "the table is what the command is run for")]
pub(super) fn compare(rows: &[String]) {
    let mut table = String::from(
        "| rule | scene | seconds over | worst kW over | alarm after s | which, whom | served | commands per device and hour | plans refused | as it should |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        table.push_str(row);
        table.push('\n');
    }
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reality.md");
    let text = fs::read_to_string(&path).expect("docs/reality.md");
    let (before, rest) = text.split_once(BEGINS).expect("the page has its first mark");
    let (kept, after) = rest.split_once(ENDS).expect("the page has its second mark");
    if env::var_os(WRITE).is_some() {
        fs::write(&path, format!("{before}{BEGINS}{table}{ENDS}{after}")).expect("written");
        return;
    }
    let differs = rows.iter().filter(|row| !kept.contains(row.as_str())).collect::<Vec<_>>();
    assert!(
        differs.is_empty() && kept == table,
        "docs/reality.md says otherwise (`make reality` writes it anew): {differs:#?}"
    );
}
