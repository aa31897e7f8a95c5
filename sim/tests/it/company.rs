//! Designs that the tests of the models share.

use seglab_policy::{
    Action, Address, Attacker, Defence, Design, Directions, Draft, EnforcementPoint, Interface, Listener, Login, Mode,
    Monitor, Need, Order, Peer, PointKind, Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service, Strategy,
    Tier, Transport, Unit, Vulnerability,
};
use seglab_sim::models::{Campaign, CampaignResult, Settings};

/// Runs a campaign twice under one seed and compares bytes.
pub(crate) fn run(designs: &[&Design], settings: &Settings) -> CampaignResult {
    let first = Campaign::run(designs, settings).unwrap();
    let second = Campaign::run(designs, settings).unwrap();
    assert!(bytes(&first) == bytes(&second), "seed {}: two runs differ", settings.seed);
    first
}

/// The bytes of a result.
pub(crate) fn bytes(result: &CampaignResult) -> Vec<u8> {
    serde_json::to_vec(result).unwrap()
}

/// A unit in the default space that listens on these TCP ports.
pub(crate) fn unit(name: &str, address: [u8; 4], ports: &[u16]) -> Unit {
    Unit {
        name: name.to_owned(),
        interfaces: vec![Interface::new(Address::Known(std::net::Ipv4Addr::from(address).into()))],
        listeners: ports.iter().map(|&port| Listener::port(Transport::Tcp, port)).collect(),
        can_host_agent: true,
        ..Unit::default()
    }
}

/// The weakness of a TCP port.
pub(crate) fn vulnerability(port: u16) -> Vulnerability {
    Vulnerability { name: format!("weak-{port}"), protocol: Transport::Tcp, port }
}

/// An attacker who never fails and takes no time: one attempt a second.
pub(crate) fn sure_attacker(foothold: Selector) -> Attacker {
    Attacker {
        name: "sure".to_owned(),
        foothold,
        scan_rate_per_second: 1.0,
        exploit_probability: 1.0,
        exploit_mean_ns: 0,
        login_probability: 1.0,
        login_mean_ns: 0,
        credentials: Vec::new(),
        strategy: Strategy::Worm,
        conduct: Default::default(),
        provenance: Provenance::default(),
    }
}

/// A TCP service.
pub(crate) fn tcp(port: u16) -> Service {
    Service::ports(Transport::Tcp, port, port)
}

/// A rule that allows a service.
pub(crate) fn allow(from: Peer, to: Peer, service: Service) -> Rule {
    Rule {
        directions: Directions::ALL,
        from,
        to,
        services: vec![service],
        action: Action::Allow,
        priority: 0,
        provenance: Provenance::default(),
    }
}

/// A rulebook that denies by default.
pub(crate) fn rulebook(rules: Vec<Rule>) -> Rulebook {
    let tier = Tier {
        name: "native".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Pass,
        rules,
    };
    Rulebook { name: "native".to_owned(), tiers: vec![tier], default_allow: false, stateful: true }
}

/// A point of this kind and mode at every unit, with the first rulebook.
pub(crate) fn everywhere(kind: PointKind, mode: Mode) -> EnforcementPoint {
    EnforcementPoint { kind, mode, ..EnforcementPoint::ideal(kind.to_string(), RulebookId(0)) }
}

/// A need for a service.
pub(crate) fn need(from: Peer, to: Peer, service: Service, synchronous: bool) -> Need {
    Need { synchronous, ..Need::new(from, to, vec![service]) }
}

/// Units with the label `app` of this value.
pub(crate) fn app(value: &str) -> Peer {
    Peer::Units(Selector::label("app", value))
}

/// The units of this name.
pub(crate) fn named(name: &str) -> Peer {
    Peer::Units(Selector::Named(name.to_owned()))
}

/// Web, application and database servers, two each of every application, in one address space: three services an
/// application needs, databases that take the password which the application servers hold. Segmented: one rule for each
/// need and agents everywhere; else no point at all.
pub(crate) fn company(applications: u16, segmented: bool) -> Design {
    let mut draft = Draft { name: if segmented { "segmented" } else { "flat" }.to_owned(), ..Draft::default() };
    let mut rules = Vec::new();
    for number in 0..applications {
        let [high, low] = number.to_be_bytes();
        let label = |tier: &str| format!("{tier}-{number:05}");
        for (at, tier, port) in [(0, "web", 443), (1, "app", 8080), (2, "db", 5432)] {
            for copy in 0..2u8 {
                let address = [10, high, low, 10 * copy + at];
                let mut held = unit(&format!("{}-{copy}", label(tier)), address, &[22, port]);
                held.labels.insert("app".to_owned(), label(tier));
                held.labels.insert("tier".to_owned(), tier.to_owned());
                match tier {
                    "web" => held.vulnerabilities.push(vulnerability(443)),
                    "app" => {
                        held.vulnerabilities.extend((copy == 0).then(|| vulnerability(8080)));
                        held.credentials.push(format!("password-{number}"));
                    }
                    _ => {
                        let credential = format!("password-{number}");
                        held.logins.push(Login { credential, protocol: Transport::Tcp, port });
                        held.criticality = u32::from(number < 10);
                    }
                }
                draft.units.push(held);
            }
        }
        for (from, to, port) in [
            (Peer::internet(), app(&label("web")), 443),
            (app(&label("web")), app(&label("app")), 8080),
            (app(&label("app")), app(&label("db")), 5432),
        ] {
            draft.needs.push(need(from.clone(), to.clone(), tcp(port), port != 443));
            rules.push(allow(from, to, tcp(port)));
        }
    }
    if segmented {
        draft.rulebooks.push(rulebook(rules));
        draft.points.push(everywhere(PointKind::Agent, Mode::Enforce));
    }
    let minute = 60_000_000_000;
    draft.attackers.push(Attacker {
        exploit_probability: 0.5,
        exploit_mean_ns: 20 * minute,
        login_probability: 0.9,
        login_mean_ns: minute,
        ..sure_attacker(Selector::label("tier", "web"))
    });
    draft.monitor = Some(Monitor {
        denied_alert_probability: 0.5,
        sensor_probability: 0.5,
        sensor_mean_ns: 480 * minute,
        response_mean_ns: 30 * minute,
        defence: Defence::default(),
        provenance: Provenance::default(),
    });
    Design::new(draft).unwrap()
}
