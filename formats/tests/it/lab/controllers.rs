//! Controllers: read, refused, and written back.

use super::read;
use seglab_formats::lab;
use seglab_policy::Design;

const TEXT: &str = "\
seglab: 1
units: [{name: web}]
policy: []
enforcement:
  - agent: {on: all, controller: hub}
controllers:
  - {name: hub, fails: {every: 30d, repair: 4h}}
";

const HOUR: u64 = 3_600_000_000_000;

#[test]
fn what_is_written_is_read_and_written_back() {
    let draft = read(TEXT).unwrap().draft;
    let [hub] = draft.controllers.as_slice() else { panic!("{:?}", draft.controllers) };
    assert_eq!((hub.name.as_str(), hub.fails_every_ns, hub.repair_ns), ("hub", 720 * HOUR, 4 * HOUR));
    assert!(draft.assumptions.iter().any(|assumption| assumption.id == "points-informed"));
    let design = Design::new(draft).unwrap();
    let again = read(&lab::write(&design)).unwrap().draft.controllers;
    assert_eq!((again[0].fails_every_ns, again[0].repair_ns), (720 * HOUR, 4 * HOUR));
}

#[test]
fn what_cannot_be_is_refused() {
    let rejected = read(&TEXT.replace("every: 30d", "every: 0s")).unwrap_err();
    let error = rejected.errors().next().unwrap();
    assert_eq!(error.message, "`0s` is not a time above zero");
    assert_eq!(error.span.map(|span| span.line), Some(7));
    let warned = read(&TEXT.replace("name: hub", "name: hubs")).unwrap().diagnostics;
    let said = warned.iter().find(|said| said.message == "no point learns from `hubs`").unwrap();
    assert_eq!(said.help.as_deref(), Some("did you mean `hub`?"));
}
