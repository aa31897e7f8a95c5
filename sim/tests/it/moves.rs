//! Units that move, and points that learn of it late: the contract at every instant, and what staleness breaks and gives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use seglab_policy::arbitrary::instant;
use seglab_policy::{
    Address, AddressSet, Covers, Design, Destination, Draft, EnforcementPoint, Family, Interface, Mode, MoveTimes,
    Movement, Operation, Peer, Pivot, Place, Placement, PointId, PointKind, Provenance, Rule, RulebookId, Selector,
    Standing, Trust, UnitId,
};
use seglab_sim::kernel::{Duration, Time};
use seglab_sim::models::{
    AttackerChoice, Campaign, CampaignError, Move, Rollout, Search, Settings, TraceAction, TraceEntry, TrafficMode,
};

use crate::company::{allow, everywhere, named, need, rulebook, run, sure_attacker, tcp, unit, vulnerability};
use crate::contracts::{OnPanic, Tally, attacked, cases, check_trace_on};

const MINUTE: u64 = 60_000_000_000;

fn address_of(design: &Design, unit: UnitId) -> Option<IpAddr> {
    match design.unit(unit).interfaces.as_slice() {
        [one] if !one.shared => match one.address {
            Address::Known(address) => Some(address),
            _ => None,
        },
        _ => None,
    }
}

/// A random design whose units have one address each, those of its rules first, and swap addresses and places all the time, with
/// points that learn of it late and have gaps.
pub(crate) fn restless(seed: u64) -> Design {
    let mut draft = attacked(seed).to_draft();
    draft.unmodelled.clear();
    let sets = draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| &tier.rules);
    let sets = sets.flat_map(|rule| [&rule.from, &rule.to]).filter_map(|peer| match peer {
        Peer::Addresses { set, covers: Covers::All } => Some(set),
        _ => None,
    });
    let ranges = sets.flat_map(|set| set.ranges().collect::<Vec<_>>());
    let named: BTreeSet<IpAddr> = ranges.flat_map(|(first, last)| [first, last]).filter(IpAddr::is_ipv4).collect();
    let further = (1..=250u8).map(|last| IpAddr::from([10, 88, 0, last]));
    let addresses: Vec<IpAddr> = named.into_iter().step_by(2).chain(further).collect();
    for (unit, address) in draft.units.iter_mut().zip(&addresses) {
        let place = unit.interfaces[0].place.clone();
        unit.interfaces = vec![Interface { place, ..Interface::new(Address::Known(*address)) }];
    }
    let own = addresses.iter().take(draft.units.len() + 2).map(|address| (*address, *address));
    let own = AddressSet::from_ranges(own);
    let place = |site: &str| Place { site: Some(site.to_owned()), zone: None, subnet: None };
    let to = [place("a"), place("b"), Place::default()];
    draft.movements.push(Movement {
        units: Selector::Everything,
        times: MoveTimes::Every(40 * MINUTE),
        to: to.map(|place| Destination { addresses: Some(own.clone()), hosts: None, place }).to_vec(),
        provenance: Provenance::default(),
    });
    for (at, point) in (0u64..).zip(&mut draft.points) {
        let on_units = matches!(point.placement, Placement::Units(_));
        point.operation = Operation {
            update_mean_ns: [0, 30, 240][((seed + at) % 3) as usize] * MINUTE,
            coverage: if on_units && seed.is_multiple_of(2) { 0.8 } else { 1.0 },
            ..Operation::default()
        };
    }
    Design::new(draft).unwrap()
}

/// The same where units also move between two hosts, which stay.
pub(crate) fn rehosted(seed: u64) -> Design {
    let mut draft = restless(seed).to_draft();
    let hosts: Vec<Selector> = draft.units.iter().take(2).map(|unit| Selector::Named(unit.name.clone())).collect();
    draft.units.iter_mut().take(2).for_each(|unit| unit.host = None);
    let movement = &mut draft.movements[0];
    movement.units = Selector::Not(Box::new(Selector::AnyOf(hosts.clone())));
    movement.to[0].hosts = Some(Selector::AnyOf(hosts.clone()));
    let place = Place::default();
    movement.to.push(Destination { addresses: None, hosts: Some(Selector::AnyOf(hosts)), place });
    Design::new(draft).unwrap()
}

