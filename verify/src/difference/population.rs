//! Who is there: the units of two designs matched by name, and what became of each.
//!
//! A change of the population is not a change of policy: a connection that is gained because a unit is new says
//! something else than one that is gained because a rule is. Every unit therefore has a [`Standing`], and every change
//! of reachability bears that of its ends.

use seglab_policy::{Address, Design, Interface, Labels, Listener, Transport, Unit, UnitId};
use std::collections::BTreeMap;

/// What became of a unit, or of a named external source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is in both designs, and nothing that reachability may depend on differs.
    #[default]
    Unchanged,
    /// It is in both designs and bears other labels, addresses, listeners or the like.
    Changed,
    /// It is in the new design only.
    Added,
    /// It is in the old design only.
    Removed,
}

/// Something that a unit has, or is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// Its labels.
    Labels,
    /// Its interfaces: addresses, spaces, places, paths to the outside.
    Interfaces,
    /// The services that it listens on.
    Listeners,
    /// The unit that it runs on.
    Host,
    /// The owner that it is a replica of.
    Owner,
    /// Its weaknesses.
    Vulnerabilities,
    /// The credentials that it holds.
    Credentials,
    /// The credentials that it takes.
    Logins,
    /// What its loss costs.
    Criticality,
    /// Its software image.
    Image,
    /// Whether an agent can be installed on it.
    AgentHosting,
}

impl Facet {
    /// Whether reachability, direct or lateral, may depend on it.
    pub fn matters(self) -> bool {
        !matches!(self, Facet::Criticality | Facet::Image | Facet::AgentHosting)
    }

    /// The name to print, in the plural where there may be several.
    pub fn name(self) -> &'static str {
        match self {
            Facet::Labels => "labels",
            Facet::Interfaces => "interfaces",
            Facet::Listeners => "listeners",
            Facet::Host => "host",
            Facet::Owner => "owner",
            Facet::Vulnerabilities => "vulnerabilities",
            Facet::Credentials => "credentials",
            Facet::Logins => "logins",
            Facet::Criticality => "criticality",
            Facet::Image => "image",
            Facet::AgentHosting => "agent can be installed",
        }
    }
}

/// A facet of a unit before and after, each as it is printed: only what differs, `none` for nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FacetChange {
    /// What changed.
    pub facet: Facet,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// A unit of either design, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mate {
    /// The name, by which units are matched.
    pub name: String,
    /// The unit of the old design.
    pub old: Option<UnitId>,
    /// The unit of the new design.
    pub new: Option<UnitId>,
    /// What became of it.
    pub standing: Standing,
    /// What differs; empty for units of one design only.
    pub facets: Vec<FacetChange>,
}

/// The units of two designs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Every unit of either, by name.
    pub mates: Vec<Mate>,
    /// Pairs of a removed and an added unit that are alike in everything but the name, by position in `mates`. They
    /// are two units to the comparison; the pair says what probably happened.
    pub renamed: Vec<(usize, usize)>,
}

impl Population {
    /// Matches the units of two designs by name.
    pub fn new(old: &Design, new: &Design) -> Self {
        let mut both: BTreeMap<&str, [Option<UnitId>; 2]> = BTreeMap::new();
        for id in old.unit_ids() {
            both.entry(&old.unit(id).name).or_default()[0] = Some(id);
        }
        for id in new.unit_ids() {
            both.entry(&new.unit(id).name).or_default()[1] = Some(id);
        }
        let mates: Vec<Mate> = both
            .into_iter()
            .map(|(name, [before, after])| {
                let facets = match (before, after) {
                    (Some(before), Some(after)) => facets(old.unit(before), new.unit(after)),
                    _ => Vec::new(),
                };
                let standing = match (before, after) {
                    (None, _) => Standing::Added,
                    (_, None) => Standing::Removed,
                    _ if facets.iter().any(|change| change.facet.matters()) => Standing::Changed,
                    _ => Standing::Unchanged,
                };
                Mate { name: name.to_owned(), old: before, new: after, standing, facets }
            })
            .collect();
        let renamed = renamed(&mates, old, new);
        Self { mates, renamed }
    }

    /// The units of a standing.
    pub fn of(&self, standing: Standing) -> impl Iterator<Item = &Mate> {
        self.mates.iter().filter(move |mate| mate.standing == standing)
    }

    /// Everything that changed: units added, removed, and those of which some facet differs.
    pub fn changes(&self) -> impl Iterator<Item = &Mate> {
        self.mates.iter().filter(|mate| mate.standing != Standing::Unchanged || !mate.facets.is_empty())
    }
}

