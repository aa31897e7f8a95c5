//! Live matchers: a policy that changes while packets are decided.
//!
//! A new policy is compiled beside the one that decides, by whoever changes it, and takes its place in one step
//! (read-copy-update; McKenney and Slingwine, 1998). Who decides takes a *snapshot* and keeps it for as long as it likes,
//! a batch for instance: nobody waits, and no packet is judged partly by one policy and partly by another. A version is
//! what a snapshot is told apart by.
//!
//! ```
//! use seglab_engine::{Limits, LiveMatcher};
//! use seglab_policy::{Assume, Design, Draft};
//! let design = |name: &str| Design::new(Draft { name: name.to_owned(), ..Draft::default() }).expect("no contradictions");
//! let live = LiveMatcher::new(&design("before"), Assume::business(), Limits::default())?;
//! let snapshot = live.snapshot();
//! assert_eq!(live.publish(&design("after"))?, 2);
//! assert_eq!((snapshot.version(), live.snapshot().version()), (1, 2));
//! # Ok::<(), seglab_engine::CompileError>(())
//! ```

use super::Matcher;
use crate::engine::{CompileError, Limits};
use arc_swap::ArcSwap;
use seglab_policy::{Assume, Design};
use std::sync::{Arc, Mutex, PoisonError};

/// A matcher whose policy can be replaced while others decide by it.
#[derive(Debug)]
pub struct LiveMatcher {
    assume: Assume,
    limits: Limits,
    current: ArcSwap<Snapshot>,
    /// Held while a policy is compiled, so that of two the one published last is the one that was asked for last.
    publishing: Mutex<()>,
}

/// The policy of one version, compiled.
#[derive(Debug)]
pub struct Snapshot {
    matcher: Matcher,
    version: u64,
}

impl Snapshot {
    /// Decides by the policy of this version.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// How many policies there were up to this one.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl LiveMatcher {
    /// Compiles a design as version 1.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn new(design: &Design, assume: Assume, limits: Limits) -> Result<Self, CompileError> {
        let matcher = Matcher::compile(design, assume, limits)?;
        let first = Arc::new(Snapshot { matcher, version: 1 });
        Ok(Self { assume, limits, current: ArcSwap::new(first), publishing: Mutex::new(()) })
    }

    /// The policy that decides now. Takes no lock, and what is returned stays as it is.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Compiles another design and lets it decide from here on; returns its version. The policy so far decides while
    /// this one is compiled, and goes on where it cannot be.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn publish(&self, design: &Design) -> Result<u64, CompileError> {
        // What the lock guards is an order, which a panic elsewhere does not break.
        let _order = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let matcher = Matcher::compile(design, self.assume, self.limits)?;
        let version = self.current.load().version + 1;
        self.current.store(Arc::new(Snapshot { matcher, version }));
        Ok(version)
    }
}
