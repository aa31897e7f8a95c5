//! Random small designs and connections, for the property tests that hold judges together (cargo feature
//! `arbitrary`).
//!
//! A random design is only worth judging if its features matter, so everything is drawn from small alphabets that
//! collide (three keys, three values, eight addresses a family, four ports), every feature of the model is present,
//! and connections are aimed at the edges of rules. A [`case`] goes one step further: of several connections of a
//! design it is the one that most of a few randomly chosen [`Feature`]s decide. A test measures that each verdict
//! and each feature has its share.
//!
//! Everything is a function of one seed: [`design_of`] and [`case_of`] serve long runs that print seeds instead of
//! shrinking. The strategies shrink by taking parts of the design away, one at a time.
//!
//! ```
//! use seglab_policy::arbitrary::{Answer, case_of};
//! let case = case_of(7);
//! let answer = Answer::from(case.design.evaluate(&case.connection, case.assume).verdict);
//! assert_eq!(answer, case.answer());
//! ```

mod aim;
mod claims;
mod draw;
mod features;
mod instant;
mod inventory;
mod near;
mod rules;
mod shrink;
mod target;
mod tight;

pub use features::{Feature, neutralise, neutralised};
pub use instant::instant;

use crate::{Assume, Connection, Design, Draft, Reply, Verdict};
use draw::Draw;
use proptest::prelude::*;
use shrink::Seeded;
use std::fmt;
use target::Target;

/// A verdict without its reasons: what every judge has to agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The connection arrives; what becomes of its reply.
    Allowed(Reply),
    /// It does not arrive.
    Denied,
    /// It depends on what is not known.
    Unknown,
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed(reply) => Answer::Allowed(reply),
            Verdict::Denied(_) => Answer::Denied,
            Verdict::Unknown(_) => Answer::Unknown,
        }
    }
}

/// A question to a judge. Printed, it is the design's normal form and the connection.
#[derive(Clone, PartialEq)]
pub struct Case {
    /// The design.
    pub design: Design,
    /// The connection.
    pub connection: Connection,
    /// What is assumed of an attacker.
    pub assume: Assume,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.connection.display(&self.design);
        writeln!(f, "{}", crate::normal_form::write(&self.design))?;
        write!(f, "{connection}: {:?} under {:?}", self.connection, self.assume)
    }
}

impl Case {
    /// What the reference evaluator answers.
    pub fn answer(&self) -> Answer {
        answer_in(&self.design, &self.connection, self.assume)
    }

    /// True if the answer is another one without the feature.
    pub fn is_decided_by(&self, feature: Feature) -> bool {
        neutralised(&self.design, feature)
            .is_some_and(|without| answer_in(&without, &self.connection, self.assume) != self.answer())
    }
}

/// A random design of three to six units, with policy, points, needs, properties and attackers.
pub fn design() -> impl Strategy<Value = Design> {
    Seeded(design_of)
}

/// A random connection of a design, aimed at the edges of its rules.
pub fn connection(design: &Design) -> impl Strategy<Value = Connection> + use<> {
    let design = design.clone();
    any::<u64>().no_shrink().prop_map(move |seed| aim::connection(&mut Draw::new(seed), &design))
}

/// Random assumptions about an attacker.
pub fn assume() -> impl Strategy<Value = Assume> {
    any::<u64>().no_shrink().prop_map(|seed| aim::assume(&mut Draw::new(seed), &[]))
}

/// A random design with a connection that several of its features decide.
pub fn case() -> impl Strategy<Value = Case> {
    Seeded(case_of)
}

/// The design of a seed.
pub fn design_of(seed: u64) -> Design {
    let mut draw = Draw::new(seed);
    let wishes = wishes(&mut draw);
    drawn(&mut draw, &wishes).design
}

/// The connection of a design and a seed.
pub fn connection_of(design: &Design, seed: u64) -> Connection {
    aim::connection(&mut Draw::new(seed), design)
}

/// A design and what its rules are aimed at.
struct Drawn {
    design: Design,
    /// The names of the units in the order in which the target counts them.
    names: Vec<String>,
    target: Target,
}

#[expect(clippy::expect_used, reason = "a draft that does not hold together is a defect of this module")]
fn drawn(draw: &mut Draw, wishes: &[Feature]) -> Drawn {
    let mut draft = Draft { name: format!("random {}", draw.below(1000)), ..Draft::default() };
    inventory::fill(draw, &mut draft);
    let mut target = target::choose(draw, &mut draft, wishes);
    wishes.iter().for_each(|&feature| near::prepare(draw, &mut draft, &mut target, feature));
    if draw.chance(TIGHT_PERCENT) {
        tight::fill(draw, &mut draft, &target, wishes);
    } else {
        rules::fill(draw, &mut draft, &target);
    }
    claims::fill(draw, &mut draft, wishes);
    let names = draft.units.iter().map(|unit| unit.name.clone()).collect();
    Drawn { design: Design::new(draft).expect("random drafts hold together"), names, target }
}

/// How many of a hundred designs have a policy in which one rule decides.
const TIGHT_PERCENT: usize = 90;
/// In how many designs, and among how many connections of each, a case is chosen.
const DESIGNS: usize = 5;
const CONNECTIONS: usize = 20;

