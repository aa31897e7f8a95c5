//! The steps of a batch for sixteen packets at a time, where the processor has AVX-512.
//!
//! All of the crate's `unsafe` code is here, and there are two kinds of it. Reads and writes of slices, whose bounds are
//! checked right before: positions that are gathered are held below the length of their table, whatever they are. And
//! calls of functions that need AVX-512, behind a [`Vectors`], which only [`Vectors::detect`] makes.

#![allow(unsafe_code)]

use super::address_table::{AddressTable, SHIFT_BITS};
use super::answers::Answers;
use super::batch::{CHUNK, Chunk, DECISIONS, OPEN, REPLIES};
use super::header_table::{BY_PORT, HeaderTable};
use super::layers::{BLOCK_SHIFT, Layer, Layers, OwnLabel, Runs};
use super::numbers::Numbers;
use super::packet::{ICMP_V4_REPLIES, Packet, PacketV4, UnitPacket};
use super::pair_table::{BIT_FACTOR, BIT_SHIFTS, Dense, HASH_FACTORS, HASH_FOLD, Hashed, PairTable};
use super::tables::Tables;
use super::verdicts::{ASK, Profiles};
use crate::engine::Decision;
use std::arch::x86_64::*;

/// Packets that are decided together.
const LANES: usize = 16;

/// How far ahead packets are fetched. \[registers\]
const AHEAD: usize = 32;

/// The processor has what the steps here need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vectors(());

impl Vectors {
    /// Looks whether the processor has AVX-512.
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }

    /// As [`Chunk::look_up`], for the first packets; returns how many.
    #[inline]
    pub(super) fn look_up(
        self,
        chunk: &mut Chunk,
        view: &AddressTable,
        tables: &Tables,
        packets: &[PacketV4],
    ) -> usize {
        // SAFETY: `detect` has seen the features.
        unsafe { look_up(chunk, view, tables, packets) }
    }

    /// As [`Chunk::take`], for the first packets; returns how many.
    #[inline]
    pub(super) fn take(self, chunk: &mut Chunk, tables: &Tables, packets: &[UnitPacket]) -> usize {
        // SAFETY: `detect` has seen the features.
        unsafe { take(chunk, tables, packets) }
    }

    /// As [`Chunk::judge`], for the first packets; returns which pairs may be exceptions, and have to be judged one by
    /// one.
    #[inline]
    pub(super) fn judge(self, chunk: &mut Chunk, tables: &Tables, packets: usize) -> u64 {
        // SAFETY: `detect` has seen the features.
        unsafe { judge(chunk, tables, packets) }
    }

    /// As [`Chunk::write`], for the first packets; returns how many.
    #[inline]
    pub(super) fn write(self, chunk: &Chunk, decisions: &mut [Decision]) -> (usize, u64) {
        // SAFETY: `detect` has seen the features.
        unsafe { write(chunk, decisions) }
    }
}

/// Sixteen packets, field by field.
struct Fields {
    sources: __m512i,
    destinations: __m512i,
    /// Source ports, and above them destination ports.
    ports: __m512i,
    protocols: __m512i,
}

#[target_feature(enable = "avx512f")]
fn look_up(chunk: &mut Chunk, view: &AddressTable, tables: &Tables, packets: &[PacketV4]) -> usize {
    let (groups, _) = packets.as_chunks::<LANES>();
    for (at, group) in groups.iter().enumerate() {
        let fields = fields(group);
        let [sources, destinations] = &view.cells;
        let source = gather(sources, cells(view, fields.sources));
        let destination = gather(destinations, cells(view, fields.destinations));
        put(&mut chunk.sources, at, source);
        put(&mut chunk.destinations, at, destination);
        put(&mut chunk.headers, at, header(&tables.headers, &fields));
    }
    groups.len() * LANES
}

#[target_feature(enable = "avx512f")]
fn take(chunk: &mut Chunk, tables: &Tables, packets: &[UnitPacket]) -> usize {
    let (groups, _) = packets.as_chunks::<LANES>();
    let [sources, destinations] = &tables.interfaces;
    for (at, group) in groups.iter().enumerate() {
        let fields = fields(group);
        put(&mut chunk.sources, at, gather(sources, fields.sources));
        put(&mut chunk.destinations, at, gather(destinations, fields.destinations));
        // Interfaces of the other family have the upper bit set.
        let other = negative(_mm512_or_si512(fields.sources, fields.destinations));
        put(&mut chunk.headers, at, flagged(header(&tables.headers, &fields), other, OPEN));
    }
    groups.len() * LANES
}

