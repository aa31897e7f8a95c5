//! A second opinion on every verdict: what the class engine says of a claim, put to Z3.
//!
//! The class engine's verdicts become questions that Z3 answers without classes:
//!
//! - *holds*, about single connections: there is no connection that refutes the claim, one question. That of
//!   `default-deny` is about the design in which rules allow nothing.
//! - *holds*, about attacks: Z3 gets the set of units that the class engine takes to be in reach, as plain data, and
//!   refutes what would break an inductive proof: an attack starts inside the set, no connection that carries it on
//!   leaves the set, none from inside reaches a target. With a bound on the connections there is a set for each
//!   number of them.
//! - *violated*: every connection of the counterexample is allowed, or broken where it should work, and the steps
//!   follow from each other.
//! - *unknown*: the connections may be possible, and nothing that is certain refutes the claim.
//!
//! Where the two differ, one of them is wrong about the model: that is a [`Disagreement`], an internal error with all
//! that is needed to reproduce it, and never a verdict. What Z3 was not asked, or did not decide, is listed as
//! [`Open`], so that nobody takes silence for agreement.

mod compared;
mod confined;
mod direct;
mod ever;
mod lateral;
mod replay;
mod rules;
mod smtlib;
mod surface;

pub use smtlib::{Script, Scripts, smtlib};

use crate::properties::{Report, Settings, Settled, without_allows};
use crate::reach::Verifier;
use crate::smt::{Encoding, GaveUp, Limits, Outcome, Question, SmtAnswer, SmtVerdict};
use seglab_policy::{Assume, Connection, Design};
use std::collections::BTreeMap;
use std::fmt;

/// What may be spent on a second opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// On each question.
    pub limits: Limits,
    /// On each claim that needs a closed set for every start: the most sets, the largest first.
    pub sets_max: usize,
    /// On each path that a verdict shows: the most connections, from the first on.
    pub steps_max: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { limits: Limits::default(), sets_max: 32, steps_max: 64 }
    }
}

/// What the second opinion on a report is, claim by claim. Nothing in it contradicts the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondOpinion {
    /// One for each property.
    pub properties: Vec<Agreement>,
    /// One for each need.
    pub needs: Vec<Agreement>,
}

/// How far Z3 confirms a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The number of questions whose answers are as the verdict has it.
    pub confirmed: usize,
    /// What is left open.
    pub open: Vec<Open>,
}

impl Agreement {
    /// True if everything that the verdict rests on was asked and answered.
    pub fn is_complete(&self) -> bool {
        self.open.is_empty()
    }
}

/// Something that a verdict rests on and that Z3 does not confirm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Open {
    /// Z3 did not decide a question.
    #[error(transparent)]
    GaveUp(GaveUp),
    /// More closed sets than [`Effort::sets_max`].
    #[error("{0} more sets of units in reach were not checked")]
    MoreSets(usize),
    /// More connections on a path than [`Effort::steps_max`]. The reference evaluator has replayed them.
    #[error("{0} more steps of the path were not put to Z3")]
    MoreSteps(usize),
    /// The claim asks for one address that works in full, out of many: not a question about one connection.
    #[error("that one address of many is enough is not asked of Z3")]
    OneIsEnough,
    /// The claim is about which rule of a rulebook decides, and Z3 is asked about connections.
    #[error("which rule of a rulebook decides is not asked of Z3")]
    Rulings,
    /// The claim is about units that do not exist yet, of which the class engine knows nothing.
    #[error("the claim is about units that do not exist yet, which Z3 alone has judged")]
    Newcomers,
    /// The claim is about two designs that differ in more than policy, or is not certain.
    #[error("two designs that do not have the same units are not put to Z3 together")]
    OtherDesign,
    /// The verdict follows from facts about units, without any connection.
    #[error("the verdict follows from what a unit declares")]
    Facts,
}

/// Z3 and the class engine contradict each other: a defect of the tool, never a verdict.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("Z3 contradicts the class engine about `{claim}`, {about}: {found}")]
pub struct Disagreement {
    /// The id of the property, or `need` and its position.
    pub claim: String,
    /// What the class engine says.
    pub verdict: &'static str,
    /// What the question was about.
    pub about: &'static str,
    /// What Z3 found.
    pub found: String,
    /// Under which assumption.
    pub assume: Assume,
    /// True if it was asked about the design in which rules allow nothing.
    pub without_allows: bool,
    /// The question, where it was one.
    pub question: Option<Box<Question>>,
    /// The connection that the two differ on, where it is known.
    pub connection: Option<Connection>,
}

