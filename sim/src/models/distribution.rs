//! When enforcement points learn of what changes: each after a delay of its own.

use seglab_policy::{Design, PointId};

use crate::kernel::{Draw, Draws, Duration, Name, Purpose, Technique, Time};

/// How each point of a design learns of changes.
pub(super) struct Distribution {
    points: Vec<Learner>,
}

struct Learner {
    name: Name,
    delay: Duration,
}

/// How they do in one replica.
pub(super) struct Channels<'a> {
    of: &'a Distribution,
    draws: Draws,
}

/// What draws call a change.
#[derive(Clone, Copy)]
pub(super) struct News {
    pub(super) purpose: Purpose,
    pub(super) about: Name,
    pub(super) technique: Technique,
    pub(super) number: u32,
}

impl Distribution {
    pub(super) fn new(design: &Design) -> Self {
        let points = design.points().iter().map(|point| Learner {
            name: Name::new(&point.name),
            delay: Duration::from_nanos(point.operation.update_mean_ns),
        });
        Self { points: points.collect() }
    }

    pub(super) fn in_replica(&self, draws: Draws) -> Channels<'_> {
        Channels { of: self, draws }
    }
}

impl Channels<'_> {
    /// When a point knows of a change that is made now; those that are made earlier are asked for earlier.
    pub(super) fn known(&mut self, point: PointId, now: Time, news: News) -> Time {
        let Some(learner) = self.of.points.get(point.0 as usize) else { return now };
        let mut draw: Draw = self.draws.at(news.purpose, learner.name, news.about, news.technique, news.number);
        now.saturating_add(draw.exponential(learner.delay))
    }
}
