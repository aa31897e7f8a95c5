//! What it takes to change one rule, one unit's labels or one address of a policy that decides meanwhile.
//!
//! `updates [UNITS [RULES …]]` compiles a generated company, makes updates of each kind one at a time, and shows the
//! percentiles of a call of `apply` by the clock, and how many of them were compiled anew. Then one thread decides batches
//! by address, without updates and with 10,000 a second, in turns: what is left of its rate. In the end the policy is held
//! to one that is compiled anew, and to the reference evaluator.

use seglab_benches::edits::Dice;
use seglab_benches::{Size, company};
use seglab_engine::{Decision, Limits, LiveMatcher, LiveRule, Matcher, PacketV4, Recompiled, Update, Workload};
use seglab_policy::{Action, Assume, Design, Labels, Peer, Rule, TierId, UnitId};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

/// Updates of each kind.
const UPDATES: usize = 2000;
/// Turns with and without updates, and how long one is. \[ms\]
const TURNS: usize = 8;
const TURN_MS: u128 = 250;
/// Packets of a workload, and of a batch.
const PACKETS: usize = 1 << 18;
const BATCH: usize = 1 << 10;

#[expect(clippy::print_stdout, clippy::expect_used, reason = "a tool that prints what it measures")]
fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).map(|word| word.parse().expect("numbers")).collect();
    let (units, rules) = numbers.split_first().map_or((40_000, &[][..]), |(units, rules)| (*units, rules));
    let rules = if rules.is_empty() { &[1000, 10_000, 100_000] } else { rules };
    println!("| rules | update | p50 µs | p99 | p99.9 | mean | taken back p50 | p99 | p99.9 | mean | compiled anew |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for &rules in rules {
        let design = company(Size { units, rules });
        let live = LiveMatcher::new(&design, Assume::business(), Limits::default()).expect("the design fits");
        let mut dice = Dice::new(1);
        let estate = Estate::new(&design, &live);
        for kind in KINDS {
            println!("| {rules} | {} |", row(&live, &estate, kind, &mut dice));
        }
        println!("| {rules} | {} |", batches(&live, &estate, &mut dice));
        println!("{}", readers(&live, &design, &estate, &mut dice));
        check(&live);
    }
}

/// What is done to the rules and the units. A rule that came is taken away again, so that rules go, too.
const KINDS: [&str; 6] = ["rule come", "services", "action", "peer", "anyone", "relabel"];
/// How often everything may be compiled anew before the next kind's turn comes.
const ANEW_MAX: usize = 8;

/// The rules and units that updates are drawn from.
struct Estate {
    rules: Vec<(LiveRule, TierId, Rule)>,
    units: Vec<Labels>,
}

impl Estate {
    fn new(design: &Design, live: &LiveMatcher) -> Self {
        let tier = |id: seglab_policy::RuleId| TierId { rulebook: id.rulebook, tier: id.tier };
        let all = live.rules().into_iter().zip(design.rules()).map(|(live, (id, rule))| (live, tier(id), rule.clone()));
        // What every company has comes first; what changes every day is what apps ask for.
        let native = all.filter(|(_, tier, _)| tier.rulebook.0 == 0).skip(21);
        Self { rules: native.collect(), units: design.units().iter().map(|unit| unit.labels.clone()).collect() }
    }

