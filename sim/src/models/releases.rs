//! Releases in the course of a replica: when they go ahead, and when their rules come and go.
//!
//! # How policy comes about
//! On its date a release asks for the rules that are written for it. Requests wait in their order until a reviewer is free, and
//! are approved after an exponential time; points have the rules when they learn of them. A release that is held up goes ahead
//! when its rules are in force at every point that carries them; any other one on its date. When it goes ahead its needs begin,
//! others end, and it asks for the removal of the rules that go with it: another request, of the same queue. Until that is
//! in force at every point, there are rules that no need is left for. Without reviewers whatever is asked for is approved at once.

use std::collections::BTreeMap;

use seglab_policy::{Approval, Design, PointId, Release, Rulebook, RulebookId};

use crate::kernel::{Draws, Duration, Name, Time};

use super::CampaignError;
use super::distribution::{Channels, News};
use super::purpose::{ADDED, REMOVED, REVIEW, ROLLED_OUT};
use super::replica::Delays;

/// The releases of a design.
pub(super) struct Releases<'a> {
    /// By date, then name.
    releases: Vec<Dated<'a>>,
    approval: Option<&'a Approval>,
    /// The rulebook of each point.
    carried: Vec<RulebookId>,
}

struct Dated<'a> {
    position: usize,
    name: Name,
    of: &'a Release,
    /// By rulebook, how many rules it takes out and puts in.
    books: BTreeMap<RulebookId, Rules>,
}

/// How many rules of a rulebook a release changes.
#[derive(Clone, Copy, Default)]
pub(super) struct Rules {
    pub(super) retired: usize,
    pub(super) added: usize,
}

/// What became of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Its position in the design.
    pub release: usize,
    /// Its date.
    pub date: Time,
    /// When its rules were approved; [`Time::MAX`] if they were not by the horizon.
    pub approved: Time,
    /// When it went ahead; [`Time::MAX`] if it did not by the horizon.
    pub live: Time,
    /// When each point has its rules, in the order of the design; [`Time::MAX`] where none has by the horizon.
    pub added: Vec<Time>,
    /// When each point is without the rules that go with it.
    pub retired: Vec<Time>,
}

impl Rollout {
    /// When its rules were due: where it did not wait for them, when it went ahead.
    pub(super) fn due(&self) -> Time {
        self.live.min(self.approved)
    }

    /// All times at which something about it changes.
    pub(super) fn times(&self) -> impl Iterator<Item = Time> {
        self.added.iter().chain(&self.retired).copied().chain([self.live, self.due()])
    }
}

