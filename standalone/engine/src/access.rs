//! Owns the engine's own access control: the configuration with roles, caps and what no statement may change, written
//! into the data folder before the engine opens. The engine enforces it; nothing here looks at a statement.
//!
//! The library knows one user, `default`, so who may do what is a matter of roles: each statement's session takes one
//! role and runs one statement, so it cannot take another.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Most of the machine's memory that the engine takes, whatever is allowed.
const MEMORY_OF_MACHINE_MAX: f64 = 0.5;
/// Threads of the engine in all, and of one statement.
const POOL_THREADS_MAX: u32 = 512;
/// How far merges stand back behind statements when both want the CPU, as for `nice`.
const MERGE_NICE: u32 = 10;
const STATEMENT_THREADS_MAX: u64 = 8;
/// Seconds that a statement may run, and may ask for.
const STATEMENT_SECONDS: u64 = 60;
const STATEMENT_SECONDS_MAX: u64 = 600;
/// Largest answer.
const RESULT_ROWS_MAX: u64 = 50_000_000;
const RESULT_BYTES_MAX: u64 = 256 << 20;
/// Depth of nesting. The parser takes some kilobytes of stack for each level.
const PARSER_DEPTH: u64 = 500;
const PARSER_BACKTRACKS: u64 = 200_000;
/// Longest statement, without an INSERT's rows.
pub(crate) const QUERY_BYTES: u64 = 512 << 10;
/// The guard hands a statement to the engine inside another, with every quote in it doubled.
const QUERY_BYTES_MAX: u64 = 2 << 20;
/// What a statement may put aside on the disk, such as a large sort.
const SPILL_BYTES_MAX: u64 = 2 << 30;

/// What nobody may change: settings that name files or addresses, that hide an expression in a text, or that choose
/// another parser than the one that judged the statement.
const FIXED: &[&str] = &[
    "additional_result_filter",
    "additional_table_filters",
    "allow_introspection_functions",
    "cluster_for_parallel_replicas",
    "compatibility",
    "dialect",
    "format_avro_schema_registry_url",
    "format_schema",
    "format_schema_source",
    "format_template_resultset",
    "format_template_resultset_format",
    "format_template_row",
    "format_template_row_format",
    "function_sleep_max_microseconds_per_block",
    "input_format_record_errors_file_path",
    "input_format_values_interpret_expressions",
    "max_untracked_memory",
    "merge_tree_disk",
    "merge_tree_storage_policy",
    "parallel_replicas_custom_key",
    "url_base",
];

/// What the engine is told about its use.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The one database that users see.
    pub database: String,
    /// Most memory that all statements together take, in bytes.
    pub memory_bytes_max: u64,
    /// The folder that the engine's threads are kept to: its data folder, unless another is named that holds it. Some of
    /// those threads outlive their engine, so a process that opens one after the other names one for all.
    pub within: Option<PathBuf>,
}

impl EngineOptions {
    /// For a database, with 2 GiB of memory.
    #[must_use]
    pub fn of(database: &str) -> Self {
        Self { database: database.to_owned(), memory_bytes_max: 2 << 30, within: None }
    }
}

/// The part that a session plays. Each is a role of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Reads.
    Analyst,
    /// Reads and inserts.
    Writer,
    /// Makes, changes and removes tables and views.
    Schema,
    /// The engine's own work: cancelling, backup, restore.
    Root,
}

impl Part {
    /// The role's name in the engine.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Analyst => "derms_analyst",
            Self::Writer => "derms_writer",
            Self::Schema => "derms_schema",
            Self::Root => "derms_root",
        }
    }

    fn grants(self) -> &'static [(&'static str, Scope)] {
        match self {
            Self::Analyst => &[("SELECT, SHOW", Scope::Database)],
            Self::Writer => &[("SELECT, SHOW, INSERT", Scope::Database)],
            Self::Schema => &[(
                "SELECT, SHOW, INSERT, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE, \
                 OPTIMIZE, ALTER COLUMN, ALTER TTL, ALTER VIEW, ALTER DELETE, ALTER UPDATE",
                Scope::Database,
            )],
            Self::Root => &[
                (
                    "SELECT, SHOW, INSERT, BACKUP, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP DATABASE, \
                     DROP TABLE, DROP VIEW",
                    Scope::Database,
                ),
                ("KILL QUERY", Scope::Everything),
            ],
        }
    }
}

#[derive(Clone, Copy)]
enum Scope {
    Database,
    Everything,
}

const PARTS: [Part; 4] = [Part::Analyst, Part::Writer, Part::Schema, Part::Root];

/// Where backups are written to and read from.
pub(crate) fn backups(data: &Path) -> PathBuf {
    data.join("backups")
}

