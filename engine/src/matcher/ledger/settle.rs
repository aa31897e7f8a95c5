//! Settling: what pairs of classes are told after an update, and labels that stand for classes that are told the same.

use super::super::address_table::Relabelled;
use super::super::pair_table::{Label, VACANT};
use super::*;
use rustc_hash::FxHashSet;

/// What pairs of classes are told, source after source.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// How many destinations there are.
    width: usize,
    new: Vec<u32>,
    old: Vec<u32>,
}

impl Told {
    fn clear(&mut self, sources: usize, destinations: usize) {
        self.width = destinations;
        self.new.clear();
        self.new.resize(sources * destinations, u32::MAX);
        self.old.clear();
    }

    fn tell(&mut self, source: usize, destination: usize, profile: u32) {
        let at = source * self.width + destination;
        self.new.get_mut(at).into_iter().for_each(|told| *told = profile);
    }

    /// What a source is told of each destination from here on, and was told.
    fn row(&self, source: usize) -> impl Iterator<Item = (u32, u32)> {
        let of_source = source * self.width..(source + 1) * self.width;
        let [new, old] = [&self.new, &self.old].map(|told| told.get(of_source.clone()).unwrap_or_default());
        new.iter().copied().zip(old.iter().copied())
    }

    /// What each source is told of a destination from here on, and was told.
    fn column(&self, destination: usize) -> impl Iterator<Item = (u32, u32)> {
        let both = self.new.iter().copied().zip(self.old.iter().copied());
        both.skip(destination).step_by(self.width.max(1))
    }
}

impl Ledger {
    /// Works out every pair of some sources and some destinations, and tells their labels apart where they differ.
    pub(super) fn settle_pairs(&mut self, sources: &[u32], destinations: &[u32]) -> Result<(), Why> {
        if sources.len().saturating_mul(destinations.len()) > PAIRS_MAX {
            return Err(Why::Broad);
        }
        if sources.is_empty() || destinations.is_empty() {
            return Ok(());
        }
        let mut told = std::mem::take(&mut self.told);
        self.work_out(&mut told, sources, destinations);
        self.look_up(&mut told, sources, destinations);
        let settled = if told.new == told.old { Ok(()) } else { self.settle_told(&told, sources, destinations) };
        self.told = told;
        settled
    }

    /// Tells labels apart where their classes are told different things, and writes what is new.
    fn settle_told(&mut self, told: &Told, sources: &[u32], destinations: &[u32]) -> Result<(), Why> {
        self.part_labels(0, sources, |at| told.row(at))?;
        self.part_labels(1, destinations, |at| told.column(at))?;
        let mut writes: Vec<(Label, Label, Option<u32>)> = Vec::new();
        for (at, &source) in sources.iter().enumerate() {
            let from = self.sides[0].classes[source].label;
            let changed = told.row(at).zip(destinations).filter(|((new, old), _)| new != old);
            for ((new, _), &destination) in changed {
                let to = self.sides[1].classes[destination].label;
                writes.push((from, to, (self.usual_of(from, to) != Some(new)).then_some(new)));
            }
        }
        writes.sort_unstable();
        writes.dedup();
        writes.chunk_by(|a, b| a.0 == b.0).try_for_each(|row| self.shown.put_row(row, &self.grounds.verdicts))
    }

    /// What pairs are told from here on.
    fn work_out(&mut self, told: &mut Told, sources: &[u32], destinations: &[u32]) {
        told.clear(sources.len(), destinations.len());
        let mut gathering = std::mem::take(&mut self.gathering);
        gathering.gather(&self.sides, sources, destinations);
        let related: Vec<bool> = sources.iter().map(|source| self.related[0].contains_key(source)).collect();
        // Neighbours are mostly told the same for the same reasons.
        let mut last: Option<((u32, u32), &[Heard], u32)> = None;
        for pair in gathering.pairs() {
            let (Some(&source), Some(&destination)) = (sources.get(pair.source), destinations.get(pair.destination))
            else {
                continue;
            };
            let heard = gathering.heard(pair);
            let groups = (self.sides[0].classes[source].group, self.sides[1].classes[destination].group);
            let is_related = related.get(pair.source).is_some_and(|&is_related| is_related);
            let profile = match last.filter(|&(of, rules, _)| !is_related && of == groups && rules == heard) {
                Some((_, _, known)) => known,
                None => self.profile(source, destination, heard),
            };
            last = if is_related { None } else { Some((groups, heard, profile)) };
            told.tell(pair.source, pair.destination, profile);
        }
        self.gathering = gathering;
    }