/// Judges the first packets; returns which pairs were judged as if they were no exception, though they may be one.
#[target_feature(enable = "avx512f")]
fn judge(chunk: &mut Chunk, tables: &Tables, packets: usize) -> u64 {
    match &tables.answers {
        Answers::Pairs { pairs, profiles } => judge_pairs(chunk, pairs, profiles, packets),
        Answers::Layers(layers) => {
            judge_layers(chunk, layers, packets);
            0
        }
    }
}

#[target_feature(enable = "avx512f")]
fn judge_pairs(chunk: &mut Chunk, pairs: &PairTable, profiles: &Profiles, packets: usize) -> u64 {
    let (stride, shift) = (all(profiles.stride), all(profiles.shift));
    let (width, mask) = (all(profiles.width), all(profiles.mask()));
    let mut suspects = 0;
    for at in 0..packets / LANES {
        let source = get(&chunk.sources, at);
        let destination = get(&chunk.destinations, at);
        let header = get(&chunk.headers, at);
        let class = _mm512_and_si512(header, all(!(OPEN | REPLIES)));
        let (profile, suspect) = match pairs {
            PairTable::Dense(dense) => (usual_of_dense(dense, source, destination), 0),
            PairTable::Hashed(hashed) => usual_of_hashed(hashed, source, destination),
        };
        let word = _mm512_add_epi32(_mm512_mullo_epi32(profile, stride), _mm512_srlv_epi32(class, shift));
        let bit = _mm512_and_si512(_mm512_mullo_epi32(class, width), all(31));
        let code = _mm512_and_si512(_mm512_srlv_epi32(gather_words(&profiles.bits, word), bit), mask);
        put_codes(&mut chunk.codes, at, code, header);
        suspects |= u64::from(suspect) << (at * LANES);
    }
    suspects
}

#[target_feature(enable = "avx512f")]
fn judge_layers(chunk: &mut Chunk, layers: &Layers, packets: usize) {
    for at in 0..packets / LANES {
        let source = get(&chunk.sources, at);
        let destination = get(&chunk.destinations, at);
        let header = get(&chunk.headers, at);
        let class = _mm512_and_si512(header, all(!(OPEN | REPLIES)));
        let mut first = all(layers.otherwise);
        for layer in &layers.layers {
            first = _mm512_min_epu32(first, runs(layer, source, destination, class));
        }
        put_codes(&mut chunk.codes, at, _mm512_and_si512(first, all(1)), header);
    }
}

/// The runs of the first rules of a layer that match.
#[target_feature(enable = "avx512f")]
fn runs(layer: &Layer, source: __m512i, destination: __m512i, class: __m512i) -> __m512i {
    let [sources, destinations] = &layer.labels;
    let (source, destination) = (own_labels(sources, source), own_labels(destinations, destination));
    let profile = match &layer.pairs {
        PairTable::Dense(dense) => usual_of_dense(dense, source, destination),
        PairTable::Hashed(hashed) => {
            let (usual, suspects) = usual_of_hashed(hashed, source, destination);
            if suspects == 0 { usual } else { excepted(hashed, usual, suspects, lanes(source), lanes(destination)) }
        }
    };
    match &layer.runs {
        Runs::Direct { shift, runs } => gather(runs, _mm512_or_si512(_mm512_sllv_epi32(profile, all(*shift)), class)),
        Runs::InBlocks { services, stride, blocks, runs } => {
            let class = gather(services, class);
            let first = _mm512_mullo_epi32(profile, all(*stride));
            let block = gather(blocks, _mm512_add_epi32(first, _mm512_srli_epi32::<BLOCK_SHIFT>(class)));
            let class = _mm512_and_si512(class, all((1 << BLOCK_SHIFT) - 1));
            gather(runs, _mm512_or_si512(_mm512_slli_epi32::<BLOCK_SHIFT>(block), class))
        }
    }
}

/// A layer's own labels.
#[target_feature(enable = "avx512f")]
fn own_labels(own: &OwnLabel, labels: __m512i) -> __m512i {
    match own {
        OwnLabel::Bits { shift, mask } => _mm512_and_si512(_mm512_srlv_epi32(labels, all(*shift)), all(*mask)),
        OwnLabel::Listed(own) => gather(own, labels),
    }
}

