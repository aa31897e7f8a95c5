//! Edited rules: the cells that they touch, evaluated anew.
//!
//! Only connections that an edited rule matches, as it was or as it is, can fare differently. So the cells between the
//! endpoint classes that edited rules match are evaluated from the rules as they are now, and all other cells stay.
//! Parts and groups stay too: they are those of the rules that the judge was made from, and only say where a cell is
//! kept.

use super::rules::{Asked, Met};
use super::{Judge, Judgements};
use crate::classes::Classes;
use crate::endpoint_class::{Match, PeerMatches};
use crate::intern::HeaderSets;
use crate::side::Side;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use seglab_policy::Rulebook;
use std::collections::BTreeSet;

/// Cells that stand before those of parts and groups.
#[derive(Debug, Default)]
pub(super) struct Amendments {
    pub(super) cells: FxHashMap<(u32, u32), u32>,
    pub(super) by_source: FxHashMap<u32, BTreeSet<u32>>,
    pub(super) by_destination: FxHashMap<u32, BTreeSet<u32>>,
}

impl Amendments {
    /// The amended cell between two endpoint classes.
    pub(super) fn cell(&self, source: u32, destination: u32) -> Option<u32> {
        if self.cells.is_empty() { None } else { self.cells.get(&(source, destination)).copied() }
    }

    /// The destinations of amended cells of a source, ascending.
    pub(super) fn from(&self, source: u32) -> impl Iterator<Item = u32> {
        self.by_source.get(&source).into_iter().flatten().copied()
    }

    /// The sources of amended cells of a destination, ascending.
    pub(super) fn to(&self, destination: u32) -> impl Iterator<Item = u32> {
        self.by_destination.get(&destination).into_iter().flatten().copied()
    }

    pub(super) fn insert(&mut self, source: u32, destination: u32, cell: u32) {
        self.cells.insert((source, destination), cell);
        self.by_source.entry(source).or_default().insert(destination);
        self.by_destination.entry(destination).or_default().insert(source);
    }
}

/// What became of the rules of a rulebook: for each rule by tier, the position that it had before; `None` for rules
/// that are new.
pub(crate) type Kept = Vec<Vec<Option<u32>>>;

/// The endpoint classes between which connections may fare differently: every source of a product with every
/// destination of it, none else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dirty {
    pub(crate) products: Vec<(Vec<u32>, Vec<u32>)>,
}

impl Dirty {
    /// The endpoint classes that stand on one side of some product.
    pub(crate) fn side(&self, sources: bool, classes: usize) -> FixedBitSet {
        let mut side = FixedBitSet::with_capacity(classes);
        for (from, to) in &self.products {
            side.extend((if sources { from } else { to }).iter().map(|&class| class as usize));
        }
        side
    }

    /// True if some product has connections from one endpoint class to another.
    pub(crate) fn contains(&self, source: u32, destination: u32) -> bool {
        let mut products = self.products.iter();
        products.any(|(from, to)| from.binary_search(&source).is_ok() && to.binary_search(&destination).is_ok())
    }

    /// True if some product has a source among `from` and a destination among `to`.
    pub(crate) fn meets(&self, from: &FixedBitSet, to: &FixedBitSet) -> bool {
        let any = |classes: &[u32], of: &FixedBitSet| classes.iter().any(|&class| of.contains(class as usize));
        self.products.iter().any(|(sources, destinations)| any(sources, from) && any(destinations, to))
    }

    /// The number of pairs of endpoint classes, those of several products counted for each.
    pub(crate) fn pairs(&self) -> usize {
        self.products.iter().map(|(from, to)| from.len() * to.len()).sum()
    }
}

/// A rule by position, its peer of sources, and the destinations of a product that it matches, by place.
type Candidate = (u32, u32, Vec<(usize, Match)>);

/// Rules as they are now, not yet taken over.
pub(crate) struct Edited {
    asked: Vec<Asked>,
    pub(crate) dirty: Dirty,
}

