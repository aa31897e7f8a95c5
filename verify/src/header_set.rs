//! Exact sets of headers, and the form in which they are printed.
//!
//! A [`HeaderSet`] says which connections between two endpoints are meant, down to single ports, source ports and
//! ICMP messages. Sets are canonical: two are equal exactly when they hold the same headers. ICMP is kept apart by
//! address family, because one [`Header::Icmp`] means different messages in IPv4 and IPv6.
//!
//! ```
//! use seglab_policy::{Family, Header, Service, Transport};
//! use seglab_verify::HeaderSet;
//! let web = HeaderSet::of_service(&Service::ports(Transport::Tcp, 80, 80));
//! let dns = HeaderSet::of_service(&Service::ports(Transport::Udp, 53, 53));
//! assert_eq!(web.union(&dns).to_string(), "TCP 80;UDP 53");
//! assert!(web.contains(Family::V4, Header::to_port(Transport::Tcp, 80)));
//! ```

use crate::pair_set::{PairSet, Span};
use seglab_policy::{Family, Header, ICMP_V4, ICMP_V6, IntervalSet, Listener, Service, Transport, icmp_reply};
use std::fmt;

/// A set of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderSet {
    /// (destination port, source port) of TCP, UDP and SCTP.
    transports: [PairSet<u16>; 3],
    /// (type, code) of ICMP in IPv4 and in IPv6.
    icmp: [PairSet<u8>; 2],
    /// Numbers of other protocols: never those of the transports and of ICMP.
    others: IntervalSet<u8>,
}

fn transport_index(protocol: Transport) -> usize {
    match protocol {
        Transport::Tcp => 0,
        Transport::Udp => 1,
        Transport::Sctp => 2,
    }
}

