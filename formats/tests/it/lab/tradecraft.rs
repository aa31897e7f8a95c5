//! What attacks take and give: read, refused, and written back.

use super::read;
use seglab_formats::lab;
use seglab_policy::{Design, Effort, Finds, Privilege, Selector};

const TEXT: &str = "\
seglab: 1
units:
  - {name: web, labels: {os: linux}, listens: [tcp/443], vulnerabilities: [{name: CVE-1, service: tcp/443}]}
  - {name: db}
policy: []
tradecraft:
  exploits:
    - {vulnerability: CVE-1, gives: user, probability: 0.25, cost: 3.0, mean: 20min}
    - {vulnerability: CVE-2}
  escalations:
    - {name: kernel, on: os=linux, probability: 0.5}
    - {name: anywhere}
  finds: routed
  scan: {cost: 2.0, mean: 1min}
";

#[test]
fn what_is_written_is_read() {
    let draft = read(TEXT).unwrap().draft;
    let craft = &draft.tradecraft;
    let minute = 60_000_000_000;
    let first = craft.exploit("CVE-1").unwrap();
    assert_eq!(first.gives, Privilege::User);
    assert_eq!(first.effort, Effort { cost: 3.0, success_probability: 0.25, mean_ns: Some(20 * minute) });
    let second = craft.exploit("CVE-2").unwrap();
    assert_eq!((second.gives, second.effort), (Privilege::Root, Effort::default()));
    assert_eq!(craft.escalations[0].on, Selector::label("os", "linux"));
    assert_eq!(craft.escalations[1].on, Selector::Everything);
    assert_eq!(craft.finds, Finds::Routed);
    assert_eq!(craft.scan, Some(Effort { cost: 2.0, success_probability: 1.0, mean_ns: Some(minute) }));
}

#[test]
fn what_is_read_is_written() {
    let design = Design::new(read(TEXT).unwrap().draft).unwrap();
    let mut again = read(&lab::write(&design)).unwrap().draft.tradecraft;
    let mut before = design.tradecraft().clone();
    for craft in [&mut again, &mut before] {
        craft.exploits.iter_mut().for_each(|exploit| exploit.provenance = Default::default());
        craft.escalations.iter_mut().for_each(|escalation| escalation.provenance = Default::default());
    }
    assert_eq!(again, before);
}

#[test]
fn numbers_that_are_none_are_refused() {
    for (good, bad, said) in [
        ("probability: 0.25", "probability: 0.0", "the probability is 0"),
        ("probability: 0.5", "probability: 1.5", "the probability is 1.5"),
        ("cost: 3.0", "cost: -1.0", "the cost is -1"),
        ("cost: 2.0", "cost: .inf", "the cost is inf"),
    ] {
        let rejected = read(&TEXT.replace(good, bad)).unwrap_err();
        let error = rejected.errors().next().unwrap();
        assert_eq!(error.message, said);
        assert!(error.span.is_some() && error.help.is_some());
    }
    let twice = TEXT.replace("CVE-2", "CVE-1");
    assert!(Design::new(read(&twice).unwrap().draft).is_err(), "an exploit is said once");
}
