//! Every design of the catalogue gives the results that stand beside it.

use crate::measure::{self, Reach};
use crate::settled::{confirm, properties, settled};
use seglab_policy::{Assume, Connection, Design, Endpoint, Header, Pivot, PointKind, Rule, Selector, Transport, Trust};
use seglab_scenarios::loader::Options;
use seglab_scenarios::{Scenario, catalogue, load};
use seglab_verify::Settled;
use std::collections::BTreeSet;
use std::fs;

fn design(name: &str) -> Design {
    let scenario = catalogue().iter().find(|one| one.name == name).unwrap();
    load(scenario.file().to_str().unwrap(), &Options::default())
        .unwrap_or_else(|error| panic!("{:#?}", error.diagnostics))
        .design
}

/// Compares a design with its expected results; `SEGLAB_BLESS=1` writes them anew.
fn check(scenario: &Scenario) {
    let design = design(scenario.name);
    let report = settled(&design);
    let found = measure::report(&design) + &properties(&design, &report);
    let file = scenario.expected();
    if std::env::var_os("SEGLAB_BLESS").is_some() {
        fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&file).unwrap(), "{}", scenario.name);
}

#[test]
fn results_are_as_expected() {
    catalogue().iter().for_each(check);
}

#[test]
fn z3_confirms_every_verdict() {
    for scenario in catalogue() {
        let design = design(scenario.name);
        let claims = confirm(&design, &settled(&design));
        assert!(claims > design.properties().len(), "{}", scenario.name);
    }
}

/// The verifier, by classes, and the measurements, unit by unit, find the same needs broken.
#[test]
fn needs_are_broken_for_whoever_asks() {
    for scenario in catalogue() {
        let design = design(scenario.name);
        let report = settled(&design);
        let verdicts: Vec<bool> =
            report.needs.iter().map(|outcome| matches!(outcome.verdict, Settled::Holds)).collect();
        let measured: Vec<bool> = design.needs().iter().map(|need| measure::works(&design, need)).collect();
        assert_eq!(verdicts, measured, "{}", scenario.name);
    }
}

#[test]
fn one_policy_opens_the_online_shop() {
    let shop = design("online-shop");
    let reviews = shop.select(&Selector::label("app", "reviews")).next().unwrap();
    assert_eq!(Reach::new(&shop).closure(reviews, Pivot::Service).len(), shop.units().len());
    // Without the rule that a peer which was commented out left behind, the shop is closed.
    let mut draft = shop.to_draft();
    let of_reviews = |rule: &Rule| rule.provenance.object.as_deref() == Some("NetworkPolicy shop/reviews");
    let mut removed = 0;
    for tier in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
        let before = tier.rules.len();
        tier.rules.retain(|rule| !(of_reviews(rule) && rule.directions.egress));
        removed += before - tier.rules.len();
    }
    assert_eq!(removed, 1);
    let closed = Design::new(draft).unwrap();
    assert_eq!(Reach::new(&closed).closure(reviews, Pivot::Any).len(), 1);
    assert!(closed.needs().iter().all(|need| measure::works(&closed, need)));
}

#[test]
fn an_agent_in_the_marketing_site_would_not_do() {
    let open = |kind: PointKind| {
        let mut draft = design("marketing-site").to_draft();
        draft.points[0].kind = kind;
        let site = Design::new(draft).unwrap();
        let source = Endpoint::Unit { unit: site.unit_named("web").unwrap(), interface: 0 };
        let destination = Endpoint::External("8.8.8.8".parse().unwrap());
        let connection = Connection { source, destination, header: Header::to_port(Transport::Tcp, 443) };
        site.evaluate(&connection, Assume::attack(Trust::OwnAgentVoid)).verdict.is_allowed()
    };
    assert!(!open(PointKind::Host) && open(PointKind::Agent));
}

#[test]
fn every_folder_of_the_catalogue_is_listed_and_explained() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue");
    let folders: BTreeSet<String> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let listed: BTreeSet<String> =
        catalogue().iter().map(|one| one.name.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(folders, listed);
    for folder in folders {
        let readme = fs::read_to_string(root.join(&folder).join("README.md")).unwrap();
        assert!(readme.len() > 300, "{folder}: the README says nothing");
    }
}

#[test]
fn warnings_are_those_that_are_meant() {
    for scenario in catalogue() {
        let loaded = load(scenario.file().to_str().unwrap(), &Options::default()).unwrap();
        let warnings: Vec<String> = loaded
            .diagnostics
            .iter()
            .map(|one| {
                let place = one.span.map_or(String::new(), |span| loaded.design.location(span));
                format!("{} {}", one.code, place.rsplit('/').next().unwrap())
            })
            .collect();
        let expected: &[&str] = match scenario.name {
            // The cluster's own pods are not among the manifests; and the policy that the scenario is about.
            "online-shop" => &["peer-selects-nothing policies.yaml:20", "opens-all-egress policies.yaml:266"],
            _ => &[],
        };
        assert_eq!(warnings, expected, "{}", scenario.name);
    }
}

#[test]
fn one_workstation_with_a_key_in_its_memory() {
    let radius = |design: &Design, unit: &str| {
        Reach::new(design).closure(design.unit_named(unit).unwrap(), Pivot::Exploitable).len()
    };
    let (zones, labels) = (design("three-tier-company/zones"), design("three-tier-company/microsegmented"));
    // Inside their zone workstations take each other, and one of them leads to the jump host.
    assert_eq!((radius(&zones, "ws-06"), radius(&zones, "ws-07")), (51, 51));
    assert_eq!((radius(&labels, "ws-06"), radius(&labels, "ws-07")), (7, 7));
    assert_eq!(radius(&labels, "admin-ws-1"), 42);
}
