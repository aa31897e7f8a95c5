//! The fate of a connection under edits, against the reference evaluator on the edited design.

use super::super::candidates::{Candidates, Part};
use super::super::fate::Fates;
use super::super::formula::CandidateId;
use super::{Draws, designs};
use seglab_policy::arbitrary::{Case, case_of};
use seglab_policy::{Action, Design, Order, Reply, Scope, Selector, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// The same case with tiers that take units into scope one by one, and allow what rules allow.
fn isolating(case: Case) -> Case {
    let mut draft = case.design.to_draft();
    for (at, tier) in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers).enumerate() {
        let some = || if at % 2 == 0 { Vec::new() } else { vec![Selector::Exists("app".to_owned())] };
        tier.rules.retain(|rule| rule.action == Action::Allow);
        tier.order = Order::AllowUnion;
        tier.otherwise = Action::Deny;
        tier.scope = Scope::Units { egress: some(), ingress: some() };
    }
    draft.rulebooks.iter_mut().for_each(|book| book.default_allow = true);
    draft.unmodelled.clear();
    Case { design: Design::new(draft).unwrap(), ..case }
}

fn kind(candidates: &Candidates<'_>, id: CandidateId) -> &'static str {
    match &candidates.get(id).unwrap().part {
        Part::Remove(_) => "remove",
        Part::Restrict(..) => "restrict",
        Part::Add(_, rule, _) if rule.action == Action::Allow => "allow",
        Part::Add(..) => "deny",
        Part::Isolate(..) => "isolate",
    }
}

#[test]
fn a_connection_fares_as_the_formula_says() {
    // By kind of edit, how often one changed the verdict: a kind that never does is not tested.
    let mut decisive: BTreeMap<&str, u64> = BTreeMap::new();
    let mut unsayable = 0;
    let designs = designs("SEGLAB_DESIGNS", 1500);
    for seed in 0..designs {
        let case = case_of(seed);
        let case = if seed % 3 == 0 { isolating(case) } else { case };
        let mut candidates = Candidates::new(&case.design);
        let fate = Fates::default().of(&mut candidates, &case.connection, case.assume);
        let mut involved = fate.perhaps.candidates();
        involved.extend(fate.works.candidates());
        let involved: Vec<CandidateId> = involved.into_iter().collect();
        let mut draws = Draws(seed);
        let before = case.design.evaluate(&case.connection, case.assume).verdict;
        for _ in 0..8 {
            let mut choice = BTreeSet::new();
            for _ in 0..draws.below(4) {
                if !involved.is_empty() {
                    choice.insert(involved[draws.below(involved.len())]);
                }
            }
            let Ok(edited) = case.design.edited(&candidates.edits(&choice)) else {
                unsayable += 1;
                continue;
            };
            let verdict = edited.evaluate(&case.connection, case.assume).verdict;
            let stopped = matches!(verdict, Verdict::Denied(_));
            let works = matches!(verdict, Verdict::Allowed(Reply::None | Reply::Passes));
            let edits = candidates.edits(&choice);
            assert_eq!(fate.perhaps.holds(&choice), !stopped, "seed {seed}: {edits:?}\n{verdict:?}\n{case:?}");
            assert_eq!(fate.works.holds(&choice), works, "seed {seed}: {edits:?}\n{verdict:?}\n{case:?}");
            if let [one] = choice.iter().collect::<Vec<_>>()[..]
                && std::mem::discriminant(&verdict) != std::mem::discriminant(&before)
            {
                *decisive.entry(kind(&candidates, *one)).or_default() += 1;
            }
        }
    }
    for kind in ["remove", "restrict", "allow", "deny", "isolate"] {
        assert!(decisive.get(kind).is_some_and(|count| *count >= designs / 500), "{decisive:?}");
    }
    assert!(unsayable < designs, "{unsayable} choices that no rules say");
}
