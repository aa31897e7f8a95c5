//! The endpoints of a design, and who is meant by its selectors, peers and services.
//!
//! Every selector is evaluated against every unit here; nothing is taken from anybody. Endpoints are numbered:
//! interfaces unit by unit, then *cells* of external addresses, then named sources, each once for either family. A
//! cell is a range of addresses that no address set of the design cuts.

use crate::design::claim::{Of, Who};
use crate::design::{Address, Design, Interface, LAST, Peer, Ranges, Service, Unit};
use crate::fields::Selector;
use crate::judge::{Index, Part};
use crate::refusal::Refusal;
use crate::sets::{Bits, EVERYTHING, ICMP, OTHER, Rect, Region, disjoint, universe};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The most words of memory that the sets of one design may take, and the most steps of one check.
pub(crate) const WORDS_MAX: usize = 1 << 27;
const STEPS_MAX: u64 = 1 << 33;

pub(crate) type Check<T> = Result<T, Refusal>;

/// What is worked out once, by two positions.
type Known<T> = RefCell<BTreeMap<(usize, usize), Rc<T>>>;

/// Who is meant: for sure, and possibly.
pub(crate) struct Meant {
    pub(crate) surely: Bits,
    pub(crate) maybe: Bits,
}

/// Headers of a service, at the destinations that give them its name; anywhere if `None`.
pub(crate) struct Served {
    pub(crate) at: Option<Bits>,
    pub(crate) headers: Vec<Rect>,
}

/// An address space: its interfaces, those that they have paths to, and the cells that are external to them.
pub(crate) struct Space {
    pub(crate) here: Bits,
    pub(crate) near: Bits,
    pub(crate) live: Bits,
}

/// A design with its endpoints numbered.
pub(crate) struct World<'d> {
    pub(crate) design: &'d Design,
    /// The number of endpoints.
    pub(crate) bound: usize,
    /// The unit of an interface, for the endpoints that are interfaces.
    pub(crate) unit_of: Vec<usize>,
    /// The first interface of each unit.
    pub(crate) first: Vec<usize>,
    pub(crate) host_of: Vec<Option<usize>>,
    pub(crate) guests_of: BTreeMap<usize, Vec<usize>>,
    pub(crate) cells: Vec<(Address, Address)>,
    pub(crate) interfaces: Bits,
    /// Those of units that do not exist yet.
    pub(crate) new: Bits,
    pub(crate) outside: Bits,
    pub(crate) named: Bits,
    /// Endpoints of either family.
    pub(crate) family: [Bits; 2],
    known: Vec<(Address, usize)>,
    labels: BTreeMap<(&'d str, &'d str), Vec<usize>>,
    keys: BTreeMap<&'d str, Vec<usize>>,
    peers: Vec<OnceCell<Meant>>,
    services: Vec<OnceCell<Vec<Served>>>,
    spaces: OnceCell<Vec<Space>>,
    paths: OnceCell<Check<Vec<Region>>>,
    conceivable: OnceCell<Vec<Region>>,
    /// By point and direction, and by rulebook and tier: worked out once.
    pub(crate) parts: Known<Vec<Part>>,
    pub(crate) scopes: Known<[Bits; 2]>,
    pub(crate) indices: Known<Index>,
    steps: Cell<u64>,
    /// Rules and defaults that have been looked at.
    pub(crate) obligations: Cell<u64>,
}

impl<'d> World<'d> {
    pub(crate) fn new(design: &'d Design) -> Check<Self> {
        Self::with_cells(design, cells([design], false))
    }

    /// A design with its endpoints numbered, and with the cells that it has in common with another: where units have
    /// interfaces in several spaces, an address that any of them may know is a cell of its own.
    pub(crate) fn beside(design: &'d Design, other: &Design) -> Check<Self> {
        let spaces = |unit: &Unit| unit.interfaces.iter().map(|one| one.space.as_str()).collect::<BTreeSet<_>>().len();
        let apart = [design, other].iter().any(|design| design.units.iter().any(|unit| spaces(unit) > 1));
        Self::with_cells(design, cells([design, other], apart))
    }

