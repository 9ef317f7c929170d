//! `derms users`: the devices' accounts at the embedded broker. It writes the file that the broker reads, running or not.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;

use crate::embedded::mqtt::{account_names, change_account, hash_made, users_file};
use crate::plan::random_text;

const PASSWORD_CHARS: usize = 32;

/// What to do with the accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Make an account for a device, or give it a new password, and print the password.
    Add {
        /// The device's id: its user name, and what its client id begins with.
        name: String,
        /// Read the password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Take a device's account away: it is turned away from its next message on.
    Remove {
        /// The device's id.
        name: String,
    },
    /// Name the devices that have an account.
    List,
}

impl Users {
    /// Does it in the data folder of `derms up`.
    ///
    /// # Errors
    /// When the file cannot be read or written, the name is no device's, or nobody has it.
    pub(crate) fn run(self, data: &Path) -> anyhow::Result<()> {
        let folder = data.join("mqtt");
        let file = users_file(&folder);
        let mut out = std::io::stdout().lock();
        match self {
            Self::Add { name, password_stdin } => {
                std::fs::create_dir_all(&folder)
                    .with_context(|| format!("making the folder {}", folder.display()))?;
                if password_stdin {
                    let hash = derms_api::auth::hash_new_password(std::io::stdin().lock())
                        .map_err(anyhow::Error::msg)?;
                    change_account(&file, &name, Some(&hash))?;
                } else {
                    let password = random_text(PASSWORD_CHARS);
                    change_account(&file, &name, Some(&hash_made(&password)?))?;
                    writeln!(out, "{password}")?;
                }
            }
            Self::Remove { name } => {
                anyhow::ensure!(
                    change_account(&file, &name, None)?,
                    "{name} has no account: derms users list names those that have"
                );
            }
            Self::List => {
                for name in account_names(&file)? {
                    writeln!(out, "{name}")?;
                }
            }
        }
        Ok(())
    }
}
