//! Random designs and random edits of them.

use super::mutation::{Draw, mutated};
use crate::naive::{End, Naive};
use crate::probes::{addresses, headers};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    AddressSet, Assume, Connection, Design, Endpoint, ExternalSourceId, Family, Header, Pivot, Service, Side, Trust,
    UnitId, View,
};
use seglab_verify::difference::{
    Block, Difference, DirectChange, Ends, Kind, LateralChange, Obstacle, Population, State,
};
use seglab_verify::{Attack, Hop, Verifier};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub(super) fn seeds(default: u64) -> u64 {
    std::env::var("SEGLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

/// A random design and what became of it: a few edits, or another random design, whose units have the same names.
pub(super) fn pair(seed: u64) -> (Design, Design) {
    let (old, other) = (design_of(seed), design_of(seed + 100_000));
    let mut draw = Draw(seed);
    let new = match draw.below(6) {
        0 => other,
        edits => mutated(&old, &other, edits, &mut draw),
    };
    (old, new)
}

/// One end of a pair, in either design.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Unit(String),
    Address(IpAddr),
    Source(String),
}

impl Who {
    fn end(&self, design: &Design) -> Option<End> {
        match self {
            Who::Unit(name) => design.unit_named(name).map(End::Unit),
            Who::Address(address) => Some(End::External(*address)),
            Who::Source(name) => {
                let at = design.external_sources().iter().position(|source| source.name == *name)?;
                Some(End::Source(ExternalSourceId(u32::try_from(at).unwrap())))
            }
        }
    }

    fn endpoints(&self, design: &Design) -> Vec<Endpoint> {
        match self.end(design) {
            None => Vec::new(),
            Some(End::External(address)) => vec![Endpoint::External(address)],
            Some(End::Source(id)) => vec![Endpoint::Source(id)],
            Some(End::Unit(unit)) => {
                let count = u16::try_from(design.unit(unit).interfaces.len()).unwrap();
                (0..count).map(|interface| Endpoint::Unit { unit, interface }).collect()
            }
        }
    }

    fn is_in(&self, ends: &Ends, population: &Population) -> bool {
        match (self, ends) {
            (Who::Unit(name), Ends::Units(units)) => units.iter().any(|&at| population.mates[at].name == *name),
            (Who::Address(address), Ends::External(set)) => set.contains(*address),
            (Who::Source(name), Ends::Sources(names)) => names.contains(name),
            _ => false,
        }
    }
}

pub(super) fn everybody(old: &Design, new: &Design) -> Vec<Who> {
    let designs = [old, new];
    let units = designs.iter().flat_map(|design| design.units()).map(|unit| Who::Unit(unit.name.clone()));
    let sources = designs.iter().flat_map(|design| design.external_sources());
    let sources = sources.map(|source| Who::Source(source.name.clone()));
    let all: BTreeSet<Who> = units.chain(sources).chain(addresses(&designs).into_iter().map(Who::Address)).collect();
    all.into_iter().collect()
}

/// True if an address is outside as seen from some of these interfaces, or if there are none of its family.
fn is_outside<'d>(
    design: &Design,
    address: IpAddr,
    interfaces: impl Iterator<Item = &'d seglab_policy::Interface>,
) -> bool {
    let mut of_family = interfaces.filter(|interface| interface.family() == Family::of(address)).peekable();
    let none = of_family.peek().is_none();
    none || of_family
        .any(|interface| !design.known_addresses(&interface.space).is_some_and(|known| known.contains(address)))
}

/// Whether a pair is one that is compared: an address that is a unit's in a design is outside in neither.
pub(super) fn compared(from: &Who, to: &Who, old: &Design, new: &Design) -> bool {
    let (unit, address) = match (from, to) {
        (Who::Unit(from), Who::Unit(to)) => return from != to,
        (Who::Source(_), Who::Unit(_)) => return true,
        (Who::Unit(unit), Who::Address(address)) | (Who::Address(address), Who::Unit(unit)) => (unit, *address),
        _ => return false,
    };
    [old, new].iter().all(|design| {
        let all = design.units().iter().flat_map(|unit| &unit.interfaces);
        let own = design.unit_named(unit).map(|unit| design.unit(unit).interfaces.iter());
        is_outside(design, address, all) && is_outside(design, address, own.into_iter().flatten())
    })
}

