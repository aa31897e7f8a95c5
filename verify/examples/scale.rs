//! Times the verifier on a synthetic company: applications in environments, tiers and sites, shared services, address
//! rules, some denies, ten properties.
//!
//! `cargo run --release -p seglab-verify --example scale -- 5000 1000`

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

use seglab_policy::{
    Action, Address, AddressSet, Assume, AtMost, Claim, Covers, Design, Directions, Draft, EnforcementPoint, Interface,
    IntervalSet, Listener, Order, Peer, Pivot, Property, Provenance, Rule, Rulebook, RulebookId, Scope, Selector,
    Service, Tier, Transport, Trust, Unit, View,
};
use seglab_verify::{Attack, Settings, Verifier};
use std::net::Ipv4Addr;
use std::time::Instant;

const TIERS: [&str; 4] = ["web", "app", "db", "cache"];
const ENVIRONMENTS: [&str; 4] = ["prod", "stage", "test", "dev"];

/// A small generator with a fixed seed (the step of SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

fn selector(pairs: &[(&str, String)]) -> Selector {
    Selector::All(pairs.iter().map(|(key, value)| Selector::label(*key, value.clone())).collect())
}

fn units(count: usize, apps: usize) -> Vec<Unit> {
    (0..count)
        .map(|at| {
            let (app, environment) = (at % apps, ENVIRONMENTS[at / apps % ENVIRONMENTS.len()]);
            let tier = TIERS[at / (apps * ENVIRONMENTS.len()) % TIERS.len()];
            let labels = [
                ("app", format!("app-{app}")),
                ("env", environment.to_owned()),
                ("tier", tier.to_owned()),
                ("site", format!("site-{}", app % 8)),
            ];
            // A subnet of 256 addresses for every tier of every application in every environment.
            let (block, host) = (at % (apps * 16), at / (apps * 16));
            let address = Ipv4Addr::from_bits(0x0A00_0000 + u32::try_from(block * 256 + host).unwrap());
            let port = match tier {
                "web" => 443,
                "app" => 8080,
                "db" => 5432,
                _ => 6379,
            };
            Unit {
                name: format!("unit-{at:06}"),
                labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                interfaces: vec![Interface::new(Address::Known(address.into()))],
                listeners: vec![Listener::port(Transport::Tcp, port), Listener::port(Transport::Tcp, 22)],
                can_host_agent: true,
                ..Unit::default()
            }
        })
        .collect()
}

fn rules(count: usize, apps: usize) -> Vec<Rule> {
    let mut draw = Draw(1);
    (0..count)
        .map(|at| {
            let app = format!("app-{}", draw.below(apps));
            let environment = ENVIRONMENTS[draw.below(4)].to_owned();
            let here =
                |tier: &str| selector(&[("app", app.clone()), ("env", environment.clone()), ("tier", tier.to_owned())]);
            let port = u16::try_from(1000 + draw.below(9000)).unwrap();
            let width = u16::try_from(draw.below(3) * 50).unwrap();
            let mut action = Action::Allow;
            let (from, to) = match at % 10 {
                0..=3 => (Peer::Units(here("web")), Peer::Units(here("app"))),
                4 | 5 => (Peer::Units(here("app")), Peer::Units(here("db"))),
                6 => {
                    let other = format!("app-{}", draw.below(apps));
                    (Peer::Units(here("app")), Peer::Units(selector(&[("app", other), ("tier", "app".to_owned())])))
                }
                7 | 8 => {
                    // From one subnet to sixteen from a random one on, so that ranges overlap partly.
                    let first = 0x0A00_0000 + u32::try_from(draw.below(apps * 16)).unwrap() * 256;
                    let last = first + 255 + 256 * u32::try_from(draw.below(16)).unwrap();
                    let set =
                        AddressSet::from_range(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into());
                    (Peer::Addresses { set, covers: Covers::All }, Peer::Units(here("web")))
                }
                _ => {
                    action = Action::Deny;
                    (Peer::Units(selector(&[("env", "dev".to_owned())])), Peer::Units(here("db")))
                }
            };
            let ports = IntervalSet::from_ranges([(port, port + width)]);
            let service = Service::Ports { protocol: Transport::Tcp, ports, source_ports: IntervalSet::full() };
            let services = if at % 3 == 0 {
                vec![
                    Service::ports(Transport::Tcp, 443, 443),
                    Service::ports(Transport::Tcp, 8080, 8080),
                    Service::ports(Transport::Tcp, 5432, 5432),
                ]
            } else {
                vec![service]
            };
            Rule {
                directions: Directions::UNIT,
                from,
                to,
                services,
                action,
                priority: 0,
                provenance: Provenance::default(),
            }
        })
        .collect()
}

