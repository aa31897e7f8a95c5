//! Many large sets of small numbers that resemble each other, in the space of what tells them apart.
//!
//! The next steps from two units of a design differ in a few classes out of thousands. A set is a tree over the
//! numbers below a bound; equal parts of sets are kept once (hash consing, as in Bryant's decision diagrams, 1986), so
//! that changing a few numbers makes a few nodes, equal sets have equal roots, and whoever walks over many sets can
//! walk over each shared part once.
//!
//! Parts are shared between sets at the same place only: a node stands for certain numbers wherever it is met.

mod compact;
mod hits;
mod image;
mod masks;
mod transfer;

pub(crate) use compact::Compact;
pub(crate) use hits::Hits;
pub(crate) use image::Image;
pub(crate) use masks::Masks;
pub(crate) use transfer::Transfer;

use fixedbitset::FixedBitSet;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

/// Numbers in a leaf, as a power of two, and children of a branch, likewise.
const LEAF_BITS: u32 = 8;
const FANOUT_BITS: u32 = 3;
const FANOUT: usize = 1 << FANOUT_BITS;
const LEAF_WORDS: usize = (1 << LEAF_BITS) / 64;

/// A set of a pool. Equal sets have equal numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SetId(pub(crate) u32);

impl SetId {
    /// The set of no number.
    pub(crate) const EMPTY: SetId = SetId(0);
}

/// So many results are remembered for each node before all are forgotten.
const KNOWN_MAX: usize = 8;

/// Set in the number of a leaf, so that no branch over leaves looks like one over branches.
const LEAF: u32 = 1 << 31;

/// Numbers in one leaf's range, and where that begins.
type Leaf = (u32, [u64; LEAF_WORDS]);

/// Sets of numbers below one bound.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// How many levels of branches stand above the leaves; at least one.
    height: u32,
    // INVARIANT: the branch and the leaf numbered zero are empty, and no other is.
    branches: Table<[u32; FANOUT]>,
    leaves: Table<Leaf>,
    unions: FxHashMap<(u32, u32), u32>,
    remainders: FxHashMap<(u32, u32), u32>,
}

impl Pool {
    /// A pool for numbers below `bound`.
    pub(crate) fn new(bound: usize) -> Self {
        let mut height = 1;
        while (1 << (LEAF_BITS + FANOUT_BITS * height)) < bound {
            height += 1;
        }
        let (mut branches, mut leaves) = (Table::new(), Table::new());
        branches.intern([0; FANOUT]);
        leaves.intern((0, [0; LEAF_WORDS]));
        Self { height, branches, leaves, unions: FxHashMap::default(), remainders: FxHashMap::default() }
    }

    /// The position of a child among the branches, or among the leaves, of [`Pool::nodes`].
    pub(crate) fn position(child: u32) -> usize {
        (child & !LEAF) as usize
    }

    /// How many branches and leaves there are.
    pub(crate) fn nodes(&self) -> (usize, usize) {
        (self.branches.values.len(), self.leaves.values.len())
    }

    /// How much room the sets take. \[nodes\]
    pub(crate) fn size(&self) -> usize {
        let (branches, leaves) = self.nodes();
        branches + leaves
    }

    /// Forgets what became of two sets where that is more than the sets themselves.
    pub(crate) fn trim(&mut self) {
        let most = KNOWN_MAX * self.size();
        for known in [&mut self.unions, &mut self.remainders] {
            if known.len() > most {
                known.clear();
            }
        }
    }

    /// The children of a branch, zero for an empty one: leaves for a branch of height one, else branches.
    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    pub(crate) fn children(&self, branch: u32) -> [u32; FANOUT] {
        self.branches.values[branch as usize]
    }

