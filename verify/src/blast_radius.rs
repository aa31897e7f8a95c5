//! Blast radius: what falls with a unit, the unit included, for one unit and for all of them.

use crate::classes::{ClassId, Classes};
use crate::lateral::{Attack, Origin};
use crate::reach::Verifier;
use crate::spread::{Limits, Spread};
use seglab_policy::{Endpoint, Family, UnitId};

/// What falls to an attacker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// The units that certainly do, the start included if it is one, ascending.
    pub certainly: Vec<UnitId>,
    /// The units that possibly do: the former and those that depend on what is not known.
    pub possibly: Vec<UnitId>,
}

/// The blast radii of many units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlastRadius {
    /// The attack that they were taken under.
    pub attack: Attack,
    /// Whether the units declared trusted were taken to be out of reach.
    pub without_trusted: bool,
    /// How many units the design has.
    pub population: usize,
    /// The blast radius of each unit, smallest first. \[units\]
    pub sorted: Vec<usize>,
    /// The unit with the largest, the first of them by name if there are several; `None` without units.
    pub worst: Option<UnitId>,
    /// The units whose blast radius may be larger, by what is not known.
    pub uncertain: usize,
}

impl BlastRadius {
    /// The largest. \[units\]
    pub fn max(&self) -> usize {
        self.sorted.last().copied().unwrap_or(0)
    }

    /// The mean. \[units\]
    #[expect(clippy::cast_precision_loss, reason = "designs have fewer than 2^52 pairs of units")]
    pub fn mean(&self) -> f64 {
        if self.sorted.is_empty() { 0.0 } else { self.sorted.iter().sum::<usize>() as f64 / self.sorted.len() as f64 }
    }

    /// The smallest number that at least `per_mille` thousandths of the units do not exceed. \[units\]
    pub fn quantile(&self, per_mille: usize) -> usize {
        let rank = (self.sorted.len() * per_mille).div_ceil(1000).max(1);
        self.sorted.get(rank.min(self.sorted.len()).wrapping_sub(1)).copied().unwrap_or(0)
    }

    /// How many units have each blast radius, smallest first: `(radius, units)`.
    pub fn histogram(&self) -> Vec<(usize, usize)> {
        self.sorted.chunk_by(|a, b| a == b).filter_map(|run| Some((*run.first()?, run.len()))).collect()
    }
}

impl Verifier<'_> {
    /// What falls to an attacker who owns an endpoint and strings together at most `hops_max` connections.
    pub fn owned(&mut self, start: Endpoint, attack: Attack, hops_max: Option<u32>) -> Owned {
        let graph = self.graph(attack);
        let starts = match start {
            Endpoint::Unit { unit, .. } => vec![Origin::Unit(self.engine.classes.of(unit), false)],
            Endpoint::External(_) | Endpoint::Source(_) => self.outside_origins(start),
        };
        let mut found = [false, true].map(|doubtful| {
            let limits = Limits { avoid: None, connections_max: hops_max, doubtful };
            let spread = Spread::new(&graph, starts.clone(), limits);
            let mut units: Vec<UnitId> = start.unit().into_iter().collect();
            for class in spread.classes.ones().filter_map(|class| u32::try_from(class).ok()) {
                units.extend(self.engine.classes.members(ClassId(class)));
            }
            units.sort_unstable();
            units.dedup();
            units
        });
        let [certainly, possibly] = &mut found;
        Owned { certainly: std::mem::take(certainly), possibly: std::mem::take(possibly) }
    }

    fn outside_origins(&self, start: Endpoint) -> Vec<Origin> {
        let Classes { endpoints, atoms, .. } = &self.engine.classes;
        let origin = match start {
            Endpoint::External(address) => endpoints.of(start, atoms, Family::of(address)).map(Origin::External),
            _ => endpoints.of(start, atoms, Family::V4).map(Origin::Source),
        };
        origin.into_iter().collect()
    }

    /// The blast radius of every unit; `without_trusted` takes the units declared trusted to be out of attackers'
    /// reach, and leaves them out.
    pub fn blast_radius(&mut self, attack: Attack, without_trusted: bool) -> BlastRadius {
        let graph = self.graph(attack);
        let trusted = without_trusted.then(|| self.trusted_classes());
        let avoid = trusted.as_ref();
        let from: Vec<ClassId> = self
            .engine
            .classes
            .ids()
            .filter(|class| !avoid.is_some_and(|avoid| avoid.contains(class.index())))
            .collect();
        let radii = |doubtful| self.sizes(&graph, &from, Limits { avoid, connections_max: None, doubtful });
        let mut readings = graph.doubts().iter().copied().map(radii);
        let certain = readings.next().unwrap_or_default();
        let possible = readings.next().unwrap_or_else(|| certain.clone());
        let mut sorted = Vec::with_capacity(self.engine.design.units().len());
        let (mut worst, mut uncertain) = (None, 0);
        for ((&class, &radius), &possible) in from.iter().zip(&certain).zip(&possible) {
            let members = self.engine.classes.members(class);
            sorted.extend(std::iter::repeat_n(radius, members.len()));
            uncertain += if possible > radius { members.len() } else { 0 };
            let first = members.first().map(|&unit| (radius, std::cmp::Reverse(unit)));
            worst = worst.max(first);
        }
        sorted.sort_unstable();
        BlastRadius {
            attack,
            without_trusted,
            population: self.engine.design.units().len(),
            sorted,
            worst: worst.map(|(_, std::cmp::Reverse(unit))| unit),
            uncertain,
        }
    }
}
