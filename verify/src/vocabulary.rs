//! Everything that a design's policy and questions can tell endpoints apart by.
//!
//! Rules, scopes, placements and the rest repeat the same selectors and address ranges many times over. They are
//! collected once, numbered, and each is looked at once from then on.

use rustc_hash::FxHashMap;
use seglab_policy::{AddressSet, Claim, Covers, Design, Level, Peer, Placement, Scope, Selector, Service};
use std::collections::BTreeSet;
use std::hash::Hash;

/// Values by number, in the order in which they were met.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    values: Vec<T>,
    ids: FxHashMap<T, u32>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(crate) fn new() -> Self {
        Self { values: Vec::new(), ids: FxHashMap::default() }
    }

    pub(crate) fn intern(&mut self, value: T) -> u32 {
        if let Some(&id) = self.ids.get(&value) {
            return id;
        }
        let id = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.ids.insert(value, id);
        id
    }

    pub(crate) fn id<Q>(&self, value: &Q) -> Option<u32>
    where
        T: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.ids.get(value).copied()
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// What a design looks at.
#[derive(Debug)]
pub(crate) struct Vocabulary<'a> {
    /// Selectors of the policy first, those of questions about it after them.
    pub(crate) selectors: Interner<&'a Selector>,
    /// How many of the selectors are the policy's: they decide connections, the others only sort units.
    pub(crate) policy_selectors: usize,
    /// Address sets of peers, whatever they cover.
    pub(crate) address_sets: Interner<&'a AddressSet>,
    /// The address sets by which rules may match units.
    pub(crate) on_units_in_rules: BTreeSet<u32>,
    /// The address sets by which anything may match units.
    pub(crate) on_units: BTreeSet<u32>,
    /// The peers of rules.
    pub(crate) peers: Interner<&'a Peer>,
    /// The names of ports that rules and paths from external sources speak of.
    pub(crate) port_names: BTreeSet<&'a str>,
    /// The levels between whose places points stand.
    pub(crate) levels: BTreeSet<Level>,
    /// The places around which points stand.
    pub(crate) edges: BTreeSet<(Level, &'a str)>,
    /// Whether some point leaves connections between a unit and its host unjudged.
    pub(crate) hosts_matter: bool,
}

impl<'a> Vocabulary<'a> {
    pub(crate) fn new(design: &'a Design) -> Self {
        let mut words = Self {
            selectors: Interner::new(),
            policy_selectors: 0,
            address_sets: Interner::new(),
            on_units_in_rules: BTreeSet::new(),
            on_units: BTreeSet::new(),
            peers: Interner::new(),
            port_names: BTreeSet::new(),
            levels: BTreeSet::new(),
            edges: BTreeSet::new(),
            hosts_matter: false,
        };
        words.read_policy(design);
        words.on_units_in_rules.clone_from(&words.on_units);
        words.policy_selectors = words.selectors.len();
        words.read_questions(design);
        words
    }

    fn read_policy(&mut self, design: &'a Design) {
        for (_, rule) in design.rules() {
            for peer in [&rule.from, &rule.to] {
                self.peers.intern(peer);
                self.peer(peer);
            }
            self.services(&rule.services);
        }
        for tier in design.rulebooks().iter().flat_map(|book| &book.tiers) {
            if let Scope::Units { egress, ingress } = &tier.scope {
                self.selectors(egress.iter().chain(ingress));
            }
        }
        for point in design.points() {
            self.hosts_matter |= point.exempts_host;
            match &point.placement {
                Placement::Units(selector) => self.selectors([selector]),
                Placement::Between(level) => {
                    self.levels.insert(*level);
                }
                Placement::Around(level, name) => {
                    self.edges.insert((*level, name));
                }
            }
        }
        self.selectors(design.unmodelled().iter().map(|what| &what.touches));
        for entry in design.external_sources().iter().flat_map(|source| &source.entries) {
            self.selectors([&entry.to]);
            self.services(&entry.services);
        }
    }

    fn read_questions(&mut self, design: &'a Design) {
        for need in design.needs() {
            self.peer(&need.from);
            self.peer(&need.to);
        }
        for property in design.properties() {
            property.claim.peers().into_iter().for_each(|peer| self.peer(peer));
            self.selectors(property.claim.selectors());
            if let Claim::Exposed { external, .. } = &property.claim {
                self.address_sets.intern(external);
            }
        }
        self.selectors(design.segments().iter().map(|segment| &segment.selector));
        self.selectors(design.trusted().iter().map(|trusted| &trusted.units));
        self.selectors(design.attackers().iter().map(|attacker| &attacker.foothold));
    }

    fn peer(&mut self, peer: &'a Peer) {
        match peer {
            Peer::Units(selector) => self.selectors([selector]),
            Peer::Addresses { set, covers } => {
                let id = self.address_sets.intern(set);
                if *covers == Covers::All {
                    self.on_units.insert(id);
                }
            }
            Peer::Anyone | Peer::Unmodelled(_) => {}
        }
    }

    fn selectors(&mut self, selectors: impl IntoIterator<Item = &'a Selector>) {
        for selector in selectors {
            self.selectors.intern(selector);
        }
    }

    fn services(&mut self, services: &'a [Service]) {
        for service in services {
            if let Service::NamedPort { name, .. } = service {
                self.port_names.insert(name);
            }
        }
    }
}
