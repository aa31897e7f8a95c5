//! An attempt to open a connection: which service, what becomes of it, and what the attacker makes of it.

use seglab_policy::{Assume, Connection, Endpoint, Header, Pivot, Privilege, Side, Strategy, Trust, UnitId};

use crate::kernel::{Agenda, Name, ScheduleError, Technique, Time};

use super::super::network::{Reach, Target};
use super::super::purpose::{ALERT, CHOICE, CONNECT, EXPLOIT, LOGIN, LURE, OUTCOME};
use super::super::replica::TraceAction;
use super::super::technique;
use super::super::{Passage, Search};
use super::craft::Usable;
use super::strategy::AIMED;
use super::{Attack, Chance, Event};

impl Attack<'_> {
    /// Tries what the search tells at one target: one service, or all.
    pub(super) fn try_target(
        &mut self,
        unit: UnitId,
        by: u32,
        reach: &Reach,
        target: Target,
        number: u32,
        agenda: &mut Agenda<Event>,
    ) -> Result<(), ScheduleError> {
        let board = self.board;
        let names = (board.network.name(unit), target.name);
        let directions: &[bool] = if board.offence.pivot == Pivot::EitherWay { &[false, true] } else { &[false] };
        let interfaces: Vec<u16> = board.network.interfaces_towards(unit, target).collect();
        let mut alerts = board.draws.at(ALERT, names.0, names.1, Technique::NONE, number);
        let mut attempt = |attack: &mut Self, interface: u16, header: Header, lure: bool| {
            let tried = Tried { unit, by, interface, target, header, lure, number };
            let (passage, _) = attack.attempt(tried, agenda)?;
            if passage.is_reportable() && alerts.bernoulli(board.defence.denied_alert) {
                attack.replica.alerts.denials += 1;
                attack.alert(unit, agenda)?;
            }
            Ok::<(), ScheduleError>(())
        };
        // Who aims at a unit knows what it is after.
        let search = if number == AIMED { Search::EveryService } else { board.offence.search };
        match search {
            Search::OneService => {
                let mut draw = board.draws.at(CHOICE, names.0, names.1, Technique::NONE, number);
                let header = draw.choose(reach.headers.len()).and_then(|at| reach.headers.get(at));
                let interface = draw.choose(interfaces.len()).and_then(|at| interfaces.get(at));
                let direction = draw.choose(directions.len()).and_then(|at| directions.get(at));
                if let (Some(header), Some(interface), Some(lure)) = (header, interface, direction) {
                    attempt(self, *interface, *header, *lure)?;
                }
            }
            Search::EveryService => {
                for &interface in &interfaces {
                    for &header in &reach.headers {
                        for &lure in directions {
                            attempt(self, interface, header, lure)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Tries to open one connection; what becomes of it, and whether it works in the end if nothing comes between.
    pub(super) fn attempt(
        &mut self,
        tried: Tried,
        agenda: &mut Agenda<Event>,
    ) -> Result<(Passage, bool), ScheduleError> {
        let board = self.board;
        let assume = self.assume(tried.unit, tried.lure, agenda.now());
        let (connection, passage) = self.open(tried.connection(), assume, agenda.now());
        let mut works = false;
        let mut technique = technique::SCAN_SERVICES;
        if passage.is_allowed() {
            let ways = self.ways(tried.target.unit, tried.header, tried.lure, agenda.now());
            self.replica.attempts.aimed += u64::from(!ways.is_empty());
            if let Some(first) = ways.first() {
                technique = first.attack(tried.header);
            }
            for way in ways {
                // The service is part of what is decided about, for one visit may try several.
                let service = Name::of_parts([
                    board.network.design.unit(tried.target.unit).name.as_str(),
                    &tried.target.interface.to_string(),
                    &tried.header.to_string(),
                ]);
                let service = way.weakness.map_or(service, |weakness| weakness.within(service));
                let who = [board.network.name(tried.unit), service];
                if let Some(delay) = way.chance.draw(board.draws, OUTCOME, who, way.technique, tried.number) {
                    if !works {
                        technique = way.attack(tried.header);
                    }
                    works = true;
                    self.under_way += 1;
                    let taken = Event::Taken { unit: tried.target.unit, by: tried.by, gives: way.gives };
                    agenda.schedule_in(delay, taken)?;
                }
            }
            self.replica.attempts.successful += u64::from(works);
        }
        let by = tried.unit;
        self.note(agenda.now(), TraceAction::Attempt { by, connection, assume, passage, works, technique });
        Ok((passage, works))
    }

    /// Tries to open a connection, with the source port that serves best: what becomes of it, which is counted.
    pub(super) fn open(&mut self, wanted: Connection, assume: Assume, now: Time) -> (Connection, Passage) {
        let now = self.board.enforcement.at(now).without(&self.void_points);
        let (connection, passage) = now.attempt(wanted, assume);
        let attempts = &mut self.replica.attempts;
        attempts.made += 1;
        match passage {
            Passage::Denied => attempts.denied += 1,
            Passage::Unknown => attempts.unknown += 1,
            Passage::Allowed | Passage::Reported => {
                attempts.stale += u64::from(now.is_by_staleness(&connection, assume));
            }
        }
        (connection, passage)
    }

    /// The state of enforcement for connections of a unit at this instant.
    pub(super) fn assume(&self, unit: UnitId, lure: bool, now: Time) -> Assume {
        let host = self.board.enforcement.at(now).host_of(self.board.network.design, unit);
        let trust = self.board.offence.trust;
        let needs_root = self.board.offence.craft.needs_root.tampering;
        // A host in quarantine was owned, and its points are as void as before.
        let tampers = |unit: UnitId| {
            let owned = self.ever_owned(unit);
            owned
                .and_then(|owned| if needs_root { owned.rooted } else { Some(owned.taken) })
                .is_some_and(|at| at <= now)
        };
        Assume {
            as_if_enforced: false,
            trust: if needs_root && !tampers(unit) { without_tampering(trust) } else { trust },
            owned: Some(if lure { Side::Destination } else { Side::Source }),
            host_owned: host.is_some_and(tampers),
        }
    }

    /// What the attacker can do with a connection that arrives.
    pub(super) fn ways(&mut self, target: UnitId, header: Header, lure: bool, now: Time) -> Vec<Way> {
        let offence = self.board.offence;
        let network = self.board.network;
        let unit = network.design.unit(target);
        let plain = |technique, chance| Way { technique, chance, weakness: None, gives: Privilege::Root };
        match offence.pivot {
            Pivot::Exploitable => {
                let mut ways = Vec::new();
                if offence.strategy != Strategy::Insider {
                    let usable = offence.craft.usable(network.design, target, header, self.board.draws, now);
                    ways.extend(usable.into_iter().map(|usable| match usable {
                        Usable::AsEver => plain(EXPLOIT, offence.exploit),
                        Usable::Known { name, chance, gives } => {
                            Way { technique: EXPLOIT, chance, weakness: Some(name), gives }
                        }
                    }));
                }
                let login = network.takes_login(unit, header, self.keys.held_at(now));
                ways.extend(login.then(|| plain(LOGIN, offence.login)));
                ways
            }
            Pivot::Service if unit.listens_to(header) => vec![plain(CONNECT, offence.exploit)],
            Pivot::Service => Vec::new(),
            Pivot::Any | Pivot::EitherWay => vec![plain(if lure { LURE } else { CONNECT }, offence.exploit)],
        }
    }
}

/// What is left of a trust where nobody tampers with agents: those that are distributed by a void controller are void.
pub(in super::super) fn without_tampering(trust: Trust) -> Trust {
    match trust {
        Trust::Intact | Trust::OwnAgentVoid => Trust::Intact,
        Trust::ControllerVoid => Trust::ControllerVoid,
    }
}

/// A way to take a unit by a connection that arrives.
#[derive(Clone, Copy)]
pub(super) struct Way {
    technique: Technique,
    chance: Chance,
    /// The vulnerability, where the design says how it is used.
    weakness: Option<Name>,
    gives: Privilege,
}

impl Way {
    /// What it is called by those who collect techniques.
    fn attack(&self, header: Header) -> technique::Technique {
        match self.technique {
            LOGIN => technique::login(header),
            LURE => technique::LURE,
            _ => technique::EXPLOIT_REMOTE,
        }
    }
}

/// One connection that an owned unit tries to open, or a client to open to it.
#[derive(Clone, Copy)]
pub(super) struct Tried {
    pub(super) unit: UnitId,
    pub(super) by: u32,
    pub(super) interface: u16,
    pub(super) target: Target,
    pub(super) header: Header,
    pub(super) lure: bool,
    pub(super) number: u32,
}

impl Tried {
    pub(super) fn connection(&self) -> Connection {
        let here = Endpoint::Unit { unit: self.unit, interface: self.interface };
        let there = Endpoint::Unit { unit: self.target.unit, interface: self.target.interface };
        let (source, destination) = if self.lure { (there, here) } else { (here, there) };
        Connection { source, destination, header: self.header }
    }
}
