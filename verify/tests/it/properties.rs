//! Each claim, true and false, on designs small enough to see why.

use crate::build::{allow, app, design, draft, peer, point, rule, tcp, unit};
use seglab_policy::{
    Action, AddressSet, AtMost, Claim, Covers, Design, Directions, Doubt, Draft, Login, Mode, Need, Peer, Pivot,
    Placement, PointKind, Property, Provenance, Selector, Service, Statistic, Trust, Trusted, Unmodelled, View,
    Vulnerability,
};
use seglab_verify::{Counterexample, Hop, Means, Settings, Settled, Uncertainty, Verifier, verify};

/// `a -> b -> c` on port 8080, and nothing else.
pub(crate) fn chain() -> Draft {
    let units = vec![unit("a", "10.0.0.1", &[8080]), unit("b", "10.0.0.2", &[8080]), unit("c", "10.0.0.3", &[8080])];
    draft(units, vec![allow("a", "b", 8080), allow("b", "c", 8080)])
}

fn any() -> Vec<Service> {
    vec![Service::Any]
}

fn isolated(from: &str, to: &str) -> Property {
    property(Claim::Isolated { from: peer(from), to: peer(to), services: any() })
}

fn property(claim: Claim) -> Property {
    Property {
        id: "claim".to_owned(),
        claim,
        view: View::Policy,
        pivot: Pivot::Any,
        trust: Trust::OwnAgentVoid,
        hops_max: None,
        provenance: Provenance::default(),
    }
}

pub(crate) fn settle(design: &Design, property: &Property) -> Settled {
    Verifier::new(design).settle(property, &Settings::default()).unwrap().verdict
}

