//! Compiling a matcher: what all families share, then the tables of each.

use super::directory::{Directory, Hosts};
use super::side::Stand;
use super::tables::{Ground, Tables, Untabled};
use super::{FamilyMatcher, Matcher};
use crate::blueprint::{Drafter, slot};
use crate::column::Column;
use crate::crossing::{Crossings, Station};
use crate::engine::{CompileError, Engine, Limits, address_sets, check_size, linked, spaces, touched};
use crate::family::{resolve_names, service_classes};
use crate::label_index::LabelIndex;
use crate::population::Population;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashSet;
use seglab_policy::{Assume, Design, Direction, Endpoint, Family};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Matcher {
    /// Compiles a design as it is under an assumption. The memory of the limits is that of each address family.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(design: &Design, assume: Assume, limits: Limits) -> Result<Self, CompileError> {
        check_size(design)?;
        let labels = LabelIndex::new(design.units());
        let (crossings, coverage_of) = Crossings::new(design, &labels);
        let spaces = spaces(design);
        let linked = linked(design, &spaces);
        let touched = touched(design, &labels);
        let hosts = Arc::new(Hosts::new(design));
        let whole = Whole { design, labels, crossings, coverage_of, spaces, linked, touched, assume, limits, hosts };
        let mut families = Family::ALL.map(|family| whole.compile(family));
        if let [Some(FamilyMatcher { tables: Ok(v4), .. }), Some(FamilyMatcher { tables: Ok(v6), .. })] = &mut families
        {
            v6.headers.share(&v4.headers);
        }
        let untabled = families.iter().flatten().any(|family| family.tables.is_err());
        Ok(Self {
            assume,
            spaces: whole.spaces.iter().map(|(&name, &space)| (name.to_owned(), space)).collect(),
            families,
            engine: if untabled { Some(Engine::compile_within(design, limits)?) } else { None },
        })
    }
}

/// What the families of a design share.
struct Whole<'a> {
    design: &'a Design,
    labels: LabelIndex<'a>,
    crossings: Crossings,
    coverage_of: Column<u32>,
    spaces: BTreeMap<&'a str, u32>,
    linked: FxHashSet<(u32, u32)>,
    touched: FixedBitSet,
    assume: Assume,
    limits: Limits,
    hosts: Arc<Hosts>,
}

impl Whole<'_> {
    fn compile(&self, family: Family) -> Option<FamilyMatcher> {
        let population = Population::new(self.design, &self.labels, family, address_sets(self.design));
        if population.interfaces().is_empty() {
            return None;
        }
        let stands = self.stands(&population);
        let space_of = |interface: u32| stands[0][interface].space;
        let directory =
            Directory::new(self.design, &population, family, &self.spaces, space_of, &self.linked, &self.hosts);
        let tables = self.tables(family, &population, &directory, stands);
        Some(FamilyMatcher { directory, tables })
    }

    fn tables(
        &self,
        family: Family,
        population: &Population<'_>,
        directory: &Directory,
        [sources, mut destinations]: [Column<Stand>; 2],
    ) -> Result<Tables, Untabled> {
        if self.crossings.judges_replies(self.assume) {
            return Err(Untabled::Replies);
        }
        let mut drafter = Drafter::new(population, family);
        let (blueprints, table_of) = drafter.draft_all(self.design.rulebooks(), &self.crossings.asked());
        let interned = drafter.finish();
        let (names_of, names) = resolve_names(self.design.units(), interned.services.names());
        for (at, &(unit, _)) in (0u32..).zip(population.interfaces()) {
            destinations[at].names = names_of[unit.0];
        }
        let classifier = service_classes(&interned, &names).ok_or(Untabled::Headers)?;
        Tables::compile(&Ground {
            population,
            directory,
            blueprints: &blueprints,
            interned: &interned,
            table_of: &|book, direction: Direction| table_of[slot(book, direction)],
            crossings: &self.crossings,
            classifier: &classifier,
            names: &names,
            linked: &self.linked,
            stands: [sources, destinations],
            spaces: self.spaces.len(),
            assume: self.assume,
            limits: self.limits,
        })
    }

    /// The stands of interfaces and external addresses, as sources and as destinations, where names stand for nothing yet.
    fn stands(&self, population: &Population<'_>) -> [Column<Stand>; 2] {
        let external = Stand { external: true, ..Stand::default() };
        let mut stands = [(); 2].map(|()| Vec::with_capacity(population.len()));
        for &(unit, at) in population.interfaces() {
            let held = self.design.interface(Endpoint::Unit { unit, interface: at });
            let stand = held.map_or_else(Stand::default, |held| Stand {
                external: false,
                station: Station { coverage: self.coverage_of[unit.0], places: self.crossings.places(&held.place) },
                space: self.spaces.get(held.space.as_str()).copied().unwrap_or(0),
                outside: false,
                touched: self.touched.contains(unit.index()),
                names: 0,
            });
            let ways = held.map_or([false; 2], |held| [held.outbound, held.inbound]);
            for (stands, outside) in stands.iter_mut().zip(ways) {
                stands.push(Stand { outside, ..stand });
            }
        }
        stands.map(|mut stands| {
            stands.extend(std::iter::repeat_n(external, population.atoms().len()));
            stands.into()
        })
    }
}
