//! What is claimed of a design: its properties and needs, each with the question that it is asked under.

use super::{Design, Peer, Reader, address_range, directions, place};
use crate::fields::{Fields, Read, Selector};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pivot {
    Any,
    Service,
    Exploitable,
    EitherWay,
}

/// Which of the endpoints that a peer means a claim speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    All,
    Interfaces,
    /// External addresses, and named sources.
    Outside,
}

/// One side of connections that a claim speaks of.
pub(crate) type Who = (usize, Of);

/// What a blast radius is held against.
pub(crate) struct Bound {
    /// Units count by their criticality.
    pub(crate) by_criticality: bool,
    pub(crate) most: u64,
    /// The bound is a share of all units. [parts per million]
    pub(crate) is_share: bool,
    /// Which of the ascending radii is bounded; the mean if `None`. [per mille]
    pub(crate) per_mille: Option<u64>,
}

pub(crate) enum Claim {
    Isolated {
        from: usize,
        to: usize,
        services: usize,
    },
    /// Of this design and of every one that comes of it by adding units.
    IsolatedEver {
        from: usize,
        to: usize,
        services: usize,
    },
    OnlyThrough {
        from: usize,
        to: usize,
        via: Selector,
        services: usize,
    },
    BlastRadius {
        from: Selector,
        bound: Bound,
    },
    /// Connections that are meant are among those that are listed: `exposed`, `egress-only-to`, `only`, and of
    /// connections that no rule allows `default-deny`.
    Confined {
        meant: Vec<(Who, Who)>,
        listed: Vec<(Who, Who, usize)>,
        without_allows: bool,
    },
    Surface {
        units: Selector,
        entries: Option<u64>,
        exits: Option<u64>,
    },
    Allowed {
        from: usize,
        to: usize,
        services: usize,
    },
    /// Of one rulebook, or of all.
    NoShadowedRules {
        rulebook: Option<String>,
    },
    NoRedundantRules {
        rulebook: Option<String>,
    },
    NoUndefinedOrder {
        rulebook: Option<String>,
    },
    /// Nothing is possible that is not in another design; with `equal`, nor the other way round.
    Within {
        other: Box<Design>,
        equal: bool,
    },
}

/// A property or a need, and the question that it is asked under.
pub(crate) struct Claimed {
    /// `property` or `need`.
    pub(crate) section: &'static str,
    /// The digest of its line.
    pub(crate) digest: String,
    /// Its id, or its position among needs.
    pub(crate) name: String,
    pub(crate) listening: bool,
    pub(crate) pivot: Pivot,
    /// 0 intact, 1 own agent void, 2 controller void.
    pub(crate) trust: usize,
    pub(crate) hops: Option<u64>,
    pub(crate) claim: Claim,
}

impl<'a> Reader<'a> {
    pub(super) fn need(&mut self, whole: &str, f: &mut Fields<'a>) -> Read<()> {
        f.word()?;
        f.choice([("synchronous", ()), ("asynchronous", ())])?;
        let claim = Claim::Allowed { from: self.peer(f)?, to: self.peer(f)?, services: self.services(f)? };
        place(f)?;
        let digest = crate::sha256(format!("need{whole}").as_bytes());
        let name = self.needs.to_string();
        self.needs += 1;
        let (listening, pivot, trust) = (false, Pivot::Any, 0);
        let claimed = Claimed { section: "need", digest, name, listening, pivot, trust, hops: None, claim };
        self.design.claims.push(Arc::new(claimed));
        Ok(())
    }