/// The profiles of pairs, of which some may be exceptions.
#[target_feature(enable = "avx512f")]
fn excepted(
    hashed: &Hashed,
    usual: __m512i,
    suspects: u16,
    sources: [u32; LANES],
    destinations: [u32; LANES],
) -> __m512i {
    let mut profiles = lanes(usual);
    for (lane, profile) in profiles.iter_mut().enumerate().filter(|(lane, _)| suspects >> lane & 1 != 0) {
        let pair = sources.get(lane).zip(destinations.get(lane));
        *profile = pair.and_then(|(&source, &to)| hashed.exception(source, to)).unwrap_or(*profile);
    }
    // SAFETY: sixteen numbers of four bytes are a register.
    unsafe { _mm512_loadu_si512(profiles.as_ptr().cast()) }
}

/// Writes decisions; returns how many, and which of them are not settled.
#[target_feature(enable = "avx512f")]
fn write(chunk: &Chunk, decisions: &mut [Decision]) -> (usize, u64) {
    const { assert!(size_of::<Decision>() == 1) };
    // SAFETY: decisions are one byte each, none of it padding.
    let of_codes: [u8; 8] = unsafe { std::mem::transmute(DECISIONS) };
    let of_codes = _mm_set1_epi64x(i64::from_ne_bytes(of_codes));
    let unsettled = _mm_set1_epi8(3);
    let (groups, _) = decisions.as_chunks_mut::<LANES>();
    let mut open = 0;
    for (at, (decisions, codes)) in groups.iter_mut().zip(chunk.codes.as_chunks::<LANES>().0).enumerate() {
        // SAFETY: sixteen bytes are a register.
        let codes = unsafe { _mm_loadu_si128(codes.as_ptr().cast()) };
        let decided = _mm_shuffle_epi8(of_codes, codes);
        // SAFETY: sixteen decisions are a register, and every byte that is written is one of a decision.
        unsafe { _mm_storeu_si128(decisions.as_mut_ptr().cast(), decided) };
        let is_open = _mm_cmpeq_epi8(_mm_and_si128(codes, unsettled), unsettled);
        open |= u64::from(_mm_movemask_epi8(is_open).cast_unsigned()) << (at * LANES);
    }
    (groups.len() * LANES, open)
}

#[target_feature(enable = "avx512f")]
fn usual_of_dense(dense: &Dense, source: __m512i, destination: __m512i) -> __m512i {
    gather(&dense.profiles, _mm512_add_epi32(_mm512_mullo_epi32(source, all(dense.width)), destination))
}

/// The usual profiles of pairs, and which of them the filter takes for exceptions.
#[target_feature(enable = "avx512f")]
fn usual_of_hashed(hashed: &Hashed, source: __m512i, destination: __m512i) -> (__m512i, u16) {
    let [inside, across] = hashed.parts;
    let [sources, destinations] = hashed.outside;
    let outside =
        _mm512_cmpge_epu32_mask(source, all(sources)) | _mm512_cmpge_epu32_mask(destination, all(destinations));
    let first = _mm512_mask_mov_epi32(all(inside.first), outside, all(across.first));
    let words = _mm512_mask_mov_epi32(all(inside.words), outside, all(across.words));
    let [a, b, c] = HASH_FACTORS;
    let sum = _mm512_add_epi32(_mm512_mullo_epi32(source, all(a)), _mm512_mullo_epi32(destination, all(b)));
    let hash = _mm512_mullo_epi32(_mm512_xor_si512(sum, _mm512_srli_epi32::<HASH_FOLD>(sum)), all(c));
    let held = gather_words(&hashed.filter.0, _mm512_add_epi32(upper_product(hash, words), first));
    let product = _mm512_mullo_epi32(hash, all(BIT_FACTOR));
    let [a, b, c] = BIT_SHIFTS;
    let found = _mm512_and_si512(bit_at(held, product, a), bit_at(held, product, b));
    let suspects = _mm512_test_epi32_mask(_mm512_and_si512(found, bit_at(held, product, c)), all(1));
    let row = _mm512_mullo_epi32(_mm512_srlv_epi32(source, all(hashed.source_shift)), all(hashed.width));
    let column = _mm512_srlv_epi32(destination, all(hashed.destination_shift));
    (gather(&hashed.usual, _mm512_add_epi32(row, column)), suspects)
}

/// The words shifted down to the bit that five bits of a product name.
#[target_feature(enable = "avx512f")]
fn bit_at(words: __m512i, product: __m512i, shift: u32) -> __m512i {
    _mm512_srlv_epi32(words, _mm512_and_si512(_mm512_srlv_epi32(product, all(shift)), all(31)))
}

