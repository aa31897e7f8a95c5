//! New units made concrete: a design with units of which so far only is said what matters.

use crate::smt::{FRESH, Label, Newcomer};
use seglab_policy::{
    Address, AddressSet, Claim, Covers, Design, Draft, Family, Interface, Listener, NAMESPACE_KEY, NAMESPACE_PREFIX,
    Peer, Pivot, Property, Unit, UnitId, View, Vulnerability, normal_form,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many addresses are looked at for one that nobody has.
const ADDRESSES_TRIED_MAX: u32 = 4096;

/// The design with these units, one claim, and the ids of the units; `None` if there is no such design.
pub(super) fn extended(design: &Design, property: &Property, newcomers: &[Newcomer]) -> Option<(Design, Vec<UnitId>)> {
    let mut makings = Makings::new(design, property);
    let units: Vec<Unit> = (1..).zip(newcomers).map(|(number, of)| makings.unit(number, of)).collect();
    if !namespaces_agree(&units) {
        return None;
    }
    let names: Vec<String> = units.iter().map(|unit| unit.name.clone()).collect();
    let mut draft = Draft {
        needs: Vec::new(),
        attackers: Vec::new(),
        monitor: None,
        properties: vec![property.clone()],
        choices: Vec::new(),
        ..design.to_draft()
    };
    draft.units.extend(units);
    let extended = Design::new(draft).ok()?;
    let ids = names.iter().map(|name| extended.unit_named(name)).collect::<Option<_>>()?;
    Some((extended, ids))
}

/// What new units are made of.
struct Makings<'d> {
    design: &'d Design,
    property: &'d Property,
    /// A word that stands nowhere in the design.
    word: String,
    /// The ranges that rules, and the claim, tell units' addresses apart by.
    sets: Vec<&'d AddressSet>,
    /// By address space, who is there already.
    taken: BTreeMap<String, BTreeSet<IpAddr>>,
}

impl<'d> Makings<'d> {
    fn new(design: &'d Design, property: &'d Property) -> Self {
        let text = normal_form::write(design);
        let words = (0..).map(|more| format!("new{}", "er".repeat(more)));
        // Some word is longer than the whole text.
        let word = words.into_iter().find(|word| !text.contains(word.as_str())).unwrap_or_default();
        let peers = design.rules().flat_map(|(_, rule)| [&rule.from, &rule.to]).chain(property.claim.peers());
        let sets = peers.filter_map(|peer| match peer {
            Peer::Addresses { set, covers: Covers::All } => Some(set),
            _ => None,
        });
        let mut taken: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        for interface in design.units().iter().flat_map(|unit| &unit.interfaces) {
            if let Address::Known(address) = interface.address {
                taken.entry(interface.space.clone()).or_default().insert(address);
            }
        }
        Self { design, property, word, sets: sets.collect(), taken }
    }

    fn unit(&mut self, number: usize, of: &Newcomer) -> Unit {
        let value = |label: &Label| match label {
            Label::Value(value) => value.clone(),
            Label::Other => format!("{}-{number}", self.word),
        };
        let labels = of.labels.iter().map(|(key, label)| (key.clone(), value(label))).collect();
        let mut interfaces: Vec<Interface> = of.interfaces.iter().map(|interface| self.interface(interface)).collect();
        let Claim::Isolated { from, to, .. } = &self.property.claim else { return Unit::default() };
        let sides = [(of.is_start, from), (of.is_target, to)];
        for (_, side) in sides.into_iter().filter(|(meant, _)| *meant) {
            let spared = if of.is_target { from } else { &Peer::Anyone };
            interfaces.extend(self.interface_meant_by(side, spared, &interfaces));
        }
        if interfaces.is_empty() {
            interfaces.push(Interface::new(Address::Unknown(Family::V4)));
        }
        Unit {
            name: format!("{}-unit-{number}", self.word),
            owner: of.owner.clone(),
            labels,
            interfaces,
            listeners: self.listeners(of),
            host: of.host.map(|host| self.design.unit(host).name.clone()),
            vulnerabilities: self.vulnerabilities(of),
            credentials: self.credentials(),
            can_host_agent: true,
            ..Unit::default()
        }
    }

    fn listeners(&self, of: &Newcomer) -> Vec<Listener> {
        let Some((protocol, port, names)) = &of.listens else { return Vec::new() };
        let mut listeners: Vec<Listener> = names
            .iter()
            .map(|name| Listener { name: Some(name.clone()), ..Listener::port(*protocol, *port) })
            .collect();
        let pivots = matches!(self.property.pivot, Pivot::Service | Pivot::Exploitable);
        if listeners.is_empty() && (pivots || self.property.view == View::Service) {
            listeners.push(Listener::port(*protocol, *port));
        }
        listeners
    }

