//! Claims about single connections, surfaces and many blast radii, each true and false.

use crate::build::{allow, app, design, peer, rule, tcp, unit};
use crate::properties::{asking, chain, check, settle};
use seglab_policy::{
    Action, Address, AtMost, Claim, Covers, Direction, Directions, Doubt, Draft, Flow, Interface, Peer, Placement,
    PointKind, Property, Provenance, Selector, Service, Statistic, Trust, Unmodelled, View,
};
use seglab_verify::{Counterexample, Settled, Uncertainty};

fn flow(from: &str, to: &str, port: u16) -> Flow {
    Flow { from: peer(from), to: peer(to), services: vec![tcp(port)] }
}

fn only(flows: Vec<Flow>) -> Property {
    Property::new("claim", Claim::Only { flows, among: None })
}

fn egress(from: &str, to: Peer, port: u16) -> Property {
    Property::new("claim", Claim::EgressOnlyTo { from: app(from), to, services: vec![tcp(port)] })
}

#[test]
fn egress_goes_nowhere_else() {
    check(chain(), &egress("a", peer("b"), 8080), &[]);
    check(chain(), &egress("a", peer("b"), 22), &["a -> b tcp/8080"]);
    check(chain(), &egress("b", peer("a"), 8080), &["b -> c tcp/8080"]);
    check(chain(), &egress("c", peer("a"), 8080), &[]);
    let mut draft = chain();
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, peer("a"), Peer::internet(), vec![tcp(443)]));
    check(draft.clone(), &egress("a", peer("b"), 8080), &["a -> 1.0.0.1 tcp/443"]);
    // Whoever owns a unit switches off the agent in it, so the unit's own egress rules confine nobody.
    draft = chain();
    draft.points[0].kind = PointKind::Agent;
    check(draft.clone(), &egress("a", peer("b"), 8080), &["a -> 1.0.0.1 tcp/1"]);
    check(draft, &Property { trust: Trust::Intact, ..egress("a", peer("b"), 8080) }, &[]);
}

#[test]
fn a_range_lists_the_interfaces_inside_it() {
    let mut draft = chain();
    let range = |text: &str| Peer::Addresses {
        set: seglab_policy::AddressSet::from_net(text.parse().unwrap()),
        covers: Covers::All,
    };
    check(draft.clone(), &egress("a", range("10.0.0.2/32"), 8080), &[]);
    draft.units[1].interfaces.push(Interface::new(Address::Known("10.1.0.2".parse().unwrap())));
    check(draft.clone(), &egress("a", range("10.0.0.2/32"), 8080), &["a -> b tcp/8080"]);
    check(draft.clone(), &egress("a", range("10.0.0.0/7"), 8080), &[]);
    // Behind a shared address somebody else may be meant.
    draft.units[1].interfaces.iter_mut().for_each(|interface| interface.shared = true);
    let claim = egress("a", range("10.0.0.0/7"), 8080);
    let Settled::Unknown(unsure) = settle(&asking(draft, &claim), &claim) else { panic!() };
    assert_eq!((unsure.doubt, unsure.hops.len()), (Uncertainty::Membership, 1));
}

#[test]
fn only_what_is_listed_is_possible() {
    let both = || vec![flow("a", "b", 8080), flow("b", "c", 8080)];
    check(chain(), &only(both()), &[]);
    check(chain(), &only(vec![flow("a", "b", 8080)]), &["b -> c tcp/8080"]);
    check(chain(), &only(vec![flow("a", "b", 22), flow("b", "c", 8080)]), &["a -> b tcp/8080"]);
    check(chain(), &only(Vec::new()), &["a -> b tcp/8080"]);
    let any = Flow { from: Peer::Anyone, to: peer("c"), services: vec![Service::Any] };
    check(chain(), &only(vec![flow("a", "b", 8080), any]), &[]);
    let named = |name: &str| Service::NamedPort { protocol: None, name: name.to_owned() };
    let mut draft = chain();
    draft.units[1].listeners[0].name = Some("http".to_owned());
    let list = |name: &str| vec![Flow { services: vec![named(name)], ..flow("a", "b", 0) }, flow("b", "c", 8080)];
    check(draft.clone(), &only(list("http")), &[]);
    check(draft, &only(list("https")), &["a -> b tcp/8080"]);
}

