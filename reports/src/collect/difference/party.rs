//! Names for sets of units: what they have in common that nobody else has, so that a reader sees `app=web and env=prod`
//! and not three hundred names.

use crate::collect::outside::{Outside, range};
use crate::model::{Party, PartyMember};
use seglab_policy::{AddressSet, Design, Selector, Unit};
use seglab_verify::difference::{Mate, Population};
use std::collections::BTreeMap;

/// How many workloads a name lists where they have nothing in common.
const NAMED: usize = 3;
/// How many workloads are listed as members.
const MEMBERS: usize = 50;

/// Names sets of units of two designs.
pub(super) struct Namer<'p> {
    old: &'p Design,
    new: &'p Design,
    mates: Vec<Mate>,
    /// The units of each declared segment.
    segments: BTreeMap<Vec<usize>, String>,
    /// The units that bear a label.
    labels: BTreeMap<(&'p str, &'p str), Vec<usize>>,
    /// How many units each owner has.
    owners: BTreeMap<&'p str, u64>,
    outside: Outside,
}

impl<'p> Namer<'p> {
    pub(super) fn new(old: &'p Design, new: &'p Design, population: &Population) -> Self {
        let mut namer = Self {
            old,
            new,
            mates: population.mates.clone(),
            segments: BTreeMap::new(),
            labels: BTreeMap::new(),
            owners: BTreeMap::new(),
            outside: Outside::of(&[old, new]),
        };
        for at in 0..namer.mates.len() {
            let Some(unit) = namer.unit(at) else { continue };
            *namer.owners.entry(unit.display_name()).or_default() += 1;
            for (key, value) in &unit.labels {
                namer.labels.entry((key, value)).or_default().push(at);
            }
        }
        for segment in new.segments().iter().chain(old.segments()) {
            let selected = |at: &usize| namer.unit(*at).is_some_and(|unit| segment.selector.matches(unit));
            let units: Vec<usize> = (0..namer.mates.len()).filter(selected).collect();
            namer.segments.entry(units).or_insert_with(|| segment.name.clone());
        }
        namer
    }

    /// The unit as it is, or as it was if it is gone.
    fn unit(&self, at: usize) -> Option<&'p Unit> {
        let mate = self.mates.get(at)?;
        mate.new.map(|unit| self.new.unit(unit)).or_else(|| mate.old.map(|unit| self.old.unit(unit)))
    }

    /// A set of units, ascending, under a name.
    pub(super) fn party(&self, units: &[usize]) -> Party {
        let mut workloads: BTreeMap<&str, u64> = BTreeMap::new();
        for unit in units.iter().filter_map(|&at| self.unit(at)) {
            *workloads.entry(unit.display_name()).or_default() += 1;
        }
        let member = |(name, units): (&&str, &u64)| PartyMember { name: (*name).to_owned(), units: *units };
        Party {
            name: self.name(units, &workloads),
            units: units.len() as u64,
            addresses: Vec::new(),
            members: workloads.iter().take(MEMBERS).map(member).collect(),
            members_unlisted: workloads.len().saturating_sub(MEMBERS) as u64,
        }
    }

    /// External addresses under a name. As everywhere, addresses of units inside the named ranges are not meant.
    pub(super) fn outside(&self, addresses: &AddressSet) -> Party {
        let named = self.outside.name(addresses);
        let name = named.unwrap_or_else(|| format!("external {}", self.outside.words(addresses)));
        let ranges = addresses.ranges().map(|(first, last)| range(first, last));
        Party { name, addresses: ranges.collect(), ..Party::default() }
    }

    fn name(&self, units: &[usize], workloads: &BTreeMap<&str, u64>) -> String {
        if let (Some((name, count)), 1) = (workloads.first_key_value(), workloads.len()) {
            let all = self.owners.get(name).copied().unwrap_or(0);
            return if *count == all { (*name).to_owned() } else { format!("{name} ({count} of {all})") };
        }
        if let Some(segment) = self.segments.get(units) {
            return segment.clone();
        }
        if units.len() == self.mates.len() {
            return "every unit".to_owned();
        }
        self.common(units).unwrap_or_else(|| {
            let more = workloads.len().saturating_sub(NAMED);
            let names = workloads.keys().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            if more > 0 { format!("{names} and {more} more") } else { names }
        })
    }

    /// The labels that these units bear and no other unit bears all of, as few as will do.
    fn common(&self, units: &[usize]) -> Option<String> {
        let first = self.unit(*units.first()?)?;
        let mut shared: Vec<(&str, &str)> =
            first.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        for &at in units {
            let labels = &self.unit(at)?.labels;
            shared.retain(|(key, value)| labels.get(*key).is_some_and(|held| held == value));
        }
        // All of them bear what is shared: nobody else does if no more units bear it.
        let exact = |labels: &[(&str, &str)]| !labels.is_empty() && self.bearing(labels) == units.len();
        if !exact(&shared) {
            return None;
        }
        let mut at = 0;
        while at < shared.len() {
            let mut fewer = shared.clone();
            fewer.remove(at);
            if exact(&fewer) { shared = fewer } else { at += 1 }
        }
        let labels = shared.into_iter().map(|(key, value)| Selector::label(key, value));
        Some(Selector::All(labels.collect()).to_string())
    }

    /// How many units bear all of some labels.
    fn bearing(&self, labels: &[(&str, &str)]) -> usize {
        let mut lists: Vec<&[usize]> =
            labels.iter().map(|label| self.labels.get(label).map_or(&[][..], Vec::as_slice)).collect();
        lists.sort_by_key(|list| list.len());
        let Some((fewest, others)) = lists.split_first() else { return 0 };
        fewest.iter().filter(|at| others.iter().all(|list| list.binary_search(at).is_ok())).count()
    }
}
