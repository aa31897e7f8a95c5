//! Calibration: numbers about the world outside a design, each with its source and date.
//!
//! A number is an *input*, which models reckon with, or a *check*, an outcome that was observed elsewhere and that results are
//! held against. What was fitted to an outcome proves nothing by meeting it, so a check cannot be read as a number: it can only
//! be [compared](Quantity::ratio).
//!
//! ```
//! use seglab_policy::{Calibration, Check, Date, Input, Part};
//! let day = Date::new(2026, 11, 23).expect("a day");
//! let given = Part::all().filter_map(|part| part.quantity(0.5, "assumption", day));
//! let calibration = Calibration::new(given).expect("every part is given");
//! let memory_bytes: f64 = calibration.input(Input::AgentMemory);
//! assert_eq!(memory_bytes, 0.5);
//! assert_eq!(calibration.quantity(Part::Check(Check::BreakoutTime)).ratio(1.0), 2.0);
//! ```
//! A check is no input:
//! ```compile_fail
//! use seglab_policy::{Calibration, Check};
//! fn model(calibration: &Calibration) -> f64 {
//!     calibration.input(Check::BreakoutTime)
//! }
//! ```

use crate::date::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A number that models reckon with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// How often an attacker tries another endpoint from a unit that it owns. [attempts per second]
    ScanRate,
    /// The chance that an attempt to exploit works. [0 to 1]
    ExploitProbability,
    /// The mean time of an exploit. \[s\]
    ExploitMean,
    /// The chance that an attempt to log in works. [0 to 1]
    LoginProbability,
    /// The mean time of a login. \[s\]
    LoginMean,
    /// The time until half of the vulnerabilities are patched. \[s\]
    PatchMedian,
    /// How long a connection is tracked, from its opening to some time after its end. \[s\]
    ConnectionLife,
    /// The processor cores that an agent takes whatever there is to do.
    AgentCpu,
    /// The processor time that an agent takes for a new connection. \[s\]
    AgentConnectionCpu,
    /// The memory that an agent takes whatever there is to do. \[bytes\]
    AgentMemory,
    /// The memory that an agent takes for a connection that it tracks. \[bytes\]
    AgentConnectionMemory,
    /// The memory that an agent takes for a rule. \[bytes\]
    AgentRuleMemory,
    /// How many new connections an appliance takes. [connections per second]
    ApplianceRate,
    /// How many connections an appliance tracks.
    ApplianceTable,
    /// How long a new connection takes through an appliance that has nothing else to do. \[s\]
    ApplianceLatency,
}

/// An outcome to hold results against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// From the first unit taken to the second. \[s\]
    BreakoutTime,
    /// From the first unit taken to the first alert. \[s\]
    DwellTime,
    /// Until twice as many units are taken, from two on. \[s\]
    WormDoubling,
}

/// What a calibration says one number about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A number that models reckon with.
    Input(Input),
    /// An outcome to hold results against.
    Check(Check),
}

/// What kind of number it is, and in which unit it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// A probability, at most 1.
    Probability,
    /// Processor cores.
    Cores,
    /// A time. \[s\]
    Time,
    /// How often. [per second]
    Rate,
    /// Memory. \[bytes\]
    Memory,
    /// A whole number of connections.
    Connections,
}

/// One number with where it comes from.
// INVARIANT: the value is sound by its measure, and the source is not empty: `Part::quantity` is the only way to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Quantity {
    part: Part,
    value: f64,
    source: String,
    date: Date,
}

/// A number for every part.
// INVARIANT: there is a quantity of every part.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    quantities: BTreeMap<Part, Quantity>,
}

/// A quantity as results have it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    value: f64,
    unit: String,
    role: String,
    source: String,
    date: String,
}

