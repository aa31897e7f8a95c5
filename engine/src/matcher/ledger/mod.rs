//! Ledgers: what the tables of a family rest on, kept so that an update changes only what it is about.
//!
//! Tables know labels and profiles. A ledger knows the rules and classes behind them, and takes an update in four steps:
//! it notes the rule or the unit, finds the pairs of classes whose rules are others now, works out what those pairs are
//! told, and *settles* the labels. Where one label stands for classes that are told different things from here on, the
//! smaller part gets a label of its own, with the row and the column of the old one copied. Nothing else is touched.
//!
//! What a ledger cannot do in small steps it says ([`Why`]), and everything is compiled anew: rules about headers that no
//! rule told apart so far, rules about many on both sides, and tables that have no room left.

mod endpoints;
mod gather;
mod place;
mod settle;
mod shown;
mod side;

use super::compile::Foundation;
use super::directory::{Directory, Relation};
use super::ground::{Grounds, Heard, RulePlace};
use super::group::{Group, Token};
use super::part::{BROAD_PAIRS, Part};
use super::policy::LiveRule;
use super::side::{Matched as Peers, Stand};
use super::tables::{Origin, Tables};
use super::verdicts::Verdicts;
use crate::blueprint::{ScopeSide, slot};
use crate::column::{Column, id};
use crate::service::Services;
use rustc_hash::FxHashMap;
use seglab_policy::{Direction, Family, Order, Peer, Rule, Selector, TierId, UnitId};
use shown::Shown;
use side::{Band, Compiled, SideLedger};
use std::sync::Arc;

pub(super) use endpoints::Units;
pub(super) use place::Held;

/// Why an update was not made in small steps, and everything was compiled anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Rules tell headers apart that were one service class so far.
    Headers,
    /// The rule is about many endpoints on both sides, or about everybody.
    Broad,
    /// A tier has no defined order among rules of one priority, or a rule is for other directions than its rulebook's
    /// others.
    Order,
    /// The unit is at other enforcement points, or something that is not modelled touches it, by its new labels.
    Points,
    /// Labels have no room left.
    Labels,
    /// Profiles have no room left.
    Profiles,
    /// Too many addresses are about to change, or those of several address spaces.
    Addresses,
    /// Too many classes and profiles have come that are never let go of.
    Worn,
    /// A family has no tables.
    Untabled,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Why::Headers => "rules tell headers apart that none did so far",
            Why::Broad => "a rule is about many endpoints on both sides",
            Why::Order => "the order or the directions of a rule are not those of the others",
            Why::Points => "a unit stands at other enforcement points",
            Why::Labels => "the labels of classes have no room left",
            Why::Profiles => "profiles have no room left",
            Why::Addresses => "too many addresses would change",
            Why::Worn => "the tables are worn",
            Why::Untabled => "a family has no tables",
        })
    }
}

/// The ledger of a family.
pub(super) struct Ledger {
    family: Family,
    /// Sources and destinations.
    sides: Both<SideLedger>,
    grounds: Grounds,
    services: Services,
    /// The table of each rulebook and direction.
    table_of: Column<u32>,
    peers: Column<Peer>,
    known_peers: FxHashMap<Peer, u32>,
    /// The selectors of each scope.
    scopes: Vec<Vec<Selector>>,
    placements: Column<Placement>,
    /// Placements, and rules of tables, that can be used again.
    vacant: Vec<u32>,
    /// The placements of each rule.
    of_rule: FxHashMap<LiveRule, Vec<u32>>,
    /// The ground of two groups, and that of hosts and their guests in them.
    cells: FxHashMap<(u32, u32, bool), u32>,
    /// Pairs of groups that are told something else than is usual for their bands.
    odd: std::collections::BTreeSet<(u32, u32)>,
    /// What two bands are usually told.
    usual: FxHashMap<(u32, u32), u32>,
    /// Classes of which some members are related, by class and side; true if one runs on the other.
    related: Both<FxHashMap<u32, Vec<(u32, bool)>>>,
    /// The interfaces that are related to each one.
    kin: FxHashMap<u32, Vec<(u32, bool)>>,
    interfaces: Vec<(UnitId, u16)>,
    directory: Arc<Directory>,
    /// The address of each endpoint that is an interface and has a known one.
    addresses: Column<Option<u128>>,
    /// The endpoints of each unit.
    of_unit: Vec<std::ops::Range<u32>>,
    /// External ranges: by their first address the endpoint, and the other way round.
    atoms: std::collections::BTreeMap<u128, u32>,
    first_of_atom: FxHashMap<u32, u128>,
    /// Peers by a label that whoever they select carries, and those without such a label.
    by_label: Option<endpoints::SelectorIndex>,
    gathering: gather::Gathering,
    told: settle::Told,
    shown: Shown,
    /// How many labels each side may have before those are rejoined that are told the same.
    labels_max: Both<usize>,
    /// The sizes that it began with, to see how far it has grown.
    began: [usize; 2],
}

