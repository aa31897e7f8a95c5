//! The tables of a family that a ledger writes to, each twice, and what of them readers are shown.

use super::super::address_table::{AddressSearch, AddressTable, Relabelled};
use super::super::answers::Answers;
use super::super::directory::Directory;
use super::super::doubled::Doubled;
use super::super::exception_rows::ExceptionRows;
use super::super::header_table::HeaderTable;
use super::super::numbers::Numbers;
use super::super::pair_table::{Filter, Hashed, Label, PairTable, Room};
use super::super::tables::{Tables, Views};
use super::super::verdicts::{Numbered, Profiles, VerdictSet, Verdicts};
use super::Why;
use crate::column::{Column, id};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Tables that are written.
pub(super) struct Shown {
    /// What does not change, and how labels find words of the filter and cells of the usual.
    base: Unwritten,
    frame: Hashed,
    filter: Doubled<Filter>,
    usual: Doubled<Numbers>,
    pub(super) rows: Doubled<ExceptionRows>,
    profiles: Doubled<Profiles>,
    interfaces: [Doubled<Numbers>; 2],
    views: ViewsWritten,
    external: Doubled<AddressSearch>,
    /// The labels of sources that have exceptions with each label of destinations.
    columns: Column<Vec<Label>>,
    /// The number of each profile, as an exception and as what is usual.
    number_of: FxHashMap<u32, u32>,
    usual_number_of: FxHashMap<u32, u32>,
    /// The profile of each number.
    profile_of: Column<u32>,
    /// Numbers that nothing usual has.
    free_usual: Vec<u32>,
    /// The first number that was kept for what will be usual.
    first_kept: u32,
    /// Exceptions that there are, that the filter was made of, and that were added to it since.
    exceptions: usize,
    kept: usize,
    added: usize,
    written: usize,
}

/// What no update changes.
struct Unwritten {
    headers: HeaderTable,
    touched: Arc<[bool]>,
    service_classes: usize,
}

enum ViewsWritten {
    V4(Vec<Doubled<AddressTable>>),
    V6(Vec<Doubled<AddressSearch>>),
}

/// Addresses of units inside a range that is relabelled, at most.
const GAPS_MAX: usize = 4096;
/// Writes to addresses after which their tables are made anew.
const WRITES_MAX: usize = 1 << 22;
/// What exceptions may be added to a filter, beyond as many as it was made for.
const ADDED_MIN: usize = 2048;

impl Shown {
    /// The tables as they were compiled; `packed` are the numbers of profiles.
    pub(super) fn new(
        tables: &Tables,
        packed: &FxHashMap<u32, u32>,
        usual: &[u32],
        usual_numbers: u32,
    ) -> Option<Self> {
        let Some((PairTable::Hashed(hashed), profiles)) = tables.answers.pairs() else { return None };
        let rows = &hashed.exceptions;
        let mut columns: Column<Vec<Label>> =
            Column::filled(Vec::new(), (hashed.width as usize) << hashed.destination_shift);
        for source in 0..id(rows.labels()) {
            for (destination, _) in rows.row(source) {
                columns[destination].push(source);
            }
        }
        let mut profile_of = Column::filled(u32::MAX, profiles.len());
        let mut number_of = FxHashMap::default();
        let mut usual_number_of = FxHashMap::default();
        for (&profile, &number) in packed {
            profile_of[number] = profile;
            number_of.insert(profile, number);
            if number < usual_numbers {
                usual_number_of.insert(profile, number);
            }
        }
        let mut distinct: Vec<u32> = usual.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let first_kept = id(distinct.len());
        let views = match &tables.views {
            Views::V4(views) => ViewsWritten::V4(views.iter().cloned().map(Doubled::new).collect()),
            Views::V6(views) => ViewsWritten::V6(views.iter().cloned().map(Doubled::new).collect()),
        };
        Some(Self {
            frame: Hashed {
                filter: Arc::default(),
                usual: Arc::default(),
                exceptions: Arc::default(),
                ..hashed.clone()
            },
            filter: Doubled::new(hashed.filter.clone()),
            usual: Doubled::new(hashed.usual.clone()),
            rows: Doubled::new(hashed.exceptions.clone()),
            profiles: Doubled::new(profiles.clone()),
            interfaces: tables.interfaces.clone().map(Doubled::new),
            views,
            external: Doubled::new(tables.external.clone()),
            columns,
            number_of,
            usual_number_of,
            profile_of,
            free_usual: (first_kept..usual_numbers).rev().collect(),
            first_kept,
            exceptions: tables.exceptions,
            kept: tables.exceptions,
            added: 0,
            written: 0,
            base: Unwritten {
                headers: tables.headers.clone(),
                touched: tables.touched.clone(),
                service_classes: tables.service_classes,
            },
        })
    }

