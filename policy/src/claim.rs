//! Claims: what a property says of a design.
//!
//! Some claims are about attacks, which string connections together; some about single connections; some about the
//! rules themselves. [`Claim::asks`] tells which parts of the question, *view*, *pivot*, *trust* and *hops*, mean
//! something to a claim.

use crate::address::AddressSet;
use crate::design::{Design, DesignError, Draft};
use crate::flow::Flow;
use crate::property::Trust;
use crate::rule::{Directions, Peer};
use crate::selector::Selector;
use crate::service::Service;
use std::fmt;
use std::sync::Arc;

/// A bound on a blast radius, and what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AtMost {
    /// This many units.
    Units(u32),
    /// This share of all units. [parts per million]
    Share(u32),
    /// Units whose criticalities add up to this. \[weight\]
    Criticality(u32),
}

impl AtMost {
    /// The largest single number that the bound admits, in a design of `population` units. [units, or weight]
    pub fn most(self, population: usize) -> u64 {
        match self {
            AtMost::Units(most) | AtMost::Criticality(most) => u64::from(most),
            AtMost::Share(parts) => population as u64 * u64::from(parts) / 1_000_000,
        }
    }

    /// True if the mean of `count` numbers that add up to `sum` is within the bound, exactly; so is that of none.
    pub fn admits_mean(self, sum: u64, count: usize, population: usize) -> bool {
        let (sum, count) = (u128::from(sum), count as u128);
        match self {
            AtMost::Units(most) | AtMost::Criticality(most) => sum <= u128::from(most) * count,
            AtMost::Share(parts) => sum * 1_000_000 <= population as u128 * u128::from(parts) * count,
        }
    }
}

impl fmt::Display for AtMost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtMost::Units(units) => write!(f, "{units}"),
            AtMost::Share(parts) => write!(f, "{}%", f64::from(*parts) / 10_000.0),
            AtMost::Criticality(weight) => write!(f, "criticality {weight}"),
        }
    }
}

/// Which number of many a bound is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// The largest.
    #[default]
    Max,
    /// Their mean.
    Mean,
    /// The smallest that so many thousandths of them do not exceed. [per mille, 1 to 1000]
    Percentile(u16),
}

impl Statistic {
    /// The position of the number of `count` ascending ones; `None` for the mean, and of none.
    pub fn position(self, count: usize) -> Option<usize> {
        let rank = match self {
            Statistic::Max => count,
            Statistic::Mean => return None,
            Statistic::Percentile(per_mille) => (count * usize::from(per_mille)).div_ceil(1000).max(1),
        };
        rank.min(count).checked_sub(1)
    }

    /// The statistic of this name: `max`, `mean`, `p95`, `p99.9`.
    pub fn from_name(name: &str) -> Option<Self> {
        let percentile = || {
            let digits = name.strip_prefix('p')?;
            let (whole, tenths) = digits.split_once('.').unwrap_or((digits, "0"));
            let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
            let tenths = Some(tenths).filter(|tenths| tenths.len() == 1).and_then(number)?;
            let per_mille = number(whole)?.checked_mul(10)?.checked_add(tenths)?;
            (1..=1000).contains(&per_mille).then_some(Statistic::Percentile(per_mille))
        };
        match name {
            "max" => Some(Statistic::Max),
            "mean" => Some(Statistic::Mean),
            _ => percentile(),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::Max => f.write_str("max"),
            Statistic::Mean => f.write_str("mean"),
            Statistic::Percentile(per_mille) if per_mille % 10 == 0 => write!(f, "p{}", per_mille / 10),
            Statistic::Percentile(per_mille) => write!(f, "p{}.{}", per_mille / 10, per_mille % 10),
        }
    }
}

/// Another design, which a claim holds this one against.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Where it is read from, as the claim says it.
    pub path: String,
    /// The design: who is there and what they may, without what is said of it.
    pub design: Arc<Design>,
}

impl Reference {
    /// A design to hold others against. Its own properties, needs, waivers and threats play no part, and its choices
    /// are as they were decided.
    ///
    /// # Errors
    /// As [`Design::new`].
    pub fn new(path: impl Into<String>, of: Draft) -> Result<Self, Vec<DesignError>> {
        let draft = Draft {
            needs: Vec::new(),
            properties: Vec::new(),
            trusted: Vec::new(),
            waivers: Vec::new(),
            attackers: Vec::new(),
            monitor: None,
            choices: Vec::new(),
            ignored: Vec::new(),
            ..of
        };
        Ok(Self { path: path.into(), design: Arc::new(Design::new(draft)?) })
    }
}

