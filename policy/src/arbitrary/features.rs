//! The features of the model, and designs in which one of them says nothing.
//!
//! A feature *decides* a connection if the verdict on it changes when the feature is neutralised. A random case in
//! which nothing decides tests nothing, so the generator's shares are measured with this; and a judge that has
//! forgotten a feature answers as if it judged the neutralised design, which makes each a fault to seed.

use crate::{
    Action, Address, AddressSet, Covers, Design, Directions, Draft, EnforcementPoint, IntervalSet, Load, Mode,
    Operation, Order, Peer, Placement, PointKind, Provenance, Refusal, Rule, Rulebook, RulebookId, Scope, Selector,
    Service, Tier, Transport,
};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A feature of the model. Each variant says what a judge does that has forgotten it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[$doc])* $name),*
        }

        impl Feature {
            /// All of them.
            pub const ALL: &[Feature] = &[$(Feature::$name),*];
        }
    };
}

features! {
    /// First-match tiers are judged as deny-overrides.
    FirstMatch,
    /// Larger priorities go first.
    Priority,
    /// Ties whose order is undefined are broken by position.
    UndefinedTies,
    /// Deny-overrides tiers are judged first-match.
    DenyOverrides,
    /// Of the rules of an allow-union tier only the first counts.
    AllowUnion,
    /// Only the first tier of a rulebook counts.
    Tiers,
    /// Every tier speaks of every connection.
    Scope,
    /// What a tier does when no rule decides is to pass.
    Otherwise,
    /// What no tier decides is allowed.
    Default,
    /// Allow rules are skipped.
    Allow,
    /// Deny rules are skipped.
    Deny,
    /// Pass rules are skipped.
    Pass,
    /// Rules are asked in every direction.
    RuleDirections,
    /// Selectors in rules select everything.
    RuleSelectors,
    /// Selectors that say no (`not`, `!=`, `lacks`) select everything.
    Negation,
    /// Address ranges in rules hold every address.
    Addresses,
    /// Exceptions of address ranges are forgotten.
    Exceptions,
    /// Address ranges that cover all endpoints are taken to cover external ones only.
    CoversAll,
    /// Address ranges that cover external endpoints only are taken to cover all.
    CoversExternal,
    /// Rules say nothing about IPv6.
    Ipv6,
    /// Rules with a peer that is not modelled are skipped.
    UnmodelledPeers,
    /// Constructs that are not modelled are forgotten.
    UnmodelledConstructs,
    /// Constructs that are not modelled open no path: they are rules of which nobody knows whether they match.
    UnmodelledPaths,
    /// Rules look at no destination port.
    DestinationPorts,
    /// Of a range of destination ports only the first counts.
    PortRanges,
    /// Rules look at no source port.
    SourcePorts,
    /// Named ports match nothing.
    NamedPorts,
    /// A transport stands for all three.
    Transports,
    /// Rules look at no ICMP type and code.
    IcmpTypes,
    /// Rules for other protocols match nothing.
    ProtocolNumbers,
    /// Every point is stateful.
    Stateless,
    /// Of several points only the first counts.
    Series,
    /// Points at units are forgotten.
    AtUnits,
    /// Points between places are forgotten.
    Between,
    /// Points around a place are forgotten.
    Around,
    /// Points judge in every direction.
    PointDirections,
    /// Every point enforces.
    Modes,
    /// No point is an agent or at a host: ownership voids none.
    Kinds,
    /// No controller distributes policy.
    Controllers,
    /// A unit's host is judged like any other unit.
    HostExemption,
    /// Address spaces are all linked.
    Spaces,
    /// Address spaces have no routes between them.
    Routes,
    /// Addresses of units that are known count as unknown.
    KnownAddresses,
    /// Ranges that addresses are drawn from count as unknown.
    AddressesWithin,
    /// Shared addresses are told apart.
    SharedAddresses,
    /// Every interface has paths from and to external endpoints.
    ExternalPaths,
    /// Named external sources have no paths.
    ExternalSources,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The design without the feature. Units keep their ids.
pub fn neutralise(draft: &Draft, feature: Feature) -> Draft {
    let mut draft = draft.clone();
    rules_without(&mut draft, feature);
    points_without(&mut draft, feature);
    inventory_without(&mut draft, feature);
    draft
}

/// The design without the feature; `None` where it has none of it.
pub fn neutralised(design: &Design, feature: Feature) -> Option<Design> {
    let before = design.to_draft();
    let after = neutralise(&before, feature);
    if before == after { None } else { Design::new(after).ok() }
}

fn tiers(draft: &mut Draft) -> impl Iterator<Item = &mut Tier> {
    draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers)
}

