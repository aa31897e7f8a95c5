//! `within` and `equal`: two designs, put to Z3 as one question where they have the same units.

use super::{Disagreement, Open, Plan};
use crate::difference::{Judged, Population, Standing};
use crate::lateral::Attack;
use crate::properties::{Counterexample, Settled};
use crate::smt::{Apart, Encoding, Outcome, SmtAnswer, SmtVerdict};
use seglab_policy::{Assume, Design, Family, IntervalSet, Reference, Reply, Service, Side, Transport, Verdict, View};

impl Plan<'_> {
    /// Asks about the verdict on a claim about another design.
    pub(super) fn compared(
        &mut self,
        attack: Attack,
        (other, equal): (&Reference, bool),
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let assume = attack.assume(Side::Source, false);
        match verdict {
            Settled::Violated(Counterexample::Differs(differs)) => {
                let sides = [(self.design, &differs.witness.after), (&*other.design, &differs.witness.before)];
                for (design, judged) in sides {
                    if let Some(judged) = judged {
                        self.confirmed(design, judged, assume)?;
                    }
                }
                Ok(())
            }
            Settled::Holds if attack.view == View::Policy && are_alike(self.design, &other.design) => {
                let encoding = Encoding::new(self.design, assume).with_limits(self.effort.limits);
                match encoding.apart(&other.design, &refuting(equal)) {
                    SmtAnswer::None => self.confirm(),
                    SmtAnswer::GaveUp(reason) => self.leave_open(Open::GaveUp(reason)),
                    SmtAnswer::Found(connection) => {
                        let found = format!("{} fares otherwise in {}", connection.display(self.design), other.path);
                        return Err(self.contradiction("two designs", found, Some(connection)));
                    }
                }
                Ok(())
            }
            _ => {
                self.leave_open(Open::OtherDesign);
                Ok(())
            }
        }
    }

    /// Asks what becomes of a connection in one of the designs.
    fn confirmed(&mut self, design: &Design, judged: &Judged, assume: Assume) -> Result<(), Box<Disagreement>> {
        let encoding = Encoding::new(design, assume).with_limits(self.effort.limits);
        let expected = match judged.evaluation.verdict {
            Verdict::Allowed(reply) => Outcome::Allowed(reply),
            Verdict::Denied(_) => Outcome::Denied,
            Verdict::Unknown(_) => Outcome::Unknown,
        };
        match encoding.connection(&judged.connection) {
            SmtVerdict::Decided(outcome) if outcome == expected => self.confirm(),
            SmtVerdict::GaveUp(reason) => self.leave_open(Open::GaveUp(reason)),
            SmtVerdict::Decided(outcome) => {
                let found = format!("{} is {outcome:?}", judged.connection.display(design));
                return Err(self.contradiction("a connection that fares otherwise", found, None));
            }
        }
        Ok(())
    }
}

/// True if both designs have the same units and named sources, each unit one interface of a family at most: then
/// connections between them are the same things.
fn are_alike(design: &Design, other: &Design) -> bool {
    let population = Population::new(other, design);
    let names = |design: &Design| -> Vec<String> {
        design.external_sources().iter().map(|source| source.name.clone()).collect()
    };
    let labels =
        |design: &Design| -> Vec<_> { design.external_sources().iter().map(|source| source.labels.clone()).collect() };
    let is_single = design.units().iter().all(|unit| {
        let of = |family| unit.interfaces.iter().filter(|interface| interface.family() == family).count();
        Family::ALL.into_iter().all(|family| of(family) <= 1)
    });
    is_single
        && population.mates.iter().all(|mate| mate.standing == Standing::Unchanged)
        && (names(design), labels(design)) == (names(other), labels(other))
}

/// What of two designs would refute that the first is within the second, or equal to it, or leave it in doubt.
fn refuting(equal: bool) -> Vec<Apart> {
    let any = |here: &[Outcome], there: &[Outcome]| Apart {
        services: vec![Service::Any],
        here: here.to_vec(),
        there: there.to_vec(),
    };
    let mut ways = vec![any(&Outcome::NOT_DENIED, &[Outcome::Denied, Outcome::Unknown])];
    if !equal {
        return ways;
    }
    ways.push(any(&[Outcome::Denied, Outcome::Unknown], &Outcome::NOT_DENIED));
    // Only TCP fails with its replies.
    let tcp =
        Service::Ports { protocol: Transport::Tcp, ports: IntervalSet::full(), source_ports: IntervalSet::full() };
    let of_tcp = |here: Outcome, there: &[Outcome]| Apart {
        services: vec![tcp.clone()],
        here: vec![here],
        there: there.to_vec(),
    };
    let [passes, blocked, unknown] = [Reply::Passes, Reply::Blocked, Reply::Unknown].map(Outcome::Allowed);
    ways.extend([
        of_tcp(passes, &[blocked, unknown]),
        of_tcp(blocked, &[passes, unknown]),
        of_tcp(unknown, &[passes, blocked, unknown]),
    ]);
    ways
}
