//! Service classes: kinds of header that no rule's services tell apart.
//!
//! Each header field is first cut into classes of its own values; a *cell* is a combination of field classes. Cells
//! that the same services cover are then one service class, so a header is classified by one read a field and one
//! read of the cell.

use crate::column::{Column, id, ids};
use crate::partition::{Partition, classes_of};
use crate::service::Predicate;
use seglab_policy::{Header, IntervalSet, Transport};
use std::collections::BTreeMap;

/// The most cells and the most classes for which headers are classified; past them, rules look at headers themselves.
const CELLS_MAX: usize = 1 << 20;
const CLASSES_MAX: usize = 1 << 15;

/// Header to service class.
#[derive(Clone, Debug)]
pub(crate) struct Classifier {
    transports: [Ports; 3],
    icmp: Messages,
    /// Where the cells of other protocols start; the protocol's number is added.
    others: u32,
    class_of_cell: Column<u32>,
    classes: usize,
}

/// The cells of one transport protocol: destination port class by source port class.
#[derive(Clone, Debug)]
struct Ports {
    first_cell: u32,
    destinations: FieldClasses,
    sources: FieldClasses,
}

/// The cells of ICMP: type class by code class.
#[derive(Clone, Debug)]
struct Messages {
    first_cell: u32,
    kinds: FieldClasses,
    codes: FieldClasses,
}

/// The values of a header field by the sets that they are in.
#[derive(Clone, Debug)]
struct FieldClasses {
    /// The class of each value; empty if there is one class only.
    class_of: Column<u16>,
    classes: usize,
    /// The first values of the ranges that no set cuts, and the class of each range.
    firsts: Vec<u32>,
    class_of_range: Column<u32>,
    /// How many values there are.
    len: u32,
}

impl FieldClasses {
    /// Cuts the values below `len` by the sets.
    fn new(len: u32, sets: &[Vec<(u32, u32)>]) -> Self {
        // Cutting ranges instead of values keeps the work proportional to what the sets say.
        let mut firsts: Vec<u32> = vec![0];
        firsts.extend(sets.iter().flatten().flat_map(|&(first, last)| [first, last + 1]));
        firsts.sort_unstable();
        firsts.dedup();
        firsts.retain(|&first| first < len);
        let mut partition = Partition::new(firsts.len());
        for set in sets {
            partition.split(&ranges_of(&firsts, set));
        }
        let classes = partition.len();
        let class_of_range = partition.into_classes();
        let mut class_of = Vec::new();
        if classes > 1 {
            for (class, until) in class_of_range.iter().zip(firsts.iter().skip(1).copied().chain([len])) {
                class_of.resize(until as usize, u16::try_from(*class).unwrap_or(u16::MAX));
            }
        }
        Self { class_of: class_of.into(), classes, firsts, class_of_range, len }
    }

    #[inline]
    fn class(&self, value: u32) -> u32 {
        self.class_of.lookup(value).map_or(0, |&class| u32::from(class))
    }

    /// A value of each class, and the class of every value; no class of each if there is one only.
    fn samples(&self) -> (Vec<u16>, &Column<u16>) {
        let mut samples: BTreeMap<u32, u16> = BTreeMap::new();
        for (&first, &class) in self.firsts.iter().zip(self.class_of_range.iter()) {
            samples.entry(class).or_insert_with(|| u16::try_from(first).unwrap_or(u16::MAX));
        }
        (samples.into_values().collect(), &self.class_of)
    }

    /// The classes that a set, one of those that cut the values, is made of.
    fn of(&self, set: &[(u32, u32)]) -> Vec<u32> {
        classes_of(&self.class_of_range, &ranges_of(&self.firsts, set))
    }

    /// True if a set is made of classes.
    fn is_made_of(&self, set: &[(u32, u32)]) -> bool {
        let is_edge = |value: u32| self.firsts.binary_search(&value).is_ok();
        if !set.iter().all(|&(first, last)| is_edge(first) && (is_edge(last + 1) || last + 1 == self.len)) {
            return false;
        }
        let (ranges, classes) = (ranges_of(&self.firsts, set), self.of(set));
        self.class_of_range.iter().filter(|class| classes.binary_search(class).is_ok()).count() == ranges.len()
    }

