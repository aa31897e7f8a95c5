//! What is written reads back.

use super::{reading, shown};
use seglab_formats::lab;
use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Arrivals, Conduct, Defence, Design, Draft, Exfiltration, NeedsRoot, Patching, Peer, Placement, Scope, Selector,
    Strategy, Transport, Triage, WayIn,
};
use std::collections::BTreeSet;

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
    draft.stations.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.needs.iter_mut().for_each(|one| (one.provenance.span, one.provenance.object) = (None, None));
    draft.properties.iter_mut().for_each(|one| (one.provenance.span, one.provenance.object) = (None, None));
    draft.trusted.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.waivers.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.attackers.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.monitor.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.unmodelled.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.calibrated.clear();
    draft.tradecraft.exploits.iter_mut().for_each(|one| one.provenance = Default::default());
    draft.tradecraft.escalations.iter_mut().for_each(|one| one.provenance = Default::default());
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
  - agent: {on: app=web, mode: alert, controller: console, coverage: 0.75, gaps: {by-site: 0.5}, fails: {mode: open, every: 9d, repair: 1h}}
  - agent: {name: speaks, on: app=web, deny-by: reject}
  - appliance: {around: {site: "p q"}, policy: edge, at: [forward]}
  - cloud: {on: all, policy: empty, exempts-host: true, at: []}
  - host: {between: subnet, policy: none}
needs:
  - {from: web, to: db, services: [tcp/5432, any], rate: 10/min, synchronous: true, reason: r}
  - {from: [10.0.0.0/8, 10.2.3.4], to: external 10.0.0.0/8, service: any}
  - {from: db, to: shop, every: 1d, at: 2h, timeout: 30s}
  - {from: internet, to: shop, rate: 20/s, daily: {peak: 14h, swing: 0.75}, retries: 2}
  - {from: shop, to: store, rate: 5/s, bursts: {length: 10s, pause: 1min}}
services:
  - name: shop
    on: web
    port: tcp/443
    takes: {median: 8ms, sigma: 0.5}
    servers: 4
    queue: 100
    blocking: true
    needs: [{service: store, timeout: 500ms, retries: 1}, tail]
  - {name: store, on: db, port: tcp/5432, takes: {mean: 2ms}}
  - {name: tail, on: db, port: udp/53, takes: {least: 1ms, tail: 1.5}}
  - {name: fixed, on: db, port: udp/54, takes: 1ms}
  - {name: at-once, on: db, port: udp/55}
properties:
  - isolated: {from: front, to: rest, pivot: service, view: service, trust: intact, hops: 2, owner: o}
  - allowed: {from: web, to: db, service: tcp/5432}
  - only-through: {from: internet, to: db, via: web}
  - blast-radius: {from: any, at-most: 12.5%}
  - exposed: {from: internet, only: app=web, service: tcp/443}
  - exposed: {to: 1.2.3.0/24, only: none}
  - blast-radius: {from: any, at-most: criticality 7, of: p99.9}
  - egress-only-to: {from: web, to: db, service: tcp/5432, trust: intact}
  - only: {flows: [{from: web, to: db, service: tcp/5432}, {from: internet, to: web}], among: any, view: service}
  - only: {flows: []}
  - default-deny: {units: front, directions: ingress}
  - default-deny: {units: any, trust: own-agent-void}
  - surface: {units: any, entries-at-most: 3}
  - no-shadowed-rules: {}
  - no-redundant-rules: {policy: edge, trust: own-agent-void}
  - no-undefined-order: {policy: edge}
trusted: [{units: db, owner: o, reason: r, expires: 2027-01-01}]
waivers:
  - {property: blast-radius-1, from: front, to: "a & b", owner: o, reason: "r: s", expires: 2027-01-01}
  - {need: web -> db tcp/5432, undecided: true, owner: o, reason: r, expires: 2028-02-29}
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
fn what_is_said_of_attackers_and_defenders() {
    let text = r##"
seglab: 1
units:
  - {name: web, image: "web:1", listens: [tcp/80], vulnerabilities: [{name: CVE-1, service: tcp/80}], credentials: [k]}
  - {name: db, listens: [tcp/22], logins: [{credential: k, service: tcp/22}, {credential: "k 2", service: tcp/22}]}
policy: []
attackers:
  - {foothold: web, strategy: worm, scan-rate: 1/s, exploit: {probability: 1, mean: 0s}, login: {probability: 1, mean: 0s}}
  - {foothold: web, strategy: random-walk}
  - {foothold: web, strategy: low-and-slow, credentials: ["k 2", k]}
  - {foothold: web, strategy: targeted}
  - {foothold: web, strategy: insider}
  - {foothold: web, strategy: {ransomware: {units: 10}}}
  - {foothold: web, strategy: {ransomware: {units: 10, after: 3d}}}
  - {foothold: web, entry: exposed-service, takes-controllers: true, exfiltration: {mean: 2h}}
  - {foothold: web, entry: supply-chain, takes-controllers: false, exfiltration: {service: udp/53, mean: 1d}}
  - {foothold: web, entry: unit}
tradecraft:
  exploits: [{vulnerability: CVE-1, gives: user, present: 0.25}]
  escalations: [{name: climb, on: web, present: 0.5, probability: 0.5, mean: 5min}]
  needs-root: [tampering, credentials]
monitor:
  response: 1min
  analysts: 3
  triage: 15min
  missed: 0.125
  false-alarms: 0.1/d
  established: spare
  patching: {probability: 0.9, mean: 14d}
  rotation: 30d
"##;
    let design = Design::new(reading(text).draft).unwrap();
    let strategies: Vec<Strategy> = design.attackers().iter().map(|attacker| attacker.strategy).collect();
    let after_ns = Some(3 * 86_400_000_000_000);
    let expected = [
        Strategy::Worm,
        Strategy::RandomWalk,
        Strategy::LowAndSlow,
        Strategy::Targeted,
        Strategy::Insider,
        Strategy::Ransomware { units: Some(10), after_ns: None },
        Strategy::Ransomware { units: Some(10), after_ns },
        Strategy::Worm,
        Strategy::Worm,
        Strategy::Worm,
    ];
    assert_eq!(strategies, expected);
    assert_eq!(design.attackers()[2].credentials, ["k 2", "k"]);
    let sends = |protocol, port, hours: u64| Some(Exfiltration { protocol, port, mean_ns: hours * 3_600_000_000_000 });
    let conducts: Vec<Conduct> = design.attackers()[7..].iter().map(|attacker| attacker.conduct).collect();
    let exposed =
        Conduct { way_in: WayIn::ExposedService, takes_controllers: true, exfiltration: sends(Transport::Tcp, 443, 2) };
    let update =
        Conduct { way_in: WayIn::SupplyChain, takes_controllers: false, exfiltration: sends(Transport::Udp, 53, 24) };
    assert_eq!(conducts, [exposed, update, Conduct::default()]);
    let craft = design.tradecraft();
    assert_eq!((craft.exploits[0].present_probability, craft.escalations[0].present_probability), (0.25, 0.5));
    assert_eq!(craft.needs_root, NeedsRoot { credentials: true, tampering: true });
    let defence = design.monitor().unwrap().defence;
    let triage = Triage {
        analysts: 3,
        mean_ns: 900_000_000_000,
        missed_probability: 0.125,
        false_alarms_per_second: 0.1 / 86_400.0,
    };
    let patching = Some(Patching { probability: 0.9, mean_ns: 14 * 86_400_000_000_000 });
    let rotation_mean_ns = Some(30 * 86_400_000_000_000);
    let all = Defence { triage: Some(triage), spares_established: true, patching, rotation_mean_ns };
    assert_eq!(defence, all);
    check(&design);
}