impl<'a> Releases<'a> {
    pub(super) fn new(design: &'a Design) -> Result<Self, CampaignError> {
        let approval = design.approval();
        if approval.is_some_and(|approval| approval.reviewers == 0 || approval.review_mean_ns == 0) {
            return Err(CampaignError::Approval { design: design.name().to_owned() });
        }
        let mut order: Vec<(usize, &Release)> = design.releases().iter().enumerate().collect();
        order.sort_by_key(|(_, release)| (release.at_ns, release.name.as_str()));
        // What a release takes out may have come with an earlier one.
        let ids = (0u32..).map(RulebookId);
        let mut books: Vec<(RulebookId, Rulebook)> = ids.zip(design.rulebooks().iter().cloned()).collect();
        let releases = order.into_iter().map(|(position, of)| {
            let changed = books.iter_mut().map(|(id, book)| {
                let retired = of.retire_from(book);
                of.add_to(*id, book);
                (*id, Rules { retired, added: of.adds.iter().filter(|addition| addition.rulebook == *id).count() })
            });
            let books = changed.filter(|(_, rules)| rules.retired + rules.added > 0).collect();
            Dated { position, name: Name::new(&of.name), of, books }
        });
        let releases = releases.collect();
        Ok(Self { releases, approval, carried: design.points().iter().map(|point| point.rulebook).collect() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.releases.is_empty()
    }

    /// How many changes they make to rules, and to when needs are asked for.
    pub(super) fn changes(&self) -> usize {
        3 * self.releases.len()
    }

    /// Each release before its date: what waits for nothing goes ahead on it.
    pub(super) fn planned(&self, horizon: Time) -> Vec<Rollout> {
        let never = || vec![Time::MAX; self.carried.len()];
        let planned = self.releases.iter().map(|dated| {
            let date = Time::from_nanos(dated.of.at_ns);
            let live = if date <= horizon && !self.is_held(dated) { date } else { Time::MAX };
            Rollout { release: dated.position, date, approved: Time::MAX, live, added: never(), retired: never() }
        });
        planned.collect()
    }

    fn is_held(&self, dated: &Dated<'_>) -> bool {
        self.approval.is_some_and(|approval| approval.holds) && !dated.of.adds.is_empty()
    }

    /// True if a release has rules that are written for it.
    pub(super) fn adds(&self, release: usize) -> bool {
        self.releases.get(release).is_some_and(|dated| !dated.of.adds.is_empty())
    }

    /// True if rules go with a release.
    pub(super) fn retires(&self, release: usize) -> bool {
        self.releases.get(release).is_some_and(|dated| dated.books.values().any(|rules| rules.retired > 0))
    }

    /// How many rules of a rulebook a release changes.
    pub(super) fn of_book(&self, release: usize, book: RulebookId) -> Rules {
        let books = self.releases.get(release).map(|dated| &dated.books);
        books.and_then(|books| books.get(&book)).copied().unwrap_or_default()
    }

    /// When each reviewer is free: from the start.
    pub(super) fn reviewers(&self) -> Vec<Time> {
        vec![Time::START; self.approval.map_or(0, |approval| approval.reviewers as usize)]
    }

    /// When a request that is made now is approved; earlier requests are asked for earlier.
    pub(super) fn approved(
        &self,
        release: usize,
        removal: bool,
        now: Time,
        reviewers: &mut [Time],
        draws: Draws,
    ) -> Time {
        let (Some(approval), Some(dated)) = (self.approval, self.releases.get(release)) else { return now };
        let Some(free) = reviewers.iter_mut().min() else { return now };
        let technique = if removal { REMOVED } else { ADDED };
        let mut draw = draws.at(REVIEW, dated.name, Name::NONE, technique, 0);
        let mean = Duration::from_nanos(approval.review_mean_ns);
        *free = (*free).max(now).saturating_add(draw.exponential(mean));
        *free
    }

    /// What is approved now comes to the points that carry it.
    pub(super) fn bring(
        &self,
        rollout: &mut Rollout,
        release: usize,
        removal: bool,
        now: Time,
        channels: &mut Channels<'_>,
    ) {
        let Some(dated) = self.releases.get(release) else { return };
        let technique = if removal { REMOVED } else { ADDED };
        let news = News { purpose: ROLLED_OUT, about: dated.name, technique, number: 0 };
        let points = (0u32..).map(PointId).zip(&self.carried);
        let is_changed = |book: &RulebookId| {
            let rules = dated.books.get(book).copied().unwrap_or_default();
            if removal { rules.retired > 0 } else { rules.added > 0 }
        };
        let known = points.map(|(id, book)| if is_changed(book) { channels.known(id, now, news) } else { now });
        let known: Vec<Time> = known.collect();
        if removal {
            rollout.retired = known;
        } else {
            rollout.approved = now;
            rollout.live = rollout.live.min(known.iter().copied().max().unwrap_or(now));
            rollout.added = known;
        }
    }

    /// Takes the rules that go with a release out of a rulebook, and puts its own in, as far as that is done.
    pub(super) fn apply(&self, release: usize, out: bool, in_force: bool, id: RulebookId, book: &mut Rulebook) {
        let Some(dated) = self.releases.get(release) else { return };
        if out {
            dated.of.retire_from(book);
        }
        if in_force {
            dated.of.add_to(id, book);
        }
    }

    /// For how long releases were held up, and rules in force that no need was left for; `None` without releases.
    pub(super) fn delays(&self, rollouts: &[Rollout], horizon: Time) -> Option<Delays> {
        if self.releases.is_empty() {
            return None;
        }
        let mut delays = Delays::default();
        for (dated, rollout) in self.releases.iter().zip(rollouts) {
            let live = rollout.live.min(horizon);
            delays.held_up_ns = delays.held_up_ns.saturating_add(live.since(rollout.date).as_nanos());
            for (book, rules) in &dated.books {
                let carriers = rollout.retired.iter().zip(&self.carried).filter(|(_, carried)| *carried == book);
                let Some(gone) = carriers.map(|(gone, _)| *gone).max() else { continue };
                let ns = gone.min(horizon).since(live).as_nanos().saturating_mul(rules.retired as u64);
                delays.outlived_ns = delays.outlived_ns.saturating_add(ns);
            }
        }
        Some(delays)
    }
}
