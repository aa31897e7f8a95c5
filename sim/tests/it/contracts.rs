//! The simulator keeps the verifier's contract, on random designs:
//! - every connection that a simulated attacker uses is allowed by the reference evaluator in the state of that instant;
//! - on a static design without a defender, an exhaustive attacker who never fails owns exactly the closure.
//!
//! The closure is computed here, by the reference evaluator and the plainest loop; it shares no code with the simulator.
//! `SEGLAB_CASES` sets the number of designs.

use std::collections::{BTreeMap, BTreeSet};

use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Assume, Conduct, Connection, Defence, Design, Effort, Endpoint, Escalation, Exfiltration, Exploit, Header, Mode,
    Monitor, NeedsRoot, Patching, Pivot, Privilege, Provenance, Selector, Service, Side, Strategy, Tradecraft,
    Transport, Triage, Trust, UnitId, Verdict, WayIn,
};
use seglab_sim::kernel::{Duration, Time};
use seglab_sim::models::{Campaign, Detection, Passage, Probes, Search, Settings, TraceAction, TraceEntry};

use crate::company::sure_attacker;

pub(crate) fn cases(ordinary: u64) -> u64 {
    std::env::var("SEGLAB_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(ordinary)
}

/// The random design of a seed with an attacker who may start anywhere, and a monitor.
pub(crate) fn attacked(seed: u64) -> Design {
    let mut draft = design_of(seed).to_draft();
    draft.needs.clear();
    draft.attackers = vec![sure_attacker(Selector::Everything)];
    draft.attackers[0].exploit_mean_ns = 600_000_000_000;
    draft.monitor = Some(Monitor {
        denied_alert_probability: 0.0005,
        sensor_probability: 0.3,
        sensor_mean_ns: 7_200_000_000_000,
        response_mean_ns: 1_800_000_000_000,
        defence: Defence::default(),
        provenance: Provenance::default(),
    });
    Design::new(draft).unwrap()
}

/// The same with tradecraft, another strategy and another defence, whatever the seed says.
pub(crate) fn armed(seed: u64) -> Design {
    let mut draft = attacked(seed).to_draft();
    let bit = |at: u64| seed >> at & 1 == 1;
    let names: BTreeSet<String> =
        draft.units.iter().flat_map(|unit| &unit.vulnerabilities).map(|weak| weak.name.clone()).collect();
    let effort = Effort { mean_ns: Some(300_000_000_000), success_probability: 0.7, ..Effort::default() };
    draft.tradecraft = Tradecraft {
        exploits: names
            .into_iter()
            .zip(seed..)
            .map(|(vulnerability, number)| Exploit {
                vulnerability,
                gives: if number % 3 == 0 { Privilege::Root } else { Privilege::User },
                present_probability: if number % 5 == 0 { 0.6 } else { 1.0 },
                effort,
                provenance: Provenance::default(),
            })
            .collect(),
        escalations: vec![Escalation {
            name: "climb".to_owned(),
            on: Selector::Everything,
            present_probability: 0.8,
            effort,
            provenance: Provenance::default(),
        }],
        needs_root: NeedsRoot { credentials: bit(0), tampering: bit(1) },
        ..Tradecraft::default()
    };
    let critical = draft.units.iter().any(|unit| unit.criticality > 0);
    draft.attackers[0].strategy = match seed % 7 {
        0 => Strategy::RandomWalk,
        1 => Strategy::LowAndSlow,
        2 if critical => Strategy::Targeted,
        3 => Strategy::Insider,
        4 => Strategy::Ransomware { units: Some(6), after_ns: None },
        _ => Strategy::Worm,
    };
    // A unit is the controller of every other point, and another one of the rest.
    let names: Vec<String> = draft.units.iter().map(|unit| unit.name.clone()).collect();
    for (at, point) in draft.points.iter_mut().enumerate().filter(|_| bit(5)) {
        point.controller = names.get(at % 2).cloned();
    }
    draft.attackers[0].conduct = Conduct {
        way_in: [WayIn::Unit, WayIn::ExposedService, WayIn::SupplyChain][(seed / 2 % 3) as usize],
        takes_controllers: bit(5) && !draft.points.is_empty() && !names.is_empty(),
        exfiltration: critical.then_some(Exfiltration {
            protocol: Transport::Tcp,
            port: 443,
            mean_ns: 600_000_000_000,
        }),
    };
    if let Some(monitor) = &mut draft.monitor {
        let triage =
            Triage { analysts: 2, mean_ns: 600_000_000_000, missed_probability: 0.2, false_alarms_per_second: 1e-4 };
        monitor.defence = Defence {
            triage: bit(2).then_some(triage),
            spares_established: bit(3),
            patching: Some(Patching { probability: 0.3, mean_ns: 7_200_000_000_000 }),
            rotation_mean_ns: bit(4).then_some(3_600_000_000_000),
        };
    }
    Design::new(draft).unwrap()
}

/// What is known of the attack at one instant, from the trace alone.
#[derive(Default)]
struct Instant {
    foothold: Option<UnitId>,
    owned: BTreeSet<UnitId>,
    rooted: BTreeSet<UnitId>,
    quarantined: BTreeSet<UnitId>,
    /// For each pair, that an attempt between them worked.
    worked: BTreeSet<(UnitId, UnitId)>,
    /// Controllers of which the attacker has all.
    controllers: BTreeSet<UnitId>,
}

#[derive(Default)]
pub(crate) struct Tally {
    attempts: u64,
    pub(crate) denied: u64,
    pub(crate) used: u64,
    taken: u64,
    quarantined: u64,
    escalated: u64,
    encrypted: u64,
    controllers: u64,
    exfiltrated: u64,
    exposed: u64,
    updated: u64,
}

/// Says where it happened, if an assertion fails before it is dropped.
pub(crate) struct OnPanic<F: Fn() -> String>(pub(crate) F);

impl<F: Fn() -> String> Drop for OnPanic<F> {
    #[expect(clippy::print_stderr, reason = "a test has nobody else to tell")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", (self.0)());
        }
    }
}

