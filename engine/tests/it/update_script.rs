//! Chains of updates against a policy compiled anew and the reference evaluator, whatever bytes say: which design, under
//! which assumption, and what is changed about it. The fuzz target `policy_updates` runs the same file.

use seglab_engine::{Applied, Decision, Limits, LiveMatcher, Matcher, Recompiled, Update, UpdateError, Workload};
use seglab_policy::arbitrary::{connection_of, design_of};
use seglab_policy::{
    Action, AddressSet, Assume, Connection, Covers, Design, Family, Order, Peer, Rule, RulebookId, Selector, Side,
    TierId, Trust, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most steps of a chain.
const STEPS_MAX: u64 = 16;

/// What was met along a chain.
#[derive(Clone, Default, Debug)]
pub(crate) struct Met {
    /// Updates that were made in small steps, by their kind.
    pub(crate) small_steps: BTreeMap<&'static str, usize>,
    /// How often everything was compiled anew, and why; `None` where it was not.
    pub(crate) reasons: BTreeMap<Option<Recompiled>, usize>,
    /// Updates that were refused, which changes nothing.
    pub(crate) refused: usize,
}

/// After which steps the policy is compiled anew, too: that takes longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    EveryStep,
    LastStep,
}

/// Choices that bytes make: zeros where there are no more.
pub(crate) struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Choices<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or_default()
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        let few = usize::from(self.byte());
        let drawn = if bound > 256 { few << 8 | usize::from(self.byte()) } else { few };
        drawn.checked_rem(bound).unwrap_or(0)
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).cloned()
    }

    fn assume(&mut self) -> Assume {
        let drawn = self.byte();
        Assume {
            as_if_enforced: drawn & 1 != 0,
            trust: match (drawn >> 1) % 3 {
                0 => Trust::Intact,
                1 => Trust::OwnAgentVoid,
                _ => Trust::ControllerVoid,
            },
            owned: match (drawn >> 3) % 3 {
                0 => None,
                1 => Some(Side::Source),
                _ => Some(Side::Destination),
            },
            host_owned: drawn & 0x80 != 0,
        }
    }

    fn unit(&mut self, design: &Design) -> Option<UnitId> {
        self.pick(&design.unit_ids().collect::<Vec<UnitId>>())
    }

    /// A peer of some rule, anyone, units with or without a label that some unit has, a few addresses, or `mine`.
    fn peer(&mut self, design: &Design, mine: &Peer) -> Peer {
        let label = |choices: &mut Self| {
            let labelled = design.units().iter().filter(|unit| !unit.labels.is_empty());
            let unit = choices.pick(&labelled.collect::<Vec<_>>())?;
            let labels: Vec<_> = unit.labels.iter().collect();
            choices.pick(&labels).map(|(key, value)| Selector::label(key, value))
        };
        match self.below(10) {
            0..4 => {
                let peers: Vec<&Peer> = design.rules().flat_map(|(_, rule)| [&rule.from, &rule.to]).collect();
                self.pick(&peers).cloned().unwrap_or(Peer::Anyone)
            }
            4 => Peer::Anyone,
            5 | 6 => label(self).map_or(Peer::Anyone, Peer::Units),
            7 => label(self).map_or(Peer::Anyone, |one| Peer::Units(Selector::Not(Box::new(one)))),
            8 => {
                let drawn = u32::from(self.byte());
                let first = Ipv4Addr::from_bits(0x0A00_0000 + (drawn & 15));
                let last = Ipv4Addr::from_bits(first.to_bits() + (drawn >> 4 & 7));
                let covers = if drawn & 0x80 == 0 { Covers::All } else { Covers::External };
                Peer::Addresses { set: AddressSet::from_range(first.into(), last.into()), covers }
            }
            _ => mine.clone(),
        }
    }

    /// A rule of the design with other peers, and maybe other services, another action and another priority.
    fn rule(&mut self, design: &Design, order: Order) -> Option<Rule> {
        let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
        let mut rule = self.pick(&rules)?.clone();
        rule.from = self.peer(design, &rule.from.clone());
        rule.to = self.peer(design, &rule.to.clone());
        if self.below(10) < 3 {
            rule.services.clone_from(&self.pick(&rules)?.services);
        }
        if order == Order::AllowUnion {
            rule.action = Action::Allow;
        } else if self.below(10) < 4 {
            rule.action = self.pick(&[Action::Allow, Action::Deny, Action::Pass])?;
        }
        rule.priority = self.pick(&[-1, 0, 1, 2, 3])?;
        Some(rule)
    }

    /// An update of a design as it is; `None` where there is nothing to update.
    pub(crate) fn update(&mut self, design: &Design, live: &LiveMatcher) -> Option<Update> {
        let order = |tier: TierId| Some(design.rulebook(tier.rulebook).tiers.get(tier.tier as usize)?.order);
        match self.below(8) {
            0 | 1 => {
                let books = (0..).map(RulebookId).zip(design.rulebooks());
                let tiers = books.flat_map(|(rulebook, held)| {
                    (0u32..).zip(&held.tiers).map(move |(tier, _)| TierId { rulebook, tier })
                });
                let tier = self.pick(&tiers.collect::<Vec<TierId>>())?;
                Some(Update::Add { tier, rule: Box::new(self.rule(design, order(tier)?)?) })
            }
            2 => self.pick(&live.rules()).map(Update::Remove),
            3 | 4 => {
                let tiers = design.rules().map(|(id, _)| TierId { rulebook: id.rulebook, tier: id.tier });
                let (rule, tier) = self.pick(&live.rules().into_iter().zip(tiers).collect::<Vec<_>>())?;
                Some(Update::Change { rule, to: Box::new(self.rule(design, order(tier)?)?) })
            }
            5 | 6 => {
                let (unit, other) = (self.unit(design)?, self.unit(design)?);
                let mut labels = design.unit(unit).labels.clone();
                match self.pick(&design.unit(other).labels.iter().collect::<Vec<_>>()) {
                    Some((key, value)) => _ = labels.insert(key.clone(), value.clone()),
                    None => labels.clear(),
                }
                Some(Update::Relabel { unit, labels })
            }
            _ => {
                let unit = self.unit(design)?;
                let interfaces = (0u16..).zip(&design.unit(unit).interfaces);
                let (interface, held) = self.pick(&interfaces.collect::<Vec<_>>())?;
                let step = u32::from(self.byte()) % 24;
                let to: IpAddr = match held.address.family() {
                    Family::V4 => Ipv4Addr::from_bits(0x0A00_0000 + step).into(),
                    Family::V6 => Ipv6Addr::from_bits((0xFD00 << 112) + u128::from(step)).into(),
                };
                Some(Update::Move { unit, interface, to })
            }
        }
    }
}

