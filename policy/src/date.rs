//! Days: until when somebody answers for something.

use std::fmt;

/// A day of the Gregorian calendar.
///
/// ```
/// use seglab_policy::Date;
/// let day: Date = "2027-01-31".parse()?;
/// assert!(day < "2027-02-01".parse()?);
/// assert!("2027-02-30".parse::<Date>().is_err());
/// # Ok::<(), seglab_policy::NoDate>(())
/// ```
// INVARIANT: month and day exist in the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a date")]
pub struct NoDate {
    /// The text.
    pub text: String,
}

impl Date {
    /// The day of a calendar; `None` if there is no such day, or it is not in the years 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=9999).contains(&year) && (1..=days_in(year, month)).contains(&day);
        fits.then_some(Self { year, month, day })
    }

    /// The day that is so many days after 1970-01-01.
    ///
    /// The civil-from-days algorithm of Howard Hinnant, *chrono-compatible low-level date algorithms*.
    pub fn from_days_since_1970(days: u32) -> Option<Self> {
        // Years begin in March here, so that the day that not every year has is a year's last.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let (month, later) = if shifted < 10 { (shifted + 3, 0) } else { (shifted - 9, 1) };
        let year = u16::try_from(year_of_era + era * 400 + later).ok()?;
        Self::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }
}

/// How many days a month has; none if there is no such month.
fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl std::str::FromStr for Date {
    type Err = NoDate;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, NoDate> {
        let pieces: Vec<&str> = text.split('-').collect();
        let number = |piece: &str, digits: usize| {
            let plain = piece.len() == digits && piece.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| piece.parse::<u16>().ok()).flatten()
        };
        let day = match pieces.as_slice() {
            [year, month, day] => number(year, 4).zip(number(month, 2)).zip(number(day, 2)),
            _ => None,
        };
        let small = |number: u16| u8::try_from(number).unwrap_or(0);
        day.and_then(|((year, month), day)| Self::new(year, small(month), small(day)))
            .ok_or_else(|| NoDate { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_there_are() {
        for text in ["2027-01-31", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in [
            "2027-02-29",
            "1900-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-1-31",
            "27-01-31",
            "tomorrow",
            "",
            "+027-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        for (days, text) in
            [(0, "1970-01-01"), (58, "1970-02-28"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_779, "2026-11-22")]
        {
            assert_eq!(Date::from_days_since_1970(days).unwrap().to_string(), text);
        }
        assert_eq!(Date::from_days_since_1970(u32::MAX / 2), None);
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let mut before = Date::from_days_since_1970(0).unwrap();
        for days in 1..80_000 {
            let day = Date::from_days_since_1970(days).unwrap();
            assert!(before < day && day.to_string().parse() == Ok(day));
            before = day;
        }
    }
}
