//! Durations, rates, sizes and bounds: `20min`, `1h30min`, `10/min`, `120MB`, `200k`, `25%`.

use super::service::trimmed;
use super::{TextError, nearest};
use seglab_policy::{AtMost, Measure, Statistic};

/// The units of time by name, with their lengths. \[ns\]
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a duration. \[ns\]
///
/// ```
/// use seglab_formats::text::duration_ns;
/// assert_eq!(duration_ns("1h30min")?, 5_400_000_000_000);
/// assert_eq!(duration_ns("0.5s")?, 500_000_000);
/// assert!(duration_ns("5m").unwrap_err().help.unwrap().contains("min"));
/// # Ok::<(), seglab_formats::text::TextError>(())
/// ```
///
/// # Errors
/// What is wrong, and where in the text.
pub fn duration_ns(text: &str) -> Result<u64, TextError> {
    let (start, given) = trimmed(text);
    let whole = start..start + given.chars().count();
    if given.is_empty() {
        return Err(TextError::new("the duration is empty", whole).with_help("write a number and its unit: `20min`"));
    }
    let too_long = || TextError::new(format!("`{given}` is too long"), whole.clone()).with_help("at most 500 years");
    let mut total: u64 = 0;
    let mut rest = given;
    let mut at = start;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let name_len = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(name_len);
        let name_at = at + number.chars().count();
        let unit = unit(name.trim(), name_at..name_at + name.chars().count())?;
        let part = scaled(number, unit).map_err(|bad| match bad {
            Bad::Number if number.is_empty() => TextError::new("the number is missing", at..name_at)
                .with_help("write a duration as `20min`, `1h30min` or `0.5s`"),
            Bad::Number => TextError::new(format!("`{number}` is not a number"), at..name_at.max(at + 1))
                .with_help("write a duration as `20min`, `1h30min` or `0.5s`"),
            Bad::Large => too_long(),
            Bad::Fine => TextError::new(format!("`{given}` is not a whole number of nanoseconds"), whole.clone()),
        })?;
        total = total.checked_add(part).ok_or_else(too_long)?;
        at = name_at + name.chars().count();
        rest = after;
    }
    Ok(total)
}

/// Writes a duration in the largest unit that divides it.
pub fn write_duration(ns: u64) -> String {
    let (name, length) =
        UNITS.into_iter().rev().find(|(_, length)| ns != 0 && ns.is_multiple_of(*length)).unwrap_or(("s", 1));
    format!("{}{name}", ns / length)
}

/// Reads a rate: `2/s`, `10/min`, `0.5/h`. [per second]
///
/// # Errors
/// What is wrong, and where in the text; a rate that is not above zero is wrong.
pub fn rate_per_second(text: &str) -> Result<f64, TextError> {
    let (start, given) = trimmed(text);
    let length = given.chars().count();
    let whole = start..start + length;
    let Some((number, per)) = given.split_once('/') else {
        return Err(TextError::new(format!("`{given}` is not a rate"), whole)
            .with_help("write a rate as `2/s`, `10/min` or `1/h`"));
    };
    let per_at = start + number.chars().count() + 1;
    let unit = unit(per.trim(), per_at..start + length)?;
    let place = start..per_at.saturating_sub(1);
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number / (unit as f64 / 1e9)),
        Ok(_) => Err(TextError::new(format!("the rate `{given}` is not above zero"), place)
            .with_help("leave out what never happens")),
        Err(_) => Err(TextError::new(format!("`{}` is not a number", number.trim()), place)
            .with_help("write a rate as `2/s`, `10/min` or `1/h`")),
    }
}

/// Writes a rate so that it reads back as the same number: by the shortest time that has a whole number of them.
pub fn write_rate(per_second: f64) -> String {
    let whole = ["s", "min", "h", "d"].into_iter().find_map(|unit| {
        let length = UNITS.into_iter().find(|(name, _)| *name == unit).map_or(1.0, |(_, ns)| ns as f64 / 1e9);
        let written = format!("{}/{unit}", (per_second * length).round());
        (rate_per_second(&written) == Ok(per_second)).then_some(written)
    });
    whole.unwrap_or_else(|| format!("{per_second}/s"))
}

/// Reads a number of some kind, as [`Measure::write`] writes it; in the unit of its measure.
///
/// ```
/// use seglab_formats::text::amount;
/// use seglab_policy::Measure;
/// assert_eq!(amount("120MB", Measure::Memory)?, 120e6);
/// assert_eq!(amount("1.5M", Measure::Connections)?, 1_500_000.0);
/// assert_eq!(amount("29min", Measure::Memory).unwrap_err().message, "`min` is not a unit of memory");
/// # Ok::<(), seglab_formats::text::TextError>(())
/// ```
///
/// # Errors
/// What is wrong, and where in the text; a number that its measure cannot [hold](Measure::holds) is wrong.
pub fn amount(text: &str, of: Measure) -> Result<f64, TextError> {
    let (start, given) = trimmed(text);
    let value = match of {
        Measure::Time => duration_ns(text)? as f64 / 1e9,
        Measure::Rate => rate_per_second(text)?,
        Measure::Memory => with_unit(text, &MEMORY, "a unit of memory", "write a number and its unit: `120MB`")?,
        Measure::Connections => {
            with_unit(text, &THOUSANDS, "a multiple", "write a whole number: `200k`, `1.5M` or `50000`")?
        }
        Measure::Probability => with_unit(text, &PLAIN, "part of a probability", "write a number above 0, to 1")?,
        Measure::Cores => with_unit(text, &PLAIN, "part of a number of cores", "write how many cores: `0.02`")?,
    };
    if of.holds(value) {
        return Ok(value);
    }
    let whole = start..start + given.chars().count();
    Err(match of {
        Measure::Probability => TextError::new(format!("`{given}` is no probability above zero"), whole)
            .with_help("write a number above 0, to 1"),
        _ => TextError::new(format!("`{given}` is not above zero"), whole).with_help("write a number above zero"),
    })
}

