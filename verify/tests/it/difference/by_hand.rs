//! Small changes whose difference one can say in a sentence.

use crate::build::{allow, app, design, draft, peer, rule, tcp, unit};
use seglab_policy::{
    Action, Address, AddressSet, Assume, Covers, Design, Draft, Family, Interface, Listener, Mode, Peer, Pivot,
    Selector, Service, Transport, Trust, Unmodelled, View,
};
use seglab_verify::difference::{
    Difference, Ends, Facet, Kind, Obstacle, Population, Standing, may_be_gain, may_be_loss,
};
use seglab_verify::{Attack, Hop, Verifier};

/// Web servers, an application, a database.
fn shop() -> Draft {
    let units = vec![
        unit("web", "10.0.0.1", &[443]),
        unit("api", "10.0.0.2", &[8080]),
        unit("db", "10.0.0.3", &[5432]),
        unit("dev", "10.0.0.4", &[22]),
    ];
    draft(units, vec![allow("web", "api", 8080), allow("api", "db", 5432)])
}

fn named(ends: &Ends, population: &Population) -> String {
    match ends {
        Ends::Units(units) => units.iter().map(|&at| population.mates[at].name.as_str()).collect::<Vec<_>>().join("+"),
        Ends::External(set) => set.to_string(),
        Ends::Sources(names) => names.join("+"),
    }
}

/// What differs directly, a line for each change.
fn direct(old: &Design, new: &Design, view: View) -> Vec<String> {
    let mut difference = Difference::new(Verifier::new(old), Verifier::new(new));
    let assume = Assume::attack(Trust::Intact);
    let changes = difference.direct(assume, view);
    for change in &changes {
        difference.witness(change, assume, view).unwrap();
    }
    let population = difference.population();
    let line = |change: &seglab_verify::difference::DirectChange| {
        let (from, to) = (named(&change.block.sources, population), named(&change.block.destinations, population));
        let kind = Kind::of(change.was, change.is);
        format!("{kind:?} {from} -> {to} {} ({})", change.headers, change.block.pairs)
    };
    changes.iter().map(line).collect()
}

fn lateral(old: &Design, new: &Design) -> Vec<String> {
    let mut difference = Difference::new(Verifier::new(old), Verifier::new(new));
    let attack = Attack { pivot: Pivot::Any, trust: Trust::Intact, ..Attack::default() };
    let changes = difference.lateral(attack, None);
    let mut lines = Vec::new();
    for change in changes {
        let path = difference.path(&change, attack, None).unwrap();
        let design = difference.designs()[usize::from(path.in_new)];
        let hops: Vec<String> = path.hops.iter().map(|hop| hop.describe(design)).collect();
        let stopped = path.stopped.as_ref().map(|(at, _)| at + 1);
        let population = difference.population();
        let (from, to) = (named(&change.block.sources, population), named(&change.block.destinations, population));
        let kind = Kind::of(change.was, change.is);
        lines.push(format!("{kind:?} {from} -> {to} by {}, stopped at {stopped:?}", hops.join(", ")));
    }
    lines
}

fn rules(draft: &mut Draft) -> &mut Vec<seglab_policy::Rule> {
    &mut draft.rulebooks[0].tiers[0].rules
}

#[test]
fn one_rule_more_is_gained_directly_and_all_that_follows_laterally() {
    let old = design(shop());
    let mut new = shop();
    rules(&mut new).push(allow("dev", "api", 22));
    let new = design(new);
    assert_eq!(direct(&old, &new, View::Policy), ["Gained dev -> api TCP 22 (1)"]);
    assert_eq!(direct(&old, &new, View::Service), [""; 0], "nothing listens there");
    assert_eq!(direct(&new, &old, View::Policy), ["Lost dev -> api TCP 22 (1)"]);
    assert_eq!(lateral(&old, &new), ["Gained dev -> api+db by dev -> api tcp/22, stopped at Some(1)",]);
    assert_eq!(lateral(&new, &old)[0], "Lost dev -> api+db by dev -> api tcp/22, stopped at Some(1)");
    assert_eq!(lateral(&old, &old), [""; 0]);
}

/// The hop that makes the difference is the one that the other design allows by no header at all.
#[test]
fn the_step_that_is_named_is_the_one_that_changed() {
    let old = design(shop());
    let mut new = shop();
    // Another port for the first step, and a second step that is new.
    rules(&mut new)[0] = allow("web", "api", 80);
    rules(&mut new).push(allow("db", "dev", 22));
    let new = design(new);
    let lines = lateral(&old, &new);
    assert_eq!(lines, ["Gained api+db+web -> dev by api -> db tcp/5432, db -> dev tcp/22, stopped at Some(2)"]);
    let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
    let attack = Attack { trust: Trust::Intact, ..Attack::default() };
    let change = difference.lateral(attack, None).remove(0);
    let path = difference.path(&change, attack, None).unwrap();
    assert!(matches!(path.stopped, Some((1, Obstacle::Connection(_)))));
    assert!(difference.lateral(attack, Some(1)).iter().all(|change| change.block.pairs == 1), "db to dev alone");
}