/// What a unit runs on at an instant.
pub(crate) fn hosts_at(design: &Design, moves: &[Move], at: Time, unit: UnitId) -> Option<UnitId> {
    let last = moves.iter().rfind(|one| one.unit == unit && one.at <= at);
    last.map_or(design.host_of(unit), |one| one.host)
}

/// The design of an instant, worked out from the lists of moves and releases: units where they are, and rules as each point has
/// them.
pub(crate) fn design_at(design: &Design, moves: &[Move], rollouts: &[Rollout], at: Time) -> Design {
    let mut draft = design.to_draft();
    draft.releases.clear();
    for one in moves.iter().filter(|one| one.at <= at) {
        let held = &mut draft.units[one.unit.index()];
        held.interfaces = vec![one.interface.clone()];
        held.host = one.host.map(|host| design.unit(host).name.clone());
    }
    for id in 0..draft.points.len() {
        // Where the point believes each unit that has moved to be.
        let mut believed: BTreeMap<UnitId, IpAddr> = BTreeMap::new();
        for one in moves.iter().filter(|one| one.at <= at) {
            let latest = moves.iter().rfind(|other| other.unit == one.unit && other.known[id] <= at);
            if let Some(Address::Known(address)) = latest.map(|latest| latest.interface.address) {
                believed.insert(one.unit, address);
            }
        }
        let carried = design.points()[id].rulebook;
        let mut book = design.rulebook(carried).clone();
        for rollout in rollouts {
            let release = &design.releases()[rollout.release];
            if rollout.retired[id] <= at {
                for tier in &mut book.tiers {
                    let goes =
                        |rule: &Rule| rule.provenance.object.as_ref().is_some_and(|of| release.retires.contains(of));
                    tier.rules.retain(|rule| !goes(rule));
                }
            }
            if rollout.added[id] <= at {
                let added = release.adds.iter().filter(|added| added.rulebook == carried);
                book.tiers[0].rules.extend(added.map(|added| added.rule.clone()));
            }
        }
        for rule in book.tiers.iter_mut().flat_map(|tier| &mut tier.rules) {
            for peer in [&mut rule.from, &mut rule.to] {
                let Peer::Addresses { set, covers: Covers::All } = peer else { continue };
                let declared = |unit: &UnitId| address_of(design, *unit).unwrap();
                let known: BTreeSet<IpAddr> =
                    believed.iter().flat_map(|(unit, address)| [declared(unit), *address]).collect();
                let mut now = set.clone();
                for address in known.into_iter().filter(|address| !set.covers_family(Family::of(*address))) {
                    let holders: Vec<&UnitId> =
                        believed.iter().filter(|(_, of)| **of == address).map(|(unit, _)| unit).collect();
                    let is_meant = holders.into_iter().any(|unit| set.contains(declared(unit)));
                    let single = AddressSet::single(address);
                    now = if is_meant { now.union(&single) } else { now.difference(&single) };
                }
                *set = now;
            }
        }
        book.name = format!("rules of {id}");
        draft.points[id].rulebook = RulebookId(draft.rulebooks.len() as u32);
        draft.rulebooks.push(book);
    }
    Design::new(draft).unwrap()
}

#[test]
fn every_connection_that_is_used_is_allowed_at_that_instant() {
    check_traces(restless);
}

#[test]
fn so_is_every_one_of_units_that_move_between_hosts() {
    let (changed, fallen) = check_traces(rehosted);
    assert!(changed > 100 && fallen > 0, "worth checking: {changed} changes of hosts, {fallen} units that fell by one");
}

