//! `WHERE`: operators by precedence, comparisons, functions.

use serde_json::Value;

use super::super::lexer::{Kind, Misread};
use super::super::syntax::{Comparison, Expression, Function, Operand, Path};
use super::Parser;
use crate::adt::limits;

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expression, Misread> {
        let mut left = self.conjunction()?;
        while self.cursor.eat("OR") {
            self.count_operator()?;
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, Misread> {
        let mut left = self.negation()?;
        while self.cursor.eat("AND") {
            self.count_operator()?;
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, Misread> {
        if self.cursor.eat("NOT") {
            return self.nested(|parser| Ok(Expression::Not(Box::new(parser.negation()?))));
        }
        if self.cursor.eat_symbol("(") {
            return self.nested(|parser| {
                let inside = parser.expression()?;
                parser.cursor.expect_symbol(")")?;
                Ok(inside)
            });
        }
        self.predicate()
    }

    /// Nesting is counted, so that no query can exhaust the stack.
    fn nested(&mut self, inside: fn(&mut Self) -> Result<Expression, Misread>) -> Result<Expression, Misread> {
        if self.depth == limits::QUERY_DEPTH {
            return Err(self.cursor.misread(format!("nested more than {} levels deep", limits::QUERY_DEPTH)));
        }
        self.depth += 1;
        let inside = inside(self);
        self.depth -= 1;
        inside
    }

    fn count_operator(&mut self) -> Result<(), Misread> {
        self.operators += 1;
        if self.operators <= limits::QUERY_OPERATORS {
            return Ok(());
        }
        Err(self.cursor.misread(format!("more than {} AND and OR operators", limits::QUERY_OPERATORS)))
    }

    fn predicate(&mut self) -> Result<Expression, Misread> {
        if self.cursor.peek().kind == Kind::Word && self.cursor.sees_next("(") {
            return self.call();
        }
        let operand = self.operand()?;
        if let Some(comparison) = self.comparison() {
            return Ok(Expression::Compare(operand, comparison, self.operand()?));
        }
        let negated = self.cursor.sees("NIN") || self.cursor.sees("NOT");
        if self.cursor.eat("NOT") && !self.cursor.sees("IN") {
            return Err(self.cursor.unexpected("IN"));
        }
        if self.cursor.eat("IN") || self.cursor.eat("NIN") {
            return Ok(Expression::In { operand, list: self.list()?, negated });
        }
        match operand {
            Operand::Literal(Value::Bool(_)) | Operand::Path(_) => Ok(Expression::Truth(operand)),
            Operand::Literal(_) => Err(self.cursor.unexpected("{'=', '!=', '<', '>', '<=', '>=', IN, NIN}")),
        }
    }

    fn call(&mut self) -> Result<Expression, Misread> {
        let is_of_model = self.cursor.sees("IS_OF_MODEL");
        let function = Function::named(&self.cursor.peek().text);
        let Some(function) = function.filter(|_| !is_of_model) else {
            return if is_of_model { self.is_of_model() } else { Err(self.cursor.unexpected("a function")) };
        };
        let name = self.cursor.next();
        self.cursor.expect_symbol("(")?;
        let mut arguments = vec![self.operand()?];
        while self.cursor.eat_symbol(",") {
            arguments.push(self.operand()?);
        }
        if arguments.len() != function.arguments() {
            let (takes, given) = (function.arguments(), arguments.len());
            return Err(self.cursor.misread(format!("{} takes {takes} arguments, not {given}", name.text)));
        }
        self.cursor.expect_symbol(")")?;
        if let (Function::ArrayContains, Operand::Path(path)) = (function, &arguments[0]) {
            self.array_contains.push((name, path.clone()));
        }
        Ok(Expression::Call(function, arguments))
    }

    /// `IS_OF_MODEL([collection,] 'model' [, exact])`; without a collection it asks about the first one.
    fn is_of_model(&mut self) -> Result<Expression, Misread> {
        self.cursor.next();
        self.cursor.expect_symbol("(")?;
        let mut of = Path { of: Some(0), names: Vec::new() };
        if self.cursor.sees_name() {
            of = Path { of: None, names: vec![self.cursor.name()?] };
            self.cursor.expect_symbol(",")?;
        }
        let Kind::Literal(Value::String(model)) = self.cursor.peek().kind.clone() else {
            return Err(self.cursor.unexpected("the id of a model"));
        };
        self.cursor.next();
        let exact = self.cursor.eat_symbol(",");
        if exact {
            self.cursor.expect("exact")?;
        }
        self.cursor.expect_symbol(")")?;
        Ok(Expression::IsOfModel { of, model, exact })
    }

    fn list(&mut self) -> Result<Vec<Value>, Misread> {
        let close = if self.cursor.eat_symbol("(") { ")" } else { "]" };
        if close == "]" {
            self.cursor.expect_symbol("[")?;
        }
        let mut list = Vec::new();
        while !self.cursor.eat_symbol(close) {
            if !list.is_empty() {
                self.cursor.expect_symbol(",")?;
            }
            match self.operand()? {
                Operand::Literal(value) if list.len() < limits::QUERY_LIST => list.push(value),
                Operand::Literal(_) => {
                    return Err(self.cursor.misread(format!("more than {} values in a list", limits::QUERY_LIST)));
                }
                Operand::Path(_) => return Err(self.cursor.misread("a list can hold literals only")),
            }
        }
        Ok(list)
    }

    fn operand(&mut self) -> Result<Operand, Misread> {
        let literal = match &self.cursor.peek().kind {
            Kind::Literal(value) => value.clone(),
            Kind::Word if self.cursor.sees("true") => Value::Bool(true),
            Kind::Word if self.cursor.sees("false") => Value::Bool(false),
            Kind::Word if self.cursor.sees("null") => Value::Null,
            _ => return self.path().map(Operand::Path),
        };
        self.cursor.next();
        Ok(Operand::Literal(literal))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.cursor.peek() {
            token if token.kind != Kind::Symbol => return None,
            token => match token.text.as_str() {
                "=" => Comparison::Equal,
                "!=" | "<>" => Comparison::NotEqual,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                _ => return None,
            },
        };
        self.cursor.next();
        Some(comparison)
    }

    /// Names joined by dots, of no collection yet.
    pub(super) fn path(&mut self) -> Result<Path, Misread> {
        let mut names = vec![self.cursor.name()?];
        while self.cursor.eat_symbol(".") {
            names.push(self.cursor.name()?);
        }
        Ok(Path { of: None, names })
    }
}
