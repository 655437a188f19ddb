//! L4 on Azure: the Azure Digital Twins instance and its graph.

use azure::roles::{self, PrincipalType};
use engine::graph::{After, Handle};
use serde_json::json;

use super::{
    super::site::{At, Site},
    Azure, resource, resource_at,
    setup::{assignment, principal_type},
};
use crate::steps::{
    access::{Admitted, DataPlane},
    kind::{DIGITAL_TWINS, ROLE_ASSIGNMENT},
    outputs::DigitalTwins,
    twin_graph::{GraphDocument, Relationship, TwinGraph},
};

const LAYER: &str = "L4";

/// What later steps take from L4.
#[derive(Clone, Copy)]
pub(crate) struct Twin {
    pub(crate) instance: Handle<DigitalTwins>,
    admitted: After,
}

/// Adds what stands by itself: the instance, and who may write into it.
pub(crate) fn stand(site: &mut Site<'_>, azure: &Azure<'_>) -> Twin {
    let location = azure.account.regions.digital_twin.clone();
    let id = azure.id("Microsoft.DigitalTwins/digitalTwinsInstances", &azure.names.adt_instance());
    let body = json!({ "location": location });
    let instance = resource(site, LAYER, "adt", DIGITAL_TWINS, id, body, &[azure.setup.group]);
    Twin { instance, admitted: roles(site, azure, instance) }
}

/// Adds what is wired: models, twins and relationships.
pub(crate) fn wire(site: &mut Site<'_>, twin: &Twin, gate: After) -> After {
    let document = document(site);
    let title = format!(
        "{} models, {} twins, {} relationships",
        document.models.len(),
        document.twins.len(),
        document.relationships.len()
    );
    let at = At::new(LAYER, "twin-graph", title, 5 + document.twins.len() as u64 / 100);
    let after = [twin.admitted, gate];
    let filled =
        site.step(at, twin.instance, &after, move |adt| TwinGraph::new(adt.id, adt.host_name, document.clone()));
    filled.into()
}

/// The deployer and the apps' identity may write twins; done when the data plane admits the deployer.
fn roles(site: &mut Site<'_>, azure: &Azure<'_>, adt: Handle<DigitalTwins>) -> After {
    let subscription = azure.account.subscription.clone();
    let at = resource_at(LAYER, "deployer-adt-role", ROLE_ASSIGNMENT, "of the deployer on the twin instance");
    let deployer = site.step(at, (azure.setup.deployer, adt), &[], move |(deployer, adt)| {
        let kind = principal_type(&deployer);
        assignment(&subscription, &adt.id, roles::DIGITAL_TWINS_DATA_OWNER, &deployer.object_id, kind)
    });
    let subscription = azure.account.subscription.clone();
    let at = resource_at(LAYER, "identity-adt-role", ROLE_ASSIGNMENT, "of the identity on the twin instance");
    site.step(at, (azure.setup.identity, adt), &[], move |(identity, adt)| {
        let role = roles::DIGITAL_TWINS_DATA_OWNER;
        assignment(&subscription, &adt.id, role, &identity.principal_id, PrincipalType::ServicePrincipal)
    });
    let at = At::new(LAYER, "access", "access to the twin instance", 120);
    let admitted = site.step(at, adt, &[deployer.into()], |adt| Admitted::to(DataPlane::DigitalTwins, adt.host_name));
    admitted.into()
}

fn document(site: &Site<'_>) -> GraphDocument {
    let definition = site.definition;
    let relationship = |one: &crate::definition::Relationship| Relationship {
        source: one.source.clone(),
        id: one.id.clone(),
        body: one.body.clone(),
    };
    let live = definition.twins.iter().map(|twin| (twin.id.clone(), definition.live_paths(&twin.id)));
    GraphDocument {
        models: definition.models.clone(),
        twins: definition.twins.iter().map(|twin| (twin.id.clone(), twin.body.clone())).collect(),
        relationships: definition.relationships.iter().map(relationship).collect(),
        live: live.filter(|(_, paths)| !paths.is_empty()).collect(),
    }
}