fn rules(draft: &mut Draft) -> impl Iterator<Item = &mut Rule> {
    tiers(draft).flat_map(|tier| &mut tier.rules)
}

fn reorder(draft: &mut Draft, from: Order, to: Order) {
    tiers(draft).filter(|tier| tier.order == from).for_each(|tier| tier.order = to);
}

fn keep_rules(draft: &mut Draft, keep: impl Fn(&Rule) -> bool) {
    tiers(draft).for_each(|tier| tier.rules.retain(&keep));
}

fn rules_without(draft: &mut Draft, feature: Feature) {
    match feature {
        Feature::FirstMatch => reorder(draft, Order::FirstMatch, Order::DenyOverrides),
        Feature::Priority => rules(draft).for_each(|rule| rule.priority = -rule.priority),
        Feature::UndefinedTies => reorder(draft, Order::FirstMatchUndefinedTies, Order::FirstMatch),
        Feature::DenyOverrides => tiers(draft).filter(|tier| tier.order == Order::DenyOverrides).for_each(|tier| {
            tier.order = Order::FirstMatch;
            tier.rules.iter_mut().for_each(|rule| rule.priority = 0);
        }),
        Feature::AllowUnion => {
            tiers(draft).filter(|tier| tier.order == Order::AllowUnion).for_each(|tier| tier.rules.truncate(1));
        }
        Feature::Tiers => draft.rulebooks.iter_mut().for_each(|book| book.tiers.truncate(1)),
        Feature::Scope => tiers(draft).for_each(|tier| tier.scope = Scope::Everything),
        Feature::Otherwise => tiers(draft).for_each(|tier| tier.otherwise = Action::Pass),
        Feature::Default => draft.rulebooks.iter_mut().for_each(|book| book.default_allow = true),
        Feature::Allow => keep_rules(draft, |rule| rule.action != Action::Allow),
        Feature::Deny => keep_rules(draft, |rule| rule.action != Action::Deny),
        Feature::Pass => keep_rules(draft, |rule| rule.action != Action::Pass),
        Feature::UnmodelledPeers => {
            let known = |peer: &Peer| !matches!(peer, Peer::Unmodelled(_));
            keep_rules(draft, |rule| known(&rule.from) && known(&rule.to));
        }
        Feature::RuleDirections => rules(draft).for_each(|rule| rule.directions = Directions::ALL),
        Feature::Negation => {
            peers(draft, affirm_peer);
            tiers(draft).for_each(affirm_scope);
            draft.points.iter_mut().for_each(|point| {
                if let Placement::Units(selector) = &mut point.placement {
                    affirm(selector);
                }
            });
        }
        feature => {
            peers(draft, |peer| peer_without(peer, feature));
            rules(draft).for_each(|rule| services_without(&mut rule.services, feature));
        }
    }
}

fn peers(draft: &mut Draft, change: impl Fn(&mut Peer)) {
    rules(draft).for_each(|rule| {
        change(&mut rule.from);
        change(&mut rule.to);
    });
}

fn affirm_peer(peer: &mut Peer) {
    if let Peer::Units(selector) = peer {
        affirm(selector);
    }
}

fn affirm_scope(tier: &mut Tier) {
    if let Scope::Units { egress, ingress } = &mut tier.scope {
        egress.iter_mut().chain(ingress).for_each(affirm);
    }
}

