//! Two public ontologies, and a graph of ten thousand twins over them: deployed in one run, which is killed on its way.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use dtdl::{Content, Document, Models, Primitive, Property, Rules, Schema};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tests::{by_hand::ByHand, contract::shared, twinctl::Sandbox};

const TWINS: usize = 10_000;
/// The twins after which the run is killed.
const KILLED_AFTER: usize = 3_000;

/// The models of both ontologies as they are published.
fn ontologies() -> Option<Vec<Value>> {
    let mut models = Vec::new();
    for name in ["realestatecore", "energygrid"] {
        let text = std::fs::read_to_string(shared(&format!("data/ontologies/{name}.json"))?).expect("it is readable");
        models.extend(serde_json::from_str::<Vec<Value>>(&text).expect("an ontology is a list of models"));
    }
    Some(models)
}

/// The graph: twins of every model in turn with a value for each simple property, and at most one relationship each.
struct Graph {
    twins: Vec<Value>,
    relationships: Vec<Value>,
}

fn graph(models: &Models) -> Graph {
    let ids: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
    let name = |number: usize| format!("twin-{number:05}");
    let model = |number: usize| ids[number % ids.len()];
    let twins = (0..TWINS).map(|number| twin(models, model(number), &name(number), number)).collect();
    let mut candidates = Candidates { models, ids: &ids, known: BTreeMap::new() };
    let relationships = (0..TWINS).filter_map(|number| {
        let (definition, target) = models.relationships(model(number)).find_map(|definition| {
            let target = candidates.of(definition.target.as_ref().map(dtdl::Dtmi::as_str), number)?;
            (target != number).then_some((definition, target))
        })?;
        Some(json!({
            "$dtId": name(number), "$relationshipId": format!("{}-{number}", definition.name),
            "$targetId": name(target), "$relationshipName": definition.name,
        }))
    });
    Graph { relationships: relationships.collect(), twins }
}

/// Which twins may be at the far end of a relationship.
struct Candidates<'a> {
    models: &'a Models,
    ids: &'a [&'a str],
    known: BTreeMap<String, Vec<usize>>,
}

impl Candidates<'_> {
    /// A twin whose model is the target or extends it; any twin where there is no target.
    fn of(&mut self, target: Option<&str>, number: usize) -> Option<usize> {
        let Some(target) = target else { return Some((number * 7 + 1) % TWINS) };
        let fitting = self.known.entry(target.to_owned()).or_insert_with(|| {
            let fits = |place: &usize| self.models.is_a(self.ids[*place], target);
            (0..self.ids.len()).filter(fits).collect()
        });
        let place = *fitting.get(number % fitting.len().max(1))?;
        let rounds = (TWINS - 1 - place) / self.ids.len() + 1;
        Some(place + number % rounds * self.ids.len())
    }
}

fn twin(models: &Models, model: &str, id: &str, number: usize) -> Value {
    let mut twin = Map::new();
    twin.insert("$dtId".into(), id.into());
    twin.insert("$metadata".into(), json!({ "$model": model }));
    for content in models.contents(model) {
        match content {
            Content::Property(property) => {
                twin.extend(value(property, number).map(|value| (property.name.clone(), value)))
            }
            Content::Component(component) => drop(twin.insert(component.name.clone(), json!({ "$metadata": {} }))),
            _ => {}
        }
    }
    twin.into()
}

fn value(property: &Property, number: usize) -> Option<Value> {
    match &property.schema {
        Schema::Primitive(Primitive::String) => Some(format!("{} of {number}", property.name).into()),
        Schema::Primitive(Primitive::Double | Primitive::Float) => Some((number as f64 / 4.0).into()),
        Schema::Primitive(Primitive::Integer | Primitive::Long) => Some(number.into()),
        Schema::Primitive(Primitive::Boolean) => Some(number.is_multiple_of(2).into()),
        Schema::Enum(choices) => choices.values.values().next().cloned(),
        _ => None,
    }
}

/// How many rows a query counts; `None` while there is no instance yet.
fn count(cloud: &ByHand, from: &str) -> Option<usize> {
    let query = json!({ "query": format!("SELECT COUNT() FROM {from}") });
    let (status, answer) = cloud.twins(Method::POST, "/query", Some(query));
    let count = answer["value"][0]["COUNT"].as_u64().filter(|_| status == 200)?;
    Some(usize::try_from(count).expect("it is no more than was deployed"))
}

