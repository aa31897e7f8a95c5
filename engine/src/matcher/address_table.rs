//! From address to labels: tries that are as deep as the ranges need.
//!
//! IPv4 addresses are looked up in three reads: the upper half of the address finds a *node*, a window over the lower
//! half that holds every edge there is, in steps as wide as the edges allow; what lies outside the window is what its
//! ends say. Where windows would take too much memory, a node is a window over the last byte, found by the upper three.
//! IPv6 addresses are searched among the edges.

use super::pair_table::Label;
use std::collections::BTreeMap;

/// A range of addresses up to the next one's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<A> {
    pub(super) first: A,
    /// The labels of the address as a source and as a destination.
    pub(super) labels: [Label; 2],
}

/// A window over the addresses that share their upper bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// Where the cells of the window start.
    pub(super) base: u32,
    /// The lower bits of the first address of the window.
    pub(super) low: u32,
    /// The position of the last cell.
    pub(super) last: u32,
    /// The binary logarithm of the addresses of a cell.
    pub(super) shift: u32,
}

impl Node {
    /// The cell of an address, by its lower bits.
    #[inline]
    pub(super) fn cell(self, lower: u32) -> u32 {
        (lower.saturating_sub(self.low) >> self.shift).min(self.last).wrapping_add(self.base)
    }
}

/// IPv4 addresses to labels.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressTable {
    /// By the upper half of the address: the node, or where the nodes of its blocks start.
    pub(super) roots: Vec<u32>,
    /// The node of each block of 256 addresses; empty if roots find nodes.
    pub(super) blocks: Vec<u32>,
    pub(super) nodes: Vec<Node>,
    /// The labels of each cell as a source, and as a destination.
    pub(super) cells: [Vec<Label>; 2],
}

/// The most cells that windows over halves of addresses may take; past it there are blocks.
const CELLS_MAX: usize = 1 << 20;

impl AddressTable {
    /// The table of segments, ascending, of which the first starts at address 0.
    pub(super) fn new(segments: &[Segment<u32>]) -> Self {
        let shallow: usize = windows(segments, 16, [0; 2]).map(|window| window.cells()).sum();
        let mut table = Self::default();
        let mut plain = BTreeMap::new();
        if shallow <= CELLS_MAX {
            table.roots = table
                .spread(1 << 16, [0; 2], windows(segments, 16, [0; 2]), |table, window| table.node(window, &mut plain));
            return table;
        }
        let mut shared = BTreeMap::new();
        table.roots = table.spread(1 << 16, [0; 2], windows(segments, 16, [0; 2]), |table, window| {
            let blocks = windows(window.segments, 8, window.before);
            let block = table.spread(1 << 8, window.before, blocks, |table, window| table.node(window, &mut plain));
            let start = u32::try_from(table.blocks.len()).unwrap_or(u32::MAX);
            *shared.entry(block).or_insert_with_key(|block| {
                table.blocks.extend_from_slice(block);
                start
            })
        });
        table
    }

    /// `len` entries, one for each window that there may be: those that segments start in have their own, the others
    /// are windows in which nothing changes, the first of them as `after` says.
    fn spread<'a>(
        &mut self,
        len: u32,
        mut after: [Label; 2],
        windows: impl Iterator<Item = Window<'a>>,
        mut entry: impl FnMut(&mut Self, &Window<'_>) -> u32,
    ) -> Vec<u32> {
        let mut entries: Vec<u32> = Vec::with_capacity(len as usize);
        for window in windows {
            let at = (window.upper % len) as usize;
            let between = Window { before: window.outside, segments: &[], ..window };
            if at > entries.len() {
                let value = entry(self, &between);
                entries.resize(at, value);
            }
            entries.push(entry(self, &window));
            after = window.segments.last().map_or(window.before, |last| last.labels);
        }
        if entries.len() < len as usize {
            let rest = Window { upper: 0, bits: 0, outside: after, before: after, segments: &[] };
            let value = entry(self, &rest);
            entries.resize(len as usize, value);
        }
        entries
    }

    /// Adds the node of a window; windows without an edge share theirs.
    fn node(&mut self, window: &Window<'_>, plain: &mut BTreeMap<[Label; 2], u32>) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let edges = window.edges();
        if edges.is_empty()
            && let Some(&known) = plain.get(&window.before)
        {
            return known;
        }
        let base = u32::try_from(self.cells[0].len()).unwrap_or(u32::MAX);
        let (low, last, shift) = window.frame();
        self.nodes.push(Node { base, low, last, shift });
        let mut labels = window.before;
        let mut ahead = edges.iter().peekable();
        for cell in 0..=last {
            while let Some(edge) = ahead.next_if(|edge| window.lower(edge) <= low + (cell << shift)) {
                labels = edge.labels;
            }
            for (cells, label) in self.cells.iter_mut().zip(labels) {
                cells.push(label);
            }
        }
        if edges.is_empty() {
            plain.insert(window.before, next);
        }
        next
    }

