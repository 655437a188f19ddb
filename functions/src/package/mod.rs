//! The zip that an app is deployed from. Equal contents make equal bytes, whenever and wherever it is built.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::function::{Function, Trigger};

/// The name of the native handler at the root of a package.
pub const HANDLER: &str = "handler";

/// What goes into an app's package.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// The functions that the app hosts.
    pub functions: &'a [Function],
    /// The native handler's bytes; without it the host has nothing to start, which only the local cloud tolerates.
    pub handler: Option<&'a [u8]>,
}

/// A finished package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The zip.
    pub bytes: Vec<u8>,
    /// SHA-256 of the zip in lower-case hexadecimal: the package's name in storage and its digest in the journal.
    pub digest: String,
}

/// Builds the package of an app on Azure: `host.json`, a `function.json` per function, the handler.
///
/// # Errors
/// [`Error`] when the zip cannot be written, which for memory means that it grew beyond the format.
pub fn build(contents: Contents<'_>) -> Result<Package, Error> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, text) in documents(contents.functions) {
        add(&mut zip, &path, 0o644, text.as_bytes())?;
    }
    if let Some(handler) = contents.handler {
        add(&mut zip, HANDLER, 0o755, handler)?;
    }
    let bytes = zip.finish().map_err(Error::Zip)?.into_inner();
    let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Package { bytes, digest })
}

/// A package that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The zip could not be written.
    #[error("write the package")]
    Zip(#[source] ZipError),
    /// A file could not be compressed into it.
    #[error("write {path} into the package")]
    File {
        /// The file's path in the package.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The JSON documents of a package by path, in order.
fn documents(functions: &[Function]) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::from([("host.json".to_owned(), pretty(&host()))]);
    for function in functions {
        documents.insert(format!("{function}/function.json"), pretty(&bindings(*function)));
    }
    documents
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// `host.json` for a custom handler. Requests are not forwarded as they came: an app may host both HTTP and Event Grid
/// triggers, and the handler takes the `Data`/`Metadata` form for all. Keys stand in alphabetical order here and below, so
/// that the bytes do not depend on whether some crate in the build asks serde_json to preserve the order of insertion.
fn host() -> Value {
    json!({
        "customHandler": {
            "description": {"arguments": [], "defaultExecutablePath": HANDLER, "workingDirectory": ""},
            "enableForwardingHttpRequest": false
        },
        "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"},
        "version": "2.0"
    })
}

/// `function.json`. HTTP functions are anonymous to the host: they check the token of their connection themselves, since
/// a host key exists only some time after the app does.
fn bindings(function: Function) -> Value {
    match function.trigger() {
        Trigger::EventGrid => json!({
            "bindings": [{"direction": "in", "name": "event", "type": "eventGridTrigger"}]
        }),
        Trigger::Http => json!({
            "bindings": [
                {
                    "authLevel": "anonymous", "direction": "in", "methods": ["post"],
                    "name": "req", "route": function.name(), "type": "httpTrigger"
                },
                {"direction": "out", "name": "res", "type": "http"}
            ]
        }),
    }
}

fn add(zip: &mut ZipWriter<Cursor<Vec<u8>>>, path: &str, mode: u32, bytes: &[u8]) -> Result<(), Error> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(mode);
    zip.start_file(path, options).map_err(Error::Zip)?;
    zip.write_all(bytes).map_err(|source| Error::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