impl Disagreement {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        "this is a defect of the tool: please report it with the saved reproduction"
    }

    /// What to save beside the normal form of the design, to reproduce the contradiction.
    pub fn reproduction(&self, design: &Design) -> impl fmt::Display {
        let bare = self.without_allows.then(|| without_allows(design));
        let asked = bare.as_ref().unwrap_or(design);
        let formulas = self.question.as_ref().map(|question| Encoding::new(asked, self.assume).to_smtlib(question));
        let connection = self.connection.map(|connection| connection.display(design).to_string());
        format!(
            "claim: {}\nverdict: {}\nabout: {}\nfound: {}\nassume: {:?}\nwithout allow rules: {}\nconnection: {}\nquestion: {:#?}\n\n{}",
            self.claim,
            self.verdict,
            self.about,
            self.found,
            self.assume,
            self.without_allows,
            connection.as_deref().unwrap_or("none"),
            self.question,
            formulas.as_deref().unwrap_or_default(),
        )
    }
}

/// Asks Z3 about every verdict of a report on a design.
///
/// # Errors
/// The first [`Disagreement`], in the order of properties and then of needs.
pub fn cross_check(
    design: &Design,
    settings: &Settings,
    report: &Report,
    effort: Effort,
) -> Result<SecondOpinion, Box<Disagreement>> {
    let mut plan = Plan::new(design, *settings, effort);
    for (property, outcome) in design.properties().iter().zip(&report.properties) {
        plan.begin(property.id.clone(), &outcome.verdict);
        plan.property(property, &outcome.verdict)?;
    }
    for (at, (need, outcome)) in design.needs().iter().zip(&report.needs).enumerate() {
        plan.begin(format!("need {at}"), &outcome.verdict);
        plan.allowed(&need.from, &need.to, &need.services, &outcome.verdict)?;
    }
    let mut properties = plan.ask()?;
    let needs = properties.split_off(design.properties().len());
    Ok(SecondOpinion { properties, needs })
}

/// A claim of the design, and what its verdict is.
struct Claimed {
    name: String,
    verdict: &'static str,
    agreement: Agreement,
}

/// A question, or a connection, with the answer that a verdict leads to.
struct Expected {
    /// The position of the claim.
    claim: usize,
    about: &'static str,
    assume: Assume,
    /// It is about the design in which rules allow nothing.
    bare: bool,
    what: What,
}

enum What {
    /// There is no such connection.
    Nothing(Box<Question>),
    /// One of these becomes of the connection.
    Becomes(Connection, &'static [Outcome]),
}

/// Everything that is to be asked. Questions under one assumption are asked together, for they share their formulas.
struct Plan<'a> {
    design: &'a Design,
    settings: Settings,
    effort: Effort,
    verifier: Verifier<'a>,
    claims: Vec<Claimed>,
    expected: Vec<Expected>,
    /// What is planned is about the design in which rules allow nothing.
    bare: bool,
}

impl<'a> Plan<'a> {
    fn new(design: &'a Design, settings: Settings, effort: Effort) -> Self {
        let verifier = Verifier::new(design);
        Self { design, settings, effort, verifier, claims: Vec::new(), expected: Vec::new(), bare: false }
    }

    fn begin(&mut self, name: String, verdict: &Settled) {
        let verdict = match verdict {
            Settled::Holds => "holds",
            Settled::Violated(_) => "violated",
            Settled::Unknown(_) => "unknown",
        };
        self.claims.push(Claimed { name, verdict, agreement: Agreement::default() });
    }

    fn expect_nothing(&mut self, about: &'static str, assume: Assume, question: Question) {
        let claim = self.claims.len().saturating_sub(1);
        let bare = self.bare;
        self.expected.push(Expected { claim, about, assume, bare, what: What::Nothing(Box::new(question)) });
    }

    fn expect(&mut self, about: &'static str, assume: Assume, connection: Connection, outcomes: &'static [Outcome]) {
        let claim = self.claims.len().saturating_sub(1);
        let bare = self.bare;
        self.expected.push(Expected { claim, about, assume, bare, what: What::Becomes(connection, outcomes) });
    }

    /// Something that the verdict rests on was asked already, and confirmed.
    fn confirm(&mut self) {
        if let Some(claimed) = self.claims.last_mut() {
            claimed.agreement.confirmed += 1;
        }
    }

    fn leave_open(&mut self, open: Open) {
        if let Some(claimed) = self.claims.last_mut() {
            claimed.agreement.open.push(open);
        }
    }

    /// The contradiction that is seen without asking anybody.
    fn contradiction(&self, about: &'static str, found: String, connection: Option<Connection>) -> Box<Disagreement> {
        let (claim, verdict) =
            self.claims.last().map_or_else(Default::default, |claimed| (claimed.name.clone(), claimed.verdict));
        let (assume, without_allows) = (Assume::business(), self.bare);
        Box::new(Disagreement { claim, verdict, about, found, assume, without_allows, question: None, connection })
    }

