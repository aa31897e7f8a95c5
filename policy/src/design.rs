//! A design: everything that a person describes of a data center, checked to be whole.

mod check;
mod choice;

use check::{check_addresses, check_hosts, check_names, check_releases, check_rulebooks};
pub use choice::{Choice, TierId};

use crate::address::AddressSet;
use crate::attacker::{Attacker, Monitor};
use crate::calibration::Input;
use crate::connection::{Endpoint, ExternalSource, ExternalSourceId};
use crate::controller::Controller;
use crate::date::Date;
use crate::flow::Need;
use crate::movement::Movement;
use crate::point::{EnforcementPoint, PointId};
use crate::property::{Property, Trusted};
use crate::release::{Approval, Release};
use crate::rule::{Action, Rule};
use crate::selector::{Segment, Selector};
use crate::source::{Provenance, Source, SourceId, Span};
use crate::station::Station;
use crate::tier::{Order, Rulebook, RulebookId, Tier};
use crate::tradecraft::Tradecraft;
use crate::unit::{Interface, Unit, UnitId};
use crate::waiver::Waiver;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Something that the results rest on and that nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// A stable name: `no-enforcement-declared`.
    pub id: String,
    /// The sentence to print.
    pub text: String,
}

/// Something that was read and is not modelled: the verdicts that it touches are unknown, be it that it restricts a
/// connection, allows it, or opens the very path for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unmodelled {
    /// What it is: `CiliumNetworkPolicy shop/web`.
    pub what: String,
    /// The units whose connections it may touch; [`Selector::Everything`] touches every connection, those of
    /// external endpoints with each other aside.
    pub touches: Selector,
    /// Where it is written.
    pub provenance: Provenance,
}

/// A kind of object that was read and left out on purpose. Nothing judges by it, so the normal form leaves it out; what
/// results rest on because of it is an [`Assumption`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The kind: `ConfigMap`.
    pub kind: String,
    /// How many objects of it.
    pub count: u64,
    /// Why, for auditors: `changes no connection`, or what the lab file says; its owner, and where it says so.
    pub provenance: Provenance,
}

/// The parts of a design before they are checked against each other: what readers fill in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The name of the design.
    pub name: String,
    /// The files that it was read from.
    pub sources: Vec<Source>,
    /// Units.
    pub units: Vec<Unit>,
    /// Named sources outside the design.
    pub external_sources: Vec<ExternalSource>,
    /// Pairs of address spaces between which connections are carried untranslated, both ways.
    pub routes: Vec<(String, String)>,
    /// Named selectors.
    pub segments: Vec<Segment>,
    /// Rulebooks.
    pub rulebooks: Vec<Rulebook>,
    /// Enforcement points.
    pub points: Vec<EnforcementPoint>,
    /// What distributes policy to points, where that is ever out.
    pub controllers: Vec<Controller>,
    /// What answers on units' ports, and how fast.
    pub stations: Vec<Station>,
    /// Flows that must work.
    pub needs: Vec<Need>,
    /// Claims to settle.
    pub properties: Vec<Property>,
    /// Units assumed to be out of attackers' reach.
    pub trusted: Vec<Trusted>,
    /// Violations that somebody answers for, for a time.
    pub waivers: Vec<Waiver>,
    /// Attackers to simulate.
    pub attackers: Vec<Attacker>,
    /// Who watches.
    pub monitor: Option<Monitor>,
    /// What attacks take and give.
    pub tradecraft: Tradecraft,
    /// Units that move while the design is at work.
    pub movements: Vec<Movement>,
    /// Applications that change on a date.
    pub releases: Vec<Release>,
    /// How the rules of releases come into force; `None` for at their dates.
    pub approval: Option<Approval>,
    /// The numbers that stand in the design because it does not say them itself.
    pub calibrated: BTreeSet<Input>,
    /// What the results rest on.
    pub assumptions: Vec<Assumption>,
    /// What the policy leaves open and a reader has decided.
    pub choices: Vec<Choice>,
    /// What was read and is not modelled.
    pub unmodelled: Vec<Unmodelled>,
    /// What was read and left out on purpose.
    pub ignored: Vec<Ignored>,
}

