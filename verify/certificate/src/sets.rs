//! Sets of endpoints as words of bits, sets of headers as rectangles, and regions: sources × destinations × headers.

/// How much longer one set has to be than another so that its words are looked up rather than read through.
const MUCH_LONGER: usize = 8;

/// A set of numbers: the words of its bits that are not zero, with their positions, ascending. What rules name is
/// mostly little, so sets are as long as what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bits(Vec<(usize, u64)>);

impl Bits {
    pub(crate) fn none() -> Self {
        Bits::default()
    }

    pub(crate) fn of(members: impl IntoIterator<Item = usize>) -> Self {
        let mut members: Vec<usize> = members.into_iter().collect();
        members.sort_unstable();
        let mut bits = Self::none();
        members.into_iter().for_each(|member| bits.insert(member));
        bits
    }

    pub(crate) fn insert(&mut self, member: usize) {
        let (at, bit) = (member / 64, 1 << (member % 64));
        match self.0.last_mut() {
            Some((last, word)) if *last == at => *word |= bit,
            Some((last, _)) if *last > at => match self.0.binary_search_by_key(&at, |(at, _)| *at) {
                Ok(found) => self.0.get_mut(found).into_iter().for_each(|(_, word)| *word |= bit),
                Err(place) => self.0.insert(place, (at, bit)),
            },
            _ => self.0.push((at, bit)),
        }
    }

    pub(crate) fn contains(&self, member: usize) -> bool {
        let found = self.0.binary_search_by_key(&(member / 64), |(at, _)| *at).ok();
        found.and_then(|found| self.0.get(found)).is_some_and(|(_, word)| word >> (member % 64) & 1 == 1)
    }

    /// The words of both sets at positions where this one has some, in order; 0 where the other has none.
    fn beside<'a>(&'a self, other: &'a Bits) -> impl Iterator<Item = (usize, u64, u64)> + 'a {
        let much_longer = other.0.len() > MUCH_LONGER * self.0.len();
        let mut rest = other.0.as_slice();
        self.0.iter().map(move |&(at, word)| {
            let skipped = match much_longer {
                true => rest.partition_point(|(other, _)| *other < at),
                false => rest.iter().take_while(|(other, _)| *other < at).count(),
            };
            rest = rest.get(skipped..).unwrap_or_default();
            (at, word, rest.first().filter(|(other, _)| *other == at).map_or(0, |(_, word)| *word))
        })
    }

    pub(crate) fn and(&self, other: &Bits) -> Bits {
        let (short, long) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        Bits(short.beside(long).map(|(at, a, b)| (at, a & b)).filter(|(_, word)| *word != 0).collect())
    }

    pub(crate) fn or(&self, other: &Bits) -> Bits {
        let (mut all, mut rest) = (Vec::with_capacity(self.0.len() + other.0.len()), other.0.as_slice());
        for &(at, word) in &self.0 {
            let before = rest.partition_point(|(other, _)| *other < at);
            all.extend_from_slice(rest.get(..before).unwrap_or_default());
            rest = rest.get(before..).unwrap_or_default();
            let same = rest.first().filter(|(other, _)| *other == at).map(|(_, word)| *word);
            rest = rest.get(usize::from(same.is_some())..).unwrap_or_default();
            all.push((at, word | same.unwrap_or(0)));
        }
        all.extend_from_slice(rest);
        Bits(all)
    }

