//! Random units, external sources and routes.

use super::draw::Draw;
use super::rules;
use crate::{
    Address, Draft, Entry, ExternalSource, Family, Interface, Labels, Listener, Login, Place, Selector, Service,
    Source, SourceId, Span, Transport, Unit, Vulnerability,
};
use crate::{DEFAULT_SPACE, Provenance};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Label keys; small alphabets make things collide.
pub(super) const KEYS: [&str; 3] = ["app", "env", "namespace:team"];
/// Label values.
pub(super) const VALUES: [&str; 3] = ["a", "b", "c"];
/// Places at every level.
pub(super) const PLACES: [&str; 2] = ["p1", "p2"];
/// Names of ports.
pub(super) const PORT_NAMES: [&str; 2] = ["http", "db"];
/// Destination ports that units listen on and that rules' ranges begin and end at.
pub(super) const PORTS: [u16; 4] = [80, 81, 443, 8080];
/// Names of credentials.
pub(super) const CREDENTIALS: [&str; 3] = ["key", "password", "token"];
const SPACES: [&str; 2] = [DEFAULT_SPACE, "other"];

/// The `at`-th address of the small pool that units and rules share, eight a family.
pub(super) fn pooled(family: Family, at: usize) -> IpAddr {
    let at = u8::try_from(at % 8).unwrap_or(0);
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, 0, at).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(at)).into(),
    }
}

/// An address of the pool, or a globally routable one.
pub(super) fn outside(draw: &mut Draw, family: Family) -> IpAddr {
    match (family, draw.below(3)) {
        (Family::V4, 0) => IpAddr::from([8, 8, 8, 8]),
        (Family::V6, 0) => IpAddr::from([0x2600, 0, 0, 0, 0, 0, 0, 1]),
        (family, _) => pooled(family, draw.below(8)),
    }
}

/// Fills in everything that is not policy: files, units, external sources, routes.
pub(super) fn fill(draw: &mut Draw, draft: &mut Draft) {
    draft.sources = draw.list(1, 2, |draw| {
        let mut sha256 = [0; 32];
        sha256.fill_with(|| draw.word().to_le_bytes()[0]);
        Source { path: draw.pick(["seglab.yaml", "k8s/web policy.yaml", "-"]).to_owned(), sha256 }
    });
    let spaces = draw.chance(45);
    let mut taken = BTreeSet::new();
    for at in 0..draw.between(3, 6) {
        let unit = unit(draw, at, spaces, &mut taken);
        draft.units.push(unit);
    }
    share(draw, draft);
    hosts(draw, draft);
    if spaces && draw.chance(50) {
        draft.routes.push((DEFAULT_SPACE.to_owned(), "other".to_owned()));
    }
    let sources = usize::from(draw.chance(70));
    draft.external_sources = (0..sources).map(|at| external_source(draw, at)).collect();
}

