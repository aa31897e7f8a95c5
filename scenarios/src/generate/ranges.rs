//! Address ranges as companies collect them: offices, partners, and legacy networks, drawn again and again from the
//! same blocks with edges that do not line up.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use seglab_policy::AddressSet;
use std::net::Ipv4Addr;

/// Where ranges are drawn from: ranges of `length` addresses start `step` apart, so neighbours overlap in part.
#[derive(Clone, Copy)]
pub(super) struct Block {
    first: Ipv4Addr,
    step: u32,
    length: u32,
    count: u32,
}

/// Offices, in private addresses that no unit has.
pub(super) const OFFICES: Block = Block { first: Ipv4Addr::new(172, 16, 0, 0), step: 160, length: 256, count: 3000 };
/// Partners and suppliers, in public addresses.
pub(super) const PARTNERS: Block = Block { first: Ipv4Addr::new(51, 140, 0, 0), step: 96, length: 160, count: 12000 };

/// The networks of one zone of a site, by its position, from before rules went by label.
pub(super) fn legacy(site: usize, zone: usize) -> Block {
    let network = u8::try_from(site * 25 + zone * 5).unwrap_or(u8::MAX);
    Block { first: Ipv4Addr::new(10, network, 0, 0), step: 48, length: 80, count: 40 }
}

impl Block {
    /// One range of the block.
    pub(super) fn draw(self, random: &mut Xoshiro256PlusPlus) -> (Ipv4Addr, Ipv4Addr) {
        let first = self.first.to_bits() + self.step * random.random_range(0..self.count);
        (first.into(), (first + self.length - 1).into())
    }

    /// One to `most` ranges of the block together.
    pub(super) fn draw_set(self, most: u32, random: &mut Xoshiro256PlusPlus) -> AddressSet {
        let ranges = random.random_range(1..=most);
        (0..ranges).fold(AddressSet::empty(), |set, _| {
            let (first, last) = self.draw(random);
            set.union(&AddressSet::from_range(first.into(), last.into()))
        })
    }
}
