//! What a verdict demands of a repair: one step of an attack stopped, or a needed connection let through.
//!
//! A demand has to be met by whatever makes the claim hold, not only by what was tried: each is a condition that is
//! necessary, so that the least choice of edits that meets all demands so far needs no more edits than any repair does.

use super::Goal;
use super::candidates::Candidates;
use super::fate::Fates;
use super::formula::Formula;
use crate::counterexample::Hop;
use crate::difference::Kind;
use crate::properties::{Counterexample, Outcome, Report, Settings, Settled};
use seglab_policy::{AddressSet, Assume, Claim, Connection, Design, Endpoint, Peer, Service, Statistic, UnitId};
use std::collections::BTreeSet;

/// More ends than this that would be enough for a need are not told apart.
const ENDS_MAX: usize = 64;

/// What a claim that does not hold demands.
#[derive(Debug)]
pub(super) enum Demand {
    /// This has to be true of the chosen edits.
    Must(Formula),
    /// No edit of rules changes the verdict.
    Hopeless,
    /// The claim is about the rules themselves.
    OfRules,
    /// Something else has to be chosen: what exactly cannot be said of single connections.
    Otherwise {
        /// The claim asks for connections, not for their absence.
        wants_more: bool,
    },
}

/// Puts demands together.
pub(super) struct Demands<'d, 'a> {
    pub(super) candidates: &'d mut Candidates<'a>,
    pub(super) fates: &'d mut Fates,
    /// Fates where no rule allows anything.
    pub(super) bare: &'d mut Fates,
    pub(super) settings: &'d Settings,
}

impl Demands<'_, '_> {
    /// What each claim of a report demands that does not hold.
    pub(super) fn of(&mut self, report: &Report) -> Vec<(Goal, Demand)> {
        let design = self.candidates.design;
        let of_properties = report.properties.iter().enumerate().map(|(at, outcome)| (Goal::Property(at), outcome));
        let of_needs = report.needs.iter().enumerate().map(|(at, outcome)| (Goal::Need(at), outcome));
        let open = of_properties.chain(of_needs).filter(|(_, outcome)| outcome.verdict != Settled::Holds);
        open.map(|(goal, outcome)| (goal, self.demand(design, goal, outcome))).collect()
    }

    fn demand(&mut self, design: &Design, goal: Goal, outcome: &Outcome) -> Demand {
        let hops = match &outcome.verdict {
            Settled::Holds => return Demand::Must(Formula::constant(true)),
            // What may differ from another design has to become known, here or there.
            Settled::Unknown(_) if is_equal(design, goal) => return Demand::Otherwise { wants_more: true },
            Settled::Unknown(unsure) => &unsure.hops,
            Settled::Violated(Counterexample::Reached(hops) | Counterexample::TooExposed { hops, .. }) => hops,
            Settled::Violated(Counterexample::TooMany { hops, excess, .. }) => match excess.of {
                Statistic::Max => hops,
                // Of many blast radii, other ones can make up for one.
                Statistic::Mean | Statistic::Percentile(_) => return Demand::Otherwise { wants_more: false },
            },
            // It speaks of units that are not there.
            Settled::Violated(Counterexample::Extended(_)) => return Demand::Otherwise { wants_more: false },
            Settled::Violated(Counterexample::ByDefault(hops)) => return self.stopped(hops, true),
            Settled::Violated(Counterexample::Differs(differs)) => {
                return match (differs.kind, &differs.witness.after) {
                    (Kind::Gained, Some(judged)) => self.cut(judged.connection, differs.assume),
                    _ => Demand::Otherwise { wants_more: true },
                };
            }
            Settled::Violated(Counterexample::Rules(_) | Counterexample::UndefinedOrder { .. }) => {
                return Demand::OfRules;
            }
            Settled::Violated(Counterexample::Broken { connection, .. }) => {
                return self.needed(design, goal, connection);
            }
            Settled::Violated(
                Counterexample::NoSuchPort { .. }
                | Counterexample::OtherFamily { .. }
                | Counterexample::NoSuchAddress { .. },
            ) => return Demand::Hopeless,
        };
        let of_rules = matches!(goal, Goal::Property(at) if design.properties().get(at).is_some_and(|one| is_of_rules(&one.claim)));
        if of_rules {
            return Demand::OfRules;
        }
        if needed_by(design, goal).is_none() {
            return self.stopped(hops, is_bare(design, goal));
        }
        match hops.first() {
            Some(Hop::Connection { connection, .. }) => self.needed(design, goal, connection),
            Some(Hop::Host { .. }) | None => Demand::Hopeless,
        }
    }

