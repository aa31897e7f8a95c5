//! Counterexamples: what an attacker does step by step, in concrete units, addresses and ports, each connection
//! replayed through the reference evaluator.
//!
//! The class engine finds a path between classes. Here it becomes one of real endpoints, and the reference
//! evaluator, which shares no code with the class engine, is asked about every connection of it. If it disagrees the
//! result is [`VerifyError::Disagreement`], a defect of the tool, and never a verdict.

use crate::classes::ClassId;
use crate::header_set::HeaderSet;
use crate::lateral::{Graph, Origin};
use crate::reach::Verifier;
use crate::spread::{By, Cause, Spread};
use seglab_policy::{
    Action, AddressSet, Assume, Connection, Design, Direction, Doubt, Endpoint, Evaluation, Header, Pivot, PointId,
    Side, UnitId, Verdict, View, Why,
};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One step of an attacker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// A connection between an owned endpoint and another.
    Connection {
        /// The connection.
        connection: Connection,
        /// What the attacker's ownership leaves of the enforcement.
        assume: Assume,
        /// What the reference evaluator says of it.
        evaluation: Evaluation,
        /// What the connection is good for.
        means: Means,
    },
    /// Owning a host is owning what runs on it.
    Host {
        /// The host.
        host: UnitId,
        /// The unit on it.
        guest: UnitId,
    },
}

/// What a connection is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// It reaches its destination.
    Reach,
    /// It is opened by a client to an owned unit that waits for it.
    Client,
    /// It exploits a vulnerability.
    Vulnerability(String),
    /// It logs in.
    Login {
        /// With this credential.
        credential: String,
        /// That was held by this unit, owned before.
        held_by: UnitId,
    },
}

/// What a point on the path of a connection said that counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deciding {
    /// The point.
    pub point: PointId,
    /// The direction in which it judged.
    pub direction: Direction,
    /// True if it judged the reply.
    pub reply: bool,
    /// What it did.
    pub action: Action,
    /// The rule, or what happens without one.
    pub why: Why,
}

impl Hop {
    /// What every point that stands on the connection's path decided, and by which rule.
    pub fn deciding(&self) -> Vec<Deciding> {
        let Hop::Connection { evaluation, .. } = self else { return Vec::new() };
        deciding(evaluation)
    }

    /// The step in words: `web -> db tcp/5432`.
    pub fn describe(&self, design: &Design) -> String {
        match self {
            Hop::Host { host, guest } => {
                format!("{} hosts {}", design.unit(*host).name, design.unit(*guest).name)
            }
            Hop::Connection { connection, means, .. } => {
                let shown = connection.display(design).to_string();
                match means {
                    Means::Reach => shown,
                    Means::Client => format!("{shown} (a client of an owned unit)"),
                    Means::Vulnerability(name) => format!("{shown} ({name})"),
                    Means::Login { credential, held_by } => {
                        format!("{shown} (credential {credential} of {})", design.unit(*held_by).name)
                    }
                }
            }
        }
    }
}

/// What every standing point of an evaluation decided: the last of the decisions that brought its outcome about.
pub fn deciding(evaluation: &Evaluation) -> Vec<Deciding> {
    let standing = evaluation.judgements.iter().filter(|judgement| judgement.stands);
    standing
        .filter_map(|judgement| {
            let action = if judgement.outcomes.deny { Action::Deny } else { Action::Allow };
            let decision = judgement.decisions.iter().rfind(|decision| decision.action == action)?;
            let (point, direction, reply) = (judgement.point, judgement.direction, judgement.reply);
            Some(Deciding { point, direction, reply, action, why: decision.why })
        })
        .collect()
}

/// The verifier contradicts the reference evaluator: a defect of the tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The class engine and the reference evaluator judge one connection differently.
    #[error("the class engine says that `{shown}` is {expected} and the reference evaluator that it is not")]
    Disagreement {
        /// The connection, in words.
        shown: String,
        /// What the class engine says of it.
        expected: &'static str,
        /// The connection; with the design and the assumption it reproduces the defect.
        connection: Box<Connection>,
        /// The assumption.
        assume: Assume,
        /// What the reference evaluator says.
        evaluation: Box<Evaluation>,
    },
    /// A path between classes has no concrete counterpart.
    #[error("the class engine found a path for `{property}` that no concrete endpoints follow")]
    NoConcretePath {
        /// The property.
        property: String,
    },
}

