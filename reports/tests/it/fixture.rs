//! A report like those of real designs, and the same with names that try to be markup.

use seglab_reports::*;
use seglab_sim::kernel::statistics::{Estimate, Interval};
use seglab_sim::models::{
    AgentsLoad, ApplianceLoad, DelaysResult, EnforcementLoad, Flows, GivenLoad, LatencyResult, ServiceObserved,
    ServiceResult, UnitLoad,
};

pub(crate) fn at(path: &str, line: u32, column: u32) -> Option<Location> {
    Some(Location { path: path.into(), line, column })
}

fn decider(direction: &str, unit: &str, allowed: bool, why: &str, location: Option<Location>) -> Decider {
    Decider {
        point: "agents".into(),
        kind: "agent".into(),
        mode: "enforce".into(),
        direction: direction.into(),
        at: Some(unit.into()),
        stands: true,
        outcome: if allowed { Outcome::Allowed } else { Outcome::Denied },
        tier: Some("policy".into()),
        why: why.into(),
        location,
        ..Decider::default()
    }
}

fn hops() -> Vec<Hop> {
    let first = Hop {
        source: "web".into(),
        destination: "app".into(),
        service: "tcp/8080".into(),
        outcome: Outcome::Allowed,
        gain: Some("owned under pivot model any".into()),
        deciders: vec![
            Decider { stands: false, ..decider("egress", "web", false, "no rule of the tier", None) },
            decider("ingress", "app", true, "allow app=web to app=app tcp/8080", at("shop.yaml", 14, 5)),
        ],
        remark: None,
    };
    let mut last =
        Hop { source: "app".into(), destination: "card-db".into(), service: "tcp/5432".into(), ..first.clone() };
    last.deciders = vec![Decider {
        reason: Some("nightly export".into()),
        owner: Some("data team".into()),
        ticket: Some("NET-12".into()),
        object: Some("NetworkPolicy shop/card-db".into()),
        ..decider("ingress", "card-db", true, "allow env=prod to app=card-db any", at("policies/card db.yaml", 22, 7))
    }];
    last.remark = Some("the agent of `app` is void, for the attacker owns the unit".into());
    vec![first, last]
}

fn properties() -> Vec<Property> {
    let base = Property {
        id: "shop-isolated".into(),
        kind: "isolated".into(),
        claim: "nothing in app=shop reaches app=mail".into(),
        verdict: Verdict::Holds,
        view: "policy".into(),
        pivot: Some("any".into()),
        trust: "own-agent-void".into(),
        population: Population { count: 1_122, of: "ordered pairs of units".into() },
        does_not_show: vec!["that an owned host keeps its units apart".into()],
        judges: vec!["class reachability".into(), "Z3".into()],
        certificate: Some("certificates/shop-isolated.json".into()),
        location: at("shop.yaml", 40, 5),
        ..Property::default()
    };
    vec![
        base.clone(),
        Property {
            id: "cards-isolated".into(),
            claim: "nothing in app=web reaches app=card-db".into(),
            verdict: Verdict::Violated,
            population: Population { count: 6, of: "ordered pairs of units".into() },
            counterexample: Some(Counterexample {
                summary: "whoever owns web reaches card-db over 2 hops".into(),
                hops: hops(),
                ..Counterexample::default()
            }),
            certificate: None,
            location: at("shop.yaml", 41, 5),
            ..base.clone()
        },
        Property {
            id: "small-blast".into(),
            kind: "blast-radius".into(),
            claim: "one owned unit leads to at most 25% of all units".into(),
            verdict: Verdict::Violated,
            population: Population { count: 60, of: "starting units".into() },
            counterexample: Some(Counterexample {
                summary: "whoever owns backup gets 31 of 60 units, 15 are admitted".into(),
                hops: hops().into_iter().take(1).collect(),
                reached: Some(31),
                reached_examples: vec!["backup".into(), "app".into(), "card-db".into()],
                ..Counterexample::default()
            }),
            location: at("shop.yaml", 42, 5),
            ..base.clone()
        },
        Property {
            id: "exposure".into(),
            kind: "exposed".into(),
            claim: "the internet reaches app=web on tcp/443 only".into(),
            verdict: Verdict::Unknown,
            doubt: Some(Doubt {
                reason: "an object that is not modelled may open more".into(),
                construct: Some("CiliumNetworkPolicy shop/edge".into()),
                location: at("manifests/edge.yaml", 1, 1),
            }),
            hops_max: Some(1),
            judges: vec!["class reachability".into()],
            location: at("shop.yaml", 43, 5),
            ..base
        },
    ]
}

