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

mod amend;

use crate::classes::ClassId;
use crate::direct::Engine;
use crate::endpoint_class::EndpointKind;
use crate::header_set::HeaderSet;
use crate::intern::HeaderId;
use crate::properties::Settings;
use crate::reach::Verifier;
use crate::rows::{Item, Rows};
use crate::shared_set::{Pool, SetId};
use crate::vocabulary::Interner;
pub(crate) use amend::Moved;
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

/// Next steps: sets of classes, then of external classes, then of logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Steps {
    /// What can certainly be taken, or reached.
    pub(crate) certain: SetId,
    /// What possibly can: a superset.
    pub(crate) possible: SetId,
}

impl Steps {
    pub(crate) fn get(self, doubtful: bool) -> SetId {
        if doubtful { self.possible } else { self.certain }
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
    /// The logins that take each credential.
    pub(crate) taking: Vec<Vec<usize>>,
    /// Logins that no class takes.
    vacant_logins: Vec<usize>,
    /// What the steps are sets of.
    pub(crate) pool: Pool,
    /// Of classes, of those whose host is owned, of external classes, and of named sources.
    plain: Vec<Steps>,
    hosted: Vec<Steps>,
    outside: Vec<Steps>,
    sources: BTreeMap<u32, Steps>,
    /// Some steps are possible and not certain.
    is_doubtful: bool,
    /// Classes of the units that run on the unit of a class.
    pub(crate) guests: Vec<Vec<ClassId>>,
    pub(crate) sizes: Vec<usize>,
}

impl Graph {
    /// The next steps from an origin.
    pub(crate) fn steps(&self, origin: Origin) -> Steps {
        let known = match origin {
            Origin::Unit(class, false) => self.plain.get(class.index()),
            Origin::Unit(class, true) => self.hosted.get(class.index()),
            Origin::External(external) => self.outside.get((external - self.first_external) as usize),
            Origin::Source(source) => self.sources.get(&source),
        };
        known.copied().unwrap_or_default()
    }

    /// The next steps from a unit of each class, whose host is left alone.
    pub(crate) fn steps_of_units(&self, doubtful: bool) -> impl Iterator<Item = SetId> {
        self.plain.iter().map(move |steps| steps.get(doubtful))
    }

    /// The named sources, each by its first endpoint class.
    pub(crate) fn sources(&self) -> impl Iterator<Item = u32> {
        self.sources.keys().copied()
    }

