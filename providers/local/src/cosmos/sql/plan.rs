//! The query plan: what clients that merge partitions themselves ask for before they run a query.

use serde_json::{Value, json};

use super::syntax::{Aggregate, Expression, Order, Query, Select, Window};

/// Stands in the rewritten query for the condition with which a client goes on behind what it has seen.
const RESUME: &str = "({documentdb-formattableorderbyquery-filter})";

/// The plan of a query, with the query as each partition is to be asked.
pub(crate) fn plan(query: &Query) -> Value {
    let aggregates: Vec<&str> = query.aggregates().iter().map(|(aggregate, _)| plan_name(*aggregate)).collect();
    let window = query.window;
    json!({
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": {
            "distinctType": distinct(query),
            "top": query.top,
            "offset": window.map(|window| window.offset),
            "limit": window.map(|window| window.limit),
            "orderBy": query.order.iter().map(direction).collect::<Vec<_>>(),
            "orderByExpressions": query.order.iter().map(|order| order.by.to_string()).collect::<Vec<_>>(),
            "groupByExpressions": [],
            "groupByAliases": [],
            "aggregates": aggregates,
            "groupByAliasToAggregateType": {},
            "rewrittenQuery": rewritten(query),
            "hasSelectValue": matches!(query.select, Select::Value(_)),
            "hasNonStreamingOrderBy": false,
            "dCountInfo": null,
        },
        "queryRanges": [{ "min": "", "max": "FF", "isMinInclusive": true, "isMaxInclusive": false }],
    })
}

fn plan_name(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Count => "Count",
        Aggregate::Sum => "Sum",
        Aggregate::Min => "Min",
        Aggregate::Max => "Max",
        Aggregate::Average => "Average",
    }
}

fn direction(order: &Order) -> &'static str {
    if order.descending { "Descending" } else { "Ascending" }
}

fn distinct(query: &Query) -> &'static str {
    match (query.distinct, query.order.is_empty()) {
        (false, _) => "None",
        (true, true) => "Unordered",
        (true, false) => "Ordered",
    }
}

/// The query for one partition; empty when it is the same.
fn rewritten(query: &Query) -> String {
    let filter = query.filter.as_ref().map(ToString::to_string);
    if !query.aggregates().is_empty() {
        let filter = filter.map_or_else(String::new, |filter| format!(" WHERE {filter}"));
        return format!("SELECT VALUE {} FROM {}{filter}", partials(query), query.alias);
    }
    // What a client skips it must have been given first.
    let window = query.window.map(|window| Window { offset: 0, limit: window.offset.saturating_add(window.limit) });
    let tail = window.map_or_else(String::new, |window| format!(" OFFSET {} LIMIT {}", window.offset, window.limit));
    let top = query.top.map_or_else(String::new, |top| format!("TOP {top} "));
    let distinct = if query.distinct { "DISTINCT " } else { "" };
    let alias = &query.alias;
    if query.order.is_empty() {
        if window.is_none() {
            return String::new();
        }
        let filter = filter.map_or_else(String::new, |filter| format!(" WHERE {filter}"));
        return format!("SELECT {distinct}{}{} FROM {alias}{filter}{tail}", top, selected(query));
    }
    let items: Vec<String> = query.order.iter().map(|order| format!("{{\"item\": {}}}", order.by)).collect();
    let order: Vec<String> = query
        .order
        .iter()
        .map(|order| format!("{} {}", order.by, if order.descending { "DESC" } else { "ASC" }))
        .collect();
    let filter = filter.map_or_else(|| RESUME.to_owned(), |filter| format!("({filter}) AND {RESUME}"));
    format!(
        "SELECT {distinct}{top}{alias}._rid, [{}] AS orderByItems, {} AS payload FROM {alias} WHERE {filter} ORDER BY {}{tail}",
        items.join(", "),
        payload(query),
        order.join(", ")
    )
}