/// What the evaluator says of a connection in the state of an instant, in which these controllers are the attacker's.
type Judge<'a> = dyn FnMut(Time, &Connection, Assume, &BTreeSet<UnitId>) -> Verdict + 'a;

/// The design without the points whose policy these units distribute.
fn without(design: &Design, controllers: &BTreeSet<UnitId>) -> Design {
    let mut draft = design.to_draft();
    let names: BTreeSet<&str> = controllers.iter().map(|unit| design.unit(*unit).name.as_str()).collect();
    for point in &mut draft.points {
        if point.controller.as_deref().is_some_and(|name| names.contains(name)) {
            point.mode = Mode::Off;
        }
    }
    Design::new(draft).unwrap()
}

/// What a unit runs on at an instant.
type Hosts<'a> = dyn Fn(Time, UnitId) -> Option<UnitId> + 'a;

fn check_entry(
    (design, hosts, judge): (&Design, &Hosts<'_>, &mut Judge<'_>),
    trust: Trust,
    entry: &TraceEntry,
    state: &mut Instant,
    tally: &mut Tally,
) {
    match entry.action {
        TraceAction::Attempt { by, connection, assume, passage, works, .. } => {
            assert!(state.owned.contains(&by) && !state.quarantined.contains(&by), "only owned units attempt anything");
            let owned = if connection.source.unit() == Some(by) { Side::Source } else { Side::Destination };
            // Where tampering takes all of a unit, an account on it leaves its agent as it is, and its guests' points.
            let voids = if design.tradecraft().needs_root.tampering { &state.rooted } else { &state.owned };
            let host_owned = hosts(entry.at, by).is_some_and(|host| voids.contains(&host));
            let trust = if trust == Trust::OwnAgentVoid && !voids.contains(&by) { Trust::Intact } else { trust };
            let instant = Assume { as_if_enforced: false, trust, owned: Some(owned), host_owned };
            assert_eq!(assume, instant);
            let verdict = judge(entry.at, &connection, instant, &state.controllers);
            assert_eq!(verdict.is_allowed(), passage.is_allowed(), "{verdict:?} {passage:?}");
            let other = [connection.source, connection.destination].into_iter().filter_map(Endpoint::unit);
            if works {
                assert!(passage.is_allowed());
                state.worked.extend(other.filter(|unit| *unit != by).map(|unit| (by, unit)));
                tally.used += 1;
            }
            tally.attempts += 1;
            tally.denied += u64::from(passage == Passage::Denied);
        }
        TraceAction::Taken { unit, by, gives } => {
            if let Some(by) = by {
                assert!(state.owned.contains(&by), "units are taken from owned ones");
                let runs_on = hosts(entry.at, unit) == Some(by);
                let spared = design.monitor().is_some_and(|monitor| monitor.defence.spares_established);
                let attacked = state.worked.contains(&(by, unit)) && (spared || !state.quarantined.contains(&by));
                assert!(runs_on || attacked, "and by an attempt that worked");
            } else {
                let first = state.foothold.map(|first| design.unit(first).image.as_ref());
                state.foothold.get_or_insert(unit);
                let with_an_update = design.attackers()[0].conduct.way_in == WayIn::SupplyChain
                    && entry.at == Time::START
                    && design.unit(unit).image.is_some();
                let alike = first == Some(design.unit(unit).image.as_ref());
                assert!(first.is_none() || with_an_update && alike, "there is one foothold, or one image");
                tally.updated += u64::from(first.is_some());
            }
            assert!(state.owned.insert(unit), "no unit is taken twice");
            state.rooted.extend((gives == Privilege::Root).then_some(unit));
            tally.taken += 1;
        }
        TraceAction::Escalated { unit } => {
            assert!(state.owned.contains(&unit) && state.rooted.insert(unit), "from an account to all of it, once");
            tally.escalated += 1;
        }
        TraceAction::FoundCredentials { unit } => {
            let needs_root = design.tradecraft().needs_root.credentials;
            assert!(if needs_root { &state.rooted } else { &state.owned }.contains(&unit));
        }
        TraceAction::Tampered { unit } => {
            let needs_root = design.tradecraft().needs_root.tampering;
            assert!(if needs_root { &state.rooted } else { &state.owned }.contains(&unit));
        }
        TraceAction::Entered { connection, .. } => {
            assert!(state.owned.is_empty());
            if let Some(connection) = connection {
                let instant = Assume { as_if_enforced: false, trust, owned: Some(Side::Source), host_owned: false };
                assert!(connection.source.unit().is_none());
                assert!(judge(entry.at, &connection, instant, &state.controllers).is_allowed());
                tally.exposed += 1;
            }
        }
        TraceAction::TookController { unit } => {
            assert!(state.rooted.contains(&unit) && state.controllers.insert(unit), "with all of it, once");
            tally.controllers += 1;
        }
        TraceAction::Exfiltrated { unit } => {
            assert!(state.rooted.contains(&unit) && !state.quarantined.contains(&unit));
            assert!(design.unit(unit).criticality > 0);
            tally.exfiltrated += 1;
        }
        TraceAction::Encrypted { unit } => {
            assert!(state.owned.contains(&unit) && !state.quarantined.contains(&unit));
            tally.encrypted += 1;
        }
        TraceAction::Alert { unit } => assert!(state.owned.contains(&unit)),
        TraceAction::Quarantined { unit } => {
            assert!(state.owned.contains(&unit) && state.quarantined.insert(unit));
            tally.quarantined += 1;
        }
    }
}