fn needs() -> Vec<Need> {
    let works = Need {
        from: "app=web".into(),
        to: "app=app".into(),
        service: "tcp/8080".into(),
        pairs: 6,
        location: at("shop.yaml", 30, 5),
        ..Need::default()
    };
    let mut witness = hops().remove(0);
    witness.outcome = Outcome::Denied;
    witness.gain = None;
    witness.deciders = vec![decider("egress", "app", false, "no rule of the tier", at("shop.yaml", 9, 1))];
    vec![
        works.clone(),
        Need {
            to: "app=mail".into(),
            service: "tcp/25".into(),
            status: NeedStatus::Broken,
            witness: Some(witness),
            location: at("shop.yaml", 31, 5),
            ..works.clone()
        },
        Need {
            to: "app=edge".into(),
            status: NeedStatus::Unknown,
            doubt: Some(Doubt {
                reason: "an object that is not modelled may stop it".into(),
                construct: None,
                location: at("manifests/edge.yaml", 1, 1),
            }),
            ..works
        },
    ]
}

pub(crate) fn verification() -> Verification {
    let mut diagnostics: Vec<Diagnostic> =
        ["adservice", "cartservice", "checkoutservice", "currencyservice", "emailservice"]
            .iter()
            .chain(&["frontend", "payment"])
            .map(|app| Diagnostic {
                severity: Severity::Warning,
                code: "opens-all-egress".into(),
                message: format!("`egress: [{{}}]` of NetworkPolicy `{app}` lets its pods open anything to anyone"),
                location: at(&format!("manifests/{app}.yaml"), 12, 3),
                among: None,
                help: Some("name the peers and ports that `egress` needs".into()),
            })
            .collect();
    diagnostics.push(Diagnostic {
        severity: Severity::Note,
        code: "selects-nothing".into(),
        message: "the selector `app=old` selects no unit".into(),
        location: at("shop.yaml", 17, 9),
        among: None,
        help: None,
    });
    Verification {
        design: "Online shop".into(),
        tool: Tool {
            name: "seglab".into(),
            version: "0.1.0".into(),
            z3_version: Some("4.8.12".into()),
            z3_asked: true,
        },
        command: Some("seglab report shop.yaml -o audit".into()),
        seed: Some(7),
        inputs: vec![
            Input { path: "shop.yaml".into(), sha256: "0f".repeat(32) },
            Input { path: "policies/card db.yaml".into(), sha256: "a1".repeat(32) },
        ],
        scope: Scope {
            units: 60,
            uncovered_units: 4,
            uncovered_examples: vec!["printer".into(), "camera".into()],
            external_sources: vec!["{ingress-controller}".into()],
            points: vec![
                PointCount { kind: "agent".into(), mode: "enforce".into(), points: 1, units: 50 },
                PointCount { kind: "appliance".into(), mode: "alert".into(), points: 2, units: 12 },
            ],
            rules: 48,
            address_spaces: vec!["default".into()],
            objects: vec![
                ObjectCount { kind: "Deployment".into(), count: 12 },
                ObjectCount { kind: "NetworkPolicy".into(), count: 13 },
            ],
            as_if_enforced: false,
        },
        assumptions: vec![
            Assumption {
                id: "unknown-address".into(),
                text: "units without a known address match an address range only if it is the whole family".into(),
                choice: Some(Choice {
                    otherwise: "units without a known address match every range that may hold it".into(),
                    changes: vec![ChangedVerdict {
                        kind: "property".into(),
                        name: "database-isolated".into(),
                        verdict: "holds".into(),
                        otherwise: "violated".into(),
                        connection: Some("shop/web -> shop/db tcp/5432".into()),
                        deciding: vec![DecidingRule {
                            rule: "allow external 10.0.0.0-10.255.255.255 -> app=db tcp/5432".into(),
                            object: Some("NetworkPolicy shop/db".into()),
                            location: at("policies/db.yaml", 12, 9),
                        }],
                    }],
                }),
            },
            Assumption {
                id: "stateful".into(),
                text: "replies to allowed connections pass unjudged".into(),
                choice: Some(Choice { otherwise: "they are judged".into(), changes: Vec::new() }),
            },
        ],
        trusted: vec![Trusted {
            units: "app=dns".into(),
            count: 2,
            owner: "platform team".into(),
            reason: "hardened and watched".into(),
            expires: Some("2027-01-01".into()),
            expired: false,
            location: at("shop.yaml", 50, 5),
        }],
        unmodelled: vec![Unmodelled {
            what: "CiliumNetworkPolicy shop/edge".into(),
            touches: "app=web".into(),
            units: 3,
            location: at("manifests/edge.yaml", 1, 1),
        }],
        ignored: vec![Ignored {
            kind: "PrometheusRule".into(),
            count: 4,
            reason: "speaks of alerts, not of connections".into(),
            owner: Some("platform team".into()),
            location: at("shop.yaml", 52, 5),
        }],
        not_covered: vec![
            "escape from a container to its node".into(),
            "identity and management planes, such as the cluster's API server".into(),
        ],
        verdict: Verdict::Violated,
        properties: properties(),
        needs: needs(),
        diagnostics,
        ..Verification::default()
    }
}

