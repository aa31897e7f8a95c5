//! Rules that come and go.

use super::gather::Noted;
use super::*;
use crate::blueprint::RulePeers;
use crate::tier_plan::RulePlan;

/// A rule as its tier holds it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Held<'a> {
    pub(in super::super) rule: &'a Rule,
    pub(in super::super) tier: TierId,
    pub(in super::super) order: Order,
    /// The order in which rules of one priority came into their tier.
    pub(in super::super) sequence: u64,
}

impl Ledger {
    /// Says what the priority and the turn of each rule are; rules are asked about by their positions in the design that
    /// was compiled.
    pub(in super::super) fn note_order(&mut self, of_rule: impl Fn(LiveRule) -> Option<(i64, u64)>) {
        let placements: Vec<(LiveRule, u32)> =
            self.of_rule.iter().flat_map(|(&rule, of_rule)| of_rule.iter().map(move |&at| (rule, at))).collect();
        for (rule, at) in placements {
            let placement = self.placements[at];
            let blueprint = &self.grounds.blueprints[placement.table];
            let tier = self.grounds.places[placement.table][placement.rule].tier;
            let ordered = blueprint.plan.tiers.get(tier as usize).is_some_and(|tier| is_ordered(tier.order));
            if let Some((priority, sequence)) = of_rule(rule).filter(|_| ordered) {
                self.grounds.places[placement.table][placement.rule] = RulePlace { tier, priority, sequence };
            }
        }
    }

    /// Replaces a rule: by nothing where it goes, of nothing where it comes.
    pub(in super::super) fn replace(
        &mut self,
        rule: LiveRule,
        new: Option<Held<'_>>,
        units: &Units,
    ) -> Result<(), Why> {
        (0..2).try_for_each(|side| self.rejoin_labels(side))?;
        let mut work = Vec::new();
        for at in self.of_rule.remove(&rule).unwrap_or_default() {
            work.push(self.unplace(at)?);
        }
        // What rules add up to may be remembered of one whose place another takes.
        self.grounds.forget();
        if let Some(new) = new {
            self.place(rule, new, units, &mut work)?;
        }
        self.finish(work)
    }

    fn finish(&mut self, mut work: Vec<Work>) -> Result<(), Why> {
        // What is usual comes first: pairs that are told that from here on need no labels of their own.
        work.sort_by_key(|one| matches!(one, Work::Pairs(..)));
        let mut done: Vec<(u32, u32)> = Vec::new();
        for one in work {
            match one {
                Work::Pairs(from, to) if done.contains(&(from, to)) => {}
                Work::Pairs(from, to) => {
                    done.push((from, to));
                    let [sources, destinations] = &self.sides.0;
                    let (sources, destinations) = (sources.classes_of(from), destinations.classes_of(to));
                    self.settle_pairs(&sources, &destinations)?;
                }
                Work::Groups(side, peer) => {
                    let classes = self.sides[side].classes_of(peer);
                    if classes.len() > REGROUPED_MAX {
                        return Err(Why::Broad);
                    }
                    classes.into_iter().try_for_each(|class| self.settle_class(side, class, &[]))?;
                }
            }
        }
        Ok(())
    }

    /// Notes what a placement brings to its peers.
    pub(super) fn link(&mut self, at: u32) {
        let Placement { table, part, rule, from, to } = self.placements[at];
        let [sources, destinations] = &mut self.sides.0;
        let token = |gate| Token::Rule { table, rule, certain: true, gate };
        match part {
            Part::Everywhere { .. } => {}
            Part::AtSource { gate } => sources.broad_of[from].push((at, token(gate))),
            Part::AtDestination { gate } => destinations.broad_of[to].push((at, token(gate))),
            Part::Pairs => {
                sources.pairs_of[from].push(Noted { placement: at, other: to, table, rule });
                destinations.pairs_of[to].push(Noted { placement: at, other: from, table, rule });
            }
        }
    }

    /// Takes a placement away; returns what has to be worked out.
    fn unplace(&mut self, at: u32) -> Result<Work, Why> {
        let Placement { table, part, rule, from, to } = self.placements[at];
        let [sources, destinations] = &mut self.sides.0;
        Ok(match part {
            Part::Everywhere { .. } => return Err(Why::Broad),
            Part::AtSource { .. } => {
                sources.broad_of[from].retain(|&(other, _)| other != at);
                Work::Groups(0, from)
            }
            Part::AtDestination { .. } => {
                destinations.broad_of[to].retain(|&(other, _)| other != at);
                Work::Groups(1, to)
            }
            Part::Pairs => {
                sources.pairs_of[from].retain(|noted| noted.placement != at);
                destinations.pairs_of[to].retain(|noted| noted.placement != at);
                self.vacant.push(at);
                // A rule that came later stands for itself only, and its place in the table can be taken.
                if rule >= self.grounds.compiled_rules(table) {
                    self.grounds.vacant_rules.push((table, rule));
                }
                Work::Pairs(from, to)
            }
        })
    }

