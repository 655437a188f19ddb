//! What the clouds of a deployment know of each other: tokens, and the file that says where everything is.

mod file;
mod key;

pub use file::{Azure, Connection, File, NAME, write};
pub use functions::settings::{Secret, SecretRef};
pub use key::{Error, Key};
