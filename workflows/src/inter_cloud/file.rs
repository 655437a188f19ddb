//! `config_inter_cloud.json`: derived, rewritten whole, readable by its owner alone, since it holds tokens.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use functions::function::Function;
use functions::settings::Secret;
use serde_json::{Value, json};

use crate::topology::Cloud;

/// The file's name in the project folder.
pub const NAME: &str = "config_inter_cloud.json";

/// What the file says.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// The connections by name (`aws_l1_to_azure_l2`).
    pub connections: BTreeMap<String, Connection>,
    /// What L4 on Azure produced.
    pub azure: Azure,
}

/// One receiver at a border.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The receiver's URL.
    pub url: String,
    /// The token that it asks for.
    pub token: Secret,
    /// The receiver's cloud.
    pub provider: Cloud,
    /// The receiver.
    pub function: Function,
}

/// What L4 on Azure produced; absent parts are written as empty text.
#[derive(Debug, Clone, Default)]
pub struct Azure {
    /// `l4_adt_instance_url`
    pub adt_instance_url: Option<String>,
    /// `l4_adt_pusher_url` and `l4_adt_pusher_token`
    pub adt_pusher: Option<(String, Secret)>,
}

impl File {
    /// The text. It holds secrets: [`write()`] is where it goes.
    fn to_json(&self) -> String {
        let connections: BTreeMap<&String, Value> = self.connections.iter().map(|(k, v)| (k, v.to_json())).collect();
        let (url, token) = match &self.azure.adt_pusher {
            Some((url, token)) => (url.as_str(), token.reveal()),
            None => ("", ""),
        };
        let document = json!({
            "azure": {
                "l4_adt_instance_url": self.azure.adt_instance_url.as_deref().unwrap_or(""),
                "l4_adt_pusher_token": token,
                "l4_adt_pusher_url": url
            },
            "connections": connections
        });
        format!("{document:#}\n")
    }
}

impl Connection {
    fn to_json(&self) -> Value {
        json!({
            "function": self.function.name(),
            "provider": self.provider.name(),
            "token": self.token.reveal(),
            "url": self.url
        })
    }
}

/// Writes the file into a folder: whole or not at all, on disk when this returns, mode 0600. A file that says the same
/// already is left alone.
///
/// # Errors
/// What the file system says; the message names no content.
pub fn write(folder: &Path, file: &File) -> std::io::Result<()> {
    let (path, text) = (folder.join(NAME), file.to_json());
    if is_current(&path, &text)? {
        return Ok(());
    }
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().sync_all()?;
    temporary.persist(&path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

/// Removes the file from a folder: nothing stands that it could tell of. Whether it was there does not matter.
///
/// # Errors
/// What the file system says.
pub fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_file(folder.join(NAME)) {
        Ok(()) => fs::File::open(folder)?.sync_all(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_current(path: &Path, text: &str) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    match fs::read(path) {
        Ok(bytes) => Ok(bytes == text.as_bytes() && fs::metadata(path)?.permissions().mode() & 0o777 == 0o600),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file() -> File {
        let connection = Connection {
            url: "https://factory-l0-functions-abcdef.azurewebsites.net/api/ingestion".into(),
            token: Secret::new("token-1"),
            provider: Cloud::Azure,
            function: Function::Ingestion,
        };
        File {
            connections: [("aws_l1_to_azure_l2".to_owned(), connection)].into(),
            azure: Azure {
                adt_instance_url: Some("https://factory-adt-abcdef.api.weu.digitaltwins.azure.net".into()),
                adt_pusher: Some(("https://example.net/api/adt-pusher".into(), Secret::new("token-2"))),
            },
        }
    }

    #[test]
    fn the_dialect_is_one() {
        insta::assert_snapshot!(file().to_json(), @r#"
{
  "azure": {
    "l4_adt_instance_url": "https://factory-adt-abcdef.api.weu.digitaltwins.azure.net",
    "l4_adt_pusher_token": "token-2",
    "l4_adt_pusher_url": "https://example.net/api/adt-pusher"
  },
  "connections": {
    "aws_l1_to_azure_l2": {
      "function": "ingestion",
      "provider": "azure",
      "token": "token-1",
      "url": "https://factory-l0-functions-abcdef.azurewebsites.net/api/ingestion"
    }
  }
}
"#);
        insta::assert_snapshot!(File::default().to_json(), @r#"
{
  "azure": {
    "l4_adt_instance_url": "",
    "l4_adt_pusher_token": "",
    "l4_adt_pusher_url": ""
  },
  "connections": {}
}
"#);
    }

    #[test]
    fn it_is_written_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "old and open").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(folder.path(), &file()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), file().to_json());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn the_same_again_touches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &file()).unwrap();
        let inode = |folder: &Path| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(folder.join(NAME)).unwrap().ino()
        };
        let before = inode(folder.path());
        write(folder.path(), &file()).unwrap();
        assert_eq!(inode(folder.path()), before);
    }

    #[test]
    fn it_can_be_removed_twice() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &file()).unwrap();
        remove(folder.path()).unwrap();
        remove(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn debugging_it_shows_no_token() {
        assert!(!format!("{:?}", file()).contains("token-"));
    }
}