    /// Asks Z3, and compares.
    fn ask(mut self) -> Result<Vec<Agreement>, Box<Disagreement>> {
        let mut by_assumption: BTreeMap<(bool, Assume), Vec<usize>> = BTreeMap::new();
        for (at, expected) in self.expected.iter().enumerate() {
            by_assumption.entry((expected.bare, expected.assume)).or_default().push(at);
        }
        let bare = self.expected.iter().any(|expected| expected.bare).then(|| without_allows(self.design));
        let mut disagreements: BTreeMap<usize, Disagreement> = BTreeMap::new();
        for ((without_allows, assume), asked) in by_assumption {
            let design = bare.as_ref().filter(|_| without_allows).unwrap_or(self.design);
            let encoding = Encoding::new(design, assume).with_limits(self.effort.limits);
            for (at, result) in answers(&encoding, &self.expected, &asked) {
                let Some(expected) = self.expected.get(at) else { continue };
                let Some(claimed) = self.claims.get_mut(expected.claim) else { continue };
                match result {
                    Ok(()) => claimed.agreement.confirmed += 1,
                    Err(Unlike::GaveUp(reason)) => claimed.agreement.open.push(Open::GaveUp(reason)),
                    Err(Unlike::Found(connection, found)) => {
                        let question = match &expected.what {
                            What::Nothing(question) => Some(question.clone()),
                            What::Becomes(..) => None,
                        };
                        let found = format!("{} {found}", connection.display(self.design));
                        let (about, connection) = (expected.about, Some(connection));
                        let (claim, verdict) = (claimed.name.clone(), claimed.verdict);
                        let new =
                            Disagreement { claim, verdict, about, found, assume, without_allows, question, connection };
                        disagreements.entry(at).or_insert(new);
                    }
                }
            }
        }
        match disagreements.into_values().next() {
            Some(first) => Err(Box::new(first)),
            None => Ok(self.claims.into_iter().map(|claimed| claimed.agreement).collect()),
        }
    }
}

/// How an answer is not the expected one.
enum Unlike {
    GaveUp(GaveUp),
    Found(Connection, &'static str),
}

/// Compares the answers to some of what is expected, by position.
fn answers(encoding: &Encoding<'_>, expected: &[Expected], asked: &[usize]) -> Vec<(usize, Result<(), Unlike>)> {
    let (mut questions, mut connections) = (Vec::new(), Vec::new());
    for (at, expected) in asked.iter().filter_map(|&at| Some((at, expected.get(at)?))) {
        match &expected.what {
            What::Nothing(question) => questions.push((at, (**question).clone())),
            What::Becomes(connection, outcomes) => connections.push((at, *connection, *outcomes)),
        }
    }
    let mut compared = Vec::with_capacity(asked.len());
    if !questions.is_empty() {
        let (places, questions): (Vec<usize>, Vec<Question>) = questions.into_iter().unzip();
        // Mostly there is nothing to find, and one question says so for all.
        let answers = match encoding.find_any(&questions) {
            SmtAnswer::None => vec![SmtAnswer::None; questions.len()],
            SmtAnswer::Found(_) | SmtAnswer::GaveUp(_) => encoding.find_all(&questions),
        };
        compared.extend(places.into_iter().zip(answers).map(|(at, answer)| match answer {
            SmtAnswer::None => (at, Ok(())),
            SmtAnswer::Found(connection) => (at, Err(Unlike::Found(connection, "exists"))),
            SmtAnswer::GaveUp(reason) => (at, Err(Unlike::GaveUp(reason))),
        }));
    }
    if !connections.is_empty() {
        let only: Vec<Connection> = connections.iter().map(|(_, connection, _)| *connection).collect();
        let verdicts = encoding.connections(&only);
        compared.extend(connections.into_iter().zip(verdicts).map(
            |((at, connection, outcomes), verdict)| match verdict {
                SmtVerdict::Decided(outcome) if outcomes.contains(&outcome) => (at, Ok(())),
                SmtVerdict::Decided(outcome) => (at, Err(Unlike::Found(connection, name(outcome)))),
                SmtVerdict::GaveUp(reason) => (at, Err(Unlike::GaveUp(reason))),
            },
        ));
    }
    compared
}

/// Whatever becomes of a connection, for questions about endpoints only.
fn every_outcome() -> Vec<Outcome> {
    Outcome::NOT_DENIED.into_iter().chain([Outcome::Denied]).collect()
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed(_) => "is allowed",
        Outcome::Denied => "is denied",
        Outcome::Unknown => "is unknown",
    }
}