impl VerifyError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        "this is a defect of the tool: please report it with the design"
    }
}

/// The last step of a counterexample: into a target, or back from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Goal {
    pub(crate) by: By,
    pub(crate) target: Target,
}

/// What must not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Class(ClassId),
    External(u32),
}

/// Turns steps between classes into steps between endpoints.
pub(crate) struct Replay<'r, 'a> {
    verifier: &'r mut Verifier<'a>,
    graph: &'r Graph,
    spread: &'r Spread,
    doubtful: bool,
    chosen: BTreeMap<By, UnitId>,
    /// The external address that an attack starts from, once it is chosen.
    address: Option<IpAddr>,
    /// The same once the attack is about to reach its target, which is to be another end.
    left: Option<IpAddr>,
    /// The external address that it is to reach.
    aim: Option<IpAddr>,
    /// Units that stand for their classes wherever they can.
    wanted: Vec<UnitId>,
    hops: Vec<Hop>,
}

/// What one end of a hop is made from.
#[derive(Clone, Copy)]
enum Place {
    Unit(UnitId),
    External(u32),
    Source(u32),
}

impl<'r, 'a> Replay<'r, 'a> {
    pub(crate) fn new(verifier: &'r mut Verifier<'a>, graph: &'r Graph, spread: &'r Spread, doubtful: bool) -> Self {
        let (chosen, hops) = (BTreeMap::new(), Vec::new());
        let (address, left, aim, wanted) = (None, None, None, Vec::new());
        Self { verifier, graph, spread, doubtful, chosen, address, left, aim, wanted, hops }
    }

    /// The same from and to these ends, units or external addresses, as far as the spread is about them.
    pub(crate) fn between(
        mut self,
        start: (Option<UnitId>, Option<IpAddr>),
        target: (Option<UnitId>, Option<IpAddr>),
    ) -> Self {
        self.chosen.extend(start.0.map(|start| (By::Start(0), start)));
        self.wanted.extend(target.0);
        (self.address, self.aim) = (start.1, target.1);
        self
    }

    /// The same with units that are taken before others of their classes.
    pub(crate) fn preferring(mut self, units: &[UnitId]) -> Self {
        self.wanted.extend(units);
        self
    }

    /// The steps made so far, in an order in which they can be taken.
    pub(crate) fn into_hops(self) -> Vec<Hop> {
        self.hops
    }

    /// How many steps were made so far.
    pub(crate) fn hops_made(&self) -> usize {
        self.hops.len()
    }

    /// True if one of the steps but the first so many may or may not be possible.
    pub(crate) fn is_in_doubt_after(&self, first: usize) -> bool {
        self.hops.iter().skip(first).any(|hop| doubt_of(hop).is_some())
    }

    /// The unit that a step starts from; `None` for external ones.
    pub(crate) fn unit(&self, by: By) -> Option<UnitId> {
        self.chosen.get(&by).copied()
    }

    /// Adds the steps that lead to somebody being owned.
    pub(crate) fn own(&mut self, by: By) -> Result<(), Flaw> {
        // Causes form a forest: walk down to what is made already, then make the rest in turn.
        let mut pending = vec![by];
        while let Some(&by) = pending.last() {
            let made = match by {
                By::Start(_) => true,
                By::Taken(_) => self.chosen.contains_key(&by),
            };
            if made {
                self.choose_start(by);
                pending.pop();
                continue;
            }
            let cause = self.spread.cause(by).ok_or(Flaw::NoPath)?;
            let mut needed = match cause {
                Cause::Connection(from) | Cause::Host(from) => vec![from],
                Cause::Login { by: from, holder, .. } => vec![from, holder],
            };
            needed.retain(|needed| !self.chosen.contains_key(needed) && matches!(needed, By::Taken(_)));
            if needed.is_empty() {
                self.take(by, cause)?;
                pending.pop();
            } else {
                pending.extend(needed);
            }
        }
        Ok(())
    }

