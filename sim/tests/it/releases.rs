//! Releases whose policy waits for approval: the contract at every instant, and what it costs whom.

use std::collections::BTreeMap;

use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Action, Addition, Approval, Controller, Design, Draft, EnforcementPoint, Mode, Operation, Order, Peer, Pivot,
    PointKind, Provenance, Release, Rule, RulebookId, Selector, Service, Standing, Trust, UnitId,
};
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::kernel::{Duration, Time};
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, Delays, Search, Settings, TrafficMode};

use crate::company::{allow, bytes, everywhere, named, need, rulebook, run, sure_attacker, tcp, unit, vulnerability};
use crate::contracts::{OnPanic, Tally, attacked, cases, check_trace_on};
use crate::moves::{design_at, hosts_at, rehosted, standing_design};

const HOUR: u64 = 3_600_000_000_000;

/// A random design whose rules come and go with releases, as points learn of late; with units that move to other addresses
/// and hosts where `moves`.
pub(crate) fn released(seed: u64, moves: bool) -> Design {
    let mut draft = if moves { rehosted(seed) } else { attacked(seed) }.to_draft();
    draft.choices.clear();
    draft.rulebooks.iter_mut().for_each(|book| book.tiers.truncate(1));
    let mut objects = 0;
    for rule in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers).flat_map(|tier| &mut tier.rules) {
        rule.provenance.object = Some(format!("o{}", objects % 6));
        objects += 1;
    }
    let others = design_of(seed + 7_777);
    let written: Vec<&Rule> =
        others.rules().map(|(_, rule)| rule).filter(|rule| rule.action == Action::Allow).collect();
    let mut written = written.into_iter().cycle().cloned();
    let everything = allow(Peer::Anyone, Peer::Anyone, Service::Any);
    let books: Vec<RulebookId> = (0..).map(RulebookId).take(draft.rulebooks.len()).collect();
    for number in 0..4u64 {
        let adds = books.iter().filter_map(|id| {
            // Whatever goes on by a rule as wide as this ends when it is taken out again.
            let is_wide = number == 1 && seed % 4 < 2;
            let rule = if is_wide { everything.clone() } else { written.next()? };
            let provenance = Provenance { object: Some(format!("n{number}")), ..Provenance::default() };
            let rule = Rule { provenance, ..rule };
            Some(Addition { rulebook: *id, rule })
        });
        let adds: Vec<Addition> = adds.collect();
        let mut retires: Vec<String> = [seed + number, seed + 2 * number].map(|of| format!("o{}", of % 6)).to_vec();
        retires.retain(|object| objects > object[1..].parse::<usize>().unwrap());
        if number > 1 && !adds.is_empty() {
            retires.push(format!("n{}", number - 2));
        }
        draft.releases.push(Release {
            name: format!("release {number}"),
            // Two of them on one date.
            at_ns: (number / 2 + 1) * HOUR / 2,
            needs: Vec::new(),
            ends: Vec::new(),
            adds,
            retires,
            provenance: Provenance::default(),
        });
    }
    let approval = Approval {
        reviewers: 1,
        review_mean_ns: HOUR / 2,
        holds: seed.is_multiple_of(2),
        provenance: Provenance::default(),
    };
    draft.approval = (!seed.is_multiple_of(5)).then_some(approval);
    for (at, point) in (0u64..).zip(&mut draft.points) {
        point.operation.update_mean_ns = [0, 1, 4][((seed + at) % 3) as usize] * HOUR / 2;
        point.operation.updates_per_second = [None, Some(4.0 / 3600.0)][((seed / 2 + at) % 2) as usize];
        point.controller =
            [Some("hub".to_owned()), None, point.controller.take()][((seed / 3 + at) % 3) as usize].take();
    }
    let provenance = Provenance::default();
    draft.controllers =
        vec![Controller { name: "hub".to_owned(), fails_every_ns: 2 * HOUR, repair_ns: HOUR, provenance }];
    Design::new(draft).unwrap()
}

fn settings_of(seed: u64, trust: Trust) -> Settings {
    Settings {
        replicas: 1,
        seed,
        horizon: Duration::from_hours(6),
        pivot: Pivot::ALL[(seed / 3 % 4) as usize],
        trust,
        search: if seed.is_multiple_of(5) { Search::EveryService } else { Search::OneService },
        ..Settings::default()
    }
}

