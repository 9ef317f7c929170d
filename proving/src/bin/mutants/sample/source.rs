//! The files that a crate's library is made of, found from its root: what is compiled for tests alone is none of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item};

/// One file of the crate.
pub(crate) struct Source {
    /// By its place in the workspace.
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    pub(crate) items: syn::File,
}

/// All files of the library, in the order of its modules.
pub(crate) fn sources(workspace: &Path, library: &Path) -> io::Result<Vec<Source>> {
    let mut all = Vec::new();
    read(workspace, library, &mut all)?;
    Ok(all)
}

fn read(workspace: &Path, file: &Path, all: &mut Vec<Source>) -> io::Result<()> {
    let text = fs::read_to_string(workspace.join(file))?;
    let items = syn::parse_file(&text).map_err(io::Error::other)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_stem().unwrap_or_default();
    let folder = if name == "lib" || name == "mod" { folder.to_owned() } else { folder.join(name) };
    let below: Vec<String> = items
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() && !is_for_tests(&module.attrs) => {
                Some(module.ident.to_string())
            }
            _ => None,
        })
        .collect();
    all.push(Source { file: file.to_owned(), text, items });
    for module in below {
        let own = folder.join(format!("{module}.rs"));
        let other = folder.join(module).join("mod.rs");
        let found = if workspace.join(&own).exists() { own } else { other };
        read(workspace, &found, all)?;
    }
    Ok(())
}

/// Whether something is compiled for tests alone.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut found = attribute.path().is_ident("test");
        if attribute.path().is_ident("cfg") {
            // What is no list of names is no `cfg(test)`.
            found |= attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test");
        }
        found
    })
}
