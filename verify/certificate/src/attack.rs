//! Attacks: that what is owned stays inside a set, and what must not be reached outside of it.

use crate::certificate::Attack;
use crate::check::Checker;
use crate::design::{Pivot, Ranges};
use crate::fields::Selector;
use crate::judge::{Assume, Owned};
use crate::refusal::{Obligation, Refusal};
use crate::sets::{Bits, EVERYTHING, Rect, Region, disjoint, meet};
use crate::world::{Check, Served, to_ports};
use std::collections::{BTreeMap, BTreeSet};

/// So many lists of headers are looked at before rules are.
const FEW: usize = 8;

/// What attacks may end in.
struct Goal {
    targets: Bits,
    services: usize,
}

impl Checker<'_, '_> {
    pub(crate) fn isolated(&self, from: usize, to: usize, services: usize) -> Check<()> {
        let world = self.world;
        let (from, to) = (world.peer(from)?, world.peer(to)?);
        let targets = world.whole(&to.maybe).minus(&world.whole(&from.surely)).minus(&world.named);
        let none = Bits::none(world.bound);
        self.attacks(&world.whole(&from.maybe), &none, Some(&Goal { targets, services }), None)
    }

    pub(crate) fn only_through(&self, from: usize, to: usize, via: &Selector, services: usize) -> Check<()> {
        let world = self.world;
        let via = world.selected_units(std::slice::from_ref(via));
        let starts = world.whole(&world.peer(from)?.maybe).minus(&via);
        let targets = world.whole(&world.peer(to)?.maybe).minus(&via).minus(&world.named);
        self.attacks(&starts, &via, Some(&Goal { targets, services }), None)
    }

    pub(crate) fn blast_radius(&self, from: &Selector, bound: u64) -> Check<()> {
        let trusted = if self.certificate.trusted { &self.world.design.trusted[..] } else { &[] };
        let avoid = self.world.selected_units(trusted);
        let starts = self.world.selected_units(std::slice::from_ref(from)).minus(&avoid);
        let covered = self.components(&avoid, &starts, bound)?;
        self.attacks(&starts.minus(&covered), &avoid, None, Some(bound))
    }

    /// `exposed`: single connections between units and the outside.
    pub(crate) fn exposed(&self, external: &Ranges, inbound: bool, only: &Selector, services: usize) -> Check<()> {
        let world = self.world;
        let mut outside = world.addresses(external);
        for (family, of) in (0..).zip(&world.family).filter(|_| inbound) {
            let last = crate::design::LAST.get(family).copied().unwrap_or(0);
            if external.contains(&((family, 0), (family, last))) {
                outside = outside.or(&world.named.and(of));
            }
        }
        let only = world.selected_units(std::slice::from_ref(only));
        let (from, to) = if inbound { (&outside, &world.interfaces) } else { (&world.interfaces, &outside) };
        let everything = [Served { at: None, headers: vec![EVERYTHING] }];
        let assume = self.assume(Owned::Source, false);
        // Units that may be exposed are spared on some services, all others on none.
        let others = world.all().minus(&only);
        let (from_others, to_others) = if inbound { (from, &to.and(&others)) } else { (&from.and(&others), to) };
        let crossing = self.crossing(from_others, to_others, &self.seen(&everything), assume)?;
        self.require(Obligation::Exposed, crossing.is_none(), || self.shown(&crossing))?;
        let (from, to) = if inbound { (from, &to.and(&only)) } else { (&from.and(&only), to) };
        let crossing = self.crossing(from, to, &self.seen(&self.unserved(services)?), assume)?;
        self.require(Obligation::Exposed, crossing.is_none(), || self.shown(&crossing))
    }

    /// The headers of no service.
    fn unserved(&self, services: usize) -> Check<Vec<Served>> {
        let world = self.world;
        let all = Region { from: world.all(), to: world.all(), headers: vec![EVERYTHING] };
        let mut left = vec![all];
        for served in world.served(services)? {
            let (all, mut rest) = (world.all(), Vec::new());
            left.into_iter()
                .for_each(|region| region.minus(&all, served.at.as_ref().unwrap_or(&all), &served.headers, &mut rest));
            left = rest;
        }
        Ok(left.into_iter().map(|region| Served { at: Some(region.to), headers: region.headers }).collect())
    }

