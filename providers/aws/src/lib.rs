//! AWS: one resource API over the services that a twin is made of, the data planes of objects, settings and devices, and
//! events with their rules and queues.
//!
//! One handle ([`Aws`]) serves AWS and its emulators: only endpoint and credentials differ. Every kind of resource
//! ([`Kind`]) is read, created, updated and deleted by the same four calls on documents of CloudFormation's shape, so that a
//! layer is a list of documents and one step serves all.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | kind | the type of a resource, under CloudFormation's name ([`Kind::name`]) |
//! | id | a resource's name within account and region; parts of parts are `parent/child` |
//! | document | the properties of a resource, with CloudFormation's names; ids and tags are apart |
//! | found | a resource as it is: document, attributes, tags and state ([`Found`]) |
//! | attribute | what the service alone decides: `Arn`, `FunctionUrl` |
//! | difference | where a found document is not as the wanted one ([`Kind::differences`]) |
//! | tags | how a resource of ours is known again; every create carries them ([`Tags`]) |
//! | settings | a function's environment, apart from its document since it holds secrets |
//! | bus | where EventBridge takes events, and where rules look for them ([`events`]) |
//! | schedule rule | a rule that fires by the clock and puts an event into a queue |
//! | device | what sends messages, known by its certificate ([`device::Sender`]) |
//!
//! # Invariants
//!
//! 1. Nothing here retries: one call is one request or a short fixed sequence of them, and repeating it is safe. Whoever
//!    calls decides, by [`ErrorKind`], and can record each attempt.
//! 2. Every request has a time-out.
//! 3. No secret, header or request body enters an [`Error`] or a `Debug` output.
//! 4. What a document says is applied: a property that is not known here is refused, not ignored.
//! 5. A resource that is there already is ours only when it carries all our tags.
//! 6. With an endpoint of its own, the handle asks nothing of AWS; credentials are looked for only when a request needs them.

pub mod arn;
mod certificates;
mod compare;
mod credentials;
pub mod device;
mod environment;
mod error;
pub mod events;
mod handle;
mod history;
mod kind;
mod kinds;
mod objects;
mod observed;
pub mod policy;
mod resource;
mod transport;

pub use certificates::{CertificateState, certificate_id};
pub use credentials::{Credentials, Secret};
pub use error::{Error, ErrorKind};
pub use handle::{Aws, Identity, Options};
pub use history::PastValue;
pub use kind::{KINDS, Kind, UnknownKind};
pub use objects::ObjectHead;
pub use observed::Observer;
pub use resource::{Found, State, Tags};
pub use transport::http_client;

/// The client under the SDK, which a wrapper of ours is written against.
pub use aws_smithy_runtime_api::client::http;