/// Plays random designs; how often units changed their hosts, and fell by coming to one.
fn check_traces(design_of: fn(u64) -> Design) -> (usize, usize) {
    let (mut tally, mut different, mut stale) = (Tally::default(), 0, 0);
    let (mut changed, mut fallen) = (0, 0);
    for seed in 0..cases(100) {
        let design = design_of(seed);
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][(seed % 3) as usize];
        let settings = Settings {
            replicas: 1,
            seed,
            horizon: Duration::from_hours(6),
            pivot: Pivot::ALL[(seed / 3 % 4) as usize],
            trust,
            search: if seed % 5 == 0 { Search::EveryService } else { Search::OneService },
            ..Settings::default()
        };
        let campaign = Campaign::prepare(&[&design], &settings).unwrap();
        let (replica, trace) = campaign.trace(0, 0).unwrap();
        assert_eq!(trace, campaign.trace(0, 0).unwrap().1, "seed {seed}: two runs differ");
        stale += replica.attempts.stale;
        let moves = campaign.moves(0, 0).unwrap();
        let before = |one: &Move| hosts_at(&design, &moves, Time::from_nanos(one.at.as_nanos() - 1), one.unit);
        changed += moves.iter().filter(|one| before(one) != one.host).count();
        let falls = |one: &&Move| {
            let fell = |entry: &TraceEntry| match entry.action {
                TraceAction::Taken { unit, by, .. } => unit == one.unit && by.is_some() && by == one.host,
                _ => false,
            };
            trace.iter().any(|entry| entry.at == one.at && fell(entry))
        };
        fallen += moves.iter().filter(falls).count();
        let mut known: BTreeMap<(Vec<Time>, Vec<_>), Design> = BTreeMap::new();
        let _where = OnPanic(|| format!("seed {seed}"));
        let hosts = |at, unit| hosts_at(&design, &moves, at, unit);
        check_trace_on((&design, &hosts), trust, &trace, &mut tally, |at, connection, assume, _| {
            let past = moves.iter().flat_map(|one| one.known.iter().copied().chain([one.at]));
            let past: Vec<Time> = past.filter(|then| *then <= at).collect();
            if past.is_empty() {
                // Nothing has moved, but gaps are there.
                let absences = campaign.absences(0, 0, at).unwrap();
                return standing_design(&design, &absences).evaluate(connection, assume).verdict;
            }
            let absences = campaign.absences(0, 0, at).unwrap();
            let now = known
                .entry((past, absences.clone()))
                .or_insert_with(|| standing_design(&design_at(&design, &moves, &[], at), &absences));
            let verdict = now.evaluate(connection, assume).verdict;
            different += u64::from(design.evaluate(connection, assume).verdict.is_allowed() != verdict.is_allowed());
            verdict
        });
    }
    let used = tally.used;
    assert!(used > 20 && different > 20 && stale > 0, "worth checking: {used} used, {different}, {stale} stale");
    (changed, fallen)
}

pub(crate) fn standing_design(design: &Design, absences: &[(PointId, Option<UnitId>, Standing)]) -> Design {
    let of = |point, unit| {
        let found = absences.iter().find(|(at, of, _)| (*at, *of) == (point, unit));
        found.map_or(Standing::InPlace, |(_, _, standing)| *standing)
    };
    instant(design, of).unwrap()
}

fn single(address: [u8; 4]) -> Peer {
    Peer::Addresses { set: AddressSet::single(std::net::Ipv4Addr::from(address).into()), covers: Covers::All }
}

fn range(text: &str) -> AddressSet {
    AddressSet::from_net(text.parse().unwrap())
}

/// A point of a kind at the server that learns of moves after ten hours on average.
fn late(kind: PointKind) -> EnforcementPoint {
    let operation = Operation { update_mean_ns: 600 * MINUTE, ..Operation::default() };
    let placement = Placement::Units(Selector::Named("server".to_owned()));
    EnforcementPoint { operation, placement, ..everywhere(kind, Mode::Enforce) }
}

fn moving(units: &str, addresses: &str) -> Movement {
    Movement {
        units: Selector::Named(units.to_owned()),
        times: MoveTimes::At(vec![0]),
        to: vec![Destination { addresses: Some(range(addresses)), hosts: None, place: Place::default() }],
        provenance: Provenance::default(),
    }
}

