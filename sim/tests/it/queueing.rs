//! A queue with a known answer, simulated: M/M/1 built on the kernel as its users build their models.

use std::num::NonZeroUsize;

use seglab_sim::kernel::statistics::{Confidence, Samples};
use seglab_sim::kernel::{
    Agenda, Draws, Duration, Limits, Model, Name, Purpose, Run, ScheduleError, Technique, Time, run_replicas, simulate,
};

const INTERARRIVAL: Purpose = Purpose::new(1);
const SERVICE: Purpose = Purpose::new(2);
const WAITING_AT_START: Purpose = Purpose::new(3);

const MEAN_INTERARRIVAL: Duration = Duration::from_millis(1_000);
const MEAN_SERVICE: Duration = Duration::from_millis(700);
const CUSTOMERS: u32 = 1_000;

enum Event {
    Arrival,
    Departure,
}

/// One server, customers in the order of arrival, Poisson arrivals, exponential service.
struct Station {
    draws: Draws,
    arrivals: u32,
    departures: u32,
    /// When each waiting customer came; the first one is being served.
    present: std::collections::VecDeque<Time>,
    wait_sum: Duration,
    waits: u32,
}

impl Station {
    fn duration(&self, purpose: Purpose, mean: Duration, number: u32) -> Duration {
        self.draws.at(purpose, Name::new("station"), Name::NONE, Technique::NONE, number).exponential(mean)
    }

    /// Serves the customer in front. Those who were there at the start are not counted, only served.
    fn serve(&mut self, agenda: &mut Agenda<Event>, counted: bool) -> Result<(), ScheduleError> {
        if let (Some(came), true) = (self.present.front(), counted) {
            self.wait_sum = self.wait_sum.saturating_add(agenda.now().since(*came));
            self.waits += 1;
        }
        let service = self.duration(SERVICE, MEAN_SERVICE, self.departures);
        agenda.schedule_in(service, Event::Departure)
    }
}

impl Model for Station {
    type Event = Event;
    type Error = ScheduleError;

    fn handle(&mut self, event: Event, agenda: &mut Agenda<Event>) -> Result<(), ScheduleError> {
        match event {
            Event::Arrival => {
                self.present.push_back(agenda.now());
                self.arrivals += 1;
                if self.present.len() == 1 {
                    self.serve(agenda, true)?;
                }
                let gap = self.duration(INTERARRIVAL, MEAN_INTERARRIVAL, self.arrivals);
                agenda.schedule_in(gap, Event::Arrival)?;
            }
            Event::Departure => {
                self.present.pop_front();
                self.departures += 1;
                if let Some(came) = self.present.front() {
                    let counted = *came > Time::START;
                    self.serve(agenda, counted)?;
                }
            }
        }
        if self.waits == CUSTOMERS {
            agenda.stop();
        }
        Ok(())
    }
}

/// Runs one replica from the stationary state, in which n are present with probability (1 − ρ)ρⁿ. What a customer who is
/// being served still needs is exponential too, so that the first service may be drawn afresh.
fn replica(number: u32) -> Result<(Station, Run), String> {
    let draws = Draws::new(2_024, number);
    let rho = MEAN_SERVICE.as_secs_f64() / MEAN_INTERARRIVAL.as_secs_f64();
    let u = draws.at(WAITING_AT_START, Name::new("station"), Name::NONE, Technique::NONE, 0).uniform();
    let at_start = (libm::log1p(-u) / libm::log(rho)) as usize;
    let mut station = Station {
        draws,
        arrivals: 0,
        departures: 0,
        present: std::iter::repeat_n(Time::START, at_start).collect(),
        wait_sum: Duration::ZERO,
        waits: 0,
    };
    let run = simulate(&mut station, Limits::default(), |station, agenda| {
        if !station.present.is_empty() {
            station.serve(agenda, false)?;
        }
        agenda.schedule_in(station.duration(INTERARRIVAL, MEAN_INTERARRIVAL, 0), Event::Arrival)
    });
    run.map(|run| (station, run)).map_err(|error| error.to_string())
}

/// The sum of waits of each replica \[ns\], in replica order.
fn campaign(threads: usize) -> Samples {
    let mut sums = Samples::default();
    let threads = NonZeroUsize::new(threads).unwrap();
    run_replicas(0..400, threads, replica, |_, (station, _)| sums.record(station.wait_sum.as_nanos())).unwrap();
    sums
}

/// The mean wait before service is ρ/(μ − λ): Kleinrock, "Queueing systems", volume 1, §3.2 with Little's law.
#[test]
fn the_mean_wait_is_the_closed_form_and_not_a_tenth_beside_it() {
    let sums = campaign(2);
    let to_seconds = 1e-9 / f64::from(CUSTOMERS);
    // The interval of 68.27 % is one standard error to each side.
    let mean = sums.mean(Confidence::new(0.682_689_492).unwrap()).unwrap();
    let (value, standard_error) = (mean.value * to_seconds, (mean.interval.high - mean.value) * to_seconds);
    let (lambda, mu) = (1.0 / MEAN_INTERARRIVAL.as_secs_f64(), 1.0 / MEAN_SERVICE.as_secs_f64());
    let expected = lambda / mu / (mu - lambda);
    let deviate = |expected: f64| (value - expected) / standard_error;
    assert!(deviate(expected).abs() < 4.0, "{value} ± {standard_error} against {expected}");
    assert!(deviate(expected * 1.1).abs() > 4.0, "{value} ± {standard_error} is too vague to mean anything");
}

#[test]
fn the_same_seed_gives_the_same_waits_on_any_number_of_threads() {
    let once = campaign(1);
    assert_eq!(once, campaign(1));
    assert_eq!(once, campaign(2));
    let (_, run) = replica(3).unwrap();
    assert!(run.events > u64::from(CUSTOMERS));
}