pub(super) fn state(
    design: &Design,
    from: &Who,
    to: &Who,
    family: Family,
    header: Header,
    (assume, view): (Assume, View),
) -> State {
    let destinations = to.endpoints(design);
    let pairs = from.endpoints(design).into_iter().flat_map(|from| destinations.iter().map(move |&to| (from, to)));
    let states = pairs.filter_map(|(source, destination)| {
        let connection = Connection { source, destination, header };
        let heard = destination.unit().is_none_or(|unit| design.unit(unit).listens_to(header));
        (design.family_of(&connection) == Some(family)).then(|| match view == View::Policy || heard {
            true => State::of(&connection, &design.evaluate(&connection, assume)),
            false => State::Denied,
        })
    });
    states.max().unwrap_or_default()
}

fn in_block(block: &Block, from: &Who, to: &Who, population: &Population) -> bool {
    from.is_in(&block.sources, population) && to.is_in(&block.destinations, population)
}

fn count_pairs(block: &Block) -> u64 {
    let count = match (&block.sources, &block.destinations) {
        (Ends::Units(from), Ends::Units(to)) => {
            from.iter().flat_map(|from| to.iter().filter(move |to| from != *to)).count()
        }
        (Ends::Units(units), _) | (_, Ends::Units(units)) => units.len(),
        _ => panic!("a block between outsiders"),
    };
    u64::try_from(count).unwrap()
}

#[test]
fn direct_differences_are_those_of_the_reference_evaluator() {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for seed in 0..seeds(200) {
        let (old, new) = pair(seed);
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][usize::try_from(seed % 3).unwrap()];
        let assume = Assume { as_if_enforced: seed % 4 == 0, ..Assume::attack(trust) };
        let view = if seed % 5 == 0 { View::Service } else { View::Policy };
        let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
        let changes = difference.direct(assume, view);
        let population = difference.population().clone();
        for change in &changes {
            assert_eq!(change.block.pairs, count_pairs(&change.block), "seed {seed}: {change:?}");
            check_witness(seed, &mut difference, change, assume, view);
            *kinds.entry(Kind::of(change.was, change.is)).or_default() += 1;
        }
        let headers = headers(&[&old, &new]);
        let everybody = everybody(&old, &new);
        for from in &everybody {
            for to in everybody.iter().filter(|to| compared(from, to, &old, &new)) {
                let here: Vec<&DirectChange> =
                    changes.iter().filter(|change| in_block(&change.block, from, to, &population)).collect();
                for (family, &header) in Family::ALL.into_iter().flat_map(|f| headers.iter().map(move |h| (f, h))) {
                    let [was, is] = [&old, &new].map(|design| state(design, from, to, family, header, (assume, view)));
                    let found: Vec<(State, State)> = here
                        .iter()
                        .filter(|change| change.families.contains(&family) && change.headers.contains(family, header))
                        .map(|change| (change.was, change.is))
                        .collect();
                    let differs = was != is || matches!(was, State::Unknown | State::ReplyUnknown);
                    let expected = if differs { vec![(was, is)] } else { Vec::new() };
                    assert_eq!(
                        found, expected,
                        "seed {seed}: {from:?} -> {to:?} {family} {header:?} {view:?} {assume:?}"
                    );
                }
            }
        }
    }
    println!("{kinds:?}");
    for kind in Kind::ALL {
        assert!(kinds.get(&kind).is_some_and(|&count| count >= 10), "{kind:?} is too rare: {kinds:?}");
    }
}