    pub(crate) fn minus(&self, other: &Bits) -> Bits {
        Bits(self.beside(other).map(|(at, a, b)| (at, a & !b)).filter(|(_, word)| *word != 0).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn meets(&self, other: &Bits) -> bool {
        let (short, long) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        short.beside(long).any(|(_, a, b)| a & b != 0)
    }

    pub(crate) fn within(&self, other: &Bits) -> bool {
        self.beside(other).all(|(_, a, b)| a & !b == 0)
    }

    /// The number of words that it takes, and one.
    pub(crate) fn words(&self) -> u64 {
        self.0.len() as u64 + 1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

/// Headers as a rectangle: `x` is the protocol in the upper half and the destination port, ICMP type or protocol
/// number in the lower, `y` the source port or ICMP code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rect {
    pub(crate) x: (u32, u32),
    pub(crate) y: (u32, u32),
}

/// Where `x` begins for ICMP of IPv4, of IPv6, and for all other protocols; before them TCP, UDP and SCTP.
pub(crate) const ICMP: [u32; 2] = [3 << 16, 4 << 16];
pub(crate) const OTHER: u32 = 5 << 16;
/// What a service that is any is: more than there is.
pub(crate) const EVERYTHING: Rect = Rect { x: (0, u32::MAX), y: (0, u32::MAX) };

/// Every header of a family: 0 for IPv4, 1 for IPv6. Numbers 1, 6, 17, 58 and 132 have forms of their own.
pub(crate) fn universe(family: usize) -> Vec<Rect> {
    let icmp = ICMP.get(family).copied().unwrap_or(0);
    let mut all = vec![Rect { x: (0, ICMP[0] - 1), y: (0, 0xFFFF) }, Rect { x: (icmp, icmp + 0xFF), y: (0, 0xFF) }];
    let others = [(0, 0), (2, 5), (7, 16), (18, 57), (59, 131), (133, 255)];
    all.extend(others.map(|(first, last)| Rect { x: (OTHER + first, OTHER + last), y: (0, 0) }));
    all
}

/// The same headers as rectangles that do not overlap. Every list of rectangles in a region is such a list, and what
/// is made from two of them is one again, so that lists stay as short as what they say.
pub(crate) fn disjoint(rects: impl IntoIterator<Item = Rect>) -> Vec<Rect> {
    rects.into_iter().fold(Vec::new(), |mut all, rect| {
        let new = minus(&[rect], &all);
        all.extend(new);
        all
    })
}

/// The headers that are in both sets.
pub(crate) fn meet(a: &[Rect], b: &[Rect]) -> Vec<Rect> {
    let both = |a: (u32, u32), b: (u32, u32)| (a.0.max(b.0), a.1.min(b.1));
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| Rect { x: both(a.x, b.x), y: both(a.y, b.y) }));
    pairs.filter(|rect| rect.x.0 <= rect.x.1 && rect.y.0 <= rect.y.1).collect()
}

/// The headers of the first set that are not in the second.
pub(crate) fn minus(a: &[Rect], b: &[Rect]) -> Vec<Rect> {
    b.iter().fold(a.to_vec(), |left, hole| left.iter().flat_map(|rect| cut(*rect, *hole)).collect())
}

fn cut(rect: Rect, hole: Rect) -> Vec<Rect> {
    let Some(&inner) = meet(&[rect], &[hole]).first() else { return vec![rect] };
    let mut left = Vec::new();
    if rect.x.0 < inner.x.0 {
        left.push(Rect { x: (rect.x.0, inner.x.0 - 1), y: rect.y });
    }
    if inner.x.1 < rect.x.1 {
        left.push(Rect { x: (inner.x.1 + 1, rect.x.1), y: rect.y });
    }
    if rect.y.0 < inner.y.0 {
        left.push(Rect { x: inner.x, y: (rect.y.0, inner.y.0 - 1) });
    }
    if inner.y.1 < rect.y.1 {
        left.push(Rect { x: inner.x, y: (inner.y.1 + 1, rect.y.1) });
    }
    left
}

/// Every connection from one of the sources to one of the destinations with one of the headers.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) from: Bits,
    pub(crate) to: Bits,
    pub(crate) headers: Vec<Rect>,
}

impl Region {
    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_empty() || self.to.is_empty() || self.headers.is_empty()
    }

    /// What it shares with another; `None` if nothing.
    pub(crate) fn meet(&self, from: &Bits, to: &Bits, headers: &[Rect]) -> Option<Region> {
        if !self.from.meets(from) || !self.to.meets(to) {
            return None;
        }
        let headers = if headers == [EVERYTHING] { self.headers.clone() } else { meet(&self.headers, headers) };
        (!headers.is_empty()).then(|| Region { from: self.from.and(from), to: self.to.and(to), headers })
    }

    /// What is left of it without another, as regions apart from each other.
    pub(crate) fn minus(self, from: &Bits, to: &Bits, headers: &[Rect], left: &mut Vec<Region>) {
        let Some(inner) = self.meet(from, to, headers) else {
            left.push(self);
            return;
        };
        let other_sources = Region { from: self.from.minus(from), ..self.clone() };
        let other_destinations = Region { from: inner.from.clone(), to: self.to.minus(to), ..self.clone() };
        let other_headers = Region { headers: minus(&self.headers, headers), ..inner };
        let parts = [other_sources, other_destinations, other_headers];
        left.extend(parts.into_iter().filter(|part| !part.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn sets_are_what_they_hold() {
        let members: [Vec<usize>; 7] = [
            vec![],
            vec![0],
            vec![63, 64, 1],
            (0..2000).collect(),
            (0..2000).rev().step_by(3).collect(),
            vec![700, 5, 1999, 5],
            (640..704).chain([64_000]).collect(),
        ];
        for (a, b) in members.iter().flat_map(|a| members.iter().map(move |b| (a, b))) {
            let plain = |of: &[usize]| of.iter().copied().collect::<BTreeSet<usize>>();
            let listed = |of: Bits| of.iter().collect::<BTreeSet<usize>>();
            let (left, right) = (plain(a), plain(b));
            let (a, b) = (Bits::of(a.iter().copied()), Bits::of(b.iter().copied()));
            assert_eq!(listed(a.and(&b)), &left & &right);
            assert_eq!(listed(a.or(&b)), &left | &right);
            assert_eq!(listed(a.minus(&b)), &left - &right);
            assert_eq!((a.meets(&b), a.within(&b)), (!left.is_disjoint(&right), left.is_subset(&right)));
            assert_eq!((a.is_empty(), a == b), (left.is_empty(), left == right));
            assert!((0..2100).all(|member| a.contains(member) == left.contains(&member)));
        }
    }

    #[test]
    fn what_is_cut_out_is_gone_and_nothing_else() {
        let whole = Rect { x: (10, 20), y: (10, 20) };
        for hole in [(0, 30), (12, 15), (10, 10), (20, 25), (0, 5)] {
            for other in [(0, 30), (12, 15), (20, 40)] {
                let hole = Rect { x: hole, y: other };
                let left = minus(&[whole], &[hole]);
                for (x, y) in (10..=20).flat_map(|x| (10..=20).map(move |y| (x, y))) {
                    let inside = |rect: &Rect| rect.x.0 <= x && x <= rect.x.1 && rect.y.0 <= y && y <= rect.y.1;
                    assert_eq!(left.iter().filter(|rect| inside(rect)).count(), usize::from(!inside(&hole)));
                }
            }
        }
    }
}
