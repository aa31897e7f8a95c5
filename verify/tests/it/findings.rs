//! Findings against what the same verifier says of every pair of units by itself.

use proptest::prelude::*;
use seglab_policy::arbitrary::{design, design_of};
use seglab_policy::{
    Assume, Claim, Design, Draft, Endpoint, Flow, Peer, Pivot, Property, Selector, Service, Side, Statistic, UnitId,
    View,
};
use seglab_verify::{Finding, HeaderSet, On, Party, Settings, Settled, Verifier};
use std::collections::BTreeMap;

/// The design with these properties in place of its own.
fn asking(design: &Design, properties: Vec<Property>) -> Design {
    Design::new(Draft { properties, ..design.to_draft() }).unwrap()
}

/// The findings of a single property, and its verdict.
fn findings(design: &Design, property: &Property) -> (Settled, Vec<Finding>) {
    let design = asking(design, vec![property.clone()]);
    let mut verifier = Verifier::new(&design);
    let settings = Settings::default();
    let report = verifier.settle_all(&settings).unwrap();
    let found = verifier.findings(&report, &settings, None).unwrap();
    (report.properties[0].verdict.clone(), found.properties.into_iter().next().unwrap())
}

/// The group of a unit, as it is documented: the names of its segments.
fn group(design: &Design, unit: UnitId) -> Option<Party> {
    let mut names: Vec<&str> = Vec::new();
    for segment in design.segments() {
        if segment.selector.matches(design.unit(unit)) {
            names.push(&segment.name);
        }
    }
    names.sort_unstable();
    let party = if names.is_empty() { Party::Ungrouped } else { Party::Group(names.join(" & ")) };
    (!design.segments().is_empty()).then_some(party)
}

type Counts = BTreeMap<(Party, Party), u64>;

/// What certainly violates, by groups; in a design without segments, all together.
fn counted(design: &Design, found: &[Finding]) -> Counts {
    let mut counts = Counts::new();
    let certain = found.iter().filter(|one| matches!(one.verdict, Settled::Violated(_)));
    // A selector may mean a named external source too, which is no unit to be asked about by itself.
    for one in certain.filter(|one| !matches!(one.from, Party::Source(_))) {
        assert!(one.count > 0 && !one.at_least, "{one:?}");
        let grouped = !design.segments().is_empty();
        let pair = if grouped { (one.from.clone(), one.to.clone()) } else { (Party::Everyone, Party::Everyone) };
        *counts.entry(pair).or_default() += one.count;
    }
    counts
}

fn add(counts: &mut Counts, design: &Design, from: UnitId, to: UnitId) {
    let party = |unit| group(design, unit).unwrap_or(Party::Everyone);
    *counts.entry((party(from), party(to))).or_default() += 1;
}

fn check_reached(design: &Design, property: &Property) -> Result<(), TestCaseError> {
    let (Claim::Isolated { from, to, .. } | Claim::OnlyThrough { from, to, .. }) = &property.claim else { panic!() };
    let (Peer::Units(sources), Peer::Units(targets)) = (from, to) else { panic!() };
    let (verdict, found) = findings(design, property);
    let mut pairs = Vec::new();
    for a in design.select(sources) {
        for b in design.select(targets) {
            let isolated = matches!(property.claim, Claim::Isolated { .. });
            if a == b || (isolated && sources.matches(design.unit(b))) {
                continue;
            }
            let one = |unit: UnitId| {
                Selector::All(vec![Selector::Named(design.unit(unit).name.clone()), apart(design, unit)])
            };
            let mut claim = property.claim.clone();
            if let Claim::Isolated { from, to, .. } | Claim::OnlyThrough { from, to, .. } = &mut claim {
                (*from, *to) = (Peer::Units(one(a)), Peer::Units(one(b)));
            }
            let id = format!("{a:?} {b:?}");
            pairs.push(((a, b), Property { id, claim, ..property.clone() }));
        }
    }
    let asked = asking(design, pairs.iter().map(|(_, property)| property.clone()).collect());
    let report = Verifier::new(&asked).settle_all(&Settings::default()).unwrap();
    let mut expected = Counts::new();
    for (((a, b), _), outcome) in pairs.iter().zip(&report.properties) {
        if matches!(outcome.verdict, Settled::Violated(_)) {
            add(&mut expected, design, *a, *b);
        }
    }
    match verdict {
        Settled::Violated(_) => prop_assert_eq!(counted(design, &found), expected, "{:?}", property),
        Settled::Unknown(_) => {
            prop_assert_eq!(found.len(), 1);
            prop_assert!(matches!(found[0].verdict, Settled::Unknown(_)));
        }
        Settled::Holds => prop_assert!(found.is_empty()),
    }
    Ok(())
}

/// A selector that keeps a unit apart from the replicas of an owner that is called as it is.
fn apart(design: &Design, unit: UnitId) -> Selector {
    let name = &design.unit(unit).name;
    let others = design.units().iter().filter(|other| other.owner.as_ref() == Some(name) && other.name != *name);
    Selector::All(others.map(|other| Selector::Not(Box::new(Selector::Named(other.name.clone())))).collect())
}

fn units_of(design: &Design, seed: usize) -> Selector {
    let all = design.units();
    let pick = |at: usize| Selector::Named(all[at % all.len()].name.clone());
    match seed % 3 {
        0 => Selector::Everything,
        1 => Selector::AnyOf(vec![pick(seed / 3), pick(seed / 5 + 1), pick(seed / 7 + 2)]),
        _ => Selector::Not(Box::new(pick(seed / 2))),
    }
}