/// The witness is of the block and the headers, and both designs say of it what the change says.
fn check_witness(seed: u64, difference: &mut Difference<'_>, change: &DirectChange, assume: Assume, view: View) {
    let witness = difference.witness(change, assume, view).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let sides = [(&witness.before, change.was), (&witness.after, change.is)];
    for (design, (judged, expected)) in difference.designs().into_iter().zip(sides) {
        let Some(judged) = judged else {
            assert_eq!(expected, State::Denied, "seed {seed}: {change:?}");
            continue;
        };
        let connection = judged.connection;
        assert_eq!(design.evaluate(&connection, assume), judged.evaluation);
        let family = design.family_of(&connection).unwrap();
        let listens = |unit: UnitId| design.unit(unit).listens_to(connection.header);
        let heard = view == View::Policy || connection.destination.unit().is_none_or(listens);
        let state = if heard { State::of(&connection, &judged.evaluation) } else { State::Denied };
        assert_eq!(state, expected, "seed {seed}: {change:?}: {judged:?}");
        assert!(change.families.contains(&family) && change.headers.contains(family, connection.header));
        let who = |end: Endpoint| match end {
            Endpoint::Unit { unit, .. } => Who::Unit(design.unit(unit).name.clone()),
            Endpoint::External(address) => Who::Address(address),
            Endpoint::Source(_) => Who::Source(design.endpoint_name(end)),
        };
        let (from, to) = (who(connection.source), who(connection.destination));
        assert!(in_block(&change.block, &from, &to, difference.population()), "seed {seed}: {change:?}: {judged:?}");
        assert!(from != to, "seed {seed}: {change:?}");
    }
}

/// What a naive attacker from an end certainly owns, and possibly, by name; and the addresses that it reaches.
fn naive_reach(
    naive: &Naive<'_>,
    design: &Design,
    start: End,
    attack: Attack,
    hops_max: Option<u32>,
    outside: &[IpAddr],
) -> [BTreeSet<Who>; 2] {
    [false, true].map(|doubtful| {
        let owned = naive.spread(attack, start, hops_max, &[], doubtful);
        let mut reached: BTreeSet<Who> =
            owned.into_keys().map(|unit| Who::Unit(design.unit(unit).name.clone())).collect();
        if let End::Unit(_) = start {
            let from = BTreeMap::from([(start, true)]);
            reached.extend(
                outside
                    .iter()
                    .copied()
                    .filter(|&address| {
                        let targets = BTreeSet::from([End::External(address)]);
                        naive.reaches(attack, &from, &targets, &[], &[Service::Any], hops_max, doubtful)
                    })
                    .map(Who::Address),
            );
        }
        reached
    })
}

#[test]
fn lateral_differences_are_those_of_a_naive_fixpoint() {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut longer = 0;
    for seed in 0..seeds(80) {
        let (old, new) = pair(seed);
        let pivot = Pivot::ALL[usize::try_from(seed % 4).unwrap()];
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][usize::try_from(seed / 4 % 3).unwrap()];
        let view = if seed % 5 == 0 { View::Service } else { View::Policy };
        let attack = Attack { pivot, view, trust, as_if_enforced: seed % 7 == 0 };
        let hops_max = [None, None, Some(1), Some(2)][usize::try_from(seed / 3 % 4).unwrap()];
        let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
        let changes = difference.lateral(attack, hops_max);
        let population = difference.population().clone();
        for change in &changes {
            assert_eq!(change.block.pairs, count_pairs(&change.block), "seed {seed}: {change:?}");
            longer += usize::from(check_path(seed, &mut difference, change, attack, hops_max) > 1);
            *kinds.entry(Kind::of(change.was, change.is)).or_default() += 1;
        }
        let designs = [&old, &new];
        let everybody = everybody(&old, &new);
        let outside: Vec<IpAddr> = everybody
            .iter()
            .filter_map(|who| match who {
                Who::Address(address) => Some(*address),
                Who::Unit(_) | Who::Source(_) => None,
            })
            .filter(|&address| {
                designs
                    .iter()
                    .all(|design| is_outside(design, address, design.units().iter().flat_map(|unit| &unit.interfaces)))
            })
            .collect();
        let naive = designs.map(|design| Naive::with(design, headers(&designs), addresses(&designs)));
        for from in &everybody {
            if matches!(from, Who::Address(address) if !outside.contains(address)) {
                continue;
            }
            let reached = [0, 1].map(|side| match from.end(designs[side]) {
                Some(start) => naive_reach(&naive[side], designs[side], start, attack, hops_max, &outside),
                None => Default::default(),
            });
            for to in everybody.iter().filter(|to| {
                let outsiders =
                    matches!(to, Who::Source(_)) || (matches!(to, Who::Address(_)) && !matches!(from, Who::Unit(_)));
                *to != from && !outsiders && !matches!(to, Who::Address(address) if !outside.contains(address))
            }) {
                let [was, is] = [0, 1].map(|side: usize| {
                    let [certain, possible] = &reached[side];
                    match (certain.contains(to), possible.contains(to)) {
                        (true, _) => State::Allowed,
                        (false, true) => State::Unknown,
                        (false, false) => State::Denied,
                    }
                });
                let found: Vec<(State, State)> = changes
                    .iter()
                    .filter(|change| in_block(&change.block, from, to, &population))
                    .map(|change| (change.was, change.is))
                    .collect();
                let expected = if was != is || was == State::Unknown { vec![(was, is)] } else { Vec::new() };
                assert_eq!(found, expected, "seed {seed}: {from:?} -> {to:?} {attack:?} {hops_max:?}");
            }
        }
    }
    println!("{kinds:?}, {longer} paths of several hops");
    for kind in [Kind::Gained, Kind::Lost, Kind::BecameUnknown, Kind::NoLongerUnknown, Kind::StillUnknown] {
        assert!(kinds.get(&kind).is_some_and(|&count| count >= 5), "{kind:?} is too rare: {kinds:?}");
    }
    assert!(longer > 20, "only {longer} paths have several hops");
}