fn matrix() -> SegmentMatrix {
    let names = [("external", None), ("web", Some(6)), ("app", Some(12)), ("card-db", Some(1)), ("mail", Some(3))];
    let segments: Vec<MatrixSegment> =
        names.iter().map(|&(name, units)| MatrixSegment { name: name.into(), units }).collect();
    let cell = |row: usize, column: usize| {
        let size = |position: usize| names[position].1.unwrap_or(1);
        let pairs = match (row == column, names[row].1) {
            (true, units) => units.map_or(0, |units| units * (units - 1)),
            (false, _) => size(row) * size(column),
        };
        let (allowed, connections) = match (row, column) {
            (0, 1) => (pairs, "TCP 443"),
            (1, 2) => (pairs / 2, "TCP 8080"),
            (2, 3) => (pairs, "all"),
            (2, 2) => (pairs / 8, "TCP 8080;UDP 53"),
            (4, 2) => (1, "TCP 25"),
            _ => (0, ""),
        };
        let unknown = if (row, column) == (0, 4) || (row, column) == (1, 2) { pairs - allowed } else { 0 };
        Cell { pairs, allowed, unknown, connections: connections.into() }
    };
    let cells = (0..names.len()).map(|row| (0..names.len()).map(|column| cell(row, column)).collect()).collect();
    SegmentMatrix { view: "policy".into(), grouping: "units by the label app".into(), segments, cells }
}