    fn place(&mut self, rule: LiveRule, new: Held<'_>, units: &Units, work: &mut Vec<Work>) -> Result<(), Why> {
        let Some(services) = self.services_of(new.rule)? else { return Ok(()) };
        let tables = self.tables_for(new)?;
        if tables.is_empty() {
            return Ok(());
        }
        let from = self.peer_on(0, &new.rule.from, units)?;
        let to = self.peer_on(1, &new.rule.to, units)?;
        for (table, tier) in tables {
            let place = RulePlace {
                tier,
                priority: if is_ordered(new.order) { new.rule.priority } else { 0 },
                sequence: new.sequence,
            };
            let plan = RulePlan { action: new.rule.action, priority: 0, object: 0 };
            let part = self.part(from, to)?;
            let at_table = self.grounds.add_rule(table, plan, RulePeers { from, to, services }, place);
            let placement = Placement { table, part, rule: at_table, from, to };
            let at = match self.vacant.pop() {
                Some(at) => {
                    self.placements[at] = placement;
                    at
                }
                None => self.placements.push(placement),
            };
            self.of_rule.entry(rule).or_default().push(at);
            self.link(at);
            work.push(match part {
                Part::Everywhere { .. } => return Err(Why::Broad),
                Part::AtSource { .. } => Work::Groups(0, from),
                Part::AtDestination { .. } => Work::Groups(1, to),
                Part::Pairs => Work::Pairs(from, to),
            });
        }
        Ok(())
    }

    /// The list of a rule's services; `None` if it is about no header of the family.
    fn services_of(&mut self, rule: &Rule) -> Result<Option<u32>, Why> {
        let before = (self.services.lists().len(), self.services.names().len());
        let Some(services) = self.services.intern(&rule.services, self.family) else { return Ok(None) };
        if self.services.names().len() > before.1 {
            return Err(Why::Headers);
        }
        if self.services.lists().len() > before.0 {
            let list = self.services.lists()[services].clone();
            if !list.iter().all(|predicate| self.grounds.coverage.is_made_of(predicate)) {
                return Err(Why::Headers);
            }
            self.grounds.coverage.add_list(list);
        }
        Ok(Some(services))
    }

    /// The tables in which a rule is asked, and its tier there.
    fn tables_for(&self, new: Held<'_>) -> Result<Vec<(u32, u32)>, Why> {
        let mut tables: Vec<(u32, u32)> = Vec::new();
        let of_book = |direction| self.table_of.lookup(slot(new.tier.rulebook.0, direction)).copied();
        let asked: Vec<(Direction, u32)> = Direction::ALL
            .into_iter()
            .filter_map(|direction| Some((direction, of_book(direction).filter(|&table| table != u32::MAX)?)))
            .collect();
        for &(direction, table) in &asked {
            let is_in = new.rule.directions.contains(direction);
            let alike = asked.iter().filter(|&&(_, other)| other == table);
            if alike.clone().any(|&(other, _)| new.rule.directions.contains(other) != is_in) {
                return Err(Why::Order);
            }
            if is_in && !tables.iter().any(|&(other, _)| other == table) {
                tables.push((table, new.tier.tier));
            }
        }
        if !tables.is_empty() && new.order == Order::FirstMatchUndefinedTies {
            return Err(Why::Order);
        }
        Ok(tables)
    }

    /// Where a rule is noted.
    fn part(&mut self, from: u32, to: u32) -> Result<Part, Why> {
        let [sources, destinations] = &self.sides.0;
        let (a, b) = (&sources.matched[from], &destinations.matched[to]);
        Ok(match (a, b) {
            (Some(Peers::Classes(a)), Some(Peers::Classes(b))) => {
                let pairs = a.len().saturating_mul(b.len());
                if pairs <= BROAD_PAIRS {
                    return Ok(Part::Pairs);
                }
                // Gates are what groups of the other side are told apart by, or are not.
                let at_destination = sources.gates.contains(&from) && b.len() <= REGROUPED_MAX;
                let at_source = destinations.gates.contains(&to) && a.len() <= REGROUPED_MAX;
                match (at_source, at_destination) {
                    (true, _) if a.len() <= b.len() => Part::AtSource { gate: Some(to) },
                    (_, true) => Part::AtDestination { gate: Some(from) },
                    (true, _) => Part::AtSource { gate: Some(to) },
                    _ if pairs <= PAIRS_MAX => Part::Pairs,
                    _ => return Err(Why::Broad),
                }
            }
            (Some(Peers::Classes(_)), Some(Peers::Everybody { certain: true })) => Part::AtSource { gate: None },
            (Some(Peers::Everybody { certain: true }), Some(Peers::Classes(_))) => Part::AtDestination { gate: None },
            _ => return Err(Why::Broad),
        })
    }
}

/// True if a tier asks its rules one after the other.
fn is_ordered(order: Order) -> bool {
    matches!(order, Order::FirstMatch | Order::FirstMatchUndefinedTies)
}
