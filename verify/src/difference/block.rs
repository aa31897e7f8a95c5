//! Blocks: everything that changed in one way between one set of ends and another, as one entry.
//!
//! One edited rule changes thousands of pairs of units alike. Sources whose changes are the same are put together, then
//! the destinations that change alike from there, so that what a reader gets is a few sets of units and not a list of
//! pairs. No pair is left out and none is in two blocks of one change.

use crate::difference::population::Standing;
use crate::difference::refinement::Refinement;
use crate::shared_set::{Pool, SetId};
use seglab_policy::AddressSet;
use std::collections::BTreeMap;

/// Units, external addresses or named sources that a change is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ends {
    /// Units, by their positions in [`Population::mates`](super::Population::mates), ascending.
    Units(Vec<usize>),
    /// External addresses: outside in both designs, as seen from the unit at the other end.
    External(AddressSet),
    /// Named sources outside the designs.
    Sources(Vec<String>),
}

/// A set of ends by another set of ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Who opens connections, or attacks.
    pub sources: Ends,
    /// To whom, or whom.
    pub destinations: Ends,
    /// What became of the sources and of the destinations themselves.
    pub standings: [Standing; 2],
    /// Pairs of different units; where one side is outside, the units on the other.
    pub pairs: u64,
    /// The ends that it is made of.
    pub(super) from: Vec<u32>,
    pub(super) to: Vec<u32>,
}

/// An end by its number: units first, then addresses, then sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EndId {
    Units(usize),
    Addresses(usize),
    Source(usize),
}

impl Refinement<'_> {
    /// The number of ends that connections start from.
    pub(super) fn len(&self) -> usize {
        self.destinations() + self.sources.len()
    }

    /// The number of ends that connections go to: all but the named sources, which come last.
    pub(super) fn destinations(&self) -> usize {
        self.units.len() + self.addresses.len()
    }

    pub(super) fn id(&self, end: u32) -> EndId {
        let end = end as usize;
        let (units, destinations) = (self.units.len(), self.destinations());
        if end < units {
            EndId::Units(end)
        } else if end < destinations {
            EndId::Addresses(end - units)
        } else {
            EndId::Source(end - destinations)
        }
    }

    /// What an end is, and what became of it: ends that differ in this are never put together.
    fn sort(&self, end: u32) -> (u8, Standing) {
        match self.id(end) {
            EndId::Units(at) => (0, self.units.get(at).map(|end| end.standing).unwrap_or_default()),
            EndId::Addresses(_) => (1, Standing::Unchanged),
            EndId::Source(at) => {
                (2, self.sources.get(at).map(super::refinement::SourceEnd::standing).unwrap_or_default())
            }
        }
    }

    /// The positions of the units of an end; none for others.
    pub(super) fn mates(&self, end: u32) -> &[usize] {
        match self.id(end) {
            EndId::Units(at) => self.units.get(at).map_or(&[], |end| &end.mates),
            EndId::Addresses(_) | EndId::Source(_) => &[],
        }
    }

    fn ends(&self, of: &[u32]) -> Ends {
        match of.first().map(|&end| self.id(end)) {
            Some(EndId::Addresses(_)) => {
                let addresses = of.iter().filter_map(|&end| match self.id(end) {
                    EndId::Addresses(at) => self.addresses.get(at),
                    EndId::Units(_) | EndId::Source(_) => None,
                });
                let (mut v4, mut v6) = (Vec::new(), Vec::new());
                for end in addresses {
                    v4.extend_from_slice(end.addresses.v4.ranges());
                    v6.extend_from_slice(end.addresses.v6.ranges());
                }
                Ends::External(AddressSet {
                    v4: seglab_policy::IntervalSet::from_ranges(v4),
                    v6: seglab_policy::IntervalSet::from_ranges(v6),
                })
            }
            Some(EndId::Source(_)) => Ends::Sources(
                of.iter()
                    .filter_map(|&end| match self.id(end) {
                        EndId::Source(at) => self.sources.get(at).map(|source| source.name.clone()),
                        EndId::Units(_) | EndId::Addresses(_) => None,
                    })
                    .collect(),
            ),
            Some(EndId::Units(_)) | None => {
                let mut units: Vec<usize> = of.iter().flat_map(|&end| self.mates(end)).copied().collect();
                units.sort_unstable();
                Ends::Units(units)
            }
        }
    }

    /// The pairs of different units; where a side is outside, the units on the other.
    fn pairs(&self, from: &[u32], to: &[u32]) -> u64 {
        let units = |ends: &[u32]| ends.iter().map(|&end| self.mates(end).len() as u64).sum::<u64>();
        match (units(from), units(to)) {
            (0, units) | (units, 0) => units,
            (sources, destinations) => {
                // Ends share all of their units or none, and both lists ascend.
                let both = from.iter().filter(|end| to.binary_search(end).is_ok());
                sources * destinations - both.map(|&end| self.mates(end).len() as u64).sum::<u64>()
            }
        }
    }
}

