//! The fewest rules and defaults that a verdict rests on, against every subset of them put to the reference evaluator.

use crate::build::{allow, app, design, draft, peer, rule, tcp, unit};
use seglab_policy::arbitrary::case_of;
use seglab_policy::{
    Action, Assume, Connection, Design, Endpoint, Header, Order, Peer, RuleId, RulebookId, Scope, Selector, Service,
    Tier, TierId, Transport, Verdict,
};
use seglab_verify::cores::{cores, removable, without};
use seglab_verify::smt::{Core, Limits, Part, Size};
use std::collections::BTreeSet;

/// What the reference evaluator says with each subset of the parts taken away: `None` is unknown.
fn verdicts(design: &Design, connection: &Connection, assume: Assume, parts: &[Part]) -> Vec<Option<bool>> {
    (0..1usize << parts.len())
        .map(|subset| {
            let taken = parts.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1).map(|(_, part)| *part);
            match without(design, &taken.collect()).unwrap().evaluate(connection, assume).verdict {
                Verdict::Allowed(_) => Some(true),
                Verdict::Denied(_) => Some(false),
                Verdict::Unknown(_) => None,
            }
        })
        .collect()
}

/// The size of the smallest subset whose absence turns the verdict, by trying them all.
fn least_against(verdicts: &[Option<bool>], allowed: bool) -> Option<u32> {
    let turning = (0..verdicts.len()).filter(|&subset| verdicts[subset] == Some(!allowed));
    turning.map(usize::count_ones).min()
}

/// True if the verdict stays whichever others are taken away.
fn is_enough(verdicts: &[Option<bool>], allowed: bool, kept: usize) -> bool {
    (0..verdicts.len()).filter(|taken| taken & kept == 0).all(|taken| verdicts[taken] == Some(allowed))
}

fn least_enough(verdicts: &[Option<bool>], allowed: bool) -> u32 {
    (0..verdicts.len()).filter(|&kept| is_enough(verdicts, allowed, kept)).map(usize::count_ones).min().unwrap()
}

fn mask(parts: &[Part], core: &Core) -> usize {
    core.parts.iter().map(|part| 1 << parts.iter().position(|known| known == part).unwrap()).sum()
}

/// The design with no more rules than can be tried in every combination.
fn few_rules(design: &Design, seed: u64) -> Design {
    let rules: Vec<Part> = design.rules().map(|(id, _)| Part::Rule(id)).collect();
    let defaults = removable(design, false).len() - rules.len();
    let most = 10usize.saturating_sub(defaults);
    let surplus = rules.len().saturating_sub(most);
    let first = usize::try_from(seed).unwrap() % rules.len().max(1);
    let taken: BTreeSet<Part> = rules.iter().cycle().skip(first).take(surplus).copied().collect();
    without(design, &taken).unwrap()
}

#[test]
fn are_the_smallest_of_all_subsets() {
    let cases = if cfg!(debug_assertions) { 400 } else { 4000 };
    let (mut denied, mut sizes, mut none) = (0, [0; 4], 0);
    for seed in 0..cases {
        let case = case_of(seed);
        let (connection, assume) = (case.connection, case.assume);
        let design = few_rules(&case.design, seed);
        let Some(found) = cores(&design, &connection, assume, Limits::default()).unwrap() else { continue };
        let parts: Vec<Part> = removable(&design, found.allowed).into_iter().collect();
        if parts.len() > 11 {
            continue;
        }
        let verdicts = verdicts(&design, &connection, assume, &parts);
        let shown = connection.display(&design).to_string();
        assert_eq!(verdicts[0], Some(found.allowed), "seed {seed}: {shown}");
        assert_eq!(found.enough.size, Size::Least);
        assert!(is_enough(&verdicts, found.allowed, mask(&parts, &found.enough)), "seed {seed}: {shown}, {found:?}");
        let enough = u32::try_from(found.enough.parts.len()).unwrap();
        assert_eq!(enough, least_enough(&verdicts, found.allowed), "seed {seed}: {shown}, {found:?}");
        let least = least_against(&verdicts, found.allowed);
        assert_eq!(
            found.against.as_ref().map(|core| core.parts.len() as u32),
            least,
            "seed {seed}: {shown}, {found:?}"
        );
        if let Some(against) = &found.against {
            assert_eq!(against.size, Size::Least);
            assert_eq!(verdicts[mask(&parts, against)], Some(!found.allowed), "seed {seed}: {shown}, {found:?}");
        }
        denied += usize::from(!found.allowed);
        none += usize::from(found.against.is_none());
        for core in [Some(&found.enough), found.against.as_ref()].into_iter().flatten() {
            sizes[core.parts.len().min(3)] += 1;
        }
    }
    assert!(denied > 30 && none > 5, "{denied} denied, {none} that nothing turns");
    assert!(sizes[1] > 50 && sizes[2] > 10, "sizes {sizes:?}");
}

