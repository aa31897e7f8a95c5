//! What this program says of itself and of what it read, at the head of every output.

use seglab_policy::Design;
use seglab_reports::{Heading, Tool, collect};

/// The tool, its version, and that of Z3.
pub(crate) fn tool(z3_asked: bool) -> Tool {
    Tool {
        name: "seglab".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        z3_version: Some(seglab_verify::smt::version().to_string()),
        z3_asked,
    }
}

/// The heading of an output for which Z3 is not asked.
pub(crate) fn heading(design: &Design, seed: Option<u64>) -> Heading {
    collect::heading(design, tool(false), seed)
}
