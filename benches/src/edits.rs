//! Random edits of designs, the same every time.

use seglab_policy::{Action, Design, Rule, Unit};

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
