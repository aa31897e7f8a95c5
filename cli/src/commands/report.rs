//! `seglab report`: everything as one audit report.

use super::{Context, campaign, verify};
use crate::args::{self, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_policy::{Assume, Design, EnforcementPoint, Pivot, PointKind, Trust, View, count, number};
use seglab_reports::{
    BlastRadius, Comparison, DesignOutcome, Heading, NeedStatus, Report, SegmentMatrix, Simulation, Surface, Verdict,
    Verification, bundle, collect, heading_text,
};
use seglab_verify::{Attack, Verifier};
use std::path::PathBuf;

pub(crate) fn run(args: &args::Report, context: &mut Context) -> Result<Exit, Failure> {
    let paths: Vec<&String> = std::iter::once(&args.design.path).chain(&args.against).collect();
    context.calibrate(args.campaign.calibration.as_deref())?;
    let loaded = context.load_all_silently(&paths)?;
    let designs: Vec<&Design> = loaded.iter().map(|one| &one.design).collect();
    let gate = args::Gate { day: args.day.clone(), ..args::Gate::default() };
    let today = args.day.today()?;
    let mut verifications = Vec::with_capacity(loaded.len());
    let mut pictures = Vec::with_capacity(loaded.len());
    for one in &loaded {
        let cross_check = verify::asks_z3(When::Auto, &one.design);
        let as_if_enforced = args.design.as_if_enforced;
        verifications.push(verify::verification(
            &one.design,
            &one.diagnostics,
            as_if_enforced,
            cross_check,
            Some(&gate),
            context,
        )?);
        let trusted = one.design.clone().without_expired_trust(today);
        pictures.push(context.timings.phase("pictures", || Pictures::of(&trusted, as_if_enforced)));
    }
    let attacked = designs.iter().all(|design| !design.attackers().is_empty());
    let takes_load = |point: &EnforcementPoint| matches!(point.kind, PointKind::Agent | PointKind::Appliance);
    let nobody = designs.iter().all(|design| design.attackers().is_empty());
    let played = attacked || nobody && designs.iter().any(|design| traffic_varies(design));
    let result = if played {
        Some(campaign::run_campaign(&designs, &args.campaign, context)?)
    } else if designs.iter().any(|design| design.points().iter().any(takes_load)) {
        Some(campaign::loads(&designs, context)?)
    } else {
        None
    };
    if args.varied.sensitivity && !attacked {
        let help = "declare an attacker in every design, or leave out `--sensitivity`";
        return Err(Failure::usage("not every design has an attacker, whose numbers could be varied", help));
    }
    let sensitivity = campaign::sensitivity(&designs, &args.campaign, &args.varied, context)?;
    let simulations = result.as_ref().map_or_else(Vec::new, collect::simulations);
    let comparison = (loaded.len() > 1).then(|| compare(&verifications, &pictures, &simulations));
    let exit = verifications.first().map_or(Exit::Holds, verify::exit_of);
    let (Some(mut verification), Some(pictures)) = (verifications.into_iter().next(), pictures.into_iter().next())
    else {
        return Ok(exit);
    };
    verification.command = Some(format!("seglab report {}", args.design.path));
    verification.seed = played.then_some(args.campaign.seed);
    let report = Report {
        verification,
        surface: Some(pictures.surface),
        segments: Some(pictures.segments),
        blast_radius: pictures.blast_radius,
        simulations,
        traffic: result.as_ref().filter(|_| played).map_or_else(Vec::new, collect::traffic),
        differences: result.as_ref().map_or_else(Vec::new, collect::differences),
        sensitivity: sensitivity.as_ref().map(collect::sensitivity),
        enforcement: result.as_ref().map_or_else(Vec::new, collect::loads),
        calibration: result.map_or_else(Vec::new, |result| collect::calibration(&result.scope.calibration)),
        comparison,
    };
    let files = context.timings.phase("render", || bundle(&report));
    let placed: Vec<(PathBuf, &[u8])> =
        files.iter().map(|file| (args.output.join(&file.name), file.bytes.as_slice())).collect();
    output::write_files(&placed)?;
    output::print(&summary(&report, &args.output.join("report.html")))?;
    Ok(exit)
}

/// True if what requests meet is for a simulation to say, also where nobody attacks: services take time, appliances with a
/// declared load do, and policy is late for what changes.
fn traffic_varies(design: &Design) -> bool {
    let points = design.points();
    !design.stations().is_empty()
        || !design.releases().is_empty()
        || !design.movements().is_empty()
        || points.iter().any(|point| point.kind == PointKind::Appliance && !point.load.given.is_empty())
}

/// What is drawn of a design.
pub(crate) struct Pictures {
    surface: Surface,
    segments: SegmentMatrix,
    pub(crate) blast_radius: Vec<BlastRadius>,
}

impl Pictures {
    /// Surface, segment matrix, and the blast radius under every pivot model, with and without trusted hubs.
    pub(crate) fn of(design: &Design, as_if_enforced: bool) -> Self {
        let mut verifier = Verifier::new(design);
        let assume = Assume { as_if_enforced, ..Assume::business() };
        let surface = collect::surface(design, "policy", &verifier.surface(View::Policy, as_if_enforced));
        let segments = collect::segment_matrix("policy", &verifier.segment_matrix(View::Policy, assume));
        let hubs: &[bool] = if design.trusted().is_empty() { &[false] } else { &[false, true] };
        let mut blast_radius = Vec::new();
        for pivot in Pivot::ALL {
            let attack = Attack { pivot, view: View::Policy, trust: Trust::OwnAgentVoid, as_if_enforced };
            for &without_trusted in hubs {
                blast_radius.push(collect::blast_radius(design, &verifier.blast_radius(attack, without_trusted)));
            }
        }
        Self { surface, segments, blast_radius }
    }
}

/// Several designs side by side, by the blast radius of the gate's default pivot model.
pub(crate) fn compare(verifications: &[Verification], pictures: &[Pictures], simulations: &[Simulation]) -> Comparison {
    let designs = verifications.iter().zip(pictures).map(|(verification, pictures)| {
        let radius = pictures.blast_radius.first();
        DesignOutcome {
            design: verification.design.clone(),
            inputs: verification.inputs.clone(),
            units: verification.scope.units,
            rules: verification.scope.rules,
            points: verification.scope.points.iter().filter(|one| one.mode == "enforce").map(|one| one.points).sum(),
            blast_radius_median: radius.and_then(BlastRadius::median).unwrap_or_default(),
            blast_radius_max: radius.and_then(BlastRadius::max).unwrap_or_default(),
            needs: verification.needs.len() as u64,
            needs_broken: verification.needs_with(NeedStatus::Broken) as u64,
            holds: verification.count(Verdict::Holds) as u64,
            violated: verification.count(Verdict::Violated) as u64,
            unknown: verification.count(Verdict::Unknown) as u64,
            compromised_median: simulations
                .iter()
                .find(|one| one.design == verification.design)
                .and_then(Simulation::median_at_end),
        }
    });
    let lead = pictures.iter().find_map(|pictures| pictures.blast_radius.first());
    Comparison {
        pivot: lead.map(|radius| radius.pivot.clone()).unwrap_or_default(),
        view: lead.map(|radius| radius.view.clone()).unwrap_or_default(),
        trust: lead.map(|radius| radius.trust.clone()).unwrap_or_default(),
        designs: designs.collect(),
    }
}

/// What to know before opening the page.
fn summary(report: &Report, page: &std::path::Path) -> String {
    let of = &report.verification;
    let (units, rules) = (count(of.scope.units, "unit", "units"), count(of.scope.rules, "rule", "rules"));
    let mut out = format!("{}\n{units}, {rules}\n", heading_text(&[Heading::from(of)]));
    for group in of.diagnostic_groups().iter().filter(|group| group.severity >= seglab_reports::Severity::Warning) {
        out.push_str(&format!("  {}: {}\n", group.code, group.times()));
        if let Some(first) = group.diagnostics.first() {
            let place = first.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
            out.push_str(&format!("      such as: {}{place}\n", first.message));
        }
    }
    for radius in report.blast_radius.iter().filter(|radius| !radius.hubs_trusted) {
        out.push_str(&format!(
            "  one compromised unit can reach, pivot {}: median {}, at most {} of {}{}\n",
            radius.pivot,
            number(radius.median().unwrap_or_default()),
            number(radius.max().unwrap_or_default()),
            count(radius.population, "unit", "units"),
            radius.caveat.as_deref().map_or_else(String::new, |caveat| format!("; {caveat}"))
        ));
    }
    out.push_str(&format!(
        "  properties: {} proved, {} violated, {} undecided; needs broken: {} of {}\n{}\n",
        of.count(Verdict::Holds),
        of.count(Verdict::Violated),
        of.count(Verdict::Unknown),
        of.needs_with(NeedStatus::Broken),
        of.needs.len(),
        page.display()
    ));
    out
}