/// Holds a trace to what the evaluator says of every connection at its instant.
pub(crate) fn check_trace(
    design: &Design,
    trust: Trust,
    trace: &[TraceEntry],
    tally: &mut Tally,
    judge: impl FnMut(Time, &Connection, Assume, &BTreeSet<UnitId>) -> Verdict,
) {
    check_trace_on((design, &|_, unit| design.host_of(unit)), trust, trace, tally, judge);
}

/// The same where units move between hosts.
pub(crate) fn check_trace_on(
    (design, hosts): (&Design, &Hosts<'_>),
    trust: Trust,
    trace: &[TraceEntry],
    tally: &mut Tally,
    mut judge: impl FnMut(Time, &Connection, Assume, &BTreeSet<UnitId>) -> Verdict,
) {
    let mut state = Instant::default();
    for entry in trace {
        let _where = OnPanic(|| format!("{entry:?}"));
        check_entry((design, hosts, &mut judge), trust, entry, &mut state, tally);
    }
}

/// The units that a trace says were taken.
pub(crate) fn taken(trace: &[TraceEntry]) -> BTreeSet<UnitId> {
    let taken = trace.iter().filter_map(|entry| match entry.action {
        TraceAction::Taken { unit, .. } => Some(unit),
        _ => None,
    });
    taken.collect()
}

#[test]
fn every_connection_that_is_used_is_allowed_at_that_instant() {
    let tally = check_traces(attacked);
    assert!(tally.denied * 6 >= tally.attempts, "{} of {} denied", tally.denied, tally.attempts);
    assert!(
        tally.used > 50 && tally.quarantined > 50 && tally.taken > tally.quarantined,
        "the runs are worth checking"
    );
}

#[test]
fn so_is_every_one_by_tradecraft_and_strategy() {
    let tally = check_traces(armed);
    assert!(tally.denied * 6 >= tally.attempts, "{} of {} denied", tally.denied, tally.attempts);
    assert!(tally.used > 50 && tally.quarantined > 20, "the runs are worth checking");
    assert!(tally.escalated > 10 && tally.encrypted > 5, "{} {}", tally.escalated, tally.encrypted);
    let Tally { controllers, exfiltrated, exposed, updated, .. } = tally;
    assert!(controllers > 5 && exfiltrated > 5, "{controllers} {exfiltrated}");
    assert!(exposed > 5 && updated > 5, "{exposed} {updated}");
}

fn check_traces(design_of: fn(u64) -> Design) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..cases(150) {
        let design = design_of(seed);
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][(seed % 3) as usize];
        let settings = Settings {
            replicas: 3,
            seed,
            // Long runs are left to attempts that are allowed and lead nowhere: who is denied is soon quarantined.
            horizon: Duration::from_hours(8),
            pivot: Pivot::ALL[(seed / 3 % 4) as usize],
            trust,
            detection: Detection::Full,
            search: if seed % 5 == 0 { Search::EveryService } else { Search::OneService },
            probes: if seed / 4 % 2 == 0 { Probes::Thinned } else { Probes::Played },
            ..Settings::default()
        };
        let campaign = Campaign::prepare(&[&design], &settings).unwrap();
        for replica in 0..3 {
            let (_, trace) = campaign.trace(0, replica).unwrap();
            assert_eq!(trace, campaign.trace(0, replica).unwrap().1, "seed {seed}: two runs differ");
            let _where = OnPanic(|| format!("seed {seed}, replica {replica}"));
            let mut known: BTreeMap<BTreeSet<UnitId>, Design> = BTreeMap::new();
            check_trace(&design, trust, &trace, &mut tally, |_, connection, assume, controllers| {
                let now = known.entry(controllers.clone()).or_insert_with(|| without(&design, controllers));
                now.evaluate(connection, assume).verdict
            });
        }
    }
    tally
}

