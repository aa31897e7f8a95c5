//! One side of a ledger: which endpoints are of which class, what matches a class, and under which label tables know it.
//!
//! A class is what rules tell apart, as when tables are compiled; a label is what tables tell apart, and classes that are
//! told the same share one. A set that cuts a class makes two of it, which share the label until they are told different
//! things. Classes are not merged again until everything is compiled anew.

use super::super::group::{Group, Groups, Token};
use super::super::pair_table::{Label, VACANT};
use super::super::side::{Matched, Stand};
use super::Why;
use super::gather::Noted;
use crate::column::{Column, id, ids};
use rustc_hash::{FxHashMap, FxHashSet};
use std::hash::{Hash, Hasher};

/// What is known of one side of connections.
pub(in super::super) struct SideLedger {
    /// The class of each endpoint: interfaces, then ranges of external addresses.
    pub(super) class_of: Column<u32>,
    pub(super) classes: Column<Class>,
    /// Whom each peer matches; nothing of those that no rule has on this side.
    pub(super) matched: Column<Option<Matched>>,
    /// The rules about few that each peer is a side of, and the broad ones that are noted at it.
    pub(super) pairs_of: Column<Vec<Noted>>,
    pub(super) broad_of: Column<Vec<(u32, Token)>>,
    /// Peers that rules noted on the other side ask about.
    pub(super) gates: FxHashSet<u32>,
    /// Gates that everybody is inside, if for certain.
    pub(super) open_gates: Vec<Token>,
    /// Scopes of this side.
    pub(super) scopes: FxHashSet<u32>,
    pub(super) groups: Column<Group>,
    pub(super) known_groups: FxHashMap<(Stand, Vec<Token>), u32>,
    /// How many classes each group has.
    pub(super) sizes: Column<usize>,
    /// The band of each group; [`VACANT`] of one that has no classes any more.
    pub(super) band_of: Column<u32>,
    pub(super) bands: Column<Band>,
    /// The classes under each label.
    pub(super) under: FxHashMap<Label, Under>,
    /// The first endpoint that is no interface.
    first_atom: u32,
    /// The band of each bucket of labels.
    pub(super) buckets: Column<u32>,
    pub(super) shift: u32,
    /// Classes by what matches them, once somebody has asked.
    by_signature: Option<FxHashMap<u64, Vec<u32>>>,
}

/// Endpoints that nothing tells apart.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) members: Vec<u32>,
    pub(super) stand: Stand,
    /// The peers that match it, ascending, each with its certainty; those aside that match everybody.
    pub(super) peers: Vec<(u32, bool)>,
    pub(super) scopes: Vec<u32>,
    pub(super) group: u32,
    pub(super) label: Label,
    /// What it takes to relabel its members.
    pub(super) weight: usize,
}

/// Classes under one label.
#[derive(Clone, Debug, Default)]
pub(super) struct Under {
    pub(super) classes: Vec<u32>,
    /// What it takes to relabel them.
    pub(super) weight: usize,
}

/// What it takes to relabel a range of addresses, next to one interface.
const ATOM_WEIGHT: usize = 16;

/// Groups that are told the same as a rule: those whose labels share buckets.
#[derive(Clone, Debug, Default)]
pub(super) struct Band {
    /// Its groups that have classes.
    pub(super) groups: Vec<u32>,
    /// Labels that nobody is under.
    pub(super) free: Vec<Label>,
    pub(super) buckets: Vec<u32>,
}

/// What a compiled side brings along.
pub(super) struct Compiled {
    /// The class of each endpoint; what is true of each class; whom each peer matches, and who is in each scope.
    pub(super) of_classes: (Column<u32>, Column<Stand>, Column<Matched>, Column<Vec<u32>>),
    pub(super) groups: Groups,
    /// Whether each peer is one of some rule's on this side.
    pub(super) used: Column<bool>,
    /// The band of each group, the label of each class, the band of each bucket of labels, and its binary logarithm.
    pub(super) of_labels: (Column<u32>, Column<Label>, Vec<u32>, u32),
    pub(super) first_atom: u32,
}

