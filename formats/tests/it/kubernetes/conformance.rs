//! The public conformance cases: manifests with their allowed connections, by an independent analyser.
//!
//! That oracle knows IPv4, the protocols TCP, UDP and SCTP, and ports 1 to 65535; what it does not know is asserted in
//! `beyond_the_oracle`. Where its answer is a matter of choice, this reader makes the same choice:
//!
//! - replicas of one owner are printed once, and connections among them are left out (`reach` in `reach.rs`);
//! - pods that one controller made stand under its name even where their labels differ, as long as no policy looks at
//!   the difference (`workload.rs`); a reference to a controller without a kind is to one of the pod's own kind;
//! - address ranges of `NetworkPolicy` speak of external addresses only (DESIGN §2), and a network of an
//!   administrators' policy matches a pod, whose address is not known, only if it is all of IPv4 (DESIGN §2);
//! - the ingress controller is a source in a namespace that is not known, so that a policy lets it in only by letting
//!   in every namespace (`ingress.rs`); a file in the folder that is no manifest is skipped under a warning.

use super::data::{design, folder, public};
use super::reach::{External, Internal, Ports, Reach, allowed, endpoint, reach};
use seglab_policy::{AddressSet, Design, Endpoint, Family, Header, IntervalSet};
use std::path::Path;

const CASES: usize = 56;

/// Reads `expected.txt`: `source => destination : connections`, one a line.
pub(crate) fn expected(text: &str) -> Reach {
    let (mut internal, mut external) = (Internal::default(), External::default());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (source, rest) = line.split_once(" => ").expect("an arrow");
        let (destination, connections) = rest.split_once(" : ").expect("a colon");
        let ports = connections_of(connections.trim());
        let mut outside = |inbound: bool, range: &str, unit: &str| {
            let (first, last) = range.split_once('-').expect("a range");
            let range = AddressSet::from_range(first.parse().unwrap(), last.parse().unwrap());
            let set = external.entry((inbound, unit.to_owned(), ports.clone())).or_default();
            *set = set.union(&range);
        };
        match (source.strip_suffix("[External]"), destination.strip_suffix("[External]")) {
            (Some(range), None) => outside(true, range, destination),
            (None, Some(range)) => outside(false, range, source),
            _ => {
                let before = internal.insert((source.to_owned(), destination.to_owned()), ports);
                assert!(before.is_none(), "two lines for one pair: {line}");
            }
        }
    }
    Reach { internal, external }
}

fn connections_of(text: &str) -> Ports {
    if text == "All Connections" {
        return Ports::all();
    }
    let mut ports: [Vec<(u16, u16)>; 3] = Default::default();
    let mut protocol = None;
    for part in text.split(',') {
        let numbers = match part.split_once(' ') {
            None => part,
            Some((name, numbers)) => {
                protocol = ["TCP", "UDP", "SCTP"].iter().position(|known| *known == name);
                numbers
            }
        };
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        ports[protocol.expect("a protocol")].push((first.parse().unwrap(), last.parse().unwrap()));
    }
    Ports(ports.map(IntervalSet::from_ranges))
}

fn difference(ours: &Reach, theirs: &Reach) -> Vec<String> {
    let mut lines = Vec::new();
    for (pair, ports) in &ours.internal {
        if theirs.internal.get(pair) != Some(ports) {
            lines.push(format!("+ {pair:?} {:?}", ports.0));
        }
    }
    for (pair, ports) in &theirs.internal {
        if ours.internal.get(pair) != Some(ports) {
            lines.push(format!("- {pair:?} {:?}", ports.0));
        }
    }
    for (key, set) in &ours.external {
        if theirs.external.get(key) != Some(set) {
            lines.push(format!("+ {key:?} {set}"));
        }
    }
    for (key, set) in &theirs.external {
        if ours.external.get(key) != Some(set) {
            lines.push(format!("- {key:?} {set}"));
        }
    }
    lines
}

fn case(folder_of_case: &Path) -> Design {
    design(&folder(&folder_of_case.join("manifests")))
}

#[test]
fn all_cases_agree_with_the_oracle() {
    let Some(root) = public("kubernetes-conformance") else { return };
    let mut names: Vec<_> = std::fs::read_dir(root.join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), CASES);
    let mut failures = Vec::new();
    for path in names {
        let theirs = expected(&std::fs::read_to_string(path.join("expected.txt")).unwrap());
        let ours = reach(&case(&path), Family::V4);
        let lines = difference(&ours, &theirs);
        if !lines.is_empty() {
            failures.push(format!(
                "{}: {} lines\n{}",
                path.display(),
                lines.len(),
                lines[..lines.len().min(12)].join("\n")
            ));
        }
    }
    assert!(failures.is_empty(), "{} cases differ\n{}", failures.len(), failures.join("\n\n"));
}
