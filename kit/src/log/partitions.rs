//! Which partitions an instance works on: the setting `DERMS_PARTITIONS`.

/// Which partitions an instance works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitions {
    /// Those that the consumer group assigns.
    Auto,
    /// All.
    All,
    /// These.
    These(Vec<i32>),
}

impl Partitions {
    /// Reads the setting's text.
    ///
    /// # Errors
    /// A sentence that says what is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "all" => Ok(Self::All),
            numbers => numbers
                .split(',')
                .map(|number| number.trim().parse::<i32>().ok().filter(|number| *number >= 0))
                .collect::<Option<Vec<i32>>>()
                .map(Self::These)
                .ok_or_else(|| {
                    format!(
                        "DERMS_PARTITIONS = {text:?}: expected auto, all, or numbers such as 0,1,2"
                    )
                }),
        }
    }

    /// The partitions where no group is asked, of `count` in all.
    #[must_use]
    pub fn fixed(&self, count: i32) -> Option<Vec<i32>> {
        match self {
            Self::Auto => None,
            Self::All => Some((0..count).collect()),
            Self::These(these) => Some(these.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_auto_all_or_a_list() {
        assert_eq!(Partitions::parse("0, 2,5"), Ok(Partitions::These(vec![0, 2, 5])));
        assert_eq!(Partitions::parse("all").map(|all| all.fixed(2)), Ok(Some(vec![0, 1])));
        assert_eq!(Partitions::parse("auto").map(|auto| auto.fixed(2)), Ok(None));
        for bad in ["", "0,", "-1", "some"] {
            assert!(Partitions::parse(bad).is_err(), "{bad}");
        }
    }
}
