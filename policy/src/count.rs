//! How numbers and what they count are written, everywhere alike.

/// A whole number with a separator every three digits.
///
/// ```
/// assert_eq!(seglab_policy::number(40_000), "40,000");
/// ```
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and what it counts, in the singular or plural.
///
/// ```
/// use seglab_policy::count;
/// assert_eq!(count(1, "unit", "units"), "1 unit");
/// assert_eq!(count(0, "unit", "units"), "0 units");
/// assert_eq!(count(40_000, "property", "properties"), "40,000 properties");
/// ```
pub fn count(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown: Vec<String> = [0, 999, 1_000, 40_000, 1_234_567].into_iter().map(number).collect();
        assert_eq!(shown, ["0", "999", "1,000", "40,000", "1,234,567"]);
    }
}
