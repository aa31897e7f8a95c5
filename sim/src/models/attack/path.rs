//! A path that an attacker is said to take, taken: step by step, against the enforcement that every campaign runs on.
//!
//! Scans and chance are left out: each step is one attempt, and what can work does, at once. So a path that the verifier
//! finds is played by the same engine, the same rules of who owns what and the same techniques as a campaign, which share
//! no code with the verifier.

use seglab_engine::CompileError;
use seglab_policy::{Assume, Conduct, Connection, Design, Endpoint, Pivot, Privilege, Side, Strategy, Trust, UnitId};

use crate::kernel::{
    Agenda, Draws, Duration, Limits, Model, NameCollision, Probability, RunError, ScheduleError, Time, simulate,
};

use super::super::enforcement::Enforcement;
use super::super::network::{Network, Target};
use super::super::scan::Scan;
use super::super::{Passage, Search, TraceEntry};
use super::attempt::Tried;
use super::{Attack, Board, Chance, Craft, Defence, Event, Offence, State};

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The connection that carries the attacker on.
    pub connection: Connection,
    /// The end of it that the attacker has: the source, or the destination where it waits for clients.
    pub from: Side,
    /// The attacker is to own the other end by it; otherwise it only has to arrive.
    pub takes: bool,
}

/// Why a path cannot be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PathError {
    /// A step is made by a unit that the attacker does not own by then.
    #[error("step {0} is made by a unit that is not owned yet")]
    NotOwned(usize),
    /// A step goes to an interface that its unit has no addresses for.
    #[error("step {0} goes where its unit can address nobody")]
    NotAddressed(usize),
    /// A connection does not arrive.
    #[error("step {step} does not arrive: {passage:?}")]
    Stopped {
        /// The position of the step.
        step: usize,
        /// What became of it.
        passage: Passage,
    },
    /// A connection arrives, and is good for nothing.
    #[error("step {0} arrives, and leaves the attacker where it was")]
    NoWayIn(usize),
    /// The rule engine cannot take the design.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Two units whose draws would be the same.
    #[error(transparent)]
    Names(#[from] NameCollision),
    /// The path is longer than a run may be.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The path takes more events than a run may.
    #[error("{events_max} events happened, which is the limit")]
    Budget {
        /// The most events that may happen.
        events_max: u64,
    },
}

/// Lets an attacker who owns `start`, and all that runs on it, take the steps one after the other; what happened.
///
/// # Errors
/// [`PathError`] with the first step that cannot be taken.
pub fn follow(
    design: &Design,
    start: &[UnitId],
    steps: &[Step],
    pivot: Pivot,
    trust: Trust,
) -> Result<Vec<TraceEntry>, PathError> {
    let sure = Chance { probability: Probability::ONE, mean: Duration::ZERO };
    let never = Chance { probability: Probability::ZERO, mean: Duration::ZERO };
    let horizon = Duration::from_hours(1);
    let offence = Offence {
        name: String::new(),
        footholds: start.to_vec(),
        scan: Scan::NEVER,
        exploit: sure,
        login: sure,
        pivot,
        trust,
        search: Search::EveryService,
        strategy: Strategy::Worm,
        pause: Duration::MAX,
        // Whatever can work does, and an account is a unit owned.
        craft: Craft::default(),
        credentials: Vec::new(),
        conduct: Conduct::default(),
        outside: Vec::new(),
    };
    let defence = Defence {
        denied_alert: Probability::ZERO,
        sensor: never,
        response_mean: Duration::ZERO,
        desk: None,
        spares_established: false,
        rotation: None,
    };
    let (network, enforcement) = (Network::new(design, pivot)?, Enforcement::new(design)?);
    let board = Board {
        network: &network,
        enforcement: enforcement.in_force(None, None),
        offence: &offence,
        defence: &defence,
        draws: Draws::new(0, 0),
        critical: &[],
        compass: None,
        prospects: None,
    };
    let mut follower = Follower { attack: Attack::new(board, 0, true), steps, next: 0, awaited: None };
    let limits = Limits { horizon: horizon.after_start(), ..Limits::default() };
    let run = simulate(&mut follower, limits, |follower, agenda| {
        for &unit in start {
            follower.attack.take(unit, None, Privilege::Root, agenda)?;
        }
        follower.advance(agenda)
    });
    match run {
        Ok(_) if follower.next < steps.len() => Err(PathError::NotOwned(follower.next)),
        Ok(_) => Ok(follower.attack.finish(Time::START).2),
        Err(RunError::Model(error)) => Err(error),
        Err(RunError::Budget { events_max, .. }) => Err(PathError::Budget { events_max }),
    }
}