fn properties() -> Vec<Property> {
    let label = |key: &str, value: &str| Peer::Units(Selector::label(key, value));
    let any = vec![Service::Any];
    let mut claims = Vec::new();
    for (from, to) in [("dev", "prod"), ("test", "prod")] {
        claims.push(Claim::Isolated { from: label("env", from), to: label("env", to), services: any.clone() });
    }
    claims.push(Claim::Isolated { from: Peer::internet(), to: label("tier", "db"), services: any.clone() });
    claims.push(Claim::OnlyThrough {
        from: label("tier", "web"),
        to: label("tier", "db"),
        via: Selector::label("tier", "app"),
        services: any.clone(),
    });
    claims.push(Claim::Exposed {
        external: AddressSet::internet(),
        inbound: true,
        only: Selector::label("tier", "web"),
        services: vec![Service::ports(Transport::Tcp, 443, 443)],
    });
    claims.push(Claim::Allowed {
        from: Peer::Units(selector(&[("app", "app-1".to_owned()), ("tier", "web".to_owned())])),
        to: Peer::Units(selector(&[("app", "app-1".to_owned()), ("tier", "app".to_owned())])),
        services: vec![Service::ports(Transport::Tcp, 8080, 8080)],
    });
    let everything = Claim::BlastRadius { from: Selector::Everything, at_most: AtMost::Share(1_000_000) };
    claims.extend(Pivot::ALL.map(|_| everything.clone()));
    let property = |(at, claim): (usize, Claim)| Property {
        id: format!("property-{at}"),
        claim,
        view: View::Policy,
        pivot: if at >= 6 { Pivot::ALL[at - 6] } else { Pivot::Any },
        trust: Trust::OwnAgentVoid,
        hops_max: None,
        provenance: Provenance::default(),
    };
    claims.into_iter().enumerate().map(property).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (count, rule_count) = (arguments.next().unwrap_or(5000), arguments.next().unwrap_or(1000));
    let apps = (count / 80).max(4);
    let tier = Tier {
        name: "native".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules: rules(rule_count, apps),
    };
    let design = Design::new(Draft {
        name: "scale".to_owned(),
        units: units(count, apps),
        rulebooks: vec![Rulebook {
            name: "native".to_owned(),
            tiers: vec![tier],
            default_allow: false,
            stateful: true,
        }],
        points: vec![EnforcementPoint::ideal("hosts", RulebookId(0))],
        properties: properties(),
        ..Draft::default()
    })
    .unwrap();
    let start = Instant::now();
    let mut verifier = Verifier::new(&design);
    let compiled = start.elapsed();
    println!(
        "{count} units, {rule_count} rules: {} classes, {} endpoint classes",
        verifier.classes().len(),
        verifier.classes().endpoint_classes()
    );
    println!("compile         {compiled:>12.1?}");
    for property in design.properties() {
        let start = Instant::now();
        let outcome = verifier.settle(property, &Settings::default()).unwrap();
        let verdict = format!("{:?}", outcome.verdict);
        let verdict = verdict.split(['(', ' ']).next().unwrap_or_default();
        println!("{:12} {:10} {:>12.1?} {verdict}", property.claim.kind(), property.pivot.to_string(), start.elapsed());
    }
    for pivot in Pivot::ALL {
        let start = Instant::now();
        let radius = verifier.blast_radius(Attack { pivot, ..Attack::default() }, false);
        println!("radius       {pivot:10} {:>12.1?} max {} mean {:.1}", start.elapsed(), radius.max(), radius.mean());
    }
    if count <= 5000 {
        let start = Instant::now();
        let rows = verifier.reach(Assume::business(), View::Policy).count();
        println!("reach                  {:>13.1?} {rows} rows", start.elapsed());
        let start = Instant::now();
        let surfaces = verifier.surface(View::Policy, false).len();
        println!("surface                {:>13.1?} {surfaces} classes", start.elapsed());
    }
    println!("all of the above {:.1?}", start.elapsed());
}
