//! How likely by when: cumulative incidence where something else may come first.
//!
//! "When is the database owned?" has no mean, for in some replicas the attacker is quarantined before it comes to that,
//! and in others the campaign ends. A mean over the replicas in which it *was* owned would make a design look worse the
//! better it delays. What can be said is the *cumulative incidence*: the probability that it was owned by the time t,
//! quarantine being a *competing risk* that prevents it for good.
//!
//! The estimator is that of Aalen and Johansen (1978) for one transient and two absorbing states: with n replicas still
//! undecided just before t, of which d see the event at t and c its competitor, and with S the share undecided so far,
//! the incidence grows by S·d/n and S shrinks by the factor 1 − (d+c)/n. A replica that is censored at t counts as
//! undecided up to and including t.
//!
//! Where all replicas are censored at one common horizon and nowhere before, S·d/n telescopes to d over the number of
//! replicas: the estimator *is* the share of replicas with the event by t, and [`IncidenceCurve::proportion_at`] gives it
//! with its counts, and so with exact intervals. The general form is for campaigns that stop watching some replicas
//! early.
//!
//! ```
//! use seglab_sim::kernel::Time;
//! use seglab_sim::kernel::statistics::{Fate, Incidence};
//! let day = |d: u64| Time::from_nanos(d * 86_400_000_000_000);
//! let mut owned = Incidence::default();
//! owned.record(day(2), Fate::Event);
//! owned.record(day(3), Fate::Competitor);
//! owned.record(day(9), Fate::Event);
//! owned.record(day(30), Fate::Censored);
//! let curve = owned.curve();
//! assert_eq!(curve.at(day(5)), 0.25);
//! assert_eq!(curve.at(day(30)), 0.5);
//! assert_eq!(curve.time_to(0.5), Some(day(9)));
//! assert_eq!(curve.time_to(0.6), None, "it never gets that likely");
//! assert_eq!(curve.proportion_at(day(30)).map(|p| (p.events(), p.trials())), Some((2, 4)));
//! ```

use serde::{Deserialize, Serialize};

use super::Proportion;
use crate::kernel::{Duration, Time};

/// What became of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The event happened.
    Event,
    /// Something happened that prevents the event for good.
    Competitor,
    /// Neither had happened when watching ended.
    Censored,
}

/// The fates of replicas, in replica order. It is serialised as its [curve](Incidence::curve).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "IncidenceCurve")]
pub struct Incidence {
    fates: Vec<(Time, Fate)>,
}

/// Cumulative incidence as a step function of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IncidenceCurve {
    replicas: u64,
    /// The first time at which a replica was censored.
    #[serde(rename = "censored_from_ns")]
    censored_from: Option<Time>,
    // INVARIANT: times ascend strictly.
    steps: Vec<Step>,
}

/// One time at which events or competitors happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// When.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// Replicas undecided just before.
    pub at_risk: u64,
    /// Events at this time.
    pub events: u64,
    /// Competitors at this time.
    pub competitors: u64,
    /// The probability of the event up to and including this time.
    pub incidence: f64,
    /// The probability of the competitor up to and including this time.
    pub competitor_incidence: f64,
}

impl Incidence {
    /// Adds the next replica: what became of it, and when.
    pub fn record(&mut self, at: Time, fate: Fate) {
        self.fates.push((at, fate));
    }

    /// Adds the replicas that follow.
    pub fn merge(&mut self, later: &Self) {
        self.fates.extend_from_slice(&later.fates);
    }

    /// The fates in replica order.
    pub fn fates(&self) -> &[(Time, Fate)] {
        &self.fates
    }

    /// The Aalen–Johansen estimate.
    pub fn curve(&self) -> IncidenceCurve {
        let mut fates = self.fates.clone();
        fates.sort_unstable();
        let mut at_risk = fates.len() as u64;
        let mut curve = IncidenceCurve { replicas: at_risk, ..IncidenceCurve::default() };
        let (mut undecided, mut incidence, mut competitor_incidence) = (1.0, 0.0, 0.0);
        for tied in fates.chunk_by(|one, next| one.0 == next.0) {
            let Some((at, _)) = tied.first().copied() else { continue };
            let count = |fate| tied.iter().filter(|(_, other)| *other == fate).count() as u64;
            let (events, competitors, censored) = (count(Fate::Event), count(Fate::Competitor), count(Fate::Censored));
            if events + competitors > 0 {
                let n = at_risk as f64;
                incidence += undecided * events as f64 / n;
                competitor_incidence += undecided * competitors as f64 / n;
                undecided *= (at_risk - events - competitors) as f64 / n;
                curve.steps.push(Step { at, at_risk, events, competitors, incidence, competitor_incidence });
            }
            if censored > 0 {
                curve.censored_from.get_or_insert(at);
            }
            at_risk -= tied.len() as u64;
        }
        curve
    }
}

impl From<Incidence> for IncidenceCurve {
    fn from(incidence: Incidence) -> Self {
        incidence.curve()
    }
}

