//! From the journal's fold to what the file says: there is no other source, so the file may be lost or deleted at will.

use journal::StreamState;
use serde::de::DeserializeOwned;
use url::Url;

use super::{Azure, Connection, File, Key};
use crate::{
    definition::Definition,
    layers,
    steps::{
        aws::outputs::FunctionUrl,
        outputs::{App, DigitalTwins, url_of},
    },
    topology::{Border, Cloud, Layer},
};

/// What the file says of a deployment; `None` when nothing of the deployment stands.
///
/// `definition` is what stands, or what a first run is to become; a receiver that does not stand (yet) is left out.
#[must_use]
pub fn derive(state: &StreamState, definition: &Definition, key: &Key) -> Option<File> {
    if state.deployment.steps.is_empty() {
        return None;
    }
    let topology = definition.topology();
    let connection = |border: &Border| {
        let generation = definition.tokens.get(&border.connection)?.generation;
        let connection = Connection {
            url: url(state, border)?.to_string(),
            token: key.token(&border.connection, generation),
            provider: border.to,
            function: border.function,
        };
        Some((border.connection.clone(), connection))
    };
    let connections: std::collections::BTreeMap<String, Connection> =
        topology.borders().filter_map(connection).collect();
    let instance: Option<DigitalTwins> = output(state, layers::ADT_INSTANCE);
    let pusher = topology.adt_pusher.as_ref().and_then(|border| connections.get(&border.connection));
    let azure = Azure {
        adt_instance_url: instance.map(|instance| format!("https://{}", instance.host_name)),
        adt_pusher: pusher.map(|pusher| (pusher.url.clone(), pusher.token.clone())),
    };
    Some(File { connections, azure })
}

/// Where a receiver is, as the cloud answered.
fn url(state: &StreamState, border: &Border) -> Option<Url> {
    match border.to {
        Cloud::Aws => {
            let url: FunctionUrl = output(state, &layers::function_url(Layer::L0, border.function))?;
            Some(url.url)
        }
        Cloud::Azure | Cloud::Google => {
            let app: App = output(state, &layers::azure_app(Layer::L0))?;
            Some(url_of(&app, border.function))
        }
    }
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
    use crate::{
        definition::{Target, TargetKind, VERSION},
        topology::Providers,
    };

    fn definition(providers: Providers, key: &Key) -> Definition {
        let definition = Definition {
            v: VERSION,
            twin_name: "factory".into(),
            mode: "debug".into(),
            hot_days: 1,
            cold_days: 2,
            providers,
            devices: Vec::new(),
            models: Vec::new(),
            twins: Vec::new(),
            relationships: Vec::new(),
            feeds: std::collections::BTreeMap::new(),
            aws_hierarchy: None,
            tokens: std::collections::BTreeMap::new(),
            target: Target { kind: TargetKind::Local, azure: None, aws: None },
        };
        definition.with_tokens(key)
    }

    fn state(steps: &[(&str, Value)]) -> StreamState {
        let deployed = |output: &Value| Deployed {
            definition: Digest("d".into()),
            document: Digest("e".into()),
            output: output.clone(),
            provenance: Provenance::Created,
            accepted: std::collections::BTreeSet::new(),
        };
        let mut state = StreamState::default();
        state.deployment.steps = steps.iter().map(|(id, output)| (StepId::new(*id), deployed(output))).collect();
        state
    }

    fn key() -> Key {
        Key::ephemeral().unwrap()
    }

    #[test]
    fn the_instance_is_named_by_what_azure_answered() {
        let instance = json!({ "id": "/adt", "host_name": "factory-adt.api.weu.digitaltwins.azure.net" });
        let definition = definition(Providers::all(Cloud::Azure), &key());
        let file = derive(&state(&[("l4/adt", instance)]), &definition, &key()).unwrap();
        assert_eq!(file.azure.adt_instance_url.unwrap(), "https://factory-adt.api.weu.digitaltwins.azure.net");
        assert!(file.connections.is_empty() && file.azure.adt_pusher.is_none());
    }

    #[test]
    fn half_a_deployment_has_a_file_and_none_has_none() {
        let definition = definition(Providers::all(Cloud::Azure), &key());
        let half = derive(&state(&[("setup/resource-group", json!({ "id": "/group" }))]), &definition, &key()).unwrap();
        assert_eq!(half.azure.adt_instance_url, None);
        assert!(derive(&StreamState::default(), &definition, &key()).is_none());
    }

    #[test]
    fn receivers_on_both_sides_are_named_by_what_their_clouds_answered() {
        let key = key();
        let providers = Providers { l2: Cloud::Aws, ..Providers::all(Cloud::Azure) };
        let definition = definition(providers, &key);
        let app = json!({ "id": "/l0", "host_name": "l0.example.net", "scm_host": "l0.scm.example.net" });
        let url = json!({ "url": "https://abc.lambda-url.eu-central-1.on.aws/" });
        let file = derive(&state(&[("l0/app", app), ("l0/aws-ingestion-url", url)]), &definition, &key).unwrap();
        let told: Vec<(&str, &str)> =
            file.connections.iter().map(|(name, connection)| (name.as_str(), connection.url.as_str())).collect();
        assert_eq!(
            told,
            [
                ("aws_l2_to_azure_l3hot", "https://l0.example.net/api/hot-writer"),
                ("aws_l2_to_azure_l4", "https://l0.example.net/api/adt-pusher"),
                ("azure_l1_to_aws_l2", "https://abc.lambda-url.eu-central-1.on.aws/"),
            ]
        );
        let (pusher, token) = file.azure.adt_pusher.unwrap();
        assert_eq!(pusher, "https://l0.example.net/api/adt-pusher");
        assert_eq!(token, key.token("aws_l2_to_azure_l4", 1));
    }
}
