//! `seglab simulate --rare` and `seglab compare --rare`: how likely it is that an attack succeeds at all.

use super::{
    Context, Exit, Failure, Heading, Settings, TableFormat, heading, heading_text, refused, settings, to_json,
};
use crate::{args, output, progress};
use seglab_policy::{Design, Quantity, count, number};
use seglab_reports::{calibration_text, collect};
use seglab_sim::kernel::Duration;
use seglab_sim::models::{Campaign, Rare, RareGoal, RareRatio, RareResult};
use serde::Serialize;
use std::fmt::Write as _;

/// What was asked of all designs, as JSON.
#[derive(Serialize)]
struct Scope {
    horizon_ns: u64,
    pivot: String,
    trust: String,
    calibration: Vec<Quantity>,
}

impl Scope {
    fn text(&self) -> String {
        let horizon = Duration::from_nanos(self.horizon_ns);
        let calibration = calibration_text(&collect::calibration(&self.calibration));
        format!("{horizon} each, pivot {}, trust {}\n{calibration}", self.pivot, self.trust)
    }
}

/// The result of one design as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    #[serde(flatten)]
    scope: Scope,
    designs: &'a [RareResult],
}

/// The results of several designs as JSON.
#[derive(Serialize)]
struct Comparison<'a> {
    schema: &'static str,
    /// The heading of each design.
    headings: Vec<Heading>,
    #[serde(flatten)]
    scope: Scope,
    designs: &'a [RareResult],
    /// Of each design after the first.
    ratios: &'a [RareRatio],
}

/// Looks for rare attacks on one design.
pub(super) fn simulate(
    design: &Design,
    effort: Rare,
    args: &args::Simulate,
    heading: Heading,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let (scope, designs) = search(&[design], effort, &args.campaign, context)?;
    output::print(&match args.format {
        TableFormat::Text => text_of(&[heading], &scope, &designs),
        TableFormat::Json => to_json(&Document { schema: "seglab/rare/v1", heading, scope, designs: &designs }),
    })?;
    Ok(Exit::Holds)
}

/// Looks for rare attacks on several designs, and holds each against the first.
pub(in crate::commands) fn compare(
    designs: &[&Design],
    effort: Rare,
    args: &args::Compare,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let headings: Vec<Heading> = designs.iter().map(|design| heading(design, Some(args.campaign.seed))).collect();
    let (scope, designs) = search(designs, effort, &args.campaign, context)?;
    let ratios = RareRatio::to_first(&designs);
    output::print(&match args.format {
        TableFormat::Text => {
            let lines = ratios.iter().zip(designs.iter().skip(1)).map(|(ratio, of)| ratio_text(ratio, of));
            format!("{}\n{}", text_of(&headings, &scope, &designs), lines.collect::<String>())
        }
        TableFormat::Json => to_json(&Comparison {
            schema: "seglab/rare-comparison/v1",
            headings,
            scope,
            designs: &designs,
            ratios: &ratios,
        }),
    })?;
    Ok(Exit::Holds)
}

fn search(
    designs: &[&Design],
    effort: Rare,
    args: &args::Campaign,
    context: &mut Context,
) -> Result<(Scope, Vec<RareResult>), Failure> {
    let settings = Settings { flows_per_need: 0, ..settings(designs, args, context)? };
    let spinner = progress::spinner("splitting");
    let searched = context.timings.phase("run", || {
        let campaign = Campaign::prepare(designs, &settings)?;
        Ok((campaign.attack_calibration(), campaign.rare(effort)?))
    });
    spinner.finish_and_clear();
    let (calibration, results) = searched.map_err(refused)?;
    let events: u64 = results.iter().map(|result| result.events).sum();
    context.timings.count("events", usize::try_from(events).unwrap_or(usize::MAX));
    let scope = Scope {
        horizon_ns: settings.horizon.as_nanos(),
        pivot: settings.pivot.to_string(),
        trust: settings.trust.to_string(),
        calibration,
    };
    Ok((scope, results))
}

fn text_of(headings: &[Heading], scope: &Scope, designs: &[RareResult]) -> String {
    let texts = designs.iter().map(|result| design_text(result, Duration::from_nanos(scope.horizon_ns)));
    format!("{}\n{}{}", heading_text(headings), scope.text(), texts.collect::<String>())
}

/// How many times as likely the attack is as on the first design.
fn ratio_text(ratio: &RareRatio, of: &RareResult) -> String {
    let RareRatio { design, against, ratio } = ratio;
    match ratio {
        Some(_) if !of.reachable => format!("{design}: never, whatever the chance of {against}\n"),
        Some(ratio) => {
            let [value, low, high] = [ratio.value, ratio.interval.low, ratio.interval.high].map(digits);
            format!("{design}: {value} times the chance of {against} (95% interval {low} to {high})\n")
        }
        None => format!("{design}: how many times the chance of {against} is not known\n"),
    }
}

/// A number with three digits that say something; a small one as a power of ten.
fn digits(value: f64) -> String {
    let decimals = match value {
        0.0 => 0,
        ..0.01 => return format!("{value:.2e}"),
        ..0.1 => 4,
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

fn design_text(result: &RareResult, horizon: Duration) -> String {
    let goal = match result.goal {
        RareGoal::CriticalUnit => "a critical unit is owned",
        RareGoal::Strike => "ransomware strikes",
    };
    let mut out = format!("\n{}\n  attacker `{}`\n", result.design, result.attacker);
    match &result.chance {
        Some(chance) => {
            let [value, low, high] = [chance.value, chance.interval.low, chance.interval.high].map(digits);
            let _ = writeln!(out, "    {goal} within {horizon} with the chance {value} (95% interval {low} to {high})");
        }
        None if !result.reachable => {
            let _ = writeln!(out, "    {goal}: no way leads there while every point does its work: never");
        }
        None => {
            let _ = writeln!(
                out,
                "    whether {goal} within {horizon} is not known: no run got there, which bounds nothing; raise `--starts`"
            );
        }
    }
    if result.levels > 0 {
        let _ = write!(
            out,
            "    {} of {} from each of {}, {} events",
            count(result.repetitions.len() as u64, "repetition", "repetitions"),
            count(result.starts.into(), "run", "runs"),
            count(result.levels.into(), "level", "levels"),
            number(result.events)
        );
        let worth = result.worth_replicas.map(|replicas| number(replicas.round() as u64));
        let _ = match worth {
            Some(replicas) => writeln!(out, "; as sure as {replicas} replicas would be"),
            None => writeln!(out),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn three_digits_say_something() {
        let shown = [0.0, 1.374e-7, 0.0137, 0.1374, 1.618, 26.44, 1074.5].map(digits);
        assert_eq!(shown, ["0", "1.37e-7", "0.0137", "0.137", "1.62", "26.4", "1074"]);
    }
}
