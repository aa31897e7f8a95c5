//! Verification that goes along with a design while it is edited.
//!
//! A [`Session`] settles everything that a design claims and needs, keeps what it worked out, and takes the next
//! version of the design. It finds what differs by itself.
//!
//! # What is kept
//! - Where nothing but rules differs, classes stay: a session sorts units by every label they have, so that the
//!   selectors of rules that are still to come tell nobody apart who is of one class. Connections between endpoint
//!   classes that no edited rule matches, as it was or as it is, fare as before; the others are judged anew. Next
//!   steps of an attacker are worked out anew from these classes only, and closures are taken further.
//! - An outcome stays if nothing that it rests on can have changed, and so does a counterexample of which no step is
//!   touched: it refutes the claim still, though a verifier that starts anew might show another.
//! - Where units have other labels they stay of their classes, so long as the units of a class still are alike. What
//!   rules say between them and others is judged anew where a rule has come to match them or ceased to; claims that
//!   speak of other units than before are settled anew.
//! - Units that come join the class of units like them, or found one by a number that was kept vacant; so do units that
//!   differ in more than labels, and those whose labels decide where a point stands or whom a tier is about, once they
//!   have left theirs. Their interfaces are judged like those of an endpoint class where the same points stand, but for
//!   the rules that tell the two apart. In every row of next steps one bit is set or cleared, and closures follow. Units
//!   have other numbers where others have come or gone before them; all that is kept is renumbered in one pass.
//! - Everything else starts anew:
//!   - points, tiers, routes, external sources or what is not modelled differ;
//!   - more than 64 units are not what they were, or the numbers that were kept vacant are used up;
//!   - a unit is the first in its space or place, or the first of its address as rules see it, where points judge it;
//!   - addresses that rules tell apart become all units' or cease to be, for who is external is another matter then; so
//!     do addresses that units have or leave where there are several address spaces;
//!   - an edited rule speaks of nearly everybody, or its addresses or the units that it names cut through a class; or a
//!     question is new that does.
//!
//!   What the reference evaluator said of units that are what they were is not asked again, so long as rules and points
//!   are. Claims of the kind `default-deny`, and those about rules or other designs, are settled anew after every edit
//!   of a unit.
//!
//! Either way the same code settles what is settled, and verdicts are those of a [`Verifier`] that starts anew.
//!
//! ```
//! use seglab_policy::arbitrary::design_of;
//! use seglab_verify::{Session, Settings};
//! let design = design_of(1);
//! let mut rulebooks = design.rulebooks().to_vec();
//! rulebooks.iter_mut().flat_map(|book| &mut book.tiers).for_each(|tier| drop(tier.rules.pop()));
//! let edited = design.with_rulebooks(rulebooks).unwrap();
//!
//! let mut session = Session::new(design, Settings::default())?;
//! let changed = session.replace(edited)?;
//! for change in &changed.verdicts {
//!     println!("{:?} was {:?} and is {:?}", change.question, change.before, change.after);
//! }
//! # Ok::<(), seglab_verify::VerifyError>(())
//! ```

mod amended;
mod anew;
mod carry;
mod edits;
mod roster;

use crate::choice::Question;
use crate::counterexample::VerifyError;
use crate::properties::{Outcome, Report, Settings, Settled};
use crate::reach::Verifier;
pub(crate) use amended::Amending;
use amended::{Amended, Evaluations, Kept};
use anew::{Before, settled_after};
use carry::{Carry, Memory};
use edits::{Edits, same_need};
use seglab_policy::{Design, Need};
use std::collections::BTreeMap;

/// A design with its settled report, and what is needed to settle the next version of it quickly.
#[derive(Debug)]
pub struct Session {
    design: Design,
    settings: Settings,
    report: Report,
    kept: Option<Kept>,
    memory: Memory,
}

/// A verdict without what shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The claim is true.
    Holds,
    /// Whether it is true depends on what is not known.
    Unknown,
    /// It is false.
    Violated,
}

