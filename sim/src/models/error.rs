//! Why a campaign has no result.

use seglab_engine::CompileError;

use crate::kernel::{Duration, NameCollision, ProbabilityError, RunError, ScheduleError};

use super::plan::PlanError;
use super::poisson::MEAN_MAX;

/// Why a campaign has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CampaignError {
    /// There is nothing to simulate.
    #[error("no design was given, give at least one")]
    NoDesign,
    /// No replica was asked for.
    #[error("`0` replicas were asked for, give at least 1")]
    NoReplicas,
    /// A precision was asked for, and nothing of which to be sure.
    #[error(
        "no design has both an attacker and a critical unit, so there is no chance to be precise about: mark units with `critical`, or leave the precision out"
    )]
    NothingToKnow,
    /// A precision was asked for of some of the replicas.
    #[error(
        "a precision decides about the number of replicas, and a chunk has only some of them; leave one of the two out"
    )]
    PrecisionOfChunk,
    /// One replica, of which an interval was asked.
    #[error("`1` replica tells nothing of what others would do, give at least 2")]
    OneReplica,
    /// A parameter of something that no design declares.
    #[error("no design declares what `{0}` is of: declare an attacker or a monitor, or vary something else")]
    NothingToVary(&'static str),
    /// A value that a parameter cannot have.
    #[error("`{parameter}` cannot be {value}: give a value that it may have")]
    Value {
        /// The parameter.
        parameter: &'static str,
        /// The value.
        value: String,
    },
    /// No time was asked for.
    #[error("the horizon is `0`, give a time above zero")]
    NoHorizon,
    /// More flows than can be drawn at once.
    #[error("`{0}` flows per need were asked for, give at most {MEAN_MAX}")]
    TooManyFlows(u32),
    /// There is nobody to simulate.
    #[error("the design `{design}` declares no attacker: declare one under `attackers`, or simulate its traffic only")]
    NoAttacker {
        /// The design.
        design: String,
    },
    /// A name that no attacker has.
    #[error("the design `{design}` declares no attacker `{attacker}`: correct the name, or declare it")]
    UnknownAttacker {
        /// The design.
        design: String,
        /// The name.
        attacker: String,
    },
    /// The attacker has nowhere to start from.
    #[error("no unit of the design `{design}` is the foothold of the attacker `{attacker}`: correct its selector")]
    EmptyFoothold {
        /// The design.
        design: String,
        /// The attacker.
        attacker: String,
    },
    /// The attacker is after something that the design does not have.
    #[error(
        "the attacker `{attacker}` is after critical units, and the design `{design}` has none: mark them with `critical`, or choose another strategy without `exfiltration`"
    )]
    NoTarget {
        /// The design.
        design: String,
        /// The attacker.
        attacker: String,
    },
    /// There is no controller to take.
    #[error(
        "the attacker `{attacker}` takes controllers, and no point of the design `{design}` has one that is a unit: give points a `controller` by a unit's name, or leave out `takes-controllers`"
    )]
    NoController {
        /// The design.
        design: String,
        /// The attacker.
        attacker: String,
    },
    /// A scan rate that cannot be simulated.
    #[error(
        "`{rate}` attempts a second of the attacker `{attacker}` cannot be simulated over {horizon}: give a rate above 0 and at most {}",
        super::scan::RATE_MAX
    )]
    ScanRate {
        /// The attacker.
        attacker: String,
        /// The rate.
        rate: f64,
        /// The horizon.
        horizon: Duration,
    },
    /// A number of an attacker or a monitor that is no probability.
    #[error("{what}: {error}")]
    Probability {
        /// Whose it is.
        what: String,
        /// What is wrong with it.
        error: ProbabilityError,
    },
    /// A need's rate that is none.
    #[error(
        "the need from {from} to {to} has a rate of `{rate}` a second, which no source can keep: give a finite number that is zero or above, and periods above zero"
    )]
    NeedRate {
        /// The need's sources.
        from: String,
        /// The need's destinations.
        to: String,
        /// The rate.
        rate: f64,
    },
    /// A service that cannot answer.
    #[error(
        "the service `{station}` of the design `{design}` has no servers, or takes a time that is none: correct it"
    )]
    Station {
        /// The design.
        design: String,
        /// The service.
        station: String,
    },
    /// Units that wait for each other's answers forever.
    #[error("the synchronous needs of the design `{design}` form a cycle: {} waits for itself; make one need asynchronous", cycle.join(" waits for "))]
    SynchronousCycle {
        /// The design.
        design: String,
        /// The units, each of which waits for the next.
        cycle: Vec<String>,
    },
    /// One request sets off more requests than are simulated.
    #[error("one flow of the design `{design}` waits for more than {most} others: make some needs asynchronous")]
    FlowTree {
        /// The design.
        design: String,
        /// The most that are simulated.
        most: u32,
    },
    /// A point that cannot run as it is said to.
    #[error("the point `{point}` of the design `{design}` {problem}")]
    Operation {
        /// The design.
        design: String,
        /// The point.
        point: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A controller that cannot be out as it is said to.
    #[error("the controller `{controller}` of the design `{design}` {problem}")]
    Controller {
        /// The design.
        design: String,
        /// The controller.
        controller: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A unit that cannot move as it is said to.
    #[error("the unit `{unit}` of the design `{design}` {problem}")]
    Moves {
        /// The design.
        design: String,
        /// The unit.
        unit: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Reviewers who never approve anything, or whatever is asked for at once.
    #[error(
        "the design `{design}` has no reviewers, or reviews that take no time: give at least one of each, or leave `approval` out"
    )]
    Approval {
        /// The design.
        design: String,
    },
    /// More changes than engines are compiled for.
    #[error(
        "units and releases of the design `{design}` change it more often than {most} times: give longer times between moves, or a shorter horizon"
    )]
    Changes {
        /// The design.
        design: String,
        /// The most that are simulated.
        most: f64,
    },
    /// A state that the design comes to and that contradicts itself.
    #[error("the design `{design}` does not hold together after its changes: correct `moves` and `releases`")]
    Changed {
        /// The design.
        design: String,
    },
    /// More interfaces than the scan is spread over, which would make it faster than its rate.
    #[error(
        "the design `{design}` has {interfaces} interfaces, and scans are spread over `{addresses}` addresses: give at least as many"
    )]
    ScannedAddresses {
        /// The design.
        design: String,
        /// Its interfaces.
        interfaces: usize,
        /// The setting.
        addresses: u32,
    },
    /// The rule engine cannot take the design.
    #[error("the design `{design}`: {error}")]
    Compile {
        /// The design.
        design: String,
        /// Why.
        error: CompileError,
    },
    /// Two units whose draws would be the same.
    #[error(transparent)]
    Names(#[from] NameCollision),
    /// A replica was not simulated to its end.
    #[error("replica {replica} of the design `{design}`: {error}")]
    Run {
        /// The design.
        design: String,
        /// The replica.
        replica: u32,
        /// What went wrong.
        error: RunError<ScheduleError>,
    },
    /// Nothing that could be rare.
    #[error(
        "the design `{design}` has no attacker with a critical unit to take or ransomware to strike with: declare an attacker, and mark units with `critical`"
    )]
    NothingRare {
        /// The design.
        design: String,
    },
    /// It is not known how far an attack is from its goal.
    #[error("the design `{design}`: {error}")]
    Distance {
        /// The design.
        design: String,
        /// Why.
        error: PlanError,
    },
    /// A replica or design that the campaign does not have.
    #[error("the campaign has no design number {design} with a replica {replica}")]
    NoSuchReplica {
        /// The position of the design.
        design: usize,
        /// The replica.
        replica: u32,
    },
}