fn family_index(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

/// The protocol numbers that [`Header::Other`] may carry.
fn other_protocols() -> IntervalSet<u8> {
    let named = Transport::ALL.map(Transport::number).into_iter().chain([ICMP_V4, ICMP_V6]);
    IntervalSet::from_ranges(named.map(|number| (number, number))).complement()
}

impl HeaderSet {
    /// No header.
    pub const fn empty() -> Self {
        Self {
            transports: [PairSet::empty(), PairSet::empty(), PairSet::empty()],
            icmp: [PairSet::empty(), PairSet::empty()],
            others: IntervalSet::empty(),
        }
    }

    /// Every header of both families.
    pub fn full() -> Self {
        Self {
            transports: [PairSet::full(), PairSet::full(), PairSet::full()],
            icmp: [PairSet::full(), PairSet::full()],
            others: other_protocols(),
        }
    }

    /// Every header that a connection of `family` can have.
    pub fn of_family(family: Family) -> Self {
        let mut set = Self::full();
        match family {
            Family::V4 => set.icmp = [PairSet::full(), PairSet::empty()],
            Family::V6 => set.icmp = [PairSet::empty(), PairSet::full()],
        }
        set
    }

    /// The headers of one transport with these destination and source ports.
    pub fn of_ports(protocol: Transport, ports: &IntervalSet<u16>, source_ports: &IntervalSet<u16>) -> Self {
        let mut set = Self::empty();
        if let Some(pairs) = set.transports.get_mut(transport_index(protocol)) {
            *pairs = PairSet::product(ports, source_ports);
        }
        set
    }

    /// The headers of a service that no destination has to resolve; none for a named port.
    pub fn of_service(service: &Service) -> Self {
        match service {
            Service::Any => Self::full(),
            Service::Ports { protocol, ports, source_ports } => Self::of_ports(*protocol, ports, source_ports),
            Service::NamedPort { .. } => Self::empty(),
            Service::Icmp { family, kind, code } => {
                let side = |value: Option<u8>| value.map_or_else(IntervalSet::full, IntervalSet::single);
                let mut set = Self::empty();
                if let Some(pairs) = set.icmp.get_mut(family_index(*family)) {
                    *pairs = PairSet::product(&side(*kind), &side(*code));
                }
                set
            }
            Service::Protocol(number) => {
                Self { others: IntervalSet::single(*number).intersection(&other_protocols()), ..Self::empty() }
            }
        }
    }

    /// The headers of services at a destination that declares these listeners.
    pub fn of_services(services: &[Service], listeners: &[Listener]) -> Self {
        services.iter().fold(Self::empty(), |set, service| match service {
            Service::NamedPort { protocol, name } => listeners
                .iter()
                .filter(|listener| listener.name.as_deref() == Some(name))
                .filter(|listener| protocol.is_none_or(|protocol| protocol == listener.protocol))
                .fold(set, |set, listener| set.union(&Self::to_port(listener.protocol, listener.first))),
            service => set.union(&Self::of_service(service)),
        })
    }

    /// The headers to one port of a transport, from every source port.
    pub fn to_port(protocol: Transport, port: u16) -> Self {
        Self::of_ports(protocol, &IntervalSet::single(port), &IntervalSet::full())
    }

    /// The headers that arrive at one of the listeners.
    pub fn of_listeners(listeners: &[Listener]) -> Self {
        let full = IntervalSet::full();
        let mut set = Self::empty();
        for (pairs, protocol) in set.transports.iter_mut().zip(Transport::ALL) {
            let ports = listeners.iter().filter(|listener| listener.protocol == protocol);
            let ports = IntervalSet::from_ranges(ports.map(|listener| (listener.first, listener.last)));
            *pairs = PairSet::product(&ports, &full);
        }
        set
    }

    /// The set of the headers of one transport in this set.
    #[must_use]
    pub fn only_transport(&self, protocol: Transport) -> Self {
        let mut set = Self::empty();
        let index = transport_index(protocol);
        if let (Some(to), Some(from)) = (set.transports.get_mut(index), self.transports.get(index)) {
            to.clone_from(from);
        }
        set
    }

    /// The set without ICMP of either family: what does not depend on the family of a connection.
    pub(crate) fn without_icmp(&self) -> Self {
        Self { icmp: [PairSet::empty(), PairSet::empty()], ..self.clone() }
    }

    /// The (destination port, source port) pairs of a transport.
    pub fn ports(&self, protocol: Transport) -> &PairSet<u16> {
        let [tcp, udp, sctp] = &self.transports;
        match protocol {
            Transport::Tcp => tcp,
            Transport::Udp => udp,
            Transport::Sctp => sctp,
        }
    }

    /// The (type, code) pairs of a family's ICMP.
    pub fn icmp(&self, family: Family) -> &PairSet<u8> {
        let [v4, v6] = &self.icmp;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// The numbers of other protocols.
    pub fn other_protocols(&self) -> &IntervalSet<u8> {
        &self.others
    }

    /// True for the set of no header.
    pub fn is_empty(&self) -> bool {
        self.transports.iter().all(PairSet::is_empty)
            && self.icmp.iter().all(PairSet::is_empty)
            && self.others.is_empty()
    }

    /// True if a connection of `family` with `header` is in the set.
    pub fn contains(&self, family: Family, header: Header) -> bool {
        match header {
            Header::Transport { protocol, source_port, destination_port } => {
                self.ports(protocol).contains(destination_port, source_port)
            }
            Header::Icmp { kind, code } => self.icmp(family).contains(kind, code),
            Header::Other(number) => self.others.contains(number),
        }
    }

    /// True if every header of `other` is in this set.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// The headers in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, PairSet::union, PairSet::union, IntervalSet::union)
    }

    /// The headers in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, PairSet::intersection, PairSet::intersection, IntervalSet::intersection)
    }

    /// The headers of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, PairSet::difference, PairSet::difference, IntervalSet::difference)
    }

    fn combine(
        &self,
        other: &Self,
        ports: impl Fn(&PairSet<u16>, &PairSet<u16>) -> PairSet<u16>,
        icmp: impl Fn(&PairSet<u8>, &PairSet<u8>) -> PairSet<u8>,
        others: impl Fn(&IntervalSet<u8>, &IntervalSet<u8>) -> IntervalSet<u8>,
    ) -> Self {
        let ([tcp, udp, sctp], [v4, v6]) = (&self.transports, &self.icmp);
        let ([their_tcp, their_udp, their_sctp], [their_v4, their_v6]) = (&other.transports, &other.icmp);
        Self {
            transports: [ports(tcp, their_tcp), ports(udp, their_udp), ports(sctp, their_sctp)],
            icmp: [icmp(v4, their_v4), icmp(v6, their_v6)],
            others: others(&self.others, &other.others),
        }
    }

    /// The headers that some packet answers: those whose [`Header::reply`] exists.
    pub fn answered() -> Self {
        Self::full().whose_replies()
    }

    /// The headers whose reply exists and is in the set.
    #[must_use]
    pub fn whose_replies(&self) -> Self {
        let mut set = Self::empty();
        for (to, from) in set.transports.iter_mut().zip(&self.transports) {
            *to = from.transpose();
        }
        for (family, to) in Family::ALL.into_iter().zip(&mut set.icmp) {
            for kind in 0..=u8::MAX {
                let Some(answer) = icmp_reply(family, kind) else { continue };
                let at_answer = PairSet::product(&IntervalSet::single(answer), &IntervalSet::full());
                for span in self.icmp(family).intersection(&at_answer).spans() {
                    let codes = span.seconds.clone().unwrap_or_else(IntervalSet::full);
                    *to = to.union(&PairSet::product(&IntervalSet::single(kind), &codes));
                }
            }
        }
        set
    }

    /// One header of the set, for a concrete connection of `family`: a transport's before others, the smallest
    /// destination port, the source port 49152 if it will do.
    pub fn witness(&self, family: Family) -> Option<Header> {
        let transport = Transport::ALL.into_iter().find_map(|protocol| {
            // Port 0 is legal in a header and useless to a reader, so any other is shown before it.
            let spans = self.ports(protocol).spans();
            let span = spans.iter().find(|span| span.last > 0).or(spans.first())?;
            let destination_port = if span.last > 0 { span.first.max(1) } else { 0 };
            let source_port = match &span.seconds {
                None => EPHEMERAL,
                Some(seconds) if seconds.contains(EPHEMERAL) => EPHEMERAL,
                Some(seconds) => seconds.first()?,
            };
            Some(Header::Transport { protocol, source_port, destination_port })
        });
        transport
            .or_else(|| {
                let span = self.icmp(family).spans().first()?;
                let code = span.seconds.as_ref().map_or(Some(0), IntervalSet::first)?;
                Some(Header::Icmp { kind: span.first, code })
            })
            .or_else(|| self.others.first().map(Header::Other))
    }

    /// The set in the form of `reach`: `all`, `TCP 80,443;UDP 53`; nothing for no header.
    ///
    /// `all` is every header that connections of `families` can have, so that `all` between two IPv4 hosts does not
    /// ask for ICMPv6. Headers of `one_way` bear a star.
    pub fn display<'a>(&'a self, families: &'a [Family], one_way: &'a HeaderSet) -> impl fmt::Display + 'a {
        Shown { set: self, families, one_way }
    }
}

