//! Compiling a matcher: what all families share, then the tables of each.

use super::directory::{Directory, Hosts};
use super::pair_table::Room;
use super::side::{Side, Stand};
use super::tables::{Compiled, Ground, Origin, Tables, Untabled};
use super::{FamilyMatcher, Matcher};
use crate::blueprint::{Drafter, Known};
use crate::column::Column;
use crate::crossing::{Crossings, Station};
use crate::engine::{CompileError, Engine, Limits, address_sets, check_size, linked, spaces, touched};
use crate::family::{resolve_names, service_classes};
use crate::label_index::LabelIndex;
use crate::population::Population;
use crate::service::Services;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashSet;
use seglab_policy::{
    Assume, DEFAULT_SPACE, Design, Direction, Directions, Draft, Endpoint, EnforcementPoint, Family, Level, Placement,
    RulebookId, UnitId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Matcher {
    /// Compiles a design as it is under an assumption. The memory of the limits is that of each address family.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(design: &Design, assume: Assume, limits: Limits) -> Result<Self, CompileError> {
        Ok(Self::compile_with(design, assume, limits, Room::None)?.0)
    }

    /// Compiles what one rulebook says in one direction of packets between any two addresses, as if none were a unit's and
    /// whatever path leads from one to the other: a filter as such. It says what
    /// [`Design::judge_at`](seglab_policy::Design::judge_at) says of external endpoints, and addresses are seen in the
    /// space `default`.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile_rulebook(
        design: &Design,
        rulebook: RulebookId,
        direction: Direction,
        limits: Limits,
    ) -> Result<Self, CompileError> {
        let bare = without_units(design, rulebook).ok_or(CompileError::NoRulebook { rulebook })?;
        let about = About { assume: Assume::business(), only: Some((rulebook.0, direction)) };
        Ok(Self::compile_about(&bare, about, limits, Room::None)?.0)
    }

    /// As [`Matcher::compile`], with room for what comes later where that is wanted; returns what the tables of each
    /// family come from, too.
    pub(super) fn compile_with(
        design: &Design,
        assume: Assume,
        limits: Limits,
        room: Room,
    ) -> Result<(Self, [Option<Foundation>; 2]), CompileError> {
        Self::compile_about(design, About { assume, only: None }, limits, room)
    }

    fn compile_about(
        design: &Design,
        about: About,
        limits: Limits,
        room: Room,
    ) -> Result<(Self, [Option<Foundation>; 2]), CompileError> {
        check_size(design)?;
        let labels = LabelIndex::new(design.units());
        let (crossings, coverage_of) = Crossings::new(design, &labels);
        let mut spaces = spaces(design);
        if about.only.is_some() {
            // A filter sees addresses, whoever has them.
            spaces.entry(DEFAULT_SPACE).or_insert(0);
            spaces.values_mut().zip(0..).for_each(|(space, at)| *space = at);
        }
        let linked = Arc::new(linked(design, &spaces));
        let touched = touched(design, &labels);
        let hosts = Arc::new(Hosts::new(design));
        let crossings = Arc::new(crossings);
        let whole =
            Whole { design, labels, crossings, coverage_of, spaces, linked, touched, about, limits, hosts, room };
        let mut foundations = [None, None];
        let mut families = Family::ALL.map(|_| None);
        for ((family, held), foundation) in Family::ALL.into_iter().zip(&mut families).zip(&mut foundations) {
            if let Some((compiled, under)) = whole.compile(family) {
                (*held, *foundation) = (Some(compiled), under);
            }
        }
        if let [Some(FamilyMatcher { tables: Ok(v4), .. }), Some(FamilyMatcher { tables: Ok(v6), .. })] = &mut families
        {
            v6.headers.share(&v4.headers);
        }
        let untabled = families.iter().flatten().any(|family| family.tables.is_err());
        let matcher = Self {
            assume: about.assume,
            only: about.only,
            spaces: Arc::new(whole.spaces.iter().map(|(&name, &space)| (name.to_owned(), space)).collect()),
            families,
            engine: if untabled { Some(Arc::new(Engine::compile_within(design, limits)?)) } else { None },
        };
        Ok((matcher, foundations))
    }
}

/// What the tables of a family come from.
pub(super) struct Foundation {
    pub(super) origin: Origin,
    /// Sources and destinations.
    pub(super) sides: [Side; 2],
    pub(super) services: Services,
    /// The table of each rulebook and direction.
    pub(super) table_of: Column<u32>,
    pub(super) known: Known,
    /// Unit and position of each interface.
    pub(super) interfaces: Vec<(UnitId, u16)>,
    /// The first address of each range of external ones.
    pub(super) atoms: Vec<u128>,
}

