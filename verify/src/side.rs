//! One side of a rulebook's rules: the endpoint classes, by the peers that match them.
//!
//! Endpoint classes that the same peers of the rulebook match are one *part*. Most rules speak of a few parts, some
//! of many; parts that only the former tell apart are one *group*.

use crate::classes::Classes;
use crate::endpoint_class::{Match, PeerMatches};
use crate::vocabulary::Interner;

/// The peers that match, ascending, the scope, and the ports behind names.
pub(crate) type Signature = (Vec<(u32, Match)>, Option<u32>, u32);

/// The source side, or the destination side.
#[derive(Debug)]
pub(crate) struct Side {
    /// The peers that parts were made by, ascending.
    peers: Vec<u32>,
    part_of: Vec<u32>,
    pub(crate) parts: Vec<Signature>,
    /// The endpoint classes of each part, ascending.
    pub(crate) members: Vec<Vec<u32>>,
    /// The parts that each peer matches.
    matched: Vec<Vec<(u32, Match)>>,
    group_of: Vec<u32>,
    pub(crate) groups: Vec<Signature>,
    /// The groups that each peer of a rule about many parts matches.
    groups_matched: Vec<Vec<(u32, Match)>>,
}

impl Side {
    /// The parts that `peers`, by number, make; `others` gives the scope and the ports of an endpoint class.
    pub(crate) fn new(
        classes: &Classes,
        peers: &[u32],
        matches: &[PeerMatches],
        mut others: impl FnMut(u32) -> (Option<u32>, u32),
    ) -> Self {
        let mut signatures: Vec<Vec<(u32, Match)>> = vec![Vec::new(); classes.endpoints.len()];
        for &peer in peers {
            if let Some(PeerMatches::Some(matched)) = matches.get(peer as usize) {
                for &(class, matched) in matched {
                    if let Some(signature) = signatures.get_mut(class as usize) {
                        signature.push((peer, matched));
                    }
                }
            }
        }
        let mut parts: Interner<Signature> = Interner::new();
        let mut part_of = Vec::with_capacity(signatures.len());
        let mut members: Vec<Vec<u32>> = Vec::new();
        for (class, signature) in (0u32..).zip(signatures) {
            let (scope, ports) = others(class);
            let part = parts.intern((signature, scope, ports));
            part_of.push(part);
            match members.get_mut(part as usize) {
                Some(members) => members.push(class),
                None => members.push(vec![class]),
            }
        }
        let parts = parts.values().to_vec();
        let matched = matched(&parts, matches);
        Self {
            peers: peers.to_vec(),
            part_of,
            parts,
            members,
            matched,
            group_of: Vec::new(),
            groups: Vec::new(),
            groups_matched: Vec::new(),
        }
    }

    /// Puts parts into groups that these peers, ascending, do not tell apart, nor scopes, nor named ports if they
    /// matter.
    pub(crate) fn group(&mut self, peers: &[u32], ports_matter: bool, matches: &[PeerMatches]) {
        let mut groups: Interner<Signature> = Interner::new();
        for (signature, scope, ports) in &self.parts {
            let kept = signature.iter().filter(|(peer, _)| peers.binary_search(peer).is_ok()).copied().collect();
            self.group_of.push(groups.intern((kept, *scope, if ports_matter { *ports } else { 0 })));
        }
        self.groups = groups.values().to_vec();
        self.groups_matched = self::matched(&self.groups, matches);
    }

    /// Puts an endpoint class into the part of another.
    pub(crate) fn join(&mut self, class: u32, other: u32) {
        let (from, to) = (self.part(class), self.part(other));
        self.members.get_mut(from as usize).into_iter().for_each(|members| members.retain(|known| *known != class));
        if let Some(members) = self.members.get_mut(to as usize) {
            let at = members.partition_point(|known| *known < class);
            members.insert(at, class);
        }
        self.part_of.get_mut(class as usize).into_iter().for_each(|part| *part = to);
    }

    /// True if parts were made by this peer, among others.
    pub(crate) fn has_peer(&self, peer: u32) -> bool {
        self.peers.binary_search(&peer).is_ok()
    }

    /// The part of an endpoint class.
    #[expect(clippy::indexing_slicing, reason = "every endpoint class has a part")]
    pub(crate) fn part(&self, class: u32) -> u32 {
        self.part_of[class as usize]
    }

    /// The group of a part.
    #[expect(clippy::indexing_slicing, reason = "every part has a group")]
    pub(crate) fn group_of(&self, part: u32) -> u32 {
        self.group_of[part as usize]
    }

    /// The parts that a peer matches.
    pub(crate) fn parts_matched(&self, peer: u32) -> &[(u32, Match)] {
        self.matched.get(peer as usize).map_or(&[], Vec::as_slice)
    }

    /// The number of endpoint classes that a peer matches.
    pub(crate) fn classes_matched(&self, peer: u32) -> usize {
        let members = |part: u32| self.members.get(part as usize).map_or(0, Vec::len);
        self.parts_matched(peer).iter().map(|&(part, _)| members(part)).sum()
    }

    /// The groups that a peer matches.
    pub(crate) fn groups_matched(&self, peer: u32) -> &[(u32, Match)] {
        self.groups_matched.get(peer as usize).map_or(&[], Vec::as_slice)
    }
}

/// For each peer, the signatures that it is in: all of them if it matches everybody.
fn matched(signatures: &[Signature], matches: &[PeerMatches]) -> Vec<Vec<(u32, Match)>> {
    let numbers = 0..u32::try_from(signatures.len()).unwrap_or(u32::MAX);
    let mut matched: Vec<Vec<(u32, Match)>> = matches
        .iter()
        .map(|matches| match matches {
            PeerMatches::All(matched) => numbers.clone().map(|number| (number, *matched)).collect(),
            PeerMatches::Some(_) => Vec::new(),
        })
        .collect();
    for (number, (peers, _, _)) in (0u32..).zip(signatures) {
        for &(peer, certainty) in peers {
            if let Some(matched) = matched.get_mut(peer as usize) {
                matched.push((number, certainty));
            }
        }
    }
    matched
}