/// The headers that a test tries: all protocols, and every port that anything in the design names, or its neighbour.
pub(crate) fn headers(design: &Design) -> Vec<Header> {
    let mut ports = BTreeSet::from([1u16, 49152]);
    let mut sources = BTreeSet::from([49152u16]);
    let (mut kinds, mut numbers) = (BTreeSet::from([8u8, 77]), BTreeSet::from([50u8, 99]));
    let mut codes = BTreeSet::from([0u8, 77]);
    let around = |set: &mut BTreeSet<u16>, first: u16, last: u16| {
        set.extend([first.saturating_sub(1), first, last, last.saturating_add(1)]);
    };
    for (_, rule) in design.rules() {
        for service in &rule.services {
            match service {
                Service::Ports { ports: to, source_ports: from, .. } => {
                    to.ranges().iter().for_each(|range| around(&mut ports, range.0, range.1));
                    from.ranges().iter().for_each(|range| around(&mut sources, range.0, range.1));
                }
                Service::Icmp { kind, code, .. } => {
                    kinds.extend(*kind);
                    codes.extend(*code);
                }
                Service::Protocol(number) => {
                    numbers.insert(*number);
                }
                Service::Any | Service::NamedPort { .. } => {}
            }
        }
    }
    for unit in design.units() {
        unit.listeners.iter().for_each(|open| around(&mut ports, open.first, open.last));
        ports.extend(unit.vulnerabilities.iter().map(|weak| weak.port));
        ports.extend(unit.logins.iter().map(|login| login.port));
    }
    let mut headers = Vec::new();
    for protocol in Transport::ALL {
        for &destination_port in &ports {
            headers.extend(sources.iter().map(|&source_port| Header::Transport {
                protocol,
                source_port,
                destination_port,
            }));
        }
    }
    headers.extend(kinds.iter().flat_map(|&kind| codes.iter().map(move |&code| Header::Icmp { kind, code })));
    headers.extend(numbers.into_iter().map(Header::Other));
    headers
}

