//! The gate: which findings may pass, because they were there before or because somebody answers for them.
//!
//! It changes no verdict. A property that is violated stays `violated`, with its findings; each finding says whether
//! it is `new`, `known` from the baseline or `waived`, and [`Gate::verdict`](crate::Gate::verdict) is what is left. A
//! waiver is asked before the baseline, for somebody answers for it. What is undecided passes by a waiver that says so
//! and by no baseline: nobody has seen what it is.

mod baseline;
pub(crate) mod extent;

pub use baseline::{BASELINE_SCHEMA, Baseline, BaselineError};

use crate::model::{
    BaselineUse, Finding, FindingState, Gate, Need, NeedStatus, Property, Verdict, Verification, Waiver, WaiverState,
};
use std::collections::BTreeSet;

/// What a gate is asked with.
#[derive(Clone, Debug)]
pub struct Pass<'g> {
    /// Waivers with the kind of what they are of: of a need, or else of a property.
    pub waivers: Vec<(Waiver, bool)>,
    /// A baseline, and the path of its file.
    pub baseline: Option<&'g (Baseline, String)>,
    /// What units are grouped by in what was found.
    pub grouping: &'g str,
}

/// Says of each finding whether it passes, and of the verification what is left: [`Verification::gate`] is filled in
/// where there is a baseline or a waiver.
pub fn apply(of: &mut Verification, pass: Pass<'_>) {
    let Pass { mut waivers, baseline, grouping } = pass;
    let asked = baseline.is_some() || !waivers.is_empty();
    let mut gate = Gate::default();
    let mut found: BTreeSet<String> = BTreeSet::new();
    let known = baseline.map(|(baseline, _)| baseline);
    let mut let_through = |name: &str, is_need: bool, findings: &mut [Finding]| {
        for finding in findings {
            finding.waiver = None;
            let meant =
                waivers.iter_mut().filter(|(waiver, of_need)| *of_need == is_need && waiver.is_for(name, finding));
            // Of several, one that counts.
            let best = meant
                .map(|(waiver, _)| {
                    waiver.findings += 1;
                    waiver
                })
                .min_by_key(|waiver| waiver.state);
            finding.waiver = best.map(|waiver| waiver.clone());
            let waived = finding.waiver.as_ref().is_some_and(|waiver| waiver.state == WaiverState::Active);
            let certain = finding.verdict == Verdict::Violated;
            if certain {
                found.insert(finding.fingerprint.clone());
            }
            finding.state = match known {
                _ if waived => FindingState::Waived,
                Some(known) if certain && known.has(finding) => FindingState::Known,
                Some(_) => FindingState::New,
                None => FindingState::Open,
            };
        }
    };
    for property in &mut of.properties {
        let_through(&property.id, false, &mut property.findings);
    }
    for need in &mut of.needs {
        let name = need.name();
        let_through(&name, true, &mut need.findings);
    }
    count(&mut gate, of);
    gate.waivers = waivers.into_iter().map(|(waiver, _)| waiver).collect();
    gate.baseline = baseline.map(|(baseline, path)| BaselineUse {
        path: path.clone(),
        regrouped: (baseline.grouping != grouping).then(|| [baseline.grouping.clone(), grouping.to_owned()]),
        findings: baseline.findings.len() as u64,
        fixed: baseline.findings.iter().filter(|entry| !found.contains(&entry.fingerprint)).cloned().collect(),
    });
    of.gate = asked.then_some(gate);
}

fn count(gate: &mut Gate, of: &Verification) {
    let properties = of.properties.iter().map(|one: &Property| (one.verdict, &one.findings));
    let needs = of.needs.iter().map(|one: &Need| {
        let verdict = match one.status {
            NeedStatus::Works => Verdict::Holds,
            NeedStatus::Unknown => Verdict::Unknown,
            NeedStatus::Broken => Verdict::Violated,
        };
        (verdict, &one.findings)
    });
    for (verdict, findings) in properties.chain(needs) {
        if findings.is_empty() && verdict != Verdict::Holds {
            // Nobody has said what it is, so nobody has let it pass.
            gate.open += 1;
            gate.undecided += u64::from(verdict == Verdict::Unknown);
            gate.verdict = gate.verdict.max(verdict);
        }
        for finding in findings {
            match finding.state {
                FindingState::Known => gate.known += 1,
                FindingState::Waived => gate.waived += 1,
                FindingState::Open | FindingState::New => {
                    gate.open += 1;
                    gate.undecided += u64::from(finding.verdict == Verdict::Unknown);
                    gate.verdict = gate.verdict.max(finding.verdict);
                }
            }
        }
    }
}

impl Waiver {
    /// True if the waiver is for a finding of the property or need of this name.
    fn is_for(&self, name: &str, finding: &Finding) -> bool {
        let fits = |wanted: &Option<String>, group: &str| wanted.as_ref().is_none_or(|wanted| wanted == group);
        self.of == name
            && self.undecided == (finding.verdict == Verdict::Unknown)
            && fits(&self.from, &finding.from)
            && fits(&self.to, &finding.to)
    }
}
