//! What paths carry between endpoint classes, before any point judges.

use super::Arrives;
use crate::classes::Classes;
use crate::endpoint_class::{EndpointClasses, EndpointKind};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use rustc_hash::FxHashMap;
use seglab_policy::{Design, Family, Listener, Selector, Service, Transport};

/// What paths carry between endpoint classes, before any point judges.
#[derive(Debug)]
pub(crate) struct Paths {
    families: [HeaderId; 2],
    /// Whether something that is not modelled touches a class.
    touched: Vec<bool>,
    /// Of named external sources, by (source class, destination class).
    entries: FxHashMap<(u32, u32), HeaderId>,
}

impl Paths {
    pub(super) fn new(design: &Design, classes: &Classes, sets: &mut HeaderSets) -> Self {
        let endpoints = &classes.endpoints;
        let is_unit = |class: u32| (class as usize) < endpoints.units();
        let touched = (0..u32::try_from(endpoints.len()).unwrap_or(u32::MAX))
            .map(|class| {
                is_unit(class) && design.unmodelled().iter().any(|what| selected(classes, &what.touches, class))
            })
            .collect();
        let mut entries = FxHashMap::default();
        for source in endpoints.sources() {
            for class in 0..u32::try_from(endpoints.units()).unwrap_or(u32::MAX) {
                if let Some(carried) = Self::entry(design, classes, source, class).filter(|set| !set.is_empty()) {
                    entries.insert((source, class), sets.intern(carried));
                }
            }
        }
        Self { families: Family::ALL.map(|family| sets.intern(HeaderSet::of_family(family))), touched, entries }
    }

    /// What a named source may open to a class of units; `None` for one of another family.
    pub(super) fn entry(design: &Design, classes: &Classes, source: u32, class: u32) -> Option<HeaderSet> {
        let endpoints = &classes.endpoints;
        let EndpointKind::Source(id) = endpoints.get(source).kind else { return None };
        let (family, ports) = (endpoints.get(class).family, endpoints.named_ports(endpoints.get(class).ports));
        let entries = design.external_source(id).filter(|_| family == endpoints.get(source).family)?.entries.iter();
        let meant = entries.filter(|entry| selected(classes, &entry.to, class));
        let all = meant.fold(HeaderSet::empty(), |set, entry| set.union(&resolved(&entry.services, ports)));
        Some(all.intersection(&HeaderSet::of_family(family)))
    }

    /// What each named source may open to a class; nothing if none may open anything to anyone.
    pub(crate) fn entries_to(&self, endpoints: &EndpointClasses, class: u32) -> Vec<HeaderId> {
        let opened = |source| self.opened(source, class);
        if self.entries.is_empty() { Vec::new() } else { endpoints.sources().map(opened).collect() }
    }

    /// What a named source may open to a class.
    pub(super) fn opened(&self, source: u32, class: u32) -> HeaderId {
        self.entries.get(&(source, class)).copied().unwrap_or_default()
    }

    pub(crate) fn touched(&self, class: u32) -> bool {
        self.touched.get(class as usize).copied().unwrap_or(false)
    }

    /// The headers of which some path certainly carries every one, and those of which one possibly does: where
    /// something that is not modelled touches an end it may open whatever path is missing, so long as there can be
    /// such a connection at all.
    pub(super) fn arrives(&self, classes: &Classes, source: u32, destination: u32) -> Arrives {
        let endpoints = &classes.endpoints;
        let (from, to) = (endpoints.get(source), endpoints.get(destination));
        if from.family != to.family {
            return Arrives::NEVER;
        }
        let [v4, v6] = self.families;
        let every = match from.family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        let whole = |carried: bool| if carried { every } else { HeaderId::EMPTY };
        let (exists, carried) = match (from.kind, to.kind) {
            (EndpointKind::Unit, EndpointKind::Unit) => (true, whole(endpoints.spaces_linked(from.space, to.space))),
            (EndpointKind::Unit, EndpointKind::External(_)) => {
                (endpoints.external_in_space(destination, from.space), whole(from.outbound))
            }
            (EndpointKind::External(_), EndpointKind::Unit) => {
                (endpoints.external_in_space(source, to.space), whole(to.inbound))
            }
            (EndpointKind::Source(_), EndpointKind::Unit) => (true, self.opened(source, destination)),
            _ => (false, HeaderId::EMPTY),
        };
        match (exists, self.touched(source) || self.touched(destination)) {
            (false, _) => Arrives::NEVER,
            (true, true) => Arrives { certain: HeaderId::EMPTY, possible: every },
            (true, false) => Arrives { certain: carried, possible: carried },
        }
    }

    /// Leads nowhere from and to an endpoint class.
    pub(super) fn vacate(&mut self, end: u32) {
        self.touched.get_mut(end as usize).into_iter().for_each(|known| *known = false);
        self.entries.retain(|(_, to), _| *to != end);
    }

    /// Leads to and from an endpoint class that was vacant as to and from another.
    pub(super) fn split(&mut self, sources: std::ops::Range<u32>, end: u32, other: u32) {
        let touched = self.touched(end);
        self.touched.get_mut(other as usize).into_iter().for_each(|known| *known = touched);
        for source in sources {
            if let Some(&carried) = self.entries.get(&(source, end)) {
                self.entries.insert((source, other), carried);
            }
        }
    }
}

/// True if a selector of the policy selects the units of a class or the source.
fn selected(classes: &Classes, selector: &Selector, class: u32) -> bool {
    let id = classes.words.selectors.id(selector);
    id.is_some_and(|id| classes.endpoints.selected(&classes.index, id, class))
}

/// The headers of services where the destination declares these named ports.
fn resolved(services: &[Service], ports: &[(String, Transport, u16)]) -> HeaderSet {
    let listeners: Vec<Listener> = ports
        .iter()
        .map(|(name, protocol, port)| Listener { name: Some(name.clone()), ..Listener::port(*protocol, *port) })
        .collect();
    HeaderSet::of_services(services, &listeners)
}