impl Input {
    /// Every input.
    pub const ALL: [Self; 15] = [
        Self::ScanRate,
        Self::ExploitProbability,
        Self::ExploitMean,
        Self::LoginProbability,
        Self::LoginMean,
        Self::PatchMedian,
        Self::ConnectionLife,
        Self::AgentCpu,
        Self::AgentConnectionCpu,
        Self::AgentMemory,
        Self::AgentConnectionMemory,
        Self::AgentRuleMemory,
        Self::ApplianceRate,
        Self::ApplianceTable,
        Self::ApplianceLatency,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScanRate => "scan-rate",
            Self::ExploitProbability => "exploit-probability",
            Self::ExploitMean => "exploit-mean",
            Self::LoginProbability => "login-probability",
            Self::LoginMean => "login-mean",
            Self::PatchMedian => "patch-median",
            Self::ConnectionLife => "connection-life",
            Self::AgentCpu => "agent-cpu",
            Self::AgentConnectionCpu => "agent-connection-cpu",
            Self::AgentMemory => "agent-memory",
            Self::AgentConnectionMemory => "agent-connection-memory",
            Self::AgentRuleMemory => "agent-rule-memory",
            Self::ApplianceRate => "appliance-rate",
            Self::ApplianceTable => "appliance-table",
            Self::ApplianceLatency => "appliance-latency",
        }
    }

    /// What kind of number it is.
    pub fn measure(self) -> Measure {
        match self {
            Self::ScanRate | Self::ApplianceRate => Measure::Rate,
            Self::ExploitProbability | Self::LoginProbability => Measure::Probability,
            Self::ExploitMean
            | Self::LoginMean
            | Self::PatchMedian
            | Self::ConnectionLife
            | Self::AgentConnectionCpu
            | Self::ApplianceLatency => Measure::Time,
            Self::AgentCpu => Measure::Cores,
            Self::AgentMemory | Self::AgentConnectionMemory | Self::AgentRuleMemory => Measure::Memory,
            Self::ApplianceTable => Measure::Connections,
        }
    }
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 3] = [Self::BreakoutTime, Self::DwellTime, Self::WormDoubling];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::BreakoutTime => "breakout-time",
            Self::DwellTime => "dwell-time",
            Self::WormDoubling => "worm-doubling",
        }
    }
}

impl Part {
    /// Every part, inputs first.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Input::ALL.into_iter().map(Self::Input).chain(Check::ALL.into_iter().map(Self::Check))
    }

    /// The part of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|part| part.name() == name)
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input(input) => input.name(),
            Self::Check(check) => check.name(),
        }
    }

    /// `input` or `check`.
    pub fn role(self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Check(_) => "check",
        }
    }

    /// What kind of number it is.
    pub fn measure(self) -> Measure {
        match self {
            Self::Input(input) => input.measure(),
            Self::Check(_) => Measure::Time,
        }
    }

    /// This part with a number in the unit of its measure; `None` for one that cannot be, or without a source.
    pub fn quantity(self, value: f64, source: impl Into<String>, date: Date) -> Option<Quantity> {
        let source = source.into();
        let is_whole = !source.trim().is_empty() && self.measure().holds(value);
        is_whole.then_some(Quantity { part: self, value, source, date })
    }
}

impl Measure {
    /// The unit that numbers are kept in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Probability => "probability",
            Self::Cores => "cores",
            Self::Time => "s",
            Self::Rate => "/s",
            Self::Memory => "bytes",
            Self::Connections => "connections",
        }
    }

    /// True for a number that there can be: above zero and finite, a probability at most 1.
    pub fn holds(self, value: f64) -> bool {
        value.is_finite() && value > 0.0 && (self != Self::Probability || value <= 1.0)
    }

    /// A number as files have it: `29min`, `10/s`, `275MB`.
    ///
    /// ```
    /// use seglab_policy::Measure;
    /// let written = [(Measure::Time, 1740.0), (Measure::Rate, 0.5), (Measure::Memory, 275e6), (Measure::Connections, 7e5)];
    /// assert_eq!(written.map(|(of, value)| of.write(value)), ["29min", "30/min", "275MB", "700k"]);
    /// ```
    pub fn write(self, value: f64) -> String {
        const TIMES: [(f64, &str); 6] =
            [(864e11, "d"), (36e11, "h"), (6e10, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "us")];
        const PERIODS: [(f64, &str); 4] = [(1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d")];
        const SIZES: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
        const NUMBERS: [(f64, &str); 2] = [(1e6, "M"), (1e3, "k")];
        let in_largest = |value: f64, units: &[(f64, &str)], least: &str| {
            let fits = units.iter().find(|(size, _)| value >= *size && value % size == 0.0);
            fits.map_or_else(|| format!("{value}{least}"), |(size, unit)| format!("{}{unit}", value / size))
        };
        match self {
            Self::Probability | Self::Cores => value.to_string(),
            Self::Time => in_largest((value * 1e9).round(), &TIMES, "ns"),
            Self::Memory => in_largest(value, &SIZES, "B"),
            Self::Connections => in_largest(value, &NUMBERS, ""),
            Self::Rate => {
                let whole = PERIODS.iter().find(|(length, _)| {
                    let number = (value * length).round();
                    number >= 1.0 && number / length == value
                });
                let (length, unit) = whole.unwrap_or(&(1.0, "s"));
                format!("{}/{unit}", if whole.is_some() { (value * length).round() } else { value })
            }
        }
    }
}

impl Quantity {
    /// What it is about.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Who says so; `assumption` where nobody does.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The day of the source, or on which it was read.
    pub fn date(&self) -> Date {
        self.date
    }

    /// How many times the number that is, in its unit: how an observed outcome is held against a simulated one.
    pub fn ratio(&self, simulated: f64) -> f64 {
        simulated / self.value
    }
}

/// The number as files have it.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.part.measure().write(self.value))
    }
}