/// Something of sources and of destinations, by the number of the side.
#[derive(Clone, Debug, Default)]
struct Both<T>([T; 2]);

impl<T> std::ops::Index<usize> for Both<T> {
    type Output = T;

    #[inline]
    fn index(&self, side: usize) -> &T {
        let [sources, destinations] = &self.0;
        if side == 0 { sources } else { destinations }
    }
}

impl<T> std::ops::IndexMut<usize> for Both<T> {
    #[inline]
    fn index_mut(&mut self, side: usize) -> &mut T {
        let [sources, destinations] = &mut self.0;
        if side == 0 { sources } else { destinations }
    }
}

/// A rule in a table.
#[derive(Clone, Copy, Debug)]
struct Placement {
    table: u32,
    part: Part,
    /// The rule that stands for all that say the same.
    rule: u32,
    from: u32,
    to: u32,
}

/// What a changed rule or class leaves to be worked out.
enum Work {
    /// The pairs of two peers.
    Pairs(u32, u32),
    /// The classes that a peer matches on a side, from the group on.
    Groups(usize, u32),
}

/// Classes whose group changes by one rule, at most.
const REGROUPED_MAX: usize = 1024;
/// Pairs of classes that are worked out for one update, at most.
const PAIRS_MAX: usize = 1 << 16;

/// For both sides whether each peer is one of some rule's.
fn used_peers(grounds: &Grounds, peers: usize) -> [Column<bool>; 2] {
    let mut used = [(); 2].map(|()| Column::filled(false, peers));
    for rule in grounds.blueprints.iter().flat_map(|blueprint| &blueprint.rules) {
        let [sources, destinations] = &mut used;
        sources[rule.from] = true;
        destinations[rule.to] = true;
    }
    used
}

/// Notes the scopes of both sides.
fn note_scopes(grounds: &Grounds, sides: &mut [SideLedger; 2]) {
    for scope in grounds.blueprints.iter().flat_map(|blueprint| blueprint.scopes.iter().flatten()) {
        let [sources, destinations] = &mut *sides;
        let side = if scope.side == ScopeSide::Source { sources } else { destinations };
        side.scopes.insert(scope.units);
    }
}

/// The bands of a side, the one of addresses that several have among them.
fn bands_with_ambiguous(band_of: &Column<u32>) -> usize {
    band_of.iter().max().map_or(0, |&last| last as usize + 1) + 1
}

impl Ledger {
    /// The ledger of tables that were compiled with room for updates; `None` where they have none.
    pub(super) fn new(
        foundation: Foundation,
        tables: &Tables,
        directory: &Arc<Directory>,
        units: &Units,
        rules: &[LiveRule],
    ) -> Option<Self> {
        let Foundation { origin, sides, services, table_of, known, interfaces, atoms } = foundation;
        let Origin { groups, placed, grounds, related, bands, labels, buckets, packed, usual_numbers, usual } = origin;
        let shown = Shown::new(tables, &packed, &usual, usual_numbers)?;
        let (pairs, _) = tables.answers.pairs()?;
        let shifts = pairs.shifts()?;
        let bands_wide = bands_with_ambiguous(&bands[1]);
        let first_atom = id(interfaces.len());
        let used = used_peers(&grounds, known.peers.len());
        let mut parts = sides.into_iter().zip(groups).zip(bands).zip(labels).zip(buckets).zip(shifts).zip(used);
        let mut next = || {
            let ((((((side, groups), band_of), labels), buckets), shift), used) = parts.next()?;
            let of_classes = (side.class_of, side.stands, side.peers, side.scopes);
            let of_labels = (band_of, labels, buckets, shift);
            Some(SideLedger::new(Compiled { of_classes, groups, used, of_labels, first_atom }))
        };
        let mut sides = [next()?, next()?];
        note_scopes(&grounds, &mut sides);
        let mut peers: Vec<(u32, Peer)> = known.peers.iter().map(|(peer, &at)| (at, peer.clone())).collect();
        peers.sort_unstable_by_key(|&(at, _)| at);
        let atoms: std::collections::BTreeMap<u128, u32> = atoms.into_iter().zip(first_atom..).collect();
        let addresses = endpoints::known_addresses(&interfaces, units, sides[0].class_of.len());
        // One row and one column more are those of addresses that several have.
        let width = bands_wide;
        let labels_max = Both([&sides[0], &sides[1]].map(|side| settle::labels_max(side.under.len())));
        let mut ledger = Self {
            labels_max,
            family: directory.family,
            began: [sides[0].classes.len() + sides[1].classes.len(), grounds.verdicts.len()],
            gathering: gather::Gathering::new(peers.len()),
            told: settle::Told::default(),
            peers: peers.into_iter().map(|(_, peer)| peer).collect(),
            known_peers: known.peers,
            scopes: known.scopes,
            sides: Both(sides),
            grounds,
            services,
            table_of,
            placements: Column::default(),
            vacant: Vec::new(),
            of_rule: FxHashMap::default(),
            cells: FxHashMap::default(),
            odd: Default::default(),
            usual: FxHashMap::default(),
            related: Default::default(),
            kin: FxHashMap::default(),
            of_unit: endpoints::of_units(&interfaces, units.all().len()),
            addresses,
            directory: directory.clone(),
            interfaces,
            first_of_atom: atoms.iter().map(|(&first, &atom)| (atom, first)).collect(),
            atoms,
            by_label: None,
            shown,
        };
        ledger.note_usual(&usual, width);
        ledger.note_placed(&placed, &known.positions, rules);
        ledger.note_related(&related);
        Some(ledger)
    }

