//! The tables of one address family: addresses and headers to classes, pairs of classes to verdicts.

use super::address_table::{AddressSearch, AddressTable, Segment};
use super::answers::Answers;
use super::directory::{Directory, End, Relation};
use super::ground::{About, Grounds, Heard};
use super::group::Groups;
use super::header_table::HeaderTable;
use super::layers::{Joined, Layers, Ranking};
use super::merge::{Apart, Merged};
use super::numbers::Numbers;
use super::packet::HeaderFields;
use super::pair_table::{Choice, Label, Labelled, Room};
use super::part::{BROAD_PAIRS, Part, Placed, place};
use super::rows::{Related, Rows, Sides};
use super::side::{Side, Stand};
use super::verdicts::{ALLOWED, ASK, Code, DENIED, UNKNOWN, Verdicts, numbered};
use crate::blueprint::{Blueprint, Interned, ScopeSide, slot};
use crate::column::{Column, id, ids};
use crate::coverage::Coverage;
use crate::crossing::Crossings;
use crate::engine::Limits;
use crate::population::Population;
use crate::service::{Resolved, Services};
use crate::service_class::Classifier;
use crate::tier_plan::Matched;
use rustc_hash::{FxHashMap, FxHashSet};
use seglab_policy::{Assume, Direction, Family};
use std::sync::Arc;

/// What the tables of a family are compiled from.
pub(super) struct Ground<'a> {
    pub(super) population: &'a Population<'a>,
    pub(super) directory: &'a Directory,
    pub(super) blueprints: Column<Blueprint>,
    pub(super) interned: Interned,
    /// The table of each rulebook and direction.
    pub(super) table_of: Column<u32>,
    pub(super) crossings: Arc<Crossings>,
    pub(super) classifier: Arc<Classifier>,
    pub(super) names: Arc<Column<Column<Resolved>>>,
    pub(super) linked: Arc<FxHashSet<(u32, u32)>>,
    /// The stands of the endpoints as sources and as destinations: interfaces, then ranges of external addresses.
    pub(super) stands: [Column<Stand>; 2],
    pub(super) spaces: usize,
    pub(super) assume: Assume,
    /// A rulebook and a direction that are asked instead of the points on a path.
    pub(super) only: Option<(u32, Direction)>,
    pub(super) limits: Limits,
}

impl Ground<'_> {
    /// What services cover, nothing of it worked out yet.
    fn coverage(&self) -> Coverage {
        Coverage::new(self.classifier.clone(), self.interned.services.lists().clone(), self.names.clone())
    }
}

/// Why a family has no tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Untabled {
    /// A point without state judges replies.
    Replies,
    /// Rules tell more headers apart than a table can number.
    Headers,
    /// Rules about many tell too many groups of endpoints apart.
    Groups,
    /// Rules about few single out too many pairs.
    Pairs,
    /// The smallest table takes more memory than there is. \[bytes\]
    Memory(usize),
}

impl std::fmt::Display for Untabled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Untabled::Replies => f.write_str("a point without state judges replies"),
            Untabled::Headers => f.write_str("rules tell more headers apart than a table can number"),
            Untabled::Groups => f.write_str("rules about many tell too many groups of endpoints apart"),
            Untabled::Pairs => f.write_str("rules about few single out too many pairs"),
            Untabled::Memory(bytes) => write!(f, "the smallest table takes {bytes} bytes, more than is allowed"),
        }
    }
}

/// The tables of one address family.
///
/// Versions of a policy share the parts in which they are alike.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) headers: HeaderTable,
    pub(super) answers: Answers,
    /// The labels of interfaces as sources and as destinations.
    pub(super) interfaces: [Arc<Numbers>; 2],
    pub(super) touched: Arc<[bool]>,
    /// For each space the labels of its addresses.
    pub(super) views: Views,
    /// The labels of external addresses.
    pub(super) external: Arc<AddressSearch>,
    pub(super) classes: [usize; 2],
    pub(super) exceptions: usize,
    pub(super) service_classes: usize,
}

/// What classes are told, to be packed.
struct Told<'a> {
    /// The label of each class, of sources and of destinations.
    labels: [&'a Column<Label>; 2],
    /// The labels of an address that several endpoints have.
    unclear: [Label; 2],
    /// The largest label that may come later.
    largest: Label,
    classes: [usize; 2],
    exceptions: usize,
    answers: Answers,
}

