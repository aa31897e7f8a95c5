//! Layers: a filter whose rules no single table of pairs holds, as a few tables of which each holds some of the rules.
//!
//! Rules by address that leave one side open, or speak of wide ranges, each cross all the others: as one table they make
//! millions of pairs. Rules that are alike in breadth do not, so they make a table each, a *layer*. A layer knows the first
//! of its rules that matches a packet, by its place among all rules; the first one of all layers decides. Where classes are
//! few enough, layers are [joined](Joined) to one table.

mod joined;
mod layer;
mod own_label;
mod plan;
mod ranking;
mod runs;

use super::pair_table::Label;
use super::side::Side;
use super::tables::Untabled;
use super::verdicts::Code;
use crate::column::Column;
use crate::coverage::Coverage;
use crate::engine::Limits;
pub(super) use joined::Joined;
pub(super) use layer::Layer;
use layer::Unplaced;
pub(super) use own_label::OwnLabel;
use plan::Plan;
pub(super) use ranking::Ranking;
pub(super) use runs::{BLOCK_SHIFT, Runs};

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
    /// The layers of a filter, and the label of each class of sources and of destinations.
    pub(super) fn new(
        ranking: &Ranking,
        sides: [&Side; 2],
        coverage: &mut Coverage,
        limits: Limits,
    ) -> Result<(Self, [Column<Label>; 2]), Untabled> {
        let plan = Plan::new(ranking, sides, limits.singled_out.min(SINGLED_OUT_MAX)).ok_or(Untabled::Pairs)?;
        let otherwise = ranking.otherwise;
        let layers = plan.layers.iter().map(|draft| Unplaced::new(draft, coverage, otherwise, limits));
        let mut layers = layers.collect::<Result<Vec<Unplaced>, usize>>().map_err(Untabled::Memory)?;
        let mut pack = |side: usize| {
            let of_layer = |layer: &mut Unplaced| layer.labels.get_mut(side).map(std::mem::take).unwrap_or_default();
            let own: Vec<Vec<Label>> = layers.iter_mut().map(of_layer).collect();
            OwnLabel::pack(&own, sides.get(side).map_or(0, |side| side.len()))
        };
        let ((sources, of_sources), (destinations, of_destinations)) = (pack(0), pack(1));
        let places = of_sources.into_iter().zip(of_destinations);
        let layers = layers.into_iter().zip(places).map(|(layer, (from, to))| layer.placed([from, to])).collect();
        Ok((Self { layers, otherwise }, [sources, destinations]))
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