    fn vulnerabilities(&self, of: &Newcomer) -> Vec<Vulnerability> {
        let met = of.listens.iter().filter(|_| self.property.pivot == Pivot::Exploitable);
        let name = format!("{}-weakness", self.word);
        met.map(|&(protocol, port, _)| Vulnerability { name: name.clone(), protocol, port }).collect()
    }

    /// A new unit may hold any credential that is taken anywhere.
    fn credentials(&self) -> Vec<String> {
        if self.property.pivot != Pivot::Exploitable {
            return Vec::new();
        }
        let logins = self.design.units().iter().flat_map(|unit| &unit.logins);
        let all: BTreeSet<&String> = logins.map(|login| &login.credential).collect();
        all.into_iter().cloned().collect()
    }

    fn interface(&mut self, of: &Interface) -> Interface {
        let mut interface = of.clone();
        let fresh = |name: &mut String, word: &str| {
            if name == FRESH {
                name.replace_range(.., word);
            }
        };
        fresh(&mut interface.space, &format!("{}-space", self.word));
        let place = &mut interface.place;
        for name in [&mut place.site, &mut place.zone, &mut place.subnet].into_iter().flatten() {
            fresh(name, &format!("{}-place", self.word));
        }
        if let Some(free) = self.free_like(interface.address, &interface.space) {
            interface.address = Address::Known(free);
        }
        interface
    }

    /// An address that the ranges do not tell from what is known of this one and that nobody has, one as people would
    /// choose it if that can be.
    fn free_like(&mut self, known: Address, space: &str) -> Option<IpAddr> {
        let usual = match known.family() {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(10, 250, 0, 1)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xfa, 1)),
        };
        let like = match known {
            Address::Known(address) => address,
            Address::Within(net) => net.network(),
            Address::Unknown(_) => usual,
        };
        let alike = |address: &IpAddr| self.sets.iter().all(|set| set.contains(*address) == is_inside(set, known));
        let taken = self.taken.entry(space.to_owned()).or_default();
        let near = [usual, like];
        let tried = near.into_iter().flat_map(|from| (0..ADDRESSES_TRIED_MAX).filter_map(move |by| after(from, by)));
        let before = (1..ADDRESSES_TRIED_MAX).filter_map(|by| before(like, by));
        let free = tried.chain(before).find(|address| alike(address) && !taken.contains(address))?;
        taken.insert(free);
        Some(free)
    }

    /// One more interface, where a side of the claim goes by address and means none of these; not one of those spared.
    fn interface_meant_by(&mut self, side: &Peer, spared: &Peer, interfaces: &[Interface]) -> Option<Interface> {
        let Peer::Addresses { set, covers: Covers::All } = side else { return None };
        if interfaces.iter().any(|interface| is_inside(set, interface.address)) {
            return None;
        }
        let outside = match spared {
            Peer::Addresses { set: spared, covers: Covers::All } => set.difference(spared),
            _ => set.clone(),
        };
        let (first, _) = outside.ranges().next()?;
        let like = Interface { address: Address::Known(first), ..interfaces.first().cloned()? };
        Some(self.interface(&like))
    }
}

/// True if rules about the ranges match an interface of which this much is known.
fn is_inside(set: &AddressSet, address: Address) -> bool {
    match address {
        Address::Known(address) => set.contains(address),
        Address::Within(net) => set.is_superset(&AddressSet::from_net(net)),
        Address::Unknown(family) => set.covers_family(family),
    }
}

/// True if new units of one Kubernetes namespace have one set of namespace labels. In namespaces that exist they have
/// those anyway.
fn namespaces_agree(new: &[Unit]) -> bool {
    let of_namespace = |unit: &Unit| -> BTreeMap<String, String> {
        let labels = unit.labels.iter().filter(|(key, _)| key.starts_with(NAMESPACE_PREFIX));
        labels.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    new.iter().all(|unit| {
        let Some(namespace) = unit.labels.get(NAMESPACE_KEY) else { return true };
        let others = new.iter().filter(|other| other.labels.get(NAMESPACE_KEY) == Some(namespace));
        others.into_iter().all(|other| of_namespace(other) == of_namespace(unit))
    })
}

fn after(address: IpAddr, by: u32) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits().checked_add(by)?).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits().checked_add(by.into())?).into(),
    })
}

fn before(address: IpAddr, by: u32) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits().checked_sub(by)?).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits().checked_sub(by.into())?).into(),
    })
}