    fn with_cells(design: &'d Design, cells: Vec<(Address, Address)>) -> Check<Self> {
        let unit_of: Vec<usize> =
            (0..).zip(&design.units).flat_map(|(at, unit)| unit.interfaces.iter().map(move |_| at)).collect();
        let named_at = unit_of.len() + cells.len();
        let bound = named_at + 2 * design.sources.len();
        if (design.peers.len() + 64).saturating_mul(bound.div_ceil(64)) > WORDS_MAX {
            return Err(Refusal::TooMuch);
        }
        let families = design.units.iter().flat_map(|unit| unit.interfaces.iter().map(|interface| interface.family));
        let families: Vec<usize> = families
            .chain(cells.iter().map(|cell| cell.0.0))
            .chain(design.sources.iter().flat_map(|_| [0, 1]))
            .collect();
        let of_family = |family| Bits::of((0..).zip(&families).filter(|(_, of)| **of == family).map(|of| of.0));
        let names: BTreeMap<&str, usize> = design.units.iter().map(|unit| unit.name.as_str()).zip(0..).collect();
        let mut world = World {
            design,
            bound,
            first: firsts(&design.units),
            host_of: design.units.iter().map(|unit| names.get(unit.host.as_deref()?).copied()).collect(),
            guests_of: BTreeMap::new(),
            interfaces: Bits::of(0..unit_of.len()),
            new: Bits::none(),
            outside: Bits::of(unit_of.len()..named_at),
            named: Bits::of(named_at..bound),
            family: [of_family(0), of_family(1)],
            unit_of,
            cells,
            known: Vec::new(),
            labels: BTreeMap::new(),
            keys: BTreeMap::new(),
            peers: design.peers.iter().map(|_| OnceCell::new()).collect(),
            services: design.services.iter().map(|_| OnceCell::new()).collect(),
            spaces: OnceCell::new(),
            paths: OnceCell::new(),
            conceivable: OnceCell::new(),
            parts: RefCell::default(),
            scopes: RefCell::default(),
            indices: RefCell::default(),
            steps: Cell::new(STEPS_MAX),
            obligations: Cell::new(0),
        };
        world.new = world.of_units(design.existing()..design.units.len());
        for (guest, host) in world.host_of.iter().enumerate() {
            if let Some(host) = host {
                world.guests_of.entry(*host).or_default().push(guest);
            }
        }
        let labelled = design.units.iter().map(|unit| &unit.labels);
        for (thing, labels) in (0..).zip(labelled.chain(design.sources.iter().map(|source| &source.labels))) {
            for (key, value) in labels {
                world.labels.entry((key, value)).or_default().push(thing);
                world.keys.entry(key).or_default().push(thing);
            }
        }
        let interfaces = design.units.iter().flat_map(|unit| &unit.interfaces);
        let known = (0..).zip(interfaces).filter(|(_, interface)| interface.is_known);
        world.known = known.filter_map(|(at, interface)| Some((interface.within?.0, at))).collect();
        world.known.sort_unstable();
        Ok(world)
    }

    /// Takes steps from what a check may take.
    pub(crate) fn spend(&self, steps: u64) -> Check<()> {
        self.steps.set(self.steps.get().checked_sub(steps).ok_or(Refusal::TooMuch)?);
        Ok(())
    }

    /// Refuses more regions at once than a check may hold.
    pub(crate) fn bounded(&self, regions: &[Region]) -> Check<()> {
        let words = regions.iter().map(|region| 2 * region.from.words() as usize + 2 * region.headers.len());
        if words.sum::<usize>() <= WORDS_MAX { Ok(()) } else { Err(Refusal::TooMuch) }
    }