fn kill_on_its_way(sandbox: &Sandbox, cloud: &ByHand) -> usize {
    // From the middle on every twin takes long, so that the run cannot end before it is killed.
    sandbox.fault(&format!(
        "latency,milliseconds=1000,service=adt,method=PUT,path=/digitaltwins/*,nth={KILLED_AFTER},times=0"
    ));
    let mut run = sandbox.start(&["run"]);
    let begun = Instant::now();
    let arrived = loop {
        let arrived = count(cloud, "DIGITALTWINS").unwrap_or_default();
        if arrived >= KILLED_AFTER - 100 {
            break arrived;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "only {arrived} twins came");
        thread::sleep(Duration::from_millis(20));
    };
    run.kill().expect("it is still at it");
    let _ = run.wait().expect("it was killed");
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    arrived
}

#[test]
fn two_ontologies_and_ten_thousand_twins_are_deployed_by_a_run_that_is_killed_on_its_way() {
    let Some(published) = ontologies() else { return };
    let models = Models::parse(Rules::Adt, &published.iter().map(Document::from_value).collect::<Vec<_>>());
    let models = models.unwrap_or_else(|problems| panic!("{}", problems[0]));
    assert_eq!(models.len(), 767 + 113);
    let graph = graph(&models);
    let sandbox = Sandbox::of_example("factory").without_functions();
    sandbox.write("config_iot_devices.json", &json!([]));
    sandbox.write(
        "twin_hierarchy/azure_hierarchy.json",
        &json!({
            "header": { "fileVersion": "1.0.0" },
            "models": published, "twins": graph.twins, "relationships": graph.relationships,
        }),
    );
    let _ = sandbox.run(&["validate"]).code(0);
    let cloud = ByHand::at(&sandbox);
    let arrived = kill_on_its_way(&sandbox, &cloud);
    assert!(arrived < TWINS, "it was killed on its way");
    let resumed = sandbox.run(&["resume"]).code(0);
    assert!(resumed.stdout.contains("deployed"), "{resumed:#?}");
    holds(&cloud, &models, &graph);
    let again = sandbox.run(&["run"]).code(0);
    assert!(again.stdout.starts_with("nothing to do"), "{again:#?}");
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
    assert_eq!(count(&cloud, "DIGITALTWINS"), Some(0), "what answers now is an empty instance");
}

/// The instance holds every model, twin and relationship, and nothing else.
fn holds(cloud: &ByHand, models: &Models, graph: &Graph) {
    assert_eq!(count(cloud, "DIGITALTWINS"), Some(TWINS));
    assert_eq!(count(cloud, "RELATIONSHIPS"), Some(graph.relationships.len()));
    assert!(graph.relationships.len() > TWINS / 2, "most twins have a relationship: {}", graph.relationships.len());
    let mut left: BTreeSet<&str> = models.iter().map(|model| model.id.as_str()).collect();
    for model in models.iter() {
        let id = model.id.as_str();
        let (status, answer) = cloud.twins(Method::GET, &format!("/models/{}", id.replace(';', "%3B")), None);
        assert_eq!((status, &answer["id"]), (200, &json!(id)));
        left.remove(id);
    }
    assert!(left.is_empty(), "missing: {left:?}");
    for wanted in graph.twins.iter().step_by(97) {
        let (status, found) = cloud.twins(Method::GET, &format!("/digitaltwins/{}", text(wanted, "$dtId")), None);
        assert_eq!(status, 200, "{found}");
        let own = wanted.as_object().expect("a twin is an object").iter();
        for (name, value) in own.filter(|(name, value)| !name.starts_with('$') && !value.is_object()) {
            assert!(same(&found[name], value), "{name} of {}: {}", wanted["$dtId"], found[name]);
        }
    }
    for wanted in graph.relationships.iter().step_by(97) {
        let path = format!("/digitaltwins/{}/relationships/{}", text(wanted, "$dtId"), text(wanted, "$relationshipId"));
        let (status, found) = cloud.twins(Method::GET, &path, None);
        assert_eq!((status, &found["$targetId"]), (200, &wanted["$targetId"]), "{found}");
    }
}

/// JSON's equality, where `0` equals `0.0`.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().expect("it is text")
}
