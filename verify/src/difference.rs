//! The semantic difference of two designs: what may connect, and what attackers may own, in one and not in the other.
//!
//! # How it works
//! Units are matched by name, external addresses by value, named sources by name. Both designs are cut into *ends*
//! that neither tells apart (the common refinement of their classes), and every two ends are compared: directly by
//! exact header sets, laterally by closures. Equal changes are put together into [`Block`]s. Since what holds of one
//! pair of a block holds of all, one [`Witness`] or [`Path`] shows it, confirmed by the reference evaluator in both
//! designs.
//!
//! # What to rely on
//! - Nothing that differs is left out, and nothing is in that does not: a test compares every pair, header by header,
//!   with a naive difference that knows the reference evaluator only.
//! - What is unknown is never equal: where either design does not know, the change says so, also where neither does.
//! - The formats that designs were read from do not matter, nor do the names of rules, tiers and points.
//!
//! # Limits
//! The interfaces of a unit are taken together within an address family. An address that is a unit's in one design and
//! outside in the other is a change of the [`Population`], and is not compared. A unit and itself, and two external
//! endpoints, are no pairs.
//!
//! # Example
//! ```
//! use seglab_policy::{Assume, View, arbitrary::design_of};
//! use seglab_verify::{Verifier, difference::Difference};
//! let (old, new) = (design_of(1), design_of(2));
//! let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
//! for change in difference.direct(Assume::business(), View::Policy) {
//!     let witness = difference.witness(&change, Assume::business(), View::Policy)?;
//!     println!("{:?} -> {:?}: {} ({} pairs), {witness:?}", change.was, change.is, change.headers, change.block.pairs);
//! }
//! # Ok::<(), seglab_verify::VerifyError>(())
//! ```

mod block;
mod direct;
mod kinds;
mod lateral;
mod population;
mod refinement;
mod witness;

pub use block::{Block, Ends};
pub use direct::{DirectChange, State};
pub use lateral::{LateralChange, Obstacle, Path};
pub use population::{Facet, FacetChange, Mate, Population, Standing};
pub use witness::{Judged, Witness};

use crate::counterexample::{Flaw, VerifyError};
use crate::lateral::Attack;
use crate::reach::Verifier;
use block::EndId;
use refinement::{Alike, Both, Refinement};
use seglab_policy::{Assume, Design, ExternalSourceId, Family, UnitId, View};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use witness::Place;

/// The ways in which an answer can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Certainly not possible before, certainly possible now.
    Gained,
    /// Certainly possible before, certainly not possible now.
    Lost,
    /// It arrives in both designs, and what becomes of the reply differs.
    Reply,
    /// Known before, unknown now, if only whether the reply is stopped.
    BecameUnknown,
    /// Unknown before, known now, if only whether the reply is stopped.
    NoLongerUnknown,
    /// Unknown in both designs, if only of the reply: whether it differs is unknown, too.
    StillUnknown,
}

impl Kind {
    /// Every kind, in the order in which changes are listed.
    pub const ALL: [Kind; 6] =
        [Kind::Gained, Kind::Lost, Kind::Reply, Kind::BecameUnknown, Kind::NoLongerUnknown, Kind::StillUnknown];

    /// The kind of a change from one state to another.
    pub fn of(was: State, is: State) -> Self {
        match (was, is) {
            (State::Unknown, State::Unknown) | (State::ReplyUnknown, State::ReplyUnknown) => Kind::StillUnknown,
            (State::Unknown, _) => Kind::NoLongerUnknown,
            (_, State::Unknown) => Kind::BecameUnknown,
            (State::Denied, _) => Kind::Gained,
            (_, State::Denied) => Kind::Lost,
            (State::ReplyUnknown, _) => Kind::NoLongerUnknown,
            (_, State::ReplyUnknown) => Kind::BecameUnknown,
            _ => Kind::Reply,
        }
    }

    /// True if one of the designs does not know.
    pub fn is_unknown(self) -> bool {
        matches!(self, Kind::BecameUnknown | Kind::NoLongerUnknown | Kind::StillUnknown)
    }
}

