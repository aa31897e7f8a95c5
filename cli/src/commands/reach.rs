//! `seglab reach`: who may open which connections to whom.

use super::otherwise::Otherwise;
use super::{Context, to_json};
use crate::args::{self, ReachFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use seglab_formats::{lab, text};
use seglab_policy::{AddressSet, Assume, Design, Endpoint, Peer, Side, Trust, UnitId, View, count};
use seglab_reports::collect::Outside;
use seglab_reports::{Heading, heading_text};
use seglab_verify::{Attack, End, Row, Verifier};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The connections as JSON.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    view: String,
    trust: String,
    as_if_enforced: bool,
    connections: Vec<Entry>,
    /// The rows that differ the other way of a choice, as they are then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Otherwise<Entry>>,
}

/// The connections from one end to another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Entry {
    source: String,
    destination: String,
    /// What certainly arrives; empty for nothing.
    connections: String,
    /// What may arrive; empty where nothing is unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    unknown: String,
    /// True if one of the ends is a range of external addresses.
    #[serde(skip)]
    external: bool,
}

impl Entry {
    fn ends(&self) -> (&str, &str) {
        (&self.source, &self.destination)
    }

    /// The same ends, and nothing between them.
    fn emptied(&self) -> Self {
        Self { connections: String::new(), unknown: String::new(), ..self.clone() }
    }
}

pub(crate) fn run(args: &args::Reach, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let design = &loaded.design;
    let trust = Trust::from(args.trust);
    let assume =
        Assume { as_if_enforced: args.design.as_if_enforced, trust, owned: Some(Side::Source), host_owned: false };
    let from = filter(design, args.from.as_deref(), "--from")?;
    let to = filter(design, args.to.as_deref(), "--to")?;
    let view = View::from(args.view);
    if let Some(pivot) = args.lateral {
        return lateral(
            args,
            design,
            Attack { pivot: pivot.into(), view, trust, as_if_enforced: assume.as_if_enforced },
            context,
        );
    }
    let mut verifier = context.timings.phase("classes", || Verifier::new(design));
    context.timings.count("classes", verifier.classes().len());
    // What the replicas of one owner can open to each other is no news about the owner.
    let asked = |row: &Row| {
        row.source != row.destination && from.admits(design, &row.source) && to.admits(design, &row.destination)
    };
    let rows: Vec<Row> = context.timings.phase("reach", || verifier.reach(assume, view).filter(asked).collect());
    let entries: Vec<Entry> = rows.iter().map(entry).collect();
    let choices = context.timings.phase("choices", || {
        Otherwise::of(design, |other| {
            let theirs: Vec<Entry> =
                Verifier::new(other).reach(assume, view).filter(asked).map(|row| entry(&row)).collect();
            differing(&entries, &theirs)
        })
    });
    let undecided = entries.iter().any(|entry| !entry.unknown.is_empty());
    if args.format != ReachFormat::Json {
        context.note_choices(&choices, "row", "rows");
    }
    let text = context.timings.phase("render", || match args.format {
        ReachFormat::Csv => csv_of(&entries),
        ReachFormat::Text => {
            let modes = if assume.as_if_enforced { ", every point as if it enforced" } else { "" };
            let heading = heading_text(&[heading(design, None)]);
            format!("{heading}asked: {view} view, trust {trust}{modes}\n\n{}", text_of(&named(design, &rows, entries)))
        }
        ReachFormat::Json => to_json(&Document {
            schema: "seglab/reach/v1",
            heading: heading(design, None),
            view: view.to_string(),
            trust: trust.to_string(),
            as_if_enforced: assume.as_if_enforced,
            connections: entries,
            choices,
        }),
    });
    output::print(&text)?;
    Ok(if undecided { Exit::Undecided } else { Exit::Holds })
}

/// What `--from` or `--to` leaves.
enum Filter {
    Everything,
    Peer(Peer),
}

fn filter(design: &Design, text: Option<&str>, option: &str) -> Result<Filter, Failure> {
    let Some(text) = text else { return Ok(Filter::Everything) };
    let peer = text::peer(text, &lab::vocabulary(design)).map_err(|error| {
        Failure::usage(
            format!("`{option} {text}`: {}", error.message),
            error.help.unwrap_or_else(|| "name a unit, segment, selector or address range".to_owned()),
        )
    })?;
    Ok(match peer {
        Peer::Anyone => Filter::Everything,
        peer => Filter::Peer(peer),
    })
}