    /// The readings of the steps that differ: the certain ones only, then the possible ones too.
    pub(crate) fn doubts(&self) -> &'static [bool] {
        if self.is_doubtful { &[false, true] } else { &[false] }
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

impl<'a> Verifier<'a> {
    /// The graph of an attack, built once.
    pub(crate) fn graph(&mut self, attack: Attack) -> Rc<Graph> {
        if let Some(known) = self.graphs.get(&attack) {
            return Rc::clone(known);
        }
        let (graph, rows) = build(&mut self.engine, attack);
        let graph = Rc::new(graph);
        self.graphs.insert(attack, Rc::clone(&graph));
        if let Some(amending) = &mut self.amending {
            amending.rows.insert(attack, (rows, graph.pool.size()));
        }
        graph
    }
}

fn build(engine: &mut Engine<'_>, attack: Attack) -> (Graph, Rows) {
    let classes: Vec<ClassId> = engine.classes.numbers().collect();
    let externals = engine.classes.endpoints.externals();
    let mut graph = Graph {
        attack,
        classes: classes.len(),
        first_external: externals.start,
        externals: externals.len(),
        logins: Vec::new(),
        credentials: Interner::new(),
        held: Vec::new(),
        taking: Vec::new(),
        vacant_logins: Vec::new(),
        pool: Pool::new(0),
        plain: Vec::with_capacity(classes.len()),
        hosted: vec![Steps::default(); classes.len()],
        outside: Vec::with_capacity(externals.len()),
        sources: BTreeMap::new(),
        is_doubtful: false,
        guests: guests(engine),
        sizes: classes.iter().map(|&class| engine.classes.members(class).len()).collect(),
    };
    if attack.pivot == Pivot::Exploitable {
        add_logins(engine, &mut graph);
    }
    let width = graph.login_bit(graph.logins.len());
    let mut pool = Pool::new(width);
    let (items, clients) = items(engine, &graph);
    let mut rows = Rows::new(engine, attack, items, clients, width);
    for &class in &classes {
        let from = engine.endpoints_of(class);
        graph.plain.push(rows.row(engine, &mut pool, &from, false));
    }
    for &class in graph.guests.iter().flatten() {
        let from = engine.endpoints_of(class);
        let steps = rows.row(engine, &mut pool, &from, true);
        graph.hosted.get_mut(class.index()).into_iter().for_each(|hosted| *hosted = steps);
    }
    for external in externals {
        graph.outside.push(rows.row(engine, &mut pool, &Rc::from([external]), false));
    }
    for source in engine.classes.endpoints.whole_sources() {
        let from: Rc<[u32]> = engine.classes.endpoints.of_source(source).into();
        graph.sources.insert(source, rows.row(engine, &mut pool, &from, false));
    }
    graph.is_doubtful = graph.has_doubt();
    graph.pool = pool;
    (graph, rows)
}

/// For every class, the classes of the guests of its unit.
fn guests(engine: &Engine<'_>) -> Vec<Vec<ClassId>> {
    let mut guests = vec![Vec::new(); engine.classes.numbers().len()];
    for class in engine.classes.ids() {
        let host = engine.design.host_of(engine.classes.representative(class));
        if let Some(on_host) = host.and_then(|host: UnitId| guests.get_mut(engine.classes.of(host).index())) {
            on_host.push(class);
        }
    }
    guests
}

fn add_logins(engine: &mut Engine<'_>, graph: &mut Graph) {
    for class in engine.classes.numbers() {
        let held = graph.credentials_of(engine, class);
        graph.held.push(held);
        for (credential, counts) in graph.logins_of(engine, class) {
            graph.logins.push(LoginNode { class, credential, counts });
        }
    }
    graph.taking = vec![Vec::new(); graph.credentials.len()];
    for (at, login) in graph.logins.iter().enumerate() {
        graph.taking.get_mut(login.credential as usize).into_iter().for_each(|taking| taking.push(at));
    }
    // As many for each class that may come as there are for those that there are, and one more.
    let (occupied, vacant) = (engine.classes.len(), engine.classes.numbers().len() - engine.classes.len());
    let spare = vacant * (1 + graph.logins.len().div_ceil(occupied.max(1)));
    for _ in 0..spare {
        graph.vacant_logins.push(graph.logins.len());
        graph.logins.push(LoginNode::VACANT);
    }
}

impl LoginNode {
    /// One that no class takes.
    const VACANT: LoginNode = LoginNode { class: ClassId(u32::MAX), credential: u32::MAX, counts: HeaderId::EMPTY };
}

impl Graph {
    /// The numbers of the credentials that the units of a class hold.
    fn credentials_of(&mut self, engine: &Engine<'_>, class: ClassId) -> Vec<u32> {
        let Some(&unit) = engine.classes.members(class).first() else { return Vec::new() };
        let credentials = engine.design.unit(unit).credentials.iter();
        credentials.map(|credential| self.credentials.intern(credential.clone())).collect()
    }

    /// The credentials that the units of a class take, each with the headers that count.
    fn logins_of(&mut self, engine: &mut Engine<'_>, class: ClassId) -> BTreeMap<u32, HeaderId> {
        let Some(&unit) = engine.classes.members(class).first() else { return BTreeMap::new() };
        let mut taken: BTreeMap<u32, HeaderSet> = BTreeMap::new();
        for login in &engine.design.unit(unit).logins {
            let counts = taken.entry(self.credentials.intern(login.credential.clone())).or_default();
            *counts = counts.union(&HeaderSet::to_port(login.protocol, login.port));
        }
        let view = self.attack.view;
        taken.into_iter().map(|(credential, counts)| (credential, engine.seen(&counts, class, view))).collect()
    }
}

/// What can be taken or reached, and who may fall as a client.
fn items(engine: &mut Engine<'_>, graph: &Graph) -> (Vec<Item>, Vec<Item>) {
    let (mut items, mut clients) = (Vec::new(), Vec::new());
    for class in engine.classes.ids() {
        let counts = engine.taken_by(class, graph.attack);
        let (bit, endpoints) = (class.index(), engine.endpoints_of(class));
        clients.push(Item { bit, endpoints: Rc::clone(&endpoints), counts: None });
        items.push(Item { bit, endpoints, counts });
    }
    for external in engine.classes.endpoints.externals() {
        let item = Item { bit: graph.external_bit(external), endpoints: Rc::from([external]), counts: None };
        clients.push(item.clone());
        items.push(item);
    }
    for (at, login) in graph.logins.iter().enumerate().filter(|(_, login)| login.counts != HeaderId::EMPTY) {
        let endpoints = engine.endpoints_of(login.class);
        items.push(Item { bit: graph.login_bit(at), endpoints, counts: Some(login.counts) });
    }
    // What no header takes is never taken.
    items.retain(|item| item.counts != Some(HeaderId::EMPTY));
    (items, clients)
}

impl Engine<'_> {
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
