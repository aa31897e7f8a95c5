//! From a profile of a layer and a service class to a run.

use super::super::numbers::Numbers;
use crate::column::{Column, id};
use rustc_hash::FxHashMap;

/// The binary logarithm of the service classes of a block.
pub(in super::super) const BLOCK_SHIFT: u32 = 4;

/// The bytes up to which runs are kept as they are found fastest.
const DIRECT_BYTES: usize = 1 << 18;

/// The run for each profile and service class.
#[derive(Clone, Debug)]
pub(in super::super) enum Runs {
    /// Profile by profile, for the service classes of the filter, as many as so many bits number.
    Direct { shift: u32, runs: Numbers },
    /// In blocks, each once: most have nothing but what no rule matches.
    InBlocks {
        /// The layer's own service classes.
        services: Numbers,
        /// Blocks of a profile.
        stride: u32,
        /// The block of runs of each `1 << BLOCK_SHIFT` of the layer's service classes, profile by profile.
        blocks: Numbers,
        runs: Numbers,
    },
}

impl Runs {
    /// The runs of profiles for the layer's service classes, of which `services` says each of the filter's.
    pub(super) fn new<'p>(
        profiles: impl ExactSizeIterator<Item = &'p [u32]>,
        services: &Column<u32>,
        otherwise: u32,
    ) -> Self {
        let shift = services.len().max(1).next_power_of_two().trailing_zeros();
        if (profiles.len() << shift) * size_of::<u16>() <= DIRECT_BYTES {
            let runs = profiles.flat_map(|profile| {
                let of_class = |class: &u32| profile.get(*class as usize).copied().unwrap_or(otherwise);
                let rest = (1usize << shift) - services.len();
                services.iter().map(of_class).chain(std::iter::repeat_n(otherwise, rest)).collect::<Vec<u32>>()
            });
            return Self::Direct { shift, runs: runs.collect::<Vec<u32>>().into() };
        }
        let (mut blocks, mut runs, mut stride) = (Vec::new(), Vec::new(), 0);
        let mut known: FxHashMap<&[u32], u32> = FxHashMap::default();
        for profile in profiles {
            stride = profile.len().div_ceil(1 << BLOCK_SHIFT);
            for block in profile.chunks(1 << BLOCK_SHIFT) {
                let next = id(known.len());
                blocks.push(*known.entry(block).or_insert_with(|| {
                    runs.extend_from_slice(block);
                    runs.extend(std::iter::repeat_n(otherwise, (1 << BLOCK_SHIFT) - block.len()));
                    next
                }));
            }
        }
        let services = services.as_slice().to_vec().into();
        Self::InBlocks { services, stride: id(stride), blocks: blocks.into(), runs: runs.into() }
    }

    /// The run of a profile for a service class of the filter.
    #[inline]
    pub(super) fn of(&self, profile: u32, class: u32) -> u32 {
        match self {
            Runs::Direct { shift, runs } => runs.at((profile.wrapping_shl(*shift) | class) as usize),
            Runs::InBlocks { services, stride, blocks, runs } => {
                let class = services.at(class as usize);
                let block = blocks.at(profile.wrapping_mul(*stride).wrapping_add(class >> BLOCK_SHIFT) as usize);
                runs.at((block << BLOCK_SHIFT | class & ((1 << BLOCK_SHIFT) - 1)) as usize)
            }
        }
    }

    /// How many profiles there are.
    pub(super) fn profiles(&self) -> usize {
        match self {
            Runs::Direct { shift, runs } => runs.len() >> shift,
            Runs::InBlocks { stride, blocks, .. } => blocks.len() / (*stride as usize).max(1),
        }
    }

    /// The bytes of each table that is read, in the order of the reads.
    pub(super) fn reads(&self) -> Vec<usize> {
        match self {
            Runs::Direct { runs, .. } => vec![runs.bytes()],
            Runs::InBlocks { services, blocks, runs, .. } => vec![services.bytes(), blocks.bytes(), runs.bytes()],
        }
    }
}
