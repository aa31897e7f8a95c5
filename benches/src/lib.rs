//! What benches are run on: topologies by name and size.
//!
//! Bench ids read `operation/topology/size`, so a size means the same thing wherever it stands.

pub mod edits;

use seglab_formats::kubernetes;
use seglab_policy::{
    Action, Address, AddressSet, AtMost, Claim, Design, Directions, Draft, EnforcementPoint, Interface, Labels,
    Listener, Order, Peer, Pivot, Property, Provenance, Rule, Rulebook, RulebookId, Scope, Selector, Service,
    Statistic, Tier, Transport, Trust, Unit, View,
};
use seglab_scenarios::generate::{Settings, generate, to_kubernetes};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// How large a generated company is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Units.
    pub units: u32,
    /// Rules.
    pub rules: u32,
}

impl Size {
    /// The sizes that are measured, smallest first.
    pub const ALL: [Size; 3] =
        [Size { units: 1000, rules: 200 }, Size { units: 5000, rules: 1000 }, Size { units: 40_000, rules: 10_000 }];
}

/// The last part of a bench id: `5000-units-1000-rules`.
impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-units-{}-rules", self.units, self.rules)
    }
}

/// The generated company of a size.
///
/// # Panics
/// If the generator makes a design that does not hold together, which its tests rule out.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn company(size: Size) -> Design {
    Design::new(generate(&settings(size)).expect("sizes are within bounds")).expect("generated designs hold together")
}

/// The same company as one Kubernetes cluster: scopes, unions of allow rules, and administrators' tiers around them.
///
/// # Panics
/// If the generator writes manifests that cannot be read, which its tests rule out.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn cluster(size: Size) -> Design {
    let files = to_kubernetes(&settings(size)).expect("sizes are within bounds");
    let reading = kubernetes::read(&files, &kubernetes::Options::default()).expect("generated manifests are read");
    Design::new(reading.draft).expect("generated designs hold together")
}

/// The company of a size with `count` properties of every kind in turn, about one app after another.
///
/// # Panics
/// As [`company`].
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn company_with_properties(size: Size, count: usize) -> Design {
    let mut draft = company(size).to_draft();
    let apps: BTreeSet<String> = draft.units.iter().filter_map(|unit| unit.labels.get("app").cloned()).collect();
    let part = |app: &str, env: &str, tier: &str| {
        Selector::All(
            [("app", app), ("env", env), ("tier", tier)].map(|(key, value)| Selector::label(key, value)).into(),
        )
    };
    let tcp = |port| vec![Service::ports(Transport::Tcp, port, port)];
    let claim = |(at, app): (usize, &String)| {
        let prod = |tier| Peer::Units(part(app, "prod", tier));
        match at % 8 {
            0 => Claim::Isolated { from: prod("data"), to: prod("web"), services: vec![Service::Any] },
            1 => Claim::Isolated { from: Peer::internet(), to: prod("data"), services: vec![Service::Any] },
            2 => Claim::OnlyThrough {
                from: prod("web"),
                to: prod("data"),
                via: part(app, "prod", "app"),
                services: vec![Service::Any],
            },
            3 => Claim::BlastRadius {
                from: part(app, "prod", "web"),
                at_most: AtMost::Share(900_000),
                of: Statistic::Max,
            },
            4 => Claim::Exposed {
                external: AddressSet::internet(),
                inbound: false,
                only: part(app, "prod", "app"),
                services: tcp(443),
            },
            5 => Claim::EgressOnlyTo {
                from: part(app, "prod", "data"),
                to: Peer::Units(Selector::label("app", app)),
                services: vec![Service::Any],
            },
            6 => {
                Claim::Surface { units: part(app, "prod", "data"), entries_max: Some(40_000), exits_max: Some(40_000) }
            }
            _ => {
                Claim::Allowed { from: prod("web"), to: Peer::Units(Selector::label("role", "dns")), services: tcp(53) }
            }
        }
    };
    let property = |(at, claim): (usize, Claim)| Property {
        id: format!("property-{at}"),
        claim,
        view: View::default(),
        pivot: Pivot::default(),
        trust: Trust::default(),
        hops_max: (at % 8 == 1).then_some(1),
        provenance: Provenance::default(),
    };
    let claims = (0..count).zip(apps.iter().cycle()).map(claim);
    draft.properties = claims.enumerate().map(property).collect();
    draft.needs.clear();
    Design::new(draft).expect("generated designs hold together")
}