/// First port of the dynamic range of RFC 6335, section 6.
const EPHEMERAL: u16 = 49152;

/// Writes the form of `reach` for connections of the families whose ICMP is in the set, or of any family.
impl fmt::Display for HeaderSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families: Vec<Family> = Family::ALL.into_iter().filter(|&family| !self.icmp(family).is_empty()).collect();
        let families = if families.is_empty() { Family::ALL.to_vec() } else { families };
        self.display(&families, &Self::empty()).fmt(f)
    }
}

struct Shown<'a> {
    set: &'a HeaderSet,
    families: &'a [Family],
    one_way: &'a HeaderSet,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all =
            self.families.iter().fold(HeaderSet::empty(), |all, &family| all.union(&HeaderSet::of_family(family)));
        let one_way = self.set.intersection(self.one_way);
        if one_way.is_empty() && !self.families.is_empty() && self.set.is_superset(&all) {
            return f.write_str("all");
        }
        let mut parts = parts(&self.set.difference(&one_way));
        parts.extend(self::parts(&one_way).into_iter().map(|part| part + "*"));
        f.write_str(&parts.join(";"))
    }
}

fn parts(set: &HeaderSet) -> Vec<String> {
    let mut parts = Vec::new();
    for protocol in Transport::ALL {
        push_ports(protocol, set.ports(protocol), &mut parts);
    }
    for (family, name) in [(Family::V4, "ICMP"), (Family::V6, "ICMPv6")] {
        let icmp = set.icmp(family);
        if icmp.is_full() {
            parts.push(name.to_owned());
        } else if !icmp.is_empty() {
            let messages: Vec<String> = icmp.spans().iter().flat_map(messages).collect();
            parts.push(format!("{name} {}", messages.join(",")));
        }
    }
    if set.others == other_protocols() {
        parts.push("proto".to_owned());
    } else if !set.others.is_empty() {
        parts.push(format!("proto {}", joined(&set.others)));
    }
    parts
}

