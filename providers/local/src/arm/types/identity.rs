//! User-assigned managed identities.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::kind::Kind;
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, mint_identity};
use crate::endpoints::TENANT;

pub(super) const KINDS: [Kind; 1] = [Kind {
    name: "Microsoft.ManagedIdentity/userAssignedIdentities",
    versions: &["2018-11-30", "2023-01-31"],
    names: Rule::new(3, 128, Letters::Any, "-_", Ends::Free),
    needs: &["/location"],
    mint,
    show: |_, identity| {
        json!({ "properties": {
            "tenantId": TENANT,
            "principalId": identity.minted("principalId"),
            "clientId": identity.minted("clientId"),
        }})
    },
    ..PLAIN
}];

/// A recreated identity has a new principal, as on the real cloud: old role assignments do not fit it.
fn mint() -> Map<String, Value> {
    let mut minted = mint_identity();
    minted.insert("clientId".to_owned(), Uuid::new_v4().to_string().into());
    minted
}