/// Units of memory. \[bytes\]
const MEMORY: [(&str, u64); 4] = [("B", 1), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
const THOUSANDS: [(&str, u64); 3] = [("", 1), ("k", 1_000), ("M", 1_000_000)];
const PLAIN: [(&str, u64); 1] = [("", 1)];

/// A decimal number and its unit; sizes are whole numbers of the least unit.
fn with_unit(text: &str, units: &[(&str, u64)], what: &str, help: &str) -> Result<f64, TextError> {
    let (start, given) = trimmed(text);
    let digits = given.find(|c: char| c.is_alphabetic()).unwrap_or(given.len());
    let (number, name) = given.split_at(digits);
    let name_at = start + number.chars().count();
    let wrong = |message: String, range| Err(TextError::new(message, range).with_help(help));
    let Some((_, length)) = units.iter().find(|(known, _)| *known == name) else {
        let range = name_at..name_at + name.chars().count();
        return match name {
            "" => wrong(format!("`{given}` has no unit"), start..name_at),
            // What reads as a number in other places: `nan`, `1e6`.
            _ if number.trim().is_empty() => wrong(format!("`{given}` is not a number"), start..range.end),
            _ => wrong(format!("`{name}` is not {what}"), range),
        };
    };
    let number = number.trim();
    let value = if units.len() == 1 {
        number.parse::<f64>().ok()
    } else {
        scaled(number, *length).ok().map(|whole| whole as f64)
    };
    match value {
        Some(value) => Ok(value),
        None => wrong(format!("`{number}` is not a number that there can be"), start..name_at.max(start + 1)),
    }
}

/// Reads a bound on a blast radius: `2` units, a share of all of them `25%`, or weighed by how critical they are
/// `criticality 7`.
///
/// # Errors
/// What is wrong, and where in the text.
pub fn at_most(text: &str) -> Result<AtMost, TextError> {
    let (start, given) = trimmed(text);
    let whole = start..start + given.chars().count();
    let wrong = |what: &str| {
        TextError::new(format!("`{given}` {what}"), whole.clone())
            .with_help("write a number of units as `2`, a share of all of them as `25%`, a weight as `criticality 7`")
    };
    if let Some(weight) = given.strip_prefix("criticality ") {
        return weight.trim_start().parse().map(AtMost::Criticality).map_err(|_| wrong("is not a criticality"));
    }
    let Some(percent) = given.strip_suffix('%') else {
        return given.parse().map(AtMost::Units).map_err(|_| wrong("is not a number of units"));
    };
    match scaled(percent.trim_end(), 10_000) {
        Ok(parts) if parts <= 1_000_000 => Ok(AtMost::Share(u32::try_from(parts).unwrap_or(1_000_000))),
        Ok(_) | Err(Bad::Large) => Err(wrong("is more than all units")),
        Err(Bad::Number) => Err(wrong("is not a share")),
        Err(Bad::Fine) => Err(wrong("is finer than a ten-thousandth of a percent")),
    }
}

/// Reads what of many blast radii is bounded: `max`, `mean`, or a percentile as `p95` or `p99.9`.
///
/// # Errors
/// What is wrong, and where in the text.
pub fn statistic(text: &str) -> Result<Statistic, TextError> {
    let (start, given) = trimmed(text);
    Statistic::from_name(given).ok_or_else(|| {
        TextError::new(format!("`{given}` is not a statistic"), start..start + given.chars().count())
            .with_help("write `max`, `mean`, or a percentile as `p95` or `p99.9`")
    })
}

fn unit(name: &str, place: std::ops::Range<usize>) -> Result<u64, TextError> {
    if let Some((_, length)) = UNITS.into_iter().find(|(known, _)| *known == name) {
        return Ok(length);
    }
    let error = if name.is_empty() {
        TextError::new("the unit of time is missing", place)
    } else {
        TextError::new(format!("`{name}` is not a unit of time"), place)
    };
    const LONG: [(&str, &str); 10] = [
        ("m", "min"),
        ("sec", "s"),
        ("second", "s"),
        ("seconds", "s"),
        ("minute", "min"),
        ("minutes", "min"),
        ("hour", "h"),
        ("hours", "h"),
        ("day", "d"),
        ("days", "d"),
    ];
    let short = LONG.into_iter().find(|(long, _)| *long == name).map(|(_, short)| short);
    Err(match short.or_else(|| nearest(name, UNITS.into_iter().map(|(known, _)| known).filter(|_| name.len() > 1))) {
        Some(short) => error.with_help(format!("write `{short}`")),
        None => error.with_help("use `ns`, `us`, `ms`, `s`, `min`, `h` or `d`"),
    })
}

enum Bad {
    Number,
    Large,
    Fine,
}

/// A decimal number times a whole one, exactly.
fn scaled(number: &str, by: u64) -> Result<u64, Bad> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(Bad::Number);
    }
    let fraction = fraction.trim_end_matches('0');
    let parse = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<u128>().map_err(|_| Bad::Large) };
    let power = u32::try_from(fraction.len()).ok().and_then(|n| 10u128.checked_pow(n)).ok_or(Bad::Fine)?;
    let total = parse(whole)?.checked_mul(u128::from(by)).ok_or(Bad::Large)?;
    let small = parse(fraction)?.checked_mul(u128::from(by)).ok_or(Bad::Fine)?;
    if !small.is_multiple_of(power) {
        return Err(Bad::Fine);
    }
    total.checked_add(small / power).and_then(|total| u64::try_from(total).ok()).ok_or(Bad::Large)
}
