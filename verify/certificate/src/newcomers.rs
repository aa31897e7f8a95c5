//! Units that do not exist yet: a design with one unit more of every kind that may come.
//!
//! A claim about every design that comes of this one by adding units is a claim about one design, for units that are
//! alike to all selectors, hosts and addresses that it mentions fare alike. Of every *kind* there is one unit here, which
//! stands for any number of them: a kind is a value for each label that something mentions, an owner and a host. It has
//! an interface for every way in which one may stand somewhere, be addressed and name its ports, for whoever owns a unit
//! owns all of it, however many of these it has. What may come:
//!
//! - Each label that a selector mentions is absent, a mentioned value, or another. In a namespace that exists the labels
//!   of the namespace are what they are at one of its units.
//! - It has no name that a selector mentions. Its owner is none either, unless it is one more replica of units that
//!   exist, with the mentioned labels of one of them.
//! - It runs on a unit that is a host already, or on none; none runs on it.
//! - Each of its interfaces stands at any place, in any address space or in one of its own, with paths both ways to the
//!   outside, at an address that no unit of the space has, at one drawn from any block, or at one that is not known.
//! - It listens to everything, declares any port under any name, has a weakness at every port and holds every credential.

use crate::design::{Address, Design, Interface, LAST, Peer, Placement, Ranges, Service, Unit};
use crate::fields::Selector;
use crate::refusal::Refusal;
use crate::world::{Check, WORDS_MAX, World};
use std::collections::{BTreeMap, BTreeSet};

/// The key under which namespaces go by their names, and what the keys of their labels begin with.
const NAMESPACE: &str = "namespace:kubernetes.io/metadata.name";
const OF_NAMESPACE: &str = "namespace:";

/// A value, a place or a space that nothing mentions.
const OTHER: &str = "\u{1}other";

/// The most interfaces of units to come that a check may take, and the most of anything else.
const INTERFACES_MAX: usize = 1 << 20;

/// What a string, and what an interface takes beside its text. \[bytes\]
const STRING: usize = 24;
const INTERFACE: usize = 256;

/// What it costs to hold a block against a range, and to remember it. [steps]
const LOOK: u64 = 16;

/// Whose selectors, places and ports a design mentions.
#[derive(Default)]
struct Mentioned<'d> {
    labels: BTreeMap<&'d str, BTreeSet<&'d str>>,
    names: BTreeSet<&'d str>,
    ports: BTreeSet<&'d str>,
    levels: BTreeMap<usize, BTreeSet<&'d str>>,
    sets: Vec<&'d Ranges>,
}

/// The values of the mentioned labels, in the order of their keys.
type Labels<'d> = Vec<Option<&'d str>>;

/// Those that there are, by what has them.
type LabelsBy<'d> = BTreeMap<&'d str, BTreeSet<Labels<'d>>>;

/// What units to come have in common.
pub(crate) enum Part {
    Lacks(String),
    /// A label with a value that nothing mentions.
    Other(String),
    Is(String, String),
    Owner(Option<String>),
    Host(Option<usize>),
}

/// The design of a world with one unit more of every kind that may come, for a claim about two peers.
///
/// # Errors
/// [`Refusal::TooMuch`] if these are more than a check may take, which is found out before they are made.
pub(crate) fn extended(world: &World<'_>, peers: [usize; 2]) -> Check<Design> {
    let design = world.design;
    let mentioned = Mentioned::of(design, peers)?;
    let kinds = mentioned.kinds(design)?;
    let interfaces = mentioned.interfaces(world, kinds.len())?;
    let logins = design.units.iter().flat_map(|unit| &unit.logins);
    let credentials: BTreeSet<&String> = logins.map(|login| &login.0).collect();
    let bytes = credentials.iter().map(|credential| credential.len() + STRING);
    bounded(bytes.fold(0, usize::saturating_add), kinds.len())?;
    let everywhere = || (0..3).map(|protocol| (protocol, 0, 0xFFFF));
    let mut extended = design.clone();
    extended.newcomers = kinds.len();
    extended.units.extend(kinds.into_iter().enumerate().map(|(at, kind)| Unit {
        name: format!("{OTHER} {at}"),
        interfaces: interfaces.clone(),
        listeners: everywhere().map(|(protocol, first, last)| (protocol, first, last, None)).collect(),
        weak: everywhere().collect(),
        credentials: credentials.iter().map(|credential| (*credential).clone()).collect(),
        ..kind
    }));
    Ok(extended)
}

