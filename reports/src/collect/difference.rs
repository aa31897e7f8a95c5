//! From the verifier's difference to the data of a report: names for sets of units, witnesses with their rules, and
//! what made the difference.

mod party;

use super::{connection, heading, location, proof};
use crate::model::{self, Change, ChangeKind, ChangePath, Outcome, Responsible, Which};
use party::Namer;
use seglab_policy::{Assume, Design, Family, Trust, View};
use seglab_verify::difference::{
    Block, Difference, DirectChange, Ends, Judged, Kind, LateralChange, Mate, Obstacle, Path, Population, Standing,
    State, may_be_gain, may_be_loss,
};
use seglab_verify::{Attack, Hop, VerifyError};
use std::collections::BTreeMap;

/// What is asked about two designs.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Which headers count.
    pub view: View,
    /// Which enforcement still stands at the source of a direct connection.
    pub trust: Trust,
    /// Every point enforces, whatever its mode.
    pub as_if_enforced: bool,
    /// The attacks to compare laterally.
    pub attacks: Vec<Attack>,
    /// The most connections that an attack strings together.
    pub hops_max: Option<u32>,
    /// How many changes of each kind are listed in a section; all of them are counted.
    pub listed_max: usize,
}

/// Asks everything of a difference, and gives the changes names, witnesses and reasons.
///
/// # Errors
/// If a witness is not what the reference evaluator says: a defect of the tool.
pub fn difference(of: &mut Difference<'_>, asked: &Asked, tool: model::Tool) -> Result<model::Difference, VerifyError> {
    let [old, new] = of.designs();
    let namer = Namer::new(old, new, of.population());
    let mut sections = vec![direct(of, &namer, asked)?];
    for &attack in &asked.attacks {
        sections.push(lateral(of, &namer, asked, attack)?);
    }
    Ok(model::Difference {
        old: compared(old, &tool),
        new: compared(new, &tool),
        tool,
        command: None,
        population: population(of.population(), old, new),
        sections,
    })
}

fn compared(design: &Design, tool: &model::Tool) -> model::ComparedDesign {
    model::ComparedDesign {
        heading: heading(design, tool.clone(), None),
        commit: None,
        units: design.units().len() as u64,
        rules: design.rules().count() as u64,
    }
}

/// Who came, went and changed; replicas of one owner to which the same happened once.
fn population(of: &Population, old: &Design, new: &Design) -> model::PopulationChanges {
    type Alike = (Standing, String, Vec<model::ChangedFacet>);
    let mut groups: BTreeMap<Alike, (u64, Option<model::Location>)> = BTreeMap::new();
    for mate in of.changes() {
        let (design, unit) = match (mate.old, mate.new) {
            (_, Some(unit)) => (new, unit),
            (Some(unit), None) => (old, unit),
            (None, None) => continue,
        };
        let unit = design.unit(unit);
        // What differs in nothing that counts differs nevertheless.
        let standing = if mate.standing == Standing::Unchanged { Standing::Changed } else { mate.standing };
        let key = (standing, unit.display_name().to_owned(), facets(mate));
        let (units, _) = groups.entry(key).or_insert((0, location(design, unit.provenance.span)));
        *units += 1;
    }
    let mut changes = model::PopulationChanges::default();
    for ((standing, name, facets), (units, location)) in groups {
        let one = model::ChangedUnits { name, units, facets, location };
        match standing {
            Standing::Added => changes.added.push(one),
            Standing::Removed => changes.removed.push(one),
            Standing::Unchanged | Standing::Changed => changes.changed.push(one),
        }
    }
    let name = |at: usize| of.mates.get(at).map(|mate| mate.name.clone()).unwrap_or_default();
    let renamed = of.renamed.iter();
    changes.renamed =
        renamed.map(|&(before, after)| model::RenamedUnit { before: name(before), after: name(after) }).collect();
    let only = |of: &Design, other: &Design| -> Vec<String> {
        let names = of.external_sources().iter().map(|source| &source.name);
        let mut names: Vec<String> = names
            .filter(|name| !other.external_sources().iter().any(|source| source.name == **name))
            .cloned()
            .collect();
        names.sort();
        names
    };
    changes.sources_added = only(new, old);
    changes.sources_removed = only(old, new);
    changes
}

