//! What is written reads back.

use super::{reading, shown};
use seglab_formats::lab;
use seglab_policy::{Design, Draft};

/// A draft without places and sources, and without the notes that a lab file does not keep.
fn bare(mut draft: Draft) -> Draft {
    draft.sources.clear();
    draft.units.iter_mut().for_each(|one| one.provenance = Default::default());
    draft
        .external_sources
        .iter_mut()
        .flat_map(|one| &mut one.entries)
        .for_each(|one| one.provenance = Default::default());
    let tiers = draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers);
    tiers.flat_map(|tier| &mut tier.rules).for_each(|rule| rule.provenance.span = None);
    draft.points.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.needs.iter_mut().for_each(|one| (one.provenance.span, one.provenance.object) = (None, None));
    draft.properties.iter_mut().for_each(|one| (one.provenance.span, one.provenance.object) = (None, None));
    draft.trusted.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.attackers.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.monitor.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.unmodelled.iter_mut().for_each(|one| one.provenance = Default::default());
    draft
}

fn check(design: &Design) {
    let text = lab::write(design);
    let read = super::read(&text).unwrap_or_else(|rejected| panic!("{}\n{text}", shown(&rejected.diagnostics, &text)));
    let read = Design::new(read.draft).unwrap();
    assert_eq!(bare(read.to_draft()), bare(design.to_draft()), "{text}");
}

#[test]
fn everything_that_a_lab_file_can_say() {
    let text = r##"
seglab: 1
name: "yes: # no"
units:
  - {name: web, owner: front, labels: {app: web, "odd key": "x, y: [z]", n: "1.0"}, addresses: [10.0.0.1, "fe80::1"], zone: dmz}
  - {name: "10.0.0.9", addresses: [10.0.0.0/24], reachable: none, space: s2, shared: true, agent: false}
  - {name: "naïve \u2028 \"unit\"", interfaces: [{address: unknown IPv6}, {address: 10.1.0.1/32, inbound: false}]}
  - {name: db, host: web, critical: 3, image: "pg:16", listens: [tcp/5432, {port: tcp/80, name: http}, udp/1-9],
     vulnerabilities: [{name: CVE-1, service: tcp/80}], credentials: [k1, "k 2"], logins: [{credential: k1, service: tcp/22}]}
external-sources:
  - {name: "{ingress}", labels: {app: ingress}, entries: [{to: web, service: tcp/443}]}
routes: [[default, s2]]
segments: {front: app=web, rest: not front}
policy:
  - allow: {from: internet, to: app=web, service: tcp/443, reason: "it's", owner: o, ticket: T-1, object: A}
  - deny: {from: '"10.0.0.9"', to: 'unmodelled "fqdn"', services: [icmp/8, proto/50, tcp/http]}
policies:
  edge:
    stateful: false
    default: allow
    tiers:
      - {name: a, order: first-match-undefined-ties, otherwise: deny, scope: {egress: [web, db], ingress: none},
         rules: [{pass: {from: any, to: all}, priority: -3, at: egress}]}
      - {name: b, order: allow-union}
  empty: []
  none: {tiers: []}
enforcement:
  - agent: {on: app=web, mode: alert, controller: console}
  - appliance: {around: {site: "p q"}, policy: edge, at: [forward]}
  - cloud: {on: all, policy: empty, exempts-host: true, at: []}
  - host: {between: subnet, policy: none}
needs:
  - {from: web, to: db, services: [tcp/5432, any], rate: 10/min, synchronous: true, reason: r}
  - {from: [10.0.0.0/8, 10.2.3.4], to: external 10.0.0.0/8, service: any}
properties:
  - isolated: {from: front, to: rest, pivot: service, view: service, trust: intact, hops: 2, owner: o}
  - allowed: {from: web, to: db, service: tcp/5432}
  - only-through: {from: internet, to: db, via: web}
  - blast-radius: {from: any, at-most: 12.5%}
  - exposed: {from: internet, only: app=web, service: tcp/443}
  - exposed: {to: 1.2.3.0/24, only: none}
trusted: [{units: db, owner: o, reason: r, expires: 2027-01-01}]
attackers: [{name: a, foothold: web, scan-rate: 1/min, exploit: {probability: 1, mean: 90s}, login: {probability: 0.25, mean: 1500ms}}]
monitor: {denied-alerts: 0.9, sensor: {probability: 0.5, mean: 8h}, response: 30min}
assumptions: [{id: x, text: "a: b"}]
unmodelled: [{what: Widget a/b, touches: web}]
"##;
    let design = Design::new(reading(text).draft).unwrap();
    check(&design);
    insta::assert_snapshot!("written", lab::write(&design));
}

#[test]
fn a_design_without_anything() {
    check(&Design::new(Draft { name: "x".to_owned(), ..Draft::default() }).unwrap());
}
