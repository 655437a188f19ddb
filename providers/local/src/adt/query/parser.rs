//! Tokens into a query.

use serde_json::Value;

use super::lexer::{self, Kind, Misread, Token};
use super::syntax::{Column, Comparison, Expression, Function, Operand, Path, Query, Select, Source};
use crate::adt::limits;

/// Why a text is no query of ours.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    /// The language has it, this service does not.
    NotHere(&'static str),
    /// It cannot be read.
    Misread(Misread),
}

impl From<Misread> for Problem {
    fn from(misread: Misread) -> Self {
        Self::Misread(misread)
    }
}

const CLAUSES: [&str; 7] = ["FROM", "WHERE", "JOIN", "RELATED", "MATCH", "AS", "AND"];

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, Problem> {
    if text.chars().count() > limits::QUERY_CHARS {
        let message = format!("the query is longer than {} characters", limits::QUERY_CHARS);
        return Err(Misread { line: 1, position: limits::QUERY_CHARS, message }.into());
    }
    let mut parser = Parser::new(text, false)?;
    let query = parser.query()?;
    parser.end()?;
    Ok(query)
}

/// Reads the filter of an event route: an expression alone.
pub(super) fn parse_filter(text: &str) -> Result<Expression, Misread> {
    let mut parser = Parser::new(text, true)?;
    let expression = parser.expression()?;
    parser.end()?;
    Ok(expression)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    operators: usize,
    is_filter: bool,
}

impl Parser {
    fn new(text: &str, is_filter: bool) -> Result<Self, Misread> {
        Ok(Self { tokens: lexer::tokens(text)?, at: 0, operators: 0, is_filter })
    }

    fn query(&mut self) -> Result<Query, Problem> {
        if !self.eat("SELECT") {
            let message = format!("missing SELECT at '{}'", self.found());
            return Err(self.misread(message).into());
        }
        let top = self.top()?;
        let mut select = self.select()?;
        self.expect("FROM")?;
        let source = self.source()?;
        if self.sees("MATCH") || self.sees_symbol("(") {
            return Err(Problem::NotHere("MATCH"));
        }
        let alias = self.alias();
        if self.sees("JOIN") {
            return Err(Problem::NotHere("JOIN"));
        }
        if self.sees("MATCH") {
            return Err(Problem::NotHere("MATCH"));
        }
        let mut filter = if self.eat("WHERE") { Some(self.expression()?) } else { None };
        if let Some(alias) = alias {
            select.drop_alias(&alias);
            filter.iter_mut().for_each(|filter| filter.drop_alias(&alias));
        }
        Ok(Query { top, select, source, filter })
    }

    fn top(&mut self) -> Result<Option<usize>, Misread> {
        if !self.eat("TOP") {
            return Ok(None);
        }
        self.expect_symbol("(")?;
        let count = match &self.peek().kind {
            Kind::Literal(Value::Number(number)) => number.as_u64().and_then(|count| usize::try_from(count).ok()),
            _ => None,
        };
        let count = count.ok_or_else(|| self.unexpected("a whole number"))?;
        self.at += 1;
        self.expect_symbol(")")?;
        Ok(Some(count))
    }

    fn select(&mut self) -> Result<Select, Misread> {
        if self.eat_symbol("*") {
            return Ok(Select::Everything);
        }
        if self.sees("COUNT") && self.tokens[self.at + 1].text == "(" {
            self.at += 2;
            self.expect_symbol(")")?;
            return Ok(Select::Count);
        }
        let mut columns = vec![self.column()?];
        while self.eat_symbol(",") {
            columns.push(self.column()?);
        }
        Ok(Select::Columns(columns))
    }

    fn column(&mut self) -> Result<Column, Misread> {
        let path = self.path()?;
        let name = if self.eat("AS") { self.name()? } else { path.last().cloned().unwrap_or_default() };
        Ok(Column { name, path })
    }

    fn source(&mut self) -> Result<Source, Misread> {
        if self.eat("DIGITALTWINS") {
            Ok(Source::Twins)
        } else if self.eat("RELATIONSHIPS") {
            Ok(Source::Relationships)
        } else {
            Err(self.unexpected("{DIGITALTWINS, RELATIONSHIPS}"))
        }
    }

    fn alias(&mut self) -> Option<String> {
        self.eat("AS");
        let token = self.peek();
        let is_alias = token.kind == Kind::Word && !CLAUSES.contains(&token.text.to_ascii_uppercase().as_str());
        is_alias.then(|| self.next().text)
    }