fn facets(mate: &Mate) -> Vec<model::ChangedFacet> {
    let facets = mate.facets.iter();
    facets
        .map(|facet| model::ChangedFacet {
            what: facet.facet.name().to_owned(),
            before: facet.before.clone(),
            after: facet.after.clone(),
        })
        .collect()
}

pub(super) fn kind(of: Kind) -> ChangeKind {
    match of {
        Kind::Gained => ChangeKind::Gained,
        Kind::Lost => ChangeKind::Lost,
        Kind::Reply => ChangeKind::Reply,
        Kind::BecameUnknown => ChangeKind::BecameUnknown,
        Kind::NoLongerUnknown => ChangeKind::NoLongerUnknown,
        Kind::StillUnknown => ChangeKind::StillUnknown,
    }
}

/// A section with all of its changes counted, and the first few of each kind to be listed; changes come kind by kind.
fn counted<T>(
    changes: Vec<T>,
    of: impl Fn(&T) -> (State, State, u64),
    listed_max: usize,
) -> (model::DifferenceSection, Vec<T>) {
    let mut counts: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
    let mut section = model::DifferenceSection::default();
    let mut listed = Vec::new();
    for change in changes {
        let (was, is, pairs) = of(&change);
        let kind = Kind::of(was, is);
        let (number, all) = counts.entry(kind).or_default();
        *number += 1;
        *all += pairs;
        section.undecided_gains += u64::from(kind.is_unknown() && may_be_gain(was, is));
        section.undecided_losses += u64::from(kind.is_unknown() && may_be_loss(was, is));
        if *number <= listed_max as u64 { listed.push(change) } else { section.unlisted += 1 }
    }
    let counts = counts.into_iter();
    section.counts = counts.map(|(of, (changes, pairs))| model::KindCount { kind: kind(of), changes, pairs }).collect();
    (section, listed)
}

fn direct(of: &mut Difference<'_>, namer: &Namer<'_>, asked: &Asked) -> Result<model::DifferenceSection, VerifyError> {
    let assume = Assume { as_if_enforced: asked.as_if_enforced, ..Assume::attack(asked.trust) };
    let changes = of.direct(assume, asked.view);
    let states = |change: &DirectChange| (change.was, change.is, change.block.pairs);
    let (section, changes) = counted(changes, states, asked.listed_max);
    let changes = changes.iter().map(|change| direct_change(of, namer, change, assume, asked.view));
    Ok(model::DifferenceSection {
        relation: "direct".to_owned(),
        view: asked.view.to_string(),
        pivot: None,
        trust: asked.trust.to_string(),
        hops_max: None,
        as_if_enforced: asked.as_if_enforced,
        changes: changes.collect::<Result<_, _>>()?,
        ..section
    })
}

fn direct_change(
    of: &mut Difference<'_>,
    namer: &Namer<'_>,
    change: &DirectChange,
    assume: Assume,
    view: View,
) -> Result<Change, VerifyError> {
    let witness = of.witness(change, assume, view)?;
    let [old, new] = of.designs();
    let (before, after) = (hop_of(old, witness.before.as_ref()), hop_of(new, witness.after.as_ref()));
    let state = |state: State| match state {
        State::Denied => "denied",
        State::Unknown => "unknown",
        State::OneWay => "one-way",
        State::ReplyUnknown => "allowed, reply unknown",
        State::Allowed => "allowed",
    };
    let absent = [(&before, Which::Old), (&after, Which::New)].into_iter().find(|(hop, _)| hop.is_none());
    let remark =
        absent.map(|(_, which)| format!("in the {which} design an end is absent, or has no address of the family"));
    Ok(Change {
        kind: kind(Kind::of(change.was, change.is)),
        was: state(change.was).to_owned(),
        is: state(change.is).to_owned(),
        connections: Some(change.headers.display(&change.families, &seglab_verify::HeaderSet::empty()).to_string()),
        families: match families(of, &change.block) {
            common if common == change.families => Vec::new(),
            _ => change.families.iter().map(Family::to_string).collect(),
        },
        responsible: responsible(before.as_ref(), after.as_ref()),
        remark,
        before,
        after,
        ..named(namer, &change.block)
    })
}

