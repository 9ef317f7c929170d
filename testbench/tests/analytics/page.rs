//! The queries of the page with the results that it shows. Columns stand at least two blanks apart.

/// A query and what the page shows below it: a line of names, then rows.
pub(crate) struct Block {
    pub(crate) sql: String,
    pub(crate) shown: Vec<Vec<String>>,
}

/// Every block of SQL of a Markdown page; each has its result in the block of text behind it.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```sql\n") {
        let (sql, after) = after.split_once("```").expect("a block ends");
        let (between, result) = after.split_once("```text\n").expect("a result");
        assert!(between.trim().is_empty(), "no result right behind: {sql}");
        let (shown, after) = result.split_once("```").expect("a block ends");
        let shown = shown.lines().map(|line| cells(line, "  ")).collect();
        found.push(Block { sql: sql.to_owned(), shown });
        rest = after;
    }
    found
}

fn cells(line: &str, apart: &str) -> Vec<String> {
    let cells = line.split(apart).map(str::trim).filter(|cell| !cell.is_empty());
    cells.map(str::to_owned).collect()
}

/// Whether an answer is what is shown; numbers may differ by one in the last digit that is shown.
pub(crate) fn same(shown: &[Vec<String>], found: &[Vec<String>]) -> bool {
    shown.len() == found.len()
        && shown.iter().zip(found).all(|(shown, found)| {
            shown.len() == found.len()
                && shown.iter().zip(found).all(|(shown, found)| same_cell(shown, found))
        })
}

fn same_cell(shown: &str, found: &str) -> bool {
    if shown == found {
        return true;
    }
    let digits = |text: &str| text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let digits = digits(shown).max(digits(found));
    match (shown.parse::<f64>(), found.parse::<f64>()) {
        (Ok(shown), Ok(found)) if digits > 0 => {
            (shown - found).abs() < 1.1 * 0.1_f64.powi(i32::try_from(digits).unwrap_or(0))
        }
        _ => false,
    }
}
