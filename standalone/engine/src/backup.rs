//! Owns backup and restore of the users' database while the engine runs: one archive per backup, in the data folder's
//! `backups`, the only place that the engine may write one to. It must not know HTTP.

use std::path::PathBuf;

use crate::access::{Part, backups};
use crate::connection::{Connection, Parameters};
use crate::engine::{Engine, play};
use crate::error::{DbError, code};

/// How long a backup or a restore may take, in seconds.
const SECONDS_MAX: u64 = 600;
const NAME_CHARS_MAX: usize = 64;

impl Engine {
    /// Writes all tables and views of the database, as they are at one moment, into an archive.
    ///
    /// # Errors
    /// When there is one of this name, there is no room, or too many statements run.
    pub async fn backup(&self, name: &str) -> Result<PathBuf, DbError> {
        let place = self.place(name)?;
        let database = quoted(self.database());
        let sql = format!("BACKUP DATABASE {database} TO {}", file(&place));
        self.as_root(vec![sql]).await?;
        Ok(place)
    }

    /// Puts back what `backup` has written. The database must hold no rows.
    ///
    /// # Errors
    /// When there is no such backup, it is damaged, or the database holds rows.
    pub async fn restore(&self, name: &str) -> Result<(), DbError> {
        let place = self.place(name)?;
        let database = quoted(self.database());
        let empty = format!(
            "SELECT throwIf(sum(total_rows) > 0, 'the database holds rows: restore into an empty one') \
             FROM system.tables WHERE database = {} AND engine LIKE '%MergeTree'",
            literal(self.database())
        );
        let restore = format!("RESTORE DATABASE {database} FROM {}", file(&place));
        self.as_root(vec![empty, restore]).await
    }

    fn place(&self, name: &str) -> Result<PathBuf, DbError> {
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(plain) {
            let text = format!(
                "a backup's name is made of up to {NAME_CHARS_MAX} letters, digits, - and _"
            );
            return Err(DbError::new(code::BAD_ARGUMENTS, "BAD_ARGUMENTS", &text));
        }
        Ok(backups(self.data()).join(format!("{name}.tar")))
    }

    async fn as_root(&self, statements: Vec<String>) -> Result<(), DbError> {
        let turn = self.turn(false).await?;
        let engine = self.clone();
        let work = move || {
            let outcome = engine.with_session(move |connection| run(connection, &statements));
            drop(turn);
            outcome.and_then(|outcome| outcome)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(DbError::unexplained()))
    }
}

fn run(connection: &mut Connection, statements: &[String]) -> Result<(), DbError> {
    play(connection, Part::Root)?;
    let patience = format!("SET max_execution_time = {SECONDS_MAX}");
    for sql in std::iter::once(&patience).chain(statements) {
        connection.query(sql.as_bytes(), "TSV", &Parameters::default())?;
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn file(path: &std::path::Path) -> String {
    format!("File({})", literal(&path.to_string_lossy()))
}
