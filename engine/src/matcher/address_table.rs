//! From address to labels: tries that are as deep as the ranges need.
//!
//! An IPv4 address is looked up in three reads: its upper bits find a *node* over the bits below them, in steps as wide
//! as the edges of the ranges allow, and so on down to a cell (multibit tries: Srinivasan and Varghese, *Fast address
//! lookups using controlled prefix expansion*, 1999, section 4). Where edges are so scattered that such nodes take too
//! much memory, there are more and smaller steps. IPv6 addresses are searched among the edges.

use super::doubled::Replayed;
use super::numbers::Numbers;
use super::pair_table::Label;
use rustc_hash::{FxHashMap, FxHashSet};

/// A range of addresses up to the next one's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<A> {
    pub(super) first: A,
    /// The labels of the address as a source and as a destination.
    pub(super) labels: [Label; 2],
}

/// IPv4 addresses to labels.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressTable {
    /// How many bits of an address are left below each level, down to those that find cells.
    pub(super) levels: Vec<u32>,
    /// The nodes of all levels, those of the first level first: where the entries or the cells of the next level start,
    /// and in the lowest [`SHIFT_BITS`] the binary logarithm of the addresses of one of them.
    pub(super) nodes: Vec<u32>,
    /// The labels of each cell as a source, and as a destination.
    pub(super) cells: [Numbers; 2],
    /// The places of nodes' entries that writes made, and that one node only has: (whether cells, where they start).
    own: FxHashSet<(bool, u32)>,
}

/// The label of a range of addresses, as a source (0) or as a destination (1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Relabelled {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) side: usize,
    pub(super) label: Label,
}

/// The bits of a node that say how wide its steps are.
pub(super) const SHIFT_BITS: u32 = 5;
/// How many bits each level takes, from few levels to many.
const STRIDES: [&[u32]; 3] = [&[12, 10, 10], &[12, 8, 6, 6], &[12, 5, 5, 5, 5]];
/// The bytes that a trie may take before one of more levels is tried: so many, and so many for each edge.
const SMALL_BYTES: usize = 1 << 19;
const EDGE_BYTES: usize = 64;

impl AddressTable {
    /// The table of segments, ascending, of which the first starts at address 0, and with room for labels up to the largest;
    /// `None` if its nodes cannot be numbered.
    pub(super) fn new(segments: &[Segment<u32>], largest: Label) -> Option<Self> {
        let allowed = SMALL_BYTES + segments.len() * EDGE_BYTES;
        let (last, fewer) = STRIDES.split_last()?;
        let strides = fewer.iter().find(|strides| predicted_bytes(segments, strides) <= allowed).unwrap_or(last);
        Builder::new(strides).build(segments, largest)
    }

    /// The cell of an address.
    #[inline]
    pub(super) fn cell(&self, address: u32) -> u32 {
        // INVARIANT: no level leaves all 32 bits, so that shifts by what is left stay within the width of an address.
        let mut at = address.wrapping_shr(self.levels.first().copied().unwrap_or(0));
        for &left in &self.levels {
            let node = self.nodes.get(at as usize).copied().unwrap_or(0);
            let below = address & !u32::MAX.wrapping_shl(left);
            at = (node >> SHIFT_BITS).wrapping_add(below.wrapping_shr(node & ((1 << SHIFT_BITS) - 1)));
        }
        at
    }

    /// The labels of an address, as a source and as a destination.
    #[inline]
    pub(super) fn labels(&self, address: u32) -> [Label; 2] {
        let cell = self.cell(address) as usize;
        self.cells.each_ref().map(|cells| cells.at(cell))
    }

    /// The bytes of each table that finding the label of an address on one side reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        let [cells, _] = &self.cells;
        let first_level = size_of::<u32>() << (u32::BITS - self.levels.first().copied().unwrap_or(0));
        let others = size_of_val(self.nodes.as_slice()) - first_level;
        let below = self.levels.iter().skip(1).map(|_| others);
        std::iter::once(first_level).chain(below).chain([cells.bytes()]).collect()
    }

    /// The bytes that the table takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + self.cells.iter().map(Numbers::bytes).sum::<usize>()
    }
}

impl Replayed for AddressTable {
    type Write = Relabelled;