    fn bytes(&self) -> usize {
        self.class_of.bytes() + self.class_of_range.bytes() + self.firsts.len() * size_of::<u32>()
    }
}

/// The ranges, by the position of their first values, that a set is made of.
fn ranges_of(firsts: &[u32], set: &[(u32, u32)]) -> Vec<u32> {
    let position = |value: u32| id(firsts.partition_point(|&first| first < value));
    set.iter().flat_map(|&(first, last)| position(first)..position(last + 1)).collect()
}

fn port_ranges(ports: &IntervalSet<u16>) -> Vec<(u32, u32)> {
    ports.ranges().iter().map(|&(first, last)| (first.into(), last.into())).collect()
}

impl Classifier {
    /// Classes of headers that none of the predicates tells apart, names apart (whoever resolves one adds the
    /// [`Predicate::port`] that it stands for); `None` if there would be too many.
    pub(crate) fn new(predicates: &[Predicate]) -> Option<Self> {
        let mut cells = 0usize;
        let transports = Transport::ALL.map(|transport| {
            let of_transport = |field: fn(&IntervalSet<u16>, &IntervalSet<u16>) -> IntervalSet<u16>| {
                let sets: std::collections::BTreeSet<IntervalSet<u16>> = predicates
                    .iter()
                    .filter_map(|predicate| match predicate {
                        Predicate::Ports { protocol, ports, source_ports } if *protocol == transport => {
                            Some(field(ports, source_ports))
                        }
                        _ => None,
                    })
                    .collect();
                FieldClasses::new(1 << 16, &sets.iter().map(port_ranges).collect::<Vec<_>>())
            };
            let destinations = of_transport(|ports, _| ports.clone());
            let sources = of_transport(|_, source_ports| source_ports.clone());
            let first_cell = id(cells);
            cells = cells.saturating_add(destinations.classes * sources.classes);
            Ports { first_cell, destinations, sources }
        });
        let message = |field: fn(Option<u8>, Option<u8>) -> Option<u8>| {
            let values: std::collections::BTreeSet<u8> = predicates
                .iter()
                .filter_map(|predicate| match predicate {
                    Predicate::Icmp { kind, code } => field(*kind, *code),
                    _ => None,
                })
                .collect();
            let sets: Vec<_> = values.into_iter().map(|value| vec![(value.into(), value.into())]).collect();
            FieldClasses::new(1 << 8, &sets)
        };
        let icmp = Messages { first_cell: id(cells), kinds: message(|kind, _| kind), codes: message(|_, code| code) };
        cells += icmp.kinds.classes * icmp.codes.classes;
        let others = id(cells);
        cells += 1 << 8;
        if cells > CELLS_MAX {
            return None;
        }
        let mut classifier = Self { transports, icmp, others, class_of_cell: Column::default(), classes: 0 };
        let mut partition = Partition::new(cells);
        for predicate in predicates {
            partition.split(&classifier.cells_of(predicate));
        }
        classifier.classes = partition.len();
        classifier.class_of_cell = in_order_of_cells(&partition.into_classes(), classifier.classes);
        (classifier.classes <= CLASSES_MAX).then_some(classifier)
    }

    /// The class of a header.
    #[inline]
    pub(crate) fn classify(&self, header: Header) -> u32 {
        let cell = match header {
            Header::Transport { protocol, source_port, destination_port } => {
                let ports = self.ports(protocol);
                ports.cell(ports.destinations.class(destination_port.into()), ports.sources.class(source_port.into()))
            }
            Header::Icmp { kind, code } => {
                self.icmp.cell(self.icmp.kinds.class(kind.into()), self.icmp.codes.class(code.into()))
            }
            Header::Other(number) => self.others + u32::from(number),
        };
        self.class_of_cell[cell]
    }

    /// The number of classes.
    pub(crate) fn len(&self) -> usize {
        self.classes
    }

