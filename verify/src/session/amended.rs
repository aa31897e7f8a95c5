//! A verifier that is put aside, and taken up again for the next version of its design.

use super::Touched;
use super::edits::Edits;
use super::roster::Roster;
use crate::classes::{ClassId, Classes};
use crate::closure::Closures;
use crate::direct::{Engine, EngineOf, Movers, Rehoused, Relabelled};
use crate::judge::Dirty;
use crate::lateral::{Attack, Graph, Moved};
use crate::properties::{Degrees, EveryEnd};
use crate::reach::Verifier;
use crate::rows::Rows;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Connection, Design, Doubt, Endpoint, Evaluation, RuleId, UnitId, Verdict, Why};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Shared sets may take so many times the room that they took at first before everything starts anew.
const GROWTH_MAX: usize = 4;

/// Nodes that cost nothing to speak of.
const NODES_FREE: usize = 4096;

/// More evaluations than this are not remembered.
const EVALUATIONS_MAX: usize = 1 << 17;

/// What the reference evaluator has said of connections.
pub(crate) type Evaluations = FxHashMap<(Connection, Assume), Evaluation>;

/// What a verifier needs besides the design to take the next version of it over.
#[derive(Debug)]
pub(crate) struct Amending {
    /// How graphs were made, and how many nodes their sets had then.
    pub(crate) rows: BTreeMap<Attack, (Rows, usize)>,
    pub(crate) evaluations: RefCell<Evaluations>,
}

/// Everything that a verifier worked out.
#[derive(Debug)]
pub(super) struct Kept {
    engine: EngineOf<()>,
    graphs: BTreeMap<Attack, Rc<Graph>>,
    closures: BTreeMap<(Attack, bool, bool), Rc<Closures>>,
    every_end: Option<Rc<EveryEnd>>,
    degrees: BTreeMap<(Attack, bool), Rc<Degrees>>,
    amending: Option<Amending>,
}

/// Between whom connections may fare differently than before, and what follows for attackers.
#[derive(Debug)]
pub(super) struct Amended {
    pub(super) dirty: Dirty,
    /// The same without what units are part of that have come or changed.
    pub(super) edited: Dirty,
    /// The units that are among the sources of dirty connections, and those among the destinations.
    units: [FixedBitSet; 2],
    /// By attack, from how many origins other steps can be taken.
    pub(super) moved: BTreeMap<Attack, usize>,
    /// What became of classes whose units have come, gone or changed.
    pub(super) rehoused: Rehoused,
}

impl Amended {
    pub(super) fn touched(&self, edits: &Edits<'_>) -> Touched {
        let (rules, units) = (edits.came.len() + edits.gone.len(), edits.roster.len());
        Touched { rules, units, pairs: self.dirty.pairs(), origins: self.moved.values().sum() }
    }
}

impl Kept {
    /// Calls units what they are called now: the classes that have lost some.
    pub(super) fn renumber(&mut self, roster: &Roster<'_>, units: usize) -> Vec<ClassId> {
        let Some(now) = roster.numbers() else { return Vec::new() };
        self.engine.alike.renumber(now);
        self.engine.classes.renumber(now, units)
    }

    /// True if everything that is asked of a design goes by what classes were sorted by.
    pub(super) fn knows_questions(&self, design: &Design) -> bool {
        self.engine.classes.words.know_questions(design)
    }

    /// What the reference evaluator has said of the design that it was made of or has last taken over.
    pub(super) fn take_evaluations(&mut self) -> Evaluations {
        self.amending.as_mut().map(|amending| amending.evaluations.take()).unwrap_or_default()
    }

    /// Takes the verifier up again, for the same design or for one to be [taken over](Verifier::amend).
    pub(super) fn resume(self, design: &Design) -> Verifier<'_> {
        let Self { engine, graphs, closures, every_end, degrees, amending } = self;
        Verifier { engine: engine.holding(design), graphs, closures, every_end, degrees, amending }
    }
}

impl<'a> Verifier<'a> {
    /// A verifier that can take other rules over.
    pub(super) fn amendable(design: &'a Design) -> Self {
        let amending = Amending { rows: BTreeMap::new(), evaluations: RefCell::default() };
        Self {
            engine: Engine::new(design, Classes::sorted(design, true)),
            graphs: BTreeMap::new(),
            closures: BTreeMap::new(),
            every_end: None,
            degrees: BTreeMap::new(),
            amending: Some(amending),
        }
    }

