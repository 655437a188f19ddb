//! From the journal's fold to what the file says: there is no other source, so the file may be lost or deleted at will.

use journal::StreamState;
use serde::de::DeserializeOwned;

use super::{Azure, File};
use crate::{layers, steps::outputs::DigitalTwins};

/// What the file says of a deployment; `None` when nothing of the deployment stands.
///
/// While every layer is on Azure there is no border to cross, so there are no connections and no pusher.
#[must_use]
pub fn derive(state: &StreamState) -> Option<File> {
    if state.deployment.steps.is_empty() {
        return None;
    }
    let instance: Option<DigitalTwins> = output(state, layers::ADT_INSTANCE);
    let adt_instance_url = instance.map(|instance| format!("https://{}", instance.host_name));
    Some(File { azure: Azure { adt_instance_url, ..Azure::default() }, ..File::default() })
}

/// What a step that stands put out.
pub(crate) fn output<T: DeserializeOwned>(state: &StreamState, step: &str) -> Option<T> {
    let (_, deployed) = state.deployment.steps.iter().find(|(id, _)| id.as_str() == step)?;
    T::deserialize(&deployed.output).ok()
}

#[cfg(test)]
mod tests {
    use journal::{Deployed, Digest, Provenance, StepId};
    use serde_json::{Value, json};

    use super::*;

    fn state(steps: &[(&str, Value)]) -> StreamState {
        let deployed = |output: &Value| Deployed {
            definition: Digest("d".into()),
            document: Digest("e".into()),
            output: output.clone(),
            provenance: Provenance::Created,
        };
        let mut state = StreamState::default();
        state.deployment.steps = steps.iter().map(|(id, output)| (StepId::new(*id), deployed(output))).collect();
        state
    }

    #[test]
    fn the_instance_is_named_by_what_azure_answered() {
        let instance = json!({ "id": "/adt", "host_name": "factory-adt.api.weu.digitaltwins.azure.net" });
        let file = derive(&state(&[("l4/adt", instance)])).unwrap();
        assert_eq!(file.azure.adt_instance_url.unwrap(), "https://factory-adt.api.weu.digitaltwins.azure.net");
        assert!(file.connections.is_empty() && file.azure.adt_pusher.is_none());
    }

    #[test]
    fn half_a_deployment_has_a_file_and_none_has_none() {
        let half = derive(&state(&[("setup/resource-group", json!({ "id": "/group" }))])).unwrap();
        assert_eq!(half.azure.adt_instance_url, None);
        assert!(derive(&StreamState::default()).is_none());
    }
}
