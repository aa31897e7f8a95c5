//! The best plans of random designs, against a search that shares no code with them: it walks through every state that an
//! attack can be in, nearest first, asks the reference evaluator for every connection, and leaves nothing out.
//!
//! `SEGLAB_CASES` sets the number of designs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;

use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    AddressSet, Assume, Connection, Design, Effort, Endpoint, Escalation, Exploit, ExternalSourceId, Finds, Header,
    Mode, Peer, Pivot, Privilege, Provenance, Selector, Side, Tradecraft, Trust, UnitId,
};
use seglab_sim::models::AttackerChoice;
use seglab_sim::models::plan::{Goal, Objective, Plan, PlanError, Settings, Solution, Start, plans};

use crate::company::sure_attacker;
use crate::contracts::{OnPanic, Passing, cases, headers};

/// Small numbers of a seed, one after the other (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % bound
    }

    /// An effort whose expected cost and time are whole numbers.
    fn effort(&mut self) -> Effort {
        let success_probability = [1.0, 0.5, 0.25][self.below(3) as usize];
        Effort { cost: self.below(4) as f64, success_probability, mean_ns: Some(1000 * self.below(4)) }
    }
}

/// The random design of a seed, with random tradecraft.
fn crafted(seed: u64, dice: &mut Dice) -> Design {
    let mut draft = design_of(seed).to_draft();
    draft.needs.clear();
    draft.properties.clear();
    draft.attackers = vec![sure_attacker(Selector::Everything)];
    draft.attackers[0].exploit_probability = 0.5;
    draft.attackers[0].exploit_mean_ns = 3000;
    // Where little gets through plans are short: in every second design most points only report.
    if dice.below(2) == 0 {
        draft.points.iter_mut().skip(1).for_each(|point| point.mode = Mode::Alert);
    }
    // What small designs lack for plans worth searching: weaknesses on half of their services, credentials about.
    for unit in &mut draft.units {
        for listener in unit.listeners.clone() {
            if dice.below(2) == 0 {
                let name = format!("CVE-{}", 1 + dice.below(3));
                let (protocol, port) = (listener.protocol, listener.first);
                unit.vulnerabilities.push(seglab_policy::Vulnerability { name, protocol, port });
            } else if dice.below(2) == 0 {
                let credential = format!("key-{}", dice.below(3));
                let (protocol, port) = (listener.protocol, listener.first);
                unit.logins.push(seglab_policy::Login { credential, protocol, port });
            }
        }
        if dice.below(2) == 0 {
            unit.credentials.push(format!("key-{}", dice.below(3)));
        }
    }
    let exploit = |dice: &mut Dice, number: u64| Exploit {
        vulnerability: format!("CVE-{number}"),
        gives: if dice.below(3) > 0 { Privilege::User } else { Privilege::Root },
        present_probability: 1.0,
        effort: dice.effort(),
        provenance: Provenance::default(),
    };
    let on = [Selector::Everything, Selector::Exists("app".to_owned()), Selector::Named("web".to_owned())];
    let escalation = |dice: &mut Dice, at: usize| Escalation {
        name: format!("escalation {at}"),
        on: on[at].clone(),
        present_probability: 1.0,
        effort: dice.effort(),
        provenance: Provenance::default(),
    };
    draft.tradecraft = Tradecraft {
        exploits: vec![exploit(dice, 1), exploit(dice, 2)],
        escalations: (0..3).map(|at| escalation(dice, at)).collect(),
        finds: if dice.below(2) == 0 { Finds::Answering } else { Finds::Routed },
        scan: (dice.below(2) == 0).then(|| dice.effort()),
        ..Tradecraft::default()
    };
    Design::new(draft).unwrap()
}

/// Everything that an attacker has. What is held of a unit is 0 for nothing, 1 for an account, 2 for all of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    held: Vec<u8>,
    known: BTreeSet<UnitId>,
    credentials: BTreeSet<String>,
}

