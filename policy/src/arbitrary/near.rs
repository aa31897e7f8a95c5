//! Rules that match the target because of one feature, or do not because of one.

use super::draw::Draw;
use super::features::Feature;
use super::inventory::{block, pooled};
use super::rules::{self, place_in_pool};
use super::target::{End, Target};
use crate::{
    Action, Address, AddressSet, Covers, Directions, Draft, Family, Header, Interface, IntervalSet, Peer, Provenance,
    Rule, Selector, Service,
};

/// A rule that matches everything.
pub(super) fn surely(draw: &mut Draw, action: Action) -> Rule {
    Rule {
        directions: Directions::ALL,
        from: Peer::Anyone,
        to: Peer::Anyone,
        services: vec![Service::Any],
        action,
        priority: -1,
        provenance: Provenance { object: Some(draw.pick(["x", "y"]).to_owned()), ..Provenance::default() },
    }
}

/// Changes a rule that fits the target so that whether it does hangs on the feature.
pub(super) fn hinge(draw: &mut Draw, target: &Target, feature: Feature, rule: &mut Rule) {
    match feature {
        Feature::RuleDirections => {
            rule.directions = Directions { egress: draw.chance(35), forward: false, ingress: draw.chance(35) };
        }
        Feature::UnmodelledPeers => rule.from = Peer::Unmodelled("sameLabels env".to_owned()),
        feature => {
            if let Some(service) = near_service(draw, target, feature) {
                rule.services = vec![service];
            } else {
                let at_source = match (target.source.unit, target.destination.unit) {
                    (Some(_), Some(_)) => draw.chance(50),
                    // What an address says of a unit differs from what it says of others.
                    (source, _) => source.is_some(),
                };
                let end = if at_source { &target.source } else { &target.destination };
                let peer = near_peer(draw, end, feature);
                if at_source { rule.from = peer } else { rule.to = peer }
            }
        }
    }
}

fn near_service(draw: &mut Draw, target: &Target, feature: Feature) -> Option<Service> {
    let ports = |protocol, ports, source_ports| Service::Ports { protocol, ports, source_ports };
    let all = IntervalSet::full;
    Some(match (feature, target.header) {
        (Feature::SourcePorts, Header::Transport { protocol, .. }) => {
            ports(protocol, all(), IntervalSet::from_ranges([draw.pick([(1024, u16::MAX), (0, 1023), (80, 443)])]))
        }
        (Feature::DestinationPorts, Header::Transport { protocol, destination_port, .. }) => {
            let beside = destination_port.saturating_add(1);
            ports(protocol, IntervalSet::from_ranges([(beside, beside.saturating_add(9))]), all())
        }
        (Feature::PortRanges, Header::Transport { protocol, destination_port, .. }) => {
            let below = destination_port.saturating_sub(1);
            ports(protocol, IntervalSet::from_ranges([(below, destination_port)]), all())
        }
        (Feature::Transports, Header::Transport { protocol, destination_port, .. }) => {
            let [others @ .., _] = crate::Transport::ALL;
            let other = draw.of(&others.map(|other| if other == protocol { crate::Transport::Sctp } else { other }));
            ports(other.unwrap_or(protocol), IntervalSet::single(destination_port), all())
        }
        (Feature::NamedPorts, Header::Transport { protocol, destination_port, .. }) => {
            let named = |listener: &&crate::Listener| listener.accepts(protocol, destination_port);
            let name = target.listeners.iter().filter(named).find_map(|listener| listener.name.clone());
            Service::NamedPort { protocol: draw.maybe(50, |_| protocol), name: name.unwrap_or_else(|| "db".to_owned()) }
        }
        (Feature::IcmpTypes, Header::Icmp { kind, code }) => {
            let (kind, code) =
                draw.pick([(Some(kind ^ 1), None), (Some(kind), Some(code ^ 1)), (None, Some(code ^ 1))]);
            Service::Icmp { family: target.family, kind, code }
        }
        (Feature::ProtocolNumbers, Header::Other(number)) => Service::Protocol(number),
        _ => return None,
    })
}

