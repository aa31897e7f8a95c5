//! The graph that an attacker moves on: from an owned unit of one class to the classes that can be taken next.
//!
//! Externals are where attacks start and what they may aim at; they are never taken and never carry an attack on.
//! Whoever owns a host owns the units that run on it, and on those the host's own points enforce nothing any more:
//! such units have a second row of next steps.
//!
//! Pivot models: `any` takes what it can open a connection to; `service` what also listens there; `exploitable` what
//! has a vulnerability there, or takes a credential there that is held already, so that what can be taken depends on
//! what has been; `either-way` also takes clients that can open a connection to an owned unit. In the service
//! [`View`] only headers that the destination listens to count, on every step; externals listen to everything, and so
//! does an owned unit that waits for clients.

use crate::classes::ClassId;
use crate::direct::{Engine, Matrix};
use crate::endpoint_class::EndpointKind;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::properties::Settings;
use crate::reach::Verifier;
use crate::vocabulary::Interner;
use fixedbitset::FixedBitSet;
use seglab_policy::{Assume, Pivot, Property, Side, Trust, UnitId, View};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The rules of an attack: what carries it on, and what still enforces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attack {
    /// What lets the owner of one unit own the next.
    pub pivot: Pivot,
    /// Which headers count.
    pub view: View,
    /// Which points hold once units are owned.
    pub trust: Trust,
    /// Every point enforces, whatever its mode.
    pub as_if_enforced: bool,
}

impl Attack {
    /// The attack that a property is asked under.
    pub(crate) fn of(property: &Property, settings: &Settings) -> Self {
        Self {
            pivot: property.pivot,
            view: property.view,
            trust: property.trust,
            as_if_enforced: settings.as_if_enforced,
        }
    }

    /// What an owner of the given side of a connection leaves of the enforcement.
    pub fn assume(self, owned: Side, host_owned: bool) -> Assume {
        Assume { as_if_enforced: self.as_if_enforced, trust: self.trust, owned: Some(owned), host_owned }
    }
}

/// Next steps: bits of classes, then of external classes, then of logins.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    /// What can certainly be taken, or reached.
    pub(crate) certain: FixedBitSet,
    /// What possibly can: a superset.
    pub(crate) possible: FixedBitSet,
}

impl Steps {
    pub(crate) fn get(&self, doubtful: bool) -> &FixedBitSet {
        if doubtful { &self.possible } else { &self.certain }
    }
}

/// From where a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// A unit of a class, whose host is owned or not.
    Unit(ClassId, bool),
    /// An external address of an endpoint class.
    External(u32),
    /// A named external source, by its first endpoint class.
    Source(u32),
}

/// A credential that a class of units takes.
#[derive(Clone, Debug)]
pub(crate) struct LoginNode {
    pub(crate) class: ClassId,
    /// Its number among the credentials.
    pub(crate) credential: u32,
    pub(crate) counts: HeaderId,
}

/// The graph of one attack.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) attack: Attack,
    pub(crate) classes: usize,
    /// The endpoint class of the first external one.
    pub(crate) first_external: u32,
    pub(crate) externals: usize,
    pub(crate) logins: Vec<LoginNode>,
    /// The credentials that logins take.
    pub(crate) credentials: Interner<String>,
    /// The numbers of the credentials that the units of a class hold.
    pub(crate) held: Vec<Vec<u32>>,
    rows: Vec<Steps>,
    row_of: BTreeMap<Origin, u32>,
    plain: Vec<u32>,
    /// Classes of the units that run on the unit of a class.
    pub(crate) guests: Vec<Vec<ClassId>>,
    pub(crate) sizes: Vec<usize>,
}

impl Graph {
    /// The next steps from an origin.
    #[expect(clippy::indexing_slicing, reason = "every class has a row, and every origin that is asked about one too")]
    pub(crate) fn steps(&self, origin: Origin) -> &Steps {
        match origin {
            Origin::Unit(class, false) => &self.rows[self.plain[class.index()] as usize],
            origin => &self.rows[self.row_of[&origin] as usize],
        }
    }

