//! What was measured, as text.

use super::measure::ByCores;
use super::narrowed::Built;
use super::{MEANING, Measured, RULES};
use seglab_policy::{count, number};
use seglab_reports::heading_text;
use std::fmt::Write;

/// The table that people read.
pub(super) fn text(m: &Measured) -> String {
    let sized = |value: usize, one: &str, many: &str| count(value as u64, one, many);
    let mut out = heading_text(std::slice::from_ref(&m.heading));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "\n{}, {}\n", sized(m.units, "unit", "units"), sized(m.rules, "rule", "rules"));
    let _ = writeln!(
        out,
        "  million decisions a second {:>12} {:>12} {:>12} {:>12} {:>9}",
        "1 core", "roofline", "2 cores", "roofline", "allowed"
    );
    for one in &m.traffic {
        let rates = &one.rates;
        let rows = [
            ("by address", &rates.by_address, &rates.roofline_by_address),
            ("by unit", &rates.by_unit, &rates.roofline_by_unit),
        ];
        for (how, rate, roofline) in rows.into_iter().filter(|(_, rate, _)| !rate.is_empty()) {
            let cell = |of: &ByCores, cores: u16| of.get(&cores).map_or_else(|| "-".to_owned(), |&rate| millions(rate));
            let _ = writeln!(
                out,
                "  {:<26} {:>12} {:>12} {:>12} {:>12} {:>8.1}%",
                format!("{}, {how}", one.name),
                cell(rate, 1),
                cell(roofline, 1),
                cell(rate, 2),
                cell(roofline, 2),
                100.0 * one.allowed
            );
        }
    }
    parts(&mut out, m);
    let _ = writeln!(
        out,
        "\n  {:<26} {:>12} {:>12} {:>12} {:>12}",
        "packets in a batch", "million/s", "p50 ns", "p99 ns", "p99.9 ns"
    );
    for batch in &m.batches {
        let _ = writeln!(
            out,
            "  {:<26} {:>12} {:>12} {:>12} {:>12}",
            number(batch.packets as u64),
            millions(batch.decisions_per_second),
            number(batch.batch_ns_p50),
            number(batch.batch_ns_p99),
            number(batch.batch_ns_p999)
        );
    }
    let _ = writeln!(
        out,
        "\n  build     {:>10.2} ms\n  memory    {:>10.2} MB",
        m.build_ns as f64 / 1e6,
        m.memory_bytes as f64 / 1e6
    );
    if let Some(updates) = &m.update_ns {
        let micros = |ns: u64| ns as f64 / 1e3;
        let _ = writeln!(
            out,
            "  update    {:>10.2} µs   p50 of {}, p99 {:.2} µs: one rule less or more; {} of them compiled the policy anew",
            micros(updates.p50),
            updates.updates,
            micros(updates.p99),
            updates.recompiled
        );
    }
    for family in &m.families {
        let said = match family.form {
            Some(form) => format!(
                "{form} table of {} by {}, {}, {}",
                sized(family.source_classes, "class of sources", "classes of sources"),
                sized(family.destination_classes, "class of destinations", "classes of destinations"),
                sized(family.exceptions, "exception", "exceptions"),
                sized(family.service_classes, "service class", "service classes"),
            ),
            None => format!(
                "no tables: {}; the general engine is asked, which is slower",
                family.untabled.as_deref().unwrap_or_default()
            ),
        };
        let _ = writeln!(out, "  {:<9} {said}", family.family);
    }
    let c = &m.checked;
    let share = |part: usize| 100.0 * part as f64 / (c.allowed + c.denied + c.unknown).max(1) as f64;
    let _ = writeln!(
        out,
        "  checked   {} against the reference evaluator, {} differ: {:.1}% allowed, {:.1}% denied, {:.1}% unknown",
        sized(c.checked, "decision", "decisions"),
        c.mismatches,
        share(c.allowed),
        share(c.denied),
        share(c.unknown),
    );
    let _ = writeln!(
        out,
        "\nA roofline is the reads that a decision takes and nothing else. Traffic: `uniform` draws both ends alike, under `zipf`\n\
         few units talk most, of `rules` every second one is about a rule, of `hits` every one; `flows` are yours.\n{}",
        MEANING.replace(". They", ".\nThey")
    );
    out
}

/// What fewer rules, and single points, take and decide.
fn parts(out: &mut String, m: &Measured) {
    let of_rules = m.by_rules.iter().map(|one| (format!("{} rules", number(one.rules as u64)), one.rules, &one.built));
    let of_points = m.placements.iter().map(|one| {
        let unit = one.unit.as_ref().map_or_else(String::new, |unit| format!(" at {unit}"));
        (format!("{} `{}`{unit}", one.kind, one.point), one.rules, &one.built)
    });
    let rows: Vec<(String, usize, &Built)> = of_rules.chain(of_points).collect();
    if rows.is_empty() {
        return;
    }
    let traffic = m.traffic.first().map_or(RULES, |one| one.name);
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default().max(26);
    let _ = writeln!(
        out,
        "\n  {:<width$} {:>9} {:>12} {:>12} {:>12} {:>10} {:>10} {:>9}",
        format!("traffic `{traffic}`, 1 core"),
        "rules",
        "by address",
        "roofline",
        "by unit",
        "build ms",
        "MB",
        "checked"
    );
    for (name, rules, built) in rows {
        let cell = |of: &ByCores| of.get(&1).map_or_else(|| "-".to_owned(), |&rate| millions(rate));
        let _ = writeln!(
            out,
            "  {name:<width$} {:>9} {:>12} {:>12} {:>12} {:>10.2} {:>10.2} {:>9}",
            number(rules as u64),
            cell(&built.rates.by_address),
            cell(&built.rates.roofline_by_address),
            cell(&built.rates.by_unit),
            built.build_ns as f64 / 1e6,
            built.memory_bytes as f64 / 1e6,
            number(built.checked as u64)
        );
    }
}

fn millions(rate: u64) -> String {
    format!("{:.1}", rate as f64 / 1e6)
}
