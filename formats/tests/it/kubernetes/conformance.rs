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

/// The cases over IPv6 and for headers that the oracle does not know. Between pods IPv6 is as IPv4, for no selector
/// tells families apart; ICMP and other protocols pass exactly where no rule with ports decides.
#[test]
fn beyond_the_oracle() {
    let Some(root) = public("kubernetes-conformance") else { return };
    let case = |name: &str| case(&root.join("cases").join(name));

    let networks = "anp_and_banp_using_networks_test";
    for name in ["acs-security-demos", "anp_test_4", "banp_test_core_egress_udp_rules", "netpol_named_port_test"] {
        let design = case(name);
        assert_eq!(reach(&design, Family::V6).internal, reach(&design, Family::V4).internal, "{name}");
    }

    // Its baseline denies 0.0.0.0/0 only: over IPv6 everything outside stays open where no NetworkPolicy isolates.
    let design = case(networks);
    let unit = design.unit_named("ns2/pod1[Deployment]").unwrap();
    let outside = |address: &str| Endpoint::External(address.parse().unwrap());
    let to = |address: &str, header| {
        let family = Family::of(address.parse().unwrap());
        allowed(&design, endpoint(&design, unit, family), outside(address), header)
    };
    let (ping, ping_v6) = (Header::Icmp { kind: 8, code: 0 }, Header::Icmp { kind: 128, code: 0 });
    assert!(to("2001:db8::1", ping_v6) && to("2001:db8::1", Header::Other(50)));
    assert!(to("60.45.72.1", ping) && to("60.45.72.1", Header::Other(50)));
    assert!(!to("9.9.9.9", ping) && !to("10.0.0.1", ping));

    // Its one policy lets UDP 53 in from IPv4 ranges, and isolates for every family and protocol.
    let design = case("ipblockstest");
    let isolated = design.unit_named("kube-system/vpn-858f6d9777[ReplicaSet]").unwrap();
    let dns = Header::to_port(seglab_policy::Transport::Udp, 53);
    let from = |address: &str, header| {
        let family = Family::of(address.parse().unwrap());
        allowed(&design, outside(address), endpoint(&design, isolated, family), header)
    };
    assert!(from("9.9.9.9", dns) && !from("10.0.0.1", dns) && !from("2001:db8::1", dns));
    assert!(!from("9.9.9.9", ping) && !from("9.9.9.9", Header::Other(50)));
}