impl Judge {
    /// The number of amended cells.
    pub(crate) fn amended(&self) -> usize {
        self.amendments.cells.len()
    }

    /// The rules of the rulebook as it is now, and between whom they make a difference. Peers and objects of new rules
    /// have to be known.
    pub(crate) fn edited(
        &mut self,
        classes: &Classes,
        book: &Rulebook,
        kept: &Kept,
        judgements: &Judgements,
        sets: &mut HeaderSets,
    ) -> Edited {
        let direction = self.rules.direction;
        let before: FxHashMap<(u32, u32), usize> =
            self.rules.asked.iter().enumerate().map(|(at, asked)| ((asked.tier, asked.position), at)).collect();
        let mut stays = FixedBitSet::with_capacity(self.rules.asked.len());
        let (mut asked, mut touched) = (Vec::with_capacity(self.rules.asked.len()), Vec::new());
        for (tier, (held, kept)) in (0u32..).zip(book.tiers.iter().zip(kept)) {
            for (position, (rule, kept)) in (0u32..).zip(held.rules.iter().zip(kept)) {
                if !rule.directions.contains(direction) {
                    continue;
                }
                let known = kept.and_then(|kept| before.get(&(tier, kept)).copied());
                let one = match known.and_then(|at| Some((at, self.rules.asked.get(at)?.clone()))) {
                    Some((at, known)) => {
                        stays.insert(at);
                        Asked { position, ..known }
                    }
                    None => {
                        let new = self.rules.ask(classes, (tier, position), rule, sets);
                        touched.push((new.from, new.to));
                        new
                    }
                };
                asked.push(one);
            }
        }
        let gone = self.rules.asked.iter().enumerate().filter(|(at, _)| !stays.contains(*at));
        touched.extend(gone.map(|(_, asked)| (asked.from, asked.to)));
        touched.sort_unstable();
        touched.dedup();
        let products = touched.into_iter().map(|(from, to)| {
            let end = |peer| judgements.classes_of(peer, classes.endpoints.len());
            (end(from), end(to))
        });
        Edited { asked, dirty: Dirty { products: products.collect() } }
    }

    /// Takes the rules as they are now over, and evaluates the cells anew that they touch.
    pub(crate) fn amend(
        &mut self,
        classes: &Classes,
        edited: Edited,
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) {
        self.rules.asked = edited.asked;
        self.rules.index(&judgements.peers);
        let later = self.later(judgements);
        for (sources, destinations) in &edited.dirty.products {
            self.amend_product(classes, (sources, destinations), &later, judgements, sets);
        }
    }

    /// The peers of sources, and those of destinations, that parts were made without.
    pub(super) fn later(&self, judgements: &Judgements) -> [Vec<u32>; 2] {
        [
            later(&self.sources, self.rules.asked.iter().map(|asked| asked.from), judgements),
            later(&self.destinations, self.rules.asked.iter().map(|asked| asked.to), judgements),
        ]
    }

