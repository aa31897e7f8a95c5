//! The rules of an estate: what every company has, then round after round of what apps ask for.

use super::estate::{App, Estate};
use super::ranges::{OFFICES, PARTNERS, legacy};
use super::{RULES_MIN, Settings, both, label};
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use seglab_policy::{
    Action, AddressSet, Covers, Directions, Family, Order, Peer, Provenance, Rule, Rulebook, Scope, Selector, Service,
    Tier, Transport,
};

/// The native rulebook, which agents enforce, and the perimeter's: together as many rules as the settings say.
pub(super) fn rulebooks(estate: &Estate, settings: &Settings) -> Vec<Rulebook> {
    let perimeter = perimeter();
    let mut native = company();
    // INVARIANT: the rules that every company has are no more than the fewest that settings may ask for.
    debug_assert!(native.len() + perimeter.len() <= RULES_MIN as usize);
    let wanted = (settings.rules as usize).saturating_sub(perimeter.len());
    let mut random = estate.random.clone();
    let mut rounds = (0..).flat_map(|round| estate.apps.iter().map(move |app| (round, app)));
    while native.len() < wanted {
        let Some((round, app)) = rounds.next() else { break };
        native.push(app_rule(round, app, estate, &mut random));
    }
    let tier = |name: &str, order, otherwise, rules| Tier {
        name: name.to_owned(),
        order,
        scope: Scope::Everything,
        otherwise,
        rules,
    };
    let book = |name: &str, tier, default_allow| Rulebook {
        name: name.to_owned(),
        tiers: vec![tier],
        default_allow,
        stateful: true,
    };
    vec![
        book("native", tier("native", Order::DenyOverrides, Action::Deny, native), false),
        book("perimeter", tier("perimeter", Order::FirstMatch, Action::Pass, perimeter), true),
    ]
}

fn rule(action: Action, from: Peer, to: Peer, services: Vec<Service>, reason: &str) -> Rule {
    Rule {
        directions: Directions::UNIT,
        from,
        to,
        services,
        action,
        priority: 0,
        provenance: Provenance { reason: Some(reason.to_owned()), ..Provenance::default() },
    }
}

fn tcp(ports: impl IntoIterator<Item = u16>) -> Vec<Service> {
    let ranges = ports.into_iter().map(|port| (port, port));
    vec![Service::Ports {
        protocol: Transport::Tcp,
        ports: seglab_policy::IntervalSet::from_ranges(ranges),
        source_ports: seglab_policy::IntervalSet::full(),
    }]
}

fn tcp_range(first: u16, last: u16) -> Vec<Service> {
    vec![Service::ports(Transport::Tcp, first, last)]
}

fn role(name: &str) -> Peer {
    Peer::Units(label("role", name))
}

fn environment(name: &str) -> Peer {
    Peer::Units(label("env", name))
}

fn addresses(set: AddressSet) -> Peer {
    Peer::Addresses { set, covers: Covers::All }
}

/// Every office, in private addresses.
pub(super) fn offices() -> Peer {
    addresses(AddressSet::from_range([172, 16, 0, 0].into(), [172, 31, 255, 255].into()))
}

/// What every company has: shared services for all, and the guard rails between environments.
fn company() -> Vec<Rule> {
    use Action::{Allow, Deny};
    let everyone = || Peer::Units(Selector::Everything);
    let dns = || vec![Service::ports(Transport::Udp, 53, 53), Service::ports(Transport::Tcp, 53, 53)];
    let echo = |family, kind| vec![Service::Icmp { family, kind: Some(kind), code: None }];
    vec![
        rule(Allow, everyone(), role("dns"), dns(), "name resolution"),
        rule(Allow, role("dns"), Peer::internet(), dns(), "recursion"),
        rule(Allow, everyone(), role("directory"), tcp([88, 389, 636]), "log-in and groups"),
        rule(Allow, role("directory"), role("directory"), tcp_range(49152, 49200), "replication"),
        rule(Allow, role("monitoring"), everyone(), tcp([9100]), "metrics are pulled"),
        rule(Allow, role("monitoring"), everyone(), echo(Family::V4, 8), "availability"),
        rule(Allow, role("monitoring"), everyone(), echo(Family::V6, 128), "availability"),
        rule(Allow, everyone(), role("backup"), tcp([10000]), "backups are pushed"),
        rule(Allow, everyone(), role("policy-controller"), tcp([8443]), "agents fetch their policy"),
        rule(Allow, role("bastion"), everyone(), tcp([22]), "administration"),
        rule(Allow, offices(), role("bastion"), tcp([22]), "administration from offices"),
        rule(Allow, role("bastion"), role("hypervisor"), tcp([902]), "hypervisor consoles"),
        rule(Allow, environment("prod"), role("proxy"), tcp([3128]), "outbound traffic goes through the proxy"),
        rule(Allow, environment("staging"), role("proxy"), tcp([3128]), "outbound traffic goes through the proxy"),
        rule(Allow, role("proxy"), Peer::internet(), tcp([80, 443]), "outbound traffic goes through the proxy"),
        rule(Deny, environment("dev"), environment("prod"), vec![Service::Any], "development never touches production"),
        rule(Deny, environment("staging"), environment("prod"), tcp([22, 445, 3389]), "no administration from staging"),
        rule(Deny, Peer::external(), Peer::Units(label("tier", "data")), vec![Service::Any], "data is internal"),
        rule(Deny, Peer::Units(label("data", "pci")), Peer::external(), vec![Service::Any], "cardholder data stays"),
        rule(
            Deny,
            Peer::Units(Selector::Exists("tier".to_owned())),
            role("hypervisor"),
            vec![Service::Any],
            "apps do not manage hosts",
        ),
        // A migration that ended years ago; its rule did not.
        rule(
            Allow,
            Peer::Units(both([label("app", "app0001"), label("env", "staging"), label("tier", "app")])),
            Peer::Units(both([label("app", "app0001"), label("env", "prod"), label("tier", "data")])),
            tcp_range(1024, 32767),
            "temporary: data migration",
        ),
    ]
}

