//! Sets of endpoints as bits, sets of headers as rectangles, and regions: sources × destinations × headers.

/// A set of numbers below a bound that all sets of one design share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn none(bound: usize) -> Self {
        Bits(vec![0; bound.div_ceil(64)])
    }

    pub(crate) fn of(bound: usize, members: impl IntoIterator<Item = usize>) -> Self {
        let mut bits = Self::none(bound);
        members.into_iter().for_each(|member| bits.insert(member));
        bits
    }

    pub(crate) fn insert(&mut self, member: usize) {
        if let Some(word) = self.0.get_mut(member / 64) {
            *word |= 1 << (member % 64);
        }
    }

    pub(crate) fn contains(&self, member: usize) -> bool {
        self.0.get(member / 64).is_some_and(|word| word >> (member % 64) & 1 == 1)
    }

    fn with(&self, other: &Bits, combine: impl Fn(u64, u64) -> u64) -> Bits {
        Bits(self.0.iter().zip(&other.0).map(|(a, b)| combine(*a, *b)).collect())
    }

    pub(crate) fn and(&self, other: &Bits) -> Bits {
        self.with(other, |a, b| a & b)
    }

    pub(crate) fn or(&self, other: &Bits) -> Bits {
        self.with(other, |a, b| a | b)
    }

    pub(crate) fn minus(&self, other: &Bits) -> Bits {
        self.with(other, |a, b| a & !b)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn meets(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub(crate) fn within(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }

    pub(crate) fn words(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }

    /// The words that are not zero, with their positions.
    pub(crate) fn sparse(&self) -> Vec<(usize, u64)> {
        self.0.iter().copied().enumerate().filter(|(_, word)| *word != 0).collect()
    }

    /// True if some number is in this set and in one given by its words.
    pub(crate) fn meets_sparse(&self, sparse: &[(usize, u64)]) -> bool {
        sparse.iter().any(|(at, word)| self.0.get(*at).is_some_and(|ours| ours & word != 0))
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
