//! The zip that an app is deployed from. Equal contents make an equal digest and equal bytes, whenever and wherever it
//! is built.

mod handler;

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

pub use handler::{Handler, Unreadable};

use crate::{
    function::{Function, Trigger},
    twin_info::{self, TwinInfo},
};

/// The name of the native program at the root of a package.
pub const HANDLER: &str = "handler";

/// The name of the program in a package for Lambda, which its runtime `provided.al2023` starts.
pub const BOOTSTRAP: &str = "bootstrap";

/// Separates our digests from those of anything else.
const DOMAIN: &[u8] = b"twinctl.package.v1\n";

const DOCUMENT: u32 = 0o644;
const PROGRAM: u32 = 0o755;

/// What an app is deployed from: documents for the host, which twin each device feeds, the program.
///
/// The digest is that of the contents and not of the zip, so that it is known without building one: the program is large,
/// and whether a package changed is asked more often than it does.
#[derive(Debug, Clone)]
pub struct Package {
    documents: BTreeMap<String, String>,
    program: &'static str,
    handler: Handler,
}

/// How the program is put into the zip; the documents are always compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As it is: for a host on the same machine.
    Stored,
    /// Compressed: for a host behind a network.
    Deflated,
}

impl Package {
    /// The package of an app on Azure: `host.json`, a `function.json` per function, the device map where the app's
    /// functions need one, the program.
    #[must_use]
    pub fn new(functions: &[Function], twin_info: Option<&TwinInfo>, handler: Handler) -> Self {
        let mut documents = BTreeMap::from([("host.json".to_owned(), pretty(&host()))]);
        for function in functions {
            documents.insert(format!("{function}/function.json"), pretty(&bindings(*function)));
        }
        if let Some(info) = twin_info {
            documents.insert(twin_info::FILE.to_owned(), info.to_json());
        }
        Self { documents, program: HANDLER, handler }
    }

    /// The package of a function on Lambda: the program alone. Which function it plays follows from the function's
    /// `Handler` setting, so that one package serves all.
    #[must_use]
    pub fn lambda(handler: Handler) -> Self {
        Self { documents: BTreeMap::new(), program: BOOTSTRAP, handler }
    }

    /// SHA-256 over path, mode and SHA-256 of every file, in order of the paths, in lower-case hexadecimal.
    ///
    /// # Errors
    /// [`Unreadable`] when the program cannot be read.
    pub fn digest(&self) -> Result<String, Unreadable> {
        let mut entries: BTreeMap<&str, (u32, String)> = BTreeMap::new();
        for (path, text) in &self.documents {
            entries.insert(path, (DOCUMENT, hex(&Sha256::digest(text))));
        }
        entries.insert(self.program, (PROGRAM, self.handler.digest()?.to_owned()));
        let mut hasher = Sha256::new_with_prefix(DOMAIN);
        for (path, (mode, digest)) in entries {
            // No path holds a line feed, so no two lists make one text.
            hasher.update(format!("{path}\n{mode:o} {digest}\n"));
        }
        Ok(hex(&hasher.finalize()))
    }

    /// Builds the zip.
    ///
    /// # Errors
    /// [`Error`] when the program cannot be read, or the zip grows beyond its format.
    pub fn zip(&self, compression: Compression) -> Result<Vec<u8>, Error> {
        let handler = self.handler.read()?;
        let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(handler.len() + (1 << 16))));
        for (path, text) in &self.documents {
            add(&mut zip, path, options(DOCUMENT, CompressionMethod::Deflated), text.as_bytes())?;
        }
        let method = match compression {
            Compression::Stored => CompressionMethod::Stored,
            Compression::Deflated => CompressionMethod::Deflated,
        };
        add(&mut zip, self.program, options(PROGRAM, method), &handler)?;
        Ok(zip.finish().map_err(Error::Zip)?.into_inner())
    }
}

/// A package that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program cannot be read.
    #[error(transparent)]
    Handler(#[from] Unreadable),
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

/// SHA-256 of a zip's own bytes in lower-case hexadecimal: what Lambda calls a package by (`CodeSha256`, there in base64).
/// Equal contents, equally compressed, make equal bytes.
#[must_use]
pub fn digest_of_zip(zip: &[u8]) -> String {
    hex(&Sha256::digest(zip))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes what is written to it");
        text
    })
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

fn options(mode: u32, method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(DateTime::default())
        .unix_permissions(mode)
}

fn add(
    zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    path: &str,
    options: SimpleFileOptions,
    bytes: &[u8],
) -> Result<(), Error> {
    zip.start_file(path, options).map_err(Error::Zip)?;
    zip.write_all(bytes).map_err(|source| Error::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