    pub(super) fn property(&mut self, whole: &str, f: &mut Fields<'a>) -> Read<()> {
        let (name, listening) = (f.string()?, f.choice([("policy", false), ("service", true)])?);
        let pivot = f.choice([
            ("any", Pivot::Any),
            ("service", Pivot::Service),
            ("exploitable", Pivot::Exploitable),
            ("either-way", Pivot::EitherWay),
        ])?;
        let trust = f.choice([("intact", 0), ("own-agent-void", 1), ("controller-void", 2)])?;
        let hops = f.optional_number::<u32>()?.map(u64::from);
        let claim = match f.word()? {
            "isolated" => Claim::Isolated { from: self.peer(f)?, to: self.peer(f)?, services: self.services(f)? },
            "isolated-ever" => {
                Claim::IsolatedEver { from: self.peer(f)?, to: self.peer(f)?, services: self.services(f)? }
            }
            "allowed" => Claim::Allowed { from: self.peer(f)?, to: self.peer(f)?, services: self.services(f)? },
            "only-through" => {
                let (from, to, via) = (self.peer(f)?, self.peer(f)?, f.selector(0)?);
                Claim::OnlyThrough { from, to, via, services: self.services(f)? }
            }
            "blast-radius" => Claim::BlastRadius { from: f.selector(0)?, bound: bound(Some(1000), f)? },
            "blast-radius-of" => {
                let per_mille = statistic(f)?;
                Claim::BlastRadius { from: f.selector(0)?, bound: bound(per_mille, f)? }
            }
            "exposed" => self.exposed(f)?,
            "egress-only-to" => {
                let (from, anyone) = (self.units_of(f)?, self.anyone());
                let listed = vec![(anyone, (self.peer(f)?, Of::All), self.services(f)?)];
                Claim::Confined { meant: vec![(from, anyone)], listed, without_allows: false }
            }
            "only" => {
                let among = if f.absent() { self.anyone() } else { self.units_of(f)? };
                let listed = f.list(|f| Ok(((self.peer(f)?, Of::All), (self.peer(f)?, Of::All), self.services(f)?)))?;
                Claim::Confined { meant: vec![(among, among)], listed, without_allows: false }
            }
            "default-deny" => {
                let (units, anyone) = (self.units_of(f)?, self.anyone());
                let [egress, _, ingress] = directions(f)?;
                let both = [(egress, (units, anyone)), (ingress, (anyone, units))];
                let meant = both.into_iter().filter(|(asked, _)| *asked).map(|(_, meant)| meant).collect();
                Claim::Confined { meant, listed: Vec::new(), without_allows: true }
            }
            "surface" => {
                let units = f.selector(0)?;
                Claim::Surface { units, entries: f.optional_number()?, exits: f.optional_number()? }
            }
            "no-shadowed-rules" => Claim::NoShadowedRules { rulebook: f.optional()? },
            "no-redundant-rules" => Claim::NoRedundantRules { rulebook: f.optional()? },
            "no-undefined-order" => Claim::NoUndefinedOrder { rulebook: f.optional()? },
            "within" => another(f, false)?,
            "equal" => another(f, true)?,
            _ => return f.refuse("a claim"),
        };
        place(f)?;
        let digest = crate::sha256(format!("property{whole}").as_bytes());
        let claimed = Claimed { section: "property", digest, name, listening, pivot, trust, hops, claim };
        self.design.claims.push(Arc::new(claimed));
        Ok(())
    }

    /// A peer that no rule names: one of a claim.
    fn of_claim(&mut self, peer: Peer) -> usize {
        self.design.peers.push(peer);
        self.design.peers.len() - 1
    }

    fn anyone(&mut self) -> Who {
        (self.of_claim(Peer::Any), Of::All)
    }

    fn units_of(&mut self, f: &mut Fields<'a>) -> Read<Who> {
        let selector = f.selector(0)?;
        Ok((self.of_claim(Peer::Units(selector)), Of::Interfaces))
    }

    fn exposed(&mut self, f: &mut Fields<'a>) -> Read<Claim> {
        let outside = (self.of_claim(Peer::Addresses(f.list(address_range)?, false)), Of::Outside);
        let inbound = f.choice([("outbound", false), ("inbound", true)])?;
        let (anyone, only) = (self.anyone(), self.units_of(f)?);
        let units = (anyone.0, Of::Interfaces);
        let services = self.services(f)?;
        let (meant, listed) = match inbound {
            true => ((outside, units), (anyone, only, services)),
            false => ((units, outside), (only, anyone, services)),
        };
        Ok(Claim::Confined { meant: vec![meant], listed: vec![listed], without_allows: false })
    }
}

/// A claim about another design: its path, and its normal form as one string.
fn another(f: &mut Fields<'_>, equal: bool) -> Read<Claim> {
    f.string()?;
    let text = f.string()?;
    match Design::read(&text) {
        Ok(other) => Ok(Claim::Within { other: Box::new(other), equal }),
        Err(_) => f.refuse("the normal form of another design"),
    }
}

/// What a blast radius is held against, of the statistic that is bounded.
fn bound(per_mille: Option<u64>, f: &mut Fields<'_>) -> Read<Bound> {
    let kinds = [("units", (false, false)), ("share", (true, false)), ("criticality", (false, true))];
    let (is_share, by_criticality) = f.choice(kinds)?;
    Ok(Bound { by_criticality, most: f.number::<u32>()?.into(), is_share, per_mille })
}

/// `max`, `mean`, or a percentile in per cent and tenths of it: `p95`, `p99.9`.
fn statistic(f: &mut Fields<'_>) -> Read<Option<u64>> {
    let word = f.word()?;
    let percentile = |digits: &str| {
        let (whole, tenths) = digits.split_once('.').unwrap_or((digits, "0"));
        let tenths = Some(tenths).filter(|tenths| tenths.len() == 1)?;
        Some(u64::from(whole.parse::<u8>().ok()?) * 10 + u64::from(tenths.parse::<u8>().ok()?))
    };
    match (word, word.strip_prefix('p').and_then(percentile)) {
        ("max", _) => Ok(Some(1000)),
        ("mean", _) => Ok(None),
        (_, Some(per_mille @ 1..=1000)) => Ok(Some(per_mille)),
        _ => f.refuse("a statistic"),
    }
}