    /// The bit of a class of external addresses.
    pub(crate) fn external_bit(&self, external: u32) -> usize {
        self.classes + (external - self.first_external) as usize
    }

    /// The bit of a login.
    pub(crate) fn login_bit(&self, login: usize) -> usize {
        self.classes + self.externals + login
    }

    /// The classes of the units that run on the unit of a class.
    pub(crate) fn guests(&self, class: ClassId) -> &[ClassId] {
        self.guests.get(class.index()).map_or(&[], Vec::as_slice)
    }

    /// The number of units of a class.
    pub(crate) fn size(&self, class: ClassId) -> usize {
        self.sizes.get(class.index()).copied().unwrap_or(0)
    }
}

/// What may be taken or reached, and by which headers: a column of the graph.
struct Column {
    endpoints: Rc<[u32]>,
    /// The headers that count; `None` for all.
    counts: Option<HeaderId>,
    bits: Vec<usize>,
}

impl<'a> Verifier<'a> {
    /// The graph of an attack, built once.
    pub(crate) fn graph(&mut self, attack: Attack) -> Rc<Graph> {
        if let Some(known) = self.graphs.get(&attack) {
            return Rc::clone(known);
        }
        let graph = Rc::new(build(&mut self.engine, attack));
        self.graphs.insert(attack, Rc::clone(&graph));
        graph
    }
}

fn build(engine: &mut Engine<'_>, attack: Attack) -> Graph {
    let classes: Vec<ClassId> = engine.classes.ids().collect();
    let endpoints: Vec<Rc<[u32]>> = classes.iter().map(|&class| engine.endpoints_of(class)).collect();
    let externals = engine.classes.endpoints.externals();
    let mut graph = Graph {
        attack,
        classes: classes.len(),
        first_external: externals.start,
        externals: externals.len(),
        logins: Vec::new(),
        credentials: Interner::new(),
        held: Vec::new(),
        rows: Vec::new(),
        row_of: BTreeMap::new(),
        plain: Vec::new(),
        guests: guests(engine),
        sizes: classes.iter().map(|&class| engine.classes.members(class).len()).collect(),
    };
    if attack.pivot == Pivot::Exploitable {
        add_logins(engine, &mut graph);
    }
    let columns = columns(engine, &graph, &endpoints);
    let width = graph.login_bit(graph.logins.len());
    let sources: Vec<(u32, Rc<[u32]>)> = engine
        .classes
        .endpoints
        .whole_sources()
        .map(|source| (source, engine.classes.endpoints.of_source(source).into()))
        .collect();
    let mut builder = Rows { engine, attack, columns, width, matrices: BTreeMap::new() };
    let mut known: BTreeMap<RowKey, usize> = BTreeMap::new();
    let mut row = |graph: &mut Graph, from: &Rc<[u32]>, host_owned: bool| {
        let id = *known.entry((host_owned, Rc::clone(from))).or_insert_with(|| {
            graph.rows.push(builder.row(from, host_owned));
            graph.rows.len() - 1
        });
        u32::try_from(id).unwrap_or(u32::MAX)
    };
    for (&class, from) in classes.iter().zip(&endpoints) {
        let plain = row(&mut graph, from, false);
        graph.plain.push(plain);
        graph.row_of.insert(Origin::Unit(class, false), plain);
    }
    let owned_with_host: std::collections::BTreeSet<ClassId> = graph.guests.iter().flatten().copied().collect();
    for class in owned_with_host {
        let Some(from) = endpoints.get(class.index()) else { continue };
        let hosted = row(&mut graph, from, true);
        graph.row_of.insert(Origin::Unit(class, true), hosted);
    }
    for external in externals {
        let id = row(&mut graph, &Rc::from([external]), false);
        graph.row_of.insert(Origin::External(external), id);
    }
    for (source, classes) in sources {
        let id = row(&mut graph, &classes, false);
        graph.row_of.insert(Origin::Source(source), id);
    }
    if attack.pivot == Pivot::EitherWay {
        builder.add_clients(&known, &mut graph.rows);
    }
    graph
}