    /// A source port of each class of source ports of a transport, and the class of every source port; no class of
    /// each if there is one only.
    pub(crate) fn source_ports(&self, transport: Transport) -> (Vec<u16>, &Column<u16>) {
        self.ports(transport).sources.samples()
    }

    /// As [`Classifier::source_ports`], of destination ports.
    pub(crate) fn destination_ports(&self, transport: Transport) -> (Vec<u16>, &Column<u16>) {
        self.ports(transport).destinations.samples()
    }

    /// True if rules tell kinds of ICMP messages apart.
    pub(crate) fn minds_messages(&self) -> bool {
        self.icmp.kinds.classes * self.icmp.codes.classes > 1
    }

    /// The classes that a predicate covers, of which it is made exactly; a name covers none.
    pub(crate) fn classes_of(&self, predicate: &Predicate) -> Vec<u32> {
        classes_of(&self.class_of_cell, &self.cells_of(predicate))
    }

    /// True if what a predicate is about is made of classes, so that [`Classifier::classes_of`] says it exactly though the
    /// classes were made without it; of a name, whatever it stands for.
    pub(crate) fn is_made_of(&self, predicate: &Predicate) -> bool {
        let value = |field: &FieldClasses, value: &Option<u8>| {
            value.is_none_or(|value| field.is_made_of(&[(value.into(), value.into())]))
        };
        let by_field = match predicate {
            Predicate::Any | Predicate::Named(_) => return true,
            Predicate::Ports { protocol, ports, source_ports } => {
                let held = self.ports(*protocol);
                held.destinations.is_made_of(&port_ranges(ports)) && held.sources.is_made_of(&port_ranges(source_ports))
            }
            Predicate::Icmp { kind, code } => value(&self.icmp.kinds, kind) && value(&self.icmp.codes, code),
            Predicate::Protocol(_) => true,
        };
        let (cells, classes) = (self.cells_of(predicate), self.classes_of(predicate));
        by_field
            && self.class_of_cell.iter().filter(|class| classes.binary_search(class).is_ok()).count() == cells.len()
    }

    /// The bytes that the classifier takes.
    pub(crate) fn bytes(&self) -> usize {
        let ports: usize = self.transports.iter().map(|ports| ports.destinations.bytes() + ports.sources.bytes()).sum();
        ports + self.icmp.kinds.bytes() + self.icmp.codes.bytes() + self.class_of_cell.bytes()
    }

    fn ports(&self, transport: Transport) -> &Ports {
        let [tcp, udp, sctp] = &self.transports;
        match transport {
            Transport::Tcp => tcp,
            Transport::Udp => udp,
            Transport::Sctp => sctp,
        }
    }

    fn cells_of(&self, predicate: &Predicate) -> Vec<u32> {
        match predicate {
            Predicate::Any => (0..self.others + (1 << 8)).collect(),
            Predicate::Ports { protocol, ports: to, source_ports: from } => {
                let ports = self.ports(*protocol);
                let (to, from) = (ports.destinations.of(&port_ranges(to)), ports.sources.of(&port_ranges(from)));
                to.iter().flat_map(|&to| from.iter().map(move |&from| ports.cell(to, from))).collect()
            }
            Predicate::Icmp { kind, code } => {
                let chosen = |field: &FieldClasses, value: &Option<u8>| match value {
                    Some(value) => vec![field.class((*value).into())],
                    None => ids(field.classes).collect(),
                };
                let (kinds, codes) = (chosen(&self.icmp.kinds, kind), chosen(&self.icmp.codes, code));
                kinds.iter().flat_map(|&kind| codes.iter().map(move |&code| self.icmp.cell(kind, code))).collect()
            }
            Predicate::Protocol(number) => vec![self.others + u32::from(*number)],
            Predicate::Named(_) => Vec::new(),
        }
    }
}

