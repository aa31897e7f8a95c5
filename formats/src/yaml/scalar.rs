//! Scalars, and what a word without quotes stands for.

/// A text, and whether it was written without quotes, so that it may stand for a number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    text: Box<str>,
    plain: bool,
}

/// What a scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resolved<'a> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number below zero.
    Negative(i64),
    /// A whole number from zero on.
    Number(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A text.
    Text(&'a str),
}

impl Scalar {
    /// A scalar of `text`, `plain` if it was written without quotes.
    pub(crate) fn new(text: impl Into<Box<str>>, plain: bool) -> Self {
        Self { text: text.into(), plain }
    }

    /// The text as written, escapes resolved.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// True for `null`, `~` and nothing, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        self.resolve() == Resolved::Null
    }

    /// What the scalar stands for under the core schema of YAML 1.2 (§10.3.2).
    ///
    /// The words that YAML 1.1 took for truth values besides (`yes`, `off` …) are texts here; see
    /// [`Scalar::is_yaml11_bool`].
    pub(crate) fn resolve(&self) -> Resolved<'_> {
        if !self.plain {
            return Resolved::Text(&self.text);
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
            "true" | "True" | "TRUE" => Resolved::Bool(true),
            "false" | "False" | "FALSE" => Resolved::Bool(false),
            text => number(text).unwrap_or(Resolved::Text(text)),
        }
    }

    /// True for a word that programs which follow YAML 1.1, Kubernetes among them, read as a truth value and those
    /// that follow YAML 1.2 as a text.
    pub(crate) fn is_yaml11_bool(&self) -> bool {
        let is_word = matches!(&*self.text, "y" | "Y" | "yes" | "Yes" | "YES" | "n" | "N" | "no" | "No" | "NO")
            || matches!(&*self.text, "on" | "On" | "ON" | "off" | "Off" | "OFF");
        self.plain && is_word
    }
}

fn number(text: &str) -> Option<Resolved<'_>> {
    let whole = if let Some(digits) = text.strip_prefix("0x") {
        parse_radix(digits, 16)
    } else if let Some(digits) = text.strip_prefix("0o") {
        parse_radix(digits, 8)
    } else {
        text.strip_prefix('+').unwrap_or(text).parse::<u64>().ok().filter(|_| !text.starts_with("++"))
    };
    if let Some(value) = whole {
        return Some(Resolved::Number(value));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Resolved::Negative(value));
    }
    // Rust's parser takes `inf`, `nan` and `infinity` without the dot that YAML asks for: those are texts.
    let numeric = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if text.chars().all(numeric) && text.contains(|c: char| c.is_ascii_digit()) {
        return text.parse().ok().map(Resolved::Float);
    }
    match text.trim_start_matches(['+', '-']) {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(Resolved::Float(f64::NEG_INFINITY)),
        ".inf" | ".Inf" | ".INF" => Some(Resolved::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if text.starts_with('.') => Some(Resolved::Float(f64::NAN)),
        _ => None,
    }
}

fn parse_radix(digits: &str, radix: u32) -> Option<u64> {
    u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_quotes_follow_the_core_schema() {
        let resolve = |text: &'static str| match Scalar::new(text, true).resolve() {
            Resolved::Text(text) => format!("text {text}"),
            other => format!("{other:?}"),
        };
        for (text, expected) in [
            ("", "Null"),
            ("~", "Null"),
            ("null", "Null"),
            ("true", "Bool(true)"),
            ("False", "Bool(false)"),
            ("80", "Number(80)"),
            ("+80", "Number(80)"),
            ("0x50", "Number(80)"),
            ("0o120", "Number(80)"),
            ("-1", "Negative(-1)"),
            ("1.5", "Float(1.5)"),
            ("1e3", "Float(1000.0)"),
            ("-.inf", "Float(-inf)"),
            ("yes", "text yes"),
            ("inf", "text inf"),
            ("1.2.3", "text 1.2.3"),
            ("++1", "text ++1"),
            ("10.0.0.1", "text 10.0.0.1"),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
        assert_eq!(Scalar::new("80", false).resolve(), Resolved::Text("80"));
    }

    #[test]
    fn words_that_yaml_1_1_takes_for_truth_values() {
        for word in ["yes", "Yes", "YES", "no", "on", "Off", "y", "N"] {
            assert!(Scalar::new(word, true).is_yaml11_bool(), "{word}");
            assert!(!Scalar::new(word, false).is_yaml11_bool(), "{word} in quotes");
        }
        for word in ["true", "none", "yep", "oN", ""] {
            assert!(!Scalar::new(word, true).is_yaml11_bool(), "{word}");
        }
    }
}
