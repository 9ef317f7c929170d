//! What a running `derms up` leaves in its data folder for the commands beside it: where its ClickHouse is and how to log
//! in there. The file holds a password, so only its owner may read it; it is gone when `derms up` ends in order.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use service_kit::settings::{Settings, key};

/// How long ClickHouse may take to write or read a backup.
const CLICKHOUSE_MAX: Duration = Duration::from_secs(900);

/// A running `derms up`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Running {
    clickhouse_url: String,
    clickhouse_login: Option<(String, String)>,
}

/// The file of it; removed when dropped.
pub(crate) struct Note(PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        // One that stays behind is written anew by the next start.
        drop(fs::remove_file(&self.0));
    }
}

impl Running {
    pub(crate) const FILE: &str = "running.json";

    /// As the services reach it.
    pub(crate) fn from_settings(settings: &Settings) -> Self {
        let text = |key| settings.optional_text(key).map(str::to_owned);
        let secret = |key| settings.exposed(key).map(str::to_owned);
        Self {
            clickhouse_url: settings.text(key::DERMS_CLICKHOUSE_URL).to_owned(),
            clickhouse_login: text(key::DERMS_CLICKHOUSE_USER)
                .map(|user| (user, secret(key::DERMS_CLICKHOUSE_PASSWORD).unwrap_or_default())),
        }
    }

    /// Leaves it in the data folder for as long as the note is held.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn note(&self, data: &Path) -> anyhow::Result<Note> {
        let path = data.join(Self::FILE);
        let doing = || format!("writing {}", path.display());
        // One of a run that was killed may be there, with whatever mode it has.
        drop(fs::remove_file(&path));
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(doing)?;
        file.write_all(&serde_json::to_vec(self)?).with_context(doing)?;
        Ok(Note(path))
    }

    /// Of the one that works in this folder.
    ///
    /// # Errors
    /// When it has not left a note: it may be starting, or be an older one.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(Self::FILE);
        let text = fs::read(&path).with_context(|| {
            format!(
                "derms up works in {} and has not written {} yet: try again when it is ready",
                data.display(),
                path.display()
            )
        })?;
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Has ClickHouse write a backup of its own.
    ///
    /// # Errors
    /// When it does not answer, or has no room.
    pub(crate) async fn back_up_clickhouse(&self, name: &str) -> anyhow::Result<()> {
        self.order_clickhouse("backup", name).await
    }

    /// Has ClickHouse read such a backup.
    ///
    /// # Errors
    /// When it does not answer, or cannot read it.
    pub(crate) async fn restore_clickhouse(&self, name: &str) -> anyhow::Result<()> {
        self.order_clickhouse("restore", name).await
    }

    async fn order_clickhouse(&self, what: &str, name: &str) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().timeout(CLICKHOUSE_MAX).build()?;
        let url = format!("{}/{what}?name={name}", self.clickhouse_url.trim_end_matches('/'));
        let mut request = client.post(url);
        if let Some((user, password)) = &self.clickhouse_login {
            request =
                request.header("X-ClickHouse-User", user).header("X-ClickHouse-Key", password);
        }
        let response =
            request.send().await.with_context(|| format!("asking ClickHouse for a {what}"))?;
        let (status, answer) = (response.status(), response.text().await.unwrap_or_default());
        anyhow::ensure!(
            status.is_success(),
            "ClickHouse has not made the {what}: {}",
            answer.trim()
        );
        Ok(())
    }
}
