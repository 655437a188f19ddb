//! Results in pages: tokens, what they outlive, and what keeps a query from going on for ever.

use serde_json::{Value, json};

use super::graph;
use crate::cloud::{Answer, Cloud, MACHINE, ROOM};

fn page(cloud: &Cloud, size: usize, body: &Value) -> Answer {
    cloud.send("POST", "/query", &[("max-items-per-page", &size.to_string())], Some(body))
}

/// One page: its rows, and what to ask for the next one.
fn rows(cloud: &Cloud, size: usize, body: &Value) -> (Vec<Value>, Option<Value>) {
    let answer = page(cloud, size, body);
    assert_eq!(answer.status, 200, "{body}: {}", answer.body);
    assert!(answer.header("query-charge").is_some());
    let next = answer.body["continuationToken"].as_str().map(|token| json!({"continuationToken": token}));
    (answer.body["value"].as_array().unwrap().clone(), next)
}

/// The pages of a query.
pub(super) fn pages(cloud: &Cloud, size: usize, query: &str) -> Vec<Vec<Value>> {
    let mut body = Some(json!({"query": query}));
    let mut pages = Vec::new();
    while let Some(this) = body {
        let (rows, next) = rows(cloud, size, &this);
        pages.push(rows);
        body = next;
        assert!(pages.len() < 10_000, "{query} does not end");
    }
    pages
}

#[test]
fn results_come_in_pages() {
    let cloud = graph();
    for (query, sizes) in [
        ("SELECT * FROM digitaltwins", vec![2, 2, 1]),
        ("SELECT TOP(3) * FROM digitaltwins", vec![2, 1]),
        ("SELECT TOP(0) * FROM digitaltwins", vec![0]),
        ("SELECT * FROM relationships", vec![2, 1]),
        ("SELECT * FROM relationships WHERE $sourceId IN ['h1', 'r1']", vec![2, 1]),
        ("SELECT * FROM relationships WHERE $targetId IN ['m3', 'm1', 'm2']", vec![2, 1]),
        ("SELECT m FROM digitaltwins r JOIN m RELATED r.contains WHERE r.$dtId = 'r1'", vec![2, 1]),
        ("SELECT TOP(2) m FROM digitaltwins r JOIN m RELATED r.contains WHERE r.$dtId = 'r1'", vec![2]),
        ("SELECT b FROM digitaltwins MATCH (a)-[*..2]-(b) WHERE a.$dtId = 'm1'", vec![2, 1]),
        ("SELECT COUNT() FROM digitaltwins", vec![1]),
    ] {
        let pages = pages(&cloud, 2, query);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{query}");
        assert_eq!(pages.concat(), cloud.rows(query), "{query}");
    }
}

#[test]
fn a_token_alone_goes_on_also_in_another_process() {
    let mut cloud = graph();
    let query = "SELECT a.$dtId AS a, b.$dtId AS b FROM digitaltwins MATCH (a)-[]-(r)-[:contains]-(b) WHERE a.$dtId IN ['m1', 'm2']";
    let whole = cloud.rows(query);
    assert_eq!(whole.len(), 4);
    let (mut seen, mut body) = (Vec::new(), Some(json!({"query": query})));
    while let Some(this) = body {
        let (rows, next) = rows(&cloud, 1, &this);
        seen.extend(rows);
        body = next;
        cloud = cloud.reopened();
    }
    assert_eq!(seen, whole);
}

#[test]
fn what_is_written_between_pages_neither_hides_nor_doubles_the_rest() {
    let cloud = graph();
    let query = "SELECT m.$dtId AS id FROM digitaltwins r JOIN m RELATED r.contains WHERE r.$dtId = 'r1'";
    let (first, next) = rows(&cloud, 1, &json!({"query": query}));
    assert_eq!(first, [json!({"id": "m1"})]);
    assert_eq!(cloud.delete("/digitaltwins/r1/relationships/c1").status, 204, "the place where it stopped");
    cloud.twin("m0", MACHINE, json!({"motor": {"$metadata": {}}}));
    let link = json!({"$relationshipName": "contains", "$targetId": "m0"});
    assert_eq!(cloud.put("/digitaltwins/r1/relationships/c0", link).status, 200, "before that place");
    let (rest, end) = rows(&cloud, 9, &next.unwrap());
    assert_eq!((rest, end), (vec![json!({"id": "m2"}), json!({"id": "m3"})], None));
}

