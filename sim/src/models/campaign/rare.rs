//! Attacks that hardly ever succeed: how likely one is, by [importance splitting](crate::kernel::splitting).
//!
//! What is looked for is that the first critical unit is taken by the horizon or, of ransomware, that it strikes. An attack
//! is the nearer the fewer units are between, credentials counted, and the more time is left. What was decided from the
//! start (vulnerabilities that are there, gaps and failures of points, moves and releases) is the same in all clones of a replica.
//! Traffic is left out, for it does nothing to an attack.

use std::num::NonZeroU32;

use seglab_policy::{Privilege, Strategy, UnitId, WayIn};
use serde::Serialize;

use crate::kernel::splitting::{Repetition, levels, repetition};
use crate::kernel::statistics::{Confidence, Estimate, Interval, mean, ratio_of_means};
use crate::kernel::{Draws, Duration, RunError, ScheduleError, Underway, run_replicas};

use super::super::attack::{Attack, Board, Compass, Offence};
use super::super::changes::Timeline;
use super::super::operation::Running;
use super::super::plan::{self, Distance};
use super::super::{AttackerChoice, CampaignError};
use super::{Campaign, Settings, Stage};

/// How hard rare attacks are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rare {
    /// How many runs start at each level.
    pub starts: NonZeroU32,
    /// How many independent repetitions there are; [`Rare::REPETITIONS_MIN`] at least say how sure the result is.
    pub repetitions: NonZeroU32,
}

impl Rare {
    /// With fewer repetitions their spread says little.
    pub const REPETITIONS_MIN: u32 = 20;
}

/// How likely a rare attack on a design is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RareResult {
    /// The design.
    pub design: String,
    /// The attacker.
    pub attacker: String,
    /// What is looked for.
    pub goal: RareGoal,
    /// The chance that it happens by the horizon, with its 95% interval over repetitions; `None` if no run got there, which
    /// says nothing of how likely it is.
    pub chance: Option<Estimate>,
    /// False if no way leads from any foothold to the goal, and nothing opens one: the chance is none.
    pub reachable: bool,
    /// How many runs started at each level.
    pub starts: u32,
    /// How many levels there were, the goal included; 0 if the pilot did not get there.
    pub levels: u32,
    /// The chance as each repetition has it.
    pub repetitions: Vec<f64>,
    /// The number of events, the pilot's left out.
    pub events: u64,
    /// How many replicas would tell as much without splitting.
    pub worth_replicas: Option<f64>,
}

/// What a rare attack comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RareGoal {
    /// The first critical unit is taken.
    CriticalUnit,
    /// Ransomware strikes.
    Strike,
}

/// How many times as likely a rare attack is on a design as on another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RareRatio {
    /// The design.
    pub design: String,
    /// The design that it is held against.
    pub against: String,
    /// The chance on the design, divided by that on the other: see [`RareResult::ratio_to`].
    pub ratio: Option<Estimate>,
}

impl RareRatio {
    /// Holds every design after the first against the first.
    pub fn to_first(results: &[RareResult]) -> Vec<Self> {
        let Some((first, others)) = results.split_first() else { return Vec::new() };
        let ratio = |result: &RareResult| Self {
            design: result.design.clone(),
            against: first.design.clone(),
            ratio: result.ratio_to(first),
        };
        others.iter().map(ratio).collect()
    }
}

impl RareResult {
    /// How many times as likely this attack is as another one of the same campaign, with the 95% interval of
    /// [`ratio_of_means`] over the repetitions: those of one number begin in the same replicas, and draw the same until designs
    /// or levels make them part.
    ///
    /// Exactly 0 if no way leads to the goal here, but to the other's, with a chance that is known. `None` if either chance is not
    /// known, if no way leads to the other's goal, if the goals are not the same, or if what is known of either hangs on a single
    /// repetition.
    pub fn ratio_to(&self, other: &Self) -> Option<Estimate> {
        other.chance?;
        if self.goal != other.goal {
            return None;
        }
        if !self.reachable {
            return Some(Estimate { value: 0.0, interval: Interval { low: 0.0, high: 0.0 } });
        }
        ratio_of_means(&self.repetitions, &other.repetitions, Confidence::P95)
    }
}

impl Campaign<'_> {
    /// How likely attacks on each design succeed at all. Of the settings the replicas, their precision and the traffic do
    /// not count.
    ///
    /// # Errors
    /// A design has no attacker, or nothing for it to take; a replica takes more events than it may.
    pub fn rare(&self, rare: Rare) -> Result<Vec<RareResult>, CampaignError> {
        self.stages.iter().map(|stage| stage.rare(&self.settings, self.scanned_addresses, rare)).collect()
    }
}

