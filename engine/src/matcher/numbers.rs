//! Numbers in as many bits as the largest one needs, so that more of them fit the nearer caches.

use super::doubled::Replayed;

/// Numbers of 8, 16 or 32 bits.
///
/// INVARIANT: three bytes of padding, or one short, follow the numbers: a read of 32 bits that starts at any number
/// stays inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Words(Vec<u32>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<u32>> for Numbers {
    fn from(numbers: Vec<u32>) -> Self {
        Self::with_room(numbers, 0)
    }
}

impl Numbers {
    /// Numbers that may become others, up to the largest one.
    pub(super) fn with_room(numbers: Vec<u32>, largest: u32) -> Self {
        match numbers.iter().copied().max().unwrap_or(0).max(largest) {
            0..=0xFF => {
                let bytes = numbers.iter().map(|&number| u8::try_from(number).unwrap_or(u8::MAX));
                Self::Bytes(bytes.chain([0; 3]).collect())
            }
            0x100..=0xFFFF => {
                let shorts = numbers.iter().map(|&number| u16::try_from(number).unwrap_or(u16::MAX));
                Self::Shorts(shorts.chain([0]).collect())
            }
            _ => Self::Words(numbers),
        }
    }
}

impl Numbers {
    /// The number at a position; 0 past the end.
    #[inline]
    pub(super) fn at(&self, position: usize) -> u32 {
        match self {
            Self::Bytes(bytes) => bytes.get(position).copied().unwrap_or(0).into(),
            Self::Shorts(shorts) => shorts.get(position).copied().unwrap_or(0).into(),
            Self::Words(words) => words.get(position).copied().unwrap_or(0),
        }
    }

    /// True if a number fits.
    pub(super) fn holds(&self, number: u32) -> bool {
        match self {
            Self::Bytes(_) => u8::try_from(number).is_ok(),
            Self::Shorts(_) => u16::try_from(number).is_ok(),
            Self::Words(_) => true,
        }
    }

    /// Puts a number that fits at a position that there is.
    pub(super) fn set(&mut self, position: usize, number: u32) {
        match self {
            Self::Bytes(bytes) => {
                if let (Some(held), Ok(number)) = (bytes.get_mut(position), u8::try_from(number)) {
                    *held = number;
                }
            }
            Self::Shorts(shorts) => {
                if let (Some(held), Ok(number)) = (shorts.get_mut(position), u16::try_from(number)) {
                    *held = number;
                }
            }
            Self::Words(words) => words.get_mut(position).into_iter().for_each(|held| *held = number),
        }
    }

    /// The number of positions.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len().saturating_sub(3),
            Self::Shorts(shorts) => shorts.len().saturating_sub(1),
            Self::Words(words) => words.len(),
        }
    }

    /// Adds so many zeros.
    pub(super) fn grow(&mut self, by: usize) {
        // What was padding are zeros already.
        match self {
            Self::Bytes(bytes) => bytes.resize(bytes.len() + by, 0),
            Self::Shorts(shorts) => shorts.resize(shorts.len() + by, 0),
            Self::Words(words) => words.resize(words.len() + by, 0),
        }
    }

    /// The bytes that the numbers take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Shorts(shorts) => size_of_val(shorts.as_slice()),
            Self::Words(words) => size_of_val(words.as_slice()),
        }
    }
}

impl Replayed for Numbers {
    /// A position, and the number there.
    type Write = (usize, u32);

    fn make(&mut self, &(position, number): &(usize, u32)) {
        self.set(position, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are_in_every_width() {
        for largest in [0, 5, 0xFF, 0x100, 0xFFFF, 0x1_0000, u32::MAX] {
            let plain = vec![0, 1, largest / 2, largest];
            let numbers = Numbers::from(plain.clone());
            assert_eq!((0..4).map(|at| numbers.at(at)).collect::<Vec<_>>(), plain);
            let mut grown = numbers.clone();
            grown.grow(3);
            grown.set(5, largest);
            assert_eq!((grown.len(), grown.at(4), grown.at(5), grown.at(6)), (7, 0, largest, 0));
            assert_eq!((numbers.at(100), numbers.len(), numbers.holds(largest)), (0, 4, true));
        }
        assert!(!Numbers::from(vec![1]).holds(256) && !Numbers::from(vec![256]).holds(1 << 16));
    }
}
