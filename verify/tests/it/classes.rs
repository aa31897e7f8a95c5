//! Each attribute that units can differ in splits a class, alone; what nothing looks at does not.

use crate::build::{app, draft, peer, point, rule, tcp, unit};
use seglab_policy::{
    Action, Address, AddressSet, AtMost, Attacker, Claim, Covers, Design, Directions, Draft, Entry, ExternalSource,
    Family, Interface, Level, Listener, Login, Need, Peer, Pivot, Place, Placement, PointKind, Property, Provenance,
    Scope, Segment, Selector, Service, Statistic, Transport, Trust, Trusted, Unit, Unmodelled, View, Vulnerability,
};
use seglab_verify::Classes;

/// Two alike units, and a third that is apart from both.
fn twins() -> Draft {
    let mut units =
        vec![unit("one", "10.0.0.1", &[80]), unit("two", "10.0.0.2", &[80]), unit("other", "10.9.9.9", &[])];
    for unit in &mut units[..2] {
        unit.labels = [("app".to_owned(), "twin".to_owned())].into_iter().collect();
    }
    draft(units, vec![rule(Action::Allow, peer("twin"), peer("other"), vec![tcp(80)])])
}

fn apart(draft: Draft) -> bool {
    let design = Design::new(draft).unwrap();
    let classes = Classes::new(&design);
    let class = |name: &str| classes.of(design.unit_named(name).unwrap());
    class("one") != class("two")
}

#[track_caller]
fn splits(change: impl FnOnce(&mut Draft)) {
    let mut draft = twins();
    change(&mut draft);
    assert!(apart(draft));
}

fn two(draft: &mut Draft) -> &mut Unit {
    draft.units.iter_mut().find(|unit| unit.name == "two").unwrap()
}

fn range(net: &str) -> AddressSet {
    AddressSet::from_net(net.parse().unwrap())
}

fn property(claim: Claim) -> Property {
    Property {
        id: "claim".to_owned(),
        claim,
        view: View::Policy,
        pivot: Pivot::Any,
        trust: Trust::Intact,
        hops_max: None,
        provenance: Provenance::default(),
    }
}

#[test]
fn alike_units_are_of_one_class() {
    assert!(!apart(twins()));
    let mut labelled = twins();
    two(&mut labelled).labels.insert("nobody-asks".to_owned(), "x".to_owned());
    two(&mut labelled).image = Some("nginx:1.25".to_owned());
    assert!(!apart(labelled), "nothing looks at the label or the image");
}

#[test]
fn every_selector_splits() {
    let named = || Selector::Named("two".to_owned());
    splits(|draft| {
        draft.rulebooks[0].tiers[0].rules.push(rule(Action::Deny, Peer::Units(named()), Peer::Anyone, vec![tcp(1)]))
    });
    splits(|draft| {
        draft.rulebooks[0].tiers[0].rules.push(rule(Action::Deny, Peer::Anyone, Peer::Units(named()), vec![tcp(1)]))
    });
    splits(|draft| draft.rulebooks[0].tiers[0].scope = Scope::Units { egress: vec![named()], ingress: Vec::new() });
    splits(|draft| draft.points[0].placement = Placement::Units(named()));
    splits(|draft| {
        let provenance = Provenance::default();
        draft.unmodelled.push(Unmodelled { what: "x".to_owned(), touches: named(), provenance });
    });
    splits(|draft| {
        let entry = Entry { to: named(), services: vec![Service::Any], provenance: Provenance::default() };
        let labels = Default::default();
        draft.external_sources.push(ExternalSource { name: "{in}".to_owned(), labels, entries: vec![entry] });
    });
    splits(|draft| {
        let (from, to, services) = (Peer::Units(named()), Peer::Anyone, vec![Service::Any]);
        draft.properties.push(property(Claim::Isolated { from, to, services }));
    });
    splits(|draft| {
        let (from, to, services) = (peer("twin"), peer("other"), vec![Service::Any]);
        draft.properties.push(property(Claim::OnlyThrough { from, to, via: named(), services }));
    });
    splits(|draft| {
        draft.properties.push(property(Claim::BlastRadius {
            from: named(),
            at_most: AtMost::Units(1),
            of: Statistic::Max,
        }))
    });
    splits(|draft| {
        let (external, services) = (AddressSet::internet(), vec![Service::Any]);
        draft.properties.push(property(Claim::Exposed { external, inbound: true, only: named(), services }));
    });
    splits(|draft| {
        draft.needs.push(Need::new(peer("other"), Peer::Units(named()), vec![tcp(80)]));
    });
    splits(|draft| draft.segments.push(Segment { name: "s".to_owned(), selector: named() }));
    splits(|draft| {
        draft.trusted.push(Trusted {
            units: named(),
            owner: "o".to_owned(),
            reason: "r".to_owned(),
            expires: None,
            provenance: Provenance::default(),
        });
    });
    splits(|draft| {
        draft.attackers.push(Attacker {
            name: "a".to_owned(),
            foothold: named(),
            scan_rate_per_second: 1.0,
            exploit_probability: 1.0,
            exploit_mean_ns: 1,
            login_probability: 1.0,
            login_mean_ns: 1,
            credentials: Vec::new(),
            strategy: seglab_policy::Strategy::Worm,
            conduct: Default::default(),
            provenance: Provenance::default(),
        });
    });
    splits(|draft| {
        two(draft).owner = Some("shop".to_owned());
        draft.segments.push(Segment { name: "s".to_owned(), selector: Selector::Named("shop".to_owned()) });
    });
    splits(|draft| {
        two(draft).labels.insert("env".to_owned(), "prod".to_owned());
        draft.segments.push(Segment { name: "s".to_owned(), selector: Selector::Exists("env".to_owned()) });
    });
}

