//! Numbers in as many bits as the largest one needs, so that more of them fit the nearer caches.

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
        match numbers.iter().copied().max().unwrap_or(0) {
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

    /// The position of a number among those of a range, which ascend.
    pub(super) fn search(&self, range: std::ops::Range<usize>, wanted: u32) -> Option<usize> {
        let first = range.start;
        let found = match self {
            Self::Bytes(bytes) => bytes.get(range)?.binary_search(&u8::try_from(wanted).ok()?),
            Self::Shorts(shorts) => shorts.get(range)?.binary_search(&u16::try_from(wanted).ok()?),
            Self::Words(words) => words.get(range)?.binary_search(&wanted),
        };
        found.ok().map(|at| first + at)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are_in_every_width() {
        for largest in [0, 5, 0xFF, 0x100, 0xFFFF, 0x1_0000, u32::MAX] {
            let plain = vec![0, 1, largest / 2, largest];
            let numbers = Numbers::from(plain.clone());
            assert_eq!((0..4).map(|at| numbers.at(at)).collect::<Vec<_>>(), plain);
            assert_eq!(numbers.search(2..4, largest).map(|at| numbers.at(at)), Some(largest));
            assert_eq!(numbers.search(0..2, 2), None);
            assert_eq!((numbers.at(100), numbers.search(3..100, 0)), (0, None));
        }
        assert_eq!(Numbers::default().search(0..0, 0), None);
    }
}
