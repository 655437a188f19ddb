//! Tokens into a query.

mod condition;
mod cursor;
mod from;

use super::lexer::{Misread, Token};
use super::plan;
use super::syntax::{Collection, Column, Edge, Expression, Kind, Path, Query, Select};
use crate::adt::limits;

use cursor::{Cursor, misread_at};

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, Misread> {
    if text.chars().nth(limits::QUERY_CHARS).is_some() {
        let message = format!("the query is longer than {} characters", limits::QUERY_CHARS);
        return Err(Misread { line: 1, position: limits::QUERY_CHARS, message });
    }
    Parser::new(text, false)?.query()
}

/// Reads the filter of an event route: an expression alone, on the one thing that is routed.
pub(super) fn parse_filter(text: &str) -> Result<Expression, Misread> {
    let mut parser = Parser::new(text, true)?;
    let expression = parser.expression()?;
    parser.cursor.end()?;
    Ok(expression)
}

struct Parser {
    cursor: Cursor,
    /// `AND` and `OR` so far.
    operators: usize,
    /// Open parentheses and negations.
    depth: usize,
    collections: Vec<Collection>,
    edges: Vec<Edge>,
    /// Where `JOIN` or `MATCH` stands first.
    traversal: Option<Token>,
    /// What `ARRAY_CONTAINS` is asked about, and where.
    array_contains: Vec<(Token, Path)>,
}

impl Parser {
    fn new(text: &str, is_filter: bool) -> Result<Self, Misread> {
        Ok(Self {
            cursor: Cursor::new(text, is_filter)?,
            operators: 0,
            depth: 0,
            collections: Vec::new(),
            edges: Vec::new(),
            traversal: None,
            array_contains: Vec::new(),
        })
    }

    fn query(&mut self) -> Result<Query, Misread> {
        if !self.cursor.eat("SELECT") {
            return Err(self.cursor.misread(format!("missing SELECT at '{}'", self.cursor.found())));
        }
        let top = self.top()?;
        let star = self.cursor.peek().clone();
        let mut select = self.select(top.is_some())?;
        self.cursor.expect("FROM")?;
        let once = self.from()?;
        let mut filter = if self.cursor.eat("WHERE") { Some(self.expression()?) } else { None };
        self.cursor.end()?;
        if let Select::Columns(columns) = &mut select {
            columns.iter_mut().for_each(|column| self.place(&mut column.path));
        }
        if let Some(filter) = &mut filter {
            filter.paths_mut(&mut |path| self.place(path));
        }
        self.check(&select, &star, filter.as_ref())?;
        let (collections, edges) = (std::mem::take(&mut self.collections), std::mem::take(&mut self.edges));
        Ok(Query { top, select, collections, edges, once, filter })
    }

    fn top(&mut self) -> Result<Option<usize>, Misread> {
        if !self.cursor.eat("TOP") {
            return Ok(None);
        }
        self.cursor.expect_symbol("(")?;
        let count = self.cursor.count()?;
        self.cursor.expect_symbol(")")?;
        Ok(Some(count))
    }

    /// What rows show. After `TOP(n)` it may be left out, and then it is everything.
    fn select(&mut self, has_top: bool) -> Result<Select, Misread> {
        if self.cursor.eat_symbol("*") || (has_top && self.cursor.sees("FROM")) {
            return Ok(Select::Everything);
        }
        if self.cursor.eat("COUNT") {
            self.cursor.expect_symbol("(")?;
            self.cursor.expect_symbol(")")?;
            return Ok(Select::Count);
        }
        let mut columns = vec![self.column()?];
        while self.cursor.eat_symbol(",") {
            columns.push(self.column()?);
        }
        Ok(Select::Columns(columns))
    }

    fn column(&mut self) -> Result<Column, Misread> {
        let path = self.path()?;
        let last = path.names.last().cloned().unwrap_or_default();
        let name = if self.cursor.eat("AS") { self.cursor.name()? } else { last };
        Ok(Column { name, path })
    }

    /// Finds the collection that a path starts at. Where there is but one, it need not be named.
    fn place(&self, path: &mut Path) {
        if path.of.is_some() {
            return;
        }
        path.of = path.names.first().and_then(|name| self.collection(name).or_else(|| self.unnamed(name)));
        if path.of.is_some() {
            path.names.remove(0);
        } else if self.traversal.is_none() {
            path.of = Some(0);
        }
    }

    fn collection(&self, name: &str) -> Option<usize> {
        self.collections.iter().position(|collection| collection.name.as_deref() == Some(name))
    }

    /// The relationship of a `JOIN` that has no name of its own, by that of its type: the documentation has `has.role` once.
    fn unnamed(&self, name: &str) -> Option<usize> {
        let mut joined = self.edges.iter().filter(|edge| edge.names.len() == 1 && edge.names[0] == name);
        joined.find_map(|edge| edge.relationship.filter(|of| self.collections[*of].name.is_none()))
    }

    /// Refuses what can be read but is not supported.
    fn check(&mut self, select: &Select, star: &Token, filter: Option<&Expression>) -> Result<(), Misread> {
        for (at, mut path) in std::mem::take(&mut self.array_contains) {
            self.place(&mut path);
            if path.of.is_some_and(|of| self.collections[of].kind == Kind::Relationships) {
                let message = format!("{} is not supported on the properties of relationships", at.text);
                return Err(misread_at(&at, message));
            }
        }
        let Some(traversal) = &self.traversal else { return Ok(()) };
        if *select == Select::Everything {
            let message = format!("SELECT * is not supported with {}", traversal.text.to_ascii_uppercase());
            return Err(misread_at(star, message));
        }
        let is_bound = |(of, collection): (usize, &Collection)| {
            collection.kind == Kind::Twins && filter.and_then(|filter| plan::ids(filter, of, "$dtId")).is_some()
        };
        if self.collections.iter().enumerate().any(is_bound) {
            return Ok(());
        }
        let clause = traversal.text.to_ascii_uppercase();
        let message = format!("{clause} requires the $dtId of at least one of its twins in the WHERE clause");
        Err(misread_at(traversal, message))
    }
}

#[cfg(test)]
mod tests;