/// For each space the labels of its addresses.
#[derive(Clone, Debug)]
pub(super) enum Views {
    V4(Vec<Arc<AddressTable>>),
    V6(Vec<Arc<AddressSearch>>),
}

/// What tables were compiled from, for those who go on from there.
pub(super) struct Origin {
    pub(super) groups: [Groups; 2],
    pub(super) placed: Vec<Placed>,
    pub(super) grounds: Grounds,
    pub(super) related: Related,
    /// The group by verdict of each group.
    pub(super) bands: [Column<u32>; 2],
    /// The label of each class, and the group by verdict of each bucket of labels.
    pub(super) labels: [Column<Label>; 2],
    pub(super) buckets: [Vec<u32>; 2],
    /// The number of each profile.
    pub(super) packed: FxHashMap<u32, u32>,
    /// How many of the numbers, the first ones, are kept for what two groups are told.
    pub(super) usual_numbers: u32,
    /// The profile of two groups by verdict, row after row of sources.
    pub(super) usual: Vec<u32>,
}

/// Tables with what they were compiled from.
pub(super) struct Compiled {
    pub(super) tables: Tables,
    /// Sources and destinations.
    pub(super) sides: [Side; 2],
    pub(super) services: Services,
    pub(super) table_of: Column<u32>,
    /// What tables by pairs come from.
    pub(super) origin: Option<Origin>,
}

/// How often rules of a filter may single out a pair of classes for a table of pairs to be built in some hundred
/// milliseconds. Layers are built in some ten, whatever the rules, and decide at half the pace or better.
const PAIRS_WORTHWHILE: usize = 1 << 24;
/// How often they may single out every pair, on average, for a table of pairs to be built sooner than layers are joined,
/// which asks every pair once.
const OFTEN: usize = 8;

impl Tables {
    /// Compiles a family. A filter whose rules single out many pairs, or for whose pairs there is no room, is compiled in
    /// layers where its rules are in one order.
    pub(super) fn compile(mut ground: Ground<'_>, room: Room) -> Result<Compiled, Untabled> {
        let headers = HeaderTable::new(&ground.classifier, ground.directory.family).ok_or(Untabled::Headers)?;
        let blueprints = std::mem::take(&mut ground.blueprints);
        let side = |side, stands| Side::new(side, stands, &blueprints, &ground.interned);
        let sides = [side(ScopeSide::Source, &ground.stands[0]), side(ScopeSide::Destination, &ground.stands[1])];
        let asked = ground.only.map(|(rulebook, direction)| ground.table_of[slot(rulebook, direction)]);
        let blueprint = asked.and_then(|table| blueprints.lookup(table));
        let ranking = blueprint.and_then(|blueprint| Ranking::new(blueprint, sides.each_ref()));
        let singled_out = ranking.as_ref().map_or(0, |ranking| ranking.singled_out(sides.each_ref()));
        let is_crowded = singled_out > PAIRS_WORTHWHILE;
        let layered = |ranking: &Ranking, joined_only| {
            Self::in_layers(&ground, headers.clone(), sides.each_ref(), ranking, joined_only)
        };
        let pairs = sides.iter().map(Side::len).fold(OFTEN, usize::saturating_mul);
        let tried =
            ranking.as_ref().filter(|_| is_crowded || singled_out > pairs).map(|ranking| layered(ranking, !is_crowded));
        let (tables, origin) = match tried {
            Some(Ok(tables)) => (tables, None),
            _ => match Self::by_pairs(&ground, headers.clone(), blueprints, sides.each_ref(), room) {
                Ok((tables, origin)) => (tables, Some(origin)),
                Err(why) => {
                    let ranking = ranking.as_ref().filter(|_| !is_crowded);
                    (ranking.map_or(Err(why), |ranking| layered(ranking, false))?, None)
                }
            },
        };
        Ok(Compiled { tables, sides, services: ground.interned.services, table_of: ground.table_of, origin })
    }

