//! `seglab simulate`: campaigns of the declared attacker, and how they are asked for.

use super::{Context, reduce, to_json};
use crate::args::{self, TableFormat, TrafficArg};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use seglab_formats::text;
use seglab_policy::Design;
use seglab_reports::{Heading, campaign_text, heading_text, replica_rows};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::Precision;
use seglab_sim::models::sensitivity::Sensitivity;
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, CampaignResult, Probes, Settings, TrafficMode};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::Path;

pub(super) mod rare;

/// A campaign's result as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    #[serde(flatten)]
    result: &'a CampaignResult,
}

pub(crate) fn run(args: &args::Simulate, context: &mut Context) -> Result<Exit, Failure> {
    context.calibrate(args.campaign.calibration.as_deref())?;
    let loaded = context.load(&args.design.path)?;
    if args.design.as_if_enforced {
        return Err(Failure::usage("a simulation plays the modes as they are", "leave out `--as-if-enforced`"));
    }
    let heading = heading(&loaded.design, Some(args.campaign.seed));
    if let Some(effort) = args.rare.wanted() {
        return rare::simulate(&loaded.design, effort, args, heading, context);
    }
    if let (Some(chunk), Some(path)) = (args.chunk, &args.output) {
        let settings = settings(&[&loaded.design], &args.campaign, context)?;
        let campaign = || Campaign::prepare(&[&loaded.design], &settings)?.part(chunk);
        let part = context.timings.phase("run", campaign).map_err(refused)?;
        return reduce::write(path, heading, part).map(|()| Exit::Holds);
    }
    let result = run_campaign(&[&loaded.design], &args.campaign, context)?;
    write_rows(args.parquet.as_deref(), &result)?;
    show(heading, &result, args.format)
}

/// Writes every replica as a row, where that is asked for.
pub(super) fn write_rows(path: Option<&Path>, result: &CampaignResult) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let rows = replica_rows(result).map_err(|error| Failure::usage(error.to_string(), "leave out `--parquet`"))?;
    output::write_file(path, &rows)
}

/// Prints what befell a design.
pub(super) fn show(heading: Heading, result: &CampaignResult, format: TableFormat) -> Result<Exit, Failure> {
    output::print(&match format {
        TableFormat::Text => format!("{}\n{}", heading_text(&[heading]), campaign_text(result)),
        TableFormat::Json => to_json(&Document { schema: "seglab/simulate/v1", heading, result }),
    })?;
    Ok(Exit::Holds)
}

fn refused(error: CampaignError) -> Failure {
    Failure::usage(error.to_string(), "see `seglab simulate --help`")
}

/// Runs a campaign: of the first declared attacker, or of traffic alone if no design declares one.
pub(crate) fn run_campaign(
    designs: &[&Design],
    args: &args::Campaign,
    context: &mut Context,
) -> Result<CampaignResult, Failure> {
    let settings = settings(designs, args, context)?;
    let result = context.timings.phase("run", || {
        let spinner = crate::progress::spinner("simulating");
        let result = Campaign::run(designs, &settings);
        spinner.finish_and_clear();
        result
    });
    let result = result.map_err(refused)?;
    let events: u64 = result.designs.iter().map(|design| design.events).sum();
    context.timings.count("events", usize::try_from(events).unwrap_or(usize::MAX));
    Ok(result)
}

/// Plays the attack with less detection, and with both ends of every range, where that is asked for.
pub(super) fn sensitivity(
    designs: &[&Design],
    args: &args::Campaign,
    varied: &args::Sensitivity,
    context: &mut Context,
) -> Result<Option<Sensitivity>, Failure> {
    if !varied.sensitivity {
        return Ok(None);
    }
    let settings = settings(designs, args, context)?;
    let spinner = crate::progress::spinner("varying");
    let result = context.timings.phase("vary", || Sensitivity::run(designs, &settings, &varied.vary));
    spinner.finish_and_clear();
    result.map(Some).map_err(refused)
}

/// What enforcing takes, where nobody attacks: nothing is played.
pub(super) fn loads(designs: &[&Design], context: &Context) -> Result<CampaignResult, Failure> {
    let settings = Settings {
        replicas: 1,
        horizon: Duration::from_secs(1),
        attacker: AttackerChoice::Nobody,
        flows_per_need: 0,
        calibration: Some(context.calibration()?),
        ..Settings::default()
    };
    Campaign::run(designs, &settings).map_err(refused)
}

fn settings(designs: &[&Design], args: &args::Campaign, context: &Context) -> Result<Settings, Failure> {
    let horizon_ns = match text::duration_ns(&args.horizon) {
        Ok(0) => Err("nothing happens in no time".to_owned()),
        read => read.map_err(|error| error.to_string()),
    };
    let horizon_ns = horizon_ns.map_err(|error| {
        Failure::usage(format!("`--horizon {}`: {error}", args.horizon), "write a duration such as 24h or 7d")
    })?;
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let attacked = designs.iter().any(|design| !design.attackers().is_empty());
    let precision = args.precision.map(Precision::new).transpose();
    let precision = precision.map_err(|error| Failure::usage(error.to_string(), "write `--precision 0.01`"))?;
    Ok(Settings {
        replicas: args.replicas,
        precision,
        seed: args.seed,
        horizon: Duration::from_nanos(horizon_ns),
        threads: args.threads.and_then(|threads| NonZeroUsize::new(usize::from(threads))).unwrap_or_else(cores),
        attacker: if attacked { AttackerChoice::First } else { AttackerChoice::Nobody },
        probes: if args.every_probe { Probes::Played } else { Probes::Thinned },
        shuffle_ties: args.shuffle_ties,
        calibration: Some(context.calibration()?),
        flows_per_need: if args.traffic == TrafficArg::Off { 0 } else { Settings::default().flows_per_need },
        traffic: match args.traffic {
            TrafficArg::Off | TrafficArg::Sampled => TrafficMode::Sampled,
            TrafficArg::EveryRequest => TrafficMode::EveryRequest,
        },
        ..Settings::default()
    })
}
