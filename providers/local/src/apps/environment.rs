//! The environment of an app's process: its settings, what its host adds, and nothing of ours but the way to programs.

use std::collections::BTreeMap;
use std::path::Path;

/// What is handed on from the cloud's own environment.
const INHERITED: [&str; 5] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];

/// What the host tells a process.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) app: &'a str,
    /// Drawn for every process.
    pub(super) instance: &'a str,
    /// The port to listen on.
    pub(super) port: u16,
    /// Where the package is unpacked.
    pub(super) root: &'a Path,
    /// The port of the identity endpoint.
    pub(super) identity_port: u16,
    /// Drawn for every process.
    pub(super) identity_header: &'a str,
    /// The certificate of the cloud's CA.
    pub(super) ca: &'a Path,
}

/// Puts the environment together: what the host tells stands above the settings, these above what is inherited.
pub(super) fn of(
    settings: &BTreeMap<String, String>,
    facts: &Facts<'_>,
    ours: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> =
        INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), ours(name)?))).collect();
    environment.insert("FUNCTIONS_EXTENSION_VERSION".to_owned(), "~4".to_owned());
    for (name, value) in settings {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            tracing::warn!(app = facts.app, name, "an app setting cannot be an environment variable; it is left out");
            continue;
        }
        environment.insert(name.clone(), value.clone());
    }
    let told = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", facts.port.to_string()),
        ("FUNCTIONS_HTTPWORKER_PORT", facts.port.to_string()),
        ("AzureWebJobsScriptRoot", facts.root.display().to_string()),
        ("WEBSITE_SITE_NAME", facts.app.to_owned()),
        ("WEBSITE_INSTANCE_ID", facts.instance.to_owned()),
        ("IDENTITY_ENDPOINT", format!("http://127.0.0.1:{}/msi/token", facts.identity_port)),
        ("IDENTITY_HEADER", facts.identity_header.to_owned()),
        ("SSL_CERT_FILE", facts.ca.display().to_string()),
        (super::PARENT_STDIN, "1".to_owned()),
    ];
    environment.extend(told.map(|(name, value)| (name.to_owned(), value)));
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_reach_the_process_and_our_own_environment_does_not() {
        let facts = Facts {
            app: "factory-l0",
            instance: "i1",
            port: 4711,
            root: Path::new("/p"),
            identity_port: 9,
            identity_header: "h",
            ca: Path::new("/c/ca.pem"),
        };
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = BTreeMap::from([
            setting("ADT_INSTANCE_URL", "https://x"),
            setting("FUNCTIONS_CUSTOMHANDLER_PORT", "1"),
            setting("FUNCTIONS_EXTENSION_VERSION", "~5"),
            setting("no=name", "x"),
            setting("", "x"),
            setting("NUL", "a\0b"),
        ]);
        let ours = |name: &str| matches!(name, "PATH" | "AWS_SECRET_ACCESS_KEY").then(|| format!("our {name}"));
        let environment = of(&settings, &facts, ours);
        let text: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "ADT_INSTANCE_URL=https://x",
            "AzureWebJobsScriptRoot=/p",
            "FUNCTIONS_CUSTOMHANDLER_PORT=4711",
            "FUNCTIONS_EXTENSION_VERSION=~5",
            "FUNCTIONS_HTTPWORKER_PORT=4711",
            "IDENTITY_ENDPOINT=http://127.0.0.1:9/msi/token",
            "IDENTITY_HEADER=h",
            "PATH=our PATH",
            "SSL_CERT_FILE=/c/ca.pem",
            "TWINCTL_PARENT_STDIN=1",
            "WEBSITE_INSTANCE_ID=i1",
            "WEBSITE_SITE_NAME=factory-l0",
        ];
        assert_eq!(text, expected);
    }
}
