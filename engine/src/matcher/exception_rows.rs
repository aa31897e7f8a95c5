//! Exceptions row by row: for each label of a source the destinations that are told something else than usual, each with
//! its profile.
//!
//! Rows are shared between versions of a table and replaced one at a time. Where labels and profiles fit sixteen bits
//! each an exception is one word.

use super::doubled::Replayed;
use super::pair_table::Label;
use std::sync::Arc;

/// A row for each label of a source.
#[derive(Clone, Debug)]
pub(super) enum ExceptionRows {
    Narrow(Vec<Option<Arc<[u32]>>>),
    Wide(Vec<Option<Arc<[u64]>>>),
}

/// A row as a table holds it: ascending by destination.
#[derive(Clone, Debug)]
pub(super) enum Row {
    Narrow(Option<Arc<[u32]>>),
    Wide(Option<Arc<[u64]>>),
}

impl Default for ExceptionRows {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

/// An exception in one number: the label of a destination above its profile.
trait Entry: Copy {
    fn new(destination: Label, profile: u32) -> Option<Self>;
    fn destination(self) -> Label;
    fn profile(self) -> u32;
}

impl Entry for u32 {
    fn new(destination: Label, profile: u32) -> Option<Self> {
        let halves = u16::try_from(destination).ok().zip(u16::try_from(profile).ok());
        halves.map(|(destination, profile)| u32::from(destination) << 16 | u32::from(profile))
    }

    fn destination(self) -> Label {
        self >> 16
    }

    fn profile(self) -> u32 {
        self & 0xFFFF
    }
}

impl Entry for u64 {
    fn new(destination: Label, profile: u32) -> Option<Self> {
        Some(u64::from(destination) << 32 | u64::from(profile))
    }

    fn destination(self) -> Label {
        (self >> 32) as u32
    }

    fn profile(self) -> u32 {
        self as u32
    }
}

fn encoded<E: Entry>(row: &[(Label, u32)]) -> Option<Option<Arc<[E]>>> {
    if row.is_empty() {
        return Some(None);
    }
    let entries: Option<Vec<E>> = row.iter().map(|&(destination, profile)| E::new(destination, profile)).collect();
    Some(Some(entries?.into()))
}

/// A row with other profiles for some destinations, ascending, and none where they are told the usual.
fn patched<E: Entry>(row: &[E], changes: &[(Label, Option<u32>)]) -> Option<Option<Arc<[E]>>> {
    let mut entries: Vec<E> = Vec::with_capacity(row.len() + changes.len());
    let mut rest = row;
    for &(destination, profile) in changes {
        let (before, from) = rest.split_at(rest.partition_point(|entry| entry.destination() < destination));
        entries.extend_from_slice(before);
        rest = match from.split_first() {
            Some((entry, after)) if entry.destination() == destination => after,
            _ => from,
        };
        if let Some(profile) = profile {
            entries.push(E::new(destination, profile)?);
        }
    }
    entries.extend_from_slice(rest);
    Some((!entries.is_empty()).then(|| entries.into()))
}

#[inline]
fn find<E: Entry>(row: Option<&Option<Arc<[E]>>>, destination: Label) -> Option<u32> {
    let row = row?.as_ref()?;
    let found = row.binary_search_by_key(&destination, |entry| entry.destination()).ok()?;
    row.get(found).map(|entry| entry.profile())
}

impl ExceptionRows {
    /// Empty rows for so many labels, for labels of destinations and profiles below these bounds.
    pub(super) fn new(labels: usize, destinations: usize, profiles: usize) -> Self {
        if destinations <= 1 << 16 && profiles <= 1 << 16 {
            Self::Narrow(vec![None; labels])
        } else {
            Self::Wide(vec![None; labels])
        }
    }

    /// A row as this table holds it; `None` if an exception does not fit.
    pub(super) fn encode(&self, row: &[(Label, u32)]) -> Option<Row> {
        match self {
            Self::Narrow(_) => encoded(row).map(Row::Narrow),
            Self::Wide(_) => encoded(row).map(Row::Wide),
        }
    }

