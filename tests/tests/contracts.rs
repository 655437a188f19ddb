//! Contracts of the whole: what is sent while a twin is deployed, changed, rolled back and destroyed keeps to Microsoft's
//! specifications, and so does what the local cloud answers.

use std::io::Write as _;

use engine::{
    Executor, Seams, Stop,
    report::{Ended, Report},
    sweep::{CrashPoints, World, Worlds},
};
use serde_json::{Value, json};
use tests::{
    contract::{Answer, Contracts, Exchange, Recorder},
    projects::{factory, plant, plant_changed},
    world::{LocalWorld, LocalWorlds},
};
use workflows::definition::Definition;

#[derive(Debug, Clone, Copy)]
enum What<'a> {
    Deploy(&'a Definition),
    Rollback,
    Destroy,
}

/// One undisturbed process.
async fn process(world: &LocalWorld, what: What<'_>) -> Report {
    let (journal, state) = world.journal().await;
    let silent = |_| {};
    let seams = Seams { env: world.env(), definitions: world.definitions(), journal: &*journal, progress: &silent };
    let executor = Executor::new(seams, state, world.options(), Stop::new());
    let report = match what {
        What::Deploy(definition) => executor.deploy(&definition.digest(), json!("contract")).await,
        What::Rollback => executor.rollback(&[]).await,
        What::Destroy => executor.destroy(json!("contract")).await,
    };
    report.expect("the journal takes it")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(future)
}

/// Holds everything that the given processes send and get against the specifications.
fn keeps_contracts(definitions: &[Definition], steps: &[What<'_>]) {
    let Some(contracts) = Contracts::ours() else { return };
    let recorder = Recorder::new();
    block_on(async {
        let world = LocalWorlds::new(definitions.iter().cloned()).watched_by(recorder.clone());
        let world = world.fresh(CrashPoints::default()).await;
        for what in steps {
            let ended = process(&world, *what).await.ended;
            let well = match what {
                What::Rollback => matches!(ended, Ended::RolledBack { .. }),
                What::Deploy(_) | What::Destroy => ended == Ended::Finished,
            };
            assert!(well, "{ended:?}");
        }
    });
    let exchanges = recorder.take();
    let report = contracts.check(&exchanges);
    let _ = writeln!(std::io::stderr(), "{report}");
    report.assert_kept();
    assert!(report.covered.len() >= 20, "a deployment uses many operations");
    let spoiled: Vec<Exchange> = exchanges.iter().flat_map(spoil).collect();
    let missed: Vec<&Exchange> = spoiled
        .iter()
        .filter(|exchange| contracts.check(std::slice::from_ref(exchange)).violations.is_empty())
        .collect();
    assert!(missed.is_empty(), "the check would not notice {missed:#?}");
    assert!(spoiled.len() > 50, "there was something to spoil: {}", spoiled.len());
}

/// Ways to spoil an exchange with Resource Manager that the check has to notice: a property that nobody knows, a version
/// that does not exist, a parameter too many, an answer whose properties are none, a status that is not described.
fn spoil(exchange: &Exchange) -> Vec<Exchange> {
    let Some(answer) = exchange.answer.as_ref().filter(|_| exchange.method == "PUT") else { return Vec::new() };
    if !exchange.url.path().starts_with("/subscriptions/") {
        return Vec::new();
    }
    let mut request: Value = serde_json::from_slice(&exchange.body).expect("what is put is JSON");
    request["unknownMember"] = json!(true);
    let unknown = Exchange { body: request.to_string().into(), ..exchange.clone() };
    let mut version = exchange.clone();
    version.url.set_query(Some("api-version=2001-01-01"));
    let mut parameter = exchange.clone();
    parameter.url.query_pairs_mut().append_pair("unknownParameter", "1");
    let status = Exchange { answer: Some(Answer { status: 299, ..answer.clone() }), ..exchange.clone() };
    let mut spoiled = vec![unknown, version, parameter, status];
    if let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body)
        && body.get("properties").is_some_and(Value::is_object)
    {
        body["properties"] = json!(7);
        let answer = Answer { body: body.to_string().into(), ..answer.clone() };
        spoiled.push(Exchange { answer: Some(answer), ..exchange.clone() });
    }
    spoiled
}

#[test]
fn the_factory_is_deployed_and_destroyed_by_the_book() {
    let factory = factory();
    let again = What::Deploy(&factory);
    keeps_contracts(std::slice::from_ref(&factory), &[again, again, What::Destroy]);
}

#[test]
fn a_plant_is_changed_and_rolled_back_by_the_book() {
    let (before, after) = (plant(), plant_changed());
    let steps =
        [What::Deploy(&before), What::Deploy(&after), What::Rollback, What::Destroy, What::Rollback, What::Destroy];
    keeps_contracts(&[before.clone(), after.clone()], &steps);
}