#[test]
fn every_fact_of_the_unit_splits() {
    splits(|draft| two(draft).listeners.push(Listener::port(Transport::Udp, 53)));
    splits(|draft| two(draft).listeners[0].name = Some("http".to_owned()));
    splits(|draft| two(draft).credentials.push("key".to_owned()));
    splits(|draft| {
        two(draft).logins.push(Login { credential: "key".to_owned(), protocol: Transport::Tcp, port: 22 });
    });
    splits(|draft| {
        two(draft).vulnerabilities.push(Vulnerability { name: "CVE".to_owned(), protocol: Transport::Tcp, port: 80 });
    });
    splits(|draft| two(draft).criticality = 3);
    splits(|draft| two(draft).host = Some("other".to_owned()));
    splits(|draft| {
        let guest = draft.units.iter_mut().find(|unit| unit.name == "other").unwrap();
        guest.host = Some("two".to_owned());
    });
}

#[test]
fn every_part_of_an_interface_splits() {
    let by_address = |draft: &mut Draft, net: &str| {
        let from = Peer::Addresses { set: range(net), covers: Covers::All };
        draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, from, Peer::Anyone, vec![tcp(1)]));
    };
    splits(|draft| by_address(draft, "10.0.0.2/32"));
    splits(|draft| {
        let to = Peer::Addresses { set: range("10.0.0.2/32"), covers: Covers::All };
        let (from, services) = (peer("other"), vec![Service::Any]);
        draft.properties.push(property(Claim::Isolated { from, to, services }));
    });
    splits(|draft| {
        by_address(draft, "10.0.0.0/24");
        two(draft).interfaces[0].shared = true;
    });
    splits(|draft| {
        by_address(draft, "10.0.0.0/24");
        two(draft).interfaces[0].address = Address::Unknown(Family::V4);
    });
    splits(|draft| {
        by_address(draft, "10.0.0.0/24");
        two(draft).interfaces[0].address = Address::Within("10.0.0.0/16".parse().unwrap());
    });
    splits(|draft| two(draft).interfaces[0].space = "elsewhere".to_owned());
    splits(|draft| two(draft).interfaces[0].inbound = false);
    splits(|draft| two(draft).interfaces[0].outbound = false);
    splits(|draft| two(draft).interfaces[0].address = Address::Unknown(Family::V6));
    splits(|draft| two(draft).interfaces.push(Interface::new(Address::Known("fd00::1".parse().unwrap()))));
    for place in [
        (Level::Site, Place { site: Some("s".to_owned()), ..Place::default() }),
        (Level::Zone, Place { zone: Some("s".to_owned()), ..Place::default() }),
        (Level::Subnet, Place { subnet: Some("s".to_owned()), ..Place::default() }),
    ] {
        let (level, place) = place;
        splits(|draft| {
            two(draft).interfaces[0].place = place.clone();
            draft.points.push(point("between", PointKind::Appliance, Placement::Between(level), Directions::ALL));
        });
        splits(|draft| {
            two(draft).interfaces[0].place = place.clone();
            let around = Placement::Around(level, "s".to_owned());
            draft.points.push(point("around", PointKind::Appliance, around, Directions::ALL));
        });
    }
    let mut unseen = twins();
    two(&mut unseen).interfaces[0].place.zone = Some("nobody-looks".to_owned());
    assert!(!apart(unseen));
    let mut external = twins();
    let from = Peer::Addresses { set: range("10.0.0.2/32"), covers: Covers::External };
    external.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, from, Peer::Units(app("twin")), vec![tcp(1)]));
    assert!(!apart(external), "a range that covers external addresses only says nothing of units");
}
