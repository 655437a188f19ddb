//! "Did you mean".

/// The candidate that is most like a word, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let alike = |candidate: &'a str| {
        let likeness = strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
        (likeness > 0.85).then_some((likeness, candidate))
    };
    let best = candidates.into_iter().filter_map(alike).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, candidate)| candidate)
}

/// A remedy that names the nearest candidate, or says what else would do.
pub(super) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(word, candidates) {
        Some(candidate) => format!("did you mean \"{candidate}\"? otherwise {otherwise}"),
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_near() {
        let keys = ["layer_1_provider", "layer_2_provider", "mode"];
        assert_eq!(nearest("layer_2_provder", keys), Some("layer_2_provider"));
        assert_eq!(nearest("Mode", keys), Some("mode"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(did_you_mean("colour", keys, "remove it"), "remove it");
    }
}