struct World<'a> {
    passing: Passing<'a>,
    outside: Vec<Endpoint>,
    from_outside: BTreeMap<(UnitId, bool), BTreeSet<Header>>,
    starts_outside: bool,
    pivot: Pivot,
    trust: Trust,
    objective: Objective,
}

impl World<'_> {
    fn design(&self) -> &Design {
        self.passing.design
    }

    fn weigh(&self, effort: Effort) -> u64 {
        let value = match self.objective {
            Objective::FewestActions => 1.0,
            Objective::LeastCost => effort.cost,
            Objective::ExpectedCost => effort.cost / effort.success_probability,
            Objective::ExpectedTime => effort.mean_ns.unwrap() as f64 / effort.success_probability,
        };
        assert_eq!(value.fract(), 0.0);
        value as u64
    }

    /// The headers with which somebody connects to a unit, or as a client a unit to somebody.
    fn passing(&mut self, state: &State, by: Option<UnitId>, unit: UnitId, client: bool) -> BTreeSet<Header> {
        let Some(by) = by else { return self.passing_outside(unit, client) };
        let host = self.design().host_of(by);
        let host_owned = host.is_some_and(|host| state.held[host.index()] > 0);
        let owned = if client { Side::Destination } else { Side::Source };
        let assume = Assume { as_if_enforced: false, trust: self.trust, owned: Some(owned), host_owned };
        let (from, to) = if client { (unit, by) } else { (by, unit) };
        self.passing.between(from, to, assume).clone()
    }

    fn passing_outside(&mut self, unit: UnitId, client: bool) -> BTreeSet<Header> {
        let (design, trust) = (self.passing.design, self.trust);
        let owned = if client { Side::Destination } else { Side::Source };
        let assume = Assume { as_if_enforced: false, trust, owned: Some(owned), host_owned: false };
        let (outside, headers) = (&self.outside, &self.passing.headers);
        let passes = |header: &Header| {
            (0u16..).zip(&design.unit(unit).interfaces).any(|(interface, _)| {
                outside.iter().any(|&there| {
                    let here = Endpoint::Unit { unit, interface };
                    let (source, destination) = if client { (here, there) } else { (there, here) };
                    design.evaluate(&Connection { source, destination, header: *header }, assume).verdict.is_allowed()
                })
            })
        };
        let known = self.from_outside.entry((unit, client));
        known.or_insert_with(|| headers.iter().copied().filter(passes).collect()).clone()
    }

    /// The headers out of these with which the pivot model has a use at a unit.
    fn useful(&self, passing: &BTreeSet<Header>, unit: UnitId) -> bool {
        let unit = self.design().unit(unit);
        passing.iter().any(|header| match self.pivot {
            Pivot::Any | Pivot::EitherWay => true,
            Pivot::Service => unit.listens_to(*header),
            Pivot::Exploitable => {
                let Header::Transport { protocol, destination_port, .. } = *header else { return false };
                let weak = unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port));
                let logins = unit.logins.iter().map(|login| (login.protocol, login.port));
                unit.listens_to(*header) && weak.chain(logins).any(|one| one == (protocol, destination_port))
            }
        })
    }

    /// What somebody who looks around finds.
    fn found(&mut self, state: &State, by: Option<UnitId>) -> BTreeSet<UnitId> {
        let design = self.passing.design;
        let mut found = BTreeSet::new();
        for unit in design.unit_ids() {
            let finds =
                match design.tradecraft().finds {
                    Finds::Routed => design.unit(unit).interfaces.iter().any(|there| match by {
                        None => there.inbound,
                        Some(by) => design.unit(by).interfaces.iter().any(|here| {
                            here.family() == there.family() && design.spaces_linked(&here.space, &there.space)
                        }),
                    }),
                    Finds::Answering => {
                        by != Some(unit) && {
                            let passing = self.passing(state, by, unit, false);
                            self.useful(&passing, unit)
                        }
                    }
                };
            if finds {
                found.insert(unit);
            }
        }
        found
    }

    /// Owners of hosts own their units.
    fn settle(&self, state: &mut State) {
        let design = self.design();
        for _ in design.unit_ids() {
            for unit in design.unit_ids() {
                if let Some(host) = design.host_of(unit) {
                    state.held[unit.index()] = state.held[unit.index()].max(state.held[host.index()]);
                }
            }
        }
    }

    /// Every action that is possible, with its weight and what comes of it.
    fn next(&mut self, state: &State) -> Vec<(u64, State)> {
        let design = self.passing.design;
        let attacker = &design.attackers()[0];
        let craft = design.tradecraft();
        let sure = |mean_ns: u64| Effort { cost: 1.0, success_probability: 1.0, mean_ns: Some(mean_ns) };
        let usual = Effort {
            cost: 1.0,
            success_probability: attacker.exploit_probability,
            mean_ns: Some(attacker.exploit_mean_ns),
        };
        let scan = craft.scan.unwrap_or(sure(4096 * 1_000_000_000));
        let mut next: Vec<(u64, State)> = Vec::new();
        let mut actors: Vec<Option<UnitId>> =
            design.unit_ids().filter(|unit| state.held[unit.index()] > 0).map(Some).collect();
        if self.starts_outside {
            actors.push(None);
        }
        for &by in &actors {
            let mut seen = state.clone();
            seen.known.extend(self.found(state, by));
            next.push((self.weigh(scan), seen));
            for unit in design.unit_ids().filter(|unit| Some(*unit) != by) {
                let take = |privilege: u8| {
                    let mut taken = state.clone();
                    taken.held[unit.index()] = taken.held[unit.index()].max(privilege);
                    taken
                };
                if self.pivot == Pivot::EitherWay && !self.passing(state, by, unit, true).is_empty() {
                    next.push((self.weigh(usual), take(2)));
                }
                if !state.known.contains(&unit) {
                    continue;
                }
                let passing = self.passing(state, by, unit, false);
                if self.pivot != Pivot::Exploitable {
                    if self.useful(&passing, unit) {
                        next.push((self.weigh(usual), take(2)));
                    }
                    continue;
                }
                let target = design.unit(unit);
                let open = |protocol, port| {
                    passing.iter().any(|header| {
                    matches!(*header, Header::Transport { protocol: of, destination_port, .. } if (of, destination_port) == (protocol, port))
                        && target.listens_to(*header)
                })
                };
                for weak in target.vulnerabilities.iter().filter(|weak| open(weak.protocol, weak.port)) {
                    let known = craft.exploits.iter().find(|exploit| exploit.vulnerability == weak.name);
                    let effort = known.map_or(usual, |exploit| exploit.effort);
                    let user = known.is_some_and(|exploit| exploit.gives == Privilege::User);
                    next.push((self.weigh(effort), take(if user { 1 } else { 2 })));
                }
                for login in target.logins.iter().filter(|login| open(login.protocol, login.port)) {
                    if state.credentials.contains(&login.credential) {
                        next.push((self.weigh(sure(attacker.login_mean_ns)), take(2)));
                    }
                }
            }
        }
        for unit in actors.into_iter().flatten() {
            let held = design.unit(unit);
            if self.pivot == Pivot::Exploitable {
                let mut found = state.clone();
                found.credentials.extend(held.credentials.iter().cloned());
                let takes = |to: &UnitId| {
                    design.unit(*to).logins.iter().any(|login| held.credentials.contains(&login.credential))
                };
                found.known.extend(design.unit_ids().filter(takes));
                next.push((self.weigh(sure(0)), found));
            }
            for escalation in craft.escalations.iter().filter(|one| one.on.matches(held)) {
                let mut whole = state.clone();
                whole.held[unit.index()] = 2;
                next.push((self.weigh(escalation.effort), whole));
            }
        }
        next.iter_mut().for_each(|(_, state)| self.settle(state));
        next.retain(|(_, after)| after != state);
        next
    }

    /// The least weight to a state in which all of the goals is owned; `None` if there is none. Gives up past some states.
    fn least(&mut self, start: State, goals: &[UnitId]) -> Result<Option<u64>, TooMany> {
        let mut states: Vec<State> = vec![start.clone()];
        let mut best: BTreeMap<State, u64> = BTreeMap::from([(start, 0)]);
        let mut queue = BinaryHeap::from([Reverse((0u64, 0usize))]);
        while let Some(Reverse((weight, at))) = queue.pop() {
            let state = states[at].clone();
            if best[&state] < weight {
                continue;
            }
            if goals.iter().all(|unit| state.held[unit.index()] == 2) {
                return Ok(Some(weight));
            }
            for (more, after) in self.next(&state) {
                let total = weight + more;
                if best.get(&after).is_none_or(|known| total < *known) {
                    best.insert(after.clone(), total);
                    states.push(after);
                    queue.push(Reverse((total, states.len() - 1)));
                }
            }
            if states.len() > 4_000 {
                return Err(TooMany);
            }
        }
        Ok(None)
    }
}

