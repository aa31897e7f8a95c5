//! Live matchers: a policy that changes while packets are decided.
//!
//! What changes is written beside what decides, by whoever changes it, and takes its place in one step (read-copy-update;
//! McKenney and Slingwine, 1998). Who decides takes a *snapshot* and keeps it for as long as it likes, a batch for
//! instance: nobody waits, and no packet is judged partly by one policy and partly by another. A version is what a snapshot
//! is told apart by.
//!
//! One rule, one unit's labels or one address is changed with [`LiveMatcher::apply`], which touches what the update is
//! about and nothing else; where that cannot be done, everything is compiled anew, and [`Applied::recompiled`] says why.
//! A whole policy is replaced with [`LiveMatcher::publish`].
//!
//! Addresses are bound to units as a matcher was told. One that is not told of a move judges by the old address, as
//! appliances do whose rules are stale; [`Snapshot::moves`] says how many moves a snapshot knows of.
//!
//! ```
//! use seglab_engine::{Limits, LiveMatcher, LiveRule, Update};
//! use seglab_policy::{Assume, arbitrary::design_of};
//! let design = design_of(3);
//! let live = LiveMatcher::new(&design, Assume::business(), Limits::default())?;
//! let snapshot = live.snapshot();
//! let rule = *live.rules().first().expect("the design has rules");
//! let applied = live.apply(&[Update::Remove(rule)]).expect("the rule is there");
//! assert_eq!((snapshot.version(), live.snapshot().version(), applied.version), (1, 2, 2));
//! assert!(!live.rules().contains(&LiveRule(rule.0)));
//! # Ok::<(), seglab_engine::CompileError>(())
//! ```

use super::Matcher;
use super::compile::Foundation;
use super::ledger::{Held, Ledger, Why};
use super::pair_table::Room;
use super::policy::{LiveRule, Policy, Update, UpdateError};
use crate::engine::{CompileError, Limits};
use crate::population::number;
use arc_swap::ArcSwap;
use seglab_policy::{Assume, Design, DesignError, Family};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A matcher whose policy can be changed while others decide by it.
pub struct LiveMatcher {
    assume: Assume,
    limits: Limits,
    current: ArcSwap<Snapshot>,
    /// Held while a policy changes, so that of two changes the one made last is the one that was asked for last.
    writer: Mutex<Writer>,
}

/// What changes a policy.
struct Writer {
    policy: Policy,
    /// What the tables of each family rest on; `None` where there are none, and everything has to be compiled anew.
    ledgers: Option<[Option<Ledger>; 2]>,
}

/// The policy of one version, compiled.
#[derive(Debug)]
pub struct Snapshot {
    matcher: Matcher,
    version: u64,
    moves: u64,
}

/// What became of updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The version that they made.
    pub version: u64,
    /// The rules that were added, in their order.
    pub added: Vec<LiveRule>,
    /// Why everything was compiled anew, if it was.
    pub recompiled: Option<Why>,
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

    /// How many units had moved to other addresses, as far as this version knows.
    pub fn moves(&self) -> u64 {
        self.moves
    }
}

impl std::fmt::Debug for LiveMatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveMatcher")
            .field("assume", &self.assume)
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Compiles a policy with room for updates.
    fn compile(
        policy: Policy,
        design: &Design,
        assume: Assume,
        limits: Limits,
    ) -> Result<(Self, Matcher), CompileError> {
        let (matcher, foundations) = Matcher::compile_with(design, assume, limits, Room::ForUpdates)?;
        let ledgers = ledgers(&matcher, foundations, &policy);
        Ok((Self { policy, ledgers }, matcher))
    }

    /// Makes an update, in the policy only where everything will be compiled anew.
    fn make(&mut self, update: &Update, added: &mut Vec<LiveRule>, anew: bool) -> Result<(), Why> {
        let Self { policy, ledgers } = self;
        let ledgers = ledgers.iter_mut().flatten().flatten().filter(|_| !anew);
        match update {
            Update::Add { tier, rule } => {
                let at = policy.add(*tier, rule.as_ref().clone());
                added.push(at);
                replace(policy, ledgers, at)
            }
            Update::Remove(rule) => {
                policy.replace(*rule, None);
                replace(policy, ledgers, *rule)
            }
            Update::Change { rule, to } => {
                policy.replace(*rule, Some(to.as_ref().clone()));
                replace(policy, ledgers, *rule)
            }
            Update::Relabel { unit, labels } => {
                let points = policy.relabel(*unit, labels.clone()).ok_or(Why::Points)?;
                for ledger in ledgers {
                    ledger.relabel(*unit, &policy.units, &points)?;
                }
                Ok(())
            }
            Update::Move { unit, interface, to } => {
                if !policy.rebind(*unit, *interface, *to) {
                    return Err(Why::Addresses);
                }
                let family = Family::of(*to);
                for ledger in ledgers.filter(|ledger| ledger.family() == family) {
                    ledger.move_interface(*unit, *interface, number(*to))?;
                }
                Ok(())
            }
        }
    }

    /// Puts what was written into a matcher.
    fn write(&mut self, matcher: &mut Matcher) -> Result<(), Why> {
        for (family, ledger) in matcher.families.iter_mut().zip(self.ledgers.iter_mut().flatten()) {
            if let (Some(family), Some(ledger)) = (family, ledger) {
                let (tables, directory) = ledger.publish()?;
                (family.tables, family.directory) = (Ok(tables), directory);
            }
        }
        Ok(())
    }
}

