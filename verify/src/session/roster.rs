//! Who of a design's units is who in its next version.
//!
//! Units are known again by name. Those that have gone leave gaps and those that have come make room, so that nearly all
//! units may have other numbers: whatever is kept and speaks of units is told where they are now, once.

use super::edits::{same_but_labels, same_unit};
use crate::counterexample::{Hop, Means};
use crate::properties::{Counterexample, Settled};
use seglab_policy::{Address, Connection, Covers, Design, Endpoint, Evaluation, Peer, Selector, Unit, UnitId};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// More units than this that have come, gone or changed are as soon sorted anew.
const MOVED_MAX: usize = 64;

/// A unit that is not what it was.
#[derive(Clone, Copy, Debug)]
struct Version<'d> {
    before: Option<&'d Unit>,
    after: Option<&'d Unit>,
    /// Nothing but its labels differs.
    labels_only: bool,
}

/// The units of two versions of a design.
#[derive(Debug, Default)]
pub(super) struct Roster<'d> {
    /// Of each unit where it is now, if it is; nothing where all units are the same.
    now: Option<Vec<Option<UnitId>>>,
    versions: Vec<Version<'d>>,
    /// Units that have gone or differ in more than labels, by what they were; ascending.
    lost: Vec<UnitId>,
    /// Units that have come, units that differ in more than labels, and units that differ in labels, as they are.
    pub(super) came: Vec<UnitId>,
    pub(super) changed: Vec<UnitId>,
    pub(super) relabelled: Vec<UnitId>,
    /// Those of the changed that have the labels and the owner that they had.
    pub(super) labelled_alike: BTreeSet<UnitId>,
    /// Addresses that have become a unit's, or have ceased to be.
    pub(super) addresses: Vec<IpAddr>,
}

