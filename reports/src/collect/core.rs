//! What a verdict on one connection rests on, as a report names it.

use super::deciding_rules;
use crate::model::{self, Outcome};
use seglab_policy::{Design, RuleId};
use seglab_verify::smt::{Core, Cores, Part, Size};

/// The fewest rules and defaults that a verdict rests on.
pub fn cores(design: &Design, found: &Cores) -> model::Cores {
    model::Cores {
        outcome: if found.allowed { Outcome::Allowed } else { Outcome::Denied },
        enough: core(design, &found.enough),
        against: found.against.as_ref().map(|against| core(design, against)),
    }
}

fn core(design: &Design, of: &Core) -> model::Core {
    let rules: Vec<RuleId> = of
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Rule(id) => Some(*id),
            Part::Otherwise(_) | Part::Default(_) => None,
        })
        .collect();
    let (least, at_least, stopped) = match &of.size {
        Size::Least => (true, of.parts.len(), None),
        Size::AtLeast(least, reason) => (false, *least, Some(reason.to_string())),
    };
    model::Core {
        rules: deciding_rules(design, &rules),
        defaults: of.parts.iter().filter_map(|part| default(design, *part)).collect(),
        least,
        at_least,
        stopped,
    }
}

fn default(design: &Design, part: Part) -> Option<String> {
    match part {
        Part::Rule(_) => None,
        Part::Otherwise(at) => {
            let tier = design.rulebook(at.rulebook).tiers.get(at.tier as usize)?;
            Some(format!("the default deny of tier {}", tier.name))
        }
        Part::Default(rulebook) => Some(format!("the default deny of {}", design.rulebook(rulebook).name)),
    }
}
