//! Counterexamples and doubtful paths: every connection of theirs is put to Z3, and the steps have to follow from each
//! other.

use super::{Disagreement, Open, Plan};
use crate::counterexample::{Hop, Means};
use crate::lateral::Attack;
use crate::properties::{Counterexample, Settled};
use crate::smt::{Ends, Outcome};
use seglab_policy::{Connection, Endpoint, Header, Pivot, Side, UnitId, View};
use std::collections::BTreeSet;

impl Plan<'_> {
    /// Plans the questions about the steps that a verdict shows.
    pub(super) fn evidence(&mut self, verdict: &Settled) -> Result<(), Box<Disagreement>> {
        let Some((hops, _)) = shown(verdict) else { return Ok(()) };
        self.follow(hops)?;
        self.each_alone(verdict);
        Ok(())
    }

    /// Plans the questions about the connections that a verdict shows, each by itself.
    pub(super) fn each_alone(&mut self, verdict: &Settled) {
        let Some((hops, outcomes)) = shown(verdict) else { return };
        let mut connections = hops.iter().filter_map(|hop| match hop {
            Hop::Connection { connection, assume, .. } => Some((*connection, *assume)),
            Hop::Host { .. } => None,
        });
        for (connection, assume) in connections.by_ref().take(self.effort.steps_max) {
            self.expect("a step of the path", assume, connection, outcomes);
        }
        let more = connections.count();
        if more > 0 {
            self.leave_open(Open::MoreSteps(more));
        }
    }

    /// Every step of an attack, but the last where that one only has to arrive, takes what it reaches.
    pub(super) fn carried_on(&self, attack: Attack, hops: &[Hop], last_arrives: bool) -> Result<(), Box<Disagreement>> {
        let taking = hops.len().saturating_sub(usize::from(last_arrives));
        for hop in hops.iter().take(taking) {
            let Hop::Connection { connection, means, .. } = hop else { continue };
            let listens =
                connection.destination.unit().is_some_and(|unit| self.design.unit(unit).listens_to(connection.header));
            let heard = listens || *means == Means::Client;
            let carries = match attack.pivot {
                Pivot::Service => heard,
                Pivot::Any | Pivot::EitherWay => heard || attack.view == View::Policy,
                Pivot::Exploitable => {
                    let exploits = matches!(means, Means::Vulnerability(_) | Means::Login { .. });
                    exploits && (listens || attack.view == View::Policy)
                }
            };
            if !carries {
                return Err(self.broken("what carries an attack on", hop, Some(*connection)));
            }
        }
        Ok(())
    }

    /// Each step starts from somebody who is owned by then, and takes what its means allow.
    fn follow(&self, hops: &[Hop]) -> Result<(), Box<Disagreement>> {
        let mut owned: BTreeSet<UnitId> = BTreeSet::new();
        for (at, hop) in hops.iter().enumerate() {
            match hop {
                Hop::Host { host, guest } => {
                    if self.design.host_of(*guest) != Some(*host) {
                        return Err(self.broken("a host of its guest", hop, None));
                    }
                    if at == 0 {
                        owned.insert(*host);
                    } else if !owned.contains(host) {
                        return Err(self.broken("a host that is owned", hop, None));
                    }
                    owned.insert(*guest);
                }
                Hop::Connection { connection, assume, means, .. } => {
                    let (owner, other) = owner_first(connection, assume.owned);
                    if let Some(unit) = owner.unit() {
                        // Where nothing is owned yet the path starts here.
                        if owned.is_empty() {
                            owned.insert(unit);
                        } else if !owned.contains(&unit) {
                            return Err(self.broken("an owner", hop, Some(*connection)));
                        }
                        let host = self.design.host_of(unit).filter(|host| owned.contains(host));
                        if assume.host_owned && host.is_none() {
                            return Err(self.broken("an owned host", hop, Some(*connection)));
                        }
                    }
                    if !self.is_possible(connection, means, &owned) {
                        return Err(self.broken("means that fit", hop, Some(*connection)));
                    }
                    owned.extend(other.unit());
                }
            }
        }
        Ok(())
    }

    /// The destination has the vulnerability, or takes the credential, and the credential is held.
    fn is_possible(&self, connection: &Connection, means: &Means, owned: &BTreeSet<UnitId>) -> bool {
        let Header::Transport { protocol, destination_port, .. } = connection.header else {
            return matches!(means, Means::Reach | Means::Client);
        };
        let Some(unit) = connection.destination.unit().map(|unit| self.design.unit(unit)) else {
            return matches!(means, Means::Reach | Means::Client);
        };
        match means {
            Means::Reach | Means::Client => true,
            Means::Vulnerability(name) => unit.vulnerabilities.iter().any(|weakness| {
                weakness.name == *name && weakness.protocol == protocol && weakness.port == destination_port
            }),
            Means::Login { credential, held_by } => {
                let takes = unit.logins.iter().any(|login| {
                    login.credential == *credential && login.protocol == protocol && login.port == destination_port
                });
                takes && owned.contains(held_by) && self.design.unit(*held_by).credentials.contains(credential)
            }
        }
    }

    fn broken(&self, lacks: &'static str, hop: &Hop, connection: Option<Connection>) -> Box<Disagreement> {
        self.contradiction("the steps of a path", format!("`{}` lacks {lacks}", hop.describe(self.design)), connection)
    }
}

