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