    fn choose_start(&mut self, by: By) {
        if let (By::Start(_), Some(Origin::Unit(class, _))) = (by, self.spread.origin(by)) {
            let first = self.verifier.engine.classes.representative(class);
            self.chosen.entry(by).or_insert(first);
        }
    }

    /// A unit of a class that is none of `others` if there is one, and one that is wanted before any.
    fn pick(&self, class: ClassId, others: &[UnitId]) -> UnitId {
        let members = self.verifier.engine.classes.members(class);
        let wanted = self.wanted.iter().filter(|unit| self.verifier.engine.classes.of(**unit) == class);
        let other = wanted.chain(members).find(|unit| !others.contains(unit));
        other.copied().unwrap_or_else(|| self.verifier.engine.classes.representative(class))
    }

    fn take(&mut self, by: By, cause: Cause) -> Result<(), Flaw> {
        let By::Taken(taken) = by else { return Ok(()) };
        let starts: Vec<UnitId> = (0..self.spread.starts.len()).filter_map(|at| self.unit(By::Start(at))).collect();
        let from = match cause {
            Cause::Connection(from) | Cause::Host(from) | Cause::Login { by: from, .. } => from,
        };
        self.choose_start(from);
        let mut others = starts;
        others.extend(self.unit(from));
        let unit = self.pick(taken.class, &others);
        let attack = self.graph.attack;
        match cause {
            Cause::Host(_) => {
                let host = self.unit(from).ok_or(Flaw::NoPath)?;
                self.hops.push(Hop::Host { host, guest: unit });
            }
            Cause::Connection(_) => {
                let counts = self.verifier.engine.taken_by(taken.class, attack);
                let counts = counts.map(|counts| self.verifier.engine.sets.get(counts).clone());
                self.connect(from, Place::Unit(unit), counts.as_ref(), attack.pivot, None)?;
            }
            Cause::Login { login, holder, .. } => {
                self.choose_start(holder);
                let node = self.graph.logins.get(login).ok_or(Flaw::NoPath)?;
                let counts = self.verifier.engine.sets.get(node.counts).clone();
                let credential = self.graph.credentials.values().get(node.credential as usize);
                let held_by = self.unit(holder).ok_or(Flaw::NoPath)?;
                let means = Means::Login { credential: credential.ok_or(Flaw::NoPath)?.clone(), held_by };
                self.connect(from, Place::Unit(unit), Some(&counts), attack.pivot, Some(means))?;
            }
        }
        self.chosen.insert(by, unit);
        Ok(())
    }

    /// Adds the last step, into a target, on headers that count there.
    pub(crate) fn reach(&mut self, goal: Goal, counts: &dyn Fn(Option<UnitId>) -> HeaderSet) -> Result<(), Flaw> {
        self.own(goal.by)?;
        self.choose_start(goal.by);
        let target = match goal.target {
            Target::Class(class) => {
                let others: Vec<UnitId> = self.unit(goal.by).into_iter().collect();
                let mut others_and_start = others.clone();
                others_and_start.extend((0..self.spread.starts.len()).filter_map(|at| self.unit(By::Start(at))));
                Place::Unit(self.pick(class, &others_and_start))
            }
            Target::External(external) => {
                self.left = self.address.take();
                self.address = self.aim;
                Place::External(external)
            }
        };
        let listened = |unit: Option<UnitId>| counts(unit);
        self.last(goal.by, target, &listened)
    }

