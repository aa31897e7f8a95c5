//! The formulas of a world with units that do not exist yet: who is meant by the two sides, and which steps there are.

use super::{EverQuestion, Region};
use crate::smt::Outcome;
use crate::smt::ends::End;
use crate::smt::facts::{Fact, Vocabulary};
use crate::smt::judge::Verdict;
use crate::smt::newcomer::hosts;
use crate::smt::packet::{HeaderTerms, Packet};
use crate::smt::path::Path;
use crate::smt::question::{Doors, Question};
use crate::smt::term::{Truth, all, any, constant};
use seglab_policy::{Address, AddressSet, Assume, Covers, Design, Interface, Peer, Pivot, Side, UnitId, View};
use std::collections::{BTreeMap, BTreeSet};
use z3::ast::Bool;

/// Who may own, and who may be taken or reached; formulas in the current Z3 context.
pub(super) struct World<'a> {
    pub(super) design: &'a Design,
    pub(super) vocabulary: Vocabulary<'a>,
    pub(super) question: &'a EverQuestion<'a>,
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) header: HeaderTerms,
    /// By the side that is owned, and by whether its host is.
    verdicts: BTreeMap<(Side, bool), Verdict>,
    pub(super) hosts: BTreeSet<UnitId>,
}

/// The positions of the doors of [`questions`].
const LISTENING: usize = 0;
const EXPLOITABLE: usize = 1;

/// Questions that mention what the claim mentions, for the vocabulary to know it.
pub(super) fn questions(question: &EverQuestion<'_>, design: &Design) -> Vec<Question> {
    // Units that do not exist yet may hold any credential.
    let held = design.units().iter().flat_map(|unit| &unit.logins).map(|login| login.credential.clone()).collect();
    let exploitable = Doors::Exploitable { held, listening: question.view == View::Service };
    let sides = [question.from, question.to].map(|peer| crate::smt::Ends::Peer(peer.clone()));
    let [from, to] = sides;
    let asked = Question { services: question.services.to_vec(), doors: Doors::Listening, ..Question::any([]) };
    vec![asked.between(from, to), Question { doors: exploitable, ..Question::any([]) }]
}

impl<'a> World<'a> {
    pub(super) fn new(design: &'a Design, question: &'a EverQuestion<'a>, asked: &'a [Question]) -> Self {
        let vocabulary = Vocabulary::with_newcomers(design, asked);
        let (source, destination) = (End::new("source", &vocabulary), End::new("destination", &vocabulary));
        let header = HeaderTerms::variables();
        let packet = Packet { source: &source, destination: &destination, header: &header, reply: false };
        let hosts = hosts(&vocabulary);
        let sides: &[Side] =
            if question.pivot == Pivot::EitherWay { &[Side::Source, Side::Destination] } else { &[Side::Source] };
        let mut verdicts = BTreeMap::new();
        for &side in sides {
            for host_owned in [false, true] {
                if host_owned && hosts.is_empty() {
                    continue;
                }
                let (as_if_enforced, trust) = (question.as_if_enforced, question.trust);
                let assume = Assume { as_if_enforced, trust, owned: Some(side), host_owned };
                let name = format!("{side:?} {host_owned} ");
                verdicts.insert((side, host_owned), Verdict::new(design, assume, &vocabulary, &packet, &name));
            }
        }
        Self { design, vocabulary, question, source, destination, header, verdicts, hosts }
    }