/// For every class, the classes of the guests of its unit.
fn guests(engine: &Engine<'_>) -> Vec<Vec<ClassId>> {
    let mut guests = vec![Vec::new(); engine.classes.len()];
    for class in engine.classes.ids() {
        let host = engine.design.host_of(engine.classes.representative(class));
        if let Some(on_host) = host.and_then(|host: UnitId| guests.get_mut(engine.classes.of(host).index())) {
            on_host.push(class);
        }
    }
    guests
}

fn add_logins(engine: &mut Engine<'_>, graph: &mut Graph) {
    let design = engine.design;
    for class in engine.classes.ids() {
        let unit = design.unit(engine.classes.representative(class));
        let held: Vec<u32> =
            unit.credentials.iter().map(|credential| graph.credentials.intern(credential.clone())).collect();
        graph.held.push(held);
        let mut taken: BTreeMap<u32, HeaderSet> = BTreeMap::new();
        for login in &unit.logins {
            let counts = taken.entry(graph.credentials.intern(login.credential.clone())).or_default();
            *counts = counts.union(&HeaderSet::to_port(login.protocol, login.port));
        }
        for (credential, counts) in taken {
            let counts = engine.seen(&counts, class, graph.attack.view);
            graph.logins.push(LoginNode { class, credential, counts });
        }
    }
}

/// Where something is taken, and by which headers; `None` for all.
type Taking = (Rc<[u32]>, Option<HeaderId>);

/// The columns of a graph: classes that are taken by the same headers at the same endpoints are one.
fn columns(engine: &mut Engine<'_>, graph: &Graph, endpoints: &[Rc<[u32]>]) -> Vec<Column> {
    let mut columns: BTreeMap<Taking, Vec<usize>> = BTreeMap::new();
    let classes: Vec<ClassId> = engine.classes.ids().collect();
    for (class, to) in classes.into_iter().zip(endpoints) {
        let counts = engine.taken_by(class, graph.attack);
        columns.entry((Rc::clone(to), counts)).or_default().push(class.index());
    }
    for external in engine.classes.endpoints.externals() {
        columns.entry((Rc::from([external]), None)).or_default().push(graph.external_bit(external));
    }
    for (at, login) in graph.logins.iter().enumerate() {
        let Some(to) = endpoints.get(login.class.index()) else { continue };
        columns.entry((Rc::clone(to), Some(login.counts))).or_default().push(graph.login_bit(at));
    }
    columns.into_iter().map(|((endpoints, counts), bits)| Column { endpoints, counts, bits }).collect()
}

/// Whether the host is owned, and the endpoint classes that steps start from.
type RowKey = (bool, Rc<[u32]>);

/// Builds rows, one set of endpoint classes at a time.
struct Rows<'e, 'a> {
    engine: &'e mut Engine<'a>,
    attack: Attack,
    columns: Vec<Column>,
    width: usize,
    matrices: BTreeMap<(Side, bool), Rc<Matrix>>,
}

impl Rows<'_, '_> {
    fn matrix(&mut self, owned: Side, host_owned: bool) -> Rc<Matrix> {
        let known = self.matrices.entry((owned, host_owned));
        Rc::clone(known.or_insert_with(|| self.engine.matrix(self.attack.assume(owned, host_owned))))
    }

    fn row(&mut self, from: &Rc<[u32]>, host_owned: bool) -> Steps {
        let none = FixedBitSet::with_capacity(self.width);
        let mut steps = Steps { certain: none.clone(), possible: none };
        let outward = self.matrix(Side::Source, host_owned);
        for column in &self.columns {
            let (certain, possible) = self.engine.opens(from, &column.endpoints, column.counts, &outward);
            mark(&mut steps, &column.bits, certain, possible);
        }
        steps
    }

