//! `within` and `equal` are what the naive difference makes of them.

use super::random::{Who, compared, everybody, pair, seeds, state};
use crate::probes::headers;
use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Assume, Claim, Design, Draft, Family, Header, Mode, Property, Reference, Service, Side, Trust, View, normal_form,
};
use seglab_verify::cross_check::{Effort, cross_check};
use seglab_verify::difference::{Kind, State};
use seglab_verify::smt::{Apart, Encoding, Outcome, SmtAnswer};
use seglab_verify::{Counterexample, Finding, On, Party, Settings, Settled, Verifier};

/// What the reference evaluator says of every connection in both designs.
struct Change {
    from: Who,
    to: Who,
    family: Family,
    header: Header,
    was: State,
    is: State,
}

impl Who {
    /// True if the end goes by a name; of an address any that is one.
    fn is_called(&self, name: &str) -> bool {
        match self {
            Who::Unit(own) | Who::Source(own) => own == name,
            Who::Address(_) => name.parse::<std::net::IpAddr>().is_ok(),
        }
    }
}

/// Two designs that differ in policy alone: one of them lacks a rule, or enforces less.
fn policy_apart(seed: u64) -> (Design, Design) {
    let design = design_of(seed);
    let mut draft = design.to_draft();
    match seed % 3 {
        0 => draft.points.iter_mut().for_each(|point| point.mode = Mode::Off),
        1 => draft.rulebooks.iter_mut().for_each(|book| book.default_allow = true),
        _ => {
            let tiers = draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers);
            tiers.for_each(|tier| drop(tier.rules.pop()));
        }
    }
    let other = Design::new(draft).unwrap();
    if (seed / 7).is_multiple_of(2) { (design, other) } else { (other, design) }
}

fn changes(old: &Design, new: &Design, asked: (Assume, View)) -> Vec<Change> {
    let (headers, everybody) = (headers(&[old, new]), everybody(old, new));
    let mut changes = Vec::new();
    for from in &everybody {
        for to in everybody.iter().filter(|to| compared(from, to, old, new)) {
            for (family, &header) in Family::ALL.into_iter().flat_map(|f| headers.iter().map(move |h| (f, h))) {
                let [was, is] = [old, new].map(|design| state(design, from, to, family, header, asked));
                changes.push(Change { from: from.clone(), to: to.clone(), family, header, was, is });
            }
        }
    }
    changes
}

/// Whether a change refutes the claim for certain, and whether it may.
fn refutes(change: &Change, equal: bool) -> (bool, bool) {
    let arrives = |state| matches!(state, State::OneWay | State::ReplyUnknown | State::Allowed);
    let (was, is) = (change.was, change.is);
    let gained = was == State::Denied && arrives(is);
    let lost = arrives(was) && is == State::Denied;
    let replies = [(State::OneWay, State::Allowed), (State::Allowed, State::OneWay)].contains(&(was, is));
    let doubt = [was, is].iter().any(|state| matches!(state, State::Unknown | State::ReplyUnknown));
    match equal {
        true => (gained || lost || replies, gained || lost || replies || doubt),
        false => (
            gained,
            gained || (was == State::Unknown && is != State::Denied) || (was == State::Denied && is == State::Unknown),
        ),
    }
}

fn is_in(design: &Design, who: &Who, party: &Party) -> bool {
    let Who::Unit(name) = who else { return true };
    let Some(unit) = design.unit_named(name) else { return true };
    let segments = design.segments();
    let mut names: Vec<&str> = Vec::new();
    names.extend(segments.iter().filter(|one| one.selector.matches(design.unit(unit))).map(|one| one.name.as_str()));
    names.sort_unstable();
    match party {
        Party::Group(group) => segments.is_empty() || *group == names.join(" & "),
        Party::Ungrouped => names.is_empty(),
        _ => false,
    }
}