/// Writes the configuration and gives its path.
pub(crate) fn write(data: &Path, options: &EngineOptions) -> io::Result<PathBuf> {
    let folder = data.join("access");
    for folder in [&folder, &backups(data)] {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let users = folder.join("users.xml");
    put(&users, &users_file(options))?;
    let config = folder.join("config.xml");
    put(&config, &config_file(data, &users, options))?;
    Ok(config)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new();
    file.write(true).create(true).truncate(true).mode(0o600);
    file.open(path)?.write_all(text.as_bytes())
}

fn config_file(data: &Path, users: &Path, options: &EngineOptions) -> String {
    let path = |path: &Path| escaped(&path.to_string_lossy());
    format!(
        "<clickhouse>\n\
         <users_config>{users}</users_config>\n\
         <backups><allowed_path>{backups}</allowed_path></backups>\n\
         <user_scripts_path>{nothing}</user_scripts_path>\n\
         <allow_feature_tier>2</allow_feature_tier>\n\
         <max_server_memory_usage>{memory}</max_server_memory_usage>\n\
         <max_server_memory_usage_to_ram_ratio>{MEMORY_OF_MACHINE_MAX}</max_server_memory_usage_to_ram_ratio>\n\
         <memory_worker_use_cgroup>0</memory_worker_use_cgroup>\n\
         <max_thread_pool_size>{POOL_THREADS_MAX}</max_thread_pool_size>\n\
         <os_threads_nice_value_merge_mutate>{MERGE_NICE}</os_threads_nice_value_merge_mutate>\n\
         </clickhouse>\n",
        users = path(users),
        backups = path(&backups(data)),
        nothing = path(&data.join("access/none")),
        memory = options.memory_bytes_max,
    )
}

/// A cap: the value to begin with, the least and the most that a statement may ask for.
type Cap = (&'static str, u64, u64, u64);

fn caps(options: &EngineOptions) -> Vec<Cap> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let threads = threads.min(STATEMENT_THREADS_MAX);
    let memory = options.memory_bytes_max / 2;
    vec![
        ("max_threads", threads, 1, threads),
        ("max_insert_threads", 1, 0, threads),
        ("max_final_threads", threads, 1, threads),
        ("max_parsing_threads", 1, 1, threads),
        ("max_download_threads", 1, 1, 1),
        ("max_memory_usage", memory, 1, memory),
        ("max_temporary_data_on_disk_size_for_query", SPILL_BYTES_MAX, 1, SPILL_BYTES_MAX),
        ("max_execution_time", STATEMENT_SECONDS, 1, STATEMENT_SECONDS_MAX),
        ("max_result_rows", RESULT_ROWS_MAX, 1, RESULT_ROWS_MAX),
        ("max_result_bytes", RESULT_BYTES_MAX, 1, RESULT_BYTES_MAX),
        ("max_parser_depth", PARSER_DEPTH, 1, PARSER_DEPTH),
        ("max_parser_backtracks", PARSER_BACKTRACKS, 1, PARSER_BACKTRACKS),
        ("max_query_size", QUERY_BYTES_MAX, 1, QUERY_BYTES_MAX),
        ("max_ast_depth", 1_000, 1, 1_000),
        ("max_ast_elements", 200_000, 1, 200_000),
        ("max_expanded_ast_elements", 500_000, 1, 500_000),
        ("max_subquery_depth", 100, 1, 100),
        ("max_recursive_cte_evaluation_depth", 1_000, 1, 1_000),
        ("input_format_json_max_depth", 1_000, 1, 1_000),
    ]
}

fn users_file(options: &EngineOptions) -> String {
    let mut values = String::from(
        "<input_format_values_interpret_expressions>0</input_format_values_interpret_expressions>\n",
    );
    let mut constraints = String::new();
    for (name, value, least, most) in caps(options) {
        values += &format!("<{name}>{value}</{name}>\n");
        constraints += &format!("<{name}><min>{least}</min><max>{most}</max></{name}>\n");
    }
    for (name, value) in [("timeout_overflow_mode", "throw"), ("result_overflow_mode", "throw")] {
        values += &format!("<{name}>{value}</{name}>\n");
        constraints += &format!("<{name}><readonly/></{name}>\n");
    }
    for name in FIXED {
        constraints += &format!("<{name}><readonly/></{name}>\n");
    }
    let database = format!("`{}`.*", options.database.replace('\\', "\\\\").replace('`', "\\`"));
    let roles: String = PARTS.iter().map(|part| role(*part, &database)).collect();
    let names = PARTS.map(Part::role).join(", ");
    format!(
        "<clickhouse>\n\
         <profiles><default>\n{values}<constraints>\n{constraints}</constraints>\n</default></profiles>\n\
         <roles>\n{roles}</roles>\n\
         <users><default><password></password><networks><ip>::/0</ip></networks>\
         <profile>default</profile><quota>default</quota>\
         <grants><query>GRANT {names}</query></grants></default></users>\n\
         <quotas><default></default></quotas>\n\
         </clickhouse>\n"
    )
}

fn role(part: Part, database: &str) -> String {
    let grant = |(what, scope): &(&str, Scope)| {
        let on = match scope {
            Scope::Database => database,
            Scope::Everything => "*.*",
        };
        format!("<query>GRANT {what} ON {}</query>", escaped(on))
    };
    let grants: String = part.grants().iter().map(grant).collect();
    format!("<{0}><grants>{grants}</grants></{0}>\n", part.role())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_any_name_stays_inside_its_grant() {
        let text = users_file(&EngineOptions::of("a`.* TO x; <b>&"));
        assert!(text.contains("ON `a\\`.* TO x; &lt;b&gt;&amp;`.*"), "{text}");
    }

    #[test]
    fn files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().expect("a folder");
        let config = write(data.path(), &EngineOptions::of("lab")).expect("written");
        let mode = fs::metadata(config).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
