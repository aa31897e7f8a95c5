//! A session says after every edit what a verifier says that starts anew.

use crate::lateral::check_counterexample;
use seglab_policy::arbitrary::{connection_of, design_of};
use seglab_policy::{
    Action, Address, AddressSet, Assume, Design, Draft, Endpoint, Family, Order, Pivot, Rule, Tier, Trust, Unit, View,
};
use seglab_verify::{Attack, End, Outcome, Row, Session, Settings, Settled, Standing, Verifier};
use std::net::{IpAddr, Ipv4Addr};

/// Numbers that look random, by seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn of<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }
}

/// A tier that has rules, or any.
fn tier<'d>(dice: &mut Dice, draft: &'d mut Draft) -> Option<&'d mut Tier> {
    let mut tiers: Vec<&mut Tier> = draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers).collect();
    let at = dice.below(tiers.len());
    (at < tiers.len()).then(|| tiers.swap_remove(at))
}

fn rules(design: &Design) -> Vec<Rule> {
    design.rules().map(|(_, rule)| rule.clone()).collect()
}

/// Changes one thing of the rules, mostly to something that stands somewhere else already, sometimes to something of
/// another random design.
fn edit_rules(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    let known: Vec<Rule> =
        draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| tier.rules.clone()).collect();
    let others = rules(&design_of(dice.0 % 1000));
    let from = if dice.below(4) == 0 { &others } else { &known };
    let stranger = dice.of(from).cloned();
    let kind = dice.below(9);
    let tier = tier(dice, draft)?;
    let union = tier.order == Order::AllowUnion;
    let fit = |rule: Rule| if union { Rule { action: Action::Allow, ..rule } } else { rule };
    let at = dice.below(tier.rules.len());
    if kind == 0 {
        tier.rules.insert(at, fit(stranger?));
        return Some(());
    }
    if kind == 1 {
        (at < tier.rules.len()).then(|| tier.rules.remove(at))?;
        return Some(());
    }
    let rule = tier.rules.get_mut(at)?;
    match kind {
        2 => rule.services = stranger?.services,
        3 => rule.from = stranger?.from,
        4 => rule.to = stranger?.to,
        5 if !union => rule.action = *dice.of(&[Action::Allow, Action::Deny, Action::Pass])?,
        6 => rule.priority = i64::try_from(dice.below(4)).unwrap(),
        7 => rule.directions = stranger?.directions,
        8 => *rule = fit(stranger?),
        _ => return None,
    }
    Some(())
}

/// Gives a unit, or all units that have its labels, another label, mostly one that stands somewhere else already.
fn edit_labels(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    let known = dice.of(&draft.units)?.labels.clone();
    let alone = (dice.below(3) == 0).then(|| dice.below(draft.units.len()));
    let stranger = match dice.below(4) {
        0 => design_of(dice.0 % 1000).to_draft().units,
        _ => draft.units.clone(),
    };
    let labels: Vec<(String, String)> = dice.of(&stranger)?.labels.clone().into_iter().collect();
    let (key, value) = dice.of(&labels)?.clone();
    let goes = dice.below(4) == 0;
    for (at, unit) in draft.units.iter_mut().enumerate() {
        if alone.map_or(unit.labels == known, |alone| alone == at) {
            if goes { drop(unit.labels.remove(&key)) } else { drop(unit.labels.insert(key.clone(), value.clone())) }
        }
    }
    Some(())
}

/// A name that sorts anywhere among those of the units.
fn name(dice: &mut Dice, draft: &Draft) -> Option<String> {
    let near = dice.of(&draft.units)?.name.clone();
    let number = dice.below(1000);
    Some(if dice.below(2) == 0 { format!("{near}-{number}") } else { format!("{number}-{near}") })
}

/// Lets a unit have no address that others may have.
fn move_out(dice: &mut Dice, unit: &mut Unit) {
    for interface in &mut unit.interfaces {
        let number = u32::try_from(dice.below(1 << 16)).unwrap();
        interface.address = match (interface.address, dice.below(3)) {
            (Address::Known(IpAddr::V4(_)), 0) => Address::Unknown(Family::V4),
            (Address::Known(IpAddr::V4(known)), _) => {
                Address::Known(Ipv4Addr::from_bits((known.to_bits() & 0xffff_0000) | number).into())
            }
            (Address::Known(IpAddr::V6(_)), _) => Address::Unknown(Family::V6),
            (other, _) => other,
        };
    }
}