/// The cells of addresses.
#[target_feature(enable = "avx512f")]
fn cells(view: &AddressTable, addresses: __m512i) -> __m512i {
    let mut at = _mm512_srlv_epi32(addresses, all(view.levels.first().copied().unwrap_or(0)));
    for &left in &view.levels {
        let node = gather_words(&view.nodes, at);
        let below = _mm512_and_si512(addresses, all((1 << left) - 1));
        let step = _mm512_and_si512(node, all((1 << SHIFT_BITS) - 1));
        at = _mm512_add_epi32(_mm512_srli_epi32::<SHIFT_BITS>(node), _mm512_srlv_epi32(below, step));
    }
    at
}

/// The service classes of packets, marked where something answers and where both ends are one.
#[target_feature(enable = "avx512f")]
fn header(headers: &HeaderTable, fields: &Fields) -> __m512i {
    let protocol = gather_words(&headers.protocols, fields.protocols);
    let port = _mm512_srli_epi32::<16>(fields.ports);
    let class = gather(&headers.destinations, port_place(protocol, port));
    let class = match &headers.by_source {
        None => class,
        Some(by_source) => {
            let protocol = gather_words(&by_source.protocols, fields.protocols);
            let port = _mm512_and_si512(fields.ports, all(0xFFFF));
            let column = gather(&by_source.sources, port_place(protocol, port));
            let row = _mm512_mullo_epi32(class, all(by_source.width));
            gather(&by_source.cells, _mm512_add_epi32(row, column))
        }
    };
    let is = |number: u8| _mm512_cmpeq_epi32_mask(fields.protocols, all(number.into()));
    let kind = _mm512_srli_epi32::<8>(port);
    let request = _mm512_test_epi32_mask(_mm512_srlv_epi32(all(ICMP_V4_REPLIES), kind), all(1));
    let answered = is(6) | is(17) | is(132) | (is(seglab_policy::ICMP_V4) & request);
    let one = _mm512_cmpeq_epi32_mask(fields.sources, fields.destinations);
    flagged(flagged(class, answered, REPLIES), one, OPEN)
}

/// Where the ports of protocols are.
#[target_feature(enable = "avx512f")]
fn port_place(protocol: __m512i, port: __m512i) -> __m512i {
    let first = _mm512_and_si512(protocol, all(!BY_PORT));
    _mm512_mask_add_epi32(first, negative(protocol), first, port)
}

/// Takes packets apart: each of four registers has four packets, of which each field goes to a register of its own.
#[target_feature(enable = "avx512f")]
fn fields<A>(packets: &[Packet<A>; LANES]) -> Fields {
    const { assert!(size_of::<A>() == 4 && size_of::<Packet<A>>() == 16) };
    let first: *const __m512i = packets.as_ptr().cast();
    for line in 0..4 {
        _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(AHEAD + line).cast());
    }
    // SAFETY: sixteen packets of sixteen bytes, none of them padding, are four registers of 64 bytes.
    let [a, b, c, d] = unsafe { [0, 1, 2, 3].map(|at| _mm512_loadu_si512(first.add(at))) };
    let (low, high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (low_too, high_too) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    // Unpacking leaves packet `4 k + j` in place `4 j + k`.
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let ordered = |field| _mm512_permutexvar_epi32(order, field);
    Fields {
        sources: ordered(_mm512_unpacklo_epi64(low, low_too)),
        destinations: ordered(_mm512_unpackhi_epi64(low, low_too)),
        ports: ordered(_mm512_unpacklo_epi64(high, high_too)),
        // The bytes above the protocol are zero.
        protocols: ordered(_mm512_unpackhi_epi64(high, high_too)),
    }
}

/// Sixteen times the same.
#[target_feature(enable = "avx512f")]
fn all(number: u32) -> __m512i {
    _mm512_set1_epi32(number.cast_signed())
}

/// Which lanes have the uppermost bit.
#[target_feature(enable = "avx512f")]
fn negative(lanes: __m512i) -> u16 {
    _mm512_cmplt_epi32_mask(lanes, _mm512_setzero_si512())
}

/// Sets bits in some lanes.
#[target_feature(enable = "avx512f")]
fn flagged(lanes: __m512i, which: u16, flag: u32) -> __m512i {
    _mm512_mask_or_epi32(lanes, which, lanes, all(flag))
}

/// The upper halves of products.
#[target_feature(enable = "avx512f")]
fn upper_product(a: __m512i, b: __m512i) -> __m512i {
    let even = _mm512_srli_epi64::<32>(_mm512_mul_epu32(a, b));
    let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(b));
    _mm512_mask_mov_epi32(even, 0xAAAA, odd)
}

