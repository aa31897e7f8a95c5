//! What the simulator's event queue costs, beside the standard heap in the same run.
//!
//! `kernel [HOLDS [PENDING …]]` measures *holds*: the next event is taken out and another one scheduled, so that as many stay pending
//! (W. McCormack and R. Sargent, "Analysis of future event set algorithms for discrete event simulation", CACM 24, 1981).
//! Both queues make the same holds, in turns, by the time that the thread was on a processor; of each the median over the
//! turns is shown, and the fastest turn, which is what neighbours of a shared machine disturbed least. Before each size both queues are aged, for a queue that was filled at once looks like no other.
//! In the end `simulate` makes holds, too: the loop, the limits and a draw for every delay, as models do.

use seglab_sim::kernel::{
    Agenda, Draws, Duration, EventQueue, Limits, Model, Name, Purpose, ScheduleError, Technique, Time, simulate,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

const PENDING: [usize; 3] = [1_000, 100_000, 1_000_000];
const TURNS: usize = 15;
/// Delays that are drawn before the clock runs, used over and over; a power of two.
const DELAYS: usize = 1 << 16;

#[expect(clippy::print_stdout, clippy::expect_used, reason = "a tool that prints what it measures")]
fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().expect("numbers")).collect();
    let (holds, sizes) = numbers.split_first().map_or((1_000_000, &[][..]), |(holds, sizes)| (*holds, sizes));
    let sizes = if sizes.is_empty() { &PENDING[..] } else { sizes };
    println!(
        "| delays | pending | ns a hold | fastest | M holds/s | fastest | `BinaryHeap`, ns a hold | fastest | times as fast | fastest |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for kind in KINDS {
        for &pending in sizes {
            let [own, heap] = measure(&delays(kind), pending, holds);
            let pair = |of: fn(f64, f64) -> f64| {
                format!("{:.1} | {:.1}", of(own.median, heap.median), of(own.fastest, heap.fastest))
            };
            let (times, rate) = (pair(|own, _| own), pair(|own, _| 1e3 / own));
            let (others, ratio) = (pair(|_, heap| heap), pair(|own, heap| heap / own));
            println!("| {kind} | {pending} | {times} | {rate} | {others} | {ratio} |");
        }
    }
    println!("\n| pending | ns an event of `simulate` with an exponential draw | M events/s |");
    println!("| --- | --- | --- |");
    for &pending in sizes {
        let ns = simulated(pending, holds);
        println!("| {pending} | {ns:.1} | {:.1} |", 1e3 / ns);
    }
}

/// Kinds of delays, all of a mean of about a second.
const KINDS: [&str; 4] = ["exponential", "one in ten long", "constant", "ties"];

fn draw(number: u32) -> seglab_sim::kernel::Draw {
    Draws::new(1, 0).at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, number)
}

fn delays(kind: &str) -> Vec<u64> {
    let second = Duration::from_secs(1);
    let one = |number: u32| match kind {
        "exponential" => draw(number).exponential(second),
        "one in ten long" => draw(number).exponential(if number.is_multiple_of(10) {
            second.saturating_mul(10)
        } else {
            Duration::from_millis(100)
        }),
        "constant" => second,
        // Whole milliseconds: hundreds of events happen at once.
        _ => Duration::from_millis(draw(number).exponential(second).as_nanos() / 1_000_000),
    };
    (0..DELAYS as u32).map(|number| one(number).as_nanos()).collect()
}

/// Nanoseconds of a hold, over all turns.
#[derive(Clone, Copy)]
struct Times {
    median: f64,
    fastest: f64,
}

/// What a hold of the event queue takes, and one of the heap.
fn measure(delays: &[u64], pending: usize, holds: usize) -> [Times; 2] {
    let mut own = Own { queue: EventQueue::with_limit(usize::MAX), next: 0 };
    let mut heap = Heap { keys: BinaryHeap::new(), sequence: 0, next: 0 };
    for event in 0..pending {
        let at = draw(u32::MAX - event as u32).exponential(Duration::from_secs(1));
        own.begin(at.as_nanos(), event as u32);
        heap.begin(at.as_nanos(), event as u32);
    }
    own.hold(delays, 2 * pending);
    heap.hold(delays, 2 * pending);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        let ([of_own, of_heap], mut sums) = (&mut times, [0u64; 2]);
        of_own.push(timed(|| sums[0] = own.hold(delays, holds)));
        of_heap.push(timed(|| sums[1] = heap.hold(delays, holds)));
        assert_eq!(sums[0], sums[1], "both queues give the same events in the same order");
    }
    times.map(|mut times| {
        times.sort_unstable();
        let at = |turn: usize| times.get(turn).copied().unwrap_or_default() as f64 / holds as f64;
        Times { median: at(TURNS / 2), fastest: at(0) }
    })
}

