//! The connection table of a point: which connections are open, so that a policy is asked about the first packet only.
//!
//! A connection is *half-open* until something comes back, and *established* from then on. Half-open ones end when
//! nothing has come back for a while, established ones when nothing was seen for longer. A table has room for so many
//! connections; a full one refuses new ones or forgets old ones, the half-open ones first, which cost a sender nothing. ICMP messages about a packet are
//! *related* to the connection of that packet. A policy that changes, or a unit in quarantine, ends no connection by
//! itself: whoever wants that asks for it ([`ConnectionTable::reconsider`], [`ConnectionTable::end`]).
//!
//! Time is an argument, in nanoseconds since whatever the caller likes, and does not run backwards.
//!
//! ```
//! use seglab_engine::{ConnectionLimits, ConnectionTable, Decision, Packet, Tracked};
//! use seglab_policy::{Header, Reply, Transport};
//! let mut table = ConnectionTable::new(ConnectionLimits::default());
//! let header = Header::Transport { protocol: Transport::Tcp, source_port: 40_000, destination_port: 443 };
//! let there = Packet::v4([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), header);
//! let allow = || Decision::Allowed(Reply::Passes);
//! assert_eq!(table.track(&there, 0, allow), Tracked::Opened);
//! let back = there.reply().expect("TCP is answered");
//! assert_eq!(table.track(&back, 5, || Decision::Denied), Tracked::Established); // nobody is asked
//! ```

use crate::engine::Decision;
use crate::matcher::PacketV4;
use rustc_hash::FxHashMap;

/// What a table may hold, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The most connections.
    pub connections_max: usize,
    /// What becomes of a new connection when there are as many.
    pub when_full: WhenFull,
    /// How long a connection stays half-open. \[ns\]
    pub half_open_ns: u64,
    /// How long an established connection may be silent. \[ns\]
    pub idle_ns: u64,
}

impl Default for ConnectionLimits {
    /// A million connections, two minutes half-open, two hours and four minutes of silence (RFC 5382, REQ-5), refusal.
    fn default() -> Self {
        const SECOND_NS: u64 = 1_000_000_000;
        Self {
            connections_max: 1 << 20,
            when_full: WhenFull::Refuse,
            half_open_ns: 120 * SECOND_NS,
            idle_ns: 7_440 * SECOND_NS,
        }
    }
}

/// What a full table does with a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// The half-open connection that was opened first is forgotten; where there is none, the established one that has
    /// been silent longest.
    ForgetOldest,
}

/// What a packet is to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tracked {
    /// It opens a connection, which policy allows.
    Opened,
    /// It is of a connection from which nothing has come back.
    HalfOpen,
    /// It is of a connection that both ends speak in.
    Established,
    /// It would open a connection, which policy does not surely allow.
    Denied(Decision),
    /// It would open a connection, which policy allows, and the table is full.
    Refused,
}

/// The open connections of a point.
#[derive(Clone, Debug)]
pub struct ConnectionTable {
    limits: ConnectionLimits,
    slots: Vec<Slot>,
    /// Where connections are, by the packets that opened them.
    places: FxHashMap<PacketV4, u32>,
    free: Vec<u32>,
    /// Half-open connections, as they were opened.
    half_open: List,
    /// Established connections, as they were seen last.
    established: List,
}

/// The ends of a list of connections: the first one, and the last one.
#[derive(Clone, Copy, Debug)]
struct List {
    oldest: u32,
    newest: u32,
}

/// The end of a list.
const NONE: u32 = u32::MAX;

/// A connection, between its neighbours in the list that it is in.
#[derive(Clone, Copy, Debug)]
struct Slot {
    opened_by: PacketV4,
    /// When it was opened while it is half-open, else when it was seen last. \[ns\]
    seen_ns: u64,
    established: bool,
    older: u32,
    newer: u32,
}

impl ConnectionTable {
    /// An empty table.
    pub fn new(limits: ConnectionLimits) -> Self {
        let empty = List { oldest: NONE, newest: NONE };
        let (slots, places, free) = (Vec::new(), FxHashMap::default(), Vec::new());
        Self { limits, slots, places, free, half_open: empty, established: empty }
    }

    /// The number of connections, those that ended unnoticed among them.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a packet is, seen at a time; `decide` is asked if it is of no connection.
    pub fn track(&mut self, packet: &PacketV4, now_ns: u64, decide: impl FnOnce() -> Decision) -> Tracked {
        if let Some((at, comes_back)) = self.find(packet, now_ns) {
            return self.see(at, comes_back, now_ns);
        }
        match decide() {
            Decision::Allowed(_) if self.make_room(now_ns) => {
                self.insert(*packet, now_ns);
                Tracked::Opened
            }
            Decision::Allowed(_) => Tracked::Refused,
            decision => Tracked::Denied(decision),
        }
    }

