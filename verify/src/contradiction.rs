//! Claims that cannot both be true: what a need asks for, and an isolation forbids.
//!
//! One of the two is red whatever the policy says. Nobody finds that out from the policy, so it is said.

use crate::classes::ClassId;
use crate::header_set::HeaderSet;
use crate::reach::Verifier;
use fixedbitset::FixedBitSet;
use seglab_policy::{AddressSet, Claim, Design, Peer, Service};

/// A connection that has to work and must not be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The position of the property that forbids it.
    pub forbids: usize,
    /// What asks for it: the position of a need, or of a property of the kind `allowed`.
    pub asks: Asking,
}

/// Who asks for connections to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// The need at this position.
    Need(usize),
    /// The property at this position.
    Property(usize),
}

/// One side of what is asked for: units, and addresses of which one that works is enough.
struct Asked<'d> {
    classes: Vec<ClassId>,
    addresses: Option<&'d AddressSet>,
}

/// One side of what is forbidden.
struct Forbidden<'d> {
    classes: FixedBitSet,
    peer: &'d Peer,
}

impl<'d> Verifier<'d> {
    /// The contradictions between `isolated` and what has to work: each flow that is asked for, some connection of
    /// which is forbidden, makes one. Peers other than units and external addresses are not compared.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let design: &'d Design = self.engine.design;
        let needs = design
            .needs()
            .iter()
            .enumerate()
            .map(|(at, need)| (Asking::Need(at), &need.from, &need.to, &need.services));
        let allowed = design.properties().iter().enumerate().filter_map(|(at, property)| match &property.claim {
            Claim::Allowed { from, to, services } => Some((Asking::Property(at), from, to, services)),
            _ => None,
        });
        let asked = needs.chain(allowed);
        let asked: Vec<_> = asked
            .map(|(asks, from, to, services)| (asks, [self.asked_of(from), self.asked_of(to)], services))
            .collect();
        let mut found = Vec::new();
        for (forbids, property) in design.properties().iter().enumerate() {
            let Claim::Isolated { from, to, services } = &property.claim else { continue };
            let forbidden = [self.forbidden_of(from), self.forbidden_of(to)];
            for (asks, ends, wanted) in &asked {
                if self.clash(&forbidden, ends, (services, wanted)) {
                    found.push(Contradiction { forbids, asks: *asks });
                }
            }
        }
        found
    }

    /// The classes of the units of a peer.
    fn classes_of(&self, peer: &Peer) -> Vec<ClassId> {
        match peer {
            Peer::Anyone => self.engine.classes.ids().collect(),
            Peer::Units(selector) => self.selected(selector).collect(),
            Peer::Addresses { .. } | Peer::Unmodelled(_) => Vec::new(),
        }
    }

    fn asked_of(&self, peer: &'d Peer) -> Asked<'d> {
        let addresses = match peer {
            Peer::Addresses { set, .. } if !set.is_empty() => Some(set),
            _ => None,
        };
        Asked { classes: self.classes_of(peer), addresses }
    }

    fn forbidden_of(&self, peer: &'d Peer) -> Forbidden<'d> {
        Forbidden { classes: self.classes_of(peer).into_iter().map(ClassId::index).collect(), peer }
    }

    /// True if some connection that must work is one that must not be possible.
    fn clash(
        &self,
        [from, to]: &[Forbidden<'_>; 2],
        [source, target]: &[Asked<'_>; 2],
        (services, wanted): (&[Service], &[Service]),
    ) -> bool {
        let classes = &self.engine.classes;
        let shared = |class: Option<ClassId>| {
            let unit = class.map(|class| self.engine.design.unit(classes.representative(class)));
            let listeners = unit.map_or(&[][..], |unit| &unit.listeners);
            let forbidden = HeaderSet::of_services(services, listeners);
            !forbidden.intersection(&HeaderSet::of_services(wanted, listeners)).is_empty()
        };
        let both = |forbidden: &Forbidden<'_>, asked: &Asked<'_>| -> Vec<ClassId> {
            asked.classes.iter().copied().filter(|class| forbidden.classes.contains(class.index())).collect()
        };
        let sources = both(from, source);
        let from_outside = from.covers(source);
        if sources.is_empty() && !from_outside {
            return false;
        }
        if !sources.is_empty() && to.covers(target) && shared(None) {
            return true;
        }
        // Nobody is kept apart from those who are kept apart.
        let inside = |class: ClassId| matches!(from.peer, Peer::Units(_)) && from.classes.contains(class.index());
        let targets = both(to, target).into_iter().filter(|&class| !inside(class));
        let another = |target: ClassId| {
            from_outside || sources.iter().any(|&source| source != target || classes.members(target).len() > 1)
        };
        targets.into_iter().any(|target| another(target) && shared(Some(target)))
    }
}

impl Forbidden<'_> {
    /// True if every address that may be chosen is one that is meant: of addresses one that works is enough.
    fn covers(&self, asked: &Asked<'_>) -> bool {
        let Some(chosen) = asked.addresses else { return false };
        match self.peer {
            Peer::Addresses { set, .. } => set.is_superset(chosen),
            Peer::Anyone => true,
            Peer::Units(_) | Peer::Unmodelled(_) => false,
        }
    }
}