    /// The height of the branches that are whole sets.
    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// The first number of a leaf that is `from` or larger, `from` counted from the leaf's beginning on: the number
    /// and its distance from the beginning.
    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    pub(crate) fn next_in_leaf(&self, leaf: u32, from: u32) -> Option<(usize, u32)> {
        let (base, words) = &self.leaves.values[Self::position(leaf)];
        let mut at = from as usize / 64;
        let mut word = words.get(at)? & (u64::MAX << (from % 64));
        while word == 0 {
            at += 1;
            word = *words.get(at)?;
        }
        let offset = u32::try_from(at).unwrap_or(0) * 64 + word.trailing_zeros();
        Some(((*base + offset) as usize, offset))
    }

    /// The set of the numbers in `bits`.
    pub(crate) fn of_bits(&mut self, bits: &FixedBitSet) -> SetId {
        let mut row: Vec<u32> = Vec::new();
        let words: Vec<u64> = bits.as_slice().iter().map(|&word| word as u64).collect();
        for (base, chunk) in (0u32..).step_by(1 << LEAF_BITS).zip(words.chunks(LEAF_WORDS)) {
            let mut leaf = [0; LEAF_WORDS];
            leaf.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            row.push(self.leaf(base, leaf));
        }
        for _ in 0..self.height {
            let parts = row.chunks(FANOUT).map(|chunk| {
                let mut children = [0; FANOUT];
                children.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
                children
            });
            let parts: Vec<[u32; FANOUT]> = parts.collect();
            row = parts.into_iter().map(|children| self.branches.intern(children)).collect();
        }
        SetId(row.first().copied().unwrap_or(0))
    }

    /// The set with numbers added (`true`) or taken out (`false`): ascending, each once.
    pub(crate) fn changed(&mut self, set: SetId, changes: &[(u32, bool)]) -> SetId {
        SetId(self.change(set.0, self.height, 0, changes))
    }

    #[expect(clippy::indexing_slicing, reason = "a node has as many places as are counted")]
    fn change(&mut self, node: u32, level: u32, base: u32, changes: &[(u32, bool)]) -> u32 {
        if changes.is_empty() {
            return node;
        }
        if level == 0 {
            let mut words = self.leaves.values[Self::position(node)].1;
            for &(number, member) in changes {
                let (word, bit) = ((number - base) as usize / 64, (number - base) % 64);
                words[word] = if member { words[word] | 1 << bit } else { words[word] & !(1 << bit) };
            }
            return self.leaf(base, words);
        }
        let width = LEAF_BITS + FANOUT_BITS * (level - 1);
        let mut children = self.branches.values[node as usize];
        let mut rest = changes;
        while let Some(&(number, _)) = rest.first() {
            let at = (number - base) >> width;
            let begin = base + (at << width);
            let count = rest.partition_point(|(number, _)| (number - base) >> width == at);
            let (here, after) = rest.split_at(count);
            children[at as usize] = self.change(children[at as usize], level - 1, begin, here);
            rest = after;
        }
        self.branches.intern(children)
    }

