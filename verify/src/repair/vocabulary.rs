//! The words that candidate edits are made of: what the design's segments, needs and properties speak of.
//!
//! A repair that is written in the words of the claims reads like what somebody meant to write. Rules' own words are
//! not among them: a narrowed rule keeps its own, and what it is restricted to comes from what is asked of the design.

use seglab_policy::{AddressSet, Claim, Covers, Design, IntervalSet, Peer, Selector, Service, Transport, UnitId};
use std::collections::BTreeSet;

/// The words of a design.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Selectors as they stand in segments and claims: from the most telling on.
    pub(super) sides: Vec<Selector>,
    /// The same, the parts that they are made of, and the opposites of all.
    pub(super) selectors: Vec<Selector>,
    /// Ranges of addresses, and the external addresses outside of each.
    pub(super) addresses: Vec<Peer>,
    /// Lists of services.
    pub(super) services: Vec<Vec<Service>>,
}

impl Vocabulary {
    pub(super) fn of(design: &Design) -> Self {
        let mut words = Words::default();
        words.sides.extend(design.segments().iter().map(|segment| segment.selector.clone()));
        for property in design.properties() {
            words.claim(&property.claim);
        }
        for need in design.needs() {
            words.peers([&need.from, &need.to]);
            words.services.push(need.services.clone());
        }
        words.into_vocabulary()
    }
}

#[derive(Default)]
struct Words {
    sides: Vec<Selector>,
    ranges: Vec<(AddressSet, Covers)>,
    services: Vec<Vec<Service>>,
}

impl Words {
    fn claim(&mut self, claim: &Claim) {
        self.peers(claim.peers());
        self.sides.extend(claim.selectors().into_iter().cloned());
        self.services.push(claim.services().into_iter().cloned().collect());
        match claim {
            Claim::Exposed { external, .. } => self.ranges.push((external.clone(), Covers::External)),
            Claim::Only { flows, .. } => self.services.extend(flows.iter().map(|flow| flow.services.clone())),
            _ => {}
        }
    }

    fn peers<'p>(&mut self, peers: impl IntoIterator<Item = &'p Peer>) {
        for peer in peers {
            match peer {
                Peer::Units(selector) => self.sides.push(selector.clone()),
                Peer::Addresses { set, covers } => self.ranges.push((set.clone(), *covers)),
                Peer::Anyone | Peer::Unmodelled(_) => {}
            }
        }
    }

    fn into_vocabulary(self) -> Vocabulary {
        let sides = distinct(self.sides);
        let mut selectors = vec![Selector::Everything];
        selectors.extend(sides.iter().cloned());
        let mut parts = Vec::new();
        sides.iter().for_each(|side| split(side, &mut parts));
        selectors.extend(parts);
        let opposites: Vec<Selector> = selectors.iter().map(Selector::opposite).collect();
        selectors.extend(opposites);
        let mut addresses = Vec::new();
        for (set, covers) in self.ranges {
            let outside = Peer::Addresses { set: set.complement(), covers: Covers::External };
            addresses.extend([Peer::Addresses { set, covers }, outside, Peer::external()]);
        }
        let mut services = Vec::new();
        for list in self.services {
            services.extend(list.iter().map(|one| vec![one.clone()]));
            services.extend(list.iter().filter_map(without));
            services.push(list);
        }
        services.retain(|list| !list.is_empty() && !list.contains(&Service::Any));
        Vocabulary {
            sides,
            selectors: distinct(selectors),
            addresses: distinct(addresses),
            services: distinct(services),
        }
    }
}

/// The same in their order, each once.
fn distinct<T: Ord + Clone>(all: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|one| seen.insert(one.clone())).collect()
}

/// Adds the parts that a selector is made of.
fn split(selector: &Selector, parts: &mut Vec<Selector>) {
    match selector {
        Selector::All(inner) | Selector::AnyOf(inner) => {
            for part in inner {
                parts.push(part.clone());
                split(part, parts);
            }
        }
        Selector::Not(inner) => {
            parts.push(inner.as_ref().clone());
            split(inner, parts);
        }
        _ => {}
    }
}

/// The transport and ICMP headers that are not of a service of ports; `None` for others.
fn without(service: &Service) -> Option<Vec<Service>> {
    let Service::Ports { protocol, ports, source_ports } = service else { return None };
    if !source_ports.is_full() {
        return None;
    }
    let mut rest = Vec::new();
    for other in Transport::ALL {
        let ports = if other == *protocol { ports.complement() } else { IntervalSet::full() };
        if !ports.is_empty() {
            rest.push(Service::Ports { protocol: other, ports, source_ports: IntervalSet::full() });
        }
    }
    rest.extend([Service::protocol(1), Service::protocol(58)]);
    Some(rest)
}

/// True if the selector is one that a Kubernetes label selector can say: labels that are there, or not, all at once.
pub(super) fn is_conjunction(selector: &Selector) -> bool {
    match selector {
        Selector::Everything
        | Selector::In { .. }
        | Selector::NotIn { .. }
        | Selector::Exists(_)
        | Selector::Absent(_) => true,
        Selector::All(parts) => parts.iter().all(is_conjunction),
        Selector::Named(_) | Selector::AnyOf(_) | Selector::Not(_) => false,
    }
}

/// The units of a selector, and the named sources that it holds for, as positions.
pub(super) fn extent(design: &Design, selector: &Selector) -> (Vec<UnitId>, Vec<usize>) {
    let sources = design.external_sources().iter().enumerate();
    let sources = sources.filter(|(_, source)| selector.matches_source(source)).map(|(at, _)| at).collect();
    (design.select(selector).collect(), sources)
}
