//! Text that comes from records, on its way into a page.

use std::fmt::{self, Write as _};

/// Shows text so that it is text wherever it stands: between tags, in a quoted attribute, in SVG.
///
/// Control characters, and those that change the direction of what follows, are shown by their code: a message must not
/// be able to look like something else (Unicode Technical Report 36, section 2.5).
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '\n' | '\t' => f.write_char(character),
            hidden if hidden.is_control() || directs(hidden) => write!(f, "\\u{{{:x}}}", u32::from(hidden)),
            plain => f.write_char(plain),
        })
    }
}

/// Whether it changes the direction of what follows.
fn directs(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        let text = Text("<a href='x' title=\"y\">&amp;</a>\n").to_string();
        assert_eq!(text, "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;amp;&lt;/a&gt;\n");
    }

    #[test]
    fn what_would_be_hidden_is_shown() {
        assert_eq!(Text("a\0\u{1b}[31m\u{202e}b").to_string(), r"a\u{0}\u{1b}[31m\u{202e}b");
    }
}