#[test]
fn every_connection_that_is_used_is_allowed_at_that_instant() {
    let (mut tally, mut different, mut stale) = (Tally::default(), 0, 0);
    for seed in 0..cases(100) {
        let design = released(seed, seed % 3 == 0);
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][(seed % 3) as usize];
        let campaign = Campaign::prepare(&[&design], &settings_of(seed, trust)).unwrap();
        let (replica, trace) = campaign.trace(0, 0).unwrap();
        assert_eq!(trace, campaign.trace(0, 0).unwrap().1, "seed {seed}: two runs differ");
        stale += replica.attempts.stale;
        let (moves, rollouts) = (campaign.moves(0, 0).unwrap(), campaign.rollouts(0, 0).unwrap());
        type Key = (usize, Vec<(seglab_policy::PointId, Option<UnitId>, Standing)>);
        let mut known: BTreeMap<Key, Design> = BTreeMap::new();
        let _where = OnPanic(|| format!("seed {seed}"));
        let hosts = |at, unit| hosts_at(&design, &moves, at, unit);
        check_trace_on((&design, &hosts), trust, &trace, &mut tally, |at, connection, assume, _| {
            let moved = moves.iter().flat_map(|one| one.known.iter().copied().chain([one.at]));
            let changed = rollouts.iter().flat_map(|one| one.added.iter().chain(&one.retired).copied());
            let past = moved.chain(changed).filter(|then| *then <= at).count();
            let absences = campaign.absences(0, 0, at).unwrap();
            let now = known
                .entry((past, absences.clone()))
                .or_insert_with(|| standing_design(&design_at(&design, &moves, &rollouts, at), &absences));
            let verdict = now.evaluate(connection, assume).verdict;
            different += u64::from(design.evaluate(connection, assume).verdict.is_allowed() != verdict.is_allowed());
            verdict
        });
    }
    let used = tally.used;
    assert!(used > 50 && different > 20 && stale > 2, "worth checking: {used} used, {different}, {stale} stale");
}

#[test]
fn no_result_hangs_on_the_order_of_simultaneous_events() {
    for seed in 0..cases(12) {
        let design = released(seed, true);
        let settings = Settings { replicas: 3, ..settings_of(seed, Trust::Intact) };
        let shuffled = Settings { shuffle_ties: true, ..settings.clone() };
        assert!(bytes(&run(&[&design], &settings)) == bytes(&run(&[&design], &shuffled)), "seed {seed}");
    }
}

/// Requests are taken in their order, each by a reviewer who is free, and policy follows.
#[test]
fn a_timeline_is_one_of_its_queue() {
    for seed in 0..cases(100) {
        let design = released(seed, false);
        let campaign = Campaign::prepare(&[&design], &settings_of(seed, Trust::Intact)).unwrap();
        let rollouts = campaign.rollouts(0, 0).unwrap();
        assert_eq!(rollouts.len(), design.releases().len());
        let dates: Vec<Time> = rollouts.iter().map(|one| one.date).collect();
        assert!(dates.is_sorted(), "seed {seed}: {dates:?}");
        for one in &rollouts {
            let release = &design.releases()[one.release];
            let held = design.approval().is_some_and(|approval| approval.holds) && !release.adds.is_empty();
            let carrying =
                |at: &usize| release.adds.iter().any(|added| added.rulebook == design.points()[*at].rulebook);
            let in_force = (0..design.points().len()).filter(carrying).map(|at| one.added[at]).max();
            assert!(one.approved >= one.date && one.live >= one.date, "seed {seed}: {one:?}");
            match in_force {
                Some(last) if held && one.approved < Time::MAX => assert_eq!(one.live, last, "seed {seed}"),
                _ if held => assert!(one.live >= one.approved, "seed {seed}"),
                _ => assert_eq!(one.live, one.date, "seed {seed}"),
            }
            assert!(one.retired.iter().all(|gone| *gone >= one.live), "seed {seed}: {one:?}");
        }
    }
}