    fn last(&mut self, by: By, target: Place, counts: &dyn Fn(Option<UnitId>) -> HeaderSet) -> Result<(), Flaw> {
        let attack = self.graph.attack;
        let unit = |place: Place| match place {
            Place::Unit(unit) => Some(unit),
            Place::External(_) | Place::Source(_) => None,
        };
        let mut outward = counts(unit(target));
        if let (View::Service, Some(unit)) = (attack.view, unit(target)) {
            let listeners = &self.verifier.engine.design.unit(unit).listeners;
            outward = outward.intersection(&HeaderSet::of_listeners(listeners));
        }
        let owner = self.place_of(by).ok_or(Flaw::NoPath)?;
        if let Some(hop) = self.hop(by, owner, target, &outward, Side::Source, Means::Reach)? {
            self.hops.push(hop);
            return Ok(());
        }
        if attack.pivot == Pivot::EitherWay
            && let Some(hop) = self.hop(by, target, owner, &counts(unit(owner)), Side::Destination, Means::Client)?
        {
            self.hops.push(hop);
            return Ok(());
        }
        Err(Flaw::NoPath)
    }

    fn place_of(&self, by: By) -> Option<Place> {
        match self.spread.origin(by)? {
            Origin::Unit(..) => self.unit(by).map(Place::Unit),
            Origin::External(external) => Some(Place::External(external)),
            Origin::Source(source) => Some(Place::Source(source)),
        }
    }

    fn connect(
        &mut self,
        from: By,
        to: Place,
        counts: Option<&HeaderSet>,
        pivot: Pivot,
        means: Option<Means>,
    ) -> Result<(), Flaw> {
        let owner = self.place_of(from).ok_or(Flaw::NoPath)?;
        let every = HeaderSet::full();
        let outward = counts.unwrap_or(&every);
        let given = means.clone().unwrap_or(Means::Reach);
        let mut hop = self.hop(from, owner, to, outward, Side::Source, given)?;
        if hop.is_none() && pivot == Pivot::EitherWay {
            hop = self.hop(from, to, owner, &every, Side::Destination, Means::Client)?;
        }
        let mut hop = hop.ok_or(Flaw::NoPath)?;
        if pivot == Pivot::Exploitable && means.is_none() {
            self.name_vulnerability(&mut hop);
        }
        self.hops.push(hop);
        Ok(())
    }

    fn name_vulnerability(&self, hop: &mut Hop) {
        let Hop::Connection { connection, means, .. } = hop else { return };
        let Some(unit) = connection.destination.unit() else { return };
        let Header::Transport { protocol, destination_port, .. } = connection.header else { return };
        let weak = &self.verifier.engine.design.unit(unit).vulnerabilities;
        if let Some(found) = weak.iter().find(|weak| weak.protocol == protocol && weak.port == destination_port) {
            *means = Means::Vulnerability(found.name.clone());
        }
    }

    /// A connection between two places that the class engine says arrives, replayed.
    fn hop(
        &mut self,
        owner: By,
        source: Place,
        destination: Place,
        counts: &HeaderSet,
        owned: Side,
        means: Means,
    ) -> Result<Option<Hop>, Flaw> {
        let host_owned = matches!(self.spread.origin(owner), Some(Origin::Unit(_, true)));
        let assume = self.graph.attack.assume(owned, host_owned);
        for doubtful in [false, true] {
            if doubtful && !self.doubtful {
                continue;
            }
            for (from, to) in self.endpoints(source, destination) {
                let direct = self.verifier.direct(from, to, assume);
                let arrives = if doubtful { direct.unknown } else { direct.allowed };
                let probe = Connection { source: from, destination: to, header: Header::Other(0) };
                let Some(family) = self.verifier.engine.design.family_of(&probe) else { continue };
                let arrives = arrives.intersection(counts).intersection(&HeaderSet::of_family(family));
                let Some(header) = arrives.witness(family) else { continue };
                for external in [from, to] {
                    if let Endpoint::External(address) = external {
                        self.address = Some(address);
                    }
                }
                let connection = Connection { source: from, destination: to, header };
                let evaluation = self.verifier.check(&connection, assume, doubtful)?;
                return Ok(Some(Hop::Connection { connection, assume, evaluation, means }));
            }
        }
        Ok(None)
    }