    /// The numbers in either set.
    pub(crate) fn union(&mut self, a: SetId, b: SetId) -> SetId {
        SetId(self.join(a.0, b.0, self.height))
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn join(&mut self, a: u32, b: u32, level: u32) -> u32 {
        match (a, b) {
            (0, other) | (other, 0) => return other,
            (a, b) if a == b => return a,
            _ => {}
        }
        if level == 0 {
            let (base, mut words) = self.leaves.values[Self::position(a)];
            words.iter_mut().zip(self.leaves.values[Self::position(b)].1).for_each(|(to, from)| *to |= from);
            return self.leaf(base, words);
        }
        let key = (a.min(b), a.max(b));
        if let Some(&known) = self.unions.get(&key) {
            return known;
        }
        let (mut children, others) = (self.branches.values[a as usize], self.branches.values[b as usize]);
        for (child, other) in children.iter_mut().zip(others) {
            *child = self.join(*child, other, level - 1);
        }
        let joined = self.branches.intern(children);
        self.unions.insert(key, joined);
        joined
    }

    /// The numbers of the first set that are not in the second.
    pub(crate) fn minus(&mut self, a: SetId, b: SetId) -> SetId {
        SetId(self.without(a.0, b.0, self.height))
    }

    /// The numbers in both sets.
    pub(crate) fn intersection(&mut self, a: SetId, b: SetId) -> SetId {
        let rest = self.minus(a, b);
        self.minus(a, rest)
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn without(&mut self, a: u32, b: u32, level: u32) -> u32 {
        if a == 0 || a == b {
            return 0;
        }
        if b == 0 {
            return a;
        }
        if level == 0 {
            let (base, mut words) = self.leaves.values[Self::position(a)];
            words.iter_mut().zip(self.leaves.values[Self::position(b)].1).for_each(|(to, from)| *to &= !from);
            return self.leaf(base, words);
        }
        if let Some(&known) = self.remainders.get(&(a, b)) {
            return known;
        }
        let (mut children, others) = (self.branches.values[a as usize], self.branches.values[b as usize]);
        for (child, other) in children.iter_mut().zip(others) {
            *child = self.without(*child, other, level - 1);
        }
        let rest = self.branches.intern(children);
        self.remainders.insert((a, b), rest);
        rest
    }

    /// For each number, how many of the sets it is in, each set taken so many times.
    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    pub(crate) fn times(&self, sets: impl IntoIterator<Item = (SetId, usize)>) -> FxHashMap<usize, usize> {
        let (branches, leaves) = self.nodes();
        let (mut branches, mut leaves) = (vec![0; branches], vec![0; leaves]);
        for (set, times) in sets {
            branches[set.0 as usize] += times;
        }
        // A branch is numbered after all that it leads to.
        for branch in (1..branches.len()).rev() {
            let times = branches[branch];
            if times == 0 {
                continue;
            }
            for child in self.branches.values[branch].into_iter().filter(|&child| child != 0) {
                let known = if child & LEAF == 0 { &mut branches } else { &mut leaves };
                known[Self::position(child)] += times;
            }
        }
        let mut found: FxHashMap<usize, usize> = FxHashMap::default();
        for (leaf, &times) in (0u32..).zip(&leaves).filter(|(_, times)| **times > 0) {
            let mut from = 0;
            while let Some((number, offset)) = self.next_in_leaf(leaf, from) {
                *found.entry(number).or_default() += times;
                from = offset + 1;
            }
        }
        found
    }

    /// The numbers in which two sets differ, ascending, each with whether it is in the second.
    pub(crate) fn differences(&self, a: SetId, b: SetId, each: &mut impl FnMut(usize, bool)) {
        self.differ(a.0, b.0, self.height, each);
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn differ(&self, a: u32, b: u32, level: u32, each: &mut impl FnMut(usize, bool)) {
        if a == b {
            return;
        }
        if level > 0 {
            let (ours, theirs) = (self.branches.values[a as usize], self.branches.values[b as usize]);
            ours.into_iter().zip(theirs).for_each(|(a, b)| self.differ(a, b, level - 1, each));
            return;
        }
        let (first, ours) = self.leaves.values[Self::position(a)];
        let (second, theirs) = self.leaves.values[Self::position(b)];
        // The empty leaf begins nowhere.
        let base = if a == 0 { second } else { first };
        for (word, (ours, theirs)) in (0u32..).step_by(64).zip(ours.into_iter().zip(theirs)) {
            let mut rest = ours ^ theirs;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                each((base + word + bit) as usize, theirs >> bit & 1 == 1);
                rest &= rest - 1;
            }
        }
    }

    /// The numbers of a set, ascending.
    pub(crate) fn numbers(&self, set: SetId) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect(set.0, self.height, &mut found);
        found
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn collect(&self, node: u32, level: u32, found: &mut Vec<usize>) {
        if level == 0 {
            let mut from = 0;
            while let Some((number, offset)) = self.next_in_leaf(node, from) {
                found.push(number);
                from = offset + 1;
            }
        } else if node != 0 {
            for child in self.branches.values[node as usize] {
                self.collect(child, level - 1, found);
            }
        }
    }

    /// True if the number is in the set.
    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    pub(crate) fn contains(&self, set: SetId, number: usize) -> bool {
        let mut node = set.0;
        for level in (1..=self.height).rev() {
            let at = number >> (LEAF_BITS + FANOUT_BITS * (level - 1));
            node = self.branches.values[node as usize][at % FANOUT];
        }
        let within = number % (1 << LEAF_BITS);
        self.leaves.values[Self::position(node)].1[within / 64] >> (within % 64) & 1 == 1
    }

    fn leaf(&mut self, base: u32, words: [u64; LEAF_WORDS]) -> u32 {
        if words == [0; LEAF_WORDS] { 0 } else { self.leaves.intern((base, words)) | LEAF }
    }
}

/// A walk over sets that looks at no shared part twice.
pub(crate) struct Walk<'p> {
    pool: &'p Pool,
    branches: FixedBitSet,
    leaves: FixedBitSet,
}

impl<'p> Walk<'p> {
    pub(crate) fn new(pool: &'p Pool) -> Self {
        let (branches, leaves) = pool.nodes();
        let (branches, leaves) = (FixedBitSet::with_capacity(branches), FixedBitSet::with_capacity(leaves));
        Self { pool, branches, leaves }
    }

