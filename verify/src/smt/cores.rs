//! Minimal cores: the fewest rules and defaults that a verdict on one connection rests on.
//!
//! Two sets answer for a verdict, and each is the smallest of its kind:
//!
//! - *enough*: whichever other rules and defaults are taken away, the verdict stays;
//! - *against*: without these the verdict is the opposite.
//!
//! To take a rule away is to delete it; to take a default away is to let it allow. Only defaults that deny count, and
//! only for a connection that is denied: one that is allowed is asked about its rules.
//!
//! Every set that is enough meets every set that is against, and the other way round (Reiter's duality of conflicts and
//! diagnoses, *A Theory of Diagnosis from First Principles*, 1987, section 4). So the smallest that is against is found by
//! bounding how many are taken away, and the smallest that is enough is the smallest that meets the sets found so far,
//! until none is left that it does not meet. Nothing here supposes that rules pull one way: pass rules, and denies before
//! allows, make taking away more undo what taking away less has done.

use super::facts::Vocabulary;
use super::formulas::Formulas;
use super::judge::{Verdict, matched};
use super::packet::Packet;
use super::solve::{model_of, solver, spent};
use super::term::{all, any, constant};
use super::{Encoding, GaveUp, Limits, Outcome};
use seglab_policy::{Action, Connection, Design, RuleId, RulebookId, TierId};
use std::collections::BTreeMap;
use z3::ast::Bool;
use z3::{Config, Model, Solver};

/// Something of a policy that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A rule, deleted.
    Rule(RuleId),
    /// What a tier does when no rule of it decides, turned from deny into allow.
    Otherwise(TierId),
    /// What a rulebook does when no tier decides, turned from deny into allow.
    Default(RulebookId),
}

/// The fewest parts of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// The parts, ascending.
    pub parts: Vec<Part>,
    /// Whether there may be fewer.
    pub size: Size,
}

/// What is known of the size of the smallest set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// None is smaller.
    Least,
    /// Z3 stopped before that was settled: the set will do, and every one has at least so many parts.
    AtLeast(usize, GaveUp),
}

/// What a verdict on one connection rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// True if the connection is allowed, false if it is denied.
    pub allowed: bool,
    /// Whichever others are taken away, the verdict stays.
    pub enough: Core,
    /// Without these the verdict is the opposite; `None` if nothing that can be taken away turns it.
    pub against: Option<Core>,
}

/// What is taken away, as far as a solver may choose.
#[derive(Default)]
pub(super) struct Removed(BTreeMap<Part, Bool>);

impl Removed {
    /// The part is taken away.
    pub(super) fn is(&self, part: Part) -> Bool {
        self.0.get(&part).cloned().unwrap_or_else(|| constant(false))
    }

    /// The parts that a model takes away.
    fn chosen(&self, model: &Model) -> Vec<Part> {
        self.0.iter().filter(|(_, removed)| holds(model, removed)).map(|(part, _)| *part).collect()
    }

    /// One of these is taken away.
    fn some_of(&self, parts: &[Part]) -> Bool {
        any(parts.iter().map(|part| self.is(*part)))
    }

    /// No more than so many are taken away.
    fn at_most(&self, count: usize) -> Bool {
        let weighed: Vec<(&Bool, i32)> = self.0.values().map(|removed| (removed, 1)).collect();
        if count >= weighed.len() {
            return constant(true);
        }
        Bool::pb_le(&weighed, i32::try_from(count).unwrap_or(i32::MAX))
    }
}

impl Encoding<'_> {
    /// What the verdict on a connection rests on; `None` if it is unknown, or if no path carries the connection, for then
    /// it rests on no rule.
    ///
    /// The search spends no more than twice [`Limits::resources`]; what it has not settled by then it says.
    ///
    /// # Errors
    /// [`GaveUp`] if not even the verdict is settled.
    pub fn cores(&self, connection: &Connection) -> Result<Option<Cores>, GaveUp> {
        z3::with_z3_config(&Config::new(), || Search::new(self, connection)?.map(Search::run).transpose())
    }
}