/// The steps that a verdict shows, and what has to become of their connections.
pub(super) fn shown(verdict: &Settled) -> Option<(&[Hop], &'static [Outcome])> {
    match verdict {
        Settled::Violated(
            Counterexample::Reached(hops)
            | Counterexample::ByDefault(hops)
            | Counterexample::TooMany { hops, .. }
            | Counterexample::TooExposed { hops, .. },
        ) => Some((hops, &Outcome::ALLOWED)),
        Settled::Violated(Counterexample::UndefinedOrder { hops, .. }) => Some((hops, &[Outcome::Unknown])),
        Settled::Unknown(unsure) => Some((&unsure.hops, &Outcome::NOT_DENIED)),
        Settled::Holds | Settled::Violated(_) => None,
    }
}

/// Between whom a connection would be that shows that a path's first step starts from none of `meant`.
pub(super) fn starts_astray(first: &Hop, meant: &Ends) -> (Ends, Ends) {
    match first {
        Hop::Host { host, .. } => (Ends::Units([*host].into()).except(meant.clone()), Ends::Any),
        Hop::Connection { connection, assume, .. } => {
            astray(connection, assume.owned != Some(Side::Destination), meant)
        }
    }
}

/// Between whom a connection would be that shows that a path's last step ends at none of `meant`.
pub(super) fn ends_astray(last: &Hop, meant: &Ends) -> (Ends, Ends) {
    match last {
        Hop::Host { guest, .. } => (Ends::Units([*guest].into()).except(meant.clone()), Ends::Any),
        Hop::Connection { connection, assume, .. } => {
            astray(connection, assume.owned == Some(Side::Destination), meant)
        }
    }
}

/// The ends of a connection, its source (or else its destination) being none of `meant`.
fn astray(connection: &Connection, source: bool, meant: &Ends) -> (Ends, Ends) {
    let (from, to) = (Ends::At(connection.source), Ends::At(connection.destination));
    if source { (from.except(meant.clone()), to) } else { (from, to.except(meant.clone())) }
}

/// The units that a path touches.
pub(super) fn touched(hops: &[Hop]) -> BTreeSet<UnitId> {
    hops.iter()
        .flat_map(|hop| match hop {
            Hop::Host { host, guest } => [Some(*host), Some(*guest)],
            Hop::Connection { connection, .. } => [connection.source.unit(), connection.destination.unit()],
        })
        .flatten()
        .collect()
}

/// The end that an attacker owns, and the other.
fn owner_first(connection: &Connection, owned: Option<Side>) -> (Endpoint, Endpoint) {
    match owned {
        Some(Side::Destination) => (connection.destination, connection.source),
        Some(Side::Source) | None => (connection.source, connection.destination),
    }
}
