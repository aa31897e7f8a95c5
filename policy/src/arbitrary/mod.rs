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
mod inventory;
mod rules;
mod shrink;

pub use features::{Feature, neutralise, neutralised};

use crate::{Assume, Connection, Design, Draft, Reply, Verdict};
use draw::Draw;
use proptest::prelude::*;
use shrink::Seeded;

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

/// A question to a judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The design.
    pub design: Design,
    /// The connection.
    pub connection: Connection,
    /// What is assumed of an attacker.
    pub assume: Assume,
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
    any::<u64>().no_shrink().prop_map(|seed| aim::assume(&mut Draw::new(seed)))
}

/// A random design with a connection that several of its features decide.
pub fn case() -> impl Strategy<Value = Case> {
    Seeded(case_of)
}

/// The design of a seed.
pub fn design_of(seed: u64) -> Design {
    drawn(&mut Draw::new(seed))
}

/// The connection of a design and a seed.
pub fn connection_of(design: &Design, seed: u64) -> Connection {
    aim::connection(&mut Draw::new(seed), design)
}

#[expect(clippy::expect_used, reason = "a draft that does not hold together is a defect of this module")]
fn drawn(draw: &mut Draw) -> Design {
    let mut draft = Draft { name: format!("random {}", draw.below(1000)), ..Draft::default() };
    inventory::fill(draw, &mut draft);
    rules::fill(draw, &mut draft);
    claims::fill(draw, &mut draft);
    Design::new(draft).expect("random drafts hold together")
}

/// How many features a case is chosen by, and among how many connections.
const SPOTLIT: usize = 10;
const CANDIDATES: usize = 24;

/// The case of a seed: of some connections of a random design, the one that most of some random features decide.
pub fn case_of(seed: u64) -> Case {
    let mut draw = Draw::new(seed);
    let design = drawn(&mut draw);
    let spotlit: Vec<Design> = (0..SPOTLIT)
        .filter_map(|_| draw.of(Feature::ALL))
        .filter_map(|feature| neutralised(&design, feature))
        .collect();
    let wanted = draw.below(3);
    let score = |connection: &Connection, assume: Assume| {
        let answer = answer_in(&design, connection, assume);
        let is_wanted = match answer {
            Answer::Allowed(_) => wanted == 0,
            Answer::Denied => wanted == 1,
            Answer::Unknown => wanted == 2,
        };
        let decided = spotlit.iter().filter(|without| answer_in(without, connection, assume) != answer).count();
        2 * decided + usize::from(is_wanted)
    };
    let mut chosen = (aim::connection(&mut draw, &design), aim::assume(&mut draw));
    let mut best = score(&chosen.0, chosen.1);
    for _ in 1..CANDIDATES {
        let next = (aim::connection(&mut draw, &design), aim::assume(&mut draw));
        let scored = score(&next.0, next.1);
        if scored > best {
            (chosen, best) = (next, scored);
        }
    }
    let (connection, assume) = chosen;
    Case { design, connection, assume }
}

fn answer_in(design: &Design, connection: &Connection, assume: Assume) -> Answer {
    design.evaluate(connection, assume).verdict.into()
}
