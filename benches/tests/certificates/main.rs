//! Certificates: every claim that holds has one that the independent checker accepts, and none that does not hold has
//! one that it accepts, whatever is done to the design or to the certificate.
//!
//! `CERTIFICATE_DESIGNS=7000 cargo test -p seglab-benches --test certificates` is the long run, in which ten thousand claims become false.

// Clippy knows test functions, but not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use seglab_certificate::{Judge, Obligation, Question, Refusal, sha256};
use seglab_policy::arbitrary::{Feature, design_of, neutralised};
use seglab_policy::{Claim as Claimed, Design, Draft, Peer, Property, Reference, Service, Trust, View, normal_form};
use seglab_verify::{Proof, Report, Settings, Settled, Verifier, verify};

/// A design in the form that certificates are bound to.
struct Bound {
    normal_form: String,
    digest: String,
    properties: Vec<String>,
    needs: Vec<String>,
}

impl Bound {
    fn new(design: &Design) -> Self {
        let normal_form = normal_form::write(design);
        let lines = |keyword: &str| -> Vec<String> {
            normal_form.lines().filter(|line| line.starts_with(keyword)).map(|line| sha256(line.as_bytes())).collect()
        };
        let (properties, needs) = (lines("property "), lines("need "));
        Self { digest: sha256(normal_form.as_bytes()), properties, needs, normal_form }
    }