    /// Notes who is related: classes as they were compiled, and interfaces.
    fn note_related(&mut self, related: &super::rows::Related) {
        for (pairs, guest) in [(&related.siblings, false), (&related.hosts_and_guests, true)] {
            for &(source, destination) in pairs {
                self.relate(source, destination, guest);
            }
        }
        for (a, b, relation) in self.directory.related(self.grounds.minds_hosts()) {
            self.kin.entry(a).or_default().push((b, relation == Relation::HostAndGuest));
        }
    }

    /// What two bands are told, as it was compiled: row after row of `width` bands of destinations.
    fn note_usual(&mut self, usual: &[u32], width: usize) {
        let [sources, destinations] = &self.sides.0;
        for (source, _) in (0u32..).zip(sources.bands.iter()) {
            for (destination, _) in (0u32..).zip(destinations.bands.iter()) {
                let told = usual.get(source as usize * width + destination as usize);
                told.into_iter().for_each(|&told| _ = self.usual.insert((source, destination), told));
            }
        }
    }

    /// Notes rules as they were placed; `positions` has for each table which of `rules` each one is.
    fn note_placed(&mut self, placed: &[super::part::Placed], positions: &[Vec<u32>], rules: &[LiveRule]) {
        let rules = positions.iter().flatten().filter_map(|&at| rules.get(at as usize));
        for (one, &rule) in placed.iter().zip(rules) {
            let placement =
                Placement { table: one.table, part: one.part, rule: one.stands_for, from: one.from, to: one.to };
            let at = self.placements.push(placement);
            self.of_rule.entry(rule).or_default().push(at);
            self.link(at);
            if let Part::AtSource { gate: Some(gate) } = one.part {
                self.open_gate(1, gate);
            }
            if let Part::AtDestination { gate: Some(gate) } = one.part {
                self.open_gate(0, gate);
            }
        }
        for (table, blueprint) in (0u32..).zip(self.grounds.blueprints.iter()) {
            let mut places = Column::filled(RulePlace::default(), blueprint.rules.len());
            for (tier, plan) in (0u32..).zip(&blueprint.plan.tiers) {
                for (sequence, rule) in (0u64..).zip(plan.rules.clone()) {
                    places[rule] = RulePlace { tier, priority: i64::MIN, sequence };
                }
            }
            debug_assert_eq!(table, id(self.grounds.places.len()));
            self.grounds.places.push(places);
        }
    }

    fn open_gate(&mut self, side: usize, gate: u32) {
        let side = &mut self.sides[side];
        match side.matched[gate] {
            Some(Peers::Everybody { certain }) => {
                let token = Token::Inside { gate, certain };
                if !side.open_gates.contains(&token) {
                    side.open_gates.push(token);
                }
            }
            _ => _ = side.gates.insert(gate),
        }
    }

    /// Notes that some members of two classes are related.
    fn relate(&mut self, source: u32, destination: u32, guest: bool) -> bool {
        let [of_source, of_destination] = &mut self.related.0;
        let entry = of_source.entry(source).or_default();
        if entry.contains(&(destination, guest)) {
            return false;
        }
        entry.push((destination, guest));
        of_destination.entry(destination).or_default().push((source, guest));
        true
    }

    /// Notes that members of a class may be related to whom those of another one are.
    fn relate_as(&mut self, side: usize, old: u32, new: u32) {
        for (other, guest) in self.related[side].get(&old).cloned().unwrap_or_default() {
            let (source, destination) = if side == 0 { (new, other) } else { (other, new) };
            self.relate(source, destination, guest);
        }
    }

    /// The family.
    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// Shows what was written.
    pub(super) fn publish(&mut self) -> Result<(Tables, Arc<Directory>), Why> {
        let [sources, destinations] = &self.sides.0;
        let classes = sources.classes.len() + destinations.classes.len();
        let [began, profiles] = self.began;
        if classes > 2 * began + 4096 || self.grounds.verdicts.len() > 2 * profiles + 16_384 {
            return Err(Why::Worn);
        }
        let labels = [sources.under.len(), destinations.under.len()];
        Ok((self.shown.publish(labels), self.directory.clone()))
    }
}