#[test]
fn only_among_some_units_asks_about_nobody_else() {
    let among = |names: &[&str]| Property {
        claim: Claim::Only {
            flows: vec![flow("a", "b", 8080)],
            among: Some(Selector::AnyOf(names.iter().map(|name| app(name)).collect())),
        },
        ..only(Vec::new())
    };
    check(chain(), &among(&["a", "b"]), &[]);
    check(chain(), &among(&["a", "b", "c"]), &["b -> c tcp/8080"]);
    let mut draft = chain();
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, Peer::internet(), peer("a"), vec![tcp(443)]));
    check(draft.clone(), &among(&["a", "b"]), &[]);
    check(draft.clone(), &only(vec![flow("a", "b", 8080), flow("b", "c", 8080)]), &["1.0.0.1 -> a tcp/443"]);
    let heard = Property { view: View::Service, ..only(vec![flow("a", "b", 8080), flow("b", "c", 8080)]) };
    check(draft.clone(), &heard, &[]);
    draft.unmodelled.push(Unmodelled {
        what: "a mesh".to_owned(),
        touches: app("c"),
        provenance: Provenance::default(),
    });
    let Settled::Unknown(unsure) = settle(&asking(draft, &heard), &heard) else { panic!() };
    assert_eq!(unsure.doubt, Uncertainty::Policy(Doubt::Unmodelled(0)));
}