/// The numbers at some positions.
#[target_feature(enable = "avx512f")]
fn gather(numbers: &Numbers, at: __m512i) -> __m512i {
    match numbers {
        Numbers::Bytes(bytes) => {
            let Some(at) = held_below(at, bytes.len(), 4) else { return _mm512_setzero_si512() };
            // SAFETY: four bytes from any position that is held stay inside the table.
            let read = unsafe { _mm512_i32gather_epi32::<1>(at, bytes.as_ptr().cast()) };
            _mm512_and_si512(read, all(0xFF))
        }
        Numbers::Shorts(shorts) => {
            let Some(at) = held_below(at, shorts.len(), 2) else { return _mm512_setzero_si512() };
            // SAFETY: two shorts from any position that is held stay inside the table.
            let read = unsafe { _mm512_i32gather_epi32::<2>(at, shorts.as_ptr().cast()) };
            _mm512_and_si512(read, all(0xFFFF))
        }
        Numbers::Words(words) => gather_words(words, at),
    }
}

#[target_feature(enable = "avx512f")]
fn gather_words(words: &[u32], at: __m512i) -> __m512i {
    let Some(at) = held_below(at, words.len(), 1) else { return _mm512_setzero_si512() };
    // SAFETY: any position that is held is one of the table's.
    unsafe { _mm512_i32gather_epi32::<4>(at, words.as_ptr().cast()) }
}

/// Positions such that `width` entries from any of them are within `len`; `None` if there are none. Those that are
/// already stay what they are.
#[target_feature(enable = "avx512f")]
fn held_below(at: __m512i, len: usize, width: usize) -> Option<__m512i> {
    let last = u32::try_from(len.checked_sub(width)?).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned());
    Some(_mm512_min_epu32(at, all(last)))
}

/// Sixteen numbers of a chunk; zeros past its end.
#[target_feature(enable = "avx512f")]
fn get(numbers: &[u32; CHUNK], group: usize) -> __m512i {
    let Some(group) = numbers.as_chunks::<LANES>().0.get(group) else { return _mm512_setzero_si512() };
    // SAFETY: sixteen numbers of four bytes are a register.
    unsafe { _mm512_loadu_si512(group.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn put(numbers: &mut [u32; CHUNK], group: usize, lanes: __m512i) {
    if let Some(group) = numbers.as_chunks_mut::<LANES>().0.get_mut(group) {
        // SAFETY: sixteen numbers of four bytes are a register.
        unsafe { _mm512_storeu_si512(group.as_mut_ptr().cast(), lanes) }
    }
}

/// The numbers of a register.
#[target_feature(enable = "avx512f")]
fn lanes(lanes: __m512i) -> [u32; LANES] {
    let mut numbers = [0; LANES];
    // SAFETY: sixteen numbers of four bytes are a register.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), lanes) }
    numbers
}

/// Puts the codes of packets with the marks of their headers.
#[target_feature(enable = "avx512f")]
fn put_codes(codes: &mut [u8; CHUNK], group: usize, told: __m512i, header: __m512i) {
    let reply = _mm512_and_si512(_mm512_srli_epi32::<{ REPLIES.trailing_zeros() - 2 }>(header), all(1 << 2));
    let open = _mm512_test_epi32_mask(header, all(OPEN));
    put_bytes(codes, group, flagged(_mm512_or_si512(told, reply), open, ASK));
}

/// Puts the lowest byte of every lane.
#[target_feature(enable = "avx512f")]
fn put_bytes(bytes: &mut [u8; CHUNK], group: usize, lanes: __m512i) {
    if let Some(group) = bytes.as_chunks_mut::<LANES>().0.get_mut(group) {
        // SAFETY: sixteen bytes are a register.
        unsafe { _mm_storeu_si128(group.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(lanes)) }
    }
}

/// Miri knows no gathers: the same reads, one by one.
///
/// # Safety
/// Four bytes from every position, in units of `SCALE` bytes, are inside the table.
#[cfg(miri)]
#[target_feature(enable = "avx512f")]
unsafe fn _mm512_i32gather_epi32<const SCALE: i32>(at: __m512i, table: *const i32) -> __m512i {
    let read = |at: u32| {
        let from = at as usize * SCALE.unsigned_abs() as usize;
        // SAFETY: the caller's.
        unsafe { table.cast::<u8>().add(from).cast::<u32>().read_unaligned() }
    };
    let read = lanes(at).map(read);
    // SAFETY: sixteen numbers of four bytes are a register.
    unsafe { _mm512_loadu_si512(read.as_ptr().cast()) }
}