/// The classes renumbered in the order of their first cells, so that what covers neighbouring ports covers neighbouring
/// classes.
fn in_order_of_cells(class_of_cell: &Column<u32>, classes: usize) -> Column<u32> {
    let mut number = Column::filled(u32::MAX, classes);
    let mut next = 0;
    let renumbered = class_of_cell.iter().map(|&class| {
        if number[class] == u32::MAX {
            number[class] = next;
            next += 1;
        }
        number[class]
    });
    renumbered.collect()
}

impl Ports {
    #[inline]
    fn cell(&self, destination: u32, source: u32) -> u32 {
        self.first_cell + destination * id(self.sources.classes) + source
    }
}

impl Messages {
    #[inline]
    fn cell(&self, kind: u32, code: u32) -> u32 {
        self.first_cell + kind * id(self.codes.classes) + code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges() -> impl Strategy<Value = IntervalSet<u16>> {
        prop_oneof![
            Just(IntervalSet::full()),
            prop::collection::vec((0u16..12, 0u16..12), 1..3)
                .prop_map(|ranges| IntervalSet::from_ranges(ranges.into_iter().map(|(a, b)| (a.min(b), a.max(b))))),
            (65530u16..).prop_map(|first| IntervalSet::from_ranges([(first, u16::MAX)])),
        ]
    }

    fn predicate() -> impl Strategy<Value = Predicate> {
        prop_oneof![
            1 => Just(Predicate::Any),
            6 => (prop::sample::select(&Transport::ALL), ranges(), ranges())
                .prop_map(|(protocol, ports, source_ports)| Predicate::Ports { protocol, ports, source_ports }),
            2 => (prop::option::of(0u8..3), prop::option::of(0u8..3)).prop_map(|(kind, code)| Predicate::Icmp { kind, code }),
            1 => (0u8..3).prop_map(Predicate::Protocol),
        ]
    }

    fn header() -> impl Strategy<Value = Header> {
        let port = || prop_oneof![0u16..14, 65528u16..];
        prop_oneof![
            4 => (prop::sample::select(&Transport::ALL), port(), port()).prop_map(|(protocol, source_port, destination_port)| {
                Header::Transport { protocol, source_port, destination_port }
            }),
            1 => (0u8..4, 0u8..4).prop_map(|(kind, code)| Header::Icmp { kind, code }),
            1 => (0u8..4).prop_map(Header::Other),
        ]
    }

    proptest! {
        #[test]
        fn a_class_is_what_the_predicates_do_not_tell_apart(
            predicates in prop::collection::vec(predicate(), 0..8), headers in prop::collection::vec(header(), 20)
        ) {
            let classifier = Classifier::new(&predicates).unwrap();
            let vector = |header: Header| {
                predicates.iter().map(|one| one.matches(header, &Column::default())).collect::<Vec<_>>()
            };
            for &a in &headers {
                for predicate in &predicates {
                    prop_assert!(classifier.is_made_of(predicate));
                    let covered = classifier.classes_of(predicate).contains(&classifier.classify(a));
                    prop_assert_eq!(covered, predicate.matches(a, &Column::default()));
                }
                for &b in &headers {
                    prop_assert_eq!(classifier.classify(a) == classifier.classify(b), vector(a) == vector(b));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_made_of_classes_is_covered_exactly(
            predicates in prop::collection::vec(predicate(), 0..8), other in predicate(), headers in prop::collection::vec(header(), 60)
        ) {
            let classifier = Classifier::new(&predicates).unwrap();
            let classes = classifier.classes_of(&other);
            let cut = headers.iter().any(|&header| {
                classes.contains(&classifier.classify(header)) != other.matches(header, &Column::default())
            });
            prop_assert!(!cut || !classifier.is_made_of(&other));
        }
    }

    #[test]
    fn too_many_cells_are_refused() {
        let single = |ports: u16, source_ports: u16| Predicate::Ports {
            protocol: Transport::Tcp,
            ports: IntervalSet::single(ports),
            source_ports: IntervalSet::single(source_ports),
        };
        assert!(Classifier::new(&(0..900).map(|port| single(port, port)).collect::<Vec<_>>()).is_some());
        assert!(Classifier::new(&(0..1100).map(|port| single(port, port)).collect::<Vec<_>>()).is_none());
    }
}
