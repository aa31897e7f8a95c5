//! Controllers that are out and APIs that take so many changes a time: when points learn of what changes.

use seglab_policy::{
    Approval, Controller, Design, Destination, Draft, EnforcementPoint, Mode, MoveTimes, Movement, Operation, Place,
    Placement, PointKind, Provenance, Selector, Standing,
};
use seglab_sim::kernel::{Duration, Time};
use seglab_sim::models::{AttackerChoice, Campaign, CampaignError, Settings};

use crate::company::{everywhere, rulebook, run, unit};
use crate::releases::shop;

const HOUR: u64 = 3_600_000_000_000;

fn quiet(replicas: u32) -> Settings {
    Settings {
        replicas,
        horizon: Duration::from_hours(20),
        attacker: AttackerChoice::Nobody,
        flows_per_need: 0,
        ..Settings::default()
    }
}

/// Eight units that move at once, with a cloud point whose API takes two changes an hour.
fn burst(updates_per_second: Option<f64>) -> Design {
    let units = (1..=8u8).map(|number| unit(&format!("u{number}"), [10, 0, 0, number], &[])).collect();
    let operation = Operation { updates_per_second, ..Operation::default() };
    Design::new(Draft {
        name: "burst".to_owned(),
        units,
        rulebooks: vec![rulebook(Vec::new())],
        points: vec![EnforcementPoint { operation, ..everywhere(PointKind::Cloud, Mode::Enforce) }],
        movements: vec![Movement {
            units: Selector::Everything,
            times: MoveTimes::At(vec![HOUR, HOUR]),
            to: vec![Destination {
                addresses: Some(seglab_policy::AddressSet::from_net("10.9.0.0/24".parse().unwrap())),
                hosts: None,
                place: Place::default(),
            }],
            provenance: Provenance::default(),
        }],
        ..Draft::default()
    })
    .unwrap()
}

#[test]
fn a_burst_waits_for_the_api_and_instances_run_without_rules_meanwhile() {
    let design = burst(Some(2.0 / 3600.0));
    let settings = quiet(1);
    let campaign = Campaign::prepare(&[&design], &settings).unwrap();
    let mut known: Vec<u64> = campaign.moves(0, 0).unwrap().iter().map(|one| one.known[0].as_nanos()).collect();
    known.sort_unstable();
    let expected: Vec<u64> = (1..=16).map(|number| HOUR + number * HOUR / 2).collect();
    assert_eq!(known, expected, "one after the other, half an hour each");
    let missing = |at: u64| {
        let absences = campaign.absences(0, 0, Time::from_nanos(at)).unwrap();
        absences.iter().filter(|(.., standing)| *standing == Standing::Missing).count()
    };
    // Eight units with two moves each, of which the second counts; moves of a unit follow each other.
    assert_eq!([missing(HOUR - 1), missing(HOUR), missing(9 * HOUR)], [0, 8, 0]);
    assert!((1..8).contains(&missing(5 * HOUR)));
    // What a point does not stand at is none of its API's business.
    let mut elsewhere = burst(Some(2.0 / 3600.0)).to_draft();
    let last = Selector::Named("u8".to_owned());
    elsewhere.points[0].placement = Placement::Units(last.clone());
    elsewhere.movements[0].units = Selector::Not(Box::new(last));
    let elsewhere = Design::new(elsewhere).unwrap();
    let campaign = Campaign::prepare(&[&elsewhere], &settings).unwrap();
    assert!(campaign.moves(0, 0).unwrap().iter().all(|one| one.known[0] == one.at));
    let at_once = burst(None);
    let campaign = Campaign::prepare(&[&at_once], &settings).unwrap();
    assert!(campaign.moves(0, 0).unwrap().iter().all(|one| one.known[0] == one.at));
}

/// The shop's one release, its points learning from a controller that is out five hours of eight.
fn out(delay: u64) -> Design {
    let approval = Approval { reviewers: 1, review_mean_ns: 1, holds: true, provenance: Provenance::default() };
    let mut draft = shop(Some(approval), delay).to_draft();
    draft.controllers = vec![Controller {
        name: "hub".to_owned(),
        fails_every_ns: 3 * HOUR,
        repair_ns: 5 * HOUR,
        provenance: Provenance::default(),
    }];
    draft.points[0].controller = Some("hub".to_owned());
    Design::new(draft).unwrap()
}

fn held_up(design: &Design) -> f64 {
    let result = run(&[design], &quiet(4_000));
    let all: u64 = result.designs[0].replicas.iter().map(|one| one.delays.unwrap().held_up_ns / 1_000_000).sum();
    all as f64 / 3.6e6 / 4_000.0
}

#[test]
fn points_learn_nothing_while_their_controller_is_out() {
    // Out with the chance 5/8 when the rules are approved, and for five hours more, cut off after ten.
    let expected = 5.0 / 8.0 * 5.0 * (1.0 - libm::exp(-2.0));
    let found = held_up(&out(0));
    // A standard deviation below 4 h: four standard errors are 0.25.
    assert!((found - expected).abs() < 0.25, "{found} for {expected}");
    assert!(held_up(&out(HOUR)) > found + 0.4, "and the delay of a point comes on top");
    let mut named = out(0).to_draft();
    named.controllers[0].name = "another".to_owned();
    assert!(held_up(&Design::new(named).unwrap()) < 1e-3, "who does not learn from it does not care");
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |draft: Draft| {
        let design = Design::new(draft).unwrap();
        Campaign::prepare(&[&design], &quiet(1)).err()
    };
    let mut draft = out(0).to_draft();
    draft.controllers[0].fails_every_ns = 0;
    draft.controllers[0].repair_ns = 0;
    assert!(matches!(refused(draft), Some(CampaignError::Controller { .. })));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(refused(burst(Some(rate)).to_draft()), Some(CampaignError::Operation { .. })), "{rate}");
    }
    let mut draft = out(0).to_draft();
    draft.controllers.push(draft.controllers[0].clone());
    assert!(Design::new(draft).is_err(), "two controllers of one name");
}