/// Replaces a rule in every ledger by what the policy says of it now.
fn replace<'l>(policy: &Policy, ledgers: impl Iterator<Item = &'l mut Ledger>, rule: LiveRule) -> Result<(), Why> {
    for ledger in ledgers {
        let held = policy.get(rule).and_then(|kept| {
            let order = policy.order(kept.tier)?;
            Some(Held { rule: &kept.rule, tier: kept.tier, order, sequence: kept.sequence })
        });
        ledger.replace(rule, held, &policy.units)?;
    }
    Ok(())
}

/// The ledgers of a matcher; `None` if a family has no tables.
fn ledgers(matcher: &Matcher, foundations: [Option<Foundation>; 2], policy: &Policy) -> Option<[Option<Ledger>; 2]> {
    let (mut ledgers, rules) = ([None, None], policy.rules());
    for ((ledger, foundation), family) in ledgers.iter_mut().zip(foundations).zip(&matcher.families) {
        let Some(family) = family else { continue };
        let tables = family.tables.as_ref().ok()?;
        let mut made = Ledger::new(foundation?, tables, &family.directory, &policy.units, &rules)?;
        made.note_order(|rule| {
            let kept = policy.get(rule)?;
            Some((kept.rule.priority, kept.sequence))
        });
        *ledger = Some(made);
    }
    Some(ledgers)
}

impl LiveMatcher {
    /// Compiles a design as version 1.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn new(design: &Design, assume: Assume, limits: Limits) -> Result<Self, CompileError> {
        let (writer, matcher) = Writer::compile(Policy::new(design), design, assume, limits)?;
        let first = Arc::new(Snapshot { matcher, version: 1, moves: 0 });
        Ok(Self { assume, limits, current: ArcSwap::new(first), writer: Mutex::new(writer) })
    }

    /// The policy that decides now. Takes no lock, and what is returned stays as it is.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The rules that there are, in the order in which [`LiveMatcher::design`] has them.
    pub fn rules(&self) -> Vec<LiveRule> {
        self.writer().policy.rules()
    }

    /// The policy as a design.
    ///
    /// # Errors
    /// Contradictions that updates have brought about.
    pub fn design(&self) -> Result<Design, Vec<DesignError>> {
        self.writer().policy.design()
    }

    /// Compiles another design and lets it decide from here on; returns its version. The policy so far decides while
    /// this one is compiled, and goes on where it cannot be. The rules are numbered anew.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn publish(&self, design: &Design) -> Result<u64, CompileError> {
        let mut writer = self.writer();
        let (compiled, matcher) = Writer::compile(Policy::new(design), design, self.assume, self.limits)?;
        *writer = compiled;
        Ok(self.show(matcher, 0))
    }

    /// Makes updates, in their order, and lets the changed policy decide from here on, all of them at once. None is made
    /// if one of them is refused.
    ///
    /// # Errors
    /// See [`UpdateError`]. Where the changed policy cannot be compiled, the policy so far goes on deciding until another
    /// update makes it one that can be.
    pub fn apply(&self, updates: &[Update]) -> Result<Applied, UpdateError> {
        let mut writer = self.writer();
        writer.policy.check(updates)?;
        let mut added = Vec::new();
        let mut moves = 0;
        let mut trouble = if writer.ledgers.is_some() { None } else { Some(Why::Untabled) };
        for update in updates {
            let made = writer.make(update, &mut added, trouble.is_some());
            moves += u64::from(matches!(update, Update::Move { .. }));
            trouble = trouble.or(made.err());
        }
        let mut matcher = self.current.load().matcher.clone();
        if trouble.is_none() {
            trouble = writer.write(&mut matcher).err();
        }
        if trouble.is_some() {
            writer.ledgers = None;
            let design = writer.policy.design().map_err(UpdateError::Design)?;
            let (compiled, foundations) = Matcher::compile_with(&design, self.assume, self.limits, Room::ForUpdates)?;
            matcher = compiled;
            writer.ledgers = ledgers(&matcher, foundations, &writer.policy);
        }
        Ok(Applied { version: self.show(matcher, moves), added, recompiled: trouble })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Whoever panics in the middle of an update leaves ledgers behind that are not used any more.
        self.writer.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut writer = poisoned.into_inner();
            writer.ledgers = None;
            writer
        })
    }

    fn show(&self, matcher: Matcher, moves: u64) -> u64 {
        let now = self.current.load();
        let version = now.version + 1;
        let snapshot = Snapshot { matcher, version, moves: now.moves + moves };
        self.current.store(Arc::new(snapshot));
        version
    }
}
