//! Many replicas on several threads, reduced in the order of their numbers.
//!
//! Which thread runs which replica, and which one is done first, is up to the machine. Results must not be: each replica
//! is a pure function of its number, and what they give is reduced in the order of numbers, on the calling thread. So
//! one thread and ten give the same bytes, even where the reduction is a floating-point sum that depends on its order.
//!
//! A replica that takes long holds up the reduction, and finished ones wait for it in memory. The threads therefore run
//! ahead of it by a bounded number of replicas only.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use seglab_sim::kernel::run_replicas;
//! let threads = NonZeroUsize::new(2).unwrap();
//! let mut numbers = Vec::new();
//! run_replicas(10..20, threads, |replica| Ok::<_, String>(replica * replica), |replica, square| {
//!     numbers.push((replica, square));
//! })?;
//! assert_eq!(numbers.len(), 10);
//! assert_eq!(numbers[3], (13, 169));
//! # Ok::<(), String>(())
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

/// How far each thread may run ahead of the reduction \[replicas\].
const AHEAD_PER_THREAD: u32 = 16;

/// Runs the replicas with these numbers, and hands each result to `reduce` in the order of numbers.
///
/// # Errors
/// The error of the failed replica that has the lowest number; those before it were reduced, and none after it.
///
/// # Panics
/// Where `run` or `reduce` panics.
pub fn run_replicas<R, E>(
    numbers: Range<u32>,
    threads: NonZeroUsize,
    run: impl Fn(u32) -> Result<R, E> + Sync,
    mut reduce: impl FnMut(u32, R),
) -> Result<(), E>
where
    R: Send,
    E: Send,
{
    if threads.get() == 1 {
        for number in numbers {
            reduce(number, run(number)?);
        }
        return Ok(());
    }
    let ahead = u32::try_from(threads.get()).unwrap_or(u32::MAX).saturating_mul(AHEAD_PER_THREAD);
    let gate = Gate::new(numbers.clone(), ahead);
    thread::scope(|scope| {
        let _stop = StopOnExit(&gate);
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads.get() {
            let (sender, gate, run) = (sender.clone(), &gate, &run);
            scope.spawn(move || {
                let _stop = StopOnExit(gate);
                while let Some(number) = gate.claim() {
                    if sender.send((number, run(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        reduce_in_order(numbers, &receiver, &gate, &mut reduce)
    })
}

/// Takes results in any order and reduces them in the order of numbers, up to the first error.
fn reduce_in_order<R, E>(
    numbers: Range<u32>,
    results: &mpsc::Receiver<(u32, Result<R, E>)>,
    gate: &Gate,
    reduce: &mut impl FnMut(u32, R),
) -> Result<(), E> {
    let mut waiting = BTreeMap::new();
    for number in numbers {
        let result = loop {
            if let Some(result) = waiting.remove(&number) {
                break result;
            }
            match results.recv() {
                Ok((other, result)) => waiting.insert(other, result),
                // All threads are gone before their work is: one of them panicked, and the scope passes that on.
                Err(mpsc::RecvError) => return Ok(()),
            };
        };
        reduce(number, result?);
        gate.advance();
    }
    Ok(())
}

/// Hands out numbers to the threads, not too far ahead of the reduction.
struct Gate {
    state: Mutex<GateState>,
    moved: Condvar,
    end: u32,
    ahead: u32,
}

struct GateState {
    /// The next number to hand out.
    next: u32,
    /// The next number to be reduced.
    // INVARIANT: `next - reduced <= ahead`.
    reduced: u32,
    stopped: bool,
}

impl Gate {
    fn new(numbers: Range<u32>, ahead: u32) -> Self {
        let state = GateState { next: numbers.start, reduced: numbers.start, stopped: false };
        Self { state: Mutex::new(state), moved: Condvar::new(), end: numbers.end, ahead }
    }

    /// The next number to run, as soon as it is near enough; `None` when there is nothing more to do.
    fn claim(&self) -> Option<u32> {
        let state = self.lock();
        let too_far = |state: &mut GateState| !state.stopped && state.next - state.reduced >= self.ahead;
        let mut state = self.moved.wait_while(state, too_far).unwrap_or_else(PoisonError::into_inner);
        if state.stopped || state.next >= self.end {
            return None;
        }
        let number = state.next;
        state.next += 1;
        Some(number)
    }

    fn advance(&self) {
        self.lock().reduced += 1;
        self.moved.notify_all();
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.moved.notify_all();
    }

    /// The lock. Nothing in here panics while it is held, so what a panic elsewhere left behind is whole.
    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out no more numbers once the reduction ends or a thread does, be it by success, error or panic.
///
/// A replica that panics is never reduced, and without this the other threads would wait for it forever. A thread that
/// ends because all numbers are handed out stops nothing that is still to be done.
struct StopOnExit<'a>(&'a Gate);

impl Drop for StopOnExit<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn threads(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    #[test]
    fn the_error_of_the_lowest_number_wins_and_stops_the_reduction() {
        for n in [1, 2, 5] {
            let mut reduced = Vec::new();
            let run = |number| if number % 10 == 7 { Err(number) } else { Ok(number) };
            let result = run_replicas(0..1_000, threads(n), run, |number, _| reduced.push(number));
            assert_eq!(result, Err(7));
            assert_eq!(reduced, [0, 1, 2, 3, 4, 5, 6], "{n} threads");
        }
    }

    #[test]
    fn threads_run_ahead_by_a_bounded_number() {
        let started = AtomicU32::new(0);
        let reduced = AtomicU32::new(0);
        let most = AtomicU32::new(0);
        let run = |_| {
            let ahead = started.fetch_add(1, Ordering::SeqCst) + 1 - reduced.load(Ordering::SeqCst);
            most.fetch_max(ahead, Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        run_replicas(0..2_000, threads(2), run, |_, ()| {
            thread::yield_now();
            reduced.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
        assert_eq!(started.load(Ordering::SeqCst), 2_000);
        assert!(most.load(Ordering::SeqCst) <= 2 * AHEAD_PER_THREAD, "{most:?}");
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits_forever() {
        for n in [1, 2] {
            let run = |number| if number == 40 { panic!("replica 40") } else { Ok::<_, ()>(number) };
            let outcome = std::panic::catch_unwind(|| run_replicas(0..1_000, threads(n), run, |_, _| ()));
            assert!(outcome.is_err(), "{n} threads");
        }
    }

    #[test]
    fn no_replicas_and_more_threads_than_replicas() {
        assert_eq!(run_replicas(5..5, threads(3), |_| Ok::<_, ()>(()), |_, ()| panic!("nothing to reduce")), Ok(()));
        let mut reduced = Vec::new();
        run_replicas(5..7, threads(8), Ok::<_, ()>, |number, _| reduced.push(number)).unwrap();
        assert_eq!(reduced, [5, 6]);
    }
}
