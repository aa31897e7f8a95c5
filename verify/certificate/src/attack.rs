//! Attacks: that what is owned stays inside a set, and what must not be reached outside of it.

use crate::certificate::{Attack, Layer};
use crate::check::Checker;
use crate::crossing::{Counted, listens};
use crate::design::Peer;
use crate::design::claim::{Bound, Pivot};
use crate::fields::Selector;
use crate::judge::Owned;
use crate::newcomers::extended;
use crate::refusal::{Obligation, Refusal};
use crate::sets::{Bits, EVERYTHING, Region, disjoint, meet};
use crate::world::{Check, Served, World, covers, to_ports};
use std::collections::BTreeSet;

/// What falls with each unit that an attack may start from.
struct Lost<'b> {
    bound: &'b Bound,
    radii: Vec<u64>,
}

impl Lost<'_> {
    fn is_within(&mut self, units: usize) -> bool {
        let (count, most) = (self.radii.len() as u64, u128::from(self.bound.most));
        // The numbers whose mean is asked for: all, or the one that so many thousandths of them do not exceed.
        let sum = match self.bound.per_mille {
            None => self.radii.iter().map(|radius| u128::from(*radius)).sum(),
            Some(per_mille) => {
                self.radii.sort_unstable();
                let rank = count.saturating_mul(per_mille).div_ceil(1000).max(1);
                let at = usize::try_from(rank - 1).unwrap_or(usize::MAX);
                self.radii.get(at).map_or(0, |radius| u128::from(*radius))
            }
        };
        let of = if self.bound.per_mille.is_none() { u128::from(count) } else { 1 };
        match self.bound.is_share {
            true => sum * 1_000_000 <= units as u128 * most * of,
            false => sum <= most * of,
        }
    }
}

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
        let none = Bits::none();
        self.attacks(&world.whole(&from.maybe), &none, Some(&Goal { targets, services }), None)
    }

    /// As [`Checker::isolated`], of the design with one unit more of every kind that may come.
    pub(crate) fn isolated_ever(&self, from: usize, to: usize, services: usize) -> Check<()> {
        let design = extended(self.world, [from, to])?;
        let world = World::new(&design)?;
        let there = Checker { by: self.by.clone(), ..self.in_world(&world) };
        let (starts, targets) = there.ever(from, to)?;
        there.attacks(&starts, &Bits::none(), Some(&Goal { targets, services }), None)?;
        self.world.obligations.set(self.world.obligations.get() + world.obligations.get());
        Ok(())
    }

    /// Where attacks start, and what must stay out of reach. One that exists is meant with all of its interfaces; one
    /// that may come has those that it has, and others if addresses are meant.
    fn ever(&self, from: usize, to: usize) -> Check<(Bits, Bits)> {
        let world = self.world;
        let by_address = |peer: usize| match world.design.peers.get(peer) {
            Some(Peer::Addresses(ranges, false)) => Some(ranges),
            _ => None,
        };
        let (by_from, by_to) = (by_address(from), by_address(to));
        let new = |peer: usize| -> Check<Bits> {
            Ok(match by_address(peer) {
                Some(ranges) if ranges.is_empty() => Bits::none(),
                Some(_) => world.new.clone(),
                None => world.peer(peer)?.maybe.and(&world.new),
            })
        };
        // Where both sides go by address it has to have one that is meant by the one only.
        let apart = by_to.zip(by_from).is_none_or(|(to, from)| !to.iter().all(|range| covers(from, *range)));
        let coming = if apart { new(to)?.minus(&world.peer(from)?.surely) } else { Bits::none() };
        let (new_starts, from, to) = (new(from)?, world.peer(from)?, world.peer(to)?);
        let targets = world.whole(&to.maybe).minus(&world.whole(&from.surely)).minus(&world.named);
        let starts = world.whole(&from.maybe).minus(&world.new).or(&new_starts);
        Ok((starts, targets.minus(&world.new).or(&coming)))
    }

    pub(crate) fn only_through(&self, from: usize, to: usize, via: &Selector, services: usize) -> Check<()> {
        let world = self.world;
        let via = world.selected_units(std::slice::from_ref(via));
        let starts = world.whole(&world.peer(from)?.maybe).minus(&via);
        let targets = world.whole(&world.peer(to)?.maybe).minus(&via).minus(&world.named);
        self.attacks(&starts, &via, Some(&Goal { targets, services }), None)
    }

    pub(crate) fn blast_radius(&self, from: &Selector, bound: &Bound) -> Check<()> {
        let trusted = if self.certificate.trusted { &self.world.design.trusted[..] } else { &[] };
        let avoid = self.world.selected_units(trusted);
        let starts = self.world.selected_units(std::slice::from_ref(from)).minus(&avoid);
        let mut lost = Lost { bound, radii: Vec::new() };
        let covered = self.components(&avoid, &starts, &mut lost)?;
        self.attacks(&starts.minus(&covered), &avoid, None, Some(&mut lost))?;
        let within = lost.is_within(self.world.design.units.len());
        self.require(Obligation::Bound, within, || format!("{} radii", lost.radii.len()))
    }

    /// Every attack of the certificate, and that every start is among theirs.
    fn attacks(&self, starts: &Bits, avoid: &Bits, goal: Option<&Goal>, mut lost: Option<&mut Lost<'_>>) -> Check<()> {
        let mut uncovered = starts.clone();
        let coming = starts.and(&self.world.new);
        for attack in &self.certificate.attacks {
            let starts = self.starts(attack)?.or(&coming);
            let covered = starts.and(&uncovered);
            uncovered = uncovered.minus(&starts);
            let owned = self.attack(attack, &starts, avoid, goal)?;
            if let Some(lost) = &mut lost {
                self.lose(lost, &covered, &owned);
            }
        }
        self.require(Obligation::Starts, uncovered.is_empty(), || self.name(&uncovered))
    }

    /// Takes down what falls with each of some units: what is owned, and itself.
    fn lose(&self, lost: &mut Lost<'_>, starts: &Bits, owned: &Bits) {
        let weight = |unit: usize| match lost.bound.by_criticality {
            true => self.world.design.units.get(unit).map_or(0, |unit| unit.criticality),
            false => 1,
        };
        let owned = self.world.units(owned);
        let all: u64 = owned.iter().map(|unit| weight(*unit)).sum();
        let itself = |unit: &usize| if owned.contains(unit) { 0 } else { weight(*unit) };
        let radii: Vec<u64> = self.world.units(starts).iter().map(|unit| all + itself(unit)).collect();
        lost.radii.extend(radii);
    }

    fn starts(&self, attack: &Attack) -> Check<Bits> {
        let world = self.world;
        let named = world.named.iter().next().unwrap_or(world.bound);
        let sources = attack.named.iter().filter(|at| **at < world.design.sources.len());
        let sources = Bits::of(sources.flat_map(|at| [named + 2 * at, named + 2 * at + 1]));
        Ok(self.units(&attack.units)?.or(&world.cells_of(&attack.externals)).or(&sources))
    }

    /// Follows an attack; gives what it may own in the end, beside where it starts.
    fn attack(&self, attack: &Attack, starts: &Bits, avoid: &Bits, goal: Option<&Goal>) -> Check<Bits> {
        let world = self.world;
        let hops = self.claimed.hops;
        // That an end gets back to itself does not count, which matters where nobody else starts.
        let itself = if self.is_one(starts) { starts.clone() } else { Bits::none() };
        let within = |connections: u64| hops.is_none_or(|most| connections < most);
        let mut hosted_at_last = Bits::none();
        let mut owned_at_last = Bits::none();
        let mut owners = None;
        let mut ahead = attack.layers.first().map(|layer| self.layer(layer)).transpose()?;
        let following = attack.layers.iter().skip(1).map(Some).chain([None]);
        for (at, (Layer { credentials, .. }, following)) in (0u64..).zip(attack.layers.iter().zip(following)) {
            let layer = ahead.take().unwrap_or_default();
            ahead = following.map(|layer| self.layer(layer)).transpose()?;
            let owned = starts.or(&layer);
            world.spend(owned.words().saturating_mul(64))?;
            let guests = self.guests(&owned).minus(avoid);
            self.require(Obligation::Guests, guests.within(&layer), || self.name(&guests.minus(&layer)))?;
            let credentials: BTreeSet<&str> = credentials.iter().map(String::as_str).collect();
            let held = self.held(&owned).into_iter().find(|held| !credentials.contains(held));
            let exploits = self.claimed.pivot == Pivot::Exploitable;
            self.require(Obligation::Credentials, !exploits || held.is_none(), || held.unwrap_or_default().to_owned())?;
            // Nothing is shown of layers past the last connection.
            (hosted_at_last, owned_at_last) = (guests, layer.clone());
            if !within(at) {
                break;
            }
            let next = ahead.as_ref().unwrap_or(&layer);
            self.require(Obligation::Layers, layer.within(next), || self.name(&layer.minus(next)))?;
            let outside = world.interfaces.minus(next).minus(avoid).minus(&itself);
            let crossing = self.steps(&owned, &outside, &self.counted(&credentials))?;
            self.require(Obligation::Closed, crossing.is_none(), || self.shown(&crossing))?;
            owners = Some(owned);
        }
        // Without layers nothing was followed.
        self.require(Obligation::Closed, !attack.layers.is_empty(), || "no set of owned units".to_owned())?;
        let Some(goal) = goal else { return Ok(owned_at_last) };
        let targets = goal.targets.minus(&itself);
        let on_host = hosted_at_last.and(&targets);
        self.require(Obligation::HostedTargets, on_host.is_empty(), || self.name(&on_host))?;
        let Some(owners) = owners else { return Ok(owned_at_last) };
        let last = world.served(goal.services)?;
        let crossing = self.outward(&owners, &targets, &self.seen(last))?;
        let crossing = match (crossing, self.claimed.pivot) {
            (None, Pivot::EitherWay) => self.inward(&targets, &owners, last)?,
            (crossing, _) => crossing,
        };
        self.require(Obligation::Targets, crossing.is_none(), || self.shown(&crossing))?;
        Ok(owned_at_last)
    }

    /// What a layer holds, units to come among them.
    fn layer(&self, layer: &Layer) -> Check<Bits> {
        let world = self.world;
        let coming = (0..).zip(&world.design.units).skip(world.design.existing());
        let parts = layer.newcomers.iter().map(|parts| parts.len() + 1).fold(0, usize::saturating_add);
        world.spend((parts as u64).saturating_mul(world.design.newcomers as u64))?;
        let host = |at: usize| world.host_of.get(at).copied().flatten();
        let is_in =
            |at: usize, unit| layer.newcomers.iter().any(|kind| kind.iter().all(|part| part.is_of(unit, host(at))));
        let coming = coming.filter(|(at, unit)| is_in(*at, unit)).map(|(at, _)| at);
        let all = self.units(&layer.units)?.or(&world.of_units(coming));
        world.spend(all.words().saturating_mul(64))?;
        Ok(all)
    }

    /// True for a single unit, and for a single address that is external to anybody.
    fn is_one(&self, ends: &Bits) -> bool {
        let units = self.world.units(ends).len();
        let outside = ends.and(&self.world.outside);
        let addresses = outside.iter().map(|cell| self.world.free(cell)).fold(0, u128::saturating_add);
        !ends.meets(&self.world.named) && !ends.meets(&self.world.new) && matches!((units, addresses), (1, 0) | (0, 1))
    }

    /// Blast radius by components: each node leads to its next ones only. Gives the starts that are covered.
    fn components(&self, avoid: &Bits, starts: &Bits, lost: &mut Lost<'_>) -> Check<Bits> {
        let world = self.world;
        let nodes = &self.certificate.nodes;
        let mut covered = Bits::none();
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
            let mut ahead = [Bits::none(), Bits::none()];
            for next in next(node)?.into_iter().filter_map(|at| nodes.get(at)) {
                let [any, hosted] = &mut ahead;
                let units = self.units(&next.units)?;
                *any = any.or(&units);
                *hosted = if next.hosted { hosted.or(&units) } else { hosted.clone() };
            }
            let (units, [any, hosted]) = (self.units(&node.units)?, ahead);
            let guests = self.guests(&units).minus(avoid);
            self.require(Obligation::Guests, guests.within(&hosted), || self.name(&guests.minus(&hosted)))?;
            let host_owned = if node.hosted { units.clone() } else { Bits::none() };
            let outside = world.interfaces.minus(&any).minus(avoid);
            let crossing = self.steps_of(&units, &host_owned, &outside, &counted)?;
            self.require(Obligation::Closed, crossing.is_none(), || self.shown(&crossing))?;
        }
        for (at, node) in nodes.iter().enumerate() {
            let units = self.units(&node.units)?;
            if !units.meets(starts) {
                continue;
            }
            let (mut seen, mut ahead, mut owned) = (BTreeSet::new(), vec![at], Bits::none());
            while let Some(node) = ahead.pop().and_then(|at| nodes.get(at)) {
                for next in next(node)?.into_iter().filter(|next| seen.insert(*next)).collect::<Vec<_>>() {
                    let units = nodes.get(next).map(|node| self.units(&node.units)).transpose()?;
                    owned = units.map_or(owned.clone(), |units| owned.or(&units));
                    ahead.push(next);
                }
            }
            self.lose(lost, &units.and(starts).minus(&covered), &owned);
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
            let weak = unit.weak.iter().copied().chain(logins.map(|login| (login.1, login.2, login.2)));
            let weak = disjoint(weak.map(|(protocol, first, last)| to_ports(protocol, first, last)));
            if listening { meet(&weak, &listens) } else { weak }
        })
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
            if let Some(step) =
                self.crossing([from, to], Counted::all(counted), self.assume(Owned::Source, host_owned))?
            {
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
            if let Some(step) =
                self.crossing([from, to], Counted::all(counted), self.assume(Owned::Destination, host_owned))?
            {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }
}