/// Inclusive ranges of ports.
type Ranges = Vec<(u16, u16)>;

/// One part for each set of source ports, in the order of the smallest destination port that goes with it.
fn push_ports(protocol: Transport, pairs: &PairSet<u16>, parts: &mut Vec<String>) {
    let name = protocol.name().to_uppercase();
    let mut by_source: Vec<(&Option<IntervalSet<u16>>, Ranges)> = Vec::new();
    for span in pairs.spans() {
        let range = (span.first, span.last);
        match by_source.iter_mut().find(|(seconds, _)| **seconds == span.seconds) {
            Some((_, ranges)) => ranges.push(range),
            None => by_source.push((&span.seconds, vec![range])),
        }
    }
    for (seconds, ranges) in by_source {
        let ports = IntervalSet::from_ranges(ranges);
        let mut part = if ports.is_full() { name.clone() } else { format!("{name} {}", joined(&ports)) };
        if let Some(seconds) = seconds {
            part += &format!(" [src {}]", joined(seconds));
        }
        parts.push(part);
    }
}

fn messages(span: &Span<u8>) -> Vec<String> {
    let kind = range((span.first, span.last));
    match &span.seconds {
        None => vec![kind],
        Some(codes) => codes.ranges().iter().map(|&codes| format!("{kind}/{}", range(codes))).collect(),
    }
}

fn joined<T: seglab_policy::Bounded + fmt::Display>(set: &IntervalSet<T>) -> String {
    set.ranges().iter().map(|&ends| range(ends)).collect::<Vec<_>>().join(",")
}