/// What is decided from the start of a replica.
struct World<'a> {
    number: u32,
    draws: Draws,
    running: Option<Running<'a>>,
    timeline: Option<Timeline<'a>>,
}

impl Stage<'_> {
    fn rare(&self, settings: &Settings, scanned_addresses: u32, rare: Rare) -> Result<RareResult, CampaignError> {
        let nothing = || CampaignError::NothingRare { design: self.design.name().to_owned() };
        let offence = self.offence.as_ref().ok_or_else(nothing)?;
        let (goal, compass) = match offence.strategy {
            Strategy::Ransomware { .. } => (RareGoal::Strike, Compass::Strike),
            _ if self.critical.is_empty() => return Err(nothing()),
            _ => (RareGoal::CriticalUnit, self.compass(settings, scanned_addresses)?),
        };
        let starts = rare.starts.get();
        // The pilot's replicas are those after all repetitions'.
        let found = self
            .among(settings, rare.repetitions.get(), starts, &compass, |runs, draws| levels(runs, draws))?
            .unwrap_or_default();
        let mut repetitions: Vec<Repetition> = Vec::new();
        if !found.is_empty() {
            let play =
                |number| self.among(settings, number, starts, &compass, |runs, draws| repetition(&found, runs, draws));
            run_replicas(0..rare.repetitions.get(), settings.threads, play, |_, done| repetitions.push(done))?;
        }
        let chances: Vec<f64> = repetitions.iter().map(Repetition::chance).collect();
        let estimate = mean(&chances, Confidence::P95).filter(|estimate| estimate.value > 0.0);
        Ok(RareResult {
            design: self.design.name().to_owned(),
            attacker: offence.name.clone(),
            goal,
            chance: estimate.map(at_least_zero),
            reachable: !found.is_empty() || self.leads_somewhere(offence, &compass),
            starts,
            levels: found.len() as u32,
            worth_replicas: estimate.and_then(|estimate| worth(&chances, estimate.value)),
            repetitions: chances,
            events: repetitions.iter().map(|one| one.events).sum(),
        })
    }

    /// False if no way leads to the goal by declared points, and these are all there ever is.
    fn leads_somewhere(&self, offence: &Offence, compass: &Compass) -> bool {
        let Compass::Critical { distance, .. } = compass else { return true };
        let changes = self.operations.is_some() || self.changes.is_some() || offence.conduct.takes_controllers;
        let leads = |&unit: &UnitId| {
            let credentials = offence.credentials.iter().copied();
            distance.left(std::iter::once((unit, Privilege::Root)), credentials).is_some()
        };
        // With an update several units are the first.
        changes || offence.conduct.way_in == WayIn::SupplyChain || offence.footholds.iter().any(leads)
    }

    /// Plays with the replicas of one repetition, each at its start.
    fn among<T>(
        &self,
        settings: &Settings,
        number: u32,
        starts: u32,
        compass: &Compass,
        play: impl for<'a> FnOnce(Vec<Underway<Attack<'a>>>, Draws) -> Result<T, RunError<ScheduleError>>,
    ) -> Result<T, CampaignError> {
        let first = number.saturating_mul(starts);
        let world = |number| {
            let draws = Draws::new(settings.seed, number);
            let running = self.operations.as_ref().map(|operations| operations.in_replica(draws));
            let timeline = self.changes.as_ref().map(|changes| changes.in_replica(draws));
            World { number, draws, running, timeline }
        };
        let worlds: Vec<World<'_>> = (first..first.saturating_add(starts)).map(world).collect();
        let runs: Result<Vec<_>, _> =
            worlds.iter().filter_map(|world| self.at_start(settings, world, compass)).collect();
        let played = runs
            .and_then(|runs| play(runs, Draws::new(settings.seed, first)))
            .map_err(|error| CampaignError::Run { design: self.design.name().to_owned(), replica: first, error })?;
        match worlds.iter().find_map(|world| world.timeline.as_ref().and_then(Timeline::failure)) {
            Some(error) => Err(error),
            None => Ok(played),
        }
    }

    /// An attack at its start; `None` without an attacker.
    fn at_start<'a>(
        &'a self,
        settings: &Settings,
        world: &'a World<'a>,
        compass: &'a Compass,
    ) -> Option<Result<Underway<Attack<'a>>, RunError<ScheduleError>>> {
        let board = Board {
            network: &self.network,
            enforcement: self.enforcement.in_force(world.running.as_ref(), world.timeline.as_ref()),
            offence: self.offence.as_ref()?,
            defence: &self.defence,
            draws: world.draws,
            critical: &self.critical,
            compass: Some(compass),
            prospects: self.prospects.as_ref(),
        };
        let attack = Attack::new(board, world.number, false);
        Some(Underway::begin(attack, self.limits(settings, world.draws), Attack::begin))
    }

    /// Tells how far the critical units are.
    fn compass(&self, settings: &Settings, scanned_addresses: u32) -> Result<Compass, CampaignError> {
        let design = || self.design.name().to_owned();
        let attacker = super::attacker(self.design, &settings.attacker)?;
        let (Some(attacker), Some(offence)) = (attacker, &self.offence) else {
            return Err(CampaignError::NothingRare { design: design() });
        };
        let asked = plan::Settings {
            attacker: AttackerChoice::Nobody,
            pivot: settings.pivot,
            trust: settings.trust,
            scanned_addresses: NonZeroU32::new(scanned_addresses).unwrap_or(NonZeroU32::MIN),
            ..plan::Settings::default()
        };
        let distance = Distance::new(&self.network, &self.enforcement, attacker, &self.critical, &asked);
        let distance = distance.map_err(|error| CampaignError::Distance { design: design(), error })?;
        // A visit tries one of so many services, and an exploit works with a chance.
        let services = offence.footholds.first().and_then(|unit| self.network.reach(*unit));
        let services = services.map_or(1, |reach| reach.headers.len().max(1));
        let visits = f64::from(scanned_addresses) * offence.pause.as_secs_f64() * services as f64;
        let seconds = visits / offence.exploit.probability.get().max(1e-9) + offence.exploit.mean.as_secs_f64();
        Ok(Compass::Critical { distance, step: Duration::from_secs_f64(seconds).unwrap_or(Duration::MAX) })
    }
}

