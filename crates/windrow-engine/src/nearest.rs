//! "Did you mean": the nearest of some names.

use strsim::normalized_levenshtein;

/// How many columns a hint lists.
const SHOWN: usize = 20;

/// The name in `names` that is most like `wanted`, if one is alike at all.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    names
        .into_iter()
        .map(|name| (likeness(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// Equality of letters counts; so does containing the other.
fn likeness(wanted: &str, name: &str) -> f64 {
    let letters = normalized_levenshtein(wanted, name);
    let contains =
        wanted.len() >= 3 && (name.contains(wanted) || (name.len() >= 3 && wanted.contains(name)));
    if contains { letters.max(0.6) } else { letters }
}

/// The nearest column, or all there are, for a hint.
pub(crate) fn column_hint<S: AsRef<str>>(wanted: &str, names: &[S]) -> String {
    match nearest(wanted, names.iter().map(AsRef::as_ref)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let shown: Vec<String> =
                names.iter().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect();
            let more = match names.len().checked_sub(SHOWN) {
                Some(more @ 1..) => format!(" and {more} more"),
                _ => String::new(),
            };
            format!("the columns are {}{more}", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_misspelled_name() {
        assert_eq!(nearest("home_scor", ["away_score", "home_score"]), Some("home_score"));
        assert_eq!(nearest("zzz", ["away_score", "home_score"]), None);
    }
}