#[test]
fn designs_held_against_others_are_judged_as_the_reference_evaluator_does() {
    let mut verdicts = [[0; 3]; 2];
    let (mut confirmed, mut refuted) = ([0; 3], 0);
    for seed in 0..seeds(120) {
        let (old, new) = if seed % 7 >= 4 { policy_apart(seed) } else { pair(seed) };
        let equal = seed % 2 == 1;
        let trust = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid][usize::try_from(seed % 3).unwrap()];
        let view = if seed % 5 == 0 { View::Service } else { View::Policy };
        let settings = Settings { as_if_enforced: seed % 4 == 0, ..Settings::default() };
        let reference = Reference::new("old", old.to_draft()).unwrap();
        let claim = if equal { Claim::Equal { reference } } else { Claim::Within { reference } };
        let property = Property { trust, view, ..Property::new("asked", claim) };
        let asking = Design::new(Draft { properties: vec![property], ..new.to_draft() }).unwrap();
        let mut verifier = Verifier::new(&asking);
        let report = verifier.settle_all(&settings).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let found = verifier.findings(&report, &settings, None).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let verdict = &report.properties[0].verdict;

        let assume =
            Assume { as_if_enforced: settings.as_if_enforced, trust, owned: Some(Side::Source), host_owned: false };
        let changes = changes(&old, &new, (assume, view));
        let certain: Vec<&Change> = changes.iter().filter(|change| refutes(change, equal).0).collect();
        let possible = changes.iter().any(|change| refutes(change, equal).1);
        let expected = if !certain.is_empty() {
            0
        } else if possible {
            1
        } else {
            2
        };
        let settled = match verdict {
            Settled::Violated(_) => 0,
            Settled::Unknown(_) => 1,
            Settled::Holds => 2,
        };
        assert_eq!(settled, expected, "seed {seed}: {verdict:?}");
        verdicts[usize::from(equal)][expected] += 1;
        let opinion = cross_check(&asking, &settings, &report, Effort::default());
        let opinion = opinion.unwrap_or_else(|differs| panic!("seed {seed}: {differs}"));
        confirmed[expected] += usize::from(opinion.properties[0].is_complete());
        check(seed, &new, verdict, &found.properties[0], &certain);
        if seed % 7 >= 4 && view == View::Policy && expected == 0 {
            let any = vec![Service::Any];
            let gained = Apart { services: any.clone(), here: Outcome::ALLOWED.into(), there: vec![Outcome::Denied] };
            let lost = Apart { services: any, here: vec![Outcome::Denied], there: Outcome::ALLOWED.into() };
            let ways = if equal { vec![gained, lost] } else { vec![gained] };
            let differs = Encoding::new(&new, assume).apart(&old, &ways);
            assert!(matches!(differs, SmtAnswer::Found(_)) || equal, "seed {seed}: {differs:?}");
            refuted += usize::from(matches!(differs, SmtAnswer::Found(_)));
        }
    }
    println!("{verdicts:?}, confirmed by Z3 {confirmed:?}");
    assert!(confirmed[0] >= 20 && confirmed[2] >= 3 && refuted >= 3, "Z3 is hardly asked: {confirmed:?}, {refuted}");
    assert!(verdicts.iter().flatten().all(|&count| count >= 3), "some verdict is too rare: {verdicts:?}");
}

/// The counterexample is a change that refutes, and each of those is in a finding between its groups.
fn check(seed: u64, new: &Design, verdict: &Settled, findings: &[Finding], certain: &[&Change]) {
    let Settled::Violated(refuted) = verdict else {
        assert_eq!(findings.is_empty(), *verdict == Settled::Holds, "seed {seed}");
        return;
    };
    let Counterexample::Differs(differs) = refuted else { panic!("seed {seed}: {refuted:?}") };
    let witness = &differs.witness;
    let shown = [(&witness.after, new), (&witness.before, &*differs.other.design)];
    let shown = shown.into_iter().find_map(|(judged, design)| {
        let connection = judged.as_ref()?.connection;
        Some([connection.source, connection.destination].map(|end| design.endpoint_name(end)))
    });
    let is_shown = |change: &&Change| {
        let [from, to] = shown.clone().unwrap();
        Kind::of(change.was, change.is) == differs.kind && change.from.is_called(&from) && change.to.is_called(&to)
    };
    assert!(certain.iter().any(is_shown), "seed {seed}: {differs:?}");
    for change in certain {
        let is_in_one = findings.iter().any(|finding| {
            let On::Changed(kind, headers, addresses) = &finding.on else { panic!("{finding:?}") };
            let outside = |who: &Who| match who {
                Who::Address(address) => addresses.contains(*address),
                Who::Unit(_) | Who::Source(_) => true,
            };
            *kind == Kind::of(change.was, change.is)
                && headers.contains(change.family, change.header)
                && [(&change.from, &finding.from), (&change.to, &finding.to)]
                    .into_iter()
                    .all(|(who, party)| outside(who) && (!matches!(who, Who::Unit(_)) || is_in(new, who, party)))
        });
        assert!(is_in_one, "seed {seed}: {:?} -> {:?} {:?}: {findings:?}", change.from, change.to, change.header);
    }
}

#[test]
fn the_normal_form_keeps_the_other_design() {
    for seed in 0..40 {
        let (old, new) = pair(seed);
        let reference = Reference::new("other \"design\".yaml", old.to_draft()).unwrap();
        let property = Property::new("asked", Claim::Within { reference });
        let design = Design::new(Draft { properties: vec![property], ..new.to_draft() }).unwrap();
        let read = normal_form::read(&normal_form::write(&design)).unwrap();
        assert_eq!(read.properties(), design.properties(), "seed {seed}");
    }
}
