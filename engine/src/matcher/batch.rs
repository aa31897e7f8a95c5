//! Many packets at a time: each step for a whole chunk before the next one, so that the reads of different packets wait
//! for memory together.

use super::address_table::AddressTable;
use super::packet::{HeaderFields, PacketV4};
use super::pair_table::{Label, PairTable};
use super::tables::{Tables, Views, is_open};
use super::verdicts::Code;
use super::{InterfaceId, Matcher, SpaceId, decision};
use crate::engine::Decision;
use seglab_policy::{Family, Header};

/// Packets of a chunk: what their reads bring fits the nearest cache, and is more than wait at a time.
const CHUNK: usize = 64;

/// What is known of the packets of a chunk between steps.
struct Chunk {
    sources: [Label; CHUNK],
    destinations: [Label; CHUNK],
    classes: [u32; CHUNK],
    codes: [Code; CHUNK],
}

impl Chunk {
    const EMPTY: Self = Self { sources: [0; CHUNK], destinations: [0; CHUNK], classes: [0; CHUNK], codes: [0; CHUNK] };

    /// Finds what the pairs of labels are told of the service classes.
    #[inline]
    fn judge(&mut self, tables: &Tables) {
        let profiles = &tables.profiles;
        let mut found = [0u32; CHUNK];
        let pairs = self.sources.iter().zip(&self.destinations).zip(&mut found);
        match &tables.pairs {
            PairTable::Dense(dense) => {
                for ((&source, &destination), profile) in pairs {
                    let at = source.wrapping_add(destination) as usize;
                    *profile = dense.profiles.get(at).copied().unwrap_or(0).into();
                }
            }
            PairTable::Hashed(hashed) => {
                for ((&source, &destination), profile) in pairs {
                    *profile = hashed.profile(source, destination);
                }
            }
        }
        let mask = profiles.mask();
        for ((&profile, &class), code) in found.iter().zip(&self.classes).zip(&mut self.codes) {
            let (word, shift) = profiles.place(profile, class);
            *code = profiles.bits.get(word).map_or(0, |bits| bits >> shift & mask);
        }
    }
}

impl Matcher {
    /// Decides packets between IPv4 addresses, seen in a space, in their order; the shorter of the two slices says how
    /// many.
    pub fn decide_batch_v4(&self, space: SpaceId, packets: &[PacketV4], decisions: &mut [Decision]) {
        let tabled = self.families.first().and_then(|family| {
            let family = family.as_ref()?;
            let tables = family.tables.as_ref().ok()?;
            let Views::V4(views) = &tables.views else { return None };
            Some((family, tables, views.get(space.0 as usize)?))
        });
        let Some((family, tables, view)) = tabled else {
            for (packet, decision) in packets.iter().zip(decisions) {
                *decision = self.decide_v4(space, packet);
            }
            return;
        };
        let mut chunk = Chunk::EMPTY;
        for (packets, decisions) in packets.chunks(CHUNK).zip(decisions.chunks_mut(CHUNK)) {
            chunk.look_up(view, tables, packets);
            chunk.judge(tables);
            for ((packet, decided), &code) in packets.iter().zip(decisions).zip(&chunk.codes) {
                let (ends, fields) = ((packet.source.into(), packet.destination.into()), packet.fields());
                *decided = match is_open(code) || packet.source == packet.destination {
                    true => self.decide_slowly(family, space, ends, fields),
                    false => decision(code, fields.has_reply(Family::V4)),
                };
            }
        }
    }

    /// Decides connections between interfaces, in their order; the shorter of the two slices says how many.
    pub fn decide_batch_between(&self, connections: &[(InterfaceId, InterfaceId, Header)], decisions: &mut [Decision]) {
        let tables = self.family(Family::V4).and_then(|family| family.tables.as_ref().ok());
        let mut chunk = Chunk::EMPTY;
        for (connections, decisions) in connections.chunks(CHUNK).zip(decisions.chunks_mut(CHUNK)) {
            if let Some(tables) = tables {
                chunk.take(tables, connections);
                chunk.judge(tables);
            }
            for ((&(from, to, header), decided), &code) in connections.iter().zip(decisions).zip(&chunk.codes) {
                let settled = tables.is_some() && from != to && (from.family, to.family) == (Family::V4, Family::V4);
                *decided = match settled && !is_open(code) {
                    true => decision(code, HeaderFields::new(header, Family::V4).has_reply(Family::V4)),
                    false => self.decide_between(from, to, header),
                };
            }
        }
    }
}

impl Chunk {
    /// Finds the labels and service classes of packets.
    #[inline]
    fn look_up(&mut self, view: &AddressTable, tables: &Tables, packets: &[PacketV4]) {
        let mut cells = [[0u32; 2]; CHUNK];
        for (packet, cells) in packets.iter().zip(&mut cells) {
            *cells = [view.cell(packet.source), view.cell(packet.destination)];
        }
        let [as_source, as_destination] = &view.cells;
        let places = self.sources.iter_mut().zip(&mut self.destinations).zip(&mut self.classes);
        for ((packet, [from, to]), ((source, destination), class)) in packets.iter().zip(cells).zip(places) {
            let label = |cells: &[Label], cell: u32| cells.get(cell as usize).copied().unwrap_or(0);
            *source = label(as_source, from);
            *destination = label(as_destination, to);
            *class = tables.headers.class(packet.fields());
        }
    }

    /// Takes the labels of interfaces, as if all were of IPv4, and finds service classes.
    #[inline]
    fn take(&mut self, tables: &Tables, connections: &[(InterfaceId, InterfaceId, Header)]) {
        let [as_source, as_destination] = &tables.interfaces;
        let places = self.sources.iter_mut().zip(&mut self.destinations).zip(&mut self.classes);
        for (&(from, to, header), ((source, destination), class)) in connections.iter().zip(places) {
            let label = |labels: &[Label], id: InterfaceId| labels.get(id.interface as usize).copied().unwrap_or(0);
            *source = label(as_source, from);
            *destination = label(as_destination, to);
            *class = tables.headers.class(HeaderFields::new(header, Family::V4));
        }
    }
}