/// What one changed rule does to many units is one change, with their pairs counted.
#[test]
fn equal_changes_are_one() {
    let fleet = |port: u16| {
        let mut units: Vec<_> = (1..=5).map(|at| unit(&format!("web-{at}"), &format!("10.0.1.{at}"), &[443])).collect();
        units.extend((1..=3).map(|at| unit(&format!("db-{at}"), &format!("10.0.2.{at}"), &[5432])));
        for unit in &mut units {
            let group = unit.name.split('-').next().unwrap().to_owned();
            unit.labels.insert("group".to_owned(), group);
        }
        let group = |name: &str| Peer::Units(Selector::label("group", name));
        design(draft(
            units,
            vec![
                rule(Action::Allow, group("web"), group("db"), vec![tcp(port)]),
                rule(Action::Allow, group("db"), group("db"), vec![tcp(port)]),
            ],
        ))
    };
    let (old, new) = (fleet(5432), fleet(5433));
    let lines = direct(&old, &new, View::Policy);
    assert_eq!(lines.len(), 2, "{lines:?}");
    // Five by three, and three by two others.
    assert!(lines[0].starts_with("Gained ") && lines[0].ends_with("db-1+db-2+db-3 TCP 5433 (21)"), "{lines:?}");
    assert!(lines[1].starts_with("Lost ") && lines[1].ends_with("db-1+db-2+db-3 TCP 5432 (21)"), "{lines:?}");
}

#[test]
fn who_is_there_is_told_apart_from_policy() {
    let old = design(shop());
    let mut new = shop();
    new.units.remove(3);
    new.units[0].labels.insert("tier".to_owned(), "front".to_owned());
    new.units[1].criticality = 3;
    new.units.push(unit("cache", "10.0.0.9", &[6379]));
    rules(&mut new).push(rule(Action::Allow, peer("api"), peer("cache"), vec![tcp(6379)]));
    rules(&mut new).push(rule(Action::Allow, peer("web"), peer("db"), vec![tcp(5432)]));
    rules(&mut new).push(rule(Action::Allow, peer("api"), peer("db"), vec![tcp(22)]));
    let new = design(new);
    let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
    let standing = |name: &str| {
        let mate = difference.population().mates.iter().find(|mate| mate.name == name);
        mate.unwrap().standing
    };
    assert_eq!(
        ["api", "cache", "db", "dev", "web"].map(standing),
        [Standing::Unchanged, Standing::Added, Standing::Unchanged, Standing::Removed, Standing::Changed]
    );
    let changed: Vec<(&str, Facet, &str, &str)> = difference
        .population()
        .changes()
        .flat_map(|mate| {
            mate.facets.iter().map(|one| (mate.name.as_str(), one.facet, one.before.as_str(), one.after.as_str()))
        })
        .collect();
    assert_eq!(changed, [("api", Facet::Criticality, "0", "3"), ("web", Facet::Labels, "none", "tier=front")]);
    let changes = difference.direct(Assume::business(), View::Policy);
    let population = difference.population();
    let mut touched: Vec<(String, [Standing; 2])> =
        changes.iter().map(|change| (named(&change.block.destinations, population), change.block.standings)).collect();
    touched.sort();
    assert_eq!(
        touched,
        [
            ("cache".to_owned(), [Standing::Unchanged, Standing::Added]),
            ("db".to_owned(), [Standing::Unchanged, Standing::Unchanged]),
            ("db".to_owned(), [Standing::Changed, Standing::Unchanged]),
        ]
    );
}

#[test]
fn a_renamed_unit_is_recognised_and_compared_as_two() {
    let old = design(shop());
    let mut new = shop();
    new.units[2].name = "database".to_owned();
    let new = design(new);
    let difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
    let population = difference.population();
    let renamed: Vec<(&str, &str)> = population
        .renamed
        .iter()
        .map(|&(before, after)| (population.mates[before].name.as_str(), population.mates[after].name.as_str()))
        .collect();
    assert_eq!(renamed, [("db", "database")]);
    // Its label is what rules go by, so what it could do another can do now.
    assert_eq!(
        direct(&old, &new, View::Policy),
        ["Gained api -> database TCP 5432 (1)", "Lost api -> db TCP 5432 (1)"]
    );
}

