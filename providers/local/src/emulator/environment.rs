//! The environment of the emulator, which its Lambda processes inherit. All of it: nothing else is passed on.
//!
//! The variables are those of ministack 1.5.33 (its `app.py`, `core/persistence.py`, `services/s3.py`).

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::folder::Folder;

/// The variables. `ca` is the certificate by which the local cloud is trusted, `path` where programs are found.
pub(super) fn variables(
    folder: &Folder,
    port: u16,
    region: &str,
    ca: &Path,
    path: Option<&OsStr>,
) -> Vec<(&'static str, OsString)> {
    let fixed = [
        // The listeners that would bind every address.
        ("IOT_MTLS_ENABLED", "0"),
        ("SFTP_ENABLED", "0"),
        ("BIND_HOST", "127.0.0.1"),
        ("MINISTACK_HOST", "localhost"),
        ("PERSIST_STATE", "1"),
        ("S3_PERSIST", "1"),
        ("LAMBDA_EXECUTOR", "local"),
        // What a crash says last is in the log.
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("LANG", "C.UTF-8"),
    ];
    let mut variables = fixed.map(|(name, value)| (name, OsString::from(value))).to_vec();
    // Lambda processes are to reach the emulator, and the local cloud beside it.
    variables.push(("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}").into()));
    variables.push(("SSL_CERT_FILE", ca.into()));
    variables.push(("GATEWAY_PORT", port.to_string().into()));
    variables.push(("MINISTACK_REGION", region.into()));
    variables.push(("STATE_DIR", folder.state().into()));
    variables.push(("S3_DATA_DIR", folder.objects().into()));
    variables.push(("TMPDIR", folder.scratch().into()));
    variables.push(("HOME", folder.dir().into()));
    variables.push(("DOCKER_HOST", no_docker(folder)));
    variables.extend(path.map(|path| ("PATH", path.to_owned())));
    variables
}

/// A socket that is not there. With Docker the emulator would start containers whose ports every address reaches, and
/// tidy up those of other emulators.
fn no_docker(folder: &Folder) -> OsString {
    let mut socket = OsString::from("unix://");
    socket.push(folder.dir().join("no-docker.sock"));
    socket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_listens_beyond_loopback_and_nothing_lands_beyond_the_folder() {
        let folder = Folder::of(Path::new("/cloud"));
        let set = variables(&folder, 4711, "eu-central-1", Path::new("/cloud/ca.pem"), Some("/bin".as_ref()));
        let of = |name: &str| set.iter().find(|(other, _)| *other == name).and_then(|(_, value)| value.to_str());
        assert_eq!(
            (of("IOT_MTLS_ENABLED"), of("SFTP_ENABLED"), of("BIND_HOST")),
            (Some("0"), Some("0"), Some("127.0.0.1"))
        );
        for name in ["STATE_DIR", "S3_DATA_DIR", "TMPDIR", "HOME"] {
            assert!(of(name).is_some_and(|path| path.starts_with("/cloud/aws")), "{name}");
        }
        assert_eq!(of("AWS_ENDPOINT_URL"), Some("http://127.0.0.1:4711"));
        assert_eq!(of("PATH"), Some("/bin"));
        let without = variables(&folder, 4711, "eu-central-1", Path::new("/cloud/ca.pem"), None);
        assert_eq!(without.len(), set.len() - 1);
    }
}
