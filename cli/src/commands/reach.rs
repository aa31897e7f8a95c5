//! `seglab reach`: who may open which connections to whom.

use super::{Context, to_json};
use crate::args::{self, ReachFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_formats::{lab, text};
use seglab_policy::{AddressSet, Assume, Design, Endpoint, Peer, Side, Trust, UnitId, View};
use seglab_reports::{Input, collect};
use seglab_verify::{Attack, End, Row, Verifier};
use serde::Serialize;
use std::collections::BTreeMap;

/// The connections as JSON.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    version: &'static str,
    inputs: Vec<Input>,
    design: String,
    view: String,
    trust: String,
    as_if_enforced: bool,
    connections: Vec<Entry>,
}

/// The connections from one end to another.
#[derive(Serialize)]
struct Entry {
    source: String,
    destination: String,
    /// What certainly arrives; empty for nothing.
    connections: String,
    /// What may arrive; empty where nothing is unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    unknown: String,
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
    let entries: Vec<Entry> = context.timings.phase("reach", || {
        let rows = verifier.reach(assume, view);
        // What the replicas of one owner can open to each other is no news about the owner.
        rows.filter(|row| row.source != row.destination)
            .filter(|row| from.admits(design, &row.source) && to.admits(design, &row.destination))
            .map(|row| entry(&row))
            .collect()
    });
    let undecided = entries.iter().any(|entry| !entry.unknown.is_empty());
    let text = context.timings.phase("render", || match args.format {
        ReachFormat::Csv => csv_of(&entries),
        ReachFormat::Text => text_of(&entries),
        ReachFormat::Json => to_json(&Document {
            schema: "seglab/reach/v1",
            version: env!("CARGO_PKG_VERSION"),
            inputs: collect::inputs(design),
            design: design.name().to_owned(),
            view: view.to_string(),
            trust: trust.to_string(),
            as_if_enforced: assume.as_if_enforced,
            connections: entries,
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
    }
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
    version: &'static str,
    inputs: Vec<Input>,
    design: String,
    pivot: String,
    view: String,
    trust: String,
    as_if_enforced: bool,
    closures: Vec<Closure>,
}

/// What an attacker who owns one unit can own.
#[derive(Serialize)]
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
    let name = |unit: UnitId| End::Units(design.unit(unit).display_name().to_owned());
    let mut closures: BTreeMap<(String, BTreeMap<String, usize>), Closure> = BTreeMap::new();
    context.timings.phase("closure", || {
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
    });
    let closures: Vec<Closure> = closures.into_values().collect();
    let undecided = closures.iter().any(|closure| closure.uncertain > 0);
    output::print(&match args.format {
        ReachFormat::Json => to_json(&LateralDocument {
            schema: "seglab/reach-lateral/v1",
            version: env!("CARGO_PKG_VERSION"),
            inputs: collect::inputs(design),
            design: design.name().to_owned(),
            pivot: attack.pivot.to_string(),
            view: attack.view.to_string(),
            trust: attack.trust.to_string(),
            as_if_enforced: attack.as_if_enforced,
            closures,
        }),
        ReachFormat::Csv => lateral_csv(&closures),
        ReachFormat::Text => lateral_text(&closures, attack),
    })?;
    Ok(if undecided { Exit::Undecided } else { Exit::Holds })
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
    let mut out = format!("pivot {}, {} view, trust {}\n", attack.pivot, attack.view, attack.trust);
    for closure in closures {
        let doubt = if closure.uncertain > 0 { format!(", {} more may", closure.uncertain) } else { String::new() };
        out.push_str(&format!("\n{}: {} units fall, itself included{doubt}\n", closure.source, closure.units));
        for (name, units) in &closure.reached {
            let times = if *units > 1 { format!(" x {units}") } else { String::new() };
            out.push_str(&format!("  {name}{times}\n"));
        }
    }
    out
}
