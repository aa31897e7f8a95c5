//! What a design allows, by asking the reference evaluator about every pair of units and every service that matters.

use seglab_policy::{
    Assume, Connection, Design, Endpoint, Header, Need, Peer, Pivot, Reply, Service, Transport, Trust, UnitId, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

/// More units than this are counted, not listed.
const LISTED_MAX: usize = 25;

/// Stands for the internet: an address that no rule of the catalogue names.
const INTERNET: &str = "8.8.8.8";

/// The report that `expected.txt` holds.
pub(crate) fn report(design: &Design) -> String {
    let mut out =
        format!("design: {}\nunits: {}\nrules: {}\n", design.name(), design.units().len(), design.rules().count());
    let pairs = listening_pairs(design);
    let _ = writeln!(out, "\n# connections to services that listen, between units");
    let groups: BTreeSet<String> = pairs
        .iter()
        .map(|(from, to, service)| {
            format!("{} -> {} {service}", design.unit(*from).display_name(), design.unit(*to).display_name())
        })
        .collect();
    if design.units().len() <= LISTED_MAX {
        groups.iter().for_each(|line| out.push_str(&format!("{line}\n")));
    } else {
        let _ = writeln!(out, "{} of {}", pairs.len(), possible_pairs(design));
    }
    let _ = writeln!(out, "\n# from the internet, and to it, on any port that a rule or a unit names");
    outside(design).iter().for_each(|line| out.push_str(&format!("{line}\n")));
    let broken: Vec<String> = design
        .needs()
        .iter()
        .filter(|need| !works(design, need))
        .map(|need| {
            format!("{} -> {} ({})", need.from, need.to, need.provenance.reason.as_deref().unwrap_or("no reason given"))
        })
        .collect();
    let _ = writeln!(out, "\n# needs\n{} of {} work", design.needs().len() - broken.len(), design.needs().len());
    broken.iter().for_each(|line| out.push_str(&format!("broken: {line}\n")));
    let _ = writeln!(out, "\n# blast radius [units], an owned unit's agent void");
    let reach = Reach::new(design);
    for pivot in [Pivot::Any, Pivot::Service, Pivot::Exploitable] {
        radius(&reach, pivot, &mut out);
    }
    out
}

fn radius(reach: &Reach<'_>, pivot: Pivot, out: &mut String) {
    let design = reach.design;
    let sizes: Vec<(UnitId, usize)> = design.unit_ids().map(|unit| (unit, reach.closure(unit, pivot).len())).collect();
    if design.units().len() <= LISTED_MAX {
        let by_owner: BTreeMap<&str, usize> =
            sizes.iter().map(|(unit, size)| (design.unit(*unit).display_name(), *size)).collect();
        let told: Vec<String> = by_owner.iter().map(|(name, size)| format!("{name} {size}")).collect();
        let _ = writeln!(out, "{pivot}: {}", told.join(", "));
        return;
    }
    let mut sorted: Vec<usize> = sizes.iter().map(|(_, size)| *size).collect();
    sorted.sort_unstable();
    let sum: usize = sorted.iter().sum();
    let tenths = (sum * 10 + sorted.len() / 2) / sorted.len();
    let _ = writeln!(
        out,
        "{pivot}: mean {}.{}, smallest {}, median {}, largest {}",
        tenths / 10,
        tenths % 10,
        sorted[0],
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1]
    );
}

/// The headers that tell rules apart: what units listen on, the edges of the ports of rules, and some that nobody names.
pub(crate) fn headers(design: &Design) -> Vec<Header> {
    let mut ports: BTreeSet<(Transport, u16)> = [(Transport::Tcp, 1), (Transport::Udp, 1)].into();
    for unit in design.units() {
        ports.extend(unit.listeners.iter().flat_map(|one| [(one.protocol, one.first), (one.protocol, one.last)]));
    }
    for service in design.rules().flat_map(|(_, rule)| &rule.services) {
        if let Service::Ports { protocol, ports: of, .. } = service {
            ports.extend(of.ranges().iter().flat_map(|&(first, last)| [(*protocol, first), (*protocol, last)]));
        }
    }
    let transport = ports.into_iter().map(|(protocol, port)| Header::to_port(protocol, port));
    transport.chain([Header::Icmp { kind: 8, code: 0 }]).collect()
}

/// The endpoints of a unit.
fn ends(design: &Design, unit: UnitId) -> Vec<Endpoint> {
    (0..design.unit(unit).interfaces.len())
        .map(|at| Endpoint::Unit { unit, interface: u16::try_from(at).unwrap() })
        .collect()
}

/// True if a connection arrives between any two endpoints.
fn arrives(design: &Design, from: &[Endpoint], to: &[Endpoint], header: Header, assume: Assume) -> Option<Reply> {
    let tried =
        from.iter().flat_map(|&source| to.iter().map(move |&destination| Connection { source, destination, header }));
    tried
        .filter_map(|connection| match design.evaluate(&connection, assume).verdict {
            Verdict::Allowed(reply) => Some(reply),
            Verdict::Denied(_) => None,
            Verdict::Unknown(doubt) => panic!("unknown: {} {doubt:?}", connection.display(design)),
        })
        .next()
}

/// The pairs of units that can speak, with the service; in the state that nobody is owned.
pub(crate) fn listening_pairs(design: &Design) -> Vec<(UnitId, UnitId, String)> {
    let mut pairs = Vec::new();
    for (from, to, header) in questions(design) {
        if arrives(design, &ends(design, from), &ends(design, to), header, Assume::business()).is_some() {
            pairs.push((from, to, header.to_string()));
        }
    }
    pairs
}

