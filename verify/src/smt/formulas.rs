//! The formulas of a design and a batch of questions, put together.

use super::Outcome;
use super::ends::End;
use super::facts::{Fact, Vocabulary};
use super::judge::Verdict;
use super::packet::{HeaderTerms, Packet, family_of, has_own_form};
use super::path::Path;
use super::question::{Apart, Doors, Question};
use super::term::{all, any, constant};
use seglab_policy::{Assume, Connection, Design, Family, Header};
use z3::ast::Bool;

/// The formulas of a design in the current Z3 context.
pub(super) struct Formulas<'a> {
    pub(super) design: &'a Design,
    vocabulary: Vocabulary<'a>,
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) header: HeaderTerms,
    pub(super) verdict: Verdict,
    siblings: Option<Siblings>,
}

/// Every interface of the two ends, for questions about all of them.
struct Siblings {
    sources: Vec<End>,
    destinations: Vec<End>,
    /// What becomes of the connection between each two of them.
    verdicts: Vec<Verdict>,
}

impl<'a> Formulas<'a> {
    pub(super) fn new(design: &'a Design, assume: Assume, questions: &'a [Question]) -> Self {
        Self::with((design, assume), Vocabulary::new(design, questions), questions)
    }

    /// The formulas of a design, in words for another one with the same units and named sources, too.
    pub(super) fn beside(design: &'a Design, other: &'a Design, assume: Assume) -> Self {
        Self::with((design, assume), Vocabulary::of_both(design, other), &[])
    }

    fn with((design, assume): (&'a Design, Assume), vocabulary: Vocabulary<'a>, questions: &'a [Question]) -> Self {
        let (source, destination) = (End::new("source", &vocabulary), End::new("destination", &vocabulary));
        let header = HeaderTerms::variables();
        let packet = Packet { source: &source, destination: &destination, header: &header, reply: false };
        let verdict = Verdict::new(design, assume, &vocabulary, &packet, "");
        // Of units with one interface each the two ends are all that there is.
        let asked = questions.iter().any(|question| question.everywhere) && vocabulary.interfaces_most() > 1;
        let siblings = asked.then(|| Siblings::new(design, assume, &vocabulary, &header));
        Self { design, vocabulary, source, destination, header, verdict, siblings }
    }

    pub(super) fn packet(&self) -> Packet<'_> {
        Packet { source: &self.source, destination: &self.destination, header: &self.header, reply: false }
    }

    pub(super) fn vocabulary(&self) -> &Vocabulary<'a> {
        &self.vocabulary
    }

    pub(super) fn path(&self) -> Path {
        Path::new(&self.packet(), self.design, &self.vocabulary)
    }

    /// What holds of every question about a design: outcomes are what they are, the packet is one that can be, both
    /// ends are endpoints of the design, and such as a connection has.
    pub(super) fn common(&self) -> Bool {
        let packet = self.packet();
        let ends = [&self.source, &self.destination];
        all([
            self.verdict.definitions(),
            packet.well_formed(),
            self.path().are_endpoints,
            all(ends.map(|end| all([end.well_formed(), end.population(&self.vocabulary)]))),
            self.siblings.as_ref().map_or_else(|| constant(true), |siblings| siblings.common(self)),
        ])
    }

    /// The connection is one that the question describes.
    pub(super) fn described(&self, question: &Question) -> Bool {
        let (packet, vocabulary) = (self.packet(), &self.vocabulary);
        let door = match (&question.doors, vocabulary.doors_at(&question.doors)) {
            (Doors::Any, _) => constant(true),
            (_, Some(doors)) => packet.through_door(doors, vocabulary),
            (_, None) => constant(false),
        };
        let ends = question.from.hold(&self.source, vocabulary).and(&question.to.hold(&self.destination, vocabulary));
        let everywhere = match &self.siblings {
            Some(siblings) if question.everywhere => siblings.everywhere(&question.wanted, &packet),
            None if question.everywhere => constant(true),
            _ => packet.one_family(),
        };
        all([
            if question.surely { ends.surely } else { ends.perhaps },
            packet.is_of(&question.services, vocabulary),
            self.unlisted(question),
            packet.leaves_port(&question.source_ports),
            door,
            if question.leaves { packet.stays_inside().not() } else { constant(true) },
            self.verdict.is_one_of(&question.wanted),
            everywhere,
        ])
    }

    /// The connection is none of those that the question leaves out.
    fn unlisted(&self, question: &Question) -> Bool {
        all(question.unless.iter().map(|listed| {
            let from = listed.from.hold(&self.source, &self.vocabulary);
            let ends = from.and(&listed.to.hold(&self.destination, &self.vocabulary));
            let between = if question.surely { ends.perhaps } else { ends.surely };
            all([between, self.packet().is_of(&listed.services, &self.vocabulary)]).not()
        }))
    }

    /// The connection is one of some that fare so here and otherwise in another design.
    pub(super) fn fares(&self, other: &'a Design, assume: Assume, apart: &[Apart]) -> Bool {
        let packet = self.packet();
        let verdict = Verdict::new(other, assume, &self.vocabulary, &packet, "other ");
        let ways = apart.iter().map(|Apart { services, here, there }| {
            let of_services = packet.is_of(services, &self.vocabulary);
            all([of_services, self.verdict.is_one_of(here), verdict.is_one_of(there)])
        });
        all([packet.one_family(), verdict.definitions(), any(ways)])
    }

    /// The variables have the values of this connection; `None` if the design has no such endpoints, or no packet
    /// such a header.
    pub(super) fn pinned(&self, connection: &Connection) -> Option<Bool> {
        if matches!(connection.header, Header::Other(number) if has_own_form(number)) {
            return None;
        }
        let source = self.vocabulary.facts_of(connection.source)?;
        let destination = self.vocabulary.facts_of(connection.destination)?;
        let family = |endpoint| {
            let facts = if endpoint == connection.source { &source } else { &destination };
            facts.get(&Fact::V6).map(|&v6| if v6 == 1 { Family::V6 } else { Family::V4 })
        };
        let mut pinned = vec![
            self.source.well_formed(),
            self.destination.well_formed(),
            self.source.pinned(&source),
            self.destination.pinned(&destination),
            self.header.pinned(connection.header, family_of(connection, family)),
        ];
        // The address of a named external source is of the other end's family.
        if !(source.contains_key(&Fact::V6) && destination.contains_key(&Fact::V6)) {
            pinned.push(self.packet().one_family());
        }
        Some(all(pinned))
    }
}