/// An attack with a list of what to do in place of scans.
struct Follower<'a> {
    attack: Attack<'a>,
    steps: &'a [Step],
    next: usize,
    /// The unit that the last step takes.
    awaited: Option<UnitId>,
}

impl Model for Follower<'_> {
    type Event = Event;
    type Error = PathError;

    fn handle(&mut self, event: Event, agenda: &mut Agenda<Event>) -> Result<(), PathError> {
        match event {
            Event::Window { .. } | Event::Visit { .. } => {}
            event => self.attack.handle(event, agenda)?,
        }
        self.advance(agenda)
    }
}

impl Follower<'_> {
    /// Takes steps until one has to be waited for.
    fn advance(&mut self, agenda: &mut Agenda<Event>) -> Result<(), PathError> {
        while self.awaited.is_none_or(|unit| self.attack.state(unit) != State::Clean) {
            self.awaited = None;
            let Some(&step) = self.steps.get(self.next) else { return Ok(()) };
            self.take(self.next, step, agenda)?;
            self.next += 1;
        }
        Ok(())
    }

    fn take(&mut self, position: usize, step: Step, agenda: &mut Agenda<Event>) -> Result<(), PathError> {
        let Connection { source, destination, header } = step.connection;
        let lure = step.from == Side::Destination;
        let (near, far) = if lure { (destination, source) } else { (source, destination) };
        let Endpoint::Unit { unit, interface } = near else { return self.enter(position, step, far, agenda) };
        let State::Owned(by) = self.attack.state(unit) else { return Err(PathError::NotOwned(position)) };
        let Endpoint::Unit { unit: goal, interface: port } = far else {
            // Whom the attacker reaches outside is not simulated: the connection only has to pass.
            let passage = self.passage(&step.connection, self.attack.assume(unit, lure, Time::START));
            return arrived(position, passage);
        };
        let reach = self.attack.board.network.reach(unit);
        let target = reach.and_then(|reach| reach.targets.iter().find(|one| one.unit == goal && one.interface == port));
        let target: Target = *target.ok_or(PathError::NotAddressed(position))?;
        let tried = Tried { unit, by, interface, target, header, lure, number: position as u32 };
        let (passage, works) = self.attack.attempt(tried, agenda)?;
        arrived(position, passage)?;
        if step.takes && !works {
            return Err(PathError::NoWayIn(position));
        }
        self.awaited = step.takes.then_some(goal);
        Ok(())
    }

    /// What becomes of a connection where every point is in place, as a path has it.
    fn passage(&self, connection: &Connection, assume: Assume) -> Passage {
        self.attack.board.enforcement.at(Time::START).passage(connection, assume)
    }

    /// The first step of an attack from outside: no unit makes it.
    fn enter(
        &mut self,
        position: usize,
        step: Step,
        far: Endpoint,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), PathError> {
        let lure = step.from == Side::Destination;
        let assume = Assume { owned: Some(step.from), ..Assume::attack(self.attack.board.offence.trust) };
        arrived(position, self.passage(&step.connection, assume))?;
        let Some(goal) = far.unit().filter(|_| step.takes) else { return Ok(()) };
        if self.attack.ways(goal, step.connection.header, lure, agenda.now()).is_empty() {
            return Err(PathError::NoWayIn(position));
        }
        Ok(self.attack.take(goal, None, Privilege::Root, agenda)?)
    }
}

fn arrived(step: usize, passage: Passage) -> Result<(), PathError> {
    if passage.is_allowed() { Ok(()) } else { Err(PathError::Stopped { step, passage }) }
}
