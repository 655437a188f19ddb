//! Contracts: do our requests, and the local cloud's answers, keep to Microsoft's published specifications?
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | document | one Swagger 2.0 file of one api-version |
//! | operation | one method on one path template of a document |
//! | exchange | one request as it was sent, with its answer if one came ([`Recorder`]) |
//! | handed out | a URL that an earlier answer gave: a poll URL, a next page. It is followed verbatim and matches no template |
//! | unreached | an operation on a path that is in use, which nothing that was recorded asked for |
//! | unpublished | a service of which no specification is published; its paths are listed by name, nothing else is excused |
//! | violation | one way in which one exchange departs from its operation |
//!
//! # What is checked
//!
//! The operation (method, path, api-version), its parameters (required, typed, none unknown in the query), the body of
//! the request and of the answer. A request's body is held strictly: a property that the specification does not name,
//! or that only the service may set (`readOnly`, `x-ms-mutability`), is a violation. An answer may hold more than the
//! specification names, as the real ones do, and null where a property is not required.
//!
//! The specifications lie beside the repository (`../shared`, or where `TWINCTL_SHARED` points); tests skip without.

mod check;
mod complaints;
mod documents;
mod handed_out;
mod operation;
mod recorder;
pub mod recording;
mod report;
mod schema;
mod wire;

use std::io::Write as _;
use std::path::{Path, PathBuf};

pub use check::Contracts;
pub use recorder::{Answer, Exchange, Recorder};
pub use report::{Coverage, Report, Violation};

/// The folder of shared facts, when there is one; says on stderr that the caller is skipped when there is none.
#[must_use]
pub fn shared(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let found = std::env::var_os("TWINCTL_SHARED").map_or(beside, PathBuf::from).join(part);
    if !found.exists() {
        // To the person who runs the tests, who would otherwise take the silence for success.
        {
            let _ = writeln!(std::io::stderr(), "skipped: there is no {} (set TWINCTL_SHARED)", found.display());
        }
        return None;
    }
    Some(found)
}

#[cfg(test)]
mod tests;