    /// Starts a new check, with all of its steps before it.
    pub(crate) fn start(&self) {
        self.steps.set(STEPS_MAX);
        self.obligations.set(0);
    }

    /// The first endpoint of named sources.
    pub(crate) fn named_at(&self) -> usize {
        self.unit_of.len() + self.cells.len()
    }

    /// Every endpoint.
    pub(crate) fn all(&self) -> Bits {
        self.interfaces.or(&self.outside).or(&self.named)
    }

    /// True if a unit stands for any number of those that do not exist yet.
    pub(crate) fn is_new(&self, unit: usize) -> bool {
        unit >= self.design.existing()
    }

    /// The endpoints of units.
    pub(crate) fn of_units(&self, units: impl IntoIterator<Item = usize>) -> Bits {
        Bits::of(units.into_iter().flat_map(|unit| self.endpoints(unit)))
    }

    /// The endpoints of a unit, or past the units of a named source.
    pub(crate) fn endpoints(&self, thing: usize) -> std::ops::Range<usize> {
        let begin = |at: usize| match at.checked_sub(self.design.units.len()) {
            None => self.first.get(at).copied().unwrap_or(self.unit_of.len()),
            Some(source) => self.named_at() + 2 * source,
        };
        let end = if thing + 1 == self.design.units.len() { self.unit_of.len() } else { begin(thing + 1) };
        begin(thing)..end
    }

    /// The units that have an endpoint in a set, ascending.
    pub(crate) fn units(&self, endpoints: &Bits) -> BTreeSet<usize> {
        endpoints.iter().filter_map(|endpoint| self.unit_of.get(endpoint).copied()).collect()
    }

    /// With every endpoint the others of its unit or named source.
    pub(crate) fn whole(&self, endpoints: &Bits) -> Bits {
        let named_at = self.named_at();
        let mut whole = self.of_units(self.units(endpoints)).or(&endpoints.and(&self.outside));
        for endpoint in endpoints.and(&self.named).iter() {
            let even = named_at + (endpoint - named_at) / 2 * 2;
            [even, even + 1].into_iter().for_each(|endpoint| whole.insert(endpoint));
        }
        whole
    }

    /// The endpoints that a selector selects, of units and named sources.
    pub(crate) fn selected(&self, selector: &Selector) -> Bits {
        let things = self.things(selector);
        Bits::of(things.iter().flat_map(|thing| self.endpoints(thing)))
    }

    /// The interfaces of the units that one of the selectors selects.
    pub(crate) fn selected_units(&self, selectors: &[Selector]) -> Bits {
        let none = Bits::none();
        selectors.iter().fold(none, |all, selector| all.or(&self.selected(selector))).and(&self.interfaces)
    }

    /// Units and, past them, named sources that satisfy a selector.
    fn things(&self, selector: &Selector) -> Bits {
        let (units, sources) = (&self.design.units, &self.design.sources);
        let bound = units.len() + sources.len();
        let all = || Bits::of(0..bound);
        match selector {
            Selector::All => all(),
            Selector::Named(name) => {
                let units = units.iter().map(|unit| unit.name == *name || unit.owner.as_ref() == Some(name));
                let named = units.chain(sources.iter().map(|source| source.name == *name));
                Bits::of((0..).zip(named).filter(|(_, named)| *named).map(|(at, _)| at))
            }
            Selector::In(key, values) => {
                let of = values.iter().filter_map(|value| self.labels.get(&(key.as_str(), value.as_str())));
                Bits::of(of.flatten().copied())
            }
            Selector::Has(key) => Bits::of(self.keys.get(key.as_str()).into_iter().flatten().copied()),
            Selector::And(parts) => parts.iter().fold(all(), |all, part| all.and(&self.things(part))),
            Selector::Or(parts) => parts.iter().fold(Bits::none(), |all, part| all.or(&self.things(part))),
            Selector::Not(inner) => all().minus(&self.things(inner)),
        }
    }