#[test]
fn bad_tokens_and_sizes_are_refused() {
    let cloud = graph();
    let token = |text: &str| page(&cloud, 2, &json!({"continuationToken": text})).verdict().0;
    let (_, next) = rows(&cloud, 2, &json!({"query": "SELECT * FROM digitaltwins"}));
    let good = next.unwrap()["continuationToken"].as_str().unwrap().to_owned();
    assert_eq!(token(&good), 200);
    for bad in
        ["", "nonsense", "{}", "null", &good.replace("\"t\"", "\"o\""), &good.replace("digitaltwins", "relationships")]
    {
        let answer = page(&cloud, 2, &json!({"continuationToken": bad}));
        assert_eq!(answer.verdict(), (400, "BadRequest"), "{bad}");
    }
    let with_both = json!({"query": "this is ignored", "continuationToken": good});
    assert_eq!(page(&cloud, 2, &with_both).status, 200);
    for (size, body) in [
        ("0", json!({"query": "SELECT * FROM digitaltwins"})),
        ("many", json!({"query": "SELECT * FROM digitaltwins"})),
        ("2", json!({})),
    ] {
        let answer = cloud.send("POST", "/query", &[("max-items-per-page", size)], Some(&body));
        assert_eq!(answer.verdict(), (400, "InvalidArgument"), "{size} {body}");
    }
}

#[test]
fn what_has_a_key_is_not_searched_for() {
    let cloud = Cloud::factory();
    for at in 0..500 {
        cloud.twin(&format!("r{at:03}"), ROOM, json!({}));
    }
    for at in 1..500 {
        let link = json!({"$relationshipName": "nextTo", "$targetId": format!("r{at:03}")});
        assert_eq!(cloud.put(&format!("/digitaltwins/r{:03}/relationships/n", at - 1), link).status, 200);
    }
    let charge = |query: &str| -> f64 {
        let answer = cloud.post("/query", json!({"query": query}));
        assert_eq!(answer.body["value"].as_array().map(Vec::len), Some(1), "{query}: {}", answer.body);
        answer.header("query-charge").unwrap().parse().unwrap()
    };
    for query in [
        "SELECT * FROM digitaltwins WHERE $dtId = 'r250'",
        "SELECT * FROM digitaltwins T WHERE T.$dtId IN ['r250', 'none'] AND NOT IS_DEFINED(T.area)",
        "SELECT * FROM relationships WHERE $sourceId = 'r250'",
        "SELECT * FROM relationships WHERE $targetId = 'r250'",
        "SELECT a FROM digitaltwins a JOIN b RELATED a.nextTo WHERE b.$dtId = 'r250'",
        "SELECT b FROM digitaltwins MATCH (a)-[:nextTo*5]->(b) WHERE a.$dtId = 'r250'",
        "SELECT COUNT() FROM digitaltwins MATCH (a)-[:nextTo*5]->(b) WHERE b.$dtId = 'r250'",
    ] {
        assert!(charge(query) < 3.0, "{query} is charged {}", charge(query));
    }
    assert!(charge("SELECT * FROM digitaltwins T WHERE STARTSWITH(T.$dtId, 'r250')") > 3.0);
}

#[test]
fn no_query_goes_on_for_ever() {
    let cloud = Cloud::factory();
    let twins: Vec<_> = (0..12).map(|at| format!("r{at}")).collect();
    for id in &twins {
        cloud.twin(id, ROOM, json!({"area": 1}));
    }
    for source in &twins {
        for target in twins.iter().filter(|target| *target != source) {
            let link = json!({"$relationshipName": "nextTo", "$targetId": target});
            assert_eq!(cloud.put(&format!("/digitaltwins/{source}/relationships/{target}"), link).status, 200);
        }
    }
    let ways = "FROM digitaltwins MATCH (a)-[:nextTo*10]-(b) WHERE a.$dtId = 'r0' AND b.area > 1";
    let (found, next) = rows(&cloud, 1000, &json!({"query": format!("SELECT b {ways}")}));
    assert_eq!(found.len(), 0, "the page is empty");
    let (found, then) = rows(&cloud, 1000, &next.clone().unwrap());
    assert!(found.is_empty() && then.is_some() && then != next, "and it goes on from where it stopped");
    let counted = cloud.post("/query", json!({"query": format!("SELECT COUNT() {ways}")}));
    assert_eq!(counted.verdict(), (400, "TimeoutError"));
    let all =
        cloud.post("/query", json!({"query": "SELECT b FROM digitaltwins MATCH (a)-[*10]-(b) WHERE a.$dtId = 'r0'"}));
    assert_eq!(all.body["value"].as_array().map(Vec::len), Some(1000));
}

#[test]
fn a_page_is_full_when_it_is_large() {
    let cloud = Cloud::factory();
    let labels: Value = (0..7).map(|at| (format!("l{at}"), json!("x".repeat(4000)))).collect();
    for at in 0..4 {
        cloud.twin(&format!("m{at}"), MACHINE, json!({"motor": {"$metadata": {}}, "labels": labels}));
    }
    let columns = (0..150).map(|at| format!("T AS c{at}")).collect::<Vec<_>>().join(",");
    let pages = pages(&cloud, 1000, &format!("SELECT {columns} FROM digitaltwins T"));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
}