    /// The numbers of the set that are not in `closed`, ascending, without parts that were walked over before; numbers of
    /// parts that only resemble such parts come again.
    pub(crate) fn numbers(&mut self, set: SetId, closed: &FixedBitSet, each: &mut impl FnMut(usize)) {
        self.walk(set.0, self.pool.height, closed, each);
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn walk(&mut self, node: u32, level: u32, closed: &FixedBitSet, each: &mut impl FnMut(usize)) {
        if level == 0 {
            if node != 0 && !self.leaves.put(Pool::position(node)) {
                let (base, words) = &self.pool.leaves.values[Pool::position(node)];
                for (first, word) in (*base as usize..).step_by(64).zip(words) {
                    let mut rest = word & !word_of(closed, first);
                    while rest != 0 {
                        each(first + rest.trailing_zeros() as usize);
                        rest &= rest - 1;
                    }
                }
            }
        } else if node != 0 && !self.branches.put(node as usize) {
            for child in self.pool.branches.values[node as usize] {
                self.walk(child, level - 1, closed, each);
            }
        }
    }
}

/// The 64 members of a set from a number on, which is a multiple of 64; none beyond its end.
fn word_of(set: &FixedBitSet, first: usize) -> u64 {
    const BITS: usize = usize::BITS as usize;
    let blocks = set.as_slice().iter().skip(first / BITS).take(64 / BITS);
    blocks.zip((0..).step_by(BITS)).fold(0, |word, (&block, at)| word | (block as u64) << at)
}

/// Sums of weights over sets, each shared part added up once.
pub(crate) struct Sums<'p> {
    pool: &'p Pool,
    weights: &'p [usize],
    branches: Vec<Option<usize>>,
    leaves: Vec<Option<usize>>,
}

impl<'p> Sums<'p> {
    /// Sums where the number at each position weighs as much as `weights` says; beyond its end nothing.
    pub(crate) fn new(pool: &'p Pool, weights: &'p [usize]) -> Self {
        let (branches, leaves) = pool.nodes();
        Self { pool, weights, branches: vec![None; branches], leaves: vec![None; leaves] }
    }