/// The steps of an attack in words; nothing where the claim holds.
#[track_caller]
fn steps(design: &Design, property: &Property) -> Vec<String> {
    match settle(design, property) {
        Settled::Holds => Vec::new(),
        Settled::Violated(Counterexample::Reached(hops) | Counterexample::TooMany { hops, .. }) => {
            hops.iter().map(|hop| hop.describe(design)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The design with a property, so that classes know of it.
pub(crate) fn asking(mut draft: Draft, property: &Property) -> Design {
    draft.properties = vec![property.clone()];
    design(draft)
}

#[track_caller]
pub(crate) fn check(draft: Draft, property: &Property, expected: &[&str]) {
    assert_eq!(steps(&asking(draft, property), property), expected);
}

#[test]
fn isolation_is_of_whole_paths() {
    check(chain(), &isolated("a", "c"), &["a -> b tcp/8080", "b -> c tcp/8080"]);
    check(chain(), &isolated("c", "a"), &[]);
    check(chain(), &Property { hops_max: Some(1), ..isolated("a", "c") }, &[]);
    check(chain(), &Property { hops_max: Some(2), ..isolated("a", "c") }, &["a -> b tcp/8080", "b -> c tcp/8080"]);
    check(
        chain(),
        &Property { pivot: Pivot::EitherWay, ..isolated("c", "a") },
        &["b -> c tcp/8080 (a client of an owned unit)", "a -> b tcp/8080 (a client of an owned unit)"],
    );
    let other_service = Claim::Isolated { from: peer("a"), to: peer("c"), services: vec![tcp(22)] };
    check(chain(), &property(other_service), &[]);
}

#[test]
fn a_step_names_the_rules_that_let_it_pass() {
    let claim = isolated("a", "b");
    let design = asking(chain(), &claim);
    let Settled::Violated(Counterexample::Reached(hops)) = settle(&design, &claim) else { panic!() };
    let deciding = hops[0].deciding();
    assert_eq!(deciding.len(), 2, "egress at a, ingress at b");
    for decided in deciding {
        assert!(matches!(decided.why, seglab_policy::Why::Rule(id) if id.rule == 0));
        assert_eq!(decided.action, Action::Allow);
    }
}

#[test]
fn the_service_view_and_pivot_ask_for_listeners() {
    let mut draft = chain();
    draft.units[1].listeners.clear();
    let both = &["a -> b tcp/8080", "b -> c tcp/8080"];
    check(draft.clone(), &isolated("a", "c"), both);
    check(draft.clone(), &Property { pivot: Pivot::Service, ..isolated("a", "c") }, &[]);
    check(draft.clone(), &Property { view: View::Service, ..isolated("a", "b") }, &[]);
    check(draft, &Property { pivot: Pivot::Service, ..isolated("a", "b") }, &["a -> b tcp/8080"]);
    check(chain(), &Property { view: View::Service, ..isolated("a", "c") }, both);
}

#[test]
fn exploitation_is_by_vulnerability_or_by_a_credential_found_on_the_way() {
    let exploitable = Property { pivot: Pivot::Exploitable, ..isolated("a", "d") };
    let mut draft = chain();
    draft.units.push(unit("d", "10.0.0.4", &[8080]));
    draft.rulebooks[0].tiers[0].rules.push(allow("a", "c", 8080));
    draft.rulebooks[0].tiers[0].rules.push(allow("c", "d", 8080));
    check(draft.clone(), &exploitable, &[]);
    // `b` falls to a weakness and holds the key of `c`, from where `d` is in reach.
    let weakness = Vulnerability { name: "CVE-1".to_owned(), protocol: seglab_policy::Transport::Tcp, port: 8080 };
    draft.units[1].vulnerabilities.push(weakness);
    draft.units[1].credentials.push("key".to_owned());
    let login = Login { credential: "key".to_owned(), protocol: seglab_policy::Transport::Tcp, port: 8080 };
    draft.units[2].logins.push(login);
    check(
        draft.clone(),
        &exploitable,
        &["a -> b tcp/8080 (CVE-1)", "a -> c tcp/8080 (credential key of b)", "c -> d tcp/8080"],
    );
    draft.units[1].credentials.clear();
    check(draft, &exploitable, &[]);
}

#[test]
fn own_agents_are_void_and_hosts_are_not() {
    let mut draft = chain();
    let claim = isolated("c", "a");
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, Peer::Anyone, peer("a"), vec![tcp(8080)]));
    let to_a = draft.rulebooks[0].tiers[0].rules.pop().unwrap();
    draft.rulebooks[0].tiers[0]
        .rules
        .push(seglab_policy::Rule { directions: Directions::only(seglab_policy::Direction::Ingress), ..to_a });
    check(draft.clone(), &claim, &[]);
    draft.points[0].kind = PointKind::Agent;
    check(draft.clone(), &claim, &["c -> a tcp/8080"]);
    check(draft.clone(), &Property { trust: Trust::Intact, ..claim.clone() }, &[]);
    draft.points[0].kind = PointKind::Host;
    draft.points[0].controller = Some("cloud".to_owned());
    check(draft.clone(), &claim, &[]);
    check(draft, &Property { trust: Trust::ControllerVoid, ..claim }, &["c -> a tcp/1"]);
}

#[test]
fn owning_a_host_is_owning_its_guests_without_their_host_points() {
    let mut draft = chain();
    draft.units[0].host = Some("c".to_owned());
    draft.units.push(unit("d", "10.0.0.4", &[]));
    check(draft.clone(), &isolated("c", "a"), &["c hosts a"]);
    draft.rulebooks[0].tiers[0].rules.push(seglab_policy::Rule {
        directions: Directions::only(seglab_policy::Direction::Ingress),
        ..rule(Action::Allow, Peer::Anyone, peer("d"), vec![tcp(22)])
    });
    // The host point of `a` would stop it, and is void once its host is owned.
    check(draft.clone(), &isolated("a", "d"), &["a -> b tcp/8080", "b -> c tcp/8080", "c hosts a", "a -> d tcp/22"]);
    draft.units[0].host = None;
    check(draft, &isolated("a", "d"), &[]);
}

#[test]
fn modes_count_unless_asked_otherwise() {
    let mut draft = chain();
    draft.points[0].mode = Mode::Alert;
    let claim = isolated("c", "a");
    let design = asking(draft, &claim);
    assert!(matches!(settle(&design, &claim), Settled::Violated(_)));
    let settings = Settings { as_if_enforced: true, ..Settings::default() };
    assert_eq!(Verifier::new(&design).settle(&claim, &settings).unwrap().verdict, Settled::Holds);
}

#[test]
fn only_through_is_about_ways_around() {
    let through =
        |via: &str| property(Claim::OnlyThrough { from: peer("a"), to: peer("c"), via: app(via), services: any() });
    check(chain(), &through("b"), &[]);
    check(chain(), &through("d"), &["a -> b tcp/8080", "b -> c tcp/8080"]);
    let mut around = chain();
    around.rulebooks[0].tiers[0].rules.push(allow("a", "c", 22));
    check(around, &through("b"), &["a -> c tcp/22"]);
}

#[test]
fn only_through_is_about_two_different_ends() {
    let anywhere = |action| rule(action, Peer::Anyone, Peer::Anyone, any());
    let mirror = draft(vec![unit("a", "10.0.0.1", &[80])], vec![anywhere(Action::Allow)]);
    let from_and_to = |first: &str, last: &str| {
        let set = AddressSet::from_range(first.parse().unwrap(), last.parse().unwrap());
        let peer = Peer::Addresses { set, covers: Covers::External };
        property(Claim::OnlyThrough { from: peer.clone(), to: peer, via: app("nobody"), services: any() })
    };
    // The only address there is gets back to itself.
    check(mirror.clone(), &from_and_to("8.8.8.8", "8.8.8.8"), &[]);
    check(mirror.clone(), &from_and_to("10.0.0.1", "10.0.0.2"), &[]);
    check(mirror, &from_and_to("8.8.8.8", "8.8.8.9"), &["8.8.8.9 -> a tcp/1", "a -> 8.8.8.8 tcp/1"]);
}

#[test]
fn a_long_fall_is_shown_in_part_and_counted_in_full() {
    // a -> b -> c -> d, and two are allowed.
    let mut draft = chain();
    draft.units.push(unit("d", "10.0.0.4", &[8080]));
    draft.rulebooks[0].tiers[0].rules.push(allow("c", "d", 8080));
    let at_most = AtMost::Units(2);
    let claim = property(Claim::BlastRadius { from: Selector::Everything, at_most, of: Statistic::Max });
    let design = asking(draft, &claim);
    let settled = |steps_shown_max| {
        let settings = Settings { steps_shown_max, ..Settings::default() };
        match Verifier::new(&design).settle(&claim, &settings).unwrap().verdict {
            Settled::Violated(Counterexample::TooMany { units, excess, left_out, hops, .. }) => {
                (units, excess.sum, left_out, hops.iter().map(|hop| hop.describe(&design)).collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(settled(usize::MAX), (4, 4, 0, vec!["a -> b tcp/8080".to_owned(), "b -> c tcp/8080".to_owned()]));
    assert_eq!(settled(2), settled(usize::MAX), "two steps are all that is to be shown");
    assert_eq!(settled(1), (4, 4, 2, vec!["a -> b tcp/8080".to_owned()]), "c and d fall as well");
    assert_eq!(settled(0), (4, 4, 3, Vec::new()));
}

#[test]
fn blast_radius_counts_the_unit_itself() {
    let radius = |units| {
        property(Claim::BlastRadius { from: Selector::Everything, at_most: AtMost::Units(units), of: Statistic::Max })
    };
    check(chain(), &radius(3), &[]);
    check(chain(), &radius(2), &["a -> b tcp/8080", "b -> c tcp/8080"]);
    let claim = radius(2);
    let Settled::Violated(Counterexample::TooMany { units, excess, start, .. }) =
        settle(&asking(chain(), &claim), &claim)
    else {
        panic!()
    };
    assert_eq!((units, start.0), (3, 0));
    assert_eq!((excess.sum, excess.count, excess.at_most), (3, 1, AtMost::Units(2)));
    check(chain(), &Property { hops_max: Some(1), ..radius(2) }, &[]);
    let half = property(Claim::BlastRadius { from: app("b"), at_most: AtMost::Share(666_667), of: Statistic::Max });
    check(chain(), &half, &[]);
    // Without the hub in the middle nobody gets any further.
    let mut hub = chain();
    hub.trusted.push(Trusted {
        units: app("b"),
        owner: "operations".to_owned(),
        reason: "hardened".to_owned(),
        expires: None,
        provenance: Provenance::default(),
    });
    let claim = radius(1);
    let design = asking(hub, &claim);
    let mut verifier = Verifier::new(&design);
    assert!(matches!(verifier.settle(&claim, &Settings::default()).unwrap().verdict, Settled::Violated(_)));
    let honour = Settings { honour_trusted: true, ..Settings::default() };
    assert_eq!(verifier.settle(&claim, &honour).unwrap().verdict, Settled::Holds);
    let radii = verifier.blast_radius(seglab_verify::Attack::default(), false);
    assert_eq!((radii.sorted.as_slice(), radii.max(), radii.quantile(500)), (&[1, 2, 3][..], 3, 2));
    assert_eq!(radii.worst, design.unit_named("a"));
    assert_eq!(verifier.blast_radius(seglab_verify::Attack::default(), true).sorted, [1, 1]);
}

#[test]
fn exposure_is_by_unit_and_by_service() {
    let exposed = |only: &str, port: u16, inbound: bool| {
        property(Claim::Exposed {
            external: AddressSet::internet(),
            inbound,
            only: app(only),
            services: vec![tcp(port)],
        })
    };
    let mut draft = chain();
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, Peer::internet(), peer("a"), vec![tcp(443)]));
    check(draft.clone(), &exposed("a", 443, true), &[]);
    check(draft.clone(), &exposed("a", 443, false), &[]);
    check(draft.clone(), &exposed("a", 80, true), &["1.0.0.1 -> a tcp/443"]);
    check(draft.clone(), &exposed("b", 443, true), &["1.0.0.1 -> a tcp/443"]);
    check(draft.clone(), &Property { view: View::Service, ..exposed("b", 443, true) }, &[]);
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, peer("c"), Peer::internet(), vec![tcp(443)]));
    check(draft.clone(), &exposed("a", 443, false), &["c -> 1.0.0.1 tcp/443"]);
    let through = property(Claim::Isolated { from: Peer::internet(), to: peer("c"), services: any() });
    check(draft, &through, &["1.0.0.1 -> a tcp/443", "a -> b tcp/8080", "b -> c tcp/8080"]);
}

#[test]
fn needs_must_work_in_full() {
    let need = |from: &str, to: &str, services: Vec<Service>| Need::new(peer(from), peer(to), services);
    let mut draft = chain();
    draft.needs = vec![
        need("a", "b", vec![tcp(8080)]),
        need("a", "b", vec![tcp(8080), tcp(22)]),
        need("a", "b", vec![Service::NamedPort { protocol: None, name: "http".to_owned() }]),
        Need { to: Peer::internet(), ..need("a", "b", vec![tcp(443)]) },
    ];
    let narrow = Service::Ports {
        protocol: seglab_policy::Transport::Tcp,
        ports: seglab_policy::IntervalSet::single(9000),
        source_ports: seglab_policy::IntervalSet::from_ranges([(1024, 40000)]),
    };
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, peer("b"), peer("c"), vec![narrow]));
    draft.needs.push(need("b", "c", vec![tcp(9000)]));
    let design = design(draft);
    let report = verify(&design, &Settings::default()).unwrap();
    assert_eq!(report.needs[0].verdict, Settled::Holds);
    assert_eq!(report.broken_needs().map(|(at, _)| at).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let broken = |at: usize| match &report.needs[at].verdict {
        Settled::Violated(Counterexample::Broken { connection, .. }) => connection.display(&design).to_string(),
        Settled::Violated(Counterexample::NoSuchPort { name, .. }) => name.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(broken(1), "a -> b tcp/22");
    assert_eq!(broken(2), "http");
    assert_eq!(broken(3), "a -> 1.0.0.0 tcp/443");
    assert_eq!(broken(4), "b -> c tcp/9000", "source ports above 40000 do not get through");
}

#[test]
fn a_stateless_point_breaks_needs_and_makes_connections_one_way() {
    let mut draft = chain();
    draft.rulebooks[0].stateful = false;
    let claim = property(Claim::Allowed { from: peer("a"), to: peer("b"), services: vec![tcp(8080)] });
    assert!(matches!(settle(&asking(draft.clone(), &claim), &claim), Settled::Violated(Counterexample::Broken { .. })));
    let back = Service::Ports {
        protocol: seglab_policy::Transport::Tcp,
        ports: seglab_policy::IntervalSet::from_ranges([(1024, 65535)]),
        source_ports: seglab_policy::IntervalSet::single(8080),
    };
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, peer("b"), peer("a"), vec![back]));
    assert_eq!(settle(&asking(draft, &claim), &claim), Settled::Holds);
}