/// Which headers pass between two units, some interface of one to some of the other; asked of the evaluator once.
pub(crate) struct Passing<'a> {
    pub(crate) design: &'a Design,
    pub(crate) headers: Vec<Header>,
    pub(crate) known: BTreeMap<(UnitId, UnitId, Assume), BTreeSet<Header>>,
}

impl Passing<'_> {
    pub(crate) fn between(&mut self, source: UnitId, destination: UnitId, assume: Assume) -> &BTreeSet<Header> {
        let design = self.design;
        let ends = |unit: UnitId| {
            (0u16..).zip(&design.unit(unit).interfaces).map(move |(interface, _)| Endpoint::Unit { unit, interface })
        };
        self.known.entry((source, destination, assume)).or_insert_with(|| {
            let mut passing = BTreeSet::new();
            for (from, to) in ends(source).flat_map(|from| ends(destination).map(move |to| (from, to))) {
                for &header in &self.headers {
                    let connection = Connection { source: from, destination: to, header };
                    let path = design.missing_path(&connection).is_none();
                    if path && design.evaluate(&connection, assume).verdict.is_allowed() {
                        passing.insert(header);
                    }
                }
            }
            passing
        })
    }
}

/// True if the owner of `by` can own `unit` next.
fn falls(
    passing: &mut Passing<'_>,
    owned: &BTreeSet<UnitId>,
    by: UnitId,
    unit: UnitId,
    pivot: Pivot,
    trust: Trust,
) -> bool {
    let design = passing.design;
    let host_owned = design.host_of(by).is_some_and(|host| owned.contains(&host));
    let outward = Assume { host_owned, ..Assume::attack(trust) };
    let target = design.unit(unit);
    let held: BTreeSet<&String> = owned.iter().flat_map(|&unit| &design.unit(unit).credentials).collect();
    let fits = |header: &Header| {
        let Header::Transport { protocol, destination_port, .. } = *header else { return false };
        let weak = target.vulnerabilities.iter().any(|weak| (weak.protocol, weak.port) == (protocol, destination_port));
        let login = |login: &seglab_policy::Login| {
            (login.protocol, login.port) == (protocol, destination_port) && held.contains(&login.credential)
        };
        target.listens_to(*header) && (weak || target.logins.iter().any(login))
    };
    let found = passing.between(by, unit, outward);
    match pivot {
        Pivot::Any => !found.is_empty(),
        Pivot::Service => found.iter().any(|header| target.listens_to(*header)),
        Pivot::Exploitable => found.iter().any(fits),
        Pivot::EitherWay => {
            let inward = Assume { host_owned, ..Assume::attack_on_clients(trust) };
            !found.is_empty() || !passing.between(unit, by, inward).is_empty()
        }
    }
}

/// Everything that the owner of `start` can come to own.
pub(crate) fn closure(passing: &mut Passing<'_>, start: UnitId, pivot: Pivot, trust: Trust) -> BTreeSet<UnitId> {
    let design = passing.design;
    let mut owned = BTreeSet::from([start]);
    loop {
        let before = owned.len();
        let guests = design.unit_ids().filter(|&unit| design.host_of(unit).is_some_and(|host| owned.contains(&host)));
        let guests: Vec<UnitId> = guests.collect();
        owned.extend(guests);
        for unit in design.unit_ids() {
            let by: Vec<UnitId> = owned.iter().copied().collect();
            if !owned.contains(&unit) && by.into_iter().any(|by| falls(passing, &owned, by, unit, pivot, trust)) {
                owned.insert(unit);
            }
        }
        if owned.len() == before {
            return owned;
        }
    }
}

