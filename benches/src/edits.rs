//! Random edits of designs, the same every time.

use seglab_policy::{Action, Address, Design, Interface, Listener, Rule, Transport, Unit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Numbers that look random, always the same.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as the seed says.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}

/// The design with one label of one unit exchanged for that of another, and which one.
///
/// # Panics
/// If the design has no labels.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn relabelled(design: &Design, dice: &mut Dice) -> (Design, String) {
    let mut draft = design.to_draft();
    loop {
        let (at, other) = (dice.below(draft.units.len()), dice.below(draft.units.len()));
        let labels = |at: usize| draft.units.get(at).map(|unit: &Unit| &unit.labels).expect("a company has units");
        let turn = dice.below(labels(at).len());
        let Some((key, value)) = labels(at).iter().nth(turn) else { continue };
        let Some(theirs) = labels(other).get(key).filter(|theirs| *theirs != value) else { continue };
        let (key, theirs) = (key.clone(), theirs.clone());
        draft.units.get_mut(at).into_iter().for_each(|unit| drop(unit.labels.insert(key.clone(), theirs.clone())));
        return (Design::new(draft).expect("labels hold nothing together"), key);
    }
}

/// The design with one unit more: another of those that a random unit is one of, with addresses of its own.
///
/// # Panics
/// If the design has no units, or no address is left.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn joined(design: &Design, dice: &mut Dice) -> (Design, String) {
    let mut draft = design.to_draft();
    let number = dice.below(1 << 20);
    let known = draft.units.get(dice.below(draft.units.len())).expect("a company has units");
    let (name, interfaces) = (format!("{}-{number}", known.name), known.interfaces.iter().cloned());
    let interfaces = interfaces.map(|interface| Interface { address: near(design, &interface), ..interface }).collect();
    let unit = Unit { name, interfaces, ..known.clone() };
    let tier = unit.labels.get("tier").or(unit.labels.get("role")).cloned().unwrap_or_default();
    draft.units.push(unit);
    (Design::new(draft).expect("names and addresses are its own"), tier)
}

/// An address near that of an interface that no unit has.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn near(design: &Design, interface: &Interface) -> Address {
    let Address::Known(known) = interface.address else { return interface.address };
    let taken = design.known_addresses(&interface.space).expect("the interface has an address there");
    let next = |offset: u32| match known {
        IpAddr::V4(known) => IpAddr::from(Ipv4Addr::from_bits(known.to_bits().wrapping_add(offset))),
        IpAddr::V6(known) => IpAddr::from(Ipv6Addr::from_bits(known.to_bits().wrapping_add(u128::from(offset)))),
    };
    Address::Known((1..).map(next).find(|address| !taken.contains(*address)).expect("some address is left"))
}

/// The design without a random unit that hosts no other.
///
/// # Panics
/// If every unit hosts another.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn left(design: &Design, dice: &mut Dice) -> (Design, String) {
    let mut draft = design.to_draft();
    loop {
        let at = dice.below(draft.units.len());
        let name = draft.units.get(at).map(|unit: &Unit| unit.name.clone()).expect("a company has units");
        if draft.units.iter().any(|unit| unit.host.as_ref() == Some(&name)) {
            continue;
        }
        let unit = draft.units.remove(at);
        let tier = unit.labels.get("tier").or(unit.labels.get("role")).cloned().unwrap_or_default();
        return (Design::new(draft).expect("nothing hangs on the unit"), tier);
    }
}

/// The design with what a random unit listens on exchanged: a port goes, or one comes.
///
/// # Panics
/// If the design has no units.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn listening(design: &Design, dice: &mut Dice) -> (Design, String) {
    let mut draft = design.to_draft();
    let (at, goes) = (dice.below(draft.units.len()), dice.below(2) == 0);
    let port = u16::try_from(20_000 + dice.below(10_000)).unwrap_or(u16::MAX);
    let unit = draft.units.get_mut(at).expect("a company has units");
    let kind = if goes && unit.listeners.pop().is_some() {
        "gone"
    } else {
        unit.listeners.push(Listener::port(Transport::Tcp, port));
        "come"
    };
    (Design::new(draft).expect("listeners hold nothing together"), kind.to_owned())
}

const KINDS: [&str; 6] = ["gone", "come", "services", "source", "destination", "action"];

/// The design with one rule edited, and how: one goes, one comes, or one has its services, its source, its destination or
/// its action exchanged for those of another.
///
/// # Panics
/// If the design has no rules.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
pub fn edited(design: &Design, dice: &mut Dice) -> (Design, &'static str) {
    let kind = KINDS.get(dice.below(KINDS.len())).copied().unwrap_or("gone");
    let rules: Vec<&Rule> = design.rules().map(|(_, rule)| rule).collect();
    let other = rules.get(dice.below(rules.len())).map(|rule| (*rule).clone()).expect("a company has rules");
    let third = rules.get(dice.below(rules.len())).map(|rule| (*rule).clone()).expect("a company has rules");
    let mut at = dice.below(rules.len());
    let mut rulebooks = design.rulebooks().to_vec();
    for tier in rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
        if at >= tier.rules.len() {
            at -= tier.rules.len();
            continue;
        }
        match (kind, tier.rules.get_mut(at)) {
            ("gone", _) => drop(tier.rules.remove(at)),
            ("come", _) => tier.rules.insert(at, Rule { to: third.to, ..other }),
            ("services", Some(rule)) => rule.services = other.services,
            ("source", Some(rule)) => rule.from = other.from,
            ("destination", Some(rule)) => rule.to = other.to,
            (_, Some(rule)) => {
                rule.action = if rule.action == Action::Allow { Action::Deny } else { Action::Allow };
            }
            (_, None) => {}
        }
        break;
    }
    (design.with_rulebooks(rulebooks).expect("the rules of one tier fit it"), kind)
}
