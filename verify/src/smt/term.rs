//! Small helpers for building terms.

use seglab_policy::IntervalSet;
use z3::ast::{Ast, BV, Bool};

/// A truth value that may not be known: `surely` implies `perhaps`.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    /// True in every world that fits the design.
    pub(super) surely: Bool,
    /// True in some world that fits the design.
    pub(super) perhaps: Bool,
}

impl Truth {
    /// A truth value that is known.
    pub(super) fn known(value: Bool) -> Self {
        Self { surely: value.clone(), perhaps: value }
    }

    /// True if both are.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            surely: all([self.surely.clone(), other.surely.clone()]),
            perhaps: all([self.perhaps.clone(), other.perhaps.clone()]),
        }
    }
}

/// The constant truth value.
pub(super) fn constant(value: bool) -> Bool {
    Bool::from_bool(value)
}

/// The conjunction; true if there is nothing to join.
pub(super) fn all(parts: impl IntoIterator<Item = Bool>) -> Bool {
    let parts: Vec<Bool> = parts.into_iter().filter(|part| part.as_bool() != Some(true)).collect();
    match parts.as_slice() {
        [] => constant(true),
        [one] => one.clone(),
        parts if parts.iter().any(|part| part.as_bool() == Some(false)) => constant(false),
        parts => Bool::and(parts),
    }
}

/// The disjunction; false if there is nothing to join.
pub(super) fn any(parts: impl IntoIterator<Item = Bool>) -> Bool {
    let parts: Vec<Bool> = parts.into_iter().filter(|part| part.as_bool() != Some(false)).collect();
    match parts.as_slice() {
        [] => constant(false),
        [one] => one.clone(),
        parts if parts.iter().any(|part| part.as_bool() == Some(true)) => constant(true),
        parts => Bool::or(parts),
    }
}

/// The number of bits that hold every number up to `largest`; at least one.
pub(super) fn width_of(largest: u128) -> u32 {
    (u128::BITS - largest.leading_zeros()).max(1)
}

/// A literal of `width` bits.
pub(super) fn literal(value: u128, width: u32) -> BV {
    let low = u64::try_from(value & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    let high = u64::try_from(value >> 64).unwrap_or(u64::MAX);
    if width <= 64 {
        BV::from_u64(low, width)
    } else {
        BV::from_u64(high, width - 64).concat(BV::from_u64(low, 64)).simplify()
    }
}

/// `first <= low` and `high <= last`: the range from `low` to `high` lies in the other.
pub(super) fn range_within(low: &BV, high: &BV, first: u128, last: u128) -> Bool {
    let width = low.get_size();
    let largest = if width >= u128::BITS { u128::MAX } else { (1u128 << width) - 1 };
    if first == last {
        return all([low.eq(literal(first, width)), high.eq(literal(last, width))]);
    }
    let from = if first == 0 { constant(true) } else { low.bvuge(literal(first, width)) };
    let to = if last >= largest { constant(true) } else { high.bvule(literal(last, width)) };
    all([from, to])
}

/// The number is in the set.
pub(super) fn contains<T: Copy + Into<u128> + seglab_policy::Bounded>(number: &BV, set: &IntervalSet<T>) -> Bool {
    any(set.ranges().iter().map(|&(first, last)| range_within(number, number, first.into(), last.into())))
}
