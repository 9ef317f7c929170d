//! What a topic's settings mean for its partitions.

use std::collections::BTreeMap;

/// Kafka's own defaults.
const RETENTION_MS: i64 = 7 * 86_400_000;
const DELETE_RETENTION_MS: i64 = 86_400_000;
const MESSAGE_BYTES_MAX: usize = 1_048_588;
/// Kept for so long is kept for ever: no cap of bytes takes it.
const FOREVER_MS: i64 = 10 * 365 * 86_400_000;

/// The settings that this log honours, with the values that it takes when they are not given.
pub const CONFIGS: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("delete.retention.ms", "86400000"),
    ("max.message.bytes", "1048588"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
];

/// How a partition is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Only the latest record of each key is kept.
    pub compact: bool,
    /// Old segments are deleted.
    pub delete: bool,
    /// Age at which, where there is one.
    pub retention_ms: Option<i64>,
    /// Bytes of a partition above which, where there is a bound.
    pub retention_bytes: Option<u64>,
    /// How long a key's deletion stays to be read.
    pub delete_retention_ms: i64,
    /// The largest batch.
    pub message_bytes_max: usize,
}

impl Policy {
    /// Reads the settings.
    ///
    /// # Errors
    /// A sentence that says which setting cannot be taken, and why.
    pub fn from_configs(configs: &BTreeMap<String, String>) -> Result<Self, String> {
        let number = |name: &str, default: i64| {
            let Some(text) = configs.get(name) else {
                return Ok(default);
            };
            let parsed = text.parse::<i64>().ok().filter(|number| *number >= -1);
            parsed.ok_or_else(|| format!("{name} is {text}: a number is needed, -1 for no bound"))
        };
        let (mut compact, mut delete) = (false, false);
        let cleanup = configs.get("cleanup.policy").map_or("delete", String::as_str);
        for word in cleanup.split(',') {
            match word.trim() {
                "compact" => compact = true,
                "delete" => delete = true,
                other => {
                    return Err(format!("cleanup.policy has {other}: compact or delete are known"));
                }
            }
        }
        let retention_ms = Some(number("retention.ms", RETENTION_MS)?).filter(|ms| *ms >= 0);
        let retention_bytes = u64::try_from(number("retention.bytes", -1)?).ok();
        let message_bytes_max = number("max.message.bytes", -1)?;
        Ok(Self {
            compact,
            delete,
            retention_ms,
            retention_bytes,
            delete_retention_ms: number("delete.retention.ms", DELETE_RETENTION_MS)?.max(0),
            message_bytes_max: usize::try_from(message_bytes_max).unwrap_or(MESSAGE_BYTES_MAX),
        })
    }

    /// Whether the cap of the whole log may take its oldest segments.
    #[must_use]
    pub fn may_be_cut(&self) -> bool {
        self.delete && !self.compact && self.retention_ms.is_some_and(|ms| ms < FOREVER_MS)
    }
}