/// Which verdicts are looked for.
#[derive(Clone, Copy)]
enum Sought {
    /// The opposite of the verdict, for certain.
    Opposite,
    /// Anything but the verdict.
    Another,
}

struct Search {
    solver: Solver,
    removed: Removed,
    verdict: Verdict,
    allowed: bool,
    budget: Budget,
}

/// What a whole search may spend.
struct Budget {
    limits: Limits,
    spent: u32,
}

impl Budget {
    /// Asks as long as the search has not spent what it may.
    fn model(&mut self, solver: &Solver) -> Result<Option<Model>, GaveUp> {
        if self.spent >= self.limits.resources {
            return Err(GaveUp::Resources(self.limits.resources));
        }
        let before = spent(solver);
        let model = model_of(solver, self.limits);
        self.spent = self.spent.saturating_add(spent(solver).wrapping_sub(before));
        model
    }
}

impl Search {
    fn new(encoding: &Encoding<'_>, connection: &Connection) -> Result<Option<Self>, GaveUp> {
        let &Encoding { design, assume, limits } = encoding;
        let formulas = Formulas::new(design, assume, &[]);
        let pinned = formulas.pinned(connection).ok_or(GaveUp::NotAConnection)?;
        let asked = solver(limits);
        asked.assert(all([pinned.clone(), formulas.verdict.definitions()]));
        let model = model_of(&asked, limits)?.ok_or(GaveUp::Ambiguous(0))?;
        let outcome = formulas.verdict.outcomes().find(|(_, name)| holds(&model, name)).map(|(outcome, _)| outcome);
        let allowed = match outcome {
            Some(Outcome::Allowed(_)) => true,
            Some(Outcome::Denied) if holds(&model, &formulas.path().carried) => false,
            _ => return Ok(None),
        };
        let parts = removable(design, &model, &formulas.packet(), formulas.vocabulary(), allowed);
        let name = |(at, part)| (part, Bool::new_const(format!("removed {at}")));
        let removed = Removed(parts.into_iter().enumerate().map(name).collect());
        let packet = formulas.packet();
        let verdict = Verdict::without((design, assume), formulas.vocabulary(), &packet, "without ", &removed);
        let solver = solver(limits);
        solver.assert(all([pinned, verdict.definitions()]));
        Ok(Some(Self { solver, removed, verdict, allowed, budget: Budget { limits, spent: 0 } }))
    }

    fn run(mut self) -> Result<Cores, GaveUp> {
        let against = self.against()?;
        let enough = if against.is_none() && self.found(Sought::Another, &constant(true))?.is_none() {
            Core { parts: Vec::new(), size: Size::Least }
        } else {
            self.enough()
        };
        Ok(Cores { allowed: self.allowed, enough, against })
    }

    /// The smallest set without which the verdict is the opposite.
    fn against(&mut self) -> Result<Option<Core>, GaveUp> {
        let Some(mut parts) = self.found(Sought::Opposite, &constant(true))? else { return Ok(None) };
        // Nothing taken away leaves the verdict as it is, so one part is the least.
        let mut least = 1;
        while least < parts.len() {
            let tried = least + (parts.len() - least) / 2;
            match self.found(Sought::Opposite, &self.removed.at_most(tried)) {
                Ok(Some(fewer)) => parts = fewer,
                Ok(None) => least = tried + 1,
                Err(reason) => return Ok(Some(Core { parts, size: Size::AtLeast(least, reason) })),
            }
        }
        Ok(Some(Core { parts, size: Size::Least }))
    }

    /// The smallest set with which the verdict stays, whatever else is taken away.
    fn enough(&mut self) -> Core {
        let mut others: Vec<Vec<Part>> = Vec::new();
        let mut met: Vec<Part> = Vec::new();
        loop {
            let unmet = self.found(Sought::Another, &self.removed.some_of(&met).not());
            let next = unmet.and_then(|unmet| match unmet {
                None => Ok(None),
                Some(turning) => {
                    others.push(self.shrunk(turning));
                    self.meeting(&others, met.len()).map(Some)
                }
            });
            match next {
                Ok(None) => return Core { parts: met, size: Size::Least },
                Ok(Some(parts)) => met = parts,
                // With everything kept that can be taken away the verdict is what it is.
                Err(reason) => {
                    let parts: Vec<Part> = self.removed.0.keys().copied().collect();
                    return Core { parts, size: Size::AtLeast(met.len(), reason) };
                }
            }
        }
    }

