//! Random graphs and random traversals, held against an evaluator that tries everything.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pages::pages;
use crate::cloud::Cloud;

const MODEL: &str = "dtmi:random:Node;1";

/// Twins by their value, and relationships between different ones: source, name, target.
#[derive(Clone, Debug)]
struct Graph {
    values: Vec<u8>,
    links: Vec<(usize, &'static str, usize)>,
}

/// An edge between two of the query's twins: what may be followed, how often.
#[derive(Clone, Debug)]
struct Edge {
    left: usize,
    right: usize,
    goes_right: bool,
    goes_left: bool,
    names: Vec<&'static str>,
    /// Fewest and most.
    hops: (usize, usize),
    /// Whether the relationship has a variable.
    named: bool,
}

#[derive(Clone, Debug)]
struct Query {
    is_join: bool,
    twins: usize,
    edges: Vec<Edge>,
    /// The twin that has to have one of these ids.
    bound: (usize, Vec<usize>),
    /// A twin and the least value that it has to have.
    least: (usize, u8),
}

fn graph() -> impl Strategy<Value = Graph> {
    (2..6usize).prop_flat_map(|twins| {
        let name = prop::sample::select(vec!["x", "y"]);
        let link = (0..twins, name, 0..twins).prop_filter("no twin has one with itself", |(from, _, to)| from != to);
        let values = prop::collection::vec(0..3u8, twins);
        (values, prop::collection::vec(link, 0..8)).prop_map(|(values, links)| Graph { values, links })
    })
}

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::select(vec![vec![], vec!["x"], vec!["y"], vec!["x", "y"]])
}

fn matching() -> impl Strategy<Value = Query> {
    let edge = (any::<bool>(), any::<bool>(), names(), 1..3usize, 0..2usize, any::<bool>(), any::<bool>());
    (prop::collection::vec(edge, 0..3), any::<bool>()).prop_flat_map(|(edges, circle)| {
        let count = edges.len();
        let twins = if circle && count == 2 { 2 } else { count + 1 };
        let edge = |(at, (right, both, names, least, more, named, _))| Edge {
            left: at,
            right: (at + 1) % twins.max(1),
            goes_right: right || both,
            goes_left: !right || both,
            names,
            hops: if named { (1, 1) } else { (least, least + more) },
            named,
        };
        finished(false, twins, edges.into_iter().enumerate().map(edge).collect())
    })
}

fn joining() -> impl Strategy<Value = Query> {
    prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec!["x", "y"])), 1..4).prop_flat_map(
        |joins| {
            let edge = |(at, (from, name)): (usize, (prop::sample::Index, &'static str))| Edge {
                left: from.index(at + 1),
                right: at + 1,
                goes_right: true,
                goes_left: false,
                names: vec![name],
                hops: (1, 1),
                named: true,
            };
            let twins = joins.len() + 1;
            finished(true, twins, joins.into_iter().enumerate().map(edge).collect())
        },
    )
}

fn finished(is_join: bool, twins: usize, edges: Vec<Edge>) -> impl Strategy<Value = Query> {
    let ids = prop::collection::vec(0..6usize, 1..4);
    ((0..twins, ids), (0..twins, 0..3u8)).prop_map(move |(bound, least)| Query {
        is_join,
        twins,
        edges: edges.clone(),
        bound,
        least,
    })
}

impl Graph {
    fn store(&self) -> Cloud {
        let cloud = Cloud::new();
        let contents = json!([
            {"@type": "Property", "name": "value", "schema": "integer"},
            {"@type": "Relationship", "name": "x"},
            {"@type": "Relationship", "name": "y"},
        ]);
        let model =
            json!({"@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;2", "contents": contents});
        assert_eq!(cloud.post("/models", json!([model])).status, 201);
        for (at, value) in self.values.iter().enumerate() {
            cloud.twin(&format!("t{at}"), MODEL, json!({"value": value}));
        }
        for (at, (from, name, to)) in self.links.iter().enumerate() {
            let link = json!({"$relationshipName": name, "$targetId": format!("t{to}")});
            assert_eq!(cloud.put(&format!("/digitaltwins/t{from}/relationships/l{at}"), link).status, 200);
        }
        cloud
    }

    /// All rows, as `SELECT` shows them, in no order.
    fn rows(&self, query: &Query) -> Vec<String> {
        let mut found = Vec::new();
        for start in 0..self.values.len() {
            let mut twins = vec![None; query.twins];
            twins[0] = Some(start);
            self.extend(query, 0, &twins, &[], &mut vec![None; query.edges.len()], &mut found);
        }
        found
    }