#[test]
fn doubt_never_passes() {
    let unmodelled = |draft: &mut Draft| {
        draft.unmodelled.push(Unmodelled {
            what: "CiliumNetworkPolicy shop/b".to_owned(),
            touches: app("b"),
            provenance: Provenance::default(),
        });
    };
    let claim = isolated("c", "a");
    let mut draft = chain();
    unmodelled(&mut draft);
    let design = asking(draft.clone(), &claim);
    let Settled::Unknown(unsure) = settle(&design, &claim) else { panic!() };
    assert_eq!(unsure.doubt, Uncertainty::Policy(Doubt::Unmodelled(0)));
    assert_eq!(unsure.hops.len(), 2);
    // A way that does not touch what is in doubt still violates.
    draft.rulebooks[0].tiers[0].rules.push(allow("c", "a", 22));
    check(draft.clone(), &claim, &["c -> a tcp/22"]);
    // And a claim that no way in doubt can touch still holds.
    let mut apart = chain();
    apart.unmodelled.push(Unmodelled {
        what: "x".to_owned(),
        touches: app("nobody"),
        provenance: Provenance::default(),
    });
    check(apart, &claim, &[]);
    let need = property(Claim::Allowed { from: peer("a"), to: peer("b"), services: vec![tcp(8080)] });
    assert!(matches!(settle(&asking(draft, &need), &need), Settled::Unknown(_)));
}

