//! A live matcher decides by one policy at a time, and by the one that was published last.

use seglab_engine::{Decision, Limits, LiveMatcher, Matcher, Workload};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{Action, Assume, Design};
use std::sync::atomic::{AtomicBool, Ordering};

/// The design with its rules' actions exchanged, or with a rule taken away.
fn edited(design: &Design, at: usize) -> Option<Design> {
    let mut rulebooks = design.rulebooks().to_vec();
    let tiers: Vec<_> = rulebooks.iter_mut().flat_map(|book| &mut book.tiers).collect();
    let mut tiers: Vec<_> = tiers.into_iter().filter(|tier| !tier.rules.is_empty()).collect();
    let count = tiers.len();
    let tier = tiers.get_mut(at % count.max(1))?;
    let position = at / count % tier.rules.len();
    let rule = tier.rules.get_mut(position)?;
    match (at % 3, rule.action) {
        (0, _) => drop(tier.rules.remove(position)),
        (_, Action::Allow) => rule.action = Action::Deny,
        (_, _) => rule.action = Action::Allow,
    }
    design.with_rulebooks(rulebooks).ok()
}

fn decisions(matcher: &Matcher, workload: &Workload) -> Vec<Option<Decision>> {
    workload.connections().iter().map(|connection| matcher.decide(connection)).collect()
}

#[test]
fn what_was_published_last_decides_as_a_fresh_matcher_and_as_the_evaluator() {
    let assume = Assume::business();
    let mut changed = 0;
    for seed in 0..60 {
        let mut design = design_of(seed);
        let live = LiveMatcher::new(&design, assume, Limits::default()).unwrap();
        for step in 0..6 {
            let before = live.snapshot();
            let Some(next) = edited(&design, seed as usize * 7 + step) else { continue };
            let version = live.publish(&next).unwrap();
            let workload = Workload::generate(&next, seed, 60);
            let (now, old) = (live.snapshot(), decisions(before.matcher(), &workload));
            assert_eq!((now.version(), before.version()), (version, version - 1));
            let fresh = Matcher::compile(&next, assume, Limits::default()).unwrap();
            let said = decisions(now.matcher(), &workload);
            assert_eq!(said, decisions(&fresh, &workload));
            for ((connection, said), old) in workload.connections().iter().zip(said).zip(old) {
                if let Some(said) = said {
                    assert_eq!(said, Decision::from(next.evaluate(connection, assume).verdict), "seed {seed}");
                    // Whoever kept the policy from before is still told what that one said.
                    assert_eq!(
                        old.unwrap(),
                        Decision::from(design.evaluate(connection, assume).verdict),
                        "seed {seed}"
                    );
                    changed += usize::from(Some(said) != old);
                }
            }
            design = next;
        }
    }
    assert!(changed > 100, "{changed}");
}

#[test]
fn a_batch_is_decided_by_one_policy() {
    let assume = Assume::business();
    // Two policies, of which versions are odd and even.
    let (design, other, workload) = (0..)
        .find_map(|seed| {
            let design = design_of(seed);
            let other = edited(&design, 1)?;
            let workload = Workload::generate(&design, seed, 200);
            let both = [&design, &other].map(|one| Matcher::compile(one, assume, Limits::default()).unwrap());
            (decisions(&both[0], &workload) != decisions(&both[1], &workload)).then_some((design, other, workload))
        })
        .unwrap();
    let live = LiveMatcher::new(&design, assume, Limits::default()).unwrap();
    let wanted =
        [&other, &design].map(|one| decisions(&Matcher::compile(one, assume, Limits::default()).unwrap(), &workload));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let mut seen = [0usize; 2];
            while !done.load(Ordering::Relaxed) || seen[1] == 0 {
                let snapshot = live.snapshot();
                let odd = (snapshot.version() % 2) as usize;
                assert_eq!(decisions(snapshot.matcher(), &workload), wanted[odd]);
                seen[odd] += 1;
            }
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        for next in [&other, &design].into_iter().cycle().take(40) {
            live.publish(next).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(live.snapshot().version(), 41);
}
