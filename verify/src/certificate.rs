//! Certificates: what a verdict that holds rests on, for others to check.
//!
//! A [`Proof`] names the sets that nothing leads out of, the connections that work, and the points that stop the rest.
//! Written out it is the text that `seglab-certificate` reads, which knows neither classes nor this crate: it works out
//! for itself who is meant by every selector and what every rule may let through, and refuses what does not add up. The
//! grammar stands in the documentation of that crate.
//!
//! Sets of units are written by position, and are as small as what an attack from the starts may own: doubt counts as
//! possible, as it does for verdicts.

mod attack;
mod choice;
mod components;
mod ever;
mod rules;

use crate::classes::ClassId;
use crate::properties::{Report, Settings, Settled};
use crate::reach::Verifier;
use seglab_policy::{Claim, Direction, EnforcementPoint, Mode, Need, Placement, Property, Trust, UnitId};
use std::fmt::{self, Write};

/// What the verdicts of one design rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// One for each property that holds, in the order of [`Design::properties`](seglab_policy::Design::properties).
    pub properties: Vec<Option<Proof>>,
    /// One for each need that works, in the order of [`Design::needs`](seglab_policy::Design::needs).
    pub needs: Vec<Option<Proof>>,
}

/// What one verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    settings: Settings,
    by: Vec<(u32, Direction)>,
    lines: Vec<String>,
}

impl Proof {
    /// The certificate: the proof, bound to a design and a claim by the SHA-256 of the normal form, and of the claim's
    /// line in it without its line feed. `section` is `property` or `need`, `position` counts from 0 in it.
    ///
    /// ```
    /// use seglab_policy::arbitrary::design_of;
    /// use seglab_verify::{Settings, certify, verify};
    /// let design = design_of(1);
    /// let report = verify(&design, &Settings::default())?;
    /// for proof in certify(&design, &Settings::default(), &report).properties.into_iter().flatten() {
    ///     let text = proof.to_text("0".repeat(64).as_str(), "property", 0, "0".repeat(64).as_str());
    ///     assert!(text.starts_with("seglab-certificate 1\n"));
    /// }
    /// # Ok::<(), seglab_verify::VerifyError>(())
    /// ```
    pub fn to_text(&self, design_sha256: &str, section: &str, position: usize, claim_sha256: &str) -> String {
        let asked = if self.settings.as_if_enforced { "as-if-enforced" } else { "as-declared" };
        let owned = if self.settings.honour_trusted { "all-but-trusted" } else { "anybody" };
        let mut text = format!("seglab-certificate 1\ndesign {design_sha256}\n");
        let _ =
            write!(text, "claim {section} {position} {claim_sha256}\nquestion {asked} {owned}\nby {}", self.by.len());
        for (point, direction) in &self.by {
            let _ = write!(text, " {point} {direction}");
        }
        text.push('\n');
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        let _ = writeln!(text, "end {}", 5 + self.lines.len());
        text
    }
}

/// Proves every verdict of a report that holds.
pub fn certify(design: &seglab_policy::Design, settings: &Settings, report: &Report) -> Proofs {
    Verifier::new(design).prove_all(settings, report)
}

