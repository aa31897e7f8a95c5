//! `surface`: nobody connects to a unit, or from it, but those that the class engine counts.

use super::{Disagreement, Open, Plan};
use crate::counterexample::Hop;
use crate::lateral::Attack;
use crate::properties::{Counterexample, Face, Settled};
use crate::smt::{Doors, Ends, Outcome, Question};
use seglab_policy::{AddressSet, Endpoint, Selector, Side, UnitId, View};
use std::collections::BTreeSet;

impl Plan<'_> {
    pub(super) fn surface(
        &mut self,
        attack: Attack,
        selector: &Selector,
        bounds: [(bool, Option<u32>); 2],
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let doubtful = match verdict {
            Settled::Violated(Counterexample::TooExposed { unit, entries, at_most, hops, .. }) => {
                self.more_than(*unit, *entries, *at_most, hops)?;
                self.each_alone(verdict);
                return Ok(());
            }
            Settled::Violated(_) => return Ok(()),
            Settled::Holds => true,
            Settled::Unknown(_) => false,
        };
        self.each_alone(verdict);
        let selected: BTreeSet<UnitId> = self.design.select(selector).collect();
        let classes = self.verifier.classes();
        // Units of a class differ in who is next to them by themselves only.
        let units: Vec<UnitId> =
            classes.ids().map(|class| classes.representative(class)).filter(|unit| selected.contains(unit)).collect();
        if let Some(more) = units.len().checked_sub(self.effort.sets_max).filter(|more| *more > 0) {
            self.leave_open(Open::MoreSets(more));
        }
        for unit in units.into_iter().take(self.effort.sets_max) {
            for (entries, most) in bounds {
                let Some(most) = most else { continue };
                self.nobody_else(Face { unit, entries, attack, doubtful }, most as usize)?;
            }
        }
        Ok(())
    }

    /// Nobody but those who are counted, and they are few enough.
    fn nobody_else(&mut self, face: Face, most: usize) -> Result<(), Box<Disagreement>> {
        let (others, external) = self.verifier.others(face);
        let number = others.len() + usize::from(external);
        if number > most {
            let name = &self.design.unit(face.unit).name;
            return Err(self.contradiction("the surface of a unit", format!("{name} has {number}"), None));
        }
        let mut counted: Vec<Ends> = others
            .iter()
            .map(|other| match other.unit() {
                Some(unit) => Ends::Units([unit].into()),
                None => Ends::At(*other),
            })
            .collect();
        if external {
            counted.push(Ends::External(AddressSet::full()));
        }
        let (own, rest) = (Ends::Units([face.unit].into()), Ends::Any.except(Ends::AnyOf(counted)));
        let listening = if face.attack.view == View::Service { Doors::Listening } else { Doors::Any };
        let asked = match face.entries {
            true => vec![(rest, own, listening)],
            false => vec![
                (own.clone(), Ends::AllOf(vec![rest.clone(), Ends::every_unit()]), listening),
                (own, rest.except(Ends::every_unit()), Doors::Any),
            ],
        };
        let wanted = if face.doubtful { &Outcome::NOT_DENIED[..] } else { &Outcome::ALLOWED[..] };
        for (from, to, doors) in asked {
            let question = Question { doors, leaves: true, ..Question::any(wanted) }.between(from, to);
            self.expect_nothing("somebody who is not counted", face.attack.assume(Side::Source, false), question);
        }
        Ok(())
    }

    /// The connections that are shown are of the unit, and with more different others than may be.
    fn more_than(&self, unit: UnitId, entries: bool, most: usize, hops: &[Hop]) -> Result<(), Box<Disagreement>> {
        let mut others: BTreeSet<Option<Endpoint>> = BTreeSet::new();
        for hop in hops {
            let Hop::Connection { connection, .. } = hop else { continue };
            let (own, other) = match entries {
                true => (connection.destination, connection.source),
                false => (connection.source, connection.destination),
            };
            if own.unit() == Some(unit) && other.unit() != Some(unit) {
                others.insert(match other {
                    Endpoint::Unit { unit, .. } => Some(Endpoint::Unit { unit, interface: 0 }),
                    Endpoint::External(_) => None,
                    source @ Endpoint::Source(_) => Some(source),
                });
            }
        }
        if others.len() > most {
            return Ok(());
        }
        Err(self.contradiction("the surface of a unit", format!("{} others are shown", others.len()), None))
    }
}
