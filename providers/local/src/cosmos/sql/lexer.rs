//! Text into tokens.

use serde_json::Value;

use super::Misread;

/// A word of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A keyword or a name.
    Word(String),
    /// `@name`.
    Parameter(String),
    Literal(Value),
    Symbol(&'static str),
    End,
}

/// A word and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

const SYMBOLS: [&str; 25] = [
    "!=", "<>", "<=", ">=", "||", "??", "=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", "*", "+", "-", "/", "%",
    ":", "?", ";",
];

/// Takes a text apart; the last token is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Misread> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let blanks = text[at..].find(|char: char| !char.is_whitespace());
        let start = blanks.map_or(text.len(), |blanks| at + blanks);
        let (kind, length) = token(&text[start..]).map_err(|length| Misread::near(text, start, start + length))?;
        let is_end = kind == Kind::End;
        at = start + length;
        tokens.push(Token { kind, start, end: at });
        if is_end {
            return Ok(tokens);
        }
    }
}

/// The first token of a text and its length; the length of what is none.
fn token(text: &str) -> Result<(Kind, usize), usize> {
    let Some(first) = text.chars().next() else { return Ok((Kind::End, 0)) };
    let word = |text: &str| text.find(|char: char| !is_name(char)).unwrap_or(text.len());
    match first {
        '"' | '\'' => string(text, first),
        '@' => {
            let length = 1 + word(&text[1..]);
            if length > 1 { Ok((Kind::Parameter(text[..length].to_owned()), length)) } else { Err(1) }
        }
        digit if digit.is_ascii_digit() => number(text),
        letter if is_name(letter) => {
            let length = word(text);
            Ok((Kind::Word(text[..length].to_owned()), length))
        }
        other => SYMBOLS
            .iter()
            .find(|symbol| text.starts_with(**symbol))
            .map(|symbol| (Kind::Symbol(symbol), symbol.len()))
            .ok_or(other.len_utf8()),
    }
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}

/// `'...'` or `"..."` with the escapes of JSON, and `\'`.
fn string(text: &str, quote: char) -> Result<(Kind, usize), usize> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, char)| {
        let ends = *char == quote && !escaped;
        escaped = *char == '\\' && !escaped;
        ends
    });
    let (end, _) = end.ok_or(text.len())?;
    let mut json = String::from("\"");
    let mut chars = text[1..end].chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('\'') => json.push('\''),
                Some(other) => json.extend(['\\', other]),
                None => return Err(end + 1),
            },
            '"' => json.push_str("\\\""),
            other => json.push(other),
        }
    }
    json.push('"');
    let value = serde_json::from_str(&json).map_err(|_| end + 1)?;
    Ok((Kind::Literal(value), end + 1))
}

fn number(text: &str) -> Result<(Kind, usize), usize> {
    let mut before = ' ';
    let length = text.find(|char: char| {
        let belongs = char.is_ascii_alphanumeric() || char == '.' || "+-".contains(char) && "eE".contains(before);
        before = char;
        !belongs
    });
    let length = length.unwrap_or(text.len());
    let value: serde_json::Number = text[..length].parse().map_err(|_| length)?;
    Ok((Kind::Literal(value.into()), length))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).expect("tokens").into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_are_told_apart() {
        let literal = |value: Value| Kind::Literal(value);
        assert_eq!(
            kinds(r#"c.a>=1.5e3 OR@p!='it\'s "x" \u00e9'"#),
            [
                Kind::Word("c".into()),
                Kind::Symbol("."),
                Kind::Word("a".into()),
                Kind::Symbol(">="),
                literal(json!(1500.0)),
                Kind::Word("OR".into()),
                Kind::Parameter("@p".into()),
                Kind::Symbol("!="),
                literal(json!("it's \"x\" é")),
                Kind::End,
            ]
        );
    }

    #[test]
    fn what_is_no_word_is_pointed_at() {
        for (text, start, end) in
            [("c.a = #", 6, 7), ("'open", 0, 5), ("@ x", 0, 1), ("12abc", 0, 5), ("\"\\q\"", 0, 4)]
        {
            let misread = tokens(text).expect_err(text);
            assert_eq!((misread.start, misread.end), (start, end), "{text}");
        }
    }
}