/// What is not modelled may be the route between two networks, or the gateway of one.
#[test]
fn doubt_about_paths_never_passes() {
    let mut apart = draft(vec![unit("a", "10.0.0.1", &[80]), unit("b", "10.0.0.2", &[80])], vec![allow("a", "b", 80)]);
    apart.units[1].interfaces[0].space = "other".to_owned();
    apart.units[1].interfaces[0].inbound = false;
    let mut peered = apart.clone();
    let what = "VPCPeeringConnection x".to_owned();
    peered.unmodelled.push(Unmodelled { what, touches: app("b"), provenance: Provenance::default() });
    let claims = [
        isolated("a", "b"),
        property(Claim::BlastRadius { from: app("a"), at_most: AtMost::Units(1), of: Statistic::Max }),
        property(Claim::Exposed { external: AddressSet::full(), inbound: true, only: app("a"), services: any() }),
    ];
    for claim in claims {
        assert_eq!(settle(&asking(apart.clone(), &claim), &claim), Settled::Holds, "{claim:?}");
        let Settled::Unknown(unsure) = settle(&asking(peered.clone(), &claim), &claim) else { panic!("{claim:?}") };
        assert_eq!(unsure.doubt, Uncertainty::Policy(Doubt::Unmodelled(0)));
    }
    let need = property(Claim::Allowed { from: peer("a"), to: peer("b"), services: vec![tcp(80)] });
    assert!(matches!(settle(&asking(apart, &need), &need), Settled::Violated(Counterexample::Broken { .. })));
    assert!(matches!(settle(&asking(peered, &need), &need), Settled::Unknown(_)));
}