    /// Nodes that others share are copied on the way down, so that no other address is told anything else.
    fn make(&mut self, write: &Relabelled) {
        let [first, last] = [write.first, write.last].map(|address| u32::try_from(address).unwrap_or(u32::MAX));
        let Some(&left) = self.levels.first() else { return };
        let mut remade = FxHashMap::default();
        for at in first >> left..=last >> left {
            let base = at << left;
            let (low, high) = (first.max(base) - base, last.min(base | mask(left)) - base);
            let Some(&node) = self.nodes.get(at as usize) else { continue };
            let node = self.remake(0, node, (low, high), write, &mut remade);
            self.nodes.get_mut(at as usize).into_iter().for_each(|held| *held = node);
        }
    }
}

impl AddressTable {
    /// True if so many more writes can be numbered.
    pub(super) fn has_room(&self, writes: usize) -> bool {
        let [cells, _] = &self.cells;
        let longest = self.nodes.len().max(cells.len());
        longest.saturating_add(writes << 12) < 1 << (u32::BITS - SHIFT_BITS)
    }

    /// The node in whose place one is that has the label in a range of the addresses below it. `remade` has those that
    /// were remade as a whole, for others that share them.
    fn remake(
        &mut self,
        level: usize,
        node: u32,
        (low, high): (u32, u32),
        write: &Relabelled,
        remade: &mut FxHashMap<(usize, u32), u32>,
    ) -> u32 {
        let left = self.levels.get(level).copied().unwrap_or(0);
        let whole = low == 0 && high == mask(left);
        if let Some(&known) = remade.get(&(level, node)).filter(|_| whole) {
            return known;
        }
        let below = self.levels.get(level + 1).copied();
        let (start, step) = (node >> SHIFT_BITS, node & mask(SHIFT_BITS));
        // Steps as wide as both ends of the range allow.
        let needed = low.trailing_zeros().min((high + 1).trailing_zeros()).clamp(below.unwrap_or(0), left);
        let finer = step.min(needed);
        let is_own = finer == step && self.own.contains(&(below.is_none(), start));
        let start = if is_own { start } else { self.copy_entries(below.is_none(), left, (start, step), finer) };
        if !is_own && !whole {
            self.own.insert((below.is_none(), start));
        }
        for entry in low >> finer..=high >> finer {
            let at = (start + entry) as usize;
            match below {
                None => self.cells.get_mut(write.side).into_iter().for_each(|cells| cells.set(at, write.label)),
                Some(below) => {
                    let base = entry << finer;
                    let part = if finer > below {
                        (0, mask(below))
                    } else {
                        (low.max(base) - base, high.min(base | mask(below)) - base)
                    };
                    let Some(&child) = self.nodes.get(at) else { continue };
                    let child = self.remake(level + 1, child, part, write, remade);
                    self.nodes.get_mut(at).into_iter().for_each(|held| *held = child);
                }
            }
        }
        // INVARIANT: `has_room` was asked before.
        let made = start << SHIFT_BITS | finer;
        if whole {
            remade.insert((level, node), made);
        }
        made
    }

    /// Copies the entries of a node to the end, in finer steps; returns where they start.
    fn copy_entries(&mut self, cells: bool, left: u32, (start, step): (u32, u32), finer: u32) -> u32 {
        let count = 1u32 << (left - finer);
        let old = |entry: u32| (start + (entry >> (step - finer))) as usize;
        if cells {
            let first = self.cells.each_ref().map(Numbers::len);
            for (cells, first) in self.cells.iter_mut().zip(first) {
                cells.grow(count as usize);
                (0..count).for_each(|entry| cells.set(first + entry as usize, cells.at(old(entry))));
            }
            return u32::try_from(first[0]).unwrap_or(u32::MAX);
        }
        let first = self.nodes.len();
        for entry in 0..count {
            let child = self.nodes.get(old(entry)).copied().unwrap_or(0);
            // From here on two nodes have it.
            for is_cells in [false, true] {
                self.own.remove(&(is_cells, child >> SHIFT_BITS));
            }
            self.nodes.push(child);
        }
        u32::try_from(first).unwrap_or(u32::MAX)
    }
}

