//! What an attacker can do in a design: facts, actions with what they take, and what follows by itself.

use std::collections::BTreeMap;

use seglab_policy::{Attacker, Design, Effort, Header, Pivot, Privilege, Transport, UnitId};

use super::doors::{Actor, Door, Doors};
use super::task::{Operation, Task};
use super::{PlanError, Settings};

/// An action of an attacker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Somebody of this group looks around.
    Scan { group: u32 },
    /// A vulnerability is used through a door.
    Exploit { door: u32, vulnerability: String, gives: Privilege },
    /// A credential is used at a door.
    Login { door: u32, credential: String },
    /// A connection is enough.
    Connect { door: u32 },
    /// A client of an owned unit is taken.
    Lure { door: u32 },
    /// The credentials that lie on a unit are found, and where they are of use.
    FindCredentials { unit: UnitId },
    /// An account becomes all of a unit.
    Escalate { unit: UnitId, name: String },
}

impl Move {
    /// What it goes by: a vulnerability, a credential, an escalation, or the kind of action.
    pub(super) fn name(&self) -> &str {
        match self {
            Move::Scan { .. } => "scan",
            Move::Exploit { vulnerability, .. } => vulnerability,
            Move::Login { credential, .. } => credential,
            Move::Connect { .. } => "connect",
            Move::Lure { .. } => "lure",
            Move::FindCredentials { .. } => "find-credentials",
            Move::Escalate { name, .. } => name,
        }
    }
}

/// The numbers of facts: what is held of each unit, which are known, credentials, who is there, which doors open.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    units: u32,
    credentials: u32,
    groups: u32,
    doors: u32,
}

impl Facts {
    pub(super) fn user(self, unit: UnitId) -> u32 {
        unit.0
    }

    pub(super) fn root(self, unit: UnitId) -> u32 {
        self.units + unit.0
    }

    pub(super) fn known(self, unit: UnitId) -> u32 {
        2 * self.units + unit.0
    }

    fn credential(self, number: u32) -> u32 {
        3 * self.units + number
    }

    pub(super) fn group(self, number: u32) -> u32 {
        3 * self.units + self.credentials + number
    }

    fn door(self, number: u32) -> u32 {
        3 * self.units + self.credentials + self.groups + number
    }

    pub(super) fn count(self) -> usize {
        (3 * self.units + self.credentials + self.groups + self.doors) as usize
    }

    /// The fact that it takes to make void what owning the unit makes void.
    pub(super) fn tampers(self, unit: UnitId, design: &Design) -> u32 {
        if design.tradecraft().needs_root.tampering { self.root(unit) } else { self.user(unit) }
    }

    /// The facts of holding a unit.
    pub(super) fn held(self, unit: UnitId, privilege: Privilege) -> Vec<u32> {
        match privilege {
            Privilege::User => vec![self.user(unit)],
            Privilege::Root => vec![self.user(unit), self.root(unit)],
        }
    }
}

/// The actions of an attacker, as a planning task.
pub(super) struct Moves {
    pub(super) task: Task,
    pub(super) facts: Facts,
    /// For each operation the action that it is, unless it follows by itself.
    pub(super) moves: Vec<Option<(Move, Effort)>>,
    /// What the attacker has before it begins: credentials, and where they are of use.
    pub(super) stolen: Vec<u32>,
    /// What comes with each credential.
    pub(super) found: BTreeMap<String, Vec<u32>>,
}

/// What actions take where the design does not say: one of whatever is counted, and what the attacker's numbers say.
struct Usual {
    scan: Effort,
    exploit: Effort,
    login: Effort,
    find: Effort,
}

impl Usual {
    fn new(design: &Design, attacker: Option<&Attacker>, settings: &Settings) -> Self {
        let of =
            |success: f64, mean_ns: u64| Effort { cost: 1.0, success_probability: success, mean_ns: Some(mean_ns) };
        let Some(attacker) = attacker else {
            let scan = design.tradecraft().scan.unwrap_or_default();
            return Usual { scan, exploit: Effort::default(), login: Effort::default(), find: Effort::default() };
        };
        let addresses = f64::from(settings.scanned_addresses.get());
        let sweep = of(1.0, (addresses / attacker.scan_rate_per_second * 1e9) as u64);
        Usual {
            scan: design.tradecraft().scan.unwrap_or(sweep),
            exploit: of(attacker.exploit_probability, attacker.exploit_mean_ns),
            login: of(attacker.login_probability, attacker.login_mean_ns),
            find: of(1.0, 0),
        }
    }
}

