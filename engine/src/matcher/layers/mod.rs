//! Layers: a filter whose rules no single table of pairs holds, as a few tables of which each holds some of the rules.
//!
//! Rules by address that leave one side open, or speak of wide ranges, each cross all the others: as one table they make
//! millions of pairs. Rules that are alike in breadth do not, so they make a table each, a *layer*. A layer knows the first
//! of its rules that matches a packet, by its place among all rules; the first one of all layers decides.

mod layer;
mod plan;
mod ranking;

use super::pair_table::Label;
use super::side::Side;
use super::tables::Untabled;
use super::verdicts::Code;
use crate::coverage::Coverage;
use crate::engine::Limits;
pub(super) use layer::{BLOCK_SHIFT, Layer};
use plan::Plan;
pub(super) use ranking::Ranking;

/// How often rules may single out a pair of classes, whatever the caller allows.
const SINGLED_OUT_MAX: usize = 1 << 24;

/// The layers of a filter.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) layers: Vec<Layer>,
    /// The run of packets that no rule matches.
    pub(super) otherwise: u32,
}

impl Layers {
    /// The layers of a filter.
    pub(super) fn new(
        ranking: &Ranking,
        sides: [&Side; 2],
        coverage: &mut Coverage,
        limits: Limits,
    ) -> Result<Self, Untabled> {
        let plan = Plan::new(ranking, sides, limits.singled_out.min(SINGLED_OUT_MAX)).ok_or(Untabled::Pairs)?;
        let otherwise = ranking.otherwise;
        let layers = plan.layers.iter().map(|draft| Layer::new(draft, coverage, otherwise, limits));
        let layers = layers.collect::<Result<Vec<Layer>, usize>>().map_err(Untabled::Memory)?;
        Ok(Self { layers, otherwise })
    }

    /// What a packet is told.
    #[inline]
    pub(super) fn code(&self, source: Label, destination: Label, class: u32) -> Code {
        let first = |first: u32, layer: &Layer| first.min(layer.run(source, destination, class));
        self.layers.iter().fold(self.otherwise, first) & 1
    }

    /// How many layers there are.
    pub(super) fn len(&self) -> usize {
        self.layers.len()
    }

    /// The pairs of classes that are told something else than usual, in all layers.
    pub(super) fn exceptions(&self) -> usize {
        self.layers.iter().map(|layer| layer.exceptions).sum()
    }

    /// The bytes of each table that deciding reads, in the order of the reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        self.layers.iter().flat_map(Layer::reads).collect()
    }

    /// The bytes that the layers take.
    pub(super) fn bytes(&self) -> usize {
        self.layers.iter().map(Layer::bytes).sum()
    }
}
