//! Lab files with a mistake in them, and the message with its place.

use super::{read, shown};
use seglab_policy::{Design, Severity};

/// Units that the broken parts below speak of.
const BASE: &str = "seglab: 1\nunits:\n  - {name: web, labels: {app: web}, listens: [tcp/443]}\n  - {name: db, labels: {app: db}}\npolicy: []\n";

fn check(name: &str, text: &str) {
    let rejected = read(text).expect_err(name);
    assert!(rejected.errors().next().is_some(), "{name}: rejected without an error");
    assert!(rejected.errors().all(|error| error.span.is_some()), "{name}: an error without a place");
    insta::assert_snapshot!(name, shown(&rejected.diagnostics, text));
}

fn check_added(name: &str, added: &str) {
    check(name, &format!("{BASE}{added}"));
}

#[test]
fn yaml() {
    check("invalid_yaml", "seglab: 1\nunits: [{name: a}\nname: x\n");
    check("tab", "seglab: 1\nunits:\n\t- {name: web}\n");
    check("two_documents", "seglab: 1\n---\nseglab: 1\n");
    check("duplicate_key", "seglab: 1\nname: a\nname: b\n");
    check("not_a_mapping", "- seglab: 1\n");
    check("wrong_type", "seglab: 1\nneeds: none\n");
    check("null_name", "seglab: 1\nunits:\n  - {name: }\n");
    let nested = format!("seglab: 1\nunits: {}", "[".repeat(5000));
    assert!(read(&nested).is_err());
}

#[test]
fn keys() {
    check("unknown_version", "seglab: 2\n");
    check("no_version", "name: x\n");
    check_added("form_for_from", "needs:\n  - {form: app=web, to: app=db, service: tcp/5432}\n");
    check_added("comma_in_flow", "needs:\n  - {from: app in (web, db), to: app=db, service: tcp/5432}\n");
    check_added("missing_to", "needs:\n  - {from: app=web, service: tcp/5432}\n");
    check_added("unknown_section", "propertys: []\n");
    check("kubernetes_without_path", "seglab: 1\nsources:\n  - kubernetes: {ip-blocks: all}\n");
    check("unknown_kubernetes_key", "seglab: 1\nsources:\n  - kubernetes: {path: a, ip-block: all}\n");
    check_added("ever_of_another_claim", "properties:\n  - exposed: {from: internet, only: web, ever: true}\n");
    check_added("unknown_claim", "properties:\n  - isolatet: {from: web, to: db}\n");
    check_added("two_claims", "properties:\n  - isolated: {from: web, to: db}\n    allowed: {from: web, to: db}\n");
    check_added("two_actions", "policies:\n  p:\n    - {allow: {from: any, to: any}, deny: {from: any, to: any}}\n");
}

#[test]
fn texts() {
    check_added("port", "needs:\n  - {from: app=web, to: app=db, service: tcp/70000}\n");
    check_added("port_range", "needs:\n  - from: app=web\n    to: app=db\n    services: [udp/53, 'tcp/90-80']\n");
    check_added("cidr", "properties:\n  - isolated: {from: 10.0.0.0/40, to: db}\n");
    check_added("exception", "properties:\n  - isolated: {from: \"10.0.0.0/8 except 11.0.0.0/8\", to: db}\n");
    check_added("selector", "segments:\n  site: app=web &and app=db\n");
    check_added("mixed_peers", "properties:\n  - isolated: {from: [internet, app=web], to: db}\n");
    check_added("probability", "attackers:\n  - {foothold: web, exploit: {probability: 1.5, mean: 20min}}\n");
    check_added(
        "rate",
        "needs:\n  - {from: web, to: db, service: tcp/1, rate: 0/s}\n  - {from: web, to: db, service: tcp/1, rate: -2/s}\n",
    );
    check_added("duration", "monitor: {response: 30 minuts}\n");
    let attacker = |keys: &str| format!("attackers:\n  - {{foothold: web, {keys}}}\n");
    check_added("strategy", &attacker("strategy: wurm"));
    check_added("strategy_without_numbers", &attacker("strategy: ransomware"));
    check_added("ransomware_that_never_strikes", &attacker("strategy: {ransomware: {}}"));
    check_added("entry", &attacker("entry: supply-chian"));
    check_added("exfiltration_to_ports", &attacker("exfiltration: {service: tcp/80-90, mean: 2h}"));
    check_added("exfiltration_without_time", &attacker("exfiltration: {service: udp/53}"));
    check_added("stolen_from_nobody", &attacker("credentials: [key]"));
    check_added("needs_root", "tradecraft: {needs-root: [credential]}\n");
    check_added("present", "tradecraft:\n  exploits: [{vulnerability: CVE-1, present: 0}]\n");
    check_added("triage_by_nobody", "monitor: {response: 1min, triage: 15min}\n");
    check_added("no_analysts", "monitor: {response: 1min, analysts: 0, triage: 15min}\n");
    check_added("analysts_without_time", "monitor: {response: 1min, analysts: 2}\n");
    check_added("established", "monitor: {response: 1min, established: keep}\n");
    check_added("rotation", "monitor: {response: 1min, rotation: 0s}\n");
    check_added("share", "properties:\n  - blast-radius: {from: any, at-most: 120%}\n");
    check_added("date", "trusted:\n  - {units: web, owner: o, reason: r, expires: 2027-13-01}\n");
    let waiver = |keys: &str| format!("properties:\n  - isolated: {{from: web, to: db}}\nwaivers:\n  - {{{keys}}}\n");
    check_added("waiver_without_owner", &waiver("property: isolated-1, reason: r, expires: 2027-01-31"));
    check_added("waiver_without_reason", &waiver("property: isolated-1, owner: o, expires: 2027-01-31"));
    check_added("waiver_without_expiry", &waiver("property: isolated-1, owner: o, reason: r"));
    check_added("waiver_empty_words", &waiver("property: isolated-1, owner: '', reason: ' ', expires: 2027-01-31"));
    check_added("waiver_no_such_day", &waiver("property: isolated-1, owner: o, reason: r, expires: 2027-02-29"));
    check_added("waiver_of_nothing", &waiver("owner: o, reason: r, expires: 2027-01-31"));
    check_added("mode", "enforcement:\n  - agent: {on: all, mode: enforced}\n");
    check("ip_blocks", "seglab: 1\nsources:\n  - kubernetes: {path: manifests, ip-blocks: everything}\n");
    check(
        "pod_addresses",
        "seglab: 1\nsources:\n  - kubernetes: {path: a, pod-addresses: [10.244.0.0/16, 10.96.0.0, 10.245.0.0/16]}\n",
    );
    check("address", "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.256]}\n  - {name: b, listens: [http]}\n");
    check("replicas", "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.1], replicas: 3}\n");
}