/// A client that gets a new server on a date and leaves the old one.
pub(crate) fn shop(approval: Option<Approval>, delay: u64) -> Design {
    let object = |rule: Rule, name: &str| Rule {
        provenance: Provenance { object: Some(name.to_owned()), ..Provenance::default() },
        ..rule
    };
    let old = need(named("client"), named("old"), tcp(443), false);
    let operation = Operation { update_mean_ns: delay, ..Operation::default() };
    let mut server = unit("old", [10, 0, 0, 2], &[443]);
    server.vulnerabilities.push(vulnerability(443));
    server.criticality = 1;
    Design::new(Draft {
        name: "shop".to_owned(),
        units: vec![unit("client", [10, 0, 0, 1], &[]), server, unit("new", [10, 0, 0, 3], &[8443])],
        rulebooks: vec![rulebook(vec![object(allow(named("client"), named("old"), tcp(443)), "old way")])],
        points: vec![EnforcementPoint { operation, ..everywhere(PointKind::Host, Mode::Enforce) }],
        releases: vec![Release {
            name: "two".to_owned(),
            at_ns: 10 * HOUR,
            needs: vec![need(named("client"), named("new"), tcp(8443), false)],
            ends: vec![old.name()],
            adds: vec![Addition {
                rulebook: RulebookId(0),
                rule: object(allow(named("client"), named("new"), tcp(8443)), "new way"),
            }],
            retires: vec!["old way".to_owned()],
            provenance: Provenance::default(),
        }],
        needs: vec![old],
        approval,
        attackers: vec![sure_attacker(Selector::Named("client".to_owned()))],
        ..Draft::default()
    })
    .unwrap()
}

fn reviewed(holds: bool) -> Option<Approval> {
    Some(Approval { reviewers: 1, review_mean_ns: 5 * HOUR, holds, provenance: Provenance::default() })
}

struct Played {
    /// Of the flows of the old need and the new: tried, delivered, and denied for late policy, each in a replica.
    old: [f64; 3],
    new: [f64; 3],
    held_up: f64,
    outlived: f64,
}

/// The release is due after half of the time; each of the needs has ten flows in all of it.
fn play(design: &Design, traffic: TrafficMode) -> Played {
    let replicas = if traffic == TrafficMode::Sampled { 2_000 } else { 300 };
    let mut draft = design.to_draft();
    let sparse = seglab_policy::Arrivals::Even { rate_per_second: 1.0 / 7_200.0 };
    draft.needs.iter_mut().for_each(|need| need.arrivals = sparse);
    draft.releases[0].needs.iter_mut().for_each(|need| need.arrivals = sparse);
    let design = Design::new(draft).unwrap();
    let settings = Settings {
        replicas,
        horizon: Duration::from_hours(20),
        attacker: AttackerChoice::Nobody,
        flows_per_need: 10,
        traffic,
        ..Settings::default()
    };
    let result = run(&[&design], &settings);
    let of = |need: usize| {
        let flows = result.designs[0].needs[need].flows;
        assert_eq!(flows.delivered + flows.denied + flows.stale, flows.tried);
        [flows.tried, flows.delivered, flows.stale].map(|count| count as f64 / f64::from(replicas))
    };
    let mean = |of: fn(&Delays) -> u64| {
        let all: u64 = result.designs[0].replicas.iter().map(|replica| of(&replica.delays.unwrap()) / 1_000_000).sum();
        all as f64 / 3.6e6 / f64::from(replicas)
    };
    assert_eq!(result.designs[0].needs[1].release.as_deref(), Some("two"));
    Played { old: of(0), new: of(1), held_up: mean(|one| one.held_up_ns), outlived: mean(|one| one.outlived_ns) }
}

#[track_caller]
fn near(found: f64, expected: f64, error: f64) {
    assert!((found - expected).abs() < error, "{found} for {expected} ± {error}");
}

#[test]
fn needs_begin_and_end_on_the_date_where_nobody_has_to_approve() {
    for traffic in [TrafficMode::Sampled, TrafficMode::EveryRequest] {
        let played = play(&shop(None, 0), traffic);
        // Five flows of each in ten hours; four standard errors of 300 replicas are 0.5.
        for flows in [played.old, played.new] {
            near(flows[0], 5.0, 0.52);
            assert_eq!((flows[0], flows[2]), (flows[1], 0.0), "{traffic:?}: all of them arrive");
        }
        assert_eq!((played.held_up, played.outlived), (0.0, 0.0));
    }
}