    /// Tables in which pairs of classes are told something.
    fn by_pairs(
        ground: &Ground<'_>,
        headers: HeaderTable,
        blueprints: Column<Blueprint>,
        [sources, destinations]: [&Side; 2],
        room: Room,
    ) -> Result<(Self, Origin), Untabled> {
        // A filter is all rules by address, about few or many: pairs tell it apart better than groups do.
        let broad = if ground.only.is_some() { usize::MAX } else { BROAD_PAIRS };
        let placed = place(&blueprints, sources, destinations, broad);
        let from = Groups::new(ScopeSide::Source, sources, &placed, &blueprints);
        let to = Groups::new(ScopeSide::Destination, destinations, &placed, &blueprints);
        // Pairs of groups are numbered by 32 bits, whatever the caller allows.
        if from.len().saturating_mul(to.len()) > ground.limits.group_pairs.min(1 << 31) {
            return Err(Untabled::Groups);
        }
        let about = About {
            crossings: ground.crossings.clone(),
            linked: ground.linked.clone(),
            assume: ground.assume,
            only: ground.only,
        };
        let coverage = ground.coverage();
        let mut grounds = Grounds::new(blueprints, everywhere(&placed), ground.table_of.clone(), coverage, about);
        let sides = Sides { sources, destinations, from: &from, to: &to };
        let related = related(ground, &sides);
        let rows =
            Rows::new(&sides, &placed, &related, &mut grounds, ground.limits.singled_out).ok_or(Untabled::Pairs)?;
        let apart = [&from, &to].map(|side| {
            let stands = side.groups.iter().map(|group| group.stand);
            stands.map(|stand| Apart { external: stand.external, touched: stand.touched }).collect::<Column<Apart>>()
        });
        let mut merged = Merged::new(&rows, [&from.of_class, &to.of_class], apart.each_ref());
        drop(rows);
        let ambiguous = grounds.verdicts.intern(Verdicts::Ambiguous);
        let ambiguous = merged.add_class(ambiguous);
        let (used, usual_numbers) = used_profiles(&merged, &grounds, room);
        let packed = numbered(&used);
        let of = if ground.only.is_some() { Choice::of_filter } else { Choice::within };
        let labelled = Labelled::new(&merged, &packed, of(ground.limits, room));
        let labelled = labelled.map_err(Untabled::Memory)?;
        let profiles = grounds.verdicts.pack(&used, grounds.service_classes());
        let told = Told {
            labels: [&labelled.sources, &labelled.destinations],
            unclear: [labelled.sources[ambiguous[0]], labelled.destinations[ambiguous[1]]],
            largest: if room == Room::None { 0 } else { labelled.largest() },
            classes: [merged.sources.group_of.len() - 1, merged.destinations.group_of.len() - 1],
            exceptions: merged.exceptions.len(),
            answers: Answers::Pairs { pairs: labelled.table.clone(), profiles: Arc::new(profiles) },
        };
        let tables = Self::pack(ground, headers, [sources, destinations], told)?;
        let origin = Origin {
            groups: [from, to],
            placed,
            grounds,
            related,
            bands: merged.bands,
            labels: [labelled.sources, labelled.destinations],
            buckets: labelled.buckets,
            packed,
            usual_numbers,
            usual: merged.usual,
        };
        Ok((tables, origin))
    }

    /// The tables of a filter in layers, joined to one where that can be done; no others if so asked.
    fn in_layers(
        ground: &Ground<'_>,
        headers: HeaderTable,
        sides: [&Side; 2],
        ranking: &Ranking,
        joined_only: bool,
    ) -> Result<Self, Untabled> {
        let coverage = &mut ground.coverage();
        let (layers, labels) = Layers::new(ranking, sides, coverage, ground.limits)?;
        if let Some(joined) = Joined::new(&layers, labels.each_ref(), coverage.classes(), ground.limits) {
            let told = Told {
                labels: joined.labels.each_ref(),
                unclear: [0; 2],
                largest: 0,
                classes: joined.classes,
                exceptions: joined.exceptions,
                answers: Answers::Pairs { pairs: joined.pairs, profiles: Arc::new(joined.profiles) },
            };
            return Self::pack(ground, headers, sides, told);
        }
        if joined_only {
            return Err(Untabled::Pairs);
        }
        let told = Told {
            labels: labels.each_ref(),
            unclear: [0; 2],
            largest: 0,
            classes: sides.map(Side::len),
            exceptions: layers.exceptions(),
            answers: Answers::Layers(Arc::new(layers)),
        };
        Self::pack(ground, headers, sides, told)
    }