/// What means nothing to a claim is refused: whoever writes it believes that it does.
#[test]
fn questions() {
    check_added(
        "means_nothing",
        "properties:
  - exposed: {from: internet, only: none, pivot: any, hops: 1}
  - allowed: {from: web, to: db, service: tcp/1, trust: intact}
  - default-deny: {units: all, pivot: service, view: service}
  - surface: {units: all, entries-at-most: 1, hops: 2}
",
    );
    check_added("no_rulebook_of_that_name", "properties:\n  - no-shadowed-rules: {policy: polici}\n");
    check_added("no_bound", "properties:\n  - surface: {units: all}\n");
    check_added("default_deny_directions", "properties:\n  - default-deny: {units: all, directions: forward}\n");
    check_added(
        "bounds",
        "properties:
  - blast-radius: {from: any, at-most: criticality much}
  - blast-radius: {from: any, at-most: 2, of: p101}
",
    );
    check_added("flow_form", "properties:\n  - only: {flows: [{form: web, to: db}]}\n");
}

#[test]
fn names() {
    check_added(
        "property_target",
        "properties:\n  - isolated: {from: wep, to: db}\n  - isolated: {from: web, to: backup}\n",
    );
    check_added("segment_below", "segments:\n  all-apps: site\n  site: app=web\n");
    check_added("foothold", "attackers:\n  - {foothold: app=mail}\n");
    check_added("rulebook", "enforcement:\n  - agent: {on: all, policy: polcy}\n");
    check("no_rulebook", "seglab: 1\nunits: [{name: a}]\nenforcement:\n  - host: {on: all}\n");
    check_added("placement", "enforcement:\n  - appliance: {between: zon}\n  - appliance: {on: all, between: zone}\n");
    check_added("reserved_segment", "segments:\n  internet: app=web\n");
}

#[test]
fn synchronous_cycle() {
    let needs = "needs:\n  - {from: web, to: db, service: tcp/1, synchronous: true}\n  - {from: app=db, to: app=web, service: tcp/2, synchronous: true}\n";
    check_added("synchronous_cycle", needs);
    let asynchronous = needs.replacen(", synchronous: true", "", 1);
    assert!(read(&format!("{BASE}{asynchronous}")).is_ok());
}

