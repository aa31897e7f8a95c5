//! One server and its queue (M/M/1, ρ = 0.7) in NeXosim: `seglab-peer-queues SECONDS` prints the requests that were served,
//! their mean time in seconds, and the seconds that it took, as one line of JSON.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

/// The mean times between requests and of the work on one, as in `scenarios/closed-forms/mm1.yaml`. [s]
const BETWEEN: f64 = 0.1;
const WORK: f64 = 0.07;

/// What is known in the end.
#[derive(Default)]
struct Served {
    requests: u64,
    seconds: f64,
}

#[derive(Serialize, Deserialize)]
pub struct Station {
    state: u64,
    waiting: VecDeque<MonotonicTime>,
    #[serde(skip)]
    served: Arc<Mutex<Served>>,
}

#[Model]
impl Station {
    #[nexosim(init)]
    async fn begin(&mut self, cx: &Context<Self>) {
        let delay = self.exponential(BETWEEN);
        let _ = cx.schedule_event(delay, schedulable!(Self::arrives), ());
    }

    #[nexosim(schedulable)]
    fn arrives(&mut self, (): (), cx: &Context<Self>) {
        self.waiting.push_back(cx.time());
        if self.waiting.len() == 1 {
            let delay = self.exponential(WORK);
            let _ = cx.schedule_event(delay, schedulable!(Self::is_done), ());
        }
        let delay = self.exponential(BETWEEN);
        let _ = cx.schedule_event(delay, schedulable!(Self::arrives), ());
    }

    #[nexosim(schedulable)]
    fn is_done(&mut self, (): (), cx: &Context<Self>) {
        if let (Some(came), Ok(mut served)) = (self.waiting.pop_front(), self.served.lock()) {
            served.requests += 1;
            served.seconds += cx.time().duration_since(came).as_secs_f64();
        }
        if !self.waiting.is_empty() {
            let delay = self.exponential(WORK);
            let _ = cx.schedule_event(delay, schedulable!(Self::is_done), ());
        }
    }
}

impl Station {
    /// An exponential time by SplitMix64, of a nanosecond at least, for no event may be scheduled for the present.
    fn exponential(&mut self, mean: f64) -> Duration {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let share = ((word >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        Duration::from_secs_f64(-mean * share.ln()).max(Duration::from_nanos(1))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = std::env::args().nth(1).ok_or("give the seconds to simulate")?.parse()?;
    let served = Arc::new(Mutex::new(Served::default()));
    let station = Station { state: 1, waiting: VecDeque::new(), served: Arc::clone(&served) };
    let mut simulation =
        SimInit::with_num_threads(1).add_model(station, Mailbox::new(), "station").init(MonotonicTime::EPOCH)?;
    let start = Instant::now();
    simulation.step_until(Duration::from_secs(seconds))?;
    let took = start.elapsed().as_secs_f64();
    let Ok(served) = served.lock() else { return Err("the model failed".into()) };
    let mean = served.seconds / served.requests as f64;
    println!("{{\"requests\": {}, \"mean_s\": {mean}, \"took_s\": {took}}}", served.requests);
    Ok(())
}