/// A chance is no less than none.
fn at_least_zero(mut estimate: Estimate) -> Estimate {
    estimate.interval.low = estimate.interval.low.max(0.0);
    estimate
}

/// How many replicas have the variance of the mean of these chances; `None` if they are all the same.
fn worth(chances: &[f64], mean: f64) -> Option<f64> {
    let n = chances.len() as f64;
    let variance = chances.iter().map(|chance| (chance - mean) * (chance - mean)).sum::<f64>() / (n - 1.0) / n;
    (variance > 0.0).then(|| mean * (1.0 - mean) / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A result with these repetitions; that of a design to whose goal no way leads if there are none.
    fn result(design: &str, repetitions: &[f64]) -> RareResult {
        RareResult {
            design: design.to_owned(),
            attacker: "intruder".to_owned(),
            goal: RareGoal::CriticalUnit,
            chance: mean(repetitions, Confidence::P95).filter(|chance| chance.value > 0.0),
            reachable: !repetitions.is_empty(),
            starts: 10,
            levels: 1,
            repetitions: repetitions.to_vec(),
            events: 0,
            worth_replicas: None,
        }
    }

    #[test]
    fn designs_are_held_against_the_first() {
        let results = [result("a", &[0.1, 0.3, 0.2]), result("b", &[0.2, 0.6, 0.4]), result("c", &[])];
        let ratios = RareRatio::to_first(&results);
        let names: Vec<_> = ratios.iter().map(|ratio| (ratio.design.as_str(), ratio.against.as_str())).collect();
        assert_eq!(names, [("b", "a"), ("c", "a")]);
        let known: Vec<Estimate> = ratios.iter().filter_map(|ratio| ratio.ratio).collect();
        // Twice as much in every repetition leaves nothing to chance, nor does what never happens.
        for (estimate, expected) in known.iter().zip([2.0, 0.0]) {
            for end in [estimate.value, estimate.interval.low, estimate.interval.high] {
                assert!((end - expected).abs() < 1e-12, "{estimate:?}");
            }
        }
        assert_eq!(known.len(), 2);
        assert_eq!((RareRatio::to_first(&[]), RareRatio::to_first(&results[..1])), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_not_known_has_no_ratio() {
        let (known, never) = (result("known", &[0.1, 0.3, 0.2]), result("never", &[]));
        let unknown = RareResult { reachable: true, ..result("unknown", &[]) };
        let nobody = result("nobody", &[0.0, 0.0, 0.0]);
        let once = result("once", &[0.0, 0.0, 0.2]);
        let strike = RareResult { goal: RareGoal::Strike, ..known.clone() };
        for (of, to) in [
            (&known, &never),
            (&never, &never),
            (&known, &unknown),
            (&unknown, &known),
            (&never, &unknown),
            (&nobody, &known),
            (&known, &nobody),
            (&once, &known),
            (&known, &once),
            (&strike, &known),
            (&known, &strike),
        ] {
            assert_eq!(of.ratio_to(to), None, "{} to {}", of.design, to.design);
        }
        assert!(known.ratio_to(&known).is_some());
    }
}