fn blast_radii() -> Vec<BlastRadius> {
    let of = |pivot: &str, hubs_trusted, sizes: &[(u64, u64)]| BlastRadius {
        pivot: pivot.into(),
        view: "policy".into(),
        trust: "own-agent-void".into(),
        hubs_trusted,
        population: 60,
        sizes: sizes.into(),
        worst: vec![UnitRadius { unit: "backup".into(), size: 31 }, UnitRadius { unit: "web-1".into(), size: 12 }],
        caveat: None,
    };
    vec![
        of("any", false, &[(1, 10), (5, 20), (12, 25), (31, 5)]),
        of("service", false, &[(1, 10), (5, 20), (12, 25), (31, 5)]),
        of("exploitable", false, &[(1, 42), (3, 18)]),
        of("either-way", false, &[(31, 20), (60, 40)]),
        of("any", true, &[(1, 22), (5, 38)]),
        of("service", true, &[(1, 30), (4, 30)]),
        of("exploitable", true, &[(1, 52), (2, 8)]),
        of("either-way", true, &[(12, 60)]),
    ]
}

fn simulation(design: &str, speed: f64, most: f64) -> Simulation {
    let minute = 60_000_000_000;
    let times_ns: Vec<u64> = (0..=48).map(|step| step * 30 * minute).collect();
    let owned = |scale: f64| -> Vec<f64> {
        let grown = |step: f64| most * scale * step * speed / (step * speed + 8.0);
        (0..=48).map(|step| (1.0 + grown(f64::from(step))).min(60.0).floor()).collect()
    };
    let curve = |quantile, scale| QuantileCurve { quantile, values: owned(scale) };
    let share = |most: f64| -> Vec<f64> { (0..=48).map(|step| most * f64::from(step) / 48.0).collect() };
    Simulation {
        design: design.into(),
        attacker: "Phishing".into(),
        pivot: "exploitable".into(),
        trust: "own-agent-void".into(),
        monitored: true,
        replicas: 1_000,
        horizon_ns: 24 * 60 * minute,
        population: 60,
        times_ns,
        compromised: vec![curve(0.05, 0.5), curve(0.5, 1.0), curve(0.95, 1.4)],
        critical: vec![Incidence {
            unit: "card-db".into(),
            owned: share(most / 70.0),
            quarantined: share(0.125),
            chance: Some(estimate(most / 70.0, 0.02)),
            exfiltrated: Some(Estimate { value: 0.0, interval: Interval { low: 0.0, high: 0.003 } }),
            ..Incidence::default()
        }],
        detection: Times {
            happened: 880,
            replicas: 1_000,
            p10_ns: Some(9 * minute),
            p50_ns: Some(95 * minute),
            p90_ns: None,
        },
        alerts: Quantiles { p10: 0.0, p50: 4.0, p90: 11.0 },
        attempts: Quantiles { p10: 120.0, p50: 480.0, p90: 910.0 },
        denied_share: 0.6125,
        flows_broken_share: Some(0.004),
        attempts_by_late_policy: 12,
        strike: Some(Strike { chance: estimate(0.5, 0.03), units_median: 17 }),
        triage: Some(Triage { cases_median: 9, false_alarms_share: 0.75, missed_share: 0.04, waited_ns: 20 * minute }),
        precision: Some(PrecisionAsked { half_width: 0.02, met: false }),
        checks: vec![
            OutcomeCheck {
                name: "breakout-time".into(),
                observed: "29min".into(),
                share: 0.93,
                simulated_ns: Some(58 * minute),
                ratio: Some(2.0),
            },
            OutcomeCheck { name: "worm-doubling".into(), observed: "37min".into(), ..OutcomeCheck::default() },
        ],
    }
}

fn comparison() -> Comparison {
    let of = |design: &str, rules, median, max, broken, owned| DesignOutcome {
        inputs: vec![Input { path: format!("{design}.yaml"), sha256: "cd".repeat(32) }],
        design: design.into(),
        units: 60,
        rules,
        points: 60,
        blast_radius_median: median,
        blast_radius_max: max,
        needs: 18,
        needs_broken: broken,
        holds: 3,
        violated: 1,
        unknown: 0,
        compromised_median: Some(owned),
    };
    Comparison {
        pivot: "any".into(),
        view: "policy".into(),
        trust: "own-agent-void".into(),
        designs: vec![
            of("flat", 0, 60, 60, 0, 55.0),
            of("perimeter only", 6, 58, 60, 0, 50.0),
            of("zones behind an appliance", 21, 24, 41, 1, 20.0),
            of("microsegmented by agent", 148, 3, 12, 2, 2.0),
        ],
    }
}

