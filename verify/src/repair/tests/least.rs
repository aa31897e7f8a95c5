//! Broken designs, repaired: everything holds, and nothing smaller would have done.

use super::super::candidates::{Candidates, Part};
use super::super::formula::CandidateId;
use super::super::{Effort, Finding, Optimality, connections_changed, repair};
use super::broken::{DIALECTS, broken};
use super::designs;
use crate::properties::{Report, Settings, Settled, verify};
use seglab_policy::Design;
use std::collections::{BTreeMap, BTreeSet};

/// Spaces of more candidates are not searched through for repairs of two edits.
const PAIRS_MAX: usize = 110;

fn all_hold(report: &Report) -> bool {
    report.properties.iter().chain(&report.needs).all(|outcome| outcome.verdict == Settled::Holds)
}

fn repairs(design: &Design, candidates: &Candidates<'_>, choice: &[CandidateId]) -> Option<Design> {
    let choice: BTreeSet<CandidateId> = choice.iter().copied().collect();
    let edited = design.edited(&candidates.edits(&choice)).ok()?;
    all_hold(&verify(&edited, &Settings::default()).unwrap()).then_some(edited)
}

/// A repair of one edit, if there is one: every single candidate, and every two restrictions of one rule.
fn singles(candidates: &Candidates<'_>) -> Vec<Vec<CandidateId>> {
    let mut found: Vec<Vec<CandidateId>> = candidates.ids().map(|id| vec![id]).collect();
    let mut of_rules: BTreeMap<_, Vec<CandidateId>> = BTreeMap::new();
    for id in candidates.ids() {
        if let Part::Restrict(rule, _) = candidates.get(id).unwrap().part {
            of_rules.entry(rule).or_default().push(id);
        }
    }
    for list in of_rules.values() {
        for (at, &one) in list.iter().enumerate() {
            found.extend(list[at + 1..].iter().map(|&other| vec![one, other]));
        }
    }
    found
}

#[test]
fn broken_designs_are_repaired_by_the_least_edit() {
    let settings = Settings::default();
    let wanted = designs("SEGLAB_REPAIRS", 60);
    // By dialect and number of edits, how many there were; and how many were searched through.
    let mut edits: BTreeMap<(String, usize), u64> = BTreeMap::new();
    let (mut exhaustive, mut rounds) = (0, Vec::new());
    for seed in 0..wanted {
        let (dialect, design) = broken(seed);
        let found = repair(&design, &settings, &Effort::default()).unwrap();
        let Finding::Repaired(repaired) = &found.finding else { panic!("seed {seed}: {found:?}\n{design:?}") };
        assert!(all_hold(&verify(&repaired.design, &settings).unwrap()), "seed {seed}");
        assert_eq!(design.edited(&repaired.edits).unwrap(), repaired.design, "seed {seed}");
        let Optimality::Least { exhausted, .. } = repaired.optimality else { panic!("seed {seed}: {found:?}") };
        let count = repaired.edits.len();
        *edits.entry((format!("{dialect:?}"), count)).or_default() += 1;
        rounds.push(found.spent.rounds);

        let mut candidates = Candidates::new(&design);
        candidates.write_down_all();
        let singles = singles(&candidates);
        if count == 1 {
            // The least of all that are one edit, by what they change.
            exhaustive += 1;
            let others = singles.iter().filter_map(|choice| repairs(&design, &candidates, choice));
            let least = others.map(|other| connections_changed(&design, &other, &settings)).min();
            // A rule under three restrictions may change fewer still.
            let least = least.unwrap_or(u64::MAX);
            assert!(!exhausted || repaired.connections <= least, "seed {seed}: {least} {:?}", repaired.edits);
            continue;
        }
        let smaller = singles.iter().find(|choice| repairs(&design, &candidates, choice).is_some());
        assert_eq!(smaller, None, "seed {seed}: one edit is enough: {repaired:?}");
        if count == 2 {
            exhaustive += 1;
        } else if candidates.len() <= PAIRS_MAX {
            exhaustive += 1;
            let ids: Vec<CandidateId> = candidates.ids().collect();
            for (at, &one) in ids.iter().enumerate() {
                for &other in &ids[at + 1..] {
                    assert!(repairs(&design, &candidates, &[one, other]).is_none(), "seed {seed}: two are enough");
                }
            }
        }
    }
    eprintln!("edits {edits:?}\nsearched through {exhaustive} of {wanted}; rounds at most {:?}", rounds.iter().max());
    for dialect in DIALECTS {
        let of = |(name, _): &(String, usize)| *name == format!("{dialect:?}");
        assert!(edits.keys().any(of), "no design of {dialect:?}");
    }
    assert!(exhaustive * 2 >= wanted, "{exhaustive} of {wanted} were searched through");
}
