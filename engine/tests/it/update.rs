//! A policy that is changed in small steps decides as one that is compiled anew, and as the reference evaluator.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use seglab_engine::{
    Applied, Decision, Limits, LiveMatcher, LiveRule, Matcher, Recompiled, Update, UpdateError, Workload,
};
use seglab_policy::arbitrary::{connection_of, design_of};
use seglab_policy::{
    Action, Address, AddressSet, Assume, Connection, Covers, Design, Family, Order, Peer, Rule, Selector, TierId,
    UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Draws updates of a design as it is.
struct Drawer {
    random: Xoshiro256PlusPlus,
}

impl Drawer {
    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { all.get(self.random.random_range(0..all.len())).cloned() }
    }

    fn peer(&mut self, design: &Design, mine: &Peer) -> Peer {
        let peers: Vec<Peer> = design.rules().flat_map(|(_, rule)| [rule.from.clone(), rule.to.clone()]).collect();
        let label = |drawer: &mut Self| {
            let units: Vec<_> = design.units().iter().filter(|unit| !unit.labels.is_empty()).collect();
            let unit = drawer.pick(&units)?;
            let labels: Vec<_> = unit.labels.iter().collect();
            drawer.pick(&labels).map(|(key, value)| Selector::label(key, value))
        };
        match self.random.random_range(0..10u8) {
            0..4 => self.pick(&peers).unwrap_or(Peer::Anyone),
            4 => Peer::Anyone,
            5 | 6 => label(self).map_or(Peer::Anyone, Peer::Units),
            7 => label(self).map_or(Peer::Anyone, |one| Peer::Units(Selector::Not(Box::new(one)))),
            8 => {
                let first = Ipv4Addr::from_bits(0x0A00_0000 + self.random.random_range(0..16u32));
                let last = Ipv4Addr::from_bits(first.to_bits() + self.random.random_range(0..8u32));
                let covers = if self.random.random() { Covers::All } else { Covers::External };
                Peer::Addresses { set: AddressSet::from_range(first.into(), last.into()), covers }
            }
            _ => mine.clone(),
        }
    }

    fn rule(&mut self, design: &Design, order: Order) -> Option<Rule> {
        let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
        let (mut rule, other) = (self.pick(&rules)?.clone(), self.pick(&rules)?);
        rule.from = self.peer(design, &rule.from.clone());
        rule.to = self.peer(design, &rule.to.clone());
        if self.random.random_bool(0.3) {
            rule.services.clone_from(&other.services);
        }
        if order == Order::AllowUnion {
            rule.action = Action::Allow;
        } else if self.random.random_bool(0.4) {
            rule.action = self.pick(&[Action::Allow, Action::Deny, Action::Pass])?;
        }
        rule.priority = self.random.random_range(-1..4);
        Some(rule)
    }

    fn update(&mut self, design: &Design, live: &LiveMatcher) -> Option<Update> {
        let rules = live.rules();
        let ids: Vec<TierId> = design.rules().map(|(id, _)| TierId { rulebook: id.rulebook, tier: id.tier }).collect();
        let tiers = (0u32..).zip(design.rulebooks()).flat_map(|(book, held)| {
            (0u32..).zip(&held.tiers).map(move |(tier, _)| TierId { rulebook: seglab_policy::RulebookId(book), tier })
        });
        let tiers: Vec<TierId> = tiers.collect();
        let order = |tier: TierId| design.rulebook(tier.rulebook).tiers[tier.tier as usize].order;
        match self.random.random_range(0..8u8) {
            0 | 1 => {
                let tier = self.pick(&tiers)?;
                Some(Update::Add { tier, rule: Box::new(self.rule(design, order(tier))?) })
            }
            2 => self.pick(&rules).map(Update::Remove),
            3 | 4 => {
                let at = self.random.random_range(0..rules.len().max(1));
                let (rule, tier) = (*rules.get(at)?, *ids.get(at)?);
                Some(Update::Change { rule, to: Box::new(self.rule(design, order(tier))?) })
            }
            5 | 6 => {
                let unit = UnitId(self.random.random_range(0..u32::try_from(design.units().len()).ok()?));
                let other = &design.units()[self.random.random_range(0..design.units().len())];
                let mut labels = design.unit(unit).labels.clone();
                let theirs: Vec<_> = other.labels.iter().collect();
                match self.pick(&theirs) {
                    Some((key, value)) => _ = labels.insert(key.clone(), value.clone()),
                    None => labels.clear(),
                }
                Some(Update::Relabel { unit, labels })
            }
            _ => {
                let unit = UnitId(self.random.random_range(0..u32::try_from(design.units().len()).ok()?));
                let interfaces = &design.unit(unit).interfaces;
                let at = self.random.random_range(0..interfaces.len());
                let step = self.random.random_range(0..24u32);
                let to: IpAddr = match interfaces[at].address.family() {
                    Family::V4 => Ipv4Addr::from_bits(0x0A00_0000 + step).into(),
                    Family::V6 => Ipv6Addr::from_bits((0xFD00 << 112) + u128::from(step)).into(),
                };
                Some(Update::Move { unit, interface: u16::try_from(at).ok()?, to })
            }
        }
    }
}