    fn certificate(&self, claim: Claim, proof: &Proof) -> String {
        match claim {
            Claim::Property(at) => proof.to_text(&self.digest, "property", at, &self.properties[at]),
            Claim::Need(at) => proof.to_text(&self.digest, "need", at, &self.needs[at]),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Claim {
    Property(usize),
    Need(usize),
}

fn claims(design: &Design) -> impl Iterator<Item = Claim> + use<> {
    (0..design.properties().len()).map(Claim::Property).chain((0..design.needs().len()).map(Claim::Need))
}

fn holds(report: &Report, claim: Claim) -> bool {
    let outcome = match claim {
        Claim::Property(at) => &report.properties[at],
        Claim::Need(at) => &report.needs[at],
    };
    outcome.verdict == Settled::Holds
}

fn prove(verifier: &mut Verifier<'_>, claim: Claim, settings: &Settings) -> Proof {
    let design = verifier.design();
    match claim {
        Claim::Property(at) => verifier.prove(&design.properties()[at], settings),
        Claim::Need(at) => verifier.prove_need(&design.needs()[at], settings),
    }
}

fn question(settings: &Settings) -> Question {
    Question { as_if_enforced: settings.as_if_enforced, honour_trusted: settings.honour_trusted }
}

fn settings_of(seed: u64) -> Settings {
    Settings { as_if_enforced: seed % 4 == 1, honour_trusted: seed % 4 == 2, ..Settings::default() }
}

fn designs() -> u64 {
    std::env::var("CERTIFICATE_DESIGNS").map_or(1000, |count| count.parse().unwrap())
}

/// A generator for tests: SplitMix64 (Steele, Lea, Flood 2014).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// Checks that what holds is accepted and what does not is refused; gives the numbers of both.
fn check_design(design: &Design, settings: &Settings, what: &str) -> (usize, usize) {
    let report = verify(design, settings).unwrap();
    let bound = Bound::new(design);
    let read = seglab_certificate::Design::read(&bound.normal_form).unwrap();
    let judge = Judge::new(&read).unwrap();
    let mut verifier = Verifier::new(design);
    let (mut accepted, mut refused) = (0, 0);
    for claim in claims(design) {
        let certificate = bound.certificate(claim, &prove(&mut verifier, claim, settings));
        let checked = judge.check(&certificate, question(settings));
        match (holds(&report, claim), checked) {
            (true, Ok(_)) => accepted += 1,
            (false, Err(_)) => refused += 1,
            (true, Err(refusal)) => {
                panic!("{what}: {claim:?} holds and is refused: {refusal}\n{}\n{certificate}", bound.normal_form)
            }
            (false, Ok(_)) => {
                panic!("{what}: {claim:?} does not hold and is accepted\n{}\n{certificate}", bound.normal_form)
            }
        }
    }
    (accepted, refused)
}

#[test]
fn everything_that_holds_in_the_catalogue_is_accepted() {
    let mut all = 0;
    for scenario in seglab_scenarios::catalogue() {
        let path = scenario.file();
        let loaded = seglab_scenarios::load(path.to_str().unwrap(), &Default::default()).unwrap();
        for as_if_enforced in [false, true] {
            let settings = Settings { as_if_enforced, ..Settings::default() };
            let (accepted, _) = check_design(&loaded.design, &settings, scenario.name);
            all += accepted;
        }
    }
    assert!(all > 20, "{all} certificates");
}

#[test]
fn in_random_designs_what_holds_is_accepted_and_nothing_else() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..designs() {
        let (a, r) = check_design(&design_of(seed), &settings_of(seed), &format!("seed {seed}"));
        (accepted, refused) = (accepted + a, refused + r);
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

/// A design that differs from another in one thing that its verdicts may depend on.
fn mutant(design: &Design, draw: &mut Draw) -> Option<Design> {
    let features = Feature::ALL;
    if draw.below(2) == 0 {
        return neutralised(design, features[draw.below(features.len())]);
    }
    let mut draft = design.to_draft();
    let rules: Vec<(usize, usize, usize)> =
        design.rules().map(|(id, _)| (id.rulebook.0 as usize, id.tier as usize, id.rule as usize)).collect();
    match draw.below(8) {
        0 if !rules.is_empty() => {
            let (book, tier, rule) = rules[draw.below(rules.len())];
            draft.rulebooks[book].tiers[tier].rules.remove(rule);
        }
        1 if !rules.is_empty() => {
            let (book, tier, rule) = rules[draw.below(rules.len())];
            let rule = &mut draft.rulebooks[book].tiers[tier].rules[rule];
            std::mem::swap(&mut rule.from, &mut rule.to);
        }
        2 if !rules.is_empty() => {
            let (book, tier, rule) = rules[draw.below(rules.len())];
            let rule = &mut draft.rulebooks[book].tiers[tier].rules[rule];
            rule.from = Peer::Anyone;
        }
        3 if !rules.is_empty() => {
            let (book, tier, rule) = rules[draw.below(rules.len())];
            let rule = &mut draft.rulebooks[book].tiers[tier].rules[rule];
            rule.services = vec![Service::Any];
        }
        4 if !draft.rulebooks.is_empty() => {
            let book = draw.below(draft.rulebooks.len());
            draft.rulebooks[book].default_allow ^= true;
        }
        5 if !draft.points.is_empty() => {
            let point = draw.below(draft.points.len());
            draft.points[point].mode = seglab_policy::Mode::Alert;
        }
        6 if !draft.units.is_empty() => {
            let units = draft.units.len();
            let (from, to) = (draw.below(units), draw.below(units));
            draft.units[to].labels = draft.units[from].labels.clone();
        }
        7 if draft.units.len() > 1 => {
            let units = draft.units.len();
            let (from, to) = (draw.below(units), draw.below(units));
            draft.units[to].host = (from != to).then(|| draft.units[from].name.clone());
        }
        _ => return None,
    }
    Design::new(draft).ok()
}

const TRUSTS: [Trust; 3] = [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid];

/// A design that is held against another: a mutant of it, or a random design whose units have the same names.
fn comparing(design: &Design, seed: u64) -> Design {
    let mut draw = Draw(seed ^ 0x5eed);
    let steps = draw.below(4);
    let other = match draw.below(5) {
        0 => Some(design_of(seed + 100_000)),
        _ => (0..steps).try_fold(design.clone(), |changed, _| mutant(&changed, &mut draw)),
    };
    let reference = Reference::new("other.yaml", other.unwrap_or_else(|| design.clone()).to_draft()).unwrap();
    let mut draft = design.to_draft();
    for view in [View::Policy, View::Service] {
        let reference = || reference.clone();
        for claim in [Claimed::Within { reference: reference() }, Claimed::Equal { reference: reference() }] {
            let (id, trust) = (format!("{}-{view}", claim.kind()), TRUSTS[draw.below(3)]);
            draft.properties.push(Property { view, trust, ..Property::new(id, claim) });
        }
    }
    Design::new(draft).unwrap()
}

#[test]
fn random_designs_are_within_others_and_nothing_else() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..designs() {
        let draft = Draft { properties: Vec::new(), needs: Vec::new(), ..design_of(seed).to_draft() };
        let design = comparing(&Design::new(draft).unwrap(), seed);
        let (a, r) = check_design(&design, &settings_of(seed), &format!("seed {seed}"));
        (accepted, refused) = (accepted + a, refused + r);
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

/// A random design with one claim about units that do not exist yet, of its own alphabet; `None` if none comes to mind.
fn asking_of_newcomers(seed: u64) -> Option<Design> {
    let (design, other) = (design_of(seed), design_of(seed + 1_000_000));
    let claims: Vec<Property> = design
        .properties()
        .iter()
        .chain(other.properties())
        .filter_map(|property| match &property.claim {
            Claimed::Isolated { from, to, services } | Claimed::OnlyThrough { from, to, services, .. } => {
                let (from, to, services) = (from.clone(), to.clone(), services.clone());
                let claim = Claimed::IsolatedEver { from, to, services };
                Some(Property { id: "ever".to_owned(), claim, ..property.clone() })
            }
            _ => None,
        })
        .collect();
    let property = claims.get(seed as usize % claims.len().max(1))?.clone();
    Some(Design::new(Draft { properties: vec![property], needs: Vec::new(), ..design.to_draft() }).unwrap())
}

/// A certificate that says that everybody starts and everybody is owned, which nothing leads out of.
fn everybody(bound: &Bound, design: &Design, settings: &Settings, by: &str) -> String {
    let units = design.units().len();
    let all = if units == 0 { "0".to_owned() } else { format!("1 0-{}", units - 1) };
    let sources = design.external_sources().len();
    let named: String = (0..sources).map(|at| format!(" {at}")).collect();
    let holders = design.units().iter().flat_map(|unit| &unit.credentials);
    let asked = design.units().iter().flat_map(|unit| &unit.logins).map(|login| &login.credential);
    let credentials: std::collections::BTreeSet<&String> = holders.chain(asked).collect();
    let held: String = credentials.iter().map(|credential| format!(" {credential:?}")).collect();
    let question = match (settings.as_if_enforced, settings.honour_trusted) {
        (false, false) => "as-declared anybody",
        (true, false) => "as-if-enforced anybody",
        (false, true) => "as-declared all-but-trusted",
        (true, true) => "as-if-enforced all-but-trusted",
    };
    format!(
        "seglab-certificate 1\ndesign {}\nclaim property 0 {}\nquestion {question}\n{by}\n\
         attack {all} 2 0.0.0.0-255.255.255.255 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff {sources}{named}\n\
         layer {all} {}{held}\nnewcomers 0\nend 8\n",
        bound.digest,
        bound.properties[0],
        credentials.len()
    )
}

/// The proof of the ordinary claim, as if nobody ever came.
fn prove_of_those_there_are(design: &Design, settings: &Settings) -> Proof {
    let property = &design.properties()[0];
    let Claimed::IsolatedEver { from, to, services } = &property.claim else { panic!("{property:?}") };
    let claim = Claimed::Isolated { from: from.clone(), to: to.clone(), services: services.clone() };
    Verifier::new(design).prove(&Property { claim, ..property.clone() }, settings)
}

#[test]
fn of_units_to_come_what_holds_is_accepted_and_nothing_else() {
    let (mut accepted, mut refused, mut forged) = (0, 0, 0);
    for seed in 0..designs() / 8 {
        let (Some(design), settings) = (asking_of_newcomers(seed), settings_of(seed)) else { continue };
        let what = format!("seed {seed}");
        let (a, r) = check_design(&design, &settings, &what);
        (accepted, refused) = (accepted + a, refused + r);
        if r > 0 {
            let bound = Bound::new(&design);
            let proof = prove(&mut Verifier::new(&design), Claim::Property(0), &settings);
            let written = bound.certificate(Claim::Property(0), &proof);
            let by = written.lines().find(|line| line.starts_with("by ")).unwrap();
            let read = seglab_certificate::Design::read(&bound.normal_form).unwrap();
            let judge = Judge::new(&read).unwrap();
            let certificate = everybody(&bound, &design, &settings, by);
            let checked = judge.check(&certificate, question(&settings));
            let unproved = matches!(
                checked,
                Err(Refusal::Unmet { obligation: Obligation::Targets | Obligation::HostedTargets, .. }
                    | Refusal::Unmodelled { .. })
            );
            assert!(unproved, "{what}: {checked:?}\n{}\n{certificate}", bound.normal_form);
            // Whoever exists does not suffice.
            let existing = prove_of_those_there_are(&design, &settings);
            let certificate = bound.certificate(Claim::Property(0), &existing);
            let checked = judge.check(&certificate, question(&settings));
            assert!(checked.is_err(), "{what}: it is false\n{}\n{certificate}", bound.normal_form);
            forged += 2;
        }
    }
    println!("{accepted} accepted, {refused} refused, and {forged} forged ones");
    assert!(accepted > 10 && refused > 20, "{accepted} accepted, {refused} refused");
}

/// Claims that held in a design and no longer do in a mutant: their old certificates, bound to the mutant as if made
/// for it, are refused.
#[test]
fn a_design_that_changes_under_a_certificate_is_noticed() {
    let (mut flipped, mut unbound) = (0, 0);
    let catalogue = seglab_scenarios::catalogue().iter().map(|scenario| {
        let path = scenario.file();
        seglab_scenarios::load(path.to_str().unwrap(), &Default::default()).unwrap().design
    });
    // Designs that people make are changed more often: more of what they claim holds, and less of it by chance.
    let drawn = (0..designs()).map(|seed| (comparing(&design_of(seed), seed), 8));
    let all = catalogue.map(|design| (design, designs() / 4)).chain(drawn);
    for (seed, (design, mutants)) in (0..).zip(all) {
        let settings = settings_of(seed);
        let report = verify(&design, &settings).unwrap();
        let (bound, mut verifier) = (Bound::new(&design), Verifier::new(&design));
        let mut draw = Draw(seed);
        for _ in 0..mutants {
            let steps = 1 + draw.below(3);
            let changed = (0..steps).try_fold(design.clone(), |changed, _| mutant(&changed, &mut draw));
            let Some(mutant) = changed.filter(|mutant| claims(mutant).count() == claims(&design).count()) else {
                continue;
            };
            let after = verify(&mutant, &settings).unwrap();
            let rebound = Bound::new(&mutant);
            let read = seglab_certificate::Design::read(&rebound.normal_form).unwrap();
            let judge = Judge::new(&read).unwrap();
            for claim in claims(&design).filter(|claim| holds(&report, *claim) && !holds(&after, *claim)) {
                let proof = prove(&mut verifier, claim, &settings);
                let old = judge.check(&bound.certificate(claim, &proof), question(&settings));
                unbound += usize::from(old.is_err());
                let forged = rebound.certificate(claim, &proof);
                let checked = judge.check(&forged, question(&settings));
                assert!(checked.is_err(), "seed {seed}: {claim:?} is false\n{}\n{forged}", rebound.normal_form);
                flipped += 1;
            }
        }
    }
    println!("{flipped} claims became false, and all of their certificates were refused");
    assert_eq!(flipped, unbound);
    assert!(flipped as u64 > designs() / 2, "{flipped} claims");
}

/// A certificate with something in its proof changed.
fn tampered(certificate: &str, draw: &mut Draw) -> String {
    const HEAD: usize = 4;
    let mut lines: Vec<String> = certificate.lines().map(str::to_owned).collect();
    lines.pop();
    let proof = lines.len().saturating_sub(HEAD).max(1);
    let at = (HEAD + draw.below(proof)).min(lines.len() - 1);
    match draw.below(5) {
        0 => {
            lines.remove(at);
        }
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = (HEAD + draw.below(proof)).min(lines.len() - 1);
            lines.swap(at, other);
        }
        3 => lines[at] = lines[at].replacen("plain", "hosted", 1),
        _ => {
            let mut words: Vec<String> = lines[at].split(' ').map(str::to_owned).collect();
            let word = draw.below(words.len());
            words[word] = match words[word].parse::<usize>() {
                Ok(_) => draw.below(6).to_string(),
                Err(_) => format!("{}-{}", draw.below(3), draw.below(6)),
            };
            lines[at] = words.join(" ");
        }
    }
    let count = lines.len();
    format!("{}\nend {count}\n", lines.join("\n"))
}

/// Certificates for false claims, as the writer makes them from what it knows and tampered with at random, are refused.
#[test]
fn no_certificate_proves_what_is_false() {
    let (mut refused, mut still_proofs) = (0, 0);
    for seed in 0..designs() {
        let (design, settings) = (design_of(seed), settings_of(seed));
        let report = verify(&design, &settings).unwrap();
        let (bound, mut verifier) = (Bound::new(&design), Verifier::new(&design));
        let read = seglab_certificate::Design::read(&bound.normal_form).unwrap();
        let judge = Judge::new(&read).unwrap();
        let mut draw = Draw(seed);
        for claim in claims(&design) {
            let certificate = bound.certificate(claim, &prove(&mut verifier, claim, &settings));
            let mut forged = certificate.clone();
            for step in 0..24 {
                // Some one step from the certificate, some many.
                let from = if step % 3 == 0 { &certificate } else { &forged };
                forged = tampered(from, &mut draw);
                match (judge.check(&forged, question(&settings)), holds(&report, claim)) {
                    (Ok(_), false) => {
                        panic!("seed {seed}: {claim:?} is false and accepted\n{}\n{forged}", bound.normal_form)
                    }
                    (Ok(_), true) => still_proofs += 1,
                    (Err(_), _) => refused += 1,
                }
            }
        }
    }
    println!("{refused} refused, {still_proofs} still prove what is true");
    assert!(refused > 1000, "{refused} refused");
}
