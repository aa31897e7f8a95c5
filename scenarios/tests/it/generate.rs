//! Generated designs are as large, as varied and as sane as they claim to be.

use crate::settled::{confirm, settled};
use seglab_policy::{
    Action, Address, AddressSet, Assume, Connection, Design, Direction, Draft, Endpoint, Header, Peer, Selector,
    Service, Transport, Verdict,
};
use seglab_scenarios::generate::{
    RULES_MAX, RULES_MIN, Settings, SettingsError, UNITS_MAX, UNITS_MIN, generate, nodes, to_kubernetes,
};
use seglab_verify::Settled;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

const SMALL: Settings = Settings { units: 400, rules: 150, seed: 7 };
const LARGE: Settings = Settings { units: 40_000, rules: 10_000, seed: 1 };

#[test]
fn a_design_has_as_many_units_and_rules_as_were_asked_for() {
    for (units, rules) in [(UNITS_MIN, RULES_MIN), (60, 41), (61, 500), (400, 150), (5000, 1000), (12_345, 60)] {
        let design = Design::new(generate(&Settings { units, rules, seed: 3 }).unwrap()).unwrap();
        assert_eq!((design.units().len(), design.rules().count()), (units as usize, rules as usize));
    }
}

/// The most units have room in the address plan: no address is given twice.
#[test]
fn the_largest_design_has_an_address_for_everybody() {
    let draft = generate(&Settings { units: UNITS_MAX, rules: 2000, seed: 1 }).unwrap();
    let mut seen = BTreeSet::new();
    for interface in draft.units.iter().flat_map(|unit| &unit.interfaces) {
        let Address::Known(address) = interface.address else { panic!("{interface:?}") };
        assert!(seen.insert(address), "{address} is given twice");
        let inside = match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.segments()[0] == 0xfd00,
        };
        assert!(inside, "{address} is not of the plan");
    }
    assert_eq!(draft.units.len(), UNITS_MAX as usize);
}

#[test]
fn settings_that_cannot_be_met_are_refused() {
    let ask = |units, rules| generate(&Settings { units, rules, seed: 0 }).unwrap_err();
    assert_eq!(ask(UNITS_MIN - 1, 100), SettingsError::Units(UNITS_MIN - 1));
    assert_eq!(ask(100, RULES_MIN - 1), SettingsError::Rules(RULES_MIN - 1));
    assert_eq!(
        ask(UNITS_MAX + 1, 100).to_string(),
        "a design of `1000001` units cannot be generated; ask for 20 to 1000000"
    );
    assert_eq!(ask(100, 3).to_string(), "a design of `3` rules cannot be generated; ask for 40 to 1000000");
    assert_eq!(ask(100, RULES_MAX + 1), SettingsError::Rules(RULES_MAX + 1));
}

#[test]
fn the_seed_decides() {
    assert_eq!(generate(&SMALL), generate(&SMALL));
    assert_ne!(generate(&SMALL), generate(&Settings { seed: 8, ..SMALL }));
    assert_eq!(to_kubernetes(&SMALL), to_kubernetes(&SMALL));
    assert_ne!(to_kubernetes(&SMALL), to_kubernetes(&Settings { seed: 8, ..SMALL }));
}

#[test]
fn a_large_design_is_as_varied_as_a_company() {
    let draft = generate(&LARGE).unwrap();
    let rules: Vec<_> = draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| &tier.rules).collect();
    let denies = rules.iter().filter(|rule| rule.action == Action::Deny).count();
    assert!(denies * 10 >= rules.len(), "{denies} denies of {}", rules.len());
    let overlapping = partly_overlapping(&draft);
    assert!(overlapping >= 1000, "{overlapping} partly overlapping ranges");
    let classes = classes_at_least(&draft);
    assert!(classes >= 2000, "{classes} behavioural classes");
    Design::new(draft).unwrap();
}