    fn expression(&mut self) -> Result<Expression, Misread> {
        let mut left = self.conjunction()?;
        while self.eat("OR") {
            self.count_operator()?;
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, Misread> {
        let mut left = self.negation()?;
        while self.eat("AND") {
            self.count_operator()?;
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    /// Nesting is counted like operators, so that no query can exhaust the stack.
    fn negation(&mut self) -> Result<Expression, Misread> {
        if self.eat("NOT") {
            self.count_operator()?;
            return Ok(Expression::Not(Box::new(self.negation()?)));
        }
        if self.eat_symbol("(") {
            self.count_operator()?;
            let inside = self.expression()?;
            self.expect_symbol(")")?;
            return Ok(inside);
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Result<Expression, Misread> {
        if self.peek().kind == Kind::Word && self.tokens.get(self.at + 1).is_some_and(|next| next.text == "(") {
            return self.call();
        }
        let operand = self.operand()?;
        if let Some(comparison) = self.comparison() {
            return Ok(Expression::Compare(operand, comparison, self.operand()?));
        }
        let negated = self.sees("NIN") || self.sees("NOT");
        if negated && self.eat("NOT") && !self.sees("IN") {
            return Err(self.unexpected("IN"));
        }
        if self.eat("IN") || self.eat("NIN") {
            return Ok(Expression::In { operand, list: self.list()?, negated });
        }
        match operand {
            Operand::Literal(Value::Bool(_)) | Operand::Path(_) => Ok(Expression::Truth(operand)),
            Operand::Literal(_) => Err(self.unexpected("{'=', '!=', '<', '>', '<=', '>=', IN}")),
        }
    }

    fn call(&mut self) -> Result<Expression, Misread> {
        let Some(function) = Function::named(&self.peek().text) else { return Err(self.unexpected("a function")) };
        self.at += 2;
        let mut arguments = Vec::new();
        while !self.eat_symbol(")") {
            if !arguments.is_empty() {
                self.expect_symbol(",")?;
            }
            arguments.push(if self.eat("EXACT") { exact() } else { self.operand()? });
        }
        let (least, most) = function.arguments();
        if (least..=most).contains(&arguments.len()) {
            return Ok(Expression::Call(function, arguments));
        }
        Err(self.misread(format!("the function takes {least} to {most} arguments, not {}", arguments.len())))
    }

    fn list(&mut self) -> Result<Vec<Value>, Misread> {
        let close = if self.eat_symbol("(") { ")" } else { "]" };
        if close == "]" {
            self.expect_symbol("[")?;
        }
        let mut list = Vec::new();
        while !self.eat_symbol(close) {
            if !list.is_empty() {
                self.expect_symbol(",")?;
            }
            match self.operand()? {
                Operand::Literal(value) if list.len() < limits::QUERY_LIST => list.push(value),
                Operand::Literal(_) => return Err(self.misread(format!("more than {} values", limits::QUERY_LIST))),
                Operand::Path(_) => return Err(self.misread("a list can hold literals only".to_owned())),
            }
        }
        Ok(list)
    }

    fn operand(&mut self) -> Result<Operand, Misread> {
        let token = self.peek().clone();
        let literal = match token.text.to_ascii_lowercase().as_str() {
            "true" if token.kind == Kind::Word => Value::Bool(true),
            "false" if token.kind == Kind::Word => Value::Bool(false),
            "null" if token.kind == Kind::Word => Value::Null,
            _ => match token.kind {
                Kind::Literal(value) => value,
                _ => return self.path().map(Operand::Path),
            },
        };
        self.at += 1;
        Ok(Operand::Literal(literal))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.peek().text.as_str() {
            "=" => Comparison::Equal,
            "!=" | "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    fn path(&mut self) -> Result<Path, Misread> {
        let mut path = vec![self.name()?];
        while self.eat_symbol(".") {
            path.push(self.name()?);
        }
        Ok(path)
    }

    fn name(&mut self) -> Result<String, Misread> {
        let token = self.peek().clone();
        let name = match token.kind {
            Kind::Quoted(name) => name,
            Kind::Word => token.text,
            _ => return Err(self.unexpected("a name")),
        };
        self.at += 1;
        Ok(name)
    }

    fn count_operator(&mut self) -> Result<(), Misread> {
        self.operators += 1;
        if self.operators <= limits::QUERY_OPERATORS {
            return Ok(());
        }
        Err(self.misread(format!("more than {} operators", limits::QUERY_OPERATORS)))
    }

    fn end(&self) -> Result<(), Misread> {
        if self.peek().kind == Kind::End { Ok(()) } else { Err(self.unexpected("<EOF>")) }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    fn found(&self) -> &str {
        if self.peek().kind == Kind::End { "<EOF>" } else { &self.peek().text }
    }

    fn sees(&self, word: &str) -> bool {
        self.peek().kind == Kind::Word && self.peek().text.eq_ignore_ascii_case(word)
    }

    fn sees_symbol(&self, symbol: &str) -> bool {
        self.peek().kind == Kind::Symbol && self.peek().text == symbol
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_there = self.sees(word);
        self.at += usize::from(is_there);
        is_there
    }

    fn eat_symbol(&mut self, symbol: &str) -> bool {
        let is_there = self.sees_symbol(symbol);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, word: &str) -> Result<(), Misread> {
        if self.eat(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), Misread> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&format!("'{symbol}'"))) }
    }

    fn unexpected(&self, wanted: &str) -> Misread {
        if self.is_filter {
            return self.misread(format!("Unexpected input '{}'", self.found()));
        }
        self.misread(format!("mismatched input '{}' expecting {wanted}", self.found()))
    }

    fn misread(&self, message: String) -> Misread {
        Misread { line: self.peek().line, position: self.peek().position, message }
    }
}

/// What stands for the word `exact` among a function's arguments.
pub(super) fn exact() -> Operand {
    Operand::Path(vec!["exact".to_owned()])
}

impl Select {
    fn drop_alias(&mut self, alias: &str) {
        if let Self::Columns(columns) = self {
            columns.iter_mut().for_each(|column| drop_alias(&mut column.path, alias));
        }
    }
}

impl Expression {
    fn drop_alias(&mut self, alias: &str) {
        match self {
            Self::Or(left, right) | Self::And(left, right) => {
                left.drop_alias(alias);
                right.drop_alias(alias);
            }
            Self::Not(inside) => inside.drop_alias(alias),
            Self::Compare(left, _, right) => [left, right].into_iter().for_each(|side| side.drop_alias(alias)),
            Self::In { operand, .. } | Self::Truth(operand) => operand.drop_alias(alias),
            Self::Call(_, arguments) => arguments.iter_mut().for_each(|argument| argument.drop_alias(alias)),
        }
    }
}

impl Operand {
    fn drop_alias(&mut self, alias: &str) {
        if let Self::Path(path) = self {
            drop_alias(path, alias);
        }
    }
}

fn drop_alias(path: &mut Path, alias: &str) {
    if path.first().is_some_and(|first| first == alias) {
        path.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn and_binds_closer_than_or_and_not_closer_than_and() {
        let read = |text: &str| parse_filter(text).unwrap();
        assert_eq!(read("a OR b AND NOT c"), read("a OR (b AND (NOT c))"));
        assert_ne!(read("a OR b AND c"), read("(a OR b) AND c"));
    }

    #[test]
    fn an_alias_is_no_part_of_a_path() {
        let path = |text: &str| match parse(text).unwrap().filter {
            Some(Expression::Truth(Operand::Path(path))) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(path("SELECT * FROM digitaltwins T WHERE T.a.T"), ["a", "T"]);
        assert_eq!(path("SELECT * FROM digitaltwins WHERE T.a"), ["T", "a"]);
        assert_eq!(path("SELECT * FROM digitaltwins WHERE [[a b]].c"), ["a b", "c"]);
    }

    proptest! {
        /// Whatever is sent is read or refused.
        #[test]
        fn no_text_breaks_the_parser(words in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec!["SELECT", "*", "FROM", "digitaltwins", "T", ".", "WHERE", "(", ")", "[[", "]]", "'",
                    "\\", "IN", "NOT", "AND", "=", ",", "1", "-", "TOP", "COUNT", "IS_OF_MODEL", "\n"]).prop_map(str::to_owned),
                any::<String>(),
            ], 0..20), joint in prop::sample::select(vec!["", " "]))
        {
            let text = words.join(joint);
            let _ = parse(&text);
            let _ = parse_filter(&text);
            let _ = parse(&format!("SELECT * FROM digitaltwins T WHERE {text}"));
        }
    }
}
