//! What points take and can do: read, refused, and written back.

use super::read;
use seglab_formats::lab;
use seglab_policy::{Design, Input, Load};

const TEXT: &str = "\
seglab: 1
units:
  - {name: web, listens: [tcp/443]}
policy: []
enforcement:
  - agent: {on: web, load: {cpu: 0.02, connection-cpu: 5us, memory: 120MB, connection-memory: 304B, rule-memory: 1kB, connection-life: 2min, source: our measurement}}
  - appliance: {between: zone, load: {rate: 50000/s, table: 200k, latency: 50us}}
  - host: {on: web}
";

#[test]
fn what_is_written_is_read() {
    let draft = read(TEXT).unwrap().draft;
    let loads: Vec<&Load> = draft.points.iter().map(|point| &point.load).collect();
    let agent = [
        (Input::ConnectionLife, 120.0),
        (Input::AgentCpu, 0.02),
        (Input::AgentConnectionCpu, 5e-6),
        (Input::AgentMemory, 120e6),
        (Input::AgentConnectionMemory, 304.0),
        (Input::AgentRuleMemory, 1000.0),
    ];
    let appliance =
        [(Input::ApplianceRate, 50_000.0), (Input::ApplianceTable, 200_000.0), (Input::ApplianceLatency, 5e-5)];
    let agent = Load { given: agent.into_iter().collect(), source: Some("our measurement".to_owned()) };
    let appliance = Load { given: appliance.into_iter().collect(), source: None };
    assert_eq!(loads, [&agent, &appliance, &Load::default()]);
    let design = Design::new(draft).unwrap();
    let again = read(&lab::write(&design)).unwrap().draft;
    assert!(again.points.iter().zip(design.points()).all(|(a, b)| a.load == b.load), "{}", lab::write(&design));
}

#[test]
fn loads_that_cannot_be_are_refused() {
    for (good, bad, said) in [
        ("cpu: 0.02", "cpu: 0", "`0` is not above zero"),
        ("memory: 120MB", "memory: 120", "`120` has no unit"),
        ("connection-cpu: 5us", "connection-cpu: 5MB", "`MB` is not a unit of time"),
        ("rate: 50000/s", "rate: 0/s", "the rate `0/s` is not above zero"),
        ("table: 200k", "table: 0", "`0` is not above zero"),
        ("table: 200k", "table: 0.5", "`0.5` is not a number that there can be"),
        ("latency: 50us", "latency: 50", "the unit of time is missing"),
        ("latency: 50us", "memory: 1MB", "`memory` means nothing to an appliance"),
        ("cpu: 0.02", "table: 10", "`table` means nothing to an agent"),
        ("source: our measurement", "source: ' '", "the source is empty"),
        ("host: {on: web}", "host: {on: web, load: {}}", "loads are those of agents and appliances"),
        ("latency: 50us", "latencies: 50us", "unknown key `latencies`"),
    ] {
        assert!(TEXT.contains(good), "{good}");
        let rejected = read(&TEXT.replacen(good, bad, 1)).expect_err(bad);
        let errors: Vec<&str> = rejected.errors().map(|error| error.message.as_str()).collect();
        assert!(errors.iter().any(|error| error.contains(said)), "{bad}: {errors:?}");
        assert!(rejected.errors().all(|error| error.span.is_some()), "{bad}");
    }
}
