//! What is asked of an estate: needs, properties, what is trusted, an attacker, a monitor.

use super::estate::{App, Estate};
use super::rules::offices;
use super::{both, label};
use seglab_policy::{
    AddressSet, Arrivals, AtMost, Attacker, Claim, Defence, Monitor, Need, Patience, Peer, Pivot, Property, Provenance,
    Selector, Service, Statistic, Strategy, Transport, Trusted,
};

const SECOND_NS: u64 = 1_000_000_000;

/// How many apps declare their needs; a company never documents them all.
const DOCUMENTED_APPS: usize = 100;

fn tcp(port: u16) -> Vec<Service> {
    vec![Service::ports(Transport::Tcp, port, port)]
}

fn of_app(app: &App, environment: &str, tier: &str) -> Selector {
    both([label("app", &app.name), label("env", environment), label("tier", tier)])
}

/// The flows that production needs: name resolution and log-in for all, and each documented app's tiers.
pub(super) fn needs(estate: &Estate) -> Vec<Need> {
    let need = |from, to, services, rate_per_second, synchronous, owner: &str| Need {
        from: Peer::Units(from),
        to: Peer::Units(to),
        services,
        arrivals: Arrivals::Even { rate_per_second },
        synchronous,
        patience: Patience::default(),
        answering: None,
        provenance: Provenance { owner: Some(owner.to_owned()), ..Provenance::default() },
    };
    let dns = vec![Service::ports(Transport::Udp, 53, 53)];
    let mut needs = vec![
        need(label("env", "prod"), label("role", "dns"), dns, 0.01, true, "platform"),
        need(label("env", "prod"), label("role", "directory"), tcp(636), 0.001, false, "platform"),
        need(label("role", "monitoring"), label("env", "prod"), tcp(9100), 0.02, false, "platform"),
        need(label("env", "prod"), label("role", "backup"), tcp(10000), 0.0001, false, "platform"),
    ];
    for app in estate.apps.iter().take(DOCUMENTED_APPS) {
        let tier = |tier| of_app(app, "prod", tier);
        needs.push(need(tier("web"), tier("app"), tcp(app.port), 1.0, true, app.portfolio));
        needs.push(need(tier("app"), tier("data"), tcp(app.engine.port), 2.0, true, app.portfolio));
    }
    needs
}

/// Properties of every kind. Most hold; the migration that nobody cleaned up and the interfaces to partners violate
/// some.
pub(super) fn properties(estate: &Estate) -> Vec<Property> {
    let units = |selector| Peer::Units(selector);
    let everything = || vec![Service::Any];
    let environment = |name: &str| label("env", name);
    let production_data = || both([label("env", "prod"), label("tier", "data")]);
    let mut properties = vec![
        property(
            "development-never-reaches-production",
            Claim::Isolated { from: units(environment("dev")), to: units(environment("prod")), services: everything() },
        ),
        property(
            "staging-never-reaches-production-data",
            Claim::Isolated {
                from: units(environment("staging")),
                to: units(production_data()),
                services: everything(),
            },
        ),
        property(
            "internet-never-reaches-data-directly",
            Claim::Isolated { from: Peer::internet(), to: units(label("tier", "data")), services: everything() },
        ),
        property(
            "internet-reaches-data-through-apps-only",
            Claim::OnlyThrough {
                from: Peer::internet(),
                to: units(production_data()),
                via: label("tier", "app"),
                services: everything(),
            },
        ),
        property(
            "hypervisors-are-managed-through-bastions-only",
            Claim::OnlyThrough {
                from: offices(),
                to: units(label("role", "hypervisor")),
                via: label("role", "bastion"),
                services: tcp(902),
            },
        ),
        property(
            "one-developer-machine",
            Claim::BlastRadius { from: environment("dev"), at_most: AtMost::Share(500_000), of: Statistic::Max },
        ),
        property(
            "one-web-server-exploited",
            Claim::BlastRadius {
                from: both([label("exposure", "public")]),
                at_most: AtMost::Share(50_000),
                of: Statistic::Max,
            },
        ),
        property(
            "only-front-doors-face-the-internet",
            Claim::Exposed {
                external: AddressSet::internet(),
                inbound: true,
                only: label("exposure", "public"),
                services: tcp(443),
            },
        ),
        property(
            "only-proxies-and-resolvers-reach-the-internet",
            Claim::Exposed {
                external: AddressSet::internet(),
                inbound: false,
                only: Selector::In { key: "role".to_owned(), values: vec!["dns".to_owned(), "proxy".to_owned()] },
                services: everything(),
            },
        ),
        property(
            "production-resolves-names",
            Claim::Allowed {
                from: units(environment("prod")),
                to: units(label("role", "dns")),
                services: vec![Service::ports(Transport::Udp, 53, 53)],
            },
        ),
        property(
            "development-uses-the-proxy",
            Claim::Allowed { from: units(environment("dev")), to: units(label("role", "proxy")), services: tcp(3128) },
        ),
    ];
    if let Some(app) = estate.apps.first() {
        let tier = |tier| units(of_app(app, "prod", tier));
        properties.push(property(
            "the-first-app-works",
            Claim::Allowed { from: tier("web"), to: tier("app"), services: tcp(app.port) },
        ));
    }
    for property in &mut properties {
        match property.id.as_str() {
            "internet-never-reaches-data-directly" => property.hops_max = Some(1),
            "one-web-server-exploited" => property.pivot = Pivot::Exploitable,
            _ => {}
        }
    }
    properties
}

fn property(id: &str, claim: Claim) -> Property {
    Property::new(id, claim)
}

/// The shared services that everybody reaches.
pub(super) fn trusted() -> Vec<Trusted> {
    let hubs = ["backup", "directory", "dns", "policy-controller"].map(str::to_owned).to_vec();
    vec![Trusted {
        units: Selector::In { key: "role".to_owned(), values: hubs },
        owner: "platform".to_owned(),
        reason: "hardened, patched within a day, watched".to_owned(),
        expires: None,
        provenance: Provenance::default(),
    }]
}

/// Somebody who has taken a public web server, and somebody with a developer's laptop.
pub(super) fn attackers() -> Vec<Attacker> {
    let attacker = |name: &str, foothold| Attacker {
        name: name.to_owned(),
        foothold,
        scan_rate_per_second: 1.0,
        exploit_probability: 0.4,
        exploit_mean_ns: 20 * 60 * SECOND_NS,
        login_probability: 0.9,
        login_mean_ns: 60 * SECOND_NS,
        credentials: Vec::new(),
        strategy: Strategy::default(),
        conduct: Default::default(),
        provenance: Provenance::default(),
    };
    vec![
        attacker("web-exploit", label("exposure", "public")),
        attacker("developer", both([label("env", "dev"), label("tier", "app")])),
    ]
}

/// A team that watches denials and a sensor that sees half of what is taken.
pub(super) fn monitor() -> Monitor {
    Monitor {
        denied_alert_probability: 0.05,
        sensor_probability: 0.5,
        sensor_mean_ns: 8 * 3600 * SECOND_NS,
        response_mean_ns: 30 * 60 * SECOND_NS,
        defence: Defence::default(),
        provenance: Provenance::default(),
    }
}