impl SideLedger {
    pub(super) fn new(compiled: Compiled) -> Self {
        let Compiled { of_classes, groups, used, of_labels, first_atom } = compiled;
        let (class_of, stands, matched, scopes) = of_classes;
        let (band_of, labels, buckets, shift) = of_labels;
        let Groups { of_class: group_of, groups } = groups;
        let class = |class: u32| Class {
            members: Vec::new(),
            stand: stands[class],
            peers: Vec::new(),
            scopes: Vec::new(),
            group: group_of[class],
            label: labels[class],
            weight: 0,
        };
        let mut classes: Column<Class> = ids(stands.len()).map(class).collect();
        for (endpoint, &class) in (0u32..).zip(class_of.iter()) {
            classes[class].members.push(endpoint);
            classes[class].weight += if endpoint < first_atom { 1 } else { ATOM_WEIGHT };
        }
        for (peer, matched) in (0u32..).zip(matched.iter()) {
            if let Matched::Classes(members) = matched {
                members.iter().for_each(|&(class, certain)| classes[class].peers.push((peer, certain)));
            }
        }
        let mut of_side = FxHashSet::default();
        for (scope, members) in (0u32..).zip(scopes.iter()) {
            members.iter().for_each(|&class| classes[class].scopes.push(scope));
            of_side.extend((!members.is_empty()).then_some(scope));
        }
        let bands = buckets.iter().copied().chain(band_of.iter().copied()).filter(|&band| band != VACANT).max();
        let mut bands: Column<Band> = Column::filled(Band::default(), bands.map_or(0, |last| last as usize + 1));
        (0u32..).zip(band_of.iter()).for_each(|(group, &band)| bands[band].groups.push(group));
        let mut sizes = Column::filled(0, groups.len());
        let mut under: FxHashMap<Label, Under> = FxHashMap::default();
        for (at, class) in (0u32..).zip(classes.iter()) {
            sizes[class.group] += 1;
            let held = under.entry(class.label).or_default();
            held.classes.push(at);
            held.weight += class.weight;
        }
        let buckets: Column<u32> = buckets.into();
        for (bucket, &band) in (0u32..).zip(buckets.iter()).filter(|(_, band)| **band != VACANT) {
            let labels = bucket << shift..(bucket + 1) << shift;
            bands[band].buckets.push(bucket);
            // A label that is used by what has no class stays out: the last of the last band is such a one.
            bands[band].free.extend(labels.rev().filter(|label| !under.contains_key(label)));
        }
        let known_groups = (0u32..).zip(groups.iter()).map(|(at, group)| ((group.stand, group.tokens.clone()), at));
        let peers = matched.len();
        Self {
            class_of,
            known_groups: known_groups.collect(),
            matched: matched.into_iter().zip(used).map(|(matched, used)| used.then_some(matched)).collect(),
            pairs_of: Column::filled(Vec::new(), peers),
            broad_of: Column::filled(Vec::new(), peers),
            gates: FxHashSet::default(),
            open_gates: Vec::new(),
            scopes: of_side,
            classes,
            groups,
            sizes,
            band_of,
            bands,
            under,
            first_atom,
            buckets,
            shift,
            by_signature: None,
        }
    }

    /// Notes one more peer, which nobody has on this side yet.
    pub(super) fn add_peer(&mut self) {
        self.matched.push(None);
        self.pairs_of.push(Vec::new());
        self.broad_of.push(Vec::new());
    }

    /// Notes whom a peer matches on this side; classes of which it matches some members only become two.
    pub(super) fn attach(&mut self, peer: u32, certain: Vec<u32>, possible: Vec<u32>) -> Vec<(u32, u32)> {
        let mut split = Vec::new();
        let mut matched: Vec<(u32, bool)> = Vec::new();
        for (endpoints, certain) in [(certain, true), (possible, false)] {
            let mut inside: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
            endpoints.into_iter().for_each(|one| inside.entry(self.class_of[one]).or_default().push(one));
            for (class, members) in inside {
                let within = if members.len() == self.classes[class].members.len() {
                    class
                } else {
                    let new = self.split_class(class, members);
                    split.push((class, new));
                    // The other half keeps what is known of it.
                    new
                };
                let peers = &mut self.classes[within].peers;
                let at = peers.partition_point(|&(other, _)| other < peer);
                peers.insert(at, (peer, certain));
                self.note_signature(within);
                matched.push((within, certain));
            }
        }
        matched.sort_unstable();
        self.matched[peer] = Some(Matched::Classes(matched));
        split
    }