    fn pack(ground: &Ground<'_>, headers: HeaderTable, sides: [&Side; 2], told: Told<'_>) -> Result<Self, Untabled> {
        let labels = |endpoint: u32| [0, 1].map(|side: usize| label(sides, told.labels, side, endpoint));
        let count = ids(ground.directory.interfaces());
        let first_atom = ground.population.first_atom();
        let atoms = (first_atom..).zip(ground.population.atoms());
        let mut external: Vec<Segment<u128>> =
            atoms.map(|(endpoint, &first)| Segment { first, labels: labels(endpoint) }).collect();
        external.dedup_by_key(|segment| segment.labels);
        let view = |space: u32| {
            let units = ground.directory.addresses(space);
            let units = units.map(|(address, interface)| (address, interface.map_or(told.unclear, labels)));
            overlay(&external, units, ground.directory.family)
        };
        let spaces = 0..id(ground.spaces);
        let views = match ground.directory.family {
            Family::V4 => {
                let views = spaces.map(|space| AddressTable::new(&narrowed(&view(space)), told.largest).map(Arc::new));
                Views::V4(views.collect::<Option<_>>().ok_or(Untabled::Memory(usize::MAX))?)
            }
            Family::V6 => Views::V6(spaces.map(|space| Arc::new(AddressSearch::new(&view(space)))).collect()),
        };
        let of_interfaces = |side| {
            let labels: Vec<u32> = count.clone().map(|one| label(sides, told.labels, side, one)).collect();
            Arc::new(Numbers::with_room(labels, told.largest))
        };
        let tables = Self {
            interfaces: [0, 1].map(of_interfaces),
            touched: count.clone().map(|interface| ground.stands[0][interface].touched).collect(),
            external: Arc::new(AddressSearch::new(&external)),
            views,
            classes: told.classes,
            exceptions: told.exceptions,
            service_classes: ground.classifier.len(),
            headers,
            answers: told.answers,
        };
        let bytes = tables.bytes();
        if bytes > ground.limits.memory_bytes { Err(Untabled::Memory(bytes)) } else { Ok(tables) }
    }

    /// The bytes that the tables take.
    pub(super) fn bytes(&self) -> usize {
        let views = match &self.views {
            Views::V4(views) => views.iter().map(|view| view.bytes()).sum::<usize>(),
            Views::V6(views) => views.iter().map(|view| view.bytes()).sum::<usize>(),
        };
        let interfaces: usize = self.interfaces.iter().map(|labels| labels.bytes()).sum();
        self.headers.bytes() + self.answers.bytes() + interfaces + self.touched.len() + self.external.bytes() + views
    }

    /// The bytes of each table that deciding a packet by address reads, in the order of the reads.
    pub(super) fn reads(&self, space: u32) -> Vec<usize> {
        let Views::V4(views) = &self.views else { return Vec::new() };
        let address = views.get(space as usize).map_or_else(Vec::new, |view| view.reads());
        let both_ends = address.iter().flat_map(|&bytes| [bytes, bytes]);
        both_ends.chain(self.headers.reads()).chain(self.answers.reads()).collect()
    }

    /// The bytes of each table that deciding a packet between known interfaces reads.
    pub(super) fn reads_between(&self) -> Vec<usize> {
        let labels = self.interfaces.iter().map(|labels| labels.bytes());
        labels.chain(self.headers.reads()).chain(self.answers.reads()).collect()
    }

    /// What two ends are told of a service class, by all that is known of them.
    pub(super) fn between(&self, directory: &Directory, from: End, to: End, class: u32) -> Code {
        if !directory.are_ends(from, to) {
            return DENIED;
        }
        let relation = directory.relation(from, to);
        if relation == Relation::Same {
            return if self.is_touched(from) { UNKNOWN } else { ALLOWED };
        }
        let (source, destination) = (self.label(from, 0), self.label(to, 1));
        let Some((pairs, profiles)) = self.answers.pairs() else {
            return self.answers.code(source, destination, class);
        };
        let profile = pairs.profile(source, destination);
        let profile = match (profiles.by_relation(profile), relation) {
            (Some((_, guest)), Relation::HostAndGuest) => guest,
            (Some((strangers, _)), _) => strangers,
            (None, _) => profile,
        };
        profiles.code(profile, class)
    }

    /// The labels of an address in a space.
    #[inline]
    pub(super) fn address_labels(&self, space: u32, address: u128) -> [Label; 2] {
        match &self.views {
            Views::V4(views) => {
                let address = u32::try_from(address).unwrap_or(u32::MAX);
                views.get(space as usize).map_or([0; 2], |view| view.labels(address))
            }
            Views::V6(views) => views.get(space as usize).map_or([0; 2], |view| view.labels(address)),
        }
    }