/// Adds one or several units: mostly like one that there is, sometimes one of another random design.
fn add_units(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    let others = design_of(dice.0 % 1000).to_draft().units;
    let from = if dice.below(5) == 0 { &others } else { &draft.units };
    let mut unit = dice.of(from)?.clone();
    let host = unit.host.take().filter(|host| draft.units.iter().any(|unit| unit.name == *host));
    unit.host = if dice.below(4) == 0 { Some(dice.of(&draft.units)?.name.clone()) } else { host };
    for _ in 0..=dice.below(3) {
        let mut copy = Unit { name: name(dice, draft)?, ..unit.clone() };
        if dice.below(8) > 0 {
            move_out(dice, &mut copy);
        }
        draft.units.push(copy);
    }
    Some(())
}

fn remove_units(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    for _ in 0..=dice.below(3) {
        let gone = draft.units.remove(dice.below(draft.units.len()).min(draft.units.len().checked_sub(1)?));
        let heir = dice.of(&draft.units)?.name.clone();
        for unit in draft.units.iter_mut().filter(|unit| unit.host.as_ref() == Some(&gone.name)) {
            unit.host = (dice.below(2) == 0 && heir != unit.name).then(|| heir.clone());
        }
    }
    Some(())
}

/// Gives a unit another name, and its guests the other host.
fn rename_unit(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    let (new, at) = (name(dice, draft)?, dice.below(draft.units.len()));
    let old = std::mem::replace(&mut draft.units.get_mut(at)?.name, new.clone());
    draft
        .units
        .iter_mut()
        .filter(|unit| unit.host.as_ref() == Some(&old))
        .for_each(|unit| unit.host = Some(new.clone()));
    Some(())
}

/// Changes what a unit is besides its labels, mostly to what another is.
fn edit_unit(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    let others = design_of(dice.0 % 1000).to_draft().units;
    let from = if dice.below(4) == 0 { &others } else { &draft.units };
    let other = dice.of(from)?.clone();
    let heir = dice.of(&draft.units)?.name.clone();
    let at = dice.below(draft.units.len());
    let (kind, whole) = (dice.below(12), dice.below(3) == 0);
    let labels = draft.units.get(at)?.labels.clone();
    for (position, unit) in draft.units.iter_mut().enumerate() {
        if !(position == at || (whole && unit.labels == labels)) {
            continue;
        }
        match kind {
            0 | 1 => unit.listeners.clone_from(&other.listeners),
            2 => drop(unit.listeners.pop()),
            3 => unit.vulnerabilities.clone_from(&other.vulnerabilities),
            4 => unit.credentials.clone_from(&other.credentials),
            5 => unit.logins.clone_from(&other.logins),
            6 => unit.criticality = other.criticality + 1,
            7 => unit.host = (heir != unit.name).then(|| heir.clone()),
            8 => unit.host = None,
            9 => unit.interfaces.iter_mut().zip(&other.interfaces).for_each(|(own, other)| {
                (own.place, own.inbound, own.outbound) = (other.place.clone(), other.inbound, other.outbound);
            }),
            10 => move_out(dice, unit),
            _ => (unit.labels, unit.owner) = (other.labels.clone(), other.owner.clone()),
        }
    }
    Some(())
}

/// Changes units in one or several ways.
fn edit_units(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    match dice.below(8) {
        0 | 1 => add_units(dice, draft),
        2 | 3 => remove_units(dice, draft),
        4 => rename_unit(dice, draft),
        5 => remove_units(dice, draft).and_then(|()| add_units(dice, draft)),
        _ => edit_unit(dice, draft),
    }
}

/// Changes one thing about units, questions or points.
fn edit_others(dice: &mut Dice, draft: &mut Draft) -> Option<()> {
    let other = design_of(dice.0 % 1000).to_draft();
    match dice.below(8) {
        0 => {
            let at = dice.below(draft.units.len());
            draft.units.get_mut(at)?.listeners = dice.of(&other.units)?.listeners.clone();
        }
        1 => {
            let at = dice.below(draft.units.len());
            draft.units.remove(at);
        }
        2 => {
            let mut unit = dice.of(&draft.units)?.clone();
            unit.name = format!("{}-copy{}", unit.name, dice.below(1000));
            unit.interfaces.iter_mut().for_each(|interface| interface.shared = true);
            draft.units.push(unit);
        }
        3 => drop(draft.properties.pop()?),
        4 => {
            let mut property = dice.of(&other.properties)?.clone();
            property.id = format!("{}-{}", property.id, dice.below(1000));
            draft.properties.insert(0, property);
        }
        5 => draft.properties.get_mut(0)?.pivot = *dice.of(&Pivot::ALL)?,
        6 => draft.needs.push(dice.of(&other.needs)?.clone()),
        _ => {
            let at = dice.below(draft.points.len());
            let mode = dice.of(&other.points)?.mode;
            draft.points.get_mut(at)?.mode = mode;
        }
    }
    Some(())
}

