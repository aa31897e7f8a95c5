//! `seglab reach`: who may open which connections to whom.

use super::{Context, to_json};
use crate::args::{self, ReachFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_formats::{lab, text};
use seglab_policy::{AddressSet, Assume, Design, Peer, Side, Trust, View};
use seglab_verify::{End, Row, Verifier};
use serde::Serialize;

/// The connections as JSON.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
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
    let assume = Assume {
        as_if_enforced: args.design.as_if_enforced,
        trust,
        owned: Some(Side::Source),
        host_owned: false,
    };
    let from = filter(design, args.from.as_deref(), "--from")?;
    let to = filter(design, args.to.as_deref(), "--to")?;
    let view = View::from(args.view);
    let mut verifier = context.timings.phase("classes", || Verifier::new(design));
    context.timings.count("classes", verifier.classes().len());
    let rows = context.timings.phase("reach", || verifier.reach(assume, view));
    let entries: Vec<Entry> = rows
        .iter()
        .filter(|row| from.admits(design, &row.source) && to.admits(design, &row.destination))
        .map(entry)
        .collect();
    let text = context.timings.phase("render", || match args.format {
        ReachFormat::Csv => csv_of(&entries),
        ReachFormat::Text => text_of(&entries),
        ReachFormat::Json => to_json(&Document {
            schema: "seglab/reach/v1",
            design: design.name().to_owned(),
            view: view.to_string(),
            trust: trust.to_string(),
            as_if_enforced: assume.as_if_enforced,
            connections: entries,
        }),
    });
    output::print(&text)?;
    Ok(if rows.iter().any(|row| !row.unknown.is_empty()) { Exit::Undecided } else { Exit::Holds })
}
