//! `seglab reach FOLDER --format csv` on the public conformance cases: manifests with their allowed connections, by an
//! independent analyser.
//!
//! That oracle knows IPv4, the protocols TCP, UDP and SCTP, and ports 1 to 65535, so that is what both sides are
//! restricted to, ranges of addresses and ports merged; `beyond_the_oracle` asserts the rest. Its
//! `{ingress-controller}` is a named external source here. Where an expectation is a matter of choice, the choice is
//! stated in `formats/tests/it/kubernetes/conformance.rs`.

use crate::program::{public, seglab};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

const CASES: usize = 56;
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Merged ranges, ascending, both ends included.
type Ranges = Vec<(u32, u32)>;

/// Of each protocol the destination ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ports([Ranges; 3]);

impl Ports {
    fn all() -> Self {
        Ports(std::array::from_fn(|_| vec![(1, 65535)]))
    }

    fn union(&mut self, other: &Ports) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.extend(theirs);
            *mine = merged(mine);
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}

fn merged(ranges: &Ranges) -> Ranges {
    let mut sorted = ranges.clone();
    sorted.sort_unstable();
    let mut out: Ranges = Vec::new();
    for (first, last) in sorted {
        match out.last_mut() {
            Some(before) if u64::from(first) <= u64::from(before.1) + 1 => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

/// Ranges of addresses with the ports that are open from or to each.
type Rows = Vec<((u32, u32), Ports)>;

/// An end of a connection: a name, or a range of addresses.
enum End {
    Name(String),
    Range(u32, u32),
}

/// The connections between named ends, and of each named end those from (`true`) and to addresses outside.
#[derive(Default)]
struct Connections {
    named: BTreeMap<(String, String), Ports>,
    outside: BTreeMap<(bool, String), Rows>,
}

impl Connections {
    fn add(&mut self, source: End, destination: End, ports: Ports) {
        match (source, destination) {
            (End::Name(source), End::Name(destination)) => {
                self.named.entry((source, destination)).or_default().union(&ports);
            }
            (End::Range(first, last), End::Name(name)) => {
                self.outside.entry((true, name)).or_default().push(((first, last), ports));
            }
            (End::Name(name), End::Range(first, last)) => {
                self.outside.entry((false, name)).or_default().push(((first, last), ports));
            }
            (End::Range(..), End::Range(..)) => panic!("a connection past every unit"),
        }
    }

    /// One line a connection, in a form that two equal sets share.
    fn lines(&self) -> BTreeSet<String> {
        let named = self.named.iter().filter(|(_, ports)| !ports.is_empty());
        let named = named.map(|((source, destination), ports)| format!("{source} => {destination} : {ports:?}"));
        let outside = self.outside.iter().flat_map(|((inbound, name), rows)| {
            let arrow = if *inbound { "<=" } else { "=>" };
            cut(rows).into_iter().map(move |((first, last), ports)| {
                format!("{name} {arrow} {}-{} : {ports:?}", Ipv4Addr::from(first), Ipv4Addr::from(last))
            })
        });
        named.chain(outside).collect()
    }
}

/// The same as disjoint ranges, as wide as their ports allow.
fn cut(rows: &Rows) -> Rows {
    let edges = rows.iter().flat_map(|((first, last), _)| [u64::from(*first), u64::from(*last) + 1]);
    let edges: Vec<u64> = edges.collect::<BTreeSet<_>>().into_iter().collect();
    let mut out = Rows::new();
    for pair in edges.windows(2) {
        let (first, last) = (u32::try_from(pair[0]).unwrap(), u32::try_from(pair[1] - 1).unwrap());
        let mut ports = Ports::default();
        for ((from, to), more) in rows {
            if *from <= first && last <= *to {
                ports.union(more);
            }
        }
        match out.last_mut() {
            Some((range, same)) if u64::from(range.1) + 1 == u64::from(first) && *same == ports => range.1 = last,
            _ => out.push(((first, last), ports)),
        }
    }
    out.retain(|(_, ports)| !ports.is_empty());
    out
}

/// Reads `expected.txt`: `source => destination : connections`, one a line.
fn expected(text: &str) -> Connections {
    let end = |text: &str| match text.strip_suffix("[External]") {
        None => End::Name(text.to_owned()),
        Some(range) => {
            let (first, last) = range.split_once('-').expect("a range");
            End::Range(first.parse::<Ipv4Addr>().unwrap().into(), last.parse::<Ipv4Addr>().unwrap().into())
        }
    };
    let mut found = Connections::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (source, rest) = line.split_once(" => ").expect("an arrow");
        let (destination, connections) = rest.split_once(" : ").expect("a colon");
        let mut ports = Ports::default();
        if connections.trim() == "All Connections" {
            ports = Ports::all();
        } else {
            let mut protocol = 0;
            for part in connections.trim().split(',') {
                let (name, numbers) = part.split_once(' ').unwrap_or(("", part));
                protocol = PROTOCOLS.iter().position(|known| *known == name).unwrap_or(protocol);
                ports.0[protocol].push(range(numbers));
            }
        }
        found.add(end(source), end(destination), ports);
    }
    found
}

fn range(text: &str) -> (u32, u32) {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    (first.parse().unwrap(), last.parse().unwrap())
}

/// A row of the tool's output.
struct Row {
    source: String,
    destination: String,
    connections: String,
}

fn rows(manifests: &Path) -> Vec<Row> {
    let run = seglab(manifests, &["reach", ".", "--format", "csv", "--quiet"]);
    let out = run.ends(0);
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["source", "destination", "connections"]);
    let records = reader.records().map(|record| record.unwrap());
    let row = |record: csv::StringRecord| Row {
        source: record[0].to_owned(),
        destination: record[1].to_owned(),
        connections: record[2].to_owned(),
    };
    records.map(row).collect()
}

/// The first and last address of a range such as `10.0.0.0-10.0.0.255`.
fn addresses(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// What of the tool's output the oracle can know.
fn restricted(rows: &[Row]) -> Connections {
    let end = |text: &str| match addresses(text) {
        None => Some(End::Name(text.to_owned())),
        Some((IpAddr::V4(first), IpAddr::V4(last))) => Some(End::Range(first.into(), last.into())),
        Some(_) => None,
    };
    let mut found = Connections::default();
    for row in rows {
        if let (Some(source), Some(destination)) = (end(&row.source), end(&row.destination)) {
            found.add(source, destination, ports(&row.connections));
        }
    }
    found
}

/// Reads a cell such as `all` or `TCP 80,443,8000-8999;UDP;ICMP 8/0;proto 50`.
fn ports(cell: &str) -> Ports {
    if cell == "all" {
        return Ports::all();
    }
    assert!(!cell.contains(['[', '*']), "no policy of Kubernetes looks at source ports or replies: {cell}");
    let mut ports = Ports::default();
    for part in cell.split(';') {
        let (name, numbers) = part.split_once(' ').unwrap_or((part, "1-65535"));
        if let Some(at) = PROTOCOLS.iter().position(|known| *known == name) {
            let known = numbers.split(',').map(range).filter(|(_, last)| *last > 0);
            ports.0[at] = merged(&known.map(|(first, last)| (first.max(1), last)).collect());
        } else {
            let other = ["ICMP", "ICMPv6", "proto"].contains(&name);
            assert!(other, "an unknown protocol in {cell}");
        }
    }
    ports
}

fn cases() -> Option<Vec<PathBuf>> {
    let root = public("kubernetes-conformance")?.join("cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert_eq!(cases.len(), CASES);
    Some(cases)
}

#[test]
fn all_cases_agree_with_the_oracle() {
    let Some(cases) = cases() else { return };
    let mut failures = Vec::new();
    for case in cases {
        let theirs = expected(&std::fs::read_to_string(case.join("expected.txt")).unwrap()).lines();
        let ours = restricted(&rows(&case.join("manifests"))).lines();
        assert!(!theirs.is_empty(), "{}: nothing is expected", case.display());
        let more = ours.difference(&theirs).map(|line| format!("+ {line}"));
        let differences: Vec<String> = more.chain(theirs.difference(&ours).map(|line| format!("- {line}"))).collect();
        if !differences.is_empty() {
            let shown = differences.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
            failures.push(format!("{}: {} lines\n{shown}", case.display(), differences.len()));
        }
    }
    assert!(failures.is_empty(), "{} cases differ\n{}", failures.len(), failures.join("\n\n"));
}

/// What the oracle does not know. Between units a policy without ports lets everything through, ICMP and other
/// protocols too: the cell is `all` exactly where the oracle says `All Connections`. Where no policy speaks of address
/// ranges, IPv6 is outside as IPv4 is; ranges of IPv4 open nothing over IPv6.
#[test]
fn beyond_the_oracle() {
    let Some(cases) = cases() else { return };
    let (mut open, mut other_protocols, mut without_ranges) = (0, 0, 0);
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(case.join("expected.txt")).unwrap();
        let everything: BTreeSet<(&str, &str)> = text
            .lines()
            .filter(|line| !line.contains("[External]"))
            .filter_map(|line| line.strip_suffix(" : All Connections")?.split_once(" => "))
            .collect();
        let rows = rows(&case.join("manifests"));
        let between = rows.iter().filter(|row| addresses(&row.source).or(addresses(&row.destination)).is_none());
        let all = between.clone().filter(|row| row.connections == "all");
        let all: BTreeSet<(&str, &str)> = all.map(|row| (row.source.as_str(), row.destination.as_str())).collect();
        assert_eq!(all, everything, "{name}");
        open += all.len();
        other_protocols += between.filter(|row| row.connections.contains("ICMP;ICMPv6;proto")).count();

        let outside = |v6: bool| {
            let rows = rows.iter().filter_map(|row| {
                let (inbound, unit, (first, _)) = match (addresses(&row.source), addresses(&row.destination)) {
                    (Some(range), _) => (true, &row.destination, range),
                    (_, Some(range)) => (false, &row.source, range),
                    _ => return None,
                };
                (first.is_ipv6() == v6).then_some((inbound, unit, &row.connections))
            });
            rows.collect::<BTreeSet<_>>()
        };
        if !names_ranges(&case.join("manifests")) {
            assert_eq!(outside(true), outside(false), "{name}");
            without_ranges += 1;
        }
    }
    assert!(open > 500 && other_protocols > 15 && without_ranges > 40, "{open} {other_protocols} {without_ranges}");
}

/// The one policy of this case lets UDP 53 in from ranges of IPv4, and isolates a unit for every family and protocol.
#[test]
fn ranges_of_one_family_open_nothing_in_the_other() {
    let Some(cases) = cases() else { return };
    let case = cases.iter().find(|case| case.ends_with("ipblockstest")).expect("the case");
    let isolated = "kube-system/vpn-858f6d9777[ReplicaSet]";
    let rows = rows(&case.join("manifests"));
    let into = rows.iter().filter(|row| row.destination == isolated);
    let (outside, inside): (Vec<_>, Vec<_>) = into.partition(|row| addresses(&row.source).is_some());
    assert!(!outside.is_empty() && inside.is_empty());
    for row in outside {
        assert!(addresses(&row.source).is_some_and(|(first, _)| first.is_ipv4()), "{}", row.source);
        assert_eq!(row.connections, "UDP 53");
    }
    let out_over_v6 = rows.iter().any(|row| row.source == isolated && row.destination.starts_with("::"));
    assert!(out_over_v6, "its egress is open in both families");
}

/// True if a policy below a folder speaks of address ranges.
fn names_ranges(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.any(|path| match path.is_dir() {
        true => names_ranges(&path),
        false => {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            text.contains("ipBlock:") || text.contains("networks:")
        }
    })
}