impl Calibration {
    /// A calibration of these numbers, in any order; of several about one part the last one holds.
    ///
    /// # Errors
    /// The first part that has no number.
    pub fn new(given: impl IntoIterator<Item = Quantity>) -> Result<Self, Part> {
        let quantities: BTreeMap<Part, Quantity> =
            given.into_iter().map(|quantity| (quantity.part, quantity)).collect();
        let missing = Part::all().find(|part| !quantities.contains_key(part));
        missing.map_or(Ok(Self { quantities }), Err)
    }

    /// The same with some numbers in place of those it has.
    #[must_use]
    pub fn overridden(mut self, given: impl IntoIterator<Item = Quantity>) -> Self {
        self.quantities.extend(given.into_iter().map(|quantity| (quantity.part, quantity)));
        self
    }

    /// A number that models reckon with, in the unit of its measure.
    pub fn input(&self, of: Input) -> f64 {
        self.quantity(Part::Input(of)).value
    }

    /// What is said of a part.
    #[expect(clippy::indexing_slicing, reason = "there is one of every part")]
    pub fn quantity(&self, of: Part) -> &Quantity {
        &self.quantities[&of]
    }
}

impl From<Quantity> for Written {
    fn from(of: Quantity) -> Self {
        Self {
            name: of.part.name().to_owned(),
            value: of.value,
            unit: of.part.measure().unit().to_owned(),
            role: of.part.role().to_owned(),
            source: of.source,
            date: of.date.to_string(),
        }
    }
}

impl TryFrom<Written> for Quantity {
    type Error = String;

    fn try_from(of: Written) -> Result<Self, String> {
        let part = Part::named(&of.name).ok_or_else(|| format!("nothing is calibrated by `{}`", of.name))?;
        let date: Date = of.date.parse().map_err(|error: crate::date::NoDate| error.to_string())?;
        let is_same = of.unit == part.measure().unit() && of.role == part.role();
        let quantity = part.quantity(of.value, of.source, date).filter(|_| is_same);
        quantity.ok_or_else(|| format!("`{}` is no such number", of.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Date {
        Date::new(2026, 11, 23).unwrap()
    }

    #[test]
    fn every_part_has_its_own_name_and_number() {
        let given = (1u32..).zip(Part::all()).map(|(at, part)| part.quantity(1.0 / f64::from(at), "a", day()).unwrap());
        let calibration = Calibration::new(given).unwrap();
        for (at, part) in (1u32..).zip(Part::all()) {
            assert_eq!(Part::named(part.name()), Some(part));
            let quantity = calibration.quantity(part);
            assert_eq!((quantity.part(), quantity.source(), quantity.date()), (part, "a", day()));
            assert!((quantity.ratio(1.0) - f64::from(at)).abs() < 1e-9);
        }
        assert_eq!(calibration.input(Input::ScanRate), 1.0);
        assert_eq!(calibration.input(Input::ExploitMean), 1.0 / 3.0);
        assert_eq!(Calibration::new([]), Err(Part::Input(Input::ScanRate)));
        let faster = Part::Input(Input::ScanRate).quantity(9.0, "b", day());
        let overridden = calibration.overridden(faster);
        assert_eq!(overridden.input(Input::ScanRate), 9.0);
        assert_eq!(overridden.input(Input::ExploitProbability), 0.5);
    }

    #[test]
    fn numbers_that_cannot_be_are_none() {
        let rate = Part::Input(Input::ScanRate);
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(rate.quantity(value, "a", day()), None, "{value}");
        }
        assert_eq!(rate.quantity(1.0, " ", day()), None);
        assert!(rate.quantity(2.0, "a", day()).is_some());
        assert_eq!(Part::Input(Input::LoginProbability).quantity(2.0, "a", day()), None);
    }

    #[test]
    fn numbers_are_written_in_the_unit_that_fits() {
        let written = |of: Measure, values: &[f64]| -> Vec<String> { values.iter().map(|v| of.write(*v)).collect() };
        assert_eq!(
            written(Measure::Time, &[5e-5, 2.429e-6, 90.0, 864000.0, 1.5]),
            ["50us", "2429ns", "90s", "10d", "1500ms"]
        );
        assert_eq!(written(Measure::Rate, &[35_000.0, 1.0 / 60.0, 0.3]), ["35000/s", "1/min", "18/min"]);
        assert_eq!(written(Measure::Memory, &[304.0, 1000.0, 1500.0]), ["304B", "1kB", "1500B"]);
        assert_eq!(written(Measure::Connections, &[10.0, 1_500_000.0]), ["10", "1500k"]);
        assert_eq!(written(Measure::Cores, &[0.02]), ["0.02"]);
    }
}