/// The bytes of a trie, its cells as wide as labels can be.
fn predicted_bytes(segments: &[Segment<u32>], strides: &[u32]) -> usize {
    let mut left = u32::BITS;
    let mut bytes = 0;
    for (level, stride) in strides.iter().enumerate() {
        let is_last = level + 1 == strides.len();
        let entry = if is_last { 2 * size_of::<Label>() } else { size_of::<u32>() };
        let below = left - stride;
        // Every window over the bits at hand that an edge is in takes a node's worth of entries.
        let windows = segments.chunk_by(|a, b| shifted(a.first, left) == shifted(b.first, left));
        let entries = windows.map(|window| {
            let narrow = window.iter().fold(0, |all, segment| all | segment.first & mask(left)).trailing_zeros();
            1usize << (left - narrow.clamp(if is_last { 0 } else { below }, left))
        });
        bytes += entries.sum::<usize>() * entry;
        left = below;
    }
    bytes
}

/// The bits of an address above the lowest `bits`, which may be all of them.
fn shifted(address: u32, bits: u32) -> u32 {
    address.checked_shr(bits).unwrap_or(0)
}

/// The lowest `bits`.
fn mask(bits: u32) -> u32 {
    1u32.checked_shl(bits).map_or(u32::MAX, |bit| bit - 1)
}

/// Builds a trie level by level from the top.
struct Builder {
    levels: Vec<u32>,
    nodes: Vec<u32>,
    cells: [Vec<Label>; 2],
    /// By level and labels, the nodes of windows in which nothing changes.
    plain: FxHashMap<(usize, [Label; 2]), u32>,
}

impl Builder {
    fn new(strides: &[u32]) -> Self {
        let mut left = u32::BITS;
        let mut below = |stride: &u32| {
            left -= stride;
            left
        };
        let mut levels: Vec<u32> = strides.iter().map(&mut below).collect();
        // The last stride is that of cells, below which nothing is left.
        levels.pop();
        Self { levels, nodes: Vec::new(), cells: Default::default(), plain: FxHashMap::default() }
    }

    fn build(mut self, segments: &[Segment<u32>], largest: Label) -> Option<AddressTable> {
        let left = *self.levels.first()?;
        let first = Window { left: u32::BITS, before: segments.first()?.labels, segments };
        self.nodes.resize(1 << (u32::BITS - left), 0);
        self.fill(0, 0, left, &first)?;
        let cells = self.cells.map(|cells| Numbers::with_room(cells, largest));
        Some(AddressTable { levels: self.levels, nodes: self.nodes, cells, own: FxHashSet::default() })
    }

    /// Fills nodes of a level from a position on, each over `1 << step` addresses of a window.
    fn fill(&mut self, level: usize, start: usize, step: u32, window: &Window<'_>) -> Option<()> {
        let mut filled = start;
        let mut before = window.before;
        for segments in window.segments.chunk_by(|a, b| a.first >> step == b.first >> step) {
            let first = segments.first()?;
            let at = start + ((first.first & mask(window.left)) >> step) as usize;
            let between = self.node(level, &Window { left: step, before, segments: &[] })?;
            self.nodes.get_mut(filled..at)?.fill(between);
            before = if first.first & mask(step) == 0 { first.labels } else { before };
            let node = self.node(level, &Window { left: step, before, segments })?;
            *self.nodes.get_mut(at)? = node;
            before = segments.last()?.labels;
            filled = at + 1;
        }
        let rest = self.node(level, &Window { left: step, before, segments: &[] })?;
        let end = start + (1usize << (window.left - step));
        self.nodes.get_mut(filled..end)?.fill(rest);
        Some(())
    }