/// Turns every part that says no into one that selects everything.
fn affirm(selector: &mut Selector) {
    match selector {
        Selector::NotIn { .. } | Selector::Absent(_) | Selector::Not(_) => *selector = Selector::Everything,
        Selector::All(parts) | Selector::AnyOf(parts) => parts.iter_mut().for_each(affirm),
        Selector::Everything | Selector::Named(_) | Selector::In { .. } | Selector::Exists(_) => {}
    }
}

fn peer_without(peer: &mut Peer, feature: Feature) {
    match (peer, feature) {
        (peer @ Peer::Units(_), Feature::RuleSelectors) => *peer = Peer::Units(Selector::Everything),
        (Peer::Addresses { set, .. }, Feature::Addresses) => *set = AddressSet::full(),
        (Peer::Addresses { set, .. }, Feature::Exceptions) => *set = hull(set),
        (Peer::Addresses { set, .. }, Feature::Ipv6) => set.v6 = IntervalSet::empty(),
        (Peer::Addresses { covers, .. }, Feature::CoversAll) => *covers = Covers::External,
        (Peer::Addresses { covers, .. }, Feature::CoversExternal) => *covers = Covers::All,
        _ => {}
    }
}

/// From the first to the last address of each family.
fn hull(set: &AddressSet) -> AddressSet {
    fn span<T: crate::Bounded>(set: &IntervalSet<T>) -> IntervalSet<T> {
        let ends = set.ranges().first().zip(set.ranges().last());
        IntervalSet::from_ranges(ends.map(|(first, last)| (first.0, last.1)))
    }
    AddressSet { v4: span(&set.v4), v6: span(&set.v6) }
}

fn services_without(services: &mut Vec<Service>, feature: Feature) {
    match feature {
        Feature::NamedPorts => services.retain(|service| !matches!(service, Service::NamedPort { .. })),
        Feature::ProtocolNumbers => services.retain(|service| !matches!(service, Service::Protocol(_))),
        Feature::Transports => {
            *services = services
                .iter()
                .flat_map(|service| match service {
                    Service::Ports { ports, source_ports, .. } => Transport::ALL
                        .map(|protocol| {
                            let (ports, source_ports) = (ports.clone(), source_ports.clone());
                            Service::Ports { protocol, ports, source_ports }
                        })
                        .to_vec(),
                    Service::NamedPort { name, .. } => {
                        vec![Service::NamedPort { protocol: None, name: name.clone() }]
                    }
                    service => vec![service.clone()],
                })
                .collect();
        }
        feature => services.iter_mut().for_each(|service| match (service, feature) {
            (Service::Ports { ports, .. }, Feature::DestinationPorts) => *ports = IntervalSet::full(),
            (Service::Ports { ports, .. }, Feature::PortRanges) => {
                *ports = IntervalSet::from_ranges(ports.ranges().iter().map(|range| (range.0, range.0)));
            }
            (Service::Ports { source_ports, .. }, Feature::SourcePorts) => *source_ports = IntervalSet::full(),
            (Service::Icmp { kind, code, .. }, Feature::IcmpTypes) => (*kind, *code) = (None, None),
            _ => {}
        }),
    }
}

fn points_without(draft: &mut Draft, feature: Feature) {
    let points = &mut draft.points;
    match feature {
        Feature::Stateless => draft.rulebooks.iter_mut().for_each(|book| book.stateful = true),
        Feature::Series => points.truncate(1),
        Feature::AtUnits => points.retain(|point| !matches!(point.placement, Placement::Units(_))),
        Feature::Between => points.retain(|point| !matches!(point.placement, Placement::Between(_))),
        Feature::Around => points.retain(|point| !matches!(point.placement, Placement::Around(..))),
        Feature::PointDirections => points.iter_mut().for_each(|point| point.directions = Directions::ALL),
        Feature::Modes => points.iter_mut().for_each(|point| point.mode = Mode::Enforce),
        Feature::Kinds => points.iter_mut().for_each(|point| point.kind = PointKind::Cloud),
        Feature::Controllers => points.iter_mut().for_each(|point| point.controller = None),
        Feature::HostExemption => points.iter_mut().for_each(|point| point.exempts_host = false),
        Feature::UnmodelledPaths => doubt_where_points_stand(draft),
        _ => {}
    }
}