/// Plays a chain: four bytes number a design, one is an assumption, the rest are updates. After every step the policy
/// decides as the reference evaluator says, and where it is compiled anew, as that does.
///
/// # Panics
/// Where they differ.
pub(crate) fn play(script: &[u8], fresh: Fresh) -> Met {
    let mut met = Met::default();
    let Some((seed, rest)) = script.split_first_chunk() else { return met };
    let seed = u64::from(u32::from_le_bytes(*seed));
    let design = design_of(seed);
    let mut choices = Choices::new(rest);
    let (assume, limits) = (choices.assume(), Limits::default());
    let live = LiveMatcher::new(&design, assume, limits).unwrap();
    // Where a point judges replies there are no tables to change; a few of those are enough.
    if live.snapshot().matcher().layouts().any(|layout| layout.form.is_err()) && seed % 8 > 0 {
        return met;
    }
    for step in 0..STEPS_MAX {
        if choices.bytes.len() == 0 {
            break;
        }
        let design = live.design().unwrap();
        // Mostly one update at a time, sometimes several at once.
        let count = if choices.below(5) == 1 { 3 } else { 1 };
        let updates: Vec<Update> = (0..count).filter_map(|_| choices.update(&design, &live)).collect();
        let before = live.snapshot();
        match live.apply(&updates) {
            Ok(Applied { version, recompiled, .. }) => {
                assert_eq!(version, before.version() + 1);
                *met.reasons.entry(recompiled).or_default() += 1;
                if recompiled.is_none() {
                    updates.iter().for_each(|update| *met.small_steps.entry(kind(update)).or_default() += 1);
                }
            }
            Err(UpdateError::Design(_) | UpdateError::Compile(_)) => break,
            // Nothing was changed.
            Err(_) => {
                assert_eq!(live.snapshot().version(), before.version());
                met.refused += 1;
            }
        }
        let changed = live.design().unwrap();
        let place = format!("seed {seed} step {step}: {updates:?}");
        agree_with_evaluator(live.snapshot().matcher(), &changed, assume, seed * 100 + step, &place);
        if fresh == Fresh::EveryStep || choices.bytes.len() == 0 || step + 1 == STEPS_MAX {
            let anew = Matcher::compile(&changed, assume, limits).unwrap();
            agree_with_evaluator(&anew, &changed, assume, seed * 100 + step, &place);
            agree_by_address([live.snapshot().matcher(), &anew], &changed, seed * 100 + step, &place);
        }
    }
    met
}

fn kind(update: &Update) -> &'static str {
    match update {
        Update::Add { .. } => "add",
        Update::Remove(_) => "remove",
        Update::Change { .. } => "change",
        Update::Relabel { .. } => "relabel",
        Update::Move { .. } => "move",
    }
}

fn agree_with_evaluator(matcher: &Matcher, design: &Design, assume: Assume, seed: u64, place: &str) {
    let mut connections: Vec<Connection> = Workload::generate(design, seed, 60).connections().to_vec();
    connections.extend((0..20).map(|at| connection_of(design, seed * 31 + at)));
    for connection in &connections {
        let Some(said) = matcher.decide(connection) else { continue };
        let wanted = Decision::from(design.evaluate(connection, assume).verdict);
        let normal = || seglab_policy::normal_form::write(design);
        assert_eq!(said, wanted, "{place}: {}\n{}", connection.display(design), normal());
    }
}

/// By address: what tables of addresses say, for addresses in and around everything that is spoken of.
fn agree_by_address(matchers: [&Matcher; 2], design: &Design, seed: u64, place: &str) {
    let workload = Workload::generate(design, seed + 7, 120);
    let spaces: BTreeSet<&str> =
        design.units().iter().flat_map(|unit| &unit.interfaces).map(|one| one.space.as_str()).collect();
    for space in spaces {
        let packets = workload.packets_v4(design, space);
        let [said, wanted] = matchers.map(|matcher| {
            let mut decisions = vec![Decision::Unknown; packets.len()];
            matcher.decide_batch_v4(matcher.space(space).unwrap(), &packets, &mut decisions);
            decisions
        });
        for ((packet, said), wanted) in packets.iter().zip(said).zip(wanted) {
            let normal = || seglab_policy::normal_form::write(design);
            assert_eq!(said, wanted, "{place} in `{space}`: {packet:x?}\n{}", normal());
        }
    }
}
