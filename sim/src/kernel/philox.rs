//! Philox4x64-10: a random function of a counter and a key, without a state.
//!
//! From J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! Supercomputing 2011, §3.3. It is a block cipher in form, weakened until only statistics are asked of it: ten rounds
//! of two wide multiplications, whose high halves are mixed with the key and the other words. For one key, different
//! counters give different blocks. It passes TestU01's BigCrush on counters and keys as structured as ours, which is
//! what lets every field of an address stand in it as it is.
//!
//! Of the family, the width of 4×64 bits has room for a whole address (384 bits of counter and key), and a 64-bit
//! machine multiplies it natively.

/// The multipliers of the two halves (paper, table 2).
const MULTIPLIER: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];

/// What each word of the key grows by from round to round: the fractions of the golden ratio and of √3.
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];

const ROUNDS: u32 = 10;

/// The block of four random words at `counter` under `key`.
///
/// ```
/// use seglab_sim::kernel::philox_4x64_10;
/// assert_eq!(philox_4x64_10([0; 4], [0; 2])[0], 0x16554d9eca36314c);
/// ```
pub fn philox_4x64_10(counter: [u64; 4], key: [u64; 2]) -> [u64; 4] {
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut left, mut right] = key;
    for _ in 0..ROUNDS {
        let (a_high, a_low) = wide_product(MULTIPLIER[0], a);
        let (c_high, c_low) = wide_product(MULTIPLIER[1], c);
        (a, b, c, d) = (c_high ^ b ^ left, c_low, a_high ^ d ^ right, a_low);
        left = left.wrapping_add(WEYL[0]);
        right = right.wrapping_add(WEYL[1]);
    }
    [a, b, c, d]
}

/// The high and the low half of a product.
fn wide_product(x: u64, y: u64) -> (u64, u64) {
    let product = u128::from(x) * u128::from(y);
    ((product >> 64) as u64, product as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that the paper's authors publish with Random123 (`kat_vectors`, lines `philox4x64 10`).
    #[test]
    fn known_answers() {
        let pi = [0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89];
        let cases = [
            ([0; 4], [0; 2], [0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b]),
            (
                [u64::MAX; 4],
                [u64::MAX; 2],
                [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0],
            ),
            (
                pi,
                [0x452821e638d01377, 0xbe5466cf34e90c6c],
                [0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox_4x64_10(counter, key), expected, "counter {counter:x?}, key {key:x?}");
        }
    }
}