    /// Makes a class of some members of another one, which is told the same.
    fn split_class(&mut self, class: u32, members: Vec<u32>) -> u32 {
        let leaving: FxHashSet<u32> = members.iter().copied().collect();
        let weight = members.iter().map(|&member| self.weight(member)).sum::<usize>();
        let held = &mut self.classes[class];
        held.members.retain(|member| !leaving.contains(member));
        held.weight -= weight;
        let new = Class { members, weight, ..held.clone() };
        // What leaves one class of the label enters another one.
        self.under.entry(new.label).or_default().weight -= weight;
        self.enter(new)
    }

    /// Enters a class under the label that it has.
    pub(super) fn enter(&mut self, new: Class) -> u32 {
        let at = id(self.classes.len());
        new.members.iter().for_each(|&member| self.class_of[member] = at);
        for &(peer, certain) in &new.peers {
            if let Some(Matched::Classes(classes)) = &mut self.matched[peer] {
                classes.push((at, certain));
            }
        }
        let under = self.under.entry(new.label).or_default();
        under.classes.push(at);
        under.weight += new.weight;
        self.sizes[new.group] += 1;
        self.classes.push(new);
        self.note_signature(at);
        at
    }

    /// Gives a class the stand, the peers and the scopes of another one; returns the peers that match it from here on and did
    /// not, or the other way round.
    pub(super) fn change_class(&mut self, class: u32, to: Class) -> Vec<u32> {
        let Class { stand, peers, scopes, .. } = to;
        self.forget_signature(class);
        let held = &mut self.classes[class];
        (held.stand, held.scopes) = (stand, scopes);
        let before = std::mem::replace(&mut held.peers, peers);
        let after = &self.classes[class].peers;
        let mut changed = Vec::new();
        for (these, those, comes) in [(&before, after, false), (after, &before, true)] {
            for &(peer, certain) in these.iter().filter(|one| those.binary_search(one).is_err()) {
                changed.push(peer);
                let Some(Matched::Classes(classes)) = &mut self.matched[peer] else { continue };
                match (classes.binary_search(&(class, certain)), comes) {
                    (Ok(at), false) => _ = classes.remove(at),
                    (Err(at), true) => classes.insert(at, (class, certain)),
                    _ => {}
                }
            }
        }
        self.note_signature(class);
        changed
    }

    /// The class of what these match, if there is one.
    pub(super) fn class_with(&mut self, stand: &Stand, peers: &[(u32, bool)], scopes: &[u32]) -> Option<u32> {
        let classes = &self.classes;
        let by_signature = self.by_signature.get_or_insert_with(|| {
            let mut by_signature: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
            for (at, class) in (0u32..).zip(classes.iter()) {
                by_signature.entry(signature(&class.stand, &class.peers, &class.scopes)).or_default().push(at);
            }
            by_signature
        });
        let found = by_signature.get(&signature(stand, peers, scopes))?;
        // A hash finds whom to compare with.
        let is_it = |class: &Class| class.stand == *stand && class.peers == peers && class.scopes == scopes;
        found.iter().copied().find(|&class| is_it(&classes[class]))
    }

    fn note_signature(&mut self, class: u32) {
        if let Some(by_signature) = &mut self.by_signature {
            let held = &self.classes[class];
            let entry = by_signature.entry(signature(&held.stand, &held.peers, &held.scopes)).or_default();
            if !entry.contains(&class) {
                entry.push(class);
            }
        }
    }

    fn forget_signature(&mut self, class: u32) {
        if let Some(by_signature) = &mut self.by_signature {
            let held = &self.classes[class];
            if let Some(alike) = by_signature.get_mut(&signature(&held.stand, &held.peers, &held.scopes)) {
                alike.retain(|&other| other != class);
            }
        }
    }

    /// Moves an endpoint to another class.
    pub(super) fn move_endpoint(&mut self, endpoint: u32, to: u32) {
        let from = std::mem::replace(&mut self.class_of[endpoint], to);
        let members = &mut self.classes[from].members;
        if let Some(at) = members.iter().position(|&member| member == endpoint) {
            members.swap_remove(at);
        }
        self.classes[to].members.push(endpoint);
        let weight = self.weight(endpoint);
        for (class, more) in [(from, false), (to, true)] {
            let held = &mut self.classes[class];
            let under = self.under.entry(held.label).or_default();
            for weighed in [&mut held.weight, &mut under.weight] {
                *weighed = if more { *weighed + weight } else { *weighed - weight };
            }
        }
    }

