//! `seglab simulate`: campaigns of the declared attacker, and how results of campaigns read.

use super::{Context, reduce, to_json};
use crate::args::{self, TableFormat, TrafficArg};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use seglab_formats::text;
use seglab_policy::{Design, count, number};
use seglab_reports::{
    Heading, calibration_text, checks_text, collect, design_difference_text, heading_text, load_text, replica_rows,
    traffic_text,
};
use seglab_sim::kernel::Duration;
use seglab_sim::kernel::statistics::{Confidence, Estimate, Incidence, Precision};
use seglab_sim::models::sensitivity::Sensitivity;
use seglab_sim::models::{
    AttackerChoice, Campaign, CampaignError, CampaignResult, CriticalResult, DesignResult, Probes, Settings,
    TrafficMode,
};
use serde::Serialize;
use std::fmt::Write as _;
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
        TableFormat::Text => format!("{}\n{}", heading_text(&[heading]), text_of(result)),
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

/// What befell each design, and how the others differ from the first.
pub(crate) fn text_of(result: &CampaignResult) -> String {
    let scope = &result.scope;
    let mut out = format!(
        "{} of {}, pivot {}, trust {}\n",
        count(scope.replicas.into(), "replica", "replicas"),
        scope.horizon,
        scope.pivot,
        scope.trust
    );
    if let Some(precision) = &scope.precision {
        let percent = 100.0 * precision.asked.half_width();
        let _ = if precision.met {
            writeln!(
                out,
                "stopped there: in every design the chance that a critical unit is owned is known to ±{percent} percentage points"
            )
        } else {
            writeln!(
                out,
                "not enough: the chance that a critical unit is owned is not known to ±{percent} percentage points in every design"
            )
        };
    }
    out.push_str(&calibration_text(&collect::calibration(&scope.calibration)));
    for design in &result.designs {
        design_text(&mut out, design, scope.horizon);
    }
    out.extend(collect::differences(result).iter().map(design_difference_text));
    out
}

fn design_text(out: &mut String, design: &DesignResult, horizon: Duration) {
    let _ = writeln!(out, "\n{}: {}", design.design, count(design.units.into(), "unit", "units"));
    if let Some(attacker) = &design.attacker {
        let quantile = |share| design.compromised.quantile(share).unwrap_or_default();
        let (low, median, high) = (quantile(0.1), quantile(0.5), quantile(0.9));
        let _ = writeln!(out, "  attacker `{attacker}`");
        let _ = writeln!(out, "    units owned        median {median}, 10% to 90%: {low} to {high}");
        let attempts = &design.attempts;
        let denied = 100.0 * attempts.denied as f64 / attempts.made.max(1) as f64;
        let _ = writeln!(out, "    attempts           {}, {denied:.1}% denied", number(attempts.made));
        if attempts.stale > 0 {
            let _ =
                writeln!(out, "    by late policy     {} let through", count(attempts.stale, "attempt", "attempts"));
        }
        critical_text(out, design, horizon);
        strike_text(out, design);
        if design.monitored {
            let _ = writeln!(out, "    noticed            in {}", chance(&design.detection, horizon));
            let alerts = design.alerts.quantile(0.5).unwrap_or_default();
            let _ = writeln!(out, "    alerts             median {alerts}");
            triage_text(out, design);
        } else {
            out.push_str("    no monitor is declared: nobody notices, nothing is quarantined\n");
        }
        out.push_str(&checks_text(&collect::checks(&design.checks)));
    } else {
        out.push_str("  no attacker is declared: traffic only\n");
    }
    out.push_str(&traffic_text(&collect::traffic_of(design)));
    out.push_str(&design.enforcement_load.as_ref().map_or_else(String::new, load_text));
}

/// What those who look at alerts had to do, if there are any.
fn triage_text(out: &mut String, design: &DesignResult) {
    let Some(triage) = collect::triage(design) else { return };
    let waited = Duration::from_nanos(triage.waited_ns);
    let (false_alarms, missed) = (100.0 * triage.false_alarms_share, 100.0 * triage.missed_share);
    let _ = writeln!(
        out,
        "    cases              median {}; {false_alarms:.1}% false alarms, {missed:.1}% missed, looked at after {waited} on average",
        triage.cases_median
    );
}

/// In how many replicas ransomware struck, and how many units.
fn strike_text(out: &mut String, design: &DesignResult) {
    let Some(strike) = collect::strike(design) else { return };
    let Estimate { value, interval } = strike.chance;
    let (share, low, high) = (100.0 * value, 100.0 * interval.low, 100.0 * interval.high);
    let _ = writeln!(
        out,
        "    ransomware strikes in {share:.1}% of replicas (95% interval {low:.1} to {high:.1}%), median {} units",
        strike.units_median
    );
}

/// How likely each critical unit is owned; those that never are, together under one bound.
fn critical_text(out: &mut String, design: &DesignResult, horizon: Duration) {
    let never = |one: &&CriticalResult| {
        one.incidence.curve().proportion_at(horizon.after_start()).is_some_and(|owned| owned.events() == 0)
    };
    for critical in design.critical.iter().filter(|one| !never(one)) {
        let _ = writeln!(out, "    {:<18} owned in {}", critical.unit, chance(&critical.incidence, horizon));
        if let Some(exfiltrated) = &critical.exfiltrated {
            let _ = writeln!(out, "    {:<18} its data leaves in {}", "", chance(exfiltrated, horizon));
        }
    }
    let spared: Vec<&CriticalResult> = design.critical.iter().filter(never).collect();
    let bound = spared.first().and_then(|one| one.incidence.curve().proportion_at(horizon.after_start()));
    if let Some(bound) = bound {
        let names: Vec<&str> = spared.iter().map(|one| one.unit.as_str()).collect();
        let most = percent(bound.upper_bound(Confidence::P95));
        let _ = writeln!(out, "    never owned        {} (each in at most {most}%, 95% bound)", names.join(", "));
    }
}

/// The share of replicas in which something happened by the horizon, with its 95% interval, and when.
fn chance(incidence: &Incidence, horizon: Duration) -> String {
    let Some(proportion) = incidence.curve().proportion_at(horizon.after_start()) else {
        return "no replica".to_owned();
    };
    let interval = proportion.clopper_pearson(Confidence::P95);
    let share = percent(proportion.estimate().unwrap_or_default());
    let (low, high) = (percent(interval.low), percent(interval.high));
    let half = incidence.curve().time_to(0.5);
    let when = half.map_or_else(String::new, |at| format!(", in half of them by {at}"));
    format!("{share}% of replicas (95% interval {low} to {high}%){when}")
}

/// A share in percent: with one digit behind the point, or two that say something of one that is small.
fn percent(share: f64) -> String {
    let (mut digits, mut shown) = (1, 1000.0 * share);
    while shown > 0.0 && shown < 1.0 && digits < 12 {
        digits += 1;
        shown *= 10.0;
    }
    let more = usize::from(digits > 1);
    format!("{:.*}", digits + more, 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn small_shares_keep_digits_that_say_something() {
        let shares = [0.0, 1.0, 0.123_4, 0.001, 0.000_949, 0.000_04, 6.66e-7];
        assert_eq!(shares.map(percent), ["0.0", "100.0", "12.3", "0.1", "0.095", "0.0040", "0.000067"]);
    }
}