/// The address families in which the two sides of a block may have connections, in either design.
fn families(of: &Difference<'_>, block: &Block) -> Vec<Family> {
    let designs = of.designs();
    let has = |ends: &Ends, family: Family| match ends {
        Ends::External(addresses) => addresses.ranges().any(|(first, _)| Family::of(first) == family),
        Ends::Sources(_) => true,
        Ends::Units(units) => units.iter().filter_map(|&at| of.population().mates.get(at)).any(|mate| {
            designs.into_iter().zip([mate.old, mate.new]).any(|(design, unit)| {
                let interfaces = unit.map(|unit| design.unit(unit).interfaces.iter());
                interfaces.into_iter().flatten().any(|interface| interface.family() == family)
            })
        }),
    };
    let both = |family: &Family| has(&block.sources, *family) && has(&block.destinations, *family);
    Family::ALL.into_iter().filter(both).collect()
}

/// A judged connection, with what the view has to say.
fn hop_of(design: &Design, judged: Option<&Judged>) -> Option<model::Hop> {
    let judged = judged?;
    let mut hop = connection::hop(design, &judged.connection, &judged.evaluation);
    if judged.unheard {
        hop.outcome = Outcome::Denied;
        hop.remark = Some("nothing listens there, so it does not count in the service view".to_owned());
    }
    Some(hop)
}

/// A change with its parties, and nothing else yet.
fn named(namer: &Namer<'_>, block: &Block) -> Change {
    let [source, destination] = block.standings;
    let touches = [("source", source), ("destination", destination)].into_iter().filter_map(|(end, standing)| {
        let what = match standing {
            Standing::Unchanged => return None,
            Standing::Changed => "changed",
            Standing::Added => "added",
            Standing::Removed => "removed",
        };
        Some(format!("{end} {what}"))
    });
    Change {
        kind: ChangeKind::StillUnknown,
        was: String::new(),
        is: String::new(),
        from: party(namer, &block.sources),
        to: party(namer, &block.destinations),
        connections: None,
        families: Vec::new(),
        pairs: block.pairs,
        touches: touches.collect(),
        responsible: Vec::new(),
        remark: None,
        before: None,
        after: None,
        path: None,
    }
}

fn party(namer: &Namer<'_>, ends: &Ends) -> model::Party {
    match ends {
        Ends::Units(units) => namer.party(units),
        Ends::External(addresses) => namer.outside(addresses),
        Ends::Sources(names) => model::Party { name: names.join(", "), ..model::Party::default() },
    }
}

/// The deciders by which two judgements of one connection differ: of each design those that count and that the other
/// has not, or has with another outcome. Where a connection is stopped, who would have let it through says nothing.
fn responsible(before: Option<&model::Hop>, after: Option<&model::Hop>) -> Vec<Responsible> {
    let of = |hop: Option<&model::Hop>, other: Option<&model::Hop>, design: Which| -> Vec<Responsible> {
        let deciders = hop.into_iter().flat_map(|hop| &hop.deciders).filter(|decider| decider.stands);
        deciders
            .filter(|decider| {
                let same = other.into_iter().flat_map(|other| &other.deciders).find(|other| {
                    (&other.point, &other.direction, other.reply) == (&decider.point, &decider.direction, decider.reply)
                });
                same.is_none_or(|same| !same.stands || same.outcome != decider.outcome)
            })
            .filter(|decider| {
                let stopped = hop.is_some_and(|hop| hop.outcome == Outcome::Denied);
                !stopped || decider.outcome != Outcome::Allowed
            })
            .map(|decider| Responsible { design, decider: decider.clone() })
            .collect()
    };
    let mut all = of(after, before, Which::New);
    all.extend(of(before, after, Which::Old));
    all
}

fn lateral(
    of: &mut Difference<'_>,
    namer: &Namer<'_>,
    asked: &Asked,
    attack: Attack,
) -> Result<model::DifferenceSection, VerifyError> {
    let changes = of.lateral(attack, asked.hops_max);
    let states = |change: &LateralChange| (change.was, change.is, change.block.pairs);
    let (section, changes) = counted(changes, states, asked.listed_max);
    let changes = changes.iter().map(|change| lateral_change(of, namer, change, attack, asked.hops_max));
    let changes = changes.collect::<Result<_, _>>()?;
    Ok(model::DifferenceSection {
        relation: "lateral".to_owned(),
        view: attack.view.to_string(),
        pivot: Some(attack.pivot.to_string()),
        trust: attack.trust.to_string(),
        hops_max: asked.hops_max,
        as_if_enforced: attack.as_if_enforced,
        changes,
        ..section
    })
}

