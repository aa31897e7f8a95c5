//! IP addresses of both families, and sets of them.

use crate::interval::IntervalSet;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The version of the Internet Protocol that a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4: 32-bit addresses.
    V4,
    /// IPv6: 128-bit addresses.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// A set of addresses of both families.
///
/// ```
/// use seglab_policy::AddressSet;
/// let office = AddressSet::from_net("10.0.0.0/8".parse()?).difference(&AddressSet::from_net("10.9.0.0/16".parse()?));
/// assert!(office.contains("10.8.0.1".parse()?));
/// assert!(!office.contains("10.9.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressSet {
    /// IPv4 addresses as big-endian numbers.
    pub v4: IntervalSet<u32>,
    /// IPv6 addresses as big-endian numbers.
    pub v6: IntervalSet<u128>,
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        Self::from_ranges(addresses.into_iter().map(|address| (address, address)))
    }
}

impl AddressSet {
    /// No address.
    pub const fn empty() -> Self {
        Self { v4: IntervalSet::empty(), v6: IntervalSet::empty() }
    }

    /// Every address of both families.
    pub fn full() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::full() }
    }

    /// Every address of one family: its `/0`.
    pub fn family(family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: IntervalSet::full(), v6: IntervalSet::empty() },
            Family::V6 => Self { v4: IntervalSet::empty(), v6: IntervalSet::full() },
        }
    }

    /// The addresses of one CIDR block; bits below its prefix length are ignored.
    pub fn from_net(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => Self::from_range(net.network().into(), net.broadcast().into()),
            IpNet::V6(net) => Self::from_range(net.network().into(), net.broadcast().into()),
        }
    }

    /// The addresses from `first` to `last`, both included; empty if they differ in family or order.
    pub fn from_range(first: IpAddr, last: IpAddr) -> Self {
        Self::from_ranges([(first, last)])
    }

    /// All addresses of several ranges, each from its first to its last; a range of two families holds nothing.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (IpAddr, IpAddr)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                _ => {}
            }
        }
        Self { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
    }

    /// The set of one address.
    pub fn single(address: IpAddr) -> Self {
        Self::from_range(address, address)
    }

    /// The globally routable addresses: everything but the special-purpose registries of IPv4 and IPv6
    /// (private, loopback, link-local, shared, documentation, benchmarking, multicast, reserved).
    ///
    /// Source: IANA special-purpose address registries (RFC 6890 and its updates).
    pub fn internet() -> Self {
        const SPECIAL_V4: [(u32, u32); 14] = [
            (0x0000_0000, 0x00FF_FFFF), // 0.0.0.0/8 this network
            (0x0A00_0000, 0x0AFF_FFFF), // 10.0.0.0/8 private
            (0x6440_0000, 0x647F_FFFF), // 100.64.0.0/10 shared
            (0x7F00_0000, 0x7FFF_FFFF), // 127.0.0.0/8 loopback
            (0xA9FE_0000, 0xA9FE_FFFF), // 169.254.0.0/16 link-local
            (0xAC10_0000, 0xAC1F_FFFF), // 172.16.0.0/12 private
            (0xC000_0000, 0xC000_00FF), // 192.0.0.0/24 protocol assignments
            (0xC000_0200, 0xC000_02FF), // 192.0.2.0/24 documentation
            (0xC0A8_0000, 0xC0A8_FFFF), // 192.168.0.0/16 private
            (0xC612_0000, 0xC613_FFFF), // 198.18.0.0/15 benchmarking
            (0xC633_6400, 0xC633_64FF), // 198.51.100.0/24 documentation
            (0xCB00_7100, 0xCB00_71FF), // 203.0.113.0/24 documentation
            (0xE000_0000, 0xEFFF_FFFF), // 224.0.0.0/4 multicast
            (0xF000_0000, 0xFFFF_FFFF), // 240.0.0.0/4 reserved
        ];
        // Of IPv6 only 2000::/3 is global unicast; inside it these blocks are not globally routable.
        let global = IntervalSet::from_ranges([(0x2000_u128 << 112, (0x4000_u128 << 112) - 1)]);
        let special = IntervalSet::from_ranges([
            (0x2001_0000_u128 << 96, (0x2001_0200_u128 << 96) - 1), // 2001::/23 protocol assignments
            (0x2001_0db8_u128 << 96, (0x2001_0db9_u128 << 96) - 1), // 2001:db8::/32 documentation
            (0x3fff_0000_u128 << 96, (0x3fff_1000_u128 << 96) - 1), // 3fff::/20 documentation
        ]);
        Self { v4: IntervalSet::from_ranges(SPECIAL_V4).complement(), v6: global.difference(&special) }
    }

    /// True for the set of no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// True if the set is every address of `family`.
    pub fn covers_family(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4.is_full(),
            Family::V6 => self.v6.is_full(),
        }
    }

    /// True if `address` is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// True if every address of `other` is in this set.
    pub fn is_superset(&self, other: &Self) -> bool {
        self.v4.is_superset(&other.v4) && self.v6.is_superset(&other.v6)
    }

    /// The addresses in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// The addresses in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// The addresses in this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// The addresses that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement() }
    }

    /// The ranges `(first, last)` of the set, IPv4 before IPv6, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        let v4 = self.v4.ranges().iter().map(|&(a, b)| (Ipv4Addr::from(a).into(), Ipv4Addr::from(b).into()));
        let v6 = self.v6.ranges().iter().map(|&(a, b)| (Ipv6Addr::from(a).into(), Ipv6Addr::from(b).into()));
        v4.chain(v6)
    }
}

/// Writes the ranges as `first-last` (a single address once), joined by commas.
impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.ranges().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if first == last { write!(f, "{first}")? } else { write!(f, "{first}-{last}")? }
        }
        Ok(())
    }
}