fn calibration() -> Vec<CalibratedValue> {
    let of = |name: &str, value: &str, role: &str, source: &str| CalibratedValue {
        name: name.into(),
        value: value.into(),
        role: role.into(),
        source: source.into(),
        date: "2026-11-23".into(),
    };
    vec![
        of("scan-rate", "1/s", "input", "assumption"),
        of("breakout-time", "29min", "check", "a report, https://example.org"),
    ]
}

fn enforcement(design: &str) -> DesignLoad {
    let appliance = |point: &str, utilisation, p50| ApplianceLoad {
        point: point.into(),
        connections_per_second: 1234.5,
        utilisation,
        table_share: 0.21,
        refused_share: 0.0,
        latency_ns_p50: p50,
        latency_ns_p99: p50.map(|ns: f64| ns * 1.5),
    };
    let most_loaded =
        UnitLoad { unit: "web-1".into(), connections_per_second: 40.0, cpu_cores: 0.0201, memory_bytes: 276e6 };
    let agents =
        AgentsLoad { units: 60, connections_per_second: 480.0, cpu_cores: 1.21, memory_bytes: 16.5e9, most_loaded };
    let given = GivenLoad {
        point: "edge".into(),
        name: "appliance-rate".into(),
        value: 50_000.0,
        unit: "/s".into(),
        source: Some("data sheet".into()),
    };
    let appliances = vec![appliance("edge", 0.025, Some(5e4)), appliance("old edge", 1.5, None)];
    DesignLoad { design: design.into(), load: EnforcementLoad { agents: Some(agents), appliances, given: vec![given] } }
}

fn estimate(value: f64, half_width: f64) -> Estimate {
    Estimate { value, interval: Interval { low: value - half_width, high: value + half_width } }
}

fn traffic(design: &str, struck: bool) -> Traffic {
    let latency =
        LatencyResult { mean_ns: estimate(9e6, 1e5), p50_ns: estimate(6e6, 1e5), p99_ns: estimate(4.8e7, 2e6) };
    let served = Flows { tried: 12_000, delivered: 12_000, ..Flows::default() };
    let mut lossy = Flows { tried: 8_000, delivered: 7_500, denied: 100, stale: 50, upstream: 40, ..Flows::default() };
    (lossy.quarantined, lossy.queue_full, lossy.table_full, lossy.too_slow, lossy.unknown) = (30, 90, 80, 70, 40);
    let observed = ServiceObserved {
        requests: 20_000,
        refused: 90,
        utilisation: estimate(0.61, 0.01),
        waiting: estimate(0.24, 0.03),
    };
    let service = ServiceResult { service: "checkout".into(), units: 2, servers: 1, offered_load: 0.6, observed: None };
    Traffic {
        design: design.into(),
        needs: vec![
            NeedTraffic { need: "internet -> web tcp/443".into(), flows: served, latency: Some(latency) },
            NeedTraffic { need: "web -> db tcp/5432 (release v2)".into(), flows: lossy, latency: None },
            NeedTraffic { need: "db -> backup tcp/22".into(), flows: served, latency: None },
        ],
        services: vec![
            ServiceResult { observed: Some(observed), ..service.clone() },
            ServiceResult { service: "reports".into(), units: 1, servers: 4, offered_load: 1.25, ..service },
        ],
        delays: Some(DelaysResult {
            held_up_ns: estimate(7.2e13, 3.6e12),
            outlived_ns: estimate(3.6e14, 3.6e13),
            denied_share: estimate(0.0025, 0.0005),
        }),
        struck,
    }
}