/// More states than a test has time for.
struct TooMany;

/// Addresses outside that rules may tell apart, listed plainly: the ends of every range and their neighbours.
fn outside(design: &Design) -> Vec<Endpoint> {
    let mut addresses: BTreeSet<IpAddr> = ["1.1.1.1", "2606:4700::1"].map(|text| text.parse().unwrap()).into();
    for (_, rule) in design.rules() {
        for peer in [&rule.from, &rule.to] {
            let Peer::Addresses { set, .. } = peer else { continue };
            for &(first, last) in set.v4.ranges() {
                let ends = [first, last, first.saturating_sub(1), last.saturating_add(1)];
                addresses.extend(ends.map(|bits| IpAddr::V4(bits.into())));
            }
            for &(first, last) in set.v6.ranges() {
                let ends = [first, last, first.saturating_sub(1), last.saturating_add(1)];
                addresses.extend(ends.map(|bits| IpAddr::V6(bits.into())));
            }
        }
    }
    let internet = AddressSet::internet();
    let routable = addresses.into_iter().filter(|address| internet.contains(*address)).map(Endpoint::External);
    (0..).zip(design.external_sources()).map(|(at, _)| Endpoint::Source(ExternalSourceId(at))).chain(routable).collect()
}

fn settings(dice: &mut Dice, seed: u64, design: &Design) -> Settings {
    // Whose doors are few are searched often.
    let pivot = if seed % 8 == 7 { Pivot::ALL[dice.below(4) as usize] } else { Pivot::Exploitable };
    let units: Vec<UnitId> = design.unit_ids().collect();
    let pick = |dice: &mut Dice| units[dice.below(units.len() as u64) as usize];
    let goals: BTreeSet<UnitId> = [pick(dice), pick(dice)].into();
    Settings {
        attacker: AttackerChoice::First,
        start: if dice.below(3) == 0 { Start::Outside } else { Start::Units(vec![pick(dice)]) },
        goals: goals.into_iter().collect(),
        pivot,
        trust: [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][dice.below(3) as usize],
        ..Settings::default()
    }
}

