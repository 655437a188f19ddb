//! Tokens into a query.

use serde_json::{Map, Value};

use super::lexer::{Kind, Token, tokens};
use super::syntax::{Aggregate, Expression, Function, Operator, Order, Query, Select, Step, Window};
use super::{Misread, Unfit};

/// How deep expressions may nest, and how many operators other than AND and OR may follow one another.
const DEPTH: usize = 64;
/// Longest query, in bytes; the account tells clients so.
const LONGEST: usize = 262_144;

/// Words that end what stands before them, so that they cannot be an alias.
const CLAUSES: [&str; 10] = ["FROM", "WHERE", "ORDER", "OFFSET", "GROUP", "JOIN", "IN", "AS", "LIMIT", "BETWEEN"];

/// Operators by how tightly they bind, loosest first.
const LEVELS: [&[Operator]; 6] = [
    &[Operator::Or],
    &[Operator::And],
    &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ],
    &[Operator::Concat],
    &[Operator::Add, Operator::Subtract],
    &[Operator::Multiply, Operator::Divide, Operator::Modulo],
];
/// The level of comparisons, at which IN and BETWEEN bind too.
const COMPARISONS: usize = 2;

/// Reads a query; `parameters` are what its `@name`s stand for.
pub(crate) fn parse(text: &str, parameters: &Map<String, Value>) -> Result<Query, Unfit> {
    if text.len() > LONGEST {
        return Err(Unfit::Wrong(format!("The SQL query text exceeded the maximum limit of {LONGEST} characters.")));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, parameters };
    let query = parser.query()?;
    // The alias is known only after what is selected has been read.
    check_aliases(&query)?;
    Ok(query)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    parameters: &'a Map<String, Value>,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, Unfit> {
        self.expect("SELECT")?;
        let distinct = self.accept("DISTINCT");
        let top = if self.accept("TOP") { Some(self.count()?) } else { None };
        let select = self.select()?;
        let alias =
            if self.accept("FROM") { self.source()? } else { return Err(Unfit::Missing("SELECT without FROM")) };
        let filter = if self.accept("WHERE") { Some(self.expression()?) } else { None };
        if self.is_word("GROUP") {
            return Err(Unfit::Missing("GROUP BY"));
        }
        let order = if self.accept("ORDER") { self.order()? } else { Vec::new() };
        let window = if self.accept("OFFSET") { Some(self.window()?) } else { None };
        self.accept_symbol(";");
        if self.peek() != &Kind::End {
            return Err(self.misread().into());
        }
        if top.is_some() && window.is_some() {
            return Err(Unfit::Wrong("'TOP' cannot be combined with 'OFFSET LIMIT'.".to_owned()));
        }
        Ok(Query { distinct, top, select, alias, filter, order, window })
    }

    fn select(&mut self) -> Result<Select, Unfit> {
        if self.accept_symbol("*") {
            return Ok(Select::Everything);
        }
        if self.accept("VALUE") {
            return self.expression().map(Select::Value);
        }
        let mut columns = Vec::new();
        loop {
            let value = self.expression()?;
            let name = self.column_name(&value, columns.len())?;
            columns.push((name, value));
            if !self.accept_symbol(",") {
                return Ok(Select::Columns(columns));
            }
        }
    }

    fn column_name(&mut self, value: &Expression, place: usize) -> Result<String, Unfit> {
        if self.accept("AS") {
            return Ok(self.name()?);
        }
        if let Some(name) = self.alias() {
            return Ok(name);
        }
        let numbered = || format!("${}", place + 1);
        Ok(match value {
            Expression::Path(alias, steps) => match steps.last() {
                None => alias.clone(),
                Some(Step::Member(name)) => name.clone(),
                Some(Step::Element(_)) => numbered(),
            },
            _ => numbered(),
        })
    }

    fn source(&mut self) -> Result<String, Unfit> {
        if self.is_symbol("(") {
            return Err(Unfit::Missing("a subquery"));
        }
        let name = self.name()?;
        if self.is_symbol(".") || self.is_symbol("[") {
            return Err(Unfit::Missing("FROM a part of the items"));
        }
        let name = if self.accept("AS") { self.name()? } else { self.alias().unwrap_or(name) };
        if self.is_word("IN") {
            return Err(Unfit::Missing("FROM ... IN"));
        }
        if self.is_word("JOIN") || self.is_symbol(",") {
            return Err(Unfit::Missing("JOIN"));
        }
        Ok(name)
    }

    fn order(&mut self) -> Result<Vec<Order>, Unfit> {
        self.expect("BY")?;
        let mut order = Vec::new();
        loop {
            let by = self.expression()?;
            let descending = self.accept("DESC") || {
                self.accept("ASC");
                false
            };
            order.push(Order { by, descending });
            if !self.accept_symbol(",") {
                return Ok(order);
            }
        }
    }

    fn window(&mut self) -> Result<Window, Unfit> {
        let offset = self.count()?;
        self.expect("LIMIT")?;
        Ok(Window { offset, limit: self.count()? })
    }

    /// A number that is none of anything less than 0.
    fn count(&mut self) -> Result<usize, Unfit> {
        let misread = self.misread();
        let value = match self.next() {
            Kind::Literal(value) => value,
            Kind::Parameter(name) => self.parameter(&name)?,
            _ => return Err(misread.into()),
        };
        value.as_u64().and_then(|count| usize::try_from(count).ok()).ok_or(Unfit::Misread(misread))
    }

    fn expression(&mut self) -> Result<Expression, Unfit> {
        self.nested(|parser| parser.level(0))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unfit>) -> Result<T, Unfit> {
        if self.depth == DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn level(&mut self, level: usize) -> Result<Expression, Unfit> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        if level == COMPARISONS && self.accept("NOT") {
            return self.nested(|parser| parser.level(level)).map(|inner| Expression::Not(Box::new(inner)));
        }
        if level < COMPARISONS {
            return self.chain(level, operators[0]);
        }
        let mut left = self.level(level + 1)?;
        for _ in 0..DEPTH {
            if level == COMPARISONS
                && let Some(special) = self.special(&left)?
            {
                left = special;
            } else if let Some(operator) = self.operator(operators) {
                left = Expression::Binary(Box::new(left), operator, Box::new(self.level(level + 1)?));
            } else {
                return Ok(left);
            }
        }
        Err(too_deep())
    }

    /// Operands joined by AND or by OR, of which clients send thousands: put together so that the tree stays flat.
    fn chain(&mut self, level: usize, operator: Operator) -> Result<Expression, Unfit> {
        let mut operands = vec![self.level(level + 1)?];
        while self.operator(&[operator]).is_some() {
            operands.push(self.level(level + 1)?);
        }
        while operands.len() > 1 {
            let mut rest = operands.into_iter();
            operands = Vec::new();
            while let Some(left) = rest.next() {
                operands.push(match rest.next() {
                    Some(right) => Expression::Binary(Box::new(left), operator, Box::new(right)),
                    None => left,
                });
            }
        }
        operands.pop().ok_or_else(|| self.misread().into())
    }

    fn operator(&mut self, operators: &[Operator]) -> Option<Operator> {
        let text = match self.peek() {
            Kind::Word(word) => word.as_str(),
            Kind::Symbol("<>") => "!=",
            Kind::Symbol(symbol) => symbol,
            _ => return None,
        };
        let operator = Operator::named(text).filter(|operator| operators.contains(operator))?;
        self.at += 1;
        Some(operator)
    }

    /// `[NOT] IN (...)`, `BETWEEN a AND b`.
    fn special(&mut self, left: &Expression) -> Result<Option<Expression>, Unfit> {
        if self.is_word("LIKE") {
            return Err(Unfit::Missing("LIKE"));
        }
        if self.is_symbol("?") || self.is_symbol("??") {
            return Err(Unfit::Missing("a conditional"));
        }
        let left = || Box::new(left.clone());
        if self.accept("BETWEEN") {
            let low = self.level(COMPARISONS + 1)?;
            self.expect("AND")?;
            return Ok(Some(Expression::Between(left(), Box::new(low), Box::new(self.level(COMPARISONS + 1)?))));
        }
        let negated = self.accept("NOT");
        if !negated && !self.is_word("IN") {
            return Ok(None);
        }
        self.expect("IN")?;
        self.expect_symbol("(")?;
        if self.is_word("SELECT") {
            return Err(Unfit::Missing("a subquery"));
        }
        Ok(Some(Expression::In(left(), self.list(")")?, negated)))
    }

    fn unary(&mut self) -> Result<Expression, Unfit> {
        if self.accept_symbol("-") {
            return self.nested(Self::unary).map(|inner| Expression::Minus(Box::new(inner)));
        }
        if self.accept_symbol("+") {
            return self.nested(Self::unary);
        }
        let primary = self.primary()?;
        self.steps(primary)
    }

    fn primary(&mut self) -> Result<Expression, Unfit> {
        let misread = self.misread();
        match self.next() {
            Kind::Literal(value) => Ok(Expression::Literal(value)),
            Kind::Parameter(name) => self.parameter(&name).map(|value| Expression::Parameter(name, value)),
            Kind::Symbol("(") => {
                if self.is_word("SELECT") {
                    return Err(Unfit::Missing("a subquery"));
                }
                let inner = self.expression()?;
                self.expect_symbol(")")?;
                Ok(inner)
            }
            Kind::Symbol("[") => self.list("]").map(Expression::Array),
            Kind::Symbol("{") => self.object(),
            Kind::Word(word) => self.word(word, misread),
            _ => Err(misread.into()),
        }
    }

    fn word(&mut self, word: String, misread: Misread) -> Result<Expression, Unfit> {
        match word.to_ascii_lowercase().as_str() {
            "true" => return Ok(Expression::Literal(true.into())),
            "false" => return Ok(Expression::Literal(false.into())),
            "null" => return Ok(Expression::Literal(Value::Null)),
            "undefined" => return Ok(Expression::Undefined),
            "udf" => return Err(Unfit::Missing("a user-defined function")),
            "exists" | "array" if self.is_symbol("(") => return Err(Unfit::Missing("a subquery")),
            lower if CLAUSES.iter().any(|clause| clause.eq_ignore_ascii_case(lower)) => return Err(misread.into()),
            _ => {}
        }
        if !self.accept_symbol("(") {
            return Ok(Expression::Path(word, Vec::new()));
        }
        let arguments = self.list(")")?;
        if let Some(aggregate) = Aggregate::named(&word) {
            let [argument] = <[Expression; 1]>::try_from(arguments).map_err(|_| misread)?;
            return Ok(Expression::Aggregate(aggregate, Box::new(argument)));
        }
        match Function::named(&word) {
            Some(function) => Ok(Expression::Call(function, arguments)),
            None => Err(Unfit::Missing("that function")),
        }
    }

    /// `.name`, `["name"]`, `[0]`, as often as they come.
    fn steps(&mut self, mut value: Expression) -> Result<Expression, Unfit> {
        loop {
            let Expression::Path(_, steps) = &mut value else { return Ok(value) };
            let misread = self.misread();
            if self.accept_symbol(".") {
                steps.push(Step::Member(self.name()?));
            } else if self.accept_symbol("[") {
                steps.push(match self.next() {
                    Kind::Literal(Value::String(name)) => Step::Member(name),
                    Kind::Literal(Value::Number(index)) => {
                        let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                        Step::Element(index.ok_or(misread)?)
                    }
                    _ => return Err(misread.into()),
                });
                self.expect_symbol("]")?;
            } else {
                return Ok(value);
            }
        }
    }

    /// Expressions up to a closing symbol.
    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, Unfit> {
        let mut items = Vec::new();
        if self.accept_symbol(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.accept_symbol(end) {
                return Ok(items);
            }
            self.expect_symbol(",")?;
        }
    }

    fn object(&mut self) -> Result<Expression, Unfit> {
        let mut members = Vec::new();
        while !self.accept_symbol("}") {
            if !members.is_empty() {
                self.expect_symbol(",")?;
            }
            let misread = self.misread();
            let name = match self.next() {
                Kind::Word(name) | Kind::Literal(Value::String(name)) => name,
                _ => return Err(misread.into()),
            };
            self.expect_symbol(":")?;
            members.push((name, self.expression()?));
        }
        Ok(Expression::Object(members))
    }

    fn parameter(&self, name: &str) -> Result<Value, Unfit> {
        let missing = || Unfit::Wrong(format!("The parameter '{name}' is not given."));
        self.parameters.get(name).cloned().ok_or_else(missing)
    }

    /// A word that is not the beginning of what comes next.
    fn alias(&mut self) -> Option<String> {
        let Kind::Word(word) = self.peek() else { return None };
        let is_clause = CLAUSES.iter().any(|clause| clause.eq_ignore_ascii_case(word));
        let word = (!is_clause).then(|| word.clone())?;
        self.at += 1;
        Some(word)
    }

    fn name(&mut self) -> Result<String, Misread> {
        let misread = self.misread();
        match self.next() {
            Kind::Word(name) => Ok(name),
            _ => Err(misread),
        }
    }

    fn peek(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    /// Takes a token; the end stays.
    fn next(&mut self) -> Kind {
        let kind = self.peek().clone();
        if kind != Kind::End {
            self.at += 1;
        }
        kind
    }

    fn misread(&self) -> Misread {
        let token = &self.tokens[self.at];
        Misread::near(self.text, token.start, token.end)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Kind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Kind::Symbol(found) if *found == symbol)
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn accept_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), Misread> {
        if self.accept(word) { Ok(()) } else { Err(self.misread()) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), Misread> {
        if self.accept_symbol(symbol) { Ok(()) } else { Err(self.misread()) }
    }
}