    /// The connection has to be stopped for certain.
    fn cut(&mut self, connection: Connection, assume: Assume) -> Demand {
        must(self.fates.of(self.candidates, &connection, assume).perhaps.not())
    }

    /// One of the steps has to be stopped for certain.
    fn stopped(&mut self, hops: &[Hop], bare: bool) -> Demand {
        let steps: BTreeSet<(Connection, _)> = hops
            .iter()
            .filter_map(|hop| match hop {
                Hop::Connection { connection, assume, .. } => Some((*connection, *assume)),
                Hop::Host { .. } => None,
            })
            .map(|(connection, assume)| (connection, Ordered(assume)))
            .collect();
        let fates = if bare { &mut *self.bare } else { &mut *self.fates };
        let mut stops = Vec::new();
        for (connection, assume) in &steps {
            stops.push(fates.of(self.candidates, connection, assume.0).perhaps.not());
        }
        must(Formula::any(stops))
    }

    /// The connection has to work, between some interfaces of the two; where one end of several is enough, with one.
    fn needed(&mut self, design: &Design, goal: Goal, connection: &Connection) -> Demand {
        let Some((from, to, services)) = needed_by(design, goal) else { return Demand::Hopeless };
        let named = services.iter().any(|service| matches!(service, Service::NamedPort { .. }));
        if named && matches!(to, Peer::Addresses { .. }) {
            // Each destination has its own header.
            return Demand::Otherwise { wants_more: true };
        }
        let sources = self.ends(design, from, connection.source);
        let destinations = self.ends(design, to, connection.destination);
        let (Some(sources), Some(destinations)) = (sources, destinations) else {
            return Demand::Otherwise { wants_more: true };
        };
        let assume = Assume { as_if_enforced: self.settings.as_if_enforced, ..Assume::business() };
        let mut ways = Vec::new();
        for (source, destination) in sources.iter().flat_map(|from| destinations.iter().map(move |to| (from, to))) {
            let pairs = concrete(design, source, destination);
            for (source, destination) in pairs {
                let way = Connection { source, destination, header: connection.header };
                if source.unit().is_some() && source.unit() == destination.unit() || design.family_of(&way).is_none() {
                    continue;
                }
                ways.push(self.fates.of(self.candidates, &way, assume).works);
            }
        }
        must(Formula::any(ways))
    }

    /// Whom the end of a needed connection may be: all of a peer of which one is enough, else the unit that it is;
    /// `None` for too many.
    fn ends(&mut self, design: &Design, peer: &Peer, end: Endpoint) -> Option<Vec<End>> {
        let Peer::Addresses { set, .. } = peer else {
            return Some(match end {
                Endpoint::Unit { unit, .. } => vec![End::Unit(unit)],
                Endpoint::External(address) => vec![End::External(AddressSet::single(address))],
                Endpoint::Source(_) => Vec::new(),
            });
        };
        let mut ends = Vec::new();
        for unit in design.unit_ids() {
            if interfaces(design, unit).any(|at| may_match(design, peer, at)) {
                ends.push(End::Unit(unit));
            }
        }
        let mut atoms = vec![set.clone()];
        for range in self.ranges(design) {
            atoms = atoms.iter().flat_map(|atom| [atom.intersection(&range), atom.difference(&range)]).collect();
            atoms.retain(|atom| !atom.is_empty());
            if atoms.len() > ENDS_MAX {
                return None;
            }
        }
        ends.extend(atoms.into_iter().map(End::External));
        (ends.len() <= ENDS_MAX).then_some(ends)
    }

