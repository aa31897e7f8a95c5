//! `seglab compare`: several designs side by side, what is possible in each and what is likely.

use super::report::{self, Pictures};
use super::{Context, campaign, to_json, verify};
use crate::args::{self, TableFormat, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_policy::Design;
use seglab_reports::{
    Comparison, Heading, campaign_text, collect, comparison_plot, comparison_text, heading_text, sensitivity_text,
    tornado_plot,
};
use seglab_sim::models::CampaignResult;
use seglab_sim::models::sensitivity::Sensitivity;
use serde::Serialize;

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
    if let Some(effort) = args.rare.wanted() {
        return campaign::rare::compare(&designs, effort, args, context);
    }
    let mut verifications = Vec::with_capacity(loaded.len());
    let mut pictures = Vec::with_capacity(loaded.len());
    for one in &loaded {
        let cross_check = verify::asks_z3(When::Auto, &one.design);
        verifications.push(verify::verification(&one.design, &one.diagnostics, false, cross_check, None, context)?);
        pictures.push(context.timings.phase("pictures", || Pictures::of(&one.design, false)));
    }
    let result = campaign::run_campaign(&designs, &args.campaign, context)?;
    let sensitivity = campaign::sensitivity(&designs, &args.campaign, &args.varied, context)?;
    let varied = sensitivity.as_ref().map(collect::sensitivity);
    campaign::write_rows(args.parquet.as_deref(), &result)?;
    let comparison = report::compare(&verifications, &pictures, &collect::simulations(&result));
    if let (Some(path), Some(plot)) = (&args.plot, comparison_plot(&comparison)) {
        output::write_file(path, plot.svg.as_bytes())?;
    }
    if let (Some(path), Some(plot)) = (&args.tornado, varied.as_ref().and_then(tornado_plot)) {
        output::write_file(path, plot.svg.as_bytes())?;
    }
    let seed = Some(args.campaign.seed);
    let headings: Vec<Heading> = verifications.iter().map(|one| Heading { seed, ..Heading::from(one) }).collect();
    output::print(&match args.format {
        TableFormat::Text => {
            let (heading, sides) = (heading_text(&headings), comparison_text(&comparison));
            let hangs_on = varied.as_ref().map_or_else(String::new, sensitivity_text);
            format!("{heading}\n{sides}\n{}{hangs_on}", campaign_text(&result))
        }
        TableFormat::Json => {
            let (comparison, result) = (&comparison, &result);
            to_json(&Document { schema: "seglab/compare/v1", headings, comparison, result, sensitivity })
        }
    })?;
    Ok(Exit::Holds)
}