    /// The node of an address.
    #[inline]
    fn node_of(&self, address: u32) -> Option<Node> {
        let root = *self.roots.get((address >> 16) as usize)?;
        let node = match self.blocks.is_empty() {
            true => root,
            false => *self.blocks.get(root as usize + (address as usize >> 8 & 0xFF))?,
        };
        self.nodes.get(node as usize).copied()
    }

    /// The bits of an address below those that find its node.
    #[inline]
    fn lower_mask(&self) -> u32 {
        if self.blocks.is_empty() { 0xFFFF } else { 0xFF }
    }

    /// The cell of an address.
    #[inline]
    pub(super) fn cell(&self, address: u32) -> u32 {
        self.node_of(address).map_or(0, |node| node.cell(address & self.lower_mask()))
    }

    /// The labels of an address, as a source and as a destination.
    #[inline]
    pub(super) fn labels(&self, address: u32) -> [Label; 2] {
        let cell = self.cell(address);
        self.cells.each_ref().map(|cells| cells.get(cell as usize).copied().unwrap_or(0))
    }

    /// The bytes of each table that finding the label of an address on one side reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        let [cells, _] = &self.cells;
        let blocks = Some(size_of_val(self.blocks.as_slice())).filter(|&bytes| bytes > 0);
        let tables = [size_of_val(self.nodes.as_slice()), size_of_val(cells.as_slice())];
        [size_of_val(self.roots.as_slice())].into_iter().chain(blocks).chain(tables).collect()
    }

    /// The bytes that the table takes.
    pub(super) fn bytes(&self) -> usize {
        let cells: usize = self.cells.iter().map(Vec::len).sum();
        (self.roots.len() + self.blocks.len() + cells) * size_of::<u32>() + self.nodes.len() * size_of::<Node>()
    }
}

/// The addresses that share their upper bits.
#[derive(Clone, Copy)]
struct Window<'a> {
    /// The bits that they share, and how many they do not.
    upper: u32,
    bits: u32,
    /// What the addresses before the window say.
    outside: [Label; 2],
    /// What its first address says.
    before: [Label; 2],
    /// The segments that start in it.
    segments: &'a [Segment<u32>],
}

impl<'a> Window<'a> {
    /// The segments that start behind the first address: where what addresses say changes.
    fn edges(&self) -> &'a [Segment<u32>] {
        match self.segments.split_first() {
            Some((first, edges)) if self.lower(first) == 0 => edges,
            _ => self.segments,
        }
    }

    fn lower(&self, segment: &Segment<u32>) -> u32 {
        segment.first & ((1 << self.bits) - 1)
    }

    /// The first address, the last cell and the width of cells.
    fn frame(&self) -> (u32, u32, u32) {
        let edges = self.edges();
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return (0, 0, 0) };
        let shift = edges.iter().fold(0, |all, edge| all | self.lower(edge)).trailing_zeros();
        // One cell before the first edge says what comes before it.
        let low = self.lower(first).saturating_sub(1 << shift);
        (low, (self.lower(last) - low) >> shift, shift)
    }

    fn cells(&self) -> usize {
        self.frame().1 as usize + 1
    }
}

/// The windows over the lower `bits` of addresses in which segments start; `outside` is what addresses before say.
fn windows(segments: &[Segment<u32>], bits: u32, mut outside: [Label; 2]) -> impl Iterator<Item = Window<'_>> {
    segments.chunk_by(move |a, b| a.first >> bits == b.first >> bits).filter_map(move |segments| {
        let (first, last) = segments.first().zip(segments.last())?;
        let upper = first.first >> bits;
        let before = if first.first == upper << bits { first.labels } else { outside };
        let window = Window { upper, bits, outside, before, segments };
        outside = last.labels;
        Some(window)
    })
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
            check(&AddressTable::new(&segments), &segments, &others)?;
        }
    }

    #[test]
    fn many_scattered_addresses_take_blocks() {
        let edges = (1..4000u32).flat_map(|at| [(at << 18) + 1, (at << 18) + 0xFFFD]);
        let mut segments = vec![Segment { first: 0, labels: [0, 0] }];
        segments.extend(edges.map(|first| Segment { first, labels: [first & 0xFFFF, first >> 18] }));
        let table = AddressTable::new(&segments);
        assert!(!table.blocks.is_empty());
        assert!(table.bytes() < 9 << 20, "{}", table.bytes());
        check(&table, &segments, &[]).unwrap();
    }
}