struct Own {
    queue: EventQueue<u32>,
    next: usize,
}

impl Own {
    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    fn begin(&mut self, at: u64, event: u32) {
        self.queue.schedule(Time::from_nanos(at), event).expect("there is room");
    }

    /// Makes holds, and sums up what left the queue in an order-dependent way.
    #[inline(never)]
    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    fn hold(&mut self, delays: &[u64], holds: usize) -> u64 {
        let mut sum = 0u64;
        for _ in 0..holds {
            let (at, event) = self.queue.pop().expect("some are pending");
            sum = sum.rotate_left(1) ^ at.as_nanos() ^ u64::from(event);
            let delay = delays.get(self.next % DELAYS).copied().unwrap_or_default();
            self.next += 1;
            self.queue.schedule(Time::from_nanos(at.as_nanos() + delay), event).expect("there is room");
        }
        black_box(sum)
    }
}

/// The standard heap with a sequence number, without which the order of simultaneous events would be undefined.
struct Heap {
    keys: BinaryHeap<Reverse<(u64, u64, u32)>>,
    sequence: u64,
    next: usize,
}

impl Heap {
    fn begin(&mut self, at: u64, event: u32) {
        self.keys.push(Reverse((at, self.sequence, event)));
        self.sequence += 1;
    }

    #[inline(never)]
    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    fn hold(&mut self, delays: &[u64], holds: usize) -> u64 {
        let mut sum = 0u64;
        for _ in 0..holds {
            let Reverse((at, _, event)) = self.keys.pop().expect("some are pending");
            sum = sum.rotate_left(1) ^ at ^ u64::from(event);
            let delay = delays.get(self.next % DELAYS).copied().unwrap_or_default();
            self.next += 1;
            self.keys.push(Reverse((at + delay, self.sequence, event)));
            self.sequence += 1;
        }
        black_box(sum)
    }
}

/// A model whose events each schedule the next one of their own.
struct Holds {
    draws: Draws,
    handled: u32,
}

impl Model for Holds {
    type Event = u32;
    type Error = ScheduleError;

    #[inline]
    fn handle(&mut self, event: u32, agenda: &mut Agenda<u32>) -> Result<(), ScheduleError> {
        self.handled += 1;
        let mut draw = self.draws.at(Purpose::new(1), Name::NONE, Name::NONE, Technique::NONE, self.handled);
        agenda.schedule_in(draw.exponential(Duration::from_secs(1)), event)
    }
}

/// Nanoseconds of an event of `simulate`, the start left out.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn simulated(pending: usize, holds: usize) -> f64 {
    let mut times = Vec::new();
    for turn in 0..TURNS as u32 {
        let run = |events: usize| {
            let mut model = Holds { draws: Draws::new(1, turn), handled: 0 };
            let horizon = Duration::from_secs_f64(events as f64 / pending as f64).expect("short enough").after_start();
            let limits = Limits { horizon, ..Limits::default() };
            let mut events = 0;
            let time = timed(|| {
                let run = simulate(&mut model, limits, |model, agenda| {
                    (0..pending as u32).try_for_each(|event| model.handle(event, agenda))
                });
                events = run.expect("within its limits").events;
            });
            (time, events)
        };
        let ((short, few), (long, many)) = (run(holds), run(3 * holds));
        times.push(long.saturating_sub(short) as f64 / (many - few) as f64);
    }
    times.sort_by(f64::total_cmp);
    times.get(TURNS / 2).copied().unwrap_or_default()
}

/// Nanoseconds that the thread was on a processor; by the clock where the system does not tell.
#[allow(clippy::disallowed_types, reason = "benches measure time")]
fn timed(work: impl FnOnce()) -> u64 {
    let on_processor = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (start, before) = (std::time::Instant::now(), on_processor());
    work();
    let by_clock = start.elapsed().as_nanos() as u64;
    before.zip(on_processor()).map_or(by_clock, |(before, after)| after - before)
}
