//! The compiled endpoints and rules of one address family.
//!
//! Endpoints of which no rule, scope, placement or name of a port tells one from another are one *identity*. Classes
//! are found by refining one partition by every set that a rule or a fact cuts out, so two endpoints share an identity
//! exactly when they agree on all of them.

use crate::blueprint::{Blueprint, Drafter, Interned, slot};
use crate::column::{Column, id, ids};
use crate::coverage::Coverage;
use crate::crossing::{Crossings, Station};
use crate::engine::{CompileError, Limits};
use crate::partition::{Partition, classes_of};
use crate::population::{Matches, Members, Population, number};
use crate::profile::{ProfileMaker, Profiles};
use crate::service::{NamedPort, Predicate, Resolved};
use crate::service_class::Classifier;
use crate::table::{Context, Table};
use fixedbitset::FixedBitSet;
use seglab_policy::{Direction, Family, Header, Outcomes, Unit};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The rulebooks, directions and facts that a family is compiled from.
pub(crate) struct Ground<'a> {
    pub(crate) population: &'a Population<'a>,
    pub(crate) family: Family,
    pub(crate) units: &'a [Unit],
    pub(crate) rulebooks: &'a [seglab_policy::Rulebook],
    pub(crate) sources: &'a [seglab_policy::ExternalSource],
    pub(crate) crossings: &'a Crossings,
    /// The facts of each endpoint that is a unit's, names apart.
    pub(crate) facts: Vec<Facts>,
    pub(crate) limits: Limits,
}

/// The endpoints and rules of one address family.
#[derive(Clone, Debug)]
pub(crate) struct FamilyEngine {
    family: Family,
    facts: Column<Facts>,
    names: Arc<Column<Column<Resolved>>>,
    atoms: Atoms,
    /// The identity of each external source, and where it has paths to.
    sources: Column<(u32, Vec<Entry>)>,
    lists: Arc<Column<Vec<Predicate>>>,
    classifier: Option<Arc<Classifier>>,
    profiles: Profiles,
    tables: Column<Table>,
    /// The table of each rulebook and direction.
    table_of: Column<u32>,
}

/// What is true of every endpoint of an identity, beyond what rules match it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Facts {
    pub(crate) station: Station,
    pub(crate) space: u32,
    pub(crate) inbound: bool,
    pub(crate) outbound: bool,
    /// Something that is not modelled touches it.
    pub(crate) touched: bool,
    /// What port names stand for at it.
    pub(crate) names: u32,
}

/// A path from an external source.
#[derive(Clone, Debug)]
struct Entry {
    identities: FixedBitSet,
    /// Its list of services.
    services: u32,
}

/// External addresses to identities: ranges by their first address.
#[derive(Clone, Debug)]
enum Atoms {
    V4(Vec<u32>, Column<u32>),
    V6(Vec<u128>, Column<u32>),
}

/// The identities of the endpoints of a family.
struct Identities {
    of: Column<u32>,
    facts: Column<Facts>,
    names: Arc<Column<Column<Resolved>>>,
}

impl FamilyEngine {
    /// Compiles a family; returns the identity of each endpoint that is a unit's, too.
    pub(crate) fn compile(ground: Ground<'_>) -> Result<(Self, Column<u32>), CompileError> {
        let mut drafter = Drafter::new(ground.population, ground.family);
        let (blueprints, table_of) = drafter.draft_all(ground.rulebooks, &ground.crossings.asked());
        let entries = draft_entries(&ground, &mut drafter);
        let mut interned = drafter.finish();
        let identities = Identities::new(&ground, &interned, &entries);
        to_identities(&mut interned, &identities.of);
        let classifier = service_classes(&interned, &identities.names).map(Arc::new);
        let names_of: Column<u32> = identities.facts.iter().map(|facts| facts.names).collect();
        let (tables, profiles) =
            build_tables(&blueprints, &interned, &identities, &names_of, classifier.as_ref(), ground.limits)?;
        let first_source = ground.population.first_source();
        let engine = Self {
            family: ground.family,
            atoms: Atoms::new(&ground, &identities.of),
            sources: ids(entries.len())
                .zip(entries)
                .map(|(source, entries)| (identities.of[first_source + source], compile_entries(entries, &identities)))
                .collect(),
            lists: interned.services.lists().clone(),
            classifier,
            profiles,
            tables,
            table_of,
            facts: identities.facts,
            names: identities.names,
        };
        Ok((engine, identities.of))
    }

    /// The family.
    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// The facts of an identity.
    #[inline]
    pub(crate) fn facts(&self, identity: u32) -> &Facts {
        &self.facts[identity]
    }

    /// The identity of an external address.
    #[inline]
    pub(crate) fn external(&self, address: IpAddr) -> u32 {
        self.atoms.identity(address)
    }

    /// As [`FamilyEngine::external`], of an address as a number.
    pub(crate) fn external_number(&self, address: u128) -> u32 {
        match self.family {
            Family::V4 => self.external(std::net::Ipv4Addr::from_bits(u32::try_from(address).unwrap_or(0)).into()),
            Family::V6 => self.external(std::net::Ipv6Addr::from_bits(address).into()),
        }
    }

