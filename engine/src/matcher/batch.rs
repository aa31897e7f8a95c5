//! Many packets at a time: each step for a whole chunk before the next one, so that the reads of different packets wait
//! for memory together. Where the processor can, a step takes sixteen packets at once.

use super::address_table::AddressTable;
use super::answers::Answers;
use super::packet::{HeaderFields, PacketV4, UnitPacket};
use super::pair_table::{Label, PairTable};
use super::tables::{Tables, Views};
#[cfg(target_arch = "x86_64")]
use super::vector::Vectors;
use super::verdicts::{ASK, Code};
use super::{FamilyMatcher, Matcher, SpaceId};
use crate::engine::Decision;
use seglab_policy::{Family, Reply};

/// Packets of a chunk: what their reads bring fits the nearest cache, and is more than wait at a time.
pub(super) const CHUNK: usize = 64;

/// Marks of headers beside their service class: it is not settled by classes; something answers.
pub(super) const OPEN: u32 = 1 << 31;
pub(super) const REPLIES: u32 = 1 << 30;

/// The bit of a code that says that something answers.
const REPLY_BIT: u32 = 2;

/// What codes stand for, where nothing answers and where something does. What is open is decided by whom it asks.
pub(super) const DECISIONS: [Decision; 8] = [
    Decision::Denied,
    Decision::Allowed(Reply::None),
    Decision::Unknown,
    Decision::Unknown,
    Decision::Denied,
    Decision::Allowed(Reply::Passes),
    Decision::Unknown,
    Decision::Unknown,
];

/// What is known of the packets of a chunk between steps.
pub(super) struct Chunk {
    pub(super) sources: [Label; CHUNK],
    pub(super) destinations: [Label; CHUNK],
    /// Service classes, with marks.
    pub(super) headers: [u32; CHUNK],
    /// What pairs are told of service classes, and whether something answers.
    pub(super) codes: [u8; CHUNK],
}

/// How the steps of a batch are made: by vectors where there are any, and the rest one by one.
#[derive(Clone, Copy, Debug)]
struct Steps {
    #[cfg(target_arch = "x86_64")]
    vectors: Option<Vectors>,
}

impl Steps {
    /// The fastest that this processor has.
    #[inline]
    fn fastest() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            vectors: Vectors::detect(),
        }
    }

    #[inline]
    fn look_up(self, chunk: &mut Chunk, view: &AddressTable, tables: &Tables, packets: &[PacketV4]) {
        let done = 0;
        #[cfg(target_arch = "x86_64")]
        let done = self.vectors.map_or(done, |vectors| vectors.look_up(chunk, view, tables, packets));
        chunk.look_up(view, tables, packets, done);
    }

    #[inline]
    fn take(self, chunk: &mut Chunk, tables: &Tables, packets: &[UnitPacket]) {
        let done = 0;
        #[cfg(target_arch = "x86_64")]
        let done = self.vectors.map_or(done, |vectors| vectors.take(chunk, tables, packets));
        chunk.take(tables, packets, done);
    }

    #[inline]
    fn judge(self, chunk: &mut Chunk, tables: &Tables, packets: usize) {
        let done = 0;
        #[cfg(target_arch = "x86_64")]
        let done = self.vectors.map_or(done, |vectors| {
            let whole = packets - packets % 16;
            let mut suspects = vectors.judge(chunk, tables, whole);
            while suspects != 0 {
                chunk.judge_one(tables, suspects.trailing_zeros() as usize);
                suspects &= suspects - 1;
            }
            whole
        });
        chunk.judge(tables, done, packets);
    }

    /// Writes what packets are told; those that are not settled are asked about.
    #[inline]
    fn write(self, chunk: &Chunk, decisions: &mut [Decision], ask: impl Fn(usize) -> Decision) {
        let (done, open) = (0, 0);
        #[cfg(target_arch = "x86_64")]
        let (done, open) = self.vectors.map_or((done, open), |vectors| vectors.write(chunk, decisions));
        let mut open = open | chunk.write(decisions, done);
        while open != 0 {
            let at = open.trailing_zeros() as usize;
            if let Some(decided) = decisions.get_mut(at) {
                *decided = ask(at);
            }
            open &= open - 1;
        }
    }
}

impl Chunk {
    const EMPTY: Self = Self { sources: [0; CHUNK], destinations: [0; CHUNK], headers: [0; CHUNK], codes: [0; CHUNK] };

    /// Finds the labels and service classes of packets from a position on.
    #[inline]
    fn look_up(&mut self, view: &AddressTable, tables: &Tables, packets: &[PacketV4], from: usize) {
        let [as_source, as_destination] = &view.cells;
        let places = self.sources.iter_mut().zip(&mut self.destinations).zip(&mut self.headers);
        for (packet, ((source, destination), header)) in packets.iter().zip(places).skip(from) {
            *source = as_source.at(view.cell(packet.source) as usize);
            *destination = as_destination.at(view.cell(packet.destination) as usize);
            *header = mark(tables, packet.fields(), packet.source == packet.destination);
        }
    }