    /// Who is meant by a peer.
    pub(crate) fn peer(&self, peer: usize) -> Check<&Meant> {
        let (Some(meant), Some(peer)) = (self.peers.get(peer), self.design.peers.get(peer)) else {
            return Err(Refusal::TooMuch);
        };
        Ok(meant.get_or_init(|| self.meant(peer)))
    }

    fn meant(&self, peer: &Peer) -> Meant {
        let surely = match peer {
            Peer::Any => self.all(),
            Peer::Units(selector) => self.selected(selector),
            Peer::Addresses(ranges, true) => self.addresses(ranges),
            Peer::Addresses(ranges, false) => return self.by_address(ranges),
            Peer::Unmodelled => {
                return Meant { surely: Bits::none(), maybe: self.all() };
            }
        };
        Meant { maybe: surely.clone(), surely }
    }

    /// One side of connections that a claim speaks of: for sure, and possibly.
    pub(crate) fn who(&self, (peer, of): Who) -> Check<Meant> {
        let meant = self.peer(peer)?;
        let ends = match of {
            Of::All => self.all(),
            Of::Interfaces => self.interfaces.clone(),
            Of::Outside => self.outside.or(&self.named),
        };
        Ok(Meant { surely: meant.surely.and(&ends), maybe: meant.maybe.and(&ends) })
    }

    /// The cells in ranges.
    pub(crate) fn addresses(&self, ranges: &Ranges) -> Bits {
        let base = self.unit_of.len();
        let inside = ranges.iter().flat_map(|&(first, last)| {
            let begin = self.cells.partition_point(|cell| cell.0 < first);
            let end = self.cells.partition_point(|cell| cell.1 <= last);
            base + begin..base + end.max(begin)
        });
        Bits::of(inside)
    }

    /// The cells of which some address is in ranges.
    pub(crate) fn cells_of(&self, ranges: &Ranges) -> Bits {
        let base = self.unit_of.len();
        let touched = ranges.iter().flat_map(|&(first, last)| {
            let begin = self.cells.partition_point(|cell| cell.1 < first);
            let end = self.cells.partition_point(|cell| cell.0 <= last);
            base + begin..base + end.max(begin)
        });
        Bits::of(touched)
    }

    /// Everybody with an address in ranges: an unknown address is if the ranges are all of its family or all that it
    /// may be, a shared one only possibly unless they are all of its family.
    fn by_address(&self, ranges: &Ranges) -> Meant {
        let mut surely = self.addresses(ranges);
        let mut maybe = Bits::none();
        for family in 0..2 {
            if covers(ranges, ((family, 0), (family, last_of(family)))) {
                let of_family = self.family.get(family).cloned().unwrap_or_default();
                surely = surely.or(&of_family.and(&self.interfaces.or(&self.named)));
            }
        }
        for &(first, last) in ranges {
            let begin = self.known.partition_point(|(address, _)| *address < first);
            for (address, at) in self.known.iter().skip(begin) {
                if *address > last {
                    break;
                }
                let shared = self.interface(*at).is_some_and(|interface| interface.shared);
                if shared { maybe.insert(*at) } else { surely.insert(*at) }
            }
        }
        let interfaces = self.design.units.iter().flat_map(|unit| &unit.interfaces);
        for (at, interface) in (0..).zip(interfaces).filter(|(_, interface)| !interface.is_known) {
            if interface.within.is_some_and(|within| covers(ranges, within)) {
                surely.insert(at);
            }
        }
        Meant { maybe: maybe.or(&surely), surely }
    }