    /// The row of a source with other profiles for some destinations, ascending, and none where they are told the usual;
    /// `None` if an exception does not fit.
    pub(super) fn patched(&self, source: Label, changes: &[(Label, Option<u32>)]) -> Option<Row> {
        fn of<E: Entry>(
            rows: &[Option<Arc<[E]>>],
            at: Label,
            changes: &[(Label, Option<u32>)],
        ) -> Option<Option<Arc<[E]>>> {
            patched(rows.get(at as usize).and_then(Option::as_deref).unwrap_or_default(), changes)
        }
        match self {
            Self::Narrow(rows) => of(rows, source, changes).map(Row::Narrow),
            Self::Wide(rows) => of(rows, source, changes).map(Row::Wide),
        }
    }

    /// The profile of a pair that is told something else than usual.
    #[inline]
    pub(super) fn find(&self, source: Label, destination: Label) -> Option<u32> {
        match self {
            Self::Narrow(rows) => find(rows.get(source as usize), destination),
            Self::Wide(rows) => find(rows.get(source as usize), destination),
        }
    }

    /// The row of a source.
    pub(super) fn row(&self, source: Label) -> Vec<(Label, u32)> {
        fn decoded<E: Entry>(row: Option<&Option<Arc<[E]>>>) -> Vec<(Label, u32)> {
            let row = row.and_then(Option::as_ref).into_iter().flat_map(|row| row.iter());
            row.map(|entry| (entry.destination(), entry.profile())).collect()
        }
        match self {
            Self::Narrow(rows) => decoded(rows.get(source as usize)),
            Self::Wide(rows) => decoded(rows.get(source as usize)),
        }
    }

    /// The row of a source, to be shared with another one.
    pub(super) fn shared(&self, source: Label) -> Row {
        match self {
            Self::Narrow(rows) => Row::Narrow(rows.get(source as usize).cloned().flatten()),
            Self::Wide(rows) => Row::Wide(rows.get(source as usize).cloned().flatten()),
        }
    }

    /// The number of labels.
    pub(super) fn labels(&self) -> usize {
        match self {
            Self::Narrow(rows) => rows.len(),
            Self::Wide(rows) => rows.len(),
        }
    }

    /// The bytes that the rows take.
    pub(super) fn bytes(&self) -> usize {
        fn of<E>(rows: &[Option<Arc<[E]>>]) -> usize {
            let counts = 2 * size_of::<usize>();
            size_of_val(rows) + rows.iter().flatten().map(|row| counts + size_of_val(&**row)).sum::<usize>()
        }
        match self {
            Self::Narrow(rows) => of(rows),
            Self::Wide(rows) => of(rows),
        }
    }
}

impl Replayed for ExceptionRows {
    type Write = (Label, Row);

    fn make(&mut self, (source, row): &(Label, Row)) {
        let at = *source as usize;
        match (self, row) {
            (Self::Narrow(rows), Row::Narrow(row)) => {
                rows.get_mut(at).into_iter().for_each(|held| held.clone_from(row));
            }
            (Self::Wide(rows), Row::Wide(row)) => {
                rows.get_mut(at).into_iter().for_each(|held| held.clone_from(row));
            }
            // INVARIANT: rows are encoded by the table that holds them.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_what_they_are_given_in_both_widths() {
        for (destinations, row) in
            [(1 << 16, vec![(0, 7), (9, 0xFFFF), (0xFFFF, 1)]), (1 << 17, vec![(3, 1), (1 << 16, 2)])]
        {
            let mut rows = ExceptionRows::new(4, destinations, 1 << 16);
            let encoded = rows.encode(&row).unwrap();
            rows.make(&(2, encoded));
            assert_eq!(rows.row(2), row);
            assert!(row.iter().all(|&(destination, profile)| rows.find(2, destination) == Some(profile)));
            assert_eq!((rows.find(2, 5), rows.find(1, 0), rows.find(9, 0)), (None, None, None));
        }
        let mut rows = ExceptionRows::new(1, 64, 64);
        for (changes, row) in [
            (vec![(3, Some(1)), (9, Some(2))], vec![(3, 1), (9, 2)]),
            (vec![(1, Some(4)), (3, None), (5, Some(6))], vec![(1, 4), (5, 6), (9, 2)]),
            (vec![(9, Some(3)), (11, None)], vec![(1, 4), (5, 6), (9, 3)]),
            (vec![(1, None), (5, None), (9, None)], vec![]),
        ] {
            let patched = rows.patched(0, &changes).unwrap();
            rows.make(&(0, patched));
            assert_eq!(rows.row(0), row);
        }
        assert!(ExceptionRows::new(1, 4, 4).encode(&[(1 << 16, 0)]).is_none());
    }
}