#[test]
fn unknown_is_never_equal() {
    let unknown = |draft: &mut Draft| {
        draft.unmodelled.push(Unmodelled {
            what: "CiliumNetworkPolicy shop/db".to_owned(),
            touches: app("db"),
            provenance: Default::default(),
        });
    };
    let old = design(shop());
    let mut new = shop();
    unknown(&mut new);
    let new = design(new);
    let kinds = |old: &Design, new: &Design| -> Vec<(Kind, bool, bool)> {
        let mut difference = Difference::new(Verifier::new(old), Verifier::new(new));
        let changes = difference.direct(Assume::business(), View::Policy);
        let mut kinds: Vec<_> = changes
            .iter()
            .map(|one| (Kind::of(one.was, one.is), may_be_gain(one.was, one.is), may_be_loss(one.was, one.is)))
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&old, &new), [(Kind::BecameUnknown, false, true), (Kind::BecameUnknown, true, false)]);
    assert_eq!(kinds(&new, &old), [(Kind::NoLongerUnknown, false, true), (Kind::NoLongerUnknown, true, false)]);
    assert_eq!(kinds(&new, &new), [(Kind::StillUnknown, true, true)]);
    assert_eq!(kinds(&old, &old), []);
}

/// What is lost over one family is lost, whatever the other still carries.
#[test]
fn families_are_compared_apart() {
    let dual = |covers: &str| {
        let mut draft = shop();
        for (unit, last) in draft.units.iter_mut().zip(1u16..) {
            unit.interfaces
                .push(Interface::new(Address::Known(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into())));
        }
        let set = covers
            .split(',')
            .fold(AddressSet::empty(), |set, net| set.union(&AddressSet::from_net(net.parse().unwrap())));
        let from = Peer::Addresses { set, covers: Covers::All };
        *rules(&mut draft) = vec![rule(Action::Allow, from, peer("db"), vec![tcp(5432)])];
        design(draft)
    };
    let (old, new) = (dual("10.0.0.4/32,fd00::4/128"), dual("10.0.0.4/32"));
    let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
    let changes = difference.direct(Assume::business(), View::Policy);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((Kind::of(changes[0].was, changes[0].is), &changes[0].families), (Kind::Lost, &vec![Family::V6]));
}

#[test]
fn replies_that_are_stopped_are_a_difference() {
    let old = design(shop());
    let mut new = shop();
    new.rulebooks[0].stateful = false;
    let new = design(new);
    let lines = direct(&old, &new, View::Policy);
    assert_eq!(lines.iter().filter(|line| line.starts_with("Reply ")).count(), lines.len(), "{lines:?}");
    assert!(lines.contains(&"Reply api -> db TCP 5432 (1)".to_owned()), "{lines:?}");
}

/// A point that is switched to alert lets everything through, and no rule is to blame.
#[test]
fn modes_are_policy() {
    let old = design(shop());
    let mut new = shop();
    new.points[0].mode = Mode::Alert;
    let new = design(new);
    let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
    assert_eq!(difference.population().changes().count(), 0);
    let changes = difference.direct(Assume::business(), View::Policy);
    assert!(!changes.is_empty() && changes.iter().all(|change| Kind::of(change.was, change.is) == Kind::Gained));
    assert!(changes.iter().all(|change| !change.block.touches_population()));
}

/// Outside addresses that become a unit's are a change of who is there, and no connection is lost to them.
#[test]
fn an_address_that_becomes_a_units_is_not_lost() {
    let open = |units: Vec<seglab_policy::Unit>| {
        let any = Peer::Addresses { set: AddressSet::full(), covers: Covers::All };
        design(draft(units, vec![rule(Action::Allow, peer("web"), any, vec![Service::Any])]))
    };
    let old = open(vec![unit("web", "10.0.0.1", &[])]);
    let new = open(vec![unit("web", "10.0.0.1", &[]), unit("db", "10.0.0.3", &[])]);
    assert_eq!(direct(&old, &new, View::Policy), ["Gained web -> db all (1)"]);
}

/// A credential that is found elsewhere opens the way, and where it was not found is the obstacle.
#[test]
fn credentials_are_obstacles() {
    let vault = |holds: bool| {
        let mut draft = shop();
        draft.units[2].logins.push(seglab_policy::Login {
            credential: "db-password".to_owned(),
            protocol: Transport::Tcp,
            port: 5432,
        });
        if holds {
            draft.units[1].credentials.push("db-password".to_owned());
        }
        draft.units[3].listeners.push(Listener::port(Transport::Tcp, 1));
        design(draft)
    };
    let (old, new) = (vault(false), vault(true));
    let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
    let attack = Attack { pivot: Pivot::Exploitable, trust: Trust::Intact, ..Attack::default() };
    let changes = difference.lateral(attack, None);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].block.standings, [Standing::Changed, Standing::Unchanged]);
    let path = difference.path(&changes[0], attack, None).unwrap();
    assert!(matches!(path.hops.as_slice(), [Hop::Connection { .. }]));
    assert_eq!(path.stopped, Some((0, Obstacle::NoCredential("db-password".to_owned()))));
}