/// The rulebooks of a design without its units, one of them asked at a point in every direction; `None` if there is no such
/// rulebook.
fn without_units(design: &Design, rulebook: RulebookId) -> Option<Design> {
    design.rulebooks().get(rulebook.0 as usize)?;
    let placement = Placement::Around(Level::Zone, String::new());
    let point =
        EnforcementPoint { placement, directions: Directions::ALL, ..EnforcementPoint::ideal("filter", rulebook) };
    let draft = Draft { rulebooks: design.rulebooks().to_vec(), points: vec![point], ..Draft::default() };
    // What holds together with units and points holds together without.
    Design::new(draft).ok()
}

/// What a matcher is asked.
#[derive(Clone, Copy, Debug)]
struct About {
    assume: Assume,
    /// This rulebook in this direction, and not the points on a path.
    only: Option<(u32, Direction)>,
}

/// What the families of a design share.
struct Whole<'a> {
    design: &'a Design,
    labels: LabelIndex<'a>,
    crossings: Arc<Crossings>,
    coverage_of: Column<u32>,
    spaces: BTreeMap<&'a str, u32>,
    linked: Arc<FxHashSet<(u32, u32)>>,
    touched: FixedBitSet,
    about: About,
    limits: Limits,
    hosts: Arc<Hosts>,
    room: Room,
}

impl Whole<'_> {
    fn compile(&self, family: Family) -> Option<(FamilyMatcher, Option<Foundation>)> {
        let population = Population::new(self.design, &self.labels, family, address_sets(self.design));
        if population.interfaces().is_empty() && self.about.only.is_none() {
            return None;
        }
        let stands = self.stands(&population);
        let space_of = |interface: u32| stands[0][interface].space;
        let directory =
            Directory::new(self.design, &population, family, &self.spaces, space_of, &self.linked, &self.hosts);
        let directory = if self.about.only.is_some() { directory.of_filter() } else { directory };
        let (tables, foundation) = match self.tables(family, &population, &directory, stands) {
            Ok((tables, foundation)) => (Ok(tables), foundation),
            Err(why) => (Err(why), None),
        };
        Some((FamilyMatcher { directory: Arc::new(directory), tables }, foundation))
    }

    fn tables(
        &self,
        family: Family,
        population: &Population<'_>,
        directory: &Directory,
        [sources, mut destinations]: [Column<Stand>; 2],
    ) -> Result<(Tables, Option<Foundation>), Untabled> {
        if self.about.only.is_none() && self.crossings.judges_replies(self.about.assume) {
            return Err(Untabled::Replies);
        }
        let mut drafter = match self.room {
            Room::None => Drafter::new(population, family),
            Room::ForUpdates => Drafter::keeping_all(population, family),
        };
        let asked = match self.about.only {
            Some((rulebook, direction)) => BTreeMap::from([(rulebook, Directions::only(direction))]),
            None => self.crossings.asked(),
        };
        let (blueprints, table_of) = drafter.draft_all(self.design.rulebooks(), &asked);
        let (interned, known) = match self.room {
            Room::None => (drafter.finish(), Known::default()),
            Room::ForUpdates => drafter.finish_with_known(),
        };
        let (names_of, names) = resolve_names(self.design.units(), interned.services.names());
        for (at, &(unit, _)) in (0u32..).zip(population.interfaces()) {
            destinations[at].names = names_of[unit.0];
        }
        let classifier = service_classes(&interned, &names).ok_or(Untabled::Headers)?;
        let ground = Ground {
            population,
            directory,
            blueprints,
            interned,
            table_of,
            crossings: self.crossings.clone(),
            classifier: Arc::new(classifier),
            names: Arc::new(names),
            linked: self.linked.clone(),
            stands: [sources, destinations],
            spaces: self.spaces.len(),
            assume: self.about.assume,
            only: self.about.only,
            limits: self.limits,
        };
        let Compiled { tables, sides, services, table_of, origin } = Tables::compile(ground, self.room)?;
        let foundation = origin.map(|origin| Foundation {
            origin,
            sides,
            services,
            table_of,
            known,
            interfaces: population.interfaces().to_vec(),
            atoms: population.atoms().to_vec(),
        });
        Ok((tables, foundation))
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
