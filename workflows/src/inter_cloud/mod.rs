//! What the clouds of a deployment know of each other: tokens, and the file that says where everything is.

mod derive;
mod file;
mod key;

pub use derive::derive;
pub(crate) use derive::output;
pub use file::{Azure, Connection, File, NAME, remove, write};
pub use functions::settings::{Secret, SecretRef};
pub use key::{Error, Key};