    /// What pairs have been told so far.
    fn look_up(&self, told: &mut Told, sources: &[u32], destinations: &[u32]) {
        let [of_sources, of_destinations] = &self.sides.0;
        let to: Vec<(Label, u32)> = destinations
            .iter()
            .map(|&destination| of_destinations.classes[destination].label)
            .map(|label| (label, of_destinations.band_at(label)))
            .collect();
        for &source in sources {
            let from = of_sources.classes[source].label;
            let band = of_sources.band_at(from);
            let mut usual: Option<(u32, Option<u32>)> = None;
            for &(label, other) in &to {
                let before = self.shown.exception(from, label).or_else(|| match usual {
                    Some((of, known)) if of == other => known,
                    _ => {
                        let found = self.usual.get(&(band, other)).copied();
                        usual = Some((other, found));
                        found
                    }
                });
                told.old.push(before.unwrap_or(u32::MAX));
            }
        }
    }

    /// What a pair of classes is told, where these rules about few match it.
    fn profile(&mut self, source: u32, destination: u32, narrow: &[Heard]) -> u32 {
        let groups = (self.sides[0].classes[source].group, self.sides[1].classes[destination].group);
        let related = self.related[0].get(&source);
        let kinds = related.map_or((false, false), |related| {
            let is = |guest: bool| related.contains(&(destination, guest));
            (is(false), is(true))
        });
        let ground = self.ground(groups.0, groups.1, false);
        if kinds == (false, false) {
            return self.grounds.profile_with(ground, narrow);
        }
        let strangers = self.grounds.profile_with(ground, narrow);
        let host_and_guest = match kinds.1 {
            true => {
                let ground = self.ground(groups.0, groups.1, true);
                self.grounds.profile_with(ground, narrow)
            }
            false => strangers,
        };
        match kinds.0 || host_and_guest != strangers {
            true => self.grounds.verdicts.intern(Verdicts::ByRelation { strangers, host_and_guest }),
            false => strangers,
        }
    }

    fn ground(&mut self, from: u32, to: u32, host_and_guest: bool) -> u32 {
        if let Some(&known) = self.cells.get(&(from, to, host_and_guest)) {
            return known;
        }
        let [sources, destinations] = &self.sides.0;
        let ground = self.grounds.of(&sources.groups[from], &destinations.groups[to], host_and_guest);
        self.cells.insert((from, to, host_and_guest), ground);
        ground
    }

    fn usual_of(&self, source: Label, destination: Label) -> Option<u32> {
        let bands = (self.sides[0].band_at(source), self.sides[1].band_at(destination));
        self.usual.get(&bands).copied()
    }

    /// Gives classes of one label that are told different things from here on labels of their own. `told` has for the
    /// position of each class what it is told, and what it was told.
    fn part_labels<L: Iterator<Item = (u32, u32)>>(
        &mut self,
        side: usize,
        classes: &[u32],
        told: impl Fn(usize) -> L,
    ) -> Result<(), Why> {
        // Who has a label alone keeps it, whatever is told.
        let mut changed: Vec<(Label, Vec<u32>, u32)> = Vec::new();
        for (at, &class) in classes.iter().enumerate() {
            let label = self.sides[side].classes[class].label;
            let is_alone = self.sides[side].under.get(&label).is_none_or(|under| under.classes.len() == 1);
            if !is_alone && told(at).any(|(new, old)| new != old) {
                changed.push((label, told(at).map(|(new, _)| new).collect(), class));
            }
        }
        changed.sort_unstable();
        for of_label in changed.chunk_by(|a, b| a.0 == b.0) {
            let parts = of_label.chunk_by(|a, b| a.1 == b.1);
            let parts = parts.map(|part| part.iter().map(|&(_, _, class)| class).collect()).collect();
            if let Some(&(label, ..)) = of_label.first() {
                self.part_label(side, label, parts)?;
            }
        }
        Ok(())
    }