    /// Shows what was written.
    pub(super) fn publish(&mut self, classes: [usize; 2]) -> Tables {
        self.renew_filter();
        let pairs = Hashed {
            filter: self.filter.publish(),
            usual: self.usual.publish(),
            exceptions: self.rows.publish(),
            ..self.frame.clone()
        };
        let views = match &mut self.views {
            ViewsWritten::V4(views) => Views::V4(views.iter_mut().map(Doubled::publish).collect()),
            ViewsWritten::V6(views) => Views::V6(views.iter_mut().map(Doubled::publish).collect()),
        };
        Tables {
            answers: Answers::Pairs { pairs: PairTable::Hashed(pairs), profiles: self.profiles.publish() },
            interfaces: self.interfaces.each_mut().map(Doubled::publish),
            external: self.external.publish(),
            views,
            classes,
            exceptions: self.exceptions,
            headers: self.base.headers.clone(),
            touched: self.base.touched.clone(),
            service_classes: self.base.service_classes,
        }
    }

    /// What a pair of labels is told if that is not the usual.
    pub(super) fn exception(&self, source: Label, destination: Label) -> Option<u32> {
        let number = self.rows.now().find(source, destination)?;
        Some(self.profile_of[number])
    }

    /// Puts what one source is told of some destinations, ascending; nothing for the usual.
    pub(super) fn put_row(&mut self, told: &[(Label, Label, Option<u32>)], verdicts: &VerdictSet) -> Result<(), Why> {
        let Some(&(source, ..)) = told.first() else { return Ok(()) };
        let mut changes: Vec<(Label, Option<u32>)> = Vec::with_capacity(told.len());
        for &(_, destination, profile) in told {
            let number = profile.map(|profile| self.number(profile, verdicts)).transpose()?;
            let before = self.rows.now().find(source, destination);
            match (before, number) {
                (None, Some(_)) => self.note(source, destination),
                (Some(_), None) => self.unnote(source, destination),
                _ => {}
            }
            if before != number {
                changes.push((destination, number));
            }
        }
        if changes.is_empty() { Ok(()) } else { self.patch(source, &changes) }
    }

    /// Changes what a source is told of some destinations, ascending.
    fn patch(&mut self, source: Label, changes: &[(Label, Option<u32>)]) -> Result<(), Why> {
        let row = self.rows.now().patched(source, changes).ok_or(Why::Profiles)?;
        self.rows.write((source, row));
        Ok(())
    }

    fn note(&mut self, source: Label, destination: Label) {
        self.columns[destination].push(source);
        self.exceptions += 1;
        self.sieve(source, destination);
    }

    fn unnote(&mut self, source: Label, destination: Label) {
        let column = &mut self.columns[destination];
        if let Some(at) = column.iter().position(|&other| other == source) {
            column.swap_remove(at);
        }
        self.exceptions -= 1;
    }