    /// As few of the parts as still turn the verdict when they alone are taken away: no one of them can be left out.
    fn shrunk(&mut self, mut turning: Vec<Part>) -> Vec<Part> {
        let mut at = 0;
        while at < turning.len() {
            let mut fewer = turning.clone();
            fewer.remove(at);
            let others: Vec<Part> = self.removed.0.keys().copied().filter(|part| !fewer.contains(part)).collect();
            match self.found(Sought::Another, &self.removed.some_of(&others).not()) {
                Ok(Some(found)) => turning = found,
                Ok(None) => at += 1,
                Err(_) => break,
            }
        }
        turning
    }

    /// A smallest set with a part of each of these; at least so many are known to be needed.
    fn meeting(&mut self, sets: &[Vec<Part>], least: usize) -> Result<Vec<Part>, GaveUp> {
        let met = |set: &Vec<Part>| self.removed.some_of(set);
        let solver = solver(self.budget.limits);
        solver.assert(all(sets.iter().map(met)));
        let mut size = least;
        loop {
            solver.push();
            solver.assert(self.removed.at_most(size));
            let model = self.budget.model(&solver)?;
            solver.pop(1);
            match model {
                Some(model) => return Ok(self.removed.chosen(&model)),
                // Each set by a part of its own would do.
                None if size >= sets.len() => return Err(GaveUp::Ambiguous(0)),
                None => size += 1,
            }
        }
    }

    /// What may be taken away, so that such a verdict comes of it.
    fn found(&mut self, sought: Sought, under: &Bool) -> Result<Option<Vec<Part>>, GaveUp> {
        let (same, opposite) = if self.allowed {
            (&Outcome::ALLOWED[..], &[Outcome::Denied][..])
        } else {
            (&[Outcome::Denied][..], &Outcome::ALLOWED[..])
        };
        let turned = match sought {
            Sought::Opposite => self.verdict.is_one_of(opposite),
            Sought::Another => self.verdict.is_one_of(same).not(),
        };
        self.solver.push();
        self.solver.assert(all([turned, under.clone()]));
        let model = self.budget.model(&self.solver);
        let chosen = model.map(|model| model.map(|model| self.removed.chosen(&model)));
        self.solver.pop(1);
        chosen
    }
}

/// The rules that may match the packet or its answer, and the defaults that deny it if it is denied: no other part can
/// change its verdict.
fn removable(
    design: &Design,
    model: &Model,
    packet: &Packet<'_>,
    vocabulary: &Vocabulary<'_>,
    allowed: bool,
) -> Vec<Part> {
    let (_, answer) = packet.answer();
    let reply = Packet { source: packet.destination, destination: packet.source, header: &answer, reply: true };
    let stateless = design.rulebooks().iter().any(|book| !book.stateful);
    let mut parts = Vec::new();
    for (id, rule) in design.rules() {
        let forth = holds(model, &matched(rule, packet, vocabulary).perhaps);
        if forth || (stateless && holds(model, &matched(rule, &reply, vocabulary).perhaps)) {
            parts.push(Part::Rule(id));
        }
    }
    if !allowed {
        for (rulebook, book) in (0..).map(RulebookId).zip(design.rulebooks()) {
            let denying = (0..).zip(&book.tiers).filter(|(_, tier)| tier.otherwise == Action::Deny);
            parts.extend(denying.map(|(tier, _)| Part::Otherwise(TierId { rulebook, tier })));
            parts.extend((!book.default_allow).then_some(Part::Default(rulebook)));
        }
    }
    parts
}

/// The formula is true in the model.
fn holds(model: &Model, formula: &Bool) -> bool {
    model.eval(formula, true).and_then(|value| value.as_bool()) == Some(true)
}