/// Collects operations.
struct Builder<'a> {
    design: &'a Design,
    doors: &'a Doors,
    usual: Usual,
    pivot: Pivot,
    facts: Facts,
    credentials: BTreeMap<&'a str, u32>,
    /// The units that take each credential.
    taking: BTreeMap<&'a str, Vec<UnitId>>,
    operations: Vec<Operation>,
    moves: Vec<Option<(Move, Effort)>>,
}

impl Moves {
    pub(super) fn new(
        design: &Design,
        doors: &Doors,
        attacker: Option<&Attacker>,
        settings: &Settings,
    ) -> Result<Self, PlanError> {
        let mut credentials: BTreeMap<&str, u32> = BTreeMap::new();
        for unit in design.units() {
            let logins = unit.logins.iter().map(|login| &login.credential);
            for name in unit.credentials.iter().chain(logins) {
                let next = credentials.len() as u32;
                credentials.entry(name).or_insert(next);
            }
        }
        let facts = Facts {
            units: design.units().len() as u32,
            credentials: credentials.len() as u32,
            groups: doors.groups.len() as u32,
            doors: doors.doors.len() as u32,
        };
        let mut taking: BTreeMap<&str, Vec<UnitId>> = BTreeMap::new();
        for (id, unit) in design.unit_ids().zip(design.units()) {
            for login in &unit.logins {
                taking.entry(&login.credential).or_default().push(id);
            }
        }
        let usual = Usual::new(design, attacker, settings);
        let (operations, moves) = (Vec::new(), Vec::new());
        let pivot = settings.pivot;
        let mut builder = Builder { design, doors, usual, pivot, facts, credentials, taking, operations, moves };
        builder.consequences();
        builder.scans();
        builder.entries();
        builder.on_units();
        let stolen = attacker.map_or(&[][..], |attacker| attacker.credentials.as_slice());
        let stolen = stolen.iter().flat_map(|name| builder.found(name)).collect();
        let found = builder.credentials.keys().map(|name| ((*name).to_owned(), builder.found(name))).collect();
        let Builder { operations, moves, .. } = builder;
        if let Some((what, effort)) = moves.iter().flatten().find(|(_, effort)| !effort.is_sound()) {
            return Err(PlanError::Unsound { what: what.name().to_owned(), effort: *effort });
        }
        Ok(Self { task: Task::new(facts.count(), operations), facts, moves, stolen, found })
    }
}