/// What a property claims.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Whoever owns a unit of `from` never reaches a unit or address of `to` that is not in `from` too.
    Isolated {
        /// Units that an attacker starts from, or external addresses.
        from: Peer,
        /// What must stay out of reach.
        to: Peer,
        /// Services of the last hop that count.
        services: Vec<Service>,
    },
    /// As [`Claim::Isolated`], of this design and of every design that comes of it by adding units.
    IsolatedEver {
        /// Units that an attacker starts from, or external addresses.
        from: Peer,
        /// What must stay out of reach.
        to: Peer,
        /// Services of the last hop that count.
        services: Vec<Service>,
    },
    /// A need works: every pair, every service, every source port 1024–65535, replies included.
    Allowed {
        /// Who opens the connections.
        from: Peer,
        /// To whom.
        to: Peer,
        /// On which services.
        services: Vec<Service>,
    },
    /// Every path from `from` to `to` passes a unit of `via`: without the units of `via`, `to` is out of reach.
    OnlyThrough {
        /// Units that an attacker starts from, or external addresses.
        from: Peer,
        /// What may be reached through `via` only.
        to: Peer,
        /// The waypoint.
        via: Selector,
        /// Services of the last hop that count.
        services: Vec<Service>,
    },
    /// A statistic of the blast radii of the units of `from` is within the bound.
    BlastRadius {
        /// The units whose blast radii are taken.
        from: Selector,
        /// The bound.
        at_most: AtMost,
        /// What of the blast radii is held against it.
        of: Statistic,
    },
    /// Only units of `only`, on `services`, can be reached from external addresses (`inbound`), or can reach them.
    Exposed {
        /// The external addresses.
        external: AddressSet,
        /// True: from the addresses to units. False: from units to the addresses.
        inbound: bool,
        /// The units that may be exposed.
        only: Selector,
        /// The services on which they may.
        services: Vec<Service>,
    },
    /// Every connection that a unit of `from` can open is to `to`, on `services`.
    EgressOnlyTo {
        /// The units.
        from: Selector,
        /// To whom they may open connections.
        to: Peer,
        /// On which services they may.
        services: Vec<Service>,
    },
    /// Every connection that can be opened is one of `flows`: least privilege.
    Only {
        /// The connections that may be possible.
        flows: Vec<Flow>,
        /// Only connections between two units of it are meant; every connection where it is absent.
        among: Option<Selector>,
    },
    /// Every connection that can be opened can be opened in another design, between the units of the same names.
    Within {
        /// The design that allows as much, or more.
        reference: Reference,
    },
    /// As [`Claim::Within`], and the other way round; replies fare alike, too.
    Equal {
        /// The design that allows the same.
        reference: Reference,
    },
    /// With every allow rule taken to match nothing, no connection reaches (ingress) or leaves (egress) a unit.
    DefaultDeny {
        /// The units.
        units: Selector,
        /// Egress, ingress or both.
        directions: Directions,
    },
    /// No unit has more entries, or exits, than so many: other units, named external sources, and one for all external
    /// addresses together.
    Surface {
        /// The units.
        units: Selector,
        /// The most entries: whoever can connect to the unit; `None` for any number.
        entries_max: Option<u32>,
        /// The most exits: to whom the unit can connect; `None` for any number.
        exits_max: Option<u32>,
    },
    /// Every rule that matches some connection of the design decides one: none is hidden by rules that go before it.
    NoShadowedRules {
        /// The name of the rulebook that is meant; every one where it is absent.
        rulebook: Option<String>,
    },
    /// Every rule matters: without it some connection of the design would have another verdict.
    NoRedundantRules {
        /// The name of the rulebook that is meant; every one where it is absent.
        rulebook: Option<String>,
    },
    /// No connection's verdict is in doubt because rules of equal rank, of different objects, disagree.
    NoUndefinedOrder {
        /// The name of the rulebook that is meant; every one where it is absent.
        rulebook: Option<String>,
    },
}

/// Which parts of a question mean something to a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// Which ports count.
    pub view: bool,
    /// What carries an attacker on.
    pub pivot: bool,
    /// What still enforces.
    pub trust: bool,
    /// How many connections may be strung together.
    pub hops: bool,
}