/// Removed and added units that are alike, where each has exactly one counterpart.
fn renamed(mates: &[Mate], old: &Design, new: &Design) -> Vec<(usize, usize)> {
    let mut alike: BTreeMap<Vec<String>, [Vec<usize>; 2]> = BTreeMap::new();
    for (at, mate) in mates.iter().enumerate() {
        let (unit, side) = match (mate.old, mate.new) {
            (Some(id), None) => (old.unit(id), 0),
            (None, Some(id)) => (new.unit(id), 1),
            _ => continue,
        };
        let known = unit.interfaces.iter().any(|interface| matches!(interface.address, Address::Known(_)));
        if !known && unit.labels.is_empty() {
            continue; // Nothing is known of it by which it could be recognised.
        }
        let [removed, added] = alike.entry(Facet::SHOWN.map(|facet| show(unit, facet)).to_vec()).or_default();
        if side == 0 { removed.push(at) } else { added.push(at) }
    }
    let pairs = alike.into_values().filter_map(|[removed, added]| match (removed.as_slice(), added.as_slice()) {
        ([removed], [added]) => Some((*removed, *added)),
        _ => None,
    });
    let mut pairs: Vec<(usize, usize)> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

impl Facet {
    /// Every facet but the owner, which is a name.
    const SHOWN: [Facet; 10] = [
        Facet::Labels,
        Facet::Interfaces,
        Facet::Listeners,
        Facet::Host,
        Facet::Vulnerabilities,
        Facet::Credentials,
        Facet::Logins,
        Facet::Criticality,
        Facet::Image,
        Facet::AgentHosting,
    ];
}

fn facets(old: &Unit, new: &Unit) -> Vec<FacetChange> {
    let mut changes = Vec::new();
    if old.labels != new.labels {
        let (before, after) = (labels(&old.labels, &new.labels), labels(&new.labels, &old.labels));
        changes.push(FacetChange { facet: Facet::Labels, before, after });
    }
    for facet in Facet::SHOWN.into_iter().skip(1).chain([Facet::Owner]).filter(|&facet| !same(old, new, facet)) {
        let (before, after) = (show(old, facet), show(new, facet));
        if before != after {
            changes.push(FacetChange { facet, before, after });
        }
    }
    changes.sort();
    changes
}

/// True if a facet is the same to the letter, which spares most units the writing down of it.
fn same(old: &Unit, new: &Unit, facet: Facet) -> bool {
    match facet {
        Facet::Labels => old.labels == new.labels,
        Facet::Interfaces => old.interfaces == new.interfaces,
        Facet::Listeners => old.listeners == new.listeners,
        Facet::Host => old.host == new.host,
        Facet::Owner => old.owner == new.owner,
        Facet::Vulnerabilities => old.vulnerabilities == new.vulnerabilities,
        Facet::Credentials => old.credentials == new.credentials,
        Facet::Logins => old.logins == new.logins,
        Facet::Criticality => old.criticality == new.criticality,
        Facet::Image => old.image == new.image,
        Facet::AgentHosting => old.can_host_agent == new.can_host_agent,
    }
}

/// The labels that the other has not, or has with another value.
fn labels(of: &Labels, other: &Labels) -> String {
    joined(of.iter().filter(|(key, value)| other.get(*key) != Some(value)).map(|(key, value)| format!("{key}={value}")))
}

/// A facet as it is printed. Two units of which it prints alike are alike in it.
fn show(unit: &Unit, facet: Facet) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    match facet {
        Facet::Labels => labels(&unit.labels, &Labels::new()),
        // Their order says nothing.
        Facet::Interfaces => sorted(unit.interfaces.iter().map(interface)),
        Facet::Listeners => sorted(unit.listeners.iter().map(listener)),
        Facet::Host => or_none(&unit.host),
        Facet::Owner => or_none(&unit.owner),
        Facet::Vulnerabilities => {
            sorted(unit.vulnerabilities.iter().map(|weak| at_port(&weak.name, weak.protocol, weak.port)))
        }
        Facet::Credentials => sorted(unit.credentials.iter().cloned()),
        Facet::Logins => sorted(unit.logins.iter().map(|login| at_port(&login.credential, login.protocol, login.port))),
        Facet::Criticality => unit.criticality.to_string(),
        Facet::Image => or_none(&unit.image),
        Facet::AgentHosting => if unit.can_host_agent { "yes" } else { "no" }.to_owned(),
    }
}

fn at_port(name: &str, protocol: Transport, port: u16) -> String {
    format!("{name} at {protocol}/{port}")
}

fn listener(of: &Listener) -> String {
    let ports = if of.first == of.last { of.first.to_string() } else { format!("{}-{}", of.first, of.last) };
    let name = of.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    format!("{}/{ports}{name}", of.protocol)
}

fn interface(of: &Interface) -> String {
    let mut text = of.address.to_string();
    if of.space != seglab_policy::DEFAULT_SPACE {
        text += &format!(" in {}", of.space);
    }
    for (level, name) in [("site", &of.place.site), ("zone", &of.place.zone), ("subnet", &of.place.subnet)] {
        if let Some(name) = name {
            text += &format!(" {level} {name}");
        }
    }
    for (said, word) in [(of.shared, "shared"), (!of.inbound, "no way in"), (!of.outbound, "no way out")] {
        if said {
            text += &format!(" {word}");
        }
    }
    text
}

fn sorted(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.collect();
    parts.sort();
    parts.dedup();
    joined(parts.into_iter())
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
