//! `seglab surface`: what can enter and leave each unit, before and after a change.

use super::{Context, to_json};
use crate::args::{self, TableFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use seglab_policy::{Design, View};
use seglab_reports::{Heading, Surface, SurfaceRow, collect, heading_text, surface_text};
use seglab_verify::Verifier;
use serde::Serialize;
use std::collections::BTreeMap;

/// Surfaces as JSON.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    heading: Heading,
    as_if_enforced: bool,
    surface: Surface,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Before>,
}

/// The design before a change.
#[derive(Serialize)]
struct Before {
    #[serde(flatten)]
    heading: Heading,
    surface: Surface,
}

pub(crate) fn run(args: &args::Surface, context: &mut Context) -> Result<Exit, Failure> {
    let paths: Vec<&String> = std::iter::once(&args.design.path).chain(&args.against).collect();
    let loaded = context.load_all(&paths)?;
    let mut surfaces = loaded.iter().map(|one| {
        let surface = of(&one.design, args.design.as_if_enforced, context);
        Before { heading: heading(&one.design, None), surface }
    });
    let Some(Before { heading, surface: after }) = surfaces.next() else { return Ok(Exit::Holds) };
    let before = surfaces.next();
    output::print(&match (args.format, &before) {
        (TableFormat::Text, None) => format!("{}\n{}", heading_text(&[heading]), surface_text(&after)),
        (TableFormat::Text, Some(before)) => {
            let headings = heading_text(&[before.heading.clone(), heading]);
            format!("{headings}\n{}", changes(&before.surface, &after))
        }
        (TableFormat::Json, _) => to_json(&Document {
            schema: "seglab/surface/v1",
            heading,
            as_if_enforced: args.design.as_if_enforced,
            surface: after,
            against: before,
        }),
    })?;
    Ok(Exit::Holds)
}

fn of(design: &Design, as_if_enforced: bool, context: &mut Context) -> Surface {
    let mut verifier = context.timings.phase("classes", || Verifier::new(design));
    let surfaces = context.timings.phase("surface", || verifier.surface(View::Policy, as_if_enforced));
    collect::surface(design, "policy", &surfaces)
}

/// The rows that differ, before and after.
fn changes(before: &Surface, after: &Surface) -> String {
    let rows = |surface: &Surface| -> BTreeMap<String, SurfaceRow> {
        surface.rows.iter().map(|row| (row.unit.clone(), row.clone())).collect()
    };
    let (old, new) = (rows(before), rows(after));
    let mut out = format!(
        "pairs of units that may connect: {} before, {} after\nunits entered from outside: {} before, {} after\nunits that reach outside: {} before, {} after\n",
        before.pairs_allowed, after.pairs_allowed, before.entered, after.entered, before.leaving, after.leaving
    );
    let units: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let row = |row: Option<&SurfaceRow>| {
        row.map_or_else(
            || "absent".to_owned(),
            |row| {
                let outside = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                format!(
                    "entries {} (from outside: {}), exits {} (to outside: {})",
                    row.entries,
                    outside(&row.entries_external),
                    row.exits,
                    outside(&row.exits_external)
                )
            },
        )
    };
    if old == new {
        out.push_str("\nno unit differs\n");
    }
    for unit in units {
        let (was, is) = (old.get(unit), new.get(unit));
        if was != is {
            out.push_str(&format!("\n{unit}\n  before  {}\n  after   {}\n", row(was), row(is)));
        }
    }
    out
}
