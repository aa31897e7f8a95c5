//! Paths, and what was not modelled.

use crate::fixture::*;
use seglab_policy::*;

fn bare(units: Vec<Unit>) -> Draft {
    Draft { units, ..Draft::default() }
}

fn in_space(mut unit: Unit, space: &str) -> Unit {
    unit.interfaces[0].space = space.to_owned();
    unit
}

/// "A connection is **allowed** if some path carries it […]. No point: allowed."
#[test]
fn no_point() {
    check(bare(vec![unit("web", "10.0.0.1"), unit("db", "10.0.0.2")]), &[("web", "db", "tcp/80", "allowed")]);
}

/// "same address space, route".
#[test]
fn address_spaces() {
    let mut draft = bare(vec![
        in_space(unit("web", "10.0.0.1"), "a"),
        in_space(unit("db", "10.0.0.2"), "b"),
        in_space(unit("twin", "10.0.0.1"), "b"),
    ]);
    let apart = ("web", "db", "tcp/80", "no path: Space");
    check(draft.clone(), &[apart, ("db", "twin", "tcp/80", "allowed")]);
    draft.units.pop();
    draft.routes = vec![("a".to_owned(), "b".to_owned())];
    check(draft, &[("web", "db", "tcp/80", "allowed"), ("db", "web", "tcp/80", "allowed")]);
}

/// "gateway, public address": whether an interface has paths from and to external endpoints.
#[test]
fn external_paths() {
    let mut draft = bare(vec![unit("web", "10.0.0.1"), unit("db", "10.0.0.2")]);
    draft.units[0].interfaces[0].inbound = false;
    draft.units[1].interfaces[0].outbound = false;
    check(
        draft,
        &[
            ("8.8.8.8", "web", "tcp/80", "no path: External"),
            ("web", "8.8.8.8", "tcp/80", "allowed"),
            ("8.8.8.8", "db", "tcp/80", "allowed"),
            ("db", "8.8.8.8", "tcp/80", "no path: External"),
            ("web", "db", "tcp/80", "allowed"),
        ],
    );
}

/// "**External endpoint**: any address that is no unit's", as far as routes lead.
#[test]
fn addresses_of_units_are_not_external() {
    let mut draft = bare(vec![in_space(unit("web", "10.0.0.1"), "a"), in_space(unit("db", "10.0.0.2"), "b")]);
    check(
        draft.clone(),
        &[
            ("web", "10.0.0.1", "tcp/80", "no path: NotAnEndpoint"),
            ("web", "10.0.0.2", "tcp/80", "allowed"),
            ("web", "10.0.0.3", "tcp/80", "allowed"),
        ],
    );
    draft.routes = vec![("b".to_owned(), "a".to_owned())];
    check(draft, &[("web", "10.0.0.2", "tcp/80", "no path: NotAnEndpoint")]);
}

/// "A unit with itself […] always allowed": it never leaves the unit and meets no point.
#[test]
fn a_unit_with_itself() {
    let mut unit = unit("web", "10.0.0.1");
    unit.interfaces.push(Interface::new("10.0.0.9".parse().map(Address::Known).unwrap()));
    check(
        guarded(vec![unit], book(Vec::new())),
        &[("web", "web.1", "tcp/80", "allowed"), ("web", "8.8.8.8", "tcp/80", "denied: host egress default")],
    );
}

/// "any other kind makes the verdicts it may touch `unknown`", denied ones too, and no others.
#[test]
fn unmodelled_constructs() {
    let mut draft = trio(native(vec![allow(app("web"), app("db"), Service::Any)]));
    draft.unmodelled = vec![Unmodelled {
        what: "CiliumNetworkPolicy x".to_owned(),
        touches: Selector::label("app", "dev"),
        provenance: Provenance::default(),
    }];
    check(
        draft.clone(),
        &[
            ("web", "db", "tcp/80", "allowed"),
            ("dev", "db", "tcp/80", "unknown: CiliumNetworkPolicy x"),
            ("8.8.8.8", "dev", "tcp/80", "unknown: CiliumNetworkPolicy x"),
            ("8.8.8.8", "db", "tcp/80", "denied: host ingress default"),
        ],
    );
    draft.unmodelled[0].touches = Selector::Everything;
    check(draft, &[("web", "db", "tcp/80", "unknown: CiliumNetworkPolicy x")]);
}

/// "unknown is never a pass": what is not modelled may be what opens a path, so a path that is missing is no reason to
/// say denied; but it makes no endpoint of what is none, and no connection of two families.
#[test]
fn unmodelled_constructs_may_open_paths() {
    let cut_off = |name, address, space| {
        let mut unit = in_space(unit(name, address), space);
        (unit.interfaces[0].inbound, unit.interfaces[0].outbound) = (false, false);
        unit
    };
    let mut db = cut_off("db", "10.0.0.2", "b");
    db.interfaces.push(in_space(unit("db", "10.0.1.2"), "c").interfaces.remove(0));
    let mut draft = bare(vec![cut_off("web", "10.0.0.1", "a"), db, in_space(unit("six", "fd00::1"), "a")]);
    draft.external_sources = vec![ExternalSource {
        name: "{ingress}".to_owned(),
        labels: unit("db", "10.0.0.2").labels,
        entries: vec![Entry {
            to: Selector::label("app", "db"),
            services: vec![tcp(443)],
            provenance: Provenance::default(),
        }],
    }];
    check(
        draft.clone(),
        &[
            ("web", "db", "tcp/80", "no path: Space"),
            ("db", "db.1", "tcp/80", "no path: Space"),
            ("8.8.8.8", "db", "tcp/80", "no path: External"),
            ("db", "8.8.8.8", "tcp/80", "no path: External"),
            ("{ingress}", "db", "tcp/80", "no path: Source"),
        ],
    );
    let what = "VPCPeeringConnection x".to_owned();
    let unknown = format!("unknown: {what}");
    draft.unmodelled =
        vec![Unmodelled { what, touches: Selector::label("app", "db"), provenance: Provenance::default() }];
    check(
        draft,
        &[
            ("web", "db", "tcp/80", &unknown),
            ("db", "web", "tcp/80", &unknown),
            ("db", "db.1", "tcp/80", &unknown),
            ("8.8.8.8", "db", "tcp/80", &unknown),
            ("db", "8.8.8.8", "tcp/80", &unknown),
            ("{ingress}", "db", "tcp/80", &unknown),
            ("{ingress}", "db", "tcp/443", &unknown),
            // Of a connection that has no end which the construct touches nothing is in doubt.
            ("8.8.8.8", "web", "tcp/80", "no path: External"),
            ("{ingress}", "web", "tcp/80", "no path: Source"),
            // There can be no such connection.
            ("six", "db", "tcp/80", "no path: Family"),
            ("2600::1", "db", "tcp/80", "no path: Family"),
            ("db", "10.0.0.2", "tcp/80", "no path: NotAnEndpoint"),
            ("db", "{ingress}", "tcp/80", "no path: NotAnEndpoint"),
        ],
    );
}
