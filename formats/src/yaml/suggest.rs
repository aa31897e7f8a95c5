//! The word that somebody may have meant.

/// The candidate that is nearest to `word` by exchanged, added, dropped and swapped letters, if it is near enough to
/// be a slip: a third of the word's letters, at least one.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance (Damerau 1964): edits, where swapping two neighbours is one.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut letter_before = None;
    for (row, x) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut above_left_letter = None;
        for (column, &y) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&last, column) + usize::from(x != y)).min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            if letter_before == Some(y) && above_left_letter == Some(x) {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
            above_left_letter = Some(y);
        }
        before = std::mem::replace(&mut last, current);
        letter_before = Some(x);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let known = ["from", "ports", "podSelector", "namespaceSelector"];
        for (word, meant) in [
            ("form", Some("from")),
            ("fro", Some("from")),
            ("port", Some("ports")),
            ("podselector", Some("podSelector")),
            ("namespacesSelector", Some("namespaceSelector")),
            ("to", None),
            ("egress", None),
        ] {
            assert_eq!(closest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("form", "from"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
