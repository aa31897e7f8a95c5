//! What a rulebook says in one direction, for every two endpoint classes and every header at once.
//!
//! Rules are looked at from their peers' side: each knows the classes that it matches, so a pair of classes meets
//! only its own rules. Most pairs meet the same few lists of rules over and over; a list is evaluated once, over sets
//! of headers, exactly as the reference evaluator judges one header.

use crate::classes::Classes;
use crate::endpoint_class::{EndpointKind, Match, PeerMatches};
use crate::header_set::HeaderSet;
use crate::intern::{HeaderId, HeaderSets};
use crate::vocabulary::Interner;
use rustc_hash::FxHashMap;
use seglab_policy::{Action, Direction, Order, Rule, Rulebook, Service};

/// The headers that a judgement may let through, and those that it may stop. Where a header is in both, it is not
/// known which happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Judgement {
    pub(crate) may_allow: HeaderId,
    pub(crate) may_deny: HeaderId,
}

/// Judgements, kept once each, and the peers of rules.
#[derive(Debug)]
pub(crate) struct Judgements {
    pub(crate) kept: Interner<Judgement>,
    peers: Vec<PeerMatches>,
}

/// A rulebook's judgements in one direction.
#[derive(Debug)]
pub(crate) struct Judge {
    row_of: Vec<u32>,
    column_of: Vec<u32>,
    columns: usize,
    cells: Vec<u32>,
}

impl Judgements {
    pub(crate) fn new(classes: &Classes<'_>) -> Self {
        let words = &classes.words;
        let matched = |peer: &&seglab_policy::Peer| classes.endpoints.matched(peer, words, &classes.index);
        Self { kept: Interner::new(), peers: words.peers.values().iter().map(matched).collect() }
    }

    /// True if a judgement certainly lets nothing through.
    pub(crate) fn stops_all(&self, id: u32) -> bool {
        self.get(id).may_allow == HeaderId::EMPTY
    }

    /// A kept judgement.
    #[expect(clippy::indexing_slicing, reason = "numbers are made by the interner that they index")]
    pub(crate) fn get(&self, id: u32) -> Judgement {
        self.kept.values()[id as usize]
    }
}

impl Judge {
    /// The number of the judgement on connections from one endpoint class to another.
    #[expect(clippy::indexing_slicing, reason = "the table has a cell for every two classes")]
    pub(crate) fn cell(&self, source: u32, destination: u32) -> u32 {
        let (row, column) = (self.row_of[source as usize], self.column_of[destination as usize]);
        self.cells[row as usize * self.columns + column as usize]
    }

    pub(crate) fn new(
        classes: &Classes<'_>,
        rulebook: &Rulebook,
        direction: Direction,
        judgements: &mut Judgements,
        sets: &mut HeaderSets,
    ) -> Self {
        let table = Table::new(classes, rulebook, direction, &judgements.peers, sets);
        let mut fill = Fill::new(&table, rulebook);
        let mut cells = Vec::with_capacity(table.rows.len() * table.columns.len());
        for row in 0..table.rows.len() {
            fill.row(row, &mut cells, judgements, sets);
        }
        Judge { row_of: table.row_of, column_of: table.column_of, columns: table.columns.len(), cells }
    }
}

/// What a rule does to a header that it matches, whatever its place among rules of the same effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Effect {
    tier: u32,
    services: HeaderId,
    action: Action,
    matched: Match,
    /// Priority and object where ties inside a priority are undefined; else nothing.
    priority: i64,
    object: u32,
}

/// A rule that is asked in the direction.
struct Asked<'a> {
    tier: u32,
    rule: &'a Rule,
    /// The headers of its services; of named ports those of none.
    services: HeaderId,
    names_ports: bool,
    object: u32,
    order: Order,
    /// Certainty with which the destination side matches everyone, where it does.
    to_all: Option<Match>,
    /// The columns that the destination side matches otherwise.
    to: Vec<(u32, Match)>,
}