fn unit(draw: &mut Draw, at: usize, spaces: bool, taken: &mut BTreeSet<(&'static str, IpAddr)>) -> Unit {
    let names = ["web", "db", "shop/api[Deployment]#1", "odd \"name\"\\\n", "größe", "dev"];
    let listeners = draw.list(0, 3, listener);
    let named = |draw: &mut Draw| (draw.pick(Transport::ALL), draw.pick(PORTS));
    Unit {
        name: names.get(at).map_or_else(|| format!("u{at}"), |&name| name.to_owned()),
        owner: draw.maybe(25, |draw| draw.pick(["shop/api[Deployment]", "batch"]).to_owned()),
        labels: labels(draw),
        interfaces: draw.list(1, 2, |draw| interface(draw, spaces, taken)),
        host: None,
        criticality: if draw.chance(30) { u32::try_from(draw.between(1, 5)).unwrap_or(1) } else { 0 },
        image: draw.maybe(40, |draw| draw.pick(["nginx:1", "postgres:16"]).to_owned()),
        vulnerabilities: draw.list(0, 1, |draw| {
            let (protocol, port) = listened(draw, &listeners).unwrap_or_else(|| named(draw));
            Vulnerability { name: draw.pick(["CVE-1", "CVE-2"]).to_owned(), protocol, port }
        }),
        credentials: draw.list(0, 1, |draw| draw.pick(CREDENTIALS).to_owned()),
        logins: draw.list(0, 1, |draw| {
            let (protocol, port) = listened(draw, &listeners).unwrap_or_else(|| named(draw));
            Login { credential: draw.pick(CREDENTIALS).to_owned(), protocol, port }
        }),
        listeners,
        can_host_agent: draw.chance(80),
        provenance: provenance(draw),
    }
}

/// Mostly a service that is listened on: a weakness elsewhere can never be reached in a service view.
fn listened(draw: &mut Draw, listeners: &[Listener]) -> Option<(Transport, u16)> {
    if draw.chance(20) { None } else { draw.of(listeners).map(|listener| (listener.protocol, listener.first)) }
}

pub(super) fn labels(draw: &mut Draw) -> Labels {
    let mut labels = Labels::new();
    for key in KEYS {
        if draw.chance(65) {
            labels.insert(key.to_owned(), draw.pick(VALUES).to_owned());
        }
    }
    labels
}

fn listener(draw: &mut Draw) -> Listener {
    let protocol = transport(draw);
    let first = draw.pick(PORTS);
    match draw.below(3) {
        0 => Listener { protocol, first, last: first.saturating_add(2), name: None },
        1 => Listener { protocol, first, last: first, name: Some(draw.pick(PORT_NAMES).to_owned()) },
        _ => Listener::port(protocol, first),
    }
}

pub(super) fn transport(draw: &mut Draw) -> Transport {
    draw.pick([Transport::Tcp, Transport::Tcp, Transport::Udp, Transport::Sctp])
}

pub(super) fn family(draw: &mut Draw) -> Family {
    if draw.chance(60) { Family::V4 } else { Family::V6 }
}

fn interface(draw: &mut Draw, spaces: bool, taken: &mut BTreeSet<(&'static str, IpAddr)>) -> Interface {
    let space = if spaces { draw.pick(SPACES) } else { DEFAULT_SPACE };
    let family = family(draw);
    let start = draw.below(8);
    // A free address of the pool from a random one on; units hold at most twelve of sixteen in a space.
    let free = (0..8).map(|step| pooled(family, start + step)).find(|&address| !taken.contains(&(space, address)));
    let address = match (free, draw.below(10)) {
        (Some(address), 0..=5) => {
            taken.insert((space, address));
            Address::Known(address)
        }
        (_, 8..=9) => Address::Unknown(family),
        _ => Address::Within(block(draw, family)),
    };
    let place = |draw: &mut Draw| draw.maybe(75, |draw| draw.pick(PLACES).to_owned());
    Interface {
        address,
        space: space.to_owned(),
        place: Place { site: place(draw), zone: place(draw), subnet: place(draw) },
        shared: draw.chance(12),
        inbound: draw.chance(65),
        outbound: draw.chance(65),
    }
}

/// A block of two or four addresses of the pool.
pub(super) fn block(draw: &mut Draw, family: Family) -> IpNet {
    let fewer = u8::try_from(draw.between(1, 2)).unwrap_or(1);
    match pooled(family, draw.below(8)) {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 32 - fewer).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 128 - fewer).trunc().into(),
    }
}

/// Lets two units share an address, declared on both sides.
fn share(draw: &mut Draw, draft: &mut Draft) {
    if !draw.chance(55) {
        return;
    }
    let given = draft.units.iter_mut().flat_map(|unit| &mut unit.interfaces).find_map(|interface| {
        matches!(interface.address, Address::Known(_)).then(|| {
            interface.shared = true;
            interface.clone()
        })
    });
    let last = draft.units.last_mut().and_then(|unit| unit.interfaces.last_mut());
    if let (Some(given), Some(last)) = (given, last) {
        // A unit that holds the only copy of a known address may give it up for the shared one.
        last.address = given.address;
        last.space = given.space;
        last.shared = true;
    }
}

fn hosts(draw: &mut Draw, draft: &mut Draft) {
    let names: Vec<String> = draft.units.iter().map(|unit| unit.name.clone()).collect();
    for (at, unit) in draft.units.iter_mut().enumerate().skip(1) {
        // Only earlier units are hosts, so hosts form a forest.
        if draw.chance(45)
            && let Some(earlier) = names.get(..at)
        {
            unit.host = draw.of(earlier);
        }
    }
}

fn external_source(draw: &mut Draw, at: usize) -> ExternalSource {
    ExternalSource {
        name: format!("{{source-{at}}}"),
        labels: labels(draw),
        entries: draw.list(1, 2, |draw| Entry {
            to: if draw.chance(40) { Selector::Everything } else { rules::selector(draw, 1) },
            services: if draw.chance(40) { vec![Service::Any] } else { draw.list(1, 2, rules::service) },
            provenance: provenance(draw),
        }),
    }
}

/// A place in one of the files, with what its writers say.
pub(super) fn provenance(draw: &mut Draw) -> Provenance {
    let number = |draw: &mut Draw| u32::try_from(draw.between(1, 99)).unwrap_or(1);
    Provenance {
        span: draw.maybe(70, |draw| Span { source: SourceId(0), line: number(draw), column: number(draw) }),
        object: draw.maybe(60, |draw| draw.pick(["NetworkPolicy shop/web", "AdminNetworkPolicy x"]).to_owned()),
        reason: draw.maybe(20, |draw| draw.pick(["needed", "a \"quoted\"\treason", ""]).to_owned()),
        owner: draw.maybe(20, |_| "marketing".to_owned()),
        ticket: draw.maybe(20, |_| "T-1".to_owned()),
    }
}
