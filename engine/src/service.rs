//! Services as the engine asks them: of one family, with the names of ports resolved by the destination.

use crate::column::{Column, id};
use rustc_hash::FxHashMap;
use seglab_policy::{Family, Header, IntervalSet, Service, Transport};
use std::sync::Arc;

/// A predicate over headers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Predicate {
    Any,
    Ports {
        protocol: Transport,
        ports: IntervalSet<u16>,
        source_ports: IntervalSet<u16>,
    },
    Icmp {
        kind: Option<u8>,
        code: Option<u8>,
    },
    Protocol(u8),
    /// Whatever the destination's names say: a [`NamedPort`], as its position in [`Names`].
    Named(u32),
}

/// A port that rules know by a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NamedPort {
    pub(crate) protocol: Option<Transport>,
    pub(crate) name: String,
}

/// What a name stands for at a destination.
pub(crate) type Resolved = Vec<(Transport, u16)>;

impl Predicate {
    /// A single port of a protocol, from any source port.
    pub(crate) fn port(protocol: Transport, port: u16) -> Self {
        Predicate::Ports { protocol, ports: IntervalSet::single(port), source_ports: IntervalSet::full() }
    }

    /// True if a header is of this service, at a destination whose names resolve to `names`.
    pub(crate) fn matches(&self, header: Header, names: &Column<Resolved>) -> bool {
        match (self, header) {
            (Predicate::Any, _) => true,
            (
                Predicate::Ports { protocol, ports, source_ports },
                Header::Transport { protocol: used, source_port, destination_port },
            ) => *protocol == used && ports.contains(destination_port) && source_ports.contains(source_port),
            (Predicate::Named(name), Header::Transport { protocol, destination_port, .. }) => {
                names.lookup(*name).is_some_and(|ports| ports.contains(&(protocol, destination_port)))
            }
            (Predicate::Icmp { kind, code }, Header::Icmp { kind: used, code: used_code }) => {
                kind.is_none_or(|kind| kind == used) && code.is_none_or(|code| code == used_code)
            }
            (Predicate::Protocol(number), Header::Other(used)) => *number == used,
            _ => false,
        }
    }
}

/// The services of rules, each list of them once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services {
    lists: Arc<Column<Vec<Predicate>>>,
    known: FxHashMap<Vec<Predicate>, u32>,
    names: Column<NamedPort>,
    known_names: FxHashMap<NamedPort, u32>,
}

impl Services {
    /// The id of a list of services as connections of `family` see it; `None` if no header can be of it.
    pub(crate) fn intern(&mut self, services: &[Service], family: Family) -> Option<u32> {
        let mut list: Vec<Predicate> = services.iter().filter_map(|service| self.predicate(service, family)).collect();
        list.sort_unstable();
        list.dedup();
        if list.is_empty() {
            return None;
        }
        if let Some(&known) = self.known.get(&list) {
            return Some(known);
        }
        let list_id = Arc::make_mut(&mut self.lists).push(list.clone());
        self.known.insert(list, list_id);
        Some(list_id)
    }

    fn predicate(&mut self, service: &Service, family: Family) -> Option<Predicate> {
        Some(match service {
            Service::Any => Predicate::Any,
            Service::Ports { ports, source_ports, .. } if ports.is_empty() || source_ports.is_empty() => return None,
            Service::Ports { protocol, ports, source_ports } => {
                Predicate::Ports { protocol: *protocol, ports: ports.clone(), source_ports: source_ports.clone() }
            }
            Service::NamedPort { protocol, name } => {
                let named = NamedPort { protocol: *protocol, name: name.clone() };
                let next = id(self.names.len());
                let named_id = *self.known_names.entry(named.clone()).or_insert(next);
                if named_id == next {
                    self.names.push(named);
                }
                Predicate::Named(named_id)
            }
            Service::Icmp { family: of, kind, code } if *of == family => Predicate::Icmp { kind: *kind, code: *code },
            Service::Icmp { .. } => return None,
            Service::Protocol(number) => Predicate::Protocol(*number),
        })
    }

    /// The lists, by id.
    pub(crate) fn lists(&self) -> &Arc<Column<Vec<Predicate>>> {
        &self.lists
    }

    /// The names that services use, by their position in [`Predicate::Named`].
    pub(crate) fn names(&self) -> &Column<NamedPort> {
        &self.names
    }
}