    /// Makes a new endpoint, a range of addresses that is told what another one is.
    pub(super) fn add_atom(&mut self, like: u32) {
        let class = self.class_of[like];
        let new = self.class_of.push(class);
        let held = &mut self.classes[class];
        held.members.push(new);
        held.weight += ATOM_WEIGHT;
        self.under.entry(held.label).or_default().weight += ATOM_WEIGHT;
    }

    /// What it takes to relabel an endpoint.
    fn weight(&self, endpoint: u32) -> usize {
        if endpoint < self.first_atom { 1 } else { ATOM_WEIGHT }
    }

    /// What broad rules and scopes say of whom these match.
    pub(super) fn tokens(&self, peers: &[(u32, bool)], scopes: &[u32]) -> Vec<Token> {
        let mut tokens = self.open_gates.clone();
        for &(peer, certain) in peers {
            let with_certainty = |token: &Token| match *token {
                Token::Rule { table, rule, gate, .. } => Token::Rule { table, rule, certain, gate },
                other => other,
            };
            tokens.extend(self.broad_of[peer].iter().map(|(_, token)| with_certainty(token)));
            tokens.extend(self.gates.contains(&peer).then_some(Token::Inside { gate: peer, certain }));
        }
        let scopes = scopes.iter().filter(|scope| self.scopes.contains(scope));
        tokens.extend(scopes.map(|&units| Token::Scope { units }));
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// A label of a band that nobody is under; `None` if its buckets are full.
    pub(super) fn free_label(&mut self, band: u32) -> Option<Label> {
        self.bands[band].free.pop()
    }

    /// Gives a band a bucket of labels.
    pub(super) fn add_bucket(&mut self, band: u32) -> Result<u32, Why> {
        let vacant = self.buckets.iter().position(|&band| band == VACANT).map(id).ok_or(Why::Labels)?;
        self.buckets[vacant] = band;
        self.bands[band].buckets.push(vacant);
        self.bands[band].free.extend((vacant << self.shift..(vacant + 1) << self.shift).rev());
        Ok(vacant)
    }

    /// Takes the labels of a band without classes back.
    pub(super) fn close_band(&mut self, band: u32) {
        let Band { buckets, .. } = std::mem::take(&mut self.bands[band]);
        buckets.into_iter().for_each(|bucket| self.buckets[bucket] = VACANT);
    }

    /// Puts a class under another label; true if nobody is under the old one any more.
    pub(super) fn put_under(&mut self, class: u32, label: Label) -> bool {
        let held = &mut self.classes[class];
        let (old, weight) = (std::mem::replace(&mut held.label, label), held.weight);
        let mut is_left = false;
        if let Some(under) = self.under.get_mut(&old) {
            if let Some(at) = under.classes.iter().position(|&other| other == class) {
                under.classes.swap_remove(at);
            }
            under.weight -= weight;
            is_left = under.classes.is_empty();
        }
        let under = self.under.entry(label).or_default();
        under.classes.push(class);
        under.weight += weight;
        is_left
    }

    /// Notes that nobody is under a label, and it means nothing, any more.
    pub(super) fn release(&mut self, label: Label) {
        self.under.remove(&label);
        let band = self.band_at(label);
        if band != VACANT {
            self.bands[band].free.push(label);
        }
    }

    /// The band of a label.
    pub(super) fn band_at(&self, label: Label) -> u32 {
        self.buckets.lookup(label >> self.shift).copied().unwrap_or(VACANT)
    }

    /// The classes that a peer matches; everybody is nobody here.
    pub(super) fn classes_of(&self, peer: u32) -> Vec<u32> {
        match &self.matched[peer] {
            Some(Matched::Classes(classes)) => classes.iter().map(|&(class, _)| class).collect(),
            Some(Matched::Everybody { .. }) | None => Vec::new(),
        }
    }
}

fn signature(stand: &Stand, peers: &[(u32, bool)], scopes: &[u32]) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    (stand, peers, scopes).hash(&mut hasher);
    hasher.finish()
}
