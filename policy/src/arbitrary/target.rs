//! The connection that the rules of a random design are about.
//!
//! Rules that are drawn on their own hardly ever meet, and what never meets decides nothing. So one connection is
//! drawn first, and every part of every rule either fits it or only just does not.

use super::draw::Draw;
use super::features::Feature;
use super::inventory::{PLACES, PORTS, outside, transport};
use crate::{Address, Draft, Family, Header, Interface, Labels, Listener, Place, Transport, Unit};
use std::net::IpAddr;

/// What rules are aimed at.
pub(super) struct Target {
    /// Who opens the connection.
    pub(super) source: End,
    /// To whom.
    pub(super) destination: End,
    /// The family of both addresses.
    pub(super) family: Family,
    /// Protocol and ports.
    pub(super) header: Header,
    /// What the destination listens on.
    pub(super) listeners: Vec<Listener>,
}

/// What rules may ask of one end.
pub(super) struct End {
    /// Where the end is a unit: its position in [`Draft::units`] and that of its interface.
    pub(super) unit: Option<(usize, usize)>,
    /// Where the end is a named source outside: its position.
    pub(super) named: Option<usize>,
    pub(super) names: Vec<String>,
    pub(super) labels: Labels,
    pub(super) address: Option<Address>,
    pub(super) place: Place,
}

/// Chooses a connection of the draft, of a kind that the wished features speak of, and marks the interfaces that it
/// touches.
pub(super) fn choose(draw: &mut Draw, draft: &mut Draft, wishes: &[Feature]) -> Target {
    let wished = |features: &[Feature]| features.iter().any(|feature| wishes.contains(feature));
    let (first, second) = pair(draw, draft, &wished);
    let family = interface(draft, first).map_or(Family::V4, Interface::family);
    mark(draw, draft, first);
    let here = unit_end(draft, first);
    let inside = wished(&[Feature::HostExemption, Feature::Spaces, Feature::Routes, Feature::CoversExternal]);
    let external = wished(&[Feature::ExternalPaths]);
    let named = wished(&[Feature::ExternalSources]);
    let there = match second {
        Some(second) if inside || (!external && !named && draw.chance(70)) => {
            mark(draw, draft, second);
            unit_end(draft, second)
        }
        _ if !draft.external_sources.is_empty() && (named || draw.chance(40)) => named_end(draft),
        _ => external_end(draw, family),
    };
    let outward = there.named.is_none() && draw.chance(50) && !(wished(&[Feature::NamedPorts]) && there.unit.is_none());
    let (source, destination) = if outward { (here, there) } else { (there, here) };
    let listeners =
        destination.unit.and_then(|(at, _)| draft.units.get(at)).map(|unit| unit.listeners.clone()).unwrap_or_default();
    let header = header(draw, family, &listeners);
    Target { source, destination, family, header, listeners }
}

/// An interface, and one of another unit of the same family if there is one.
fn pair(
    draw: &mut Draw,
    draft: &Draft,
    wished: &impl Fn(&[Feature]) -> bool,
) -> ((usize, usize), Option<(usize, usize)>) {
    let attached: Vec<(usize, usize)> = (0..)
        .zip(&draft.units)
        .flat_map(|(at, unit)| (0..unit.interfaces.len()).map(move |interface| (at, interface)))
        .collect();
    let host_of = |at: (usize, usize)| draft.units.get(at.0).and_then(|unit| unit.host.as_ref());
    let family_of = |at: (usize, usize)| interface(draft, at).map(Interface::family);
    let preferred: Vec<(usize, usize)> = attached
        .iter()
        .copied()
        .filter(|&at| !wished(&[Feature::Ipv6]) || family_of(at) == Some(Family::V6))
        .filter(|&at| !wished(&[Feature::HostExemption]) || host_of(at).is_some())
        .collect();
    let first = draw.of(&preferred).or_else(|| draw.of(&attached)).unwrap_or((0, 0));
    let others: Vec<(usize, usize)> =
        attached.into_iter().filter(|at| at.0 != first.0 && family_of(*at) == family_of(first)).collect();
    let preferred: Vec<(usize, usize)> = if wished(&[Feature::HostExemption]) || draw.chance(25) {
        let is_host = |at: &(usize, usize)| draft.units.get(at.0).map(|unit| &unit.name) == host_of(first);
        others.iter().copied().filter(is_host).collect()
    } else if wished(&[Feature::Spaces, Feature::Routes]) {
        let space = |at| interface(draft, at).map(|interface| &interface.space);
        others.iter().copied().filter(|&at| space(at) != space(first)).collect()
    } else {
        Vec::new()
    };
    (first, draw.of(&preferred).or_else(|| draw.of(&others)))
}

fn interface(draft: &Draft, at: (usize, usize)) -> Option<&Interface> {
    draft.units.get(at.0)?.interfaces.get(at.1)
}

/// Raises the chances of what is rare in a random interface.
fn mark(draw: &mut Draw, draft: &mut Draft, at: (usize, usize)) {
    let Some(interface) = draft.units.get_mut(at.0).and_then(|unit| unit.interfaces.get_mut(at.1)) else { return };
    interface.shared |= matches!(interface.address, Address::Known(_)) && draw.chance(18);
    for name in [&mut interface.place.site, &mut interface.place.zone, &mut interface.place.subnet] {
        if draw.chance(70) {
            *name = Some(draw.pick(PLACES).to_owned());
        }
    }
}

fn unit_end(draft: &Draft, at: (usize, usize)) -> End {
    let unit: Option<&Unit> = draft.units.get(at.0);
    let interface = interface(draft, at);
    End {
        unit: Some(at),
        named: None,
        names: unit.into_iter().flat_map(|unit| std::iter::once(&unit.name).chain(&unit.owner)).cloned().collect(),
        labels: unit.map(|unit| unit.labels.clone()).unwrap_or_default(),
        address: interface.map(|interface| interface.address),
        place: interface.map(|interface| interface.place.clone()).unwrap_or_default(),
    }
}

fn external_end(draw: &mut Draw, family: Family) -> End {
    let address: IpAddr = outside(draw, family);
    End {
        unit: None,
        named: None,
        names: Vec::new(),
        labels: Labels::new(),
        address: Some(Address::Known(address)),
        place: Place::default(),
    }
}

fn named_end(draft: &Draft) -> End {
    let source = draft.external_sources.first();
    End {
        unit: None,
        named: Some(0),
        names: source.map(|source| source.name.clone()).into_iter().collect(),
        labels: source.map(|source| source.labels.clone()).unwrap_or_default(),
        address: None,
        place: Place::default(),
    }
}

fn header(draw: &mut Draw, family: Family, listeners: &[Listener]) -> Header {
    match draw.below(20) {
        0..=3 => {
            let echo = if family == Family::V4 { 8 } else { 128 };
            Header::Icmp { kind: draw.pick([echo, echo, 3]), code: draw.pick([0, 1]) }
        }
        4..=6 => Header::Other(draw.pick([47, 50])),
        _ => {
            let named: Vec<&Listener> = listeners.iter().filter(|listener| listener.name.is_some()).collect();
            let (protocol, port): (Transport, u16) = match draw.of(&named) {
                Some(listener) if draw.chance(75) => (listener.protocol, listener.first),
                _ => (transport(draw), draw.pick(PORTS)),
            };
            Header::Transport { protocol, source_port: draw.pick([49152, 1024, 1023, 80]), destination_port: port }
        }
    }
}
