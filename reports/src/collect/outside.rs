//! What sets of external addresses are called.

use seglab_policy::{Address, AddressSet, Design, Family, count};
use std::net::IpAddr;

/// The external addresses of a design, to call sets of them by name.
///
/// Known addresses of units are no external addresses, so what is left of the internet without them is still `internet`.
#[derive(Clone, Debug)]
pub struct Outside {
    of_units: AddressSet,
}

impl Outside {
    /// The outside of a design.
    pub fn new(design: &Design) -> Self {
        Self::of(&[design])
    }

    /// What is outside of several designs.
    pub fn of(designs: &[&Design]) -> Self {
        let interfaces = designs.iter().flat_map(|design| design.units()).flat_map(|unit| &unit.interfaces);
        let known = interfaces.filter_map(|interface| match interface.address {
            Address::Known(address) => Some((address, address)),
            Address::Within(_) | Address::Unknown(_) => None,
        });
        Self { of_units: AddressSet::from_ranges(known) }
    }

    /// `external` or `internet` for exactly those addresses, `internet (IPv4)` for those of one family; `None` for any other
    /// set.
    pub fn name(&self, set: &AddressSet) -> Option<String> {
        let of_family = |family| (family, set.intersection(&AddressSet::family(family)));
        let held: Vec<_> = Family::ALL.into_iter().map(of_family).filter(|(_, part)| !part.is_empty()).collect();
        let [(family, first), rest @ ..] = held.as_slice() else { return None };
        let name = self.name_of_family(*family, first)?;
        if rest.iter().any(|(family, part)| self.name_of_family(*family, part) != Some(name)) {
            return None;
        }
        Some(if rest.is_empty() { format!("{name} ({family})") } else { name.to_owned() })
    }

    fn name_of_family(&self, family: Family, part: &AddressSet) -> Option<&'static str> {
        let all = AddressSet::family(family);
        let internet = AddressSet::internet().intersection(&all);
        // Nothing but addresses of units may be missing.
        let is = |whole: &AddressSet| whole.is_superset(part) && part.union(&self.of_units).is_superset(whole);
        match () {
            () if is(&all) => Some("external"),
            () if is(&internet) => Some("internet"),
            () => None,
        }
    }

    /// The name of a set, or its first ranges.
    pub(super) fn words(&self, set: &AddressSet) -> String {
        /// More ranges than this are counted, not listed.
        const LISTED_MAX: usize = 3;
        self.name(set).unwrap_or_else(|| {
            let ranges: Vec<String> = set.ranges().take(LISTED_MAX).map(|(a, b)| range(a, b)).collect();
            match set.ranges().count().saturating_sub(LISTED_MAX) {
                0 => ranges.join(", "),
                more => format!("{} and {}", ranges.join(", "), count(more as u64, "more range", "more ranges")),
            }
        })
    }
}

/// `first-last`, or the only address.
pub(super) fn range(first: IpAddr, last: IpAddr) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}