    /// Gives the parts of a label, which are told different things from here on, labels of their own; but one of them, if
    /// that takes less than to relabel those that are told what they were told so far, and stay together.
    fn part_label(&mut self, side: usize, label: Label, parts: Vec<Vec<u32>>) -> Result<(), Why> {
        let Some(all) = self.sides[side].under.get(&label) else { return Ok(()) };
        let changed: usize = parts.iter().map(Vec::len).sum();
        let mut parts: Vec<(usize, Vec<u32>)> =
            parts.into_iter().map(|part| (self.weight_of(side, &part), part)).collect();
        parts.sort_by_key(|&(weight, _)| weight);
        let left = all.weight - parts.iter().map(|(weight, _)| weight).sum::<usize>();
        // The one that takes most to relabel keeps the label.
        if parts.last().is_some_and(|&(weight, _)| all.classes.len() == changed || weight > left) {
            let kept = parts.pop();
            if all.classes.len() > changed {
                let leaving: FxHashSet<u32> =
                    kept.iter().chain(&parts).flat_map(|(_, part)| part.iter().copied()).collect();
                let rest = all.classes.iter().copied().filter(|class| !leaving.contains(class)).collect();
                parts.push((left, rest));
            }
        }
        for (_, part) in parts {
            let new = self.new_label(side, self.sides[side].band_at(label))?;
            match side {
                0 => self.shown.copy_row(label, new),
                _ => self.shown.copy_column(label, new)?,
            }
            part.into_iter().try_for_each(|class| self.put_under(side, class, new))?;
        }
        Ok(())
    }

    fn weight_of(&self, side: usize, classes: &[u32]) -> usize {
        classes.iter().map(|&class| self.sides[side].classes[class].weight).sum()
    }

    fn new_label(&mut self, side: usize, band: u32) -> Result<Label, Why> {
        if let Some(label) = self.sides[side].free_label(band) {
            return Ok(label);
        }
        let bucket = self.sides[side].add_bucket(band)?;
        self.show_usual(side, band, bucket)?;
        self.sides[side].free_label(band).ok_or(Why::Labels)
    }

    /// Shows what is usual for a bucket of a band.
    fn show_usual(&mut self, side: usize, band: u32, bucket: u32) -> Result<(), Why> {
        let others: Vec<(u32, u32)> = (0u32..).zip(self.sides[1 - side].buckets.iter().copied()).collect();
        for (other, of) in others {
            let bands = if side == 0 { (band, of) } else { (of, band) };
            let Some(&told) = self.usual.get(&bands) else { continue };
            let (source, destination) = if side == 0 { (bucket, other) } else { (other, bucket) };
            self.shown.put_usual(source, destination, told, &self.grounds.verdicts)?;
        }
        Ok(())
    }

    /// Puts a class under a label, and its endpoints with it.
    fn put_under(&mut self, side: usize, class: u32, label: Label) -> Result<(), Why> {
        let old = self.sides[side].classes[class].label;
        let is_left = self.sides[side].put_under(class, label);
        for endpoint in self.sides[side].classes[class].members.clone() {
            self.show_label(side, endpoint)?;
        }
        if is_left {
            self.shown.clear(side, old)?;
            self.sides[side].release(old);
        }
        Ok(())
    }

    /// Shows under which label an endpoint is.
    pub(super) fn show_label(&mut self, side: usize, endpoint: u32) -> Result<(), Why> {
        let label = self.sides[side].classes[self.sides[side].class_of[endpoint]].label;
        if let Some(&first) = self.first_of_atom.get(&endpoint) {
            let last = self.last_of_atom(first);
            return self.shown.put_range(&self.directory, Relabelled { first, last, side, label });
        }
        self.shown.put_interface(side, endpoint, label)?;
        if let Some(address) = self.addresses.lookup(endpoint).copied().flatten() {
            for space in self.directory.spaces_of(endpoint, address) {
                self.shown.put_address(space, Relabelled { first: address, last: address, side, label })?;
            }
        }
        Ok(())
    }

