//! Text into tokens.

use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::Value;

/// A word of a query and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The text as written.
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
    /// Characters before it in its line.
    pub(super) position: usize,
}

/// The kinds of words.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A keyword, or a name that could be one.
    Word,
    /// A name in `[[ ]]`, never a keyword; without the brackets.
    Quoted(String),
    Literal(Value),
    Symbol,
    End,
}

/// A place that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Misread {
    pub(super) line: usize,
    pub(super) position: usize,
    pub(super) message: String,
}

/// All symbols; one that begins with another stands before it.
const SYMBOLS: [&str; 20] =
    ["!=", "<>", "<=", ">=", "->", "<-", "..", "=", "<", ">", "(", ")", "[", "]", ",", ".", "*", "-", ":", "|"];

/// Takes a text apart; the last token is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Misread> {
    let mut lexer = Lexer { text, rest: text.char_indices().peekable(), line: 1, line_start: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let is_end = token.kind == Kind::End;
        tokens.push(token);
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    line: usize,
    line_start: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<Token, Misread> {
        self.skip_blanks();
        let start = self.at();
        let (line, position) = (self.line, self.position(start));
        let kind = match self.rest.peek().map(|(_, char)| *char) {
            None => Kind::End,
            Some('\'') => self.string(start)?,
            Some('[') if self.text[start..].starts_with("[[") => self.quoted(start)?,
            Some(char) if char.is_ascii_digit() => self.number(start)?,
            Some('-') if self.text[start + 1..].starts_with(|next: char| next.is_ascii_digit()) => {
                self.number(start)?
            }
            Some(char) if is_name(char) => {
                self.take_while(is_name);
                Kind::Word
            }
            Some(_) => self.symbol(start)?,
        };
        let text = self.text[start..self.at()].to_owned();
        Ok(Token { kind, text, line, position })
    }

    fn at(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn position(&self, at: usize) -> usize {
        self.text[self.line_start..at].chars().count()
    }

    fn misread(&self, at: usize, message: impl Into<String>) -> Misread {
        Misread { line: self.line, position: self.position(at), message: message.into() }
    }

    fn skip_blanks(&mut self) {
        while let Some((at, char)) = self.rest.next_if(|(_, char)| char.is_whitespace()) {
            if char == '\n' {
                self.line += 1;
                self.line_start = at + 1;
            }
        }
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) {
        while self.rest.next_if(|(_, char)| fits(*char)).is_some() {}
    }

    /// `'...'` in which `\'` is a quote and `\\` a backslash.
    fn string(&mut self, start: usize) -> Result<Kind, Misread> {
        let mut value = String::new();
        self.rest.next();
        let (mut lines, mut line_start) = (0, self.line_start);
        while let Some((at, char)) = self.rest.next() {
            if char == '\n' {
                (lines, line_start) = (lines + 1, at + 1);
            }
            match char {
                '\'' => {
                    (self.line, self.line_start) = (self.line + lines, line_start);
                    return Ok(Kind::Literal(value.into()));
                }
                '\\' => value.extend(self.rest.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        Err(self.misread(start, format!("token recognition error at: '{}'", &self.text[start..])))
    }

    fn quoted(&mut self, start: usize) -> Result<Kind, Misread> {
        let inside = &self.text[start + 2..];
        let Some(length) = inside.find("]]") else { return Err(self.misread(start, "missing ']]'")) };
        let name = inside[..length].to_owned();
        while self.at() < start + length + 4 {
            self.rest.next();
        }
        Ok(Kind::Quoted(name))
    }

    /// `-1.5e3`; two dots after a number are a range's.
    fn number(&mut self, start: usize) -> Result<Kind, Misread> {
        self.rest.next();
        self.take_while(|char| char.is_ascii_digit());
        let at = self.at();
        if self.text[at..].strip_prefix('.').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit())) {
            self.rest.next();
            self.take_while(|char| char.is_ascii_digit());
        }
        if self.rest.next_if(|(_, char)| matches!(char, 'e' | 'E')).is_some() {
            self.rest.next_if(|(_, char)| matches!(char, '+' | '-'));
        }
        self.take_while(is_name);
        let end = self.at();
        let text = &self.text[start..end];
        let number = text.parse().map(Value::Number);
        number.map(Kind::Literal).map_err(|_| self.misread(start, format!("token recognition error at: '{text}'")))
    }

    fn symbol(&mut self, start: usize) -> Result<Kind, Misread> {
        let rest = &self.text[start..];
        // An arrow to the left is followed by a bracket; what is less than a negative number is none.
        let is_arrow = !rest.get(2..).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
        let fits = |symbol: &&&str| rest.starts_with(**symbol) && (**symbol != "<-" || is_arrow);
        let Some(symbol) = SYMBOLS.iter().find(fits) else {
            let char = rest.chars().next().unwrap_or_default();
            return Err(self.misread(start, format!("token recognition error at: '{char}'")));
        };
        let end = start + symbol.len();
        while self.at() < end {
            self.rest.next();
        }
        Ok(Kind::Symbol)
    }
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}
