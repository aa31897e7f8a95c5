//! A policy that is changed in small steps decides as one that is compiled anew, and as the reference evaluator.

use crate::update_script::{Choices, Fresh, Met, play};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use seglab_engine::{Decision, Limits, LiveMatcher, LiveRule, Matcher, Recompiled, Update, UpdateError, Workload};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Action, Address, Assume, Design, Directions, Draft, EnforcementPoint, Interface, Order, Peer, Provenance, Rule,
    Rulebook, RulebookId, Scope, Selector, Service, Tier, TierId, Transport, Unit, UnitId,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Bytes that a seed draws.
fn bytes(seed: u64) -> [u8; 256] {
    let mut bytes = [0; 256];
    Xoshiro256PlusPlus::seed_from_u64(seed).fill(&mut bytes);
    bytes
}

/// Chains of updates of random designs; `SEGLAB_CHAINS` asks for more of them. Prints the script that fails.
#[test]
fn a_chain_of_updates_is_a_fresh_policy_after_every_step() {
    let chains: u32 = std::env::var("SEGLAB_CHAINS").map_or(300, |count| count.parse().unwrap());
    let mut met = Met::default();
    for seed in 0..chains {
        let script = [&seed.to_le_bytes()[..], &bytes(seed.into())].concat();
        let Met { small_steps, reasons, refused } = play(&script, Fresh::EveryStep);
        small_steps.into_iter().for_each(|(kind, count)| *met.small_steps.entry(kind).or_default() += count);
        reasons.into_iter().for_each(|(why, count)| *met.reasons.entry(why).or_default() += count);
        met.refused += refused;
    }
    println!("{met:?}");
    let all: usize = met.reasons.values().sum();
    assert!(met.reasons.get(&None).copied().unwrap_or(0) * 3 > all, "{met:?}");
    assert!(met.small_steps.len() == 5 && met.small_steps.values().all(|&count| count > 20), "{met:?}");
    assert!(met.refused > 20, "{met:?}");
}

/// The seeds of the fuzz target, each of which went where no other had been.
#[test]
fn the_seeds_of_the_fuzz_target_play() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/policy_updates");
    let mut steps = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let met = play(&std::fs::read(entry.unwrap().path()).unwrap(), Fresh::LastStep);
        steps += met.reasons.values().sum::<usize>();
    }
    assert!(steps > 50, "{steps}");
}

