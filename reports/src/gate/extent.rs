//! How much a finding is of: services and addresses as ranges, to tell whether one is within another.

use seglab_policy::{AddressSet, Family, IntervalSet, Transport};
use seglab_verify::{HeaderSet, Span};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The destination ports, messages and protocols of headers, each range by itself: `TCP 80`, `ICMPv4 8`.
pub(crate) fn services(headers: &HeaderSet) -> Vec<String> {
    let mut all = Vec::new();
    let mut push = |name: &str, first: u16, last: u16| {
        all.push(if first == last { format!("{name} {first}") } else { format!("{name} {first}-{last}") });
    };
    for protocol in Transport::ALL {
        let name = protocol.to_string().to_uppercase();
        let ports = headers.ports(protocol).spans().iter().map(|span: &Span<u16>| (span.first, span.last));
        IntervalSet::from_ranges(ports).ranges().iter().for_each(|&(first, last)| push(&name, first, last));
    }
    for family in Family::ALL {
        let name = if family == Family::V4 { "ICMPv4" } else { "ICMPv6" };
        let kinds = headers.icmp(family).spans().iter().map(|span: &Span<u8>| (span.first, span.last));
        let kinds = IntervalSet::from_ranges(kinds);
        kinds.ranges().iter().for_each(|&(first, last)| push(name, first.into(), last.into()));
    }
    let others = headers.other_protocols().ranges();
    others.iter().for_each(|&(first, last)| push("protocol", first.into(), last.into()));
    all
}

/// Addresses as ranges: `10.0.0.0-10.255.255.255`.
pub(crate) fn addresses(set: &AddressSet) -> Vec<String> {
    set.ranges().map(|(first, last)| format!("{first}-{last}")).collect()
}

/// True if the services are among others; never if any of them cannot be read.
pub(crate) fn services_within(services: &[String], others: &[String]) -> bool {
    let read = |all: &[String]| {
        let mut sets: BTreeMap<String, Vec<(u16, u16)>> = BTreeMap::new();
        for one in all {
            let (name, range) = one.split_once(' ')?;
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            sets.entry(name.to_owned()).or_default().push((first.parse().ok()?, last.parse().ok()?));
        }
        Some(sets)
    };
    let (Some(services), Some(others)) = (read(services), read(others)) else { return false };
    services.into_iter().all(|(name, ranges)| {
        let known = others.get(&name).cloned().unwrap_or_default();
        IntervalSet::from_ranges(known).is_superset(&IntervalSet::from_ranges(ranges))
    })
}

/// True if the addresses are among others; never if any of them cannot be read.
pub(crate) fn addresses_within(addresses: &[String], others: &[String]) -> bool {
    let read = |all: &[String]| {
        let range = |one: &String| {
            let (first, last) = one.split_once('-')?;
            Some((first.parse::<IpAddr>().ok()?, last.parse::<IpAddr>().ok()?))
        };
        all.iter().map(range).collect::<Option<Vec<_>>>().map(AddressSet::from_ranges)
    };
    read(addresses).zip(read(others)).is_some_and(|(addresses, others)| others.is_superset(&addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|&one| one.to_owned()).collect()
    }

    #[test]
    fn less_is_within_more() {
        let known = texts(&["TCP 80", "TCP 443-445", "UDP 53"]);
        assert!(services_within(&texts(&["TCP 444"]), &known) && services_within(&[], &known));
        for more in [&["TCP 81"][..], &["TCP 443-446"], &["SCTP 80"], &["TCP http"], &["80"]] {
            assert!(!services_within(&texts(more), &known), "{more:?}");
        }
        let known = texts(&["10.0.0.0-10.0.0.255"]);
        assert!(addresses_within(&texts(&["10.0.0.7-10.0.0.9"]), &known));
        assert!(!addresses_within(&texts(&["10.0.0.7-10.0.1.9"]), &known));
        assert!(!addresses_within(&texts(&["ten"]), &known));
    }

    #[test]
    fn services_are_ranges_of_destinations() {
        let web = HeaderSet::to_port(Transport::Tcp, 80).union(&HeaderSet::to_port(Transport::Tcp, 81));
        assert_eq!(services(&web), ["TCP 80-81"]);
        assert!(services_within(&services(&web), &services(&HeaderSet::full())));
    }
}
