//! Everything that a design's policy and questions can tell endpoints apart by.
//!
//! Rules, scopes, placements and the rest repeat the same selectors and address ranges many times over. They are
//! collected once, numbered, and each is looked at once from then on.

use rustc_hash::FxHashMap;
use seglab_policy::{AddressSet, Claim, Covers, Design, Level, Peer, Placement, Scope, Selector, Service};
use std::collections::BTreeSet;
use std::hash::Hash;
use std::rc::Rc;

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

impl<T: Clone + Eq + Hash> Interner<Rc<T>> {
    /// The number of a value that is copied only if it was not met before.
    pub(crate) fn keep(&mut self, value: &T) -> u32 {
        match self.id(value) {
            Some(id) => id,
            None => self.intern(Rc::new(value.clone())),
        }
    }
}

/// What a design looks at.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// Selectors of the policy first, those of questions about it after them.
    pub(crate) selectors: Interner<Rc<Selector>>,
    /// How many of the selectors are the policy's: they decide connections, the others only sort units.
    pub(crate) policy_selectors: usize,
    /// Address sets of peers, whatever they cover.
    pub(crate) address_sets: Interner<Rc<AddressSet>>,
    /// The address sets by which rules may match units.
    pub(crate) on_units_in_rules: BTreeSet<u32>,
    /// The address sets by which anything may match units.
    pub(crate) on_units: BTreeSet<u32>,
    /// The peers of rules.
    pub(crate) peers: Interner<Rc<Peer>>,
    /// The names of ports that rules and paths from external sources speak of.
    pub(crate) port_names: BTreeSet<String>,
    /// The levels between whose places points stand.
    pub(crate) levels: BTreeSet<Level>,
    /// The places around which points stand.
    pub(crate) edges: BTreeSet<(Level, String)>,
    /// Whether some point leaves connections between a unit and its host unjudged.
    pub(crate) hosts_matter: bool,
}

impl Vocabulary {
    pub(crate) fn new(design: &Design) -> Self {
        let mut words = Self::empty();
        words.read_policy(design);
        words.on_units_in_rules.clone_from(&words.on_units);
        words.policy_selectors = words.selectors.len();
        words.read_questions(design);
        words
    }

    fn empty() -> Self {
        Self {
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
        }
    }

    /// True if everything that is asked of a design goes by selectors and address sets that are known.
    pub(crate) fn know_questions(&self, design: &Design) -> bool {
        let mut asked = Self::empty();
        asked.read_questions(design);
        let knows = |id: u32, sets: &BTreeSet<u32>| sets.contains(&id);
        asked.selectors.values().iter().all(|selector| self.selectors.id(selector).is_some())
            && (0u32..).zip(asked.address_sets.values()).all(|(at, set)| {
                let known = self.address_sets.id(set);
                known.is_some_and(|known| !knows(at, &asked.on_units) || knows(known, &self.on_units))
            })
    }

    fn read_policy(&mut self, design: &Design) {
        for (_, rule) in design.rules() {
            for peer in [&rule.from, &rule.to] {
                self.peers.keep(peer);
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
                    self.edges.insert((*level, name.clone()));
                }
            }
        }
        self.selectors(design.unmodelled().iter().map(|what| &what.touches));
        for entry in design.external_sources().iter().flat_map(|source| &source.entries) {
            self.selectors([&entry.to]);
            self.services(&entry.services);
        }
    }

    fn read_questions(&mut self, design: &Design) {
        for need in design.needs() {
            self.peer(&need.from);
            self.peer(&need.to);
        }
        for property in design.properties() {
            property.claim.peers().into_iter().for_each(|peer| self.peer(peer));
            self.selectors(property.claim.selectors());
            if let Claim::Exposed { external, .. } = &property.claim {
                self.address_sets.keep(external);
            }
        }
        self.selectors(design.segments().iter().map(|segment| &segment.selector));
        self.selectors(design.trusted().iter().map(|trusted| &trusted.units));
        self.selectors(design.attackers().iter().map(|attacker| &attacker.foothold));
    }

    fn peer(&mut self, peer: &Peer) {
        match peer {
            Peer::Units(selector) => self.selectors([selector]),
            Peer::Addresses { set, covers } => {
                let id = self.address_sets.keep(set);
                if *covers == Covers::All {
                    self.on_units.insert(id);
                }
            }
            Peer::Anyone | Peer::Unmodelled(_) => {}
        }
    }

    fn selectors<'s>(&mut self, selectors: impl IntoIterator<Item = &'s Selector>) {
        for selector in selectors {
            self.selectors.keep(selector);
        }
    }

    fn services(&mut self, services: &[Service]) {
        for service in services {
            if let Service::NamedPort { name, .. } = service
                && !self.port_names.contains(name)
            {
                self.port_names.insert(name.clone());
            }
        }
    }
}