fn check_outcome(design: &Design, ours: &Outcome, fresh: &Outcome, what: &str) {
    assert_eq!(Standing::from(&ours.verdict), Standing::from(&fresh.verdict), "{what}: {ours:#?} {fresh:#?}");
    assert_eq!(ours.population, fresh.population, "{what}");
    if let Settled::Violated(counterexample) = &ours.verdict {
        check_counterexample(design, counterexample);
        if let seglab_verify::Counterexample::TooMany { start, units, .. } = counterexample {
            assert!(*units <= design.units().len() && start.index() < design.units().len(), "{what}");
        }
    }
}

/// Whom attacks get to step by step, and by closures, from everywhere.
fn check_steps(session: &mut Session, fresh: &mut Verifier<'_>, dice: &mut Dice, what: &str) {
    for pivot in Pivot::ALL {
        let trust = *dice.of(&[Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid]).unwrap();
        let attack =
            Attack { pivot, trust, view: *dice.of(&[View::Policy, View::Service]).unwrap(), as_if_enforced: false };
        for unit in fresh.design().unit_ids() {
            for hops_max in [Some(1), None] {
                let start = Endpoint::Unit { unit, interface: 0 };
                let ours = session.ask(|verifier| verifier.owned(start, attack, hops_max));
                assert_eq!(
                    ours,
                    fresh.owned(start, attack, hops_max),
                    "{what}: {hops_max:?} from {unit:?}, {attack:?}"
                );
            }
        }
    }
}

/// Everything that both can be asked.
fn check(session: &mut Session, settings: &Settings, dice: &mut Dice, what: &str) {
    let design = session.design().clone();
    let mut fresh = Verifier::new(&design);
    for pivot in Pivot::ALL {
        let trust = *dice.of(&[Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid]).unwrap();
        let attack =
            Attack { pivot, trust, view: *dice.of(&[View::Policy, View::Service]).unwrap(), as_if_enforced: false };
        for without_trusted in [false, true] {
            let ours = session.ask(|verifier| verifier.blast_radius(attack, without_trusted));
            assert_eq!(ours, fresh.blast_radius(attack, without_trusted), "{what}: {attack:?}");
        }
    }
    check_steps(session, &mut fresh, dice, what);
    // Where nobody is left nobody connects.
    for at in 0..if design.units().is_empty() { 0 } else { 10 } {
        let connection = connection_of(&design, dice.0 ^ at);
        let assume = Assume::attack(Trust::OwnAgentVoid);
        let ours = session.ask(|verifier| verifier.direct(connection.source, connection.destination, assume));
        assert_eq!(ours, fresh.direct(connection.source, connection.destination, assume), "{what}: {connection:?}");
    }
    let report = fresh.settle_all(settings).unwrap();
    let ours = session.report().clone();
    assert_eq!(ours.properties.len(), report.properties.len());
    assert_eq!(ours.needs.len(), report.needs.len());
    for ((ours, fresh), property) in ours.properties.iter().zip(&report.properties).zip(design.properties()) {
        check_outcome(&design, ours, fresh, &format!("{what}: {}", property.id));
    }
    for (at, (ours, fresh)) in ours.needs.iter().zip(&report.needs).enumerate() {
        check_outcome(&design, ours, fresh, &format!("{what}: need {at}"));
    }
    let assume = Assume::business();
    // Ranges of external addresses stay apart when the rule is gone that told them apart.
    let inside =
        |row: &Row| !matches!((&row.source, &row.destination), (End::External(..), _) | (_, End::External(..)));
    let rows = |verifier: &mut Verifier<'_>| verifier.reach(assume, View::Policy).filter(inside).collect::<Vec<_>>();
    assert_eq!(session.ask(rows), rows(&mut fresh), "{what}");
    let interfaces = design.units().iter().flat_map(|unit| &unit.interfaces);
    let addresses = interfaces.filter_map(|interface| match interface.address {
        Address::Known(address) => Some((address, address)),
        _ => None,
    });
    let held = AddressSet::from_ranges(addresses);
    // A session has more classes, so that the same surface may be listed several times.
    let surface = |verifier: &mut Verifier<'_>| {
        let surfaces = verifier.surface(View::Policy, false).into_iter();
        let mut by_unit: Vec<_> = surfaces
            .flat_map(|mut one| {
                // An address of a unit may or may not stand in a range with others.
                for exchange in [&mut one.entries, &mut one.exits] {
                    exchange.addresses = exchange.addresses.difference(&held);
                }
                one.units.into_iter().map(move |unit| (unit, one.entries.clone(), one.exits.clone()))
            })
            .collect();
        by_unit.sort_by_key(|(unit, ..)| *unit);
        by_unit
    };
    for (ours, fresh) in session.ask(surface).into_iter().zip(surface(&mut fresh)) {
        assert_eq!(ours, fresh, "{what}");
    }
}