    /// Finds the group of a class anew and, if that is another one or the class is `new`, works out all that it is told.
    pub(super) fn settle_class(&mut self, side: usize, class: u32, new: bool) -> Result<(), Why> {
        let held = &self.sides[side].classes[class];
        let (stand, before) = (held.stand, held.group);
        let tokens = self.sides[side].tokens(&held.peers, &held.scopes);
        let group = self.group(side, stand, tokens)?;
        if group == before && !new {
            return Ok(());
        }
        let (old_band, band) = (self.sides[side].band_of[before], self.band(side, group)?);
        self.sides[side].classes[class].group = group;
        self.sides[side].bands[old_band].classes -= 1;
        self.sides[side].bands[band].classes += 1;
        // A label that has nothing of its own is told what is usual; what else the class is told is worked out from there.
        let label = self.new_label(side, band)?;
        self.put_under(side, class, label)?;
        if self.sides[side].bands[old_band].classes == 0 {
            self.close_band(side, old_band);
        }
        let others = self.others(side, class);
        match side {
            0 => self.settle_pairs(&[class], &others),
            _ => self.settle_pairs(&others, &[class]),
        }
    }

    /// The classes of the other side with which a class may be told something else than is usual.
    fn others(&self, side: usize, class: u32) -> Vec<u32> {
        let (here, there) = (&self.sides[side], &self.sides[1 - side]);
        let held = &here.classes[class];
        let mut peers: Vec<u32> = Vec::new();
        for &(peer, _) in &held.peers {
            peers.extend(here.pairs_of[peer].iter().map(|noted| noted.other));
        }
        peers.sort_unstable();
        peers.dedup();
        let mut others: Vec<u32> = peers.into_iter().flat_map(|peer| there.classes_of(peer)).collect();
        others.extend(self.related[side].get(&class).into_iter().flatten().map(|&(other, _)| other));
        let odd: Vec<u32> = match side {
            0 => self.odd.range((held.group, 0)..=(held.group, u32::MAX)).map(|&(_, other)| other).collect(),
            _ => self.odd.iter().filter(|&&(_, group)| group == held.group).map(|&(other, _)| other).collect(),
        };
        if !odd.is_empty() {
            let classes = (0u32..).zip(there.classes.iter());
            others.extend(classes.filter(|(_, class)| odd.contains(&class.group)).map(|(at, _)| at));
        }
        others.sort_unstable();
        others.dedup();
        others
    }

    /// The group of a stand and what is said of it.
    fn group(&mut self, side: usize, stand: Stand, tokens: Vec<Token>) -> Result<u32, Why> {
        let held = &mut self.sides[side];
        let key = (stand, tokens);
        if let Some(&known) = held.known_groups.get(&key) {
            return Ok(known);
        }
        let group = held.groups.push(Group { stand, tokens: key.1.clone() });
        held.band_of.push(VACANT);
        held.known_groups.insert(key, group);
        Ok(group)
    }

    /// The band of a group, which is one of its own where it has none.
    fn band(&mut self, side: usize, group: u32) -> Result<u32, Why> {
        let known = self.sides[side].band_of[group];
        if known != VACANT {
            return Ok(known);
        }
        let band = self.sides[side].bands.push(Band { groups: vec![group], ..Band::default() });
        self.sides[side].band_of[group] = band;
        let others: Vec<(u32, Vec<u32>)> =
            (0u32..).zip(self.sides[1 - side].bands.iter().map(|band| band.groups.clone())).collect();
        for (other, groups) in others {
            // Only the band of addresses that several have is without groups.
            let mut usual = groups.is_empty().then(|| self.grounds.verdicts.intern(Verdicts::Ambiguous));
            for there in groups {
                let (from, to) = if side == 0 { (group, there) } else { (there, group) };
                let ground = self.ground(from, to, false);
                let told = self.grounds.profile_with(ground, &[]);
                if *usual.get_or_insert(told) != told {
                    self.odd.insert((from, to));
                }
            }
            if let Some(told) = usual {
                self.usual.insert(if side == 0 { (band, other) } else { (other, band) }, told);
            }
        }
        let bucket = self.sides[side].add_bucket(band)?;
        self.show_usual(side, band, bucket)?;
        Ok(band)
    }

    fn close_band(&mut self, side: usize, band: u32) {
        let groups = self.sides[side].bands[band].groups.clone();
        self.odd.retain(|&(from, to)| !groups.contains(if side == 0 { &from } else { &to }));
        self.sides[side].close_band(band);
        self.usual.retain(|&(from, to), _| (if side == 0 { from } else { to }) != band);
    }
}