impl<'d> Roster<'d> {
    /// The units of two designs; `None` if many are not what they were.
    pub(super) fn between(old: &'d Design, new: &'d Design) -> Option<Self> {
        let mut roster = Self::default();
        if old.shares_units_with(new) {
            return Some(roster);
        }
        let mut now = Vec::with_capacity(old.units().len());
        // Units stand in the order of their names.
        let (mut befores, mut afters) = (old.unit_ids().peekable(), new.unit_ids().peekable());
        loop {
            let order = match (befores.peek(), afters.peek()) {
                (Some(a), Some(b)) => old.unit(*a).name.cmp(&new.unit(*b).name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let before = if order == Ordering::Greater { None } else { befores.next() };
            let after = if order == Ordering::Less { None } else { afters.next() };
            if before.is_some() {
                now.push(after);
            }
            roster.add((before, before.map(|id| old.unit(id))), (after, after.map(|id| new.unit(id))));
            if roster.versions.len() > MOVED_MAX {
                return None;
            }
        }
        roster.now = Some(now);
        roster.addresses = roster.addresses_between();
        Some(roster)
    }

    fn add(
        &mut self,
        (was, before): (Option<UnitId>, Option<&'d Unit>),
        (is, after): (Option<UnitId>, Option<&'d Unit>),
    ) {
        let mut labels_only = false;
        match (before, after, is) {
            (Some(before), Some(after), Some(is)) => {
                if same_unit(before, after) {
                    return;
                }
                labels_only = same_but_labels(before, after);
                if labels_only {
                    self.relabelled.push(is);
                } else {
                    self.changed.push(is);
                    let alike = (&before.labels, &before.owner) == (&after.labels, &after.owner);
                    self.labelled_alike.extend(alike.then_some(is));
                }
            }
            (None, Some(_), Some(is)) => self.came.push(is),
            _ => {}
        }
        if !labels_only {
            self.lost.extend(was);
        }
        self.versions.push(Version { before, after, labels_only });
    }

    fn addresses_between(&self) -> Vec<IpAddr> {
        let known = |unit: Option<&'d Unit>| {
            let interfaces = unit.into_iter().flat_map(|unit| &unit.interfaces);
            interfaces.filter_map(|interface| match interface.address {
                Address::Known(address) => Some((interface.space.as_str(), address)),
                Address::Within(_) | Address::Unknown(_) => None,
            })
        };
        let moved = || self.versions.iter().filter(|version| !version.labels_only);
        let before: BTreeSet<(&str, IpAddr)> = moved().flat_map(|version| known(version.before)).collect();
        let after: BTreeSet<(&str, IpAddr)> = moved().flat_map(|version| known(version.after)).collect();
        before.symmetric_difference(&after).map(|(_, address)| *address).collect()
    }

    /// How many units are not what they were.
    pub(super) fn len(&self) -> usize {
        self.versions.len()
    }

    /// True if units have come, gone or changed in more than labels.
    pub(super) fn moves(&self) -> bool {
        !self.lost.is_empty() || !self.came.is_empty()
    }

    /// By what units were, where they are now; `None` if every one is where it was.
    pub(super) fn numbers(&self) -> Option<&[Option<UnitId>]> {
        self.now.as_deref().filter(|_| self.moves())
    }

    /// True if a selector selects a unit that it did not select before, or does not select one that it did, or selects
    /// one of which more differs than labels.
    pub(super) fn turn(&self, selector: &Selector) -> bool {
        let selects = |unit: Option<&Unit>| unit.is_some_and(|unit| selector.matches(unit));
        self.versions.iter().any(|version| match (selects(version.before), selects(version.after)) {
            (true, true) => !version.labels_only,
            (before, after) => before != after,
        })
    }

    /// True if a peer of units stands for a unit that it did not stand for, or the other way round, for want of a label.
    pub(super) fn turn_by_labels(&self, peer: &Peer) -> bool {
        let Peer::Units(selector) = peer else { return false };
        let selects = |unit: Option<&Unit>| unit.is_some_and(|unit| selector.matches(unit));
        let mut relabelled = self.versions.iter().filter(|version| version.labels_only);
        relabelled.any(|version| selects(version.before) != selects(version.after))
    }

    /// True if a peer stands for other units than before, or for one of which more differs than labels.
    pub(super) fn turn_peer(&self, peer: &Peer) -> bool {
        let mut moved = self.versions.iter().filter(|version| !version.labels_only);
        match peer {
            Peer::Units(selector) => self.turn(selector),
            Peer::Anyone | Peer::Unmodelled(_) => self.moves(),
            Peer::Addresses { covers: Covers::External, .. } => false,
            Peer::Addresses { set, covers: Covers::All } => {
                let may_have = |unit: &Unit| {
                    unit.interfaces.iter().any(|interface| match interface.address {
                        Address::Known(address) => set.contains(address),
                        Address::Within(_) | Address::Unknown(_) => true,
                    })
                };
                moved.any(|version| [version.before, version.after].into_iter().flatten().any(may_have))
            }
        }
    }

    /// Where a unit is now that is what it was, its labels aside.
    pub(super) fn unit(&self, unit: UnitId) -> Option<UnitId> {
        match &self.now {
            None => Some(unit),
            Some(_) if self.lost.binary_search(&unit).is_ok() => None,
            Some(now) => now.get(unit.index()).copied().flatten(),
        }
    }

    fn endpoint(&self, end: Endpoint) -> Option<Endpoint> {
        match end {
            Endpoint::Unit { unit, interface } => Some(Endpoint::Unit { unit: self.unit(unit)?, interface }),
            // Who is external depends on all units.
            Endpoint::External(address) if self.addresses.contains(&address) => None,
            Endpoint::External(_) | Endpoint::Source(_) => Some(end),
        }
    }

    /// A connection as it is called now.
    pub(super) fn connection(&self, connection: Connection) -> Option<Connection> {
        let Connection { source, destination, header } = connection;
        Some(Connection { source: self.endpoint(source)?, destination: self.endpoint(destination)?, header })
    }

    /// Calls the units of an evaluation what they are called now; false if one has gone.
    pub(super) fn evaluation(&self, evaluation: &mut Evaluation) -> bool {
        evaluation.judgements.iter_mut().all(|judgement| match judgement.at {
            Some(unit) => self.unit(unit).map(|now| judgement.at = Some(now)).is_some(),
            None => true,
        })
    }

    fn hops(&self, hops: &mut [Hop]) -> Option<()> {
        for hop in hops {
            match hop {
                Hop::Host { host, guest } => (*host, *guest) = (self.unit(*host)?, self.unit(*guest)?),
                Hop::Connection { connection, evaluation, means, .. } => {
                    *connection = self.connection(*connection)?;
                    self.evaluation(evaluation).then_some(())?;
                    if let Means::Login { held_by, .. } = means {
                        *held_by = self.unit(*held_by)?;
                    }
                }
            }
        }
        Some(())
    }

    /// Calls the units of what a verdict shows what they are called now; `None`, and it shows nothing any more, if one
    /// of them is not what it was.
    pub(super) fn verdict(&self, verdict: &mut Settled) -> Option<()> {
        if !self.moves() {
            return Some(());
        }
        match verdict {
            Settled::Holds => {}
            Settled::Unknown(unsure) => self.hops(&mut unsure.hops)?,
            Settled::Violated(counterexample) => match counterexample {
                Counterexample::Reached(hops) | Counterexample::ByDefault(hops) => self.hops(hops)?,
                Counterexample::TooMany { start: unit, hops, .. } | Counterexample::TooExposed { unit, hops, .. } => {
                    *unit = self.unit(*unit)?;
                    self.hops(hops)?;
                }
                Counterexample::Broken { connection, evaluation } => {
                    *connection = self.connection(*connection)?;
                    self.evaluation(evaluation).then_some(())?;
                }
                Counterexample::NoSuchPort { unit, .. } | Counterexample::NoSuchAddress { unit } => {
                    *unit = self.unit(*unit)?;
                }
                Counterexample::OtherFamily { source, destination } => {
                    (*source, *destination) = (self.endpoint(*source)?, self.endpoint(*destination)?);
                }
                Counterexample::Rules(_)
                | Counterexample::UndefinedOrder { .. }
                | Counterexample::Extended(_)
                | Counterexample::Differs(_) => return None,
            },
        }
        Some(())
    }
}