    /// Every attack of the certificate, and that every start is among theirs.
    fn attacks(&self, starts: &Bits, avoid: &Bits, goal: Option<&Goal>, bound: Option<u64>) -> Check<()> {
        let mut uncovered = starts.clone();
        for attack in &self.certificate.attacks {
            let starts = self.starts(attack)?;
            let covered = starts.and(&uncovered);
            uncovered = uncovered.minus(&starts);
            self.attack(attack, &starts, avoid, goal)?;
            if let (Some(bound), Some((last, _))) = (bound, attack.layers.last()) {
                let owned = self.units(last)?;
                let apart = !covered.within(&owned);
                let count = self.world.units(&owned).len() as u64 + u64::from(apart);
                self.require(Obligation::Bound, count <= bound, || {
                    format!("{count} units from {}", self.name(&starts))
                })?;
            }
        }
        self.require(Obligation::Starts, uncovered.is_empty(), || self.name(&uncovered))
    }

    fn starts(&self, attack: &Attack) -> Check<Bits> {
        let world = self.world;
        let named = world.named.iter().next().unwrap_or(world.bound);
        let sources = attack.named.iter().filter(|at| **at < world.design.sources.len());
        let sources = Bits::of(world.bound, sources.flat_map(|at| [named + 2 * at, named + 2 * at + 1]));
        Ok(self.units(&attack.units)?.or(&world.cells_of(&attack.externals)).or(&sources))
    }

    fn attack(&self, attack: &Attack, starts: &Bits, avoid: &Bits, goal: Option<&Goal>) -> Check<()> {
        let world = self.world;
        let hops = self.claimed.hops;
        // That an end gets back to itself does not count, which matters where nobody else starts.
        let itself = if self.is_one(starts) { starts.clone() } else { Bits::none(world.bound) };
        let layers = attack.layers.iter().map(|(units, _)| self.units(units)).collect::<Check<Vec<Bits>>>()?;
        let within = |connections: u64| hops.is_none_or(|most| connections < most);
        let mut hosted_at_last = Bits::none(world.bound);
        let mut owners = None;
        for (at, (layer, (_, credentials))) in (0u64..).zip(layers.iter().zip(&attack.layers)) {
            let owned = starts.or(layer);
            let guests = self.guests(&owned).minus(avoid);
            self.require(Obligation::Guests, guests.within(layer), || self.name(&guests.minus(layer)))?;
            let credentials: BTreeSet<&str> = credentials.iter().map(String::as_str).collect();
            let held = self.held(&owned).into_iter().find(|held| !credentials.contains(held));
            let exploits = self.claimed.pivot == Pivot::Exploitable;
            self.require(Obligation::Credentials, !exploits || held.is_none(), || held.unwrap_or_default().to_owned())?;
            hosted_at_last = guests;
            if !within(at) {
                break;
            }
            let next = layers.get(usize::try_from(at).unwrap_or(usize::MAX) + 1).unwrap_or(layer);
            self.require(Obligation::Layers, layer.within(next), || self.name(&layer.minus(next)))?;
            let outside = world.interfaces.minus(next).minus(avoid).minus(&itself);
            let crossing = self.steps(&owned, &outside, &self.counted(&credentials))?;
            self.require(Obligation::Closed, crossing.is_none(), || self.shown(&crossing))?;
            owners = Some(owned);
        }
        // Without layers nothing was followed.
        self.require(Obligation::Closed, !layers.is_empty(), || "no set of owned units".to_owned())?;
        let Some(goal) = goal else { return Ok(()) };
        let targets = goal.targets.minus(&itself);
        let on_host = hosted_at_last.and(&targets);
        self.require(Obligation::HostedTargets, on_host.is_empty(), || self.name(&on_host))?;
        let Some(owners) = owners else { return Ok(()) };
        let last = world.served(goal.services)?;
        let crossing = self.outward(&owners, &targets, &self.seen(last))?;
        let crossing = match (crossing, self.claimed.pivot) {
            (None, Pivot::EitherWay) => self.inward(&targets, &owners, last)?,
            (crossing, _) => crossing,
        };
        self.require(Obligation::Targets, crossing.is_none(), || self.shown(&crossing))
    }

