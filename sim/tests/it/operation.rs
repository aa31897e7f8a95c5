//! Enforcement points that are not everywhere, and not always at work: the contracts with them, and how often they are.

use std::collections::BTreeMap;

use seglab_policy::arbitrary::instant;
use seglab_policy::{
    Design, Directions, Draft, EnforcementPoint, FailureMode, Failures, Mode, Operation, Pivot, Placement, PointKind,
    Selector, Standing, Trust, UnitId,
};
use seglab_sim::kernel::{Duration, Time};
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, Search, Settings, TrafficMode};

use crate::company::{allow, everywhere, named, need, rulebook, run, tcp, unit};
use crate::contracts::{OnPanic, Passing, Tally, attacked, cases, check_trace, closure, headers, taken};

/// What is missing or closed, each where.
type Absences = Vec<(seglab_policy::PointId, Option<UnitId>, Standing)>;

/// The designs of instants of one replica, each made once.
struct Instants<'a> {
    design: &'a Design,
    known: BTreeMap<Absences, Design>,
}

impl Instants<'_> {
    fn with(&mut self, absences: Absences) -> &Design {
        let design = self.design;
        self.known.entry(absences).or_insert_with_key(|absences| {
            let of = |point, unit| {
                let found = absences.iter().find(|(at, of, _)| (*at, *of) == (point, unit));
                found.map_or(Standing::InPlace, |(_, _, standing)| *standing)
            };
            instant(design, of).unwrap()
        })
    }
}

/// A random design whose points have gaps, some of images and sites, and fail if `fail`.
fn unreliable(seed: u64, fail: bool) -> Design {
    let mut draft = attacked(seed).to_draft();
    for (at, unit) in draft.units.iter_mut().enumerate() {
        unit.image = [None, Some("a"), Some("b")][at % 3].map(str::to_owned);
    }
    for (at, point) in (0u64..).zip(&mut draft.points) {
        let mode = if (seed + at).is_multiple_of(2) { FailureMode::Open } else { FailureMode::Closed };
        let failures = Failures { mode, every_ns: 3_600_000_000_000, repair_ns: 2_400_000_000_000 };
        let on_links = !matches!(point.placement, Placement::Units(_));
        point.operation = Operation {
            coverage: if on_links { 1.0 } else { [0.2, 0.6, 1.0][((seed / 2 + at) % 3) as usize] },
            gaps_by_image: 0.3,
            gaps_by_site: 0.2,
            failures: (fail && (seed + at) % 4 < 3).then_some(failures),
            ..Operation::default()
        };
    }
    Design::new(draft).unwrap()
}

#[test]
fn every_connection_that_is_used_is_allowed_at_that_instant() {
    let (mut tally, mut different) = (Tally::default(), 0);
    for seed in 0..cases(100) {
        let design = unreliable(seed, true);
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][(seed % 3) as usize];
        let settings = Settings {
            replicas: 2,
            seed,
            horizon: Duration::from_hours(8),
            pivot: Pivot::ALL[(seed / 3 % 4) as usize],
            trust,
            search: if seed % 5 == 0 { Search::EveryService } else { Search::OneService },
            ..Settings::default()
        };
        let campaign = Campaign::prepare(&[&design], &settings).unwrap();
        for replica in 0..2 {
            let (_, trace) = campaign.trace(0, replica).unwrap();
            assert_eq!(trace, campaign.trace(0, replica).unwrap().1, "seed {seed}: two runs differ");
            let mut instants = Instants { design: &design, known: BTreeMap::new() };
            let _where = OnPanic(|| format!("seed {seed}, replica {replica}"));
            check_trace(&design, trust, &trace, &mut tally, |at, connection, assume, _| {
                let now = instants.with(campaign.absences(0, replica, at).unwrap());
                let verdict = now.evaluate(connection, assume).verdict;
                different +=
                    u64::from(design.evaluate(connection, assume).verdict.is_allowed() != verdict.is_allowed());
                verdict
            });
        }
    }
    let (used, denied) = (tally.used, tally.denied);
    assert!(used > 50 && denied > 300 && different > 100, "worth checking: {used} used, {denied} denied, {different}");
}

