//! Measures certificates: what they take to write, how large they are, and what their check takes beyond reading and
//! hashing.
//!
//! `cargo run --release -p seglab-benches --example certificates -- 40000 10000` proves what of a generated company holds:
//! what it claims and needs, that whoever owns one application, or environment, never reaches another application, or
//! role, and bounds that are met; every certificate is checked seven times.
//!
//! Prints lines of a Markdown table, one a kind of claim. Milliseconds are by the clock, the shortest of the rounds of
//! each certificate: of those the median, and the longest.

#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::expect_used)]

use seglab_benches::{Size, company};
use seglab_certificate::{Judge, Question, sha256};
use seglab_policy::{
    AtMost, Claim, Design, Directions, Flow, Peer, Pivot, Property, Reference, Selector, Service, Statistic,
    normal_form,
};
use seglab_verify::{Settings, Verifier};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const ROUNDS: usize = 7;

/// What was measured of the certificates of one kind of claim.
#[derive(Default)]
struct Kind {
    certificates: usize,
    bytes_max: usize,
    /// The largest share of 64 bytes for each obligation and edge that a certificate takes. [per cent]
    of_bound_max: u64,
    /// The shortest rounds. \[ns\]
    checks: Vec<u128>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u32| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (units, rules) = (number(0, 5000), number(1, 10_000));
    let design = claiming(&company(Size { units, rules }));
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    let (read, first) = measure(&design, &mut kinds);
    println!(
        "{units} units, {rules} rules: reading and hashing {read} ms, whom peers mean {first} ms, once for all checks.\n"
    );
    println!(
        "| claim | certificates | largest \\[bytes\\] | of 64 bytes an obligation or edge | check \\[ms\\] | longest \\[ms\\] |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, mut kind) in kinds {
        kind.checks.sort_unstable();
        let ms = |ns: Option<&u128>| ns.copied().unwrap_or_default() as f64 / 1e6;
        println!(
            "| {name} | {} | {} | {} % | {:.2} | {:.2} |",
            kind.certificates,
            kind.bytes_max,
            kind.of_bound_max,
            ms(kind.checks.get(kind.checks.len() / 2)),
            ms(kind.checks.last()),
        );
    }
}

/// The design with more claims, some of each kind that hold.
fn claiming(design: &Design) -> Design {
    let values = |key: &str| -> Vec<Selector> {
        let values: BTreeSet<&String> = design.units().iter().filter_map(|unit| unit.labels.get(key)).collect();
        let every = (values.len() / 12).max(1);
        let one = |value: &String| Selector::In { key: key.to_owned(), values: vec![value.clone()] };
        values.into_iter().step_by(every).map(one).collect()
    };
    let most = u32::try_from(design.units().len()).expect("units are numbered");
    let mut claims = Vec::new();
    let (apps, environments, roles) = (values("app"), values("env"), values("role"));
    let sides = apps.iter().chain(&environments).flat_map(|from| apps.iter().chain(&roles).map(move |to| (from, to)));
    for (from, to) in sides.filter(|(from, to)| from != to) {
        for pivot in [Pivot::Any, Pivot::Exploitable] {
            let [from, to] = [from, to].map(|side| Peer::Units(side.clone()));
            claims.push((Claim::Isolated { from, to, services: vec![Service::Any] }, pivot));
        }
    }
    for pivot in Pivot::ALL {
        let (from, at_most) = (Selector::Everything, AtMost::Units(most));
        claims.push((Claim::BlastRadius { from, at_most, of: Statistic::Max }, pivot));
    }
    let everyone = || Flow { from: Peer::Anyone, to: Peer::Anyone, services: vec![Service::Any] };
    claims.extend([
        (Claim::Only { flows: vec![everyone()], among: None }, Pivot::Any),
        (Claim::DefaultDeny { units: Selector::Everything, directions: Directions::UNIT }, Pivot::Any),
        (
            Claim::Surface { units: Selector::Everything, entries_max: Some(2 * most), exits_max: Some(2 * most) },
            Pivot::Any,
        ),
        (Claim::NoUndefinedOrder { rulebook: None }, Pivot::Any),
    ]);
    let reference = Reference::new("approved.yaml", design.to_draft()).expect("the design is one");
    claims.extend([
        (Claim::Within { reference: reference.clone() }, Pivot::Any),
        (Claim::Equal { reference }, Pivot::Any),
    ]);
    let more = claims.into_iter().enumerate();
    let more = more.map(|(at, (claim, pivot))| Property { pivot, ..Property::new(format!("more-{at}"), claim) });
    let mut draft = design.to_draft();
    draft.properties.extend(more);
    Design::new(draft).expect("the names are new")
}

/// Checks the certificate of everything that holds; gives what reading and hashing take, and what the first check takes
/// beyond its own, in milliseconds.
fn measure(design: &Design, kinds: &mut BTreeMap<String, Kind>) -> (u128, u128) {
    let settings = Settings::default();
    let mut verifier = Verifier::new(design);
    let report = verifier.settle_all(&settings).expect("counterexamples replay");
    let proofs = verifier.prove_all(&settings, &report);
    let text = normal_form::write(design);
    let mut before = Instant::now();
    let mut timed = || {
        let now = Instant::now();
        (now - std::mem::replace(&mut before, now)).as_nanos()
    };
    let read = seglab_certificate::Design::read(&text).expect("the normal form is well formed");
    let digest = sha256(text.as_bytes());
    let reading = timed();
    let judge = Judge::new(&read).expect("the design is not too large");
    let (mut world, mut is_first) = (timed(), true);
    let lines = |keyword: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with(keyword)).map(|line| sha256(line.as_bytes())).collect()
    };
    let claims = design.properties().iter().map(name_of);
    let of_properties = claims.zip(&proofs.properties).zip(lines("property ")).enumerate().map(|of| ("property", of));
    let names = design.needs().iter().map(|_| "need".to_owned());
    let of_needs = names.zip(&proofs.needs).zip(lines("need ")).enumerate().map(|of| ("need", of));
    for (section, (at, ((name, proof), claim))) in of_properties.chain(of_needs) {
        let Some(proof) = proof else { continue };
        let certificate = proof.to_text(&digest, section, at, &claim);
        let mut rounds = Vec::new();
        let mut accepted = None;
        timed();
        for _ in 0..ROUNDS {
            accepted = Some(judge.check(&certificate, Question::default()).expect("what holds is accepted"));
            rounds.push(timed());
        }
        if std::mem::take(&mut is_first) {
            world += rounds.iter().max().copied().unwrap_or_default();
        }
        let accepted = accepted.expect("there are rounds");
        let kind = kinds.entry(name).or_default();
        kind.certificates += 1;
        kind.bytes_max = kind.bytes_max.max(certificate.len());
        let bound = 64 * (accepted.obligations + accepted.edges).max(1);
        kind.of_bound_max = kind.of_bound_max.max(certificate.len() as u64 * 100 / bound);
        kind.checks.extend(rounds.iter().min());
    }
    (reading / 1_000_000, world / 1_000_000)
}

fn name_of(property: &Property) -> String {
    let kind = property.claim.kind();
    if property.claim.asks().pivot { format!("`{kind}`, {}", property.pivot) } else { format!("`{kind}`") }
}
