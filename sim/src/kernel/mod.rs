//! The kernel of the simulator: time, events, chance, and counting. It knows nothing of networks.
//!
//! A *model* is a state and a function that answers one event by changing the state and scheduling further events
//! ([`Model`]). The kernel calls it for one event after the other, in the order of their [`Time`], and of their
//! scheduling where times are equal. One such run is a *replica*: one possible course of events. A campaign runs many
//! replicas ([`run_replicas`]) and reduces them to [`statistics`].
//!
//! Three promises hold everything together, and each has its tests:
//! - **The same seed gives the same bytes**, on any number of threads. Nothing here reads a wall clock, iterates an
//!   unordered map, or calls the platform's mathematical library.
//! - **A draw is addressed by what it decides** ([`Draws`]), not by when it is asked for. Two designs that are compared
//!   see the same chance wherever they face the same decision, and a unit that is added decides nothing for others.
//! - **Everything has a bound**: the pending events, the handled events, and the simulated time ([`Limits`]).
//!
//! # Example
//!
//! A machine that breaks once in 30 days on average and is repaired within a day, watched for a year.
//!
//! ```
//! use seglab_sim::kernel::{Agenda, Delay, Draws, Duration, Limits, Model, Name, Purpose, Technique, simulate};
//! use seglab_sim::kernel::ScheduleError;
//!
//! enum Event { Breaks, IsRepaired }
//!
//! struct Machine { draws: Draws, name: Name, breakdowns: u32 }
//!
//! const BREAKDOWN: Purpose = Purpose::new(1);
//!
//! impl Machine {
//!     fn time_to_breakdown(&self) -> Duration {
//!         let attempt = self.breakdowns;
//!         let mut draw = self.draws.at(BREAKDOWN, self.name, Name::NONE, Technique::NONE, attempt);
//!         Delay::Exponential { mean: Duration::from_days(30) }.sample(&mut draw)
//!     }
//! }
//!
//! impl Model for Machine {
//!     type Event = Event;
//!     type Error = ScheduleError;
//!     fn handle(&mut self, event: Event, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
//!         match event {
//!             Event::Breaks => {
//!                 self.breakdowns += 1;
//!                 agenda.schedule_in(Duration::from_days(1), Event::IsRepaired)?;
//!             }
//!             Event::IsRepaired => {
//!                 agenda.schedule_in(self.time_to_breakdown(), Event::Breaks)?;
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let mut machine = Machine { draws: Draws::new(1, 0), name: Name::new("press"), breakdowns: 0 };
//! let limits = Limits { horizon: Duration::from_days(365).after_start(), ..Limits::default() };
//! let run = simulate(&mut machine, limits, |machine, agenda| {
//!     agenda.schedule_in(machine.time_to_breakdown(), Event::Breaks)
//! })?;
//! assert!((5..25).contains(&machine.breakdowns));
//! assert_eq!(run.now, limits.horizon);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod delay;
mod draw;
mod name;
mod philox;
mod queue;
mod replicas;
mod run;
pub mod splitting;
pub mod statistics;

pub use clock::{Duration, DurationError, Time};
pub use delay::{Delay, DelayError, Lognormal, Pareto, Probability, ProbabilityError};
pub use draw::{Branch, Draw, Draws, Purpose, Technique};
pub use name::{Name, NameCollision};
pub use philox::philox_4x64_10;
pub use queue::{EventQueue, Handle, ScheduleError, Ties};
pub use replicas::run_replicas;
pub use run::{Agenda, End, Limits, Model, Run, RunError, Underway, simulate};