impl Verifier<'_> {
    /// As [`certify`], with what has been worked out already.
    pub fn prove_all(&mut self, settings: &Settings, report: &Report) -> Proofs {
        let design = self.design();
        let holds = |outcome: &crate::properties::Outcome| outcome.verdict == Settled::Holds;
        let properties = design.properties().iter().zip(&report.properties);
        let properties =
            properties.map(|(property, outcome)| holds(outcome).then(|| self.prove(property, settings))).collect();
        let needs = design.needs().iter().zip(&report.needs);
        let needs = needs.map(|(need, outcome)| holds(outcome).then(|| self.prove_need(need, settings))).collect();
        Proofs { properties, needs }
    }

    /// What a property rests on that holds under the settings; of one that does not, something that proves nothing.
    pub fn prove(&mut self, property: &Property, settings: &Settings) -> Proof {
        let lines = match &property.claim {
            Claim::Isolated { from, to, .. } => self.prove_paths(property, settings, from, to, None),
            Claim::IsolatedEver { from, to, services } => self.prove_ever(property, settings, from, to, services),
            Claim::OnlyThrough { from, to, via, .. } => self.prove_paths(property, settings, from, to, Some(via)),
            Claim::BlastRadius { from, at_most, .. } => self.prove_blast_radius(property, settings, from, *at_most),
            Claim::Allowed { from, to, services } => self.prove_allowed(from, to, services, settings),
            Claim::NoShadowedRules { rulebook } => self.prove_rules(property, settings, rulebook.as_deref(), false),
            Claim::NoRedundantRules { rulebook } => self.prove_rules(property, settings, rulebook.as_deref(), true),
            // Of single connections there is nothing to say beyond the points; of two designs every point is asked
            // anyway.
            Claim::Within { .. }
            | Claim::Equal { .. }
            | Claim::Exposed { .. }
            | Claim::EgressOnlyTo { .. }
            | Claim::Only { .. }
            | Claim::DefaultDeny { .. }
            | Claim::Surface { .. }
            | Claim::NoUndefinedOrder { .. } => Vec::new(),
        };
        let by = match property.claim {
            Claim::Allowed { .. }
            | Claim::Within { .. }
            | Claim::Equal { .. }
            | Claim::NoShadowedRules { .. }
            | Claim::NoRedundantRules { .. } => Vec::new(),
            _ => self.stopping(property.trust, settings),
        };
        Proof { settings: *settings, by, lines }
    }

    /// As [`Verifier::prove`], of a need.
    pub fn prove_need(&mut self, need: &Need, settings: &Settings) -> Proof {
        let lines = self.prove_allowed(&need.from, &need.to, &need.services, settings);
        Proof { settings: *settings, by: Vec::new(), lines }
    }

    /// The points that enforce, where destinations are guarded first: that is where most attacks end.
    fn stopping(&self, trust: Trust, settings: &Settings) -> Vec<(u32, Direction)> {
        let stands = |point: &EnforcementPoint| {
            (settings.as_if_enforced || point.mode == Mode::Enforce)
                && !(trust == Trust::ControllerVoid && point.controller.is_some())
        };
        let meets = |point: &EnforcementPoint, direction: Direction| match point.placement {
            Placement::Units(_) => direction != Direction::Forward,
            Placement::Between(_) => direction == Direction::Forward,
            Placement::Around(..) => true,
        };
        let points = || (0..).zip(self.design().points()).filter(|(_, point)| stands(point));
        let directions = [Direction::Ingress, Direction::Forward, Direction::Egress];
        let judge = |direction: Direction| {
            points()
                .filter(move |(_, point)| point.directions.contains(direction) && meets(point, direction))
                .map(move |(at, _)| (at, direction))
        };
        directions.into_iter().flat_map(judge).collect()
    }

    /// The units of classes.
    fn ranges_of(&self, classes: impl IntoIterator<Item = ClassId>) -> Ranges {
        Ranges::of(classes.into_iter().flat_map(|class| self.classes().members(class)).map(|unit| unit.0))
    }
}

/// Numbers as a count and ranges that ascend.
struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    fn of(numbers: impl IntoIterator<Item = u32>) -> Self {
        let ranges = seglab_policy::IntervalSet::from_ranges(numbers.into_iter().map(|number| (number, number)));
        Ranges(ranges.ranges().to_vec())
    }

    fn unit(unit: UnitId) -> Self {
        Ranges(vec![(unit.0, unit.0)])
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.len())?;
        self.0.iter().try_for_each(|(first, last)| write!(f, " {first}-{last}"))
    }
}

/// Writes a string field as a normal form has it.
fn string(line: &mut String, value: &str) {
    line.push_str(" \"");
    for c in value.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c => line.push(c),
        }
    }
    line.push('"');
}
