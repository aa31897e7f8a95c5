//! Random edits of a design: one after the other, until some number of them has been made.

use seglab_policy::{
    Action, Address, Design, Draft, Family, Interface, Listener, Mode, Order, Selector, Transport, Unmodelled,
};

/// A small generator (the step of SplitMix64).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap()
    }
}

/// The design after some edits, with parts of another one where an edit needs some.
pub(super) fn mutated(design: &Design, other: &Design, edits: usize, draw: &mut Draw) -> Design {
    let mut current = design.clone();
    let mut made = 0;
    while made < edits {
        let mut draft = current.to_draft();
        match draw.below(3) {
            0 => edit_rule(&mut draft, other, draw),
            1 => edit_unit(&mut draft, draw),
            _ => edit_rest(&mut draft, other, draw),
        }
        // An edit that contradicts something else is not made.
        if let Ok(next) = Design::new(draft) {
            current = next;
            made += 1;
        }
    }
    current
}

fn edit_rule(draft: &mut Draft, other: &Design, draw: &mut Draw) {
    let books = draft.rulebooks.len();
    let Some(book) = draft.rulebooks.get_mut(draw.below(books)) else { return };
    let tiers = book.tiers.len();
    let Some(tier) = book.tiers.get_mut(draw.below(tiers)) else { return };
    let foreign: Vec<_> = other.rules().map(|(_, rule)| rule.clone()).collect();
    let (at, rules) = (draw.below(tier.rules.len()), tier.rules.len());
    let only_allows = tier.order == Order::AllowUnion;
    match (draw.below(6), tier.rules.get_mut(at)) {
        (0, Some(_)) => drop(tier.rules.remove(at)),
        (1, Some(rule)) if !only_allows => {
            rule.action = if rule.action == Action::Deny { Action::Allow } else { Action::Deny }
        }
        (2, Some(rule)) => std::mem::swap(&mut rule.from, &mut rule.to),
        (3, Some(rule)) => {
            if let Some(other) = foreign.get(draw.below(foreign.len())) {
                rule.services.clone_from(&other.services);
            }
        }
        (4, Some(rule)) => {
            if let Some(other) = foreign.get(draw.below(foreign.len())) {
                rule.from = other.from.clone();
            }
        }
        _ => {
            if let Some(mut rule) = foreign.get(draw.below(foreign.len())).cloned() {
                rule.action = if only_allows { Action::Allow } else { rule.action };
                tier.rules.insert(draw.below(rules + 1), rule);
            }
        }
    }
}

fn edit_unit(draft: &mut Draft, draw: &mut Draw) {
    let count = draft.units.len();
    let at = draw.below(count);
    let port = |draw: &mut Draw| [80u16, 81, 443, 8080][draw.below(4)];
    match draw.below(10) {
        0 => drop(draft.units.remove(at)),
        1 => {
            let mut unit = draft.units[at].clone();
            unit.name += " 2";
            unit.interfaces = vec![Interface::new(Address::Unknown(Family::V4))];
            draft.units.push(unit);
        }
        2 => draft.units[at].name += " renamed",
        3 => drop(draft.units[at].labels.insert("app".to_owned(), ["a", "b", "c"][draw.below(3)].to_owned())),
        4 => draft.units[at].labels.clear(),
        5 => draft.units[at].listeners.push(Listener::port(Transport::Tcp, port(draw))),
        6 => {
            let family = Family::ALL[draw.below(2)];
            draft.units[at].interfaces.push(Interface::new(Address::Unknown(family)));
        }
        7 => {
            let interface = &mut draft.units[at].interfaces[0];
            match draw.below(4) {
                0 => interface.inbound = !interface.inbound,
                1 => interface.outbound = !interface.outbound,
                2 => interface.address = Address::Unknown(interface.family()),
                _ => interface.shared = !interface.shared,
            }
        }
        8 => draft.units[at].credentials.extend(["key".to_owned(), "token".to_owned()]),
        _ => {
            let host = draft.units[draw.below(count)].name.clone();
            draft.units[at].host = if draft.units[at].host.is_some() { None } else { Some(host) };
        }
    }
}

fn edit_rest(draft: &mut Draft, other: &Design, draw: &mut Draw) {
    let (points, books) = (draft.points.len(), draft.rulebooks.len());
    match draw.below(6) {
        0 if points > 0 => {
            let point = &mut draft.points[draw.below(points)];
            point.mode = if point.mode == Mode::Enforce { Mode::Alert } else { Mode::Enforce };
        }
        1 if books > 0 => {
            let book = &mut draft.rulebooks[draw.below(books)];
            book.stateful = !book.stateful;
        }
        2 if books > 0 => {
            let book = &mut draft.rulebooks[draw.below(books)];
            book.default_allow = !book.default_allow;
        }
        3 => draft.external_sources = other.external_sources().to_vec(),
        4 if draft.unmodelled.is_empty() => draft.unmodelled.push(Unmodelled {
            what: "Something else".to_owned(),
            touches: Selector::label("app", "a"),
            provenance: Default::default(),
        }),
        _ => draft.unmodelled.clear(),
    }
}