/// What the appliances around sites stop: first match, and what no rule mentions passes.
fn perimeter() -> Vec<Rule> {
    use Action::{Allow, Deny};
    let from_outside = |services, reason: &str| rule(Deny, Peer::external(), Peer::Anyone, services, reason);
    let mut rules = vec![
        rule(Allow, offices(), Peer::Anyone, tcp([22, 443]), "offices"),
        from_outside(tcp([22, 23, 445, 3389]), "no administration from outside"),
        from_outside(tcp([1433, 1521, 3306, 5432, 27017]), "no databases from outside"),
        from_outside(vec![Service::ports(Transport::Udp, 161, 162)], "no management from outside"),
        rule(Deny, Peer::Anyone, Peer::external(), tcp([25]), "mail leaves through the relay"),
    ];
    for (priority, rule) in (0..).zip(&mut rules) {
        rule.priority = 10 * priority;
    }
    rules
}

fn tier_of(app: &App, tier: &str) -> Selector {
    both([label("app", &app.name), label("tier", tier)])
}

fn in_environments(app: &App, tier: &str, environments: &[&str]) -> Selector {
    let values = environments.iter().map(|&one| one.to_owned()).collect();
    Selector::All(vec![label("app", &app.name), label("tier", tier), Selector::In { key: "env".to_owned(), values }])
}

/// What an app asks for in a round: its own tiers first, then fronts, partners, offices and other apps.
fn app_rule(round: u32, app: &App, estate: &Estate, random: &mut Xoshiro256PlusPlus) -> Rule {
    use Action::{Allow, Deny};
    let tier = |name: &str| Peer::Units(tier_of(app, name));
    let mut made = match round {
        0 => rule(Allow, tier("web"), tier("app"), tcp([app.port]), "web to app"),
        1 => rule(Allow, tier("app"), tier("data"), tcp([app.engine.port]), "app to data"),
        2 => {
            let to = Peer::Units(in_environments(app, "web", &["prod"]));
            let from = if app.public { Peer::internet() } else { addresses(OFFICES.draw_set(3, random)) };
            rule(Allow, from, to, tcp([443]), "front door")
        }
        3 => rule(Deny, tier("web"), tier("data"), vec![Service::Any], "web never skips the app tier"),
        // From here on, what an app asks for is a matter of its history.
        _ => match random.random_range(0..100u8) {
            0..26 => integration(app, estate, random),
            26..42 => {
                let to = addresses(PARTNERS.draw_set(4, random));
                rule(Allow, tier("app"), to, tcp([443]), "partner interfaces")
            }
            42..56 => {
                let to = Peer::Units(in_environments(app, "web", &["dev", "staging"]));
                rule(Allow, addresses(OFFICES.draw_set(3, random)), to, tcp([443]), "testing from offices")
            }
            56..68 => {
                let first = 10 * random.random_range(2000..4500u16);
                let last = first + random.random_range(9..200);
                rule(Allow, tier("app"), tier("app"), tcp_range(first, last), "cluster traffic of the app tier")
            }
            68..80 => {
                let from = addresses(legacy(random.random_range(0..estate.sites.len()), 1).draw_set(2, random));
                rule(Allow, from, tier("app"), tcp([app.port, app.port + 1]), "batch network, by address")
            }
            80..88 => {
                let from = addresses(PARTNERS.draw_set(2, random));
                rule(Deny, from, tier("web"), vec![Service::Any], "blocked after an incident")
            }
            88..94 => {
                let to = addresses(PARTNERS.draw_set(2, random));
                rule(Deny, tier("app"), to, vec![Service::Any], "partner contract ended")
            }
            _ => {
                let to = Peer::Units(in_environments(app, "data", &["prod"]));
                let from = addresses(legacy(random.random_range(0..estate.sites.len()), 3).draw_set(2, random));
                rule(Allow, from, to, tcp_range(app.engine.port, app.engine.port + 9), "reporting, by address")
            }
        },
    };
    made.provenance.owner = Some(app.portfolio.to_owned());
    made.provenance.ticket = Some(format!("CHG-{:06}", random.random_range(0..1_000_000u32)));
    made
}

/// The app tier of one app calls another's, in one environment or in all.
fn integration(app: &App, estate: &Estate, random: &mut Xoshiro256PlusPlus) -> Rule {
    let other = estate.apps.get(random.random_range(0..estate.apps.len())).unwrap_or(app);
    let environments: &[&str] = match random.random_range(0..4u8) {
        0 => &["prod"],
        1 => &["staging"],
        2 => &["dev", "staging"],
        _ => &["dev", "prod", "staging"],
    };
    rule(
        Action::Allow,
        Peer::Units(in_environments(app, "app", environments)),
        Peer::Units(in_environments(other, "app", environments)),
        tcp([other.port]),
        "integration",
    )
}
