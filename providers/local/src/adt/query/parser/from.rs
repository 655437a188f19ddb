//! `FROM`: a collection alone, with `JOIN`s, or a `MATCH` pattern.

use super::super::lexer::Misread;
use super::super::syntax::{Collection, Direction, Edge, Kind};
use super::Parser;
use super::cursor::misread_at;
use crate::adt::limits;

/// What stands in the brackets of an edge.
struct Condition {
    variable: Option<String>,
    names: Vec<String>,
    hops: (usize, usize),
}

impl Parser {
    /// Reads what rows are made of, and says whether a relationship may be in them once only.
    pub(super) fn from(&mut self) -> Result<bool, Misread> {
        if self.cursor.eat("RELATIONSHIPS") {
            let name = self.cursor.alias()?;
            self.collections.push(Collection { name, kind: Kind::Relationships });
            return Ok(false);
        }
        if !self.cursor.eat("DIGITALTWINS") {
            return Err(self.cursor.unexpected("{DIGITALTWINS, RELATIONSHIPS}"));
        }
        if self.cursor.sees("MATCH") {
            self.traversal = Some(self.cursor.next());
            self.pattern()?;
            return Ok(true);
        }
        let name = self.cursor.alias()?;
        self.collections.push(Collection { name, kind: Kind::Twins });
        self.joins()?;
        Ok(false)
    }

    fn joins(&mut self) -> Result<(), Misread> {
        while self.cursor.sees("JOIN") {
            let join = self.cursor.next();
            self.traversal.get_or_insert_with(|| join.clone());
            if self.edges.len() == limits::QUERY_JOINS {
                return Err(misread_at(&join, format!("more than {} JOINs", limits::QUERY_JOINS)));
            }
            self.join()?;
        }
        Ok(())
    }

    /// `target RELATED source.name [relationship]`
    fn join(&mut self) -> Result<(), Misread> {
        let right = self.new_twins()?;
        self.cursor.expect("RELATED")?;
        let left = self.known_twins(right)?;
        self.cursor.expect_symbol(".")?;
        let name = self.cursor.name()?;
        let at = self.cursor.peek().clone();
        let alias = self.cursor.alias()?;
        if let Some(alias) = alias.as_ref().filter(|alias| self.collection(alias).is_some()) {
            return Err(misread_at(&at, twice(alias)));
        }
        let relationship = Some(self.collections.len());
        self.collections.push(Collection { name: alias, kind: Kind::Relationships });
        let direction = Direction::Right;
        self.edges.push(Edge { left, right, direction, names: vec![name], hops: (1, 1), relationship });
        Ok(())
    }

    fn new_twins(&mut self) -> Result<usize, Misread> {
        let at = self.cursor.peek().clone();
        let name = self.cursor.name()?;
        if self.collection(&name).is_some() {
            return Err(misread_at(&at, twice(&name)));
        }
        self.collections.push(Collection { name: Some(name), kind: Kind::Twins });
        Ok(self.collections.len() - 1)
    }

    /// A collection of twins that was named before the one at `before`.
    fn known_twins(&mut self, before: usize) -> Result<usize, Misread> {
        let at = self.cursor.peek().clone();
        let name = self.cursor.name()?;
        let found = self.collection(&name).filter(|of| *of < before && self.collections[*of].kind == Kind::Twins);
        found.ok_or_else(|| misread_at(&at, format!("'{name}' is no collection of twins named before")))
    }

    fn pattern(&mut self) -> Result<(), Misread> {
        let mut left = self.node()?;
        while self.cursor.sees_symbol("-") || self.cursor.sees_symbol("<-") {
            let at = self.cursor.peek().clone();
            let points_left = self.cursor.next().text == "<-";
            self.cursor.expect_symbol("[")?;
            let condition = self.condition()?;
            self.cursor.expect_symbol("]")?;
            let direction = self.direction(points_left)?;
            let relationship = match condition.variable {
                Some(_) if condition.hops.1 > 1 => {
                    let message = "a query variable can be assigned to a relationship of a single hop only";
                    return Err(misread_at(&at, message));
                }
                variable => variable.map(|name| self.relationship(name)).transpose()?,
            };
            let right = self.node()?;
            let Condition { names, hops, .. } = condition;
            self.edges.push(Edge { left, right, direction, names, hops, relationship });
            if self.edges.iter().map(|edge| edge.hops.1).sum::<usize>() > limits::QUERY_HOPS {
                return Err(misread_at(&at, format!("more than {} hops", limits::QUERY_HOPS)));
            }
            left = right;
        }
        Ok(())
    }

    fn direction(&mut self, points_left: bool) -> Result<Direction, Misread> {
        if !points_left && self.cursor.eat_symbol("->") {
            return Ok(Direction::Right);
        }
        if self.cursor.eat_symbol("-") {
            return Ok(if points_left { Direction::Left } else { Direction::Either });
        }
        Err(self.cursor.unexpected(if points_left { "'-'" } else { "{'-', '->'}" }))
    }

    /// `([name])`; a name that the pattern has already means the same twin.
    fn node(&mut self) -> Result<usize, Misread> {
        self.cursor.expect_symbol("(")?;
        let at = self.cursor.peek().clone();
        let name = if self.cursor.sees_symbol(")") { None } else { Some(self.cursor.name()?) };
        self.cursor.expect_symbol(")")?;
        match name.as_deref().and_then(|name| self.collection(name)) {
            Some(of) if self.collections[of].kind == Kind::Twins => Ok(of),
            Some(_) => Err(misread_at(&at, twice(&at.text))),
            None => {
                self.collections.push(Collection { name, kind: Kind::Twins });
                Ok(self.collections.len() - 1)
            }
        }
    }

    fn relationship(&mut self, name: String) -> Result<usize, Misread> {
        if self.collection(&name).is_some() {
            return Err(self.cursor.misread(twice(&name)));
        }
        self.collections.push(Collection { name: Some(name), kind: Kind::Relationships });
        Ok(self.collections.len() - 1)
    }

    /// `[variable][:name|name...][*hops]`. Several names may do without their colon, as the documentation has them once.
    fn condition(&mut self) -> Result<Condition, Misread> {
        let mut variable = if self.cursor.sees_name() { Some(self.cursor.name()?) } else { None };
        let mut names = Vec::new();
        if self.cursor.eat_symbol(":") {
            names.push(self.cursor.name()?);
        } else if self.cursor.sees_symbol("|") {
            names.extend(variable.take());
        }
        while !names.is_empty() && self.cursor.eat_symbol("|") {
            names.push(self.cursor.name()?);
        }
        let hops = if self.cursor.eat_symbol("*") { self.hops()? } else { (1, 1) };
        Ok(Condition { variable, names, hops })
    }

    /// `n`, `n..m` or `..m`. The start of a range is not in it, its end is and must be there.
    fn hops(&mut self) -> Result<(usize, usize), Misread> {
        let at = self.cursor.peek().clone();
        let start = if self.cursor.sees_symbol("..") { 0 } else { self.cursor.count()? };
        let hops =
            if self.cursor.eat_symbol("..") { (start.saturating_add(1), self.cursor.count()?) } else { (start, start) };
        match hops {
            (1.., most) if most > limits::QUERY_HOPS => {
                Err(misread_at(&at, format!("more than {} hops", limits::QUERY_HOPS)))
            }
            (least @ 1.., most) if least <= most => Ok(hops),
            _ => Err(misread_at(&at, "a number of hops that nothing can have")),
        }
    }
}

fn twice(name: &str) -> String {
    format!("the name '{name}' is used twice")
}