/// A way in which the parts of a design contradict each other.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// Two things of one kind have one name.
    #[error("two {kind} are called `{name}`")]
    DuplicateName {
        /// What kind of thing, in the plural.
        kind: &'static str,
        /// The name.
        name: String,
        /// The second of the two.
        span: Option<Span>,
        /// The first.
        first: Option<Span>,
    },
    /// Two units have one address in one address space, and neither says that it is shared.
    #[error("`{unit}` and `{other}` both have the address {address} in the address space `{space}`")]
    DuplicateAddress {
        /// The second unit.
        unit: String,
        /// The first unit.
        other: String,
        /// The address.
        address: IpAddr,
        /// The space.
        space: String,
        /// The second unit's place.
        span: Option<Span>,
        /// The first unit's place.
        first: Option<Span>,
    },
    /// A unit has no interface.
    #[error("the unit `{unit}` has no interface")]
    NoInterface {
        /// The unit.
        unit: String,
        /// Its place.
        span: Option<Span>,
    },
    /// A name that nothing has.
    #[error("no {kind} is called `{name}`")]
    UnknownName {
        /// What kind of thing, in the singular.
        kind: &'static str,
        /// The name.
        name: String,
        /// Where it is used.
        span: Option<Span>,
    },
    /// Hosts that run on each other.
    #[error("the unit `{unit}` runs on itself, through its hosts")]
    HostCycle {
        /// One of them.
        unit: String,
        /// Its place.
        span: Option<Span>,
    },
    /// A release adds a rule to a rulebook that leaves open where.
    #[error("the release `{release}` adds a rule to `{rulebook}`, which has {tiers} tiers")]
    SeveralTiers {
        /// The release.
        release: String,
        /// The rulebook.
        rulebook: String,
        /// How many it has; not one.
        tiers: usize,
        /// The rule's place.
        span: Option<Span>,
    },
    /// A tier whose order combines allow rules only has another.
    #[error("the tier `{tier}` takes the union of allow rules and has a rule that says {action}")]
    NotAnAllow {
        /// The tier.
        tier: String,
        /// The rule's action.
        action: Action,
        /// The rule's place.
        span: Option<Span>,
    },
}

impl DesignError {
    /// The place to show.
    pub fn span(&self) -> Option<Span> {
        match self {
            DesignError::DuplicateName { span, .. }
            | DesignError::DuplicateAddress { span, .. }
            | DesignError::NoInterface { span, .. }
            | DesignError::UnknownName { span, .. }
            | DesignError::HostCycle { span, .. }
            | DesignError::SeveralTiers { span, .. }
            | DesignError::NotAnAllow { span, .. } => *span,
        }
    }

    /// The other place that it speaks of, of two things that clash the first.
    pub fn first(&self) -> Option<Span> {
        match self {
            DesignError::DuplicateName { first, .. } | DesignError::DuplicateAddress { first, .. } => *first,
            DesignError::NoInterface { .. }
            | DesignError::UnknownName { .. }
            | DesignError::HostCycle { .. }
            | DesignError::SeveralTiers { .. }
            | DesignError::NotAnAllow { .. } => None,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            DesignError::DuplicateName { .. } => "rename one of them",
            DesignError::DuplicateAddress { .. } => {
                "correct one, put them into different address spaces, or declare `shared: true` on both"
            }
            DesignError::NoInterface { .. } => "give it an interface, if need be one whose address is unknown",
            DesignError::UnknownName { .. } => "correct the name, or declare it",
            DesignError::HostCycle { .. } => "remove one `host`",
            DesignError::SeveralTiers { .. } => "add it to a rulebook of one tier, such as a plain list of rules",
            DesignError::NotAnAllow { .. } => "use a tier with the order deny-overrides or first-match",
        }
    }
}

/// The place of a rule: rulebook, tier, position in the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// The rulebook.
    pub rulebook: RulebookId,
    /// The position of the tier in the rulebook.
    pub tier: u32,
    /// The position of the rule in the tier.
    pub rule: u32,
}

/// A design whose parts fit together. It never changes; build another [`Draft`] for a variant.
// INVARIANT: names are unique, references resolve, hosts form a forest, addresses are unique in their space unless
// shared, units are sorted by name, and the rules of first-match tiers stand in the order in which they are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Everything but the units.
    draft: Draft,
    inventory: Arc<Inventory>,
}

