//! The listings: reach, surface, segment matrix.

use crate::build::{allow, app, design, draft, peer, rule, tcp, unit};
use seglab_policy::{Action, Assume, Draft, Entry, ExternalSource, Peer, Provenance, Segment, Selector, Service, View};
use seglab_verify::{Grouping, Verifier};

fn shop() -> Draft {
    let mut units =
        vec![unit("web#1", "10.0.0.1", &[443]), unit("web#2", "10.0.0.2", &[443]), unit("db", "10.0.0.9", &[5432])];
    for web in &mut units[..2] {
        web.owner = Some("web".to_owned());
        web.labels = [("app".to_owned(), "web".to_owned())].into_iter().collect();
    }
    let office = Peer::Addresses {
        set: seglab_policy::AddressSet::from_net("192.0.2.0/24".parse().unwrap()),
        covers: seglab_policy::Covers::External,
    };
    let mut draft = draft(
        units,
        vec![
            allow("web", "db", 5432),
            rule(Action::Allow, office, peer("web"), vec![tcp(443), tcp(80)]),
            rule(Action::Allow, peer("db"), peer("web"), vec![Service::Any]),
        ],
    );
    draft.external_sources.push(ExternalSource {
        name: "{ingress-controller}".to_owned(),
        labels: Default::default(),
        entries: vec![Entry { to: app("web"), services: vec![tcp(443)], provenance: Provenance::default() }],
    });
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, Peer::Anyone, peer("web"), vec![tcp(443)]));
    draft
}

fn rows(draft: Draft, view: View) -> Vec<String> {
    let design = design(draft);
    let mut verifier = Verifier::new(&design);
    let rows = verifier.reach(Assume::business(), view);
    rows.map(|row| format!("{},{},{}", row.source, row.destination, row.connections())).collect()
}

#[test]
fn rows_are_by_owner_and_range() {
    assert_eq!(
        rows(shop(), View::Policy),
        [
            "db,web,all",
            "web,db,TCP 5432",
            "web,web,TCP 443",
            "0.0.0.0-192.0.1.255,web,TCP 443",
            "192.0.2.0-192.0.2.255,web,TCP 80,443",
            "192.0.3.0-255.255.255.255,web,TCP 443",
            "{ingress-controller},web,TCP 443",
        ]
    );
    let service = rows(shop(), View::Service);
    assert!(service.contains(&"db,web,TCP 443".to_owned()), "{service:?}");
    // What only policy tells apart is one range again.
    assert!(service.contains(&"0.0.0.0-255.255.255.255,web,TCP 443".to_owned()), "{service:?}");
}

#[test]
fn replicas_reach_each_other() {
    let mut draft = shop();
    draft.rulebooks[0].tiers[0].rules.push(allow("web", "web", 9));
    draft.rulebooks[0].tiers[0].rules.retain(|rule| rule.from != Peer::Anyone);
    draft.rulebooks[0].tiers[0].rules.push(allow("db", "db", 9));
    let rows = rows(draft, View::Policy);
    assert!(rows.contains(&"web,web,TCP 9".to_owned()), "{rows:?}");
    assert!(!rows.iter().any(|row| row.starts_with("db,db")), "a single unit is not its own neighbour: {rows:?}");
}

#[test]
fn what_a_stateless_point_does_not_answer_is_one_way() {
    let mut draft = shop();
    draft.rulebooks[0].stateful = false;
    let rows = rows(draft, View::Policy);
    assert!(rows.contains(&"web,db,TCP 5432".to_owned()), "{rows:?}");
    assert!(rows.contains(&"192.0.2.0-192.0.2.255,web,TCP 80,443*".to_owned()), "{rows:?}");
}

#[test]
fn surfaces_count_peers_and_headers() {
    let design = design(shop());
    let mut verifier = Verifier::new(&design);
    let surfaces = verifier.surface(View::Policy, false);
    let of = |name: &str| {
        let unit = design.unit_named(name).unwrap();
        surfaces.iter().find(|surface| surface.units.contains(&unit)).unwrap()
    };
    let web = of("web#1");
    assert_eq!(web.units.len(), 2);
    assert_eq!((web.entries.units, web.exits.units), (2, 2), "db, and the other replica on port 443");
    assert_eq!(web.entries.sources, ["{ingress-controller}"]);
    assert!(web.entries.addresses.contains("192.0.2.7".parse().unwrap()));
    assert!(web.exits.addresses.is_empty());
    assert_eq!(web.exits.headers.to_string(), "TCP 443,5432");
    let db = of("db");
    assert_eq!((db.entries.units, db.exits.units), (2, 2));
    assert_eq!(db.entries.headers.to_string(), "TCP 5432");
    assert!(db.entries.addresses.is_empty() && db.entries.sources.is_empty());
}

#[test]
fn the_segment_matrix_counts_pairs_of_different_units() {
    let mut draft = shop();
    draft.segments = vec![
        Segment { name: "all".to_owned(), selector: Selector::Everything },
        Segment { name: "web".to_owned(), selector: app("web") },
    ];
    let declared = design(draft);
    let matrix = Verifier::new(&declared).segment_matrix(View::Policy, Assume::business());
    assert_eq!((matrix.grouping, matrix.sizes.as_slice()), (Grouping::Declared, &[3, 2][..]));
    let pairs: Vec<Vec<u64>> = matrix.cells.iter().map(|row| row.iter().map(|cell| cell.pairs).collect()).collect();
    assert_eq!(pairs, [[6, 4], [4, 2]]);
    assert_eq!(matrix.cells[0][0].connected, 6);
    assert_eq!(matrix.cells[1][1].every.to_string(), "TCP 443");
    let default = design(shop());
    let matrix = Verifier::new(&default).segment_matrix(View::Policy, Assume::business());
    assert_eq!((matrix.grouping, matrix.names.as_slice()), (Grouping::App, &["db".to_owned(), "web".to_owned()][..]));
    assert_eq!(matrix.cells[1][0].some.to_string(), "TCP 5432");
    assert_eq!(matrix.cells[0][0].pairs, 0);
}
