//! Claims about single connections, surfaces and many blast radii, asked of every pair of ends.

use super::{End, Naive, inside};
use seglab_policy::{
    Action, AtMost, Connection, Covers, Design, Direction, Directions, Endpoint, Family, Flow, Header, Peer, Selector,
    Service, Side, Statistic, UnitId,
};
use seglab_verify::Attack;

/// Whether something is so: certainly, possibly, or not.
type Is = Option<bool>;

fn both(a: Is, b: Is) -> Is {
    Some(a? && b?)
}

impl Naive<'_> {
    /// Whether units open connections to somebody else; with doubt, whether they may.
    pub(super) fn goes_elsewhere(
        &self,
        attack: Attack,
        from: &Selector,
        to: &Peer,
        services: &[Service],
        doubtful: bool,
    ) -> bool {
        self.stray(attack, doubtful, |connection, family| {
            let meant = self.selected(from, connection.source);
            (meant, self.lists(connection, family, &Peer::Anyone, to, services))
        })
    }

    /// Whether connections are open that no flow lists; with doubt, whether they may be.
    pub(super) fn is_unlisted(&self, attack: Attack, flows: &[Flow], among: Option<&Selector>, doubtful: bool) -> bool {
        self.stray(attack, doubtful, |connection, family| {
            let within = |end| among.map_or(Some(true), |among| self.selected(among, end));
            let lists = |flow: &Flow| self.lists(connection, family, &flow.from, &flow.to, &flow.services);
            (both(within(connection.source), within(connection.destination)), flows.iter().filter_map(lists).max())
        })
    }

    /// Whether connections of units are open where no rule allows any; with doubt, whether they may be.
    pub(super) fn opens_by_default(
        &self,
        attack: Attack,
        units: &Selector,
        directions: Directions,
        doubtful: bool,
    ) -> bool {
        let mut draft = self.design.to_draft();
        for tier in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
            tier.rules.retain(|rule| rule.action != Action::Allow);
        }
        let bare = Design::new(draft).unwrap();
        let naive = Naive::new(&bare);
        directions.iter().any(|direction| {
            naive.stray(attack, doubtful, |connection, _| match direction {
                Direction::Ingress => (naive.selected(units, connection.destination), None),
                Direction::Egress => (naive.selected(units, connection.source), None),
                Direction::Forward => (None, None),
            })
        })
    }

    /// Some connection is meant and not listed.
    fn stray(&self, attack: Attack, doubtful: bool, of: impl Fn(&Connection, Family) -> (Is, Is)) -> bool {
        let ends = self.every_end();
        let assume = attack.assume(Side::Source, false);
        ends.iter().flat_map(|&from| ends.iter().map(move |&to| (from, to))).any(|(from, to)| {
            from != to
                && self.arriving(from, to, assume).iter().any(|(family, connection, verdict)| {
                    let (meant, listed) = of(connection, *family);
                    let seen = self.seen(attack.view, to, connection.header);
                    seen && match doubtful {
                        true => meant.is_some() && listed != Some(true),
                        false => verdict.is_allowed() && meant == Some(true) && listed.is_none(),
                    }
                })
        })
    }

    fn every_end(&self) -> Vec<End> {
        self.ends(&Peer::Anyone).into_keys().collect()
    }

    fn selected(&self, selector: &Selector, end: Endpoint) -> Is {
        end.unit().filter(|&unit| selector.matches(self.design.unit(unit))).map(|_| true)
    }

    fn lists(&self, connection: &Connection, family: Family, from: &Peer, to: &Peer, services: &[Service]) -> Is {
        let unit = connection.destination.unit().map(|unit| self.design.unit(unit));
        let of = services.iter().any(|service| service.matches(family, connection.header, unit));
        both(self.at(from, connection.source, family), self.at(to, connection.destination, family)).filter(|_| of)
    }

    /// Whether a peer matches an interface, an address or a source.
    fn at(&self, peer: &Peer, end: Endpoint, family: Family) -> Is {
        match (peer, end) {
            (Peer::Anyone, _) => Some(true),
            (Peer::Unmodelled(_), _) => Some(false),
            (Peer::Units(selector), Endpoint::Source(id)) => {
                selector.matches_source(self.design.external_source(id).unwrap()).then_some(true)
            }
            (Peer::Units(selector), end) => self.selected(selector, end),
            (Peer::Addresses { set, .. }, Endpoint::External(address)) => set.contains(address).then_some(true),
            (Peer::Addresses { covers: Covers::External, .. }, _) => None,
            (Peer::Addresses { set, .. }, Endpoint::Source(_)) => set.covers_family(family).then_some(true),
            (Peer::Addresses { set, .. }, end) => inside(set, self.design.interface(end).unwrap()),
        }
    }

    /// Some unit has too many entries or exits.
    pub(super) fn crowded(
        &self,
        attack: Attack,
        units: &Selector,
        (entries_max, exits_max): (Option<u32>, Option<u32>),
        doubtful: bool,
    ) -> bool {
        let assume = attack.assume(Side::Source, false);
        let counts = |to: End| move |_: Family, header: Header| self.seen(attack.view, to, header);
        self.design.select(units).any(|unit| {
            let own = End::Unit(unit);
            let number = |entries: bool| -> usize {
                let open = |other: &&End| match entries {
                    true => self.opens(**other, own, assume, doubtful, counts(own)),
                    false => self.opens(own, **other, assume, doubtful, counts(**other)),
                };
                let ends = self.every_end();
                let (external, others): (Vec<&End>, Vec<&End>) =
                    ends.iter().filter(open).partition(|end| matches!(end, End::External(_)));
                others.len() + usize::from(!external.is_empty())
            };
            let over = |max: Option<u32>, entries| max.is_some_and(|max| number(entries) > max as usize);
            over(entries_max, true) || over(exits_max, false)
        })
    }

    /// A statistic of the blast radii is above the bound.
    pub(super) fn too_many(
        &self,
        attack: Attack,
        from: &Selector,
        (at_most, of): (AtMost, Statistic),
        hops_max: Option<u32>,
        doubtful: bool,
    ) -> bool {
        let amount = |unit: UnitId| -> u64 {
            let owned = self.spread(attack, End::Unit(unit), hops_max, &[], doubtful);
            match at_most {
                AtMost::Criticality(_) => owned.keys().map(|&unit| u64::from(self.design.unit(unit).criticality)).sum(),
                AtMost::Units(_) | AtMost::Share(_) => owned.len() as u64,
            }
        };
        let amounts: Vec<u64> = self.design.select(from).map(amount).collect();
        // In millionths of the population, or of one, so that nothing is rounded.
        let (bound, scale) = match at_most {
            AtMost::Units(most) | AtMost::Criticality(most) => (u64::from(most), 1),
            AtMost::Share(parts) => (u64::from(parts) * self.design.units().len() as u64, 1_000_000),
        };
        let count = amounts.len() as u64;
        match of {
            Statistic::Max => amounts.iter().any(|amount| amount * scale > bound),
            Statistic::Mean => amounts.iter().sum::<u64>() * scale > bound * count,
            Statistic::Percentile(per_mille) => {
                let within = amounts.iter().filter(|&amount| amount * scale <= bound).count() as u64;
                within * 1000 < count * u64::from(per_mille)
            }
        }
    }
}