const RULEBOOK: RulebookId = RulebookId(0);

fn at(tier: u32, rule: u32) -> Part {
    Part::Rule(RuleId { rulebook: RULEBOOK, tier, rule })
}

/// What web -> db tcp/5432 rests on.
fn of(design: &Design, limits: Limits) -> seglab_verify::smt::Cores {
    let end = |name: &str| Endpoint::Unit { unit: design.unit_named(name).unwrap(), interface: 0 };
    let connection =
        Connection { source: end("web"), destination: end("db"), header: Header::to_port(Transport::Tcp, 5432) };
    cores(design, &connection, Assume::business(), limits).unwrap().unwrap()
}

fn two(rules: Vec<seglab_policy::Rule>) -> seglab_policy::Draft {
    draft(vec![unit("web", "10.0.0.1", &[]), unit("db", "10.0.0.2", &[5432])], rules)
}

#[test]
fn two_rules_that_allow_are_enough_each_and_both_have_to_go() {
    let anyone = rule(Action::Allow, Peer::Anyone, peer("db"), vec![tcp(5432)]);
    let other = allow("web", "db", 80);
    let found = of(&design(two(vec![other, allow("web", "db", 5432), anyone])), Limits::default());
    assert!(found.allowed);
    assert_eq!(found.enough.parts.len(), 1);
    assert_ne!(found.enough.parts, [at(0, 0)]);
    assert_eq!(found.against.unwrap().parts, [at(0, 1), at(0, 2)]);
}

#[test]
fn a_default_is_enough_to_deny_and_the_one_to_change() {
    let found = of(&design(two(vec![allow("web", "db", 80)])), Limits::default());
    let otherwise = Part::Otherwise(TierId { rulebook: RULEBOOK, tier: 0 });
    assert!(!found.allowed);
    assert_eq!(found.enough.parts, [otherwise]);
    assert_eq!(found.against.unwrap().parts, [otherwise]);
}

#[test]
fn denies_that_stand_in_each_others_way_have_to_go_together() {
    let deny =
        |from: Selector, to: Selector| rule(Action::Deny, Peer::Units(from), Peer::Units(to), vec![Service::Any]);
    let rules =
        vec![deny(app("web"), Selector::Everything), deny(Selector::Everything, app("db")), allow("web", "db", 5432)];
    let found = of(&design(two(rules)), Limits::default());
    assert!(!found.allowed);
    assert_eq!(found.enough.parts.len(), 1);
    assert_eq!(found.against.unwrap().parts, [at(0, 0), at(0, 1)]);
}

#[test]
fn a_pass_rule_counts_where_the_tier_after_it_allows() {
    let mut draft = two(vec![allow("web", "db", 5432)]);
    let first = Tier {
        name: "admin".to_owned(),
        order: Order::FirstMatch,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules: vec![rule(Action::Pass, peer("web"), peer("db"), vec![Service::Any])],
    };
    draft.rulebooks[0].tiers.insert(0, first);
    let found = of(&design(draft), Limits::default());
    assert!(found.allowed);
    assert_eq!(found.enough.parts, [at(0, 0), at(1, 0)]);
    assert_eq!(found.against.unwrap().parts.len(), 1);
}

#[test]
fn what_defaults_allow_rests_on_no_rule() {
    let mut draft = two(vec![allow("web", "db", 5432)]);
    draft.rulebooks[0].tiers[0].otherwise = Action::Allow;
    let found = of(&design(draft), Limits::default());
    assert!(found.enough.parts.is_empty());
    assert_eq!(found.against, None);
}

#[test]
fn a_search_that_is_cut_short_says_how_far_it_came() {
    let rules: Vec<_> = (0..40).map(|_| allow("web", "db", 5432)).collect();
    let design = design(two(rules));
    let all = of(&design, Limits::default());
    assert_eq!(all.against.as_ref().map(|core| (core.parts.len(), core.size.clone())), Some((40, Size::Least)));
    let cut_short = (1..200).map(|step| Limits { resources: step * 200, ..Limits::default() }).find_map(|limits| {
        let end = |name: &str| Endpoint::Unit { unit: design.unit_named(name).unwrap(), interface: 0 };
        let header = Header::to_port(Transport::Tcp, 5432);
        let connection = Connection { source: end("web"), destination: end("db"), header };
        let found = cores(&design, &connection, Assume::business(), limits).ok()??;
        matches!(found.enough.size, Size::AtLeast(..)).then_some(found)
    });
    let cut_short = cut_short.expect("some limit ends the search in between");
    assert!(cut_short.enough.parts.len() >= all.enough.parts.len());
}
