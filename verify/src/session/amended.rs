//! A verifier that is put aside, and taken up again for the next version of its design.

use super::Touched;
use super::edits::Edits;
use crate::classes::Classes;
use crate::closure::Closures;
use crate::direct::{Engine, EngineOf, Relabelled};
use crate::judge::Dirty;
use crate::lateral::{Attack, Graph};
use crate::properties::{Degrees, EveryEnd};
use crate::reach::Verifier;
use crate::rows::Rows;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::{Assume, Connection, Design, Doubt, Endpoint, Evaluation, RuleId, UnitId, Verdict, Why};
use std::cell::RefCell;
use std::collections::BTreeMap;
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
    /// The units that are among the sources of dirty connections, and those among the destinations.
    units: [FixedBitSet; 2],
    /// By attack, from how many origins other steps can be taken.
    pub(super) moved: BTreeMap<Attack, usize>,
}

impl Amended {
    pub(super) fn touched(&self, edits: &Edits<'_>) -> Touched {
        let (rules, units) = (edits.came.len() + edits.gone.len(), edits.relabelled.len());
        Touched { rules, units, pairs: self.dirty.pairs(), origins: self.moved.values().sum() }
    }
}

impl Kept {
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

    /// What the reference evaluator has said of the design that the verifier was made of or has last taken over.
    pub(super) fn into_evaluations(self) -> Evaluations {
        self.amending.map(|amending| amending.evaluations.into_inner()).unwrap_or_default()
    }

    pub(super) fn keep(self) -> Kept {
        let Self { engine, graphs, closures, every_end, degrees, amending } = self;
        Kept { engine: engine.holding(()), graphs, closures, every_end, degrees, amending }
    }

    /// Takes edits over that have led to the design at hand; `None`, and the verifier is of no use any more, if it has
    /// to start anew.
    pub(super) fn amend(&mut self, edits: &Edits<'_>) -> Option<Amended> {
        let Relabelled { dirty: relabelled, moves } = match &edits.relabelled[..] {
            [] => Relabelled::default(),
            units => self.engine.relabel(units)?,
        };
        let words = &self.engine.classes.words;
        if edits.port_names().any(|name| !words.port_names.contains(name)) || !self.engine.learn(&edits.peers()) {
            return None;
        }
        let mut dirty = self.engine.amend(&edits.kept)?;
        dirty.products.extend(relabelled.products);
        if edits.turn_trust(self.engine.design) {
            self.closures.retain(|(_, without_trusted, _), _| !without_trusted);
        }
        let mut moved = BTreeMap::new();
        for (attack, graph) in std::mem::take(&mut self.graphs) {
            let (rows, nodes) = self.amending.as_mut()?.rows.get_mut(&attack)?;
            let mut graph = Rc::try_unwrap(graph).ok()?;
            moves.iter().for_each(|&split| graph.split(&self.engine, rows, split));
            let of_attack = graph.amend(&mut self.engine, rows, &dirty);
            if graph.pool.size() > GROWTH_MAX * (*nodes + NODES_FREE) {
                return None;
            }
            self.graphs.insert(attack, Rc::new(graph));
            moved.insert(attack, of_attack);
        }
        for ((attack, without_trusted, doubtful), closures) in std::mem::take(&mut self.closures) {
            let (graph, moved) = (self.graph(attack), moved.get(&attack)?);
            // Where nothing is doubtful any more the two readings are one.
            if doubtful && !graph.doubts().contains(&true) {
                continue;
            }
            let mut closures = Rc::try_unwrap(closures).ok()?;
            let trusted = without_trusted.then(|| self.trusted_classes());
            // Those that cannot be taken further are made when they are asked for.
            if moved.is_empty() || closures.amend(&graph, moved, trusted.as_ref(), doubtful) {
                self.closures.insert((attack, without_trusted, doubtful), Rc::new(closures));
            }
        }
        if !edits.relabelled.is_empty() {
            self.every_end = None;
        }
        self.degrees.retain(|(attack, _), _| moved.get(attack).is_some_and(Vec::is_empty));
        let units = [true, false].map(|sources| self.ends_among(&dirty, sources));
        let moved = moved.into_iter().map(|(attack, moved)| (attack, moved.len())).collect();
        let amended = Amended { dirty, units, moved };
        self.amend_evaluations(&amended, edits);
        Some(amended)
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

    /// Forgets what the reference evaluator said of connections that may fare differently.
    fn amend_evaluations(&mut self, amended: &Amended, edits: &Edits<'_>) {
        let Some(amending) = &self.amending else { return };
        let mut evaluations = amending.evaluations.take();
        let moves = edits.move_rules();
        evaluations.retain(|(connection, _), evaluation| {
            self.is_untouched(amended, connection) && (!moves || renumber(evaluation, edits))
        });
        amending.evaluations.replace(evaluations);
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