/// The path replays hop by hop, leads from a source of the block to a destination of it, and what stops it in the
/// other design does stop it there. The number of hops.
fn check_path(
    seed: u64,
    difference: &mut Difference<'_>,
    change: &LateralChange,
    attack: Attack,
    hops_max: Option<u32>,
) -> usize {
    let path =
        difference.path(change, attack, hops_max).unwrap_or_else(|error| panic!("seed {seed}: {change:?}: {error}"));
    let [old, new] = difference.designs();
    let (design, other) = if path.in_new { (new, old) } else { (old, new) };
    let doubtful = change.was.max(change.is) == State::Unknown;
    let who = |end: Endpoint| match end {
        Endpoint::Unit { unit, .. } => Who::Unit(design.unit(unit).name.clone()),
        Endpoint::External(address) => Who::Address(address),
        Endpoint::Source(_) => Who::Source(design.endpoint_name(end)),
    };
    let mut owned: Vec<Who> = Vec::new();
    let mut last = None;
    for hop in &path.hops {
        let (actor, target) = match hop {
            Hop::Host { host, guest } => {
                assert_eq!(design.host_of(*guest), Some(*host), "seed {seed}");
                [*host, *guest].map(|unit| Who::Unit(design.unit(unit).name.clone())).into()
            }
            Hop::Connection { connection, assume, evaluation, .. } => {
                assert_eq!(design.evaluate(connection, *assume), *evaluation, "seed {seed}");
                let state = State::of(connection, evaluation);
                assert!(state.arrives() || (doubtful && state == State::Unknown), "seed {seed}: {path:?}");
                match assume.owned {
                    Some(Side::Destination) => (who(connection.destination), who(connection.source)),
                    _ => (who(connection.source), who(connection.destination)),
                }
            }
        };
        if owned.is_empty() {
            assert!(actor.is_in(&change.block.sources, difference.population()), "seed {seed}: {change:?} {path:?}");
            owned.push(actor.clone());
        }
        assert!(owned.contains(&actor), "seed {seed}: {path:?}");
        owned.push(target.clone());
        last = Some(target);
    }
    let last = last.unwrap_or_else(|| panic!("seed {seed}: no hop: {change:?}"));
    assert!(last.is_in(&change.block.destinations, difference.population()), "seed {seed}: {change:?} {path:?}");
    assert!(last != owned[0], "seed {seed}: {change:?} {path:?}");
    assert_eq!(path.stopped.is_none(), change.was == change.is);
    let certainly = change.was.min(change.is) == State::Unknown;
    if let Some((at, obstacle)) = &path.stopped {
        check_obstacle(seed, (design, other), &path.hops[*at], obstacle, certainly);
    }
    path.hops.len()
}

