//! A layer's own labels inside those of the filter, so that finding them reads nothing.

use super::super::numbers::Numbers;
use super::super::pair_table::Label;
use crate::column::{Column, ids};

/// Where a layer finds its own label of a source or a destination.
#[derive(Clone, Debug)]
pub(in super::super) enum OwnLabel {
    /// In these bits of the filter's label.
    Bits { shift: u32, mask: u32 },
    /// At the filter's label, where the labels of all layers take more bits than there are.
    Listed(Numbers),
}

impl OwnLabel {
    /// The filter's label of each class, and where each layer finds its own; `own` are the labels of each class in each
    /// layer.
    pub(super) fn pack(own: &[Vec<Label>], classes: usize) -> (Column<Label>, Vec<Self>) {
        let bits = |labels: &Vec<Label>| u32::BITS - labels.iter().max().map_or(u32::BITS, |most| most.leading_zeros());
        if own.iter().map(bits).sum::<u32>() > u32::BITS {
            let listed = own.iter().map(|labels| Self::Listed(labels.clone().into())).collect();
            return (ids(classes).collect(), listed);
        }
        let (mut packed, mut places, mut shift) = (Column::filled(0, classes), Vec::new(), 0);
        for labels in own {
            let width = bits(labels);
            for (class, label) in (0u32..).zip(labels) {
                packed[class] |= label.wrapping_shl(shift);
            }
            // Where no bit is needed the shift may be all of them, and nothing is left.
            places.push(Self::Bits {
                shift: shift % u32::BITS,
                mask: 1u32.checked_shl(width).map_or(u32::MAX, |bit| bit - 1),
            });
            shift += width;
        }
        (packed, places)
    }

    /// The layer's own label.
    #[inline]
    pub(super) fn of(&self, label: Label) -> Label {
        match self {
            OwnLabel::Bits { shift, mask } => label.wrapping_shr(*shift) & mask,
            OwnLabel::Listed(labels) => labels.at(label as usize),
        }
    }

    /// The bytes that the labels take beyond the filter's own.
    pub(super) fn bytes(&self) -> usize {
        match self {
            OwnLabel::Bits { .. } => 0,
            OwnLabel::Listed(labels) => labels.bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_wherever_they_are_kept() {
        let some = vec![vec![0, 5, 1023, 7], vec![0; 4], vec![1, 0, 1, 1], vec![3, 2, 1 << 20, 0], vec![0; 4]];
        let wide = vec![vec![0, u32::MAX, 9, 1], vec![4, 3, 2, 1]];
        let full = vec![vec![u32::MAX, 0, 3, 7], vec![0; 4]];
        for (own, in_bits) in [(some, true), (wide, false), (full, true), (Vec::new(), true)] {
            let (packed, places) = OwnLabel::pack(&own, 4);
            assert!(places.iter().all(|place| matches!(place, OwnLabel::Bits { .. }) == in_bits));
            for (labels, place) in own.iter().zip(&places) {
                assert_eq!(packed.iter().map(|&label| place.of(label)).collect::<Vec<_>>(), *labels);
            }
        }
    }
}