/// Whatever accounts exploits give first, and whatever needs more than that: where all of a unit can be had, it is had.
#[test]
fn so_does_one_who_escalates() {
    let mut larger = 0;
    for seed in 0..cases(300) {
        let mut draft = armed(seed).to_draft();
        draft.tradecraft.needs_root = NeedsRoot { credentials: true, tampering: true };
        draft.attackers[0].strategy = Strategy::Worm;
        draft.monitor = None;
        let sure = Effort { mean_ns: Some(0), ..Effort::default() };
        for exploit in &mut draft.tradecraft.exploits {
            (exploit.gives, exploit.present_probability, exploit.effort) = (Privilege::User, 1.0, sure);
        }
        for climb in &mut draft.tradecraft.escalations {
            (climb.present_probability, climb.effort) = (1.0, Effort { success_probability: 0.1, ..sure });
        }
        draft.attackers[0].conduct = Conduct::default();
        let design = Design::new(draft.clone()).unwrap();
        // Accounts alone lead no further than the closure, and less far where they are not enough.
        draft.tradecraft.escalations.clear();
        let accounts = Design::new(draft).unwrap();
        let mut passing = Passing { design: &design, headers: headers(&design), known: BTreeMap::new() };
        let settings = Settings {
            replicas: 1,
            seed,
            horizon: Duration::from_secs(60 * u64::from(Settings::SCANNED_ADDRESSES_MIN)),
            search: Search::EveryService,
            ..Settings::default()
        };
        let owned = |design: &Design| {
            let (replica, trace) = Campaign::prepare(&[design], &settings).unwrap().trace(0, 0).unwrap();
            let taken = trace.iter().filter_map(|entry| match entry.action {
                TraceAction::Taken { unit, .. } => Some(unit),
                _ => None,
            });
            (replica.foothold.unwrap(), taken.collect::<BTreeSet<UnitId>>())
        };
        let (foothold, whole) = owned(&design);
        let start = design.unit_named(&foothold).unwrap();
        assert_eq!(whole, closure(&mut passing, start, settings.pivot, settings.trust), "seed {seed}");
        let (_, part) = owned(&accounts);
        assert!(part.is_subset(&whole), "seed {seed}");
        larger += u32::from(part.len() < whole.len());
    }
    assert!(larger > 0, "it makes a difference somewhere");
}

#[test]
fn an_exhaustive_attacker_owns_exactly_the_closure() {
    let (mut attempts, mut denied) = (0, 0);
    let mut sizes = BTreeMap::<(Pivot, usize), u32>::new();
    for seed in 0..cases(60) {
        let mut draft = attacked(seed).to_draft();
        draft.attackers[0].exploit_mean_ns = 0;
        draft.monitor = None;
        let design = Design::new(draft).unwrap();
        let mut passing = Passing { design: &design, headers: headers(&design), known: BTreeMap::new() };
        for (pivot, trust) in Pivot::ALL
            .into_iter()
            .flat_map(|pivot| [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid].map(|trust| (pivot, trust)))
        {
            let settings = Settings {
                replicas: 2,
                seed,
                // Sixty visits between any two units on average: to miss one has a probability of 1e-26.
                horizon: Duration::from_secs(60 * u64::from(Settings::SCANNED_ADDRESSES_MIN)),
                pivot,
                trust,
                search: Search::EveryService,
                ..Settings::default()
            };
            let campaign = Campaign::prepare(&[&design], &settings).unwrap();
            for number in 0..settings.replicas {
                let (replica, trace) = campaign.trace(0, number).unwrap();
                let owned = taken(&trace);
                let start = design.unit_named(replica.foothold.as_deref().unwrap()).unwrap();
                let expected = closure(&mut passing, start, pivot, trust);
                assert_eq!(owned, expected, "seed {seed}, from {start:?}, pivot {pivot}, trust {trust}");
                attempts += replica.attempts.made;
                denied += replica.attempts.denied;
                *sizes.entry((pivot, owned.len())).or_default() += 1;
            }
        }
    }
    assert!(denied * 5 >= attempts, "{denied} of {attempts} denied");
    for pivot in Pivot::ALL {
        let of = |wanted: fn(usize) -> bool| {
            sizes.iter().filter(|((of, size), _)| *of == pivot && wanted(*size)).map(|(_, count)| count).sum::<u32>()
        };
        assert!(of(|size| size == 1) > 5 && of(|size| size > 1) > 5, "{pivot}: closures of all sizes: {sizes:?}");
    }
}