    /// True for a single unit, and for a single address that is external to anybody.
    fn is_one(&self, ends: &Bits) -> bool {
        let units = self.world.units(ends).len();
        let outside = ends.and(&self.world.outside);
        let addresses = outside.iter().map(|cell| self.world.free(cell)).fold(0, u128::saturating_add);
        !ends.meets(&self.world.named) && matches!((units, addresses), (1, 0) | (0, 1))
    }

    /// Blast radius by components: each node leads to its next ones only. Gives the starts that are covered.
    fn components(&self, avoid: &Bits, starts: &Bits, bound: u64) -> Check<Bits> {
        let world = self.world;
        let nodes = &self.certificate.nodes;
        let mut covered = Bits::none(world.bound);
        let exploits = self.claimed.pivot == Pivot::Exploitable || self.claimed.hops.is_some();
        if nodes.is_empty() || exploits {
            // Closures of these are not unions, or not unbounded.
            return Ok(covered);
        }
        let next = |node: &crate::certificate::Node| -> Check<Vec<usize>> {
            if node.next.last().is_some_and(|(_, last)| *last >= nodes.len()) {
                return Err(Refusal::NoSuch { kind: "node" });
            }
            Ok(node.next.iter().flat_map(|(first, last)| *first..=*last).collect())
        };
        let counted = self.counted(&BTreeSet::new());
        for node in nodes {
            let mut ahead = [Bits::none(world.bound), Bits::none(world.bound)];
            for next in next(node)?.into_iter().filter_map(|at| nodes.get(at)) {
                let [any, hosted] = &mut ahead;
                let units = self.units(&next.units)?;
                *any = any.or(&units);
                *hosted = if next.hosted { hosted.or(&units) } else { hosted.clone() };
            }
            let (units, [any, hosted]) = (self.units(&node.units)?, ahead);
            let guests = self.guests(&units).minus(avoid);
            self.require(Obligation::Guests, guests.within(&hosted), || self.name(&guests.minus(&hosted)))?;
            let host_owned = if node.hosted { units.clone() } else { Bits::none(world.bound) };
            let outside = world.interfaces.minus(&any).minus(avoid);
            let crossing = self.steps_of(&units, &host_owned, &outside, &counted)?;
            self.require(Obligation::Closed, crossing.is_none(), || self.shown(&crossing))?;
        }
        for (at, node) in nodes.iter().enumerate() {
            let units = self.units(&node.units)?;
            if !units.meets(starts) {
                continue;
            }
            let (mut seen, mut ahead, mut owned) = (BTreeSet::new(), vec![at], Bits::none(world.bound));
            while let Some(node) = ahead.pop().and_then(|at| nodes.get(at)) {
                for next in next(node)?.into_iter().filter(|next| seen.insert(*next)).collect::<Vec<_>>() {
                    let units = nodes.get(next).map(|node| self.units(&node.units)).transpose()?;
                    owned = units.map_or(owned.clone(), |units| owned.or(&units));
                    ahead.push(next);
                }
            }
            let count = world.units(&owned).len() as u64 + u64::from(!units.and(starts).within(&owned));
            self.require(Obligation::Bound, count <= bound, || format!("{count} units from {}", self.name(&units)))?;
            covered = covered.or(&units);
        }
        Ok(covered)
    }

    /// The interfaces of the units that run on units of a set.
    fn guests(&self, owned: &Bits) -> Bits {
        let hosts = self.world.units(owned);
        self.world.of_units(hosts.iter().filter_map(|host| self.world.guests_of.get(host)).flatten().copied())
    }

    fn held(&self, owned: &Bits) -> BTreeSet<&str> {
        let units = self.world.units(owned).into_iter().filter_map(|unit| self.world.design.units.get(unit));
        units.flat_map(|unit| unit.credentials.iter().map(String::as_str)).collect()
    }

