//! The loop: one event after the other, until the horizon.
//!
//! A model sees the kernel through its [`Agenda`]: the present, and the means to schedule and to cancel. A run ends when
//! the next event lies after the horizon, when nothing is left to happen, or when the model stops it; an event exactly
//! at the horizon still happens. A run that needs more events than its budget is an error, not a result: whatever it
//! counted up to there would be cut off at an arbitrary time.
//!
//! See the [module's example](super).

use super::{Duration, EventQueue, Handle, ScheduleError, Ties, Time};

/// What is simulated: a state, and what each event does to it.
pub trait Model {
    /// What can happen.
    type Event;
    /// What can go wrong; scheduling can.
    type Error: From<ScheduleError>;

    /// Lets one event happen, at [`Agenda::now`].
    ///
    /// # Errors
    /// As the model defines; the run ends with it.
    fn handle(&mut self, event: Self::Event, agenda: &mut Agenda<Self::Event>) -> Result<(), Self::Error>;
}

/// The bounds of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The last instant that is simulated.
    pub horizon: Time,
    /// The most events that may happen.
    pub events_max: u64,
    /// The most events that may be pending at once.
    pub pending_max: usize,
    /// In which order simultaneous events happen.
    pub ties: Ties,
}

/// What a model sees of the kernel.
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    queue: EventQueue<E>,
    horizon: Time,
    stopped: bool,
}

/// A run under way. It can be halted after any event, copied, and gone on with: what is pending is part of it.
pub struct Underway<M: Model> {
    /// The state.
    pub model: M,
    agenda: Agenda<M::Event>,
    events_max: u64,
    /// The number of events that happened.
    events: u64,
}

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Why it ended.
    pub end: End,
    /// When it ended: the horizon, or the last event where the model stopped the run.
    pub now: Time,
    /// The number of events that happened.
    pub events: u64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Events are pending, all of them after the horizon.
    Horizon,
    /// Nothing was left to happen.
    Quiet,
    /// The model stopped it.
    Stopped,
}

/// Why a run has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError<E> {
    /// The budget of events was used up before the horizon.
    #[error("{events_max} events happened by {now}, which is the limit: raise it, or shorten the horizon")]
    Budget {
        /// The most events that may happen.
        events_max: u64,
        /// The time of the first event beyond the budget.
        now: Time,
    },
    /// The model failed.
    #[error(transparent)]
    Model(#[from] E),
}

impl Default for Limits {
    /// No horizon, a billion events, ten million of them pending.
    fn default() -> Self {
        Self { horizon: Time::MAX, events_max: 1_000_000_000, pending_max: 10_000_000, ties: Ties::Scheduled }
    }
}

/// Runs a model from the start to the end. `begin` schedules what happens first.
///
/// # Errors
/// The budget of events was used up, or `begin` or the model failed, by scheduling too much or on its own account.
pub fn simulate<M: Model>(
    model: &mut M,
    limits: Limits,
    begin: impl FnOnce(&mut M, &mut Agenda<M::Event>) -> Result<(), M::Error>,
) -> Result<Run, RunError<M::Error>> {
    let mut run = Underway::begin(model, limits, |model, agenda| begin(model, agenda))?;
    loop {
        if let Some(run) = run.until(|_| false)? {
            return Ok(run);
        }
    }
}

/// A model that is lent out.
impl<M: Model> Model for &mut M {
    type Event = M::Event;
    type Error = M::Error;

    fn handle(&mut self, event: M::Event, agenda: &mut Agenda<M::Event>) -> Result<(), M::Error> {
        M::handle(self, event, agenda)
    }
}

impl<M: Model<Event: Clone> + Clone> Clone for Underway<M> {
    fn clone(&self) -> Self {
        let Self { model, agenda, events_max, events } = self;
        Self { model: model.clone(), agenda: agenda.clone(), events_max: *events_max, events: *events }
    }
}

impl<M: Model> Underway<M> {
    /// A run at its start, where `begin` schedules what happens first.
    ///
    /// # Errors
    /// `begin` failed.
    pub fn begin(
        mut model: M,
        limits: Limits,
        begin: impl FnOnce(&mut M, &mut Agenda<M::Event>) -> Result<(), M::Error>,
    ) -> Result<Self, RunError<M::Error>> {
        let queue = EventQueue::with_limit(limits.pending_max).with_ties(limits.ties);
        let mut agenda = Agenda { queue, horizon: limits.horizon, stopped: false };
        begin(&mut model, &mut agenda)?;
        Ok(Self { model, agenda, events_max: limits.events_max, events: 0 })
    }