    /// The pairs of concrete endpoints of two places.
    fn endpoints(&self, source: Place, destination: Place) -> Vec<(Endpoint, Endpoint)> {
        let engine = &self.verifier.engine;
        let of_unit = |unit: UnitId| -> Vec<Endpoint> {
            let count = u16::try_from(engine.design.unit(unit).interfaces.len()).unwrap_or(u16::MAX);
            (0..count).map(|interface| Endpoint::Unit { unit, interface }).collect()
        };
        let concrete = |place: Place, other: &Endpoint| -> Vec<Endpoint> {
            match place {
                Place::Unit(unit) => of_unit(unit),
                Place::External(external) => {
                    let known = engine.design.interface(*other).and_then(|at| engine.design.known_addresses(&at.space));
                    let all = engine.classes.endpoints.addresses(external);
                    let free = known.map_or_else(|| all.clone(), |known| all.difference(known));
                    let kept = self.address.filter(|&address| free.contains(address));
                    let others = self.left.map(|left| free.difference(&AddressSet::single(left)));
                    let address = kept.or_else(|| a_plain_address(&others?)).or_else(|| a_plain_address(&free));
                    address.map(Endpoint::External).into_iter().collect()
                }
                Place::Source(source) => engine.source_id(source).map(Endpoint::Source).into_iter().collect(),
            }
        };
        match (source, destination) {
            (Place::Unit(from), to) => of_unit(from)
                .into_iter()
                .flat_map(|from| concrete(to, &from).into_iter().map(move |to| (from, to)))
                .collect(),
            (from, Place::Unit(to)) => of_unit(to)
                .into_iter()
                .flat_map(|to| concrete(from, &to).into_iter().map(move |from| (from, to)))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// An address that readers recognise: of the internet, and not the network address of the range, if there is another.
pub(crate) fn a_plain_address(free: &AddressSet) -> Option<IpAddr> {
    let public = free.intersection(&AddressSet::internet());
    let (first, last) = public.ranges().chain(free.ranges()).next()?;
    if first == last {
        return Some(first);
    }
    Some(match first {
        IpAddr::V4(address) => IpAddr::from(address.to_bits().saturating_add(1).to_be_bytes()),
        IpAddr::V6(address) => IpAddr::from(address.to_bits().saturating_add(1).to_be_bytes()),
    })
}

/// Why a path could not be made concrete.
#[derive(Clone, Debug)]
pub(crate) enum Flaw {
    NoPath,
    Disagreement(Box<VerifyError>),
}

impl Flaw {
    pub(crate) fn into_error(self, property: &str) -> VerifyError {
        match self {
            Flaw::NoPath => VerifyError::NoConcretePath { property: property.to_owned() },
            Flaw::Disagreement(error) => *error,
        }
    }
}

impl Verifier<'_> {
    /// Asks the reference evaluator about a connection that certainly arrives, or about which nothing is certain.
    pub(crate) fn check(&self, connection: &Connection, assume: Assume, doubtful: bool) -> Result<Evaluation, Flaw> {
        let evaluation = self.evaluate(connection, assume);
        let agrees = match evaluation.verdict {
            Verdict::Allowed(_) => !doubtful,
            Verdict::Unknown(_) => doubtful,
            Verdict::Denied(_) => false,
        };
        if agrees {
            return Ok(evaluation);
        }
        Err(self.disagreement(connection, assume, evaluation, if doubtful { "undecided" } else { "allowed" }))
    }

    /// The error that the two engines judge a connection differently.
    pub(crate) fn disagreement(
        &self,
        connection: &Connection,
        assume: Assume,
        evaluation: Evaluation,
        expected: &'static str,
    ) -> Flaw {
        Flaw::Disagreement(Box::new(VerifyError::Disagreement {
            shown: connection.display(self.engine.design).to_string(),
            expected,
            connection: Box::new(*connection),
            assume,
            evaluation: Box::new(evaluation),
        }))
    }
}

/// The doubt that makes a hop uncertain, if it is.
pub(crate) fn doubt_of(hop: &Hop) -> Option<Doubt> {
    match hop {
        Hop::Connection { evaluation: Evaluation { verdict: Verdict::Unknown(doubt), .. }, .. } => Some(*doubt),
        Hop::Connection { .. } | Hop::Host { .. } => None,
    }
}
