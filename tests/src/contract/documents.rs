//! The files: loading them with what they refer to, and resolving `$ref`s across them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
};

use serde_json::Value;

/// All loaded files.
#[derive(Debug, Default)]
pub(super) struct Documents {
    files: Vec<(PathBuf, Value)>,
    by_path: BTreeMap<PathBuf, usize>,
}

/// A place in a file, by JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) pointer: String,
}

impl Documents {
    /// Loads a file and everything that it refers to; a file that is there already is not read again.
    pub(super) fn load(&mut self, path: &Path) -> io::Result<usize> {
        let path = plain(path);
        if let Some(known) = self.by_path.get(&path) {
            return Ok(*known);
        }
        let text =
            fs::read(&path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let json: Value = serde_json::from_slice(&text)?;
        let mut others = Vec::new();
        references(&json, &mut others);
        let file = self.files.len();
        self.by_path.insert(path.clone(), file);
        self.files.push((path.clone(), json));
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        for other in others {
            self.load(&folder.join(other))?;
        }
        Ok(file)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.files.iter().enumerate().map(|(index, (_, json))| (index, json))
    }

    /// The name of a file, for people.
    pub(super) fn name(&self, file: usize) -> String {
        let path = &self.files[file].0;
        let parts: Vec<_> = path.components().rev().take(3).map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    }

    pub(super) fn at(&self, place: &Place) -> &Value {
        self.files[place.file].1.pointer(&place.pointer).unwrap_or(&Value::Null)
    }

    /// Where a `$ref` in `file` points. A dangling one is a defect of the specification, and named.
    pub(super) fn target(&self, file: usize, reference: &str) -> Place {
        let (path, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let target = if path.is_empty() {
            file
        } else {
            let folder = self.files[file].0.parent().unwrap_or(Path::new(""));
            let path = plain(&folder.join(path));
            *self.by_path.get(&path).unwrap_or_else(|| panic!("{} is not loaded", path.display()))
        };
        let place = Place { file: target, pointer: pointer.to_owned() };
        assert!(!self.at(&place).is_null(), "{reference} in {} points nowhere", self.name(file));
        place
    }

    /// Follows `$ref`s until there is none: the value, and the file that its own `$ref`s are relative to.
    pub(super) fn resolve<'a>(&'a self, file: usize, mut value: &'a Value) -> (usize, &'a Value) {
        let mut file = file;
        while let Some(reference) = reference_of(value) {
            let place = self.target(file, reference);
            file = place.file;
            value = self.files[place.file].1.pointer(&place.pointer).unwrap_or(&Value::Null);
        }
        (file, value)
    }
}

/// The `$ref` of a schema, parameter or response.
pub(super) fn reference_of(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The paths of other files that a document refers to; examples are not part of the contract.
fn references(value: &Value, found: &mut Vec<PathBuf>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| *name != "x-ms-examples") {
                match member.as_str() {
                    Some(reference) if name == "$ref" && !reference.starts_with('#') => {
                        found.push(PathBuf::from(reference.split('#').next().unwrap_or_default()));
                    }
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// A path without `.` and `..`, so that one file has one name.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            // Above a `..` that could not be taken away there is nothing to take away either.
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// The files of the given versions: `.../{stable|preview}/{version}/*.json`.
pub(super) fn version_files(root: &Path, versions: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(folder) = left.pop() {
        let is_version = folder.file_name().is_some_and(|name| versions.iter().any(|version| name == *version));
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "examples") {
                left.push(path);
            } else if is_version && path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
