//! `seglab generate`: large realistic designs to try things on.

use super::Context;
use crate::args::{self, GenerateFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading;
use crate::output;
use seglab_formats::{MAX_FILE_BYTES, lab};
use seglab_policy::{Design, count};
use seglab_scenarios::generate::{self, Settings};
use std::path::PathBuf;

pub(crate) fn run(args: &args::Generate, context: &mut Context) -> Result<Exit, Failure> {
    let settings = Settings { units: args.units, rules: args.rules, seed: args.seed };
    let wrong = |error: generate::SettingsError| Failure::usage(error.to_string(), "see `seglab generate --help`");
    let (files, what): (Vec<(PathBuf, String)>, String) = match args.to {
        GenerateFormat::Native => {
            let draft = context.timings.phase("generate", || generate::generate(&settings)).map_err(wrong)?;
            let design = Design::new(draft).map_err(|errors| {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                Failure::usage(format!("the generated design contradicts itself: {first}"), "try another seed")
            })?;
            let text = context.timings.phase("render", || lab::write(&design));
            let (units, rules) = (design.units().len() as u64, design.rules().count() as u64);
            let what = format!("{}, {}", count(units, "unit", "units"), count(rules, "rule", "rules"));
            (vec![(args.output.join("seglab.yaml"), text)], what)
        }
        GenerateFormat::Kubernetes => {
            let files = context.timings.phase("generate", || generate::to_kubernetes(&settings)).map_err(wrong)?;
            let nodes = generate::nodes(&settings).map_err(wrong)?;
            let pods = count((args.units - nodes).into(), "pod", "pods");
            let nodes = count(nodes.into(), "unit is a node", "units are nodes");
            let files = files.into_iter().map(|file| (args.output.join(file.path), file.text)).collect();
            (files, format!("{pods}; {nodes}, which no manifest declares"))
        }
    };
    let borrowed: Vec<(PathBuf, &[u8])> = files.iter().map(|(path, text)| (path.clone(), text.as_bytes())).collect();
    output::write_files(&borrowed)?;
    let largest = files.iter().map(|(_, text)| text.len()).max().unwrap_or_default();
    let too_large = (largest > MAX_FILE_BYTES)
        .then(|| format!("; one has {} MiB, and commands read files of up to {}", largest >> 20, MAX_FILE_BYTES >> 20));
    let (tool, files) = (heading::tool(false), count(files.len() as u64, "file", "files"));
    let made = format!("{} {} · seed {}", tool.name, tool.version, args.seed);
    output::print(&format!(
        "{made} · {files} in {}: {what}{}\n",
        args.output.display(),
        too_large.unwrap_or_default()
    ))?;
    Ok(Exit::Holds)
}
