//! The units of an estate, with their addresses, services, weaknesses and credentials.

use super::estate::{App, Estate, Group, SHARED};
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use seglab_policy::{Address, Interface, Labels, Listener, Login, Place, Provenance, Transport, Unit, Vulnerability};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The zones of a site, in the order of their networks.
const ZONES: [&str; 5] = ["dmz", "apps", "data", "shared", "infrastructure"];

/// Every unit, in the order shared services, hypervisors, apps.
pub(super) fn units(estate: &Estate) -> Vec<Unit> {
    let mut plan = AddressPlan { used: BTreeMap::new(), overflow: 0 };
    let mut random = estate.random.clone();
    let mut units = Vec::new();
    for site in 0..estate.sites.len() {
        for (role, count) in SHARED {
            units.extend((1..=count).map(|number| shared(estate, site, role, number, &mut plan)));
        }
    }
    units.extend((0..estate.hypervisors).map(|number| hypervisor(estate, number, &mut plan)));
    for group in &estate.groups {
        let Some(app) = estate.apps.get(group.app) else { continue };
        for number in 0..group.units {
            let mut unit = member(estate, app, group, number, &mut plan, &mut random);
            unit.host = Some(hypervisor_name(estate, hypervisor_of(estate, group.site_of(number), units.len())));
            units.push(unit);
        }
    }
    units
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn shared(estate: &Estate, site: usize, role: &str, number: u32, plan: &mut AddressPlan) -> Unit {
    let place = estate.site(site);
    let ports: &[(Transport, u16)] = match role {
        "dns" => &[(Transport::Udp, 53), (Transport::Tcp, 53)],
        "directory" => &[(Transport::Tcp, 88), (Transport::Tcp, 389), (Transport::Tcp, 636)],
        "backup" => &[(Transport::Tcp, 10000)],
        "proxy" => &[(Transport::Tcp, 3128)],
        "policy-controller" => &[(Transport::Tcp, 8443)],
        _ => &[],
    };
    let mut listeners = agent_listeners();
    listeners.extend(ports.iter().map(|&(protocol, port)| Listener::port(protocol, port)));
    let credentials = if role == "bastion" { vec!["administrator".to_owned()] } else { Vec::new() };
    Unit {
        name: format!("{role}-{place}-{number}"),
        labels: labels([("role", role), ("env", "shared"), ("site", place)]),
        interfaces: plan.interfaces(place, site, 3, true),
        listeners,
        criticality: if matches!(role, "directory" | "backup") { 8 } else { 2 },
        image: Some(format!("{role}:2024.2")),
        credentials,
        logins: vec![ssh_login()],
        can_host_agent: true,
        ..Unit::default()
    }
}

fn hypervisor_name(estate: &Estate, number: u32) -> String {
    format!("hypervisor-{}-{number:04}", estate.site(number as usize))
}

/// A hypervisor of a site; units take them in turn.
fn hypervisor_of(estate: &Estate, site: usize, turn: usize) -> u32 {
    let sites = estate.sites.len().max(1);
    let of_site = (site % sites..estate.hypervisors as usize).step_by(sites);
    of_site.clone().nth(turn % of_site.len().max(1)).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

fn hypervisor(estate: &Estate, number: u32, plan: &mut AddressPlan) -> Unit {
    let site = number as usize % estate.sites.len().max(1);
    Unit {
        name: hypervisor_name(estate, number),
        labels: labels([
            ("role", "hypervisor"),
            ("env", "infrastructure"),
            ("site", estate.site(site)),
            ("agent", "none"),
        ]),
        interfaces: plan.interfaces(estate.site(site), site, 4, false),
        listeners: vec![Listener::port(Transport::Tcp, 22), Listener::port(Transport::Tcp, 902)],
        criticality: 4,
        image: Some("hypervisor:8.0".to_owned()),
        logins: vec![ssh_login()],
        can_host_agent: false,
        ..Unit::default()
    }
}

fn member(
    estate: &Estate,
    app: &App,
    group: &Group,
    number: u32,
    plan: &mut AddressPlan,
    random: &mut Xoshiro256PlusPlus,
) -> Unit {
    let site = group.site_of(number) % estate.sites.len().max(1);
    let place = estate.site(site);
    let mut unit = Unit {
        name: format!("{}-{}-{}-{}", app.name, group.environment, group.tier, number + 1),
        labels: labels([
            ("app", app.name.as_str()),
            ("env", group.environment),
            ("tier", group.tier),
            ("portfolio", app.portfolio),
            ("site", place),
        ]),
        listeners: agent_listeners(),
        can_host_agent: true,
        logins: vec![ssh_login()],
        provenance: Provenance { owner: Some(app.portfolio.to_owned()), ..Provenance::default() },
        ..Unit::default()
    };
    let password = format!("{}-{}-data", app.name, group.environment);
    let zone = match group.tier {
        "web" => {
            unit.image = Some("nginx:1.25".to_owned());
            unit.listeners.push(named_listener("https", 443));
            if app.public && group.environment == "prod" {
                unit.labels.insert("exposure".to_owned(), "public".to_owned());
            }
            weaken(&mut unit, "CVE-2024-7347", 443, 0.05, random);
            if app.public { 0 } else { 1 }
        }
        "app" => {
            unit.image = Some(format!("{}:3.1", app.name));
            unit.listeners.push(named_listener("api", app.port));
            unit.credentials.push(password);
            weaken(&mut unit, "CVE-2021-44228", app.port, 0.08, random);
            1
        }
        _ => {
            unit.image = Some(format!("{}:15", app.engine.name));
            unit.listeners.push(named_listener("data", app.engine.port));
            unit.logins.push(Login { credential: password, protocol: Transport::Tcp, port: app.engine.port });
            if group.environment == "prod" {
                unit.criticality = if app.pci { 10 } else { 3 };
            }
            if app.pci {
                unit.labels.insert("data".to_owned(), "pci".to_owned());
            }
            2
        }
    };
    if random.random_bool(0.03) {
        // An old system that no agent supports: its hypervisor filters for it.
        unit.labels.insert("agent".to_owned(), "none".to_owned());
        unit.can_host_agent = false;
    }
    unit.interfaces = plan.interfaces(place, site, zone, group.tier == "web" && app.public);
    unit
}

/// The services of every managed unit: remote login, and the exporter that monitoring asks.
fn agent_listeners() -> Vec<Listener> {
    vec![Listener::port(Transport::Tcp, 22), Listener::port(Transport::Tcp, 9100)]
}

fn named_listener(name: &str, port: u16) -> Listener {
    Listener { name: Some(name.to_owned()), ..Listener::port(Transport::Tcp, port) }
}

fn ssh_login() -> Login {
    Login { credential: "administrator".to_owned(), protocol: Transport::Tcp, port: 22 }
}

fn weaken(unit: &mut Unit, name: &str, port: u16, share: f64, random: &mut Xoshiro256PlusPlus) {
    if random.random_bool(share) {
        unit.vulnerabilities.push(Vulnerability { name: name.to_owned(), protocol: Transport::Tcp, port });
    }
}

/// Hands out addresses: five /16 of 10.0.0.0/8 and as many /48 of fd00::/8 for each zone of each site, in subnets of 250.
/// Zones that need more share what lies behind those of all sites.
struct AddressPlan {
    used: BTreeMap<(usize, usize), u32>,
    /// Units that did not fit into the networks of their zone.
    overflow: u32,
}

/// The second octets of a zone and of a site, the first that no site has, and how many subnets an octet holds.
const OCTETS_PER_ZONE: u32 = 5;
const OCTETS_PER_SITE: u32 = 25;
const OCTETS_OF_SITES: u32 = 8 * OCTETS_PER_SITE;
const SUBNETS_PER_OCTET: u32 = 256;
const UNITS_PER_SUBNET: u32 = 250;

impl AddressPlan {
    /// The interfaces of the next unit of a zone; dual stack if `dual`.
    fn interfaces(&mut self, site_name: &str, site: usize, zone: usize, dual: bool) -> Vec<Interface> {
        let used = self.used.entry((site, zone)).or_default();
        let (mut subnet, mut host) = (*used / UNITS_PER_SUBNET, *used % UNITS_PER_SUBNET + 4);
        *used += 1;
        let zone_name = ZONES.get(zone).copied().unwrap_or("apps");
        let place = Place {
            site: Some(site_name.to_owned()),
            zone: Some(format!("{site_name}-{zone_name}")),
            subnet: Some(format!("{site_name}-{zone_name}-{subnet}")),
        };
        let position = |at: usize| u32::try_from(at).unwrap_or(0);
        let mut first = position(site) * OCTETS_PER_SITE + position(zone) * OCTETS_PER_ZONE;
        if subnet >= OCTETS_PER_ZONE * SUBNETS_PER_OCTET {
            first = OCTETS_OF_SITES;
            (subnet, host) = (self.overflow / UNITS_PER_SUBNET, self.overflow % UNITS_PER_SUBNET + 4);
            self.overflow += 1;
        }
        let network = first + subnet / SUBNETS_PER_OCTET;
        let v4 = Ipv4Addr::from_bits((10 << 24) | (network << 16) | ((subnet % SUBNETS_PER_OCTET) << 8) | host);
        let interface =
            |address: std::net::IpAddr| Interface { place: place.clone(), ..Interface::new(Address::Known(address)) };
        let mut interfaces = vec![interface(v4.into())];
        if dual {
            let network = (0xfd00_u128 << 112) | (u128::from(network) << 80) | (u128::from(subnet) << 64);
            interfaces.push(interface(Ipv6Addr::from_bits(network | u128::from(host)).into()));
        }
        interfaces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// One app may have most of a million units, and a zone of it most of those.
    #[test]
    fn a_zone_that_bursts_takes_nobodys_addresses() {
        let mut plan = AddressPlan { used: BTreeMap::new(), overflow: 0 };
        let mut seen = BTreeSet::new();
        for (zone, units) in [(1, 700_000), (2, 10), (4, 10)] {
            for _ in 0..units {
                for interface in plan.interfaces("paris", 7, zone, true) {
                    let Address::Known(address) = interface.address else { panic!("{interface:?}") };
                    assert!(seen.insert(address), "{address} is given twice");
                }
            }
        }
        let inside = |address: &std::net::IpAddr| match address {
            std::net::IpAddr::V4(address) => address.octets()[0] == 10,
            std::net::IpAddr::V6(address) => address.segments()[0] == 0xfd00,
        };
        assert!(seen.iter().all(inside));
    }
}
