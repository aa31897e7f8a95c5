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

/// Labels up to which none are rejoined, where so many are told apart.
pub(super) fn labels_max(labels: usize) -> usize {
    labels + labels / 4 + 8
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

    /// Rejoins labels of a side that are told the same by now, once many have been told apart: updates that are taken back
    /// leave such behind.
    pub(super) fn rejoin_labels(&mut self, side: usize) -> Result<(), Why> {
        if self.sides[side].under.len() <= self.labels_max[side] {
            return Ok(());
        }
        let mut labels: Vec<Label> = self.sides[side].under.keys().copied().collect();
        labels.sort_unstable();
        let mut first_of: FxHashMap<(u32, Vec<(Label, u32)>), Label> = FxHashMap::default();
        for (label, told) in self.shown.told(side, labels) {
            let first = *first_of.entry((self.sides[side].band_at(label), told)).or_insert(label);
            let classes = self.sides[side].under.get(&label).filter(|_| first != label);
            for class in classes.map_or_else(Vec::new, |under| under.classes.clone()) {
                self.put_under(side, class, first)?;
            }
        }
        self.labels_max[side] = labels_max(self.sides[side].under.len());
        Ok(())
    }

    /// Finds the group of a class anew, and works out what it is told where that may be something else: of everybody if the
    /// group is another one, else of whom rules about few name together with peers that are `changed`: those that match
    /// the class and did not, or the other way round.
    pub(super) fn settle_class(&mut self, side: usize, class: u32, changed: &[u32]) -> Result<(), Why> {
        let held = &self.sides[side].classes[class];
        let (stand, before) = (held.stand, held.group);
        let tokens = self.sides[side].tokens(&held.peers, &held.scopes);
        let group = self.group(side, stand, tokens)?;
        let mut peers = changed.to_vec();
        if group != before {
            peers.extend(self.sides[side].classes[class].peers.iter().map(|&(peer, _)| peer));
            self.regroup(side, class, group)?;
        }
        let (old_band, band) = (self.sides[side].band_of[before], self.sides[side].band_of[group]);
        // In another band the label is new, and has nothing left of what the group before was told.
        let others = self.others(side, class, peers, (group != before).then_some((before, band == old_band)));
        if self.sides[side].sizes[before] == 0 {
            self.leave_band(side, before);
        }
        match side {
            0 => self.settle_pairs(&[class], &others),
            _ => self.settle_pairs(&others, &[class]),
        }
    }

    /// Puts a class into another group. What is usual for both may be the same; then it stays under its label.
    fn regroup(&mut self, side: usize, class: u32, group: u32) -> Result<(), Why> {
        let before = self.sides[side].classes[class].group;
        let (old_band, band) = (self.sides[side].band_of[before], self.band(side, group, before)?);
        let here = &mut self.sides[side];
        here.classes[class].group = group;
        here.sizes[group] += 1;
        here.sizes[before] -= 1;
        if band != old_band {
            // A label that has nothing of its own is told what is usual; what else is told is worked out from there.
            let label = self.new_label(side, band)?;
            self.put_under(side, class, label)?;
        }
        Ok(())
    }

    /// The classes of the other side with which a class may be told something else than is usual, or was: whom rules about
    /// few name together with these peers, and if the class was of another group, whoever has to do with it, and with that
    /// group if the label is the same.
    fn others(&self, side: usize, class: u32, mut peers: Vec<u32>, before: Option<(u32, bool)>) -> Vec<u32> {
        let (here, there) = (&self.sides[side], &self.sides[1 - side]);
        let group = here.classes[class].group;
        peers.sort_unstable();
        peers.dedup();
        let mut others: Vec<u32> =
            peers.into_iter().flat_map(|peer| here.pairs_of[peer].iter().map(|noted| noted.other)).collect();
        others.sort_unstable();
        others.dedup();
        others = others.into_iter().flat_map(|peer| there.classes_of(peer)).collect();
        if let Some((before, is_same_label)) = before {
            others.extend(self.related[side].get(&class).into_iter().flatten().map(|&(other, _)| other));
            let is_mine = |of: u32| of == group || is_same_label && of == before;
            let mine = self.odd.iter().map(|&(from, to)| if side == 0 { (from, to) } else { (to, from) });
            let odd: FxHashSet<u32> = mine.filter(|&(of, _)| is_mine(of)).map(|(_, other)| other).collect();
            if !odd.is_empty() {
                let classes = (0u32..).zip(there.classes.iter());
                others.extend(classes.filter(|(_, class)| odd.contains(&class.group)).map(|(at, _)| at));
            }
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
        held.sizes.push(0);
        held.known_groups.insert(key, group);
        Ok(group)
    }

    /// The band of a group, which is one of its own where no band is told the same. A group `before` that is told much the
    /// same shortens the work.
    fn band(&mut self, side: usize, group: u32, before: u32) -> Result<u32, Why> {
        let known = self.sides[side].band_of[group];
        if known != VACANT {
            return Ok(known);
        }
        let there = (0u32..).zip(self.sides[1 - side].bands.iter());
        // Bands without buckets are closed.
        let there = there.filter(|(_, band)| !band.buckets.is_empty()).map(|(at, band)| (at, band.groups.clone()));
        let mut usual: Vec<(u32, u32)> = Vec::new();
        for (other, groups) in there.collect::<Vec<_>>() {
            // Only the band of addresses that several have is without groups.
            let mut told_first = groups.is_empty().then(|| self.grounds.verdicts.intern(Verdicts::Ambiguous));
            for there in groups {
                let pair = |here: u32| if side == 0 { (here, there) } else { (there, here) };
                let [ground, like] = [group, before].map(|here| {
                    let (from, to) = pair(here);
                    self.ground(from, to, false)
                });
                let told = self.grounds.profile_like(ground, like);
                if *told_first.get_or_insert(told) != told {
                    self.odd.insert(pair(group));
                }
            }
            usual.extend(told_first.map(|told| (other, told)));
        }
        let key = |band: u32, other: u32| if side == 0 { (band, other) } else { (other, band) };
        let of_stand = |group: u32| {
            let stand = &self.sides[side].groups[group].stand;
            (stand.external, stand.touched)
        };
        let is_told_the_same = |(at, band): (u32, &Band)| {
            let is_alike = band.groups.first().is_some_and(|&first| of_stand(first) == of_stand(group));
            let mut told = usual.iter().map(|&(other, told)| self.usual.get(&key(at, other)) == Some(&told));
            (is_alike && told.all(|is_same| is_same)).then_some(at)
        };
        let shared = (0u32..).zip(self.sides[side].bands.iter()).find_map(is_told_the_same);
        if let Some(band) = shared {
            self.sides[side].bands[band].groups.push(group);
            self.sides[side].band_of[group] = band;
            return Ok(band);
        }
        let band = self.sides[side].bands.push(Band { groups: vec![group], ..Band::default() });
        self.sides[side].band_of[group] = band;
        self.usual.extend(usual.into_iter().map(|(other, told)| (key(band, other), told)));
        let bucket = self.sides[side].add_bucket(band)?;
        self.show_usual(side, band, bucket)?;
        Ok(band)
    }

    /// Takes a group without classes out of its band, and closes that if it was the last one.
    fn leave_band(&mut self, side: usize, group: u32) {
        self.odd.retain(|&(from, to)| (if side == 0 { from } else { to }) != group);
        let band = std::mem::replace(&mut self.sides[side].band_of[group], VACANT);
        self.sides[side].bands[band].groups.retain(|&other| other != group);
        if self.sides[side].bands[band].groups.is_empty() {
            self.sides[side].close_band(band);
            self.usual.retain(|&(from, to), _| (if side == 0 { from } else { to }) != band);
            let usual: FxHashSet<u32> = self.usual.values().copied().collect();
            self.shown.keep_usual(|profile| usual.contains(&profile));
        }
    }
}
