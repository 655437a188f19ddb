//! Microsoft's own examples: the check finds nothing wrong with them, or we know what is.

use std::path::Path;

use super::*;

/// The documents of what we deploy, below `specification`.
const DOCUMENTS: [&str; 10] = [
    "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01/authorization-RoleAssignmentsCalls.json",
    "cosmos-db/resource-manager/Microsoft.DocumentDB/stable/2024-08-15/cosmos-db.json",
    "digitaltwins/data-plane/Microsoft.DigitalTwins/stable/2023-10-31/digitaltwins.json",
    "digitaltwins/resource-manager/Microsoft.DigitalTwins/stable/2023-01-31/digitaltwins.json",
    "eventgrid/resource-manager/Microsoft.EventGrid/stable/2022-06-15/EventGrid.json",
    "iothub/resource-manager/Microsoft.Devices/stable/2023-06-30/iothub.json",
    "msi/resource-manager/Microsoft.ManagedIdentity/stable/2023-01-31/ManagedIdentity.json",
    "resources/resource-manager/Microsoft.Resources/stable/2024-07-01/resources.json",
    "storage/resource-manager/Microsoft.Storage/stable/2023-05-01/storage.json",
    "web/resource-manager/Microsoft.Web/stable/2024-04-01/WebApps.json",
];

/// The operations that we use, by how their ids begin: compiling the schemas of all would take its time.
const OURS: [&str; 21] = [
    "DatabaseAccounts_",
    "DigitalTwin",
    "EventRoutes_",
    "EventSubscriptions_",
    "ImportJobs_",
    "IotHubResource_",
    "Query_",
    "ResourceGroups_",
    "RoleAssignments_",
    "SqlResources_CreateUpdateSql",
    "SqlResources_GetSql",
    "StorageAccounts_",
    "SystemTopic",
    "UserAssignedIdentities_",
    "WebApps_CreateOrUpdate",
    "WebApps_Delete",
    "WebApps_Get",
    "WebApps_ListApplicationSettings",
    "WebApps_ListFunctionSecrets",
    "WebApps_Update",
    "Providers_",
];

/// Examples that contradict their own document: operation, what the check says of it, why it is right to.
const CONTRADICTIONS: [(&str, &str, &str); 6] = [
    ("SqlResources_CreateUpdateSqlTrigger", "is not one of", "names the enum's values instead of taking one"),
    ("UserAssignedIdentities_Update", "body/location", "sends what only a create may set"),
    ("StorageAccounts_Update", "keyType", "sends what only a create may set"),
    ("WebApps_CreateOrUpdate", "lastModifiedTimeUtc", "shows a time without its zone"),
    ("DigitalTwins_Send", "Message-Id", "leaves the id out of the headers"),
    ("", "query parameter", "many give parameters that their operation does not take"),
];

/// One example as exchanges, one for each answer that it shows.
fn exchanges(template: &str, method: &str, operation: &Value, example: &Value) -> Vec<Exchange> {
    let mut path = template.to_owned();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let (mut headers, mut body) = (BTreeMap::new(), Bytes::new());
    let consumes = operation["consumes"][0].as_str().unwrap_or("application/json");
    for (name, value) in example["parameters"].as_object().expect("parameters") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let slot = format!("{{{name}}}");
        if path.contains(&slot) {
            path = path.replace(&slot, text.trim_matches('/'));
        } else if value.is_object() || (value.is_array() && method != "get") {
            body = value.to_string().into();
            headers.insert("content-type".to_owned(), consumes.to_owned());
        } else if name.to_ascii_lowercase().starts_with("if-") {
            headers.insert(name.to_ascii_lowercase(), text);
        } else {
            query.append_pair(name, &text);
        }
    }
    let url = Url::parse(&format!("https://host{path}?{}", query.finish())).expect("a URL");
    let exchange = |status: &String, response: &Value| {
        let shown = response.get("body").filter(|body| !body.is_null());
        let shown = shown.map_or_else(Bytes::new, |body| body.to_string().into());
        let answer = Answer { status: status.parse().ok()?, headers: BTreeMap::new(), body: shown };
        let (url, headers, body) = (url.clone(), headers.clone(), body.clone());
        Some(Exchange { method: method.to_ascii_uppercase(), url, headers, body, answer: Some(answer) })
    };
    let responses = example["responses"].as_object().expect("responses");
    responses.iter().filter_map(|(status, response)| exchange(status, response)).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON")
}

/// Every example of a document, with the operation that it is of.
fn examples(path: &Path) -> Vec<(String, Exchange)> {
    let document = read(path);
    let folder = path.parent().expect("a folder");
    let mut all = Vec::new();
    for (template, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            if !OURS.iter().any(|ours| id.starts_with(ours)) {
                continue;
            }
            for example in operation["x-ms-examples"].as_object().into_iter().flatten().map(|(_, example)| example) {
                let example = read(&folder.join(example["$ref"].as_str().expect("a file")));
                all.extend(
                    exchanges(template, method, operation, &example).into_iter().map(|one| (id.to_owned(), one)),
                );
            }
        }
    }
    all
}

#[test]
fn published_examples_keep_to_their_documents() {
    let Some(contracts) = CONTRACTS.as_ref() else { return };
    let root = shared("specs/azure/specification").expect("loaded");
    let all: Vec<_> = DOCUMENTS.iter().flat_map(|document| examples(&root.join(document))).collect();
    let mut wrong = Vec::new();
    for (id, exchange) in &all {
        let report = contracts.check(std::slice::from_ref(exchange));
        let known = |what: &str| CONTRADICTIONS.iter().any(|(of, words, _)| id.starts_with(of) && what.contains(words));
        wrong.extend(
            report
                .violations
                .into_iter()
                .filter(|violation| !known(&violation.what))
                .map(|violation| violation.to_string()),
        );
    }
    eprintln!("{} examples of {} documents checked", all.len(), DOCUMENTS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() > 250, "the examples were found: {}", all.len());
}
