//! Flow records that the user brings, as traffic.

use super::Subject;
use crate::failure::Failure;
use seglab_engine::Workload;
use seglab_formats::{File, Rejected, flow_records};
use seglab_policy::Design;
use std::path::Path;

/// The connections of a file of flow records, in their order.
pub(super) fn replayed(design: &Design, subject: Subject, path: &Path) -> Result<Workload, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read `{name}`: {error}"), "name a file of flow records, as CSV in UTF-8")
    })?;
    let file = File { path: name.clone(), text };
    let flows = flow_records::read(&file).map_err(|Rejected { diagnostics, sources }| Failure::Input {
        diagnostics,
        sources,
        texts: [(name.clone(), file.text.clone())].into(),
    })?;
    let Some(space) = subject.space(design) else {
        let help = "give units their addresses, or leave `--flows` out";
        return Err(Failure::usage("no unit has a known IPv4 address, which flows could be of", help));
    };
    let seen = flows.into_iter().map(|flow| (flow.source, flow.destination, flow.header));
    Ok(Workload::replayed(design, space, seen))
}
