//! Z3 as the chooser: the fewest edits that meet every demand so far, and of equally few those that change least.

use super::Goal;
use super::candidates::{Candidates, Excludes};
use super::formula::{CandidateId, Formula, Node};
use crate::smt::{GaveUp, Limits};
use rustc_hash::FxHashMap;
use seglab_policy::RuleId;
use std::collections::{BTreeMap, BTreeSet};
use z3::ast::Bool;
use z3::{Optimize, Params, SatResult, Solver, StatisticsValue, Symbol};

/// Chooses edits. Lives in one Z3 context.
pub(super) struct Chooser {
    optimize: Optimize,
    limits: Limits,
    /// Z3's resource units that are spent, those of choices that are done.
    spent: u32,
    terms: FxHashMap<*const Node, (Formula, Bool)>,
    chosen: BTreeMap<CandidateId, Bool>,
    edited: BTreeMap<RuleId, Bool>,
    excluding: BTreeMap<Excludes, Vec<Bool>>,
    goals: BTreeMap<Goal, Bool>,
    /// All that was demanded, to be asked again when it cannot be met.
    asserted: Vec<Bool>,
}

impl Chooser {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            optimize: Optimize::new(),
            limits,
            spent: 0,
            terms: FxHashMap::default(),
            chosen: BTreeMap::new(),
            edited: BTreeMap::new(),
            excluding: BTreeMap::new(),
            goals: BTreeMap::new(),
            asserted: Vec::new(),
        }
    }

    /// Z3's resource units that were spent so far.
    pub(super) fn spent(&self) -> u32 {
        self.spent
    }

    /// The formula has to be true as long as the goal is one.
    pub(super) fn demand(&mut self, candidates: &Candidates<'_>, goal: Goal, formula: &Formula) {
        let term = self.term(candidates, formula);
        let name = self.goals.len();
        let goal = self.goals.entry(goal).or_insert_with(|| Bool::new_const(format!("goal {name}"))).clone();
        self.assert(goal.implies(term));
    }

    /// The formula has to be true, whatever the goals are.
    pub(super) fn forbid_all_of(&mut self, candidates: &Candidates<'_>, chosen: &BTreeSet<CandidateId>) {
        let other = Formula::any(chosen.iter().map(|&candidate| Formula::chosen(candidate).not()));
        let term = self.term(candidates, &other);
        self.assert(term);
    }

    fn assert(&mut self, term: Bool) {
        self.optimize.assert(&term);
        self.asserted.push(term);
    }

    /// The best choice, for at most so many resource units; `None` if the demands contradict each other.
    pub(super) fn choose(&mut self, most: u32) -> Result<Option<BTreeSet<CandidateId>>, GaveUp> {
        let left = self.left()?.min(most.max(1));
        self.optimize.set_params(&params(left, self.limits.wall_ms));
        let goals: Vec<Bool> = self.goals.values().cloned().collect();
        let before = count();
        let answer = self.optimize.check(&goals);
        self.spent = self.spent.saturating_add(count().wrapping_sub(before));
        match answer {
            SatResult::Unsat => Ok(None),
            SatResult::Unknown => Err(self.gave_up(&self.optimize.get_reason_unknown().unwrap_or_default())),
            SatResult::Sat => {
                let model = self.optimize.get_model();
                let model = model.ok_or_else(|| GaveUp::Other("it has no model to show".to_owned()))?;
                let holds = |term: &Bool| model.eval(term, true).and_then(|value| value.as_bool()) == Some(true);
                Ok(Some(self.chosen.iter().filter(|(_, term)| holds(term)).map(|(id, _)| *id).collect()))
            }
        }
    }

    /// Goals whose demands contradict each other, none of which can be left out.
    pub(super) fn core(&mut self) -> Result<Vec<Goal>, GaveUp> {
        let solver = Solver::new();
        self.asserted.iter().for_each(|term| solver.assert(term));
        let mut kept: Vec<(Goal, Bool)> = self.goals.iter().map(|(goal, term)| (*goal, term.clone())).collect();
        let all: Vec<Goal> = kept.iter().map(|(goal, _)| *goal).collect();
        for goal in all {
            let without: Vec<(Goal, Bool)> = kept.iter().filter(|(other, _)| *other != goal).cloned().collect();
            let asked: Vec<Bool> = without.iter().map(|(_, term)| term.clone()).collect();
            let left = self.left()?;
            solver.set_params(&params(left, self.limits.wall_ms));
            let before = count();
            let answer = solver.check_assumptions(&asked);
            self.spent = self.spent.saturating_add(count().wrapping_sub(before));
            match answer {
                SatResult::Unsat => kept = without,
                SatResult::Sat => {}
                SatResult::Unknown => return Err(self.gave_up(&solver.get_reason_unknown().unwrap_or_default())),
            }
        }
        Ok(kept.into_iter().map(|(goal, _)| goal).collect())
    }

    /// The resource units that are left to spend.
    fn left(&self) -> Result<u32, GaveUp> {
        // Zero would mean no limit to Z3.
        match self.limits.resources.saturating_sub(self.spent) {
            0 => Err(GaveUp::Resources(self.limits.resources)),
            left => Ok(left),
        }
    }

    fn gave_up(&self, said: &str) -> GaveUp {
        // Z3 says the same for both limits; its own count tells which it was.
        if self.spent.saturating_add(1) >= self.limits.resources {
            GaveUp::Resources(self.limits.resources)
        } else if said.contains("canceled") || said.contains("timeout") {
            GaveUp::WallTime(self.limits.wall_ms)
        } else {
            GaveUp::Other(said.to_owned())
        }
    }

    fn term(&mut self, candidates: &Candidates<'_>, formula: &Formula) -> Bool {
        if let Some((_, term)) = self.terms.get(&formula.key()) {
            return term.clone();
        }
        let term = match formula.node() {
            Node::Constant(value) => Bool::from_bool(*value),
            Node::Chosen(candidate) => self.candidate(candidates, *candidate),
            Node::Not(inner) => self.term(candidates, inner).not(),
            Node::All(parts) => {
                let parts: Vec<Bool> = parts.iter().map(|part| self.term(candidates, part)).collect();
                Bool::and(&parts)
            }
            Node::Any(parts) => {
                let parts: Vec<Bool> = parts.iter().map(|part| self.term(candidates, part)).collect();
                Bool::or(&parts)
            }
        };
        // The formula is kept with its term, so that its address stays its own.
        self.terms.insert(formula.key(), (formula.clone(), term.clone()));
        term
    }

    /// The variable of a candidate, with what it costs and whom it excludes.
    fn candidate(&mut self, candidates: &Candidates<'_>, id: CandidateId) -> Bool {
        if let Some(term) = self.chosen.get(&id) {
            return term.clone();
        }
        let term = Bool::new_const(format!("candidate {}", id.0));
        self.chosen.insert(id, term.clone());
        match candidates.rule_of(id) {
            Some(rule) => {
                let fresh = !self.edited.contains_key(&rule);
                let name = self.edited.len();
                let edited =
                    self.edited.entry(rule).or_insert_with(|| Bool::new_const(format!("edited {name}"))).clone();
                if fresh {
                    self.costs(&edited, 1, "1 edits");
                }
                self.assert(term.implies(&edited));
            }
            None => self.costs(&term, 1, "1 edits"),
        }
        let candidate = candidates.get(id);
        // Orders of magnitude are what decides, and Z3 is far faster with few different weights.
        let weight = candidate.map_or(1, |candidate| candidate.weight);
        self.costs(&term, u64::from(u64::BITS - weight.leading_zeros()).pow(2).max(1), "2 connections");
        if let Some(excludes) = candidate.and_then(|candidate| candidate.excludes) {
            self.exclude(excludes, &term);
        }
        term
    }

    /// Objectives are weighed one after the other, in the order in which they came up.
    fn costs(&self, term: &Bool, weight: u64, objective: &str) {
        self.optimize.assert_soft(&term.not(), weight, Some(Symbol::String(objective.to_owned())));
    }

    fn exclude(&mut self, excludes: Excludes, term: &Bool) {
        let against = match excludes {
            Excludes::Services(_) => excludes,
            Excludes::Side { rule, source, units } => Excludes::Side { rule, source, units: !units },
        };
        let others = self.excluding.get(&against).cloned().unwrap_or_default();
        others.iter().for_each(|other| self.assert(Bool::or(&[term.not(), other.not()])));
        self.excluding.entry(excludes).or_default().push(term.clone());
    }
}

fn params(resources: u32, wall_ms: u32) -> Params {
    let mut params = Params::new();
    params.set_u32("rlimit", resources);
    params.set_u32("timeout", wall_ms);
    params
}

/// The resource units that the context has spent; the count starts again at 2^32.
fn count() -> u32 {
    match Solver::new().get_statistics().value("rlimit count") {
        Some(StatisticsValue::UInt(count)) => count,
        Some(StatisticsValue::Double(_)) | None => 0,
    }
}
