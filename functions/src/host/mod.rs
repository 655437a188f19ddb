//! Hosts: what stands between a cloud and the functions.
//!
//! | host | how the cloud calls | where |
//! |---|---|---|
//! | Azure Functions custom handler | HTTP on `FUNCTIONS_CUSTOMHANDLER_PORT` | [`azure`] |
//! | AWS Lambda runtime | we ask `AWS_LAMBDA_RUNTIME_API` for the next invocation | [`lambda`] |
//! | plain HTTP, as Cloud Run calls | `POST /{function}` on `PORT` | would be a module `plain` beside it |
//!
//! A host turns what the cloud sends into a [`Call`](crate::call::Call), sets its deadline, hands it to the
//! [`App`](crate::app::App) and puts the answer into the cloud's form. It decides nothing else, so that a function is the
//! same under every host. Which host is meant follows from the environment, in the program that starts it.

pub mod azure;
pub mod lambda;
