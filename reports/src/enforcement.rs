//! What enforcing takes, what outcomes are held against, and the numbers that stand for the world: their words.

use crate::model::{CalibratedValue, OutcomeCheck};
use crate::table::table;
use crate::words;
use seglab_policy::Part;
use seglab_sim::models::{AgentsLoad, ApplianceLoad, EnforcementLoad, GivenLoad};
use std::fmt::Write;

/// What loads rest on that nobody has checked.
pub(crate) const ASSUMED: &str = "from rates: connections come evenly (Poisson), are all there whatever is denied, and every point \
                                  is at work wherever it is declared; an agent holds all rules of its rulebook";

/// What a check is and is not.
pub(crate) const CHECKED: &str =
    "medians over the replicas in which it happened; nothing is computed from what was observed";

/// Writes the numbers of a calibration that were used, a line each; nothing where none was.
pub fn calibration_text(of: &[CalibratedValue]) -> String {
    if of.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 4]> = of
        .iter()
        .map(|one| {
            let source = format!("{}, {}", one.source, one.date);
            [&one.name, &one.value, &one.role, &source].map(|cell| words::printable(cell))
        })
        .collect();
    format!("calibration\n{}", table(2, ["name", "value", "role", "source"], &rows))
}

/// Writes outcomes beside those that were observed elsewhere, a line each.
pub(crate) fn checks_text(of: &[OutcomeCheck]) -> String {
    let mut out = String::new();
    for one in of {
        let [name, observed, simulated, ratio] = check_cells(one).map(|cell| words::printable(&cell));
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            out,
            "    {name:<18} {simulated}; observed {observed}{}",
            match one.ratio {
                Some(_) => format!(", {ratio} times that"),
                None => String::new(),
            }
        );
    }
    out
}

/// Writes what enforcing takes, with what that rests on.
pub(crate) fn load_text(of: &EnforcementLoad) -> String {
    let mut out = String::from("  enforcing\n");
    if let Some(agents) = &of.agents {
        for row in agents_cells(agents) {
            let [what, connections, cpu, memory] = row.map(|cell| words::printable(&cell));
            let _ = writeln!(out, "    {what}: {connections} connections/s, {cpu} cores, {memory}");
        }
    }
    for appliance in &of.appliances {
        let [point, connections, busy, table, refused, p50, p99] =
            appliance_cells(appliance).map(|cell| words::printable(&cell));
        let _ = writeln!(
            out,
            "    appliance {point}: {connections} connections/s, busy {busy}, table {table}, refused {refused}; p50 {p50}, p99 {p99}"
        );
    }
    for given in &of.given {
        let _ = writeln!(out, "    said of {}", words::printable(&given_words(given)));
    }
    let _ = writeln!(out, "    {ASSUMED}");
    out
}

/// Name, observed, simulated, ratio.
pub(crate) fn check_cells(of: &OutcomeCheck) -> [String; 4] {
    let simulated = match of.simulated_ns {
        Some(ns) => format!("median {} in {} of replicas", words::duration(ns), words::percent(of.share)),
        None => "in no replica".to_owned(),
    };
    [of.name.clone(), of.observed.clone(), simulated, of.ratio.map_or_else(|| "–".to_owned(), digits)]
}

/// Who, connections a second, cores, memory: of all units, and of the most loaded one.
pub(crate) fn agents_cells(of: &AgentsLoad) -> [[String; 4]; 2] {
    let row = |what: String, connections, cpu, memory| [what, digits(connections), digits(cpu), size(memory)];
    let most = &of.most_loaded;
    [
        row(
            format!("agents on {}", words::count(of.units.into(), "unit", "units")),
            of.connections_per_second,
            of.cpu_cores,
            of.memory_bytes,
        ),
        row(format!("most loaded, {}", most.unit), most.connections_per_second, most.cpu_cores, most.memory_bytes),
    ]
}

/// Point, connections a second, utilisation, share of the table, share refused, latency p50, p99.
pub(crate) fn appliance_cells(of: &ApplianceLoad) -> [String; 7] {
    let latency = |ns: Option<f64>| match ns {
        Some(ns) => words::duration(ns.round() as u64),
        None => "without end".to_owned(),
    };
    [
        of.point.clone(),
        digits(of.connections_per_second),
        words::percent(of.utilisation),
        words::percent(of.table_share),
        words::percent(of.refused_share),
        latency(of.latency_ns_p50),
        latency(of.latency_ns_p99),
    ]
}

/// A number that a design says of a point, and who says so.
pub(crate) fn given_words(of: &GivenLoad) -> String {
    let value = match Part::named(&of.name) {
        Some(part) => part.measure().write(of.value),
        None => format!("{} {}", of.value, of.unit),
    };
    format!(
        "{}: {} {value} ({})",
        of.point,
        of.name,
        of.source.as_deref().unwrap_or("the design's own number, without a source")
    )
}

/// A number to three digits.
fn digits(value: f64) -> String {
    if value >= 1000.0 {
        return words::number(value.round() as u64);
    }
    if value <= 0.0 {
        return "0".to_owned();
    }
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    let written = format!("{value:.decimals$}");
    match written.contains('.') {
        true if written.bytes().all(|byte| matches!(byte, b'0' | b'.')) => "<0.001".to_owned(),
        true => written.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => written,
    }
}

/// Memory in the largest unit that leaves a number of at least one.
fn size(bytes: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let unit = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(|| format!("{bytes:.0} B"), |(unit, name)| format!("{} {name}", digits(bytes / unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let written = [0.0, 0.0001, 0.0123, 0.5, 1.0, 12.34, 123.4, 1234.5].map(digits);
        assert_eq!(written, ["0", "<0.001", "0.012", "0.5", "1", "12.3", "123", "1,235"]);
        assert_eq!([304.0, 275e6, 11.25e9].map(size), ["304 B", "275 MB", "11.2 GB"]);
    }
}