fn service(seed: usize) -> Vec<Service> {
    use seglab_policy::Transport::Tcp;
    match seed % 3 {
        0 => vec![Service::Any],
        1 => vec![Service::ports(Tcp, 1, 443)],
        _ => vec![Service::ports(Tcp, 80, 80), Service::ports(Tcp, 5000, 9000)],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn pairs_that_reach_each_other_are_counted(
        design in design(), a in 0usize..1000, b in 0usize..1000, s in 0usize..9,
        pivot in 0usize..4, hops in 0u32..4, through in any::<bool>(), listens in any::<bool>(),
    ) {
        prop_assume!(design.units().len() > 1);
        let (from, to) = (Peer::Units(units_of(&design, a)), Peer::Units(units_of(&design, b)));
        let pivot = Pivot::ALL[pivot];
        // Services on the way to a client are found and not counted.
        let services = if pivot == Pivot::EitherWay { vec![Service::Any] } else { service(s) };
        let claim = match through {
            true => Claim::OnlyThrough { from, to, via: units_of(&design, a / 2 + 1), services },
            false => Claim::Isolated { from, to, services },
        };
        let hops_max = (hops > 0).then_some(hops);
        let view = if listens { View::Service } else { View::Policy };
        check_reached(&design, &Property { pivot, hops_max, view, ..Property::new("asked", claim) })?;
    }

    #[test]
    fn connections_that_are_not_listed_are_counted(design in design(), a in 0usize..1000, s in 0usize..9, listed in any::<bool>()) {
        prop_assume!(design.units().len() > 1);
        let among = units_of(&design, a);
        let flows = match listed {
            true => vec![Flow { from: Peer::Units(units_of(&design, a / 2)), to: Peer::Units(units_of(&design, a / 3)), services: service(s) }],
            false => Vec::new(),
        };
        let property = Property::new("asked", Claim::Only { flows: flows.clone(), among: Some(among.clone()) });
        let (verdict, found) = findings(&design, &property);
        let asked = asking(&design, vec![property.clone()]);
        let mut verifier = Verifier::new(&asked);
        let assume = Assume { as_if_enforced: false, trust: property.trust, owned: Some(Side::Source), host_owned: false };
        let mut expected = Counts::new();
        let mut everything = HeaderSet::empty();
        for from in design.select(&among) {
            for to in design.select(&among).filter(|to| *to != from) {
                let mut stray = HeaderSet::empty();
                let ends = |unit: UnitId| {
                    let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap();
                    (0..count).map(move |interface| Endpoint::Unit { unit, interface })
                };
                for (source, destination) in ends(from).flat_map(|a| ends(to).map(move |b| (a, b))) {
                    stray = stray.union(&verifier.direct(source, destination, assume).allowed);
                }
                for flow in &flows {
                    let (Peer::Units(a), Peer::Units(b)) = (&flow.from, &flow.to) else { panic!() };
                    if a.matches(design.unit(from)) && b.matches(design.unit(to)) {
                        stray = stray.difference(&HeaderSet::of_services(&flow.services, &design.unit(to).listeners));
                    }
                }
                everything = everything.union(&stray);
                if !stray.is_empty() {
                    add(&mut expected, &design, from, to);
                }
            }
        }
        if let Settled::Violated(_) = verdict {
            prop_assert_eq!(counted(&design, &found), expected);
            let certain = found.iter().filter(|one| matches!(one.verdict, Settled::Violated(_)));
            let headers = certain.fold(HeaderSet::empty(), |all, one| match &one.on {
                On::Headers(headers, addresses) => { assert!(addresses.is_empty()); all.union(headers) }
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(headers, everything);
        } else {
            prop_assert!(expected.is_empty());
        }
    }

    #[test]
    fn every_violated_claim_has_its_findings(design in design()) {
        let mut verifier = Verifier::new(&design);
        let settings = Settings::default();
        let report = verifier.settle_all(&settings).unwrap();
        let found = verifier.findings(&report, &settings, None).unwrap();
        let all = report.properties.iter().zip(&found.properties).chain(report.needs.iter().zip(&found.needs));
        for (outcome, findings) in all {
            let of = |violated: bool| findings.iter().any(|one| matches!(one.verdict, Settled::Violated(_)) == violated);
            match outcome.verdict {
                Settled::Holds => prop_assert!(findings.is_empty()),
                Settled::Unknown(_) => prop_assert!(of(false) && !of(true)),
                Settled::Violated(_) => prop_assert!(of(true)),
            }
            prop_assert!(findings.iter().all(|one| one.count > 0 && one.verdict != Settled::Holds));
        }
        // The same again: nothing depends on what was asked before.
        prop_assert_eq!(verifier.findings(&report, &settings, Some(found.grouping)).unwrap(), found);
    }
}

#[test]
fn bounds_are_exceeded_group_by_group() {
    let (mut several, mut exceeded) = (0, 0);
    for seed in 0..200 {
        let design = design_of(seed);
        let from = Selector::Everything;
        let at_most = seglab_policy::AtMost::Units(1);
        let claim = Claim::BlastRadius { from, at_most, of: Statistic::Max };
        let (verdict, found) = findings(&design, &Property::new("asked", claim));
        let certain: u64 =
            found.iter().filter(|one| matches!(one.verdict, Settled::Violated(_))).map(|one| one.count).sum();
        let radii = Verifier::new(&design).blast_radius(seglab_verify::Attack::default(), false);
        assert_eq!(certain, radii.sorted.iter().filter(|radius| **radius > 1).count() as u64, "seed {seed}");
        assert_eq!(certain > 0, matches!(verdict, Settled::Violated(_)));
        several += usize::from(found.len() > 1);
        exceeded += usize::from(certain > 0);
    }
    assert!(several > 20 && exceeded > 50, "{several} {exceeded}");
}