    /// The headers by which units are taken, with credentials at hand.
    fn counted(&self, credentials: &BTreeSet<&str>) -> Vec<Served> {
        let (pivot, listening) = (self.claimed.pivot, self.claimed.listening);
        if !listening && matches!(pivot, Pivot::Any | Pivot::EitherWay) {
            return vec![Served { at: None, headers: vec![EVERYTHING] }];
        }
        self.by_headers(|unit| {
            let listens = listens(unit);
            if pivot != Pivot::Exploitable {
                return listens;
            }
            let logins = unit.logins.iter().filter(|login| credentials.contains(login.0.as_str()));
            let weak = unit.weak.iter().copied().chain(logins.map(|login| (login.1, login.2)));
            let weak = disjoint(weak.map(|(protocol, port)| to_ports(protocol, port, port)));
            if listening { meet(&weak, &listens) } else { weak }
        })
    }

    /// Headers, where destinations listen if that is the view. External endpoints listen to everything.
    fn seen(&self, served: &[Served]) -> Vec<Served> {
        let mut seen = Vec::new();
        let mut everywhere = self.by_headers(listens);
        everywhere.push(Served { at: Some(self.world.outside.clone()), headers: vec![EVERYTHING] });
        if !self.claimed.listening {
            everywhere = vec![Served { at: None, headers: vec![EVERYTHING] }];
        }
        for (asked, heard) in served.iter().flat_map(|asked| everywhere.iter().map(move |heard| (asked, heard))) {
            let at = match (&asked.at, &heard.at) {
                (Some(asked), Some(heard)) => Some(asked.and(heard)),
                (Some(at), None) | (None, Some(at)) => Some(at.clone()),
                (None, None) => None,
            };
            let headers = if heard.headers == [EVERYTHING] {
                asked.headers.clone()
            } else {
                meet(&asked.headers, &heard.headers)
            };
            seen.push(Served { at, headers });
        }
        seen
    }

    /// Units by the headers that something gives them.
    fn by_headers(&self, of: impl Fn(&crate::design::Unit) -> Vec<Rect>) -> Vec<Served> {
        let mut by: BTreeMap<Vec<Rect>, Vec<usize>> = BTreeMap::new();
        for (at, unit) in (0..).zip(&self.world.design.units) {
            by.entry(of(unit)).or_default().push(at);
        }
        let served = |(headers, units): (_, Vec<usize>)| Served { at: Some(self.world.of_units(units)), headers };
        by.into_iter().map(served).filter(|served| !served.headers.is_empty()).collect()
    }

    fn assume(&self, owned: Owned, host_owned: bool) -> Assume {
        let (as_if_enforced, trust) = (self.certificate.as_if_enforced, self.claimed.trust);
        Assume { as_if_enforced, trust, owned, host_owned, kin: false }
    }

    /// A step of an attack from owned units to others, if one is possible.
    fn steps(&self, owned: &Bits, others: &Bits, counted: &[Served]) -> Check<Option<Region>> {
        self.steps_of(owned, &self.guests(owned).and(owned), others, counted)
    }

    fn steps_of(&self, owned: &Bits, hosted: &Bits, others: &Bits, counted: &[Served]) -> Check<Option<Region>> {
        if let Some(step) = self.outward_of(owned, hosted, others, counted)? {
            return Ok(Some(step));
        }
        if self.claimed.pivot != Pivot::EitherWay {
            return Ok(None);
        }
        self.inward_of(others, owned, hosted, &[Served { at: None, headers: vec![EVERYTHING] }])
    }

    fn outward(&self, owned: &Bits, to: &Bits, counted: &[Served]) -> Check<Option<Region>> {
        self.outward_of(owned, &self.guests(owned).and(owned), to, counted)
    }