    pub(super) fn keep(self) -> Kept {
        let Self { engine, graphs, closures, every_end, degrees, amending } = self;
        Kept { engine: engine.holding(()), graphs, closures, every_end, degrees, amending }
    }

    /// Takes edits over that have led to the design at hand, where these classes have `left` some of their units; `None`,
    /// and the verifier is of no use any more, if it has to start anew.
    pub(super) fn amend(&mut self, edits: &Edits<'_>, left: Vec<ClassId>) -> Option<Amended> {
        let (relabelled, movers) = self.movers(&edits.roster, left);
        let Relabelled { dirty: relabelled, moves } = self.engine.relabel(&relabelled)?;
        let rehoused = if movers.are_none() { Rehoused::default() } else { self.engine.rehouse(movers)? };
        let words = &self.engine.classes.words;
        if edits.port_names().any(|name| !words.port_names.contains(name)) || !self.engine.learn(&edits.peers()) {
            return None;
        }
        let mut dirty = self.engine.amend(&edits.kept)?;
        dirty.products.extend(relabelled.products);
        if edits.turn_trust(self.engine.design) {
            self.closures.retain(|(_, without_trusted, _), _| !without_trusted);
        }
        let (mut moved, mut grown) = (BTreeMap::new(), Vec::new());
        for (attack, graph) in std::mem::take(&mut self.graphs) {
            let (rows, nodes) = self.amending.as_mut()?.rows.get_mut(&attack)?;
            let mut graph = Rc::try_unwrap(graph).ok()?;
            moves.iter().for_each(|&split| graph.split(&self.engine, rows, split));
            let of_attack = graph.amend(&mut self.engine, rows, (&dirty, &rehoused))?;
            graph.pool.trim();
            if graph.pool.size() > GROWTH_MAX * (*nodes + NODES_FREE) {
                grown.push(attack);
            }
            self.graphs.insert(attack, Rc::new(graph));
            moved.insert(attack, of_attack);
        }
        self.amend_closures(&moved, &rehoused)?;
        self.compact(grown)?;
        if edits.roster.len() > 0 {
            self.every_end = None;
        }
        let is_as_before = |attack: &Attack| rehoused.is_none() && moved.get(attack).is_some_and(Vec::is_empty);
        self.degrees.retain(|(attack, _), _| is_as_before(attack));
        let edited = dirty.clone();
        dirty.products.extend(rehoused.dirty.products.iter().cloned());
        let units = [true, false].map(|sources| self.ends_among(&dirty, sources));
        let moved = moved.into_iter().map(|(attack, moved)| (attack, moved.len())).collect();
        Some(Amended { dirty, edited, units, moved, rehoused })
    }

    /// The classes whose units have other labels and stay alike, and the units of which the class is to be found.
    fn movers(&self, roster: &Roster<'_>, left: Vec<ClassId>) -> (BTreeSet<ClassId>, Movers) {
        let relabelled: BTreeSet<UnitId> = roster.relabelled.iter().copied().collect();
        let of: BTreeSet<ClassId> = relabelled.iter().map(|&unit| self.engine.classes.of(unit)).collect();
        let (stay, apart): (BTreeSet<ClassId>, BTreeSet<ClassId>) =
            of.into_iter().partition(|&class| self.engine.stay_alike(class, &relabelled));
        let mut units: BTreeSet<UnitId> = roster.came.iter().chain(&roster.changed).copied().collect();
        units.extend(relabelled.iter().filter(|&&unit| apart.contains(&self.engine.classes.of(unit))));
        let (labelled_alike, addresses) = (roster.labelled_alike.clone(), roster.addresses.clone());
        (stay, Movers { units, labelled_alike, left, addresses })
    }

    /// Makes room in graphs whose sets have grown; `None` if they stay large.
    fn compact(&mut self, grown: Vec<Attack>) -> Option<()> {
        for attack in grown {
            let (rows, nodes) = self.amending.as_mut()?.rows.get_mut(&attack)?;
            let graph = Rc::get_mut(self.graphs.get_mut(&attack)?)?;
            graph.compact(rows);
            (graph.pool.size() <= GROWTH_MAX * (*nodes + NODES_FREE)).then_some(())?;
        }
        Some(())
    }