fn check_obstacle(seed: u64, (design, other): (&Design, &Design), hop: &Hop, obstacle: &Obstacle, certainly: bool) {
    match obstacle {
        Obstacle::Connection(judged) => {
            let Hop::Connection { connection, assume, .. } = hop else { panic!("seed {seed}: no connection: {hop:?}") };
            assert_eq!(other.evaluate(&judged.connection, *assume), judged.evaluation);
            let state = State::of(&judged.connection, &judged.evaluation);
            assert!(if certainly { !state.arrives() } else { state == State::Denied }, "seed {seed}: {judged:?}");
            assert_eq!(connection.header, judged.connection.header);
        }
        Obstacle::Absent(name) => {
            let gone =
                other.unit_named(name).is_none() && !other.external_sources().iter().any(|one| one.name == *name);
            assert!(gone || name.contains(" over IPv"), "seed {seed}: {name}");
        }
        Obstacle::NotHosted => {
            let Hop::Host { host, guest } = hop else { panic!("seed {seed}: {hop:?}") };
            let [host, guest] = [host, guest].map(|unit| other.unit_named(&design.unit(*unit).name).unwrap());
            assert_ne!(other.host_of(guest), Some(host));
        }
        Obstacle::Useless(judged) => assert!(State::of(&judged.connection, &judged.evaluation) != State::Denied),
        Obstacle::NoCredential(credential) => {
            let Hop::Connection { means: seglab_verify::Means::Login { held_by, .. }, .. } = hop else {
                panic!("seed {seed}: {hop:?}")
            };
            let held_by = other.unit_named(&design.unit(*held_by).name);
            assert!(!held_by.is_some_and(|unit| other.unit(unit).credentials.contains(credential)));
        }
    }
}

#[test]
fn a_design_does_not_differ_from_itself() {
    for seed in 0..seeds(60) {
        let design = design_of(seed);
        let mut difference = Difference::new(Verifier::new(&design), Verifier::new(&design));
        assert_eq!(difference.population().changes().count(), 0, "seed {seed}");
        let direct = difference.direct(Assume::attack(Trust::Intact), View::Policy);
        assert!(direct.iter().all(|change| Kind::of(change.was, change.is) == Kind::StillUnknown), "{direct:?}");
        for pivot in Pivot::ALL {
            let lateral = difference.lateral(Attack { pivot, ..Attack::default() }, None);
            assert!(lateral.iter().all(|change| Kind::of(change.was, change.is) == Kind::StillUnknown), "{lateral:?}");
        }
        if design.unmodelled().is_empty() {
            // The other way round gains are losses.
            let (old, new) = pair(seed);
            let mut forth = Difference::new(Verifier::new(&old), Verifier::new(&new));
            let mut back = Difference::new(Verifier::new(&new), Verifier::new(&old));
            let gained = |changes: Vec<DirectChange>, kind: Kind| -> u64 {
                changes
                    .iter()
                    .filter(|change| Kind::of(change.was, change.is) == kind)
                    .map(|change| change.block.pairs)
                    .sum()
            };
            let assume = Assume::business();
            let forth = gained(forth.direct(assume, View::Policy), Kind::Gained);
            assert_eq!(forth, gained(back.direct(assume, View::Policy), Kind::Lost), "seed {seed}");
        }
    }
}

#[test]
fn addresses_that_are_units_are_no_outside() {
    let set = |who: &Ends| match who {
        Ends::External(set) => set.clone(),
        _ => AddressSet::empty(),
    };
    for seed in 0..seeds(60) {
        let (old, new) = pair(seed);
        let mut difference = Difference::new(Verifier::new(&old), Verifier::new(&new));
        for change in difference.direct(Assume::business(), View::Policy) {
            for address in [set(&change.block.sources), set(&change.block.destinations)]
                .iter()
                .flat_map(|set| set.ranges().flat_map(|(first, last)| [first, last]).collect::<Vec<_>>())
            {
                for design in [&old, &new] {
                    let interfaces = design.units().iter().flat_map(|unit| &unit.interfaces);
                    assert!(is_outside(design, address, interfaces), "seed {seed}: {address} in {change:?}");
                }
            }
        }
    }
}
