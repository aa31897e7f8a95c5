//! From a scenario to a design.

use super::scenario::{Host, HostAddress, Placed, Scenario, Way};
use seglab_policy::{
    Action, Address, Assumption, Direction, Directions, Draft, Effort, EnforcementPoint, Escalation, Exploit, Family,
    Finds, Interface, Labels, Level, Listener, Mode, Order, Peer, Place, Placement, PointKind, Privilege, Provenance,
    Rule, Rulebook, RulebookId, Scope, Selector, Service, Span, Tier, Tradecraft, Transport, Unit, Vulnerability,
};
use std::collections::BTreeMap;

/// The ports that names of services stand for.
const KNOWN_PORTS: [(&str, u16); 16] = [
    ("dns", 53),
    ("ftp", 21),
    ("http", 80),
    ("https", 443),
    ("imap", 143),
    ("ldap", 389),
    ("mysql", 3306),
    ("pop3", 110),
    ("postgresql", 5432),
    ("rdp", 3389),
    ("samba", 445),
    ("smb", 445),
    ("smtp", 25),
    ("ssh", 22),
    ("telnet", 23),
    ("winrm", 5985),
];

/// The first port of services that are known by none.
const FIRST_FREE_PORT: u16 = 49_152;

/// The design that a scenario describes, without its sources.
pub(super) fn draft(scenario: &Scenario) -> Draft {
    let ports = ports(&scenario.services);
    let units = scenario.hosts.iter().map(|(address, host)| unit(*address, host, scenario, &ports)).collect();
    let routes = scenario.links.iter().filter(|(from, _)| *from > 0).map(|&(a, b)| (subnet_name(a), subnet_name(b)));
    let (rulebooks, points) = enforcement(scenario, &ports);
    Draft {
        name: "NASim scenario".to_owned(),
        units,
        routes: routes.collect(),
        rulebooks,
        points,
        tradecraft: tradecraft(scenario),
        assumptions: assumptions(scenario, &ports),
        ..Draft::default()
    }
}

fn assumptions(scenario: &Scenario, ports: &BTreeMap<&str, u16>) -> Vec<Assumption> {
    let of = |id: &str, text: String| Assumption { id: id.to_owned(), text };
    let ports: Vec<String> = scenario.services.iter().map(|name| format!("{name} {}", port(ports, name))).collect();
    vec![
        of(
            "nasim-scans",
            "attackers know what runs on a host that they have found: only the scan of a subnet is an action, scans of \
             services, systems and processes are not"
                .to_owned(),
        ),
        of(
            "nasim-held",
            "an exploit does not fail on a host where the attacker has an account, as the scenario's rules have it"
                .to_owned(),
        ),
        of("nasim-ports", format!("services have no ports in the file; they are taken for TCP: {}", ports.join(", "))),
    ]
}

/// A port for each service: its own, or the next free one.
fn ports(services: &[String]) -> BTreeMap<&str, u16> {
    let mut ports: BTreeMap<&str, u16> = BTreeMap::new();
    for service in services {
        let known = KNOWN_PORTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(service)).map(|(_, port)| *port);
        let free = |port: &u16| !ports.values().any(|taken| taken == port);
        let port = known.filter(free).or_else(|| (FIRST_FREE_PORT..=u16::MAX).find(free));
        ports.insert(service, port.unwrap_or_default());
    }
    ports
}

fn port(ports: &BTreeMap<&str, u16>, service: &str) -> u16 {
    ports.get(service).copied().unwrap_or_default()
}

fn subnet_name(subnet: u32) -> String {
    format!("subnet-{subnet}")
}

fn host_name((subnet, host): HostAddress) -> String {
    format!("host-{subnet}-{host}")
}

fn process_label(process: &str) -> String {
    format!("runs-{process}")
}

fn provenance(span: Span, object: impl Into<String>) -> Provenance {
    Provenance { object: Some(object.into()), ..Provenance::at(span) }
}

fn unit(address: HostAddress, host: &Placed<Host>, scenario: &Scenario, ports: &BTreeMap<&str, u16>) -> Unit {
    let (subnet, number) = address;
    let Placed { value: host, span } = host;
    let public = scenario.links.contains(&(0, subnet));
    let mut labels = Labels::from([("subnet".to_owned(), subnet.to_string()), ("os".to_owned(), host.os.clone())]);
    labels.extend(host.processes.iter().map(|process| (process_label(process), "true".to_owned())));
    let listener = |service: &String| Listener {
        name: Some(service.clone()),
        ..Listener::port(Transport::Tcp, port(ports, service))
    };
    let weak = scenario.exploits.iter().filter(|way| way.fits(host)).map(|way| Vulnerability {
        name: way.name.clone(),
        protocol: Transport::Tcp,
        port: way.software.as_deref().map(|service| port(ports, service)).unwrap_or_default(),
    });
    let interface = Interface {
        space: subnet_name(subnet),
        place: Place { subnet: Some(subnet_name(subnet)), ..Place::default() },
        inbound: public,
        outbound: public,
        ..Interface::new(Address::Unknown(Family::V4))
    };
    Unit {
        name: host_name(address),
        labels,
        interfaces: vec![interface],
        listeners: host.services.iter().map(listener).collect(),
        // A fraction of a value still counts.
        criticality: scenario.sensitive.get(&address).map_or(0, |value| value.ceil() as u32),
        vulnerabilities: weak.collect(),
        can_host_agent: true,
        provenance: provenance(*span, format!("host ({subnet}, {number})")),
        ..Unit::default()
    }
}