    fn sieve(&mut self, source: Label, destination: Label) {
        let (word, bits) = self.frame.sieve(source, destination);
        if self.filter.now().0.get(word).is_some_and(|&held| held & bits != bits) {
            self.filter.write((word, bits));
            self.added += 1;
        }
    }

    /// Tells a label of sources what another one is told.
    pub(super) fn copy_row(&mut self, from: Label, to: Label) {
        let row = self.rows.now().row(from);
        let shared = self.rows.now().shared(from);
        row.iter().for_each(|&(destination, _)| self.note(to, destination));
        self.rows.write((to, shared));
    }

    /// Tells every source of a label of destinations what it is told of another one.
    pub(super) fn copy_column(&mut self, from: Label, to: Label) -> Result<(), Why> {
        let sources = self.columns[from].clone();
        for source in sources {
            if let Some(number) = self.rows.now().find(source, from) {
                self.note(source, to);
                self.patch(source, &[(to, Some(number))])?;
            }
        }
        Ok(())
    }

    /// What each of these labels of sources (0) or of destinations (1), ascending, is told that is not usual: by the label of
    /// the other side a number.
    pub(super) fn told(&self, side: usize, labels: Vec<Label>) -> Vec<(Label, Vec<(Label, u32)>)> {
        let rows = self.rows.now();
        if side == 0 {
            return labels.into_iter().map(|source| (source, rows.row(source))).collect();
        }
        let mut columns: Column<Vec<(Label, u32)>> = Column::filled(Vec::new(), self.columns.len());
        for source in 0..id(rows.labels()) {
            rows.row(source).into_iter().for_each(|(destination, number)| columns[destination].push((source, number)));
        }
        labels.into_iter().map(|destination| (destination, std::mem::take(&mut columns[destination]))).collect()
    }

    /// Leaves a label of sources (0) or of destinations (1) with what is usual.
    pub(super) fn clear(&mut self, side: usize, label: Label) -> Result<(), Why> {
        if side == 0 {
            for (destination, _) in self.rows.now().row(label) {
                self.unnote(label, destination);
            }
            let empty = self.rows.now().encode(&[]).ok_or(Why::Profiles)?;
            self.rows.write((label, empty));
            return Ok(());
        }
        for source in std::mem::take(&mut self.columns[label]) {
            self.exceptions -= 1;
            self.patch(source, &[(label, None)])?;
        }
        Ok(())
    }

    /// Puts what a bucket of sources and one of destinations are usually told.
    pub(super) fn put_usual(
        &mut self,
        source: u32,
        destination: u32,
        profile: u32,
        verdicts: &VerdictSet,
    ) -> Result<(), Why> {
        let number = self.usual_number(profile, verdicts)?;
        let at = source as usize * self.frame.width as usize + destination as usize;
        if !self.usual.now().holds(number) || at >= self.usual.now().len() {
            return Err(Why::Profiles);
        }
        self.usual.write((at, number));
        Ok(())
    }

    /// Frees the numbers of what is usual no more: those that came later, which no exception has.
    pub(super) fn keep_usual(&mut self, is_usual: impl Fn(u32) -> bool) {
        let (free, first_kept) = (&mut self.free_usual, self.first_kept);
        self.usual_number_of.retain(|&profile, &mut number| {
            let is_kept = number < first_kept || is_usual(profile);
            free.extend((!is_kept).then_some(number));
            is_kept
        });
    }

    /// Puts the label of an interface on one side.
    pub(super) fn put_interface(&mut self, side: usize, interface: u32, label: Label) -> Result<(), Why> {
        let Some(labels) = self.interfaces.get_mut(side) else { return Ok(()) };
        if !labels.now().holds(label) {
            return Err(Why::Labels);
        }
        labels.write((interface as usize, label));
        Ok(())
    }

