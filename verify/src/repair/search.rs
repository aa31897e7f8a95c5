//! The search: choose, verify, learn what was missed, until everything holds.

use super::candidates::Candidates;
use super::chooser::Chooser;
use super::demand::{Demand, Demands};
use super::fate::Fates;
use super::formula::{CandidateId, Formula};
use super::{Effort, Finding, Goal, Optimality, Repair, Repaired, Spent, Stopped, connections_changed};
use crate::counterexample::VerifyError;
use crate::properties::{Report, Settings, Settled};
use crate::reach::Verifier;
use seglab_policy::Design;
use std::collections::{BTreeSet, VecDeque};

/// A choice of candidate edits.
type Choice = BTreeSet<CandidateId>;

/// Descent takes so many steps at most, and does not undo one of the last few.
const DESCENT_MAX: usize = 150;
const TABU: usize = 12;

/// In one step it looks at so many changes for some that meet a demand, and weighs so many of those.
const DESCENT_LOOKS: usize = 1_000;
const DESCENT_CHANGES: usize = 24;

/// One choice among repairs of equally many edits may take this part of what Z3 may spend.
const COMPARING: u32 = 20;

/// A search for the least repair of one design.
pub(super) struct Search<'a> {
    design: &'a Design,
    settings: Settings,
    effort: &'a Effort,
    candidates: Candidates<'a>,
    fates: Fates,
    bare: Fates,
    chooser: Chooser,
    demands: Vec<Formula>,
    /// Single candidates that meet so many of the demands, all of those.
    singles: Option<(Choice, usize)>,
    aside: BTreeSet<Goal>,
    rounds: usize,
    /// Every repair has at least so many edits.
    at_least: usize,
}