/// Refuses so many things of so many bytes.
fn bounded(bytes: usize, count: usize) -> Check<()> {
    if bytes.saturating_mul(count) <= 8 * WORDS_MAX { Ok(()) } else { Err(Refusal::TooMuch) }
}

/// The number of things that a product makes, if a check may take as many.
fn product(factors: impl IntoIterator<Item = usize>) -> Check<usize> {
    let count = factors.into_iter().fold(1, usize::saturating_mul);
    if count <= INTERFACES_MAX { Ok(count) } else { Err(Refusal::TooMuch) }
}

/// A unit to come, to print.
pub(crate) fn described(unit: &Unit) -> String {
    let value = |value: &str| if value == OTHER { "another value".to_owned() } else { value.to_owned() };
    let labels = unit.labels.iter().map(|(key, of)| format!("{key}={}", value(of)));
    let owner = unit.owner.iter().map(|owner| format!("a replica of {owner}"));
    let host = unit.host.iter().map(|host| format!("on {host}"));
    let facts: Vec<String> = labels.chain(owner).chain(host).collect();
    if facts.is_empty() { "a new unit".to_owned() } else { format!("a new unit ({})", facts.join(", ")) }
}

impl Part {
    /// True of a unit to come that runs on this host.
    pub(crate) fn is_of(&self, unit: &Unit, host: Option<usize>) -> bool {
        let value = |key: &str| unit.labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        match self {
            Part::Lacks(key) => value(key).is_none(),
            Part::Other(key) => value(key) == Some(OTHER),
            Part::Is(key, wanted) => value(key) == Some(wanted),
            Part::Owner(owner) => unit.owner == *owner,
            Part::Host(position) => host == *position,
        }
    }
}

impl<'d> Mentioned<'d> {
    fn of(design: &'d Design, peers: [usize; 2]) -> Check<Self> {
        let mut mentioned = Self::default();
        let tiers = || design.books.iter().flat_map(|book| &book.tiers);
        let rules = || tiers().flat_map(|tier| &tier.rules);
        let peers: BTreeSet<usize> = rules().flat_map(|rule| [rule.from, rule.to]).chain(peers).collect();
        for peer in peers.iter().filter_map(|peer| design.peers.get(*peer)) {
            match peer {
                Peer::Units(selector) => mentioned.selector(selector),
                Peer::Addresses(ranges, false) => mentioned.sets.push(ranges),
                Peer::Any | Peer::Addresses(_, true) | Peer::Unmodelled => {}
            }
        }
        tiers().filter_map(|tier| tier.scope.as_ref()).flatten().flatten().for_each(|one| mentioned.selector(one));
        let entries = || design.sources.iter().flat_map(|source| &source.entries);
        entries().for_each(|(to, _)| mentioned.selector(to));
        design.unmodelled.iter().for_each(|(_, touched)| mentioned.selector(touched));
        for point in &design.points {
            match &point.placement {
                Placement::Units(selector) => mentioned.selector(selector),
                Placement::Between(level) => drop(mentioned.levels.entry(*level).or_default()),
                Placement::Around(level, name) => drop(mentioned.levels.entry(*level).or_default().insert(name)),
            }
        }
        // The services of the claim, too, are among these.
        for service in design.services.iter().flatten() {
            if let Service::Named(_, name) = service {
                mentioned.ports.insert(name);
            }
        }
        for interface in design.units.iter().flat_map(|unit| &unit.interfaces) {
            for (level, names) in &mut mentioned.levels {
                names.extend(interface.place.get(*level).and_then(Option::as_deref));
            }
        }
        mentioned.sets.sort_unstable();
        mentioned.sets.dedup();
        match mentioned.is_taken(design) {
            true => Err(Refusal::Unmodelled { what: "a name that is kept for units to come".to_owned() }),
            false => Ok(mentioned),
        }
    }