impl IncidenceCurve {
    /// The steps, in the order of time.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many replicas it is estimated from.
    pub fn replicas(&self) -> u64 {
        self.replicas
    }

    /// The probability of the event by the time `at`.
    pub fn at(&self, at: Time) -> f64 {
        let after = self.steps.partition_point(|step| step.at <= at);
        after.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0.0, |step| step.incidence)
    }

    /// The replicas with the event by the time `at`, of all; `None` if some replica was censored before, so that the
    /// share of replicas would be too small an estimate.
    pub fn proportion_at(&self, at: Time) -> Option<Proportion> {
        if self.censored_from.is_some_and(|from| from < at) {
            return None;
        }
        let events = self.steps.iter().take_while(|step| step.at <= at).map(|step| step.events).sum();
        Proportion::new(events, self.replicas)
    }

    /// The first time by which the event has at least the probability `share`; `None` if it never does.
    pub fn time_to(&self, share: f64) -> Option<Time> {
        // Sums of n shares 1/n may stay a rounding error below the share that is meant.
        self.steps.iter().find(|step| step.incidence >= share - 1e-12).map(|step| step.at)
    }

    /// The expected time without the event up to `horizon`, a replica that saw the competitor counting as one without the
    /// event for good: the restricted mean, the area above the curve. It exists whatever the share of events.
    pub fn restricted_mean(&self, horizon: Time) -> Duration {
        let steps = self.steps.iter().take_while(|step| step.at < horizon);
        let (mut area_ns, mut from, mut incidence) = (0.0, Time::START, 0.0);
        for (at, next) in steps.map(|step| (step.at, step.incidence)).chain([(horizon, 0.0)]) {
            area_ns += (1.0 - incidence) * at.since(from).as_nanos() as f64;
            (from, incidence) = (at, next);
        }
        Duration::saturating_from_nanos_f64(area_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(s: u64) -> Time {
        Duration::from_secs(s).after_start()
    }

    fn curve(fates: &[(u64, Fate)]) -> IncidenceCurve {
        let mut incidence = Incidence::default();
        for (at, fate) in fates {
            incidence.record(t(*at), *fate);
        }
        incidence.curve()
    }

    /// Worked by hand. Times 1e, 2c, 3x, 4e, 4c, 6x, 7e: at risk 7, 6, –, 4, –, 1.
    #[test]
    fn censoring_raises_what_comes_later() {
        use Fate::{Censored, Competitor, Event};
        let curve = curve(&[
            (4, Competitor),
            (1, Event),
            (6, Censored),
            (2, Competitor),
            (3, Censored),
            (4, Event),
            (7, Event),
        ]);
        let first = 1.0 / 7.0;
        let undecided_after_2 = 6.0 / 7.0 * 5.0 / 6.0;
        let second = first + undecided_after_2 / 4.0;
        let third = second + undecided_after_2 * 0.5;
        for (at, expected) in [(0, 0.0), (1, first), (3, first), (4, second), (6, second), (7, third), (99, third)] {
            assert!((curve.at(t(at)) - expected).abs() < 1e-15, "{at}");
        }
        assert_eq!(curve.steps().iter().map(|step| step.at_risk).collect::<Vec<_>>(), [7, 6, 4, 1]);
        assert_eq!(curve.proportion_at(t(3)), Proportion::new(1, 7), "censoring at 3 comes after what happens at 3");
        assert_eq!(curve.proportion_at(t(4)), None);
        let last = curve.steps().last().unwrap();
        assert!((last.incidence + last.competitor_incidence - 1.0).abs() < 1e-15);
    }

    #[test]
    fn an_event_at_the_time_of_censoring_counts() {
        let curve = curve(&[(5, Fate::Censored), (5, Fate::Event)]);
        assert_eq!(curve.at(t(5)), 0.5);
        assert_eq!(curve.proportion_at(t(5)), Proportion::new(1, 2));
    }

    #[test]
    fn the_restricted_mean_is_the_mean_of_cut_off_times() {
        let curve = curve(&[(2, Fate::Event), (3, Fate::Competitor), (8, Fate::Event), (10, Fate::Censored)]);
        assert_eq!(curve.restricted_mean(t(10)), Duration::from_millis((2 + 10 + 8 + 10) * 1_000 / 4));
        assert_eq!(curve.restricted_mean(t(5)), Duration::from_millis((2 + 5 + 5 + 5) * 1_000 / 4));
        assert_eq!(curve.restricted_mean(Time::START), Duration::ZERO);
    }

    #[test]
    fn no_replicas_and_no_events() {
        assert_eq!(curve(&[]).at(t(1)), 0.0);
        assert_eq!(curve(&[]).proportion_at(t(1)), Proportion::new(0, 0));
        let quiet = curve(&[(10, Fate::Censored), (10, Fate::Censored)]);
        assert_eq!(quiet.restricted_mean(t(10)), Duration::from_secs(10));
        assert_eq!(quiet.time_to(0.1), None);
    }
}