fn lateral_change(
    of: &mut Difference<'_>,
    namer: &Namer<'_>,
    change: &LateralChange,
    attack: Attack,
    hops_max: Option<u32>,
) -> Result<Change, VerifyError> {
    let path = of.path(change, attack, hops_max)?;
    let [old, new] = of.designs();
    let (design, other, which, other_which) = match path.in_new {
        true => (new, old, Which::New, Which::Old),
        false => (old, new, Which::Old, Which::New),
    };
    let state = |state: State| match state {
        State::Denied => "out of reach",
        State::Unknown => "unknown",
        State::OneWay | State::ReplyUnknown | State::Allowed => "reached",
    };
    let (there, remark) = stopped(design, other, other_which, &path);
    let stopped_at = path.stopped.as_ref().map(|(at, _)| *at);
    let hops: Vec<model::Hop> = path.hops.iter().map(|hop| proof::hop(design, hop)).collect();
    let here = stopped_at.and_then(|at| hops.get(at)).cloned();
    let (before, after) = if path.in_new { (there, here) } else { (here, there) };
    Ok(Change {
        kind: kind(Kind::of(change.was, change.is)),
        was: state(change.was).to_owned(),
        is: state(change.is).to_owned(),
        responsible: if stopped_at.is_some() { responsible(before.as_ref(), after.as_ref()) } else { Vec::new() },
        remark,
        before,
        after,
        path: Some(ChangePath {
            design: which,
            stopped_at: stopped_at.map(|at| at as u64 + 1),
            passes: passes(of.population(), design, &path),
            hops,
        }),
        ..named(namer, &change.block)
    })
}

/// The step that the other design does not allow, as it is there, and what is to be said about it.
fn stopped(design: &Design, other: &Design, which: Which, path: &Path) -> (Option<model::Hop>, Option<String>) {
    let Some((at, obstacle)) = &path.stopped else { return (None, None) };
    let names = path.hops.get(*at).map(|hop| match hop {
        Hop::Host { host, guest } => [design.unit(*host).name.clone(), design.unit(*guest).name.clone()],
        Hop::Connection { connection, .. } => {
            [connection.source, connection.destination].map(|end| design.endpoint_name(end))
        }
    });
    let [from, to] = names.unwrap_or_default();
    match obstacle {
        Obstacle::Connection(judged) => (hop_of(other, Some(judged)), None),
        Obstacle::Useless(judged) => {
            let remark =
                format!("in the {which} design the connection arrives, and nothing at {to} lets an attacker in");
            (hop_of(other, Some(judged)), Some(remark))
        }
        Obstacle::Absent(name) => (None, Some(format!("{name} is not in the {which} design"))),
        Obstacle::NotHosted => (None, Some(format!("{to} does not run on {from} in the {which} design"))),
        Obstacle::NoCredential(name) => {
            (None, Some(format!("the credential {name} is not where it is found, in the {which} design")))
        }
    }
}

/// The units between the ends of a path that are not what they were.
fn passes(population: &Population, design: &Design, path: &Path) -> Vec<String> {
    let units: Vec<&str> = path
        .hops
        .iter()
        .flat_map(|hop| match hop {
            Hop::Host { host, guest } => [Some(*host), Some(*guest)],
            Hop::Connection { connection, .. } => [connection.source.unit(), connection.destination.unit()],
        })
        .flatten()
        .map(|unit| design.unit(unit).name.as_str())
        .collect();
    let ends = [units.first(), units.last()];
    let standing = |name: &str| {
        let at = population.mates.binary_search_by(|mate| mate.name.as_str().cmp(name)).ok()?;
        population.mates.get(at).map(|mate| mate.standing)
    };
    let mut passed: Vec<String> = units
        .iter()
        .filter(|name| !ends.contains(&Some(name)))
        .filter(|name| standing(name).is_some_and(|standing| standing != Standing::Unchanged))
        .map(|name| (*name).to_owned())
        .collect();
    passed.sort();
    passed.dedup();
    passed
}