/// Who there is, and what follows from that: variants of a design that differ in something else share it.
#[derive(Debug, PartialEq)]
struct Inventory {
    units: Vec<Unit>,
    by_name: BTreeMap<String, UnitId>,
    hosts: Vec<Option<UnitId>>,
    /// Known addresses of each address space, those of routed spaces included.
    addresses: BTreeMap<String, AddressSet>,
    linked: BTreeSet<(String, String)>,
    namespace_is_label: bool,
}

impl Design {
    /// Checks the parts against each other, sorts units by name and the rules of first-match tiers by priority.
    ///
    /// # Errors
    /// Every contradiction that was found, in the order of the parts.
    pub fn new(mut draft: Draft) -> Result<Self, Vec<DesignError>> {
        draft.units.sort_by(|a, b| a.name.cmp(&b.name));
        sort_rules(&mut draft);
        let mut errors = Vec::new();
        check_names(&draft, &mut errors);
        check_rulebooks(&draft, &mut errors);
        check_releases(&draft, &mut errors);
        let by_name: BTreeMap<String, UnitId> =
            (0..).map(UnitId).zip(&draft.units).map(|(id, unit)| (unit.name.clone(), id)).collect();
        let hosts = check_hosts(&draft, &by_name, &mut errors);
        let own = check_addresses(&draft, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let linked: BTreeSet<(String, String)> =
            draft.routes.iter().flat_map(|(a, b)| [(a.clone(), b.clone()), (b.clone(), a.clone())]).collect();
        let mut addresses = own.clone();
        for (from, to) in &linked {
            if let Some(theirs) = own.get(to) {
                let ours = addresses.entry(from.clone()).or_default();
                *ours = ours.union(theirs);
            }
        }
        let namespace_is_label = draft.units.iter().any(|unit| unit.labels.contains_key("namespace"));
        let units = std::mem::take(&mut draft.units);
        let inventory = Arc::new(Inventory { units, by_name, hosts, addresses, linked, namespace_is_label });
        Ok(Self { draft, inventory })
    }

    /// The same design with other rules. The two share their units, so this costs as much as the rules do.
    ///
    /// # Errors
    /// Every contradiction between the rulebooks and the rest, in the order of the parts.
    ///
    /// ```
    /// use seglab_policy::arbitrary::design_of;
    /// let design = design_of(1);
    /// let mut rulebooks = design.rulebooks().to_vec();
    /// rulebooks.iter_mut().flat_map(|book| &mut book.tiers).for_each(|tier| tier.rules.clear());
    /// let bare = design.with_rulebooks(rulebooks)?;
    /// assert_eq!(bare.rules().count(), 0);
    /// assert!(bare.shares_units_with(&design));
    /// # Ok::<(), Vec<seglab_policy::DesignError>>(())
    /// ```
    pub fn with_rulebooks(&self, rulebooks: Vec<Rulebook>) -> Result<Self, Vec<DesignError>> {
        let mut draft = self.draft.clone();
        draft.rulebooks = rulebooks;
        sort_rules(&mut draft);
        let mut errors = Vec::new();
        check_names(&draft, &mut errors);
        check_rulebooks(&draft, &mut errors);
        if errors.is_empty() { Ok(Self { draft, inventory: Arc::clone(&self.inventory) }) } else { Err(errors) }
    }

    /// True if both are variants of one design by [`Design::with_rulebooks`], so that their units need no comparison.
    pub fn shares_units_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inventory, &other.inventory)
    }

    /// The same design under another name, such as one that tells it from others.
    #[must_use]
    pub fn renamed(mut self, name: impl Into<String>) -> Self {
        self.draft.name = name.into();
        self
    }

    /// The parts, to build a variant from.
    pub fn to_draft(&self) -> Draft {
        Draft { units: self.inventory.units.clone(), ..self.draft.clone() }
    }

    /// The name of the design.
    pub fn name(&self) -> &str {
        &self.draft.name
    }

    /// The files that it was read from.
    pub fn sources(&self) -> &[Source] {
        &self.draft.sources
    }

    /// The units, by name.
    pub fn units(&self) -> &[Unit] {
        &self.inventory.units
    }

    /// The ids of the units, by name.
    pub fn unit_ids(&self) -> impl ExactSizeIterator<Item = UnitId> + DoubleEndedIterator + use<> {
        (0..u32::try_from(self.inventory.units.len()).unwrap_or(u32::MAX)).map(UnitId)
    }

    /// True if some unit has a label `namespace`: otherwise a lab file's `namespace=shop` speaks of Kubernetes namespaces.
    pub fn namespace_is_label(&self) -> bool {
        self.inventory.namespace_is_label
    }

    /// Named sources outside the design.
    pub fn external_sources(&self) -> &[ExternalSource] {
        &self.draft.external_sources
    }

    /// Pairs of address spaces between which connections are carried.
    pub fn routes(&self) -> &[(String, String)] {
        &self.draft.routes
    }

    /// Named selectors.
    pub fn segments(&self) -> &[Segment] {
        &self.draft.segments
    }

    /// Rulebooks.
    pub fn rulebooks(&self) -> &[Rulebook] {
        &self.draft.rulebooks
    }

    /// Enforcement points.
    pub fn points(&self) -> &[EnforcementPoint] {
        &self.draft.points
    }

    /// The ids of the enforcement points.
    pub fn point_ids(&self) -> impl ExactSizeIterator<Item = PointId> + use<> {
        (0..u32::try_from(self.draft.points.len()).unwrap_or(u32::MAX)).map(PointId)
    }

    /// What distributes policy to points, where that is ever out.
    pub fn controllers(&self) -> &[Controller] {
        &self.draft.controllers
    }

    /// What answers on units' ports, and how fast.
    pub fn stations(&self) -> &[Station] {
        &self.draft.stations
    }

    /// Flows that must work.
    pub fn needs(&self) -> &[Need] {
        &self.draft.needs
    }

    /// Claims to settle.
    pub fn properties(&self) -> &[Property] {
        &self.draft.properties
    }

    /// Units assumed to be out of attackers' reach.
    pub fn trusted(&self) -> &[Trusted] {
        &self.draft.trusted
    }

    /// Violations that somebody answers for, for a time.
    pub fn waivers(&self) -> &[Waiver] {
        &self.draft.waivers
    }

    /// The same design without the units declared trusted whose last day is over: nobody answers for them any more.
    #[must_use]
    pub fn without_expired_trust(mut self, today: Date) -> Self {
        self.draft.trusted.retain(|trusted| !trusted.is_expired(today));
        self
    }

    /// Attackers to simulate.
    pub fn attackers(&self) -> &[Attacker] {
        &self.draft.attackers
    }

    /// Who watches.
    pub fn monitor(&self) -> Option<&Monitor> {
        self.draft.monitor.as_ref()
    }

    /// What attacks take and give.
    pub fn tradecraft(&self) -> &Tradecraft {
        &self.draft.tradecraft
    }

    /// Units that move while the design is at work.
    pub fn movements(&self) -> &[Movement] {
        &self.draft.movements
    }

    /// Applications that change on a date.
    pub fn releases(&self) -> &[Release] {
        &self.draft.releases
    }

    /// How the rules of releases come into force.
    pub fn approval(&self) -> Option<&Approval> {
        self.draft.approval.as_ref()
    }

    /// The numbers of a [calibration](crate::Calibration) that stand in the design because it does not say them itself.
    pub fn calibrated(&self) -> &BTreeSet<Input> {
        &self.draft.calibrated
    }

    /// What the results rest on.
    pub fn assumptions(&self) -> &[Assumption] {
        &self.draft.assumptions
    }

    /// What was read and is not modelled.
    pub fn unmodelled(&self) -> &[Unmodelled] {
        &self.draft.unmodelled
    }

    /// What was read and left out on purpose.
    pub fn ignored(&self) -> &[Ignored] {
        &self.draft.ignored
    }

    /// The unit of this id.
    ///
    /// # Panics
    /// If the id is of another, larger design.
    #[expect(clippy::indexing_slicing, reason = "ids are made by the design that they index")]
    pub fn unit(&self, id: UnitId) -> &Unit {
        &self.inventory.units[id.index()]
    }

    /// The unit of this name.
    pub fn unit_named(&self, name: &str) -> Option<UnitId> {
        self.inventory.by_name.get(name).copied()
    }

    /// The units that a selector selects, ascending.
    pub fn select<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = UnitId> + 'a {
        self.unit_ids().filter(|&id| selector.matches(self.unit(id)))
    }

    /// The unit that `id` runs on.
    pub fn host_of(&self, id: UnitId) -> Option<UnitId> {
        self.inventory.hosts.get(id.index()).copied().flatten()
    }

    /// The enforcement point of this id.
    ///
    /// # Panics
    /// If the id is of another design.
    #[expect(clippy::indexing_slicing, reason = "ids are made by the design that they index")]
    pub fn point(&self, id: PointId) -> &EnforcementPoint {
        &self.draft.points[id.0 as usize]
    }

    /// The rulebook of this id.
    ///
    /// # Panics
    /// If the id is of another design.
    #[expect(clippy::indexing_slicing, reason = "ids are made by the design that they index")]
    pub fn rulebook(&self, id: RulebookId) -> &Rulebook {
        &self.draft.rulebooks[id.0 as usize]
    }

    /// The tier that a rule stands in, and the rule; `None` if the id is of another design.
    pub fn rule(&self, id: RuleId) -> Option<(&Tier, &Rule)> {
        let tier = self.draft.rulebooks.get(id.rulebook.0 as usize)?.tiers.get(id.tier as usize)?;
        Some((tier, tier.rules.get(id.rule as usize)?))
    }

    /// Every rule with its id, rulebook by rulebook, in the order in which tiers hold them.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        (0..).zip(&self.draft.rulebooks).flat_map(|(book, rulebook)| {
            (0..).zip(&rulebook.tiers).flat_map(move |(tier, held)| {
                (0..)
                    .zip(&held.rules)
                    .map(move |(rule, held)| (RuleId { rulebook: RulebookId(book), tier, rule }, held))
            })
        })
    }

    /// The interface of a unit's endpoint; `None` for other endpoints.
    pub fn interface(&self, endpoint: Endpoint) -> Option<&Interface> {
        match endpoint {
            Endpoint::Unit { unit, interface } => self.unit(unit).interfaces.get(usize::from(interface)),
            Endpoint::External(_) | Endpoint::Source(_) => None,
        }
    }

    /// The external source of this id; `None` if the id is of another design.
    pub fn external_source(&self, id: ExternalSourceId) -> Option<&ExternalSource> {
        self.draft.external_sources.get(id.0 as usize)
    }

    /// True if connections between the two address spaces are carried.
    pub fn spaces_linked(&self, a: &str, b: &str) -> bool {
        a == b || self.inventory.linked.contains(&(a.to_owned(), b.to_owned()))
    }

    /// The known addresses of units in an address space and in those it has routes to: what is not external there.
    pub fn known_addresses(&self, space: &str) -> Option<&AddressSet> {
        self.inventory.addresses.get(space)
    }

    /// The name of an endpoint, to print.
    pub fn endpoint_name(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Endpoint::Unit { unit, .. } => self.unit(unit).name.clone(),
            Endpoint::External(address) => address.to_string(),
            Endpoint::Source(id) => self.external_source(id).map_or_else(String::new, |source| source.name.clone()),
        }
    }

    /// The file and line of a place: `policies/web.yaml:12`.
    pub fn location(&self, span: Span) -> String {
        let path = self.draft.sources.get(span.source.0 as usize).map_or("?", |source| source.path.as_str());
        format!("{path}:{}", span.line)
    }

    /// The source of this id; `None` if the id is of another design.
    pub fn source(&self, id: SourceId) -> Option<&Source> {
        self.draft.sources.get(id.0 as usize)
    }
}

/// Puts the rules of first-match tiers into the order in which they are asked.
fn sort_rules(draft: &mut Draft) {
    for tier in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
        if matches!(tier.order, Order::FirstMatch | Order::FirstMatchUndefinedTies) {
            tier.rules.sort_by_key(|rule| rule.priority);
        }
    }
}
