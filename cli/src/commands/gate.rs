//! The gate of `verify`: findings, waivers and baselines.

use super::Context;
use crate::args;
use crate::failure::Failure;
use crate::output;
use seglab_formats::text::suggestion;
use seglab_formats::{File, lab};
use seglab_policy::{Date, Design, Hex, Waived, Waiver};
use seglab_reports::gate::{self, Baseline, Pass};
use seglab_reports::{Input, Location, Verification, WaiverState, collect};
use seglab_verify::{Report, Settings, Verifier, VerifyError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// What a gate is asked with: read, and checked against the design.
pub(crate) struct Asked {
    today: Date,
    /// Each with whether it is of a need.
    waivers: Vec<(seglab_reports::Waiver, bool)>,
    /// With the path of its file.
    baseline: Option<(Baseline, String)>,
    written_to: Option<PathBuf>,
    /// The files that were read for it.
    inputs: Vec<Input>,
}

impl Asked {
    /// Reads waivers and the baseline; what cannot be of this design is told before anything is worked out.
    pub(crate) fn read(design: &Design, args: &args::Gate) -> Result<Self, Failure> {
        let today = args.day.today()?;
        let mut inputs = Vec::new();
        let waivers = waivers(design, args.waivers.as_deref(), today, &mut inputs)?;
        let mut baseline = None;
        if let Some(path) = &args.baseline {
            let (name, text) = read(path, "baseline", &mut inputs)?;
            let read = Baseline::read(&text, &name, design.name());
            baseline = Some((read.map_err(|error| Failure::usage(error.to_string(), error.help()))?, name));
        }
        Ok(Self { today, waivers, baseline, written_to: args.write_baseline.clone(), inputs })
    }

    /// True if there is anything that could let a finding pass.
    pub(crate) fn lets_pass(&self) -> bool {
        self.baseline.is_some() || self.written_to.is_some() || !self.waivers.is_empty()
    }

    /// Finds all that violates the design, and says what of it may pass.
    pub(crate) fn apply(
        self,
        of: &mut Verification,
        verifier: &mut Verifier<'_>,
        settings: &Settings,
        settled: &Report,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let Self { today, waivers, baseline, written_to, inputs } = self;
        let design = verifier.design();
        // Beside manifests they were read as one of them, too.
        let fresh: Vec<Input> = inputs.into_iter().filter(|input| !of.inputs.contains(input)).collect();
        of.inputs.extend(fresh);
        collect::as_of(of, design, today);
        if !waivers.is_empty() {
            of.today = Some(today.to_string());
        }
        let grouping = baseline.as_ref().and_then(|(baseline, _)| collect::grouping_named(&baseline.grouping));
        let found = context.timings.phase("findings", || verifier.findings(settled, settings, grouping));
        let found = found
            .map_err(|error: VerifyError| context.disagreement(design, error.to_string(), &format!("{error:?}")))?;
        collect::findings(of, design, &found);
        let grouping = collect::grouping_name(found.grouping);
        let Some(path) = written_to else {
            gate::apply(of, Pass { waivers, baseline: baseline.as_ref(), grouping });
            return Ok(());
        };
        // What is waived does not belong into a baseline, so waivers are asked first.
        gate::apply(of, Pass { waivers: waivers.clone(), baseline: None, grouping });
        let now = Baseline::of(of, grouping);
        let written = baseline.as_ref().map_or_else(|| now.clone(), |(before, _)| before.tightened(&now));
        output::write_file(&path, written.to_json().as_bytes())?;
        gate::apply(of, Pass { waivers, baseline: Some(&(written, path.display().to_string())), grouping });
        Ok(())
    }
}

impl args::Day {
    /// The day that is given, or the system's.
    #[expect(clippy::disallowed_types, reason = "until when a waiver counts depends on the day, printed with it")]
    pub(crate) fn today(&self) -> Result<Date, Failure> {
        if let Some(given) = &self.today {
            return given.parse().map_err(|error: seglab_policy::NoDate| {
                Failure::usage(format!("--today: {error}"), "write it as `2027-01-31`")
            });
        }
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let days = u32::try_from(since.as_secs() / DAY_S).ok();
        let help = "set the clock, or give the day: `--today 2027-01-31`";
        days.and_then(Date::from_days_since_1970)
            .ok_or_else(|| Failure::usage("the system's clock shows no date", help))
    }
}

/// The text of a file beside the design, which becomes an input of the verification.
fn read(path: &Path, what: &str, inputs: &mut Vec<Input>) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the {what} `{name}`: {error}"), "correct the path"))?;
    let source = File { path: name.clone(), text: text.clone() }.source();
    inputs.push(Input { path: name.clone(), sha256: Hex(&source.sha256).to_string() });
    Ok((name, text))
}

/// The waivers of the design and of a file of their own, each with whether it is of a need.
fn waivers(
    design: &Design,
    file: Option<&Path>,
    today: Date,
    inputs: &mut Vec<Input>,
) -> Result<Vec<(seglab_reports::Waiver, bool)>, Failure> {
    let in_design = design.waivers().iter().map(|one| (one.clone(), collect::location(design, one.provenance.span)));
    let mut all: Vec<(Waiver, Option<Location>, bool)> =
        in_design.map(|(waiver, location)| (waiver, location, true)).collect();
    if let Some(path) = file {
        let (name, text) = read(path, "file of waivers", inputs)?;
        let rejected = |rejected: seglab_formats::Rejected| Failure::Input {
            diagnostics: rejected.diagnostics,
            sources: rejected.sources,
            texts: BTreeMap::from([(name.clone(), text.clone())]),
        };
        let read = lab::waivers(&File { path: name.clone(), text: text.clone() }).map_err(rejected)?;
        all.extend(read.into_iter().map(|waiver| {
            let place =
                |span: seglab_policy::Span| Location { path: name.clone(), line: span.line, column: span.column };
            let location = waiver.provenance.span.map(place);
            (waiver, location, false)
        }));
    }
    let properties: Vec<String> = design.properties().iter().map(|one| one.id.clone()).collect();
    let needs: Vec<String> = design.needs().iter().map(|one| collect::need(design, one, 0).name()).collect();
    for (waiver, location, _) in &all {
        let (known, kind) = match waiver.of {
            Waived::Property(_) => (&properties, "property"),
            Waived::Need(_) => (&needs, "need"),
        };
        if !known.iter().any(|name| name == waiver.of.name()) {
            let place =
                location.as_ref().map_or_else(String::new, |at| format!("{}:{}:{}: ", at.path, at.line, at.column));
            let help = suggestion(waiver.of.name(), known.iter().map(String::as_str));
            let help =
                help.unwrap_or_else(|| format!("name a {kind} as `seglab verify` prints it, or remove the waiver"));
            return Err(Failure::usage(
                format!("{place}a waiver is of {}, and there is no such {kind}", waiver.of),
                help,
            ));
        }
    }
    Ok(all.into_iter().map(|(waiver, location, in_design)| shown(waiver, location, in_design, today)).collect())
}

fn shown(of: Waiver, location: Option<Location>, in_design: bool, today: Date) -> (seglab_reports::Waiver, bool) {
    let state = if of.is_expired(today) { WaiverState::Expired } else { WaiverState::Active };
    let is_need = matches!(of.of, Waived::Need(_));
    let waiver = seglab_reports::Waiver {
        of: of.of.name().to_owned(),
        from: of.from,
        to: of.to,
        undecided: of.undecided,
        owner: of.owner,
        reason: of.reason,
        expires: of.expires.to_string(),
        state,
        findings: 0,
        in_design,
        location,
    };
    (waiver, is_need)
}
