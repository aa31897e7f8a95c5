//! Chunks: campaigns cut into ranges of replicas, each played wherever there is room.
//!
//! A replica is a function of its number, so a chunk is one of its numbers: which machine plays it, how often, and when, makes
//! no difference to what comes out. Put together in their order, the parts of all chunks are what one machine would have
//! played.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::result::{CampaignResult, CampaignScope, DesignResult};

/// One of the ranges that a campaign's replicas are cut into, as even as can be.
///
/// ```
/// use seglab_sim::models::Chunk;
/// let chunks: Vec<_> = (1..=3).map(|index| Chunk::new(index, 3).unwrap().replicas(10)).collect();
/// assert_eq!(chunks, [0..3, 3..6, 6..10]);
/// assert!(Chunk::new(4, 3).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chunk {
    /// Which one, from 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// A chunk that there cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no chunk {index} of {of}; chunks are numbered from 1 to how many there are")]
pub struct NoSuchChunk {
    /// Which one.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// What the replicas of a chunk gave, to be put together with those of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The chunk.
    pub chunk: Chunk,
    /// What the whole campaign asks.
    scope: CampaignScope,
    /// The designs, each with its replicas of this chunk and nothing reduced.
    designs: Vec<DesignResult>,
}

/// Why parts do not make a campaign. Parts are named by their positions among those given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReduceError {
    /// There is nothing to put together.
    #[error("there is no part; name those of every chunk")]
    NoParts,
    /// Two parts are not of one campaign.
    #[error("parts {first} and {other} are not of one campaign")]
    OtherCampaign {
        /// One of them.
        first: usize,
        /// The other one.
        other: usize,
    },
    /// Two parts are of one chunk.
    #[error("parts {first} and {other} are both chunk {}", .chunk.index)]
    Doubled {
        /// The chunk.
        chunk: Chunk,
        /// One of them.
        first: usize,
        /// The other one.
        other: usize,
    },
    /// Some chunks have no part.
    #[error("no part is of {}", chunks(.0))]
    Missing(Vec<Chunk>),
    /// A part does not have the replicas of its chunk.
    #[error("part {0} does not have the replicas of its chunk; play it again")]
    Replicas(usize),
}

impl Chunk {
    /// A chunk.
    ///
    /// # Errors
    /// There are not so many.
    pub fn new(index: u32, of: u32) -> Result<Self, NoSuchChunk> {
        if (1..=of).contains(&index) { Ok(Self { index, of }) } else { Err(NoSuchChunk { index, of }) }
    }

    /// Its replicas, where there are so many in all.
    pub fn replicas(self, all: u32) -> Range<u32> {
        let start = |index: u32| {
            let start = u64::from(all) * u64::from(index) / u64::from(self.of.max(1));
            u32::try_from(start).unwrap_or(all)
        };
        start(self.index.saturating_sub(1))..start(self.index)
    }
}

impl std::fmt::Display for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Chunks as a sentence has them, the first few of many.
fn chunks(of: &[Chunk]) -> String {
    const NAMED: usize = 8;
    let named: Vec<String> = of.iter().take(NAMED).map(|chunk| format!("chunk {chunk}")).collect();
    match of.len().checked_sub(NAMED).filter(|&more| more > 0) {
        Some(more) => format!("{} and {more} more", named.join(", ")),
        None => named.join(", "),
    }
}

impl Part {
    pub(super) fn new(chunk: Chunk, scope: CampaignScope, designs: Vec<DesignResult>) -> Self {
        Self { chunk, scope, designs }
    }

    /// Puts the parts of all chunks together, in the order of chunks: what the campaign gives on one machine.
    ///
    /// # Errors
    /// See [`ReduceError`].
    pub fn reduce(parts: Vec<Self>) -> Result<CampaignResult, ReduceError> {
        let (of, scope) = match parts.first() {
            Some(first) => (first.chunk.of, first.scope.clone()),
            None => return Err(ReduceError::NoParts),
        };
        let mut by_chunk: BTreeMap<u32, (usize, Part)> = BTreeMap::new();
        let mut designs: Vec<DesignResult> = Vec::new();
        for (at, mut part) in parts.into_iter().enumerate() {
            let empty: Vec<DesignResult> = part.designs.iter_mut().map(DesignResult::without_replicas).collect();
            if at == 0 {
                designs = empty;
            } else if part.chunk.of != of || part.scope != scope || empty != designs {
                return Err(ReduceError::OtherCampaign { first: 0, other: at });
            }
            let numbers = part.chunk.replicas(scope.replicas);
            // What was emptied is given back, to be taken replica by replica.
            if !part.designs.iter().all(|design| design.replicas.iter().map(|one| one.number).eq(numbers.clone())) {
                return Err(ReduceError::Replicas(at));
            }
            let chunk = part.chunk;
            if let Some((first, _)) = by_chunk.insert(chunk.index, (at, part)) {
                return Err(ReduceError::Doubled { chunk, first, other: at });
            }
        }
        let missing = (1..=of).filter(|index| !by_chunk.contains_key(index)).map(|index| Chunk { index, of });
        let missing: Vec<Chunk> = missing.collect();
        if !missing.is_empty() {
            return Err(ReduceError::Missing(missing));
        }
        for (_, part) in by_chunk.into_values() {
            for (design, of_part) in designs.iter_mut().zip(part.designs) {
                of_part.replicas.into_iter().for_each(|replica| design.record(replica));
            }
        }
        Ok(CampaignResult::of(scope, designs))
    }
}