    pub(crate) fn interface(&self, endpoint: usize) -> Option<&'d Interface> {
        let unit = *self.unit_of.get(endpoint)?;
        self.design.units.get(unit)?.interfaces.get(endpoint.checked_sub(*self.first.get(unit)?)?)
    }

    /// The headers of services, where they are of units that give them names.
    pub(crate) fn served(&self, services: usize) -> Check<&[Served]> {
        let (Some(known), Some(services)) = (self.services.get(services), self.design.services.get(services)) else {
            return Err(Refusal::TooMuch);
        };
        Ok(known.get_or_init(|| {
            let mut anywhere = Vec::new();
            let mut all = Vec::new();
            for service in services {
                match service {
                    Service::Named(protocol, name) => all.extend(self.named_service(*protocol, name)),
                    service => anywhere.extend(headers(service)),
                }
            }
            all.push(Served { at: None, headers: disjoint(anywhere) });
            all
        }))
    }

    /// A service by name: a port for each that units give it.
    pub(crate) fn named_service(&self, protocol: Option<u32>, name: &str) -> Vec<Served> {
        let mut ports: BTreeMap<Rect, Vec<usize>> = BTreeMap::new();
        for (at, unit) in (0..).zip(&self.design.units) {
            for (used, first, _, _) in unit.listeners.iter().filter(|listener| listener.3.as_deref() == Some(name)) {
                if protocol.is_none_or(|protocol| protocol == *used) {
                    ports.entry(to_ports(*used, *first, *first)).or_default().push(at);
                }
            }
        }
        let served = |(rect, units): (Rect, Vec<usize>)| Served { at: Some(self.of_units(units)), headers: vec![rect] };
        let mut all: Vec<Served> = ports.into_iter().map(served).collect();
        let interfaces = self.design.units.iter().flat_map(|unit| &unit.interfaces);
        let declares = |(_, one): &(usize, &Interface)| one.declares.iter().any(|known| known == name);
        let declaring = Bits::of((0..).zip(interfaces).filter(declares).map(|(at, _)| at));
        if !declaring.is_empty() {
            let protocols = (0..3).filter(|used| protocol.is_none_or(|protocol| protocol == *used));
            let headers = protocols.map(|protocol| to_ports(protocol, 0, 0xFFFF)).collect();
            all.push(Served { at: Some(declaring), headers });
        }
        all
    }

    /// Address spaces with their surroundings.
    pub(crate) fn spaces(&self) -> &[Space] {
        self.spaces.get_or_init(|| {
            let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            let interfaces = self.design.units.iter().flat_map(|unit| &unit.interfaces);
            interfaces.zip(0..).for_each(|(one, at)| members.entry(&one.space).or_default().push(at));
            let mut linked: BTreeSet<(&str, &str)> = members.keys().map(|space| (*space, *space)).collect();
            linked.extend(self.design.routes.iter().flat_map(|(a, b)| [(a.as_str(), b.as_str()), (b, a)]));
            let space = |(space, here): (&&str, &Vec<usize>)| {
                let near = members.iter().filter(|(other, _)| linked.contains(&(*space, **other)));
                let near = Bits::of(near.flat_map(|(_, members)| members.iter().copied()));
                Space { here: Bits::of(here.iter().copied()), live: self.live(&near), near }
            };
            members.iter().map(space).collect()
        })
    }

    /// The position of each interface's space.
    pub(crate) fn by_space(&self) -> Vec<usize> {
        let mut by_space = vec![0; self.unit_of.len()];
        for (at, space) in self.spaces().iter().enumerate() {
            for end in space.here.iter() {
                by_space.get_mut(end).into_iter().for_each(|of| *of = at);
            }
        }
        by_space
    }

    /// Every connection that some path carries, as regions.
    pub(crate) fn paths(&self) -> Check<&[Region]> {
        let paths = self.paths.get_or_init(|| self.find_paths());
        paths.as_deref().map_err(Clone::clone)
    }

    /// Every connection that could be carried if there were routes and gateways everywhere.
    pub(crate) fn conceivable(&self) -> &[Region] {
        self.conceivable.get_or_init(|| {
            let spaces = self.spaces().iter().flat_map(|Space { here, live, .. }| [(here, live), (live, here)]);
            let rest = [(&self.interfaces, &self.interfaces), (&self.named, &self.interfaces)];
            let ways: Vec<(&Bits, &Bits)> = spaces.chain(rest).collect();
            let of = |family: usize, of: &Bits| {
                let region = |(from, to): &(&Bits, &Bits)| Region {
                    from: from.and(of),
                    to: to.and(of),
                    headers: universe(family),
                };
                ways.iter().map(region).collect::<Vec<_>>()
            };
            (0..)
                .zip(&self.family)
                .flat_map(|(family, bits)| of(family, bits))
                .filter(|region| !region.is_empty())
                .collect()
        })
    }

    fn find_paths(&self) -> Check<Vec<Region>> {
        let some = |keep: fn(&Interface) -> bool| {
            let interfaces = self.design.units.iter().flat_map(|unit| &unit.interfaces).zip(0..);
            Bits::of(interfaces.filter(|(interface, _)| keep(interface)).map(|(_, at)| at))
        };
        let (inbound, outbound) = (some(|one| one.inbound), some(|one| one.outbound));
        let mut paths = Vec::new();
        for Space { here, near, live } in self.spaces() {
            for (family, of) in (0..).zip(&self.family) {
                let ways = [(here, near), (&here.and(&outbound), live), (live, &here.and(&inbound))];
                let region = |(from, to): (&Bits, &Bits)| Region {
                    from: from.and(of),
                    to: to.and(of),
                    headers: universe(family),
                };
                paths.extend(ways.map(region));
            }
            self.spend(here.words() * 16)?;
        }
        let named_at = self.named_at();
        for (source, at) in self.design.sources.iter().zip((named_at..).step_by(2)) {
            for (to, services) in &source.entries {
                let to = self.selected_units(std::slice::from_ref(to));
                for served in self.served(*services)? {
                    for (family, of) in (0..).zip(&self.family) {
                        let from = Bits::of([at + family]);
                        let whole = Region { from: from.clone(), to: to.and(of), headers: universe(family) };
                        paths.extend(whole.meet(&from, served.at.as_ref().unwrap_or(of), &served.headers));
                    }
                }
            }
        }
        paths.retain(|region| !region.is_empty());
        Ok(paths)
    }

    /// The cells of which some address is external to these interfaces.
    fn live(&self, near: &Bits) -> Bits {
        self.cells_beyond(self.known_of(near))
    }

    /// The known addresses of interfaces, ascending.
    pub(crate) fn known_of(&self, near: &Bits) -> impl Iterator<Item = Address> {
        self.known.iter().filter(|(_, at)| near.contains(*at)).map(|(address, _)| *address)
    }

    /// The cells of which some address is none of these, which ascend.
    pub(crate) fn cells_beyond(&self, addresses: impl Iterator<Item = Address>) -> Bits {
        let mut merged: Ranges = Vec::new();
        for address in addresses {
            match merged.last_mut() {
                Some((_, last)) if last.0 == address.0 && last.1.saturating_add(1) >= address.1 => *last = address,
                _ => merged.push((address, address)),
            }
        }
        let dead = |cell: &(Address, Address)| {
            let at = merged.partition_point(|range| range.1 < cell.0);
            merged.get(at).is_some_and(|range| range.0 <= cell.0 && cell.1 <= range.1)
        };
        let cells = (self.unit_of.len()..).zip(&self.cells);
        Bits::of(cells.filter(|(_, cell)| !dead(cell)).map(|(at, _)| at))
    }

    /// How many addresses of a cell are external to somebody: those that some space does not know as a unit's.
    pub(crate) fn free(&self, cell: usize) -> u128 {
        let Some(&(first, last)) = cell.checked_sub(self.unit_of.len()).and_then(|at| self.cells.get(at)) else {
            return 0;
        };
        let begin = self.known.partition_point(|(address, _)| *address < first);
        let inside = self.known.iter().skip(begin).take_while(|(address, _)| *address <= last);
        let mut holders: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        inside.for_each(|(address, at)| holders.entry(*address).or_default().push(*at));
        let everywhere = |at: &&Vec<usize>| {
            self.spaces().iter().all(|space| at.iter().any(|interface| space.near.contains(*interface)))
        };
        let taken = holders.values().filter(everywhere).count() as u128;
        (last.1 - first.1).saturating_add(1).saturating_sub(taken)
    }

    /// The cell of an address.
    pub(crate) fn cell(&self, address: Address) -> Option<usize> {
        let at = self.cells.partition_point(|cell| cell.1 < address);
        self.cells.get(at).map(|_| self.unit_of.len() + at)
    }
}