fn too_deep() -> Unfit {
    Unfit::Wrong("The query exceeded the maximum nesting depth.".to_owned())
}

/// Every path begins with the one alias that there is.
fn check_aliases(query: &Query) -> Result<(), Unfit> {
    let mut names = Vec::new();
    match &query.select {
        Select::Everything => {}
        Select::Value(value) => aliases(value, &mut names),
        Select::Columns(columns) => columns.iter().for_each(|(_, value)| aliases(value, &mut names)),
    }
    query.filter.iter().chain(query.order.iter().map(|order| &order.by)).for_each(|value| aliases(value, &mut names));
    match names.into_iter().find(|name| !name.eq_ignore_ascii_case(&query.alias)) {
        Some(name) => Err(Unfit::Wrong(format!("Identifier '{name}' could not be resolved."))),
        None => Ok(()),
    }
}

fn aliases<'a>(value: &'a Expression, names: &mut Vec<&'a str>) {
    match value {
        Expression::Path(alias, _) => names.push(alias),
        Expression::Array(items) | Expression::Call(_, items) => items.iter().for_each(|item| aliases(item, names)),
        Expression::Object(members) => members.iter().for_each(|(_, member)| aliases(member, names)),
        Expression::Not(inner) | Expression::Minus(inner) | Expression::Aggregate(_, inner) => aliases(inner, names),
        Expression::Binary(left, _, right) => [left, right].into_iter().for_each(|side| aliases(side, names)),
        Expression::In(inner, items, _) => {
            aliases(inner, names);
            items.iter().for_each(|item| aliases(item, names));
        }
        Expression::Between(inner, low, high) => [inner, low, high].into_iter().for_each(|part| aliases(part, names)),
        Expression::Undefined | Expression::Literal(_) | Expression::Parameter(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(filter: &str) -> Result<Query, Unfit> {
        parse(&format!("SELECT * FROM c WHERE {filter}"), &Map::new())
    }

    #[test]
    fn nothing_overflows_the_stack() {
        assert!(parsed(&vec!["c.id = '1'"; 10_000].join(" OR ")).is_ok());
        let deep = [
            format!("{}1{}", "(".repeat(1000), ")".repeat(1000)),
            "NOT ".repeat(1000) + "true",
            "-".repeat(1000) + "1",
            vec!["1"; 1000].join(" + "),
            "[".repeat(1000),
        ];
        for filter in deep {
            assert_eq!(parsed(&filter), Err(too_deep()), "{}", &filter[..20]);
        }
        assert!(matches!(parsed(&" ".repeat(LONGEST)), Err(Unfit::Wrong(_))));
    }

    #[test]
    fn what_is_not_here_is_named() {
        for (text, what) in [
            ("SELECT * FROM c JOIN t IN c.tags", "JOIN"),
            ("SELECT * FROM t IN c.tags", "FROM ... IN"),
            ("SELECT COUNT(1) FROM c GROUP BY c.d", "GROUP BY"),
            ("SELECT * FROM (SELECT * FROM c)", "a subquery"),
            ("SELECT * FROM c WHERE c.id LIKE 'a%'", "LIKE"),
            ("SELECT udf.f(c) FROM c", "a user-defined function"),
        ] {
            assert_eq!(parse(text, &Map::new()), Err(Unfit::Missing(what)), "{text}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for text in [
            "",
            "SELECT",
            "SELECT * FROM",
            "SELECT * FROM c WHERE c.",
            "SELECT * FROM c ORDER c.t",
            "SELECT * FROM c c c",
        ] {
            assert!(matches!(parse(text, &Map::new()), Err(Unfit::Misread(_))), "{text}");
        }
        assert!(matches!(parsed("d.id = 1"), Err(Unfit::Wrong(_))), "an unknown name");
        assert!(matches!(parsed("c.id = @missing"), Err(Unfit::Wrong(_))), "a missing parameter");
    }
}