    /// Puts the label of an address in a space.
    pub(super) fn put_address(&mut self, space: u32, write: Relabelled) -> Result<(), Why> {
        self.written += 1;
        if self.written > WRITES_MAX {
            return Err(Why::Addresses);
        }
        match &mut self.views {
            ViewsWritten::V4(views) => {
                let Some(view) = views.get_mut(space as usize) else { return Ok(()) };
                let now = view.now();
                let fits = now.cells.get(write.side).is_some_and(|cells| cells.holds(write.label));
                if !fits {
                    return Err(Why::Labels);
                }
                if !now.has_room(1) {
                    return Err(Why::Addresses);
                }
                view.write(write);
            }
            ViewsWritten::V6(views) => views.get_mut(space as usize).into_iter().for_each(|view| view.write(write)),
        }
        Ok(())
    }

    /// Puts the label of a range of external addresses, those of units aside.
    pub(super) fn put_range(&mut self, directory: &Directory, write: Relabelled) -> Result<(), Why> {
        self.external.write(write);
        let spaces = match &self.views {
            ViewsWritten::V4(views) => views.len(),
            ViewsWritten::V6(views) => views.len(),
        };
        for space in 0..id(spaces) {
            let inside =
                directory.addresses_within(space, (write.first, write.last), GAPS_MAX).ok_or(Why::Addresses)?;
            let mut first = Some(write.first);
            for address in inside {
                if let Some(from) = first.filter(|&from| from < address) {
                    self.put_address(space, Relabelled { first: from, last: address - 1, ..write })?;
                }
                first = address.checked_add(1);
            }
            if let Some(first) = first.filter(|&first| first <= write.last) {
                self.put_address(space, Relabelled { first, ..write })?;
            }
        }
        Ok(())
    }

    /// The labels of an external address.
    pub(super) fn external(&self, address: u128) -> [Label; 2] {
        self.external.now().labels(address)
    }

    /// Makes the filter anew where it lets through too much of what is usual by now.
    fn renew_filter(&mut self) {
        if self.added <= self.kept / 2 + ADDED_MIN {
            return;
        }
        let rows = self.rows.now();
        let mut exceptions: Vec<(Label, Label)> = Vec::with_capacity(self.exceptions);
        for source in 0..id(rows.labels()) {
            exceptions.extend(rows.row(source).into_iter().map(|(destination, _)| (source, destination)));
        }
        self.frame.fill_filter(Room::ForUpdates, &exceptions);
        self.filter = Doubled::new(std::mem::take(&mut self.frame.filter));
        (self.added, self.kept) = (0, exceptions.len());
    }

    fn number(&mut self, profile: u32, verdicts: &VerdictSet) -> Result<u32, Why> {
        if let Some(&known) = self.number_of.get(&profile) {
            return Ok(known);
        }
        let number = id(self.profile_of.len());
        self.profile_of.push(profile);
        self.pack(profile, number, verdicts)?;
        self.number_of.insert(profile, number);
        Ok(number)
    }

    fn usual_number(&mut self, profile: u32, verdicts: &VerdictSet) -> Result<u32, Why> {
        if let Some(&known) = self.usual_number_of.get(&profile) {
            return Ok(known);
        }
        let number = self.free_usual.pop().ok_or(Why::Profiles)?;
        self.profile_of[number] = profile;
        self.pack(profile, number, verdicts)?;
        self.usual_number_of.insert(profile, number);
        Ok(number)
    }

    fn pack(&mut self, profile: u32, number: u32, verdicts: &VerdictSet) -> Result<(), Why> {
        let held = verdicts.get(profile).ok_or(Why::Profiles)?;
        let by_relation = match held {
            Verdicts::ByRelation { strangers, host_and_guest } => {
                Some((self.number(*strangers, verdicts)?, self.number(*host_and_guest, verdicts)?))
            }
            _ => None,
        };
        let words: Arc<[u32]> = self.profiles.now().packed(held).ok_or(Why::Profiles)?.into();
        self.profiles.write(Numbered { number, words, by_relation });
        Ok(())
    }
}
