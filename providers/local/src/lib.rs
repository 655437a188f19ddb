//! The local cloud: Azure's own HTTP interfaces, and AWS's of TwinMaker, served on loopback, state on disk, killable at any
//! time; and the process of an AWS emulator beside it.
//!
//! # Terms
//! | term | means |
//! |---|---|
//! | folder | where one cloud keeps everything; at most one process serves it, held by a lock that dies with it |
//! | service | an interface with a listener of its own: Resource Manager, the twins' data plane, login, ... |
//! | kind | a resource type: a row of the tables that drive the one resource core |
//! | operation | a long-running operation; begun by a PUT, DELETE or upload, ended by being looked at |
//! | minted | drawn once when a resource is created: principal ids, keys |
//! | effect | something that really happened to the state, as the effect log lists it |
//! | app | a function app: its package, its settings, and the process that runs them |
//! | delivery | an event on its way to one subscription, kept until it has arrived or was given up |
//! | emulator | ministack, which others make and which serves AWS; a process of its own, see [`emulator`] |
//! | fault | something that goes wrong on demand, aimed at certain requests |
//! | dump | the whole state in canonical form, equal for equal deployments |
//!
//! # Invariants
//! 1. An answer leaves only after what it reports has been written. Written, not synced: the state survives the
//!    death of the process, not a power failure.
//! 2. A last line that a kill has torn is cut off; any other damage is an error that names the line.
//! 3. Only loopback is listened on. Ports are part of host names and poll URLs, so a folder keeps its ports.
//! 4. State holds no port: host names are completed when they are handed out.
//! 5. What is not implemented answers 501 and names itself; nothing pretends.
//! 6. Presence of a bearer token is all that is checked of it, except by the data plane of digital twins where roles are
//!    enforced on request ([`strictness`]).

pub mod adt;
mod answer;
mod apps;
mod arm;
mod blob;
pub mod clock;
mod cloud;
mod control;
mod cosmos;
mod data_plane;
mod dump;
pub mod effects;
pub mod emulator;
pub mod endpoints;
mod events;
pub mod faults;
mod iot;
mod keep;
pub mod lines;
mod listen;
mod lock;
pub mod process;
mod query;
pub mod recording;
mod scm;
pub mod server;
mod state;
pub mod strictness;
pub mod tls;
mod token;
mod twinmaker;

pub use endpoints::Endpoints;
pub use lock::Owner;