#[test]
fn a_design_without_anything() {
    check(&Design::new(Draft { name: "x".to_owned(), ..Draft::default() }).unwrap());
}

/// A selector in the form in which it is read: a list of one part is that part, and a name that nothing has selects
/// nothing.
fn canonical(selector: &Selector, known: &BTreeSet<String>) -> Selector {
    let all = |parts: &[Selector]| parts.iter().map(|part| canonical(part, known)).collect::<Vec<_>>();
    match selector {
        Selector::Named(name) if !known.contains(name) => Selector::nothing(),
        Selector::All(parts) if parts.is_empty() => Selector::Everything,
        Selector::All(parts) | Selector::AnyOf(parts) if parts.len() == 1 => canonical(&parts[0], known),
        Selector::All(parts) => Selector::All(all(parts)),
        Selector::AnyOf(parts) => Selector::AnyOf(all(parts)),
        Selector::Not(inner) => Selector::Not(Box::new(canonical(inner, known))),
        other => other.clone(),
    }
}

/// A random design with every selector in the form in which it is read.
fn random(seed: u64) -> Design {
    let mut draft = design_of(seed).to_draft();
    let units = draft.units.iter().flat_map(|unit| unit.owner.iter().chain([&unit.name]));
    let known: BTreeSet<String> = units.chain(draft.external_sources.iter().map(|one| &one.name)).cloned().collect();
    let one = |selector: &mut Selector| *selector = canonical(selector, &known);
    let peer = |peer: &mut Peer| {
        if let Peer::Units(selector) = peer {
            one(selector);
        }
    };
    draft.segments.iter_mut().for_each(|segment| one(&mut segment.selector));
    draft.external_sources.iter_mut().flat_map(|source| &mut source.entries).for_each(|entry| one(&mut entry.to));
    for tier in draft.rulebooks.iter_mut().flat_map(|book| &mut book.tiers) {
        if let Scope::Units { egress, ingress } = &mut tier.scope {
            egress.iter_mut().chain(ingress).for_each(one);
        }
        tier.rules.iter_mut().for_each(|rule| [&mut rule.from, &mut rule.to].into_iter().for_each(peer));
    }
    for point in &mut draft.points {
        if let Placement::Units(selector) = &mut point.placement {
            one(selector);
        }
    }
    draft.needs.iter_mut().for_each(|need| [&mut need.from, &mut need.to].into_iter().for_each(peer));
    for property in &mut draft.properties {
        property.claim.for_each_selector(&mut |selector| one(selector));
    }
    draft.stations.iter_mut().for_each(|station| one(&mut station.on));
    draft.trusted.iter_mut().for_each(|trusted| one(&mut trusted.units));
    draft.attackers.iter_mut().for_each(|attacker| one(&mut attacker.foothold));
    draft.unmodelled.iter_mut().for_each(|what| one(&mut what.touches));
    // What a lab file refuses: needs that never happen or wait for themselves, attackers who start nowhere.
    for need in &mut draft.needs {
        need.synchronous = false;
        need.answering = None;
        if need.arrivals == Arrivals::NEVER {
            need.arrivals = Arrivals::Even { rate_per_second: 0.125 };
        }
    }
    for attacker in &mut draft.attackers {
        attacker.scan_rate_per_second = attacker.scan_rate_per_second.max(0.3);
    }
    let units = &draft.units;
    draft.attackers.retain(|attacker| units.iter().any(|unit| attacker.foothold.matches(unit)));
    Design::new(draft).unwrap()
}

#[test]
fn random_designs() {
    // A seed is a design, so that a failure names what to look at.
    for seed in 0..400 {
        check(&random(seed));
    }
}