    /// Takes the labels of interfaces from a position on, as if all were of IPv4, and finds service classes.
    #[inline]
    fn take(&mut self, tables: &Tables, packets: &[UnitPacket], from: usize) {
        let [as_source, as_destination] = &tables.interfaces;
        let places = self.sources.iter_mut().zip(&mut self.destinations).zip(&mut self.headers);
        for (packet, ((source, destination), header)) in packets.iter().zip(places).skip(from) {
            *source = as_source.at(packet.source.position());
            *destination = as_destination.at(packet.destination.position());
            let families = [packet.source.family(), packet.destination.family()];
            let open = packet.source == packet.destination || families != [Family::V4; 2];
            *header = mark(tables, packet.fields(), open);
        }
    }

    /// Finds what a pair of labels is told of a service class.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn judge_one(&mut self, tables: &Tables, at: usize) {
        let labels = self.sources.get(at).zip(self.destinations.get(at));
        if let (Some((&source, &destination)), Some(&header), Some(code)) =
            (labels, self.headers.get(at), self.codes.get_mut(at))
        {
            *code = told(tables.answers.code(source, destination, class(header)), header);
        }
    }

    /// Finds what the pairs of labels from a position on are told of the service classes.
    #[inline]
    fn judge(&mut self, tables: &Tables, from: usize, packets: usize) {
        let labels = self.sources.iter().zip(&self.destinations);
        let pairs = labels.zip(&self.headers).zip(&mut self.codes).take(packets).skip(from);
        match &tables.answers {
            Answers::Pairs { pairs: PairTable::Dense(dense), profiles } => {
                for (((&source, &destination), &header), code) in pairs {
                    *code = told(profiles.code(dense.profile(source, destination), class(header)), header);
                }
            }
            Answers::Pairs { pairs: PairTable::Hashed(hashed), profiles } => {
                for (((&source, &destination), &header), code) in pairs {
                    *code = told(profiles.code(hashed.profile(source, destination), class(header)), header);
                }
            }
            Answers::Layers(layers) => {
                for (((&source, &destination), &header), code) in pairs {
                    *code = told(layers.code(source, destination, class(header)), header);
                }
            }
        }
    }

    /// Writes what packets are told, from a position on; returns which of them are not settled.
    #[inline]
    fn write(&self, decisions: &mut [Decision], from: usize) -> u64 {
        let mut open = 0;
        for (at, (decided, &code)) in decisions.iter_mut().zip(&self.codes).enumerate().skip(from) {
            *decided = DECISIONS.get(usize::from(code & 7)).copied().unwrap_or(Decision::Unknown);
            open |= u64::from(u32::from(code) & ASK == ASK) << at;
        }
        open
    }
}

/// The service class of a header with marks.
#[inline]
fn class(header: u32) -> u32 {
    header & !(OPEN | REPLIES)
}

/// What a header with marks is told, as a code.
#[inline]
fn told(code: Code, header: u32) -> u8 {
    let told = if header & OPEN == 0 { code } else { ASK };
    (told | u32::from(header & REPLIES != 0) << REPLY_BIT) as u8
}

/// The service class of a header, with its marks.
#[inline]
fn mark(tables: &Tables, fields: HeaderFields, open: bool) -> u32 {
    let marks = if open { OPEN } else { 0 } | if fields.has_reply(Family::V4) { REPLIES } else { 0 };
    tables.headers.class(fields) | marks
}

impl Matcher {
    /// Decides packets between IPv4 addresses, seen in a space, in their order; the shorter of the two slices says how
    /// many.
    pub fn decide_batch_v4(&self, space: SpaceId, packets: &[PacketV4], decisions: &mut [Decision]) {
        self.decide_batch_v4_by(Steps::fastest(), space, packets, decisions);
    }

    /// Decides connections between interfaces, in their order; the shorter of the two slices says how many.
    pub fn decide_batch_between(&self, packets: &[UnitPacket], decisions: &mut [Decision]) {
        self.decide_batch_between_by(Steps::fastest(), packets, decisions);
    }

    fn decide_batch_v4_by(&self, steps: Steps, space: SpaceId, packets: &[PacketV4], decisions: &mut [Decision]) {
        let view = self.tables_v4().and_then(|(family, tables)| {
            let Views::V4(views) = &tables.views else { return None };
            Some((family, tables, views.get(space.0 as usize)?))
        });
        let Some((family, tables, view)) = view else {
            for (packet, decision) in packets.iter().zip(decisions) {
                *decision = self.decide_v4(space, packet);
            }
            return;
        };
        let mut chunk = Chunk::EMPTY;
        for (packets, decisions) in packets.chunks(CHUNK).zip(decisions.chunks_mut(CHUNK)) {
            let count = packets.len().min(decisions.len());
            let decisions = decisions.get_mut(..count).unwrap_or_default();
            steps.look_up(&mut chunk, view, tables, packets);
            steps.judge(&mut chunk, tables, count);
            steps.write(&chunk, decisions, |at| match packets.get(at) {
                Some(packet) => {
                    let ends = (packet.source.into(), packet.destination.into());
                    self.decide_slowly(family, space, ends, packet.fields())
                }
                None => Decision::Unknown,
            });
        }
    }

