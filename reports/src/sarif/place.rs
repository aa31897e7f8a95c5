//! Places and messages in SARIF's terms.

use crate::model::Location;
use serde_sarif::sarif::{ArtifactLocation, Location as Place, Message, PhysicalLocation, Region};
use std::fmt::Write;

/// A message. SARIF reads `[text](target)` as a link, which no name in a design may become.
pub(super) fn message(text: &str) -> Message {
    let mut held = Message::builder().build();
    held.text = Some(text.replace("](", "\\]("));
    held
}

/// A place in an input, with what there is to say about it.
pub(super) fn point(location: &Location, text: Option<&str>) -> Place {
    at(Some(location), text)
}

/// A place that may be nowhere: what no line of an input decides.
pub(super) fn at(location: Option<&Location>, text: Option<&str>) -> Place {
    let mut held = Place::builder().build();
    held.message = text.map(message);
    held.physical_location = location.map(|location| {
        let mut region = Region::builder().build();
        region.start_line = Some(location.line.max(1).into());
        region.start_column = Some(location.column.max(1).into());
        let mut physical = PhysicalLocation::builder().build();
        physical.artifact_location = Some(artifact(&location.path));
        physical.region = Some(region);
        physical
    });
    held
}

/// A file: a relative path is relative to the root of the sources, as code scanning expects.
pub(super) fn artifact(path: &str) -> ArtifactLocation {
    let mut held = ArtifactLocation::builder().build();
    let absolute = path.starts_with('/');
    held.uri = Some(uri(path));
    held.uri_base_id = (!absolute).then(|| "%SRCROOT%".to_owned());
    held
}

/// A path as a URI reference (RFC 3986): relative unless the path is absolute. Standard input becomes `stdin`.
fn uri(path: &str) -> String {
    if path == "-" {
        return "stdin".to_owned();
    }
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    let path = path.strip_prefix("./").unwrap_or(path);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        let shown: Vec<String> = ["a/b.yaml", "./a b.yaml", "/x/é#1.yaml", "-"].into_iter().map(uri).collect();
        assert_eq!(shown, ["a/b.yaml", "a%20b.yaml", "file:///x/%C3%A9%231.yaml", "stdin"]);
    }

    #[test]
    fn names_never_become_links() {
        assert_eq!(message("[a](0)").text.as_deref(), Some("[a\\](0)"));
    }
}