pub(crate) fn sensitivity() -> Sensitivity {
    let designs = |flat: f64, zones: f64, flips: bool| {
        let of = |design: &str, owned: f64, flips| VariedDesign {
            design: design.into(),
            compromised: estimate(owned, 0.5),
            ratio: owned / flat,
            flips,
        };
        vec![of("flat", flat, false), of("zones behind an appliance", zones, flips)]
    };
    let of = |change: &str, flat, zones, flips| VariedOutcome {
        change: change.into(),
        designs: designs(flat, zones, flips),
    };
    let range =
        |parameter: &str, ends: [VariedOutcome; 2]| VariedRange { parameter: parameter.into(), ends: ends.into() };
    Sensitivity {
        declared: designs(50.0, 20.0, false),
        detection: vec![of("denials raise no alerts", 50.0, 30.0, false), of("no detection", 55.0, 40.0, false)],
        ranges: vec![
            range("response", [of("10 min", 10.0, 2.0, false), of("8 h", 40.0, 48.0, true)]),
            range("exploit-probability", [of("0.1", 12.0, 3.0, false), of("0.9", 58.0, 31.0, false)]),
        ],
    }
}

fn difference(second: &str) -> DesignDifference {
    let of = |what: &str, unit: &str, estimate| MeasuredDifference { what: what.into(), unit: unit.into(), estimate };
    DesignDifference {
        first: "flat".into(),
        second: second.into(),
        measures: vec![
            of("units owned", "units", estimate(-31.25, 1.5)),
            of("time to first critical", "h", estimate(4.5, 0.5)),
        ],
    }
}

pub(crate) fn report() -> Report {
    let row = |unit: &str, units, entries, outside: &str, exits, out: &str| SurfaceRow {
        unit: unit.into(),
        units,
        entries,
        entries_external: outside.into(),
        exits,
        exits_external: out.into(),
    };
    Report {
        verification: verification(),
        surface: Some(Surface {
            view: "policy".into(),
            pairs_allowed: 214,
            pairs: 3_540,
            entered: 6,
            leaving: 9,
            rows: vec![row("web", 6, 12, "TCP 443", 8, ""), row("card-db", 1, 14, "", 0, "UDP 53")],
        }),
        segments: Some(matrix()),
        blast_radius: blast_radii(),
        simulations: vec![
            simulation("flat", 2.0, 55.0),
            simulation("perimeter only", 1.6, 50.0),
            simulation("zones behind an appliance", 0.8, 24.0),
            simulation("microsegmented by agent", 0.4, 2.0),
        ],
        traffic: vec![traffic("flat", false), traffic("zones behind an appliance", true)],
        differences: vec![difference("perimeter only"), difference("zones behind an appliance")],
        sensitivity: Some(sensitivity()),
        enforcement: vec![enforcement("zones behind an appliance")],
        calibration: calibration(),
        comparison: Some(comparison()),
    }
}

/// What names may hold: markup of every format, control characters, text that runs the other way.
pub(crate) const HOSTILE: &str =
    "<script>alert('x')</script>|a\"b&c`d`*e*_f_[g](h)]]>{0}\u{0}\u{1b}[31m\u{202e}\r\n# i\u{fffe}";

/// The report with every name and sentence replaced.
pub(crate) fn hostile_report() -> Report {
    fn poison(value: &mut serde_json::Value, key: &str) {
        match value {
            // Words of closed sets stay what they are.
            serde_json::Value::String(_) if ["verdict", "status", "severity", "schema", "outcome"].contains(&key) => {}
            serde_json::Value::String(text) => *text = HOSTILE.to_owned(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| poison(item, key)),
            serde_json::Value::Object(fields) => fields.iter_mut().for_each(|(key, field)| poison(field, &key.clone())),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(&report_json(&report())).unwrap();
    poison(&mut value, "");
    read_report(&value.to_string()).unwrap()
}