/// The share of a need's flows that arrive and that stale rules deny, where its server moves at the start.
fn shares(rules: Vec<seglab_policy::Rule>, point: EnforcementPoint, traffic: TrafficMode) -> [f64; 2] {
    let design = Design::new(Draft {
        name: "server moves".to_owned(),
        units: vec![unit("client", [10, 0, 0, 1], &[]), unit("server", [10, 0, 0, 2], &[443])],
        rulebooks: vec![rulebook(rules)],
        points: vec![point],
        movements: vec![moving("server", "10.9.0.0/24")],
        needs: vec![need(named("client"), named("server"), tcp(443), false)],
        ..Draft::default()
    })
    .unwrap();
    let settings = Settings {
        replicas: if traffic == TrafficMode::Sampled { 2_000 } else { 300 },
        horizon: Duration::from_hours(10),
        attacker: AttackerChoice::Nobody,
        flows_per_need: 10,
        traffic,
        ..Settings::default()
    };
    let mut settings = settings;
    if traffic == TrafficMode::EveryRequest {
        settings.horizon = Duration::from_minutes(60);
    }
    let flows = run(&[&design], &settings).designs[0].needs[0].flows;
    [flows.delivered, flows.stale].map(|count| count as f64 / flows.tried as f64)
}

#[test]
fn rules_by_address_go_stale_and_rules_by_label_do_not() {
    let by_address = || vec![allow(named("client"), single([10, 0, 0, 2]), tcp(443))];
    let by_label = vec![allow(named("client"), named("server"), tcp(443))];
    // It does not know yet at a time that is even in [0, H) with the chance m/H (1 - exp(-H/m)), where H = m.
    let expected = 1.0 - libm::exp(-1.0);
    let [delivered, stale] = shares(by_address(), late(PointKind::Host), TrafficMode::Sampled);
    // A replica is one draw of the delay: its share has a standard deviation below 0.4, and 2,000 an error of 0.009.
    assert!((stale - expected).abs() < 0.036 && (delivered + stale - 1.0).abs() < 1e-9, "{delivered} {stale}");
    let [delivered, stale] = shares(by_label, late(PointKind::Host), TrafficMode::Sampled);
    assert!(delivered == 1.0 && stale == 0.0, "a rule by label goes with the unit: {delivered} {stale}");
    let at_once = everywhere(PointKind::Host, Mode::Enforce);
    assert_eq!(shares(by_address(), at_once, TrafficMode::Sampled), [1.0, 0.0], "and so does one that is kept at once");
    // Of the first tenth of ten hours: 10 (1 - exp(-0.1)).
    let [_, stale] = shares(by_address(), late(PointKind::Host), TrafficMode::EveryRequest);
    assert!((stale - 10.0 * (1.0 - libm::exp(-0.1))).abs() < 0.06, "every request meets the same: {stale}");
}

#[test]
fn a_cloud_point_starts_after_the_instance() {
    // Nothing is allowed, and what gets through does so before the rules are there.
    let nothing = || Vec::new();
    let [delivered, stale] = shares(nothing(), late(PointKind::Cloud), TrafficMode::Sampled);
    assert!((delivered - (1.0 - libm::exp(-1.0))).abs() < 0.036 && stale == 0.0, "{delivered} {stale}");
    let [delivered, _] = shares(nothing(), late(PointKind::Agent), TrafficMode::Sampled);
    assert_eq!(delivered, 0.0, "an agent comes with its unit");
}

/// `web` may reach `db`, by its address. `web` leaves it, and `guest`, where the attacker is, may get it.
fn inherited(delay: u64) -> Design {
    let mut db = unit("db", [10, 0, 0, 3], &[5432]);
    db.vulnerabilities.push(vulnerability(5432));
    db.criticality = 1;
    let units = vec![unit("guest", [10, 0, 0, 1], &[]), unit("web", [10, 0, 0, 2], &[]), db];
    let operation = Operation { update_mean_ns: delay, ..Operation::default() };
    let later =
        |movement: Movement, minutes: u64| Movement { times: MoveTimes::At(vec![minutes * MINUTE]), ..movement };
    Design::new(Draft {
        name: "inherited".to_owned(),
        units,
        rulebooks: vec![rulebook(vec![allow(single([10, 0, 0, 2]), named("db"), tcp(5432))])],
        points: vec![EnforcementPoint { operation, ..everywhere(PointKind::Host, Mode::Enforce) }],
        movements: vec![later(moving("web", "10.9.0.0/24"), 1), later(moving("guest", "10.0.0.0/29"), 2)],
        attackers: vec![sure_attacker(Selector::Named("guest".to_owned()))],
        ..Draft::default()
    })
    .unwrap()
}

