//! Peers, services and what a rule looks at.

use crate::fixture::*;
use ipnet::IpNet;
use seglab_policy::*;

fn ports(first: u16, last: u16, source: (u16, u16)) -> Service {
    Service::Ports {
        protocol: Transport::Tcp,
        ports: IntervalSet::from_ranges([(first, last)]),
        source_ports: IntervalSet::from_ranges([source]),
    }
}

fn open(service: Service) -> Draft {
    trio(native(vec![allow(Peer::Anyone, Peer::Anyone, service)]))
}

const DENIED: &str = "denied: host egress default";

/// "protocol, destination port […], source port where a dialect looks at it".
#[test]
fn ports_and_protocols() {
    check(
        open(ports(80, 81, (1024, 65535))),
        &[
            ("web", "db", "tcp/79", DENIED),
            ("web", "db", "tcp/80", "allowed"),
            ("web", "db", "tcp/81", "allowed"),
            ("web", "db", "tcp/82", DENIED),
            ("web", "db", "tcp/80 from 1024", "allowed"),
            ("web", "db", "tcp/80 from 1023", DENIED),
            ("web", "db", "udp/80", DENIED),
            ("web", "db", "sctp/80", DENIED),
        ],
    );
    check(
        open(Service::Protocol(50)),
        &[("web", "db", "proto/50", "allowed without reply"), ("web", "db", "proto/51", DENIED)],
    );
    check(
        open(Service::Any),
        &[("web", "db", "proto/51", "allowed without reply"), ("web", "db", "sctp/0", "allowed")],
    );
}

/// "(ICMP: type and code)", of the family that the rule names.
#[test]
fn icmp() {
    let echo = |family| Service::Icmp { family, kind: Some(8), code: Some(0) };
    check(
        open(echo(Family::V4)),
        &[
            ("web", "db", "icmp/8/0", "allowed"),
            ("web", "db", "icmp/8/1", DENIED),
            ("web", "db", "icmp/3/0", DENIED),
            ("web", "db", "tcp/8", DENIED),
        ],
    );
    check(open(echo(Family::V6)), &[("web", "db", "icmp/8/0", DENIED)]);
    let every = Service::Icmp { family: Family::V4, kind: None, code: None };
    check(open(every), &[("web", "db", "icmp/8/1", "allowed"), ("web", "db", "icmp/3/1", "allowed without reply")]);
}

/// "resolved at the destination; where it does not exist it matches nothing".
#[test]
fn named_ports() {
    let named = |protocol| Service::NamedPort { protocol, name: "http".to_owned() };
    let with_name = |service| {
        let mut draft = open(service);
        let name = Some("http".to_owned());
        draft.units[1].listeners = vec![Listener { name, ..Listener::port(Transport::Tcp, 8080) }];
        draft
    };
    check(
        with_name(named(None)),
        &[
            ("web", "db", "tcp/8080", "allowed"),
            ("web", "db", "udp/8080", DENIED),
            ("web", "db", "tcp/80", DENIED),
            ("db", "web", "tcp/8080", DENIED),
            ("db", "8.8.8.8", "tcp/8080", DENIED),
        ],
    );
    check(with_name(named(Some(Transport::Udp))), &[("web", "db", "tcp/8080", DENIED)]);
}

/// "it selects units only, `not` too".
#[test]
fn selectors_select_units_only() {
    let not_db = Peer::Units(Selector::Not(Box::new(Selector::label("app", "db"))));
    let everything = Peer::Units(Selector::Everything);
    for peer in [not_db, everything] {
        check(
            trio(native(vec![allow(peer, app("db"), Service::Any)])),
            &[("web", "db", "tcp/80", "allowed"), ("8.8.8.8", "db", "tcp/80", "denied: host ingress default")],
        );
    }
}

/// "a predicate over labels (Kubernetes' label-selector semantics)": `NotIn` holds where the key is missing.
#[test]
fn label_selectors() {
    let values = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let (app, tier) = ("app".to_owned(), "tier".to_owned());
    let is_in = |list: &[&str]| Selector::In { key: app.clone(), values: values(list) };
    for (selector, web, db) in [
        (is_in(&["web", "x"]), true, false),
        (Selector::NotIn { key: app.clone(), values: values(&["web"]) }, false, true),
        (Selector::NotIn { key: tier.clone(), values: values(&["web"]) }, true, true),
        (Selector::In { key: tier.clone(), values: values(&["web"]) }, false, false),
        (Selector::Exists(app.clone()), true, true),
        (Selector::Exists(tier.clone()), false, false),
        (Selector::Absent(app.clone()), false, false),
        (Selector::Absent(tier), true, true),
        (Selector::Named("web".to_owned()), true, false),
        (Selector::Named("batch".to_owned()), false, true),
        (Selector::All(Vec::new()), true, true),
        (Selector::All(vec![is_in(&["web"]), is_in(&["db"])]), false, false),
        (Selector::nothing(), false, false),
        (Selector::AnyOf(vec![is_in(&["web"]), is_in(&["db"])]), true, true),
        (Selector::Not(Box::new(is_in(&["web"]))), false, true),
    ] {
        let mut draft = trio(native(vec![allow(Peer::Units(selector.clone()), Peer::Anyone, Service::Any)]));
        draft.units[1].owner = Some("batch".to_owned());
        let expected = |selected| if selected { "allowed" } else { DENIED };
        println!("{selector}");
        check(draft, &[("web", "dev", "tcp/80", expected(web)), ("db", "dev", "tcp/80", expected(db))]);
    }
}