    /// Whether an ICMP message about a packet, such as that its destination cannot be reached, is related to an open
    /// connection: it is about a packet of that connection.
    pub fn is_related(&mut self, about: &PacketV4, now_ns: u64) -> bool {
        self.find(about, now_ns).is_some()
    }

    /// Ends the connections that policy does not surely allow any more; returns how many.
    pub fn reconsider(&mut self, decide: impl Fn(&PacketV4) -> Decision) -> usize {
        self.end(|opened_by| !matches!(decide(opened_by), Decision::Allowed(_)))
    }

    /// Ends connections, by the packets that opened them; returns how many.
    pub fn end(&mut self, ended: impl Fn(&PacketV4) -> bool) -> usize {
        let mut count = 0;
        for list in [self.half_open, self.established] {
            let mut at = list.oldest;
            while let Some(slot) = self.slots.get(at as usize).copied() {
                if ended(&slot.opened_by) {
                    self.remove(at);
                    count += 1;
                }
                at = slot.newer;
            }
        }
        count
    }

    /// The place of the connection that a packet is of, and whether the packet is one that comes back. A connection that
    /// has ended is removed.
    fn find(&mut self, packet: &PacketV4, now_ns: u64) -> Option<(u32, bool)> {
        let opened_by = [(Some(*packet), false), (packet.answered(), true)];
        for (opened_by, comes_back) in opened_by {
            let Some(at) = opened_by.and_then(|opened_by| self.places.get(&opened_by).copied()) else { continue };
            if !self.has_ended(at, now_ns) {
                return Some((at, comes_back));
            }
            self.remove(at);
        }
        None
    }

    /// Notes that a packet of a connection was seen.
    fn see(&mut self, at: u32, comes_back: bool, now_ns: u64) -> Tracked {
        let established = self.slots.get(at as usize).is_some_and(|slot| slot.established);
        if !established && !comes_back {
            return Tracked::HalfOpen;
        }
        self.unlink(at);
        if let Some(slot) = self.slots.get_mut(at as usize) {
            (slot.seen_ns, slot.established) = (now_ns, true);
        }
        self.link(at);
        Tracked::Established
    }

    fn has_ended(&self, at: u32, now_ns: u64) -> bool {
        self.slots.get(at as usize).is_none_or(|slot| {
            let most = if slot.established { self.limits.idle_ns } else { self.limits.half_open_ns };
            now_ns.saturating_sub(slot.seen_ns) > most
        })
    }

    /// True if there is room for one more: connections that have ended make room, and then living ones if they may be
    /// forgotten. Those that end first are first in their lists.
    fn make_room(&mut self, now_ns: u64) -> bool {
        let oldest = [self.half_open.oldest, self.established.oldest];
        let ended = oldest.into_iter().find(|&at| at != NONE && self.has_ended(at, now_ns));
        let living = || oldest.into_iter().find(|&at| at != NONE);
        if self.len() < self.limits.connections_max {
            return true;
        }
        let gone = match self.limits.when_full {
            WhenFull::Refuse => ended,
            WhenFull::ForgetOldest => ended.or_else(living),
        };
        gone.inspect(|&at| self.remove(at)).is_some()
    }

    fn insert(&mut self, packet: PacketV4, now_ns: u64) {
        let slot = Slot { opened_by: packet, seen_ns: now_ns, established: false, older: NONE, newer: NONE };
        let at = self.free.pop().unwrap_or_else(|| crate::column::id(self.slots.len()));
        match self.slots.get_mut(at as usize) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        self.places.insert(packet, at);
        self.link(at);
    }

    fn remove(&mut self, at: u32) {
        self.unlink(at);
        let Some(slot) = self.slots.get(at as usize) else { return };
        self.places.remove(&slot.opened_by);
        self.free.push(at);
    }

    /// Puts a connection at the end of the list that it belongs to.
    fn link(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        let list = if slot.established { &mut self.established } else { &mut self.half_open };
        let before = std::mem::replace(&mut list.newest, at);
        (slot.older, slot.newer) = (before, NONE);
        match before {
            NONE => list.oldest = at,
            before => self.slots.get_mut(before as usize).into_iter().for_each(|slot| slot.newer = at),
        }
    }

    /// Takes a connection out of its list.
    fn unlink(&mut self, at: u32) {
        let Some(&Slot { older, newer, established, .. }) = self.slots.get(at as usize) else { return };
        let list = if established { &mut self.established } else { &mut self.half_open };
        match older {
            NONE => list.oldest = newer,
            older => self.slots.get_mut(older as usize).into_iter().for_each(|slot| slot.newer = newer),
        }
        match newer {
            NONE => list.newest = older,
            newer => self.slots.get_mut(newer as usize).into_iter().for_each(|slot| slot.older = older),
        }
    }
}
