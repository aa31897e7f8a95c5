//! Settling: what pairs of classes are told after an update, and labels that stand for classes that are told the same.

use super::super::address_table::Relabelled;
use super::super::pair_table::{Label, VACANT};
use super::*;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

impl Ledger {
    /// Works out every pair of some sources and some destinations, and tells their labels apart where they differ.
    pub(super) fn settle_pairs(&mut self, sources: &[u32], destinations: &[u32]) -> Result<(), Why> {
        if sources.len().saturating_mul(destinations.len()) > PAIRS_MAX {
            return Err(Why::Broad);
        }
        let (new, old) = self.told(sources, destinations);
        if new == old {
            return Ok(());
        }
        let width = destinations.len();
        let row = |at: usize, of: &[u32]| of.get(at * width..(at + 1) * width).unwrap_or_default().to_vec();
        let rows = (0..sources.len()).map(|at| (row(at, &new), row(at, &old)));
        self.part_labels(0, sources, &rows.collect::<Vec<_>>())?;
        let column = |at: usize, of: &[u32]| of.iter().skip(at).step_by(width).copied().collect::<Vec<u32>>();
        let columns = (0..width).map(|at| (column(at, &new), column(at, &old)));
        self.part_labels(1, destinations, &columns.collect::<Vec<_>>())?;
        let mut told: BTreeMap<Label, BTreeMap<Label, Option<u32>>> = BTreeMap::new();
        for (at, &source) in sources.iter().enumerate() {
            let from = self.sides[0].classes[source].label;
            let row = told.entry(from).or_default();
            for (&destination, &profile) in destinations.iter().zip(new.iter().skip(at * width)) {
                let to = self.sides[1].classes[destination].label;
                row.insert(to, (self.usual_of(from, to) != Some(profile)).then_some(profile));
            }
        }
        for (source, row) in told {
            let row: Vec<(Label, Option<u32>)> = row.into_iter().collect();
            self.shown.put_row(source, &row, &self.grounds.verdicts)?;
        }
        Ok(())
    }

    /// What pairs are told from here on, and what they were told, source after source.
    fn told(&mut self, sources: &[u32], destinations: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let mut new = vec![0; sources.len() * destinations.len()];
        let mut old = new.clone();
        // Rules about few of each source are gathered once, and held against each destination.
        let mut last: Option<((u32, u32), Vec<Heard>, u32)> = None;
        let rules: Vec<Vec<(u32, u32, bool)>> = sources.iter().map(|&source| self.rules_at(source)).collect();
        for (column, &destination) in destinations.iter().enumerate() {
            self.stamp += 1;
            let stamp = self.stamp << 1;
            for &(peer, certain) in &self.sides[1].classes[destination].peers {
                self.marks[peer] = stamp | u32::from(certain);
            }
            for (at, (&source, rules)) in sources.iter().zip(&rules).enumerate() {
                let cell = at * destinations.len() + column;
                let mut narrow: Vec<Heard> = Vec::new();
                for &(placement, to, source_certain) in rules {
                    let mark = self.marks[to];
                    if mark >> 1 == self.stamp {
                        let Placement { table, rule, .. } = self.placements[placement];
                        let certain = source_certain && mark & 1 == 1;
                        narrow.push(Heard { table, matched: crate::tier_plan::Matched { rule, certain } });
                    }
                }
                narrow.sort_unstable();
                narrow.dedup();
                // Neighbours are mostly told the same for the same reasons.
                let groups = (self.sides[0].classes[source].group, self.sides[1].classes[destination].group);
                let known = last.as_ref().filter(|(of, rules, _)| *of == groups && *rules == narrow);
                let profile = match known.filter(|_| !self.related[0].contains_key(&source)) {
                    Some(&(_, _, known)) => known,
                    None => {
                        let profile = self.profile(source, destination, narrow.clone());
                        if !self.related[0].contains_key(&source) {
                            last = Some((groups, narrow, profile));
                        }
                        profile
                    }
                };
                let labels = [self.sides[0].classes[source].label, self.sides[1].classes[destination].label];
                let before = self.shown.exception(labels[0], labels[1]).or_else(|| self.usual_of(labels[0], labels[1]));
                new.get_mut(cell).into_iter().for_each(|held| *held = profile);
                old.get_mut(cell).into_iter().for_each(|held| *held = before.unwrap_or(u32::MAX));
            }
        }
        (new, old)
    }

    /// The placements of rules about few at a class of sources, each with its destination and the source's certainty.
    fn rules_at(&self, source: u32) -> Vec<(u32, u32, bool)> {
        let sources = &self.sides[0];
        let peers = sources.classes[source].peers.iter();
        let rules = peers.flat_map(|&(peer, certain)| sources.pairs_of[peer].iter().map(move |&rule| (rule, certain)));
        rules.map(|(rule, certain)| (rule, self.placements[rule].to, certain)).collect()
    }

    /// What a pair of classes is told, where these rules about few match it.
    fn profile(&mut self, source: u32, destination: u32, narrow: Vec<Heard>) -> u32 {
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
        let strangers = self.grounds.profile_with(ground, narrow.clone());
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

    /// Gives classes of one label that are told different things from here on labels of their own. `told` has for each
    /// class what it is told, and what it was told.
    fn part_labels(&mut self, side: usize, classes: &[u32], told: &[(Vec<u32>, Vec<u32>)]) -> Result<(), Why> {
        type Parts<'a> = BTreeMap<Option<&'a [u32]>, Vec<u32>>;
        let mut by_label: BTreeMap<Label, Parts<'_>> = BTreeMap::new();
        for (&class, (new, old)) in classes.iter().zip(told) {
            let key = (new != old).then_some(new.as_slice());
            by_label.entry(self.sides[side].classes[class].label).or_default().entry(key).or_default().push(class);
        }
        for (label, mut parts) in by_label {
            // What is told what it was told so far stays together with what nobody asks about.
            parts.remove(&None);
            let Some(all) = self.sides[side].under.get(&label) else { continue };
            let changed: usize = parts.values().map(Vec::len).sum();
            let mut parts: Vec<(usize, Vec<u32>)> =
                parts.into_values().map(|part| (self.weight_of(side, &part), part)).collect();
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
        let peer_of = |placement: u32| {
            let Placement { from, to, .. } = self.placements[placement];
            if side == 0 { to } else { from }
        };
        let mut peers: Vec<u32> = Vec::new();
        for &(peer, _) in &held.peers {
            peers.extend(here.pairs_of[peer].iter().map(|&placement| peer_of(placement)));
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
                let told = self.grounds.profile_with(ground, Vec::new());
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