/// The part of a class's signature that stands for one side: the rules that match it, by position, and the tiers
/// that it brings into scope.
type Side = (Vec<(u32, Match)>, Option<u32>, u32);

/// Rows and columns, and the rules that meet in them.
struct Table<'a> {
    rules: Vec<Asked<'a>>,
    /// Rules whose source side matches every endpoint.
    from_all: Vec<(u32, Match)>,
    row_of: Vec<u32>,
    column_of: Vec<u32>,
    rows: Vec<Side>,
    columns: Vec<Side>,
    scopes: Vec<Vec<bool>>,
    /// The listed ports of every column.
    ports: Vec<Vec<(String, seglab_policy::Transport, u16)>>,
}

impl<'a> Table<'a> {
    fn new(
        classes: &Classes<'_>,
        book: &'a Rulebook,
        direction: Direction,
        peers: &[PeerMatches],
        sets: &mut HeaderSets,
    ) -> Self {
        let endpoints = &classes.endpoints;
        let mut rules = asked(book, direction, sets);
        let mut from: Vec<Vec<(u32, Match)>> = vec![Vec::new(); endpoints.len()];
        let mut to: Vec<Vec<(u32, Match)>> = vec![Vec::new(); endpoints.len()];
        let mut from_all = Vec::new();
        for (at, asked) in (0u32..).zip(&mut rules) {
            let matches = |peer| classes.words.peers.id(peer).and_then(|id| peers.get(id as usize));
            match matches(&asked.rule.from) {
                Some(PeerMatches::All(matched)) => from_all.push((at, *matched)),
                Some(PeerMatches::Some(matched)) => spread(at, matched, &mut from),
                None => {}
            }
            match matches(&asked.rule.to) {
                Some(PeerMatches::All(matched)) => asked.to_all = Some(*matched),
                Some(PeerMatches::Some(matched)) => spread(at, matched, &mut to),
                None => {}
            }
        }
        let names_ports = rules.iter().any(|asked| asked.names_ports);
        let mut scopes: Interner<Vec<bool>> = Interner::new();
        let mut rows: Interner<Side> = Interner::new();
        let mut columns: Interner<Side> = Interner::new();
        let (mut row_of, mut column_of) = (Vec::new(), Vec::new());
        for (class, (from, to)) in (0u32..).zip(from.into_iter().zip(to)) {
            let scope = scopes.intern(scope_of(classes, book, direction, class));
            let (of_source, of_destination) = match direction {
                Direction::Egress => (Some(scope), None),
                Direction::Forward | Direction::Ingress => (None, Some(scope)),
            };
            let ports = if names_ports { endpoints.get(class).ports } else { 0 };
            row_of.push(rows.intern((from, of_source, 0)));
            column_of.push(columns.intern((to, of_destination, ports)));
        }
        let columns = columns.values().to_vec();
        for (column, (matching, _, _)) in (0u32..).zip(&columns) {
            for &(rule, matched) in matching {
                if let Some(asked) = rules.get_mut(rule as usize) {
                    asked.to.push((column, matched));
                }
            }
        }
        let ports = columns.iter().map(|(_, _, ports)| endpoints.named_ports(*ports).to_vec()).collect();
        Self {
            rules,
            from_all,
            row_of,
            column_of,
            rows: rows.values().to_vec(),
            columns,
            scopes: scopes.values().to_vec(),
            ports,
        }
    }
}

fn spread(rule: u32, matched: &[(u32, Match)], over: &mut [Vec<(u32, Match)>]) {
    for &(class, matched) in matched {
        if let Some(rules) = over.get_mut(class as usize) {
            rules.push((rule, matched));
        }
    }
}

