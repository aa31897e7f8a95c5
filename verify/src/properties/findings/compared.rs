//! What differs from another design, group by group.

use super::{Finding, On};
use crate::counterexample::VerifyError;
use crate::difference::{DirectChange, Ends, Kind, Mate};
use crate::groups::{Groups, Party};
use crate::lateral::Attack;
use crate::properties::compared::Changes;
use crate::reach::Verifier;
use seglab_policy::{AddressSet, Reference};
use std::collections::BTreeMap;

/// Ends of a change, by who they are.
type ByParty = BTreeMap<Party, Ends>;

impl Verifier<'_> {
    /// The changes since another design that refute a claim about it, or may: from group to group. The groups of units
    /// that only the other design has are those that they are in there.
    pub(super) fn changed(
        &self,
        attack: Attack,
        (other, equal): (&Reference, bool),
        groups: &Groups,
    ) -> Result<Vec<Finding>, VerifyError> {
        let theirs = Verifier::new(&other.design).groups(Some(groups.grouping));
        let mut changes = Changes::new(self.engine.design, other, equal, attack);
        let mut found: Vec<Finding> = Vec::new();
        for (change, certain) in changes.found.clone() {
            let kind = Kind::of(change.was, change.is);
            let mates = &changes.difference.population().mates;
            let (from, to) = (
                by_party(&change.block.sources, mates, groups, &theirs),
                by_party(&change.block.destinations, mates, groups, &theirs),
            );
            for (source, sources) in &from {
                for (destination, destinations) in &to {
                    let Some(block) = change.block.part(sources.clone(), destinations.clone()) else { continue };
                    let outside = addresses(sources).union(&addresses(destinations));
                    let is_like = |known: &Finding| {
                        let ends = (&known.from, &known.to) == (source, destination);
                        ends && matches!(known.on, On::Changed(of, ..) if of == kind)
                    };
                    let known = found.iter_mut().find(|known| is_like(known));
                    if let Some(Finding { on: On::Changed(_, headers, addresses), count, at_least, .. }) = known {
                        // Other connections of pairs that may have been counted.
                        (*headers, *addresses) = (headers.union(&change.headers), addresses.union(&outside));
                        (*count, *at_least) = (block.pairs.max(*count), true);
                        continue;
                    }
                    let on = On::Changed(kind, change.headers.clone(), outside);
                    let part = DirectChange { block, ..change.clone() };
                    let verdict = changes.shown(&part, certain)?;
                    let (from, to, count) = (source.clone(), destination.clone(), part.block.pairs);
                    found.push(Finding { from, to, on, count, at_least: false, verdict });
                }
            }
        }
        Ok(found)
    }
}

fn addresses(of: &Ends) -> AddressSet {
    match of {
        Ends::External(set) => set.clone(),
        Ends::Units(_) | Ends::Sources(_) => AddressSet::empty(),
    }
}

fn by_party(of: &Ends, mates: &[Mate], groups: &Groups, theirs: &Groups) -> ByParty {
    let mut parties = ByParty::new();
    match of {
        Ends::Units(units) => {
            for &at in units {
                let party = mates.get(at).and_then(|mate| match (mate.new, mate.old) {
                    (Some(unit), _) => Some(groups.party_of(unit)),
                    (None, Some(unit)) => Some(theirs.party_of(unit)),
                    (None, None) => None,
                });
                let Some(party) = party else { continue };
                match parties.entry(party).or_insert_with(|| Ends::Units(Vec::new())) {
                    Ends::Units(known) => known.push(at),
                    Ends::External(_) | Ends::Sources(_) => {}
                }
            }
        }
        Ends::External(set) => {
            // What opens a design to the internet is never taken for what opens it to a partner.
            let internet = AddressSet::internet();
            for (party, part) in
                [(Party::Internet, set.intersection(&internet)), (Party::Addresses, set.difference(&internet))]
            {
                if !part.is_empty() {
                    parties.insert(party, Ends::External(part));
                }
            }
        }
        Ends::Sources(names) => {
            parties.extend(names.iter().map(|name| (Party::Source(name.clone()), Ends::Sources(vec![name.clone()]))));
        }
    }
    parties
}