    /// Every way to go on from the edge at `at`, given the twins so far and the relationships that were followed.
    fn extend(
        &self,
        query: &Query,
        at: usize,
        twins: &[Option<usize>],
        used: &[usize],
        named: &mut Vec<Option<usize>>,
        found: &mut Vec<String>,
    ) {
        let Some(edge) = query.edges.get(at) else {
            let twins: Vec<_> = twins.iter().map(|twin| twin.unwrap()).collect();
            let (bound, least) = (&query.bound, query.least);
            if bound.1.contains(&twins[bound.0]) && self.values[twins[least.0]] >= least.1 {
                found.push(shown(&twins, named));
            }
            return;
        };
        for way in self.ways(edge.hops.1).into_iter().filter(|way| way.len() >= edge.hops.0) {
            let is_used = way.iter().any(|link| used.contains(link));
            let Some(end) = self.end(edge, twins[edge.left].unwrap(), &way) else { continue };
            if (is_used && !query.is_join) || twins[edge.right].is_some_and(|there| there != end) {
                continue;
            }
            let mut twins = twins.to_vec();
            twins[edge.right] = Some(end);
            named[at] = edge.named.then(|| way[0]);
            self.extend(query, at + 1, &twins, &[used, &way].concat(), named, found);
        }
    }

    /// All sequences of up to so many different relationships, whether they fit together or not.
    fn ways(&self, most: usize) -> Vec<Vec<usize>> {
        let mut all: Vec<Vec<usize>> = Vec::new();
        let mut last = vec![Vec::new()];
        for _ in 0..most {
            let longer = |way: &Vec<usize>| {
                let way = way.clone();
                let new = (0..self.links.len()).filter(move |link| !way.contains(link));
                new.collect::<Vec<_>>()
            };
            last = last
                .iter()
                .flat_map(|way| longer(way).into_iter().map(|link| [way.clone(), vec![link]].concat()))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    fn end(&self, edge: &Edge, start: usize, way: &[usize]) -> Option<usize> {
        way.iter().try_fold(start, |at, link| {
            let (from, name, to) = self.links[*link];
            if !edge.names.is_empty() && !edge.names.contains(&name) {
                return None;
            }
            match at {
                at if edge.goes_right && at == from => Some(to),
                at if edge.goes_left && at == to => Some(from),
                _ => None,
            }
        })
    }
}

fn shown(twins: &[usize], named: &[Option<usize>]) -> String {
    let mut row: serde_json::Map<String, Value> =
        twins.iter().enumerate().map(|(at, twin)| (format!("n{at}"), json!(format!("t{twin}")))).collect();
    for (at, link) in named.iter().enumerate() {
        if let Some(link) = link {
            row.insert(format!("e{at}"), json!(format!("l{link}")));
        }
    }
    Value::from(row).to_string()
}

impl Query {
    fn text(&self) -> String {
        let twins = (0..self.twins).map(|at| format!("n{at}.$dtId AS n{at}"));
        let named = self.edges.iter().enumerate().filter(|(_, edge)| edge.named);
        let columns: Vec<_> = twins.chain(named.map(|(at, _)| format!("e{at}.$relationshipId AS e{at}"))).collect();
        let ids: Vec<_> = self.bound.1.iter().map(|id| format!("'t{id}'")).collect();
        let (bound, (least, value)) = (self.bound.0, self.least);
        format!(
            "SELECT {} FROM DIGITALTWINS {} WHERE n{least}.value >= {value} AND n{bound}.$dtId IN [{}]",
            columns.join(", "),
            if self.is_join { self.joins() } else { self.pattern() },
            ids.join(", ")
        )
    }

    fn joins(&self) -> String {
        let join = |(at, edge): (usize, &Edge)| {
            format!(" JOIN n{} RELATED n{}.{} e{at}", edge.right, edge.left, edge.names[0])
        };
        format!("n0{}", self.edges.iter().enumerate().map(join).collect::<String>())
    }

    fn pattern(&self) -> String {
        let arrow = |(at, edge): (usize, &Edge)| {
            let names = if edge.names.is_empty() { String::new() } else { format!(":{}", edge.names.join("|")) };
            let hops = match edge.hops {
                _ if edge.named => String::new(),
                (least, most) if least == most => format!("*{most}"),
                (1, most) => format!("*..{most}"),
                (least, most) => format!("*{}..{most}", least - 1),
            };
            let variable = if edge.named { format!("e{at}") } else { String::new() };
            let (left, right) = match (edge.goes_left, edge.goes_right) {
                (true, false) => ("<-", "-"),
                (false, _) => ("-", "->"),
                (true, true) => ("-", "-"),
            };
            format!("{left}[{variable}{names}{hops}]{right}(n{})", edge.right)
        };
        format!("MATCH (n0){}", self.edges.iter().enumerate().map(arrow).collect::<String>())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_way_is_found_once(
        graph in graph(),
        queries in prop::collection::vec(prop_oneof![matching(), joining()], 1..6),
        size in 1..4usize,
    ) {
        let cloud = graph.store();
        for query in queries {
            let text = query.text();
            let mut expected = graph.rows(&query);
            let mut found: Vec<_> = pages(&cloud, size, &text).concat().iter().map(Value::to_string).collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(&found, &expected, "{}", text);
            let count = text.replace(&text[7..text.find(" FROM").unwrap()], "COUNT()");
            prop_assert_eq!(cloud.rows(&count), [json!({"COUNT": expected.len()})]);
        }
    }
}
