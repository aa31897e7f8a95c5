//! What the verifier says an attacker can do, the simulated attacker does: every counterexample is a path that can be
//! taken against the rule engine, by the simulator's own rules of who owns what.
//!
//! `SEGLAB_SEEDS` sets the number of random designs.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use seglab_policy::arbitrary::design_of;
use seglab_policy::{Connection, Design, Endpoint, Listener, Property, Side, UnitId, View};
use seglab_scenarios::loader::Options;
use seglab_scenarios::{catalogue, load};
use seglab_sim::models::{AttackerChoice, Campaign, PathError, Step, TraceAction, follow};
use seglab_verify::{Counterexample, Hop, Settings, Settled, Verifier};
use std::collections::{BTreeMap, BTreeSet};

fn seeds(ordinary: u64) -> u64 {
    std::env::var("SEGLAB_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ordinary)
}

/// An attacker's path: what is owned from the start, and the steps.
struct Path {
    start: Vec<UnitId>,
    steps: Vec<Step>,
    /// What the steps take, and whom the owned host brings.
    taken: BTreeSet<UnitId>,
}

impl Path {
    /// The path of hops; the last of them only has to arrive, unless it is `taking`.
    fn of(hops: &[Hop], taking: bool) -> Self {
        let (mut start, mut owned, mut steps, mut taken) = (Vec::new(), BTreeSet::new(), Vec::new(), BTreeSet::new());
        for (at, hop) in hops.iter().enumerate() {
            match hop {
                Hop::Host { host, guest } => {
                    if owned.insert(*host) {
                        start.push(*host);
                    }
                    owned.insert(*guest);
                    taken.insert(*guest);
                }
                Hop::Connection { connection, assume, .. } => {
                    let from = assume.owned.unwrap_or(Side::Source);
                    let (near, far) = match from {
                        Side::Source => (connection.source, connection.destination),
                        Side::Destination => (connection.destination, connection.source),
                    };
                    start.extend(near.unit().filter(|unit| owned.insert(*unit)));
                    let takes = taking || at + 1 < hops.len();
                    if let Some(unit) = far.unit().filter(|_| takes) {
                        owned.insert(unit);
                        taken.insert(unit);
                    }
                    steps.push(Step { connection: *connection, from, takes: takes && far.unit().is_some() });
                }
            }
        }
        Self { start, steps, taken }
    }

    fn follow(&self, design: &Design, property: &Property) -> Result<(), PathError> {
        let trace = follow(design, &self.start, &self.steps, property.pivot, property.trust)?;
        let owned: BTreeSet<UnitId> = trace
            .iter()
            .filter_map(|entry| match entry.action {
                TraceAction::Taken { unit, .. } => Some(unit),
                _ => None,
            })
            .collect();
        assert!(self.taken.is_subset(&owned), "{:?} is not taken", self.taken.difference(&owned));
        Ok(())
    }
}

/// The design as the policy view takes it: every weak port is open. The simulator asks who listens, whatever the view.
fn open(design: &Design) -> Design {
    let mut draft = design.to_draft();
    for unit in &mut draft.units {
        let weak = unit.vulnerabilities.iter().map(|weak| (weak.protocol, weak.port));
        let weak = weak.chain(unit.logins.iter().map(|login| (login.protocol, login.port)));
        unit.listeners.extend(weak.map(|(protocol, port)| Listener::port(protocol, port)));
    }
    Design::new(draft).unwrap()
}

/// Follows the counterexample of every violated claim about attacks; how many there are by kind, and of several steps.
fn follow_all(design: &Design, name: &str, seen: &mut BTreeMap<(&'static str, bool), usize>) {
    let mut verifier = Verifier::new(design);
    for property in design.properties() {
        let outcome = verifier.settle(property, &Settings::default()).unwrap();
        let (hops, taking) = match &outcome.verdict {
            Settled::Violated(Counterexample::Reached(hops)) => (hops, false),
            Settled::Violated(Counterexample::TooMany { hops, .. }) => (hops, true),
            _ => continue,
        };
        let path = Path::of(hops, taking);
        let design = &if property.view == View::Policy { open(design) } else { design.clone() };
        if let Err(error) = path.follow(design, property) {
            let told: Vec<String> = hops.iter().map(|hop| hop.describe(design)).collect();
            panic!("{name}, {property:?}: {error}\n{}", told.join("\n"));
        }
        *seen.entry((property.claim.kind(), path.steps.len() > 1)).or_default() += 1;
    }
}

#[test]
fn counterexamples_of_random_designs_are_paths_of_the_simulated_attacker() {
    let mut seen = BTreeMap::new();
    for seed in 0..seeds(2_000) {
        follow_all(&design_of(seed), &format!("seed {seed}"), &mut seen);
    }
    println!("{seen:#?}");
    for kind in ["isolated", "only-through", "blast-radius"] {
        assert!(seen.get(&(kind, true)).is_some_and(|count| *count > 0), "{kind} of several steps: {seen:?}");
    }
}

#[test]
fn counterexamples_of_the_catalogue_are_paths_of_the_simulated_attacker() {
    let mut seen = BTreeMap::new();
    for scenario in catalogue() {
        let loaded = load(scenario.file().to_str().unwrap(), &Options::default()).unwrap();
        follow_all(&loaded.design, scenario.name, &mut seen);
    }
    println!("{seen:#?}");
    assert!(seen.values().sum::<usize>() > 0, "no scenario violates anything");
}

/// The test can fail: a path with a step that policy denies, or that its unit cannot make yet, is not taken.
#[test]
fn what_is_not_so_is_no_path() {
    let (mut stopped, mut unowned) = (0, 0);
    for seed in 0..seeds(300) {
        let design = design_of(seed);
        let mut verifier = Verifier::new(&design);
        for property in design.properties() {
            let Settled::Violated(Counterexample::TooMany { hops, .. }) =
                verifier.settle(property, &Settings::default()).unwrap().verdict
            else {
                continue;
            };
            let mut path = Path::of(&hops, true);
            if path.steps.len() < 2 {
                continue;
            }
            path.steps.reverse();
            path.start.clear();
            let first = path.steps[0];
            unowned += usize::from(matches!(path.follow(&design, property), Err(PathError::NotOwned(_))));
            // Back where it came from: what is allowed in one direction seldom is in the other.
            let (source, destination) = (first.connection.destination, first.connection.source);
            if let (Endpoint::Unit { unit, .. }, Side::Source) = (source, first.from) {
                let back = Step { connection: Connection { source, destination, ..first.connection }, ..first };
                let taken = follow(&design, &[unit], &[back], property.pivot, property.trust);
                stopped += usize::from(matches!(taken, Err(PathError::Stopped { .. })));
            }
        }
    }
    assert!(stopped > 0 && unowned > 0, "{stopped} stopped, {unowned} unowned");
}

/// No result of a shipped scenario hangs on the order of simultaneous events.
#[test]
fn the_order_of_ties_decides_nothing_in_the_catalogue() {
    for scenario in catalogue() {
        let design = load(&scenario.file().to_string_lossy(), &Options::default()).unwrap().design;
        let attacker = if design.attackers().is_empty() { AttackerChoice::Nobody } else { AttackerChoice::First };
        let settings = seglab_sim::models::Settings { replicas: 30, attacker, ..Default::default() };
        let bytes = |settings: &seglab_sim::models::Settings| {
            serde_json::to_vec(&Campaign::run(&[&design], settings).unwrap()).unwrap()
        };
        let shuffled = seglab_sim::models::Settings { shuffle_ties: true, ..settings.clone() };
        assert!(bytes(&settings) == bytes(&shuffled), "{}", scenario.name);
    }
}