/// True if something that certainly did not arrive, or may not have, now arrives, or may.
pub fn may_be_gain(was: State, is: State) -> bool {
    !was.arrives() && is != State::Denied
}

/// True if something that arrived, or may have, now does not arrive, or may not.
pub fn may_be_loss(was: State, is: State) -> bool {
    was != State::Denied && !is.arrives()
}

/// Compares two designs.
#[derive(Debug)]
pub struct Difference<'a> {
    old: Verifier<'a>,
    new: Verifier<'a>,
    population: Population,
    refinements: BTreeMap<Alike, Rc<Refinement<'a>>>,
}

impl<'a> Difference<'a> {
    /// Matches the units of two designs.
    pub fn new(old: Verifier<'a>, new: Verifier<'a>) -> Self {
        let population = Population::new(old.design(), new.design());
        Self { old, new, population, refinements: BTreeMap::new() }
    }

    /// Both designs cut into ends that neither tells apart, once for each question.
    fn refinement(&mut self, alike: Alike) -> Rc<Refinement<'a>> {
        let made = || Rc::new(Refinement::new([&self.old, &self.new], &self.population, alike));
        Rc::clone(self.refinements.entry(alike).or_insert_with(made))
    }

    /// The two designs, the old one first.
    pub fn designs(&self) -> [&'a Design; 2] {
        [self.old.design(), self.new.design()]
    }

    /// The units of both designs, and what became of them.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// The number of ends that neither design tells apart, in all questions asked so far.
    pub fn ends(&self) -> usize {
        self.refinements.values().map(|refinement| refinement.len()).sum()
    }

    /// Everything that differs directly: by kind, largest first.
    pub fn direct(&mut self, assume: Assume, view: View) -> Vec<DirectChange> {
        let refinement = self.refinement(Alike::Directly(view));
        let mut changes = direct::changes([&mut self.old, &mut self.new], &refinement, assume, view);
        changes.sort_by_cached_key(|change| {
            let (kind, pairs) = (Kind::of(change.was, change.is), std::cmp::Reverse(change.block.pairs));
            (kind, pairs, change.block.clone(), change.was, change.is, change.headers.clone(), change.families.clone())
        });
        changes
    }

    /// Everything that differs laterally, over any number of connections or at most `hops_max`: by kind, largest first.
    ///
    /// A unit is reached if it falls, an external address if some owned unit can connect to it.
    pub fn lateral(&mut self, attack: Attack, hops_max: Option<u32>) -> Vec<LateralChange> {
        let refinement = self.refinement(Alike::Laterally);
        let mut changes = lateral::changes([&mut self.old, &mut self.new], &refinement, attack, hops_max);
        changes.sort_by_cached_key(|change| {
            let (kind, pairs) = (Kind::of(change.was, change.is), std::cmp::Reverse(change.block.pairs));
            (kind, pairs, change.block.clone(), change.was, change.is)
        });
        changes
    }

    /// A connection of a direct change, judged by the reference evaluator in both designs.
    ///
    /// # Errors
    /// If the reference evaluator judges it otherwise than the change says: a defect of the tool.
    pub fn witness(&mut self, change: &DirectChange, assume: Assume, view: View) -> Result<Witness, VerifyError> {
        let missing = || Flaw::NoPath.into_error("a direct difference");
        let refinement = self.refinement(Alike::Directly(view));
        let family = change.families.first().copied().ok_or_else(missing)?;
        let header = change.headers.witness(family).ok_or_else(missing)?;
        let (from, to) = example(&refinement, &change.block, Some(family)).ok_or_else(missing)?;
        let (from, to) = (self.place(&refinement, from), self.place(&refinement, to));
        let mut judged = [(&self.old, change.was), (&self.new, change.is)].into_iter().enumerate().map(
            |(side, (verifier, expected))| {
                let design = verifier.design();
                let pairs = witness::endpoints(design, side, from, to, Some(family));
                let judged = witness::judge(design, &pairs, header, assume, view);
                match &judged {
                    Some(judged) if judged.state() != expected => {
                        Err(witness::disagreement(design, judged, assume, expected))
                    }
                    None if expected != State::Denied => Err(missing()),
                    _ => Ok(judged),
                }
            },
        );
        let before = judged.next().transpose()?.flatten();
        let after = judged.next().transpose()?.flatten();
        Ok(Witness { before, after })
    }

    /// A path of a lateral change in the design that has it, and where the other design stops it.
    ///
    /// # Errors
    /// If the reference evaluator does not confirm it: a defect of the tool.
    pub fn path(&mut self, change: &LateralChange, attack: Attack, hops_max: Option<u32>) -> Result<Path, VerifyError> {
        let missing = || Flaw::NoPath.into_error("a lateral difference");
        let refinement = self.refinement(Alike::Laterally);
        let (from, to) = example(&refinement, &change.block, None).ok_or_else(missing)?;
        let in_new = change.is >= change.was;
        let side = usize::from(in_new);
        let unit = |of: Example| self.unit(of).and_then(|units| units.get(side).copied().flatten());
        let example = lateral::Example {
            side,
            from: from.end,
            to: to.end,
            start: (unit(from), from.address),
            target: (unit(to), to.address),
            doubtful: change.is.max(change.was) == State::Unknown,
        };
        let (with, without) = match in_new {
            true => (&mut self.new, &mut self.old),
            false => (&mut self.old, &mut self.new),
        };
        let hops = lateral::path(with, &refinement, attack, hops_max, example)?;
        let less = change.is.min(change.was);
        let stopped = if change.was == change.is {
            None
        } else {
            let certainly = less == State::Unknown;
            let found = lateral::obstacle(without, 1 - side, with.design(), attack, &hops, certainly);
            Some(found.ok_or_else(missing)?)
        };
        Ok(Path { in_new, hops, stopped })
    }

    fn unit(&self, of: Example) -> Option<Both<Option<UnitId>>> {
        let mate = self.population.mates.get(of.mate?)?;
        Some([mate.old, mate.new])
    }

    fn place(&self, refinement: &Refinement<'_>, of: Example) -> Place {
        if let Some(address) = of.address {
            return Place::Address(address);
        }
        match refinement.id(of.end) {
            EndId::Source(at) => {
                let name = refinement.sources.get(at).map(|source| source.name.as_str());
                let id = |design: &Design| {
                    let found =
                        (0u32..).zip(design.external_sources()).find(|(_, one)| Some(one.name.as_str()) == name);
                    found.map(|(at, _)| ExternalSourceId(at))
                };
                Place::Source([id(self.old.design()), id(self.new.design())])
            }
            EndId::Units(_) | EndId::Addresses(_) => Place::Unit(self.unit(of).unwrap_or_default()),
        }
    }
}

