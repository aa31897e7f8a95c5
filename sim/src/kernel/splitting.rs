//! Rare events by importance splitting: runs that come near what is looked for are copied there, and each copy goes on by
//! itself.
//!
//! A chance of one in a million takes a hundred million runs to be seen a hundred times. Split into six stages that each
//! take one run in ten on, it takes some thousands: the chance is the product of the shares that reach the next *level*.
//! How near a run has come is the model's word ([`Splits::nearness`]); a bad one costs precision and never makes the
//! result wrong, for whatever it says, the product has the chance as its mean.
//!
//! # Fixed effort
//! As many runs start at every level as at the first one, from the states in which runs got there, each state equally often up
//! to one (systematic resampling with a drawn offset). Copies draw by a [branch](super::Branch) of their own. Levels are
//! found by a pilot whose runs count for nothing ([`levels`]), for levels that were chosen from the runs that they judge
//! would make the product too large. One repetition of it all is one number; how sure it is, is read from independent
//! repetitions.
//!
//! Glasserman, Heidelberger, Shahabuddin and Zajic, *Multilevel splitting for estimating rare event probabilities*,
//! Operations Research 47 (1999); Garvels, *The splitting method in rare event simulation*, Twente 2000.

use super::{Draws, Model, Name, Purpose, RunError, Technique, Underway};

/// A model that can be split.
pub trait Splits: Model<Event: Clone> + Clone {
    /// How near this run has come to what is looked for: 1 once it has happened; never falls.
    fn nearness(&self) -> f64;

    /// Goes on as the clone with this number: by draws of a branch of its own.
    fn become_clone(&mut self, number: u32);
}

/// The share of a pilot's runs that a level is to let through.
const SHARE: f64 = 0.2;
/// The most levels that a pilot finds.
const LEVELS_MAX: usize = 1_000;
/// What the draw of an offset is for: no model's purpose.
const OFFSET: Purpose = Purpose::new(u16::MAX - 1);

/// What one repetition came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// How many runs started at every level.
    pub starts: u32,
    /// How many of them reached each level; none after one that nobody reached.
    pub reached: Vec<u32>,
    /// The number of events that happened.
    pub events: u64,
}

impl Repetition {
    /// The product of the shares that reached each level.
    pub fn chance(&self) -> f64 {
        self.reached.iter().map(|reached| f64::from(*reached) / f64::from(self.starts)).product()
    }
}

/// Runs that start together and go from level to level.
struct Crowd<M: Model> {
    runs: Vec<Underway<M>>,
    draws: Draws,
    stage: u32,
    events: u64,
}

impl<M: Splits> Crowd<M> {
    fn new(runs: Vec<Underway<M>>, draws: Draws) -> Self {
        Self { runs, draws, stage: 0, events: 0 }
    }

    /// Lets every run go on to a level; leaves those that reach it, and tells how many these are.
    fn go_to(&mut self, level: f64) -> Result<u32, RunError<M::Error>> {
        let mut reached = Vec::new();
        for mut run in std::mem::take(&mut self.runs) {
            let before = run.events();
            let is_there = run.until(|model| model.nearness() >= level)?.is_none();
            self.events += run.events() - before;
            if is_there {
                reached.push(run);
            }
        }
        self.runs = reached;
        Ok(self.runs.len() as u32)
    }

    /// Copies the runs until there are so many, each as often as any other up to one.
    fn multiply(&mut self, starts: u32) {
        self.stage += 1;
        let mut draw = self.draws.at(OFFSET, Name::NONE, Name::NONE, Technique::NONE, self.stage);
        let offset = draw.uniform();
        let (held, step) = (&self.runs, self.runs.len() as f64 / f64::from(starts));
        let copies = (0..starts).filter_map(|number| {
            let from = (f64::from(number) + offset) * step;
            let mut run = held.get((from as usize).min(held.len().saturating_sub(1)))?.clone();
            run.model.become_clone(number);
            Some(run)
        });
        self.runs = copies.collect();
    }
}

/// Levels that each let about a fifth of the runs through, the last one being 1; `None` where no run of so many came
/// any nearer, and the pilot does not know how to go on. `runs` are at their start.
///
/// # Errors
/// A run fails, or takes more events than it may.
pub fn levels<M: Splits>(runs: Vec<Underway<M>>, draws: Draws) -> Result<Option<Vec<f64>>, RunError<M::Error>> {
    let starts = runs.len() as u32;
    let wanted = (f64::from(starts) * SHARE) as usize;
    let mut last = runs.iter().map(|run| run.model.nearness()).fold(1.0, f64::min);
    let mut crowd = Crowd::new(runs, draws);
    let mut levels = Vec::new();
    if last >= 1.0 {
        return Ok(Some(vec![last]));
    }
    while levels.len() < LEVELS_MAX {
        let mut nearest = Vec::with_capacity(crowd.runs.len());
        for run in &crowd.runs {
            let mut run = run.clone();
            run.until(|model| model.nearness() >= 1.0)?;
            nearest.push(run.model.nearness());
        }
        nearest.sort_unstable_by(|a, b| b.total_cmp(a));
        let deep = nearest.get(wanted.max(1) - 1).copied().filter(|near| *near > last);
        // Where hardly any gets further, the nearest step is far enough.
        let Some(next) = deep.or_else(|| nearest.iter().rev().copied().find(|near| *near > last)) else {
            return Ok(None);
        };
        levels.push(next);
        if next >= 1.0 {
            return Ok(Some(levels));
        }
        last = next;
        crowd.go_to(next)?;
        crowd.multiply(starts);
    }
    Ok(None)
}

/// Plays one repetition: `runs` at their start, and what became of them and their copies at each level.
///
/// # Errors
/// A run fails, or takes more events than it may.
pub fn repetition<M: Splits>(
    levels: &[f64],
    runs: Vec<Underway<M>>,
    draws: Draws,
) -> Result<Repetition, RunError<M::Error>> {
    let starts = runs.len() as u32;
    let mut crowd = Crowd::new(runs, draws);
    let mut reached = Vec::with_capacity(levels.len());
    for (at, &level) in levels.iter().enumerate() {
        if at > 0 {
            crowd.multiply(starts);
        }
        let count = crowd.go_to(level)?;
        reached.push(count);
        if count == 0 {
            break;
        }
    }
    Ok(Repetition { starts, reached, events: crowd.events })
}