fn range<T: PartialEq + fmt::Display>((first, last): (T, T)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn service() -> impl Strategy<Value = Service> {
        let port = prop_oneof![Just(0u16), Just(1), Just(80), Just(443), Just(1024), Just(65535)];
        let ports = prop::collection::vec((port.clone(), port), 0..3).prop_map(IntervalSet::from_ranges);
        let sources = prop_oneof![3 => Just(IntervalSet::full()), 1 => ports.clone()];
        let transport = prop::sample::select(&Transport::ALL[..]);
        let kind = prop::option::of(prop::sample::select(&[0u8, 8, 13, 128, 129][..]));
        prop_oneof![
            1 => Just(Service::Any),
            6 => (transport, ports, sources)
                .prop_map(|(protocol, ports, source_ports)| Service::Ports { protocol, ports, source_ports }),
            2 => (prop::sample::select(&Family::ALL[..]), kind.clone(), kind)
                .prop_map(|(family, kind, code)| Service::Icmp { family, kind, code }),
            1 => prop::sample::select(&[0u8, 6, 47, 50, 255][..]).prop_map(Service::Protocol),
        ]
    }

    fn headers() -> Vec<Header> {
        let mut all: Vec<Header> = [0u8, 47, 50, 255].map(Header::Other).to_vec();
        for kind in [0u8, 8, 13, 14, 128, 129] {
            all.extend([0u8, 8, 128].map(|code| Header::Icmp { kind, code }));
        }
        let ports = [0u16, 1, 2, 79, 80, 81, 443, 1023, 1024, 1025, 65534, 65535];
        for protocol in Transport::ALL {
            for source_port in ports {
                let with = |destination_port| Header::Transport { protocol, source_port, destination_port };
                all.extend(ports.map(with));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn operations_agree_with_services(
            ours in prop::collection::vec(service(), 0..3),
            theirs in prop::collection::vec(service(), 0..3),
        ) {
            let (a, b) = (HeaderSet::of_services(&ours, &[]), HeaderSet::of_services(&theirs, &[]));
            for family in Family::ALL {
                for header in headers() {
                    let member = |services: &[Service]| services.iter().any(|one| one.matches(family, header, None));
                    let (x, y) = (member(&ours), member(&theirs));
                    prop_assert_eq!(a.contains(family, header), x, "{:?}", header);
                    prop_assert_eq!(a.union(&b).contains(family, header), x || y);
                    prop_assert_eq!(a.intersection(&b).contains(family, header), x && y);
                    prop_assert_eq!(a.difference(&b).contains(family, header), x && !y);
                    let reply = header.reply(family).is_some_and(|reply| member_of(&a, family, reply));
                    prop_assert_eq!(a.whose_replies().contains(family, header), reply);
                    prop_assert_eq!(HeaderSet::answered().contains(family, header), header.reply(family).is_some());
                }
                let possible = a.intersection(&HeaderSet::of_family(family));
                match possible.witness(family) {
                    Some(header) => prop_assert!(possible.contains(family, header)),
                    None => prop_assert!(possible.is_empty()),
                }
            }
        }
    }

    fn member_of(set: &HeaderSet, family: Family, header: Header) -> bool {
        set.contains(family, header)
    }

    #[test]
    fn prints_the_form_of_reach() {
        let tcp = |ports: &[(u16, u16)], sources: &[(u16, u16)]| {
            let set = |ranges: &[(u16, u16)]| IntervalSet::from_ranges(ranges.iter().copied());
            HeaderSet::of_ports(Transport::Tcp, &set(ports), &set(sources))
        };
        let every = &[(0, u16::MAX)];
        let check = |set: &HeaderSet, expected: &str| assert_eq!(set.to_string(), expected);
        check(&HeaderSet::empty(), "");
        check(&HeaderSet::full(), "all");
        check(&HeaderSet::of_family(Family::V4), "all");
        check(&tcp(&[(80, 80), (443, 443), (8000, 8999)], every), "TCP 80,443,8000-8999");
        check(&tcp(every, every), "TCP");
        check(&tcp(&[(22, 22)], &[(1, 9079)]), "TCP 22 [src 1-9079]");
        let mixed =
            tcp(&[(22, 22)], &[(1, 9079)]).union(&tcp(&[(80, 80)], every)).union(&tcp(&[(90, 90)], &[(1, 9079)]));
        check(&mixed, "TCP 22,90 [src 1-9079];TCP 80");
        let ping = HeaderSet::of_service(&Service::Icmp { family: Family::V4, kind: Some(8), code: Some(0) });
        check(&ping.union(&HeaderSet::of_service(&Service::Protocol(50))), "ICMP 8/0;proto 50");
        let v6 = HeaderSet::of_service(&Service::Icmp { family: Family::V6, kind: Some(128), code: None });
        check(&v6, "ICMPv6 128");
        let one_way = tcp(&[(443, 443)], every);
        let shown = tcp(&[(80, 80), (443, 443)], every);
        assert_eq!(shown.display(&[Family::V4], &one_way).to_string(), "TCP 80;TCP 443*");
        let but_ssh = HeaderSet::of_family(Family::V4).difference(&tcp(&[(22, 22)], every));
        check(&but_ssh, "TCP 0-21,23-65535;UDP;SCTP;ICMP;proto");
    }
}