fn asked<'a>(book: &'a Rulebook, direction: Direction, sets: &mut HeaderSets) -> Vec<Asked<'a>> {
    let mut objects: Interner<&Option<String>> = Interner::new();
    let mut asked = Vec::new();
    for (tier, held) in (0u32..).zip(&book.tiers) {
        for rule in held.rules.iter().filter(|rule| rule.directions.contains(direction)) {
            asked.push(Asked {
                tier,
                rule,
                services: sets.intern(HeaderSet::of_services(&rule.services, &[])),
                names_ports: rule.services.iter().any(|service| matches!(service, Service::NamedPort { .. })),
                object: objects.intern(&rule.provenance.object),
                order: held.order,
                to_all: None,
                to: Vec::new(),
            });
        }
    }
    asked
}

/// For each tier, whether a class as the subject of the direction is in its scope.
fn scope_of(classes: &Classes<'_>, book: &Rulebook, direction: Direction, class: u32) -> Vec<bool> {
    let is_unit = classes.endpoints.get(class).kind == EndpointKind::Unit;
    book.tiers
        .iter()
        .map(|tier| {
            tier.scope.selectors(direction).is_none_or(|selectors| {
                is_unit
                    && selectors.iter().any(|selector| {
                        let id = classes.words.selectors.id(selector);
                        id.is_some_and(|id| classes.endpoints.selected(&classes.index, id, class))
                    })
            })
        })
        .collect()
}

/// Fills a table row by row.
struct Fill<'t, 'a> {
    table: &'t Table<'a>,
    book: &'t Rulebook,
    effects: Interner<Effect>,
    /// The judgements of lists of effects: the scope first, then the effects in order.
    known: FxHashMap<Vec<u32>, u32>,
    /// The rules that meet in each column of the row at hand.
    met: Vec<Vec<(u32, u32)>>,
    /// The headers of rules that name ports, by rule and by what the destination declares.
    resolved: FxHashMap<(u32, u32), HeaderId>,
}

impl<'t, 'a> Fill<'t, 'a> {
    fn new(table: &'t Table<'a>, book: &'t Rulebook) -> Self {
        Self {
            table,
            book,
            effects: Interner::new(),
            known: FxHashMap::default(),
            met: vec![Vec::new(); table.columns.len()],
            resolved: FxHashMap::default(),
        }
    }

    fn row(&mut self, row: usize, cells: &mut Vec<u32>, judgements: &mut Judgements, sets: &mut HeaderSets) {
        let table = self.table;
        let Some((own, row_scope, _)) = table.rows.get(row) else { return };
        let mut rules: Vec<(u32, Match)> = own.iter().chain(&table.from_all).copied().collect();
        rules.sort_unstable();
        let mut common: Vec<(u32, u32)> = Vec::new();
        for (at, from) in rules {
            let Some(asked) = table.rules.get(at as usize) else { continue };
            if asked.names_ports {
                let all = asked.to_all.map(|matched| (0..).zip(&table.columns).map(move |(at, _)| (at, matched)));
                let columns: Vec<(u32, Match)> = all.map_or_else(|| asked.to.clone(), Iterator::collect);
                for (column, to) in columns {
                    let services = self.resolve(at, asked, column, sets);
                    self.meet(at, asked, column, from.min(to), services);
                }
            } else if let Some(to) = asked.to_all {
                common.push((at, self.effect(asked, from.min(to), asked.services)));
            } else {
                for &(column, to) in &asked.to {
                    self.meet(at, asked, column, from.min(to), asked.services);
                }
            }
        }
        // Columns where nothing but the common rules meets differ by scope alone.
        let mut plain: FxHashMap<Option<u32>, u32> = FxHashMap::default();
        let mut key = Vec::new();
        for (column, (_, column_scope, _)) in table.columns.iter().enumerate() {
            let own = self.met.get_mut(column).map(std::mem::take).unwrap_or_default();
            let scope = row_scope.or(*column_scope);
            let cell = match plain.get(&scope) {
                Some(&cell) if own.is_empty() => cell,
                _ => {
                    let only_common = own.is_empty();
                    self.list(scope, &common, &own, &mut key);
                    let cell = self.judgement(&key, judgements, sets);
                    if only_common {
                        plain.insert(scope, cell);
                    }
                    cell
                }
            };
            cells.push(cell);
            if let Some(slot) = self.met.get_mut(column) {
                *slot = own;
                slot.clear();
            }
        }
    }