impl Siblings {
    fn new(design: &Design, assume: Assume, vocabulary: &Vocabulary<'_>, header: &HeaderTerms) -> Self {
        let ends = |side: &str| -> Vec<End> {
            (0..vocabulary.interfaces_most()).map(|at| End::new(&format!("{side} {at}"), vocabulary)).collect()
        };
        let (sources, destinations) = (ends("source"), ends("destination"));
        let verdicts = pairs(&sources, &destinations, header)
            .map(|(from, to, packet)| Verdict::new(design, assume, vocabulary, &packet, &format!("{from} {to} ")))
            .collect();
        Self { sources, destinations, verdicts }
    }

    /// Each is an interface of its end, and the verdicts are what they are.
    fn common(&self, formulas: &Formulas<'_>) -> Bool {
        let of = |siblings: &[End], end: &End| {
            all((0u128..).zip(siblings).map(|(at, sibling)| {
                let population = sibling.population(&formulas.vocabulary);
                all([sibling.well_formed(), population, sibling.alternates(end, at)])
            }))
        };
        all([
            of(&self.sources, &formulas.source),
            of(&self.destinations, &formulas.destination),
            all(self.verdicts.iter().map(Verdict::definitions)),
        ])
    }

    /// One of these becomes of the connection between every two interfaces between which there can be one. Where no
    /// two are of one family, that is no connection at all, and the packet stands for it.
    fn everywhere(&self, wanted: &[Outcome], packet: &Packet<'_>) -> Bool {
        let mut strangers = Vec::new();
        let mut become_of_all = Vec::new();
        for ((_, _, sibling), verdict) in pairs(&self.sources, &self.destinations, packet.header).zip(&self.verdicts) {
            let exists = all([sibling.one_family(), sibling.well_formed()]);
            become_of_all.push(any([exists.not(), verdict.is_one_of(wanted)]));
            strangers.push(sibling.one_family().not());
        }
        all([all(become_of_all), any([packet.one_family(), all(strangers)])])
    }
}

/// Every two ends, with their positions, as a packet.
fn pairs<'e>(
    sources: &'e [End],
    destinations: &'e [End],
    header: &'e HeaderTerms,
) -> impl Iterator<Item = (usize, usize, Packet<'e>)> {
    sources.iter().enumerate().flat_map(move |(from, source)| {
        let packet = move |destination| Packet { source, destination, header, reply: false };
        destinations.iter().enumerate().map(move |(to, destination)| (from, to, packet(destination)))
    })
}