impl Way {
    /// True if the exploit works on the host at all.
    fn fits(&self, host: &Host) -> bool {
        let runs = self.software.as_ref().is_none_or(|service| host.services.contains(service));
        runs && self.os.as_ref().is_none_or(|os| *os == host.os)
    }

    fn effort(&self) -> Effort {
        Effort { cost: self.cost, success_probability: self.probability, mean_ns: None }
    }

    fn system(&self) -> impl Iterator<Item = Selector> + '_ {
        self.os.iter().map(|os| Selector::label("os", os))
    }
}

fn tradecraft(scenario: &Scenario) -> Tradecraft {
    let exploits = scenario.exploits.iter().map(|way| Exploit {
        vulnerability: way.name.clone(),
        gives: way.gives,
        present_probability: 1.0,
        effort: way.effort(),
        provenance: provenance(way.span, "exploit"),
    });
    let by_process = scenario.escalations.iter().filter(|way| way.gives == Privilege::Root).map(|way| {
        let runs = way.software.iter().map(|process| Selector::label(process_label(process), "true"));
        Escalation {
            name: way.name.clone(),
            on: Selector::All(way.system().chain(runs).collect()),
            present_probability: 1.0,
            effort: way.effort(),
            provenance: provenance(way.span, "privilege escalation"),
        }
    });
    let taken: Vec<&str> = scenario.escalations.iter().map(|way| way.name.as_str()).collect();
    let from_within = scenario.exploits.iter().filter(|way| way.gives == Privilege::Root).map(|way| {
        let names = scenario.hosts.iter().filter(|(_, host)| way.fits(&host.value));
        let on = names.map(|(address, _)| Selector::Named(host_name(*address))).collect();
        let mut name = format!("{} from within", way.name);
        while taken.contains(&name.as_str()) {
            name.push('\'');
        }
        Escalation {
            name,
            on: Selector::AnyOf(on),
            present_probability: 1.0,
            effort: Effort { success_probability: 1.0, ..way.effort() },
            provenance: provenance(way.span, "exploit"),
        }
    });
    Tradecraft {
        exploits: exploits.collect(),
        escalations: by_process.chain(from_within).collect(),
        finds: Finds::Routed,
        scan: Some(Effort { cost: scenario.subnet_scan_cost, ..Effort::default() }),
        ..Tradecraft::default()
    }
}

fn enforcement(scenario: &Scenario, ports: &BTreeMap<&str, u16>) -> (Vec<Rulebook>, Vec<EnforcementPoint>) {
    let place = |subnet: u32| match subnet {
        0 => Peer::internet(),
        subnet => Peer::Units(Selector::label("subnet", subnet.to_string())),
    };
    let services = |names: &[String]| -> Vec<Service> {
        names.iter().map(|name| Service::ports(Transport::Tcp, port(ports, name), port(ports, name))).collect()
    };
    let between =
        scenario.firewall.iter().filter(|(_, passes)| !passes.value.is_empty()).map(|(&(from, to), passes)| Rule {
            directions: Directions::only(Direction::Forward),
            from: place(from),
            to: place(to),
            services: services(&passes.value),
            action: Action::Allow,
            priority: 0,
            provenance: provenance(passes.span, format!("firewall ({from}, {to})")),
        });
    let firewall = Rulebook {
        name: "firewall".to_owned(),
        tiers: vec![tier("firewall", Order::AllowUnion, Action::Deny, between.collect())],
        default_allow: false,
        stateful: true,
    };
    let denials = scenario.hosts.iter().flat_map(|(&to, host)| {
        host.value
            .denies
            .iter()
            .filter(|(_, denied)| !denied.value.is_empty())
            .map(move |(&from, denied)| (from, to, denied))
    });
    let denials: Vec<Rule> = denials
        .map(|(from, to, denied)| Rule {
            directions: Directions::only(Direction::Ingress),
            from: Peer::Units(Selector::Named(host_name(from))),
            to: Peer::Units(Selector::Named(host_name(to))),
            services: services(&denied.value),
            action: Action::Deny,
            priority: 0,
            provenance: provenance(denied.span, format!("host firewall of ({}, {})", to.0, to.1)),
        })
        .collect();
    let appliance = EnforcementPoint {
        kind: PointKind::Appliance,
        placement: Placement::Between(Level::Subnet),
        directions: Directions::only(Direction::Forward),
        mode: Mode::Enforce,
        ..EnforcementPoint::ideal("firewall", RulebookId(0))
    };
    let (mut rulebooks, mut points) = (vec![firewall], vec![appliance]);
    if !denials.is_empty() {
        let guarded = scenario.hosts.iter().filter(|(_, host)| !host.value.denies.is_empty());
        let guarded = guarded.map(|(&address, _)| Selector::Named(host_name(address))).collect();
        points.push(EnforcementPoint {
            kind: PointKind::Agent,
            placement: Placement::Units(Selector::AnyOf(guarded)),
            directions: Directions::only(Direction::Ingress),
            ..EnforcementPoint::ideal("host firewalls", RulebookId(1))
        });
        rulebooks.push(Rulebook {
            name: "host firewalls".to_owned(),
            tiers: vec![tier("host firewalls", Order::DenyOverrides, Action::Allow, denials)],
            default_allow: true,
            stateful: true,
        });
    }
    (rulebooks, points)
}

fn tier(name: &str, order: Order, otherwise: Action, rules: Vec<Rule>) -> Tier {
    Tier { name: name.to_owned(), order, scope: Scope::Everything, otherwise, rules }
}
