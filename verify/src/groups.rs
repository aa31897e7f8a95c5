//! Groups of ends, to speak of many violations at once: who to whom, without naming every pair.
//!
//! A unit's group is the set of the declared segments that select it; where none is declared, what the
//! [segment matrix](crate::SegmentMatrix) groups by. External addresses are two groups, the internet and the rest, and
//! each named source is one of its own.

use crate::classes::ClassId;
use crate::reach::Verifier;
use crate::segments::Grouping;
use seglab_policy::{AddressSet, UnitId};
use std::collections::BTreeMap;
use std::fmt;

/// Where one end of a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Units of a group: of one segment, of several (`pci & prod`), of a namespace.
    Group(String),
    /// Units of no group.
    Ungrouped,
    /// External addresses some of which are globally routable.
    Internet,
    /// Other external addresses.
    Addresses,
    /// A named external source.
    Source(String),
    /// Whoever the claim speaks of.
    Everyone,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Party::Group(name) | Party::Source(name) => name,
            Party::Ungrouped => "(no segment)",
            Party::Internet => "internet",
            Party::Addresses => "external addresses",
            Party::Everyone => "(all)",
        })
    }
}

/// The groups of a design's ends, by number.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) grouping: Grouping,
    parties: Vec<Party>,
    /// Of each class, its groups with the number of its units in each.
    of_class: Vec<Vec<(u32, u64)>>,
    group_of_unit: Vec<u32>,
    internet: u32,
    /// Of each named source, by its first endpoint class.
    sources: BTreeMap<u32, u32>,
}

impl Groups {
    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.parties.len()).unwrap_or(u32::MAX)
    }

    /// Who a group is.
    pub(crate) fn party(&self, group: u32) -> Party {
        self.parties.get(group as usize).cloned().unwrap_or(Party::Everyone)
    }

    /// Who the group of a unit is.
    pub(crate) fn party_of(&self, unit: UnitId) -> Party {
        self.group_of_unit.get(unit.index()).map_or(Party::Ungrouped, |&group| self.party(group))
    }

    /// The groups of a class, with the number of its units in each.
    pub(crate) fn of(&self, class: ClassId) -> &[(u32, u64)] {
        self.of_class.get(class.index()).map_or(&[], Vec::as_slice)
    }

    /// How many units of a class are in a group.
    pub(crate) fn share(&self, class: ClassId, group: u32) -> u64 {
        self.of(class).iter().find(|(at, _)| *at == group).map_or(0, |(_, units)| *units)
    }

    /// The group of a named source, by its first endpoint class.
    pub(crate) fn of_source(&self, source: u32) -> u32 {
        self.sources.get(&source).copied().unwrap_or(self.internet + 1)
    }

    /// True if the group is of units.
    pub(crate) fn is_of_units(&self, group: u32) -> bool {
        group < self.internet
    }

    /// True if the unit is in the group.
    pub(crate) fn holds(&self, group: u32, unit: UnitId) -> bool {
        self.group_of_unit.get(unit.index()) == Some(&group)
    }
}

impl Verifier<'_> {
    /// The groups of the ends: as `forced`, if the design can be grouped so.
    pub(crate) fn groups(&self, forced: Option<Grouping>) -> Groups {
        let design = self.engine.design;
        let declared = !design.segments().is_empty();
        let grouping = match forced {
            Some(Grouping::Declared) if !declared => None,
            forced => forced,
        };
        let grouping = grouping.unwrap_or_else(|| self.grouping());
        let names: Vec<Option<String>> = match grouping {
            Grouping::Declared => self.segments_of_units(),
            grouping => self.names_of_units(grouping),
        };
        let mut numbers: BTreeMap<Option<&str>, u32> = names.iter().map(|name| (name.as_deref(), 0)).collect();
        let mut parties = Vec::new();
        // Those of no group come last.
        let in_order = numbers.iter_mut().filter(|(name, _)| name.is_some());
        for (name, number) in in_order {
            *number = u32::try_from(parties.len()).unwrap_or(u32::MAX);
            parties.push(Party::Group(name.unwrap_or_default().to_owned()));
        }
        if let Some(number) = numbers.get_mut(&None) {
            *number = u32::try_from(parties.len()).unwrap_or(u32::MAX);
            parties.push(Party::Ungrouped);
        }
        let group_of_unit: Vec<u32> =
            names.iter().map(|name| numbers.get(&name.as_deref()).copied().unwrap_or(u32::MAX)).collect();
        let of_class = self.engine.classes.numbers().map(|class| {
            let mut shares: BTreeMap<u32, u64> = BTreeMap::new();
            for unit in self.engine.classes.members(class) {
                let group = group_of_unit.get(unit.index()).copied().unwrap_or(u32::MAX);
                *shares.entry(group).or_default() += 1;
            }
            shares.into_iter().collect()
        });
        let of_class = of_class.collect();
        let internet = u32::try_from(parties.len()).unwrap_or(u32::MAX);
        parties.extend([Party::Internet, Party::Addresses]);
        let mut sources = BTreeMap::new();
        for source in self.engine.classes.endpoints.whole_sources() {
            sources.insert(source, u32::try_from(parties.len()).unwrap_or(u32::MAX));
            parties.push(Party::Source(self.engine.source_name(source).unwrap_or_default()));
        }
        Groups { grouping, parties, of_class, group_of_unit, internet, sources }
    }

    /// The group of an endpoint class of external addresses: that of the internet if any of them is routable there, so
    /// that what opens a design to the internet is never taken for what opens it to a partner.
    pub(crate) fn group_of_external(&self, groups: &Groups, external: u32) -> u32 {
        let public = AddressSet::internet();
        let apart = self.engine.classes.endpoints.addresses(external).intersection(&public).is_empty();
        groups.internet + u32::from(apart)
    }

    /// The segments that select each unit, joined.
    fn segments_of_units(&self) -> Vec<Option<String>> {
        let mut names: Vec<Option<String>> = vec![None; self.engine.design.units().len()];
        let mut segments: Vec<_> = self.engine.design.segments().iter().collect();
        segments.sort_by(|a, b| a.name.cmp(&b.name));
        for segment in segments {
            for class in self.selected(&segment.selector) {
                for unit in self.engine.classes.members(class) {
                    let Some(name) = names.get_mut(unit.index()) else { continue };
                    *name = Some(match name.take() {
                        None => segment.name.clone(),
                        Some(others) => format!("{others} & {}", segment.name),
                    });
                }
            }
        }
        names
    }
}