    /// Takes closures along with the steps that have moved.
    fn amend_closures(&mut self, moved: &BTreeMap<Attack, Vec<Moved>>, rehoused: &Rehoused) -> Option<()> {
        for ((attack, without_trusted, doubtful), closures) in std::mem::take(&mut self.closures) {
            let (graph, moved) = (self.graph(attack), moved.get(&attack)?);
            // Where nothing is doubtful any more the two readings are one.
            if doubtful && !graph.doubts().contains(&true) {
                continue;
            }
            let mut closures = Rc::try_unwrap(closures).ok()?;
            let trusted = without_trusted.then(|| self.trusted_classes());
            if !rehoused.is_none() {
                closures.resize(&graph);
            }
            // Those that cannot be taken further are made when they are asked for.
            if moved.is_empty() || closures.amend(&graph, moved, trusted.as_ref(), doubtful) {
                closures.vacate(&rehoused.vacated);
                self.closures.insert((attack, without_trusted, doubtful), Rc::new(closures));
            }
        }
        Some(())
    }

    fn ends_among(&self, dirty: &Dirty, sources: bool) -> FixedBitSet {
        let endpoints = &self.engine.classes.endpoints;
        let side = dirty.side(sources, endpoints.len());
        let mut units = FixedBitSet::with_capacity(self.engine.design.units().len());
        let is_dirty = |unit: &UnitId| endpoints.of_unit(*unit).iter().any(|&class| side.contains(class as usize));
        units.extend(self.engine.design.unit_ids().filter(is_dirty).map(UnitId::index));
        units
    }

    /// True if no edited rule matches the connection, nor what answers it.
    pub(super) fn is_untouched(&self, amended: &Amended, connection: &Connection) -> bool {
        // Most connections have an end that no edited rule speaks of.
        let [sources, destinations] = &amended.units;
        let is_apart =
            |endpoint: Endpoint, units: &FixedBitSet| endpoint.unit().is_some_and(|unit| !units.contains(unit.index()));
        let (from, to) = (connection.source, connection.destination);
        if (is_apart(from, sources) || is_apart(to, destinations))
            && (!self.engine.stateless || is_apart(to, sources) || is_apart(from, destinations))
        {
            return true;
        }
        let ends = self.endpoint_classes(connection.source, connection.destination);
        ends.is_some_and(|(from, to)| {
            !(amended.dirty.contains(from, to) || (self.engine.stateless && amended.dirty.contains(to, from)))
        })
    }

    /// Remembers what the reference evaluator said of connections that fare as before.
    pub(super) fn recall(&self, evaluations: Evaluations, amended: &Amended, edits: &Edits<'_>) {
        let Some(amending) = &self.amending else { return };
        let moves = edits.move_rules();
        let still = |((connection, assume), mut said): ((Connection, Assume), Evaluation)| {
            let connection = edits.roster.connection(connection)?;
            let is_so = self.is_untouched(amended, &connection)
                && edits.roster.evaluation(&mut said)
                && (!moves || renumber(&mut said, edits));
            is_so.then_some(((connection, assume), said))
        };
        amending.evaluations.replace(evaluations.into_iter().filter_map(still).collect());
    }

    /// Asks the reference evaluator, once about each connection where answers are remembered.
    pub(crate) fn evaluate(&self, connection: &Connection, assume: Assume) -> Evaluation {
        let Some(Amending { evaluations, .. }) = &self.amending else {
            return self.engine.design.evaluate(connection, assume);
        };
        if let Some(known) = evaluations.borrow().get(&(*connection, assume)) {
            return known.clone();
        }
        let evaluation = self.engine.design.evaluate(connection, assume);
        let mut evaluations = evaluations.borrow_mut();
        if evaluations.len() < EVALUATIONS_MAX {
            evaluations.insert((*connection, assume), evaluation.clone());
        }
        evaluation
    }
}

/// Puts rules at the places where they are now; false if one has gone.
pub(super) fn renumber(evaluation: &mut Evaluation, edits: &Edits<'_>) -> bool {
    let mut all = true;
    let mut place = |id: &mut RuleId| match edits.place(*id) {
        Some(now) => *id = now,
        None => all = false,
    };
    match &mut evaluation.verdict {
        Verdict::Denied(seglab_policy::Denial::Point { why: Why::Rule(id), .. })
        | Verdict::Unknown(Doubt::Rule(id)) => place(id),
        Verdict::Allowed(_) | Verdict::Denied(_) | Verdict::Unknown(Doubt::Unmodelled(_)) => {}
    }
    for decision in evaluation.judgements.iter_mut().flat_map(|judgement| &mut judgement.decisions) {
        if let Why::Rule(id) = &mut decision.why {
            place(id);
        }
    }
    all
}
