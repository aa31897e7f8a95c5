//! Claims that confine connections to a list, as one question each: is there a connection that is meant and not
//! listed?

use super::replay::{ends_astray, shown, starts_astray};
use super::{Disagreement, Plan, every_outcome};
use crate::lateral::Attack;
use crate::properties::Settled;
use crate::smt::{Doors, Ends, Listed, Outcome, Question};
use seglab_policy::{
    AddressSet, Claim, Covers, Direction, Directions, Flow, Peer, Property, Selector, Service, Side, View,
};

impl Plan<'_> {
    /// Plans the question about a claim that confines connections.
    pub(super) fn confined(
        &mut self,
        property: &Property,
        attack: Attack,
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        match &property.claim {
            Claim::Exposed { external, inbound, only, services } => {
                self.exposed(attack, (external, *inbound), only, services, verdict)
            }
            Claim::EgressOnlyTo { from, to, services } => {
                let listed = Listed { from: Ends::Any, to: Ends::Peer(to.clone()), services: services.clone() };
                self.stray(attack, &[(units(from), Ends::Any)], vec![listed], verdict)
            }
            Claim::Only { flows, among } => {
                let listed = |flow: &Flow| Listed {
                    from: Ends::Peer(flow.from.clone()),
                    to: Ends::Peer(flow.to.clone()),
                    services: flow.services.clone(),
                };
                let ends = among.as_ref().map_or(Ends::Any, units);
                self.stray(attack, &[(ends.clone(), ends)], flows.iter().map(listed).collect(), verdict)
            }
            Claim::DefaultDeny { units, directions } => {
                self.bare = true;
                let settled = self.default_deny(attack, units, *directions, verdict);
                self.bare = false;
                settled
            }
            _ => Ok(()),
        }
    }

    fn exposed(
        &mut self,
        attack: Attack,
        (external, inbound): (&AddressSet, bool),
        only: &Selector,
        services: &[Service],
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        // A named external source counts where the addresses are all that there are.
        let addresses = Ends::Peer(Peer::Addresses { set: external.clone(), covers: Covers::All });
        let outside = addresses.except(Ends::every_unit());
        let services = services.to_vec();
        let (meant, listed) = if inbound {
            ((outside, Ends::every_unit()), Listed { from: Ends::Any, to: units(only), services })
        } else {
            ((Ends::every_unit(), outside), Listed { from: units(only), to: Ends::Any, services })
        };
        self.stray(attack, &[meant], vec![listed], verdict)
    }

    /// Everything that is asked here is asked of the design in which rules allow nothing.
    fn default_deny(
        &mut self,
        attack: Attack,
        selector: &Selector,
        directions: Directions,
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let meant = |direction| match direction {
            Direction::Egress => Some((units(selector), Ends::Any)),
            Direction::Ingress => Some((Ends::Any, units(selector))),
            Direction::Forward => None,
        };
        let meant: Vec<(Ends, Ends)> = directions.iter().filter_map(meant).collect();
        self.stray(attack, &meant, Vec::new(), verdict)
    }

    /// No connection is meant, between some of these ends, and not listed; and one that is shown is meant.
    fn stray(
        &mut self,
        attack: Attack,
        meant: &[(Ends, Ends)],
        listed: Vec<Listed>,
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let assume = attack.assume(Side::Source, false);
        let asked = match verdict {
            Settled::Holds => Some((&Outcome::NOT_DENIED[..], false)),
            Settled::Unknown(_) => Some((&Outcome::ALLOWED[..], true)),
            Settled::Violated(_) => None,
        };
        if let Some((wanted, surely)) = asked {
            for (from, to) in meant {
                // Only units have doors; whatever is outside listens to everything.
                let halves = match attack.view {
                    View::Policy => vec![(to.clone(), Doors::Any)],
                    View::Service => vec![
                        (Ends::AllOf(vec![to.clone(), Ends::every_unit()]), Doors::Listening),
                        (to.clone().except(Ends::every_unit()), Doors::Any),
                    ],
                };
                for (to, doors) in halves {
                    let unless = listed.clone();
                    let question = Question { unless, doors, surely, leaves: true, ..Question::any(wanted) };
                    let question = question.between(from.clone(), to);
                    self.expect_nothing("a connection that is meant and not listed", assume, question);
                }
            }
        }
        if let Some(hop) = shown(verdict).and_then(|(hops, _)| hops.first()) {
            let surely = matches!(verdict, Settled::Unknown(_));
            // Where several directions are asked about, the connection is of either.
            if let [(from, to)] = meant {
                for (from, to) in [starts_astray(hop, from), ends_astray(hop, to)] {
                    let question = Question { surely, ..Question::any(every_outcome()) }.between(from, to);
                    self.expect_nothing("the ends of a connection that is shown", assume, question);
                }
            }
        }
        self.evidence(verdict)
    }
}

fn units(selector: &Selector) -> Ends {
    Ends::AllOf(vec![Ends::every_unit(), Ends::Peer(Peer::Units(selector.clone()))])
}