    /// Evaluates the cells of a product anew. Of the rules only those are looked at that match some destination of it.
    pub(super) fn amend_product(
        &mut self,
        classes: &Classes,
        (sources, destinations): (&[u32], &[u32]),
        [later_from, later_to]: &[Vec<u32>; 2],
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) {
        let mut ends: FxHashMap<u32, Vec<(usize, Match)>> = FxHashMap::default();
        for (place, &destination) in destinations.iter().enumerate() {
            for (peer, matched) in judgements.peers_of(&self.destinations, later_to, destination) {
                ends.entry(peer).or_default().push((place, matched));
            }
        }
        let candidates = (0u32..).zip(&self.rules.asked).filter_map(|(at, asked)| {
            let ends = match judgements.peers.get(asked.to as usize)? {
                PeerMatches::All(matched) => (0..destinations.len()).map(|place| (place, *matched)).collect(),
                PeerMatches::Some(_) => ends.get(&asked.to)?.clone(),
            };
            Some((at, asked.from, ends))
        });
        let candidates: Vec<Candidate> = candidates.collect();
        // Peers that match every source stay, the others are those of one source.
        let everybody = judgements.peers.iter().map(|matches| match matches {
            PeerMatches::All(matched) => Some(*matched),
            PeerMatches::Some(_) => None,
        });
        let mut by_peer: Vec<Option<Match>> = everybody.collect();
        let mut met: Vec<Vec<Met>> = vec![Vec::new(); destinations.len()];
        let mut key = Vec::new();
        let scope_of = |side: &Side, class: u32| side.parts.get(side.part(class) as usize).and_then(|part| part.1);
        for &source in sources {
            let peers = judgements.peers_of(&self.sources, later_from, source);
            for &(peer, matched) in &peers {
                by_peer.get_mut(peer as usize).into_iter().for_each(|slot| *slot = Some(matched));
            }
            for (at, from, ends) in &candidates {
                let Some(from) = by_peer.get(*from as usize).copied().flatten() else { continue };
                for &(place, to) in ends {
                    let Some((&destination, met)) = destinations.get(place).zip(met.get_mut(place)) else { continue };
                    let ports = classes.endpoints.get(destination).ports;
                    met.push((*at, self.rules.effect(&classes.endpoints, *at, from.min(to), ports, sets)));
                }
            }
            for (&destination, met) in destinations.iter().zip(&mut met) {
                let scope = scope_of(&self.sources, source).or_else(|| scope_of(&self.destinations, destination));
                self.rules.list(scope, &[], met, &mut key);
                met.clear();
                let cell = self.rules.judgement(&key, judgements, sets);
                self.amendments.insert(source, destination, cell);
            }
            for (peer, _) in peers {
                by_peer.get_mut(peer as usize).into_iter().for_each(|slot| *slot = None);
            }
        }
    }
}

/// The peers of rules that parts were made without, for they have come since, ascending.
fn later(side: &Side, used: impl Iterator<Item = u32>, judgements: &Judgements) -> Vec<u32> {
    let is_some = |peer: &u32| matches!(judgements.peers.get(*peer as usize), Some(PeerMatches::Some(_)));
    let mut later: Vec<u32> = used.filter(|&peer| !side.has_peer(peer)).filter(is_some).collect();
    later.sort_unstable();
    later.dedup();
    later
}

impl Judgements {
    /// Takes note of a peer that was not met before: it gets the next number.
    pub(crate) fn learn(&mut self, matches: PeerMatches) {
        self.peers.push(matches);
    }

    /// The peers that match an endpoint class on a side and not everybody, with those that have come `later`.
    fn peers_of(&self, side: &Side, later: &[u32], class: u32) -> Vec<(u32, Match)> {
        if self.relabelled.contains(class as usize) {
            let peers = (0u32..).zip(&self.peers).filter(|(_, matches)| matches!(matches, PeerMatches::Some(_)));
            return peers.filter_map(|(peer, _)| Some((peer, self.matching(peer, class)?))).collect();
        }
        let mut peers = side.parts.get(side.part(class) as usize).map_or_else(Vec::new, |part| part.0.clone());
        peers.extend(later.iter().filter_map(|&peer| Some((peer, self.matching(peer, class)?))));
        peers
    }

    /// Whether a peer, by number, matches an endpoint class.
    pub(super) fn matching(&self, peer: u32, class: u32) -> Option<Match> {
        match self.peers.get(peer as usize)? {
            PeerMatches::All(matched) => Some(*matched),
            PeerMatches::Some(matches) => {
                let at = matches.binary_search_by_key(&class, |(class, _)| *class).ok()?;
                matches.get(at).map(|(_, matched)| *matched)
            }
        }
    }

    /// The endpoint classes that a peer, by number, matches, of so many in all.
    pub(super) fn classes_of(&self, peer: u32, classes: usize) -> Vec<u32> {
        match self.peers.get(peer as usize) {
            Some(PeerMatches::All(_)) => (0u32..).take(classes).collect(),
            Some(PeerMatches::Some(matches)) => matches.iter().map(|(class, _)| *class).collect(),
            None => Vec::new(),
        }
    }
}