    /// The node of a window; windows without an edge share theirs.
    fn node(&mut self, level: usize, window: &Window<'_>) -> Option<u32> {
        let edges = window.edges();
        let labels = window.before;
        if edges.is_empty()
            && let Some(&known) = self.plain.get(&(level, labels))
        {
            return Some(known);
        }
        // The bits that this node finds its entries by are those below its level, less those that all edges share.
        let left = *self.levels.get(level)?;
        let shared = edges.iter().fold(0, |all, edge| all | edge.first & mask(left)).trailing_zeros();
        let node = match self.levels.get(level + 1).copied() {
            Some(below) => {
                let step = shared.clamp(below, left);
                let start = self.nodes.len();
                self.nodes.resize(start + (1 << (left - step)), 0);
                self.fill(level + 1, start, step, &Window { left, ..*window })?;
                packed(start, step)?
            }
            None => {
                let step = shared.min(left);
                let [start, _] = self.cells.each_ref().map(Vec::len);
                self.lay_out(window, left, step);
                packed(start, step)?
            }
        };
        if edges.is_empty() {
            self.plain.insert((level, labels), node);
        }
        Some(node)
    }

    /// Adds the cells of a window.
    fn lay_out(&mut self, window: &Window<'_>, left: u32, step: u32) {
        let mut ahead = window.edges().iter().peekable();
        let mut labels = window.before;
        for cell in 0..1u32 << (left - step) {
            while let Some(edge) = ahead.next_if(|edge| (edge.first & mask(left)) >> step <= cell) {
                labels = edge.labels;
            }
            for (cells, label) in self.cells.iter_mut().zip(labels) {
                cells.push(label);
            }
        }
    }
}

/// A node of entries that start somewhere; `None` if they start too far back.
fn packed(start: usize, step: u32) -> Option<u32> {
    let start = u32::try_from(start).ok().filter(|start| start.leading_zeros() >= SHIFT_BITS)?;
    Some(start << SHIFT_BITS | step)
}

/// The addresses that share all but their lowest bits.
#[derive(Clone, Copy)]
struct Window<'a> {
    /// How many bits they do not share.
    left: u32,
    /// What its first address says.
    before: [Label; 2],
    /// The segments that start in it.
    segments: &'a [Segment<u32>],
}

impl<'a> Window<'a> {
    /// The segments that start behind the first address: where what addresses say changes.
    fn edges(&self) -> &'a [Segment<u32>] {
        match self.segments.split_first() {
            Some((first, edges)) if first.first & mask(self.left) == 0 => edges,
            _ => self.segments,
        }
    }
}

/// IPv6 addresses to labels.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressSearch {
    firsts: Vec<u128>,
    labels: Vec<[Label; 2]>,
}

impl AddressSearch {
    /// The table of segments, ascending, of which the first starts at address 0.
    pub(super) fn new(segments: &[Segment<u128>]) -> Self {
        Self {
            firsts: segments.iter().map(|segment| segment.first).collect(),
            labels: segments.iter().map(|segment| segment.labels).collect(),
        }
    }

    /// The labels of an address, as a source and as a destination.
    #[inline]
    pub(super) fn labels(&self, address: u128) -> [Label; 2] {
        let after = self.firsts.partition_point(|&first| first <= address);
        self.labels.get(after.wrapping_sub(1)).copied().unwrap_or_default()
    }

    /// The bytes that the table takes.
    pub(super) fn bytes(&self) -> usize {
        self.firsts.len() * size_of::<u128>() + self.labels.len() * size_of::<[Label; 2]>()
    }

    /// The position of the segment that starts at an address, and does so from here on.
    fn edge(&mut self, first: u128) -> usize {
        let at = self.firsts.partition_point(|&held| held < first);
        if self.firsts.get(at) != Some(&first) {
            let before = at.checked_sub(1).and_then(|before| self.labels.get(before)).copied().unwrap_or_default();
            self.firsts.insert(at, first);
            self.labels.insert(at, before);
        }
        at
    }
}

impl Replayed for AddressSearch {
    type Write = Relabelled;

