//! Which targets a unit could ever take: those to which a connection that enforcement lets through meets a weakness.
//!
//! Where enforcement stands as it does all the time, that does not change, and is found once for all replicas. All others are
//! *out of reach* of the unit, whatever happens: nothing can come of attempts at them but an alert. Assumed is what serves the
//! attacker most: every weakness is there, every credential is held, every point is void that trust lets be.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use seglab_engine::EndpointClass;
use seglab_policy::{Assume, Connection, Design, Endpoint, Header, Pivot, Side, Strategy, UnitId};

use super::super::Search;
use super::super::enforcement::{Enforcement, Instant};
use super::super::network::{Network, Reach, Target};
use super::Offence;

/// A unit that could take more targets than this, and more than one in so many, is not contained: there is little to thin.
const PROSPECTS_MAX: usize = 64;
const ONE_IN: usize = 32;

/// The prospects of all units, found when they are first asked for.
pub(in super::super) struct Prospects {
    /// Units of the same kind share them.
    kinds: Vec<Kind>,
    kind_of: Vec<u32>,
}

struct Kind {
    /// The first unit of the kind, which stands for all.
    first: UnitId,
    /// Positions in the reach of the units, ascending; `None` if they are too many.
    targets: OnceLock<Option<Box<[u32]>>>,
}

impl Prospects {
    /// Those of an attacker, on a design that never changes; `None` where a strategy depends on every single visit.
    pub(in super::super) fn new(design: &Design, enforcement: &Enforcement, offence: &Offence) -> Option<Self> {
        let steady = matches!(offence.strategy, Strategy::Worm | Strategy::Targeted | Strategy::Ransomware { .. });
        if !steady || offence.search != Search::OneService || offence.conduct.takes_controllers {
            return None;
        }
        // A unit that runs on another, or has others run on it, is of a kind of its own.
        let mut numbers: BTreeMap<(Vec<[Option<EndpointClass>; 2]>, Option<UnitId>), u32> = BTreeMap::new();
        let mut alone = vec![true; design.units().len()];
        for (guest, host) in design.unit_ids().filter_map(|unit| Some((unit, design.host_of(unit)?))) {
            for unit in [guest, host] {
                if let Some(alone) = alone.get_mut(unit.index()) {
                    *alone = false;
                }
            }
        }
        let mut kinds = Vec::new();
        let kind_of = design.unit_ids().zip(design.units()).zip(alone).map(|((unit, held), alone)| {
            let endpoints = (0u16..).zip(&held.interfaces).map(|(interface, _)| Endpoint::Unit { unit, interface });
            let classes = endpoints.map(|endpoint| enforcement.classes_of(endpoint)).collect();
            *numbers.entry((classes, (!alone).then_some(unit))).or_insert_with(|| {
                kinds.push(Kind { first: unit, targets: OnceLock::new() });
                kinds.len() as u32 - 1
            })
        });
        let kind_of = kind_of.collect();
        Some(Self { kinds, kind_of })
    }

    /// The positions in the reach of a unit of the targets that it could take, ascending; `None` if they are many.
    pub(super) fn of(
        &self,
        unit: UnitId,
        network: &Network<'_>,
        offence: &Offence,
        now: Instant<'_>,
    ) -> Option<&[u32]> {
        let kind = self.kinds.get(*self.kind_of.get(unit.index())? as usize)?;
        let find = || Eye { unit: kind.first, network, offence, now }.find();
        kind.targets.get_or_init(find).as_deref()
    }
}

/// A unit that looks for prospects.
struct Eye<'a> {
    unit: UnitId,
    network: &'a Network<'a>,
    offence: &'a Offence,
    now: Instant<'a>,
}

impl Eye<'_> {
    fn find(&self) -> Option<Box<[u32]>> {
        let reach = self.network.reach(self.unit)?;
        let most = PROSPECTS_MAX.max(reach.targets.len() / ONE_IN);
        let mut found = Vec::new();
        for (position, &target) in (0u32..).zip(&reach.targets) {
            if self.could_take(target, reach) {
                if found.len() == most {
                    return None;
                }
                found.push(position);
            }
        }
        Some(found.into_boxed_slice())
    }

    fn could_take(&self, target: Target, reach: &Reach) -> bool {
        let Self { network, offence, .. } = self;
        let unit = network.design.unit(target.unit);
        match offence.pivot {
            Pivot::Any => reach.headers.iter().any(|header| self.connects(target, *header, false)),
            Pivot::EitherWay => {
                let either = |header: &Header| [false, true].map(|lure| self.connects(target, *header, lure));
                reach.headers.iter().any(|header| either(header).contains(&true))
            }
            Pivot::Service => {
                let mut listened = reach.headers.iter().filter(|header| unit.listens_to(**header));
                listened.any(|header| self.connects(target, *header, false))
            }
            Pivot::Exploitable => {
                network.weak_spots(target.unit).iter().any(|header| self.connects(target, *header, false))
            }
        }
    }

    /// True if a connection to a target gets through, or one from there if it is lured.
    fn connects(&self, target: Target, header: Header, lure: bool) -> bool {
        let side = if lure { Side::Destination } else { Side::Source };
        let assume = Assume { as_if_enforced: false, trust: self.offence.trust, owned: Some(side), host_owned: true };
        let there = Endpoint::Unit { unit: target.unit, interface: target.interface };
        self.network.interfaces_towards(self.unit, target).any(|interface| {
            let here = Endpoint::Unit { unit: self.unit, interface };
            let (source, destination) = if lure { (there, here) } else { (here, there) };
            self.now.attempt(Connection { source, destination, header }, assume).1.is_allowed()
        })
    }
}
