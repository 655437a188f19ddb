//! What resource types may be called.

/// A rule for names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Fewest characters.
    pub(crate) min: usize,
    /// Most characters.
    pub(crate) max: usize,
    /// Characters allowed beside the letters and digits that `letters` allows.
    pub(crate) also: &'static str,
    /// Which letters are allowed.
    pub(crate) letters: Letters,
    /// Whether the first and the last character must be a letter or digit.
    pub(crate) ends: Ends,
}

/// Which letters a name may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    Lower,
    Any,
}

/// What a name may begin and end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Anything that may be inside.
    Free,
    /// Both a letter or digit.
    Alphanumeric,
    /// No dot at the end: resource groups.
    NoDotLast,
    /// A letter or digit last, and not digits alone: endpoints of digital twins.
    NotAllDigits,
    /// A GUID: role assignments.
    Guid,
}

impl Rule {
    pub(crate) const fn new(min: usize, max: usize, letters: Letters, also: &'static str, ends: Ends) -> Self {
        Self { min, max, also, letters, ends }
    }

    /// Whether the name obeys.
    pub(crate) fn allows(&self, name: &str) -> bool {
        let letter = |c: char| match self.letters {
            Letters::Lower => c.is_ascii_lowercase() || c.is_ascii_digit(),
            Letters::Any => c.is_ascii_alphanumeric(),
        };
        let (first, last) = (name.chars().next(), name.chars().next_back());
        let inside = name.chars().all(|c| letter(c) || self.also.contains(c));
        let ends = match self.ends {
            Ends::Free => true,
            Ends::Alphanumeric => first.is_some_and(letter) && last.is_some_and(letter),
            Ends::NoDotLast => last != Some('.'),
            Ends::NotAllDigits => {
                first != Some('-') && last.is_some_and(letter) && !name.chars().all(|c| c.is_ascii_digit())
            }
            Ends::Guid => uuid::Uuid::try_parse(name).is_ok() && name.len() == 36,
        };
        (self.min..=self.max).contains(&name.chars().count()) && inside && ends
    }

    /// The rule in words.
    pub(crate) fn describe(&self) -> String {
        let letters = if self.letters == Letters::Lower { "lower-case letters" } else { "letters" };
        let also: Vec<String> = self.also.chars().map(|c| format!("'{c}'")).collect();
        let also = if also.is_empty() { String::new() } else { format!(", {}", also.join(", ")) };
        format!("{}-{} characters: {letters}, digits{also}", self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_length_characters_and_ends() {
        let twins = Rule::new(3, 63, Letters::Any, "-", Ends::Alphanumeric);
        assert!(twins.allows("factory-adt"));
        for bad in ["ab", "-factory", "factory-", "fac_tory", ""] {
            assert!(!twins.allows(bad), "{bad}");
        }
        let storage = Rule::new(3, 24, Letters::Lower, "", Ends::Free);
        assert!(storage.allows("factory1") && !storage.allows("Factory1"));
        let endpoint = Rule::new(3, 50, Letters::Any, "-", Ends::NotAllDigits);
        assert!(endpoint.allows("e-1") && !endpoint.allows("123"));
        let guid = Rule::new(36, 36, Letters::Any, "-", Ends::Guid);
        assert!(guid.allows("bcd981a7-7f74-457b-83e1-cceb9e632ffe") && !guid.allows(&"x".repeat(36)));
        assert_eq!(storage.describe(), "3-24 characters: lower-case letters, digits");
    }
}
