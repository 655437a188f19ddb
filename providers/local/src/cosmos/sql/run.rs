//! Running a query over rows.

use std::collections::HashSet;

use serde_json::Value;

use super::evaluate::{number, object, passes, sorts, value};
use super::syntax::{Aggregate, Expression, Order, Query, Select};

impl Query {
    /// What one row becomes; `None` when the filter stops it or nothing that is selected is defined.
    ///
    /// For queries whose rows do not depend on one another.
    pub(crate) fn row(&self, row: Value) -> Option<Value> {
        if passes(self.filter.as_ref(), &row) { self.project(row) } else { None }
    }

    /// The result over all rows.
    pub(crate) fn run(&self, rows: impl Iterator<Item = Value>) -> Vec<Value> {
        let mut rows: Vec<Value> = rows.filter(|row| passes(self.filter.as_ref(), row)).collect();
        if !self.aggregates().is_empty() {
            return self.over(&rows).project(Value::Null).into_iter().collect();
        }
        if !self.order.is_empty() {
            rows = sorted(rows, &self.order);
        }
        let mut seen = HashSet::new();
        let shown = rows.into_iter().filter_map(|row| self.project(row));
        let shown = shown.filter(|row| !self.distinct || seen.insert(row.to_string()));
        let (skip, take) = match (self.window, self.top) {
            (Some(window), _) => (window.offset, window.limit),
            (None, top) => (0, top.unwrap_or(usize::MAX)),
        };
        shown.skip(skip).take(take).collect()
    }

    fn project(&self, row: Value) -> Option<Value> {
        match &self.select {
            Select::Everything => Some(row),
            Select::Value(selected) => value(selected, &row),
            Select::Columns(columns) => Some(object(columns, &row)),
        }
    }

    /// The query with its aggregates replaced by their values over the rows.
    fn over(&self, rows: &[Value]) -> Self {
        let select = match &self.select {
            Select::Everything => Select::Everything,
            Select::Value(value) => Select::Value(replaced(value, rows)),
            Select::Columns(columns) => {
                Select::Columns(columns.iter().map(|(name, value)| (name.clone(), replaced(value, rows))).collect())
            }
        };
        Self { select, ..self.clone() }
    }
}

fn sorted(rows: Vec<Value>, order: &[Order]) -> Vec<Value> {
    let keys = |row: &Value| order.iter().map(|order| value(&order.by, row)).collect::<Vec<_>>();
    let mut keyed: Vec<(Vec<Option<Value>>, Value)> = rows.into_iter().map(|row| (keys(&row), row)).collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let pairs = order.iter().zip(left.iter().zip(right));
        let sides = pairs.map(|(order, (left, right))| {
            let sorts = sorts(left.as_ref(), right.as_ref());
            if order.descending { sorts.reverse() } else { sorts }
        });
        sides.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    keyed.into_iter().map(|(_, row)| row).collect()
}

fn replaced(expression: &Expression, rows: &[Value]) -> Expression {
    let each = |items: &[Expression]| items.iter().map(|item| replaced(item, rows)).collect();
    let boxed = |inner: &Expression| Box::new(replaced(inner, rows));
    match expression {
        Expression::Aggregate(aggregate, of) => match aggregated(*aggregate, of, rows) {
            Some(value) => Expression::Literal(value),
            None => Expression::Undefined,
        },
        Expression::Array(items) => Expression::Array(each(items)),
        Expression::Call(function, items) => Expression::Call(*function, each(items)),
        Expression::Object(members) => {
            Expression::Object(members.iter().map(|(name, member)| (name.clone(), replaced(member, rows))).collect())
        }
        Expression::Minus(inner) => Expression::Minus(boxed(inner)),
        Expression::Not(inner) => Expression::Not(boxed(inner)),
        Expression::Binary(left, operator, right) => Expression::Binary(boxed(left), *operator, boxed(right)),
        other => other.clone(),
    }
}

