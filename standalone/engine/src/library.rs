//! Owns where the engine's library is looked for. It must not load it.

use std::path::{Path, PathBuf};

use crate::error::OpenError;

const FILE_NAME: &str = "libchdb.so";

/// Finds the library: the path that was set, else beside the executable, else where
/// `scripts/fetch-engine` puts it (`$XDG_CACHE_HOME/mini-derms/engine`).
///
/// # Errors
/// [`OpenError::LibraryMissing`] with all places that were looked at.
pub fn find_library(
    set: Option<&Path>,
    executable: Option<&Path>,
    cache_home: Option<&Path>,
) -> Result<PathBuf, OpenError> {
    let looked_at: Vec<PathBuf> = match set {
        // What was set explicitly is not second-guessed.
        Some(path) => vec![path.to_path_buf()],
        None => executable
            .and_then(Path::parent)
            .map(|folder| folder.join(FILE_NAME))
            .into_iter()
            .chain(cache_home.map(|cache| cache.join("mini-derms/engine").join(FILE_NAME)))
            .collect(),
    };
    match looked_at.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(OpenError::LibraryMissing { looked_at }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_set_is_not_second_guessed() {
        let error = find_library(Some(Path::new("/nowhere/libchdb.so")), None, None);
        let text = error.expect_err("there is no such file").to_string();
        assert!(text.contains("/nowhere/libchdb.so"), "{text}");
        assert!(text.contains("scripts/fetch-engine"), "{text}");
    }

    #[test]
    fn the_executables_folder_comes_before_the_cache() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let beside = folder.path().join("bin");
        let cached = folder.path().join("mini-derms/engine");
        for place in [&beside, &cached] {
            std::fs::create_dir_all(place).expect("a folder");
            std::fs::write(place.join(FILE_NAME), b"").expect("a file");
        }
        let find = || find_library(None, Some(&beside.join("derms")), Some(folder.path()));
        assert_eq!(find().expect("found"), beside.join(FILE_NAME));
        std::fs::remove_file(beside.join(FILE_NAME)).expect("removed");
        assert_eq!(find().expect("found"), cached.join(FILE_NAME));
    }
}