impl Builder<'_> {
    /// The facts that come with a credential.
    fn found(&self, credential: &str) -> Vec<u32> {
        let own = self.credentials.get(credential).map(|&number| self.facts.credential(number));
        let taking = self.taking.get(credential).into_iter().flatten().map(|&unit| self.facts.known(unit));
        own.into_iter().chain(taking).collect()
    }

    fn follows(&mut self, needs: Vec<u32>, brings: Vec<u32>) {
        self.operations.push(Operation { needs, brings, is_action: false });
        self.moves.push(None);
    }

    /// Adds an action, unless it never works.
    fn action(&mut self, needs: Vec<u32>, brings: Vec<u32>, what: Move, effort: Effort) {
        if effort.success_probability != 0.0 {
            self.operations.push(Operation { needs, brings, is_action: true });
            self.moves.push(Some((what, effort)));
        }
    }

    /// Owners of hosts own their units; owned units belong to a group; a group opens doors.
    fn consequences(&mut self) {
        let facts = self.facts;
        for (&actor, &group) in &self.doors.group_of {
            let Actor::Unit { unit, host_owned, tampers } = actor else { continue };
            let host = self.design.host_of(unit).filter(|_| host_owned);
            let own = if tampers { facts.tampers(unit, self.design) } else { facts.user(unit) };
            let needs = std::iter::once(own).chain(host.map(|host| facts.tampers(host, self.design))).collect();
            self.follows(needs, vec![facts.group(group)]);
        }
        for (number, group) in (0u32..).zip(&self.doors.groups) {
            let opens: Vec<u32> = group.opens.iter().map(|&door| facts.door(door)).collect();
            if !opens.is_empty() {
                self.follows(vec![facts.group(number)], opens);
            }
        }
        for unit in self.design.unit_ids() {
            if let Some(host) = self.design.host_of(unit) {
                self.follows(vec![facts.user(host)], vec![facts.user(unit)]);
                self.follows(vec![facts.root(host)], facts.held(unit, Privilege::Root));
            }
        }
    }

    fn scans(&mut self) {
        for (number, group) in (0u32..).zip(&self.doors.groups) {
            let brings: Vec<u32> = group.finds.iter().map(|&unit| self.facts.known(unit)).collect();
            if !brings.is_empty() {
                let effort = self.usual.scan;
                self.action(vec![self.facts.group(number)], brings, Move::Scan { group: number }, effort);
            }
        }
    }

    /// What can be done at doors.
    fn entries(&mut self) {
        let doors = self.doors;
        for (number, door) in (0u32..).zip(&doors.doors) {
            match (self.pivot, door.headers.as_slice()) {
                (Pivot::Exploitable, &[Header::Transport { protocol, destination_port, .. }]) => {
                    self.exploits(number, door.unit, (protocol, destination_port));
                    self.logins(number, door.unit, (protocol, destination_port));
                }
                _ => self.by_connection(number, door),
            }
        }
    }

    fn exploits(&mut self, number: u32, id: UnitId, service: (Transport, u16)) {
        let (design, facts) = (self.design, self.facts);
        let weak = design.unit(id).vulnerabilities.iter().filter(|weak| (weak.protocol, weak.port) == service);
        for weak in weak {
            let known = design.tradecraft().exploit(&weak.name);
            let effort = known.map_or(self.usual.exploit, |exploit| Effort {
                mean_ns: exploit.effort.mean_ns.or(self.usual.exploit.mean_ns),
                ..exploit.effort
            });
            let gives = known.map_or(Privilege::Root, |exploit| exploit.gives);
            let what = Move::Exploit { door: number, vulnerability: weak.name.clone(), gives };
            self.action(vec![facts.door(number), facts.known(id)], facts.held(id, gives), what, effort);
        }
    }

    fn logins(&mut self, number: u32, id: UnitId, service: (Transport, u16)) {
        let (design, facts) = (self.design, self.facts);
        let logins = design.unit(id).logins.iter().filter(|login| (login.protocol, login.port) == service);
        for login in logins {
            let Some(&credential) = self.credentials.get(login.credential.as_str()) else { continue };
            let needs = vec![facts.door(number), facts.known(id), facts.credential(credential)];
            let what = Move::Login { door: number, credential: login.credential.clone() };
            self.action(needs, facts.held(id, Privilege::Root), what, self.usual.login);
        }
    }

    /// Where the pivot model asks for a connection and nothing else. Clients make themselves known.
    fn by_connection(&mut self, number: u32, door: &Door) {
        let facts = self.facts;
        let brings = facts.held(door.unit, Privilege::Root);
        let (needs, what) = match door.is_client {
            true => (vec![facts.door(number)], Move::Lure { door: number }),
            false => (vec![facts.door(number), facts.known(door.unit)], Move::Connect { door: number }),
        };
        self.action(needs, brings, what, self.usual.exploit);
    }

    /// What can be done on an owned unit, without a connection.
    fn on_units(&mut self) {
        let (design, facts) = (self.design, self.facts);
        for id in design.unit_ids() {
            let unit = design.unit(id);
            let finds: Vec<u32> = unit.credentials.iter().flat_map(|credential| self.found(credential)).collect();
            if !finds.is_empty() && self.pivot == Pivot::Exploitable {
                let needs_root = design.tradecraft().needs_root.credentials;
                let needs = if needs_root { facts.root(id) } else { facts.user(id) };
                self.action(vec![needs], finds, Move::FindCredentials { unit: id }, self.usual.find);
            }
            for escalation in design.tradecraft().escalations.iter().filter(|one| one.on.matches(unit)) {
                let what = Move::Escalate { unit: id, name: escalation.name.clone() };
                self.action(vec![facts.user(id)], vec![facts.root(id)], what, escalation.effort);
            }
        }
    }
}
