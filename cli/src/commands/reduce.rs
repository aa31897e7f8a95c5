//! `seglab reduce`: what the chunks of a simulation give together.
//!
//! A chunk's file says which design was simulated, by the SHA-256 of what was read, and which version of this program played
//! it, for another one may draw otherwise.

use super::{Context, campaign};
use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::tool;
use crate::output;
use seglab_reports::Heading;
use seglab_sim::models::{Part, ReduceError};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A chunk as a file has it.
#[derive(Serialize, Deserialize)]
struct File {
    schema: String,
    #[serde(flatten)]
    heading: Heading,
    part: Part,
}

const SCHEMA: &str = "seglab/chunk/v1";

/// Writes a chunk.
pub(super) fn write(path: &Path, heading: Heading, part: Part) -> Result<(), Failure> {
    let file = File { schema: SCHEMA.to_owned(), heading, part };
    let bytes = serde_json::to_vec(&file).map_err(|error| {
        Failure::usage(format!("chunk {} cannot be written as JSON: {error}", file.part.chunk), "please report it")
    })?;
    output::write_file(path, &bytes)
}

fn read(path: &Path) -> Result<File, Failure> {
    let (name, help) = (path.display(), "name files that `seglab simulate --chunk I/N -o FILE` wrote");
    let bytes = std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read `{name}`: {error}"), help))?;
    // What another version wrote may look otherwise.
    #[derive(Deserialize)]
    struct Made {
        schema: String,
        #[serde(flatten)]
        heading: Heading,
    }
    let wrong = |error: serde_json::Error| {
        let place = format!("{name}:{}:{}", error.line(), error.column());
        Failure::usage(format!("{place}: this is no whole chunk: {error}"), help)
    };
    let made: Made = serde_json::from_slice(&bytes).map_err(wrong)?;
    if made.schema != SCHEMA {
        return Err(Failure::usage(format!("`{name}` is `{}`, not `{SCHEMA}`", made.schema), help));
    }
    let (theirs, ours) = (made.heading.tool.version, tool(false).version);
    if theirs != ours {
        let help = "reduce with the version that played the chunks, or play them again";
        return Err(Failure::usage(format!("`{name}` was played by seglab {theirs}, and this is {ours}"), help));
    }
    serde_json::from_slice(&bytes).map_err(wrong)
}

pub(crate) fn run(args: &args::Reduce, context: &mut Context) -> Result<Exit, Failure> {
    let name = |at: usize| args.files.get(at).map_or_else(String::new, |path| format!("`{}`", path.display()));
    let mut heading: Option<Heading> = None;
    let mut parts = Vec::with_capacity(args.files.len());
    for (at, path) in args.files.iter().enumerate() {
        let file = context.timings.phase("parse", || read(path))?;
        if *heading.get_or_insert_with(|| file.heading.clone()) != file.heading {
            return Err(other_campaign(&name(0), &name(at)));
        }
        parts.push(file.part);
    }
    let result = context.timings.phase("reduce", || Part::reduce(parts)).map_err(|error| match error {
        ReduceError::OtherCampaign { first, other } => other_campaign(&name(first), &name(other)),
        ReduceError::Doubled { chunk, first, other } => {
            let message = format!("{} and {} are both chunk {chunk}", name(first), name(other));
            Failure::usage(message, "leave one of them out")
        }
        ReduceError::Missing(_) => {
            Failure::usage(error.to_string(), "play what is missing with `seglab simulate --chunk I/N -o FILE`")
        }
        ReduceError::Replicas(at) => {
            Failure::usage(format!("{} does not have the replicas of its chunk", name(at)), "play it again")
        }
        ReduceError::NoParts => Failure::usage(error.to_string(), "see `seglab reduce --help`"),
    })?;
    match heading {
        Some(heading) => campaign::show(heading, &result, args.format),
        None => Err(Failure::usage("there is no chunk", "see `seglab reduce --help`")),
    }
}

fn other_campaign(first: &str, other: &str) -> Failure {
    Failure::usage(
        format!("{first} and {other} are chunks of different simulations"),
        "simulate every chunk of the same files, with the same options",
    )
}