fn firsts(units: &[Unit]) -> Vec<usize> {
    let counts = units.iter().map(|unit| unit.interfaces.len());
    counts.scan(0, |next, count| Some(std::mem::replace(next, *next + count))).collect()
}

fn last_of(family: usize) -> u128 {
    LAST.get(family).copied().unwrap_or(0)
}

/// True if ranges, ascending and apart, hold a whole range. Neighbours are one range in a normal form.
pub(crate) fn covers(ranges: &Ranges, whole: (Address, Address)) -> bool {
    ranges.iter().any(|(first, last)| *first <= whole.0 && whole.1 <= *last)
}

/// The address space, cut where an address set of the designs begins or ends, and with `known` around known addresses.
fn cells<const N: usize>(designs: [&Design; N], known: bool) -> Vec<(Address, Address)> {
    let mut cuts: BTreeSet<Address> = [(0, 0), (1, 0)].into();
    let mut cut = |ranges: &Ranges| {
        for &(first, last) in ranges {
            cuts.insert(first);
            cuts.extend((last.1 < last_of(last.0)).then(|| (last.0, last.1 + 1)));
        }
    };
    for peer in designs.into_iter().flat_map(|design| &design.peers) {
        if let Peer::Addresses(ranges, _) = peer {
            cut(ranges);
        }
    }
    let interfaces = designs.iter().flat_map(|design| &design.units).flat_map(|unit| &unit.interfaces);
    for interface in interfaces.filter(|interface| known && interface.is_known) {
        cut(&interface.within.into_iter().collect());
    }
    let ends = cuts.iter().skip(1).map(Some).chain([None]);
    cuts.iter()
        .zip(ends)
        .map(|(first, next)| match next {
            Some(next) if next.0 == first.0 => (*first, (first.0, next.1 - 1)),
            _ => (*first, (first.0, last_of(first.0))),
        })
        .collect()
}