/// As many seeds and these, with which something has gone wrong before; or those that the environment asks for.
fn seeds(count: u64, known: &'static [u64]) -> Box<dyn Iterator<Item = u64>> {
    let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    match asked("SEGLAB_SEED_FIRST") {
        Some(first) => Box::new(first..first + asked("SEGLAB_SEEDS").unwrap_or(count)),
        None => Box::new((0..count).chain(known.iter().copied())),
    }
}

/// Says after every edit of a chain what a verifier says that starts anew.
#[test]
fn a_session_goes_along_with_units() {
    let (mut amended, mut anew, mut stayed, mut turned) = (0, 0, 0, 0);
    // Units of which names told some apart had come to be labelled alike.
    for seed in seeds(60, &[31_458]) {
        let mut dice = Dice(seed ^ 0x5eed);
        let settings = Settings { as_if_enforced: seed % 5 == 0, honour_trusted: seed % 3 == 0, ..Settings::default() };
        let mut session = Session::new(design_of(seed), settings).unwrap();
        for step in 0..14 {
            let mut draft = session.design().to_draft();
            let edited = match dice.below(8) {
                0 => edit_units(&mut dice, &mut draft).and_then(|()| edit_rules(&mut dice, &mut draft)),
                1 => edit_units(&mut dice, &mut draft).and_then(|()| edit_labels(&mut dice, &mut draft)),
                2 => edit_rules(&mut dice, &mut draft),
                3 => edit_labels(&mut dice, &mut draft),
                _ => edit_units(&mut dice, &mut draft),
            };
            let Some(design) = edited.and_then(|()| Design::new(draft).ok()) else { continue };
            let what = format!("seed {seed}, step {step}");
            if std::env::var_os("SEGLAB_EACH").is_some() {
                for unit in session.design().units().iter().filter(|unit| !design.units().contains(unit)) {
                    eprintln!("{what}: - {unit:?}");
                }
                for unit in design.units().iter().filter(|unit| !session.design().units().contains(unit)) {
                    eprintln!("{what}: + {unit:?}");
                }
            }
            let changed = session.replace(design).unwrap_or_else(|error| panic!("{what}: {error}"));
            *if changed.touched.is_some() { &mut amended } else { &mut anew } += 1;
            let questions = session.report().properties.len() + session.report().needs.len();
            stayed += questions - changed.settled;
            turned += changed.verdicts.iter().filter(|change| change.before.is_some()).count();
            check(&mut session, &settings, &mut dice, &what);
        }
    }
    println!("{amended} amended, {anew} anew; {stayed} outcomes stayed, {turned} verdicts turned");
    assert!(amended > anew && anew > 20 && stayed > 500 && turned > 20);
}

#[test]
fn a_session_says_what_a_verifier_says_that_starts_anew() {
    let (mut amended, mut relabelled, mut anew, mut stayed, mut turned) = (0, 0, 0, 0, 0);
    // Of a host nothing seemed to have changed, but without a guest out of reach something had.
    for seed in seeds(60, &[21_524]) {
        let mut dice = Dice(seed);
        let settings = Settings { as_if_enforced: seed % 5 == 0, honour_trusted: seed % 3 == 0, ..Settings::default() };
        let mut session = Session::new(design_of(seed), settings).unwrap();
        check(&mut session, &settings, &mut dice, &format!("seed {seed}, at first"));
        for step in 0..12 {
            let mut draft = session.design().to_draft();
            let edited = match dice.below(8) {
                0 => edit_others(&mut dice, &mut draft),
                1 => edit_labels(&mut dice, &mut draft).and_then(|()| edit_rules(&mut dice, &mut draft)),
                2 | 3 => edit_labels(&mut dice, &mut draft),
                _ => edit_rules(&mut dice, &mut draft),
            };
            let Some(design) = edited.and_then(|()| Design::new(draft).ok()) else { continue };
            let changed = session.replace(design).unwrap();
            match changed.touched {
                Some(touched) => {
                    amended += 1;
                    relabelled += usize::from(touched.units > 0);
                }
                None => anew += 1,
            }
            let questions = session.report().properties.len() + session.report().needs.len();
            stayed += questions - changed.settled;
            turned += changed.verdicts.iter().filter(|change| change.before.is_some()).count();
            check(&mut session, &settings, &mut dice, &format!("seed {seed}, step {step}"));
        }
    }
    println!(
        "{amended} amended, {relabelled} of them with other labels, {anew} anew; {stayed} outcomes stayed, {turned} verdicts turned"
    );
    assert!(amended > anew && relabelled > 20 && anew > 20 && stayed > 500 && turned > 10);
}