    /// True if something goes by [`OTHER`].
    fn is_taken(&self, design: &Design) -> bool {
        let values = self.labels.values().chain(self.levels.values()).chain([&self.names]).flatten().copied();
        let units = design.units.iter().flat_map(|unit| [Some(unit.name.as_str()), unit.host.as_deref()]);
        values.chain(units.flatten()).chain(spaces(design)).any(|name| name.starts_with(OTHER))
    }

    fn selector(&mut self, selector: &'d Selector) {
        match selector {
            Selector::All => {}
            Selector::Named(name) => drop(self.names.insert(name)),
            Selector::In(key, values) => self.labels.entry(key).or_default().extend(values.iter().map(String::as_str)),
            Selector::Has(key) => drop(self.labels.entry(key).or_default()),
            Selector::And(parts) | Selector::Or(parts) => parts.iter().for_each(|part| self.selector(part)),
            Selector::Not(inner) => self.selector(inner),
        }
    }

    /// Every kind, as a unit with its labels, its owner and its host.
    fn kinds(&self, design: &'d Design) -> Check<Vec<Unit>> {
        product(self.labels.values().map(|values| values.len() + 2))?;
        let (owners, namespaces) = (self.replicas(design), self.namespaces(design));
        let hosts: BTreeSet<&String> = design.units.iter().filter_map(|unit| unit.host.as_ref()).collect();
        let mut labels: Vec<Labels<'d>> = vec![Vec::new()];
        for values in self.labels.values() {
            let choices: Vec<Option<&str>> =
                [None, Some(OTHER)].into_iter().chain(values.iter().copied().map(Some)).collect();
            let with = |known: &Labels<'d>, value: &Option<&'d str>| -> Labels<'d> { [&known[..], &[*value]].concat() };
            let longer = labels.iter().flat_map(|known| choices.iter().map(|value| with(known, value)));
            labels = longer.collect();
        }
        labels.retain(|labels| self.is_in_namespace(&namespaces, labels));
        let replicas: usize = owners.values().map(BTreeSet::len).sum();
        let count = product([labels.len() + replicas, 1 + hosts.len()])?;
        let of_labels = self.labels.iter().map(|(key, values)| {
            let longest = values.iter().map(|value| value.len()).max().unwrap_or(0);
            key.len() + longest + 2 * STRING
        });
        let longest = |names: &mut dyn Iterator<Item = &str>| names.map(str::len).max().unwrap_or(0);
        let others = longest(&mut owners.keys().copied()) + longest(&mut hosts.iter().map(|host| host.as_str()));
        bounded(of_labels.fold(others + INTERFACE, usize::saturating_add), count)?;
        let mut kinds = Vec::new();
        for labels in &labels {
            let replicates = owners.iter().filter(|(_, replicas)| replicas.contains(labels)).map(|(owner, _)| *owner);
            for owner in [None].into_iter().chain(replicates.map(Some)) {
                for host in [None].into_iter().chain(hosts.iter().copied().map(Some)) {
                    kinds.push(self.kind(labels, owner, host));
                }
            }
        }
        Ok(kinds)
    }

    fn kind(&self, labels: &[Option<&str>], owner: Option<&str>, host: Option<&String>) -> Unit {
        let label = |(key, value): (&&str, &Option<&str>)| Some(((*key).to_owned(), (*value)?.to_owned()));
        let labels = self.labels.keys().zip(labels).filter_map(label).collect();
        Unit { labels, owner: owner.map(str::to_owned), host: host.cloned(), ..Unit::default() }
    }