    /// Goes on to the end, or until the model is as it is waited for, which it may be at once; `None` if that is so.
    ///
    /// # Errors
    /// The budget of events was used up, or the model failed.
    pub fn until(&mut self, is_met: impl Fn(&M) -> bool) -> Result<Option<Run>, RunError<M::Error>> {
        let Self { model, agenda, events_max, events } = self;
        let end = loop {
            if is_met(model) {
                return Ok(None);
            }
            if agenda.stopped {
                break End::Stopped;
            }
            if *events == *events_max
                && let Some(now) = agenda.queue.peek_time().filter(|next| *next <= agenda.horizon)
            {
                return Err(RunError::Budget { events_max: *events_max, now });
            }
            match agenda.queue.pop_until(agenda.horizon) {
                Some((_, event)) => model.handle(event, agenda)?,
                None if agenda.queue.is_empty() => break End::Quiet,
                None => break End::Horizon,
            }
            *events += 1;
        };
        let now = if end == End::Stopped { agenda.now() } else { agenda.horizon };
        Ok(Some(Run { end, now, events: *events }))
    }

    /// The number of events that happened, those before it was copied included.
    pub fn events(&self) -> u64 {
        self.events
    }
}

impl<E> Agenda<E> {
    /// The present.
    pub fn now(&self) -> Time {
        self.queue.now()
    }

    /// The last instant of the run.
    pub fn horizon(&self) -> Time {
        self.horizon
    }

    /// The number of events that are pending, those after the horizon included.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// Schedules an event after a delay, and after everything that is already scheduled for that instant.
    ///
    /// # Errors
    /// Too many events are pending.
    #[inline]
    pub fn schedule_in(&mut self, delay: Duration, event: E) -> Result<(), ScheduleError> {
        self.queue.schedule(self.now().saturating_add(delay), event)
    }

    /// The same for an event that may be cancelled.
    ///
    /// # Errors
    /// As [`Agenda::schedule_in`].
    pub fn schedule_cancellable_in(&mut self, delay: Duration, event: E) -> Result<Handle, ScheduleError> {
        self.queue.schedule_cancellable(self.now().saturating_add(delay), event)
    }

    /// Schedules an event at a time, and after everything that is already scheduled for that instant.
    ///
    /// # Errors
    /// The time is past, or too many events are pending.
    #[inline]
    pub fn schedule_at(&mut self, at: Time, event: E) -> Result<(), ScheduleError> {
        self.queue.schedule(at, event)
    }

    /// Cancels an event before it happens; false if it already happened or was cancelled.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        self.queue.cancel(handle)
    }

    /// Ends the run after the present event.
    pub fn stop(&mut self) {
        self.stopped = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts its own events, each of which schedules the next one a second later.
    struct Metronome {
        ticks: Vec<Time>,
        stop_after: usize,
    }

    impl Model for Metronome {
        type Event = ();
        type Error = ScheduleError;

        fn handle(&mut self, (): (), agenda: &mut Agenda<()>) -> Result<(), ScheduleError> {
            self.ticks.push(agenda.now());
            if self.ticks.len() == self.stop_after {
                agenda.stop();
            }
            agenda.schedule_in(Duration::from_secs(1), ())
        }
    }

    fn run(limits: Limits, stop_after: usize) -> (Metronome, Result<Run, RunError<ScheduleError>>) {
        let mut model = Metronome { ticks: Vec::new(), stop_after };
        let run = simulate(&mut model, limits, |_, agenda| agenda.schedule_at(Time::START, ()));
        (model, run)
    }

    #[test]
    fn an_event_at_the_horizon_happens_and_none_after_it() {
        let limits = Limits { horizon: Duration::from_secs(3).after_start(), ..Limits::default() };
        let (model, run) = run(limits, usize::MAX);
        assert_eq!(run, Ok(Run { end: End::Horizon, now: limits.horizon, events: 4 }));
        assert_eq!(model.ticks.last(), Some(&limits.horizon));
    }

    #[test]
    fn the_model_can_stop() {
        let (_, run) = run(Limits::default(), 5);
        assert_eq!(run, Ok(Run { end: End::Stopped, now: Duration::from_secs(4).after_start(), events: 5 }));
    }

    #[test]
    fn a_budget_that_is_used_up_is_no_result() {
        let limits = Limits { events_max: 10, ..Limits::default() };
        let (model, run) = run(limits, usize::MAX);
        let now = Duration::from_secs(10).after_start();
        assert_eq!(run, Err(RunError::Budget { events_max: 10, now }));
        assert_eq!(model.ticks.len(), 10);
    }

    #[test]
    fn a_budget_that_is_just_enough_is_enough() {
        let limits = Limits { events_max: 4, horizon: Duration::from_secs(3).after_start(), ..Limits::default() };
        assert!(run(limits, usize::MAX).1.is_ok());
    }

    #[test]
    fn a_model_that_schedules_too_much_fails() {
        let limits = Limits { pending_max: 0, ..Limits::default() };
        let (_, run) = run(limits, usize::MAX);
        assert_eq!(run, Err(RunError::Model(ScheduleError::Full { limit: 0 })));
    }

    #[test]
    fn a_run_in_which_nothing_happens_lasts_to_its_horizon() {
        let limits = Limits { horizon: Duration::from_secs(3).after_start(), ..Limits::default() };
        let mut model = Metronome { ticks: Vec::new(), stop_after: 0 };
        let run = simulate(&mut model, limits, |_, _| Ok::<(), ScheduleError>(()));
        assert_eq!(run, Ok(Run { end: End::Quiet, now: limits.horizon, events: 0 }));
    }
}
