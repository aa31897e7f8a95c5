//! Which rules make a layer: those whose peers are alike in breadth.
//!
//! A table of pairs is small while its rules speak of few, or of the same many. So rules are parted by how many classes
//! their peers match on either side, and whom a layer's own rules do not tell apart is one class there (the idea of parted
//! rule sets is that of Li, Yang, Xie and Li, *CutSplit*, 2018, section III, where each part is a tree). Several ways to
//! part are tried, and the one that predicts the fastest decisions is taken.

use super::super::side::{Matched as Peer, Side};
use super::ranking::{Ranked, Ranking};
use crate::column::Column;
use crate::partition::{Partition, classes_of};
use rustc_hash::FxHashMap;

/// Peers that match more classes than this are wide.
const WIDE: [usize; 4] = [2, 8, 32, 128];

/// The layers to be built.
pub(super) struct Plan {
    pub(super) layers: Vec<Draft>,
    /// How often rules single out a pair of classes.
    pub(super) singled_out: usize,
}

/// The rules of a layer, in their order, and the classes that they tell apart on both sides.
pub(super) struct Draft {
    pub(super) rules: Vec<Ranked>,
    pub(super) sides: [DraftSide; 2],
}

/// One side of a layer.
pub(super) struct DraftSide {
    /// The layer's class of each class of the filter.
    pub(super) class_of: Column<u32>,
    pub(super) len: usize,
    /// The classes of each peer that not everybody is.
    pub(super) peers: FxHashMap<u32, Vec<u32>>,
}

/// How many a peer matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breadth {
    Open,
    Wide,
    Narrow,
}

/// A way to part rules.
#[derive(Clone, Copy)]
struct Parting {
    /// Peers that match more classes than this are wide.
    wide: usize,
    /// Rules that are open on one side go with those that are wide there.
    open_is_wide: bool,
}

impl Plan {
    /// The layers of a ranking that predict the fastest decisions; `None` if every way singles out more pairs than allowed.
    pub(super) fn new(ranking: &Ranking, sides: [&Side; 2], singled_out_max: usize) -> Option<Self> {
        let members = sides.map(|side| side.peers.iter().map(members).collect::<Column<_>>());
        let partings =
            WIDE.into_iter().flat_map(|wide| [true, false].map(|open_is_wide| Parting { wide, open_is_wide }));
        let plans = partings.map(|parting| Self::parted(ranking, sides, &members, parting));
        plans.filter(|plan| plan.singled_out <= singled_out_max).min_by_key(Plan::predicted_ps)
    }

    fn parted(ranking: &Ranking, sides: [&Side; 2], members: &[Column<Option<Vec<u32>>>; 2], parting: Parting) -> Self {
        let mut parts: std::collections::BTreeMap<u8, Vec<Ranked>> = std::collections::BTreeMap::new();
        for rule in &ranking.rules {
            let [from, to] = [0, 1].map(|side: usize| {
                let members = members.get(side).zip(rule.peers.get(side)).and_then(|(of, &peer)| of[peer].as_ref());
                parting.breadth(members)
            });
            parts.entry(part(from, to)).or_default().push(*rule);
        }
        let layers: Vec<Draft> = parts
            .into_values()
            .map(|rules| {
                let side = |at: usize, of: &Side, members: &Column<Option<Vec<u32>>>| {
                    DraftSide::new(rules.iter().filter_map(|rule| rule.peers.get(at).copied()), of.len(), members)
                };
                let [sources, destinations] = sides;
                let [from, to] = members;
                let sides = [side(0, sources, from), side(1, destinations, to)];
                Draft { rules, sides }
            })
            .collect();
        let singled_out = layers.iter().fold(0usize, |all, layer| all.saturating_add(layer.singled_out()));
        Self { layers, singled_out }
    }

    /// What a decision takes. \[picoseconds\]
    fn predicted_ps(&self) -> usize {
        let layers: usize = self.layers.iter().map(Draft::predicted_ps).sum();
        // A table that takes a second longer to build has to be worth some nanoseconds.
        layers + self.singled_out / 4096
    }
}

fn members(peer: &Peer) -> Option<Vec<u32>> {
    match peer {
        Peer::Everybody { .. } => None,
        Peer::Classes(classes) => Some(classes.iter().map(|&(class, _)| class).collect()),
    }
}

impl Parting {
    fn breadth(self, members: Option<&Vec<u32>>) -> Breadth {
        match members {
            None if self.open_is_wide => Breadth::Wide,
            None => Breadth::Open,
            Some(members) if members.len() > self.wide => Breadth::Wide,
            Some(_) => Breadth::Narrow,
        }
    }
}

/// The layer of a rule, by the breadth of its peers.
fn part(from: Breadth, to: Breadth) -> u8 {
    match (from, to) {
        (Breadth::Narrow, Breadth::Narrow) => 0,
        (Breadth::Narrow, Breadth::Wide) => 1,
        (Breadth::Narrow, Breadth::Open) => 2,
        (Breadth::Wide, Breadth::Narrow) => 3,
        (Breadth::Open, Breadth::Narrow) => 4,
        (Breadth::Open | Breadth::Wide, Breadth::Open | Breadth::Wide) => 5,
    }
}

impl DraftSide {
    fn new(peers: impl Iterator<Item = u32>, classes: usize, members: &Column<Option<Vec<u32>>>) -> Self {
        let mut known: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut partition = Partition::new(classes);
        let mut used = Vec::new();
        for peer in peers {
            if let Some(members) = &members[peer] {
                known.entry(peer).or_insert_with(|| {
                    partition.split(members);
                    used.push((peer, members));
                    Vec::new()
                });
            }
        }
        let len = partition.len();
        let class_of = partition.into_classes();
        for (peer, members) in used {
            known.insert(peer, classes_of(&class_of, members));
        }
        Self { class_of, len, peers: known }
    }

    /// How many classes a peer matches.
    fn count(&self, peer: u32) -> usize {
        self.peers.get(&peer).map_or(self.len, Vec::len)
    }
}

impl Draft {
    /// How often its rules single out a pair of classes.
    fn singled_out(&self) -> usize {
        let [sources, destinations] = &self.sides;
        let pairs = |rule: &Ranked| {
            let [from, to] = rule.peers;
            sources.count(from).saturating_mul(destinations.count(to))
        };
        self.rules.iter().map(pairs).fold(0, usize::saturating_add)
    }

    /// What looking up the first rule of the layer takes. \[picoseconds\]
    fn predicted_ps(&self) -> usize {
        let [sources, destinations] = self.sides.each_ref().map(|side| side.len);
        let singled_out = self.singled_out();
        let dense = sources.saturating_mul(destinations).saturating_mul(2);
        let hashed = singled_out.saturating_mul(6);
        let pairs = if dense <= hashed.saturating_mul(2) { read_ps(dense) } else { 4000 + read_ps(hashed) };
        let runs = singled_out.min(4 * self.rules.len()).saturating_mul(64);
        4000 + pairs + read_ps(runs)
    }
}

/// What a read of a table of so many bytes takes, where many are made at a time. \[picoseconds\]
fn read_ps(bytes: usize) -> usize {
    match bytes {
        0..0x8000 => 500,
        0x8000..0x10_0000 => 1200,
        0x10_0000..0x40_0000 => 3000,
        0x40_0000..0x200_0000 => 6000,
        _ => 12_000,
    }
}
