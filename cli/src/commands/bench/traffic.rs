//! Traffic to be timed, held to the reference evaluator before.

use super::Subject;
use crate::commands::Context;
use crate::failure::Failure;
use seglab_engine::{Decision, Matcher, PacketV4, SpaceId, UnitPacket, Workload};
use seglab_policy::{Connection, Design};

/// Packets of one kind of traffic, by address and between known interfaces.
pub(super) struct Traffic {
    /// The address space that packets by address are seen in.
    pub(super) space: Option<SpaceId>,
    pub(super) packets: Vec<PacketV4>,
    pub(super) between: Vec<UnitPacket>,
}

/// Who is asked whether a matcher is right, and how often.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The design that the reference evaluator is asked about.
    pub(super) reference: &'a Design,
    pub(super) subject: Subject,
    /// The looks at rules that may be spent. [rule evaluations]
    pub(super) budget: usize,
}

impl Asked<'_> {
    /// The packets of a workload, what a matcher decides of it, and how many of the decisions the reference evaluator was
    /// asked about. Batches that differ from decisions one by one are a failure, as a decision that the evaluator denies is.
    pub(super) fn traffic(
        self,
        context: &mut Context,
        matcher: &Matcher,
        (name, workload): (&str, &Workload),
    ) -> Result<(Traffic, Vec<Decision>, usize), Failure> {
        let space = self.subject.space(self.reference);
        let traffic = Traffic {
            space: space.and_then(|space| matcher.space(space)),
            packets: space.map_or_else(Vec::new, |space| workload.packets_v4(self.reference, space)),
            between: workload.packets_between(matcher),
        };
        if let Some(message) = context.timings.phase("check", || traffic.inconsistency(matcher)) {
            return Err(context.disagreement(self.reference, message, name));
        }
        let (decisions, checked) = self.held(context, matcher, workload)?;
        Ok((traffic, decisions, checked))
    }

    /// What a matcher decides of a workload, and how many of the decisions the reference evaluator was asked about: as many
    /// as the budget allows. One that differs is a failure.
    pub(super) fn held(
        self,
        context: &mut Context,
        matcher: &Matcher,
        workload: &Workload,
    ) -> Result<(Vec<Decision>, usize), Failure> {
        let Self { reference, subject, budget } = self;
        let decided = |one| Some((one, matcher.decide(one)?));
        let decisions: Vec<(&Connection, Decision)> = workload.connections().iter().filter_map(decided).collect();
        let checked = decisions.len().min((budget / (reference.rules().count() * 2).max(1)).max(1));
        let wrong = context.timings.phase("check", || {
            let differs =
                |(connection, said): &&(&Connection, Decision)| subject.wanted(reference, connection) != *said;
            decisions.iter().take(checked).find(differs)
        });
        if let Some((connection, said)) = wrong {
            let of = connection.display(reference);
            let message = format!("the matcher says {said:?} of {of} and the evaluator does not");
            return Err(context.disagreement(reference, message, &format!("{connection:?} {subject:?}")));
        }
        Ok((decisions.into_iter().map(|(_, decision)| decision).collect(), checked))
    }
}

impl Traffic {
    /// What decisions in batches and one by one do not agree about.
    fn inconsistency(&self, matcher: &Matcher) -> Option<String> {
        let mut decisions = vec![Decision::Unknown; self.packets.len().max(self.between.len())];
        if let Some(space) = self.space {
            matcher.decide_batch_v4(space, &self.packets, &mut decisions);
            let mut both = self.packets.iter().zip(&decisions);
            if let Some((packet, said)) = both.find(|(packet, said)| matcher.decide_v4(space, packet) != **said) {
                return Some(format!("a batch says {said:?} of {packet:?} and the matcher alone does not"));
            }
        }
        matcher.decide_batch_between(&self.between, &mut decisions);
        let mut both = self.between.iter().zip(&decisions);
        let (packet, said) = both.find(|(packet, said)| matcher.decide_between(packet) != **said)?;
        Some(format!("a batch says {said:?} of {packet:?} and the matcher alone does not"))
    }
}