/// Turns constructs that are not modelled into rules that go before all others, at every point and at one more that
/// every connection between different units meets: whatever a path carries is in doubt, and nothing else.
fn doubt_where_points_stand(draft: &mut Draft) {
    let touches: Vec<Selector> = draft.unmodelled.drain(..).map(|construct| construct.touches).collect();
    let touched = draft.units.iter().filter(|unit| touches.iter().any(|selector| selector.matches(unit)));
    // By their names, for a selector might select a named external source, which no construct touches.
    let touched = Selector::AnyOf(touched.map(|unit| Selector::Named(unit.name.clone())).collect());
    if touches.is_empty() {
        return;
    }
    let unsure = || Peer::Unmodelled("a construct".to_owned());
    let ends = [(Peer::Units(touched.clone()), unsure()), (unsure(), Peer::Units(touched))];
    let rules = ends.iter().flat_map(|(from, to)| {
        [Action::Allow, Action::Deny].map(|action| Rule {
            directions: Directions::ALL,
            from: from.clone(),
            to: to.clone(),
            services: vec![Service::Any],
            action,
            priority: 0,
            provenance: Provenance::default(),
        })
    });
    let tier = Tier {
        name: "doubt".to_owned(),
        order: Order::FirstMatch,
        scope: Scope::Everything,
        otherwise: Action::Pass,
        rules: rules.collect(),
    };
    draft.rulebooks.iter_mut().for_each(|book| book.tiers.insert(0, tier.clone()));
    let rulebook = RulebookId(u32::try_from(draft.rulebooks.len()).unwrap_or(u32::MAX));
    let (name, default_allow, stateful) = ("doubt".to_owned(), true, true);
    draft.rulebooks.push(Rulebook { name: name.clone(), tiers: vec![tier], default_allow, stateful });
    draft.points.push(EnforcementPoint {
        name,
        kind: PointKind::Cloud,
        mode: Mode::Enforce,
        placement: Placement::Units(Selector::Everything),
        directions: Directions::ALL,
        rulebook,
        controller: None,
        refusal: Refusal::Drop,
        exempts_host: false,
        operation: Operation::default(),
        load: Load::default(),
        provenance: Provenance::default(),
    });
}

fn inventory_without(draft: &mut Draft, feature: Feature) {
    match feature {
        Feature::UnmodelledConstructs => draft.unmodelled.clear(),
        Feature::ExternalSources => draft.external_sources.iter_mut().for_each(|source| source.entries.clear()),
        Feature::Routes => draft.routes.clear(),
        Feature::Spaces => {
            let spaces: BTreeSet<String> = interfaces(draft).map(|interface| interface.space.clone()).collect();
            draft.routes = spaces.iter().flat_map(|a| spaces.iter().map(move |b| (a.clone(), b.clone()))).collect();
        }
        Feature::SharedAddresses => tell_apart(draft),
        feature => interfaces(draft).for_each(|interface| match (feature, interface.address) {
            (Feature::ExternalPaths, _) => (interface.inbound, interface.outbound) = (true, true),
            (Feature::KnownAddresses, Address::Known(_)) | (Feature::AddressesWithin, Address::Within(_)) => {
                interface.address = Address::Unknown(interface.family());
            }
            _ => {}
        }),
    }
}

fn interfaces(draft: &mut Draft) -> impl Iterator<Item = &mut crate::Interface> {
    draft.units.iter_mut().flat_map(|unit| &mut unit.interfaces)
}

/// Takes the sharing back. The second holder of an address keeps it as the only one of a range, which every rule
/// reads as it reads a known address.
fn tell_apart(draft: &mut Draft) {
    let mut held: BTreeSet<(String, IpAddr)> = BTreeSet::new();
    for interface in interfaces(draft) {
        interface.shared = false;
        if let Address::Known(address) = interface.address
            && !held.insert((interface.space.clone(), address))
        {
            interface.address = Address::Within(address.into());
        }
    }
}