    /// The weight of a set.
    pub(crate) fn of(&mut self, set: SetId) -> usize {
        self.sum(set.0, self.pool.height)
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the tables that they index")]
    fn sum(&mut self, node: u32, level: u32) -> usize {
        if node == 0 {
            return 0;
        }
        let known = if level == 0 { &self.leaves } else { &self.branches };
        if let Some(known) = known[Pool::position(node)] {
            return known;
        }
        let mut sum = 0;
        if level == 0 {
            let mut from = 0;
            while let Some((number, offset)) = self.pool.next_in_leaf(node, from) {
                sum += self.weights.get(number).copied().unwrap_or(0);
                from = offset + 1;
            }
        } else {
            sum = self.pool.children(node).into_iter().map(|child| self.sum(child, level - 1)).sum();
        }
        let known = if level == 0 { &mut self.leaves } else { &mut self.branches };
        known[Pool::position(node)] = Some(sum);
        sum
    }
}

/// Values by number, each once: an open-addressed table of the numbers, so that a value is stored once only.
#[derive(Clone, Debug)]
struct Table<T> {
    values: Vec<T>,
    /// A number plus one, or zero for a free place; as many places as a power of two, at most half of them taken.
    places: Vec<u32>,
}

impl<T: Copy + Eq + std::hash::Hash> Table<T> {
    fn new() -> Self {
        Self { values: Vec::new(), places: vec![0; 64] }
    }

    #[expect(clippy::indexing_slicing, reason = "places are taken modulo their number")]
    fn intern(&mut self, value: T) -> u32 {
        let mask = self.places.len() - 1;
        let mut at = Self::hash(&value) & mask;
        while let Some(taken) = self.places[at].checked_sub(1) {
            if self.values[taken as usize] == value {
                return taken;
            }
            at = (at + 1) & mask;
        }
        self.values.push(value);
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.places[at] = number;
        if self.values.len() * 2 > self.places.len() {
            self.grow();
        }
        number - 1
    }

    #[expect(clippy::indexing_slicing, reason = "places are taken modulo their number")]
    fn grow(&mut self) {
        let mask = self.places.len() * 2 - 1;
        let mut places = vec![0; mask + 1];
        for (number, value) in (1u32..).zip(&self.values) {
            let mut at = Self::hash(value) & mask;
            while places[at] != 0 {
                at = (at + 1) & mask;
            }
            places[at] = number;
        }
        self.places = places;
    }

