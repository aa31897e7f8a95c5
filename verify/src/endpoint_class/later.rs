//! Classes of endpoints that go along with edits: peers that come when the classes stand, and units that leave theirs.

use super::{EndpointClasses, EndpointKind, Match, PeerMatches};
use fixedbitset::FixedBitSet;
use seglab_policy::{AddressSet, Design, Peer, Selector, Unit, UnitId};

impl EndpointClasses {
    /// The classes of units of groups that a selector selects, and of sources that it does.
    pub(crate) fn selected_by(&self, selector: &Selector, groups: &FixedBitSet, design: &Design) -> PeerMatches {
        let units = (0..self.units).filter(|&class| self.group(class).is_some_and(|group| groups.contains(group)));
        let selects = |class: &u32| match self.get(*class).kind {
            EndpointKind::Source(id) => {
                design.external_source(id).is_some_and(|source| selector.matches_source(source))
            }
            EndpointKind::Unit | EndpointKind::External(_) => false,
        };
        PeerMatches::Some(units.chain(self.sources().filter(selects)).map(|class| (class, Match::Yes)).collect())
    }

    /// The classes of external addresses in a set; `None` if the set has some addresses of a class and not others.
    pub(crate) fn external_in(&self, set: &AddressSet) -> Option<PeerMatches> {
        let mut inside = Vec::new();
        for class in self.externals() {
            let addresses = self.addresses(class);
            if set.is_superset(addresses) {
                inside.push((class, Match::Yes));
            } else if !set.intersection(addresses).is_empty() {
                return None;
            }
        }
        Some(PeerMatches::Some(inside))
    }

    /// Moves units from a class that others are of, too, to a vacant one, alike in everything; `None` if there is none to
    /// spare.
    pub(crate) fn split(&mut self, class: u32, units: &[UnitId]) -> Option<u32> {
        // One stays vacant, for what vacant classes have in common has to stay somewhere.
        let other = if self.vacant.len() > 1 { self.vacant.pop()? } else { return None };
        let (at, to) = (class as usize, other as usize);
        let (alike, group) = (self.classes.get(at)?.clone(), self.group.get(at).copied().flatten());
        self.by_block.get_mut(alike.block as usize)?.push(other);
        *self.classes.get_mut(to)? = alike;
        *self.group.get_mut(to)? = group;
        for unit in units {
            let of_unit = self.of_unit.get_mut(unit.index()).into_iter().flatten();
            of_unit.filter(|known| **known == class).for_each(|known| *known = other);
        }
        self.by_set.iter_mut().for_each(|matched| copy_match(matched, class, other));
        for matches in self.learned.values_mut() {
            matches.copy(class, other);
        }
        Some(other)
    }

    /// The block of a group, which it gets if it has none.
    pub(super) fn block_of(&mut self, group: u32) -> u32 {
        let at = group as usize;
        if self.block_of_first.len() <= at {
            self.block_of_first.resize(at + 1, None);
        }
        let next = u32::try_from(self.by_block.len()).unwrap_or(u32::MAX);
        let Some(slot) = self.block_of_first.get_mut(at) else { return next };
        let block = *slot.get_or_insert(next);
        if block == next {
            self.by_block.push(Vec::new());
        }
        block
    }

    /// Puts classes into a group, of units that a unit stands for.
    pub(crate) fn enter(&mut self, ends: &[u32], group: u32, unit: &Unit) {
        let block = self.block_of(group);
        for &end in ends {
            let Some(class) = self.classes.get_mut(end as usize) else { continue };
            let before = std::mem::replace(&mut class.block, block);
            self.by_block.get_mut(before as usize).into_iter().for_each(|known| known.retain(|known| *known != end));
            self.by_block.get_mut(block as usize).into_iter().for_each(|known| known.push(end));
            self.group.get_mut(end as usize).into_iter().for_each(|known| *known = Some(group));
        }
        for (peer, matches) in &mut self.learned {
            if let Peer::Units(selector) = peer {
                for &end in ends {
                    matches.set(end, selector.matches(unit));
                }
            }
        }
    }

    /// Takes note of what a peer matches.
    pub(crate) fn remember(&mut self, peer: &Peer, matches: PeerMatches) {
        self.learned.insert(peer.clone(), matches);
    }
}

impl PeerMatches {
    /// Makes it match a class as it does another.
    pub(crate) fn copy(&mut self, from: u32, to: u32) {
        if let PeerMatches::Some(matches) = self {
            copy_match(matches, from, to);
        }
    }

    /// Makes it match a class no more. Those that match everybody do still.
    pub(crate) fn forget(&mut self, class: u32) {
        if let PeerMatches::Some(matches) = self {
            forget_match(matches, class);
        }
    }

    /// Makes it match a class or not, true if it did not before what it does now. Not for those that match everybody.
    pub(crate) fn set(&mut self, class: u32, is_matched: bool) -> bool {
        let PeerMatches::Some(matches) = self else { return false };
        match (matches.binary_search_by_key(&class, |(class, _)| *class), is_matched) {
            (Ok(_), true) | (Err(_), false) => return false,
            (Ok(at), false) => drop(matches.remove(at)),
            (Err(at), true) => matches.insert(at, (class, Match::Yes)),
        }
        true
    }
}

/// Adds a class that is matched as another is, if that is.
fn copy_match(matches: &mut Vec<(u32, Match)>, from: u32, to: u32) {
    let at = |class: u32| matches.binary_search_by_key(&class, |(class, _)| *class);
    if let (Ok(known), Err(place)) = (at(from), at(to))
        && let Some(&(_, matched)) = matches.get(known)
    {
        matches.insert(place, (to, matched));
    }
}

/// Takes out how a class is matched.
pub(super) fn forget_match(matches: &mut Vec<(u32, Match)>, class: u32) {
    if let Ok(at) = matches.binary_search_by_key(&class, |(class, _)| *class) {
        matches.remove(at);
    }
}