/// One concrete end of a block.
#[derive(Clone, Copy, Debug)]
struct Example {
    end: u32,
    mate: Option<usize>,
    address: Option<IpAddr>,
}

/// Concrete ends of a block, two different units if it is about units.
fn example(refinement: &Refinement<'_>, block: &Block, family: Option<Family>) -> Option<(Example, Example)> {
    let (from, to) = block.example();
    let find = |ends: &[u32], mate: Option<usize>, among: &Ends| -> Option<Example> {
        let address = |at: usize| match (among, refinement.addresses.get(at)?) {
            (Ends::External(set), end) if family.is_none_or(|family| end.family == family) => end.example(set),
            _ => None,
        };
        ends.iter().find_map(|&end| match (mate, refinement.id(end)) {
            (Some(known), EndId::Units(_)) => {
                let is_of = refinement.mates(end).binary_search(&known).is_ok();
                is_of.then_some(Example { end, mate, address: None })
            }
            (None, EndId::Addresses(at)) => Some(Example { end, mate, address: Some(address(at)?) }),
            (None, EndId::Source(at)) => {
                let name = refinement.sources.get(at).map(|source| &source.name);
                let is_among = matches!(among, Ends::Sources(names) if name.is_some_and(|name| names.contains(name)));
                is_among.then_some(Example { end, mate, address: None })
            }
            _ => None,
        })
    };
    Some((find(&block.from, from, &block.sources)?, find(&block.to, to, &block.destinations)?))
}
