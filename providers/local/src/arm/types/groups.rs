//! Resource groups.

use serde_json::json;

use super::super::id::GROUP;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls};
use super::super::names::{Ends, Letters, Rule};
use super::PLAIN;

pub(super) const KINDS: [Kind; 1] = [Kind {
    name: GROUP,
    versions: &["2021-04-01", "2022-09-01", "2024-03-01", "2024-07-01"],
    names: Rule::new(1, 90, Letters::Any, "-_.()", Ends::NoDotLast),
    needs: &["/location"],
    create: Begin::Done(201),
    // Deleting a group deletes what is in it; the poll URL answers 202 until that is done, then 200 without body.
    delete: End::Runs {
        runs: Runs {
            status: 202,
            state: "Deleting",
            body: Reply::Nothing,
            headers: Headers::Location,
            retry_after: Some(15),
        },
        gone: 200,
    },
    deleting: 17,
    urls: Urls::Subscription,
    show: |_, group| json!({ "properties": { "provisioningState": group.state } }),
    ..PLAIN
}];