    /// Adds to every row the clients that can connect to where it starts.
    fn add_clients(&mut self, known: &BTreeMap<RowKey, usize>, rows: &mut [Steps]) {
        let mut clients: BTreeMap<Rc<[u32]>, Vec<usize>> = BTreeMap::new();
        for column in &self.columns {
            clients.entry(Rc::clone(&column.endpoints)).or_default().extend(&column.bits);
        }
        // Client by client, for that is how a matrix lies in memory.
        for (from, bits) in &clients {
            for ((host_owned, to), row) in known {
                let inward = self.matrix(Side::Destination, *host_owned);
                let (certain, possible) = self.engine.opens(from, to, None, &inward);
                if let Some(steps) = rows.get_mut(*row) {
                    mark(steps, bits, certain, possible);
                }
            }
        }
    }
}

fn mark(steps: &mut Steps, bits: &[usize], certain: bool, possible: bool) {
    if certain {
        bits.iter().for_each(|&bit| steps.certain.insert(bit));
    }
    if possible {
        bits.iter().for_each(|&bit| steps.possible.insert(bit));
    }
}

impl Engine<'_> {
    /// Whether some header that counts certainly passes between some of the endpoint classes, and whether one
    /// possibly does.
    pub(crate) fn opens(
        &mut self,
        from: &[u32],
        to: &[u32],
        counts: Option<HeaderId>,
        matrix: &Matrix,
    ) -> (bool, bool) {
        let mut opens = (false, false);
        for &source in from {
            for &destination in to {
                let arrives = matrix.arrives(source, destination);
                if arrives.possible == HeaderId::EMPTY {
                    continue;
                }
                let (certain, possible) = match counts {
                    None => (arrives.certain != HeaderId::EMPTY, true),
                    Some(counts) => {
                        (self.sets.intersect(arrives.certain, counts), self.sets.intersect(arrives.possible, counts))
                    }
                };
                opens = (opens.0 || certain, opens.1 || possible);
                if opens.0 {
                    return (true, true);
                }
            }
        }
        opens
    }

    /// The headers by which a unit of a class is taken; `None` for every header.
    pub(crate) fn taken_by(&mut self, class: ClassId, attack: Attack) -> Option<HeaderId> {
        let unit = self.design.unit(self.classes.representative(class));
        let listens = || self.listened.get(class.index()).copied();
        match (attack.pivot, attack.view) {
            (Pivot::Any | Pivot::EitherWay, View::Policy) => None,
            (Pivot::Any | Pivot::EitherWay, View::Service) | (Pivot::Service, _) => listens(),
            (Pivot::Exploitable, view) => {
                let weak = unit.vulnerabilities.iter().fold(HeaderSet::empty(), |set, weakness| {
                    set.union(&HeaderSet::to_port(weakness.protocol, weakness.port))
                });
                Some(self.seen(&weak, class, view))
            }
        }
    }

    /// Those of the headers that count in a view at the units of a class.
    pub(crate) fn seen(&mut self, headers: &HeaderSet, class: ClassId, view: View) -> HeaderId {
        let unit = self.design.unit(self.classes.representative(class));
        match view {
            View::Policy => self.sets.intern(headers.clone()),
            View::Service => self.sets.intern(headers.intersection(&HeaderSet::of_listeners(&unit.listeners))),
        }
    }

    /// The external source that an endpoint class stands for.
    pub(crate) fn source_id(&self, class: u32) -> Option<seglab_policy::ExternalSourceId> {
        match self.classes.endpoints.get(class).kind {
            EndpointKind::Source(id) => Some(id),
            EndpointKind::Unit | EndpointKind::External(_) => None,
        }
    }
}