    fn decide_batch_between_by(&self, steps: Steps, packets: &[UnitPacket], decisions: &mut [Decision]) {
        let tables = self.tables_v4();
        let mut chunk = Chunk::EMPTY;
        for (packets, decisions) in packets.chunks(CHUNK).zip(decisions.chunks_mut(CHUNK)) {
            let Some((_, tables)) = tables else {
                for (packet, decision) in packets.iter().zip(decisions) {
                    *decision = self.decide_between(packet);
                }
                continue;
            };
            let count = packets.len().min(decisions.len());
            let decisions = decisions.get_mut(..count).unwrap_or_default();
            steps.take(&mut chunk, tables, packets);
            steps.judge(&mut chunk, tables, count);
            let ask = |packet: &UnitPacket| self.decide_between(packet);
            steps.write(&chunk, decisions, |at| packets.get(at).map_or(Decision::Unknown, ask));
        }
    }

    fn tables_v4(&self) -> Option<(&FamilyMatcher, &Tables)> {
        let family = self.family(Family::V4)?;
        Some((family, family.tables.as_ref().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Limits;
    use crate::matcher::PairForm;
    use crate::workload::Workload;
    use seglab_policy::arbitrary::design_of;
    use seglab_policy::{Assume, Direction, RulebookId};
    use std::collections::BTreeSet;

    const ONE_BY_ONE: Steps = Steps {
        #[cfg(target_arch = "x86_64")]
        vectors: None,
    };

    /// How many designs are looked at, and with how many packets each. Miri takes ten thousand times as long: there a chunk and
    /// a half, for what could read past its end is the same for every design.
    const fn extent(designs: u64) -> (u64, usize) {
        if cfg!(miri) { (1, CHUNK + CHUNK / 2) } else { (designs, 200) }
    }

    /// The same of filters, in layers of both forms.
    #[test]
    fn vectors_decide_filters_as_steps_one_by_one_do() {
        let mut layers = 0;
        let (designs, count) = extent(150);
        for seed in 0..designs {
            let design = design_of(seed);
            let packets = Workload::between_addresses(&design, seed, count).packets_v4(&design, "default");
            for (book, dense_pairs) in
                (0..design.rulebooks().len()).flat_map(|book| [(book, 0), (book, 1 << 5), (book, 1 << 20)])
            {
                let limits = Limits { dense_pairs, group_pairs: 0, ..Limits::default() };
                let book = RulebookId(u32::try_from(book).unwrap());
                let matcher = Matcher::compile_rulebook(&design, book, Direction::Forward, limits).unwrap();
                layers += matcher.layouts().filter(|layout| matches!(layout.form, Ok(PairForm::Layered(2..)))).count();
                let space = matcher.space("default").unwrap();
                let singles = packets.iter().map(|packet| matcher.decide_v4(space, packet)).collect::<Vec<_>>();
                for steps in [ONE_BY_ONE, Steps::fastest()] {
                    let mut decisions = vec![Decision::Unknown; packets.len()];
                    matcher.decide_batch_v4_by(steps, space, &packets, &mut decisions);
                    assert_eq!(decisions, singles, "seed {seed} {book:?} {steps:?}");
                }
            }
        }
        assert!(cfg!(miri) || layers > 20, "{layers}");
    }

    /// What the fastest steps find is what the steps one by one find, packet by packet, in every form of tables.
    #[test]
    fn vectors_decide_what_steps_one_by_one_decide() {
        let mut forms = BTreeSet::new();
        let (designs, count) = extent(300);
        for seed in 0..designs {
            let design = design_of(seed);
            for dense_pairs in [0, 1 << 20] {
                let limits = Limits { dense_pairs, ..Limits::default() };
                let matcher = Matcher::compile(&design, Assume::business(), limits).unwrap();
                forms.extend(matcher.layouts().filter_map(|layout| layout.form.ok()));
                let workload = Workload::generate(&design, seed, count);
                for (name, &space) in matcher.spaces.iter() {
                    let (space, packets) = (SpaceId(space), workload.packets_v4(&design, name));
                    let decide = |steps: Steps| {
                        let mut decisions = vec![Decision::Unknown; packets.len()];
                        matcher.decide_batch_v4_by(steps, space, &packets, &mut decisions);
                        decisions
                    };
                    let singles = packets.iter().map(|packet| matcher.decide_v4(space, packet)).collect::<Vec<_>>();
                    assert_eq!(decide(ONE_BY_ONE), singles, "seed {seed}");
                    assert_eq!(decide(Steps::fastest()), singles, "seed {seed}");
                }
                let packets = workload.packets_between(&matcher);
                let singles: Vec<_> = packets.iter().map(|packet| matcher.decide_between(packet)).collect();
                for steps in [ONE_BY_ONE, Steps::fastest()] {
                    let mut decisions = vec![Decision::Unknown; packets.len()];
                    matcher.decide_batch_between_by(steps, &packets, &mut decisions);
                    assert_eq!(decisions, singles, "seed {seed} {steps:?}");
                }
            }
        }
        assert_eq!(forms, BTreeSet::from([PairForm::Dense, PairForm::Hashed]));
    }
}