/// The ranges that overlap another one of which neither holds the other.
fn partly_overlapping(draft: &Draft) -> usize {
    let rules = draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| &tier.rules);
    let sets = rules.flat_map(|rule| [&rule.from, &rule.to]).filter_map(|peer| match peer {
        Peer::Addresses { set, .. } => Some(set),
        _ => None,
    });
    let ranges: BTreeSet<(u32, u32)> = sets.flat_map(|set: &AddressSet| set.v4.ranges().iter().copied()).collect();
    let ranges: Vec<(u32, u32)> = ranges.into_iter().collect();
    let in_part = |a: (u32, u32), b: (u32, u32)| a.0 < b.0 && b.0 <= a.1 && a.1 < b.1;
    // Sorted by their first address, the ranges that start inside one follow it.
    let overlaps = |at: usize| {
        let range = ranges[at];
        ranges[at + 1..].iter().take_while(|next| next.0 <= range.1).any(|&next| in_part(range, next))
            || ranges[..at].iter().rev().take(200).any(|&before| in_part(before, range))
    };
    (0..ranges.len()).filter(|&at| overlaps(at)).count()
}

/// How many classes of units the labels' selectors of some of the rules tell apart: all of them tell apart no fewer.
fn classes_at_least(draft: &Draft) -> usize {
    let rules = draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| &tier.rules);
    let selectors: BTreeSet<&Selector> = rules
        .flat_map(|rule| [&rule.from, &rule.to])
        .filter_map(|peer| match peer {
            Peer::Units(selector) => Some(selector),
            _ => None,
        })
        .collect();
    let kinds: BTreeMap<_, _> = draft.units.iter().map(|unit| (&unit.labels, unit)).collect();
    let some: Vec<&Selector> = selectors.into_iter().take(2000).collect();
    let vectors: BTreeSet<Vec<bool>> =
        kinds.values().map(|unit| some.iter().map(|selector| selector.matches(unit)).collect()).collect();
    vectors.len()
}

#[test]
fn every_kind_of_property_is_asked() {
    let draft = generate(&SMALL).unwrap();
    let kinds: BTreeSet<&str> = draft.properties.iter().map(|property| property.claim.kind()).collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert!(draft.properties.len() >= 10);
    assert!(draft.monitor.is_some() && draft.attackers.len() == 2 && !draft.trusted.is_empty());
}

/// A connection from one of the units that a selector selects to one of another's.
fn verdict(design: &Design, from: &Selector, to: &Selector, header: Header) -> Verdict {
    let end = |selector| {
        let unit = design.select(selector).next().expect("some unit");
        Endpoint::Unit { unit, interface: 0 }
    };
    let connection = Connection { source: end(from), destination: end(to), header };
    design.evaluate(&connection, Assume::business()).verdict
}

#[test]
fn the_design_is_sane_with_a_hole_in_it() {
    let design = Design::new(generate(&SMALL).unwrap()).unwrap();
    let of = |environment: &str, tier: &str| {
        let label = |key, value| Selector::label(key, value);
        Selector::All(vec![label("app", "app0001"), label("env", environment), label("tier", tier)])
    };
    let port = |tier: &str| {
        let unit = design.select(&of("prod", tier)).next().expect("some unit");
        let named = design.unit(unit).listeners.iter().find(|listener| listener.name.is_some());
        Header::to_port(Transport::Tcp, named.expect("a named listener").first)
    };
    let asked = |from: (&str, &str), to: (&str, &str)| {
        verdict(&design, &of(from.0, from.1), &of(to.0, to.1), port(to.1)).is_allowed()
    };
    assert!(asked(("prod", "web"), ("prod", "app")) && asked(("prod", "app"), ("prod", "data")));
    assert!(!asked(("prod", "web"), ("prod", "data")), "web skips the app tier");
    assert!(!asked(("dev", "app"), ("prod", "data")), "development reaches production");
    // What the rule from the migration leaves open.
    assert!(asked(("staging", "app"), ("prod", "data")));
}

#[test]
fn every_need_is_allowed() {
    let design = Design::new(generate(&SMALL).unwrap()).unwrap();
    assert!(design.needs().len() > 10);
    for need in design.needs() {
        let (Peer::Units(from), Peer::Units(to)) = (&need.from, &need.to) else { panic!("{need:?}") };
        let Some(Service::Ports { protocol, ports, .. }) = need.services.first() else { panic!("{need:?}") };
        let header = Header::to_port(*protocol, ports.first().expect("a port"));
        let verdict = verdict(&design, from, to, header);
        assert!(verdict.is_allowed(), "{from} to {to}: {verdict:?}");
    }
}

