//! `host.json`: what starts the process of an app, and how requests reach it.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

/// The name of the document, at the root of a package.
pub(super) const FILE: &str = "host.json";

/// What the local cloud heeds of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// The executable: a path inside the package, an absolute path, or a name to be found on the `PATH`.
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Where it runs, below the package's root.
    pub(super) folder: PathBuf,
    /// Whether requests of plain HTTP functions reach it as they came.
    pub(super) forwards: bool,
    /// What comes before the routes of HTTP functions.
    pub(super) prefix: String,
}

/// Why a host cannot start from its document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It is no JSON of the expected form.
    #[error("host.json cannot be read: {0}")]
    Form(String),
    /// It names no custom handler.
    #[error("host.json names no customHandler.description.defaultExecutablePath")]
    NoHandler,
    /// It points out of the package.
    #[error("host.json names a path outside of the package: {0}")]
    Outside(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    custom_handler: Option<Handler>,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handler {
    #[serde(default)]
    description: Description,
    #[serde(default)]
    enable_forwarding_http_request: bool,
    #[serde(default)]
    enable_proxying_http_request: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Description {
    default_executable_path: String,
    arguments: Vec<String>,
    working_directory: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extensions {
    http: Http,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Http {
    route_prefix: Option<String>,
}

impl Host {
    /// Reads the document.
    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let document: Document = serde_json::from_slice(text).map_err(|error| Error::Form(error.to_string()))?;
        let handler = document.custom_handler.ok_or(Error::NoHandler)?;
        let Description { default_executable_path, arguments, working_directory } = handler.description;
        if default_executable_path.is_empty() {
            return Err(Error::NoHandler);
        }
        let program = PathBuf::from(&default_executable_path);
        if !program.is_absolute() {
            inside(&program)?;
        }
        let folder = PathBuf::from(working_directory);
        inside(&folder)?;
        Ok(Self {
            program,
            arguments,
            folder,
            forwards: handler.enable_forwarding_http_request || handler.enable_proxying_http_request,
            prefix: document.extensions.http.route_prefix.unwrap_or_else(|| "api".to_owned()),
        })
    }

    /// The executable of the package unpacked at `root`; a bare name that is not in it is left to the `PATH`.
    pub(super) fn program_in(&self, root: &Path) -> PathBuf {
        let inside = root.join(&self.program);
        let bare = self.program.components().count() == 1 && !self.program.is_absolute();
        if bare && !inside.exists() { self.program.clone() } else { inside }
    }
}

fn inside(path: &Path) -> Result<(), Error> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.components().all(plain) { Ok(()) } else { Err(Error::Outside(path.display().to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Host, Error> {
        Host::read(text.as_bytes())
    }

    #[test]
    fn a_document_names_program_folder_and_form() {
        let text = r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"bin/handler",
            "arguments":["--serve"],"workingDirectory":"bin"},"enableForwardingHttpRequest":true},
            "extensions":{"http":{"routePrefix":"v1"}},"extensionBundle":{}}"#;
        let host = read(text).expect("reads");
        assert_eq!(host.program_in(Path::new("/p")), Path::new("/p/bin/handler"));
        assert_eq!((host.arguments.as_slice(), host.forwards), (["--serve".to_owned()].as_slice(), true));
        assert_eq!((host.folder.as_path(), host.prefix.as_str()), (Path::new("bin"), "v1"));
    }

    #[test]
    fn a_bare_name_that_is_not_there_is_looked_for_on_the_path() {
        let host =
            read(r#"{"customHandler":{"description":{"defaultExecutablePath":"no-such-file"}}}"#).expect("reads");
        assert_eq!(host.program_in(Path::new("/nowhere")), Path::new("no-such-file"));
        assert_eq!((host.forwards, host.prefix.as_str()), (false, "api"));
    }

    #[test]
    fn what_cannot_start_says_why() {
        assert!(matches!(read("{"), Err(Error::Form(_))));
        assert_eq!(read(r#"{"version":"2.0"}"#), Err(Error::NoHandler));
        assert_eq!(read(r#"{"customHandler":{"description":{}}}"#), Err(Error::NoHandler));
        for (program, folder) in [("../x", ""), ("a/../../x", ""), ("x", "/etc"), ("x", "..")] {
            let text = serde_json::json!({ "customHandler": { "description":
                { "defaultExecutablePath": program, "workingDirectory": folder } } });
            assert!(matches!(read(&text.to_string()), Err(Error::Outside(_))), "{program} {folder}");
        }
    }
}