/// What each partition gives of the aggregates, for the client to put together.
fn partials(query: &Query) -> String {
    let item = |(aggregate, of): &(Aggregate, &Expression)| match aggregate {
        Aggregate::Count | Aggregate::Sum => format!("{{\"item\": {}({of})}}", aggregate.text()),
        Aggregate::Average => format!("{{\"item\": {{\"sum\": SUM({of}), \"count\": COUNT({of})}}}}"),
        Aggregate::Min | Aggregate::Max => {
            let (text, member) = (aggregate.text(), aggregate.text().to_lowercase());
            format!("{{\"item\": {text}({of}), \"item2\": {{\"{member}\": {text}({of}), \"count\": COUNT({of})}}}}")
        }
    };
    format!("[{}]", query.aggregates().iter().map(item).collect::<Vec<_>>().join(", "))
}

fn selected(query: &Query) -> String {
    match &query.select {
        Select::Everything => "*".to_owned(),
        Select::Value(value) => format!("VALUE {value}"),
        Select::Columns(columns) => {
            columns.iter().map(|(name, value)| format!("{value} AS {name}")).collect::<Vec<_>>().join(", ")
        }
    }
}

fn payload(query: &Query) -> String {
    match &query.select {
        Select::Everything => query.alias.clone(),
        Select::Value(value) => value.to_string(),
        Select::Columns(columns) => Expression::Object(columns.clone()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::super::parser::parse;
    use super::*;

    fn planned(text: &str) -> Value {
        plan(&parse(text, &Map::new()).expect("a query"))["queryInfo"].clone()
    }

    #[test]
    fn a_sorted_query_is_rewritten_so_that_partitions_can_be_merged() {
        let plan = planned("SELECT TOP 5 c.id FROM c WHERE c.t > 1 ORDER BY c.t DESC");
        assert_eq!(plan["orderBy"], json!(["Descending"]));
        assert_eq!(plan["orderByExpressions"], json!(["c[\"t\"]"]));
        assert_eq!(plan["top"], 5);
        assert_eq!(
            plan["rewrittenQuery"],
            "SELECT TOP 5 c._rid, [{\"item\": c[\"t\"]}] AS orderByItems, {\"id\": c[\"id\"]} AS payload FROM c \
             WHERE ((c[\"t\"] > 1)) AND ({documentdb-formattableorderbyquery-filter}) ORDER BY c[\"t\"] DESC"
        );
        let again = plan["rewrittenQuery"]
            .as_str()
            .expect("text")
            .replace("{documentdb-formattableorderbyquery-filter}", "true");
        let query = parse(&again, &Map::new()).expect("it is a query itself");
        let rows = [json!({ "_rid": "r1", "id": "1", "t": 2 }), json!({ "_rid": "r2", "id": "2", "t": 3 })];
        let rows = query.run(rows.into_iter());
        assert_eq!(rows[0], json!({ "_rid": "r2", "orderByItems": [{ "item": 3 }], "payload": { "id": "2" } }));
    }

    #[test]
    fn skipping_is_left_to_the_client() {
        let plan = planned("SELECT c.id AS i, c.t FROM c OFFSET 2 LIMIT 3");
        assert_eq!((&plan["offset"], &plan["limit"]), (&json!(2), &json!(3)));
        assert_eq!(plan["rewrittenQuery"], "SELECT c[\"id\"] AS i, c[\"t\"] AS t FROM c OFFSET 0 LIMIT 5");
        assert_eq!(planned("SELECT * FROM c")["rewrittenQuery"], "");
    }

    #[test]
    fn aggregates_come_in_parts() {
        let plan = planned("SELECT VALUE AVG(c.t) FROM c WHERE c.d = 'a'");
        assert_eq!((&plan["aggregates"], &plan["hasSelectValue"]), (&json!(["Average"]), &json!(true)));
        assert_eq!(
            plan["rewrittenQuery"],
            "SELECT VALUE [{\"item\": {\"sum\": SUM(c[\"t\"]), \"count\": COUNT(c[\"t\"])}}] FROM c WHERE (c[\"d\"] = \"a\")"
        );
    }
}