    /// The ranges that rules and candidate edits tell addresses apart by.
    fn ranges(&self, design: &Design) -> Vec<AddressSet> {
        let of_rules = design.rules().flat_map(|(_, rule)| [&rule.from, &rule.to]);
        let peers = of_rules.chain(&self.candidates.vocabulary.addresses);
        let mut ranges: Vec<AddressSet> = Vec::new();
        for peer in peers {
            if let Peer::Addresses { set, .. } = peer
                && !ranges.contains(set)
            {
                ranges.push(set.clone());
            }
        }
        ranges
    }
}

/// A unit, by any of its interfaces, or some addresses that no rule and no edit tells apart.
#[derive(Clone, Debug)]
enum End {
    Unit(UnitId),
    External(AddressSet),
}

/// What an end of the design is owned by, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ordered(Assume);

impl Ordered {
    fn key(self) -> impl Ord {
        let Assume { as_if_enforced, trust, owned, host_owned } = self.0;
        (as_if_enforced, trust, owned, host_owned)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

fn must(formula: Formula) -> Demand {
    if formula.fixed() == Some(false) { Demand::Hopeless } else { Demand::Must(formula) }
}

fn is_of_rules(claim: &Claim) -> bool {
    matches!(claim, Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. })
}

/// True for a claim about what passes where no rule allows anything.
fn is_bare(design: &Design, goal: Goal) -> bool {
    match goal {
        Goal::Property(at) => {
            design.properties().get(at).is_some_and(|property| matches!(property.claim, Claim::DefaultDeny { .. }))
        }
        Goal::Need(_) => false,
    }
}

/// What has to work for a claim to hold; `None` if it is about what must not be possible.
fn is_equal(design: &Design, goal: Goal) -> bool {
    let property = match goal {
        Goal::Need(_) => None,
        Goal::Property(at) => design.properties().get(at),
    };
    property.is_some_and(|property| matches!(property.claim, Claim::Equal { .. }))
}

fn needed_by(design: &Design, goal: Goal) -> Option<(&Peer, &Peer, &[Service])> {
    match goal {
        Goal::Need(at) => design.needs().get(at).map(|need| (&need.from, &need.to, &need.services[..])),
        Goal::Property(at) => match &design.properties().get(at)?.claim {
            Claim::Allowed { from, to, services } => Some((from, to, services)),
            _ => None,
        },
    }
}

fn interfaces(design: &Design, unit: UnitId) -> impl Iterator<Item = Endpoint> {
    let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
    (0..count).map(move |interface| Endpoint::Unit { unit, interface })
}

/// Whether a peer may match an interface.
fn may_match(design: &Design, peer: &Peer, at: Endpoint) -> bool {
    let rule = seglab_policy::Rule {
        directions: seglab_policy::Directions::ALL,
        from: peer.clone(),
        to: Peer::Anyone,
        services: vec![Service::Any],
        action: seglab_policy::Action::Pass,
        priority: 0,
        provenance: seglab_policy::Provenance::default(),
    };
    let header = seglab_policy::Header::Other(0);
    design.matches(&rule, &Connection { source: at, destination: at, header }) != Some(false)
}

/// The endpoints of two ends: every interface of a unit, an address that is nobody's where the other end stands.
fn concrete(design: &Design, source: &End, destination: &End) -> Vec<(Endpoint, Endpoint)> {
    let outside = |set: &AddressSet, at: Endpoint| {
        let known = design.interface(at).and_then(|interface| design.known_addresses(&interface.space));
        let free = known.map_or_else(|| set.clone(), |known| set.difference(known));
        free.ranges().next().map(|(first, _)| Endpoint::External(first))
    };
    match (source, destination) {
        (End::Unit(from), End::Unit(to)) => {
            interfaces(design, *from).flat_map(|from| interfaces(design, *to).map(move |to| (from, to))).collect()
        }
        (End::Unit(from), End::External(set)) => {
            interfaces(design, *from).filter_map(|from| Some((from, outside(set, from)?))).collect()
        }
        (End::External(set), End::Unit(to)) => {
            interfaces(design, *to).filter_map(|to| Some((outside(set, to)?, to))).collect()
        }
        (End::External(_), End::External(_)) => Vec::new(),
    }
}
