//! Keeps what must not be read out of error messages.

/// The longest message that is kept, in characters: a page of HTML helps nobody.
const LONGEST: usize = 1_000;

/// What comes right before a secret in the services' messages and in URLs, in lower case.
const MARKERS: [&str; 8] = [
    "signature=",
    "secret=",
    "client_secret=",
    "access_token=",
    "x-amz-security-token=",
    "aws_secret_access_key=",
    "bearer ",
    "password=",
];

/// Replaces the values of secrets by `[redacted]`, and cuts what is too long to read.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text;
    // ASCII lower case keeps byte offsets.
    while let Some((start, marker)) = first_marker(&rest.to_ascii_lowercase()) {
        let value = start + marker.len();
        out.push_str(&rest[..value]);
        out.push_str("[redacted]");
        rest = &rest[value..];
        rest = &rest[rest.find(ends_a_value).unwrap_or(rest.len())..];
    }
    out.push_str(rest);
    cut(out)
}

fn first_marker(lower: &str) -> Option<(usize, &'static str)> {
    MARKERS.iter().filter_map(|marker| lower.find(marker).map(|start| (start, *marker))).min()
}

fn ends_a_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | ';' | '"' | '\'' | ',' | ')' | '}' | '<')
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        assert_eq!(
            redact("could not read https://b.s3/x?a=1&X-Amz-Signature=abc%3D&b=2: no"),
            "could not read https://b.s3/x?a=1&X-Amz-Signature=[redacted]&b=2: no"
        );
        assert_eq!(redact("header 'Bearer eyJ0.a.b' refused"), "header 'Bearer [redacted]' refused");
        assert_eq!(
            redact("Credential=AKIA/1, Signature=ab and aws_secret_access_key=k"),
            "Credential=AKIA/1, Signature=[redacted] and aws_secret_access_key=[redacted]"
        );
        assert_eq!(redact("nothing here, not even ünïcode"), "nothing here, not even ünïcode");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let long = "ü".repeat(5_000);
        assert_eq!(redact(&long).chars().count(), LONGEST + 3);
    }
}