    fn make(&mut self, write: &Relabelled) {
        let first = self.edge(write.first);
        let end = write.last.checked_add(1).map_or(self.firsts.len(), |end| self.edge(end));
        for labels in self.labels.get_mut(first..end).unwrap_or_default() {
            labels.get_mut(write.side).into_iter().for_each(|held| *held = write.label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Edges close together, far apart, and at the ends of halves and bytes.
    fn segments() -> impl Strategy<Value = Vec<Segment<u32>>> {
        let first = prop_oneof![
            0x0A00_0000u32..0x0A00_0400,
            (0u32..64).prop_map(|step| 0x3300_0000 + step * 96),
            any::<u32>(),
            (0u32..6, -2i64..3).prop_map(|(half, by)| ((i64::from(half) << 16) + by).max(0) as u32),
            Just(u32::MAX),
        ];
        prop::collection::btree_map(first, (0u32..4, 0u32..4), 0..60).prop_map(|edges| {
            let edges = edges.into_iter().map(|(first, (a, b))| Segment { first, labels: [a, b] });
            let mut all = vec![Segment { first: 0, labels: [9, 9] }];
            all.extend(edges.filter(|edge| edge.first > 0));
            all
        })
    }

    fn linear(segments: &[Segment<u32>], address: u32) -> [Label; 2] {
        segments.iter().rfind(|segment| segment.first <= address).unwrap().labels
    }

    fn check(table: &AddressTable, segments: &[Segment<u32>], others: &[u32]) -> Result<(), TestCaseError> {
        let edges =
            segments.iter().flat_map(|edge| [edge.first.wrapping_sub(1), edge.first, edge.first.wrapping_add(1)]);
        for address in edges.chain(others.iter().copied()) {
            prop_assert_eq!(table.labels(address), linear(segments, address), "{:#x}", address);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn an_address_is_told_what_its_segment_says(segments in segments(), others in prop::collection::vec(any::<u32>(), 20)) {
            check(&AddressTable::new(&segments, 0).unwrap(), &segments, &others)?;
        }
    }

    proptest! {
        /// Writes to ranges, and to single addresses, leave every address with what the last write said of it.
        #[test]
        fn writes_change_what_they_are_about_and_nothing_else(
            segments in segments(),
            writes in prop::collection::vec((any::<u32>(), 0u32..33, 0usize..2, 0u32..9), 1..24),
        ) {
            let edges: Vec<u32> = segments.iter().map(|segment| segment.first).collect();
            let mut table = AddressTable::new(&segments, 9).unwrap();
            let wide: Vec<Segment<u128>> =
                segments.iter().map(|segment| Segment { first: segment.first.into(), labels: segment.labels }).collect();
            let mut search = AddressSearch::new(&wide);
            let mut made: Vec<(u32, u32, usize, u32)> = Vec::new();
            for (drawn, bits, side, label) in writes {
                let first = if drawn % 3 == 0 { drawn } else { edges[drawn as usize % edges.len()].wrapping_add(drawn % 5) };
                let last = if bits == 32 { u32::MAX } else { first.saturating_add((1 << bits) - 1) };
                let write = Relabelled { first: first.into(), last: last.into(), side, label };
                table.make(&write);
                search.make(&write);
                made.push((first, last, side, label));
                let ends = made.iter().flat_map(|&(first, last, _, _)| [first, last, first.wrapping_sub(1), last.wrapping_add(1)]);
                for address in ends.chain(edges.iter().copied()) {
                    let mut wanted = linear(&segments, address);
                    for &(_, _, side, label) in made.iter().filter(|made| (made.0..=made.1).contains(&address)) {
                        wanted[side] = label;
                    }
                    prop_assert_eq!(table.labels(address), wanted, "{:#x}", address);
                    prop_assert_eq!(search.labels(address.into()), wanted, "{:#x}", address);
                }
            }
        }
    }

    #[test]
    fn many_scattered_addresses_take_smaller_steps() {
        let edges = (1..4000u32).flat_map(|at| [(at << 18) + 1, (at << 18) + 0xFFFD]);
        let mut segments = vec![Segment { first: 0, labels: [0, 0] }];
        segments.extend(edges.map(|first| Segment { first, labels: [first & 0xFFFF, first >> 18] }));
        let table = AddressTable::new(&segments, 0).unwrap();
        assert_eq!(table.levels.len(), 4);
        assert!(table.bytes() < 5 << 20, "{}", table.bytes());
        check(&table, &segments, &[]).unwrap();
        let dense: Vec<_> = (0..4000).map(|at| Segment { first: at, labels: [at, 1] }).collect();
        let table = AddressTable::new(&dense, 0).unwrap();
        assert_eq!(table.levels.len(), 2);
        assert!(table.bytes() < 1 << 16, "{}", table.bytes());
        check(&table, &dense, &[1 << 20, 1 << 31]).unwrap();
    }
}