    fn meet(&mut self, at: u32, asked: &Asked<'_>, column: u32, matched: Match, services: HeaderId) {
        let effect = self.effect(asked, matched, services);
        if let Some(met) = self.met.get_mut(column as usize) {
            met.push((at, effect));
        }
    }

    fn effect(&mut self, asked: &Asked<'_>, matched: Match, services: HeaderId) -> u32 {
        let (priority, object) = match asked.order {
            Order::FirstMatchUndefinedTies => (asked.rule.priority, asked.object),
            Order::FirstMatch | Order::DenyOverrides | Order::AllowUnion => (0, 0),
        };
        self.effects.intern(Effect { tier: asked.tier, services, action: asked.rule.action, matched, priority, object })
    }

    /// The headers of a rule that names ports at the destinations of a column.
    fn resolve(&mut self, at: u32, asked: &Asked<'_>, column: u32, sets: &mut HeaderSets) -> HeaderId {
        let Some((_, _, ports)) = self.table.columns.get(column as usize) else { return HeaderId::EMPTY };
        if let Some(&known) = self.resolved.get(&(at, *ports)) {
            return known;
        }
        let declared = self.table.ports.get(column as usize).map_or(&[][..], Vec::as_slice);
        let named = asked.rule.services.iter().fold(HeaderSet::empty(), |set, service| match service {
            Service::NamedPort { protocol, name } => declared
                .iter()
                .filter(|(declared, used, _)| declared == name && protocol.is_none_or(|protocol| protocol == *used))
                .fold(set, |set, (_, used, port)| set.union(&HeaderSet::to_port(*used, *port))),
            _ => set,
        });
        let named = sets.intern(named);
        let resolved = sets.union(asked.services, named);
        self.resolved.insert((at, *ports), resolved);
        resolved
    }

    /// Writes the list of effects of a cell: in the rules' order, and where a tier's order does not matter, each once.
    fn list(&self, scope: Option<u32>, common: &[(u32, u32)], own: &[(u32, u32)], key: &mut Vec<u32>) {
        key.clear();
        key.push(scope.unwrap_or(u32::MAX));
        let (mut left, mut right) = (common, own);
        let mut run: (usize, Option<u32>) = (1, None);
        loop {
            let (_, effect) = match (left, right) {
                ([a, rest @ ..], [b, ..]) if a.0 <= b.0 => {
                    left = rest;
                    *a
                }
                (_, [b, rest @ ..]) => {
                    right = rest;
                    *b
                }
                ([a, rest @ ..], []) => {
                    left = rest;
                    *a
                }
                ([], []) => break,
            };
            let tier = self.effects.values().get(effect as usize).map(|effect| effect.tier);
            if tier != run.1 {
                self.close_run(run, key);
                run = (key.len(), tier);
            }
            key.push(effect);
        }
        self.close_run(run, key);
    }

    fn close_run(&self, (start, tier): (usize, Option<u32>), key: &mut Vec<u32>) {
        let tier = tier.and_then(|tier| self.book.tiers.get(tier as usize));
        let unordered = tier.is_some_and(|tier| matches!(tier.order, Order::DenyOverrides | Order::AllowUnion));
        if unordered && let Some(run) = key.get_mut(start..) {
            run.sort_unstable();
            let mut last = None;
            let mut at = 0;
            key.retain(|&effect| {
                let repeated = at >= start && last.replace(effect) == Some(effect);
                at += 1;
                !repeated
            });
        }
    }

    fn judgement(&mut self, key: &[u32], judgements: &mut Judgements, sets: &mut HeaderSets) -> u32 {
        if let Some(&known) = self.known.get(key) {
            return known;
        }
        let judged = judgements.kept.intern(self.judge(key, sets));
        self.known.insert(key.to_vec(), judged);
        judged
    }