/// What differs, source by source: for each way in which something can differ, by number, the destinations that do.
///
/// Destinations are shared sets, for sources that an edited rule is about differ in nearly the same ones.
#[derive(Debug)]
pub(super) struct Rows {
    /// Sets of destinations.
    pub(super) pool: Pool,
    sources: BTreeMap<(u32, SetId), Vec<u32>>,
}

impl Rows {
    pub(super) fn new(refinement: &Refinement<'_>) -> Self {
        Self { pool: Pool::new(refinement.destinations()), sources: BTreeMap::new() }
    }

    /// Adds destinations that differ from a source in one way; sources come in ascending order, and in one way once.
    pub(super) fn add(&mut self, source: u32, way: u32, destinations: SetId) {
        if destinations != SetId::EMPTY {
            self.sources.entry((way, destinations)).or_default().push(source);
        }
    }

    /// The blocks, each with the way in which it differs.
    pub(super) fn blocks(mut self, refinement: &Refinement<'_>) -> Vec<(u32, Block)> {
        type Sorted = (u8, Standing);
        let mut by_destinations: BTreeMap<(u32, Sorted, SetId), Vec<u32>> = BTreeMap::new();
        for ((way, destinations), sources) in self.sources {
            let mut sorts: BTreeMap<Sorted, Vec<(u32, bool)>> = BTreeMap::new();
            for to in self.pool.numbers(destinations).into_iter().filter_map(|to| u32::try_from(to).ok()) {
                sorts.entry(refinement.sort(to)).or_default().push((to, true));
            }
            for (sort, to) in sorts {
                let to = self.pool.changed(SetId::EMPTY, &to);
                by_destinations.entry((way, sort, to)).or_default().extend(&sources);
            }
        }
        let mut blocks = Vec::new();
        for ((way, (_, destination), to), mut sources) in by_destinations {
            let to: Vec<u32> = self.pool.numbers(to).into_iter().filter_map(|to| u32::try_from(to).ok()).collect();
            sources.sort_unstable();
            let mut sorts: BTreeMap<Sorted, Vec<u32>> = BTreeMap::new();
            for source in sources {
                sorts.entry(refinement.sort(source)).or_default().push(source);
            }
            for ((_, source), from) in sorts {
                let pairs = refinement.pairs(&from, &to);
                if pairs == 0 {
                    continue; // A single unit and itself.
                }
                let block = Block {
                    sources: refinement.ends(&from),
                    destinations: refinement.ends(&to),
                    standings: [source, destination],
                    pairs,
                    from,
                    to: to.clone(),
                };
                blocks.push((way, block));
            }
        }
        blocks
    }
}

impl Block {
    /// True if one of its ends is an added, removed or changed unit, or such a source: the policy may be as it was.
    pub fn touches_population(&self) -> bool {
        self.standings.iter().any(|&standing| standing != Standing::Unchanged)
    }

    /// Its part between some of its ends; `None` if that is no pair.
    pub(crate) fn part(&self, sources: Ends, destinations: Ends) -> Option<Block> {
        let pairs = match (&sources, &destinations) {
            (Ends::Units(from), Ends::Units(to)) => {
                // Both ascend.
                let both = from.iter().filter(|&unit| to.binary_search(unit).is_ok()).count();
                from.len() * to.len() - both
            }
            (Ends::Units(units), _) | (_, Ends::Units(units)) => units.len(),
            _ => 0,
        };
        let part = Block { sources, destinations, pairs: pairs as u64, ..self.clone() };
        (pairs > 0).then_some(part)
    }

    /// A pair of it: positions of a source and a destination that are different units, `None` for an end outside.
    pub(super) fn example(&self) -> (Option<usize>, Option<usize>) {
        match (&self.sources, &self.destinations) {
            (Ends::Units(from), Ends::Units(to)) => {
                let first = from.first().copied();
                match to.iter().find(|&&unit| Some(unit) != first) {
                    Some(&other) => (first, Some(other)),
                    // All that there is to reach is the first source.
                    None => (from.get(1).copied(), to.first().copied()),
                }
            }
            (Ends::Units(from), _) => (from.first().copied(), None),
            (_, Ends::Units(to)) => (None, to.first().copied()),
            _ => (None, None),
        }
    }
}
