//! Going through the tokens, and the words for what is found instead of what was expected.

use super::super::lexer::{self, Kind, Misread, Token};

/// Words that are names only in `[[ ]]`, as the documentation lists them.
const RESERVED: [&str; 37] = [
    "ALL",
    "AND",
    "AS",
    "ASC",
    "AVG",
    "BY",
    "COUNT",
    "DESC",
    "DEVICES",
    "DEVICES_JOBS",
    "DEVICES_MODULES",
    "ENDS_WITH",
    "FALSE",
    "FROM",
    "GROUP",
    "IN",
    "IS_BOOL",
    "IS_DEFINED",
    "IS_NULL",
    "IS_NUMBER",
    "IS_OBJECT",
    "IS_OF_MODEL",
    "IS_PRIMITIVE",
    "IS_STRING",
    "MAX",
    "MIN",
    "NOT",
    "NOT_IN",
    "NULL",
    "OR",
    "ORDER",
    "SELECT",
    "STARTS_WITH",
    "SUM",
    "TOP",
    "TRUE",
    "WHERE",
];
/// Words that begin a clause, so that a collection before them has no name.
const CLAUSES: [&str; 3] = ["JOIN", "RELATED", "MATCH"];

/// A place among the tokens of a query or filter.
pub(super) struct Cursor {
    tokens: Vec<Token>,
    at: usize,
    is_filter: bool,
}

impl Cursor {
    /// The start of a text. The filter of an event route has no reserved words, and errors of its own.
    pub(super) fn new(text: &str, is_filter: bool) -> Result<Self, Misread> {
        Ok(Self { tokens: lexer::tokens(text)?, at: 0, is_filter })
    }

    /// The token here; at the end, the end.
    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// Whether the token after this one is that symbol.
    pub(super) fn sees_next(&self, symbol: &str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|next| next.kind == Kind::Symbol && next.text == symbol)
    }

    /// Takes the token here.
    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn sees(&self, word: &str) -> bool {
        self.peek().kind == Kind::Word && self.peek().text.eq_ignore_ascii_case(word)
    }

    pub(super) fn sees_symbol(&self, symbol: &str) -> bool {
        self.peek().kind == Kind::Symbol && self.peek().text == symbol
    }

    /// Takes the word if it is here.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is_there = self.sees(word);
        self.at += usize::from(is_there);
        is_there
    }

    /// Takes the symbol if it is here.
    pub(super) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let is_there = self.sees_symbol(symbol);
        self.at += usize::from(is_there);
        is_there
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), Misread> {
        if self.eat(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<(), Misread> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&format!("'{symbol}'"))) }
    }

    pub(super) fn end(&self) -> Result<(), Misread> {
        if self.peek().kind == Kind::End { Ok(()) } else { Err(self.unexpected("<EOF>")) }
    }

    /// Takes a name: a word that is not reserved, or anything in `[[ ]]`.
    pub(super) fn name(&mut self) -> Result<String, Misread> {
        if !self.sees_name() {
            return Err(self.unexpected("a name"));
        }
        let token = self.next();
        Ok(if let Kind::Quoted(name) = token.kind { name } else { token.text })
    }

    /// Takes the name that a collection may have here.
    pub(super) fn alias(&mut self) -> Result<Option<String>, Misread> {
        let is_asked = self.eat("AS");
        let is_clause = CLAUSES.iter().any(|clause| self.sees(clause));
        if is_asked || (self.sees_name() && !is_clause) { self.name().map(Some) } else { Ok(None) }
    }

    pub(super) fn sees_name(&self) -> bool {
        match &self.peek().kind {
            Kind::Quoted(_) => true,
            Kind::Word => self.is_filter || !RESERVED.iter().any(|word| self.sees(word)),
            _ => false,
        }
    }

    /// Takes a whole number.
    pub(super) fn count(&mut self) -> Result<usize, Misread> {
        let count = match &self.peek().kind {
            Kind::Literal(value) => value.as_u64().and_then(|count| usize::try_from(count).ok()),
            _ => None,
        };
        let count = count.ok_or_else(|| self.unexpected("a whole number"))?;
        self.at += 1;
        Ok(count)
    }

    pub(super) fn found(&self) -> &str {
        if self.peek().kind == Kind::End { "<EOF>" } else { &self.peek().text }
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Misread {
        if self.is_filter {
            return self.misread(format!("Unexpected input '{}'", self.found()));
        }
        self.misread(format!("mismatched input '{}' expecting {wanted}", self.found()))
    }

    /// Something is wrong here.
    pub(super) fn misread(&self, message: impl Into<String>) -> Misread {
        misread_at(self.peek(), message)
    }
}

/// Something is wrong at a token.
pub(super) fn misread_at(token: &Token, message: impl Into<String>) -> Misread {
    Misread { line: token.line, position: token.position, message: message.into() }
}
