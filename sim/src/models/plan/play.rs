//! A plan, played: every step is tried until it works, by the draws that campaigns use.

use seglab_policy::Design;

use crate::kernel::{Draws, Duration, Name, Probability, ProbabilityError, Technique as DrawnTechnique};

use super::super::purpose::{CONNECT, EXPLOIT, LOGIN, LURE, OUTCOME};
use super::steps::{Deed, Plan, Step};

/// The most attempts at one step. A step that works once in a thousand times gets there all but surely.
const ATTEMPTS_MAX: u32 = 1 << 20;

/// What one playing of a plan took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Played {
    /// Attempts, those that failed included.
    pub attempts: u64,
    /// What they cost.
    pub cost: f64,
    /// How long they took, one after the other, as far as times are known.
    pub time: Duration,
}

impl Plan {
    /// Plays the plan once; the same draws give the same course.
    ///
    /// # Errors
    /// A probability that is none.
    pub fn play(&self, design: &Design, draws: Draws) -> Result<Played, ProbabilityError> {
        let mut played = Played::default();
        for (position, step) in self.steps.iter().enumerate() {
            let probability = Probability::new(step.effort.success_probability)?;
            let who = step.by.map_or(Name::NONE, |unit| Name::new(&design.unit(unit).name));
            // One unit may be tried in several steps, whose outcomes have nothing to do with each other.
            let whom = step.deed.unit().or(step.by).map_or("", |unit| design.unit(unit).name.as_str());
            let whom = Name::of_parts([whom, step.technique.id, &position.to_string()]);
            for attempt in 0..ATTEMPTS_MAX {
                let mut draw = draws.at(OUTCOME, who, whom, technique(step), attempt);
                let works = draw.bernoulli(probability);
                played.attempts += 1;
                played.cost += step.effort.cost;
                if let Some(mean) = step.effort.mean_ns {
                    played.time = played.time.saturating_add(draw.exponential(Duration::from_nanos(mean)));
                }
                if works {
                    break;
                }
            }
        }
        Ok(played)
    }
}

fn technique(step: &Step) -> DrawnTechnique {
    match step.deed {
        Deed::Exploit { .. } => EXPLOIT,
        Deed::Login { .. } => LOGIN,
        Deed::Connect { .. } => CONNECT,
        Deed::Lure { .. } => LURE,
        Deed::Scan { .. } | Deed::FindCredentials { .. } | Deed::Escalate { .. } => DrawnTechnique::NONE,
    }
}