impl Filter {
    /// True if at least one endpoint of a row's end is meant.
    fn admits(&self, design: &Design, end: &End) -> bool {
        match (self, end) {
            (Filter::Everything, _) => true,
            (Filter::Peer(Peer::Units(selector)), End::Units(name)) => {
                let units = design.units().iter().filter(|unit| unit.display_name() == name);
                units.into_iter().any(|unit| selector.matches(unit))
            }
            (Filter::Peer(Peer::Units(selector)), End::Source(name)) => {
                let sources = design.external_sources().iter().filter(|source| source.name == *name);
                sources.into_iter().any(|source| selector.matches_source(source))
            }
            (Filter::Peer(Peer::Addresses { set, .. }), End::External(first, last)) => {
                !set.intersection(&AddressSet::from_range(*first, *last)).is_empty()
            }
            (Filter::Peer(_), _) => false,
        }
    }
}

fn entry(row: &Row) -> Entry {
    let name = |end: &End| match end {
        // One form for all ranges, so that a reader needs no second rule for a single address.
        End::External(first, last) => format!("{first}-{last}"),
        End::Units(_) | End::Source(_) => end.to_string(),
    };
    Entry {
        source: name(&row.source),
        destination: name(&row.destination),
        connections: row.connections(),
        unknown: row.unknown_connections(),
        external: [&row.source, &row.destination].into_iter().any(|end| matches!(end, End::External(..))),
    }
}

/// The rows between units and named sources that are not the same the other way, as they are then: empty ones for what is
/// no longer possible. Ranges match external addresses either way.
fn differing(ours: &[Entry], theirs: &[Entry]) -> Vec<Entry> {
    let inside = |all: &'_ [Entry]| all.iter().filter(|entry| !entry.external).cloned().collect::<BTreeSet<_>>();
    let (ours, theirs) = (inside(ours), inside(theirs));
    let ends: BTreeSet<(&str, &str)> = theirs.iter().map(Entry::ends).collect();
    let gone = ours.iter().filter(|entry| !ends.contains(&entry.ends())).map(Entry::emptied);
    let mut differing: Vec<Entry> = theirs.difference(&ours).cloned().chain(gone).collect();
    differing.sort();
    differing
}

/// What is alike but for the range of external addresses at one end.
struct Alike {
    entries: Vec<Entry>,
    ranges: Vec<(IpAddr, IpAddr)>,
    inward: bool,
}

/// For people: external ranges that are together a named set, `internet` say, as one entry. Machines get the ranges.
fn named(design: &Design, rows: &[Row], entries: Vec<Entry>) -> Vec<Entry> {
    let outside = Outside::new(design);
    let range = |end: &End| match end {
        End::External(first, last) => Some((*first, *last)),
        End::Units(_) | End::Source(_) => None,
    };
    // In the order of the first of each.
    let mut groups: Vec<Alike> = Vec::new();
    let mut found = BTreeMap::new();
    for (row, entry) in rows.iter().zip(entries) {
        let (inward, ranges) = (range(&row.source), range(&row.source).or(range(&row.destination)));
        let name = |external: bool, name: &str| (!external).then(|| name.to_owned());
        let ends = (name(inward.is_some(), &entry.source), name(range(&row.destination).is_some(), &entry.destination));
        let at = *found.entry((ends, entry.connections.clone(), entry.unknown.clone())).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Alike { entries: Vec::new(), ranges: Vec::new(), inward: inward.is_some() });
        }
        if let Some(alike) = groups.get_mut(at) {
            alike.entries.push(entry);
            alike.ranges.extend(ranges);
        }
    }
    let name = |alike: Alike| {
        let Alike { mut entries, ranges, inward } = alike;
        let name = outside.name(&AddressSet::from_ranges(ranges.iter().copied()));
        if let (Some(name), Some(first)) = (name, entries.first_mut()) {
            *(if inward { &mut first.source } else { &mut first.destination }) = name;
            entries.truncate(1);
            return entries;
        }
        for (entry, (address, _)) in entries.iter_mut().zip(&ranges).filter(|(_, (first, last))| first == last) {
            *(if inward { &mut entry.source } else { &mut entry.destination }) = address.to_string();
        }
        entries
    };
    groups.into_iter().flat_map(name).collect()
}

