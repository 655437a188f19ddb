//! Session tokens: how a read sees what the same client wrote before, on accounts that promise no more than that.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::http::{Answer, Call};

const HEADER: &str = "x-ms-session-token";

/// The newest token of each range of partitions.
#[derive(Debug, Default)]
pub(super) struct Session {
    tokens: Mutex<BTreeMap<String, String>>,
}

impl Session {
    /// Remembers the tokens of an answer, `{range}:{token}` separated by commas, where they are newer.
    pub(super) fn note(&self, answer: &Answer) {
        let Some(header) = answer.header(HEADER) else { return };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        for (range, token) in header.split(',').filter_map(|part| part.trim().split_once(':')) {
            let known = tokens.get(range).and_then(|known| sequence(known));
            if known.is_none_or(|known| sequence(token).is_some_and(|new| new >= known)) {
                tokens.insert(range.to_owned(), token.to_owned());
            }
        }
    }

    /// Puts all tokens on a read; the service takes the one of the range that answers.
    pub(super) fn put_on(&self, call: Call) -> Call {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let known: Vec<String> = tokens.iter().map(|(range, token)| format!("{range}:{token}")).collect();
        call.header_if(HEADER, (!known.is_empty()).then(|| known.join(",")))
    }
}

/// The sequence number in a token: `{version}#{number}#...`, or the bare number.
fn sequence(token: &str) -> Option<u64> {
    token.split('#').nth(1).unwrap_or(token).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_token_of_each_range_counts() {
        let session = Session::default();
        for header in ["0:-1#12", "1:1#5#3=4", "0:-1#11", "0:-1#13,1:1#6#3=4", "nonsense"] {
            session.note(&Answer::for_test(200, &[(HEADER, header)], ""));
        }
        let known = session.tokens.lock().expect("not poisoned").clone();
        let known: Vec<_> = known.iter().map(|(range, token)| (range.as_str(), token.as_str())).collect();
        assert_eq!(known, [("0", "-1#13"), ("1", "1#6#3=4")]);
    }
}