/// A choice that was applied and verified.
struct Tried {
    design: Design,
    report: Report,
    /// Everything holds that is not set aside.
    holds: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(design: &'a Design, settings: &Settings, effort: &'a Effort) -> Self {
        // Any step of an attack may be the one to stop.
        let settings = Settings { steps_shown_max: usize::MAX, ..*settings };
        Self {
            design,
            settings,
            effort,
            candidates: Candidates::new(design),
            fates: Fates::default(),
            bare: Fates::without_allows(),
            chooser: Chooser::new(effort.limits),
            demands: Vec::new(),
            singles: None,
            aside: BTreeSet::new(),
            rounds: 0,
            at_least: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Repair, VerifyError> {
        let before = Verifier::new(self.design).settle_all(&self.settings)?;
        let holds = self.learn(&before, &Choice::new());
        let finding = if holds { Finding::Nothing } else { self.find()? };
        let spent = Spent {
            rounds: self.rounds,
            demands: self.demands.len(),
            candidates: self.candidates.len(),
            resources: self.chooser.spent(),
        };
        Ok(Repair { before, finding, aside: self.aside.into_iter().collect(), spent })
    }

    /// Chooses and verifies until everything holds.
    fn find(&mut self) -> Result<Finding, VerifyError> {
        loop {
            if self.rounds >= self.effort.rounds_max {
                return self.feasible(Stopped::Rounds(self.rounds));
            }
            let choice = match self.single() {
                Some(single) => single,
                None => match self.chooser.choose(u32::MAX) {
                    Ok(Some(choice)) => choice,
                    Ok(None) => return Ok(self.contradiction()),
                    Err(gave_up) => return self.feasible(Stopped::Solver(gave_up)),
                },
            };
            self.at_least = self.at_least.max(self.candidates.cost(&choice));
            if let Some(tried) = self.attempt(&choice)?
                && tried.holds
            {
                return self.compare(choice, tried).map(|repaired| Finding::Repaired(Box::new(repaired)));
            }
        }
    }

    /// The single candidate that meets every demand and changes least, if there is one: nothing is less, so that no
    /// solver has to be asked.
    fn single(&mut self) -> Option<Choice> {
        let (mut singles, checked) = match self.singles.take() {
            Some(known) => known,
            // The first demand is not met by nothing, so that whatever meets it alone is part of it.
            None => (self.demands.first()?.candidates(), 0),
        };
        let alone = |id: CandidateId| Choice::from([id]);
        let new = self.demands.get(checked..).unwrap_or_default();
        singles.retain(|&id| new.iter().all(|demand| demand.holds(&alone(id))));
        let weight = |id: &CandidateId| self.candidates.get(*id).map_or(0, |candidate| candidate.weight);
        let best = singles.iter().copied().min_by_key(|id| (weight(id), *id));
        self.singles = Some((singles, self.demands.len()));
        best.map(alone)
    }

    /// A choice is not to be made again as a single one.
    fn strike(&mut self, choice: &Choice) {
        if let (Some((singles, _)), [only]) = (&mut self.singles, choice.iter().collect::<Vec<_>>().as_slice()) {
            singles.remove(only);
        }
    }

    fn contradiction(&mut self) -> Finding {
        match self.chooser.core() {
            Ok(core) => Finding::Contradiction(core),
            Err(gave_up) => Finding::NotFound { at_least: self.at_least, stopped: Stopped::Solver(gave_up) },
        }
    }

    /// Applies a choice, verifies it and learns from it; `None` if no rules say it, and it is not chosen again.
    fn attempt(&mut self, choice: &Choice) -> Result<Option<Tried>, VerifyError> {
        self.rounds += 1;
        let Ok(design) = self.design.edited(&self.candidates.edits(choice)) else {
            self.chooser.forbid_all_of(&self.candidates, choice);
            self.strike(choice);
            return Ok(None);
        };
        let report = Verifier::new(&design).settle_all(&self.settings)?;
        let holds = self.learn(&report, choice);
        Ok(Some(Tried { design, report, holds }))
    }

    /// Turns what does not hold under a choice into demands; true if there is nothing.
    fn learn(&mut self, report: &Report, choice: &Choice) -> bool {
        let Self { candidates, fates, bare, settings, .. } = self;
        let demands = Demands { candidates, fates, bare, settings }.of(report);
        let mut holds = true;
        for (goal, demand) in demands {
            if matches!(demand, Demand::OfRules) {
                self.aside.insert(goal);
                continue;
            }
            let unknown = match goal {
                Goal::Property(at) => report.properties.get(at),
                Goal::Need(at) => report.needs.get(at),
            };
            let unknown = unknown.is_some_and(|outcome| matches!(outcome.verdict, Settled::Unknown(_)));
            if unknown && (matches!(demand, Demand::Hopeless) || self.aside.contains(&goal)) {
                self.aside.insert(goal);
                continue;
            }
            holds = false;
            let formula = match demand {
                Demand::Must(formula) if !formula.holds(choice) => formula,
                Demand::Hopeless | Demand::OfRules => Formula::constant(false),
                Demand::Must(_) => self.otherwise(choice, None),
                Demand::Otherwise { wants_more } => self.otherwise(choice, Some(wants_more)),
            };
            self.chooser.demand(&self.candidates, goal, &formula);
            self.demands.push(formula);
        }
        holds
    }

    /// The choice was wrong, and nothing more is known: another is needed that lets more through, or stops more, where
    /// that is what is asked for.
    fn otherwise(&mut self, choice: &Choice, wants_more: Option<bool>) -> Formula {
        self.candidates.write_down_all();
        let changes = self.candidates.ids().filter_map(|id| {
            let (stops, opens) = self.candidates.effects(id);
            let (helps, hurts) = match wants_more {
                None => (true, true),
                Some(true) => (opens, stops),
                Some(false) => (stops, opens),
            };
            match choice.contains(&id) {
                false => helps.then(|| Formula::chosen(id)),
                true => hurts.then(|| Formula::chosen(id).not()),
            }
        });
        Formula::any(changes.collect::<Vec<_>>())
    }

    /// Of repairs with as many edits, the one that changes the fewest connections.
    fn compare(&mut self, first: Choice, tried: Tried) -> Result<Repaired, VerifyError> {
        let edits = self.candidates.cost(&first);
        let mut best = self.repaired(&first, tried);
        let (mut compared, mut exhausted) = (1, false);
        self.chooser.forbid_all_of(&self.candidates, &first);
        self.strike(&first);
        let most = self.effort.limits.resources / COMPARING;
        while compared < self.effort.alternatives_max && self.rounds < self.effort.rounds_max {
            let single = if edits == 1 { self.single() } else { None };
            let choice = match single.map_or_else(|| self.chooser.choose(most), |single| Ok(Some(single))) {
                Ok(Some(choice)) if self.candidates.cost(&choice) <= edits => choice,
                Ok(_) => {
                    exhausted = true;
                    break;
                }
                Err(_) => break,
            };
            let Some(tried) = self.attempt(&choice)?.filter(|tried| tried.holds) else { continue };
            self.chooser.forbid_all_of(&self.candidates, &choice);
            self.strike(&choice);
            compared += 1;
            let other = self.repaired(&choice, tried);
            if other.connections < best.connections {
                best = other;
            }
        }
        Ok(Repaired { optimality: Optimality::Least { compared, exhausted }, ..best })
    }

    fn repaired(&self, choice: &Choice, tried: Tried) -> Repaired {
        let connections = connections_changed(self.design, &tried.design, &self.settings);
        Repaired {
            edits: self.candidates.edits(choice),
            design: tried.design,
            after: tried.report,
            connections,
            optimality: Optimality::Least { compared: 1, exhausted: false },
        }
    }

    /// A limit was reached: whatever repair descent finds, with what is proven.
    fn feasible(&mut self, stopped: Stopped) -> Result<Finding, VerifyError> {
        let at_least = self.at_least.max(1);
        let Some((choice, tried)) = self.descend()? else {
            return Ok(Finding::NotFound { at_least, stopped });
        };
        let repaired = self.repaired(&choice, tried);
        let optimality = if repaired.edits.len() <= at_least {
            Optimality::Least { compared: 1, exhausted: false }
        } else {
            Optimality::AtLeast { edits: at_least, stopped }
        };
        Ok(Finding::Repaired(Box::new(Repaired { optimality, ..repaired })))
    }

    /// Meets demand after demand by the change that leaves the fewest unmet, then leaves out what is not needed.
    fn descend(&mut self) -> Result<Option<(Choice, Tried)>, VerifyError> {
        let mut choice = Choice::new();
        let mut recent: VecDeque<CandidateId> = VecDeque::new();
        for _ in 0..DESCENT_MAX {
            let unmet = self.demands.iter().find(|demand| !demand.holds(&choice)).cloned();
            let Some(unmet) = unmet else {
                match self.attempt(&choice)? {
                    Some(tried) if tried.holds => return self.without_the_needless(choice, tried).map(Some),
                    Some(_) => continue,
                    None => return Ok(None),
                }
            };
            let Some(next) = self.best_change(&unmet, &choice, &recent) else { return Ok(None) };
            recent.push_back(next);
            if recent.len() > TABU {
                recent.pop_front();
            }
            if !choice.remove(&next) {
                choice.insert(next);
            }
        }
        Ok(None)
    }

    /// The single change that meets a demand and leaves the fewest others unmet, among the first few that meet it, those
    /// that change least first.
    fn best_change(&self, unmet: &Formula, choice: &Choice, recent: &VecDeque<CandidateId>) -> Option<CandidateId> {
        let changed = |id: CandidateId| {
            let mut other = choice.clone();
            if !other.remove(&id) {
                other.insert(id);
            }
            other
        };
        let weight = |id: CandidateId| self.candidates.get(id).map_or(0, |candidate| candidate.weight);
        let mut free: Vec<CandidateId> = unmet.candidates().into_iter().filter(|id| !recent.contains(id)).collect();
        free.sort_by_key(|&id| (weight(id), id));
        let meeting = free.into_iter().take(DESCENT_LOOKS).filter(|&id| unmet.holds(&changed(id)));
        meeting.take(DESCENT_CHANGES).min_by_key(|&id| {
            let other = changed(id);
            let left = self.demands.iter().filter(|demand| !demand.holds(&other)).count();
            (left, self.candidates.cost(&other), weight(id))
        })
    }

    fn without_the_needless(&mut self, choice: Choice, tried: Tried) -> Result<(Choice, Tried), VerifyError> {
        let (mut best, mut of_best) = (choice.clone(), tried);
        for id in choice {
            let mut less = best.clone();
            less.remove(&id);
            if self.demands.iter().any(|demand| !demand.holds(&less)) {
                continue;
            }
            if let Some(tried) = self.attempt(&less)?
                && tried.holds
            {
                (best, of_best) = (less, tried);
            }
        }
        Ok((best, of_best))
    }
}
