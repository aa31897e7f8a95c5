//! `seglab compare`: several designs side by side, what is possible in each and what is likely.

use super::report::{self, Pictures};
use super::{Context, campaign, to_json, verify};
use crate::args::{self, TableFormat, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_policy::Design;
use seglab_reports::{Comparison, Heading, collect, comparison_plot, comparison_text, heading_text};
use seglab_sim::models::sensitivity::{Change, Sensitivity};
use seglab_sim::models::{CampaignResult, Detection};
use serde::Serialize;
use std::fmt::Write as _;

/// A comparison as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// The heading of each design.
    headings: Vec<Heading>,
    comparison: &'a Comparison,
    #[serde(flatten)]
    result: &'a CampaignResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitivity: Option<Sensitivity>,
}

pub(crate) fn run(args: &args::Compare, context: &mut Context) -> Result<Exit, Failure> {
    context.calibrate(args.campaign.calibration.as_deref())?;
    let loaded = context.load_all(&args.paths)?;
    let designs: Vec<&Design> = loaded.iter().map(|loaded| &loaded.design).collect();
    let mut verifications = Vec::with_capacity(loaded.len());
    let mut pictures = Vec::with_capacity(loaded.len());
    for one in &loaded {
        let cross_check = verify::asks_z3(When::Auto, &one.design);
        verifications.push(verify::verification(&one.design, &one.diagnostics, false, cross_check, None, context)?);
        pictures.push(context.timings.phase("pictures", || Pictures::of(&one.design, false)));
    }
    let result = campaign::run_campaign(&designs, &args.campaign, context)?;
    let sensitivity = match args.sensitivity {
        true => Some(campaign::sensitivity(&designs, &args.campaign, &args.vary, context)?),
        false => None,
    };
    campaign::write_rows(args.parquet.as_deref(), &result)?;
    let comparison = report::compare(&verifications, &pictures, &collect::simulations(&result));
    if let (Some(path), Some(plot)) = (&args.plot, comparison_plot(&comparison)) {
        output::write_file(path, plot.svg.as_bytes())?;
    }
    let seed = Some(args.campaign.seed);
    let headings: Vec<Heading> = verifications.iter().map(|one| Heading { seed, ..Heading::from(one) }).collect();
    output::print(&match args.format {
        TableFormat::Text => {
            let (heading, sides) = (heading_text(&headings), comparison_text(&comparison));
            let hangs_on = sensitivity.as_ref().map_or_else(String::new, sensitivity_text);
            format!("{heading}\n{sides}\n{}{hangs_on}", campaign::text_of(&result))
        }
        TableFormat::Json => {
            let (comparison, result) = (&comparison, &result);
            to_json(&Document { schema: "seglab/compare/v1", headings, comparison, result, sensitivity })
        }
    })?;
    Ok(Exit::Holds)
}

/// How each change moves what designs lose, and whether it makes the better one the worse one.
fn sensitivity_text(sensitivity: &Sensitivity) -> String {
    let mut out = String::from(
        "\nwhat this hangs on: mean units owned (95% interval), and what share of the first design's that is\n",
    );
    let Some(declared) = sensitivity.outcomes.first() else { return out };
    let _ = write!(out, "  {:<34}", "one change at a time");
    for design in &declared.designs {
        let _ = write!(out, " {:>30}", design.design);
    }
    out.push('\n');
    for outcome in &sensitivity.outcomes {
        let change = match outcome.change {
            Change::None => "as declared".to_owned(),
            Change::Detection(Detection::Off) => "no detection".to_owned(),
            Change::Detection(Detection::SensorOnly) => "denials raise no alerts".to_owned(),
            Change::Detection(Detection::Full) => "full detection".to_owned(),
            Change::Parameter { parameter, value } => format!("{} {}", parameter.name(), parameter.display(value)),
        };
        let _ = write!(out, "  {change:<34}");
        for design in &outcome.designs {
            let (mean, interval) = (design.compromised.value, design.compromised.interval);
            let flips = if design.flips { " flips" } else { "" };
            let cell = format!("{mean:.1} ({:.1} to {:.1}) {:.2}{flips}", interval.low, interval.high, design.ratio);
            let _ = write!(out, " {cell:>30}");
        }
        out.push('\n');
    }
    let flips = sensitivity.outcomes.iter().flat_map(|outcome| &outcome.designs).filter(|design| design.flips).count();
    out.push_str(match flips {
        0 => "  under no change is a design certainly better than the first that is certainly worse as declared, or the reverse\n",
        _ => "  `flips`: certainly on the other side of the first design than as declared\n",
    });
    out
}
