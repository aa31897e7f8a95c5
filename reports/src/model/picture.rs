//! What the plots show of a design: surface, segment matrix, blast radius.

use serde::{Deserialize, Serialize};

/// What can enter and leave, over all units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// `policy` or `service`.
    pub view: String,
    /// Ordered pairs of different units with an allowed connection.
    pub pairs_allowed: u64,
    /// Ordered pairs of different units.
    pub pairs: u64,
    /// Units that some external address reaches.
    pub entered: u64,
    /// Units that reach some external address.
    pub leaving: u64,
    /// Unit by unit, the most exposed first; not necessarily all.
    pub rows: Vec<SurfaceRow>,
}

/// What can enter and leave one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurfaceRow {
    /// The unit, or the owner of alike units.
    pub unit: String,
    /// How many units that stands for.
    pub units: u64,
    /// Units that may open connections to it.
    pub entries: u64,
    /// What external addresses may open to it; empty for nothing.
    pub entries_external: String,
    /// Units that it may open connections to.
    pub exits: u64,
    /// What it may open to external addresses; empty for nothing.
    pub exits_external: String,
}

/// Which segment may open connections to which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentMatrix {
    /// `policy` or `service`.
    pub view: String,
    /// How units were put into segments: `by the label app`.
    pub grouping: String,
    /// The segments: rows and columns.
    pub segments: Vec<MatrixSegment>,
    /// From each segment (row), to each segment.
    pub cells: Vec<Vec<Cell>>,
}

impl SegmentMatrix {
    /// The cell from segment `row` to segment `column`.
    pub fn cell(&self, row: usize, column: usize) -> Option<&Cell> {
        self.cells.get(row)?.get(column)
    }
}

/// A row and column of the matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixSegment {
    /// Its name.
    pub name: String,
    /// How many units; `None` for external addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
}

/// What one segment may open to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Ordered pairs of different endpoints.
    pub pairs: u64,
    /// Those with an allowed connection.
    pub allowed: u64,
    /// Those for which that is unknown.
    pub unknown: u64,
    /// What is allowed between any of them, all pairs together: `TCP 443`; empty for nothing.
    pub connections: String,
}

impl Cell {
    /// The share of pairs with an allowed connection. [0 to 1]; `None` without pairs
    pub fn share(&self) -> Option<f64> {
        (self.pairs > 0).then(|| self.allowed as f64 / self.pairs as f64)
    }
}

/// How far an attacker gets from each unit, under one pivot model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlastRadius {
    /// `any`, `service`, `exploitable`, `either-way`.
    pub pivot: String,
    /// `policy` or `service`.
    pub view: String,
    /// `intact`, `own-agent-void`, `controller-void`.
    pub trust: String,
    /// True if declared hubs were taken as impossible to own.
    pub hubs_trusted: bool,
    /// Units in the design.
    pub population: u64,
    /// The distribution: how many starting units (second) have which blast radius (first, itself included),
    /// ascending.
    pub sizes: Vec<(u64, u64)>,
    /// The units from which an attacker gets farthest.
    pub worst: Vec<UnitRadius>,
    /// Why the figures say less than they seem to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
}

/// The blast radius of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRadius {
    /// The unit.
    pub unit: String,
    /// How many units fall, itself included.
    pub size: u64,
}

impl BlastRadius {
    /// How many starting units the distribution counts.
    pub fn starts(&self) -> u64 {
        self.sizes.iter().map(|&(_, count)| count).sum()
    }

    /// The smallest size that at least `percent` of the starting units do not exceed; `None` of nothing.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.starts() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.sizes.iter().find_map(|&(size, count)| {
            seen += count;
            (seen >= rank).then_some(size)
        })
    }

    /// The median size.
    pub fn median(&self) -> Option<u64> {
        self.percentile(50)
    }

    /// The largest size.
    pub fn max(&self) -> Option<u64> {
        self.percentile(100)
    }

    /// A size as a share of all units. [0 to 1]
    pub fn share(&self, size: u64) -> f64 {
        size as f64 / self.population.max(1) as f64
    }
}
