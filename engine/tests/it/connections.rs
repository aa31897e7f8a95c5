//! The connection table keeps what a list that is read from the start keeps.

use proptest::prelude::*;
use seglab_engine::{ConnectionLimits, ConnectionTable, Decision, Packet, PacketV4, Tracked, WhenFull};
use seglab_policy::{Header, Reply, Transport};

const ALLOWED: Decision = Decision::Allowed(Reply::Passes);

/// The same table as a plain list: opener, when opened or seen last, established; in the order in which they were opened.
struct Plain {
    limits: ConnectionLimits,
    connections: Vec<(PacketV4, u64, bool)>,
}

impl Plain {
    fn lives(&self, &(_, seen, established): &(PacketV4, u64, bool), now: u64) -> bool {
        now - seen <= if established { self.limits.idle_ns } else { self.limits.half_open_ns }
    }

    fn track(&mut self, packet: &PacketV4, now: u64, decision: Decision) -> Tracked {
        let living: Vec<_> = self.connections.iter().copied().filter(|one| self.lives(one, now)).collect();
        let there = living.iter().find(|one| one.0 == *packet);
        let back = living.iter().find(|one| one.0.reply().as_ref() == Some(packet));
        if let Some(&(opener, _, established)) = there.or(back) {
            if there.is_some() && !established {
                return Tracked::HalfOpen;
            }
            let one = self.connections.iter_mut().find(|one| one.0 == opener).unwrap();
            (one.1, one.2) = (now, true);
            return Tracked::Established;
        }
        if !matches!(decision, Decision::Allowed(_)) {
            return Tracked::Denied(decision);
        }
        // What has ended and is opened anew is the same packet again.
        self.connections = living;
        if self.connections.len() >= self.limits.connections_max {
            let oldest = |wanted: bool| {
                let of_kind = self.connections.iter().enumerate().filter(move |(_, one)| one.2 == wanted);
                of_kind.min_by_key(|(_, one)| one.1).map(|(at, _)| at)
            };
            match (self.limits.when_full, oldest(false).or_else(|| oldest(true))) {
                (WhenFull::ForgetOldest, Some(at)) => drop(self.connections.remove(at)),
                _ => return Tracked::Refused,
            }
        }
        self.connections.push((*packet, now, false));
        Tracked::Opened
    }
}

fn header(kind: u8, port: u16) -> Header {
    match kind {
        0 => Header::Icmp { kind: 8, code: 0 },
        1 => Header::Other(50),
        _ => Header::Transport { protocol: Transport::Tcp, source_port: 1000 + port, destination_port: 443 },
    }
}

proptest! {
    #[test]
    fn a_table_keeps_what_a_list_keeps(
        when_full in prop::sample::select(&[WhenFull::Refuse, WhenFull::ForgetOldest]),
        connections_max in 0usize..5,
        steps in prop::collection::vec((0u8..3, 0u8..3, 0u8..4, 0u16..3, 1u64..8, any::<(bool, u8)>()), 1..80),
    ) {
        let limits = ConnectionLimits { connections_max, when_full, half_open_ns: 12, idle_ns: 30 };
        let (mut table, mut plain) = (ConnectionTable::new(limits), Plain { limits, connections: Vec::new() });
        let mut now = 0;
        for (from, to, kind, port, later, (comes_back, luck)) in steps {
            // No two things happen at one time, so that which one was first is never a draw.
            now += later;
            let packet = Packet::v4([10, 0, 0, from].into(), [10, 0, 1, to].into(), header(kind, port));
            let packet = if comes_back { packet.reply().unwrap_or(packet) } else { packet };
            let decision = if luck % 4 == 0 { Decision::Denied } else { ALLOWED };
            let related = plain.connections.iter().filter(|one| plain.lives(one, now));
            let related = related.clone().any(|one| one.0 == packet || one.0.reply() == Some(packet));
            prop_assert_eq!(table.is_related(&packet, now), related);
            prop_assert_eq!(table.track(&packet, now, || decision), plain.track(&packet, now, decision));
            prop_assert!(table.len() <= connections_max);
            if luck == 7 {
                plain.connections.retain(|one| one.0.source & 0xFF != 1);
                table.end(|opened_by| opened_by.source & 0xFF == 1);
            }
        }
    }
}

#[test]
fn a_changed_policy_ends_connections_only_if_asked() {
    let mut table = ConnectionTable::new(ConnectionLimits::default());
    let packet = |host: u8| Packet::v4([10, 0, 0, host].into(), [10, 0, 1, 1].into(), header(2, 1));
    for host in 1..=4 {
        assert_eq!(table.track(&packet(host), 0, || ALLOWED), Tracked::Opened);
    }
    let stricter = |packet: &PacketV4| if packet.source & 1 == 0 { Decision::Denied } else { ALLOWED };
    assert_eq!(table.track(&packet(2), 1, || stricter(&packet(2))), Tracked::HalfOpen);
    assert_eq!(table.reconsider(stricter), 2);
    assert_eq!(table.track(&packet(2), 2, || stricter(&packet(2))), Tracked::Denied(Decision::Denied));
    assert_eq!(table.track(&packet(3).reply().unwrap(), 2, || Decision::Denied), Tracked::Established);
    assert_eq!((table.len(), table.is_empty()), (2, false));
}
