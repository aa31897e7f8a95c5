//! What a verdict on one connection rests on, with the reference evaluator's word for it.
//!
//! [`Encoding::cores`] finds the sets; this module takes what they name out of the design and asks the reference
//! evaluator again. What it does not confirm is an error, never shown.

use crate::smt::{Cores, Encoding, GaveUp, Limits, Part};
use seglab_policy::{Action, Assume, Connection, Design, RuleId, RulebookId, TierId, Verdict};
use std::collections::BTreeSet;

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoresError {
    /// Z3 stopped before anything was settled.
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
    /// The reference evaluator contradicts Z3: a defect of the tool.
    #[error("the reference evaluator contradicts Z3 about what `{0}` rests on")]
    Contradicted(String),
}

/// The fewest rules and defaults that the verdict on a connection rests on; `None` if the verdict is unknown, or if no
/// path carries the connection.
///
/// # Errors
/// [`CoresError`] if Z3 gives up, or if what it found does not replay.
pub fn cores(
    design: &Design,
    connection: &Connection,
    assume: Assume,
    limits: Limits,
) -> Result<Option<Cores>, CoresError> {
    let Some(cores) = Encoding::new(design, assume).with_limits(limits).cores(connection)? else { return Ok(None) };
    let contradicted = || CoresError::Contradicted(connection.display(design).to_string());
    let becomes = |parts: &BTreeSet<Part>| {
        let other = without(design, parts).ok_or_else(contradicted)?;
        Ok::<_, CoresError>(match other.evaluate(connection, assume).verdict {
            Verdict::Allowed(_) => Some(true),
            Verdict::Denied(_) => Some(false),
            Verdict::Unknown(_) => None,
        })
    };
    let enough: BTreeSet<Part> = cores.enough.parts.iter().copied().collect();
    let others: BTreeSet<Part> = removable(design, cores.allowed).difference(&enough).copied().collect();
    let mut confirmed = becomes(&others)? == Some(cores.allowed);
    if let Some(against) = &cores.against {
        confirmed &= becomes(&against.parts.iter().copied().collect())? == Some(!cores.allowed);
    }
    if confirmed { Ok(Some(cores)) } else { Err(contradicted()) }
}

/// Everything that can be taken away: every rule, and for a connection that is denied every default that denies.
pub fn removable(design: &Design, allowed: bool) -> BTreeSet<Part> {
    let mut parts: BTreeSet<Part> = design.rules().map(|(id, _)| Part::Rule(id)).collect();
    if !allowed {
        for (rulebook, book) in (0..).map(RulebookId).zip(design.rulebooks()) {
            let tiers = (0..).zip(&book.tiers).filter(|(_, tier)| tier.otherwise == Action::Deny);
            parts.extend(tiers.map(|(tier, _)| Part::Otherwise(TierId { rulebook, tier })));
            parts.extend((!book.default_allow).then_some(Part::Default(rulebook)));
        }
    }
    parts
}

/// The design without these parts: rules deleted, defaults turned into allow. `None` if that leaves no design.
pub fn without(design: &Design, parts: &BTreeSet<Part>) -> Option<Design> {
    let mut draft = design.to_draft();
    for (rulebook, book) in (0..).map(RulebookId).zip(&mut draft.rulebooks) {
        book.default_allow |= parts.contains(&Part::Default(rulebook));
        for (tier, held) in (0..).zip(&mut book.tiers) {
            if parts.contains(&Part::Otherwise(TierId { rulebook, tier })) {
                held.otherwise = Action::Allow;
            }
            let mut rules = (0..).map(|rule| Part::Rule(RuleId { rulebook, tier, rule }));
            held.rules.retain(|_| rules.next().is_none_or(|rule| !parts.contains(&rule)));
        }
    }
    Design::new(draft).ok()
}
