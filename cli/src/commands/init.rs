//! `seglab init`: a commented lab file beside manifests that exist.

use super::Context;
use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use seglab_policy::{Claim, Design, NAMESPACE_KEY, Peer, Property};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

pub(crate) fn run(args: &args::Init, context: &mut Context) -> Result<Exit, Failure> {
    let target = args.output.clone().unwrap_or_else(|| args.folder.join(seglab_formats::lab::FILE_NAME));
    if target.exists() {
        return Err(Failure::usage(
            format!("`{}` exists already", target.display()),
            "delete it first, or name another file with `-o`",
        ));
    }
    let loaded = context.load(&args.folder.to_string_lossy())?;
    let text = lab_file(&loaded.design, &args.folder, &source_of(&args.folder, &target)?);
    output::write_file(&target, text.as_bytes())?;
    output::print(&format!("{}: now `seglab verify {}`\n", target.display(), target.display()))?;
    Ok(Exit::Holds)
}

/// The manifests' path as the lab file has to write it.
fn source_of(folder: &Path, target: &Path) -> Result<String, Failure> {
    let beside = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if beside == folder {
        return Ok(".".to_owned());
    }
    let whole = std::path::absolute(folder).map_err(|error| Failure::Write { path: target.to_owned(), error })?;
    let from = std::path::absolute(beside).map_err(|error| Failure::Write { path: target.to_owned(), error })?;
    let inside = whole.strip_prefix(&from).map(Path::to_path_buf);
    Ok(inside.unwrap_or(whole).to_string_lossy().into_owned())
}

fn lab_file(design: &Design, folder: &Path, source: &str) -> String {
    let name = folder.file_name().map_or_else(|| "design".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut out = format!(
        "# A lab file: `seglab verify` checks it, `seglab report` shows it, `seglab schema` describes every key.\n\
         seglab: 1\nname: {name:?}\n\
         sources:\n  - kubernetes:\n      path: {source:?}\n\
         \x20     # Whom the network plug-in takes the `ipBlock` of a NetworkPolicy to speak of: `external`, never pods\n\
         \x20     # (Cilium), or `all`, pods by their addresses too (Calico). `seglab verify` lists the verdicts that\n\
         \x20     # hang on it.\n\
         \x20     ip-blocks: external\n\
         \x20     # The range that the cluster draws its pods' addresses within: which `ipBlock` holds them.\n\
         \x20     # pod-addresses: 10.244.0.0/16\n"
    );
    out.push_str("\n# Named groups of units. Properties and needs below may use the names.\nsegments:\n");
    for namespace in namespaces(design) {
        let _ = writeln!(out, "  {:?}: {:?}", format!("ns-{namespace}"), format!("namespace={namespace}"));
    }
    out.push_str(
        "\n# What must never be possible. The first claims are those that `seglab verify` makes of manifests without a lab\n\
         # file: what is violated today stays red until the policy or the claim is changed.\nproperties:\n",
    );
    for property in design.properties() {
        let _ = writeln!(out, "  - {}", claim(property));
    }
    out.push_str(
        "  # - isolated: {from: ns-dev, to: ns-prod}\n\
         \x20 # - blast-radius: {from: any, at-most: 25%}\n\
         \n# What the business cannot do without: a design that breaks one is told so.\n\
         # needs:\n\
         #   - {from: app=frontend, to: app=cart, service: tcp/7070, rate: 2/s}\n\
         \n# Who attacks, for `seglab simulate`. Units need vulnerabilities or logins for it to get anywhere.\n\
         # attackers:\n\
         #   - {name: phished, foothold: app=frontend, scan-rate: 1/s}\n\
         # monitor: {denied-alerts: 0.9, response: 30min}\n",
    );
    out
}

fn namespaces(design: &Design) -> BTreeSet<&str> {
    design.units().iter().filter_map(|unit| unit.labels.get(NAMESPACE_KEY).map(String::as_str)).collect()
}

/// A claim in the lab file's own words.
fn claim(property: &Property) -> String {
    let quoted = |text: String| format!("{text:?}");
    match &property.claim {
        Claim::Exposed { external, inbound, only, services } => {
            let side = if *inbound { "from" } else { "to" };
            let external = Peer::Addresses { set: external.clone(), covers: seglab_policy::Covers::External };
            let services: Vec<String> = services.iter().map(|service| quoted(service.to_string())).collect();
            format!(
                "exposed: {{id: {}, {side}: {}, only: {}, services: [{}]}}",
                property.id,
                quoted(external.to_string()),
                quoted(only.to_string()),
                services.join(", ")
            )
        }
        // Readers of manifests make claims of exposure only.
        claim => format!("# {}", claim.kind()),
    }
}
