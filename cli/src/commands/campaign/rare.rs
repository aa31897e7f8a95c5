//! `seglab simulate --rare`: how likely it is that an attack succeeds at all.

use super::{Context, Exit, Failure, Heading, Settings, TableFormat, heading_text, refused, to_json};
use crate::{args, output, progress};
use seglab_policy::{Design, count, number};
use seglab_sim::kernel::Duration;
use seglab_sim::models::{Campaign, Rare, RareGoal, RareResult};
use serde::Serialize;
use std::fmt::Write as _;
use std::num::NonZeroU32;

/// The result as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    horizon_ns: u64,
    pivot: String,
    trust: String,
    designs: &'a [RareResult],
}

pub(super) fn run(
    design: &Design,
    settings: &Settings,
    args: &args::Simulate,
    heading: Heading,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let rare = Rare { starts: positive(args.starts), repetitions: positive(args.repetitions) };
    let spinner = progress::spinner("splitting");
    let results = context.timings.phase("run", || Campaign::prepare(&[design], settings)?.rare(rare));
    spinner.finish_and_clear();
    let designs = results.map_err(refused)?;
    let events: u64 = designs.iter().map(|result| result.events).sum();
    context.timings.count("events", usize::try_from(events).unwrap_or(usize::MAX));
    output::print(&match args.format {
        TableFormat::Text => {
            let scope = format!("{} each, pivot {}, trust {}\n", settings.horizon, settings.pivot, settings.trust);
            let texts = designs.iter().map(|result| text_of(result, settings.horizon));
            format!("{}\n{scope}{}", heading_text(&[heading]), texts.collect::<String>())
        }
        TableFormat::Json => to_json(&Document {
            schema: "seglab/rare/v1",
            heading,
            horizon_ns: settings.horizon.as_nanos(),
            pivot: settings.pivot.to_string(),
            trust: settings.trust.to_string(),
            designs: &designs,
        }),
    })?;
    Ok(Exit::Holds)
}

fn text_of(result: &RareResult, horizon: Duration) -> String {
    let goal = match result.goal {
        RareGoal::CriticalUnit => "a critical unit is owned",
        RareGoal::Strike => "ransomware strikes",
    };
    let mut out = format!("\n{}\n  attacker `{}`\n", result.design, result.attacker);
    match &result.chance {
        Some(chance) => {
            let (low, high) = (chance.interval.low, chance.interval.high);
            let _ = writeln!(
                out,
                "    {goal} within {horizon} with the chance {:.2e} (95% interval {low:.2e} to {high:.2e})",
                chance.value
            );
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