/// RFC 4180, certain connections only; what is unknown is told by the exit code and by the other formats.
fn csv_of(entries: &[Entry]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let certain = entries.iter().filter(|entry| !entry.connections.is_empty());
    // Writing to memory cannot fail.
    let _ = writer.write_record(["source", "destination", "connections"]);
    for entry in certain {
        let _ = writer.write_record([&entry.source, &entry.destination, &entry.connections]);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn text_of(entries: &[Entry]) -> String {
    let width = |of: fn(&Entry) -> &str| entries.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0);
    let (from, to) = (width(|entry| &entry.source), width(|entry| &entry.destination));
    let line = |entry: &Entry| {
        let unknown = if entry.unknown.is_empty() { String::new() } else { format!("  unknown: {}", entry.unknown) };
        format!("{:from$}  ->  {:to$}  {}{unknown}\n", entry.source, entry.destination, entry.connections)
    };
    entries.iter().map(line).collect()
}

/// What falls with each unit: the closure under a pivot model.
#[derive(Serialize)]
struct LateralDocument {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    pivot: String,
    view: String,
    trust: String,
    as_if_enforced: bool,
    closures: Vec<Closure>,
    /// The closures that differ the other way of a choice, as they are then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Otherwise<Closure>>,
}

/// What an attacker who owns one unit can own.
#[derive(PartialEq, Serialize)]
struct Closure {
    source: String,
    /// How many units certainly fall, the source included.
    units: usize,
    /// How many more may fall, by what is not known.
    uncertain: usize,
    /// What falls, replicas under their owner with their number.
    reached: BTreeMap<String, usize>,
}

/// `--lateral`: for each source, and for replicas of an owner that agree once for all of them, what falls with it.
fn lateral(args: &args::Reach, design: &Design, attack: Attack, context: &mut Context) -> Result<Exit, Failure> {
    let from = filter(design, args.from.as_deref(), "--from")?;
    let to = filter(design, args.to.as_deref(), "--to")?;
    let mut verifier = context.timings.phase("classes", || Verifier::new(design));
    context.timings.count("classes", verifier.classes().len());
    let closures = context.timings.phase("closure", || closures(design, &mut verifier, attack, &from, &to));
    let choices = context.timings.phase("choices", || {
        Otherwise::of(design, |other| {
            let mut theirs = self::closures(other, &mut Verifier::new(other), attack, &from, &to);
            theirs.retain(|closure| !closures.contains(closure));
            theirs
        })
    });
    if args.format != ReachFormat::Json {
        context.note_choices(&choices, "closure", "closures");
    }
    let undecided = closures.iter().any(|closure| closure.uncertain > 0);
    output::print(&match args.format {
        ReachFormat::Json => to_json(&LateralDocument {
            schema: "seglab/reach-lateral/v1",
            heading: heading(design, None),
            pivot: attack.pivot.to_string(),
            view: attack.view.to_string(),
            trust: attack.trust.to_string(),
            as_if_enforced: attack.as_if_enforced,
            closures,
            choices,
        }),
        ReachFormat::Csv => lateral_csv(&closures),
        ReachFormat::Text => {
            format!("{}{}", heading_text(&[heading(design, None)]), lateral_text(&closures, attack))
        }
    })?;
    Ok(if undecided { Exit::Undecided } else { Exit::Holds })
}

fn closures(design: &Design, verifier: &mut Verifier<'_>, attack: Attack, from: &Filter, to: &Filter) -> Vec<Closure> {
    let name = |unit: UnitId| End::Units(design.unit(unit).display_name().to_owned());
    let mut closures: BTreeMap<(String, BTreeMap<String, usize>), Closure> = BTreeMap::new();
    for start in design.unit_ids().filter(|&unit| from.admits(design, &name(unit))) {
        let owned = verifier.owned(Endpoint::Unit { unit: start, interface: 0 }, attack, None);
        let mut reached = BTreeMap::new();
        for &unit in owned.certainly.iter().filter(|&&unit| unit != start && to.admits(design, &name(unit))) {
            *reached.entry(design.unit(unit).display_name().to_owned()).or_default() += 1;
        }
        let source = design.unit(start).display_name().to_owned();
        let uncertain = owned.possibly.len() - owned.certainly.len();
        closures.entry((source.clone(), reached.clone())).or_insert(Closure {
            source,
            units: owned.certainly.len(),
            uncertain,
            reached,
        });
    }
    closures.into_values().collect()
}

fn lateral_csv(closures: &[Closure]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(["source", "destination", "units"]);
    for closure in closures {
        for (destination, units) in &closure.reached {
            let _ = writer.write_record([&closure.source, destination, &units.to_string()]);
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn lateral_text(closures: &[Closure], attack: Attack) -> String {
    let mut out = format!("asked: pivot {}, {} view, trust {}\n", attack.pivot, attack.view, attack.trust);
    for closure in closures {
        let doubt = if closure.uncertain > 0 { format!(", {} more may", closure.uncertain) } else { String::new() };
        out.push_str(&format!(
            "\n{}: {}, itself included{doubt}\n",
            closure.source,
            count(closure.units as u64, "unit falls", "units fall")
        ));
        for (name, units) in &closure.reached {
            let times = if *units > 1 { format!(" x {units}") } else { String::new() };
            out.push_str(&format!("  {name}{times}\n"));
        }
    }
    out
}