#[test]
fn properties_name_what_exists() {
    let design = Design::new(generate(&SMALL).unwrap()).unwrap();
    let used = |selector: &Selector| assert!(design.select(selector).next().is_some(), "{selector} selects nothing");
    let peer = |peer: &Peer| {
        if let Peer::Units(selector) = peer {
            used(selector)
        }
    };
    for property in design.properties() {
        property.claim.peers().into_iter().for_each(peer);
        property.claim.selectors().into_iter().for_each(used);
    }
    design.attackers().iter().for_each(|attacker| used(&attacker.foothold));
    design.segments().iter().for_each(|segment| used(&segment.selector));
}

#[test]
fn manifests_describe_the_same_estate() {
    let native = generate(&SMALL).unwrap();
    let files = to_kubernetes(&SMALL).unwrap();
    let reading = seglab_formats::kubernetes::read(&files, &Default::default()).unwrap();
    let design = Design::new(reading.draft).unwrap();
    assert!(design.unmodelled().is_empty(), "{:?}", design.unmodelled());
    // Hypervisors are nodes, which no manifest declares.
    let is_app = |unit: &&seglab_policy::Unit| unit.labels.contains_key("tier");
    assert_eq!(design.units().iter().filter(is_app).count(), native.units.iter().filter(is_app).count());
    let hypervisors =
        native.units.iter().filter(|unit| unit.labels.get("role").is_some_and(|role| role == "hypervisor"));
    assert_eq!(nodes(&SMALL).unwrap() as usize, hypervisors.count());
    assert_eq!(design.units().len() + nodes(&SMALL).unwrap() as usize, native.units.len());
    let ask = |from: (&str, &str), to: (&str, &str), port| {
        let of = |(environment, tier): (&str, &str)| {
            let env = Selector::label("namespace:env", environment);
            Selector::All(vec![env, Selector::label("app", "app0001"), Selector::label("tier", tier)])
        };
        verdict(&design, &of(from), &of(to), Header::to_port(Transport::Tcp, port)).is_allowed()
    };
    let port = |tier: &str| {
        let unit = design.units().iter().find(|unit| unit.name.starts_with(&format!("app0001-prod/{tier}")));
        unit.expect("a unit").listeners.iter().find(|one| one.first != 9100).expect("a port").first
    };
    assert!(ask(("prod", "web"), ("prod", "app"), port("app")));
    assert!(ask(("prod", "app"), ("prod", "data"), port("data")));
    assert!(!ask(("prod", "web"), ("prod", "data"), port("data")));
    assert!(!ask(("dev", "app"), ("prod", "data"), port("data")));
    let directions = design.rules().flat_map(|(_, rule)| rule.directions.iter());
    assert!(directions.filter(|&direction| direction == Direction::Ingress).count() > 100);
}

/// Nothing that the generator makes is beyond the model: no verdict is unknown, and both others occur.
#[test]
fn every_verdict_is_certain() {
    let mut verdicts = BTreeMap::from([("holds", 0), ("violated", 0)]);
    for (units, rules) in [(UNITS_MIN, RULES_MIN), (61, 60), (150, 90), (400, 150)] {
        for seed in 0..3 {
            let asked = Settings { units, rules, seed };
            let native = Design::new(generate(&asked).unwrap()).unwrap();
            let files = to_kubernetes(&asked).unwrap();
            let reading = seglab_formats::kubernetes::read(&files, &Default::default()).unwrap();
            let cluster = Design::new(reading.draft).unwrap();
            for design in [native, cluster] {
                let report = settled(&design);
                for outcome in report.properties.iter().chain(&report.needs) {
                    let verdict = if matches!(outcome.verdict, Settled::Holds) { "holds" } else { "violated" };
                    *verdicts.entry(verdict).or_default() += 1;
                }
                if units < 100 {
                    confirm(&design, &report);
                }
            }
        }
    }
    assert!(verdicts.values().all(|&count| count > 20), "{verdicts:?}");
}