impl From<&Settled> for Standing {
    fn from(verdict: &Settled) -> Self {
        match verdict {
            Settled::Holds => Standing::Holds,
            Settled::Unknown(_) => Standing::Unknown,
            Settled::Violated(_) => Standing::Violated,
        }
    }
}

/// A verdict that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictChange {
    /// What is asked, by its position in the design as it is now.
    pub question: Question,
    /// What the verdict was; `None` if the question is new.
    pub before: Option<Standing>,
    /// What it is.
    pub after: Standing,
}

/// What became of a design's verdicts when the next version of it came.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The verdicts that are not what they were, and those on new questions: properties, then needs.
    pub verdicts: Vec<VerdictChange>,
    /// How many questions are no longer asked.
    pub gone: usize,
    /// How many outcomes were settled anew; all others stayed.
    pub settled: usize,
    /// What was judged anew; `None` if that was everything.
    pub touched: Option<Touched>,
    /// The design as it was. To let go of tens of thousands of units takes longer than most verdicts do.
    pub before: Design,
}

/// What edited rules and units touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Rules that have come or gone; an edited one counts for both.
    pub rules: usize,
    /// Units that have come, gone or are not what they were.
    pub units: usize,
    /// Pairs of endpoint classes between which connections may fare differently, those of units that have come or changed
    /// with everybody among them.
    pub pairs: usize,
    /// Classes and ends outside from which an attacker can take other steps than before, attacks counted apart.
    pub origins: usize,
}

impl Session {
    /// Settles every property and need of a design.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool.
    pub fn new(design: Design, settings: Settings) -> Result<Self, VerifyError> {
        let (verifier, report, memory) = settled(&design, &settings)?;
        let kept = Some(verifier.keep());
        Ok(Self { design, settings, report, kept, memory })
    }

    /// The design as it is now.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// How its properties are asked.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that it claims and needs, settled. Its classes are sorted by every label, so there may be more of
    /// them than a verifier finds that starts anew.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Asks anything else about the design as it is now; what is worked out on the way is kept as well.
    pub fn ask<T>(&mut self, question: impl FnOnce(&mut Verifier<'_>) -> T) -> T {
        let mut verifier = match self.kept.take() {
            Some(kept) => kept.resume(&self.design),
            None => Verifier::amendable(&self.design),
        };
        let answer = question(&mut verifier);
        self.kept = Some(verifier.keep());
        answer
    }

    /// Takes the next version of the design and settles what may have changed.
    ///
    /// # Errors
    /// [`VerifyError`] if a counterexample does not replay in the reference evaluator: a defect of the tool. The
    /// session stays with the design that it had, without outcomes; the next version is settled from scratch.
    pub fn replace(&mut self, design: Design) -> Result<Changed, VerifyError> {
        let (kept, mut memory) = (self.kept.take(), std::mem::take(&mut self.memory));
        let earlier = Earlier::new(&self.design, &design);
        let before = Standings::of(&self.report);
        let known = std::mem::take(&mut self.report);
        let (verifier, report, settled, touched) = match carried(kept, &self.design, &design) {
            Ok((mut verifier, edits, amended)) => {
                let touched = amended.touched(&edits);
                let (asked_before, settings) = (self.design.properties(), self.settings);
                let carry = Carry { edits, amended, settings, earlier: &earlier, asked_before };
                let (report, settled) = carry.report(&mut verifier, &mut memory, known)?;
                self.memory = memory;
                (verifier, report, settled, Some(touched))
            }
            Err(evaluations) => {
                let before = Before { design: &self.design, report: known, evaluations, earlier: &earlier };
                let (verifier, report, memory) = settled_after(&design, &self.settings, before)?;
                self.memory = memory;
                let settled = report.properties.len() + report.needs.len();
                (verifier, report, settled, None)
            }
        };
        self.kept = Some(verifier.keep());
        let verdicts = earlier.changes(&before, &Standings::of(&report));
        self.report = report;
        let before = std::mem::replace(&mut self.design, design);
        Ok(Changed { verdicts, gone: earlier.gone, settled, touched, before })
    }
}

/// What the verdicts of a report are.
struct Standings {
    properties: Vec<Standing>,
    needs: Vec<Standing>,
}

impl Standings {
    fn of(report: &Report) -> Self {
        let all = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| Standing::from(&outcome.verdict)).collect();
        Self { properties: all(&report.properties), needs: all(&report.needs) }
    }
}