    /// An update of a kind, and what takes it back; `None` where the dice found nothing to do it to.
    fn draw(&self, kind: &str, dice: &mut Dice) -> Option<(Update, Option<Update>)> {
        let mut some = || self.rules.get(dice.below(self.rules.len()));
        let ((rule, tier, held), (_, _, other), (_, _, third)) = (some()?, some()?, some()?);
        let change = |to: Rule| {
            let back = Update::Change { rule: *rule, to: Box::new(held.clone()) };
            Some((Update::Change { rule: *rule, to: Box::new(to) }, Some(back)))
        };
        let held = held.clone();
        match kind {
            "rule come" => {
                let rule = Box::new(Rule { to: third.to.clone(), ..other.clone() });
                Some((Update::Add { tier: *tier, rule }, None))
            }
            "services" => change(Rule { services: other.services.clone(), ..held }),
            "action" => {
                let action = if held.action == Action::Allow { Action::Deny } else { Action::Allow };
                change(Rule { action, ..held })
            }
            "peer" => change(Rule { from: other.from.clone(), ..held }),
            "anyone" => change(Rule { to: Peer::Anyone, ..held }),
            _ => {
                let at = dice.below(self.units.len());
                let (held, other) = (self.units.get(at)?, self.units.get(dice.below(self.units.len()))?);
                let key = *["app", "tier", "env"].get(dice.below(3))?;
                let theirs = other.get(key).filter(|_| held.contains_key(key))?;
                let mut labels = held.clone();
                labels.insert(key.to_owned(), theirs.clone());
                let unit = UnitId(u32::try_from(at).ok()?);
                Some((Update::Relabel { unit, labels }, Some(Update::Relabel { unit, labels: held.clone() })))
            }
        }
    }
}

/// Updates of one kind, one at a time. Each is taken back, so that the next one finds the policy as it was.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn row(live: &LiveMatcher, estate: &Estate, kind: &str, dice: &mut Dice) -> String {
    let mut times = [Vec::new(), Vec::new()];
    let mut anew: BTreeMap<Recompiled, usize> = BTreeMap::new();
    while times[0].len() < UPDATES && anew.values().sum::<usize>() < ANEW_MAX {
        let Some((update, back)) = estate.draw(kind, dice) else { continue };
        let mut applied = None;
        times[0].push(timed(|| applied = Some(live.apply(std::slice::from_ref(&update)).expect("it is possible"))));
        let applied = applied.expect("it was applied");
        applied.recompiled.into_iter().for_each(|why| *anew.entry(why).or_default() += 1);
        if let Some(back) = back.or_else(|| applied.added.first().map(|&rule| Update::Remove(rule))) {
            times[1].push(timed(|| drop(live.apply(&[back]).expect("what was done can be undone"))));
        }
    }
    let count: usize = anew.values().sum();
    let [there, back] = times.map(|mut times| {
        times.sort_unstable();
        let at = |per_mille: usize| times.get(times.len() * per_mille / 1000).copied().unwrap_or(0) as f64 / 1e3;
        let mean = times.iter().sum::<u128>() as f64 / times.len().max(1) as f64 / 1e3;
        format!("{:.1} | {:.1} | {:.0} | {mean:.1}", at(500), at(990), at(999))
    });
    format!("{kind} | {there} | {back} | {count} of {} {anew:?}", UPDATES)
}

/// Relabels that are made a thousand at a time.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn batches(live: &LiveMatcher, estate: &Estate, dice: &mut Dice) -> String {
    let mut times = Vec::new();
    let mut anew = 0;
    for _ in 0..8 {
        let mut updates = Vec::new();
        let mut backs = Vec::new();
        while updates.len() < 1000 {
            let Some((update, back)) = estate.draw("relabel", dice) else { continue };
            updates.push(update);
            backs.extend(back);
        }
        backs.reverse();
        for updates in [updates, backs] {
            times.push(timed(|| {
                anew += usize::from(live.apply(&updates).expect("labels can change").recompiled.is_some());
            }));
        }
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or(0) as f64 / 1e6;
    format!("relabel, 1,000 at a time | {median:.2} each | | | | | | | | {anew} of 16")
}