    fn hash(value: &T) -> usize {
        let mut hasher = FxHasher::default();
        value.hash(&mut hasher);
        // As on every machine with fewer bits, the low ones are enough.
        hasher.finish() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const BOUND: usize = 5000;

    fn bits(numbers: &BTreeSet<usize>) -> FixedBitSet {
        let mut bits = FixedBitSet::with_capacity(BOUND);
        numbers.iter().for_each(|&number| bits.insert(number));
        bits
    }

    fn numbers(pool: &Pool, set: SetId) -> BTreeSet<usize> {
        let mut found = Vec::new();
        Walk::new(pool).numbers(set, &FixedBitSet::new(), &mut |number| found.push(number));
        assert!(found.is_sorted());
        assert_eq!(found, pool.numbers(set));
        found.into_iter().collect()
    }

    fn set() -> impl Strategy<Value = BTreeSet<usize>> {
        // Dense and sparse parts, and both ends.
        let range = (0..BOUND, 0..600usize).prop_map(|(first, length)| (first, (first + length).min(BOUND)));
        (prop::collection::vec(range, 0..3), prop::collection::btree_set(0..BOUND, 0..20), any::<bool>()).prop_map(
            |(ranges, mut set, last)| {
                ranges.into_iter().for_each(|(first, end)| set.extend(first..end));
                if last {
                    set.insert(BOUND - 1);
                }
                set
            },
        )
    }

    proptest! {
        #[test]
        fn sets_are_what_they_were_made_of(a in set(), b in set()) {
            let mut pool = Pool::new(BOUND);
            let (first, second) = (pool.of_bits(&bits(&a)), pool.of_bits(&bits(&b)));
            prop_assert_eq!(&numbers(&pool, first), &a);
            prop_assert!((0..BOUND).all(|number| pool.contains(first, number) == a.contains(&number)));
            let union = pool.union(first, second);
            let both: BTreeSet<usize> = a.union(&b).copied().collect();
            prop_assert_eq!(&numbers(&pool, union), &both);
            prop_assert_eq!(union, pool.of_bits(&bits(&both)), "a set has one number");
            let rest: BTreeSet<usize> = a.difference(&b).copied().collect();
            let mut walked = Vec::new();
            Walk::new(&pool).numbers(first, &bits(&b), &mut |number| walked.push(number));
            prop_assert_eq!(&walked, &rest.iter().copied().collect::<Vec<_>>());
            let common: BTreeSet<usize> = a.intersection(&b).copied().collect();
            prop_assert_eq!(pool.minus(first, second), pool.of_bits(&bits(&rest)));
            prop_assert_eq!(pool.intersection(first, second), pool.of_bits(&bits(&common)));
            let weights: Vec<usize> = (0..BOUND).map(|number| number % 7).collect();
            prop_assert_eq!(Sums::new(&pool, &weights).of(union), both.iter().map(|number| number % 7).sum::<usize>());
            let times = pool.times([(first, 2), (second, 3), (second, 1)]);
            let expected = |number: usize| 2 * usize::from(a.contains(&number)) + 4 * usize::from(b.contains(&number));
            prop_assert!((0..BOUND).all(|number| times.get(&number).copied().unwrap_or(0) == expected(number)));
        }

        #[test]
        fn a_compact_pool_has_the_same_sets(a in set(), b in set(), c in set()) {
            let mut pool = Pool::new(BOUND);
            let kept = [&a, &b].map(|numbers| pool.of_bits(&bits(numbers)));
            pool.of_bits(&bits(&c));
            let mut compact = Compact::new(&pool);
            let taken = kept.map(|set| compact.take(set));
            let mut after = compact.finish();
            prop_assert_eq!(taken.map(|set| numbers(&after, set)), [a.clone(), b.clone()]);
            prop_assert_eq!(taken, [&a, &b].map(|numbers| after.of_bits(&bits(numbers))));
            prop_assert!(after.size() <= pool.size());
        }

        #[test]
        fn changes_change(a in set(), changes in prop::collection::btree_map(0..BOUND, any::<bool>(), 0..40)) {
            let mut pool = Pool::new(BOUND);
            let before = pool.of_bits(&bits(&a));
            let listed: Vec<(u32, bool)> =
                changes.iter().map(|(&number, &member)| (u32::try_from(number).unwrap(), member)).collect();
            let after = pool.changed(before, &listed);
            let mut expected = a.clone();
            for (&number, &member) in &changes {
                if member { expected.insert(number); } else { expected.remove(&number); }
            }
            prop_assert_eq!(&numbers(&pool, after), &expected);
            prop_assert_eq!(after, pool.of_bits(&bits(&expected)));
            let mut differences = Vec::new();
            pool.differences(before, after, &mut |number, member| differences.push((number, member)));
            let apart = a.symmetric_difference(&expected).map(|&number| (number, expected.contains(&number)));
            prop_assert_eq!(differences, apart.collect::<Vec<_>>());
            let undone: Vec<(u32, bool)> =
                listed.iter().map(|&(number, _)| (number, a.contains(&(number as usize)))).collect();
            prop_assert_eq!(pool.changed(after, &undone), before);
        }
    }

    #[test]
    fn a_walk_looks_at_a_shared_part_once() {
        let mut pool = Pool::new(BOUND);
        let all = pool.of_bits(&bits(&(0..BOUND).collect()));
        let but_one = pool.changed(all, &[(3000, false)]);
        let mut walk = Walk::new(&pool);
        let (mut first, mut second) = (0, 0);
        walk.numbers(all, &FixedBitSet::new(), &mut |_| first += 1);
        walk.numbers(but_one, &FixedBitSet::new(), &mut |_| second += 1);
        assert_eq!(first, BOUND);
        assert_eq!(second, (1 << LEAF_BITS) - 1, "the leaf that differs is all that is new");
    }
}