/// The case of a seed: of some connections of some random designs, the one that most of a few random features decide.
pub fn case_of(seed: u64) -> Case {
    let mut draw = Draw::new(seed);
    let wishes = wishes(&mut draw);
    // Denied is the rarest of the answers.
    let wanted = draw.pick([0, 1, 1, 2]);
    let (mut best, mut chosen) = best_of(&mut draw, &wishes, wanted);
    for _ in 1..DESIGNS {
        if best > 2 * wishes.len() {
            break;
        }
        let (score, case) = best_of(&mut draw, &wishes, wanted);
        if score > best {
            (best, chosen) = (score, case);
        }
    }
    chosen
}

/// Features that a design may be made for, in groups that get along, each as often as it is rare otherwise.
const MISSING: [(Feature, usize); 8] = [
    (Feature::CoversExternal, 3),
    (Feature::DestinationPorts, 3),
    (Feature::Exceptions, 1),
    (Feature::IcmpTypes, 45),
    (Feature::RuleDirections, 3),
    (Feature::RuleSelectors, 1),
    (Feature::SourcePorts, 5),
    (Feature::Transports, 4),
];
const HITTING: [(Feature, usize); 7] = [
    (Feature::AddressesWithin, 1),
    (Feature::Ipv6, 1),
    (Feature::NamedPorts, 3),
    (Feature::PortRanges, 2),
    (Feature::ProtocolNumbers, 11),
    (Feature::SharedAddresses, 2),
    (Feature::UnmodelledPeers, 1),
];
const STANDING: [(Feature, usize); 13] = [
    (Feature::Controllers, 5),
    (Feature::ExternalPaths, 6),
    (Feature::ExternalSources, 2),
    (Feature::HostExemption, 7),
    (Feature::Kinds, 7),
    (Feature::Modes, 5),
    (Feature::PointDirections, 6),
    (Feature::Routes, 2),
    (Feature::Series, 28),
    (Feature::Spaces, 6),
    (Feature::Stateless, 5),
    (Feature::UnmodelledConstructs, 2),
    (Feature::UnmodelledPaths, 5),
];
const ORDERING: [(Feature, usize); 7] = [
    (Feature::Default, 1),
    (Feature::AllowUnion, 4),
    (Feature::DenyOverrides, 6),
    (Feature::FirstMatch, 3),
    (Feature::Otherwise, 4),
    (Feature::Priority, 1),
    (Feature::UndefinedTies, 4),
];

/// The features that a design is made for: one of each group, all about headers of one kind.
fn wishes(draw: &mut Draw) -> Vec<Feature> {
    let kind = draw.pick([Kind::Ports, Kind::Ports, Kind::Ports, Kind::Icmp, Kind::Other]);
    [&MISSING[..], &HITTING[..], &STANDING[..], &ORDERING[..]]
        .into_iter()
        .filter_map(|group| {
            let weighted: Vec<Feature> = group
                .iter()
                .filter(|(feature, _)| Kind::of(*feature).is_none_or(|of| of == kind))
                .flat_map(|&(feature, weight)| std::iter::repeat_n(feature, weight))
                .collect();
            draw.of(&weighted)
        })
        .collect()
}

/// A kind of header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ports,
    Icmp,
    Other,
}

impl Kind {
    /// The kind of header that the feature speaks of; `None` if it is all one to it.
    fn of(feature: Feature) -> Option<Self> {
        match feature {
            Feature::DestinationPorts
            | Feature::PortRanges
            | Feature::SourcePorts
            | Feature::Transports
            | Feature::NamedPorts => Some(Kind::Ports),
            Feature::IcmpTypes => Some(Kind::Icmp),
            Feature::ProtocolNumbers => Some(Kind::Other),
            _ => None,
        }
    }
}

/// The best-scored of some cases of one random design.
fn best_of(draw: &mut Draw, wishes: &[Feature], wanted: usize) -> (usize, Case) {
    let Drawn { design, names, target } = drawn(draw, wishes);
    // Where nothing enforces or nothing arrives nothing else decides, so what brings that about counts for two.
    let worth = |feature| if STANDING.iter().any(|(standing, _)| *standing == feature) { 5 } else { 2 };
    let without: Vec<(usize, Design)> = wishes
        .iter()
        .filter_map(|&feature| neutralised(&design, feature).map(|without| (worth(feature), without)))
        .collect();
    let score = |connection: &Connection, assume: Assume| {
        let answer = answer_in(&design, connection, assume);
        let is_wanted = match answer {
            Answer::Allowed(_) => wanted == 0,
            Answer::Denied => wanted == 1,
            Answer::Unknown => wanted == 2,
        };
        let decided = without.iter().filter(|(_, without)| answer_in(without, connection, assume) != answer);
        decided.map(|(worth, _)| worth).sum::<usize>() + usize::from(is_wanted)
    };
    let ask = |draw: &mut Draw| {
        let targeted = if draw.chance(80) { aim::targeted(draw, &design, &names, &target) } else { None };
        let connection = targeted.unwrap_or_else(|| aim::connection(draw, &design));
        (connection, aim::assume(draw, wishes))
    };
    let mut chosen = ask(draw);
    let mut best = score(&chosen.0, chosen.1);
    for _ in 1..CONNECTIONS {
        let next = ask(draw);
        let scored = score(&next.0, next.1);
        if scored > best {
            (chosen, best) = (next, scored);
        }
    }
    let (connection, assume) = chosen;
    (best, Case { design, connection, assume })
}

fn answer_in(design: &Design, connection: &Connection, assume: Assume) -> Answer {
    design.evaluate(connection, assume).verdict.into()
}