    /// The mentioned labels of a unit that exists, of the keys that begin so; the others are absent.
    fn labels_of(&self, unit: &'d Unit, prefix: &str) -> Labels<'d> {
        let value = |(key, values): (&&'d str, &BTreeSet<&'d str>)| {
            let (_, value) = unit.labels.iter().find(|(known, _)| known == key && key.starts_with(prefix))?;
            Some(if values.contains(value.as_str()) { value.as_str() } else { OTHER })
        };
        self.labels.iter().map(value).collect()
    }

    /// By owner that something mentions: the labels of its units.
    fn replicas(&self, design: &'d Design) -> LabelsBy<'d> {
        let mut replicas = LabelsBy::new();
        for unit in &design.units {
            if let Some(owner) = unit.owner.as_deref().filter(|owner| self.names.contains(owner)) {
                replicas.entry(owner).or_default().insert(self.labels_of(unit, ""));
            }
        }
        replicas
    }

    /// By name of a namespace that exists and that something mentions: the labels of the namespace at its units.
    fn namespaces(&self, design: &'d Design) -> LabelsBy<'d> {
        let mut namespaces = LabelsBy::new();
        let Some(names) = self.labels.get(NAMESPACE) else { return namespaces };
        for unit in &design.units {
            let name = unit.labels.iter().find(|(key, _)| key == NAMESPACE).map(|(_, name)| name.as_str());
            if let Some(name) = name.filter(|name| names.contains(name)) {
                namespaces.entry(name).or_default().insert(self.labels_of(unit, OF_NAMESPACE));
            }
        }
        namespaces
    }

    /// In a namespace that exists the labels of the namespace are what they are.
    fn is_in_namespace(&self, namespaces: &LabelsBy<'d>, labels: &[Option<&'d str>]) -> bool {
        let value = |key: &str| self.labels.keys().zip(labels).find(|(known, _)| **known == key).and_then(|of| *of.1);
        let Some(known) = value(NAMESPACE).and_then(|name| namespaces.get(name)) else { return true };
        let of_namespace = |(key, value): (&&str, &Option<&'d str>)| value.filter(|_| key.starts_with(OF_NAMESPACE));
        known.contains(&self.labels.keys().zip(labels).map(of_namespace).collect::<Labels<'d>>())
    }

    /// An interface for every way in which one of so many kinds may stand somewhere, be addressed, and name its ports.
    fn interfaces(&self, world: &World<'_>, kinds: usize) -> Check<Vec<Interface>> {
        let design = world.design;
        let mut addresses = Vec::new();
        for space in spaces(design).into_iter().chain([OTHER]) {
            addresses.extend(self.addresses(world, space)?.into_iter().map(|address| (space, address)));
        }
        let subsets = u32::try_from(self.ports.len()).ok().and_then(|count| 1usize.checked_shl(count));
        let subsets = subsets.ok_or(Refusal::TooMuch)?;
        let places = self.levels.values().map(|names| names.len() + 2);
        let count = product(places.chain([subsets, addresses.len(), kinds.max(1)]))?;
        let longest = self.levels.values().flatten().map(|name| name.len()).max().unwrap_or(0);
        let ports = self.ports.iter().map(|name| name.len() + STRING).fold(0, usize::saturating_add);
        let of_space = addresses.iter().map(|(space, _)| space.len()).max().unwrap_or(0);
        bounded((3 * longest).saturating_add(ports).saturating_add(of_space + INTERFACE), count)?;
        let places = self.places();
        let declared = |subset: usize| -> Vec<String> {
            let named = self.ports.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1);
            named.map(|(_, name)| (*name).to_owned()).collect()
        };
        let ways = || places.iter().flat_map(|place| (0..subsets).map(move |subset| (place, subset)));
        let interfaces = addresses.iter().flat_map(|&(space, (family, within))| {
            ways().map(move |(place, subset)| Interface {
                family,
                within: Some(within),
                is_known: false,
                space: space.to_owned(),
                place: place.clone(),
                shared: false,
                inbound: true,
                outbound: true,
                declares: declared(subset),
            })
        });
        Ok(interfaces.collect())
    }

    /// Where one may stand.
    fn places(&self) -> Vec<[Option<String>; 3]> {
        let mut places: Vec<[Option<String>; 3]> = vec![[const { None }; 3]];
        for (level, names) in &self.levels {
            let at = |place: &[Option<String>; 3], name: &str| {
                let mut place = place.clone();
                place.get_mut(*level).into_iter().for_each(|slot| *slot = Some(name.to_owned()));
                place
            };
            let names: Vec<&str> = names.iter().copied().chain([OTHER]).collect();
            let further: Vec<_> =
                places.iter().flat_map(|place| names.iter().map(move |name| at(place, name))).collect();
            places.extend(further);
        }
        places
    }

    /// A family and a block for every list of address sets that may hold what is known of an address.
    fn addresses(&self, world: &World<'_>, space: &str) -> Check<Vec<(usize, (Address, Address))>> {
        let ranges = self.sets.iter().map(|set| set.len() + 1).fold(0, usize::saturating_add) as u64;
        let interfaces = world.design.units.iter().flat_map(|unit| &unit.interfaces);
        let here = interfaces.filter(|interface| interface.is_known && interface.space == space);
        let taken: BTreeSet<Address> = here.filter_map(|interface| Some(interface.within?.0)).collect();
        let mut addresses = Vec::new();
        for family in 0..2 {
            let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
            for (first, last) in blocks(&self.sets, family)? {
                let block = ((family, first), (family, last));
                world.spend(ranges.saturating_mul(LOOK))?;
                let inside = taken.range(block.0..=block.1).count() as u128;
                if inside > last - first {
                    continue;
                }
                let holds = |set: &&Ranges| set.iter().any(|(first, last)| *first <= block.0 && block.1 <= *last);
                if seen.insert(self.sets.iter().map(holds).collect()) {
                    addresses.push((family, block));
                }
            }
        }
        Ok(addresses)
    }
}

/// The cells of a family's addresses that sets cut, each as good as any address in it, and the blocks around the cuts:
/// every other block lies within a cell. All addresses are among them: an address of which nothing is known is one of
/// those.
fn blocks(sets: &[&Ranges], family: usize) -> Check<BTreeSet<(u128, u128)>> {
    let last = LAST.get(family).copied().unwrap_or(0);
    let mut cuts: BTreeSet<u128> = [0].into();
    for (first, end) in sets.iter().flat_map(|set| set.iter()).filter(|(first, _)| first.0 == family) {
        cuts.insert(first.1);
        cuts.extend((end.1 < last).then(|| end.1 + 1));
    }
    if cuts.len() > INTERFACES_MAX / 128 {
        return Err(Refusal::TooMuch);
    }
    let ends = cuts.iter().skip(1).map(|next| next - 1).chain([last]);
    let mut blocks: BTreeSet<(u128, u128)> = cuts.iter().copied().zip(ends).collect();
    for cut in cuts.iter().filter(|cut| **cut > 0) {
        // Every block that holds addresses on both sides.
        let apart = 128 - (cut ^ (cut - 1)).leading_zeros();
        for free in apart..=(128 - last.leading_zeros()) {
            let low = if free == 128 { u128::MAX } else { (1 << free) - 1 };
            blocks.insert((cut & !low, cut | low));
        }
    }
    Ok(blocks)
}

/// The address spaces that interfaces stand in, and those that routes lead to.
fn spaces(design: &Design) -> BTreeSet<&str> {
    let routed = design.routes.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]);
    design.units.iter().flat_map(|unit| &unit.interfaces).map(|one| one.space.as_str()).chain(routed).collect()
}