/// "An address peer says what it `covers`: `all` addresses, or `external` ones only."
#[test]
fn covers() {
    let range = "0.0.0.0/0";
    check(
        trio(native(vec![allow(Peer::Anyone, all(range), Service::Any)])),
        &[("web", "db", "tcp/80", "allowed"), ("web", "8.8.8.8", "tcp/80", "allowed")],
    );
    check(
        trio(native(vec![allow(Peer::Anyone, external(range), Service::Any)])),
        &[("web", "db", "tcp/80", DENIED), ("web", "8.8.8.8", "tcp/80", "allowed")],
    );
}

/// "address ranges with exceptions".
#[test]
fn exceptions() {
    let set = set("10.0.0.0/24").difference(&set("10.0.0.2-10.0.0.9"));
    let peer = Peer::Addresses { set, covers: Covers::All };
    check(
        trio(native(vec![allow(Peer::Anyone, peer, Service::Any)])),
        &[
            ("db", "web", "tcp/80", "allowed"),
            ("web", "db", "tcp/80", DENIED),
            ("web", "10.0.0.9", "tcp/80", DENIED),
            ("web", "10.0.0.10", "tcp/80", "allowed"),
            ("web", "10.0.1.0", "tcp/80", DENIED),
        ],
    );
}

/// "A unit whose address is not known matches an address range only if the range is the family's `/0` or covers the
/// range declared for it".
#[test]
fn addresses_that_are_not_known() {
    let within: IpNet = "10.0.0.8/29".parse().unwrap();
    let draft = |range: &str| {
        let units = vec![
            unit("web", "10.0.0.1"),
            unit_at("drawn", Address::Within(within)),
            unit_at("unknown", Address::Unknown(Family::V4)),
        ];
        guarded(units, native(vec![allow(Peer::Anyone, all(range), Service::Any)]))
    };
    for (range, drawn, unknown) in [
        ("10.0.0.8/29", "allowed", DENIED),
        ("10.0.0.8/30", DENIED, DENIED),
        ("10.0.0.0/8", "allowed", DENIED),
        ("0.0.0.0/0", "allowed", "allowed"),
        ("::/0", DENIED, DENIED),
    ] {
        check(draft(range), &[("web", "drawn", "tcp/80", drawn), ("web", "unknown", "tcp/80", unknown)]);
    }
}

/// "a rule by address that cannot tell sharers apart makes the verdicts it touches `unknown`".
#[test]
fn shared_addresses() {
    let draft = |peer: Peer| {
        let mut units = vec![unit("web", "10.0.0.1"), unit("db", "10.0.0.2"), unit("node", "10.0.0.2")];
        units[1].interfaces[0].shared = true;
        units[2].interfaces[0].shared = true;
        guarded(units, native(vec![allow(app("web"), peer, tcp(80))]))
    };
    check(draft(all("10.0.0.2-10.0.0.3")), &[("web", "db", "tcp/80", "unknown: 0/0"), ("web", "db", "tcp/81", DENIED)]);
    check(draft(all("0.0.0.0/0")), &[("web", "db", "tcp/80", "allowed")]);
    check(draft(all("10.0.0.3-10.0.0.4")), &[("web", "db", "tcp/80", DENIED)]);
    check(draft(app("db")), &[("web", "db", "tcp/80", "allowed"), ("web", "node", "tcp/80", DENIED)]);
}

/// "IPv4 and IPv6": a rule for one family says nothing about the other, and no path leads from one to the other.
#[test]
fn families() {
    let units = vec![unit("web", "10.0.0.1"), unit("six", "fd00::1"), unit("seven", "fd00::2")];
    let draft = guarded(units, native(vec![allow(Peer::Anyone, all("10.0.0.0/8"), Service::Any)]));
    check(draft, &[("six", "seven", "tcp/80", DENIED), ("web", "six", "tcp/80", "no path: Family")]);
}

/// A named external source is to selectors the unit that it is somewhere else, and opens what is listed only.
#[test]
fn named_external_sources() {
    let mut draft = trio(native(vec![allow(app("ingress"), app("db"), Service::Any)]));
    draft.external_sources = vec![ExternalSource {
        name: "{ingress}".to_owned(),
        labels: Labels::from([("app".to_owned(), "ingress".to_owned())]),
        entries: vec![Entry {
            to: Selector::In { key: "app".to_owned(), values: vec!["db".to_owned(), "web".to_owned()] },
            services: vec![tcp(80)],
            provenance: Provenance::default(),
        }],
    }];
    check(
        draft,
        &[
            ("{ingress}", "db", "tcp/80", "allowed"),
            ("{ingress}", "web", "tcp/80", "denied: host ingress default"),
            ("{ingress}", "db", "tcp/81", "no path: Source"),
            ("{ingress}", "dev", "tcp/80", "no path: Source"),
            ("db", "{ingress}", "tcp/80", "no path: NotAnEndpoint"),
        ],
    );
}