#[test]
fn an_exhaustive_attacker_owns_exactly_the_closure_of_what_is_in_place() {
    let (mut larger, mut as_large) = (0, 0);
    for seed in 0..cases(40) {
        let mut draft = unreliable(seed, false).to_draft();
        draft.attackers[0].exploit_mean_ns = 0;
        draft.monitor = None;
        let design = Design::new(draft).unwrap();
        let headers = headers(&design);
        for pivot in Pivot::ALL {
            let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][(seed % 3) as usize];
            let settings = Settings {
                replicas: 2,
                seed,
                horizon: Duration::from_secs(60 * u64::from(Settings::SCANNED_ADDRESSES_MIN)),
                pivot,
                trust,
                search: Search::EveryService,
                ..Settings::default()
            };
            let campaign = Campaign::prepare(&[&design], &settings).unwrap();
            for number in 0..settings.replicas {
                let (replica, trace) = campaign.trace(0, number).unwrap();
                let absences = campaign.absences(0, number, Time::START).unwrap();
                let mut instants = Instants { design: &design, known: BTreeMap::new() };
                let now = instants.with(absences);
                let start = design.unit_named(replica.foothold.as_deref().unwrap()).unwrap();
                let of = |design: &Design| {
                    let mut passing = Passing { design, headers: headers.clone(), known: BTreeMap::new() };
                    closure(&mut passing, start, pivot, trust)
                };
                let (owned, expected) = (taken(&trace), of(now));
                assert_eq!(owned, expected, "seed {seed}, replica {number}, from {start:?}, pivot {pivot}, {trust}");
                if expected.len() > of(&design).len() { larger += 1 } else { as_large += 1 }
            }
        }
    }
    assert!(larger > 5 && as_large > 20, "gaps matter, and not always: {larger}, {as_large}");
}

/// Forty units of four images at four sites, each image at each site, with an agent that has gaps.
fn fleet(operation: Operation) -> Design {
    let mut draft = Draft { name: "fleet".to_owned(), ..Draft::default() };
    for number in 0..40u8 {
        let mut held = unit(&format!("u{number:02}"), [10, 0, 0, number], &[]);
        held.image = Some(format!("image-{}", number / 10));
        held.interfaces[0].place.site = Some(format!("site-{}", number % 4));
        draft.units.push(held);
    }
    draft.rulebooks.push(rulebook(Vec::new()));
    draft.points.push(EnforcementPoint { operation, ..everywhere(PointKind::Agent, Mode::Enforce) });
    Design::new(draft).unwrap()
}

/// Of many replicas: the share of units with the agent, and of pairs of one image, of one site and of neither in which both
/// have it.
fn shares(operation: Operation) -> [f64; 4] {
    let design = fleet(operation);
    let replicas = 4_000;
    let settings = Settings { replicas, attacker: AttackerChoice::Nobody, ..Settings::default() };
    let campaign = Campaign::prepare(&[&design], &settings).unwrap();
    let (mut counts, mut all) = ([0u64; 4], [0u64; 4]);
    for replica in 0..replicas {
        let absences = campaign.absences(0, replica, Time::START).unwrap();
        let missing: Vec<UnitId> = absences.iter().filter_map(|(_, unit, _)| *unit).collect();
        let here = |number: u32| u64::from(missing.binary_search(&UnitId(number)).is_err());
        for one in 0..40 {
            counts[0] += here(one);
            all[0] += 1;
            for other in one + 1..40 {
                let kind = match (one / 10 == other / 10, one % 4 == other % 4) {
                    (true, false) => 1,
                    (false, true) => 2,
                    (false, false) => 3,
                    (true, true) => continue,
                };
                counts[kind] += here(one) * here(other);
                all[kind] += 1;
            }
        }
    }
    [0, 1, 2, 3].map(|kind| counts[kind] as f64 / all[kind] as f64)
}

#[test]
fn gaps_are_as_large_and_as_shared_as_they_are_said_to_be() {
    let a: f64 = 0.8;
    let operation = Operation { coverage: a, gaps_by_image: 0.5, gaps_by_site: 0.25, ..Operation::default() };
    let [one, image, site, neither] = shares(operation);
    // Both units of a pair pass one draw for what they share, and two for all else.
    let expected = [a, a * a / libm::pow(a, 0.5), a * a / libm::pow(a, 0.25), a * a];
    for (found, expected) in [one, image, site, neither].into_iter().zip(expected) {
        // Four images in 4,000 replicas have a standard error of about 0.003.
        assert!((found - expected).abs() < 0.01, "{found} for {expected}");
    }
    let [_, image, site, neither] = shares(Operation { gaps_by_image: 0.0, gaps_by_site: 0.0, ..operation });
    for found in [image, site, neither] {
        assert!((found - a * a).abs() < 0.01, "units on their own are missed on their own: {found}");
    }
}