    /// The identity of an external source, and whether it has a path for a header to an identity.
    pub(crate) fn source(&self, source: u32, to: u32, header: Header) -> Option<(u32, bool)> {
        let (identity, entries) = self.sources.lookup(source)?;
        let names = &self.names[self.facts[to].names];
        let carried = entries.iter().any(|entry| {
            entry.identities.contains(to as usize)
                && self.lists[entry.services].iter().any(|predicate| predicate.matches(header, names))
        });
        Some((*identity, carried))
    }

    /// The service class of a header; any number where headers are not classified.
    #[inline]
    pub(crate) fn classify(&self, header: Header) -> u32 {
        self.classifier.as_ref().map_or(0, |classifier| classifier.classify(header))
    }

    /// The table of a rulebook in a direction.
    #[inline]
    pub(crate) fn table(&self, rulebook: u32, direction: Direction) -> u32 {
        self.table_of[slot(rulebook, direction)]
    }

    /// What a table says between two identities.
    #[inline]
    pub(crate) fn outcomes(&self, table: u32, (from, to): (u32, u32), (header, class): (Header, u32)) -> Outcomes {
        let context = Context { profiles: &self.profiles, lists: &self.lists, names: &self.names };
        self.tables[table].outcomes(from, to, header, class, context)
    }

    /// The number of identities.
    pub(crate) fn identities(&self) -> usize {
        self.facts.len()
    }

    /// The number of service classes; `None` if headers are not classified.
    pub(crate) fn service_classes(&self) -> Option<usize> {
        self.classifier.as_ref().map(|classifier| classifier.len())
    }

    /// The number of profiles.
    pub(crate) fn profiles(&self) -> usize {
        self.profiles.len()
    }

    /// The tables.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// The bytes that the family takes.
    pub(crate) fn bytes(&self) -> usize {
        let tables: usize = self.tables.iter().map(Table::bytes).sum();
        let classifier = self.classifier.as_ref().map_or(0, |classifier| classifier.bytes());
        tables + classifier + self.profiles.bytes() + self.facts.bytes() + self.atoms.bytes() + self.table_of.bytes()
    }
}

/// For each external source the endpoints of its entries, and their services.
fn draft_entries(ground: &Ground<'_>, drafter: &mut Drafter<'_>) -> Vec<Vec<(Vec<u32>, u32)>> {
    let mut entries = Vec::with_capacity(ground.sources.len());
    for source in ground.sources {
        let mut of_source = Vec::new();
        for entry in &source.entries {
            if let Some(services) = drafter.services().intern(&entry.services, ground.family) {
                of_source.push((ground.population.of_units(&entry.to), services));
            }
        }
        entries.push(of_source);
    }
    entries
}

fn compile_entries(entries: Vec<(Vec<u32>, u32)>, identities: &Identities) -> Vec<Entry> {
    let compile = |(endpoints, services): (Vec<u32>, u32)| {
        let mut set = FixedBitSet::with_capacity(identities.facts.len());
        set.extend(classes_of(&identities.of, &endpoints).into_iter().map(|identity| identity as usize));
        Entry { identities: set, services }
    };
    entries.into_iter().map(compile).collect()
}

impl Identities {
    fn new(ground: &Ground<'_>, interned: &Interned, entries: &[Vec<(Vec<u32>, u32)>]) -> Self {
        let (names_of, names) = resolve_names(ground.units, interned.services.names());
        let facts_of = |endpoint: u32| {
            let (unit, _) = ground.population.interfaces().get(endpoint as usize)?;
            let facts = ground.facts.get(endpoint as usize)?;
            Some(Facts { names: names_of[unit.0], ..*facts })
        };
        let mut partition = Partition::new(ground.population.len());
        let first_source = ground.population.first_source();
        partition.split_by(|endpoint| (facts_of(endpoint), endpoint >= first_source));
        for matches in interned.peers.iter() {
            if let Matches::Some(members) = matches {
                partition.split(&members.certain);
                partition.split(&members.possible);
            }
        }
        interned.scopes.iter().for_each(|units| partition.split(units));
        entries.iter().flatten().for_each(|(endpoints, _)| partition.split(endpoints));
        let mut facts = Column::filled(Facts::default(), partition.len());
        let of = partition.into_classes();
        for (endpoint, &identity) in (0u32..).zip(of.iter()) {
            facts[identity] = facts_of(endpoint).unwrap_or_default();
        }
        Self { of, facts, names: Arc::new(names) }
    }
}