#[test]
fn replicas_of_a_class_reach_each_other_only_if_policy_lets_them() {
    let mut twins = vec![unit("web#1", "10.0.0.1", &[80]), unit("web#2", "10.0.0.2", &[80])];
    for twin in &mut twins {
        twin.labels = [("app".to_owned(), "web".to_owned())].into_iter().collect();
    }
    let radius =
        property(Claim::BlastRadius { from: Selector::Everything, at_most: AtMost::Units(1), of: Statistic::Max });
    check(draft(twins.clone(), Vec::new()), &radius, &[]);
    check(draft(twins, vec![allow("web", "web", 80)]), &radius, &["web#1 -> web#2 tcp/80"]);
}

#[test]
fn forward_points_see_what_crosses_them() {
    let zoned = |name: &str, address: &str, zone: &str| {
        let mut unit = unit(name, address, &[80]);
        unit.interfaces[0].place.zone = Some(zone.to_owned());
        unit
    };
    let units = vec![zoned("a", "10.0.0.1", "x"), zoned("b", "10.0.0.2", "x"), zoned("c", "10.0.0.3", "y")];
    let mut draft = draft(units, Vec::new());
    let between = Placement::Between(seglab_policy::Level::Zone);
    draft.points = vec![point("firewall", PointKind::Appliance, between, Directions::ALL)];
    check(draft.clone(), &isolated("a", "b"), &["a -> b tcp/1"]);
    check(draft, &isolated("a", "c"), &[]);
}

#[test]
fn means_are_named() {
    let claim = isolated("a", "b");
    let design = asking(chain(), &claim);
    let Settled::Violated(Counterexample::Reached(hops)) = settle(&design, &claim) else { panic!() };
    assert!(matches!(&hops[0], Hop::Connection { means: Means::Reach, .. }));
}