/// What passes by default, in words; nothing where the claim holds.
fn by_default(draft: Draft, units: Selector, directions: Directions) -> Vec<String> {
    let claim = Property::new("claim", Claim::DefaultDeny { units, directions });
    let design = asking(draft, &claim);
    let both = seglab_verify::verify(&design, &seglab_verify::Settings::default()).unwrap();
    let alone = settle(&design, &claim);
    assert_eq!(both.properties[0].verdict, alone);
    match alone {
        Settled::Holds => Vec::new(),
        Settled::Violated(Counterexample::ByDefault(hops)) => hops.iter().map(|hop| hop.describe(&design)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn default_deny_is_what_no_rule_allows() {
    let (ingress, egress) = (Directions::only(Direction::Ingress), Directions::only(Direction::Egress));
    assert!(by_default(chain(), Selector::Everything, Directions::UNIT).is_empty());
    // Rules that allow everything change nothing: the default is what is asked about.
    let mut open = chain();
    open.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, Peer::Anyone, Peer::Anyone, vec![Service::Any]));
    assert!(by_default(open, Selector::Everything, Directions::UNIT).is_empty());
    let mut ingress_only = chain();
    ingress_only.points[0].directions = ingress;
    assert!(by_default(ingress_only.clone(), Selector::Everything, ingress).is_empty());
    assert_eq!(by_default(ingress_only, app("a"), egress), ["a -> 1.0.0.1 tcp/1"]);
    let mut uncovered = chain();
    uncovered.points[0].placement = Placement::Units(Selector::Not(Box::new(app("c"))));
    assert!(by_default(uncovered.clone(), app("b"), Directions::UNIT).is_empty());
    assert_eq!(by_default(uncovered, app("c"), ingress), ["1.0.0.1 -> c tcp/1"]);
    let mut allowing = chain();
    allowing.rulebooks[0].tiers[0].otherwise = Action::Pass;
    allowing.rulebooks[0].default_allow = true;
    assert_eq!(by_default(allowing.clone(), app("b"), ingress), ["a -> b tcp/1"]);
    // A rule that denies everything is no default, and does as well.
    allowing.rulebooks[0].tiers[0].rules.push(rule(Action::Deny, Peer::Anyone, Peer::Anyone, vec![Service::Any]));
    assert!(by_default(allowing, Selector::Everything, Directions::UNIT).is_empty());
}

#[test]
fn agents_deny_by_default_until_they_are_owned() {
    let mut draft = chain();
    draft.points[0].kind = PointKind::Agent;
    assert!(by_default(draft.clone(), Selector::Everything, Directions::UNIT).is_empty());
    let claim = Property::new("claim", Claim::DefaultDeny { units: app("a"), directions: Directions::UNIT });
    let owned = Property { trust: Trust::OwnAgentVoid, ..claim };
    let settled = settle(&asking(draft, &owned), &owned);
    assert!(matches!(settled, Settled::Violated(Counterexample::ByDefault(_))), "{settled:?}");
}

#[test]
fn surfaces_count_units_sources_and_the_outside_as_one() {
    let mut draft = chain();
    draft.units.push(unit("d", "10.0.0.4", &[]));
    draft.rulebooks[0].tiers[0].rules.push(allow("d", "b", 22));
    draft.rulebooks[0].tiers[0].rules.push(rule(Action::Allow, Peer::external(), peer("b"), vec![tcp(443)]));
    let surface = |entries_max, exits_max| {
        Property::new("claim", Claim::Surface { units: Selector::Everything, entries_max, exits_max })
    };
    let others = |property: &Property| {
        let design = asking(draft.clone(), property);
        match settle(&design, property) {
            Settled::Holds => None,
            Settled::Violated(Counterexample::TooExposed { unit, entries, others, at_most, hops }) => {
                assert_eq!(hops.len(), at_most + 1);
                let shown = hops.iter().map(|hop| hop.describe(&design)).collect::<Vec<_>>().join(", ");
                Some((design.unit(unit).name.clone(), entries, others, shown))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(others(&surface(Some(3), Some(1))), None);
    let shown = "a -> b tcp/8080, d -> b tcp/22, 1.0.0.1 -> b tcp/443";
    assert_eq!(others(&surface(Some(2), None)), Some(("b".to_owned(), true, 3, shown.to_owned())));
    let heard = Property { view: View::Service, ..surface(Some(1), Some(1)) };
    assert_eq!(others(&heard), None);
    assert_eq!(others(&surface(None, Some(0))), Some(("a".to_owned(), false, 1, "a -> b tcp/8080".to_owned())));
}

#[test]
fn statistics_of_blast_radii_are_exact() {
    // The blast radii are 3, 2 and 1, of criticalities 0 + 2 + 5, 2 + 5 and 5.
    let mut draft = chain();
    (draft.units[1].criticality, draft.units[2].criticality) = (2, 5);
    let holds = |at_most: AtMost, of: Statistic| {
        let claim = Property::new("claim", Claim::BlastRadius { from: Selector::Everything, at_most, of });
        match settle(&asking(draft.clone(), &claim), &claim) {
            Settled::Holds => None,
            Settled::Violated(Counterexample::TooMany { start, excess, .. }) => {
                Some((start.0, excess.sum, excess.count))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(holds(AtMost::Units(2), Statistic::Mean), None);
    assert_eq!(holds(AtMost::Share(666_667), Statistic::Mean), None);
    assert_eq!(holds(AtMost::Share(666_666), Statistic::Mean), Some((0, 6, 3)));
    assert_eq!(holds(AtMost::Units(1), Statistic::Mean), Some((0, 6, 3)));
    assert_eq!(holds(AtMost::Units(2), Statistic::Percentile(666)), None);
    assert_eq!(holds(AtMost::Units(2), Statistic::Percentile(667)), Some((0, 3, 1)));
    assert_eq!(holds(AtMost::Units(1), Statistic::Percentile(334)), Some((1, 2, 1)));
    assert_eq!(holds(AtMost::Units(1), Statistic::Percentile(333)), None);
    assert_eq!(holds(AtMost::Criticality(7), Statistic::Max), None);
    assert_eq!(holds(AtMost::Criticality(6), Statistic::Max), Some((0, 7, 1)));
    assert_eq!(holds(AtMost::Criticality(6), Statistic::Mean), Some((0, 19, 3)));
    let nobody = Claim::BlastRadius { from: Selector::nothing(), at_most: AtMost::Units(0), of: Statistic::Mean };
    let claim = Property::new("claim", nobody);
    assert_eq!(settle(&asking(draft.clone(), &claim), &claim), Settled::Holds);
    // Within a number of connections the same is counted.
    let near = Claim::BlastRadius { from: Selector::Everything, at_most: AtMost::Criticality(6), of: Statistic::Max };
    let near = Property { hops_max: Some(1), ..Property::new("claim", near) };
    check(draft, &near, &["b -> c tcp/8080"]);
}

#[test]
fn claims_about_nothing_hold() {
    let nothing = Selector::nothing();
    for claim in [
        Claim::EgressOnlyTo { from: nothing.clone(), to: peer("a"), services: vec![Service::Any] },
        Claim::Only { flows: Vec::new(), among: Some(nothing.clone()) },
        Claim::DefaultDeny { units: nothing.clone(), directions: Directions::UNIT },
        Claim::Surface { units: nothing.clone(), entries_max: Some(0), exits_max: Some(0) },
    ] {
        let claim = Property::new("claim", claim);
        assert_eq!(settle(&design(Draft { properties: vec![claim.clone()], ..chain() }), &claim), Settled::Holds);
    }
}