/// What the names of ports stand for: for each unit the number of its resolution, and the resolutions. The first is
/// that of endpoints that give no names.
pub(crate) fn resolve_names(units: &[Unit], names: &Column<NamedPort>) -> (Column<u32>, Column<Column<Resolved>>) {
    let nothing: Vec<Resolved> = vec![Resolved::new(); names.len()];
    let mut resolutions: Column<Column<Resolved>> = vec![nothing.clone().into()].into();
    let mut known = BTreeMap::from([(nothing, 0)]);
    let resolve = |unit: &Unit, named: &NamedPort| {
        let mut ports: Resolved = unit
            .named_ports(&named.name)
            .filter(|(protocol, _)| named.protocol.is_none_or(|wanted| wanted == *protocol))
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    let names_of = units
        .iter()
        .map(|unit| {
            let resolved: Vec<Resolved> = names.iter().map(|named| resolve(unit, named)).collect();
            *known.entry(resolved).or_insert_with_key(|new| resolutions.push(new.clone().into()))
        })
        .collect();
    (names_of, resolutions)
}

/// Turns sets of endpoints into sets of identities, of which they are made exactly.
fn to_identities(interned: &mut Interned, identity_of: &Column<u32>) {
    let convert = |matches: &Matches| match matches {
        Matches::Everything { certain } => Matches::Everything { certain: *certain },
        Matches::Some(members) => Matches::Some(Members {
            certain: classes_of(identity_of, &members.certain),
            possible: classes_of(identity_of, &members.possible),
        }),
    };
    interned.peers = interned.peers.iter().map(convert).collect();
    interned.scopes = interned.scopes.iter().map(|units| classes_of(identity_of, units)).collect();
}

/// The classes of headers that no service and no resolved name tells apart; `None` if there are too many.
pub(crate) fn service_classes(interned: &Interned, names: &Column<Column<Resolved>>) -> Option<Classifier> {
    let mut predicates: Vec<Predicate> = interned.services.lists().iter().flatten().cloned().collect();
    predicates.retain(|predicate| !matches!(predicate, Predicate::Named(_)));
    let resolved = names.iter().flat_map(Column::iter).flatten();
    predicates.extend(resolved.map(|&(protocol, port)| Predicate::port(protocol, port)));
    predicates.sort_unstable();
    predicates.dedup();
    Classifier::new(&predicates)
}

fn build_tables(
    blueprints: &Column<Blueprint>,
    interned: &Interned,
    identities: &Identities,
    names_of: &Column<u32>,
    classifier: Option<&Arc<Classifier>>,
    limits: Limits,
) -> Result<(Column<Table>, Profiles), CompileError> {
    let bytes_max = limits.memory_bytes;
    // Profiles and tables share the memory, half each.
    let mut maker = classifier
        .map(|classifier| {
            Coverage::new(classifier.clone(), interned.services.lists().clone(), identities.names.clone())
        })
        .map(|coverage| ProfileMaker::new(coverage, bytes_max / 2));
    let mut bytes = 0;
    let mut tables = Column::default();
    for blueprint in blueprints.iter() {
        let over_budget = |needed_bytes| CompileError::OverBudget { needed_bytes, budget_bytes: bytes_max };
        let room = Limits { memory_bytes: (bytes_max / 2).saturating_sub(bytes), ..limits };
        let table = Table::build(blueprint, interned, names_of, maker.as_mut(), room)
            .map_err(|listed_bytes| over_budget(2 * (bytes + listed_bytes)))?;
        bytes += table.bytes();
        let profiles = maker.as_ref().map_or(0, ProfileMaker::bytes);
        if bytes + profiles > bytes_max {
            return Err(over_budget(bytes + profiles));
        }
        tables.push(table);
    }
    Ok((tables, maker.map(ProfileMaker::finish).unwrap_or_default()))
}

impl Atoms {
    /// Neighbouring atoms of one identity become one.
    fn new(ground: &Ground<'_>, identity_of: &Column<u32>) -> Self {
        let atoms = (ground.population.first_atom()..).zip(ground.population.atoms());
        let mut atoms: Vec<(u128, u32)> = atoms.map(|(endpoint, &first)| (first, identity_of[endpoint])).collect();
        atoms.dedup_by_key(|&mut (_, identity)| identity);
        let identities = atoms.iter().map(|&(_, identity)| identity).collect();
        match ground.family {
            Family::V4 => Atoms::V4(
                atoms.iter().map(|&(first, _)| u32::try_from(first).unwrap_or(u32::MAX)).collect(),
                identities,
            ),
            Family::V6 => Atoms::V6(atoms.iter().map(|&(first, _)| first).collect(), identities),
        }
    }

    #[inline]
    fn identity(&self, address: IpAddr) -> u32 {
        let (after, identities) = match (self, address) {
            (Atoms::V4(firsts, identities), IpAddr::V4(address)) => {
                (firsts.partition_point(|&first| first <= address.to_bits()), identities)
            }
            (Atoms::V6(firsts, identities), address) => {
                (firsts.partition_point(|&first| first <= number(address)), identities)
            }
            // INVARIANT: callers ask for addresses of the family only; an address of the other finds the first atom.
            (Atoms::V4(_, identities), IpAddr::V6(_)) => (1, identities),
        };
        identities[id(after.saturating_sub(1))]
    }

    fn bytes(&self) -> usize {
        match self {
            Atoms::V4(firsts, identities) => firsts.len() * size_of::<u32>() + identities.bytes(),
            Atoms::V6(firsts, identities) => firsts.len() * size_of::<u128>() + identities.bytes(),
        }
    }
}