#[test]
fn a_larger_coverage_opens_no_gap() {
    let settings = Settings { replicas: 20, attacker: AttackerChoice::Nobody, ..Settings::default() };
    let gaps = |coverage: f64| {
        let operation = Operation { coverage, gaps_by_image: 0.4, gaps_by_site: 0.3, ..Operation::default() };
        let design = fleet(operation);
        let campaign = Campaign::prepare(&[&design], &settings).unwrap();
        let of = |replica| campaign.absences(0, replica, Time::START).unwrap();
        (0..20).map(of).collect::<Vec<_>>()
    };
    let (small, large) = (gaps(0.7), gaps(0.9));
    let mut fewer = 0;
    for (small, large) in small.iter().zip(&large) {
        assert!(large.iter().all(|gap| small.contains(gap)));
        fewer += small.len() - large.len();
    }
    assert!(fewer > 20);
    assert!(gaps(1.0).iter().all(Vec::is_empty), "a point that is everywhere has none");
    assert!(gaps(0.0).iter().all(|gaps| gaps.len() == 40), "and one that is nowhere only gaps");
}

/// A client and a server with a host point that lets everything in, or nothing, and fails for a tenth of the time.
fn failing(mode: FailureMode, open: bool) -> Design {
    let rules = if open { vec![allow(named("client"), named("server"), tcp(443))] } else { Vec::new() };
    let failures = Failures { mode, every_ns: 5_400_000_000_000, repair_ns: 600_000_000_000 };
    let point = EnforcementPoint {
        directions: Directions::only(seglab_policy::Direction::Ingress),
        placement: Placement::Units(Selector::Named("server".to_owned())),
        operation: Operation { failures: Some(failures), ..Operation::default() },
        ..everywhere(PointKind::Host, Mode::Enforce)
    };
    Design::new(Draft {
        name: format!("{mode} {open}"),
        units: vec![unit("client", [10, 0, 0, 1], &[]), unit("server", [10, 0, 0, 2], &[443])],
        rulebooks: vec![rulebook(rules)],
        points: vec![point],
        needs: vec![need(named("client"), named("server"), tcp(443), false)],
        ..Draft::default()
    })
    .unwrap()
}

#[test]
fn what_fails_closed_breaks_needs_and_what_fails_open_lets_them_pass() {
    for traffic in [TrafficMode::Sampled, TrafficMode::EveryRequest] {
        for (mode, open, expected) in [
            (FailureMode::Closed, true, 0.9),
            (FailureMode::Open, true, 1.0),
            (FailureMode::Closed, false, 0.0),
            (FailureMode::Open, false, 0.1),
        ] {
            let every = traffic == TrafficMode::EveryRequest;
            let settings = Settings {
                replicas: if every { 400 } else { 4_000 },
                horizon: Duration::from_hours(if every { 1 } else { 24 }),
                attacker: AttackerChoice::Nobody,
                flows_per_need: 5,
                traffic,
                ..Settings::default()
            };
            let design = failing(mode, open);
            let flows = run(&[&design], &settings).designs[0].needs[0].flows;
            assert!(flows.delivered + flows.denied == flows.tried && flows.tried > 10_000);
            let share = flows.delivered as f64 / flows.tried as f64;
            // A replica of an hour is hardly more than one look: four standard errors of 400 are 0.06.
            let near = if every { 0.06 } else { 0.012 };
            let is_exact = expected == 0.0 || expected == 1.0;
            let off = (share - expected).abs();
            assert!(if is_exact { off == 0.0 } else { off < near }, "{mode} {open} {traffic:?}: {share}");
        }
    }
}

#[test]
fn points_that_cannot_run_so_are_refused() {
    let failures = Failures { mode: FailureMode::Open, every_ns: 1, repair_ns: 0 };
    for operation in [
        Operation { coverage: 1.1, ..Operation::default() },
        Operation { coverage: f64::NAN, ..Operation::default() },
        Operation { coverage: 0.5, gaps_by_image: 0.7, gaps_by_site: 0.4, ..Operation::default() },
        Operation { failures: Some(Failures { every_ns: 0, ..failures }), ..Operation::default() },
        Operation { failures: Some(failures), ..Operation::default() },
    ] {
        let design = fleet(operation);
        let settings = Settings { attacker: AttackerChoice::Nobody, ..Settings::default() };
        let refused = Campaign::prepare(&[&design], &settings).err();
        assert!(matches!(refused, Some(CampaignError::Operation { .. })), "{operation:?}: {refused:?}");
    }
}