fn agree(live: &LiveMatcher, design: &Design, assume: Assume, limits: Limits, seed: u64, place: &str) {
    let snapshot = live.snapshot();
    let fresh = Matcher::compile(design, assume, limits).unwrap();
    let mut connections: Vec<Connection> = Workload::generate(design, seed, 60).connections().to_vec();
    connections.extend((0..20).map(|at| connection_of(design, seed * 31 + at)));
    let spaces: BTreeSet<&str> =
        design.units().iter().flat_map(|unit| &unit.interfaces).map(|one| one.space.as_str()).collect();
    for connection in &connections {
        let Some(said) = snapshot.matcher().decide(connection) else { continue };
        let wanted = Decision::from(design.evaluate(connection, assume).verdict);
        let print =
            || format!("{place}: {}\n{}", connection.display(design), seglab_policy::normal_form::write(design));
        assert_eq!(said, wanted, "{}", print());
        assert_eq!(fresh.decide(connection), Some(wanted), "{}", print());
    }
    // By address: what a table of addresses says, for addresses in and around everything that is spoken of.
    let workload = Workload::generate(design, seed + 7, 120);
    for space in spaces {
        let packets = workload.packets_v4(design, space);
        let mut decisions = [(); 2].map(|()| vec![Decision::Unknown; packets.len()]);
        for (matcher, decisions) in [snapshot.matcher(), &fresh].into_iter().zip(&mut decisions) {
            matcher.decide_batch_v4(matcher.space(space).unwrap(), &packets, decisions);
        }
        let [said, wanted] = decisions;
        for ((packet, said), wanted) in packets.iter().zip(said).zip(wanted) {
            let normal = || seglab_policy::normal_form::write(design);
            assert_eq!(said, wanted, "{place} in `{space}`: {packet:x?}\n{}", normal());
        }
    }
}

/// Chains of updates of random designs; `SEGLAB_CHAINS` asks for more of them.
#[test]
fn a_chain_of_updates_is_a_fresh_policy_after_every_step() {
    let chains: u64 = std::env::var("SEGLAB_CHAINS").map_or(300, |count| count.parse().unwrap());
    let (mut steps, mut reasons) = (BTreeMap::<&str, usize>::new(), BTreeMap::<Option<Recompiled>, usize>::new());
    for seed in 0..chains {
        let design = design_of(seed);
        let assumptions = crate::equivalence::every_assumption();
        let assume = assumptions[seed as usize * 5 % assumptions.len()];
        let limits = Limits::default();
        let live = LiveMatcher::new(&design, assume, limits).unwrap();
        // Where a point judges replies there are no tables to change; a few of those are enough.
        if live.snapshot().matcher().layouts().any(|layout| layout.form.is_err()) && seed % 8 > 0 {
            continue;
        }
        let mut drawer = Drawer { random: Xoshiro256PlusPlus::seed_from_u64(seed) };
        for step in 0..14 {
            let design = live.design().unwrap();
            // Mostly one update at a time, sometimes several at once.
            let count = if drawer.random.random_bool(0.2) { 3 } else { 1 };
            let updates: Vec<Update> = (0..count).filter_map(|_| drawer.update(&design, &live)).collect();
            let before = live.snapshot();
            let kinds = updates.iter().map(|update| match update {
                Update::Add { .. } => "add",
                Update::Remove(_) => "remove",
                Update::Change { .. } => "change",
                Update::Relabel { .. } => "relabel",
                Update::Move { .. } => "move",
            });
            let kinds: Vec<&str> = kinds.collect();
            match live.apply(&updates) {
                Ok(Applied { version, recompiled, .. }) => {
                    assert_eq!(version, before.version() + 1);
                    *reasons.entry(recompiled).or_default() += 1;
                    if recompiled.is_none() {
                        kinds.into_iter().for_each(|kind| *steps.entry(kind).or_default() += 1);
                    }
                }
                Err(UpdateError::Design(_) | UpdateError::Compile(_)) => break,
                // Nothing was changed.
                Err(_) => assert_eq!(live.snapshot().version(), before.version()),
            }
            let changed = live.design().unwrap();
            agree(&live, &changed, assume, limits, seed * 100 + step, &format!("seed {seed} step {step}: {updates:?}"));
        }
    }
    println!("{steps:?} {reasons:?}");
    let all: usize = reasons.values().sum();
    assert!(reasons.get(&None).copied().unwrap_or(0) * 3 > all, "{reasons:?}");
    assert!(steps.len() == 5 && steps.values().all(|&count| count > 20), "{steps:?}");
}

/// Whoever keeps a version goes on deciding by it, whatever comes after.
#[test]
fn versions_that_are_kept_stay_what_they_are() {
    for seed in 0..40 {
        let design = design_of(seed);
        let assume = Assume::business();
        let live = LiveMatcher::new(&design, assume, Limits::default()).unwrap();
        let mut drawer = Drawer { random: Xoshiro256PlusPlus::seed_from_u64(seed) };
        let mut kept = Vec::new();
        for _ in 0..8 {
            let design = live.design().unwrap();
            kept.push((live.snapshot(), design.clone()));
            let updates: Vec<Update> = drawer.update(&design, &live).into_iter().collect();
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
