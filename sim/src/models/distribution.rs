//! When enforcement points learn of what changes.
//!
//! A change waits for the controller of a point, if that is out; then for the point's API, if that takes so many a time, one after
//! the other in their order; and the point has it after a delay of its own.

use seglab_policy::{Design, PointId};

use crate::kernel::{Draws, Duration, Name, Purpose, Technique, Time};

use super::CampaignError;
use super::outages::{History, Outages};
use super::purpose::OUTAGE;

/// How each point of a design learns of changes.
pub(super) struct Distribution {
    points: Vec<Learner>,
    controllers: Vec<(Name, Outages)>,
    horizon: Time,
}

struct Learner {
    name: Name,
    /// The position of its controller, if that is ever out.
    controller: Option<usize>,
    /// How long its API takes for a change.
    pause: Duration,
    delay: Duration,
}

/// How they do in one replica.
pub(super) struct Channels<'a> {
    of: &'a Distribution,
    draws: Draws,
    /// By controller.
    outages: Vec<History>,
    /// By point, when its API is done with what came so far.
    free: Vec<Time>,
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
    pub(super) fn new(design: &Design, horizon: Duration) -> Result<Self, CampaignError> {
        let controllers = design.controllers().iter().map(|controller| {
            let outages = Outages::new(controller.fails_every_ns, controller.repair_ns, horizon);
            let outages = outages.map_err(|problem| CampaignError::Controller {
                design: design.name().to_owned(),
                controller: controller.name.clone(),
                problem,
            })?;
            Ok((Name::new(&controller.name), outages))
        });
        let controllers = controllers.collect::<Result<_, CampaignError>>()?;
        let points = design.points().iter().map(|point| {
            let per_second = point.operation.updates_per_second;
            if per_second.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
                let (design, point) = (design.name().to_owned(), point.name.clone());
                let problem = "takes no updates: give a rate above zero, or leave it out";
                return Err(CampaignError::Operation { design, point, problem });
            }
            let named = |name: &String| design.controllers().iter().position(|one| one.name == *name);
            Ok(Learner {
                name: Name::new(&point.name),
                controller: point.controller.as_ref().and_then(named),
                pause: per_second.map_or(Duration::ZERO, |rate| Duration::saturating_from_nanos_f64(1e9 / rate)),
                delay: Duration::from_nanos(point.operation.update_mean_ns),
            })
        });
        let points = points.collect::<Result<_, _>>()?;
        Ok(Self { points, controllers, horizon: horizon.after_start() })
    }

    pub(super) fn in_replica(&self, draws: Draws) -> Channels<'_> {
        let outages = self.controllers.iter().map(|(name, outages)| {
            outages.history(self.horizon, |number| draws.at(OUTAGE, *name, Name::NONE, Technique::NONE, number))
        });
        Channels { of: self, draws, outages: outages.collect(), free: vec![Time::START; self.points.len()] }
    }
}

impl Channels<'_> {
    /// When a point knows of a change that is made now; those that are made earlier are asked for earlier.
    pub(super) fn known(&mut self, point: PointId, now: Time, news: News) -> Time {
        let at = point.0 as usize;
        let (Some(learner), Some(free)) = (self.of.points.get(at), self.free.get_mut(at)) else { return now };
        let outages = learner.controller.and_then(|controller| self.outages.get(controller));
        let sent = outages.map_or(now, |outages| outages.at_work_from(now));
        *free = sent.max(*free).saturating_add(learner.pause);
        let taken = if learner.pause.is_zero() { sent } else { *free };
        let mut draw = self.draws.at(news.purpose, learner.name, news.about, news.technique, news.number);
        taken.saturating_add(draw.exponential(learner.delay))
    }
}