/// Whoever keeps a version goes on deciding by it, whatever comes after.
#[test]
fn versions_that_are_kept_stay_what_they_are() {
    for seed in 0..40 {
        let design = design_of(seed);
        let assume = Assume::business();
        let live = LiveMatcher::new(&design, assume, Limits::default()).unwrap();
        let drawn = bytes(seed);
        let mut choices = Choices::new(&drawn);
        let mut kept = Vec::new();
        for _ in 0..8 {
            let design = live.design().unwrap();
            kept.push((live.snapshot(), design.clone()));
            let updates: Vec<Update> = choices.update(&design, &live).into_iter().collect();
            if matches!(live.apply(&updates), Err(UpdateError::Design(_))) {
                break;
            }
        }
        for (snapshot, design) in kept {
            for connection in Workload::generate(&design, seed, 40).connections() {
                if let Some(said) = snapshot.matcher().decide(connection) {
                    assert_eq!(said, Decision::from(design.evaluate(connection, assume).verdict), "seed {seed}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let design = design_of(3);
    let live = LiveMatcher::new(&design, Assume::business(), Limits::default()).unwrap();
    let rule = live.rules()[0];
    let nobody = UnitId(1000);
    let errors = [
        live.apply(&[Update::Remove(rule), Update::Remove(rule)]).unwrap_err(),
        live.apply(&[Update::Remove(LiveRule(9999))]).unwrap_err(),
        live.apply(&[Update::Relabel { unit: nobody, labels: Default::default() }]).unwrap_err(),
        live.apply(&[Update::Move { unit: nobody, interface: 0, to: Ipv4Addr::LOCALHOST.into() }]).unwrap_err(),
    ];
    assert_eq!(errors[0], UpdateError::NoRule(rule));
    assert_eq!(errors[1].to_string(), "there is no rule 9999 any more; ask for the rules that there are");
    assert!(matches!(errors[2], UpdateError::NoInterface { unit, .. } if unit == nobody));
    assert!(matches!(errors[3], UpdateError::NoInterface { unit, .. } if unit == nobody));
    assert_eq!((live.snapshot().version(), live.design().unwrap()), (1, design));
}

/// A unit moves: the agent at the unit is told and follows, an appliance that is not told goes by the old address.
#[test]
fn who_is_not_told_of_a_move_goes_by_the_old_address() {
    let assume = Assume::business();
    let mut stale = 0;
    for seed in 0..200 {
        let design = design_of(seed);
        let [told, untold] = [(); 2].map(|()| LiveMatcher::new(&design, assume, Limits::default()).unwrap());
        let to: IpAddr = Ipv4Addr::new(10, 0, 0, 77).into();
        let of_v4 = |unit: &UnitId| matches!(design.unit(*unit).interfaces[0].address, Address::Known(IpAddr::V4(_)));
        let Some(unit) = design.unit_ids().find(of_v4) else { continue };
        if told.apply(&[Update::Move { unit, interface: 0, to }]).is_err() {
            continue;
        }
        assert_eq!((told.snapshot().moves(), untold.snapshot().moves()), (1, 0));
        let moved = told.design().unwrap();
        for connection in Workload::generate(&moved, seed, 60).connections() {
            let decide = |live: &LiveMatcher| live.snapshot().matcher().decide(connection);
            if let Some(said) = decide(&told) {
                let wanted = Decision::from(moved.evaluate(connection, assume).verdict);
                let print = || format!("{}\n{}", connection.display(&moved), seglab_policy::normal_form::write(&moved));
                assert_eq!(said, wanted, "seed {seed}: {}", print());
                stale += usize::from(decide(&untold) != Some(said));
            }
        }
        untold.apply(&[Update::Move { unit, interface: 0, to }]).unwrap();
        for connection in Workload::generate(&moved, seed + 1, 60).connections() {
            let decide = |live: &LiveMatcher| live.snapshot().matcher().decide(connection);
            assert_eq!(decide(&told), decide(&untold), "seed {seed}");
        }
    }
    assert!(stale > 5, "{stale}");
}

/// Units of twelve apps, whose web servers may ask their databases.
fn apps() -> Design {
    let unit = |number: u8| Unit {
        name: format!("unit-{number}"),
        labels: [("app", number % 12), ("tier", number / 12 % 2), ("unit", number)]
            .map(|(key, value)| (key.to_owned(), format!("{key}-{value}")))
            .into(),
        interfaces: vec![Interface::new(Address::Known([10, 0, 0, number].into()))],
        can_host_agent: true,
        ..Unit::default()
    };
    let of_app = |app: u8, tier: u8| {
        let all = [("app", app), ("tier", tier)].map(|(key, value)| Selector::label(key, format!("{key}-{value}")));
        Peer::Units(Selector::All(all.into()))
    };
    let tier = Tier {
        name: "all".to_owned(),
        order: Order::DenyOverrides,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules: (0..12).map(|app| allow(of_app(app, 0), of_app(app, 1), u16::from(app) % 5)).collect(),
    };
    let rulebook = Rulebook { name: "native".to_owned(), tiers: vec![tier], default_allow: false, stateful: true };
    let points = vec![EnforcementPoint::ideal("hosts", RulebookId(0))];
    Design::new(Draft { units: (0..200).map(unit).collect(), rulebooks: vec![rulebook], points, ..Draft::default() })
        .unwrap()
}

fn allow(from: Peer, to: Peer, port: u16) -> Rule {
    let services = vec![Service::ports(Transport::Tcp, 8000 + port, 8000 + port)];
    let (action, provenance) = (Action::Allow, Provenance::default());
    Rule { directions: Directions::UNIT, from, to, services, action, priority: 0, provenance }
}

/// Rules between single units come and go; what they told apart is joined again, so that labels stay few.
#[test]
fn labels_that_are_told_the_same_again_are_rejoined() {
    let (design, assume) = (apps(), Assume::business());
    let live = LiveMatcher::new(&design, assume, Limits::default()).unwrap();
    let tier = TierId { rulebook: RulebookId(0), tier: 0 };
    let mut drawn = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut anew: BTreeMap<Recompiled, usize> = BTreeMap::new();
    let mut held = std::collections::VecDeque::new();
    for round in 0..1000 {
        let mut some = || Peer::Units(Selector::label("unit", format!("unit-{}", drawn.random_range(0..200))));
        let rule = Box::new(allow(some(), some(), round % 5));
        let applied = live.apply(&[Update::Add { tier, rule }]).unwrap();
        applied.recompiled.into_iter().for_each(|why| *anew.entry(why).or_default() += 1);
        held.extend(applied.added);
        if held.len() > 8 {
            let gone = live.apply(&[Update::Remove(held.pop_front().unwrap())]).unwrap();
            gone.recompiled.into_iter().for_each(|why| *anew.entry(why).or_default() += 1);
        }
        if round % 100 == 99 {
            let (now, snapshot) = (live.design().unwrap(), live.snapshot());
            let anew = Matcher::compile(&now, assume, Limits::default()).unwrap();
            let [kept, few] =
                [snapshot.matcher(), &anew].map(|matcher| matcher.layouts().next().unwrap().source_classes);
            assert!(kept < 2 * few, "round {round}: {kept} labels of sources, and {few} where nothing came before");
            for connection in Workload::generate(&now, round.into(), 2000).connections() {
                let wanted = Decision::from(now.evaluate(connection, assume).verdict);
                let said = [snapshot.matcher(), &anew].map(|matcher| matcher.decide(connection));
                assert_eq!(said, [Some(wanted); 2], "round {round}: {}", connection.display(&now));
            }
        }
    }
    assert!(anew.is_empty(), "{anew:?}");
}