    fn outward_of(&self, owned: &Bits, hosted: &Bits, to: &Bits, counted: &[Served]) -> Check<Option<Region>> {
        for (from, host_owned) in [(&owned.minus(hosted), false), (hosted, true)] {
            if let Some(step) = self.crossing(from, to, counted, self.assume(Owned::Source, host_owned))? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    fn inward(&self, from: &Bits, owned: &Bits, counted: &[Served]) -> Check<Option<Region>> {
        self.inward_of(from, owned, &self.guests(owned).and(owned), counted)
    }

    fn inward_of(&self, from: &Bits, owned: &Bits, hosted: &Bits, counted: &[Served]) -> Check<Option<Region>> {
        for (to, host_owned) in [(&owned.minus(hosted), false), (hosted, true)] {
            if let Some(step) = self.crossing(from, to, counted, self.assume(Owned::Destination, host_owned))? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// A connection that the points of the certificate may let through, from some ends to other ends, of the headers
    /// that count. Refused if something that is not modelled touches one, or could open a path to one.
    fn crossing(&self, from: &Bits, to: &Bits, counted: &[Served], assume: Assume) -> Check<Option<Region>> {
        let world = self.world;
        for (what, touched) in self.unmodelled() {
            for (from, to) in [(&from.and(&touched), to), (from, &to.and(&touched))] {
                let conceivable = self.narrowed(self.on_paths(world.conceivable(), from, to)?, counted)?;
                if conceivable.iter().any(|region| self.apart(region)) {
                    return Err(Refusal::Unmodelled { what: what.to_owned() });
                }
            }
        }
        let stands = |(at, direction): &&(usize, usize)| world.stands(*at, *direction, assume);
        let points: Vec<(usize, usize)> = self.certificate.by.iter().filter(stands).copied().collect();
        let (first, others) = points.split_at(points.len().min(1));
        let asked = self.on_paths(world.paths()?, from, to)?;
        let spared = |(at, _): &(usize, usize)| world.design.points.get(*at).is_some_and(|point| point.exempts_host);
        let kin = if points.iter().any(spared) { self.kin(&asked) } else { Vec::new() };
        for (asked, assume) in [(kin, Assume { kin: true, ..assume }), (asked, assume)] {
            // There may be as many lists of headers as units: then they are looked at where the first point has left
            // something.
            let few = counted.len() <= FEW;
            let asked = if few { self.narrowed(asked, counted)? } else { asked };
            let left = world.let_through(asked, first, assume)?;
            let left = if few { left } else { self.narrowed(left, counted)? };
            let left = world.let_through(left, others, assume)?;
            if let Some(crossing) = left.into_iter().find(|region| self.apart(region)) {
                return Ok(Some(crossing));
            }
        }
        Ok(None)
    }

    /// The connections that paths carry from some ends to others.
    fn on_paths(&self, paths: &[Region], from: &Bits, to: &Bits) -> Check<Vec<Region>> {
        self.world.spend(paths.len() as u64 * from.words())?;
        Ok(paths.iter().filter_map(|path| path.meet(from, to, &[EVERYTHING])).collect())
    }

    /// What of regions is of the headers that count.
    fn narrowed(&self, regions: Vec<Region>, counted: &[Served]) -> Check<Vec<Region>> {
        let all = self.world.all();
        let mut narrowed = Vec::new();
        for region in regions {
            let to = region.to.sparse();
            for served in counted {
                self.world.spend(to.len() as u64)?;
                if served.at.as_ref().is_none_or(|at| at.meets_sparse(&to)) {
                    narrowed.extend(region.meet(&all, served.at.as_ref().unwrap_or(&all), &served.headers));
                }
            }
            self.world.bounded(&narrowed)?;
        }
        Ok(narrowed)
    }

    /// The connections of regions between units and their own hosts.
    fn kin(&self, regions: &[Region]) -> Vec<Region> {
        let mut kin = Vec::new();
        for (host, guests) in &self.world.guests_of {
            let (host, guests) = (self.world.of_units([*host]), self.world.of_units(guests.iter().copied()));
            kin.extend(regions.iter().filter_map(|region| region.meet(&host, &guests, &[EVERYTHING])));
            kin.extend(regions.iter().filter_map(|region| region.meet(&guests, &host, &[EVERYTHING])));
        }
        kin
    }

    fn shown(&self, region: &Option<Region>) -> String {
        region.as_ref().map_or_else(String::new, |region| self.connection(region))
    }
}

/// What a unit listens to.
fn listens(unit: &crate::design::Unit) -> Vec<Rect> {
    let listeners: BTreeSet<Rect> =
        unit.listeners.iter().map(|(protocol, first, last, _)| to_ports(*protocol, *first, *last)).collect();
    disjoint(listeners)
}