    /// Judges every header at once, as the reference evaluator judges one.
    fn judge(&self, key: &[u32], sets: &mut HeaderSets) -> Judgement {
        let (scope, effects) = key.split_first().map_or((u32::MAX, &[][..]), |(&scope, effects)| (scope, effects));
        let in_scope = self.table.scopes.get(scope as usize);
        let effects: Vec<Effect> =
            effects.iter().filter_map(|&id| self.effects.values().get(id as usize).copied()).collect();
        let mut live = sets.intern(HeaderSet::full());
        let mut judged = Judgement { may_allow: HeaderId::EMPTY, may_deny: HeaderId::EMPTY };
        for (at, tier) in (0u32..).zip(&self.book.tiers) {
            if in_scope.and_then(|tiers| tiers.get(at as usize)) != Some(&true) {
                continue;
            }
            let of_tier: Vec<Effect> = effects.iter().filter(|effect| effect.tier == at).copied().collect();
            let mut may = Actions::default();
            let open = match tier.order {
                Order::FirstMatch => first_match(&of_tier, live, &mut may, sets),
                Order::FirstMatchUndefinedTies => undefined_ties(&of_tier, live, &mut may, sets),
                Order::DenyOverrides | Order::AllowUnion => strongest(&of_tier, live, &mut may, sets),
            };
            may.add(tier.otherwise, open, sets);
            judged.may_allow = sets.union(judged.may_allow, may.allow);
            judged.may_deny = sets.union(judged.may_deny, may.deny);
            live = may.pass;
        }
        let rest = if self.book.default_allow { &mut judged.may_allow } else { &mut judged.may_deny };
        *rest = sets.union(*rest, live);
        judged
    }
}

/// The headers for which each action is possible.
#[derive(Default)]
struct Actions {
    allow: HeaderId,
    deny: HeaderId,
    pass: HeaderId,
}

impl Actions {
    fn add(&mut self, action: Action, headers: HeaderId, sets: &mut HeaderSets) {
        let to = match action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        };
        *to = sets.union(*to, headers);
    }
}

/// Rules in their order; returns the headers that possibly no rule decides.
fn first_match<'e>(
    effects: impl IntoIterator<Item = &'e Effect>,
    mut open: HeaderId,
    may: &mut Actions,
    sets: &mut HeaderSets,
) -> HeaderId {
    for effect in effects {
        let hit = sets.intersection(open, effect.services);
        may.add(effect.action, hit, sets);
        if effect.matched == Match::Yes {
            open = sets.difference(open, hit);
        }
    }
    open
}

/// As [`first_match`], but inside a priority each object's rules are asked on their own and any object may win.
fn undefined_ties(effects: &[Effect], mut open: HeaderId, may: &mut Actions, sets: &mut HeaderSets) -> HeaderId {
    for level in effects.chunk_by(|a, b| a.priority == b.priority) {
        let mut objects: Vec<u32> = level.iter().map(|effect| effect.object).collect();
        objects.sort_unstable();
        objects.dedup();
        let mut left = open;
        for object in objects {
            let of_object = level.iter().filter(|effect| effect.object == object);
            let undecided = first_match(of_object, open, may, sets);
            left = sets.intersection(left, undecided);
        }
        open = left;
    }
    open
}

/// Deny before allow before pass.
fn strongest(effects: &[Effect], mut open: HeaderId, may: &mut Actions, sets: &mut HeaderSets) -> HeaderId {
    for action in [Action::Deny, Action::Allow, Action::Pass] {
        let (mut hit, mut certain) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for effect in effects.iter().filter(|effect| effect.action == action) {
            hit = sets.union(hit, effect.services);
            if effect.matched == Match::Yes {
                certain = sets.union(certain, effect.services);
            }
        }
        let hit = sets.intersection(open, hit);
        may.add(action, hit, sets);
        open = sets.difference(open, certain);
    }
    open
}