impl Claim {
    /// The name of the kind, as a lab file writes it; `isolated-ever` is there an `isolated` with `ever: true`.
    pub fn kind(&self) -> &'static str {
        match self {
            Claim::Isolated { .. } => "isolated",
            Claim::IsolatedEver { .. } => "isolated-ever",
            Claim::Allowed { .. } => "allowed",
            Claim::OnlyThrough { .. } => "only-through",
            Claim::BlastRadius { .. } => "blast-radius",
            Claim::Exposed { .. } => "exposed",
            Claim::EgressOnlyTo { .. } => "egress-only-to",
            Claim::Only { .. } => "only",
            Claim::Within { .. } => "within",
            Claim::Equal { .. } => "equal",
            Claim::DefaultDeny { .. } => "default-deny",
            Claim::Surface { .. } => "surface",
            Claim::NoShadowedRules { .. } => "no-shadowed-rules",
            Claim::NoRedundantRules { .. } => "no-redundant-rules",
            Claim::NoUndefinedOrder { .. } => "no-undefined-order",
        }
    }

    /// What of a question means something to the claim.
    pub fn asks(&self) -> Asks {
        match self {
            Claim::Isolated { .. }
            | Claim::IsolatedEver { .. }
            | Claim::OnlyThrough { .. }
            | Claim::BlastRadius { .. } => Asks { view: true, pivot: true, trust: true, hops: true },
            Claim::Exposed { .. }
            | Claim::EgressOnlyTo { .. }
            | Claim::Only { .. }
            | Claim::Within { .. }
            | Claim::Equal { .. }
            | Claim::DefaultDeny { .. }
            | Claim::Surface { .. } => Asks { view: true, trust: true, ..Asks::default() },
            Claim::NoRedundantRules { .. } | Claim::NoUndefinedOrder { .. } => Asks { trust: true, ..Asks::default() },
            Claim::Allowed { .. } | Claim::NoShadowedRules { .. } => Asks::default(),
        }
    }

    /// The level of trust that the claim is asked under where nobody names one: [`Trust::default`] if it is about what
    /// an attacker can do, [`Trust::Intact`] if it is about the policy before an attack.
    pub fn default_trust(&self) -> Trust {
        match self {
            Claim::Isolated { .. }
            | Claim::IsolatedEver { .. }
            | Claim::OnlyThrough { .. }
            | Claim::BlastRadius { .. }
            | Claim::Exposed { .. }
            | Claim::EgressOnlyTo { .. }
            | Claim::Only { .. } => Trust::default(),
            Claim::Allowed { .. }
            | Claim::Within { .. }
            | Claim::Equal { .. }
            | Claim::DefaultDeny { .. }
            | Claim::Surface { .. }
            | Claim::NoShadowedRules { .. }
            | Claim::NoRedundantRules { .. }
            | Claim::NoUndefinedOrder { .. } => Trust::Intact,
        }
    }

    /// The peers that the claim speaks of.
    pub fn peers(&self) -> Vec<&Peer> {
        match self {
            Claim::Isolated { from, to, .. }
            | Claim::IsolatedEver { from, to, .. }
            | Claim::Allowed { from, to, .. }
            | Claim::OnlyThrough { from, to, .. } => {
                vec![from, to]
            }
            Claim::EgressOnlyTo { to, .. } => vec![to],
            Claim::Only { flows, .. } => flows.iter().flat_map(|flow| [&flow.from, &flow.to]).collect(),
            _ => Vec::new(),
        }
    }

    /// The selectors that the claim speaks of, those of its [peers](Claim::peers) not among them.
    pub fn selectors(&self) -> Vec<&Selector> {
        match self {
            Claim::OnlyThrough { via: one, .. }
            | Claim::BlastRadius { from: one, .. }
            | Claim::Exposed { only: one, .. }
            | Claim::EgressOnlyTo { from: one, .. }
            | Claim::DefaultDeny { units: one, .. }
            | Claim::Surface { units: one, .. } => vec![one],
            Claim::Only { among, .. } => among.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The name of the rulebook that the claim speaks of, where it names one.
    pub fn rulebook(&self) -> Option<&str> {
        match self {
            Claim::NoShadowedRules { rulebook }
            | Claim::NoRedundantRules { rulebook }
            | Claim::NoUndefinedOrder { rulebook } => rulebook.as_deref(),
            _ => None,
        }
    }

    /// The other design that the claim holds this one against, where it does.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Claim::Within { reference } | Claim::Equal { reference } => Some(reference),
            _ => None,
        }
    }

    /// Changes every selector that the claim speaks of, those of its peers among them.
    pub fn for_each_selector(&mut self, f: &mut impl FnMut(&mut Selector)) {
        let peer = |peer: &mut Peer, f: &mut dyn FnMut(&mut Selector)| {
            if let Peer::Units(selector) = peer {
                f(selector);
            }
        };
        match self {
            Claim::Isolated { from, to, .. }
            | Claim::IsolatedEver { from, to, .. }
            | Claim::Allowed { from, to, .. } => {
                [from, to].into_iter().for_each(|one| peer(one, f));
            }
            Claim::OnlyThrough { from, to, via, .. } => {
                [from, to].into_iter().for_each(|one| peer(one, f));
                f(via);
            }
            Claim::EgressOnlyTo { from, to, .. } => {
                f(from);
                peer(to, f);
            }
            Claim::Only { flows, among } => {
                flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]).for_each(|one| peer(one, f));
                among.iter_mut().for_each(f);
            }
            Claim::BlastRadius { from: one, .. }
            | Claim::Exposed { only: one, .. }
            | Claim::DefaultDeny { units: one, .. }
            | Claim::Surface { units: one, .. } => f(one),
            Claim::Within { .. }
            | Claim::Equal { .. }
            | Claim::NoShadowedRules { .. }
            | Claim::NoRedundantRules { .. }
            | Claim::NoUndefinedOrder { .. } => {}
        }
    }

    /// The services that the claim speaks of.
    pub fn services(&self) -> Vec<&Service> {
        match self {
            Claim::Isolated { services, .. }
            | Claim::Allowed { services, .. }
            | Claim::OnlyThrough { services, .. }
            | Claim::Exposed { services, .. }
            | Claim::EgressOnlyTo { services, .. } => services.iter().collect(),
            Claim::Only { flows, .. } => flows.iter().flat_map(|flow| &flow.services).collect(),
            _ => Vec::new(),
        }
    }
}