/// The rate of a reader without updates and with 10,000 a second, in turns.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn readers(live: &LiveMatcher, design: &Design, estate: &Estate, dice: &mut Dice) -> String {
    let packets = Workload::uniform(design, 1, PACKETS).packets_v4(design, "default");
    let (stop, is_writing) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut rates = [Vec::new(), Vec::new()];
    let made = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(live, estate, &mut dice.clone(), &stop, &is_writing));
        for turn in 0..2 * TURNS {
            is_writing.store(turn % 2 == 1, Ordering::Relaxed);
            rates.get_mut(turn % 2).expect("two kinds of turns").push(rate(live, &packets));
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("updates are possible")
    });
    let [alone, beside] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(0.0)
    });
    let a_second = made as f64 * 1e3 / (TURNS as f64 * TURN_MS as f64);
    format!(
        "\nA reader by address: {alone:.1} M/s alone, {beside:.1} M/s beside {a_second:.0} updates a second: {:.1} % less.\n",
        100.0 * (1.0 - beside / alone)
    )
}

/// Makes an update every 100 µs while asked to; returns how many.
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn write(live: &LiveMatcher, estate: &Estate, dice: &mut Dice, stop: &AtomicBool, is_writing: &AtomicBool) -> usize {
    let mut made = 0;
    let mut backs: Vec<Update> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        if !is_writing.load(Ordering::Relaxed) {
            std::thread::yield_now();
            continue;
        }
        let start = std::time::Instant::now();
        let update = match backs.pop() {
            Some(back) => back,
            None => {
                let kind = KINDS.get(dice.below(4)).copied().unwrap_or("services");
                let Some((update, back)) = estate.draw(kind, dice) else { continue };
                backs.extend(back);
                update
            }
        };
        made += usize::from(live.apply(&[update]).is_ok_and(|applied| {
            backs.extend(applied.added.first().map(|&rule| Update::Remove(rule)));
            true
        }));
        while start.elapsed().as_micros() < 100 {
            std::hint::spin_loop();
        }
    }
    backs.into_iter().for_each(|back| drop(live.apply(&[back])));
    made
}

/// What a reader decides in a turn, a snapshot for each batch. \[M/s\]
#[allow(clippy::disallowed_types, reason = "benches measure time")]
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn rate(live: &LiveMatcher, packets: &[PacketV4]) -> f64 {
    let mut decisions = vec![Decision::Unknown; BATCH];
    let start = std::time::Instant::now();
    let mut decided = 0usize;
    while start.elapsed().as_millis() < TURN_MS {
        for batch in packets.chunks(BATCH) {
            let snapshot = live.snapshot();
            let space = snapshot.matcher().space("default").expect("generated units stand in it");
            snapshot.matcher().decide_batch_v4(space, black_box(batch), &mut decisions);
            decided += batch.len();
        }
    }
    decided as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// Holds the policy after all updates to one that is compiled anew, and to the reference evaluator.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn check(live: &LiveMatcher) {
    let design = live.design().expect("it holds together");
    let (assume, snapshot) = (Assume::business(), live.snapshot());
    let fresh = Matcher::compile(&design, assume, Limits::default()).expect("the design fits");
    let workload = Workload::generate(&design, 3, PACKETS);
    let packets = workload.packets_v4(&design, "default");
    let mut decisions = [vec![Decision::Unknown; packets.len()], vec![Decision::Unknown; packets.len()]];
    for (matcher, decisions) in [snapshot.matcher(), &fresh].into_iter().zip(&mut decisions) {
        matcher.decide_batch_v4(matcher.space("default").expect("units stand in it"), &packets, decisions);
    }
    let [said, wanted] = &decisions;
    assert_eq!(said, wanted, "changed in small steps and compiled anew are the same policy");
    for connection in workload.connections().iter().take(200) {
        if let Some(said) = snapshot.matcher().decide(connection) {
            assert_eq!(said, design.evaluate(connection, assume).verdict.into(), "{}", connection.display(&design));
        }
    }
}

/// Nanoseconds by the clock.
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn timed(work: impl FnOnce()) -> u128 {
    let start = std::time::Instant::now();
    work();
    start.elapsed().as_nanos()
}
