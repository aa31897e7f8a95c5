//! Class reachability says of every pair of endpoints and every header what the reference evaluator says.

use proptest::prelude::*;
use seglab_policy::arbitrary::{connection_of, design_of};
use seglab_policy::{
    Assume, Connection, Design, Endpoint, ExternalSourceId, Family, Header, Reply, Side, Transport, Trust, Verdict,
};
use seglab_verify::Verifier;
use std::collections::BTreeSet;

/// Every endpoint of a design, with external addresses at both edges of everything that rules or units name.
pub(crate) fn endpoints(design: &Design, seed: u64) -> Vec<Endpoint> {
    let mut all = BTreeSet::new();
    for unit in design.unit_ids() {
        let interfaces = u16::try_from(design.unit(unit).interfaces.len()).unwrap();
        all.extend((0..interfaces).map(|interface| Endpoint::Unit { unit, interface }));
    }
    let sources = u32::try_from(design.external_sources().len()).unwrap();
    all.extend((0..sources).map(|at| Endpoint::Source(ExternalSourceId(at))));
    for at in 0..24 {
        let connection = connection_of(design, seed.wrapping_mul(31).wrapping_add(at));
        all.extend([connection.source, connection.destination]);
    }
    all.into_iter().collect()
}

/// Headers on both sides of every edge that random designs cut ports at, and a few of everything else.
pub(crate) fn headers(design: &Design, seed: u64) -> Vec<Header> {
    let mut all: BTreeSet<Header> = [0u8, 47, 50, 255].map(Header::Other).into_iter().collect();
    for (kind, code) in [(0, 0), (8, 0), (8, 1), (13, 0), (14, 0), (128, 0), (129, 0), (3, 1)] {
        all.insert(Header::Icmp { kind, code });
    }
    for protocol in Transport::ALL {
        for destination_port in [0, 22, 23, 53, 80, 81, 443, 1023, 1024, 8080, 65535] {
            all.insert(Header::Transport { protocol, source_port: 40000, destination_port });
        }
    }
    for at in 0..24 {
        all.insert(connection_of(design, seed.wrapping_mul(31).wrapping_add(at)).header);
    }
    let ports: Vec<Header> = all
        .iter()
        .filter_map(|header| match *header {
            Header::Transport { protocol, source_port, destination_port } => {
                Some(Header::Transport { protocol, source_port: destination_port, destination_port: source_port })
            }
            _ => None,
        })
        .collect();
    all.extend(ports);
    all.into_iter().collect()
}

pub(crate) fn assumptions() -> Vec<Assume> {
    let mut all = Vec::new();
    for as_if_enforced in [false, true] {
        for trust in [Trust::Intact, Trust::OwnAgentVoid, Trust::ControllerVoid] {
            for (owned, host_owned) in [
                (None, false),
                (Some(Side::Source), false),
                (Some(Side::Source), true),
                (Some(Side::Destination), false),
                (Some(Side::Destination), true),
            ] {
                all.push(Assume { as_if_enforced, trust, owned, host_owned });
            }
        }
    }
    all
}

/// Compares every connection; returns how many are allowed, denied, unknown, one-way.
fn compare(seed: u64, counts: &mut [u64; 4]) {
    let design = design_of(seed);
    let mut verifier = Verifier::new(&design);
    let all = assumptions();
    let picked = [usize::try_from(seed % 7).unwrap(), usize::try_from(seed % 30).unwrap()];
    for assume in picked.map(|at| all[at]) {
        for source in endpoints(&design, seed) {
            for destination in endpoints(&design, seed) {
                let direct = verifier.direct(source, destination, assume);
                for header in headers(&design, seed) {
                    let connection = Connection { source, destination, header };
                    let family = design.family_of(&connection).unwrap_or(Family::V4);
                    let has = |set: &seglab_verify::HeaderSet| set.contains(family, header);
                    let verdict = design.evaluate(&connection, assume).verdict;
                    let expected = match verdict {
                        Verdict::Allowed(reply) => (true, false, reply == Reply::Blocked, reply == Reply::Unknown),
                        Verdict::Denied(_) => (false, false, false, false),
                        Verdict::Unknown(_) => (false, true, false, false),
                    };
                    let got = (
                        has(&direct.allowed),
                        has(&direct.unknown),
                        has(&direct.reply_blocked),
                        has(&direct.reply_unknown),
                    );
                    assert_eq!(
                        got,
                        expected,
                        "seed {seed}: {} under {assume:?}: {verdict:?}",
                        connection.display(&design)
                    );
                    match verdict {
                        Verdict::Allowed(Reply::Blocked) => counts[3] += 1,
                        Verdict::Allowed(_) => counts[0] += 1,
                        Verdict::Denied(_) => counts[1] += 1,
                        Verdict::Unknown(_) => counts[2] += 1,
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn classes_agree_with_the_reference_evaluator(seed in any::<u64>()) {
        compare(seed, &mut [0; 4]);
    }
}

/// `SEGLAB_SEEDS=10000` makes it the long run.
#[test]
fn every_verdict_occurs() {
    let mut counts = [0; 4];
    let seeds = std::env::var("SEGLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(100);
    (0..seeds).for_each(|seed| compare(seed, &mut counts));
    let all: u64 = counts.iter().sum();
    let [allowed, denied, unknown, blocked] = counts;
    println!("of {all} connections: allowed {allowed}, denied {denied}, unknown {unknown}, one-way {blocked}");
    assert!(counts.into_iter().zip([10, 10, 100, 5000]).all(|(count, share)| count > all / share), "{counts:?}");
}

/// The count of pairs is that of the answers for two endpoints at a time.
#[test]
fn the_census_counts_every_pair() {
    let (mut partly, mut uncertain) = (0, 0);
    for seed in 0..60u64 {
        let design = design_of(seed);
        let mut verifier = Verifier::new(&design);
        let assume = assumptions()[usize::try_from(seed % 30).unwrap()];
        let census = verifier.census(assume);
        let interfaces: Vec<Endpoint> =
            endpoints(&design, seed).into_iter().filter(|end| end.unit().is_some()).collect();
        let (mut pairs, mut connected, mut unknown) = (0, 0, 0);
        let mut sets = BTreeSet::new();
        for (&from, &to) in interfaces.iter().flat_map(|from| interfaces.iter().map(move |to| (from, to))) {
            if from.unit() == to.unit() {
                continue;
            }
            let direct = verifier.direct(from, to, assume);
            pairs += 1;
            connected += u64::from(!direct.allowed.is_empty());
            unknown += u64::from(!direct.unknown.is_empty());
            sets.insert(direct.allowed);
        }
        assert_eq!((census.pairs, census.connected, census.uncertain), (pairs, connected, unknown), "seed {seed}");
        assert!(census.header_sets >= sets.len(), "seed {seed}");
        partly += u64::from(0 < connected && connected < pairs);
        uncertain += u64::from(unknown > 0);
    }
    assert!(partly > 20 && uncertain > 5, "{partly} designs are connected in part, {uncertain} not surely");
}
