//! Gathering: which rules about few match each pair of some classes.
//!
//! A rule about few is noted at the peers of both its sides. Of the sources and the destinations asked about, those with
//! fewer rules noted (the *near* ones) are gone through, and of their rules those kept whose other peer matches anybody on
//! the *far* side: most are not about the far side at all, and are looked at once.

use super::super::ground::Heard;
use super::{Both, SideLedger};
use crate::column::Column;
use crate::tier_plan::Matched;

/// A rule about few as the peer of one of its sides notes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    pub(super) placement: u32,
    /// The peer of its other side.
    pub(super) other: u32,
    pub(super) table: u32,
    pub(super) rule: u32,
}

/// A rule about few at a near class, and whether it matches that for certain.
type Kept = (Noted, bool);

/// Gathers rules, and holds what would otherwise be allocated anew each time.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// For each peer the last stamp that it was marked with, twice, and one more for certain.
    marks: Column<u32>,
    stamp: u32,
    /// The rules kept of each near class, one class after the other, and where those of each end.
    kept: Vec<Kept>,
    kept_ends: Vec<usize>,
    /// The rules that match one pair.
    of_pair: Vec<Heard>,
    /// The rules that match each pair, and where those of each end.
    heard: Vec<Heard>,
    pairs: Vec<Pair>,
}

/// A pair of classes, by their positions among those asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) source: usize,
    pub(super) destination: usize,
    first: usize,
    end: usize,
}

impl Gathering {
    /// For so many peers.
    pub(super) fn new(peers: usize) -> Self {
        Self { marks: Column::filled(0, peers), ..Self::default() }
    }

    /// Notes one more peer.
    pub(super) fn add_peer(&mut self) {
        self.marks.push(0);
    }

    /// The pairs gathered last.
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The rules about few that match both classes of a pair, ascending.
    pub(super) fn heard(&self, pair: &Pair) -> &[Heard] {
        self.heard.get(pair.first..pair.end).unwrap_or_default()
    }

    /// Gathers the rules of every pair of these classes.
    pub(super) fn gather(&mut self, sides: &Both<SideLedger>, sources: &[u32], destinations: &[u32]) {
        let is_near_source = noted(&sides[0], sources) <= noted(&sides[1], destinations);
        let [(near, near_classes), (far, far_classes)] = match is_near_source {
            true => [(&sides[0], sources), (&sides[1], destinations)],
            false => [(&sides[1], destinations), (&sides[0], sources)],
        };
        self.keep(near, near_classes, far, far_classes);
        self.heard.clear();
        self.pairs.clear();
        for (far_at, &class) in far_classes.iter().enumerate() {
            self.next_stamp();
            for &(peer, certain) in &far.classes[class].peers {
                self.marks[peer] = self.stamp << 1 | u32::from(certain);
            }
            for near_at in 0..near_classes.len() {
                let (source, destination) = if is_near_source { (near_at, far_at) } else { (far_at, near_at) };
                let first = self.heard.len();
                self.hear(near_at);
                self.pairs.push(Pair { source, destination, first, end: self.heard.len() });
            }
        }
    }

    /// Hears the rules kept of a near class that match the far class whose peers are marked.
    fn hear(&mut self, near_at: usize) {
        let from = near_at.checked_sub(1).and_then(|before| self.kept_ends.get(before)).copied().unwrap_or(0);
        let end = self.kept_ends.get(near_at).copied().unwrap_or(from);
        self.of_pair.clear();
        for &(noted, near_certain) in self.kept.get(from..end).unwrap_or_default() {
            let mark = self.marks[noted.other];
            if mark >> 1 == self.stamp {
                let matched = Matched { rule: noted.rule, certain: near_certain && mark & 1 == 1 };
                self.of_pair.push(Heard { table: noted.table, matched });
            }
        }
        self.of_pair.sort_unstable();
        self.of_pair.dedup();
        self.heard.extend_from_slice(&self.of_pair);
    }

    /// Keeps of the rules at near classes those that are about somebody on the far side.
    fn keep(&mut self, near: &SideLedger, near_classes: &[u32], far: &SideLedger, far_classes: &[u32]) {
        self.next_stamp();
        for &class in far_classes {
            for &(peer, _) in &far.classes[class].peers {
                self.marks[peer] = self.stamp << 1;
            }
        }
        self.kept.clear();
        self.kept_ends.clear();
        for &class in near_classes {
            for &(peer, certain) in &near.classes[class].peers {
                let about = near.pairs_of[peer].iter().filter(|noted| self.marks[noted.other] >> 1 == self.stamp);
                self.kept.extend(about.map(|&noted| (noted, certain)));
            }
            self.kept_ends.push(self.kept.len());
        }
    }

    fn next_stamp(&mut self) {
        self.stamp += 1;
        if self.stamp > u32::MAX >> 1 {
            self.marks = Column::filled(0, self.marks.len());
            self.stamp = 1;
        }
    }
}

/// How many rules about few are noted at classes.
fn noted(side: &SideLedger, classes: &[u32]) -> usize {
    let peers = classes.iter().flat_map(|&class| &side.classes[class].peers);
    peers.map(|&(peer, _)| side.pairs_of[peer].len()).sum()
}