/// A design whose every unit is a class of its own by rules that each speak of many: a rule for each binary digit of
/// its number, from those that have it to those that have not. No two rows or columns of its reachability are alike.
///
/// # Panics
/// If it does not hold together.
pub fn digits(units: u32) -> Design {
    let digits: Vec<u32> = (0..units.max(2).ilog2() + 1).collect();
    let label = |digit: u32, set: bool| Selector::label(format!("digit{digit}"), if set { "1" } else { "0" });
    let number = |at: u32| {
        let label = |&digit: &u32| (format!("digit{digit}"), (at >> digit & 1).to_string());
        (format!("unit{at:07}"), digits.iter().map(label).collect())
    };
    let rule = |&digit: &u32| allow(label(digit, true), label(digit, false), u16::try_from(1000 + digit).unwrap_or(0));
    plain((0..units).map(number), digits.iter().map(rule))
}

/// A design whose every unit is a class of its own by a rule of its own, from each to the next: as many rules as
/// units, and no unit's closure is another's.
///
/// # Panics
/// If it does not hold together.
pub fn chain(units: u32) -> Design {
    let named = |at: u32| Selector::Named(format!("unit{at:07}"));
    let rules = (1..units).map(|at| allow(named(at - 1), named(at), 443));
    plain((0..units).map(|at| (format!("unit{at:07}"), Labels::new())), rules)
}

fn allow(from: Selector, to: Selector, port: u16) -> Rule {
    Rule {
        directions: Directions::UNIT,
        from: Peer::Units(from),
        to: Peer::Units(to),
        services: vec![Service::ports(Transport::Tcp, port, port)],
        action: Action::Allow,
        priority: 0,
        provenance: Provenance::default(),
    }
}

/// Units with these names and labels, a rulebook of these rules that denies the rest, a host point at every unit.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn plain(units: impl Iterator<Item = (String, Labels)>, rules: impl Iterator<Item = Rule>) -> Design {
    let unit = |(at, (name, labels)): (u32, (String, Labels))| Unit {
        name,
        labels,
        interfaces: vec![Interface::new(Address::Known(Ipv4Addr::from_bits(0x0A00_0000 + at).into()))],
        listeners: vec![Listener::port(Transport::Tcp, 443)],
        ..Unit::default()
    };
    let tier = Tier {
        name: "native".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules: rules.collect(),
    };
    let rulebook = Rulebook { name: "native".to_owned(), tiers: vec![tier], default_allow: false, stateful: true };
    let draft = Draft {
        name: "plain".to_owned(),
        units: (0..).zip(units).map(unit).collect(),
        rulebooks: vec![rulebook],
        points: vec![EnforcementPoint::ideal("hosts", RulebookId(0))],
        ..Draft::default()
    };
    Design::new(draft).expect("names and addresses are unique")
}

/// Nanoseconds that this thread has run on a processor, where the system tells; else since the start.
#[allow(clippy::disallowed_types, reason = "benches measure time")]
pub fn on_processor_ns(start: std::time::Instant) -> u128 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.as_deref().and_then(|text| text.split_whitespace().next()).and_then(|first| first.parse().ok());
    told.unwrap_or_else(|| start.elapsed().as_nanos())
}

fn settings(size: Size) -> Settings {
    Settings { units: size.units, rules: size.rules, seed: 1 }
}
