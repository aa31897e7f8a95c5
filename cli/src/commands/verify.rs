//! `seglab verify`: the gate.

use super::gate::Asked;
use super::{Context, certificates, limits, smtlib, watch};
use crate::args::{self, Gate, VerifyFormat, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use seglab_policy::{Claim, Design, Diagnostic, count};
use seglab_reports::{Colour, NeedStatus, Verdict, Verification, collect};
use seglab_verify::cross_check::{Effort, SecondOpinion};
use seglab_verify::{Settings, Verifier, VerifyError, choice};
use std::io::IsTerminal;

/// Up to so many units `--cross-check auto` asks Z3.
const AUTO_UNITS_MAX: usize = 100;

pub(crate) fn run(args: &args::Verify, context: &mut Context) -> Result<Exit, Failure> {
    if args.watch {
        return watch::run(args, context);
    }
    let loaded = context.load_silently(&args.design.path)?;
    let asked = Asked::read(&loaded.design, &args.gate)?;
    let cross_check = asks_z3(args.cross_check, &loaded.design);
    let as_if_enforced = args.design.as_if_enforced;
    let settings = Settings { as_if_enforced, limits: limits(args.solver), ..Settings::default() };
    let mut verifier = context.timings.phase("classes", || Verifier::new(&loaded.design));
    let (mut verification, settled) = settled(&mut verifier, &loaded.diagnostics, &settings, cross_check, context)?;
    if let Some(folder) = &args.certificates {
        certificates::write(folder, &mut verifier, &settings, &settled, &mut verification, context)?;
    }
    if let Some(folder) = &args.smtlib {
        smtlib::write(folder, &loaded.design, &settings, &settled, context)?;
    }
    asked.apply(&mut verification, &mut verifier, &settings, &settled, context)?;
    verification.command = Some(format!("seglab verify {}", args.design.path));
    let exit = exit_of(&verification);
    let text = context.timings.phase("render", || match args.format {
        VerifyFormat::Text => {
            let coloured = args.output.is_none() && std::io::stdout().is_terminal();
            seglab_reports::text(&verification, if coloured { Colour::Ansi } else { Colour::Never })
        }
        VerifyFormat::Json => seglab_reports::verify_json(&verification),
        VerifyFormat::Sarif => seglab_reports::sarif(&verification),
        VerifyFormat::Junit => seglab_reports::junit(&verification),
        VerifyFormat::Markdown => seglab_reports::verify_markdown(&verification),
    });
    match &args.output {
        Some(path) => output::write_file(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    Ok(exit)
}

/// Whether Z3 is asked for a second opinion.
pub(crate) fn asks_z3(when: When, design: &Design) -> bool {
    match when {
        When::Auto => design.units().len() <= AUTO_UNITS_MAX,
        When::Always => true,
        When::Never => false,
    }
}

/// True if a claim is about units that do not exist yet, of which Z3 is the judge.
fn asks_of_newcomers(design: &Design) -> bool {
    design.properties().iter().any(|property| matches!(property.claim, Claim::IsolatedEver { .. }))
}

/// Settles every property and need of a design; finds all that violates them where a gate is asked for.
pub(crate) fn verification(
    design: &Design,
    diagnostics: &[Diagnostic],
    as_if_enforced: bool,
    cross_check: bool,
    gate: Option<&Gate>,
    context: &mut Context,
) -> Result<Verification, Failure> {
    let verifier = &mut context.timings.phase("classes", || Verifier::new(design));
    let settings = Settings { as_if_enforced, ..Settings::default() };
    let (mut verification, report) = settled(verifier, diagnostics, &settings, cross_check, context)?;
    if let Some(gate) = gate {
        Asked::read(design, gate)?.apply(&mut verification, verifier, &settings, &report, context)?;
    }
    Ok(verification)
}

/// As [`verification`], with a verifier at hand, and with the verdicts themselves.
fn settled(
    verifier: &mut Verifier<'_>,
    diagnostics: &[Diagnostic],
    settings: &Settings,
    cross_check: bool,
    context: &mut Context,
) -> Result<(Verification, seglab_verify::Report), Failure> {
    let design = verifier.design();
    let (settled, opinion) = judge(verifier, settings, cross_check, context)?;
    context.timings.count("classes", settled.classes);
    let mut verification =
        collect::basis(design, diagnostics, tool(cross_check || asks_of_newcomers(design)), settings.as_if_enforced);
    collect::settle(&mut verification, design, &settled, &["class reachability"]);
    collect::contradictions(&mut verification, &verifier.contradictions());
    for (property, agreement) in verification.properties.iter_mut().zip(opinion.iter().flat_map(|all| &all.properties))
    {
        let agree = count(agreement.confirmed as u64, "answer agrees", "answers agree");
        property.judges.push(match agreement.open.first() {
            None => format!("Z3 ({agree})"),
            Some(open) => format!("Z3 ({agree}; left open: {open})"),
        });
    }
    for choice in design.choices() {
        match design.otherwise(choice) {
            None => collect::choice(&mut verification, design, choice, &[], &settled, &settled),
            Some(other) => {
                let mut verifier = context.timings.phase("classes", || Verifier::new(&other));
                let (theirs, _) = judge(&mut verifier, settings, cross_check, context)?;
                let changed = choice::changed(choice, (design, &settled), (&other, &theirs), settings);
                collect::choice(&mut verification, design, choice, &changed, &settled, &theirs);
            }
        }
    }
    Ok((verification, settled))
}

/// What the class engine says of a design, and what Z3 says of that where it is asked.
fn judge(
    verifier: &mut Verifier<'_>,
    settings: &Settings,
    cross_check: bool,
    context: &mut Context,
) -> Result<(seglab_verify::Report, Option<SecondOpinion>), Failure> {
    let design = verifier.design();
    context.timings.phase("closure", || verifier.prepare(settings));
    let settled = context.timings.phase("verify", || verifier.settle_all(settings));
    let settled =
        settled.map_err(|error: VerifyError| context.disagreement(design, error.to_string(), &format!("{error:?}")))?;
    if !cross_check {
        return Ok((settled, None));
    }
    let effort = Effort { limits: settings.limits, ..Effort::default() };
    let asked =
        context.timings.phase("solve", || seglab_verify::cross_check::cross_check(design, settings, &settled, effort));
    let opinion = asked.map_err(|differs| {
        context.disagreement(design, differs.to_string(), &differs.reproduction(design).to_string())
    })?;
    Ok((settled, Some(opinion)))
}

/// A violated property or a broken need outweighs an undecided one; what the gate lets pass closes nothing.
pub(crate) fn exit_of(of: &Verification) -> Exit {
    if let Some(gate) = &of.gate {
        return match gate.verdict {
            Verdict::Holds => Exit::Holds,
            Verdict::Unknown => Exit::Undecided,
            Verdict::Violated => Exit::Violated,
        };
    }
    let of_properties = match of.verdict {
        Verdict::Holds => Exit::Holds,
        Verdict::Unknown => Exit::Undecided,
        Verdict::Violated => Exit::Violated,
    };
    let of_needs = of.needs.iter().map(|need| match need.status {
        NeedStatus::Works => Exit::Holds,
        NeedStatus::Unknown => Exit::Undecided,
        NeedStatus::Broken => Exit::Violated,
    });
    of_needs.max().unwrap_or(Exit::Holds).max(of_properties)
}
