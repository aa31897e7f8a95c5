//! Who is meant by the peers of properties and needs.

use crate::classes::ClassId;
use crate::endpoint_class::{Match, truth_in};
use crate::reach::Verifier;
use seglab_policy::{Address, AddressSet, Covers, Family, Peer, Selector};

/// The endpoints that a peer stands for, by class. Where it is not known whether an endpoint is meant, it is marked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    pub(crate) classes: Vec<(ClassId, Match)>,
    /// Endpoint classes of external addresses.
    pub(crate) externals: Vec<(u32, Match)>,
    /// Named external sources, each by its first endpoint class.
    pub(crate) sources: Vec<(u32, Match)>,
}

impl Members {
    /// True if it certainly stands for the class.
    pub(crate) fn certainly(&self, class: ClassId) -> bool {
        self.classes.binary_search(&(class, Match::Yes)).is_ok()
    }

    /// True if it may stand for the class.
    pub(crate) fn possibly(&self, class: ClassId) -> bool {
        self.certainly(class) || self.classes.binary_search(&(class, Match::Maybe)).is_ok()
    }

    /// True if it certainly stands for the external addresses of an endpoint class.
    pub(crate) fn certainly_external(&self, external: u32) -> bool {
        self.externals.binary_search(&(external, Match::Yes)).is_ok()
    }

    /// True if it may stand for the external addresses of an endpoint class.
    pub(crate) fn possibly_external(&self, external: u32) -> bool {
        self.certainly_external(external) || self.externals.binary_search(&(external, Match::Maybe)).is_ok()
    }
}

impl Verifier<'_> {
    /// The endpoints that a peer stands for, as rules would have it.
    pub(crate) fn members(&self, peer: &Peer) -> Members {
        let classes = &self.engine.classes;
        let endpoints = &classes.endpoints;
        let everyone = |matched| Members {
            classes: classes.ids().map(|class| (class, matched)).collect(),
            externals: endpoints.externals().map(|external| (external, matched)).collect(),
            sources: endpoints.whole_sources().map(|source| (source, matched)).collect(),
        };
        match peer {
            Peer::Anyone => everyone(Match::Yes),
            Peer::Unmodelled(_) => everyone(Match::Maybe),
            Peer::Units(selector) => {
                let id = classes.words.selectors.id(selector);
                let by_source = |&source: &u32| id.is_some_and(|id| endpoints.selected(&classes.index, id, source));
                Members {
                    classes: self.selected(selector).map(|class| (class, Match::Yes)).collect(),
                    externals: Vec::new(),
                    sources: endpoints.whole_sources().filter(by_source).map(|source| (source, Match::Yes)).collect(),
                }
            }
            Peer::Addresses { set, covers } => {
                let inside = |external: &u32| {
                    endpoints.addresses(*external).ranges().next().is_some_and(|(first, _)| set.contains(first))
                };
                // Its address is not known: the whole of either family may hold it.
                let covered =
                    |_: &u32| *covers == Covers::All && Family::ALL.into_iter().any(|family| set.covers_family(family));
                Members {
                    classes: match covers {
                        Covers::All => {
                            let covers = Family::ALL.map(|family| set.covers_family(family));
                            classes.ids().filter_map(|class| self.has_address(class, set, covers)).collect()
                        }
                        Covers::External => Vec::new(),
                    },
                    externals: endpoints.externals().filter(inside).map(|external| (external, Match::Yes)).collect(),
                    sources: endpoints.whole_sources().filter(covered).map(|source| (source, Match::Yes)).collect(),
                }
            }
        }
    }

    /// The classes that a selector of the design selects, ascending.
    pub(crate) fn selected(&self, selector: &Selector) -> impl Iterator<Item = ClassId> + use<> {
        self.engine.classes.selected(selector, self.engine.design).into_iter()
    }

    /// Whether some interface of the units of a class has an address in a set of the design, which covers the whole of
    /// the families or not.
    fn has_address(&self, class: ClassId, set: &AddressSet, [v4, v6]: [bool; 2]) -> Option<(ClassId, Match)> {
        let unit = self.engine.design.unit(self.engine.classes.representative(class));
        let matches = unit.interfaces.iter().filter_map(|interface| {
            let is_in = match interface.address {
                Address::Known(address) => set.contains(address),
                Address::Within(net) => set.is_superset(&AddressSet::from_net(net)),
                // Only the whole of a family has it for certain.
                Address::Unknown(_) => false,
            };
            truth_in(interface, is_in, if interface.family() == Family::V4 { v4 } else { v6 })
        });
        matches.max().map(|matched| (class, matched))
    }
}