#[test]
fn who_gets_an_address_gets_its_rights_while_rules_are_stale() {
    let settings = Settings { replicas: 400, horizon: Duration::from_hours(48), ..Settings::default() };
    let taken = |delay: u64| {
        let result = run(&[&inherited(delay)], &settings);
        let design = &result.designs[0];
        (
            design
                .first_critical
                .fates()
                .iter()
                .filter(|(_, fate)| *fate == seglab_sim::kernel::statistics::Fate::Event)
                .count(),
            design.attempts.stale,
        )
    };
    assert_eq!(taken(0), (0, 0));
    let (taken, stale) = taken(10_000 * MINUTE);
    // Two of the eight addresses that may be drawn lead to that of `web`: itself, and the one before it, which is taken. Nearly
    // all guests that have it come to `db` in time.
    assert!((60..140).contains(&taken) && stale >= taken as u64, "{taken} {stale}");
}

/// A host, another that the attacker has, and a guest that comes to it after an hour; nothing is allowed.
#[test]
fn whoever_has_a_host_has_what_comes_to_it() {
    let mut guest = unit("guest", [10, 0, 0, 3], &[]);
    guest.host = Some("fine".to_owned());
    guest.criticality = 1;
    let hosted = |host: &str| Movement {
        times: MoveTimes::At(vec![60 * MINUTE]),
        to: vec![Destination {
            addresses: None,
            hosts: Some(Selector::Named(host.to_owned())),
            place: Place::default(),
        }],
        ..moving("guest", "10.9.0.0/24")
    };
    let design = |host: &str| {
        Design::new(Draft {
            name: "hosts".to_owned(),
            units: vec![unit("fine", [10, 0, 0, 1], &[]), unit("owned", [10, 0, 0, 2], &[]), guest.clone()],
            rulebooks: vec![rulebook(Vec::new())],
            points: vec![everywhere(PointKind::Host, Mode::Enforce)],
            movements: vec![hosted(host)],
            attackers: vec![sure_attacker(Selector::Named("owned".to_owned()))],
            ..Draft::default()
        })
        .unwrap()
    };
    let settings = Settings { replicas: 20, horizon: Duration::from_hours(2), ..Settings::default() };
    let result = run(&[&design("owned"), &design("fine")], &settings);
    for replica in &result.designs[0].replicas {
        assert_eq!(
            replica.first_critical().unwrap().at,
            Time::from_nanos(60 * MINUTE),
            "when it comes, and not before"
        );
    }
    assert!(result.designs[1].replicas.iter().all(|replica| replica.compromised() == 1), "elsewhere it is safe");
    let mut circle = design("fine").to_draft();
    circle.movements.push(Movement {
        to: vec![Destination {
            addresses: None,
            hosts: Some(Selector::Named("guest".to_owned())),
            place: Place::default(),
        }],
        ..moving("fine", "10.9.0.0/24")
    });
    let circle = Design::new(circle).unwrap();
    let refused = Campaign::prepare(&[&circle], &settings).err();
    assert!(matches!(refused, Some(CampaignError::Moves { .. })), "hosts that move onto each other: {refused:?}");
}

#[test]
fn moves_that_cannot_be_are_refused() {
    let with = |movement: Movement| {
        let mut draft = inherited(0).to_draft();
        draft.movements = vec![movement];
        let design = Design::new(draft).unwrap();
        Campaign::prepare(&[&design], &Settings::default()).err()
    };
    let fine = || moving("web", "10.9.0.0/24");
    assert_eq!(with(fine()), None);
    for movement in [
        Movement { times: MoveTimes::Every(0), ..fine() },
        Movement { times: MoveTimes::Every(1), ..fine() },
        Movement { to: Vec::new(), ..fine() },
        moving("web", "10.9.0.0/31"),
        moving("web", "fd00::/64"),
    ] {
        let refused = with(movement.clone());
        let is_refused = matches!(refused, Some(CampaignError::Moves { .. } | CampaignError::Changes { .. }));
        assert!(is_refused, "{movement:?}: {refused:?}");
    }
}