fn near_peer(draw: &mut Draw, end: &End, feature: Feature) -> Peer {
    let near = place_in_pool(end.address);
    let single = |family: Family| match end.address {
        Some(Address::Known(address)) if Family::of(address) == family => AddressSet::single(address),
        _ => AddressSet::single(pooled(family, near)),
    };
    let around = |family: Family| {
        AddressSet::from_range(pooled(family, near.saturating_sub(1)), pooled(family, (near + 1).min(7)))
    };
    let both = |of: &dyn Fn(Family) -> AddressSet| of(Family::V4).union(&of(Family::V6));
    let covers = Covers::All;
    match feature {
        Feature::CoversExternal => Peer::Addresses { set: both(&around), covers: Covers::External },
        Feature::Exceptions => Peer::Addresses { set: AddressSet::full().difference(&both(&single)), covers },
        Feature::Addresses => {
            let beside = |family| AddressSet::single(pooled(family, near + 1));
            Peer::Addresses { set: both(&beside), covers }
        }
        Feature::AddressesWithin => match end.address {
            Some(Address::Within(net)) => Peer::Addresses { set: AddressSet::from_net(net), covers },
            _ => Peer::Addresses { set: AddressSet::from_net(block(draw, Family::V4)), covers },
        },
        Feature::CoversAll | Feature::Ipv6 | Feature::KnownAddresses | Feature::SharedAddresses => {
            Peer::Addresses { set: both(&around), covers }
        }
        Feature::RuleSelectors => Peer::Units(rules::selector(draw, 1)),
        Feature::Negation => match end.labels.iter().next() {
            Some((key, value)) => Peer::Units(match draw.below(3) {
                0 => Selector::NotIn { key: key.clone(), values: vec![value.clone()] },
                1 => Selector::Absent(key.clone()),
                _ => Selector::Not(Box::new(Selector::label(key, value))),
            }),
            None => Peer::Units(Selector::Not(Box::new(Selector::Everything))),
        },
        _ => Peer::Anyone,
    }
}

/// Edits the units and places before the policy is drawn: what a feature cannot matter without.
pub(super) fn prepare(draw: &mut Draw, draft: &mut Draft, target: &mut Target, feature: Feature) {
    match feature {
        Feature::IcmpTypes => {
            let echo = if target.family == Family::V4 { 8 } else { 128 };
            target.header = Header::Icmp { kind: echo, code: 0 };
        }
        Feature::ProtocolNumbers => target.header = Header::Other(47),
        Feature::SourcePorts | Feature::DestinationPorts | Feature::PortRanges | Feature::Transports
            if !matches!(target.header, Header::Transport { .. }) =>
        {
            target.header = Header::to_port(crate::Transport::Tcp, 80);
        }
        Feature::NamedPorts => {
            let unit = target.destination.unit.and_then(|(at, _)| draft.units.get_mut(at));
            if let Some(unit) = unit {
                let mut listener = crate::Listener::port(crate::Transport::Tcp, 443);
                listener.name = Some("db".to_owned());
                unit.listeners = vec![listener];
                target.listeners = unit.listeners.clone();
                target.header = Header::to_port(crate::Transport::Tcp, 443);
            }
        }
        Feature::AddressesWithin | Feature::SharedAddresses => {
            let end = if target.source.unit.is_some() { &mut target.source } else { &mut target.destination };
            let interface =
                end.unit.and_then(|(unit, interface)| draft.units.get_mut(unit)?.interfaces.get_mut(interface));
            if let Some(interface) = interface {
                interface.shared |= feature == Feature::SharedAddresses;
                if feature == Feature::AddressesWithin {
                    interface.address = Address::Within(block(draw, target.family));
                    end.address = Some(interface.address);
                }
            }
        }
        Feature::Spaces | Feature::Routes => {
            let ends = [&target.destination, &target.source];
            if let Some(interface) = ends.into_iter().find_map(|end| end.unit).and_then(|at| interface(draft, at)) {
                let before = std::mem::replace(&mut interface.space, "isolated".to_owned());
                if feature == Feature::Routes {
                    draft.routes.push((before, "isolated".to_owned()));
                }
            }
        }
        Feature::ExternalPaths => {
            for end in [&target.source, &target.destination] {
                if let Some(interface) = end.unit.and_then(|at| interface(draft, at)) {
                    (interface.inbound, interface.outbound) = (false, false);
                }
            }
        }
        Feature::UnmodelledPaths => {
            cut(draft, target);
            let names = target.source.names.iter().chain(&target.destination.names).cloned();
            let touches = draw.of(&names.map(Selector::Named).collect::<Vec<_>>()).filter(|_| draw.chance(50));
            draft.unmodelled.push(super::claims::unmodelled(draw, touches));
        }
        _ => {}
    }
}

/// Leaves the target without a path.
fn cut(draft: &mut Draft, target: &Target) {
    let ends = [&target.source, &target.destination].map(|end| end.unit);
    if let Some(source) = target.source.named.and_then(|at| draft.external_sources.get_mut(at)) {
        source.entries.clear();
    }
    let between_units = ends.iter().all(Option::is_some);
    if let Some(interface) = ends.into_iter().flatten().next().and_then(|at| interface(draft, at)) {
        if between_units {
            interface.space = "isolated".to_owned();
        } else {
            (interface.inbound, interface.outbound) = (false, false);
        }
    }
}

fn interface(draft: &mut Draft, (unit, interface): (usize, usize)) -> Option<&mut Interface> {
    draft.units.get_mut(unit)?.interfaces.get_mut(interface)
}
