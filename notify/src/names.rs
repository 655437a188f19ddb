//! What files and cloud things are called after texts that could hold anything.

use sha2::{Digest as _, Sha256};

/// A part of a name: what file systems and clouds take everywhere; the rest becomes `-`, and what is too long is cut.
pub(crate) fn slug(text: &str, longest: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    text.chars().map(plain).take(longest).collect()
}

/// The same, and never equal for two texts: what was changed has a digest behind it.
pub(crate) fn distinct(text: &str, longest: usize) -> String {
    let slug = slug(text, longest);
    if slug == text { slug } else { format!("{slug}.{}", digest(text.as_bytes(), 5)) }
}

/// The beginning of a text's SHA-256, so many bytes, in hexadecimal.
pub(crate) fn digest(text: &[u8], bytes: usize) -> String {
    Sha256::digest(text)[..bytes].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_can_name_a_file_and_a_queue() {
        assert_eq!(slug("eu/nightly_run-2.ü", 40), "eu-nightly_run-2--");
        assert_eq!(slug("abcdef", 3), "abc");
    }

    #[test]
    fn distinct_texts_have_distinct_names() {
        assert_eq!(distinct("operations", 40), "operations");
        let names = ["a.b", "a-b", "a/b", "abc", "abcd"].map(|text| distinct(text, 3));
        for (place, name) in names.iter().enumerate() {
            assert!(!names[place + 1..].contains(name), "{names:?}");
        }
    }
}