/// Counts what is defined; sums and averages numbers, undefined when there is anything else; finds ends.
fn aggregated(aggregate: Aggregate, of: &Expression, rows: &[Value]) -> Option<Value> {
    let mut values = rows.iter().filter_map(|row| value(of, row));
    let order = |left: &Value, right: &Value| sorts(Some(left), Some(right));
    match aggregate {
        Aggregate::Count => Some(values.count().into()),
        Aggregate::Min => values.min_by(order),
        Aggregate::Max => values.max_by(order),
        Aggregate::Sum | Aggregate::Average => {
            let numbers: Vec<f64> = values.try_fold(Vec::new(), |mut numbers, value| {
                numbers.push(value.as_f64()?);
                Some(numbers)
            })?;
            let sum: f64 = numbers.iter().sum();
            if aggregate == Aggregate::Sum {
                return number(sum);
            }
            #[allow(clippy::cast_precision_loss, reason = "nobody has that many items")]
            let count = numbers.len() as f64;
            if numbers.is_empty() { None } else { number(sum / count) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::parser::parse;
    use super::*;

    fn rows() -> Vec<Value> {
        vec![
            json!({ "id": "1", "d": "a", "t": 20, "tags": ["x"], "n": { "m": null } }),
            json!({ "id": "2", "d": "b", "t": 30.5, "on": true }),
            json!({ "id": "3", "d": "a", "t": "cold" }),
            json!({ "id": "4", "d": "a" }),
        ]
    }

    fn run(text: &str, parameters: Value) -> Value {
        let parameters: Map<String, Value> = parameters.as_object().cloned().expect("an object");
        let query = parse(text, &parameters).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        query.run(rows().into_iter()).into()
    }

    #[test]
    fn rows_are_filtered() {
        let cases = [
            ("c.t > 19", json!(["1", "2"])),
            ("c.t > 19 AND c.d = 'a'", json!(["1"])),
            ("c.t = 'cold' OR c.on", json!(["2", "3"])),
            ("NOT (c.d = 'a')", json!(["2"])),
            ("c.d != \"a\"", json!(["2"])),
            ("c['d'] <> @d", json!(["2"])),
            ("c.id IN ('1', @id, 3)", json!(["1", "4"])),
            ("c.id NOT IN ('1', '2', '3')", json!(["4"])),
            ("c.t BETWEEN 20 AND 30", json!(["1"])),
            ("c.n.m = null", json!(["1"])),
            ("IS_DEFINED(c.t) AND NOT IS_NUMBER(c.t)", json!(["3"])),
            ("ARRAY_CONTAINS(c.tags, 'x')", json!(["1"])),
            ("c.tags[0] = 'x'", json!(["1"])),
            ("STARTSWITH(c.t, 'CO', true) OR CONTAINS(c.t, 'zzz')", json!(["3"])),
            ("c.t * 2 - 1 >= 60 % 61", json!(["2"])),
            ("c.id || c.d = '2b'", json!(["2"])),
            ("c.missing = null OR c.missing < 1", json!([])),
            ("-c.t = -20", json!(["1"])),
            ("true", json!(["1", "2", "3", "4"])),
        ];
        for (filter, expected) in cases {
            let text = format!("SELECT VALUE c.id FROM c WHERE {filter}");
            assert_eq!(run(&text, json!({ "@d": "a", "@id": "4" })), expected, "{filter}");
        }
    }

    #[test]
    fn rows_are_shown_sorted_and_cut() {
        let cases = [
            ("SELECT TOP 1 * FROM c", json!([{ "id": "1", "d": "a", "t": 20, "tags": ["x"], "n": { "m": null } }])),
            (
                "select x.id, x.t AS temp, x.t + 1 from c x where x.d = 'b'",
                json!([{ "id": "2", "temp": 30.5, "$3": 31.5 }]),
            ),
            ("SELECT VALUE { \"i\": c.id, k: [c.on, 1] } FROM c WHERE c.id = '4'", json!([{ "i": "4", "k": [1] }])),
            ("SELECT VALUE c.t FROM c", json!([20, 30.5, "cold"])),
            ("SELECT VALUE c.id FROM c ORDER BY c.t", json!(["4", "1", "2", "3"])),
            ("SELECT VALUE c.id FROM c ORDER BY c.d DESC, c.id ASC", json!(["2", "1", "3", "4"])),
            ("SELECT VALUE c.id FROM c ORDER BY c.id DESC OFFSET 1 LIMIT 2", json!(["3", "2"])),
            ("SELECT DISTINCT VALUE c.d FROM c", json!(["a", "b"])),
            ("SELECT c FROM c WHERE c.id = '4'", json!([{ "c": { "id": "4", "d": "a" } }])),
        ];
        for (text, expected) in cases {
            assert_eq!(run(text, json!({})), expected, "{text}");
        }
    }

    #[test]
    fn rows_are_aggregated() {
        let cases = [
            ("SELECT VALUE COUNT(1) FROM c", json!([4])),
            ("SELECT VALUE COUNT(c.t) FROM c", json!([3])),
            ("SELECT COUNT(1) AS n, MAX(c.id) FROM c WHERE c.d = 'a'", json!([{ "n": 3, "$2": "4" }])),
            ("SELECT VALUE SUM(c.t) FROM c WHERE IS_NUMBER(c.t)", json!([50.5])),
            ("SELECT VALUE AVG(c.t) FROM c WHERE IS_NUMBER(c.t)", json!([25.25])),
            ("SELECT VALUE SUM(c.t) FROM c", json!([])),
            ("SELECT VALUE MIN(c.t) FROM c WHERE false", json!([])),
            ("SELECT VALUE COUNT(1) FROM c WHERE false", json!([0])),
            ("SELECT VALUE [{ \"item\": COUNT(1) }] FROM c", json!([[{ "item": 4 }]])),
        ];
        for (text, expected) in cases {
            assert_eq!(run(text, json!({})), expected, "{text}");
        }
    }
}
