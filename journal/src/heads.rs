//! The heads file: for each stream the newest record that is known to be on disk.
//!
//! sled drops a damaged tail without a word when it opens. `<state>/heads` makes that visible: one line of fixed
//! length per stream, rewritten in place after each sync, so it may lag behind the store and is never ahead of it.
//! It is not synced itself (that would cost a second trip to the disk): after a power failure it may be older.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::event::Digest;
use crate::record::{Head, sha256};

/// The file's name below the state folder.
const FILE: &str = "heads";

/// The heads file, open for writing.
#[derive(Debug)]
pub(crate) struct Heads {
    file: File,
    path: PathBuf,
    /// The place of each stream's line.
    lines: BTreeMap<String, u64>,
    end: u64,
}

impl Heads {
    /// Opens the file of a state folder, and tells the heads that it holds.
    pub(crate) fn open(state: &Path) -> Result<(Self, BTreeMap<String, Head>), Error> {
        let path = state.join(FILE);
        let known = known(state)?;
        // Written anew beside the old one, so that a process that ends here takes nothing away.
        let fresh = state.join("heads.new");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let file = file.map_err(Error::io("open", &fresh))?;
        let mut heads = Self { file, path, lines: BTreeMap::new(), end: 0 };
        known.iter().try_for_each(|(stream, head)| heads.put(stream, head))?;
        std::fs::rename(&fresh, &heads.path).map_err(Error::io("replace", &heads.path))?;
        Ok((heads, known))
    }

    /// Notes that `head` is on disk.
    pub(crate) fn put(&mut self, stream: &str, head: &Head) -> Result<(), Error> {
        let line = line(stream, head);
        let at = *self.lines.entry(stream.to_owned()).or_insert(self.end);
        self.file.write_all_at(line.as_bytes(), at).map_err(Error::io("write", &self.path))?;
        self.end = self.end.max(at + line.len() as u64);
        Ok(())
    }
}

/// The heads that the file of a state folder holds; lines that a power failure tore are left out, with a warning.
pub(crate) fn known(state: &Path) -> Result<BTreeMap<String, Head>, Error> {
    let path = state.join(FILE);
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    let parsed = text.lines().filter_map(|text| {
        let head = parse(text);
        if head.is_none() {
            tracing::warn!(path = %path.display(), "a line of the heads file is torn and does not count");
        }
        head
    });
    Ok(parsed.collect())
}

/// `<seq, 20 digits> <hash> <name as JSON> <check, 8 digits>`: its length depends on the stream's name alone.
fn line(stream: &str, head: &Head) -> String {
    let name = serde_json::Value::from(stream);
    let body = format!("{:020} {} {name}", head.seq, head.hash);
    let check = check(&body);
    format!("{body} {check}\n")
}

fn check(body: &str) -> String {
    sha256("twinctl.journal.heads.v1\n", body.as_bytes()).0[..8].to_owned()
}

fn parse(line: &str) -> Option<(String, Head)> {
    let (body, sum) = line.rsplit_once(' ')?;
    if check(body) != sum {
        return None;
    }
    let mut fields = body.splitn(3, ' ');
    let seq = fields.next()?.parse().ok()?;
    let hash = Digest(fields.next()?.to_owned());
    Some((serde_json::from_str(fields.next()?).ok()?, Head { seq, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq, hash: sha256("", &seq.to_be_bytes()) }
    }

    #[test]
    fn the_last_head_of_each_stream_is_kept() {
        let state = tempfile::tempdir().unwrap();
        let (mut heads, known_before) = Heads::open(state.path()).unwrap();
        assert!(known_before.is_empty());
        for (stream, seq) in [("a", 0), ("b c\"", 0), ("a", 1), ("a", 1_000_000), ("b c\"", 7)] {
            heads.put(stream, &head(seq)).unwrap();
        }
        let expected = BTreeMap::from([("a".to_owned(), head(1_000_000)), ("b c\"".to_owned(), head(7))]);
        assert_eq!(known(state.path()).unwrap(), expected);
        assert_eq!(Heads::open(state.path()).unwrap().1, expected);
    }

    #[test]
    fn a_torn_line_does_not_count() {
        let state = tempfile::tempdir().unwrap();
        let (mut heads, _) = Heads::open(state.path()).unwrap();
        heads.put("a", &head(41)).unwrap();
        heads.put("b", &head(42)).unwrap();
        let mut bytes = std::fs::read(state.path().join(FILE)).unwrap();
        bytes[19] = b'9';
        std::fs::write(state.path().join(FILE), bytes).unwrap();
        assert_eq!(known(state.path()).unwrap(), BTreeMap::from([("b".to_owned(), head(42))]));
    }
}
