//! Rows: what each class of sources is told of each class of destinations, as the usual answer of two groups and the
//! pairs that rules about few make an exception.

use super::ground::{Grounds, Heard};
use super::group::Groups;
use super::part::{Part, Placed};
use super::side::{Matched as Peer, Side};
use super::verdicts::Verdicts;
use crate::column::{Column, id, ids};
use crate::rule_list::RuleLists;
use crate::tier_plan::Matched;
use std::collections::BTreeSet;

/// What pairs of classes are told.
pub(super) struct Rows {
    /// The profile of two groups, group of destinations by group of destinations of each group of sources.
    pub(super) usual: Column<u32>,
    pub(super) width: u32,
    /// For each class of sources the destinations that are told something else, ascending.
    pub(super) exceptions: Vec<Vec<(u32, u32)>>,
}

/// Pairs of classes of which some members are related.
#[derive(Default)]
pub(super) struct Related {
    /// Different addresses of one unit.
    pub(super) siblings: BTreeSet<(u32, u32)>,
    /// A host and its guest.
    pub(super) hosts_and_guests: BTreeSet<(u32, u32)>,
}

/// Both sides of connections.
pub(super) struct Sides<'a> {
    pub(super) sources: &'a Side,
    pub(super) destinations: &'a Side,
    pub(super) from: &'a Groups,
    pub(super) to: &'a Groups,
}

impl Rows {
    /// Works out every row; `None` if rules single out more than `singled_out_max` pairs, a pair counted for each rule.
    pub(super) fn new(
        sides: &Sides<'_>,
        placed: &[Placed],
        related: &Related,
        grounds: &mut Grounds,
        singled_out_max: usize,
    ) -> Option<Self> {
        let narrow = Narrow::new(sides, placed, singled_out_max)?;
        let mut lists: RuleLists<Heard> = RuleLists::default();
        let width = sides.to.len();
        let mut ground_of = Column::filled(0u32, sides.from.len() * width);
        let mut usual = Column::filled(0u32, ground_of.len());
        let mut at = 0;
        for from in sides.from.groups.iter() {
            for to in sides.to.groups.iter() {
                ground_of[at] = grounds.of(from, to, false);
                usual[at] = grounds.profile(ground_of[at], 0, &lists);
                at += 1;
            }
        }
        let mut row = Row::new(sides.destinations.len());
        let mut exceptions = Vec::with_capacity(sides.sources.len());
        for source in ids(sides.sources.len()) {
            narrow.fill(source, &mut lists, &mut row);
            let pairs = |set: &BTreeSet<(u32, u32)>| -> Vec<u32> {
                set.range((source, 0)..=(source, u32::MAX)).map(|&(_, destination)| destination).collect()
            };
            let (siblings, guests) = (pairs(&related.siblings), pairs(&related.hosts_and_guests));
            row.touched.extend(siblings.iter().chain(&guests));
            row.touched.sort_unstable();
            row.touched.dedup();
            let from = sides.from.of_class[source];
            let mut of_row = Vec::new();
            for &destination in &row.touched {
                let to = sides.to.of_class[destination];
                let list = row.lists[destination];
                let cell = from * id(width) + to;
                let strangers = grounds.profile(ground_of[cell], list, &lists);
                let sibling = siblings.binary_search(&destination).is_ok();
                let mut host_and_guest = strangers;
                if guests.binary_search(&destination).is_ok() {
                    let ground = grounds.of(&sides.from.groups[from], &sides.to.groups[to], true);
                    host_and_guest = grounds.profile(ground, list, &lists);
                }
                let profile = match sibling || host_and_guest != strangers {
                    true => grounds.verdicts.intern(Verdicts::ByRelation { strangers, host_and_guest }),
                    false => strangers,
                };
                if profile != usual[cell] {
                    of_row.push((destination, profile));
                }
            }
            row.clear();
            exceptions.push(of_row);
        }
        Some(Self { usual, width: id(width), exceptions })
    }
}

/// Rules about few, by the class of sources that they match.
struct Narrow<'a> {
    sides: &'a Sides<'a>,
    rules: Vec<&'a Placed>,
    /// Positions in `rules`, with the certainty of the source.
    of_source: Vec<Vec<(u32, bool)>>,
}

impl<'a> Narrow<'a> {
    fn new(sides: &'a Sides<'a>, placed: &'a [Placed], singled_out_max: usize) -> Option<Self> {
        let rules: Vec<&Placed> = placed.iter().filter(|rule| rule.part == Part::Pairs).collect();
        let mut of_source = vec![Vec::new(); sides.sources.len()];
        let mut singled_out = 0usize;
        for (at, rule) in (0u32..).zip(&rules) {
            let (from, to) = (members(&sides.sources.peers[rule.from]), members(&sides.destinations.peers[rule.to]));
            singled_out = singled_out.saturating_add(from.len() * to.len());
            for &(source, certain) in from {
                if let Some(list) = of_source.get_mut(source as usize) {
                    list.push((at, certain));
                }
            }
        }
        (singled_out <= singled_out_max).then_some(Self { sides, rules, of_source })
    }

    /// Adds up the rules that single out the pairs of a class of sources.
    fn fill(&self, source: u32, lists: &mut RuleLists<Heard>, row: &mut Row) {
        for &(at, source_certain) in self.of_source.get(source as usize).into_iter().flatten() {
            let Some(rule) = self.rules.get(at as usize) else { continue };
            // Neighbours mostly extend the same list, so the last step is kept at hand.
            let mut last = None;
            for &(destination, certain) in members(&self.sides.destinations.peers[rule.to]) {
                let matched = Matched { rule: rule.stands_for, certain: source_certain && certain };
                let heard = Heard { table: rule.table, matched };
                let list = row.lists[destination];
                if list == 0 {
                    row.touched.push(destination);
                }
                let extended = match last {
                    Some((from, by, to)) if (from, by) == (list, heard) => to,
                    _ => lists.extend(list, heard),
                };
                last = Some((list, heard, extended));
                row.lists[destination] = extended;
            }
        }
    }
}

fn members(peer: &Peer) -> &[(u32, bool)] {
    match peer {
        Peer::Everybody { .. } => &[],
        Peer::Classes(classes) => classes,
    }
}

/// For one class of sources, the rules that single out its pairs, by class of destinations.
struct Row {
    lists: Column<u32>,
    touched: Vec<u32>,
}

impl Row {
    fn new(width: usize) -> Self {
        Self { lists: Column::filled(0, width), touched: Vec::new() }
    }

    fn clear(&mut self) {
        for destination in self.touched.drain(..) {
            self.lists[destination] = 0;
        }
    }
}
