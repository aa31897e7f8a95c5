//! Which questions a claim comes to; `allowed` and needs.

use super::{Disagreement, Open, Plan};
use crate::lateral::Attack;
use crate::properties::{Counterexample, Settled};
use crate::smt::{Ends, Outcome, Question};
use seglab_policy::{Assume, Claim, Connection, Endpoint, Header, IntervalSet, Peer, Property, Service, Unit};

/// First source port for which a need must work.
const FIRST_SOURCE_PORT: u16 = 1024;

/// What refutes that something surely works.
const NOT_WORKING: [Outcome; 4] = [
    Outcome::Denied,
    Outcome::Unknown,
    Outcome::Allowed(seglab_policy::Reply::Blocked),
    Outcome::Allowed(seglab_policy::Reply::Unknown),
];

impl Plan<'_> {
    /// Plans the questions about the verdict on a property.
    pub(super) fn property(&mut self, property: &Property, verdict: &Settled) -> Result<(), Box<Disagreement>> {
        let attack = Attack::of(property, &self.settings);
        match &property.claim {
            Claim::Allowed { from, to, services } => self.allowed(from, to, services, verdict),
            Claim::Exposed { .. } | Claim::EgressOnlyTo { .. } | Claim::Only { .. } | Claim::DefaultDeny { .. } => {
                self.confined(property, attack, verdict)
            }
            Claim::NoShadowedRules { .. } | Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => {
                self.rules(property, attack, verdict)
            }
            Claim::Within { reference } => self.compared(attack, (reference, false), verdict),
            Claim::Equal { reference } => self.compared(attack, (reference, true), verdict),
            Claim::Surface { units, entries_max, exits_max } => {
                self.surface(attack, units, [(true, *entries_max), (false, *exits_max)], verdict)
            }
            Claim::IsolatedEver { from, to, services } => {
                let (from, to, services) = (from.clone(), to.clone(), services.clone());
                let ordinary = Claim::Isolated { from, to, services };
                self.ever(attack, property.hops_max, &ordinary, verdict)
            }
            claim @ (Claim::Isolated { .. } | Claim::OnlyThrough { .. } | Claim::BlastRadius { .. }) => {
                self.attack(attack, property.hops_max, claim, verdict)
            }
        }
    }

    /// Plans the questions about the verdict on a need.
    pub(super) fn allowed(
        &mut self,
        from: &Peer,
        to: &Peer,
        services: &[Service],
        verdict: &Settled,
    ) -> Result<(), Box<Disagreement>> {
        let assume = Assume { as_if_enforced: self.settings.as_if_enforced, ..Assume::business() };
        let one_is_enough = [from, to].iter().any(|peer| matches!(peer, Peer::Addresses { .. }));
        match verdict {
            Settled::Violated(Counterexample::Broken { connection, .. }) => {
                let about = "a connection that is needed and does not work";
                let siblings = if one_is_enough { vec![*connection] } else { self.between_interfaces(connection) };
                for sibling in siblings {
                    self.expect(about, assume, sibling, &Outcome::BROKEN);
                }
                if one_is_enough {
                    self.leave_open(Open::OneIsEnough);
                }
                return Ok(());
            }
            Settled::Violated(_) => {
                self.leave_open(Open::Facts);
                return Ok(());
            }
            Settled::Holds | Settled::Unknown(_) if one_is_enough => {
                self.leave_open(Open::OneIsEnough);
                return Ok(());
            }
            Settled::Holds | Settled::Unknown(_) => {}
        }
        // What nobody can open is no connection that Z3 could find.
        if self.lacking(from, to, services) {
            self.leave_open(Open::Facts);
        }
        let (wanted, surely) = match verdict {
            Settled::Unknown(_) => (&Outcome::BROKEN[..], true),
            _ => (&NOT_WORKING[..], false),
        };
        let unit = |peer: &Peer| Ends::AllOf(vec![Ends::every_unit(), Ends::Peer(peer.clone())]);
        let question = Question {
            services: services.to_vec(),
            source_ports: IntervalSet::from_ranges([(FIRST_SOURCE_PORT, u16::MAX)]),
            leaves: true,
            everywhere: true,
            surely,
            ..Question::any(wanted)
        }
        .between(unit(from), unit(to));
        self.expect_nothing("a connection that is needed", assume, question);
        Ok(())
    }

    /// Some service is one that a unit of either side cannot take part in.
    fn lacking(&self, from: &Peer, to: &Peer, services: &[Service]) -> bool {
        let lacking = |peer: &Peer, lacks: fn(&Unit, &Service) -> bool| {
            let members = self.verifier.members(peer).classes;
            let units = members.iter().flat_map(|(class, _)| self.verifier.classes().members(*class));
            units.map(|&unit| self.design.unit(unit)).any(|unit| services.iter().any(|service| lacks(unit, service)))
        };
        lacking(from, lacks_family) || lacking(to, lacks_family) || lacking(to, lacks_port)
    }

    /// The connections with the same header between any two interfaces of the two units.
    fn between_interfaces(&self, connection: &Connection) -> Vec<Connection> {
        let interfaces = |end: Endpoint| -> Vec<Endpoint> {
            let count = end.unit().map_or(0, |unit| self.design.unit(unit).interfaces.len());
            let all = (0..u16::try_from(count).unwrap_or(u16::MAX))
                .filter_map(|interface| Some(Endpoint::Unit { unit: end.unit()?, interface }));
            if count == 0 { vec![end] } else { all.collect() }
        };
        // An ICMP header means another message in the other family.
        let is_icmp = matches!(connection.header, Header::Icmp { .. });
        let family = self.design.family_of(connection);
        let sources = interfaces(connection.source);
        sources
            .into_iter()
            .flat_map(|source| interfaces(connection.destination).into_iter().map(move |to| (source, to)))
            .map(|(source, destination)| Connection { source, destination, header: connection.header })
            .filter(|sibling| !is_icmp || self.design.family_of(sibling) == family)
            .collect()
    }
}

/// The service goes by the name of a port that the unit does not declare.
fn lacks_port(unit: &Unit, service: &Service) -> bool {
    let Service::NamedPort { protocol, name } = service else { return false };
    !unit.listeners.iter().any(|listener| {
        listener.name.as_ref() == Some(name) && protocol.is_none_or(|protocol| protocol == listener.protocol)
    })
}

/// The service is of an address family that none of the unit's interfaces is of.
fn lacks_family(unit: &Unit, service: &Service) -> bool {
    let Service::Icmp { family, .. } = service else { return false };
    !unit.interfaces.iter().any(|interface| interface.family() == *family)
}