    fn packet(&self) -> Packet<'_> {
        Packet { source: &self.source, destination: &self.destination, header: &self.header, reply: false }
    }

    /// The sides of a connection that may be owned, each with whether its host may be.
    pub(super) fn owners(&self) -> impl Iterator<Item = (Side, bool)> {
        self.verdicts.keys().copied()
    }

    /// The end that is owned, and the other.
    pub(super) fn ends(&self, owned: Side) -> (&End, &End) {
        match owned {
            Side::Source => (&self.source, &self.destination),
            Side::Destination => (&self.destination, &self.source),
        }
    }

    /// What holds of every step: the ends are such as there are or may be, and the packet is one that can be.
    pub(super) fn common(&self) -> Bool {
        let (packet, vocabulary) = (self.packet(), &self.vocabulary);
        let numbered = |end: &End, number: u128| {
            any([end.is_newcomer().not(), end.is(&Fact::Unit, vocabulary.no_unit() + number)])
        };
        let ends = [&self.source, &self.destination];
        let both = ends.map(End::is_newcomer);
        let known = ends.map(|end| end.is(&Fact::Known, 1));
        let one_address = [Fact::Space, Fact::V6, Fact::FirstHigh, Fact::FirstLow]
            .map(|fact| self.source.same(&self.destination, &fact));
        all([
            all(self.verdicts.values().map(Verdict::definitions)),
            packet.well_formed(),
            Path::new(&packet, self.design, vocabulary).are_endpoints,
            packet.one_family(),
            packet.stays_inside().not(),
            all(ends.map(|end| all([end.well_formed(), end.population(vocabulary)]))),
            // Two units that do not exist yet are two.
            numbered(&self.source, 1),
            numbered(&self.destination, 2),
            all(both.into_iter().chain(known).chain(one_address)).not(),
        ])
    }

    /// Whoever owns one end takes the other, a unit.
    pub(super) fn takes(&self, (owned, host_owned): (Side, bool), doubtful: bool) -> Bool {
        let (_, victim) = self.ends(owned);
        let through = match owned {
            Side::Destination => constant(true),
            Side::Source => match (self.question.pivot, self.question.view) {
                (Pivot::Any | Pivot::EitherWay, View::Policy) => constant(true),
                (Pivot::Any | Pivot::EitherWay, View::Service) | (Pivot::Service, _) => self.through(LISTENING),
                (Pivot::Exploitable, _) => self.through(EXPLOITABLE),
            },
        };
        all([victim.is_unit(), through, self.becomes((owned, host_owned), doubtful)])
    }

    /// Whoever owns one end reaches the other by the last hop.
    pub(super) fn reaches(&self, (owned, host_owned): (Side, bool), doubtful: bool) -> Bool {
        let listening = match (owned, self.question.view) {
            (Side::Source, View::Service) => any([self.destination.is_external(), self.through(LISTENING)]),
            _ => constant(true),
        };
        let service = self.packet().is_of(self.question.services, &self.vocabulary);
        let (_, other) = self.ends(owned);
        all([other.is_source().not(), listening, service, self.becomes((owned, host_owned), doubtful)])
    }

    fn through(&self, doors: usize) -> Bool {
        self.packet().through_door(doors, &self.vocabulary)
    }

    fn becomes(&self, owner: (Side, bool), doubtful: bool) -> Bool {
        let wanted = if doubtful { &Outcome::NOT_DENIED[..] } else { &Outcome::ALLOWED[..] };
        self.verdicts.get(&owner).map_or_else(|| constant(false), |verdict| verdict.is_one_of(wanted))
    }

    /// The end is one that attacks start from.
    pub(super) fn starts(&self, end: &End, doubtful: bool) -> Bool {
        let meant = self.meant(self.question.from, end);
        if doubtful { meant.perhaps } else { meant.surely }
    }

    /// The end is one that must stay out of reach.
    pub(super) fn is_target(&self, end: &End, doubtful: bool) -> Bool {
        let (to, from) = (self.meant(self.question.to, end), self.meant(self.question.from, end));
        // Of a unit that does not exist yet only this interface has to be meant by the one side and not by the other.
        let here = end.is_peer(self.question.from, &self.vocabulary);
        let spared = |meant: Bool, here: Bool| end.is_newcomer().ite(&here, &meant);
        // Where both sides go by address it has to have an address that is meant by the one only.
        let apart = match (self.question.to, self.question.from) {
            (Peer::Addresses { set: to, covers: Covers::All }, Peer::Addresses { set: from, covers: Covers::All }) => {
                any([end.is_newcomer().not(), constant(!to.difference(from).is_empty())])
            }
            _ => constant(true),
        };
        if doubtful {
            all([apart, to.perhaps, spared(from.surely, here.surely).not()])
        } else {
            all([apart, to.surely, spared(from.perhaps, here.perhaps).not()])
        }
    }

    /// A side of the claim means the end. An attacker owns whole units, so where the side goes by address a unit is meant
    /// with all of its interfaces; one that does not exist yet may have another there.
    fn meant(&self, peer: &Peer, end: &End) -> Truth {
        let Peer::Addresses { covers: Covers::All, set } = peer else { return end.is_peer(peer, &self.vocabulary) };
        let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        for unit in self.design.unit_ids() {
            for interface in &self.design.unit(unit).interfaces {
                let (sure, possible) = inside(set, interface);
                surely.extend(sure.then_some(u128::from(unit.0)));
                perhaps.extend(possible.then_some(u128::from(unit.0)));
            }
        }
        let newcomer = all([end.is_newcomer(), constant(!set.is_empty())]);
        let whole = seglab_policy::Family::ALL.into_iter().any(|family| set.covers_family(family));
        let others = any([end.is_address(set), all([end.is_source(), constant(whole)]), newcomer]);
        let existing = |units: BTreeSet<u128>| all([end.is_newcomer().not(), end.one_of(units)]);
        Truth { surely: any([existing(surely), others.clone()]), perhaps: any([existing(perhaps), others]) }
    }

    /// The end is in the region.
    pub(super) fn inside(&self, region: &Region, end: &End, doubtful: bool) -> Bool {
        match region {
            Region::Unit(unit) => all([end.is_newcomer().not(), end.one_of([u128::from(unit.0)])]),
            Region::Newcomers(cube) => all([end.is_newcomer(), end.pinned(cube)]),
            Region::Outside => all([end.is_unit().not(), self.starts(end, doubtful)]),
        }
    }

    /// True for the facts of units that do not change from one connection to another.
    pub(super) fn is_atomic(fact: &Fact) -> bool {
        matches!(fact, Fact::Label(_) | Fact::Owner | Fact::Host)
    }
}

/// Whether an interface's address is surely, or possibly, in a set: section 2 of the design page.
fn inside(set: &AddressSet, interface: &Interface) -> (bool, bool) {
    if set.covers_family(interface.family()) {
        return (true, true);
    }
    match interface.address {
        Address::Known(address) => (set.contains(address) && !interface.shared, set.contains(address)),
        Address::Within(net) => {
            let covered = set.is_superset(&AddressSet::from_net(net));
            (covered, covered)
        }
        Address::Unknown(_) => (false, false),
    }
}