#[test]
fn what_goes_ahead_breaks_until_its_rules_are_approved() {
    // A review of mean m = 5 h, cut off by what is left of the run, H = 10 h: m (1 - exp(-H/m)) on average.
    let waited = 5.0 * (1.0 - libm::exp(-2.0));
    for traffic in [TrafficMode::Sampled, TrafficMode::EveryRequest] {
        let played = play(&shop(reviewed(false), 0), traffic);
        let is_few = traffic == TrafficMode::EveryRequest;
        near(played.new[0], 5.0, if is_few { 0.52 } else { 0.2 });
        near(played.new[2], waited / 2.0, if is_few { 0.5 } else { 0.2 });
        assert_eq!(played.new[0], played.new[1] + played.new[2]);
        assert_eq!((played.old[0], played.held_up), (played.old[1], 0.0));
        // The removal is asked for at once, and waits for the one reviewer: a time of two reviews, Erlang.
        let both = 10.0 * (1.0 - libm::exp(-2.0)) - 10.0 * libm::exp(-2.0);
        near(played.outlived, both, if is_few { 0.8 } else { 0.32 });
    }
}

#[test]
fn what_is_held_up_breaks_nothing_and_waits() {
    let waited = 5.0 * (1.0 - libm::exp(-2.0));
    for traffic in [TrafficMode::Sampled, TrafficMode::EveryRequest] {
        let played = play(&shop(reviewed(true), 0), traffic);
        let is_few = traffic == TrafficMode::EveryRequest;
        near(played.held_up, waited, if is_few { 0.8 } else { 0.32 });
        // The old need stays until then, the new one has the rest.
        near(played.old[0], 5.0 + waited / 2.0, if is_few { 0.7 } else { 0.27 });
        near(played.new[0], 5.0 - waited / 2.0, if is_few { 0.7 } else { 0.27 });
        assert!(played.old[0] == played.old[1] && played.new[0] == played.new[1], "nothing breaks");
        assert!(played.outlived > 1.0);
    }
    // Points that learn late hold a release up, too: the mean of two exponential times, cut off.
    let late = play(&shop(reviewed(true), 5 * HOUR), TrafficMode::Sampled);
    near(late.held_up, 10.0 * (1.0 - libm::exp(-2.0)) - 10.0 * libm::exp(-2.0), 0.32);
    assert_eq!(late.new[2], 0.0);
}

#[test]
fn rules_that_no_need_is_left_for_serve_the_attacker() {
    let settings =
        Settings { replicas: 500, horizon: Duration::from_hours(20), flows_per_need: 0, ..Settings::default() };
    let play = |approval, from_start: bool| {
        let mut draft = shop(approval, 0).to_draft();
        if from_start {
            draft.releases[0].at_ns = 0;
        }
        let result = run(&[&Design::new(draft).unwrap()], &settings);
        let design = &result.designs[0];
        let fallen = design.first_critical.fates().iter().filter(|(_, fate)| *fate == Fate::Event).count();
        (fallen, design.attempts.stale)
    };
    assert_eq!(play(None, true), (0, 0), "the rule is gone before anybody comes");
    let (fallen, stale) = play(reviewed(false), true);
    assert!(fallen > 400 && stale >= fallen as u64, "{fallen} by {stale} attempts");
    let (fallen, stale) = play(None, false);
    assert!(fallen > 450 && stale == 0, "before the release the rule is as it should be: {fallen} {stale}");
}

#[test]
fn approvals_that_cannot_be_are_refused() {
    let with = |approval: Approval| {
        let design = shop(Some(approval), 0);
        Campaign::prepare(&[&design], &Settings::default()).err()
    };
    let fine = || reviewed(true).unwrap();
    assert_eq!(with(fine()), None);
    for approval in [Approval { reviewers: 0, ..fine() }, Approval { review_mean_ns: 0, ..fine() }] {
        assert!(matches!(with(approval), Some(CampaignError::Approval { .. })));
    }
    let mut draft = shop(None, 0).to_draft();
    draft.releases[0].retires.push("nothing".to_owned());
    draft.releases[0].ends.push("nothing".to_owned());
    assert_eq!(Design::new(draft).unwrap_err().len(), 2);
    let mut draft = shop(None, 0).to_draft();
    draft.rulebooks[0].tiers[0].order = Order::AllowUnion;
    draft.releases[0].adds[0].rule.action = Action::Deny;
    assert_eq!(Design::new(draft).unwrap_err().len(), 1);
    let mut draft = shop(None, 0).to_draft();
    draft.rulebooks[0].tiers.clear();
    assert_eq!(Design::new(draft).unwrap_err().len(), 2, "no tier for the rule, and no rule of the object");
}
