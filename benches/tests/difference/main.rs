//! The difference of two generated companies is what every pair of units says, asked one by one.
//!
//! Random designs have few units, so that rules about few and rules about many are hardly told apart in them. Here most
//! rules are exceptions from what is common to kinds of units, as in the designs that the difference is made for.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use seglab_benches::edits::{Dice, edited};
use seglab_benches::{Size, company};
use seglab_policy::{Assume, Design, Endpoint, Pivot, Trust, UnitId, View};
use seglab_verify::difference::{Block, Difference, Ends, State};
use seglab_verify::{Attack, HeaderSet, Verifier};
use std::collections::{BTreeMap, BTreeSet};

const SIZE: Size = Size { units: 250, rules: 100 };

/// A company before and after some of its rules were edited.
fn versions(seed: u64) -> (Design, Design) {
    let old = company(SIZE);
    let (mut new, mut dice) = (old.clone(), Dice::new(seed));
    for _ in 0..1 + seed * 4 {
        new = edited(&new, &mut dice).0;
    }
    (old, new)
}

/// The pairs of different units of a block.
fn pairs(block: &Block, difference: &Difference<'_>) -> Vec<(UnitId, UnitId)> {
    let (Ends::Units(from), Ends::Units(to)) = (&block.sources, &block.destinations) else { return Vec::new() };
    let unit = |at: &usize| difference.population().mates[*at].new.unwrap();
    let all = from.iter().flat_map(|from| to.iter().map(move |to| (unit(from), unit(to))));
    all.filter(|(from, to)| from != to).collect()
}

fn interfaces(design: &Design, unit: UnitId) -> Vec<Endpoint> {
    let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap();
    (0..count).map(|interface| Endpoint::Unit { unit, interface }).collect()
}

/// The headers that arrive at one unit from another, over any of their interfaces.
fn arriving(verifier: &mut Verifier<'_>, from: UnitId, to: UnitId, assume: Assume) -> HeaderSet {
    let design = verifier.design();
    let mut all = HeaderSet::empty();
    for source in interfaces(design, from) {
        for destination in interfaces(design, to) {
            let direct = verifier.direct(source, destination, assume);
            assert!(direct.unknown.is_empty() && direct.reply_blocked.is_empty(), "companies leave nothing in doubt");
            all = all.union(&direct.allowed);
        }
    }
    all
}

#[test]
fn direct_changes_are_those_of_every_pair() {
    let assume = Assume::attack(Trust::Intact);
    let mut changed = 0;
    for seed in 0..4 {
        let (old, new) = versions(seed);
        let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
        let mut found: BTreeMap<(UnitId, UnitId), [HeaderSet; 2]> = BTreeMap::new();
        for change in difference.direct(assume, View::Policy) {
            let which = match (change.was, change.is) {
                (State::Denied, State::Allowed) => 0,
                (State::Allowed, State::Denied) => 1,
                other => panic!("seed {seed}: {other:?}"),
            };
            for pair in pairs(&change.block, &difference) {
                let slot = &mut found.entry(pair).or_insert_with(|| [HeaderSet::empty(), HeaderSet::empty()])[which];
                assert!(slot.intersection(&change.headers).is_empty(), "seed {seed}: {pair:?} is in two blocks");
                *slot = slot.union(&change.headers);
            }
        }
        let (mut before, mut after) = (Verifier::new(&old), Verifier::new(&new));
        for from in old.unit_ids() {
            for to in old.unit_ids().filter(|to| *to != from) {
                let (was, is) = (arriving(&mut before, from, to, assume), arriving(&mut after, from, to, assume));
                let expected = [is.difference(&was), was.difference(&is)];
                let none = [HeaderSet::empty(), HeaderSet::empty()];
                changed += usize::from(expected != none);
                assert_eq!(found.remove(&(from, to)).unwrap_or(none), expected, "seed {seed}: {from:?} to {to:?}");
            }
        }
        assert!(found.is_empty(), "seed {seed}: {found:?}");
    }
    assert!(changed > 100, "{changed}");
}

#[test]
fn lateral_changes_are_those_of_every_closure() {
    let mut changed = 0;
    for seed in 0..6 {
        let (old, new) = versions(seed);
        let pivot = Pivot::ALL[usize::try_from(seed % 4).unwrap()];
        let attack = Attack { pivot, ..Attack::default() };
        let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
        let mut found: [BTreeSet<(UnitId, UnitId)>; 2] = Default::default();
        for change in difference.lateral(attack, None) {
            let which = match (change.was, change.is) {
                (State::Denied, State::Allowed) => 0,
                (State::Allowed, State::Denied) => 1,
                other => panic!("seed {seed}: {other:?}"),
            };
            for pair in pairs(&change.block, &difference) {
                assert!(found[which].insert(pair), "seed {seed}: {pair:?} is in two blocks");
            }
        }
        let (mut before, mut after) = (Verifier::new(&old), Verifier::new(&new));
        for unit in old.unit_ids() {
            let start = Endpoint::Unit { unit, interface: 0 };
            let [was, is] = [&mut before, &mut after]
                .map(|verifier| verifier.owned(start, attack, None).certainly.into_iter().collect::<BTreeSet<_>>());
            for (which, more, less) in [(0, &is, &was), (1, &was, &is)] {
                let expected: BTreeSet<UnitId> = more.difference(less).copied().collect();
                changed += expected.len();
                let of_unit: BTreeSet<UnitId> =
                    found[which].iter().filter(|(from, _)| *from == unit).map(|(_, to)| *to).collect();
                assert_eq!(of_unit, expected, "seed {seed}, {pivot}: from {unit:?}");
            }
        }
    }
    assert!(changed > 100, "{changed}");
}