fn possible_pairs(design: &Design) -> usize {
    questions(design).count()
}

fn questions(design: &Design) -> impl Iterator<Item = (UnitId, UnitId, Header)> {
    design.unit_ids().flat_map(move |from| {
        design.unit_ids().filter(move |to| *to != from).flat_map(move |to| {
            let listeners = design.unit(to).listeners.iter();
            listeners.map(move |one| (from, to, Header::to_port(one.protocol, one.first)))
        })
    })
}

fn outside(design: &Design) -> BTreeSet<String> {
    let internet = [Endpoint::External(INTERNET.parse().unwrap())];
    let mut lines = BTreeSet::new();
    let all = headers(design);
    for unit in design.unit_ids() {
        let (own, name) = (ends(design, unit), design.unit(unit).display_name());
        let passing = |from: &[Endpoint], to: &[Endpoint]| {
            let open: Vec<String> = all
                .iter()
                .filter(|header| arrives(design, from, to, **header, Assume::business()).is_some())
                .map(Header::to_string)
                .collect();
            if open.len() == all.len() { vec!["everything".to_owned()] } else { open }
        };
        let (inbound, outbound) = (passing(&internet, &own), passing(&own, &internet));
        if !inbound.is_empty() {
            lines.insert(format!("internet -> {name} {}", inbound.join(" ")));
        }
        if !outbound.is_empty() {
            lines.insert(format!("{name} -> internet {}", outbound.join(" ")));
        }
    }
    lines
}

/// The endpoints of a peer, one list for each that must work on its own; of addresses the first and the last.
fn of_peer(design: &Design, peer: &Peer) -> Vec<Vec<Endpoint>> {
    match peer {
        Peer::Units(selector) => design.select(selector).map(|unit| ends(design, unit)).collect(),
        Peer::Addresses { set, .. } if *peer == Peer::internet() => {
            assert!(set.contains(INTERNET.parse().unwrap()));
            vec![vec![Endpoint::External(INTERNET.parse().unwrap())]]
        }
        Peer::Addresses { set, .. } => set
            .ranges()
            .flat_map(|(first, last)| [first, last])
            .map(|address: IpAddr| vec![Endpoint::External(address)])
            .collect(),
        other => panic!("no need of the catalogue has the peer {other}"),
    }
}

/// True if every connection of a need arrives and is answered.
pub(crate) fn works(design: &Design, need: &Need) -> bool {
    let (sources, destinations) = (of_peer(design, &need.from), of_peer(design, &need.to));
    assert!(!sources.is_empty() && !destinations.is_empty(), "a need of nobody: {} -> {}", need.from, need.to);
    sources.iter().all(|from| {
        destinations.iter().filter(|to| *to != from).all(|to| {
            need.services.iter().all(|service| {
                let Service::Ports { protocol, ports, .. } = service else { panic!("{service}") };
                ports.ranges().iter().flat_map(|&(first, last)| [first, last]).all(|port| {
                    let reply = arrives(design, from, to, Header::to_port(*protocol, port), Assume::business());
                    matches!(reply, Some(Reply::Passes))
                })
            })
        })
    })
}

/// Who reaches whom once it is owned.
pub(crate) struct Reach<'a> {
    design: &'a Design,
    /// By any header, and by headers that the destination listens to, for each pair.
    open: BTreeMap<(UnitId, UnitId), Vec<Header>>,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(design: &'a Design) -> Self {
        let all = headers(design);
        let assume = Assume::attack(Trust::OwnAgentVoid);
        let mut open: BTreeMap<(UnitId, UnitId), Vec<Header>> = BTreeMap::new();
        for from in design.unit_ids() {
            for to in design.unit_ids().filter(|to| *to != from) {
                let (source, destination) = (ends(design, from), ends(design, to));
                let passing =
                    all.iter().filter(|header| arrives(design, &source, &destination, **header, assume).is_some());
                open.insert((from, to), passing.copied().collect());
            }
        }
        Self { design, open }
    }

    /// What whoever owns `start` can own: the least set that is closed under steps, credentials and hosts.
    pub(crate) fn closure(&self, start: UnitId, pivot: Pivot) -> BTreeSet<UnitId> {
        let mut owned = BTreeSet::from([start]);
        loop {
            let held: BTreeSet<&String> = owned.iter().flat_map(|unit| &self.design.unit(*unit).credentials).collect();
            let next: Vec<UnitId> = self
                .design
                .unit_ids()
                .filter(|to| !owned.contains(to))
                .filter(|&to| {
                    let on_owned_host = self.design.host_of(to).is_some_and(|host| owned.contains(&host));
                    on_owned_host || owned.iter().any(|&from| self.step(from, to, pivot, &held))
                })
                .collect();
            if next.is_empty() {
                return owned;
            }
            owned.extend(next);
        }
    }

    fn step(&self, from: UnitId, to: UnitId, pivot: Pivot, held: &BTreeSet<&String>) -> bool {
        let unit = self.design.unit(to);
        self.open[&(from, to)].iter().any(|header| match (pivot, *header) {
            (Pivot::Any, _) => true,
            (Pivot::Service, header) => unit.listens_to(header),
            (Pivot::Exploitable, Header::Transport { protocol, destination_port: port, .. }) => {
                unit.listens_to(*header)
                    && (unit.vulnerabilities.iter().any(|one| (one.protocol, one.port) == (protocol, port))
                        || unit
                            .logins
                            .iter()
                            .any(|one| (one.protocol, one.port) == (protocol, port) && held.contains(&one.credential)))
            }
            _ => false,
        })
    }
}