/// Ports of a protocol, from every source port.
pub(crate) fn to_ports(protocol: u32, first: u32, last: u32) -> Rect {
    Rect { x: (protocol << 16 | first, protocol << 16 | last), y: (0, 0xFFFF) }
}

/// The headers of a service that goes by no name.
fn headers(service: &Service) -> Vec<Rect> {
    let all = |number: &Option<u8>| number.map_or((0, 0xFF), |number| (u32::from(number), u32::from(number)));
    match service {
        Service::Any => vec![EVERYTHING],
        Service::Ports(protocol, to, from) => {
            let rect = |to: &(u16, u16), from: &(u16, u16)| Rect {
                y: (from.0.into(), from.1.into()),
                ..to_ports(*protocol, to.0.into(), to.1.into())
            };
            to.iter().flat_map(|to| from.iter().map(move |from| rect(to, from))).collect()
        }
        Service::Named(..) => Vec::new(),
        Service::Icmp(family, kind, code) => {
            let (base, kind) = (ICMP.get(*family).copied().unwrap_or(0), all(kind));
            vec![Rect { x: (base + kind.0, base + kind.1), y: all(code) }]
        }
        Service::Protocol(number) => {
            let number = OTHER + u32::from(*number);
            vec![Rect { x: (number, number), y: (0, 0) }]
        }
    }
}
