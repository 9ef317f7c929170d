//! Our tables in ClickHouse as a writer uses them: migrations, on one server or over a cluster, and blocks of rows that count
//! once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use clickhouse::{Client, Compression, Row, RowOwned, RowWrite};
use schemas::clickhouse::cluster::{is_name, on_cluster};
use schemas::clickhouse::{MIGRATIONS, Migration, statements};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::native::{self, Types};
use crate::settings::{Settings, key};

/// How to reach ClickHouse as a writer.
#[derive(Debug, Clone)]
pub struct Access {
    /// Its HTTP interface.
    pub url: String,
    /// The database.
    pub database: String,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// File of the authority of its certificate; none = the machine's own authorities.
    pub authority: Option<PathBuf>,
    /// The cluster over which the tables are spread; none = they stand on one server.
    pub cluster: Option<String>,
}

impl Access {
    /// Takes it from the settings.
    ///
    /// # Errors
    /// When the cluster's name is none.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let text = |key| settings.optional_text(key).map(str::to_owned);
        let cluster = text(key::DERMS_CLICKHOUSE_CLUSTER);
        anyhow::ensure!(
            cluster.as_deref().is_none_or(is_name),
            "setting DERMS_CLICKHOUSE_CLUSTER: the name of a cluster is made of letters, digits, _ and -"
        );
        Ok(Self {
            url: settings.text(key::DERMS_CLICKHOUSE_URL).to_owned(),
            database: settings.text(key::DERMS_CLICKHOUSE_DATABASE).to_owned(),
            user: text(key::DERMS_CLICKHOUSE_USER),
            password: settings.secret(key::DERMS_CLICKHOUSE_PASSWORD),
            authority: settings.optional_path(key::DERMS_CLICKHOUSE_CA_PATH),
            cluster,
        })
    }

    /// The statement that makes the database.
    #[must_use]
    pub fn create_database(&self) -> String {
        let there =
            self.cluster.as_ref().map_or_else(String::new, |at| format!(" ON CLUSTER '{at}'"));
        format!("CREATE DATABASE IF NOT EXISTS `{}`{there}", self.database)
    }

    /// The statements of a migration, in the order to be run.
    ///
    /// # Errors
    /// When one of them cannot be taken to the cluster.
    pub fn statements(&self, migration: &Migration) -> anyhow::Result<Vec<String>> {
        let plain = statements(migration.sql);
        let Some(cluster) = &self.cluster else { return Ok(plain) };
        let mut all = Vec::new();
        for statement in plain {
            all.extend(on_cluster(&statement, cluster, &self.database)?);
        }
        Ok(all)
    }

    /// Everything that makes the tables, as a text that a person can read and run.
    ///
    /// # Errors
    /// When a statement cannot be taken to the cluster.
    pub fn ddl(&self) -> anyhow::Result<String> {
        let mut all = vec![self.create_database(), format!("USE `{}`", self.database)];
        for migration in MIGRATIONS {
            all.extend(self.statements(migration)?);
        }
        let lines = all.iter().map(|statement| format!("{};\n", statement.trim()));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// What names a block: its table and the place of its records in the log.
#[derive(Debug, Clone, Copy)]
pub struct BlockId {
    /// The table.
    pub table: &'static str,
    /// The partition of its topic.
    pub partition: i32,
    /// Its first place.
    pub first: i64,
    /// Its last place.
    pub last: i64,
    /// The log; none for a block that was named before logs had identities.
    pub log: Option<Uuid>,
}

impl BlockId {
    /// Its deduplication token.
    fn token(&self) -> String {
        let Self { table, partition, first, last, log } = self;
        let log = log.map_or_else(String::new, |log| format!("{log}-"));
        format!("{log}{table}-{partition}-{first}-{last}")
    }
}

/// The tables of one database.
#[derive(Debug, Clone)]
pub struct Tables {
    access: Access,
    client: Client,
    admin: Client,
    /// The columns of the tables that blocks were written into.
    columns: Arc<Mutex<HashMap<&'static str, Arc<Types>>>>,
}

impl Tables {
    /// # Errors
    /// When the authority of its certificate cannot be used.
    pub fn new(access: Access) -> anyhow::Result<Self> {
        let admin = super::client(&access.url, access.authority.as_deref())?;
        let mut admin = admin.with_compression(Compression::None);
        if let Some(user) = &access.user {
            admin = admin.with_user(user);
        }
        if let Some(password) = &access.password {
            admin = admin.with_password(password.expose_secret());
        }
        let client = admin.clone().with_database(&access.database);
        Ok(Self { access, client, admin, columns: Arc::default() })
    }

    /// The client, in the database.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Applies the migrations that the database has not seen. Each is safe to run again, so two writers that start at
    /// once, or one that is killed between two statements, do no harm.
    ///
    /// # Errors
    /// When ClickHouse does not take one.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        self.migrate_to(MIGRATIONS).await
    }

    /// The same for the first migrations only.
    ///
    /// # Errors
    /// When ClickHouse does not take one.
    pub async fn migrate_to(&self, migrations: &[Migration]) -> anyhow::Result<()> {
        let create = self.access.create_database();
        self.admin.query(&create).execute().await.context("creating the database")?;
        for migration in migrations {
            // The first one makes the table that tells which have been applied.
            let applied = migration.number > 1 && self.is_applied(migration.number).await?;
            if applied {
                continue;
            }
            for statement in self.access.statements(migration)? {
                self.client.query_raw(&statement).execute().await.with_context(|| {
                    format!("migration {:04}_{}", migration.number, migration.name)
                })?;
            }
            if migration.number > 1 || !self.is_applied(1).await? {
                self.client
                    .query("INSERT INTO schema_migrations (number, name) VALUES (?, ?)")
                    .bind(migration.number)
                    .bind(migration.name)
                    .execute()
                    .await
                    .context("noting a migration")?;
            }
        }
        Ok(())
    }

    async fn is_applied(&self, number: u32) -> anyhow::Result<bool> {
        let query = "SELECT count() FROM schema_migrations WHERE number = ?";
        let count: u64 = self.client.query(query).bind(number).fetch_one().await?;
        Ok(count > 0)
    }

    /// Writes a block. Written again with the same id it counts once.
    ///
    /// # Errors
    /// When ClickHouse does not take it; it may have taken it all the same.
    pub async fn write<R>(&self, block: BlockId, rows: &[R]) -> anyhow::Result<()>
    where
        R: RowOwned + RowWrite + Row,
    {
        let table = block.table;
        if rows.is_empty() {
            return Ok(());
        }
        let types = self.columns(table).await?;
        let bytes = native::block(rows, &types).inspect_err(|_| self.forget(table));
        let bytes = bytes.with_context(|| format!("rows for {table}"))?;
        let names: Vec<String> = R::COLUMN_NAMES.iter().map(|name| format!("`{name}`")).collect();
        let statement = format!("INSERT INTO `{table}` ({}) FORMAT Native", names.join(", "));
        let mut insert = self
            .client
            .insert_formatted_with(statement)
            .with_setting("insert_deduplication_token", block.token())
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            // One block, whatever its size: an insert is atomic only inside one.
            .with_setting("max_insert_block_size", "10000000")
            .with_setting("min_insert_block_size_rows", "10000000")
            .with_setting("min_insert_block_size_bytes", "0");
        if self.access.cluster.is_some() {
            // Done when the shard has it, not when it is queued for it.
            insert = insert.with_setting("distributed_foreground_insert", "1");
        }
        insert.send(Bytes::from(bytes)).await?;
        let written = insert.end().await.inspect_err(|_| self.forget(table));
        written.with_context(|| format!("writing {} rows into {table}", rows.len()))
    }

    /// The types of a table's columns; asked for once, and again after an error.
    async fn columns(&self, table: &'static str) -> anyhow::Result<Arc<Types>> {
        let known = || self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(types) = known().get(table) {
            return Ok(Arc::clone(types));
        }
        let query = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?";
        let rows: Vec<(String, String)> = self
            .client
            .query(query)
            .bind(table)
            .fetch_all()
            .await
            .with_context(|| format!("asking for the columns of {table}"))?;
        let types: Arc<Types> = Arc::new(rows.into_iter().collect());
        known().insert(table, Arc::clone(&types));
        Ok(types)
    }

    fn forget(&self, table: &str) {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner).remove(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ddl_is_the_same_tables_on_one_server_and_over_a_cluster() {
        let access = |cluster: Option<&str>| Access {
            url: String::new(),
            database: "derms".to_owned(),
            user: None,
            password: None,
            authority: None,
            cluster: cluster.map(str::to_owned),
        };
        let one = access(None).ddl().expect("text");
        let many = access(Some("feeders")).ddl().expect("text");
        assert!(!one.contains("ON CLUSTER") && !one.contains("Distributed"));
        assert!(many.starts_with("CREATE DATABASE IF NOT EXISTS `derms` ON CLUSTER 'feeders';"));
        let views = |text: &str| text.matches(" VIEW ").count();
        assert_eq!(views(&one), views(&many));
    }
}