/// What answers, how requests come, and how long they wait: numbers that mean nothing, names that nothing has.
#[test]
fn services_and_requests() {
    let service = |rest: &str| format!("services:\n  - {{name: shop, on: web, port: tcp/443{rest}}}\n");
    check_added("service_takes", &service(", takes: {mean: 20ms, sigma: 0.5}"));
    check_added("service_takes_zero", &service(", takes: {mean: 0s}"));
    check_added("service_sigma", &service(", takes: {median: 20ms, sigma: -1}"));
    check_added("service_tail", &service(", takes: {least: 20ms, tail: 1}"));
    check_added("service_servers", &service(", servers: 0"));
    check_added("service_queue", &service(", queue: -1"));
    check_added("service_calls_nobody", &service(", needs: [shpo]"));
    check_added("service_calls_itself", &service(", needs: [shop]"));
    check_added("service_retries", &service(", needs: [{service: shop, retries: 101}]"));
    check_added("service_ports", "services:\n  - {name: shop, on: web, port: tcp/443-444}\n");
    check_added("service_named_as_a_unit", "services:\n  - {name: db, on: web, port: tcp/443}\n");
    check_added("service_named_twice", &format!("{}  - {{name: shop, on: web, port: tcp/80}}\n", service("")));
    check_added("services_on_one_port", &format!("{}  - {{name: till, on: app=web, port: tcp/443}}\n", service("")));
    let need = |rest: &str| format!("needs:\n  - {{from: db, to: web, service: tcp/443, {rest}}}\n");
    check_added("need_rate_zero", &need("rate: 0/s"));
    check_added("need_rate_negative", &need("rate: -1/s"));
    check_added("need_rate_and_every", &need("rate: 1/s, every: 1d"));
    check_added("need_every_zero", &need("every: 0s"));
    check_added("need_at_without_every", &need("at: 2h"));
    check_added("need_bursts_without_rate", &need("bursts: {length: 1s, pause: 1s}"));
    check_added("need_bursts_zero", &need("rate: 1/s, bursts: {length: 0s, pause: 1s}"));
    check_added("need_swing", &need("rate: 1/s, daily: {peak: 14h, swing: 1.5}"));
    check_added(
        "need_bursts_and_daily",
        &need("rate: 1/s, bursts: {length: 1s, pause: 1s}, daily: {peak: 1h, swing: 1}"),
    );
    check_added("need_timeout_zero", &need("timeout: 0s"));
    check_added("need_answering", &need("synchronous: true, answering: till"));
    check_added("need_answering_later", &format!("{}{}", service(""), need("answering: shop")));
    check_added("need_of_no_service", "needs:\n  - {from: db, to: shop}\n");
    check_added("point_deny_by", "enforcement:\n  - agent: {on: all, deny-by: rejct}\n");
}

#[test]
fn a_service_on_a_port_where_nothing_listens_is_a_warning() {
    let reading = read(&format!("{BASE}services:\n  - {{name: shop, on: web, port: tcp/80}}\n")).unwrap();
    let said: Vec<&str> = reading.diagnostics.iter().map(|said| said.message.as_str()).collect();
    assert_eq!(said, ["`web` does not listen on tcp/80"]);
}

#[test]
fn a_selector_that_selects_nothing_is_a_warning_that_counts() {
    let text = format!(
        "{BASE}needs:\n  - {{from: app=web, to: app=bd, service: tcp/1}}\n  - {{from: ap=web, to: db, service: tcp/1}}\n"
    );
    let reading = read(&text).unwrap();
    assert!(reading.diagnostics.iter().all(|said| said.severity == Severity::Warning));
    insta::assert_snapshot!("selects_nothing", shown(&reading.diagnostics, &text));
}

#[test]
fn a_named_port_that_nobody_has_is_a_warning() {
    let text = format!(
        "{BASE}policies:\n  p:\n    - deny: {{from: any, to: web, service: tcp/http}}\nenforcement: [{{host: {{on: all, policy: p}}}}, {{host: {{on: all}}}}]\n"
    );
    insta::assert_snapshot!("named_port", shown(&read(&text).unwrap().diagnostics, &text));
}

#[test]
fn an_agent_on_a_unit_that_cannot_host_one_is_a_warning() {
    let text = "seglab: 1\nunits: [{name: a}, {name: printer, agent: false}]\npolicy: []\nenforcement:\n  - agent: {on: all}\n";
    insta::assert_snapshot!("agent", shown(&read(text).unwrap().diagnostics, text));
    assert!(read(&text.replace("on: all", "on: not printer")).unwrap().diagnostics.is_empty());
}

#[test]
fn units_that_clash_are_found_by_the_design() {
    let draft = read(
        "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.1]}\n  - {name: a}\n  - {name: b, addresses: [10.0.0.1]}\n",
    );
    let errors = Design::new(draft.unwrap().draft).unwrap_err();
    let line = |span: Option<seglab_policy::Span>| span.unwrap().line;
    let said: Vec<String> =
        errors.iter().map(|error| format!("{}, {}: {error}", line(error.span()), line(error.first()))).collect();
    assert_eq!(
        said,
        [
            "4, 3: two units are called `a`",
            "5, 3: `b` and `a` both have the address 10.0.0.1 in the address space `default`",
        ]
    );
}

#[test]
fn csv() {
    let read = |text: &str| {
        let file = seglab_formats::File { path: "units.csv".to_owned(), text: text.to_owned() };
        shown(&seglab_formats::lab::units_csv(&file).unwrap_err().diagnostics, text)
    };
    let cases = [
        "name,lables\nweb,app=web\n",
        "labels\napp=web\n",
        "name,labels,critical\nweb,app=web,1\ndb,app:db,2\nmail,app=mail,high\n",
        "name,addresses\nweb,10.0.0.1;10.0.0.300\n",
        "name,site\nweb,paris\ndb\n",
        "name,agent\nweb,no\n",
    ];
    insta::assert_snapshot!("csv", cases.map(read).join("\n"));
}