    /// What two labels are told of a header.
    #[inline]
    pub(super) fn code(&self, source: Label, destination: Label, fields: HeaderFields) -> Code {
        self.answers.code(source, destination, self.headers.class(fields))
    }

    fn label(&self, end: End, side: usize) -> Label {
        let label = match end {
            End::Interface(at) => self.interfaces.get(side).map(|labels| labels.at(at as usize)),
            End::External(address) => self.external.labels(address).get(side).copied(),
        };
        label.unwrap_or(0)
    }

    fn is_touched(&self, end: End) -> bool {
        matches!(end, End::Interface(at) if self.touched.get(at as usize).copied().unwrap_or(false))
    }
}

/// The rules that match every pair.
fn everywhere(placed: &[Placed]) -> Vec<Heard> {
    let heard = |rule: &Placed| match rule.part {
        Part::Everywhere { certain } => {
            Some(Heard { table: rule.table, matched: Matched { rule: rule.stands_for, certain } })
        }
        _ => None,
    };
    placed.iter().filter_map(heard).collect()
}

/// True if the classes do not settle a pair.
#[inline]
pub(super) fn is_open(code: Code) -> bool {
    code == ASK
}

fn label(sides: [&Side; 2], of_class: [&Column<Label>; 2], side: usize, endpoint: u32) -> Label {
    let at = sides.get(side).zip(of_class.get(side));
    at.map_or(0, |(side, labels)| labels[side.class_of[endpoint]])
}

/// The profiles that tables hold, in the order of their numbers, and how many numbers, the first ones, are kept for what
/// two groups are told: where groups will be added, as many as fit a byte.
fn used_profiles(merged: &Merged, grounds: &Grounds, room: Room) -> (Vec<u32>, u32) {
    let sorted = |mut profiles: Vec<u32>| {
        profiles.sort_unstable();
        profiles.dedup();
        profiles
    };
    let exceptions = merged.exceptions.iter().map(|&(_, _, to)| to);
    let mut used;
    let mut kept = 0;
    if room == Room::None {
        used = sorted(merged.usual.iter().copied().chain(exceptions).collect());
    } else {
        used = sorted(merged.usual.clone());
        kept = used.len().next_multiple_of(1 << 8);
        used.resize(kept, used.first().copied().unwrap_or(0));
        used.extend(sorted(exceptions.collect()));
    }
    grounds.verdicts.close(&mut used);
    (used, id(kept))
}

/// The pairs of classes with members that are related.
fn related(ground: &Ground<'_>, sides: &Sides<'_>) -> Related {
    let mut related = Related::default();
    for (a, b, relation) in ground.directory.related(ground.crossings.minds_hosts()) {
        let pair = (sides.sources.class_of[a], sides.destinations.class_of[b]);
        match relation {
            Relation::Same => _ = related.siblings.insert(pair),
            Relation::HostAndGuest => _ = related.hosts_and_guests.insert(pair),
            Relation::Strangers => {}
        }
    }
    related
}

/// Addresses of units over the ranges of external ones, neighbours of equal labels together.
fn overlay(
    external: &[Segment<u128>],
    units: impl Iterator<Item = (u128, [Label; 2])>,
    family: Family,
) -> Vec<Segment<u128>> {
    let last_address = match family {
        Family::V4 => u128::from(u32::MAX),
        Family::V6 => u128::MAX,
    };
    let mut all: Vec<Segment<u128>> = Vec::with_capacity(external.len());
    let mut push = |segment: Segment<u128>| match all.last_mut() {
        Some(last) if last.first == segment.first => *last = segment,
        Some(last) if last.labels == segment.labels => {}
        _ => all.push(segment),
    };
    let mut outside = external.iter().copied().peekable();
    let mut beyond = [0; 2];
    for (address, labels) in units {
        while let Some(segment) = outside.next_if(|segment| segment.first <= address) {
            beyond = segment.labels;
            push(segment);
        }
        push(Segment { first: address, labels });
        if address < last_address && outside.peek().is_none_or(|next| next.first > address + 1) {
            push(Segment { first: address + 1, labels: beyond });
        }
    }
    outside.for_each(push);
    all.dedup_by_key(|segment| segment.labels);
    all
}

fn narrowed(segments: &[Segment<u128>]) -> Vec<Segment<u32>> {
    let narrow = |segment: &Segment<u128>| Segment {
        first: u32::try_from(segment.first).unwrap_or(u32::MAX),
        labels: segment.labels,
    };
    segments.iter().map(narrow).collect()
}