/// Every connection of a plan is allowed, and made by somebody who is owned by then.
fn check_plan(design: &Design, plan: &Plan, goal: &Goal) {
    let mut owned: BTreeSet<UnitId> = plan.foothold.into_iter().collect();
    if let Some(foothold) = plan.foothold {
        let runs_on = |unit: &UnitId| {
            std::iter::successors(design.host_of(*unit), |host| design.host_of(*host)).any(|host| host == foothold)
        };
        owned.extend(design.unit_ids().filter(runs_on));
    }
    for step in &plan.steps {
        assert!(step.by.is_none_or(|unit| owned.contains(&unit)), "{step:?}");
        if let Some((connection, assume)) = &step.connection {
            assert!(design.evaluate(connection, *assume).verdict.is_allowed(), "{step:?}");
        }
        owned.extend(&step.takes);
    }
    let goals = match goal {
        Goal::Unit(unit) => vec![*unit],
        Goal::All(units) => units.clone(),
    };
    assert!(goals.iter().all(|unit| owned.contains(unit)));
}

#[derive(Default, Debug)]
struct Seen {
    designs: u64,
    compared: u64,
    unreachable: u64,
    long: u64,
    given_up: u64,
    undecided: u64,
}

#[expect(clippy::panic, reason = "a test fails by panicking")]
fn check(seed: u64, seen: &mut Seen) -> Result<(), PlanError> {
    let mut dice = Dice(seed);
    let design = crafted(seed, &mut dice);
    let settings = settings(&mut dice, seed, &design);
    let told = plans(&design, &settings)?;
    seen.designs += 1;
    let mut tried = headers(&design);
    if settings.pivot == Pivot::Exploitable {
        let ports: BTreeSet<(_, u16)> = design
            .units()
            .iter()
            .flat_map(|unit| {
                let weak = unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port));
                weak.chain(unit.logins.iter().map(|login| (login.protocol, login.port)))
            })
            .collect();
        tried.retain(|header| matches!(*header, Header::Transport { protocol, destination_port, .. } if ports.contains(&(protocol, destination_port))));
    }
    let passing = Passing { design: &design, headers: tried, known: BTreeMap::new() };
    let mut world = World {
        passing,
        outside: outside(&design),
        from_outside: BTreeMap::new(),
        starts_outside: settings.start == Start::Outside,
        pivot: settings.pivot,
        trust: settings.trust,
        objective: Objective::FewestActions,
    };
    let mut start = State { held: vec![0; design.units().len()], known: BTreeSet::new(), credentials: BTreeSet::new() };
    match &settings.start {
        Start::Units(units) => start.held[units[0].index()] = 2,
        _ => start.known = world.found(&start, None),
    }
    world.settle(&mut start);
    for (goal, objective) in told.goals.iter().flat_map(|goal| Objective::ALL.map(|objective| (goal, objective))) {
        world.objective = objective;
        let goals = match &goal.goal {
            Goal::Unit(unit) => vec![*unit],
            Goal::All(units) => units.clone(),
        };
        let (_, solution) = goal.solutions.iter().find(|(of, _)| *of == objective).unwrap();
        let Ok(least) = world.least(start.clone(), &goals) else {
            seen.given_up += 1;
            return Ok(());
        };
        seen.compared += 1;
        match (solution, least) {
            (Solution::Found { plan, value, least: bound }, Some(least)) => {
                assert_eq!(*value, least as f64, "{:?} by {objective:?}: {plan:#?}", goal.goal);
                assert!(bound <= value && (told.undecided > 0 || bound == value));
                check_plan(&design, plan, &goal.goal);
                seen.long += u64::from(plan.steps.len() > 3);
                seen.undecided += u64::from(bound < value);
            }
            (Solution::Unreachable, None) => seen.unreachable += 1,
            (Solution::Undecided { .. }, None) => {
                assert!(told.undecided > 0);
                seen.undecided += 1;
            }
            (solution, least) => panic!("{:?} by {objective:?}: {solution:?}, not {least:?}", goal.goal),
        }
    }
    Ok(())
}

#[test]
fn the_best_plans_are_the_best_of_all_states() {
    let mut seen = Seen::default();
    // Seed 4807 has a header that a named source carries and no rule speaks of.
    for seed in (0..cases(1_200)).chain([4_807]) {
        let _where = OnPanic(|| format!("seed {seed}"));
        check(seed, &mut seen).unwrap();
    }
    eprintln!("{seen:?}");
    assert!(seen.designs >= seen.given_up * 20, "few are given up: {seen:?}");
    assert!(seen.long * 25 > seen.compared && seen.unreachable * 20 > seen.compared, "worth comparing: {seen:?}");
}
