//! What the resource core has to know of a resource type.

use serde_json::{Map, Value};

use super::failure::{Failure, Shape};
use super::id::Id;
use super::names::Rule;
use crate::cloud::Cloud;
use crate::state::{Resource, State};

/// What a type's functions can look at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) state: &'a State,
}

/// A resource type: how it is named, asked for, waited for and shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// `Microsoft.DigitalTwins/digitalTwinsInstances`.
    pub(crate) name: &'static str,
    /// The api-versions that are understood.
    pub(crate) versions: &'static [&'static str],
    pub(crate) names: Rule,
    /// Names must be unique among all resources of the type, since they become host names.
    pub(crate) global: bool,
    /// JSON pointers that a PUT must carry.
    pub(crate) needs: &'static [&'static str],
    pub(crate) create: Begin,
    pub(crate) update: Begin,
    /// Status of a PATCH; `None` when the type knows no PATCH.
    pub(crate) patch: Option<u16>,
    pub(crate) delete: End,
    /// Recorded duration of a create, in seconds.
    pub(crate) creating: u32,
    /// Recorded duration of a delete, in seconds.
    pub(crate) deleting: u32,
    pub(crate) shape: Shape,
    pub(crate) urls: Urls,
    /// Segments of the id between this resource and the one that must exist before it; 0 for none.
    pub(crate) parent: usize,
    /// What is drawn at creation.
    pub(crate) mint: fn() -> Map<String, Value>,
    /// What else can be wrong with a PUT.
    pub(crate) check: fn(View<'_>, &Id, &Value) -> Result<(), Failure>,
    /// What the service adds to, or replaces in, what was asked for.
    pub(crate) show: fn(View<'_>, &Resource) -> Value,
}

/// How a PUT is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// Done at once, with this status.
    Done(u16),
    /// A long operation begins.
    Runs(Runs),
}

/// How the begin of a long operation is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs {
    pub(crate) status: u16,
    /// `provisioningState` meanwhile.
    pub(crate) state: &'static str,
    pub(crate) body: Reply,
    pub(crate) headers: Headers,
    /// Recorded `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u32>,
}

/// What the body of an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Resource,
    Nothing,
    /// `{"status": "Enqueued"}`: Cosmos DB.
    Enqueued,
}

/// Which poll URLs are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Headers {
    AzureAsync,
    Location,
    Both,
}

/// How a DELETE is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// Done at once: the status, whether the resource is shown once more, the status when it was not there.
    Done { status: u16, body: Reply, absent: u16 },
    /// A long operation begins; `gone` is how its Location URL answers in the end.
    Runs { runs: Runs, gone: u16 },
    /// The type knows no DELETE.
    Never,
}

/// What poll URLs look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Urls {
    /// `/subscriptions/{s}/providers/{namespace}/locations/{location}/{status or results}/{id}`.
    Location(&'static str, &'static str),
    /// `{resource}/operationResults/{id}`, with `asyncinfo` for the status form: IoT Hub.
    Resource,
    /// `/subscriptions/{s}/operationresults/{id}`: resource groups.
    Subscription,
}

impl Kind {
    /// The namespace, `Microsoft.DigitalTwins`.
    pub(crate) fn namespace(&self) -> &'static str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// Draws nothing.
pub(crate) fn mint_nothing() -> Map<String, Value> {
    Map::new()
}

/// Finds nothing wrong.
pub(crate) fn check_nothing(_: View<'_>, _: &Id, _: &Value) -> Result<(), Failure> {
    Ok(())
}