/// Everything about a design, from scratch.
fn settled<'d>(design: &'d Design, settings: &Settings) -> Result<(Verifier<'d>, Report, Memory), VerifyError> {
    let mut verifier = Verifier::amendable(design);
    let report = verifier.settle_all(settings)?;
    let memory = remembered(&mut verifier, &report, settings);
    Ok((verifier, report, memory))
}

/// What is remembered of the questions of a design that were settled.
fn remembered(verifier: &mut Verifier<'_>, report: &Report, settings: &Settings) -> Memory {
    let mut memory = Memory::default();
    for (property, outcome) in verifier.engine.design.properties().iter().zip(&report.properties) {
        memory.settled(verifier, property, outcome, settings);
    }
    memory
}

/// A verifier of the next version of a design that has taken the edits over; if it has to start anew, what the
/// reference evaluator has said of the last version.
fn carried<'d>(
    kept: Option<Kept>,
    old: &'d Design,
    new: &'d Design,
) -> Result<(Verifier<'d>, Edits<'d>, Amended), Evaluations> {
    let Some(mut kept) = kept else { return Err(Evaluations::default()) };
    let evaluations = kept.take_evaluations();
    let Some(edits) = Edits::between(old, new).filter(|_| kept.knows_questions(new)) else {
        return Err(evaluations);
    };
    let left = kept.renumber(&edits.roster, new.units().len());
    let mut verifier = kept.resume(new);
    match verifier.amend(&edits, left) {
        Some(amended) => {
            verifier.recall(evaluations, &amended, &edits);
            Ok((verifier, edits, amended))
        }
        None => Err(evaluations),
    }
}

/// Where what is asked of a design was asked of its last version.
struct Earlier {
    properties: Vec<Option<usize>>,
    needs: Vec<Option<usize>>,
    gone: usize,
}

impl Earlier {
    fn new(old: &Design, new: &Design) -> Self {
        let ids: BTreeMap<&str, usize> =
            old.properties().iter().enumerate().map(|(at, property)| (property.id.as_str(), at)).collect();
        let properties: Vec<Option<usize>> =
            new.properties().iter().map(|property| ids.get(property.id.as_str()).copied()).collect();
        let mut free = vec![true; old.needs().len()];
        let needs: Vec<Option<usize>> = (0..)
            .zip(new.needs())
            .map(|(at, need)| {
                let is_it = |at: usize| free.get(at) == Some(&true) && same_at(old.needs(), at, need);
                let found = if is_it(at) { Some(at) } else { (0..free.len()).find(|&at| is_it(at)) };
                found.and_then(|at| free.get_mut(at)).into_iter().for_each(|free| *free = false);
                found
            })
            .collect();
        let asked_again = |all: &[Option<usize>]| all.iter().flatten().count();
        let asked = old.properties().len() + old.needs().len();
        let gone = asked - asked_again(&properties) - asked_again(&needs);
        Self { properties, needs, gone }
    }

    fn changes(&self, before: &Standings, after: &Standings) -> Vec<VerdictChange> {
        fn of<'s>(
            question: fn(usize) -> Question,
            earlier: &'s [Option<usize>],
            before: &'s [Standing],
            after: &'s [Standing],
        ) -> impl Iterator<Item = VerdictChange> + 's {
            let both = earlier.iter().map(|at| at.and_then(|at| before.get(at)).copied()).zip(after).enumerate();
            both.filter(|(_, (before, after))| *before != Some(**after))
                .map(move |(at, (before, after))| VerdictChange { question: question(at), before, after: *after })
        }
        let properties = of(Question::Property, &self.properties, &before.properties, &after.properties);
        properties.chain(of(Question::Need, &self.needs, &before.needs, &after.needs)).collect()
    }
}

fn same_at(needs: &[Need], at: usize, need: &Need) -> bool {
    needs.get(at).is_some_and(|known| same_need(known, need))
}
